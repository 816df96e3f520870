"""The bot's own database on a PostgreSQL server, which several replicas share."""

import asyncio
import contextlib
import importlib
import os
import secrets
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from bot.errors import JournalError, JournalUnusable
from bot.storage.database import Database, Result, add_row
from bot.storage.key import (
    FINGERPRINT,
    KEY_FILE,
    fingerprint,
    known_fingerprint,
    read_or_make_key,
)
from bot.storage.migrations import upgrade
from bot.storage.schema import STATE

try:
    importlib.import_module("asyncpg")
    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
except ImportError as error:
    raise JournalUnusable(
        "DATABASE_URL needs packages that are not installed: "
        "pip install 'green-initiatives-bot[postgresql]'"
    ) from error

APPLICATION = "green-initiatives-bot"
"""How the names begin by which the server knows the connections of this program."""

# Connections of one replica: what is read or written takes some milliseconds.
_CONNECTIONS = 8
# In seconds. What takes longer hangs, be it the server or the way to it.
_CONNECT_TIMEOUT = 5
_PATIENCE = 15

# Codes of PostgreSQL's errors (appendix A of its manual): a serialization failure, a deadlock;
# the server shuts down; values that can't be, which its messages may show.
_UNDONE = {"40001", "40P01"}
_BROKEN = {"57P01", "57P02", "57P03"}
_ABOUT_VALUES = ("22", "23")
_WAYS_OUT = {
    "28P01": "it refuses the user or the password: correct them in DATABASE_URL",
    "28000": "it refuses the user: correct DATABASE_URL, or the server's pg_hba.conf",
    "3D000": "it has no such database: make it with CREATE DATABASE, or correct DATABASE_URL",
    "42501": "the user may not make tables: make it the owner of the database",
}

# The server notices within a minute that a machine is gone, and frees what was held there.
_SESSION = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}

# All that one function reads is of one moment, as it is in SQLite.
_READS: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

_LOCK = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_WAIT_FOR_UPGRADES = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('upgrade', 0))")

_OTHERS = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name LIKE :ours AND application_name <> current_setting('application_name')"
)

_ANOTHER_KEY = (
    "and the journal on the server was begun with one of its own: copy the journal.key of another "
    "replica, or of a backup,"
)
_IF_IT_IS_LOST = (
    f"If it is lost for good, delete the row '{FINGERPRINT}' of the table state: a new key is "
    "made, and what is in the journal then belongs to nobody."
)

Value = TypeVar("Value")


def open_postgresql(
    url: str, folder: Path, now: Callable[[], datetime], *, with_any_key: bool = False
) -> "PostgresqlDatabase":
    """Open a database on a server, with the key in a folder; see `Database.open`.

    Args:
        url: As in the settings.
        folder: Where journal.key is, or will be made.
        now: The time, with a time zone.
        with_any_key: Whether what is in it may be another key's, since it will be replaced.

    Raises:
        JournalUnusable: if the server refuses us, or the tables are of a newer version or another
            key.
        JournalError: if the server is away or busy.
    """
    engine = _engine(url, pool_size=_CONNECTIONS, max_overflow=0, pool_timeout=_PATIENCE)
    key_is_new = not (folder / KEY_FILE).exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _refuse_folder(folder, error)
    loop = _Loop()
    try:
        key = loop.run(_prepare(url, folder, with_any_key=with_any_key))
    except BaseException:
        loop.run(engine.dispose())
        loop.close()
        raise
    return PostgresqlDatabase(engine, loop, key, now, key_is_new=key_is_new)


def look(url: str, work: Callable[[sa.Connection], Result]) -> Result:
    """What a function finds in a database as it is, whose tables may be of any version or none.

    Raises:
        JournalUnusable: if the server refuses us.
        JournalError: if the server is away or busy.
    """
    engine = _engine(url, poolclass=NullPool).execution_options(**_READS)
    with contextlib.closing(_Loop()) as loop:
        try:
            return loop.run(_look(engine, work))
        except (SQLAlchemyError, OSError) as error:
            raise _what_is_wrong(engine, error) from None


async def _look(engine: AsyncEngine, work: Callable[[sa.Connection], Result]) -> Result:
    async with engine.connect() as connection:
        return await connection.run_sync(work)


