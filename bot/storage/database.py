"""The bot's own database, in which it keeps what can't be had again.

By itself it is an SQLite file (`bot.storage.sqlite`), which one bot has to itself. Several
replicas share a PostgreSQL server (`bot.storage.postgresql`). The SQL is SQLAlchemy's, and the
tables are made by Alembic's migrations, the same for both. A person is a keyed hash of their
Telegram id; the key is in a file beside, journal.key.
"""

import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.dialects import postgresql, sqlite

JOURNAL_FILE = "journal.db"

Result = TypeVar("Result")


class Database(ABC):
    """Reads and writes in a thread of its own; make one with `Database.open`.

    What is read or written is a function of a connection. It is called in the database's thread,
    and where others write at the same time it may be called a second time.
    """

    is_shared: bool
    """Whether other replicas may use it at the same time."""

    def __init__(self, key: bytes, now: Callable[[], datetime], *, key_is_new: bool) -> None:
        """Take the key of the hashes, and the time."""
        self.key_is_new = key_is_new
        """Whether there was no key; whoever was in the tables before belongs to nobody now."""
        self._key = key
        self._now = now

    @staticmethod
    def open(
        folder: Path,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        url: SecretStr | None = None,
    ) -> "Database":
        """Open the database, and bring its tables up to date.

        Args:
            folder: The data folder, where journal.key is, or will be made, and so is journal.db.
            now: The time, with a time zone.
            url: Of a PostgreSQL database, as in the settings; None for journal.db.

        Raises:
            JournalDamaged: if the file is broken.
            JournalUnusable: if it can't be written, is of a newer version or another key, or the
                server refuses us.
            JournalError: if the disk is full, somebody else is writing for long, or the server is
                away.
        """
        if url is None:
            from bot.storage.sqlite import open_sqlite

            return open_sqlite(folder, now)
        from bot.storage.postgresql import open_postgresql

        return open_postgresql(url.get_secret_value(), folder, now)

    @abstractmethod
    def close(self) -> None:
        """Wait for what is being written, and let go of the database."""

    @abstractmethod
    async def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """What a function finds; it must not write.

        Raises:
            JournalError: if the database can't be read just now.
        """

    @abstractmethod
    async def write(
        self, work: Callable[[sa.Connection], Result], *, deletes: bool = False
    ) -> Result:
        """What a function gives that writes; all of it counts, or nothing.

        Args:
            work: Reads and writes.
            deletes: Whether nothing may be left of what it deletes, on the disk neither, as far
                as that is ours.

        Raises:
            JournalError: if the database can't be written just now.
        """

    @abstractmethod
    def read_now(self, work: Callable[[sa.Connection], Result]) -> Result:
        """The same as `read` where there is no event loop.

        Raises:
            JournalError: if the database can't be read just now.
        """

    @abstractmethod
    def write_now(
        self, work: Callable[[sa.Connection], Result], *, deletes: bool = False
    ) -> Result:
        """The same as `write` where there is no event loop.

        Raises:
            JournalError: if the database can't be written just now.
        """

    @abstractmethod
    def alone(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Keep other replicas from doing the same thing, as long as the context lasts.

        Gives whether nobody else was doing it; if somebody was, nothing is kept, and whoever gets
        False leaves it be. Nobody waits. The server lets go of it when this process ends, however
        it does, and when the connection breaks. A file has one bot, so there it is always True.

        Args:
            name: What is done, such as "reindex"; the same in all replicas.

        Raises:
            JournalError: if the server can't be asked just now.
        """

    @abstractmethod
    def alone_now(self, name: str) -> AbstractContextManager[bool]:
        """The same as `alone` where there is no event loop.

        Raises:
            JournalError: if the server can't be asked just now.
        """

    @abstractmethod
    async def put_back(self) -> bool:
        """Write the files anew if somebody has removed them; what is open still holds all of it.

        Returns:
            Whether they were gone.

        Raises:
            JournalError: if they can't be written.
        """

    @abstractmethod
    def size(self, connection: sa.Connection) -> int:
        """How many bytes the database takes on its disk."""

    @abstractmethod
    def others(self, connection: sa.Connection) -> int:
        """How many connections other processes of this program have; 0 of a file."""

    def hash_of(self, text: str) -> str:
        """A text's keyed hash: 64 hexadecimal digits."""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def person(self, person: int | None) -> str | None:
        """What stands for a person, whose Telegram id is kept nowhere."""
        return None if person is None else self.hash_of(f"person {person}")

    def time(self) -> datetime:
        """The time as the tables have it: UTC, without a time zone."""
        return self._now().astimezone(UTC).replace(tzinfo=None)


def add_row(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Put a row into a table unless one like it is there; returns whether it was put there.

    "Like it" is what a primary key or a unique constraint says. Of several who do so at the same
    time, one puts it there; the others wait for that one's end.
    """
    insert = _insert(connection, table).values(values).on_conflict_do_nothing()
    key = insert.returning(*table.primary_key)
    return connection.execute(key).first() is not None


def add_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into a table, but for those like which one is there; see `add_row`."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)


def replace_row(  # noqa: PLR0913 - what one statement of SQL has
    connection: sa.Connection,
    table: sa.Table,
    key: dict[str, Any],
    values: dict[str, Any] | None,
    *,
    at_first: dict[str, Any] | None = None,
    where: sa.ColumnElement[bool] | None = None,
) -> bool:
    """Keep values under a key, whether there is a row with it or not; returns whether they are.

    Args:
        connection: Within a transaction.
        table: Where the key is the primary key, or unique.
        key: The columns that say which row it is.
        values: The columns that are written; None takes the row away.
        at_first: Columns that are written only if there was no row.
        where: What must be true of the row that there is; if it isn't, that one stays.
    """
    same = sa.and_(*(table.c[name] == value for name, value in key.items()))
    if values is None:
        return connection.execute(table.delete().where(same)).rowcount > 0
    insert = _insert(connection, table).values(key | (at_first or {}) | values)
    replace = insert.on_conflict_do_update(index_elements=list(key), set_=values, where=where)
    return connection.execute(replace.returning(*table.primary_key)).first() is not None


def _insert(connection: sa.Connection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
