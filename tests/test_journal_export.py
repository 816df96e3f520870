"""The journal as a table: whole, harmless in a spreadsheet, and without identities."""

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.storage.export import write_csv
from bot.storage.journal import AskedQuestion, Journal

ALICE, BAKYT = 700_000_001, 700_000_002
QUESTION = AskedQuestion(ALICE, "How long is it?", "en", "answered", "bridge", 0.98765, "private")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """Says the time that a test sets."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock, database_url: SecretStr | None) -> Iterator[Journal]:
    """A journal on that clock."""
    with closing(Journal.open(tmp_path, 90, clock, database_url)) as journal:
        yield journal


def exported(journal: Journal, since: datetime | None = None) -> str:
    """The table as text."""
    file = io.StringIO(newline="")
    journal.database.read_now(lambda each: write_csv(each, file, since))
    return file.getvalue()


def table(journal: Journal, since: datetime | None = None) -> list[dict[str, str]]:
    """The table as a spreadsheet has it."""
    return list(csv.DictReader(io.StringIO(exported(journal, since), newline="")))


async def ask(journal: Journal, **fields: object) -> int:
    """Somebody asks, as in QUESTION unless said."""
    question = await journal.record(replace(QUESTION, **fields))  # type: ignore[arg-type]
    assert question is not None
    return question


async def test_a_row_for_each_question(journal: Journal) -> None:
    """The oldest first, with how often it was rated, and a number in place of the person."""
    question = await ask(journal)
    await journal.rate(question, ALICE, helpful=True)
    await journal.rate(question, BAKYT, helpful=False)
    await ask(
        journal,
        person=BAKYT,
        text='«Мост», "көпүрө"\nкайда?',
        language="ky",
        outcome="not-found",
        article=None,
        confidence=None,
        chat_kind="group",
    )
    await ask(journal, person=None)
    await ask(journal)
    assert exported(journal) == (
        "asked_at,language,chat_kind,outcome,article,confidence,helpful,not_helpful,text,person\r\n"
        "2026-03-01 12:00:00,en,private,answered,bridge,0.988,1,1,How long is it?,1\r\n"
        '2026-03-01 12:00:00,ky,group,not-found,,,,,"«Мост», ""көпүрө""\nкайда?",2\r\n'
        "2026-03-01 12:00:00,en,private,answered,bridge,0.988,,,How long is it?,\r\n"
        "2026-03-01 12:00:00,en,private,answered,bridge,0.988,,,How long is it?,1\r\n"
    )


async def test_no_identity_is_in_the_table(journal: Journal, tmp_path: Path) -> None:
    """Neither an id nor what stands for it in the journal."""
    await ask(journal)
    text = exported(journal)
    assert str(ALICE) not in text
    assert str(journal.database.person(ALICE)) not in text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
async def test_no_cell_is_a_formula(sign: str, journal: Journal) -> None:
    """What a spreadsheet would compute or open becomes text; the rest of the text stays."""
    text = f'{sign}HYPERLINK("https://example.org")'
    await ask(journal, text=text, article=f"{sign}1")
    [row] = table(journal)
    assert row["text"] == f"'{text}"
    assert row["article"] == f"'{sign}1"


async def test_the_last_days_only(journal: Journal, clock: Clock) -> None:
    """From a time on, if one is given."""
    await ask(journal, text="Old?")
    clock.time += timedelta(days=3)
    await ask(journal, text="New?")
    since = journal.database.time() - timedelta(days=1)
    assert [row["text"] for row in table(journal, since)] == ["New?"]


async def test_an_empty_journal_is_a_table_of_no_rows(journal: Journal) -> None:
    """With the names of its columns."""
    assert exported(journal).startswith("asked_at,")
    assert table(journal) == []