class PostgresqlDatabase(Database):
    """Reads and writes over several connections at once; make one with `open_postgresql`.

    What people delete is gone from the tables once it is committed. When the server overwrites it
    in its own files, logs and backups is the server's business (VACUUM).
    """

    is_shared = True

    def __init__(
        self,
        engine: AsyncEngine,
        loop: "_Loop",
        key: bytes,
        now: Callable[[], datetime],
        *,
        key_is_new: bool,
    ) -> None:
        """Use a database whose tables are up to date, in the loop where its connections live."""
        super().__init__(key, now, key_is_new=key_is_new)
        self._engine = engine
        # Locks have connections of their own, since they may be held for hours.
        self._locking = _engine(engine.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._loop = loop
        self._reading = engine.execution_options(**_READS)

    def close(self) -> None:
        """Wait for what is being written, and close the connections."""
        if self._loop.is_closed:
            return
        self._loop.run(self._loop.others_end())
        self._loop.run(self._engine.dispose())
        self._loop.close()

    async def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """What a function finds; see `Database.read`."""
        return await self._loop.wait_for(_transaction(self._reading, work))

    async def write(
        self,
        work: Callable[[sa.Connection], Result],
        *,
        deletes: bool = False,  # noqa: ARG002 - see the class
    ) -> Result:
        """What a function gives that writes; see `Database.write`."""
        return await self._loop.wait_for(_transaction(self._engine, work))

    def read_now(self, work: Callable[[sa.Connection], Result]) -> Result:
        """The same as `read` where there is no event loop."""
        return self._loop.run(_transaction(self._reading, work))

    def write_now(
        self,
        work: Callable[[sa.Connection], Result],
        *,
        deletes: bool = False,  # noqa: ARG002 - see the class
    ) -> Result:
        """The same as `write` where there is no event loop."""
        return self._loop.run(_transaction(self._engine, work))

    @contextlib.asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:
        """Keep other replicas from doing the same thing; see `Database.alone`."""
        lock = _Lock()
        holding = self._loop.start(lock.hold(self._locking, name))
        try:
            yield await asyncio.shield(asyncio.wrap_future(lock.is_ours))
        finally:
            self._loop.call(lock.let_go.set)
            await asyncio.shield(asyncio.wrap_future(holding))

    @contextlib.contextmanager
    def alone_now(self, name: str) -> Iterator[bool]:
        """The same as `alone` where there is no event loop."""
        lock = _Lock()
        holding = self._loop.start(lock.hold(self._locking, name))
        try:
            yield lock.is_ours.result()
        finally:
            self._loop.call(lock.let_go.set)
            holding.result()

    async def put_back(self) -> bool:
        """Nothing: the files are the server's."""
        return False

    def size(self, connection: sa.Connection) -> int:
        """How many bytes the database takes on the server."""
        return connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0

    def others(self, connection: sa.Connection) -> int:
        """How many connections other processes of this program have."""
        return connection.scalar(_OTHERS, {"ours": f"{APPLICATION} %"}) or 0


class _Loop:
    """An event loop in a thread of its own, in which the driver's connections are at home."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="journal", daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        return self._loop.is_closed()

    def start(self, coroutine: Coroutine[Any, Any, Value]) -> Future[Value]:
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # it is closed
            coroutine.close()
            raise

    def run(self, coroutine: Coroutine[Any, Any, Value]) -> Value:
        return self.start(coroutine).result()

    async def wait_for(self, coroutine: Coroutine[Any, Any, Value]) -> Value:
        """The result, in another loop; what has begun goes on if nobody waits for it any more."""
        return await asyncio.shield(asyncio.wrap_future(self.start(coroutine)))

    def call(self, function: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(function)

    async def others_end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    def close(self) -> None:
        self.call(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Lock:
    """A lock of the server's, which a connection has as long as it lasts."""

    def __init__(self) -> None:
        self.is_ours: Future[bool] = Future()
        self.let_go = asyncio.Event()

    async def hold(self, engine: AsyncEngine, name: str) -> None:
        try:
            async with engine.connect() as connection:
                self.is_ours.set_result(bool(await connection.scalar(_LOCK, {"name": name})))
                if self.is_ours.result():
                    await self.let_go.wait()
        except (SQLAlchemyError, OSError) as error:
            # If it is lost later nobody waits to hear of it.
            if not self.is_ours.done():
                self.is_ours.set_exception(_failed(engine, error))


async def _transaction(
    engine: AsyncEngine, work: Callable[[sa.Connection], Result], *, again: bool = True
) -> Result:
    # The first to use a connection after a restart of the server finds it broken, upon which the
    # pool gives up all of them. To look before each use would take three more round trips.
    connection = engine.connect()
    try:
        await connection.start()
    except (SQLAlchemyError, OSError) as error:
        raise _failed(engine, error) from None
    committing = False
    try:
        result = await connection.run_sync(work)
        committing = True
        await connection.commit()
    except (SQLAlchemyError, TimeoutError) as error:
        if not again or not _is_undone(error, committing=committing):
            raise _failed(engine, error) from None
    else:
        return result
    finally:
        await connection.close()
    return await _transaction(engine, work, again=False)


def _is_undone(error: Exception, *, committing: bool) -> bool:
    """Whether nothing of a transaction counts, and another try may go well."""
    if not isinstance(error, DBAPIError):
        return False
    code = _code(error)
    stale = isinstance(error.orig, AsyncAdapt_asyncpg_dbapi.InvalidCachedStatementError)
    broken = error.connection_invalidated or code in _BROKEN
    # A connection that breaks at the end leaves open whether it counts.
    return code in _UNDONE or stale or (broken and not committing)


async def _prepare(url: str, folder: Path, *, with_any_key: bool) -> bytes:
    """Bring the tables up to date, one replica at a time; returns the key."""
    # Many rows take their time.
    engine = _engine(url, patience=None, poolclass=NullPool)

    def prepare(connection: sa.Connection) -> bytes:
        upgrade(connection)
        return _key(connection, folder, with_any_key=with_any_key)

    try:
        async with engine.begin() as connection:
            await connection.execute(_WAIT_FOR_UPGRADES)
            return await connection.run_sync(prepare)
    except CommandError:
        raise JournalUnusable(
            f"The journal on {_place(engine)} was written by a newer version of this program: "
            "install that one."
        ) from None
    except (SQLAlchemyError, OSError) as error:
        raise _what_is_wrong(engine, error) from None


def _key(connection: sa.Connection, folder: Path, *, with_any_key: bool) -> bytes:
    """The folder's key, which must be that of all other replicas."""
    known = None if with_any_key else known_fingerprint(connection)
    path = folder / KEY_FILE
    if known is not None and not path.exists():
        raise JournalUnusable(f"{path} is missing, {_ANOTHER_KEY} to {folder}. {_IF_IT_IS_LOST}")
    try:
        key = read_or_make_key(folder)
    except OSError as error:
        _refuse_folder(folder, error)
    if known is not None and known != fingerprint(key):
        raise JournalUnusable(f"{path} is another, {_ANOTHER_KEY} to {folder}. {_IF_IT_IS_LOST}")
    add_row(connection, STATE, {"name": FINGERPRINT, "value": fingerprint(key)})
    return key


def _refuse_folder(folder: Path, error: OSError) -> NoReturn:
    raise JournalUnusable(
        f"{folder / KEY_FILE} can't be read or written ({error.strerror}): check the free space "
        "and the rights of DATA_DIR."
    ) from error


def _engine(
    url: str | sa.URL,
    *,
    patience: float | None = _PATIENCE,
    **options: Any,  # noqa: ANN401 - SQLAlchemy's
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        connect_args={
            "timeout": _CONNECT_TIMEOUT,
            "command_timeout": patience,
            "server_settings": _SESSION
            | {"application_name": f"{APPLICATION} {secrets.token_hex(4)}"},
        },
        # They are questions and hashes, and errors get into the log.
        hide_parameters=True,
        **options,
    )

    @sa.event.listens_for(engine.sync_engine, "before_cursor_execute", retval=True)
    def leave_out_zeros(
        _connection: sa.Connection,
        _cursor: object,
        statement: str,
        parameters: Any,  # noqa: ANN401
        _context: object,
        executemany: bool,  # noqa: FBT001
    ) -> tuple[str, Any]:
        # A page's title may hold the one character that PostgreSQL's texts can't.
        rows = parameters if executemany else [parameters]
        clean = [
            tuple(each.replace("\0", "") if isinstance(each, str) else each for each in row)
            for row in rows
        ]
        return statement, clean if executemany else clean[0]

    return engine


def _failed(engine: AsyncEngine, error: Exception) -> JournalError:
    """What is told of an error; the cause isn't, which may hold what people wrote."""
    return JournalError(f"The journal on {_place(engine)} can't be used now: {_reason(error)}.")


def _what_is_wrong(engine: AsyncEngine, error: Exception) -> JournalUnusable | JournalError:
    way_out = _WAYS_OUT.get(_code(error) or "")
    if way_out:
        return JournalUnusable(f"The journal on {_place(engine)} can't be opened: {way_out}.")
    if isinstance(error, ssl.SSLError) or _reason(error) == "ClientConfigurationError":
        return JournalUnusable(
            f"The journal on {_place(engine)} can't be opened ({_reason(error)}): check the "
            "server's certificate, ?ssl=… in DATABASE_URL, and for verify-ca and verify-full the "
            "certificate of who vouches for the server, which is in ~/.postgresql/root.crt or in "
            "the file that PGSSLROOTCERT names in the environment."
        )
    return JournalError(
        f"The journal on {_place(engine)} can't be opened now ({_reason(error)}): check that the "
        "server runs, and DATABASE_URL."
    )


def _place(engine: AsyncEngine) -> str:
    """Where the database is, without user and password."""
    url = engine.url
    host = url.host or url.query.get("host") or "this machine"
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def _code(error: Exception) -> str | None:
    orig = error.orig if isinstance(error, DBAPIError) else None
    return getattr(orig, "sqlstate", None)


def _reason(error: Exception) -> str:
    """What the server or the system says, without anybody's texts."""
    if isinstance(error, DBAPIError):
        code = _code(error) or ""
        if code and not code.startswith(_ABOUT_VALUES):
            # Not the details, which have values.
            return f"{error.orig.args[0]}" if error.orig else code
        cause = error.orig and error.orig.__cause__
        return type(cause or error).__name__
    if isinstance(error, TimeoutError):
        return "it doesn't answer in time"
    if isinstance(error, OSError):
        known = isinstance(error, ConnectionError) and error.errno
        return os.strerror(known) if known else error.strerror or str(error)
    return (
        "all connections are in use"
        if isinstance(error, sa.exc.TimeoutError)
        else type(error).__name__
    )
