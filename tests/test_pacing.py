"""Telegram's limits hold over all replicas of the bot together."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from telegram import Bot
from telegram.error import RetryAfter
from telegram.ext import ExtBot

from bot.storage.database import Database
from bot.storage.journal import Journal
from bot.storage.paces import Pace, Paces
from bot.storage.schema import PACES
from bot.transport.pacing import SharedPacing
from bot.transport.patience import Patience
from bot.transport.sending import Requests, Sending
from bot_api_chats import Person
from bot_api_server import BotApiServer
from server_clock import server_time

NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as the database has it


class ServerClock:
    """The database's time, as a test sets it."""

    def __init__(self) -> None:
        self.now = NOON


@pytest.fixture
def clock() -> ServerClock:
    return ServerClock()


@pytest.fixture
def paces(replicas: Sequence[Database], clock: ServerClock) -> list[Paces]:
    """One for each of three replicas."""
    return [Paces(database, server_time(lambda: clock.now)) for database in replicas]


async def test_three_replicas_share_a_pace(paces: list[Paces], clock: ServerClock) -> None:
    """After a rest so many are done at once, and then each waits its share of the seconds."""
    pace = Pace("all", 30, 1)
    turns = await asyncio.gather(*(each.take(pace) for each in paces for _ in range(15)))
    assert sorted(turns)[:30] == [0] * 30
    assert sorted(turns)[30:] == pytest.approx([number / 30 for number in range(1, 16)], abs=1e-3)
    clock.now += timedelta(seconds=0.5)
    assert await paces[0].take(pace) == pytest.approx(16 / 30 - 0.5, abs=1e-3)
    clock.now += timedelta(seconds=10)
    turns = await asyncio.gather(*(paces[n % 3].take(pace) for n in range(31)))
    assert sorted(turns) == [*[0] * 30, pytest.approx(1 / 30, abs=1e-3)]


async def test_no_time_has_more_than_the_limit(paces: list[Paces], clock: ServerClock) -> None:
    """Whoever sends and whenever: in a minute a rest's worth and a minute's, as in one process."""
    pace = Pace("group", 20, 60)
    sent: list[datetime] = []
    for number, pause in zip(range(120), itertools.cycle((0, 0, 1, 0, 7)), strict=False):
        clock.now += timedelta(seconds=pause)
        wait = await paces[number % 3].take(pace)
        sent.append(clock.now + timedelta(seconds=wait))
    sent.sort()
    for first, last in itertools.combinations(range(len(sent)), 2):
        seconds = (sent[last] - sent[first]).total_seconds()
        assert last - first + 1 <= 20 + seconds / 3 + 1 + 1e-3
    # And not much less: nobody waits for nothing.
    assert (sent[-1] - sent[0]).total_seconds() == pytest.approx(100 * 3, abs=4)


async def test_all_hear_that_telegram_takes_no_more(
    paces: list[Paces], clock: ServerClock
) -> None:
    """A 429 that one replica got holds up what all of them send to that chat, and no other."""
    pace = Pace("all", 30, 1)
    await paces[0].hold("held a", 7)
    await paces[1].hold("held a", 3)
    assert await paces[2].take(pace, "held a") == 7
    assert await paces[2].take(pace, "held b") == 0
    clock.now += timedelta(seconds=5)
    assert await paces[1].take(pace, "held a") == 2
    clock.now += timedelta(seconds=2)
    assert await paces[0].take(pace, "held a") == 0


class Pacings:
    """Three replicas' waiting for their turns, which takes no time."""

    def __init__(self, replicas: Sequence[Database], paces: Sequence[Paces]) -> None:
        self.waited: list[float] = []
        self.all = [
            SharedPacing(database, paces, self._wait)
            for database, paces in zip(replicas, paces, strict=True)
        ]

    async def _wait(self, seconds: float) -> None:
        self.waited.append(round(seconds, 3))


@pytest.fixture
def pacings(replicas: Sequence[Database], paces: list[Paces]) -> Pacings:
    return Pacings(replicas, paces)


async def test_groups_and_people(pacings: Pacings) -> None:
    """A group takes 20 messages a minute, a person as many as all together get."""
    for number in range(21):
        await pacings.all[number % 3].wait(-100)
    assert pacings.waited == [3]
    chats: list[int | str] = [-200, "@channel", *[7] * 7]
    for chat in chats:
        await pacings.all[0].wait(chat)
    assert pacings.waited == [3]
    await pacings.all[1].wait(8)
    assert pacings.waited == [3, 0.033]


async def test_what_is_kept_of_a_chat(replicas: Sequence[Database], pacings: Pacings) -> None:
    """Its id is not in the table."""
    await pacings.all[0].wait(-1001)
    await pacings.all[0].hold(-1001, 3)
    names = await replicas[0].read(
        lambda connection: connection.scalars(sa.select(PACES.c.name)).all()
    )
    assert sorted(name.split()[0] for name in names) == ["all", "group", "held"]
    assert not any("1001" in name for name in names)


async def test_old_paces_are_forgotten(replicas: Sequence[Database], paces: list[Paces]) -> None:
    """When nothing has had to wait for them for an hour."""
    await paces[0].take(Pace("long ago", 20, 60))
    await Paces(replicas[1]).take(Pace("now", 20, 60))
    await Journal(replicas[2], 90).prune()
    names = await replicas[0].read(
        lambda connection: connection.scalars(sa.select(PACES.c.name)).all()
    )
    assert names == ["now"]


@pytest.fixture
async def bots(api: BotApiServer, pacings: Pacings) -> AsyncIterator[list[Bot]]:
    """What sends for each replica; nothing is tried twice."""
    patience = Patience(message=0)
    async with contextlib.AsyncExitStack() as opened:
        yield [
            await opened.enter_async_context(
                ExtBot(
                    api.token,
                    f"{api.url}/bot",
                    request=Requests(patience, trust_env=False),
                    rate_limiter=Sending(patience, pacing),
                )
            )
            for pacing in pacings.all
        ]


async def test_what_telegram_says_to_one_replica(
    api: BotApiServer, alice: Person, bots: list[Bot], pacings: Pacings
) -> None:
    """The next replica that writes to a chat waits as long as Telegram has said to another."""
    chat = api.private_chat(alice)
    api.fail_next("sendMessage", status=429, retry_after=7)
    with pytest.raises(RetryAfter):
        await bots[0].send_message(alice.id, "Hello")
    assert pacings.waited == []
    await bots[1].send_message(alice.id, "Hello again")
    assert pacings.waited == [7]
    assert (await chat.next_message())["text"] == "Hello again"


async def test_without_the_database(
    api: BotApiServer, alice: Person, bots: list[Bot], replicas: Sequence[Database]
) -> None:
    """While it is away, a replica keeps to the limits by itself, and people get their answers."""
    chat = api.private_chat(alice)
    await replicas[0].write(PACES.drop)
    await bots[0].send_message(alice.id, "Hello")
    assert (await chat.next_message())["text"] == "Hello"
    api.fail_next("sendMessage", status=429, retry_after=7)
    with pytest.raises(RetryAfter):
        await bots[0].send_message(alice.id, "Hello")
