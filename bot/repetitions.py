"""Notices what comes twice and is meant once, such as a double tap; whichever replica gets it."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

import sqlalchemy as sa

from bot.errors import JournalError
from bot.storage.database import Database, replace_row
from bot.storage.schema import PACES
from bot.storage.server_time import SERVER_TIME

logger = logging.getLogger(__name__)

_MOST = 100


class Repetitions:
    """What came lately: the last hundred things here, and all if the database is shared."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the database, and a clock that tells seconds and never goes back."""
        self._database = database
        self._clock = clock
        self._known_until: OrderedDict[str, float] = OrderedDict()

    async def is_one(self, what: str, seconds: float) -> bool:
        """Whether the same came less than so many seconds ago.

        Args:
            what: What came, and from whom.
            seconds: How long it is kept in mind now; not much more than an hour.
        """
        now = self._clock()
        if self._known_until.get(what, now) > now:
            return True
        self._known_until[what] = now + seconds
        self._known_until.move_to_end(what)
        if len(self._known_until) > _MOST:
            self._known_until.popitem(last=False)
        return self._database.is_shared and not await self._is_new_to_all(what, seconds)

    async def _is_new_to_all(self, what: str, seconds: float) -> bool:
        key = {"name": self._database.hash_of(f"came {what}")}
        until = {"free_at": SERVER_TIME + sa.literal(timedelta(seconds=seconds), sa.Interval)}
        is_over = PACES.c.free_at <= SERVER_TIME
        try:
            return await self._database.write(
                lambda connection: replace_row(connection, PACES, key, until, where=is_over)
            )
        except JournalError as error:
            logger.warning("What comes twice may be answered twice: %s", error)
            return True
