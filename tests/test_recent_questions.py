"""What each person asked last in each chat."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.recent_questions import (
    QuestionsInMemory,
    RecentQuestions,
    SharedQuestions,
    recent_questions,
)
from bot.storage.database import Database
from bot.storage.journal import Journal
from bot.storage.schema import RECENT_QUESTIONS


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def time(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["in memory", "shared"])
def recent(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> Iterator[RecentQuestions]:
    """Of a bot that is alone, and of one of several replicas."""
    if request.param == "in memory":
        yield QuestionsInMemory(clock)
        return
    url = request.getfixturevalue("postgres_url")
    with closing(Database.open(tmp_path, clock.time, url)) as database:
        yield SharedQuestions(database)


async def test_each_person_in_each_chat_has_a_last_question(recent: RecentQuestions) -> None:
    """Nobody's question is taken for somebody else's, nor for one from another chat."""
    await recent.remember(1, 7, "Who?")
    await recent.remember(1, 8, "When?")
    await recent.remember(2, 7, "Where?")
    last = [await recent.last(*asker) for asker in ((1, 7), (1, 8), (2, 7), (2, 8))]
    assert last == ["Who?", "When?", "Where?", None]
    await recent.remember(1, 7, "Why?")
    assert await recent.last(1, 7) == "Why?"


async def test_after_ten_minutes_it_is_forgotten(recent: RecentQuestions, clock: Clock) -> None:
    """A conversation ends when nobody goes on with it."""
    await recent.remember(1, 7, "Who?")
    clock.now += 599
    await recent.prune()
    assert await recent.last(1, 7) == "Who?"
    clock.now += 1
    assert await recent.last(1, 7) is None
    await recent.prune()
    clock.now -= 1
    assert await recent.last(1, 7) is None


async def test_who_has_no_identity_has_no_question_before(recent: RecentQuestions) -> None:
    """Anonymous admins are many people under one name."""
    await recent.remember(1, None, "Who?")
    assert await recent.last(1, None) is None


async def test_who_wants_to_be_forgotten_is() -> None:
    """In all chats, and nobody else."""
    recent = QuestionsInMemory()
    for chat, person in ((1, 7), (2, 7), (1, 8)):
        await recent.remember(chat, person, "Who?")
    await recent.forget(7)
    last = [await recent.last(*asker) for asker in ((1, 7), (2, 7), (1, 8))]
    assert last == [None, None, "Who?"]


async def test_memory_is_bounded() -> None:
    """Of more than ten thousand people the ones who have been silent longest are forgotten."""
    recent = QuestionsInMemory()
    for person in range(10_001):
        await recent.remember(1, person, "Who?")
        await recent.remember(1, 0, "Again?")
    last = [await recent.last(1, person) for person in (0, 1, 2)]
    assert last == ["Again?", None, "Who?"]


async def test_the_next_question_may_reach_another_replica(replicas: list[Database]) -> None:
    """What one replica was asked the other ones know; a row names neither chat nor person."""
    one, other, _ = (recent_questions(database) for database in replicas)
    await one.remember(-100777, 4711, "Who?")
    assert await other.last(-100777, 4711) == "Who?"
    [row] = await replicas[2].read(
        lambda connection: connection.execute(sa.select(RECENT_QUESTIONS)).all()
    )
    assert row.text == "Who?"
    assert (row.asker, row.person) == (
        replicas[2].hash_of("asked -100777 4711"),
        replicas[2].person(4711),
    )


async def test_deleting_records_deletes_it(replicas: list[Database]) -> None:
    """In every replica, all chats of that person and nobody else's."""
    one, other, _ = (recent_questions(database) for database in replicas)
    for chat, person in ((1, 7), (2, 7), (1, 8)):
        await one.remember(chat, person, "Who?")
    await Journal(replicas[2], days=0).forget(7)
    await one.forget(7)
    last = [await other.last(*asker) for asker in ((1, 7), (2, 7), (1, 8))]
    assert last == [None, None, "Who?"]


async def test_without_the_database(replicas: list[Database]) -> None:
    """Each question is understood by itself then, and is answered."""
    recent = recent_questions(replicas[0])
    await replicas[0].write(RECENT_QUESTIONS.drop)
    await recent.remember(1, 7, "Who?")
    assert await recent.last(1, 7) is None
