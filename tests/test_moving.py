"""A journal moves from a file to a PostgreSQL server and back, with every row."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from filelock import FileLock
from pydantic import SecretStr

from bot.errors import JournalNotMoved
from bot.storage import moving
from bot.storage.database import Database
from bot.storage.moving import move
from bot.storage.schema import QUESTIONS, TABLES
from postgres_server import PASSWORD
from terminal import Terminal

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456)  # noqa: DTZ001 - as the tables have it
# What a column holds; all others are texts.
VALUES: dict[type[sa.types.TypeEngine[Any]], object] = {
    sa.Integer: 2**31 - 1,
    sa.BigInteger: 2**40,
    sa.Boolean: True,
    sa.DateTime: NOON,
    sa.Date: date(2026, 3, 1),
    sa.Float: 0.1,
    sa.JSON: {"reason": "Қайда? «ё» \"'"},
}


@dataclass
class Both:
    """A journal in a file and one on a server, with the same key."""

    file: Database
    server: Database


@pytest.fixture
def both(tmp_path: Path, postgres_url: SecretStr) -> Iterator[Both]:
    """With nothing in them."""
    with (
        closing(Database.open(tmp_path)) as file,
        closing(Database.open(tmp_path, url=postgres_url)) as server,
    ):
        yield Both(file, server)


def row_of(table: sa.Table, number: int) -> dict[str, Any]:
    """A row with a value in each column, and another one for each number in what is a key."""
    row = {column.name: VALUES.get(type(column.type), "Қайда? 🌉") for column in table.columns}
    for column in table.columns:
        if isinstance(column.type, sa.String) and column.type.length:
            row[column.name] = f"{column.name}"[: column.type.length]
        if column.primary_key:
            row[column.name] = number if isinstance(column.type, sa.Integer) else f"key {number}"
    if table.name == "verdicts":
        row |= {"question": 7}
    return row


def fill(database: Database, rows: int = 1) -> None:
    """Put rows into every table."""

    def fill(connection: sa.Connection) -> None:
        for table in TABLES.sorted_tables:
            for number in range(7, 7 + rows):
                connection.execute(table.insert().values(row_of(table, number)))

    database.write_now(fill)


def everything(database: Database) -> dict[str, list[Any]]:
    """All rows of all tables."""

    def read(connection: sa.Connection) -> dict[str, list[Any]]:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(sa.select(table))), key=repr
            )
            for table in TABLES.sorted_tables
        }

    found = database.read_now(read)
    found["state"] = [row for row in found["state"] if row[0] != "journal-key"]
    return found


def next_question(database: Database) -> int:
    """The id that a new question gets."""
    row = {name: value for name, value in row_of(QUESTIONS, 0).items() if name != "id"}
    new = QUESTIONS.insert().values(row).returning(QUESTIONS.c.id)
    question: int = database.write_now(lambda each: each.execute(new).scalar_one())
    return question


def test_there_and_back_again(both: Both, tmp_path: Path) -> None:
    """Every row of every table is the same at both ends; ids go on where they were."""
    fill(both.file)
    next_question(both.file)
    forget = QUESTIONS.delete().where(QUESTIONS.c.id == 8)
    both.file.write_now(lambda connection: connection.execute(forget))
    before = everything(both.file)
    assert all(before.values())
    numbers = move(both.file, both.server)
    assert numbers == {name: len(rows) for name, rows in before.items()}
    assert everything(both.server) == everything(both.file) == before
    with closing(Database.open(tmp_path / "back")) as back:
        move(both.server, back)
        assert everything(back) == before
        # The question 8 was deleted, and an old button must not rate another one.
        assert next_question(back) == next_question(both.server) == 9


def test_more_rows_than_fit_into_memory(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are moved some at a time."""
    monkeypatch.setattr(moving, "_ROWS_AT_ONCE", 2)
    fill(both.file)
    for _ in range(4):
        next_question(both.file)
    assert move(both.file, both.server)["questions"] == 5
    assert everything(both.server) == everything(both.file)


