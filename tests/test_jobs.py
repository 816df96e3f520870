"""Regular work is done by one of the replicas."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.storage.database import Database
from bot.storage.jobs import Jobs
from bot.storage.journal import Journal
from server_clock import server_time

HOUR = timedelta(hours=1)


async def test_one_replica_does_it_each_time(replicas: Sequence[Database]) -> None:
    """Of all that ask in a period one does it; each asks when it likes."""
    now = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as the database has it
    jobs = [Jobs(database, server_time(lambda: now)) for database in replicas]
    claims = await asyncio.gather(*(each.claim("tidy", HOUR) for each in jobs * 3))
    assert sorted(claims) == [False] * 8 + [True]
    assert await jobs[0].claim("articles", HOUR)
    now += timedelta(minutes=50)
    assert not await jobs[1].claim("tidy", HOUR)
    # Its own hour, by a clock that goes a little fast.
    now += timedelta(minutes=9)
    claims = await asyncio.gather(*(each.claim("tidy", HOUR) for each in jobs))
    assert sorted(claims) == [False, False, True]


async def test_the_servers_time_counts(replicas: Sequence[Database]) -> None:
    """Whatever the replicas' own clocks say."""
    assert await Jobs(replicas[0]).claim("tidy", HOUR)
    assert not await Jobs(replicas[1]).claim("tidy", HOUR)


async def test_a_bot_that_is_alone(journal: Journal) -> None:
    """It does all work whenever it is due."""
    jobs = Jobs(journal.database)
    assert await jobs.claim("tidy", HOUR)
    assert await jobs.claim("tidy", HOUR)
