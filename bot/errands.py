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
        self._have_ended = False

    def start(
        self,
        errand: Coroutine[Any, Any, None],
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
    ) -> None:
        """Begin an errand; what goes wrong goes to the error handler, as in handlers.

        Of a handler that is under way while the bot is being stopped none is begun.
        """
        if self._have_ended:
            errand.close()
            return
        task = context.application.create_task(errand, update)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def shutdown(self) -> None:
        """Stop what is under way; the library would wait for it."""
        self._have_ended = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
