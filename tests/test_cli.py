"""The command line: results on stdout, errors in one line on stderr, and exit codes."""

import io
import json
import logging
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.answering import RELATED_FROM
from bot.commands import preparation
from bot.logs import RedactingFormatter
from bot.settings import load_settings
from bot.storage.article_queue import DatabaseQueue
from bot.storage.database import Database
from embeddings import indexing
from embeddings.confidence import UNSURE_FROM, load_calibration
from embeddings.plan import QueuedArticle
from embeddings.stores.sqlite_writing import SqliteWriting
from fixed_retriever import BRIDGE, CANAL
from knowledge.article import format_article
from knowledge.corpus import file_digest
from squad_files import document, write
from terminal import Terminal
from word_embedder import WordEmbedder

PROJECT = Path(__file__).parent.parent
TOKEN = "123456789:AAE-_secretsecretsecretsecretsecret"  # noqa: S105 - nobody's
# The fixture `terminal` puts another in its place.
OPEN_RETRIEVER = preparation.open_retriever


@pytest.fixture
def articles(
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    """The bot's folder of articles: one of the bridge, and one that is none."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bridge.md").write_text(format_article(BRIDGE), encoding="utf-8")
    (folder / "broken.md").write_text("No front matter.", encoding="utf-8")
    monkeypatch.setenv("ARTICLES_DIR", str(folder))
    return folder


def test_ask(terminal: Terminal) -> None:
    """An answer is the quote, the title, the link, the publisher and the date."""
    assert terminal.run("ask", "How long is the bridge?") == 0
    assert terminal.out.splitlines() == [
        BRIDGE.body,
        "A bridge over the Naryn",
        "https://example.org/bridge",
        "Naryn Times · 25 October 2021",
    ]
    assert terminal.err == ""


def test_ask_json(terminal: Terminal) -> None:
    """With --json the answer is one object with these fields."""
    assert terminal.run("ask", "How long is  the bridge?", "--json") == 0
    assert json.loads(terminal.out) == {
        "question": "How long is the bridge?",
        "language": "en",
        "outcome": "answered",
        "answered": True,
        "passages": [
            {
                "article": "bridge",
                "title": "A bridge over the Naryn",
                "url": "https://example.org/bridge",
                "publisher": "Naryn Times",
                "published": "2021-10-25",
                "language": "en",
                "quote": BRIDGE.body,
                "highlight": "The bridge is 90 metres long.",
                "start": 0,
                "end": 80,
                "passage": {"text": BRIDGE.body, "start": 0, "end": 80},
                "score": 2.0,
                "confidence": 1.0,
            }
        ],
        "articles": [],
    }


def test_ask_json_with_a_trimmed_quote(terminal: Terminal) -> None:
    """The quote is a part of the passage, which is there as a whole; --whole quotes all of it."""
    question = "How long is the canal?"
    assert terminal.run("ask", question, "--json") == 0
    [passage] = json.loads(terminal.out)["passages"]
    assert (passage["quote"], passage["start"], passage["end"]) == (CANAL.body[:533], 0, 533)
    assert passage["passage"] == {"text": CANAL.body, "start": 0, "end": 785}
    assert terminal.run("ask", question, "--json", "--whole") == 0
    [whole] = json.loads(terminal.out)["passages"]
    assert (whole["quote"], whole["start"], whole["end"]) == (CANAL.body, 0, 785)
    assert whole["highlight"] == passage["highlight"]


def test_ask_json_when_unsure(terminal: Terminal) -> None:
    """The closest passages are there, but the question does not count as answered."""
    terminal.retriever.confidence = UNSURE_FROM
    assert terminal.run("ask", "How long is the bridge?", "--json") == 0
    fields = json.loads(terminal.out)
    assert (fields["outcome"], fields["answered"]) == ("unsure", False)
    assert [passage["confidence"] for passage in fields["passages"]] == [UNSURE_FROM]


def test_ask_json_names_related_articles(terminal: Terminal) -> None:
    """Where nothing answers, the articles that may help are there."""
    terminal.retriever.confidence = RELATED_FROM
    assert terminal.run("ask", "How long is the bridge?", "--json") == 0
    fields = json.loads(terminal.out)
    assert (fields["outcome"], fields["answered"], fields["passages"]) == ("not-found", False, [])
    assert fields["articles"] == [
        {
            "article": "bridge",
            "title": "A bridge over the Naryn",
            "url": "https://example.org/bridge",
        }
    ]


def test_ask_whole(terminal: Terminal) -> None:
    """A long passage is trimmed, and shown whole with --whole."""
    terminal.run("ask", "How long is the canal?")
    source = ["The canal of Talas", "https://example.org/canal"]
    assert terminal.out.splitlines() == [CANAL.body[:533], "…", *source]
    terminal.run("ask", "How long is the canal?", "--whole")
    assert terminal.out.splitlines() == [CANAL.body, *source]


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Как приготовить плов?", "not-found"),
        ("👍", "no-question"),
        ("", "no-question"),
        ("why " * 1000, "too-long"),
        ("Салам!", "greeting"),
        ("What can you do?", "about"),
    ],
)
def test_ask_json_without_an_answer(question: str, outcome: str, terminal: Terminal) -> None:
    """No answer is no error: the exit code is 0, and there are no passages."""
    assert terminal.run("ask", question, "--json") == 0
    fields = json.loads(terminal.out)
    assert fields["outcome"] == outcome
    assert fields["answered"] is False
    assert fields["passages"] == []


def test_run_with_a_key_that_is_damaged(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The bot doesn't begin without the key of its journal: one line says what to do."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / "journal.key").write_bytes(b"short")
    assert terminal.run("run") == 78
    [line] = terminal.err.splitlines()
    assert line.startswith(f"{tmp_path}/journal.key is damaged: restore it from a backup")


def test_run_with_milvus_lite(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot reindexes in a second process, which such a file doesn't let in."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("STORE_URL", "milvus-lite:milvus.db")
    assert terminal.run("run") == 78
    assert "STORE_URL names a file of Milvus Lite" in terminal.err


def test_a_store_that_only_a_person_can_mend(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not built anew, and another try is of no use."""
    monkeypatch.setenv("STORE_URL", "https://127.0.0.1:9")
    monkeypatch.setenv("STORE_TOKEN", "bot:its-password")
    monkeypatch.setenv("STORE_CA", "nowhere.pem")
    monkeypatch.setattr(preparation, "open_retriever", OPEN_RETRIEVER)
    assert terminal.run("ask", "Who?") == 78
    assert "built anew" not in terminal.err
    [line] = [each for each in terminal.err.splitlines() if "not calibrated" not in each]
    assert "nowhere.pem" in line
    assert "check STORE_CA" in line
    assert "its-password" not in line


@pytest.mark.parametrize("command", ["chat", "run"])
def test_chat_in_a_pipe(command: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of a pipe is answered, blank ones aside, and its end is the end."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("How long is the bridge?\n\nРахмет!"))
    assert terminal.run(command) == 0
    assert terminal.out.splitlines() == [
        BRIDGE.body,
        "A bridge over the Naryn",
        "https://example.org/bridge",
        "Naryn Times · 25 October 2021",
        "",
        "Оқасы жоқ! Мақалаларда айтылғандар туралы тағы сұрай беріңіз: кім, не, қашан, қайда, "
        "қанша.",
        "",
    ]
    assert ("https://t.me/BotFather" in terminal.err) is (command == "run")


def test_more_in_the_chat(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word "more" shows the last answer's whole passage; before any it is a question."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("more\nHow long is the canal?\n More \n"))
    assert terminal.run("chat") == 0
    source = ["The canal of Talas", "https://example.org/canal", ""]
    assert terminal.out.splitlines()[2:] == [CANAL.body[:533], "…", *source, CANAL.body, *source]
    assert terminal.retriever.batches == [["more"], ["How long is the canal?"]]


@pytest.mark.parametrize("calibrated", [True, False])
@pytest.mark.usefixtures("articles")
def test_an_uncalibrated_model_is_named(
    calibrated: bool,  # noqa: FBT001 - pytest hands it over
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a model that no calibration is of, one line says so; the data folder's is looked at."""
    monkeypatch.setattr(preparation, "open_retriever", OPEN_RETRIEVER)
    if calibrated:
        fitted = replace(load_calibration(), model=WordEmbedder("bridge").model)
        fitted.save(load_settings().calibration_path)
    assert terminal.run("ask", "How long is the bridge?", "--json") == 0
    lines = [line for line in terminal.err.splitlines() if "broken.md" not in line]
    assert len(lines) == (0 if calibrated else 1)
    for line in lines:
        assert "The confidence is not calibrated for this embedding model;" in line
        assert line.endswith("python -m bot calibrate FIRST.json SECOND.json")


@pytest.mark.usefixtures("terminal")
def test_the_data_folders_calibration_comes_first() -> None:
    """Who has fitted the confidence anew gets that, as long as it is of the model in use."""
    settings, shipped = load_settings(), load_calibration()
    embedder = WordEmbedder("bridge")
    embedder.model = shipped.model
    assert preparation.load_calibration(settings, embedder) == shipped
    own = replace(shipped, intercept=-1.0)
    own.save(settings.calibration_path)
    assert preparation.load_calibration(settings, embedder) == own
    embedder.model = "another"
    assert preparation.load_calibration(settings, embedder) == shipped


@pytest.mark.usefixtures("articles")
def test_reindex_json(terminal: Terminal) -> None:
    """A reindex says what changed, what there is now, and which files were faulty."""
    assert terminal.run("reindex", "--json") == 0
    report = json.loads(terminal.out)
    assert report.pop("seconds") >= 0
    [fault] = report.pop("faults")
    assert fault["file"] == "broken.md"
    assert fault["reason"]
    assert report == {
        "added": ["bridge"],
        "changed": [],
        "removed": [],
        "unchanged": 0,
        "articles": 1,
        "passages": 1,
        "unnamed": {"added": 0, "changed": 0, "removed": 0, "faults": 0},
    }


def test_help_with_a_reindex(terminal: Terminal, articles: Path, tmp_path: Path) -> None:
    """--join takes articles from the queue of the reindex that is under way, if one is."""
    assert "No reindex is under way" in str(terminal.run("reindex", "--join"))
    article = QueuedArticle("bridge", file_digest((articles / "bridge.md").read_bytes()), 2)
    data = tmp_path / "data"
    embedder = WordEmbedder("bridge")
    with (
        SqliteWriting.open(data / "index.db", embedder) as writing,
        closing(Database.open(data)) as database,
    ):
        writing.set_language_means(indexing._language_means(embedder))
        DatabaseQueue(database, writing.key).fill(iter([article]))
        assert terminal.run("reindex", "--join") == 0
        assert [version.slug for version in writing.staged_versions()] == ["bridge"]
    assert terminal.out == "Nothing is left to embed. Articles that were embedded here: 1.\n"


@pytest.mark.usefixtures("articles")
def test_help_that_nobody_needs(terminal: Terminal, tmp_path: Path) -> None:
    """Whoever has another database than the reindex is told so; so is who can't open it."""
    data = tmp_path / "data"
    with SqliteWriting.open(data / "index.db", WordEmbedder("bridge")) as writing:
        writing.set_language_means(indexing._language_means(WordEmbedder("bridge")))
        assert writing.key
        assert terminal.run("reindex", "--join") == 0
        assert terminal.out == (
            "There was nothing to embed: no reindex has left articles for others in this database "
            "(DATABASE_URL, DATA_DIR), or all of them are done.\n"
        )
        (data / "journal.key").write_bytes(b"damaged")
        assert terminal.run("reindex", "--join") == 78
        assert "journal.key is damaged" in terminal.err


@pytest.mark.usefixtures("articles")
def test_a_reindex_needs_no_journal(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it can't be opened nobody can help, and that is all."""
    monkeypatch.setattr(indexing, "_SHARED_FROM", 1)
    (tmp_path / "data" / "journal.db").mkdir(parents=True)
    assert terminal.run("reindex") == 0
    assert "Nobody can help to reindex: The journal" in terminal.err
    assert "Added (1): bridge" in terminal.out


def test_reindex(terminal: Terminal, articles: Path) -> None:
    """Without --json the same is written for people."""
    terminal.run("reindex")
    (articles / "broken.md").unlink()
    assert terminal.run("reindex") == 0
    assert terminal.out.splitlines()[1] == "Nothing has changed."


GOLDEN = """\
{"question": "How long is the bridge?", "language": "en", "article": "bridge", \
"quote_contains": ["90 metres"]}
{"question": "Кто открыл bridge?", "language": "ru", "article": "bridge", "quote_contains": null}
{"question": "Привет", "language": "ru", "article": null, "quote_contains": null}
"""


@pytest.fixture
def golden(tmp_path: Path) -> str:
    """A file of questions on the bridge, and a greeting."""
    file = tmp_path / "golden.jsonl"
    file.write_text(GOLDEN, encoding="utf-8")
    return str(file)


@pytest.fixture
def squad(tmp_path: Path) -> str:
    """A file in SQuAD's format; the embedder knows the words of the first question."""
    bridge = document("Bridge", ("A bridge is long.", "Which bridge is it?", "long"))
    canal = document("Canal", ("A canal is wide.", "What is wide?", "canal"))
    return str(write(tmp_path / "squad.json", bridge, canal))


def test_evaluate_json(terminal: Terminal, articles: Path, golden: str) -> None:
    """With --json all of the run is printed; a greeting is never answered with a quote."""
    assert terminal.run("evaluate", golden, "--json") == 0
    run = json.loads(terminal.out)
    assert run["model"] == "words bridge"
    [found] = run["sets"]
    assert (found["kind"], found["files"], found["articles"]) == ("golden", ["golden.jsonl"], 1)
    assert [(each["group"], each["rank"], each["verdict"]) for each in found["outcomes"]][2] == (
        *("ru", None),
        "not-found",
    )
    [first, *_] = found["figures"]
    assert first["measure"] == "right quote first"
    assert first["n"] == 2
    assert "broken.md" in terminal.err


def test_evaluate(terminal: Terminal, articles: Path, golden: str, squad: str) -> None:
    """Each set has a table, with one line a figure, and its groups below it."""
    assert terminal.run("evaluate", golden, squad) == 0
    lines = [line.split() for line in terminal.out.splitlines() if line.strip()]
    assert lines[0] == [
        *("squad.json", "(monolingual):", "2", "articles,", "2", "passages,", "2", "questions")
    ]
    assert lines[1] == ["value", "95", "%", "interval", "questions"]
    titles = [line[0] for line in lines]
    assert titles.index("golden.jsonl") > titles.index("squad.json")
    assert terminal.out.count("right passage first (R@1)") == 1
    of_languages = [line for line in lines if line[0] in {"en", "ru"}]
    assert [line[0] for line in of_languages] == ["en", "ru", "en", "ru", "ru"]


@pytest.mark.usefixtures("articles")
def test_evaluate_against_an_earlier_run(
    terminal: Terminal, golden: str, squad: str, tmp_path: Path
) -> None:
    """A saved run gives two more columns; a set that it doesn't have is marked."""
    saved = str(tmp_path / "runs" / "run.json")
    assert terminal.run("evaluate", squad, "--save", saved) == 0
    assert "earlier" not in terminal.out
    assert terminal.run("evaluate", squad, golden, "--against", saved) == 0
    [mono, own] = terminal.out.split("golden.jsonl")
    assert "earlier" in mono
    assert "+0.000 (+0.000 to +0.000)" in mono
    assert "earlier run is of other data here" not in mono
    assert "earlier run is of other data here" in own
    message = terminal.run("evaluate", golden, "--against", saved)
    assert isinstance(message, str)
    assert "other questions" in message


def test_evaluate_draws(terminal: Terminal, squad: str, tmp_path: Path) -> None:
    """--plot writes a PNG."""
    assert terminal.run("evaluate", squad, "--plot", str(tmp_path / "run.png")) == 0
    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("articles")
def test_evaluate_draws_only_what_tells_about_confidence(
    terminal: Terminal, golden: str, tmp_path: Path
) -> None:
    """It is known before minutes of work that there would be nothing to draw."""
    assert terminal.run("evaluate", golden, "--plot", str(tmp_path / "run.png")) == 2
    assert "SQuAD's format" in terminal.err
    assert not (tmp_path / "run.png").exists()


def test_evaluate_other_articles(terminal: Terminal, golden: str, articles: Path) -> None:
    """--articles asks about another folder than the bot's own."""
    (articles / "bridge.md").rename(articles.parent / "bridge.md")
    folder = str(articles.parent)
    assert terminal.run("evaluate", golden, "--articles", folder, "--json") == 0
    assert json.loads(terminal.out)["sets"][0]["articles"] == 1
    assert terminal.run("evaluate", golden, "--json") == 0
    assert json.loads(terminal.out)["sets"][0]["articles"] == 0


@pytest.mark.parametrize(
    ("folder", "missing"), [("", "/golden.jsonl"), ("data", "data/kazqad.kk.jsonl")]
)
def test_make_evaluate_names_the_data(folder: str, missing: str, tmp_path: Path) -> None:
    """Without the data nothing is installed or asked: one line says what is expected where."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "golden.jsonl").touch()
    ended = subprocess.run(
        ["make", "--file", str(PROJECT / "Makefile"), "evaluate", f"EVAL_DATA={folder}"],  # noqa: S607 - make is where it is
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    first = ended.stderr.splitlines()[0]
    assert f"'{folder}/'" in first
    assert f"{missing.rpartition('/')[2]} is missing" in first
    assert "EVAL_DATA" in first
    assert "XQuAD by google-deepmind" in first
    assert "KazQAD by IS2AI" in first
    assert [file.name for file in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("variable", "value", "arguments"),
    [
        ("ADMIN_IDS", "abc", ["ask", "Who?"]),
        ("ARTICLES_DIR", "nowhere", ["reindex", "--json"]),
        ("LOG_LEVEL", "ERROR", ["evaluate", "nowhere.jsonl"]),
    ],
)
def test_an_error_is_one_line(
    variable: str,
    value: str,
    arguments: list[str],
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a person can set right ends in one line that says how, and nothing on stdout.

    A wrong setting has an exit code of its own, since no other try can mend it.
    """
    monkeypatch.setenv(variable, value)
    ended = terminal.run(*arguments)
    assert (ended == 78) is (arguments[0] != "evaluate")
    [line] = (terminal.err if ended == 78 else str(ended)).splitlines()
    assert variable in line or "nowhere.jsonl" in line
    assert terminal.out == ""


def test_an_unexpected_error_is_one_line_without_the_token(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even what nobody foresaw is no traceback, and doesn't show the token."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    terminal.retriever.error = ValueError(f"https://example.org/bot{TOKEN}/\nfailed")
    assert terminal.run("ask", "Who?") == 1
    [line] = terminal.err.splitlines()
    assert "ValueError: https://example.org/bot[token]/ failed (LOG_LEVEL=DEBUG" in line


@pytest.mark.parametrize("arguments", [["ask"], ["dance"], ["ask", "Who?", "--loud"]])
def test_wrong_usage(arguments: list[str], terminal: Terminal) -> None:
    """A command that was typed wrongly ends with exit code 2."""
    assert terminal.run(*arguments) == 2
    assert terminal.out == ""


def test_ctrl_c_is_quiet(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command without a word, with exit code 130."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(preparation, "open_retriever", interrupt)
    assert terminal.run("ask", "Who?") == 130
    assert terminal.out + terminal.err == ""


def test_logs_leave_the_token_out() -> None:
    """Neither a message's arguments nor a traceback show the token."""
    formatter = RedactingFormatter([TOKEN])
    try:
        raise ValueError(f"GET /bot{TOKEN}/getMe")  # noqa: TRY301 - a traceback is needed
    except ValueError:
        record = logging.LogRecord(
            "httpx", logging.INFO, __file__, 1, "POST %s", (f"/bot{TOKEN}/x",), sys.exc_info()
        )
    text = formatter.format(record)
    assert "POST /bot[token]/x" in text
    assert "GET /bot[token]/getMe" in text
    assert "secret" not in text


def test_help_loads_nothing_heavy() -> None:
    """`--help` is there at once: neither the model's libraries nor Telegram's are imported."""
    code = (
        "import sys; from bot.cli import app; app(['--help'], standalone_mode=False); "
        "heavy = {'torch', 'numpy', 'telegram', 'pydantic', 'sqlalchemy'} & sys.modules.keys(); "
        "sys.exit(str(heavy))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert ended.stderr.strip() == "set()"
    assert "reindex" in ended.stdout
