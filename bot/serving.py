"""How the bot starts, receives updates, and stops."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator

from telegram import Update
from telegram.error import Conflict, InvalidToken, TelegramError

from bot.application import Bot
from bot.errors import TelegramUnavailable
from bot.profile import introduce

logger = logging.getLogger(__name__)

# Telegram sends nothing else, such as channel posts, which no handler is made for.
_UPDATES = [
    Update.MESSAGE,
    Update.EDITED_MESSAGE,
    Update.GUEST_MESSAGE,
    Update.INLINE_QUERY,
    Update.CALLBACK_QUERY,
    Update.MY_CHAT_MEMBER,
]


async def serve(bot: Bot) -> None:
    """Answer until SIGINT (Ctrl-C) or SIGTERM.

    Raises:
        TelegramUnavailable: if Telegram refuses the token or can't be reached at the start.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with running(bot):
        await stopped.wait()


@contextlib.asynccontextmanager
async def running(bot: Bot) -> AsyncIterator[None]:
    """Answer messages as long as the context lasts.

    Raises:
        TelegramUnavailable: if Telegram refuses the token or can't be reached at the start.
    """
    application = bot.telegram
    updater = application.updater
    if updater is None:
        raise TypeError("The application was built without an updater.")
    try:
        try:
            await application.initialize()
        # Not chained: the library's message holds the token.
        except InvalidToken:
            raise TelegramUnavailable(
                "Telegram refuses the token: set TELEGRAM_BOT_TOKEN to the one that @BotFather "
                "shows under /mybots."
            ) from None
        except TelegramError as error:
            raise TelegramUnavailable(
                f"Telegram can't be reached at {application.bot.base_url.rpartition('/bot')[0]} "
                f"({type(error.__cause__ or error).__name__}): check the network, or set "
                "TELEGRAM_API_URL."
            ) from None
        await bot.answering.initialize()
        await application.start()
        # Questions that came while the bot was away get their answers, too.
        await updater.start_polling(
            allowed_updates=_UPDATES,
            drop_pending_updates=False,
            error_callback=_on_polling_error,
        )
        # Two dozen requests, for which nobody who asks should wait.
        await introduce(application.bot, bot.admin_ids)
        yield
    finally:
        if updater.running:
            await updater.stop()
        await bot.administration.shutdown()
        if application.running:
            await application.stop()
        await application.shutdown()
        # An application that Telegram refused has connections open all the same.
        await application.bot.shutdown()
        await bot.answering.shutdown()


def _on_polling_error(error: TelegramError) -> None:
    """Say why no updates come; the library tries again by itself."""
    if isinstance(error, Conflict):
        logger.error("Another copy of this bot is running, or a webhook is set: %s", error)
    else:
        logger.warning("No updates from Telegram: %s", error)
