"""Stats: what the journal tells of some days, in numbers, words and a picture."""

import io
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from pydantic import SecretStr

from bot.insight.cards import stats_text
from bot.insight.charts import _bars, draw
from bot.insight.stats import Day, Outcomes, Stats, Totals, added_up, read_stats, stats_fields
from bot.storage.journal import AskedQuestion, Journal

ALICE, BAKYT = 700_000_001, 700_000_002
QUESTION = AskedQuestion(ALICE, "How long is it?", "en", "answered", None, None, "private")
NOW = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
CALM = Outcomes()

STATS = Stats(
    days=(
        Day(date(2026, 3, 8), Outcomes(answered=900, unsure=20, not_found=70, articles=10), 40),
        Day(date(2026, 3, 9), CALM, 0),
        Day(date(2026, 3, 10), Outcomes(answered=232, not_found=2), 30),
    ),
    totals=Totals(Outcomes(1132, 20, 72, 10), 57, 45, 7),
    before=Totals(Outcomes(answered=300, unsure=100), 20, 0, 0),
    languages=(("ru", 1000), ("kk", 134), ("ky", 100)),
    chat_kinds=(("private", 1200), ("group", 30), ("guest", 4)),
)


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


def stats_of(journal: Journal, clock: Clock, days: int, days_kept: int = 90) -> Stats:
    """What the journal tells at the clock's NOW."""
    clock.time = NOW
    time = journal.database.time()
    return journal.database.read_now(lambda each: read_stats(each, time, days, days_kept))


async def ask(journal: Journal, clock: Clock, days_ago: float, **fields: object) -> int:
    """Somebody asks, so many days before NOW."""
    clock.time = NOW - timedelta(days=days_ago)
    question = await journal.record(replace(QUESTION, **fields))  # type: ignore[arg-type]
    assert question is not None
    return question


async def test_each_day_has_its_outcomes(journal: Journal, clock: Clock) -> None:
    """Days without a question are there as well; a day begins at midnight UTC."""
    await ask(journal, clock, 0)
    await ask(journal, clock, 0, outcome="not-found", person=BAKYT)
    await ask(journal, clock, 0, outcome="articles", person=None)
    await ask(journal, clock, 0.97)  # at 00:13 of the same day
    await ask(journal, clock, 0.99, outcome="unsure")  # at 23:44 of the day before
    stats = stats_of(journal, clock, 3)
    assert stats.days == (
        Day(date(2026, 3, 8), CALM, 0),
        Day(date(2026, 3, 9), Outcomes(unsure=1), 1),
        Day(date(2026, 3, 10), Outcomes(answered=2, not_found=1, articles=1), 2),
    )
    assert stats.totals == Totals(
        Outcomes(answered=2, unsure=1, not_found=1, articles=1), 2, helpful=0, not_helpful=0
    )
    assert stats.questions == 5


async def test_languages_and_kinds_of_chats_come_with_the_most_first(
    journal: Journal, clock: Clock
) -> None:
    """Equal ones in alphabetical order, so that two looks show the same."""
    for language, kind in (("ru", "group"), ("ky", "guest"), ("ru", "group"), ("kk", "private")):
        await ask(journal, clock, 0, language=language, chat_kind=kind)
    stats = stats_of(journal, clock, 30)
    assert stats.languages == (("ru", 2), ("kk", 1), ("ky", 1))
    assert stats.chat_kinds == (("group", 2), ("guest", 1), ("private", 1))


async def test_verdicts_count_by_the_day_of_their_question(journal: Journal, clock: Clock) -> None:
    """What is said of an older question doesn't count."""
    old, new = await ask(journal, clock, 7), await ask(journal, clock, 0)
    await journal.rate(old, ALICE, helpful=False)
    await journal.rate(new, ALICE, helpful=True)
    await journal.rate(new, BAKYT, helpful=False)
    totals = stats_of(journal, clock, 7).totals
    assert (totals.helpful, totals.not_helpful, totals.helpful_share) == (1, 1, 0.5)


async def test_the_days_before_are_compared(journal: Journal, clock: Clock) -> None:
    """They are as many, and end where the others begin."""
    for days_ago in (0, 6, 7, 13, 14):
        await ask(journal, clock, days_ago)
    stats = stats_of(journal, clock, 7)
    assert stats.questions == 2
    assert stats.before is not None
    assert stats.before.outcomes == Outcomes(answered=2)


async def test_days_that_are_not_kept_are_not_compared(journal: Journal, clock: Clock) -> None:
    """Half of what was would look like a rise; and neither is a time when nobody asked."""
    await ask(journal, clock, 8)
    await ask(journal, clock, 0)
    assert stats_of(journal, clock, 7, days_kept=13).before is None
    assert stats_of(journal, clock, 7, days_kept=14).before is not None
    assert stats_of(journal, clock, 20).before is None


