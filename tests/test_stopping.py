"""Stopping: what is under way comes to its end, what hangs is left for the next start."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from bot.application import Bot
from bot.localization import say
from bot.serving import running
from bot.storage.journal import Journal
from bot.transport.patience import Patience
from bot_api_chats import Person
from bot_api_server import BotApiServer
from conversation import CARD, build
from fixed_retriever import FixedRetriever

TESTS = Path(__file__).parent
QUESTION = "How long is the bridge?"
SHORT = replace(Patience(), stop=0.2)


@contextlib.asynccontextmanager
async def process(
    api: BotApiServer, folder: Path, *how: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A bot in a process of its own, once it asks for updates."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(TESTS / "stopped_bot.py"),
        api.url,
        api.token,
        str(folder),
        *how,
        env=os.environ | {"PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await api.wait_until(lambda: api.polls or None, "poll", 60)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def code_of(process: asyncio.subprocess.Process) -> int:
    """The exit code of a process that is to end by itself."""
    async with asyncio.timeout(10):
        return await process.wait()


async def hold_searches(bot: Bot, retriever: FixedRetriever) -> None:
    """From the next search on each waits until it may go on."""
    await bot.answering.opened()
    retriever.busy.clear()
    retriever.may_go_on.clear()


async def test_a_question_that_is_under_way_is_answered(
    api: BotApiServer, bakyt: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """What can be finished is finished before the bot goes."""
    chat = api.private_chat(bakyt)
    bot = build(api, retriever, journal)
    async with running(bot):
        await hold_searches(bot, retriever)
        question = await chat.send(bakyt, QUESTION)
        await asyncio.to_thread(retriever.busy.wait, 10)
        asyncio.get_running_loop().call_later(0.1, retriever.may_go_on.set)
    assert (await chat.answer_to(question))["text"] == CARD
    assert chat.unread == []


async def test_a_question_that_takes_too_long_is_answered_after_the_next_start(
    api: BotApiServer, bakyt: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """A search that hangs doesn't keep the bot from stopping, and no question is lost by it."""
    chat = api.private_chat(bakyt)
    bot = build(api, retriever, journal, SHORT)
    async with running(bot):
        await hold_searches(bot, retriever)
        question = await chat.send(bakyt, QUESTION)
        await asyncio.to_thread(retriever.busy.wait, 10)
    retriever.may_go_on.set()
    assert chat.unread == []
    async with running(build(api, FixedRetriever(), journal)):
        assert (await chat.answer_to(question))["text"] == CARD
    assert chat.unread == []


async def test_who_may_have_no_answer_is_told_after_the_next_start(
    api: BotApiServer, bakyt: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """An answer that hangs on its way may arrive or not: nobody gets it twice."""
    chat = api.private_chat(bakyt)
    api.fail_next("sendMessage", hang=True)
    async with running(build(api, retriever, journal, SHORT)):
        question = await chat.send(bakyt, QUESTION)
        await api.wait_until(lambda: api.failed or None, "request that hangs", 30)
    async with running(build(api, retriever, journal)):
        assert (await chat.answer_to(question))["text"] == say("ky", "inbox-ask-again")
    assert chat.unread == []


async def test_a_signal_ends_the_bot_well(
    api: BotApiServer, bakyt: Person, tmp_path: Path
) -> None:
    """Who is asked to stop has not failed; and nothing waits for a model that still loads."""
    async with process(api, tmp_path, "0.2", "hang") as bot:
        await api.private_chat(bakyt).send(bakyt, QUESTION)
        bot.send_signal(signal.SIGTERM)
        assert await code_of(bot) == 0


async def test_a_second_signal_ends_the_bot_at_once(
    api: BotApiServer, bakyt: Person, tmp_path: Path
) -> None:
    """Whoever has no patience left need not kill it."""
    api.fail_next("sendMessage", hang=True)
    async with process(api, tmp_path, "60") as bot:
        await api.private_chat(bakyt).send(bakyt, QUESTION)
        await api.wait_until(lambda: api.failed or None, "request that hangs", 30)
        bot.send_signal(signal.SIGINT)
        # Two at the same moment would count as one.
        assert bot.stderr is not None
        while b"Stopping" not in await bot.stderr.readline():
            pass
        bot.send_signal(signal.SIGTERM)
        assert await code_of(bot) == -signal.SIGTERM
