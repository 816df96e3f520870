"""What is an update as Telegram makes them, and what only looks like one."""

from typing import Any

import pytest
from telegram import Bot, Update

from sound_updates import is_sound

PERSON = {"id": 7, "is_bot": False, "first_name": "Alice"}
CHAT = {"id": 7, "type": "private", "first_name": "Alice"}
BOLD = {"type": "bold", "offset": 0, "length": 2}
MESSAGE = {
    "message_id": 1,
    "date": 0,
    "chat": CHAT,
    "from": PERSON,
    "text": "Hello",
    "entities": [BOLD],
    "reply_to_message": {
        "message_id": 2,
        "date": 0,
        "chat": CHAT,
        "voice": {"file_id": "f", "file_unique_id": "u", "duration": 2},
    },
    "something_new": {"of": "tomorrow"},
}


def read(message: dict[str, Any]) -> Update:
    update = Update.de_json({"update_id": 1, "message": message}, Bot("1:x"))
    assert update is not None
    return update


def test_what_telegram_sends_is_sound() -> None:
    """With whatever it may add."""
    assert is_sound(read(MESSAGE))


@pytest.mark.parametrize(
    "odd",
    [
        {"chat": None},
        {"message_id": "one"},
        {"message_id": True},
        {"text": 5},
        {"from": {**PERSON, "id": {}}},
        {"entities": [{**BOLD, "offset": "0"}]},
        {"reply_to_message": {"message_id": 2, "date": 0, "chat": {**CHAT, "type": []}}},
    ],
)
def test_what_is_of_another_type_is_not(odd: dict[str, Any]) -> None:
    """However deep it is inside."""
    assert not is_sound(read({**MESSAGE, **odd}))
