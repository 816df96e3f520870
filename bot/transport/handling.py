"""How far the update has come that is being handled: what may be done again, and what not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from bot.errors import JournalError
from bot.storage.inbox import InboxRecords, UpdateState

logger = logging.getLogger(__name__)


async def mark_replying() -> None:
    """Call before each request that shows something to somebody.

    From then on the update that is being handled is never handled again. Without one, or after
    its first reply, it does nothing.
    """
    if (handling := handled.get()) is not None:
        await handling.mark(UpdateState.REPLYING)


async def mark_uncertain() -> None:
    """Call when a request that shows something to somebody was given up, and may have arrived.

    Whoever sent the update that is being handled is asked to ask again once Telegram can be
    reached. Without one it does nothing.
    """
    if (handling := handled.get()) is not None:
        await handling.mark(UpdateState.UNCERTAIN)


# The further down, the further an update has come.
_PROGRESS = list(UpdateState)


class Handling:
    """How far an update has come that is being handled."""

    def __init__(self, records: InboxRecords | None, update_id: int) -> None:
        """Take where to write it down, None for nowhere, and the update's id."""
        self.state = UpdateState.WAITING
        self.is_lost = False
        """Whether another replica handles it by now, so that nothing may be shown from here."""
        self._records = records
        self._update_id = update_id
        self._marking = asyncio.Lock()

    async def mark(self, state: UpdateState) -> None:
        """Write down that it has come so far, unless it has come further or is done.

        Raises:
            CancelledError: if it is lost, so that no handler goes on.
        """
        # Who speaks at the same moment waits for the word whether it is lost.
        async with self._marking:
            if not self.is_lost and _PROGRESS.index(state) > _PROGRESS.index(self.state):
                self.state = state
                self.is_lost = not await self._write(state)
        if self.is_lost:
            raise asyncio.CancelledError

    async def end(self, end: Callable[[], Awaitable[None]]) -> None:
        """Have it written down that it is done; nothing is marked from then on.

        What a handler has left to a task beside it may still speak: the update is nobody's then,
        which must not be taken for another replica's.
        """
        async with self._marking:
            await end()
            self.state = UpdateState.DONE

    async def _write(self, state: UpdateState) -> bool:
        """Returns whether it is still ours."""
        if self._records is None:
            return True
        try:
            return await self._records.mark(self._update_id, state)
        except JournalError as error:
            logger.warning("Update %s may be answered twice: %s", self._update_id, error)
            return True


handled: ContextVar[Handling | None] = ContextVar("handled", default=None)
