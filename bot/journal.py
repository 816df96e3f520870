"""The journal: what was asked and how it went, and what people decided about themselves.

Unlike the index it can't be built again, so it is a file of its own. Names are never in it; a
person is a keyed hash of their Telegram id, and the key lies in another file. The SQL is
SQLAlchemy's, so that another database can take the place of SQLite.
"""

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.errors import JournalError, JournalUnusable

REPLIES_KEPT = timedelta(days=2)
"""Telegram lets people edit a message for 48 hours."""

_KEY_BYTES = 32
# In seconds. Nobody else writes for long, and a question shouldn't wait for the journal.
_BUSY_TIMEOUT = 2

TABLES = sa.MetaData()
"""The tables as the migrations leave them."""

# In all of them: "person" is a keyed hash, None of somebody without an identity; times are UTC.
_QUESTIONS = sa.Table(
    "questions",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.String(64), index=True),
    sa.Column("asked_at", sa.DateTime, nullable=False, index=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("language", sa.String(2), nullable=False),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("article", sa.Text),
    sa.Column("confidence", sa.Float),
    sa.Column("chat_kind", sa.String(16), nullable=False),
    # An old button must never rate a newer question, so no id is given twice.
    sqlite_autoincrement=True,
)
_VERDICTS = sa.Table(
    "verdicts",
    TABLES,
    sa.Column(
        "question",
        sa.Integer,
        sa.ForeignKey(_QUESTIONS.c.id, ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("person", sa.String(64), primary_key=True, index=True),
    sa.Column("helpful", sa.Boolean, nullable=False),
)
_REPLIES = sa.Table(
    "replies",
    TABLES,
    # A keyed hash of chat and message: the id of a private chat is the person's.
    sa.Column("message", sa.String(64), primary_key=True),
    sa.Column("reply_id", sa.Integer, nullable=False),
    sa.Column("person", sa.String(64), index=True),
    sa.Column("sent_at", sa.DateTime, nullable=False, index=True),
)
_LANGUAGES = sa.Table(
    "languages",
    TABLES,
    sa.Column("person", sa.String(64), primary_key=True),
    sa.Column("language", sa.String(2), nullable=False),
)

Result = TypeVar("Result")

ChatKind: TypeAlias = Literal["private", "group", "guest"]
"""Where a question was asked; a guest is the bot in a chat where it is no member."""


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question and how it went."""

    person: int | None
    """The Telegram id of who asked; None for anonymous admins and channels."""
    text: str
    language: str
    outcome: str
    article: str | None
    """The slug of the article that was quoted first, if any was."""
    confidence: float | None
    """How probably that quote answers the question."""
    chat_kind: ChatKind


class Journal:
    """Keeps questions, verdicts, replies and languages; make one with `Journal.open`.

    The methods that handlers call do their work in a thread of the journal's own. They raise
    JournalError if the file can't be read or written just now.
    """

    def __init__(
        self, engine: sa.Engine, key: bytes, days: int, now: Callable[[], datetime]
    ) -> None:
        """Use a database whose tables are up to date."""
        self.days = days
        """How long questions are kept; 0 if they aren't."""
        self._engine = engine
        self._reading = engine.execution_options(only_reads=True)
        self._key = key
        self._now = now
        self._worker = ThreadPoolExecutor(1, "journal")

    @classmethod
    def open(
        cls,
        folder: Path,
        days: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Self:
        """Open the journal in a folder, bring its tables up to date and prune it.

        Args:
            folder: Where journal.db and journal.key are, or will be made.
            days: How long questions are kept; 0 if they aren't.
            now: The time, with a time zone.

        Raises:
            JournalUnusable: if it is damaged, can't be written, or is of a newer version.
        """
        path = folder / "journal.db"
        with contextlib.ExitStack() as on_failure:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _make_private(path)
                engine = _sqlite_engine(path)
                on_failure.callback(engine.dispose)
                # Of two processes that begin a journal at the same time, one waits here.
                with engine.begin() as connection:
                    _upgrade(connection)
                    key = _read_or_make_key(folder / "journal.key")
                journal = cls(engine, key, days, now)
                journal._prune()
            except CommandError as error:
                raise JournalUnusable(
                    f"The journal {path} was written by a newer version of this program: install "
                    "that one, or set another DATA_DIR."
                ) from error
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                raise JournalUnusable(_what_is_wrong(path, error)) from error
            on_failure.pop_all()
        return journal

    def close(self) -> None:
        """Wait for what is being written, and close the file."""
        self._worker.shutdown()
        self._engine.dispose()

    async def record(self, question: AskedQuestion) -> int | None:
        """Keep a question; returns the id to rate it by, None if no questions are kept."""
        if not self.days:
            return None
        row = {
            "person": self._person(question.person),
            "asked_at": self._time(),
            "text": question.text,
            "language": question.language,
            "outcome": question.outcome,
            "article": question.article,
            "confidence": question.confidence,
            "chat_kind": question.chat_kind,
        }
        insert = _QUESTIONS.insert().values(row).returning(_QUESTIONS.c.id)
        return await self._write(lambda connection: connection.scalar(insert))

    async def rate(self, question_id: int, person: int, *, helpful: bool) -> bool:
        """Keep somebody's verdict on a question's answer; their last one counts.

        Returns:
            Whether the question is still kept; if not, neither is the verdict.
        """
        kept = sa.select(_QUESTIONS.c.id).where(_QUESTIONS.c.id == question_id)
        key = {"question": question_id, "person": self._person(person)}

        def rate(connection: sa.Connection) -> bool:
            if connection.scalar(kept) is None:
                return False
            _replace(connection, _VERDICTS, key, {"helpful": helpful})
            return True

        return await self._write(rate)

    async def remember_reply(
        self, chat_id: int, message_id: int, reply_id: int, person: int | None
    ) -> None:
        """Keep for two days which of our messages answers a message, and who wrote that."""
        key = {"message": self._message(chat_id, message_id)}
        values = {
            "reply_id": reply_id,
            "person": self._person(person),
            "sent_at": self._time(),
        }
        await self._write(lambda connection: _replace(connection, _REPLIES, key, values))

    async def find_reply(self, chat_id: int, message_id: int) -> int | None:
        """The id of our message that answers a message, in the same chat."""
        same = _REPLIES.c.message == self._message(chat_id, message_id)
        return await self._read(sa.select(_REPLIES.c.reply_id).where(same))

    async def chosen_language(self, person: int | None) -> str | None:
        """The language that somebody wants to be talked to in; None for the question's own."""
        if person is None:
            return None
        same = _LANGUAGES.c.person == self._person(person)
        return await self._read(sa.select(_LANGUAGES.c.language).where(same))

    async def choose_language(self, person: int, language: str | None) -> None:
        """Keep somebody's choice of language; None takes it back."""
        key = {"person": self._person(person)}
        values = {"language": language} if language else None
        await self._write(lambda connection: _replace(connection, _LANGUAGES, key, values))

    async def forget(self, person: int) -> int:
        """Delete all that is kept of somebody; returns how many questions that were."""
        own = self._person(person)

        def forget() -> int:
            with self._engine.begin() as connection:
                questions, *_ = [
                    connection.execute(table.delete().where(table.c.person == own)).rowcount
                    for table in (_QUESTIONS, _VERDICTS, _REPLIES, _LANGUAGES)
                ]
            _empty_log(self._engine)
            return questions

        return await self._run(forget)

    async def prune(self) -> None:
        """Delete what has been kept long enough."""
        await self._run(self._prune)

    def _prune(self) -> None:
        now = self._time()
        with self._engine.begin() as connection:
            for time, kept in (
                (_QUESTIONS.c.asked_at, timedelta(days=self.days)),
                (_REPLIES.c.sent_at, REPLIES_KEPT),
            ):
                connection.execute(sa.delete(time.table).where(time <= now - kept))
        _empty_log(self._engine)

    async def _read(self, select: sa.Select[Result]) -> Result | None:
        def read() -> Result | None:
            with self._reading.begin() as connection:
                return connection.scalar(select)

        return await self._run(read)

    async def _write(self, write: Callable[[sa.Connection], Result]) -> Result:
        def transaction() -> Result:
            with self._engine.begin() as connection:
                return write(connection)

        return await self._run(transaction)

    async def _run(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise JournalError(f"The journal can't be used now: {_reason(error)}.") from error

    def _person(self, person: int | None) -> str | None:
        return None if person is None else self._hash(f"person {person}")

    def _message(self, chat_id: int, message_id: int) -> str:
        return self._hash(f"message {chat_id} {message_id}")

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _time(self) -> datetime:
        return self._now().astimezone(UTC).replace(tzinfo=None)


def _replace(
    connection: sa.Connection, table: sa.Table, key: dict[str, Any], values: dict[str, Any] | None
) -> None:
    """Put a row in the place of the one with the same key; None only takes that one away."""
    same = sa.and_(*(table.c[name] == value for name, value in key.items()))
    connection.execute(table.delete().where(same))
    if values is not None:
        connection.execute(table.insert().values(key | values))


def _sqlite_engine(path: Path) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={"timeout": _BUSY_TIMEOUT},
        # They are questions and hashes, and errors get into the log.
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions begin below; the driver by itself begins them too late.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        # A power cut may take the last questions with it, but nothing waits for the disk.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What people delete is overwritten.
        connection.execute("PRAGMA secure_delete = ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # Who begins by reading can't wait for another's writing when it comes to write itself;
        # who only reads never waits.
        only_reads = connection.get_execution_options().get("only_reads", False)
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    return engine


def _empty_log(engine: sa.Engine) -> None:
    """Leave nothing of deleted rows in the write-ahead log; `secure_delete` is for the file."""
    with contextlib.closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _upgrade(connection: sa.Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "bot:migrations")
    command.upgrade(config, "head")


def _make_private(path: Path) -> None:
    """Make an empty file that only its owner can read; SQLite's own files beside it follow."""
    with contextlib.suppress(FileExistsError):
        path.touch(0o600, exist_ok=False)


def _read_or_make_key(path: Path) -> bytes:
    """The key of the hashes; the journal's lock keeps others from making it at the same time."""
    if not path.exists():
        made = path.with_suffix(".new")
        made.unlink(missing_ok=True)
        made.touch(0o600)
        with made.open("wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise JournalUnusable(
            f"{path} is damaged: restore it from a backup, or delete it; what is in the journal "
            "then belongs to nobody."
        )
    return key


def _what_is_wrong(path: Path, error: Exception) -> str:
    reason = _reason(error)
    operational = isinstance(reason, sqlite3.OperationalError)
    if isinstance(reason, sqlite3.DatabaseError) and not operational:
        return (
            f"The journal {path} is damaged ({reason}): restore it from a backup, or move it away "
            "to begin a new one."
        )
    return (
        f"The journal {path} can't be opened ({reason}): check the free space and the rights of "
        "DATA_DIR."
    )


def _reason(error: Exception) -> object:
    """What the driver says, without SQLAlchemy's SQL."""
    return error.orig if isinstance(error, DBAPIError) else error
