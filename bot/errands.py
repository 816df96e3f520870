"""What handlers begin and don't wait for, such as reading a page: their chat goes on meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from telegram import Update
from telegram.ext import ContextTypes


class Errands:
    """Errands end by themselves, or with the bot."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(
        self,
        errand: Coroutine[Any, Any, None],
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
    ) -> None:
        """Begin an errand; what goes wrong goes to the error handler, as in handlers."""
        task = context.application.create_task(errand, update)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def shutdown(self) -> None:
        """Stop what is under way; the library would wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
