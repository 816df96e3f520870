"""Copies all that a journal holds into another one, be they files or on servers."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.errors import JournalNotMoved
from bot.storage.database import Database
from bot.storage.key import FINGERPRINT
from bot.storage.schema import STATE, TABLES

_ROWS_AT_ONCE = 1_000
# The key itself isn't moved, so neither is what tells it from others.
_MOVED = {STATE: STATE.c.name != FINGERPRINT}


@dataclass(frozen=True, slots=True)
class Rows:
    """What is in a table."""

    number: int
    digest: int
    """The sum of the rows' hashes, since databases have orders of their own."""


def move(source: Database, target: Database) -> dict[str, int]:
    """Copy all rows into a database that has none, and compare both; the source stays as it is.

    Args:
        source: Nobody else uses it.
        target: All of it is one transaction there.

    Returns:
        How many rows each table has.

    Raises:
        JournalNotMoved: the target holds something, a bot uses one of them, or they differ.
        JournalError: one of them fails; the target then holds nothing.
    """
    return source.read_now(
        lambda read: target.write_now(lambda written: _move(source, read, target, written))
    )


def copy_rows(
    source: sa.Connection, target: sa.Connection, without: Collection[sa.Table] = ()
) -> dict[str, int]:
    """Copy tables into empty ones, some thousand rows at a time, and compare both.

    Args:
        source: Reads what is of one moment.
        target: Within a transaction.
        without: Tables that stay empty.

    Returns:
        How many rows each table has.

    Raises:
        JournalNotMoved: what the target gives back isn't what it was given.
    """
    numbers = {}
    for table in TABLES.sorted_tables:
        if table in without:
            continue
        copied = _summary(_copied(source, target, table))
        if copied != _summary(_batches(target, table)):
            raise JournalNotMoved(
                f"The table {table.name} came out different from what it was: nothing was moved."
            )
        if table.autoincrement_column is not None:
            _give_no_id_twice(source, target, table)
        numbers[table.name] = copied.number
    return numbers


def held(connection: sa.Connection) -> list[str]:
    """The tables that have any rows; there may be no tables yet."""
    there = set(sa.inspect(connection).get_table_names())
    return [
        table.name
        for table in TABLES.sorted_tables
        if table.name in there and connection.scalar(sa.select(sa.exists(_rows(table).select())))
    ]


def refuse_while_used(database: Database, connection: sa.Connection) -> None:
    """Raise if a bot is connected to the same database; of a file bot.lock tells that.

    Raises:
        JournalNotMoved: one is.
    """
    if database.others(connection):
        raise JournalNotMoved(
            "A bot, or another command, is using the database: stop all replicas first."
        )


def _move(
    source: Database, read: sa.Connection, target: Database, written: sa.Connection
) -> dict[str, int]:
    refuse_while_used(source, read)
    refuse_while_used(target, written)
    if there := held(written):
        raise JournalNotMoved(
            "The journal that it is to be moved to (journal.db in DATA_DIR, or the database in "
            f"DATABASE_URL) has something already: {', '.join(there)}. Move it away, or make "
            "another database."
        )
    return copy_rows(read, written)


def _copied(
    source: sa.Connection, target: sa.Connection, table: sa.Table
) -> Iterator[Sequence[dict[str, Any]]]:
    for batch in _batches(source, table):
        target.execute(table.insert(), batch)
        yield batch


def _batches(connection: sa.Connection, table: sa.Table) -> Iterator[Sequence[dict[str, Any]]]:
    streamed = connection.execute(
        sa.select(_rows(table)), execution_options={"yield_per": _ROWS_AT_ONCE}
    )
    for batch in streamed.mappings().partitions():
        yield [{name: _storable(value) for name, value in row.items()} for row in batch]


def _rows(table: sa.Table) -> sa.Subquery:
    return sa.select(table).where(_MOVED.get(table, sa.true())).subquery()


def _storable(value: object) -> object:
    # PostgreSQL's texts can't hold it; see `bot.storage.postgresql`.
    return value.replace("\0", "") if isinstance(value, str) else value


def _summary(batches: Iterable[Sequence[dict[str, Any]]]) -> Rows:
    number = digest = 0
    for batch in batches:
        number += len(batch)
        for row in batch:
            text = json.dumps(row, default=str, sort_keys=True)
            digest += int.from_bytes(hashlib.sha256(text.encode()).digest())
    return Rows(number, digest)


def _give_no_id_twice(source: sa.Connection, target: sa.Connection, table: sa.Table) -> None:
    """Let the ids go on where they were, although the last rows may have been deleted."""
    if last := _last_id(source, table):
        if target.dialect.name == "postgresql":
            change = sa.text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
            target.execute(change, {"name": table.name, "last": last})
            return
        target.execute(_SEQUENCE.delete().where(_SEQUENCE.c.name == table.name))
        target.execute(_SEQUENCE.insert().values(name=table.name, seq=last))


_SEQUENCE = sa.Table(
    "sqlite_sequence", sa.MetaData(), sa.Column("name", sa.Text), sa.Column("seq", sa.Integer)
)
"""SQLite's own, of tables with AUTOINCREMENT."""


def _last_id(connection: sa.Connection, table: sa.Table) -> int | None:
    if connection.dialect.name == "postgresql":
        select = sa.text(
            "SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id')::regclass)"
        )
        last: int | None = connection.scalar(select, {"name": table.name})
        return last
    return connection.scalar(sa.select(_SEQUENCE.c.seq).where(_SEQUENCE.c.name == table.name))
