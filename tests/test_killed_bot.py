"""Killed with -9 at any moment, the bot loses no question and answers none twice."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from bot.localization import say
from bot_api_chats import Chat
from bot_api_server import BotApiServer
from conversation import CARD, Message

SEEDED = pytest.mark.parametrize("seed", [20_260_312])
KILLS = 8
CHATS = 4

ASK_AGAIN = say("en", "inbox-ask-again")

Order: TypeAlias = Callable[[str], Awaitable[None]]


@pytest.fixture
async def order(api: BotApiServer, tmp_path: Path) -> AsyncIterator[Order]:
    """Has the bot started ("start") or killed ("kill")."""
    environment = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": api.token,
        "TELEGRAM_API_URL": api.url,
        "DATA_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",  # threads don't outlive a fork
    }
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, str(Path(__file__).with_name("killed_bot.py"))],
        cwd=tmp_path,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    orders, answers = process.stdin, process.stdout
    assert orders is not None
    assert answers is not None

    async def carry_out(what: str) -> None:
        orders.write(f"{what}\n".encode())
        assert await answers.readline() == b"done\n"

    yield carry_out
    await carry_out("kill")
    orders.close()
    await process.wait()


def _has_polled(api: BotApiServer, polls: int) -> bool | None:
    return api.polls > polls or None


@SEEDED
async def test_every_question_is_answered_once_or_its_person_told(
    seed: int, api: BotApiServer, order: Order
) -> None:
    """Whenever the kills come: before, while and after a question is taken and answered."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    people = [api.user(f"Person {number}", language_code="en") for number in range(CHATS)]
    chats = [api.private_chat(person) for person in people]
    asked: list[tuple[Chat, Message]] = []

    async def ask() -> None:
        chat, person = chance.choice(list(zip(chats, people, strict=True)))
        asked.append((chat, await chat.send(person, "How long is the bridge?")))

    await ask()
    for _ in range(KILLS):
        polls = api.polls
        await order("start")
        await api.wait_until(partial(_has_polled, api, polls), "poll", 30)
        for _ in range(chance.randint(1, 4)):
            # Where exactly that hits is up to the machine, which is what it is for.
            await asyncio.sleep(chance.uniform(0, 0.05))
            await ask()
        await asyncio.sleep(chance.uniform(0, 0.1))
        await order("kill")
        await ask()
    await order("start")

    def replies(chat: Chat, question: Message) -> list[str]:
        return [
            request.params["text"]
            for request in api.requests
            if request.method == "sendMessage"
            and request.params["chat_id"] == chat.id
            and request.params["reply_parameters"]["message_id"] == question["message_id"]
        ]

    await api.wait_until(
        lambda: True if all(replies(*each) for each in asked) else None,
        f"reply to each question (seed {seed})",
        30,
    )
    said = [replies(*each) for each in asked]
    assert all(texts.count(CARD) <= 1 for texts in said), f"seed {seed}: {said}"
    assert {text for texts in said for text in texts} <= {CARD, ASK_AGAIN}
    # Killed after it has told somebody and before it has written that down, it tells them again:
    # better than never.
    assert {text for *_, text in api.answered_twice} <= {ASK_AGAIN}
    api.replies.clear()
    # Kills cut off polls, of which the server may still hold one.
    api.refused = [each for each in api.refused if "Conflict" not in each.description]
