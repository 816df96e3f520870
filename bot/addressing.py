"""Is this message for us, and what does it ask? Pure functions over Telegram's messages."""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from telegram import Chat, Message, MessageEntity, User

# What remains around a name that was cut out: "@ourbot, who leads it?"
_AROUND_A_NAME = string.whitespace + ",:;–—-"


class Way(StrEnum):
    """How a message turned to us."""

    PRIVATE = "private"
    COMMAND = "command"
    MENTION = "mention"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message that is for us."""

    way: Way
    question: str
    """What it asks; empty for a bare /ask or mention."""


def from_a_person(message: Message, bot: User) -> bool:
    """Whether a person wrote this: not a bot, not a channel's feed, not we ourselves.

    A person may speak as an anonymous admin or as a channel of theirs: then `from_user` is one of
    Telegram's placeholder bots and `sender_chat` is set. They get answers, but it's no identity.
    """
    if message.chat.type == Chat.CHANNEL or message.is_automatic_forward:
        return False
    if message.via_bot is not None and message.via_bot.id == bot.id:
        return False
    sender = message.from_user
    return sender is None or not sender.is_bot or message.sender_chat is not None


def identity_of(message: Message) -> int | None:
    """The id of who wrote a message; None for an anonymous admin, or who writes as a channel."""
    if message.from_user is None or message.sender_chat is not None:
        return None
    return message.from_user.id


def addressed_question(message: Message, bot: User) -> Addressed | None:
    """What a message asks us, None if it isn't for us or has no text.

    Private texts are for us, and in groups /ask, a mention, or a reply to one of our messages. A
    bare /ask or mention that replies to somebody's message asks what that message says. Commands
    other than /ask are none of our business here.
    """
    text = message.text or message.caption
    if not text or not from_a_person(message, bot):
        return None
    entities = _entities(message)
    cut = [entity for entity, name in entities.items() if _is_mention(entity, name, bot)]
    command = _command(entities)
    if command is not None:
        entity, name, recipient = command
        if name != "ask" or recipient not in {"", _folded(bot.username)}:
            return None
        way, cut = Way.COMMAND, [entity, *cut]
    elif message.chat.type == Chat.PRIVATE:
        way = Way.PRIVATE
    elif cut:
        way = Way.MENTION
    elif _replies_to(message, bot):
        way = Way.REPLY
    else:
        return None
    question = _without(text, cut)
    if not question and way in {Way.COMMAND, Way.MENTION}:
        question = _asked_by_another(message, bot)
    return Addressed(way, question)


def marked_in(message: Message, kinds: list[str | None]) -> dict[MessageEntity, str]:
    """The entities of these kinds in a text or caption, with the words that they cover.

    None where they don't fit the text: one that ends within an emoji covers no words.
    """
    try:
        if message.text:
            return message.parse_entities(kinds)
        return message.parse_caption_entities(kinds)
    except UnicodeError:
        return {}


def _entities(message: Message) -> dict[MessageEntity, str]:
    # The library cuts the texts out by UTF-16 units, as Telegram counts.
    kinds: list[str | None]
    kinds = [MessageEntity.BOT_COMMAND, MessageEntity.MENTION, MessageEntity.TEXT_MENTION]
    return marked_in(message, kinds)


def _command(entities: dict[MessageEntity, str]) -> tuple[MessageEntity, str, str] | None:
    """The command that a message begins with: its entity, name and the bot it names."""
    for entity, text in entities.items():
        if entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0:
            name, _, recipient = text.removeprefix("/").partition("@")
            return entity, _folded(name), _folded(recipient)
    return None


def _is_mention(entity: MessageEntity, text: str, bot: User) -> bool:
    if entity.type == MessageEntity.TEXT_MENTION:
        return entity.user is not None and entity.user.id == bot.id
    return entity.type == MessageEntity.MENTION and _folded(text) == f"@{_folded(bot.username)}"


def _replied(message: Message) -> Message | None:
    """The message that this one replies to.

    In a forum every message "replies" to the one that opened its topic, which means nothing. In
    other groups `message_thread_id` is the first message of a chain of replies, which may be ours.
    """
    replied = message.reply_to_message
    if replied is None or not message.is_topic_message:
        return replied
    return None if replied.message_id == message.message_thread_id else replied


def _replies_to(message: Message, bot: User) -> bool:
    replied = _replied(message)
    return replied is not None and replied.from_user is not None and replied.from_user.id == bot.id


def _asked_by_another(message: Message, bot: User) -> str:
    """What the message says that this one replies to, unless it's our own."""
    replied = _replied(message)
    if replied is None or _replies_to(message, bot):
        return ""
    return (replied.text or replied.caption or "").strip()


def _without(text: str, names: Sequence[MessageEntity]) -> str:
    """The text without a command and mentions; offsets count UTF-16 units of two bytes."""
    units = text.encode("utf-16-le", "surrogatepass")
    for entity in sorted(names, key=lambda entity: entity.offset, reverse=True):
        units = units[: 2 * entity.offset] + units[2 * (entity.offset + entity.length) :]
    rest = units.decode("utf-16-le", "surrogatepass")
    return rest.strip(_AROUND_A_NAME) if names else rest.strip()


def _folded(name: str | None) -> str:
    return (name or "").casefold()
