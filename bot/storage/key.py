"""The key of the hashes that stand for people: a file of its own, whatever the database is."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import sqlalchemy as sa

from bot.errors import JournalUnusable
from bot.storage.schema import STATE

KEY_FILE = "journal.key"

FINGERPRINT = "journal-key"
"""The name in the table `state` of what tells the key of a shared database from others."""

_BYTES = 32


def read_or_make_key(folder: Path) -> bytes:
    """The key in a folder; whoever calls it keeps others from making it at the same time.

    Raises:
        JournalUnusable: it is damaged.
        OSError: it can't be read or written.
    """
    path = folder / KEY_FILE
    if not path.exists():
        write_key(folder, secrets.token_bytes(_BYTES))
    key = path.read_bytes()
    if len(key) != _BYTES:
        raise JournalUnusable(
            f"{path} is damaged: restore it from a backup, or delete it; what is in the journal "
            "then belongs to nobody."
        )
    return key


def write_key(folder: Path, key: bytes) -> None:
    """Put a key into a folder, whole or not at all."""
    made = folder / f"{KEY_FILE}.new"
    made.unlink(missing_ok=True)
    made.touch(0o600)
    with made.open("wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    made.replace(folder / KEY_FILE)


def fingerprint(key: bytes) -> str:
    """What tells a key from others, without saying anything else of it."""
    return hmac.new(key, b"fingerprint", hashlib.sha256).hexdigest()


def known_fingerprint(connection: sa.Connection) -> str | None:
    """The fingerprint of the key that a shared database was begun with; None if it wasn't yet."""
    return connection.scalar(sa.select(STATE.c.value).where(STATE.c.name == FINGERPRINT))
