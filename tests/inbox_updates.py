"""Updates for an inbox, and what handles them as the library does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telegram import Bot as TelegramBot
from telegram import Update
from telegram.ext import ContextTypes, TypeHandler

from bot.transport.inbox import Inbox

ADMIN = 7
BOT = TelegramBot("1000:token")


class Handled:
    """Takes updates as the library does, and keeps which were handled, in order."""

    def __init__(self, inbox: Inbox) -> None:
        self.ids: list[int] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._inbox = inbox

    async def handle(self, update: Update) -> None:
        self.ids.append(update.update_id)
        await self.may_end.wait()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while isinstance(update := await self._inbox.get(), Update):
                tasks.create_task(self._process(update))
            self._inbox.task_done()

    async def settle(self) -> None:
        """Wait until nothing more comes of what there is: each turn is one of the journal's."""
        seen = -1
        while seen != len(self.ids):
            seen = len(self.ids)
            for _ in range(20):
                await self._inbox._records.read(-1)
                await asyncio.sleep(0)

    async def _process(self, update: Update) -> None:
        await self._inbox.processor.process_update(update, self.handle(update))
        self._inbox.task_done()


def connected(inbox: Inbox) -> Inbox:
    """An inbox whose handlers take everything; person 7 is an admin, as handlers know."""

    async def nothing(*_: object) -> None:
        raise AssertionError

    handler: TypeHandler[Update, ContextTypes.DEFAULT_TYPE, None] = TypeHandler(Update, nothing)
    inbox.connect(
        BOT,
        troubles=None,  # type: ignore[arg-type]
        handlers=[handler],
        by_admins=[handler],
        admin_ids=frozenset({ADMIN}),
    )
    return inbox


@asynccontextmanager
async def handling(inbox: Inbox) -> AsyncIterator[Handled]:
    """Handle what comes as long as the context lasts."""
    handled = Handled(inbox)
    task = asyncio.create_task(handled.run())
    try:
        yield handled
    finally:
        handled.may_end.set()
        if not task.done():
            await inbox.put("stop")
            await inbox.join()
        await task


def message(update_id: int, chat: int, person: int | None = None) -> Update:
    """Somebody writes in a chat."""
    sender = {"id": person or abs(chat), "is_bot": False, "first_name": "Alice"}
    place = {"id": chat, "type": "group" if chat < 0 else "private", "title": "Eco"}
    written = {"message_id": 1, "date": 0, "chat": place, "from": sender, "text": "Where?"}
    return Update.de_json({"update_id": update_id, "message": written}, BOT)


def press(update_id: int, person: int) -> Update:
    """Somebody presses a button of a message that was sent in inline mode."""
    sender = {"id": person, "is_bot": False, "first_name": "Alice"}
    query = {"id": "1", "from": sender, "chat_instance": "1", "inline_message_id": "1"}
    return Update.de_json({"update_id": update_id, "callback_query": {**query, "data": "?"}}, BOT)


def inline_query(update_id: int, person: int) -> Update:
    """Somebody types, in no chat that we know of."""
    sender = {"id": person, "is_bot": False, "first_name": "Alice"}
    query = {"id": "1", "from": sender, "query": "Where?", "offset": ""}
    return Update.de_json({"update_id": update_id, "inline_query": query}, BOT)
