"""Buttons below the bot's messages: in a group anybody can press them, and years later."""

from dataclasses import dataclass

from telegram import CallbackQuery, Update
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot.answering import Answering
from bot.callback_data import read_callback_data
from bot.cards import Card, quote_card
from bot.handlers.replying import NO_PREVIEW, language_of
from bot.localization import say


@dataclass(frozen=True, slots=True)
class Buttons:
    """Handlers for what people press."""

    answering: Answering

    async def press(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the whole passage in place of the quote."""
        query = update.callback_query
        if query is None:
            return
        pressed = read_callback_data(query.data)
        if pressed is None:
            await _answer(query, say(language_of(query.from_user), "passage-changed"))
            return
        quote = await self.answering.whole_passage(pressed.article, pressed.highlight)
        if quote is None:
            await _answer(query, say(pressed.language, "passage-changed"))
            return
        card = quote_card(quote, pressed.language, pressed.outcome)
        # First, since the phone shows a clock until then, and an edit may have to wait.
        await _answer(query)
        await _edit(query, card)


async def _answer(query: CallbackQuery, alert: str | None = None) -> None:
    try:
        await query.answer(alert, show_alert=alert is not None)
    except BadRequest as error:
        # It was pressed while the bot was away; the clock has gone by itself.
        if "query is too old" not in error.message.lower():
            raise


async def _edit(query: CallbackQuery, card: Card) -> None:
    """Put a card in place of the button's message.

    The message may be inaccessible, of which Telegram tells the ids alone; they are enough.
    """
    message = query.message
    if message is None:
        return  # Sent in inline mode, where the bot sends none.
    try:
        await query.get_bot().edit_message_text(
            card.text,
            message.chat.id,
            message.message_id,
            entities=card.entities,
            link_preview_options=NO_PREVIEW,
            reply_markup=card.buttons,
        )
    except BadRequest as error:
        # Pressed twice, or the message was deleted meanwhile.
        harmless = ("message is not modified", "message to edit not found")
        if not any(reason in error.message.lower() for reason in harmless):
            raise
