"""How often all replicas together may do something, such as write to a group."""

from datetime import timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from bot.storage.database import Database
from bot.storage.schema import PACES
from bot.storage.server_time import SERVER_TIME

PACES_KEPT = timedelta(hours=1)
"""After the time that nothing has to wait for a pace any more."""

_NAME = sa.bindparam("name", type_=sa.String)
_LENGTH = sa.bindparam("length", type_=sa.Interval)
_HELD = sa.bindparam("held", type_=sa.String)


class Pace(NamedTuple):
    """How often something may be done."""

    name: str
    """What it is, in 80 characters at most."""
    most: int
    """How often at once, after a rest."""
    seconds: float
    """How long it takes until it may be done as often again."""


class Paces:
    """Hands out turns; each method raises JournalError if the database is away.

    Each turn takes its share of a pace's seconds, and the row of the pace says until when all
    that were handed out last (the generic cell rate algorithm). One statement reads and writes
    it, so that no two replicas get the same turn.
    """

    def __init__(self, database: Database, now: sa.ColumnElement[object] = SERVER_TIME) -> None:
        """Take a database that is shared, and its time."""
        self._database = database
        other = PACES.alias()
        held_until = sa.select(other.c.free_at).where(other.c.name == _HELD).scalar_subquery()
        add = postgresql.insert(PACES).values(name=_NAME, free_at=now + _LENGTH)
        self._take = add.on_conflict_do_update(
            index_elements=["name"],
            set_={"free_at": sa.func.greatest(PACES.c.free_at, now) + _LENGTH},
        ).returning(now, PACES.c.free_at, held_until)
        self._hold = add.on_conflict_do_update(
            index_elements=["name"],
            set_={"free_at": sa.func.greatest(PACES.c.free_at, add.excluded.free_at)},
        )

    async def take(self, pace: Pace, held: str = "") -> float:
        """Take a turn, which nobody else gets; returns how many seconds to wait for it.

        Args:
            pace: What is to be done.
            held: What else may have to wait; see `hold`.
        """
        share = timedelta(seconds=pace.seconds / pace.most)
        values = {"name": pace.name, "length": share, "held": held}
        now, free_at, held_until = await self._database.write(
            lambda connection: connection.execute(self._take, values).one()
        )
        # A rest lets so many be done at once.
        turn = free_at - timedelta(seconds=pace.seconds)
        wait: timedelta = max(turn, held_until or turn) - now
        return max(wait.total_seconds(), 0.0)

    async def hold(self, name: str, seconds: float) -> None:
        """Let nobody do something for so long."""
        values = {"name": name, "length": timedelta(seconds=seconds)}
        await self._database.write(lambda connection: connection.execute(self._hold, values))
