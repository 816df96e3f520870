"""Regular work that one of all replicas does, each time that it is due."""

from datetime import timedelta

import sqlalchemy as sa

from bot.storage.database import Database, replace_row
from bot.storage.schema import JOBS
from bot.storage.server_time import SERVER_TIME

# Each replica asks as often as the work is due, and is sometimes a little early.
_EARLY = 0.9


class Jobs:
    """Says who does what; each method raises JournalError if the database is away."""

    def __init__(self, database: Database, now: sa.ColumnElement[object] = SERVER_TIME) -> None:
        """Take the database that the replicas share, and the time."""
        self._database = database
        self._now = now

    async def claim(self, name: str, every: timedelta) -> bool:
        """Whether it is for this replica to do some work now.

        Of all replicas that ask within the period, the first one hears that it is. If it ends
        before the work is done, another does it in the next period. Without a database that is
        shared there is nobody else.

        Args:
            name: What is done, the same in all replicas; 64 characters at most.
            every: How often it is to be done, and how often each replica asks.
        """
        if not self._database.is_shared:
            return True
        due = {"next_at": self._now + sa.literal(every * _EARLY, sa.Interval)}
        is_due = JOBS.c.next_at <= self._now
        return await self._database.write(
            lambda connection: replace_row(connection, JOBS, {"name": name}, due, where=is_due)
        )
