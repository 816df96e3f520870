"""What people hear of their updates as such: that they have to wait, or can't be answered."""

from telegram import Update

from bot.formatting import Card
from bot.handlers.replying import answer_guest, answer_press, language_of, reply
from bot.localization import say
from bot.storage.journal import Journal


async def tell_sender(update: Update, key: str, journal: Journal) -> None:
    """Say a text to whoever sent an update, where they sent it; nothing where nobody reads it."""
    message = update.message or update.edited_message
    text = say(await language_of(update.effective_user, journal), key)
    if update.callback_query is not None:
        await answer_press(update.callback_query, text, must_be_read=False)
    elif update.guest_message is not None:
        await answer_guest(update.guest_message, Card(text))
    elif message is not None:
        await reply(message, Card(text))
