"""Files that are written whole or not at all, whatever happens meanwhile."""

import contextlib
import os
import secrets
from pathlib import Path

TEMPORARY_FILES = ".writing-*"
"""A pattern for what a kill may leave in the folder."""


def write_file(path: Path, content: bytes) -> None:
    """Put a file in place of what there is, if anything.

    A kill leaves the old file or the new one; once this returns, the new one survives a power cut.

    Raises:
        OSError: it can't be written; the old file is as it was.
    """
    temporary = path.with_name(f".writing-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            # Who may read the old file may read the new one.
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Let what was made, renamed or removed in a folder survive a power cut.

    Some systems and file systems can't; then what is lost at worst is the last change as a whole.
    """
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
