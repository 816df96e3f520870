"""The part of the inbox that is on the disk: updates that are not done, and ids of those that are.

What people write waits here as Telegram sent it, and no longer than until it is answered.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from bot.storage.database import Database
from bot.storage.schema import INBOX

IDS_KEPT = timedelta(days=3)
"""Telegram sends an update again for a day at most, and may begin other numbers after a week."""

LEFT: sa.ColumnElement[bool] = INBOX.c.payload.is_not(None)
"""What is not done."""

# Who handles a forgotten update goes on, and is still known by `claimed_by`.
_FORGOTTEN = {
    "state": "done",
    "person": None,
    "payload": None,
    "line": None,
    "lane": None,
    "turn_at": None,
}
NOTHING_LEFT = _FORGOTTEN | {"claimed_by": None, "claimed_until": None}

SAME: sa.ColumnElement[bool] = INBOX.c.update_id == sa.bindparam("same")
# Made once, since every update needs them.
_ADD = sqlite.insert(INBOX).on_conflict_do_nothing()
_READ = sa.select(INBOX.c.payload).where(SAME)
_MARK = INBOX.update().where(SAME).values(state=sa.bindparam("new_state"))
_END = INBOX.update().where(SAME).values(NOTHING_LEFT)


class UpdateState(StrEnum):
    """How far an update has come."""

    WAITING = "waiting"
    """Nothing that anybody could see was done: it may be handled as if it had just come."""
    BEGUN = "begun"
    """It may have changed something, so it must not be handled again."""
    REPLYING = "replying"
    """Somebody may have seen a reply, so it must not be handled again."""
    UNCERTAIN = "uncertain"
    """A reply was sent, and whether it arrived isn't known."""
    DONE = "done"


class UpdateRecord(NamedTuple):
    """An update that was not done when the bot ended, or that a replica has claimed."""

    update_id: int
    state: UpdateState
    age: float
    """Seconds since it came."""
    starts: int
    """How often the bot was started since it came; or how often a replica died that had it."""
    payload: str


Result = TypeVar("Result")


class InboxRecords:
    """Reads and writes the inbox's table; each method raises JournalError if that fails."""

    _add: ClassVar[sa.Insert] = _ADD

    def __init__(self, database: Database) -> None:
        """Take the database."""
        self._database = database

    async def add(
        self,
        update_id: int,
        payload: str | None,
        person: int | None,
        state: UpdateState = UpdateState.WAITING,
    ) -> bool:
        """Keep an update; returns whether it is new.

        Args:
            update_id: Telegram's number.
            payload: What Telegram sent; None keeps the id alone.
            person: Who may have it deleted, by their Telegram id.
            state: How far it has come.
        """
        row = {
            "update_id": update_id,
            "received_at": self._database.time(),
            "state": state,
            "starts": 0,
            "person": self._database.person(person) if payload else None,
            "payload": payload,
        }
        return await self._database.write(
            lambda connection: connection.execute(self._add, row).rowcount == 1
        )

    async def read(self, update_id: int) -> str | None:
        """What Telegram sent; None if it is done."""
        same = {"same": update_id}
        return await self._database.read(lambda connection: connection.scalar(_READ, same))

    async def mark(self, update_id: int, state: UpdateState) -> bool:
        """Keep how far an update has come; returns whether it is still ours to handle."""
        values = {"same": update_id, "new_state": state}
        await self._database.write(lambda connection: connection.execute(_MARK, values))
        return True

    async def end(self, update_ids: Collection[int]) -> None:
        """Keep nothing of these updates but their ids."""
        ended = [{"same": update_id} for update_id in update_ids]
        await self._database.write(lambda connection: connection.execute(_END, ended))

    async def begin(self, read: Callable[[UpdateRecord], Result]) -> list[Result]:
        """What is not done, as it came; counts that the bot was started.

        Args:
            read: Makes of each what is needed, so that the payloads aren't in memory at once. It
                is called in the database's thread.
        """
        columns = [INBOX.c[name] for name in ("update_id", "state", "received_at", "starts")]
        select = sa.select(*columns, INBOX.c.payload).where(LEFT)
        select = select.order_by(INBOX.c.received_at, INBOX.c.update_id)
        count = INBOX.update().where(LEFT).values(starts=INBOX.c.starts + 1)
        now = self._database.time()

        def begin(connection: sa.Connection) -> list[Result]:
            connection.execute(count)
            rows = connection.execution_options(yield_per=100).execute(select)
            return [
                read(
                    UpdateRecord(
                        row.update_id,
                        UpdateState(row.state),
                        (now - row.received_at).total_seconds(),
                        row.starts,
                        row.payload,
                    )
                )
                for row in rows
            ]

        return await self._database.write(begin)

    async def wipe(self) -> None:
        """Leave nothing of what has ended in the database's log."""
        await self._database.write(lambda _: None, deletes=True)


def forget_updates(connection: sa.Connection, person: str) -> None:
    """Leave nothing of what somebody sent that still waits."""
    connection.execute(INBOX.update().where(INBOX.c.person == person, LEFT).values(_FORGOTTEN))


def prune_ids(connection: sa.Connection, now: datetime) -> None:
    """Forget ids that were kept long enough; what is not done stays."""
    old = INBOX.c.received_at <= now - IDS_KEPT
    connection.execute(INBOX.delete().where(old, INBOX.c.payload.is_(None)))
