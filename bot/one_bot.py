"""Keeps a second bot out of a data folder: two would answer the same people.

Replicas, which share a database on a server, may share a folder as well.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import BotRunning, DataFolderUnusable

LOCK_FILE = "bot.lock"
"""Stays when the bot ends; what counts is whether a process holds it."""

# In seconds. Who restarts a bot may be faster than the old one is at stopping.
_PATIENCE = 15


@contextlib.contextmanager
def only_bot(folder: Path, *, is_shared: bool = False) -> Iterator[None]:
    """Be the only bot with this data folder, which is made if it is missing.

    Args:
        folder: The data folder.
        is_shared: Whether others may have it as well, since what people send is in a database
            that tells replicas from each other.

    Raises:
        BotRunning: another one has it.
        DataFolderUnusable: it can't be made or written to.
    """
    lock = FileLock(folder / LOCK_FILE, timeout=_PATIENCE, mode=0o600)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_shared:
            lock.acquire()
    except Timeout as error:
        raise BotRunning(
            f"Another bot is running with the data folder {folder}: stop it, or set another "
            "DATA_DIR for this one."
        ) from error
    except OSError as error:
        raise cannot_write_to(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def cannot_write_to(folder: Path, error: OSError) -> DataFolderUnusable:
    """Say why the data folder can't be used, and the way out."""
    return DataFolderUnusable(
        f"The data folder {folder} can't be written to ({error.strerror}): give this user the "
        "right to, or set DATA_DIR to another folder."
    )
