"""How the bot starts, receives updates, and stops."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator

from telegram.error import RetryAfter, TelegramError

from bot.application import Bot
from bot.monitoring import monitored
from bot.profile import introduce
from bot.transport.receiving import Outage, out_of_reach, refuse_token
from bot.transport.sending import seconds_of

logger = logging.getLogger(__name__)

# In seconds, for what should take no time at all when the bot stops.
_CLOSING = 1


async def serve(bot: Bot) -> None:
    """Answer until SIGINT (Ctrl-C) or SIGTERM; a second one ends the process at once.

    Raises:
        TelegramUnavailable: if Telegram refuses the token.
        MonitoringUnavailable: if nobody can listen on the monitoring's port.
        SettingsError: if nobody can listen at the webhook's address.
        EmbeddingsError: if there is no model or no index to answer from.
    """
    loop = asyncio.get_running_loop()
    answering = asyncio.create_task(_answer(bot))

    def stop() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            # Who sends another one has lost patience.
            signal.signal(number, signal.SIG_DFL)
        _end_this_process_after(bot.patience.stop + 1.5 * _CLOSING)
        answering.cancel()
        logger.info("Stopping")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    # It has been cancelled, which was asked for, or ends by an error.
    with contextlib.suppress(asyncio.CancelledError):
        await answering
    if answering.cancelled():
        # All that is left is to close the journal, and to wait for a thread that loads the model.
        _end_this_process_after(_CLOSING)


async def _answer(bot: Bot) -> None:
    # First, so that who looks hears what is missing while the bot starts.
    async with monitored(bot), running(bot) as work:
        await work


@contextlib.asynccontextmanager
async def running(bot: Bot) -> AsyncIterator[asyncio.Task[None]]:
    """Answer messages as long as the context lasts.

    Gives what goes on meanwhile, which ends only by an error that ends the bot.

    Raises:
        TelegramUnavailable: if Telegram refuses the token.
    """
    application = bot.telegram
    work: asyncio.Task[None] | None = None
    try:
        await _connect(bot)
        await bot.answering.initialize()
        await application.start()
        work = asyncio.create_task(_work(bot))
        yield work
    finally:
        # At once, so that replicas take what we don't begin, and are sent what comes.
        bot.inbox.stop()
        if work:
            await _cancel(work)
        await _finish(bot)
        await application.shutdown()
        # An application that Telegram refused has connections open all the same.
        await application.bot.shutdown()
        await _close(bot)


async def _connect(bot: Bot) -> None:
    """Ask Telegram who we are, until it answers."""
    outage = Outage()
    for pause in bot.patience.pauses():
        try:
            await bot.telegram.initialize()
        except RetryAfter as error:
            await asyncio.sleep(seconds_of(error))
        except TelegramError as error:
            refuse_token(error)
            outage.goes_on(f"{out_of_reach(error)} at {_address(bot)}")
        else:
            outage.is_over()
            return
        await asyncio.sleep(pause)


def _address(bot: Bot) -> str:
    return str(bot.telegram.bot.base_url).rpartition("/bot")[0]


async def _work(bot: Bot) -> None:
    """Receive updates; beside that, tell Telegram of our commands, for which nobody waits."""
    introduction = introduce(bot.telegram.bot, bot.admin_ids, bot.patience, bot.upkeep.jobs)
    introducing = asyncio.create_task(introduction, name="introducing")
    watching = asyncio.create_task(bot.upkeep.clock.run())
    receiving = asyncio.create_task(bot.receiving.run())
    # Questions come while the model is loaded; without one the bot ends, and the inbox keeps them.
    opening = asyncio.create_task(_open(bot))
    try:
        for ended in asyncio.as_completed([receiving, opening]):
            await ended
    finally:
        for task in (introducing, watching, receiving, opening):
            await _cancel(task)


async def _open(bot: Bot) -> None:
    await bot.answering.opened()
    bot.inbox.claim()


async def _finish(bot: Bot) -> None:
    """Let what is under way come to its end, for a while; the inbox keeps the rest."""
    application = bot.telegram
    try:
        async with asyncio.timeout(bot.patience.stop):
            if application.job_queue and application.running and not bot.answering.is_open:
                # Regular work that waits for the model would be waited for.
                await application.job_queue.stop(wait=False)
            await asyncio.gather(
                bot.administration.shutdown(),
                *([application.stop()] if application.running else []),
            )
    except TimeoutError:
        left = await bot.inbox.cut_off(_CLOSING)
        logger.warning("Stopped with %d updates under way; the inbox has kept them", left)


async def _close(bot: Bot) -> None:
    try:
        async with asyncio.timeout(_CLOSING):
            await bot.answering.shutdown()
    except TimeoutError:
        logger.warning("Stopped while the model was at work")


async def _cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; what it ended by is told to whoever awaits it."""
    task.cancel()
    await asyncio.wait([task])


def _end_this_process_after(seconds: float) -> None:
    """End it whatever hangs: a thread can't be cancelled, and Python waits for it.

    Neither the index nor the journal minds, since each change of them is a transaction.
    """
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()
