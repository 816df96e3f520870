"""What the journal tells of some days: how many questions, and how they went."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot.answering import Outcome
from bot.storage.schema import QUESTIONS, VERDICTS

MOST_DAYS = 365

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many questions went how."""

    answered: int = 0
    unsure: int = 0
    not_found: int = 0
    articles: int = 0
    """What asked for articles of a time, and got a list."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.in_order)

    @property
    def in_order(self) -> tuple[int, int, int, int]:
        """Answered, unsure, not found, articles."""
        return self.answered, self.unsure, self.not_found, self.articles

    def share(self, count: int) -> float:
        """What part of all that is; 0 of none."""
        return count / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Day:
    """One day, with questions or without; days are UTC's, as the journal's times are."""

    day: date
    outcomes: Outcomes
    people: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all days together."""

    outcomes: Outcomes
    people: int
    """Different ones; who has no identity isn't counted."""
    helpful: int
    not_helpful: int

    @property
    def helpful_share(self) -> float | None:
        """What part of the verdicts says that an answer helped; None without any."""
        verdicts = self.helpful + self.not_helpful
        return self.helpful / verdicts if verdicts else None


@dataclass(frozen=True, slots=True)
class Stats:
    """What happened in some days in a row, the last of which is today."""

    days: tuple[Day, ...]
    """All of them, in order."""
    totals: Totals
    before: Totals | None
    """Of as many days before; None if nothing is kept for as long, or nobody asked then."""
    languages: tuple[tuple[str, int], ...]
    """Questions in each language, the most first."""
    chat_kinds: tuple[tuple[str, int], ...]
    """Questions in each kind of chat, the most first."""

    @property
    def questions(self) -> int:
        """How many questions there were."""
        return self.totals.outcomes.total


def added_up(outcomes: Iterable[Outcomes]) -> Outcomes:
    """All of them together."""
    return Outcomes(*map(sum, zip(*(each.in_order for each in outcomes), strict=True)))


def read_stats(connection: sa.Connection, now: datetime, days: int, days_kept: int) -> Stats:
    """Count what is in the journal.

    Args:
        connection: To the bot's database.
        now: See `Database.time`.
        days: How many, today included; no more than are kept or than MOST_DAYS, and one at least.
        days_kept: How long questions are kept.
    """
    days = max(1, min(days, days_kept, MOST_DAYS))
    end = datetime(now.year, now.month, now.day) + _DAY  # noqa: DTZ001 - as in the tables
    begin = end - days * _DAY
    # Half a span would look as if fewer people had asked.
    before = _totals(connection, begin - days * _DAY, begin) if days_kept >= 2 * days else None
    return Stats(
        days=_days(connection, begin, end),
        totals=_totals(connection, begin, end),
        before=before if before and before.outcomes.total else None,
        languages=_most_first(connection, QUESTIONS.c.language, begin, end),
        chat_kinds=_most_first(connection, QUESTIONS.c.chat_kind, begin, end),
    )


def stats_fields(stats: Stats) -> dict[str, Any]:
    """The same as JSON has it."""
    fields = asdict(stats)
    fields["questions"] = stats.questions
    fields["days"] = [{**asdict(each), "day": each.day.isoformat()} for each in stats.days]
    fields["languages"] = dict(stats.languages)
    fields["chat_kinds"] = dict(stats.chat_kinds)
    return fields


def _days(connection: sa.Connection, begin: datetime, end: datetime) -> tuple[Day, ...]:
    day = sa.func.date(QUESTIONS.c.asked_at, type_=sa.Date)
    counts: dict[date, dict[str, int]] = {}
    for asked_on, outcome, count in connection.execute(
        sa.select(day, QUESTIONS.c.outcome, sa.func.count())
        .where(_within(begin, end))
        .group_by(day, QUESTIONS.c.outcome)
    ):
        counts.setdefault(asked_on, {})[outcome] = count
    people = _counted(
        connection,
        sa.select(day, sa.func.count(QUESTIONS.c.person.distinct()))
        .where(_within(begin, end))
        .group_by(day),
    )
    all_days = [(begin + number * _DAY).date() for number in range((end - begin).days)]
    return tuple(
        Day(each, _outcomes(counts.get(each, {})), people.get(each, 0)) for each in all_days
    )


def _totals(connection: sa.Connection, begin: datetime, end: datetime) -> Totals:
    people = connection.scalar(
        sa.select(sa.func.count(QUESTIONS.c.person.distinct())).where(_within(begin, end))
    )
    verdicts = _counted(
        connection,
        sa.select(VERDICTS.c.helpful, sa.func.count())
        .join(QUESTIONS, QUESTIONS.c.id == VERDICTS.c.question)
        .where(_within(begin, end))
        .group_by(VERDICTS.c.helpful),
    )
    return Totals(
        outcomes=_outcomes(dict(_most_first(connection, QUESTIONS.c.outcome, begin, end))),
        people=people or 0,
        helpful=verdicts.get(True, 0),
        not_helpful=verdicts.get(False, 0),
    )


def _most_first(
    connection: sa.Connection, column: sa.Column[Any], begin: datetime, end: datetime
) -> tuple[tuple[str, int], ...]:
    count = sa.func.count()
    select = sa.select(column, count).where(_within(begin, end)).group_by(column)
    return tuple(_counted(connection, select.order_by(count.desc(), column)).items())


def _counted(connection: sa.Connection, select: sa.Select[Any, int]) -> dict[Any, int]:
    return {key: count for key, count in connection.execute(select)}  # noqa: C416 - rows, no pairs


def _within(begin: datetime, end: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(begin <= QUESTIONS.c.asked_at, QUESTIONS.c.asked_at < end)


def _outcomes(counts: dict[str, int]) -> Outcomes:
    return Outcomes(
        answered=counts.get(Outcome.ANSWERED, 0),
        unsure=counts.get(Outcome.UNSURE, 0),
        not_found=counts.get(Outcome.NOT_FOUND, 0),
        articles=counts.get(Outcome.ARTICLES, 0),
    )
