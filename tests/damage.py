"""Breaks databases as a bad disk does: some pages of the file hold something else."""

import sqlite3
from contextlib import closing
from pathlib import Path


def damage_table(path: Path, table: str) -> None:
    """Overwrite the page that a table begins with; the rest of the file is as it was.

    Nobody may have the file open.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