def test_what_postgresql_cannot_hold_is_left_out(both: Both) -> None:
    """A title from a page may have a zero byte; nothing else of it is lost."""
    row = row_of(QUESTIONS, 1) | {"text": "a\0b"}
    both.file.write_now(lambda connection: connection.execute(QUESTIONS.insert().values(row)))
    move(both.file, both.server)
    [question] = everything(both.server)["questions"]
    assert "ab" in question


def test_a_place_that_holds_something_is_refused(both: Both) -> None:
    """Nothing is ever mixed, and nothing changed."""
    fill(both.file)
    next_question(both.server)
    before = everything(both.server)
    with pytest.raises(JournalNotMoved, match=r"something already: questions\. Move it away"):
        move(both.file, both.server)
    assert everything(both.server) == before


@pytest.mark.parametrize("way", ["to", "from"])
def test_a_bot_on_the_server_is_noticed(
    way: str, both: Both, tmp_path: Path, postgres_url: SecretStr
) -> None:
    """What it writes meanwhile would be lost."""
    source, target = (both.file, both.server) if way == "to" else (both.server, both.file)
    with closing(Database.open(tmp_path, url=postgres_url)) as bot:
        bot.read_now(lambda connection: connection.scalar(sa.select(1)))
        with pytest.raises(JournalNotMoved, match="stop all replicas first"):
            move(source, target)
    move(source, target)


def test_a_move_that_ends_in_the_middle_leaves_nothing(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is one transaction."""
    fill(both.file)
    monkeypatch.setattr(moving, "_give_no_id_twice", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        move(both.file, both.server)
    assert not any(everything(both.server).values())


def test_what_comes_out_different_is_noticed(both: Both) -> None:
    """Rows are read again where they went, and compared."""
    fill(both.file)
    both.server.write_now(
        lambda connection: connection.exec_driver_sql(
            "CREATE RULE lost AS ON INSERT TO wishes DO INSTEAD NOTHING"
        )
    )
    with pytest.raises(JournalNotMoved, match="The table wishes came out different"):
        move(both.file, both.server)
    assert not any(everything(both.server).values())


def test_the_command(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, postgres_url: SecretStr
) -> None:
    """It says what was moved and what to do next, and nothing of the password."""
    assert terminal.run("journal", "move", "--to-postgresql") == 78
    assert terminal.err == ("Set DATABASE_URL to the PostgreSQL database, whichever the way is.\n")
    monkeypatch.setenv("DATABASE_URL", postgres_url.get_secret_value())
    assert terminal.run("journal", "move", "--to-postgresql") == 78
    assert "There is no journal in data yet" in terminal.err
    assert terminal.run("journal", "move", "--to-sqlite", "--to-postgresql") == 2
    with closing(Database.open(Path("data"))) as file:
        fill(file)
    assert terminal.run("journal", "move", "--to-postgresql") == 0
    rows = len(TABLES.tables)
    assert terminal.out == (
        f"1 questions and {rows} rows in all are now in both, and were compared.\n"
        "The bot uses the server as long as DATABASE_URL is set. data/journal.db is as it was: "
        "delete it once all is well, since it holds what people asked. Keep data/journal.key.\n"
    )
    assert "something already" in str(terminal.run("journal", "move", "--to-sqlite"))
    Path("data/journal.db").unlink()
    assert terminal.run("journal", "move", "--to-sqlite") == 0
    assert terminal.out == (
        f"1 questions and {rows} rows in all are now in both, and were compared.\n"
        "The bot uses data/journal.db once DATABASE_URL is empty. The database on the server is "
        "as it was: delete it once all is well, since it holds what people asked.\n"
    )
    with closing(sqlite3.connect("data/journal.db")) as file:
        assert file.execute("SELECT count(*) FROM questions").fetchone() == (1,)
    assert PASSWORD not in terminal.err


def test_the_command_waits_for_no_bot(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, postgres_url: SecretStr
) -> None:
    """A bot that has the data folder must be stopped first."""
    monkeypatch.setattr("bot.one_bot._PATIENCE", 0)
    monkeypatch.setenv("DATABASE_URL", postgres_url.get_secret_value())
    with closing(Database.open(Path("data"))):
        pass
    with FileLock("data/bot.lock"):
        assert terminal.run("journal", "move", "--to-postgresql") == 78
    assert "Another bot is running with the data folder data: stop it" in terminal.err
