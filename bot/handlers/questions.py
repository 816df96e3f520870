"""Questions: in private, in groups where somebody turns to the bot, and as its guest elsewhere."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from telegram import Chat, Message, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot import metrics
from bot.addressing import Addressed, Way, addressed_question, identity_of
from bot.answering import SEARCHED, Answer, Answering, Outcome, read_question
from bot.article_pages import asked_about
from bot.cards import telegram_card
from bot.errors import JournalError
from bot.formatting import Card
from bot.handlers.replying import answer_guest, chosen_language, edit_reply, language_of, reply
from bot.localization import say
from bot.recent_questions import RecentQuestions
from bot.repetitions import Repetitions
from bot.storage.journal import AskedQuestion, ChatKind, Journal

logger = logging.getLogger(__name__)

# Most answers are there before a "typing…" would reach anybody, and in groups it would use up the
# 20 messages a minute that Telegram allows.
_TYPING_AFTER = 0.5
# In seconds: so long the parts of an album may take to come, if the bot was away meanwhile.
_ALBUM = 3600


@dataclass(frozen=True, slots=True)
class Questions:
    """Handlers for what people write and send."""

    answering: Answering
    journal: Journal
    recent: RecentQuestions
    repetitions: Repetitions

    async def answer(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Reply to a question with a quote, or with what to do instead."""
        message = update.message
        if message is None:
            return
        async with _typing_when_slow(message):
            card = await self._card(message, context)
        if card is not None:
            await self._reply(message, card)

    async def answer_edited(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Change the reply to a message that was edited; reply if there is none so far."""
        message = update.edited_message
        card = await self._card(message, context) if message else None
        if message is None or card is None:
            return
        reply_id = None
        with _journal_may_fail():
            reply_id = await self.journal.find_reply(message.chat_id, message.message_id)
        if reply_id is None:
            await self._reply(message, card)
        else:
            await edit_reply(message, reply_id, card)

    async def answer_as_guest(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Reply in a chat where the bot is no member but was mentioned; it may do so once."""
        message = update.guest_message
        card = await self._card(message, context) if message else None
        if message is not None and card is not None:
            await answer_guest(message, card)

    async def only_text(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say that a photo, a sticker, a voice message is nothing the bot can read."""
        message = update.message
        if message is None:
            return
        # An album of ten photos comes as ten messages.
        album = message.media_group_id
        if album and await self.repetitions.is_one(f"album {album}", _ALBUM):
            return
        await reply(
            message, Card(say(await language_of(message.from_user, self.journal), "only-text"))
        )

    async def _card(self, message: Message, context: ContextTypes.DEFAULT_TYPE) -> Card | None:
        """What to reply to a message; None for nothing."""
        addressed = addressed_question(message, context.bot.bot)
        if addressed is None:
            return None
        if not addressed.question and addressed.way is not Way.PRIVATE:
            language = await language_of(message.from_user, self.journal)
            return Card(say(language, "ask-how-to", bot=context.bot.username))
        started = time.perf_counter()
        answer = await self._answer(message, addressed, context)
        if answer is None:
            language = await language_of(message.from_user, self.journal)
            return Card(say(language, "passage-changed"))
        if addressed.way is Way.REPLY and answer.outcome in {Outcome.NO_QUESTION, Outcome.OKAY}:
            return None  # a thumbs-up or an "ok" below our answer
        # Without the chat, whose id in private is the person's.
        logger.info(
            "Message %s, %s: %s in %.0f ms",
            message.message_id,
            _chat_kind(message),
            answer.outcome,
            1000 * (time.perf_counter() - started),
        )
        metrics.count_question(answer.outcome, answer.question.asked_in)
        question_id = await self._record(message, answer)
        # In a group it would be a poll, below a message of somebody's.
        rated = message.chat.type == Chat.PRIVATE and message.guest_query_id is None
        return telegram_card(answer, context.bot.username, question_id if rated else None)

    async def _answer(
        self, message: Message, addressed: Addressed, context: ContextTypes.DEFAULT_TYPE
    ) -> Answer | None:
        """The answer; None if it is to be from an article that has changed."""
        person, chat = identity_of(message), message.chat_id
        within = None
        reference = asked_about(message, context.bot.bot)
        if reference is not None:
            article = await self.answering.look_up(lambda index: index.find_article(reference))
            if article is None:
                return None
            within = article.slug
        question = read_question(
            addressed.question,
            message.from_user.language_code if message.from_user else None,
            chosen_language=await chosen_language(message.from_user, self.journal),
            earlier=await self.recent.last(chat, person),
            within=within,
        )
        answer = await self.answering.answer(question)
        if answer.context is not None:
            await self.recent.remember(chat, person, answer.context)
        return answer

    async def _record(self, message: Message, answer: Answer) -> int | None:
        """Write a question into the journal; its id there, None if it isn't kept."""
        if answer.outcome not in SEARCHED:
            return None
        best = answer.quotes[0] if answer.quotes else None
        asked = AskedQuestion(
            person=identity_of(message),
            text=answer.question.text,
            language=answer.question.asked_in,
            outcome=answer.outcome,
            article=best.article.slug if best else None,
            confidence=best.confidence if best else None,
            chat_kind=_chat_kind(message),
        )
        with _journal_may_fail():
            return await self.journal.record(asked)
        return None

    async def _reply(self, message: Message, card: Card) -> None:
        sent = await reply(message, card)
        with _journal_may_fail():
            await self.journal.remember_reply(
                message.chat_id, message.message_id, sent.message_id, identity_of(message)
            )


def _chat_kind(message: Message) -> ChatKind:
    if message.guest_query_id is not None:
        return "guest"
    return "private" if message.chat.type == Chat.PRIVATE else "group"


@contextlib.contextmanager
def _journal_may_fail() -> Iterator[None]:
    """Let a question be answered though the journal can't be read or written just now."""
    try:
        yield
    except JournalError as error:
        logger.warning("%s", error)


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