@pytest.mark.parametrize(
    ("asked", "kept", "days"), [(30, 90, 30), (400, 90, 90), (3650, 3650, 365), (0, 90, 1)]
)
def test_there_are_no_more_days_than_are_kept(
    asked: int, kept: int, days: int, journal: Journal, clock: Clock
) -> None:
    """Nor more than a year, and one at least."""
    assert len(stats_of(journal, clock, asked, kept).days) == days


def test_nothing_is_no_share() -> None:
    """Where nobody asked or rated there is nothing to divide by."""
    assert CALM.share(0) == 0
    assert Totals(CALM, 0, 0, 0).helpful_share is None


def test_outcomes_add_up() -> None:
    """Each to its own."""
    assert added_up([Outcomes(1, 2, 3, 4), Outcomes(10, 20, 30, 40)]) == Outcomes(11, 22, 33, 44)


def test_json_has_days_as_dates() -> None:
    """What another program reads needs none of our types."""
    fields = stats_fields(STATS)
    assert fields["questions"] == 1234
    assert fields["days"][1] == {
        "day": "2026-03-09",
        "outcomes": {"answered": 0, "unsure": 0, "not_found": 0, "articles": 0},
        "people": 0,
    }
    assert fields["languages"] == {"ru": 1000, "kk": 134, "ky": 100}


def test_text() -> None:
    """An admin reads how many asked, how it went, what helped, and in which languages."""
    assert stats_text(STATS, "en").splitlines() == [
        "Questions of the last 3 days",
        "8 Mar – 10 Mar",
        "",
        "Questions: 1,234",
        "People: 57",
        "A day on average: 411.3",
        "As long before: 400, of which answered 75%",
        "",
        "Answered: 1,132 (92%)",
        "Not sure: 20 (2%)",
        "Not found: 72 (6%)",
        "List of articles: 10 (1%)",
        "",
        "Helpful: 45 of 52 ratings (87%)",
        "",
        "Russian 81% · Kazakh 11% · Kyrgyz 8%",
        "In private 97% · in groups 2% · as a guest 0%",
    ]


def test_text_of_one_day_without_verdicts() -> None:
    """There is no span, nothing to compare, and nothing that helped or didn't."""
    today = replace(
        STATS, days=STATS.days[-1:], totals=Totals(Outcomes(answered=4), 2, 0, 0), before=None
    )
    lines = stats_text(today, "ru").splitlines()
    assert lines[:6] == [
        "Вопросы за сегодня",
        "10 мар.",
        "",
        "Вопросов: 4",
        "Людей: 2",
        "В среднем за день: 4",
    ]
    assert "Ответы пока никто не оценил." in lines


@pytest.mark.parametrize("language", ["en", "ru", "kk", "ky"])
def test_text_fits_below_a_picture(language: str) -> None:
    """A caption has at most 1,024 UTF-16 units."""
    assert len(stats_text(STATS, language).encode("utf-16-le")) // 2 < 1024


@pytest.mark.parametrize("language", ["en", "ru", "kk", "ky"])
def test_picture(language: str, recwarn: pytest.WarningsRecorder) -> None:
    """It is an upright PNG of a phone's width, and the font has every letter of the language."""
    with Image.open(io.BytesIO(draw(STATS, language))) as picture:
        assert picture.format == "PNG"
        assert picture.size == (1080, 1350)
        # More than one colour: the outcomes' own are in it.
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24) or []}
        assert {(0, 158, 115), (230, 159, 0), (213, 94, 0), (86, 180, 233)} <= colours
    assert not recwarn.list


def test_picture_of_a_year_has_weeks() -> None:
    """A bar for each day would be two dots wide."""
    day = Day(date(2026, 1, 1), Outcomes(answered=1), 1)
    year = replace(
        STATS, days=tuple(replace(day, day=date(2026, 1, 1) + timedelta(n)) for n in range(365))
    )
    bars = _bars(year)
    assert len(bars) == 52
    assert bars[-1] == (date(2026, 12, 31), Outcomes(answered=7))
    assert _bars(STATS)[0] == (date(2026, 3, 8), Outcomes(900, 20, 70, 10))
    assert draw(year, "en").startswith(b"\x89PNG")


def test_drawing_leaves_no_global_state() -> None:
    """Matplotlib's pyplot keeps every figure until somebody closes it."""
    draw(STATS, "en")
    assert "matplotlib.pyplot" not in sys.modules
