"""One way to reply for all handlers."""

from collections.abc import Sequence
from functools import partial

from telegram import (
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
    User,
)
from telegram.error import BadRequest, ChatMigrated

from bot.localization import DEFAULT_LANGUAGE, supported

# Telegram calls a forum's first topic 1, but takes no message that is sent to a topic 1.
_GENERAL_TOPIC = 1

# A preview of the article would be larger than the quote above it.
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


async def reply(
    message: Message,
    text: str,
    entities: Sequence[MessageEntity] = (),
    buttons: InlineKeyboardMarkup | None = None,
) -> None:
    """Reply to a message, in its topic; to nothing if the message was deleted meanwhile."""
    send = partial(
        message.get_bot().send_message,
        text=text,
        entities=entities,
        link_preview_options=NO_PREVIEW,
        reply_markup=buttons,
    )
    send_reply = partial(
        send,
        chat_id=message.chat_id,
        reply_parameters=ReplyParameters(message.message_id, allow_sending_without_reply=True),
    )
    try:
        await send_reply(message_thread_id=_topic(message))
    except BadRequest as error:
        if "message thread not found" not in error.message.lower():
            raise
        await send_reply()
    except ChatMigrated as error:
        # The group became a supergroup, with another id and other message ids.
        await send(chat_id=error.new_chat_id)


def language_of(person: User | None) -> str:
    """The language to talk to a person in, where there is no question to tell it."""
    return supported(person.language_code if person else None) or DEFAULT_LANGUAGE


def _topic(message: Message) -> int | None:
    """The forum topic to send to; elsewhere `message_thread_id` is a chain of replies."""
    if not message.is_topic_message or message.message_thread_id == _GENERAL_TOPIC:
        return None
    return message.message_thread_id
