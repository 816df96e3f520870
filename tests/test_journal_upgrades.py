"""The journal survives upgrades: nothing is lost, and one that fails changes nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from bot.errors import JournalUnusable
from bot.storage import database, migrations
from bot.storage.journal import Journal

QUESTIONS = [
    (3, "a" * 64, "2026-03-01 12:00:00.000000", "Қайда?", "kk", "answered", "b", 0.9, "private"),
    (7, None, "2026-03-02 12:00:00.000000", "Кайда?", "ky", "not-found", None, None, "group"),
]
VERDICTS = [(3, "a" * 64, 1), (3, "b" * 64, 0)]
REPLIES = [("c" * 64, 12, "a" * 64, "2026-03-01 12:00:00.000000")]
LANGUAGES = [("a" * 64, "ky")]

BROKEN_STEP = """
import sqlalchemy as sa
from alembic import op

revision = "99"
down_revision = "4"


def upgrade() -> None:
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("DELETE FROM questions")
    op.execute("INSERT INTO no_such_table VALUES (1)")
"""


@pytest.fixture
def first_journal(tmp_path: Path) -> Path:
    """A folder with a journal as the first version left it, with rows in all tables."""
    path = tmp_path / "journal.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "bot.storage:migrations")
        command.upgrade(config, "1")
    engine.dispose()
    with opened(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for table, rows in (
            ("questions", QUESTIONS),
            ("verdicts", VERDICTS),
            ("replies", REPLIES),
            ("languages", LANGUAGES),
        ):
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
    return tmp_path


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """What another program sees and does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def read(folder: Path, query: str) -> list[Any]:
    """Rows of a folder's journal."""
    with opened(folder / "journal.db") as connection:
        return connection.execute(query).fetchall()


def test_an_upgrade_keeps_every_row(first_journal: Path) -> None:
    """The first version's journal opens in this one, with all that was in it."""
    assert read(first_journal, "SELECT version_num FROM alembic_version") == [("1",)]
    Journal.open(first_journal, 3650).close()
    # The replies are older than two days.
    assert read(first_journal, "SELECT * FROM questions ORDER BY id") == QUESTIONS
    assert read(first_journal, "SELECT * FROM verdicts ORDER BY person") == VERDICTS
    assert read(first_journal, "SELECT * FROM replies") == []
    assert read(first_journal, "SELECT * FROM languages") == LANGUAGES
    assert read(first_journal, "SELECT version_num FROM alembic_version") == [("4",)]
    assert read(first_journal, "SELECT seq FROM sqlite_sequence WHERE name = 'questions'") == [
        (7,)
    ]
    assert read(first_journal, "PRAGMA journal_mode") == [("wal",)]


def test_an_upgrade_alone_prunes_nothing(first_journal: Path) -> None:
    """Only the bot forgets; a command that looks into the journal leaves it as it is."""
    database.Database.open(first_journal).close()
    assert read(first_journal, "SELECT * FROM replies") == REPLIES


def test_a_failed_upgrade_leaves_the_old_journal(
    first_journal: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade is one transaction: if a step fails, all steps and what it did are undone."""
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "versions").mkdir()
    for step in files("bot.storage.migrations").joinpath("versions").iterdir():
        if step.name.endswith(".py"):
            (folder / "versions" / step.name).write_text(step.read_text("utf-8"), "utf-8")
    (folder / "versions" / "v99_broken.py").write_text(BROKEN_STEP)
    environment = files("bot.storage.migrations").joinpath("env.py").read_text("utf-8")
    (folder / "env.py").write_text(environment, "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_FOLDER", str(folder))
        with pytest.raises(JournalUnusable, match="no such table"):
            Journal.open(first_journal, 3650)
    assert read(first_journal, "SELECT version_num FROM alembic_version") == [("1",)]
    assert read(first_journal, "SELECT * FROM questions ORDER BY id") == QUESTIONS
    tables = "SELECT name FROM sqlite_master WHERE name IN ('half', 'wishes')"
    assert read(first_journal, tables) == []
    # The right program then finds it as it was.
    Journal.open(first_journal, 3650).close()
    assert read(first_journal, "SELECT * FROM questions ORDER BY id") == QUESTIONS
