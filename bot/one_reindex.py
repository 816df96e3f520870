"""Keeps two processes from reindexing at the same time, on whatever machines, and stops one.

Replicas have the lock of the database that they share. Where there is none, a file in the data
folder does: an index in Milvus has no lock of its own.
"""

import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout
from pydantic import SecretStr

from bot.errors import JournalError, ReindexCancelled, ReindexError
from bot.one_bot import cannot_write_to
from bot.storage.database import Database, replace_row
from bot.storage.schema import STATE
from embeddings.errors import IndexBusy

logger = logging.getLogger(__name__)

_LOCK_FILE = "reindex.lock"
_REINDEX = "reindex"
# Who is at it, or that it shall stop.
_ROW = {"name": "reindex"}
_STOP = "stop"
# In seconds.
_LOOKS_EVERY = 2.0

_BUSY = "Another reindex is at work. Wait until it is done."

_FIND = sa.select(STATE.c.value).where(STATE.c.name == _ROW["name"])


@contextlib.contextmanager
def only_reindex(
    folder: Path, url: SecretStr | None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[], None]]:
    """Be the only one who reindexes; gives what to call every now and then meanwhile.

    That raises ReindexCancelled when an admin wants it to stop, see `stop_reindex`, and
    ReindexError when another process has begun: the lock is gone with the connection that held it.

    Args:
        folder: The data folder.
        url: Of the database that replicas share, None if there is none.
        clock: Seconds of a clock that never goes back.

    Raises:
        IndexBusy: Another process reindexes.
        DataFolderUnusable: the folder can't be made or written to.
        JournalUnusable: as `Database.open` does.
        JournalError: the database is away.
    """
    if url is None:
        with _only_here(folder):
            yield lambda: None
        return
    with (
        contextlib.closing(Database.open(folder, url=url)) as database,
        database.alone_now(_REINDEX) as nobody_else,
    ):
        if not nobody_else:
            raise IndexBusy(_BUSY)
        # What is there was meant for an earlier one.
        us = secrets.token_hex(8)
        _write(database, us)
        looked_at = clock()

        def look() -> None:
            nonlocal looked_at
            if clock() - looked_at >= _LOOKS_EVERY:
                looked_at = clock()
                _look(database, us)

        yield look


@contextlib.contextmanager
def _only_here(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / _LOCK_FILE, timeout=0, mode=0o600)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise IndexBusy(_BUSY) from error
    except OSError as error:
        raise cannot_write_to(folder, error) from error
    try:
        yield
    finally:
        lock.release()


async def stop_reindex(database: Database) -> bool:
    """Have the reindex stop that another process is at; returns whether there is one.

    It stops within some seconds, and says so where it was started.

    Raises:
        JournalError: the database is away.
    """
    async with database.alone(_REINDEX) as nobody_else:
        if nobody_else:
            return False
    await database.write(lambda connection: _set(connection, _STOP))
    return True


def _look(database: Database, us: str) -> None:
    try:
        found = database.read_now(lambda connection: connection.scalar(_FIND))
    except JournalError as error:
        logger.warning("Whether the reindex is to be stopped is looked up later: %s", error)
        return
    if found == _STOP:
        _write(database, us)
        raise ReindexCancelled("The reindex was stopped.")
    if found != us:
        raise ReindexError(
            "Another reindex has begun, since the connection to the database was lost for a "
            "while. This one ends."
        )


def _write(database: Database, us: str) -> None:
    database.write_now(lambda connection: _set(connection, us))


def _set(connection: sa.Connection, value: str) -> None:
    replace_row(connection, STATE, _ROW, {"value": value})
