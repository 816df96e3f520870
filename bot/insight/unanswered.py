"""What people ask and the articles don't answer: the journal's questions, grouped by meaning."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from bot.answering import Answer, Answering, Outcome, Question, read_question
from bot.storage.schema import QUESTIONS
from embeddings.question_groups import QuestionGroups

MOST_WORDINGS = 500
"""Of more than these the oldest are left out: to read one takes 3 to 10 ms."""

_BATCH = 32


@dataclass(slots=True)
class Wording:
    """A question as people wrote it, and how often."""

    text: str
    """As it was written last."""
    language: str
    not_found: int = 0
    unsure: int = 0
    people: set[str] = field(default_factory=set)
    """See `bot.storage.schema`."""


@dataclass(frozen=True, slots=True)
class QuestionGroup:
    """Questions that ask nearly the same, at least one of which found no answer."""

    text: str
    """The wording that is the commonest."""
    not_found: int
    """How often nothing was found."""
    unsure: int
    """How often something was, but it was uncertain whether it answers."""
    people: int
    """How many different people asked; who has no identity isn't counted."""
    languages: tuple[str, ...]
    """The commonest first."""

    @property
    def question(self) -> Question:
        """What to ask in order to see whether there is an answer now."""
        return read_question(self.text)


def read_wordings(connection: sa.Connection, now: datetime, days: int) -> list[Wording]:
    """Read what was asked in some days and not surely answered, the newest first.

    Args:
        connection: To the bot's database.
        now: See `Database.time`.
        days: How many.
    """
    wordings: dict[str, Wording] = {}
    rows = connection.execute(
        sa.select(QUESTIONS.c.text, QUESTIONS.c.language, QUESTIONS.c.outcome, QUESTIONS.c.person)
        .where(
            QUESTIONS.c.asked_at >= now - timedelta(days=days),
            QUESTIONS.c.outcome.in_([Outcome.NOT_FOUND, Outcome.UNSURE]),
        )
        .order_by(QUESTIONS.c.asked_at.desc(), QUESTIONS.c.id.desc())
    )
    for text, language, outcome, person in rows:
        words = _words(text)
        if words not in wordings and len(wordings) == MOST_WORDINGS:
            continue
        wording = wordings.setdefault(words, Wording(text, language))
        if outcome == Outcome.NOT_FOUND:
            wording.not_found += 1
        else:
            wording.unsure += 1
        if person is not None:
            wording.people.add(person)
    return list(wordings.values())


def batches(wordings: Sequence[Wording]) -> Iterator[tuple[list[str], list[str]]]:
    """Cut what is to be read into texts and languages that take a fraction of a second."""
    for first in range(0, len(wordings), _BATCH):
        batch = wordings[first : first + _BATCH]
        yield [each.text for each in batch], [each.language for each in batch]


def rank(wordings: Sequence[Wording], groups: Sequence[Sequence[int]]) -> list[QuestionGroup]:
    """Make groups of wordings: what was most often not found first, then what was asked last.

    Args:
        wordings: The newest first.
        groups: Numbers of wordings.
    """
    together = [
        _group([wordings[number] for number in sorted(group)]) for group in sorted(groups, key=min)
    ]
    missing = [group for group in together if group.not_found]
    return sorted(missing, key=lambda group: (-group.not_found, -group.unsure))


async def group_wordings(wordings: Sequence[Wording], answering: Answering) -> list[QuestionGroup]:
    """Group them by meaning; people's questions get their turn meanwhile.

    Raises:
        EmbeddingsError: if the index can't be read.
    """
    reading = QuestionGroups()
    for texts, languages in batches(wordings):
        await answering.look_up(partial(reading.read, texts, languages))
    return rank(wordings, await answering.look_up(reading.groups))


async def answers_now(groups: Sequence[QuestionGroup], answering: Answering) -> list[Answer]:
    """What each group would be answered with today.

    Raises:
        EmbeddingsError: if the index can't be searched.
    """
    return await asyncio.gather(*(answering.answer(group.question) for group in groups))


def _group(wordings: Sequence[Wording]) -> QuestionGroup:
    languages: Counter[str] = Counter()
    people: set[str] = set()
    for each in wordings:
        languages[each.language] += each.not_found + each.unsure
        people |= each.people
    # Of equally common ones the newest, which comes first.
    commonest = max(wordings, key=lambda each: (each.not_found + each.unsure, each.not_found))
    return QuestionGroup(
        text=commonest.text,
        not_found=sum(each.not_found for each in wordings),
        unsure=sum(each.unsure for each in wordings),
        people=len(people),
        languages=tuple(language for language, _ in languages.most_common()),
    )


def _words(text: str) -> str:
    """What two questions have in common that differ in case and punctuation only."""
    letters = (each if each.isalnum() else " " for each in text.casefold())
    return " ".join("".join(letters).split())
