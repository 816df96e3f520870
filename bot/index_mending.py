"""Builds the index anew when it turns out to be broken, while the bot goes on."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from bot.errors import ReindexError
from bot.reindexing import Reindexing
from embeddings.errors import EmbeddingsError, IndexDamaged, IndexMissing
from embeddings.stores.opening import StoreAddress
from embeddings.stores.sqlite_file import discard_index

logger = logging.getLogger(__name__)

# In seconds, from one try to the next; a full disk isn't emptied within a minute.
_PAUSES = (60.0, 300.0, 1800.0)


class IndexMending:
    """Reindexes, once for each damage; if that fails, again after a while."""

    def __init__(
        self,
        reindexing: Reindexing,
        address: StoreAddress,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what reindexes, and where the index is."""
        self._reindexing = reindexing
        self._address = address
        self._now = now
        self._lock = asyncio.Lock()
        self._failures = 0
        self._not_before = 0.0

    async def mend(self, error: EmbeddingsError) -> None:
        """Do what helps against an error of the index, if anything does.

        An index of another model stays: somebody has built it for a bot that is started next.
        """
        if not isinstance(error, IndexDamaged | IndexMissing):
            return
        if self._lock.locked() or self._now() < self._not_before:
            return
        async with self._lock:
            try:
                if isinstance(error, IndexDamaged) and isinstance(self._address, Path):
                    # All of it can be had again; what is open is searched on as far as it can.
                    await asyncio.to_thread(discard_index, self._address)
                await self._reindexing.run_soon()
            except (EmbeddingsError, ReindexError) as failure:
                pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
                self._failures += 1
                self._not_before = self._now() + pause
                logger.warning("The index is not mended yet: %s", failure)
            else:
                self._failures = 0
