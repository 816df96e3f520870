"""The command line: results on stdout, errors in one line on stderr, and exit codes."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import cli
from bot.logs import RedactingFormatter
from bot.settings import Settings
from fixed_retriever import BRIDGE, FixedRetriever
from knowledge.article import format_article
from word_embedder import WordEmbedder

PROJECT = Path(__file__).parent.parent
TOKEN = "123456789:AAE-_secretsecretsecretsecretsecret"  # noqa: S105 - nobody's


@dataclass
class Terminal:
    """Runs commands and keeps what they print."""

    capture: pytest.CaptureFixture[str]
    retriever: FixedRetriever
    out: str = ""
    err: str = ""

    def run(self, *arguments: str) -> int | str | None:
        """Run a command; gives its exit code as `sys.exit` has it (a text is code 1)."""
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        self.out, self.err = self.capture.readouterr()
        return ended.value.code


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """A terminal in an empty folder; the bot knows about the bridge, and no model is loaded."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    retriever = FixedRetriever()
    monkeypatch.setattr(cli, "_prepare", lambda *_: lambda: retriever)
    monkeypatch.setattr(cli, "_load_embedder", lambda _: WordEmbedder("bridge"))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Terminal(capsys, retriever)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


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
                "score": 2.0,
            }
        ],
    }


@pytest.mark.parametrize("question", ["Как приготовить плов?", "👍", "", "why " * 1000])
def test_ask_json_without_an_answer(question: str, terminal: Terminal) -> None:
    """No answer is no error: the exit code is 0, and there are no passages."""
    assert terminal.run("ask", question, "--json") == 0
    fields = json.loads(terminal.out)
    assert fields["answered"] is False
    assert fields["passages"] == []


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
        "Оқасы жоқ! Тағы сұрағыңыз болса, жаза беріңіз.",
        "",
    ]
    assert ("https://t.me/BotFather" in terminal.err) is (command == "run")


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
    }


def test_reindex(terminal: Terminal, articles: Path) -> None:
    """Without --json the same is written for people."""
    terminal.run("reindex")
    (articles / "broken.md").unlink()
    assert terminal.run("reindex") == 0
    assert terminal.out.splitlines()[1] == "Nothing has changed."


def test_evaluate_json(terminal: Terminal, tmp_path: Path) -> None:
    """An evaluation gives all figures, of all questions and by language."""
    lines = [
        ("How long is the bridge?", "en", "bridge", ["90 metres"]),
        ("How old is the bridge?", "en", "bridge", ["100 years"]),
        ("Кто её открыл?", "ru", "bridge", None),
        ("Привет", "ru", None, None),
    ]
    names = ("question", "language", "article", "quote_contains")
    file = tmp_path / "questions.jsonl"
    text = "\n".join(json.dumps(dict(zip(names, line, strict=True))) for line in lines)
    file.write_text(text, encoding="utf-8")
    assert terminal.run("evaluate", str(file), "--json") == 0
    figures = json.loads(terminal.out)
    by_language = figures.pop("by_language")
    assert figures == {
        "answerable": 3,
        "unanswerable": 1,
        "answer_at_1": pytest.approx(1 / 3),
        "article_at_1": pytest.approx(2 / 3),
        "retrieval_at_1": pytest.approx(2 / 3),
        "false_answers": 0,
        "false_refusals": pytest.approx(1 / 3),
    }
    assert by_language["en"]["answer_at_1"] == 0.5
    assert by_language["ru"]["false_refusals"] == 1


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
    """What a person can set right ends in one line that says how, and nothing on stdout."""
    monkeypatch.setenv(variable, value)
    message = terminal.run(*arguments)
    assert isinstance(message, str)
    assert variable in message or "nowhere.jsonl" in message
    assert "\n" not in message
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

    monkeypatch.setattr(cli, "_prepare", interrupt)
    assert terminal.run("ask", "Who?") == 130
    assert terminal.out + terminal.err == ""


def test_logs_leave_the_token_out() -> None:
    """Neither a message's arguments nor a traceback show the token."""
    formatter = RedactingFormatter(TOKEN)
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
        "heavy = {'torch', 'numpy', 'telegram', 'pydantic'} & sys.modules.keys(); "
        "sys.exit(str(heavy))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert ended.stderr.strip() == "set()"
    assert "reindex" in ended.stdout
