"""In which order updates are handled."""

import asyncio
from collections.abc import Awaitable
from typing import Any
from weakref import WeakValueDictionary

from telegram import Update
from telegram.ext import BaseUpdateProcessor


class OneAtATimeInEachChat(BaseUpdateProcessor):
    """Handles many chats at once, and within each chat one message after the other.

    So replies come in the order of the questions, though each takes another time. What comes from
    no chat, such as inline queries, keeps its order for each person.
    """

    def __init__(self, max_concurrent_updates: int) -> None:
        """Handle at most so many updates at once."""
        super().__init__(max_concurrent_updates)
        # A lock lasts as long as somebody holds or awaits it.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Wait for the chat's turn; locks are fair, and updates reach them as they came."""
        source = (
            update.effective_chat or update.effective_user if isinstance(update, Update) else None
        )
        lock = self._locks.setdefault(source.id if source else 0, asyncio.Lock())
        async with lock:
            await coroutine

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""
