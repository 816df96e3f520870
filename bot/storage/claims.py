"""How several replicas share the inbox's table: each update is handled by the one that claims it.

The updates of a chat in one lane are a line. The first one in it that is not done may be claimed,
and none behind it before it is done, so each chat's updates are handled in order, whoever does it.
Two replicas that claim at the same moment can't both have it:

- The claim locks the row, and a row that another one has locked is passed over. If the other one
  was faster, PostgreSQL looks at the row again as it is by then: claimed, or done.
- Whether an update is the first of its line can only change from no to yes, since Telegram posts
  a chat's next update when we have the one before. Should one come late all the same, a unique
  index keeps a line from being claimed twice.

A claim ends by itself if its replica doesn't renew it. All times are the server's, so that the
clocks of the replicas don't matter.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from enum import Enum, auto
from typing import NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from bot.errors import JournalError
from bot.storage.database import Database, replace_row
from bot.storage.inbox import LEFT, NOTHING_LEFT, SAME, InboxRecords, UpdateRecord, UpdateState
from bot.storage.schema import INBOX, PACES
from bot.storage.server_time import SERVER_TIME

logger = logging.getLogger(__name__)

# A chat hears the same word about what it sends no more often, whichever replica has it to say.
_TOLD_EVERY = timedelta(minutes=5)

_UNCLAIMED: sa.ColumnElement[bool] = INBOX.c.claimed_by.is_(None)
_MINE: sa.ColumnElement[bool] = INBOX.c.claimed_by == sa.bindparam("replica", type_=sa.String)
_LEASE_ENDS = SERVER_TIME + sa.bindparam("lease", type_=sa.Interval)
_THESE: sa.ColumnElement[bool] = INBOX.c.update_id.in_(sa.bindparam("these", expanding=True))
_LINE = INBOX.c.line == sa.bindparam("line", type_=sa.String)

_ADD = postgresql.insert(INBOX).on_conflict_do_nothing()
_ADD_IN_LINE = _ADD.values(received_at=SERVER_TIME, turn_at=SERVER_TIME)


def _count(*where: sa.ColumnElement[bool]) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(INBOX).where(LEFT, _UNCLAIMED, *where)


_COUNT = _count()
_COUNT_LINES = sa.select(sa.func.count(INBOX.c.line.distinct())).where(
    LEFT, _UNCLAIMED, INBOX.c.lane == sa.bindparam("in_lane", type_=sa.String)
)
_COUNT_OF = sa.select(
    _count(INBOX.c.person == sa.bindparam("person", type_=sa.String)).scalar_subquery(),
    _count(_LINE).scalar_subquery(),
)
_IS_WAITING = _count(SAME)


def _make_claim() -> sa.Executable:
    other = INBOX.alias()
    in_the_way = sa.exists().where(
        other.c.line == INBOX.c.line,
        other.c.payload.is_not(None),
        other.c.update_id != INBOX.c.update_id,
        (other.c.update_id < INBOX.c.update_id) | other.c.claimed_by.is_not(None),
    )
    free = (
        sa.select(INBOX.c.update_id)
        .where(
            INBOX.c.lane == sa.bindparam("in_lane", type_=sa.String),
            LEFT,
            _UNCLAIMED | (INBOX.c.claimed_until <= SERVER_TIME),
            ~in_the_way,
        )
        .order_by(INBOX.c.turn_at, INBOX.c.update_id)
        .limit(sa.bindparam("places", type_=sa.Integer))
        .with_for_update(skip_locked=True)
        # In one step: a part of a larger query might be carried out more than once.
        .cte("free")
    )
    age = sa.extract("epoch", SERVER_TIME - INBOX.c.received_at)
    return (
        INBOX.update()
        .where(INBOX.c.update_id.in_(sa.select(free.c.update_id)))
        .values(
            claimed_by=sa.bindparam("replica", type_=sa.String),
            claimed_until=_LEASE_ENDS,
            # It was claimed before by one that has died, perhaps of it.
            starts=INBOX.c.starts + sa.case((_UNCLAIMED, 0), else_=1),
        )
        .returning(
            INBOX.c.update_id,
            INBOX.c.state,
            sa.cast(age, sa.Float).label("age"),
            INBOX.c.starts,
            INBOX.c.payload,
        )
    )


_CLAIM = _make_claim()
_LOCKED = (
    sa.select(INBOX.c.update_id)
    .where(_MINE, _THESE)
    # What is locked is being marked or ended by another connection of ours: it can wait.
    .with_for_update(skip_locked=True)
    .cte("locked")
)
_RENEW = (
    INBOX.update()
    .where(INBOX.c.update_id.in_(sa.select(_LOCKED.c.update_id)))
    .values(claimed_until=_LEASE_ENDS)
)
_GIVE_BACK = INBOX.update().where(_MINE).values(claimed_by=None, claimed_until=None)
_MARK = INBOX.update().where(SAME, _MINE).values(state=sa.bindparam("new_state"))
_LINES_OF = sa.select(INBOX.c.line).where(_THESE, _MINE, INBOX.c.line.is_not(None))
_END = INBOX.update().where(_THESE, _MINE).values(NOTHING_LEFT)
_NEXT = (
    sa.select(sa.func.min(INBOX.c.update_id))
    .where(LEFT, INBOX.c.line.in_(sa.bindparam("lines", expanding=True)))
    .group_by(INBOX.c.line)
)
# Behind all others that wait for their turn.
_LET_NEXT_WAIT = INBOX.update().where(INBOX.c.update_id.in_(_NEXT)).values(turn_at=SERVER_TIME)
_LINELESS = sa.select(INBOX.c.update_id, INBOX.c.payload).where(LEFT, INBOX.c.line.is_(None))
_PLACE = (
    INBOX.update()
    .where(SAME)
    .values(
        lane=sa.bindparam("new_lane"), line=sa.bindparam("new_line"), turn_at=INBOX.c.received_at
    )
)


class Place(NamedTuple):
    """Where an update waits."""

    lane: str
    chat: int


class Limits(NamedTuple):
    """How many updates may wait."""

    of_person: int
    of_line: int


class Added(Enum):
    """What has become of an update."""

    NEW = auto()
    KNOWN = auto()
    TOO_MANY = auto()


class SharedInboxRecords(InboxRecords):
    """The inbox's table where other replicas use it too.

    Each method but `mark` raises JournalError if the database is away.
    """

    _add = _ADD

    def __init__(self, database: Database, replica: str, lease: float) -> None:
        """Take the database, what this replica is known by, and its claims' seconds."""
        super().__init__(database)
        self._replica = {"replica": replica}
        self._lease = {"lease": timedelta(seconds=lease)}

    async def add_in_line(
        self, update_id: int, payload: str, person: int | None, place: Place, limits: Limits | None
    ) -> Added:
        """Keep an update until a replica claims it.

        Args:
            update_id: Telegram's number.
            payload: What Telegram sent.
            person: Who may have it deleted, by their Telegram id.
            place: Where it waits.
            limits: How many may wait there; None for as many as come.
        """
        row = {
            "update_id": update_id,
            "state": UpdateState.WAITING,
            "starts": 0,
            "person": self._database.person(person),
            "payload": payload,
            "line": self._line(place),
            "lane": place.lane,
        }

        def add(connection: sa.Connection) -> Added:
            if limits:
                counts = connection.execute(_COUNT_OF, row).one()
                if any(count >= limit for count, limit in zip(counts, limits, strict=True)):
                    return Added.TOO_MANY
            is_new = connection.execute(_ADD_IN_LINE, row).rowcount == 1
            return Added.NEW if is_new else Added.KNOWN

        return await self._database.write(add)

    async def adopt(self, place_of: Callable[[str], Place]) -> None:
        """Let what a single bot has left wait for a replica.

        Args:
            place_of: Where a payload's update waits.
        """

        def adopt(connection: sa.Connection) -> None:
            rows = connection.execute(_LINELESS.with_for_update(skip_locked=True)).all()
            for row in rows:
                place = place_of(row.payload)
                values = {"new_lane": place.lane, "new_line": self._line(place)}
                connection.execute(_PLACE, {"same": row.update_id} | values)

        await self._database.write(adopt)

    async def claim(self, places: Iterable[tuple[str, int]]) -> list[UpdateRecord]:
        """Claim updates, of each line one: what has just come, or was another's that has died.

        Args:
            places: Lanes, and how many of each.
        """

        def claim(connection: sa.Connection) -> list[UpdateRecord]:
            records = []
            for lane, number in places:
                values = self._replica | self._lease | {"in_lane": lane, "places": number}
                rows = connection.execute(_CLAIM, values).all()
                records += [
                    UpdateRecord(*row)._replace(state=UpdateState(row.state)) for row in rows
                ]
            return records

        return await self._database.write(claim)

    async def renew(self, update_ids: Collection[int]) -> None:
        """Keep these claims for as long again, as far as they are still ours."""
        values = self._replica | self._lease | {"these": list(update_ids)}
        await self._database.write(lambda connection: connection.execute(_RENEW, values))

    async def give_back(self, update_ids: Collection[int] | None = None) -> None:
        """Let others claim these updates at once; None is for all that are ours."""
        statement = _GIVE_BACK if update_ids is None else _GIVE_BACK.where(_THESE)
        values = self._replica | ({} if update_ids is None else {"these": list(update_ids)})
        await self._database.write(lambda connection: connection.execute(statement, values))

    async def mark(self, update_id: int, state: UpdateState) -> bool:
        """Keep how far an update has come; returns whether it is still ours to handle.

        It isn't if another replica may have claimed it, as after a time without the database.
        """
        values = self._replica | {"same": update_id, "new_state": state}
        try:
            return await self._database.write(
                lambda connection: connection.execute(_MARK, values).rowcount == 1
            )
        except JournalError as error:
            logger.warning("Update %s is left to another replica: %s", update_id, error)
            return False

    async def end(self, update_ids: Collection[int]) -> None:
        """Keep nothing of these updates but their ids, and let the next of their chats wait."""
        values = self._replica | {"these": sorted(update_ids)}

        def end(connection: sa.Connection) -> None:
            lines = connection.scalars(_LINES_OF, values).all()
            connection.execute(_END, values)
            if lines:
                connection.execute(_LET_NEXT_WAIT, {"lines": lines})

        await self._database.write(end)

    async def count(self) -> int:
        """How many updates wait for a replica."""
        return await self._database.read(_counted(_COUNT, {}))

    async def count_lines(self, lane: str) -> int:
        """Of how many chats something waits for a replica."""
        return await self._database.read(_counted(_COUNT_LINES, {"in_lane": lane}))

    async def is_waiting(self, update_id: int) -> bool:
        """Whether no replica has claimed an update yet."""
        return bool(await self._database.read(_counted(_IS_WAITING, {"same": update_id})))

    async def may_tell(self, key: str, chat: int) -> bool:
        """Whether a chat is to be told something now; to the next who asks it isn't, for a while.

        Args:
            key: The text.
            chat: Telegram's id.
        """
        name = {"name": self._database.hash_of(f"told {key} {chat}")}
        until = {"free_at": SERVER_TIME + sa.literal(_TOLD_EVERY, sa.Interval)}
        is_due = PACES.c.free_at <= SERVER_TIME
        return await self._database.write(
            lambda connection: replace_row(connection, PACES, name, until, where=is_due)
        )

    def _line(self, place: Place) -> str:
        return self._database.hash_of(f"line {place.lane} {place.chat}")


def _counted(select: sa.Select[int], values: dict[str, object]) -> Callable[[sa.Connection], int]:
    return lambda connection: cast("int", connection.scalar(select, values))
