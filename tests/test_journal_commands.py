"""`python -m bot` stats, unanswered, status, journal export, backup, restore: what they print."""

import asyncio
import csv
import io
import json
import stat
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.storage.journal import AskedQuestion, Journal
from embeddings.indexing import reindex
from fixed_retriever import BRIDGE
from knowledge.article import format_article
from knowledge.corpus import load_corpus
from terminal import Terminal
from word_embedder import WordEmbedder

IN_A_FILE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _articles(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The terminal is in a folder where data/ is the bot's and articles/ has one article."""
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "bridge.md").write_text(format_article(BRIDGE), "utf-8")
    monkeypatch.setenv("ARTICLES_DIR", "articles")


@pytest.fixture
def asked(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, database_url: SecretStr | None
) -> None:
    """Two questions without an answer, of which one has one now, and one that was answered."""
    if database_url:
        monkeypatch.setenv("DATABASE_URL", database_url.get_secret_value())

    async def ask() -> None:
        with closing(Journal.open(Path("data"), 90, url=database_url)) as journal:
            for text, outcome in (
                ("What does a ticket cost?", "not-found"),
                ("What does the ticket cost?", "not-found"),
                ("How long is the bridge?", "not-found"),
                ("=1+1", "answered"),
            ):
                await journal.record(AskedQuestion(1, text, "en", outcome, None, None, "private"))

    asyncio.run(ask())


@pytest.mark.usefixtures("asked")
def test_stats(terminal: Terminal) -> None:
    """A table with a line for each day, and one for all together."""
    assert terminal.run("stats", "--days", "2") == 0
    lines = terminal.out.splitlines()
    assert lines[0].strip() == "4 questions in 2 days; helpful: – of 0 ratings"
    assert [line.split() for line in lines if "together" in line] == [
        ["together", "4", "1", "0", "3", "0", "1"]
    ]


@pytest.mark.usefixtures("asked")
def test_stats_json_and_picture(terminal: Terminal) -> None:
    """The numbers for a program, and the picture for a person, who alone can read it."""
    assert terminal.run("stats", "--json", "--plot", "stats.png", "--language", "kk") == 0
    fields = json.loads(terminal.out)
    assert (fields["questions"], len(fields["days"])) == (4, 30)
    assert Path("stats.png").read_bytes().startswith(b"\x89PNG")


@IN_A_FILE
@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--plot", "no/folder/stats.png"), "no/folder/stats.png can't be written"),
        (("--language", "de"), "It takes en, ru, kk or ky."),
        (("--days", "0"), "--days"),
    ],
)
def test_stats_refuse_what_cannot_be(
    arguments: tuple[str, ...], complaint: str, terminal: Terminal
) -> None:
    """A wrong option is named, without a traceback."""
    code = terminal.run("stats", *arguments)
    assert code
    assert complaint in f"{code} {terminal.err}"
    assert "Traceback" not in terminal.err


@pytest.mark.parametrize("command", [("stats",), ("unanswered",), ("journal", "export")])
def test_without_a_journal(command: tuple[str, ...], terminal: Terminal) -> None:
    """Looking makes none: it would begin with a key of its own."""
    assert terminal.run(*command) == 78
    assert terminal.err == (
        "There is no journal in data yet: `python -m bot run` begins one. Or set DATA_DIR to the "
        "folder that has it.\n"
    )
    assert not Path("data").exists()


@pytest.mark.usefixtures("asked")
def test_unanswered(terminal: Terminal) -> None:
    """The groups, the most frequent first, with what answers them by now."""
    assert terminal.run("unanswered") == 0
    assert terminal.out.splitlines() == [
        "2 not found (en): What does the ticket cost?",
        "1 not found (en): How long is the bridge?, answered now: A bridge over the Naryn",
    ]
    assert terminal.run("unanswered", "--json") == 0
    assert json.loads(terminal.out)["groups"][1] == {
        "question": "How long is the bridge?",
        "not_found": 1,
        "unsure": 0,
        "people": 1,
        "languages": ["en"],
        "answered_now": "bridge",
    }


@pytest.mark.usefixtures("asked")
def test_status(terminal: Terminal) -> None:
    """What the index and the journal hold; nothing is said of Telegram."""
    reindex(load_corpus(Path("articles")), Path("data/index.db"), WordEmbedder("bridge"))
    assert terminal.run("status") == 0
    assert "Index: 1 article, 1 passage\nLast reindex: " in terminal.out
    assert "Journal: 4 questions, " in terminal.out
    assert "Groups" not in terminal.out
    assert terminal.run("status", "--json") == 0
    fields = json.loads(terminal.out)
    assert fields["index"]["articles"] == 1
    assert fields["waiting"] == {"drafts": 0, "questions": None}


def test_status_of_nothing(terminal: Terminal) -> None:
    """Where no bot has run yet that is said, and nothing is made."""
    assert terminal.run("status") == 0
    assert "The index can't be read." in terminal.out
    assert "There is no journal in data yet" in terminal.err
    assert not Path("data").exists()


@pytest.mark.usefixtures("asked")
def test_export(terminal: Terminal) -> None:
    """A spreadsheet knows it for UTF-8 by its first bytes, and takes no cell for a formula."""
    assert terminal.run("journal", "export", "--output", "questions.csv") == 0
    content = Path("questions.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfasked_at,")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["text"] for row in rows][2:] == ["How long is the bridge?", "'=1+1"]
    assert stat.S_IMODE(Path("questions.csv").stat().st_mode) == 0o600
    assert terminal.run("journal", "export") == 0
    assert terminal.out.encode().replace(b"\r\n", b"\n") == content.replace(b"\r\n", b"\n")


@IN_A_FILE
@pytest.mark.usefixtures("asked")
def test_export_to_a_place_that_is_none(terminal: Terminal) -> None:
    """It is named, in one line."""
    assert terminal.run("journal", "export", "--output", "no/folder/x.csv") == (
        "no/folder/x.csv can't be written (No such file or directory): check the free space and "
        "the folder."
    )


@IN_A_FILE
@pytest.mark.usefixtures("asked")
def test_backup_and_restore(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A backup says what is in it, a restore what to do next; the token is in neither."""
    (tmp_path / ".env").write_text("TELEGRAM_BOT_TOKEN=123456789:AAE-secret\n")
    assert terminal.run("backup", "backup.zip") == 0
    assert terminal.out == ("backup.zip: 4 questions, 1 articles, 3 files. Written and checked.\n")
    assert b"AAE-secret" not in Path("backup.zip").read_bytes()
    assert terminal.run("backup", "backup.zip") == (
        "backup.zip is there already: choose another name."
    )
    assert "--force" in str(terminal.run("restore", "backup.zip"))
    assert terminal.run("restore", "backup.zip", "--force") == 0
    moved, other, restored = terminal.out.splitlines()
    assert moved.startswith("What was there before is in data/before-restore-")
    assert other.startswith("What was there before is in articles/before-restore-")
    assert restored.startswith("Restored as of ")
    assert restored.endswith(" UTC: 4 questions, 1 articles. Next: python -m bot reindex")
    monkeypatch.setenv("DATA_DIR", "elsewhere")
    monkeypatch.setenv("ARTICLES_DIR", "elsewhere/articles")
    assert terminal.run("restore", "backup.zip") == 0
    assert load_corpus(Path("elsewhere/articles")).articles == (BRIDGE,)


def test_a_backup_has_a_name_of_its_own(terminal: Terminal, tmp_path: Path) -> None:
    """By default it is written here, and named after the time."""
    assert terminal.run("backup") == 0
    assert len(list(tmp_path.glob("green-initiatives-bot-*.zip"))) == 1
