"""The journal as a table for spreadsheets."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

import sqlalchemy as sa

from bot.storage.schema import QUESTIONS, VERDICTS

COLUMNS = (
    "asked_at",
    "language",
    "chat_kind",
    "outcome",
    "article",
    "confidence",
    "helpful",
    "not_helpful",
    "text",
    "person",
)

# A spreadsheet takes a cell that begins with one of these for a formula, also as full-width signs,
# and an attacker's question for one that opens a link.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_ROWS_AT_ONCE = 1_000


def write_csv(connection: sa.Connection, file: TextIO, since: datetime | None = None) -> int:
    """Write all questions that are kept, the oldest first; returns how many there were.

    Rows are written as they are read, so that the number of questions doesn't matter.

    Args:
        connection: To the bot's database.
        file: Opened with newline="", as the csv module wants it.
        since: UTC, without a time zone; None for all.
    """
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    written = 0
    for row in _rows(connection, since):
        writer.writerow([_harmless(cell) for cell in row])
        written += 1
    return written


def _rows(connection: sa.Connection, since: datetime | None) -> Iterator[list[str]]:
    select = (
        sa.select(
            QUESTIONS,
            sa.func.count(VERDICTS.c.helpful).label("verdicts"),
            sa.func.sum(sa.cast(VERDICTS.c.helpful, sa.Integer)).label("helpful"),
        )
        .outerjoin(VERDICTS, VERDICTS.c.question == QUESTIONS.c.id)
        .group_by(QUESTIONS.c.id)
        .order_by(QUESTIONS.c.id)
    )
    if since is not None:
        select = select.where(QUESTIONS.c.asked_at >= since)
    # Who asked several questions can be told, but not found in another export or in the journal.
    people: dict[str, str] = {}
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(select)
    for row in streamed:
        helpful = row.helpful or 0
        person = "" if row.person is None else people.setdefault(row.person, str(len(people) + 1))
        yield [
            row.asked_at.isoformat(" ", "seconds"),
            row.language,
            row.chat_kind,
            row.outcome,
            row.article or "",
            "" if row.confidence is None else f"{row.confidence:.3f}",
            str(helpful) if row.verdicts else "",
            str(row.verdicts - helpful) if row.verdicts else "",
            row.text,
            person,
        ]


def _harmless(cell: str) -> str:
    """The cell as text; an apostrophe in front is what spreadsheets themselves use for that."""
    return f"'{cell}" if cell.startswith(_FORMULA_SIGNS) else cell
