"""The bot's own database as an SQLite file, which one bot has to itself."""

import asyncio
import contextlib
import errno
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.errors import JournalDamaged, JournalError, JournalUnusable
from bot.storage.database import JOURNAL_FILE, Database, Result
from bot.storage.key import KEY_FILE, read_or_make_key, write_key
from bot.storage.migrations import upgrade

# In seconds. Nobody else writes for long, and a question shouldn't wait for the journal.
_BUSY_TIMEOUT = 2
_BUSY_PAUSE = 0.01


def open_sqlite(folder: Path, now: Callable[[], datetime]) -> "SqliteDatabase":
    """Open the database in a folder; see `Database.open`.

    Raises:
        JournalDamaged: if the file is broken.
        JournalUnusable: if it can't be written, or is of a newer version.
        JournalError: if the disk is full, or somebody else is writing for long.
    """
    path = folder / JOURNAL_FILE
    key_is_new = not (folder / KEY_FILE).exists()
    with contextlib.ExitStack() as on_failure:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_private(path)
            engine = _engine(path)
            on_failure.callback(engine.dispose)
            # Of two processes that begin a journal at the same time, one waits here. All of an
            # upgrade is one transaction, so that one that fails leaves the file as it was.
            with engine.begin() as connection:
                _check(connection, path)
                upgrade(connection)
                key = read_or_make_key(folder)
        except CommandError as error:
            raise JournalUnusable(
                f"The journal {path} was written by a newer version of this program: install "
                "that one, or set another DATA_DIR."
            ) from error
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise _what_is_wrong(path, error) from error
        on_failure.pop_all()
    return SqliteDatabase(engine, key, now, key_is_new=key_is_new)


class SqliteDatabase(Database):
    """Reads and writes one after the other, in one thread; make one with `open_sqlite`."""

    is_shared = False

    def __init__(
        self, engine: sa.Engine, key: bytes, now: Callable[[], datetime], *, key_is_new: bool
    ) -> None:
        """Use a database whose tables are up to date."""
        super().__init__(key, now, key_is_new=key_is_new)
        self._engine = engine
        self._reading = engine.execution_options(only_reads=True)
        self._worker = ThreadPoolExecutor(1, "journal")

    def close(self) -> None:
        """Wait for what is being written, and close the file."""
        self._worker.shutdown()
        self._engine.dispose()

    async def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """What a function finds; see `Database.read`."""
        return await self._run(self._reading, work)

    async def write(
        self, work: Callable[[sa.Connection], Result], *, deletes: bool = False
    ) -> Result:
        """What a function gives that writes; see `Database.write`."""
        return await self._run(self._engine, work, deletes=deletes)

    def read_now(self, work: Callable[[sa.Connection], Result]) -> Result:
        """The same as `read` where there is no event loop."""
        return _transaction(self._reading, work, deletes=False)

    def write_now(
        self, work: Callable[[sa.Connection], Result], *, deletes: bool = False
    ) -> Result:
        """The same as `write` where there is no event loop."""
        return _transaction(self._engine, work, deletes=deletes)

    @contextlib.asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:  # noqa: ARG002 - see `Database`
        """There are no other replicas; see `Database.alone`."""
        yield True

    @contextlib.contextmanager
    def alone_now(self, name: str) -> Iterator[bool]:  # noqa: ARG002 - see `Database`
        """The same as `alone` where there is no event loop."""
        yield True

    async def put_back(self) -> bool:
        """Write the files anew if somebody has removed them; see `Database.put_back`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._put_back)

    def _put_back(self) -> bool:
        path = self._path
        if path.exists():
            return False
        folder = path.parent
        copy = folder / f"{JOURNAL_FILE}.new"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            copy.unlink(missing_ok=True)
            _make_private(copy)
            with (
                contextlib.closing(self._engine.raw_connection()) as opened,
                contextlib.closing(sqlite3.connect(copy)) as copied,
            ):
                opened.cursor().connection.backup(copied)
            if not (folder / KEY_FILE).exists():
                write_key(folder, self._key)
            copy.replace(path)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise JournalError(
                f"The journal was removed and can't be put back: {error}."
            ) from error
        # The next connection opens the new file.
        self._engine.dispose()
        return True

    def size(self, connection: sa.Connection) -> int:  # noqa: ARG002 - see `Database`
        """How many bytes the file takes, its write-ahead log included."""
        files = self._path.parent.glob(f"{JOURNAL_FILE}*")
        return sum(path.stat().st_size for path in files)

    def others(self, connection: sa.Connection) -> int:  # noqa: ARG002 - see `Database`
        """Nobody can tell."""
        return 0

    @property
    def _path(self) -> Path:
        return Path(self._engine.url.database or "")

    async def _run(
        self,
        engine: sa.Engine,
        work: Callable[[sa.Connection], Result],
        *,
        deletes: bool = False,
    ) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._worker, lambda: _transaction(engine, work, deletes=deletes)
        )


def _transaction(
    engine: sa.Engine, work: Callable[[sa.Connection], Result], *, deletes: bool
) -> Result:
    try:
        with engine.begin() as connection:
            result = work(connection)
        if deletes:
            _empty_log(engine)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise JournalError(f"The journal can't be used now: {_reason(error)}.") from error
    return result


def _engine(path: Path) -> sa.Engine:
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
        _keep_a_log(connection)
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


def _keep_a_log(connection: sqlite3.Connection) -> None:
    """Have changes written to a log beside the file, so that readers never wait for a writer."""
    give_up_at = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite itself doesn't wait where another begins a new file at the same moment.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
        else:
            return
        time.sleep(_BUSY_PAUSE)


def _empty_log(engine: sa.Engine) -> None:
    """Leave nothing of deleted rows in the write-ahead log; `secure_delete` is for the file."""
    with contextlib.closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _make_private(path: Path) -> None:
    """Make an empty file that only its owner can read; SQLite's own files beside it follow."""
    with contextlib.suppress(FileExistsError):
        path.touch(0o600, exist_ok=False)


def _check(connection: sa.Connection, path: Path) -> None:
    """Read the whole file, some megabytes: what is broken in it is better known at the start."""
    verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if verdict != "ok":
        raise _damaged(path, " ".join(str(verdict).split()))


def _damaged(path: Path, reason: object) -> JournalDamaged:
    return JournalDamaged(
        f"The journal {path} is damaged ({reason}): restore it from a backup, or move it away "
        "to begin a new one."
    )


def _what_is_wrong(path: Path, error: Exception) -> JournalUnusable | JournalError:
    reason = _reason(error)
    if _is_damage(reason):
        return _damaged(path, reason)
    if _may_pass(reason):
        return JournalError(
            f"The journal {path} can't be opened now ({reason}): check the free space, and which "
            "other program uses it."
        )
    return JournalUnusable(
        f"The journal {path} can't be opened ({reason}): check the free space and the rights of "
        "DATA_DIR."
    )


def _is_damage(reason: object) -> bool:
    operational = isinstance(reason, sqlite3.OperationalError)
    return isinstance(reason, sqlite3.DatabaseError) and not operational


def _may_pass(reason: object) -> bool:
    """Whether a later try may go well: there is no space now, or another program holds it."""
    if isinstance(reason, OSError):
        return reason.errno == errno.ENOSPC
    code = getattr(reason, "sqlite_errorcode", 0) & 0xFF
    # An "I/O error" is what a full disk is called by the file that processes share.
    passing = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return code in (*passing, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _reason(error: Exception) -> object:
    """What the driver says, without SQLAlchemy's SQL."""
    return error.orig if isinstance(error, DBAPIError) else error
