"""In which order updates are handled: one after the other in a chat, many chats at once."""

import asyncio

import pytest
from telegram import Bot, Update

from bot.update_order import OneAtATimeInEachChat

BOT = Bot("1000:token")
PERSON = {"is_bot": False, "first_name": "Alice"}


def message(chat: int, person: int) -> Update:
    """Somebody writes in a chat."""
    sender, place = {**PERSON, "id": person}, {"id": chat, "type": "group", "title": "Eco"}
    written = {"message_id": 1, "date": 0, "chat": place, "from": sender, "text": "?"}
    return Update.de_json({"update_id": 1, "message": written}, BOT)


def inline_query(person: int) -> Update:
    """Somebody types, in no chat that we know of."""
    query = {"id": "1", "from": {**PERSON, "id": person}, "query": "?", "offset": ""}
    return Update.de_json({"update_id": 1, "inline_query": query}, BOT)


@pytest.mark.parametrize(
    ("first", "second", "at_once"),
    [
        (message(-1, 7), message(-1, 8), False),
        (message(-1, 7), message(-2, 7), True),
        (inline_query(7), inline_query(7), False),
        (inline_query(7), inline_query(8), True),
        ("no update", "no update", False),
    ],
)
async def test_order(first: object, second: object, *, at_once: bool) -> None:
    """A chat's updates wait for each other, as a person's do who types inline; others don't."""
    order = OneAtATimeInEachChat(10)
    begun: list[object] = []
    may_end = asyncio.Event()

    async def handle(update: object) -> None:
        begun.append(update)
        await may_end.wait()

    tasks = [
        asyncio.ensure_future(order.do_process_update(update, handle(update)))
        for update in (first, second)
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    assert begun == ([first, second] if at_once else [first])
    may_end.set()
    await asyncio.gather(*tasks)
    assert begun == [first, second]
