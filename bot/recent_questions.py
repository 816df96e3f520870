"""What each person asked last in each chat, so that "and who leads it?" can be understood."""

import logging
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.errors import JournalError
from bot.storage.database import Database, replace_row
from bot.storage.schema import RECENT_QUESTIONS

logger = logging.getLogger(__name__)

# A conversation goes on within minutes; after that "it" means something else. In seconds.
_KEPT = 600.0
_MOST = 10_000


class RecentQuestions(ABC):
    """The last question that stands alone, by chat and person, for ten minutes."""

    @abstractmethod
    async def last(self, chat: int, person: int | None) -> str | None:
        """What a person asked last in a chat; None if they didn't, or too long ago."""

    @abstractmethod
    async def remember(self, chat: int, person: int | None, question: str) -> None:
        """Keep a question; who has no identity (None) has no question before."""

    @abstractmethod
    async def forget(self, person: int) -> None:
        """Drop all that a person has asked."""

    @abstractmethod
    async def prune(self) -> None:
        """Drop what was kept long enough."""


class QuestionsInMemory(RecentQuestions):
    """Of one bot, which nobody shares its people with: they are written nowhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock that tells seconds and never goes back."""
        self._clock = clock
        self._asked: OrderedDict[tuple[int, int], tuple[float, str]] = OrderedDict()

    async def last(self, chat: int, person: int | None) -> str | None:
        """What a person asked last in a chat."""
        asked_at, question = self._asked.get((chat, person or 0), (0.0, None))
        return question if self._clock() - asked_at < _KEPT else None

    async def remember(self, chat: int, person: int | None, question: str) -> None:
        """Keep a question."""
        if person is None:
            return
        self._asked[chat, person] = self._clock(), question
        self._asked.move_to_end((chat, person))
        while len(self._asked) > _MOST:
            self._asked.popitem(last=False)

    async def forget(self, person: int) -> None:
        """Drop all that a person has asked."""
        for key in [key for key in self._asked if key[1] == person]:
            del self._asked[key]

    async def prune(self) -> None:
        """Drop what was kept long enough."""
        # The oldest is the first.
        while self._asked and self._clock() - next(iter(self._asked.values()))[0] >= _KEPT:
            self._asked.popitem(last=False)


class SharedQuestions(RecentQuestions):
    """Of several replicas: what follows a question may reach another one.

    While the database is away each question is understood by itself.
    """

    def __init__(self, database: Database) -> None:
        """Take the database that the replicas share."""
        self._database = database

    async def last(self, chat: int, person: int | None) -> str | None:
        """What a person asked last in a chat."""
        if person is None:
            return None
        columns = RECENT_QUESTIONS.c
        asked = sa.select(columns.text).where(
            columns.asker == self._asker(chat, person), columns.asked_at > self._oldest()
        )
        try:
            return await self._database.read(lambda connection: connection.scalar(asked))
        except JournalError as error:
            logger.warning("The question before was not looked up: %s", error)
            return None

    async def remember(self, chat: int, person: int | None, question: str) -> None:
        """Keep a question."""
        if person is None:
            return
        key = {"asker": self._asker(chat, person)}
        values = {
            "person": self._database.person(person),
            "asked_at": self._database.time(),
            "text": question,
        }
        try:
            await self._database.write(
                lambda connection: replace_row(connection, RECENT_QUESTIONS, key, values)
            )
        except JournalError as error:
            logger.warning("A question was not kept for the next one: %s", error)

    async def forget(self, person: int) -> None:
        """Nothing is left to drop: `bot.storage.journal.Journal.forget` has."""

    async def prune(self) -> None:
        """Drop what was kept long enough."""
        old = RECENT_QUESTIONS.delete().where(RECENT_QUESTIONS.c.asked_at <= self._oldest())
        await self._database.write(lambda connection: connection.execute(old), deletes=True)

    def _asker(self, chat: int, person: int) -> str:
        return self._database.hash_of(f"asked {chat} {person}")

    def _oldest(self) -> datetime:
        return self._database.time() - timedelta(seconds=_KEPT)


def recent_questions(database: Database) -> RecentQuestions:
    """What fits a database: alone, the bot keeps them in memory."""
    return SharedQuestions(database) if database.is_shared else QuestionsInMemory()
