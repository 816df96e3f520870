"""What comes twice and is meant once."""

from bot.repetitions import Repetitions
from bot.storage.database import Database
from bot.storage.journal import Journal
from bot.storage.schema import PACES


async def test_what_comes_again_soon(journal: Journal) -> None:
    """Within its seconds it is a repetition, later it is meant."""
    now = 100.0
    repetitions = Repetitions(journal.database, lambda: now)
    assert [await repetitions.is_one(what, 5) for what in "aab"] == [False, True, False]
    now += 5
    assert [await repetitions.is_one(what, 5) for what in "aa"] == [False, True]


async def test_memory_is_bounded(journal: Journal) -> None:
    """Of more than a hundred things the oldest are forgotten."""
    repetitions = Repetitions(journal.database)
    for number in range(101):
        assert not await repetitions.is_one(str(number), 60)
    assert await repetitions.is_one("1", 60)
    assert not await repetitions.is_one("0", 60)


async def test_another_replica_gets_the_second(replicas: list[Database]) -> None:
    """Of the ten photos of an album, say, of which each may reach another one."""
    one, other, third = (Repetitions(database) for database in replicas)
    assert [await each.is_one("a", 60) for each in (one, other, one)] == [False, True, True]
    assert not await other.is_one("b", 0)
    assert not await one.is_one("b", 60)
    await replicas[0].write(PACES.drop)
    assert not await third.is_one("c", 60)
    assert await third.is_one("c", 60)
