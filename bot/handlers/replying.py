"""One way to reply for all handlers."""

from collections.abc import Sequence
from functools import partial

from telegram import LinkPreviewOptions, Message, MessageEntity, ReplyParameters
from telegram.error import BadRequest, ChatMigrated

from bot.localization import DEFAULT_LANGUAGE, supported

# Telegram calls a forum's first topic 1, but takes no message that is sent to a topic 1.
_GENERAL_TOPIC = 1


async def reply(message: Message, text: str, entities: Sequence[MessageEntity] = ()) -> None:
    """Reply to a message, in its topic; to nothing if the message was deleted meanwhile."""
    send = partial(
        message.get_bot().send_message,
        text=text,
        entities=entities,
        # A preview of the article would be larger than the quote above it.
        link_preview_options=LinkPreviewOptions(is_disabled=True),
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


def language_of(message: Message) -> str:
    """The language to talk to a message's sender in, where there is no question to tell it."""
    sender = message.from_user
    return supported(sender.language_code if sender else None) or DEFAULT_LANGUAGE


def _topic(message: Message) -> int | None:
    """The forum topic to send to; elsewhere `message_thread_id` is a chain of replies."""
    if not message.is_topic_message or message.message_thread_id == _GENERAL_TOPIC:
        return None
    return message.message_thread_id
