"""Files that only their owner can read, and that are there only once they are whole."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from knowledge.files import sync_folder

TEMPORARY_FILES = ".writing-*"
"""A pattern for what a kill may leave in the folder; see `knowledge.files`."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Write a file; when the context ends without an error it is put in place of what there is.

    Raises:
        OSError: it can't be written; the old file is as it was.
    """
    temporary = path.with_name(f".writing-{secrets.token_hex(8)}")
    number = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(number, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)
