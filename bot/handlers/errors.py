"""What is done about errors that no handler caught."""

import logging
from dataclasses import dataclass

from telegram import Update
from telegram.error import ChatMigrated, Forbidden, RetryAfter, TelegramError
from telegram.ext import ContextTypes

from bot.addressing import addressed_question
from bot.formatting import Card
from bot.handlers.replying import answer_guest, language_of, reply
from bot.localization import say
from bot.storage.journal import Journal
from bot.transport.sending import reason_of, was_refused
from bot.troubles import CRASH, Troubles
from embeddings.errors import IndexUnavailable, IndexUnusable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Errors:
    """Handler for what went wrong in the others."""

    journal: Journal
    troubles: Troubles

    async def apologise(self, update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Log the error, and apologise to whoever asked or pressed."""
        error = context.error
        if isinstance(error, Forbidden | ChatMigrated | RetryAfter):
            # Blocked, removed from the group, the group has moved or is flooded: everyday events.
            logger.info("Not sent: %s", error)
            return
        if isinstance(error, TelegramError) and not was_refused(error):
            # The network is down, or slow: then the message may have arrived, so never send it
            # twice. `Sending` has tried what was safe, and seen to it that the person is told.
            logger.warning("Telegram did not confirm a request: %s", reason_of(error))
            return
        if isinstance(error, IndexUnavailable):
            # Where it comes from tells nothing, and it comes with each question.
            logger.warning("A question was not answered: %s", error)
        else:
            logger.error("A handler failed", exc_info=error)
        if isinstance(update, Update):
            await self._apologise(update, context)
        # Of an index that can't be read admins hear by `bot.upkeep`, and when it is mended.
        if not isinstance(error, IndexUnusable):
            name = type(error).__name__
            await self.troubles.begin(f"{CRASH}{name}", "trouble-error", name=name)

    async def _apologise(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        text = say(await language_of(update.effective_user, self.journal), "error")
        message, guest, pressed = update.message, update.guest_message, update.callback_query
        try:
            if pressed is not None:
                await pressed.answer(text, show_alert=True)
            elif guest is not None:
                await answer_guest(guest, Card(text))
            elif message is not None and addressed_question(message, context.bot.bot) is not None:
                await reply(message, Card(text))
        except TelegramError as failure:
            logger.warning("No apology for update %s: %s", update.update_id, failure)
