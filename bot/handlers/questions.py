"""Questions: in private, and in groups where somebody turns to the bot."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from telegram import Message, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot.addressing import Way, addressed_question
from bot.answering import Answering, Outcome
from bot.cards import telegram_card
from bot.handlers.replying import language_of, reply
from bot.localization import say

logger = logging.getLogger(__name__)

# Most answers are there before a "typing…" would reach anybody, and in groups it would use up the
# 20 messages a minute that Telegram allows.
_TYPING_AFTER = 0.5


@dataclass(frozen=True, slots=True)
class Questions:
    """Handlers for what people write and send."""

    answering: Answering
    _albums: deque[str] = field(default_factory=lambda: deque(maxlen=100))

    async def answer(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Reply to a question with a quote, or with what to do instead."""
        message = update.message
        addressed = addressed_question(message, context.bot.bot) if message else None
        if message is None or addressed is None:
            return
        if not addressed.question and addressed.way is not Way.PRIVATE:
            how_to = say(language_of(message.from_user), "ask-how-to", bot=context.bot.username)
            await reply(message, how_to)
            return
        started = time.perf_counter()
        sender = message.from_user
        async with _typing_when_slow(message):
            answer = await self.answering.answer(
                addressed.question, sender.language_code if sender else None
            )
        if addressed.way is Way.REPLY and answer.outcome in {Outcome.NO_QUESTION, Outcome.OKAY}:
            return  # a thumbs-up or an "ok" below our answer
        card = telegram_card(answer)
        await reply(message, card.text, card.entities, card.buttons)
        logger.info(
            "Message %s of chat %s: %s in %.0f ms",
            message.message_id,
            message.chat_id,
            answer.outcome,
            1000 * (time.perf_counter() - started),
        )

    async def only_text(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say that a photo, a sticker, a voice message is nothing the bot can read."""
        message = update.message
        if message is None:
            return
        # An album of ten photos comes as ten messages.
        album = message.media_group_id
        if album is not None:
            if album in self._albums:
                return
            self._albums.append(album)
        await reply(message, say(language_of(message.from_user), "only-text"))


@contextlib.asynccontextmanager
async def _typing_when_slow(message: Message) -> AsyncIterator[None]:
    """Show "typing…" in a private chat while an answer takes long, without waiting for it."""

    async def type_later() -> None:
        await asyncio.sleep(_TYPING_AFTER)
        # Only a courtesy: the answer comes or fails on its own.
        with contextlib.suppress(TelegramError):
            await message.reply_chat_action(ChatAction.TYPING)

    typing = asyncio.create_task(type_later())
    try:
        yield
    finally:
        typing.cancel()
