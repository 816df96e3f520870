"""One way to reply for all handlers, to messages and to buttons."""

import contextlib
import logging
from collections.abc import Iterator
from functools import partial

from telegram import (
    Bot,
    CallbackQuery,
    ForceReply,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
    User,
)
from telegram.error import BadRequest, ChatMigrated

from bot.errors import JournalError
from bot.formatting import Card
from bot.localization import DEFAULT_LANGUAGE, supported
from bot.storage.journal import Journal

logger = logging.getLogger(__name__)

# Telegram calls a forum's first topic 1, but takes no message that is sent to a topic 1.
_GENERAL_TOPIC = 1

# A preview of the article would be larger than the quote above it.
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


async def reply(message: Message, card: Card, prompt: ForceReply | None = None) -> Message:
    """Reply to a message, in its topic; to nothing if the message was deleted meanwhile.

    Args:
        message: What to reply to.
        card: What to say.
        prompt: Opens the reply to this reply on the person's screen, in place of buttons.
    """
    send = partial(
        message.get_bot().send_message,
        text=card.text,
        entities=card.entities,
        link_preview_options=_NO_PREVIEW,
        reply_markup=prompt or card.buttons,
    )
    send_reply = partial(
        send,
        chat_id=message.chat_id,
        reply_parameters=ReplyParameters(message.message_id, allow_sending_without_reply=True),
    )
    try:
        return await send_reply(message_thread_id=_topic(message))
    except BadRequest as error:
        if "message thread not found" not in error.message.lower():
            raise
        return await send_reply()
    except ChatMigrated as error:
        # The group became a supergroup, with another id and other message ids.
        return await send(chat_id=error.new_chat_id)


async def reply_with_picture(message: Message, picture: bytes, card: Card) -> Message:
    """Reply with a picture, below which the card's text stands; for private chats."""
    return await message.reply_photo(
        picture,
        card.text,
        caption_entities=card.entities,
        reply_markup=card.buttons,
        reply_parameters=ReplyParameters(message.message_id, allow_sending_without_reply=True),
    )


async def send_card(bot: Bot, chat_id: int, card: Card, reply_to: int | None = None) -> Message:
    """Send a card that nobody has just asked for, to a private chat.

    Args:
        bot: Who sends it.
        chat_id: Where to.
        card: What to say.
        reply_to: The message that it is about, if there is one; it may be deleted by now.
    """
    about = ReplyParameters(reply_to, allow_sending_without_reply=True) if reply_to else None
    return await bot.send_message(
        chat_id,
        card.text,
        entities=card.entities,
        link_preview_options=_NO_PREVIEW,
        reply_parameters=about,
        reply_markup=card.buttons,
    )


async def answer_guest(message: Message, card: Card) -> None:
    """Answer a guest message; Telegram takes one answer to each."""
    result = InlineQueryResultArticle(
        "answer", "answer", message_content(card), reply_markup=card.buttons
    )
    if message.guest_query_id is not None:
        await message.get_bot().answer_guest_query(message.guest_query_id, result)


def message_content(card: Card) -> InputTextMessageContent:
    """A card as what is sent when somebody chooses it, or for us in a chat that we aren't in."""
    return InputTextMessageContent(
        card.text, entities=card.entities, link_preview_options=_NO_PREVIEW
    )


async def edit_reply(message: Message, reply_id: int, card: Card) -> None:
    """Put a card in place of our reply to a message, in the same chat."""
    with _harmless_edits():
        await message.get_bot().edit_message_text(
            card.text,
            message.chat_id,
            reply_id,
            entities=card.entities,
            link_preview_options=_NO_PREVIEW,
            reply_markup=card.buttons,
        )


async def answer_press(
    query: CallbackQuery, text: str | None = None, *, must_be_read: bool = True
) -> None:
    """Stop the clock that the phone shows on a pressed button, and say something if need be.

    What must be read stays until the person closes it; other words fade by themselves.
    """
    try:
        await query.answer(text, show_alert=must_be_read and text is not None)
    except BadRequest as error:
        # It was pressed while the bot was away; the clock has gone by itself.
        if "query is too old" not in error.message.lower():
            raise


async def edit_pressed(query: CallbackQuery, card: Card) -> None:
    """Put a card in place of the message whose button was pressed.

    The message may be inaccessible, of which Telegram tells the ids alone, or sent in inline mode,
    where it has another kind of id; they are enough.
    """
    message = query.message
    with _harmless_edits():
        await query.get_bot().edit_message_text(
            card.text,
            message.chat.id if message else None,
            message.message_id if message else None,
            query.inline_message_id,
            entities=card.entities,
            link_preview_options=_NO_PREVIEW,
            reply_markup=card.buttons,
        )


async def edit_buttons(query: CallbackQuery, buttons: InlineKeyboardMarkup) -> None:
    """Put other buttons below the message whose button was pressed, and leave its text."""
    with _harmless_edits():
        await query.edit_message_reply_markup(buttons)


@contextlib.contextmanager
def _harmless_edits() -> Iterator[None]:
    """Pass over an edit that changes nothing, or whose message is too old or was deleted."""
    try:
        yield
    except BadRequest as error:
        harmless = (
            "message is not modified",
            "message to edit not found",
            "message can't be edited",
            "message_id_invalid",
        )
        if not any(reason in error.message.lower() for reason in harmless):
            raise


async def chosen_language(person: User | None, journal: Journal) -> str | None:
    """The language that a person wants to be talked to in; None if they left it to us."""
    try:
        return await journal.chosen_language(person.id if person else None)
    except JournalError as error:
        logger.warning("No choice of language was looked up: %s", error)
        return None


async def language_of(person: User | None, journal: Journal) -> str:
    """The language to talk to a person in, where there is no question to tell it."""
    return await chosen_language(person, journal) or app_language(person)


def app_language(person: User | None) -> str:
    """The language of a person's app; English if we don't speak it."""
    return supported(person.language_code if person else None) or DEFAULT_LANGUAGE


def _topic(message: Message) -> int | None:
    """The forum topic to send to; elsewhere `message_thread_id` is a chain of replies."""
    if not message.is_topic_message or message.message_thread_id == _GENERAL_TOPIC:
        return None
    return message.message_thread_id
