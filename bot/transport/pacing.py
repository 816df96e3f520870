"""The pace that Telegram allows, where several replicas of the bot write at the same time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from telegram.constants import FloodLimit

from bot.errors import JournalError
from bot.storage.database import Database
from bot.storage.paces import Pace, Paces

logger = logging.getLogger(__name__)

# Those that `AIORateLimiter` holds one process to.
_EVERYWHERE = Pace("all", FloodLimit.MESSAGES_PER_SECOND, 1)
_GROUP = Pace("group", FloodLimit.MESSAGES_PER_MINUTE_PER_GROUP, 60)


class SharedPacing:
    """Waits for our turn among all replicas.

    While the database is away nobody waits here: then each process keeps to the limits by itself.
    """

    def __init__(
        self,
        database: Database,
        paces: Paces | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Take the database that the replicas share, how they do so, and how to wait."""
        self._database = database
        self._paces = paces or Paces(database)
        self._sleep = sleep

    async def wait(self, chat: int | str) -> None:
        """Wait until something may be sent to a chat."""
        key = self._database.hash_of(f"pace {chat}")
        # A channel's name is a text.
        is_group = isinstance(chat, str) or chat < 0
        paces = [_GROUP._replace(name=f"group {key}"), _EVERYWHERE] if is_group else [_EVERYWHERE]
        try:
            for pace in paces:
                if seconds := await self._paces.take(pace, held=f"held {key}"):
                    await self._sleep(seconds)
        except JournalError as error:
            logger.warning("This process keeps to Telegram's pace by itself: %s", error)

    async def hold(self, chat: int | str, seconds: float) -> None:
        """Tell all replicas that Telegram takes nothing for a chat for so long."""
        key = self._database.hash_of(f"pace {chat}")
        try:
            await self._paces.hold(f"held {key}", seconds)
        except JournalError as error:
            logger.warning("The other replicas don't know that a chat must wait: %s", error)
