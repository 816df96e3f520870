"""Addressing: which messages are for us, and what they ask."""

from typing import Any

import pytest
from telegram import Bot, Message, User

from bot.addressing import Addressed, Way, addressed_question, from_a_person, identity_of

BOT = Bot("1000:token")
US = User(1000, "Green bot", is_bot=True, username="Green_Bot")
ALICE = {"id": 7, "is_bot": False, "first_name": "Alice", "language_code": "ru"}
OURS = {"id": 1000, "is_bot": True, "first_name": "Green bot", "username": "Green_Bot"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Alice"}
GROUP = {"id": -100, "type": "supergroup", "title": "Eco"}
CHANNEL = {"id": -200, "type": "channel", "title": "Eco news"}


def message(
    text: str | None,
    *entities: tuple[str, str],
    caption: bool = False,
    sender: dict[str, Any] | None = ALICE,
    **fields: object,
) -> Message:
    """A message in a group; an entity is its type and the piece of text that it marks."""
    name = "caption" if caption else "text"
    data: dict[str, Any] = {"message_id": 50, "date": 0, "chat": GROUP, "from": sender} | fields
    if text is not None:
        data[name] = text
        data["caption_entities" if caption else "entities"] = [
            {
                "type": kind,
                "offset": len(text[: text.index(piece)].encode("utf-16-le")) // 2,
                "length": len(piece.encode("utf-16-le")) // 2,
            }
            for kind, piece in entities
        ]
    parsed = Message.de_json(data, BOT)
    assert parsed is not None
    return parsed


def earlier(
    sender: dict[str, Any], text: str = "Earlier words", number: int = 40
) -> dict[str, Any]:
    """A message of the same group, to reply to."""
    return {"message_id": number, "date": 0, "chat": GROUP, "from": sender, "text": text}


MENTION = ("mention", "@green_bot")


@pytest.mark.parametrize(
    ("case", "addressed"),
    [
        pytest.param(
            message("Who leads it?", chat=PRIVATE),
            Addressed(Way.PRIVATE, "Who leads it?"),
            id="private text",
        ),
        pytest.param(
            message("Who leads it?", caption=True, chat=PRIVATE),
            Addressed(Way.PRIVATE, "Who leads it?"),
            id="private caption",
        ),
        pytest.param(
            message("@green_bot who leads it?", MENTION, chat=PRIVATE),
            Addressed(Way.PRIVATE, "who leads it?"),
            id="mention in private",
        ),
        pytest.param(message(None, chat=PRIVATE), None, id="private without text"),
        pytest.param(
            message("/help", ("bot_command", "/help"), chat=PRIVATE), None, id="other command"
        ),
        pytest.param(message("Who leads it?"), None, id="group, not to us"),
        pytest.param(
            message("@green_bot, who leads it?", MENTION),
            Addressed(Way.MENTION, "who leads it?"),
            id="mention first",
        ),
        pytest.param(
            message("🌍🌍 Who leads it, @green_bot", MENTION),
            Addressed(Way.MENTION, "🌍🌍 Who leads it"),
            id="mention after emoji, which have two units",
        ),
        pytest.param(
            message("@GREEN_BOT who?", ("mention", "@GREEN_BOT")),
            Addressed(Way.MENTION, "who?"),
            id="mention in another case",
        ),
        pytest.param(
            message("@green_bot who?", MENTION, caption=True),
            Addressed(Way.MENTION, "who?"),
            id="mention in a caption",
        ),
        pytest.param(
            message("@green_bot", MENTION), Addressed(Way.MENTION, ""), id="empty mention"
        ),
        pytest.param(
            message("@green_bot2 who?", ("mention", "@green_bot2")), None, id="longer name"
        ),
        pytest.param(message("@green_bot who?"), None, id="name without an entity"),
        pytest.param(
            message("/ask Who leads it?", ("bot_command", "/ask")),
            Addressed(Way.COMMAND, "Who leads it?"),
            id="/ask",
        ),
        pytest.param(
            message("/ASK@green_BOT Who leads it?", ("bot_command", "/ASK@green_BOT")),
            Addressed(Way.COMMAND, "Who leads it?"),
            id="/ask@us",
        ),
        pytest.param(
            message("/ask@other_bot Who?", ("bot_command", "/ask@other_bot")),
            None,
            id="/ask@other",
        ),
        pytest.param(
            message("/ask@other_bot @green_bot?", ("bot_command", "/ask@other_bot"), MENTION),
            None,
            id="/ask@other that mentions us",
        ),
        pytest.param(message("See /ask", ("bot_command", "/ask")), None, id="/ask in the middle"),
        pytest.param(
            message("/ask", ("bot_command", "/ask")), Addressed(Way.COMMAND, ""), id="bare /ask"
        ),
        pytest.param(
            message(
                "/ask", ("bot_command", "/ask"), reply_to_message=earlier(ALICE, "Who leads it?")
            ),
            Addressed(Way.COMMAND, "Who leads it?"),
            id="bare /ask below a question",
        ),
        pytest.param(
            message("@green_bot", MENTION, reply_to_message=earlier(ALICE, "Who leads it?")),
            Addressed(Way.MENTION, "Who leads it?"),
            id="bare mention below a question",
        ),
        pytest.param(
            message("/ask", ("bot_command", "/ask"), reply_to_message=earlier(OURS)),
            Addressed(Way.COMMAND, ""),
            id="bare /ask below our answer",
        ),
        pytest.param(
            message("And who pays?", reply_to_message=earlier(OURS)),
            Addressed(Way.REPLY, "And who pays?"),
            id="reply to us",
        ),
        pytest.param(
            message("And who pays?", reply_to_message=earlier(ALICE)), None, id="reply to another"
        ),
        pytest.param(
            message("And who?", reply_to_message=earlier(OURS, number=40), message_thread_id=40),
            Addressed(Way.REPLY, "And who?"),
            id="reply to us that begins a chain",
        ),
        pytest.param(
            message(
                "Anybody here?",
                reply_to_message=earlier(OURS, number=40),
                message_thread_id=40,
                is_topic_message=True,
            ),
            None,
            id="any message in a topic that we opened",
        ),
        pytest.param(
            message(
                "And who?",
                reply_to_message=earlier(OURS, number=41),
                message_thread_id=40,
                is_topic_message=True,
            ),
            Addressed(Way.REPLY, "And who?"),
            id="reply to us in a topic",
        ),
        pytest.param(
            message(
                "/ask",
                ("bot_command", "/ask"),
                reply_to_message=earlier(ALICE, number=40),
                message_thread_id=40,
                is_topic_message=True,
            ),
            Addressed(Way.COMMAND, ""),
            id="bare /ask in a topic asks nothing of its opener",
        ),
        pytest.param(
            message(None, reply_to_message=earlier(OURS), sticker=None), None, id="reply, no text"
        ),
        pytest.param(
            message("@green_bot who?", MENTION, sender=OURS | {"id": 1001}),
            None,
            id="another bot",
        ),
        pytest.param(message("@green_bot who?", MENTION, sender=OURS), None, id="ourselves"),
        pytest.param(message("@green_bot who?", MENTION, via_bot=OURS), None, id="via us"),
        pytest.param(
            message("@green_bot who?", MENTION, chat=CHANNEL, sender_chat=CHANNEL),
            None,
            id="channel post",
        ),
        pytest.param(
            message(
                "@green_bot who?",
                MENTION,
                sender_chat=CHANNEL,
                is_automatic_forward=True,
                sender={"id": 777000, "is_bot": False, "first_name": "Telegram"},
            ),
            None,
            id="forwarded by itself from the linked channel",
        ),
        pytest.param(
            message(
                "@green_bot who?",
                MENTION,
                sender_chat=GROUP,
                sender={"id": 1087968824, "is_bot": True, "first_name": "Group"},
            ),
            Addressed(Way.MENTION, "who?"),
            id="anonymous admin",
        ),
        pytest.param(
            message("@green_bot who?", MENTION, sender=None),
            Addressed(Way.MENTION, "who?"),
            id="no sender",
        ),
    ],
)
def test_addressed_question(case: Message, addressed: Addressed | None) -> None:
    """Private texts, /ask, mentions and replies to us are for us; nothing else is."""
    assert addressed_question(case, US) == addressed


def test_text_mention() -> None:
    """A mention may carry our id in place of our name."""
    entity = {"type": "text_mention", "offset": 0, "length": 3, "user": OURS}
    data = {"message_id": 5, "date": 0, "chat": GROUP, "from": ALICE, "text": "Bot who leads it?"}
    case = Message.de_json(data | {"entities": [entity]}, BOT)
    assert case is not None
    assert addressed_question(case, US) == Addressed(Way.MENTION, "who leads it?")


def test_service_messages_ask_nothing() -> None:
    """A service message is of a person, but asks nothing."""
    case = message(None, new_chat_title="Greener", chat=PRIVATE)
    assert from_a_person(case, US)
    assert addressed_question(case, US) is None


@pytest.mark.parametrize(
    ("sent", "identity"),
    [
        (message("hi"), 7),
        (message("hi", sender=None), None),
        (message("hi", sender_chat=GROUP), None),
        (message("hi", sender_chat=CHANNEL), None),
    ],
    ids=["a person", "no sender", "anonymous admin", "as a channel"],
)
def test_identity(sent: Message, identity: int | None) -> None:
    """Telegram's placeholders for people who hide are nobody's identity."""
    assert identity_of(sent) == identity
