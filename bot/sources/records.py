"""What the database keeps of sources: how their checks went, and every entry seen in them."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from bot.storage.database import Database, replace_row
from bot.storage.schema import SOURCE_ENTRIES, SOURCES
from knowledge.duplicates import link_key
from knowledge.feeds import Entry, ListingKind


class EntryState(StrEnum):
    """What became of an entry."""

    SEEN = "seen"
    """It was there before the source was, so it is no news."""
    WAITING = "waiting"
    """It is to be read."""
    OFFERED = "offered"
    """It waits as a draft, or an admin has decided on it."""
    TAKEN = "taken"
    """It became an article."""
    KNOWN = "known"
    """We have the article already."""
    FAILED = "failed"
    """It couldn't be read, and isn't tried any more."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """How the checks of a source went; times are UTC without a time zone."""

    url: str
    kind: ListingKind | None = None
    """None before it was read once."""
    etag: str | None = None
    last_modified: str | None = None
    checked_at: datetime | None = None
    read_at: datetime | None = None
    """When its listing was read for the last time; a later check has failed."""
    found: int = 0
    """New entries, when its listing was read for the last time."""
    next_check_at: datetime | None = None
    failures: int = 0
    """Checks that failed since the last one that didn't."""
    failing_since: datetime | None = None
    paused: bool = False
    """There is no check until an admin says so."""
    claimed_until: datetime | None = None
    problem: str | None = None
    """See `knowledge.errors.Problem`."""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """An entry of a source, and what became of it."""

    link: str
    """See `knowledge.duplicates.link_key`."""
    url: str
    title: str | None
    published: date | None
    state: EntryState
    failures: int
    next_try_at: datetime | None
    problem: str | None
    """See `knowledge.errors.Problem`."""


def source_id(url: str) -> str:
    """What stands for a source where its link is too long: twelve hexadecimal digits."""
    return hashlib.sha256(url.encode()).hexdigest()[:12]


class SourceRecords:
    """Keeps them; each method raises JournalError if the database can't be used just now."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def all(self) -> dict[str, SourceRecord]:
        """The records of all sources that were checked or paused, by their links."""
        rows = await self.database.read(
            lambda connection: connection.execute(sa.select(SOURCES)).all()
        )
        return {row.url: _source_record(row) for row in rows}

    async def get(self, url: str) -> SourceRecord:
        """A source's record."""
        select = sa.select(SOURCES).where(_is(url))
        row = await self.database.read(lambda connection: connection.execute(select).first())
        return _source_record(row) if row else SourceRecord(url)

    async def claim(self, url: str, length: timedelta) -> bool:
        """Take a source for oneself for so long; False if another process has it."""
        now = self.database.time()
        is_free = sa.or_(SOURCES.c.claimed_until.is_(None), SOURCES.c.claimed_until <= now)
        return await self.database.write(
            lambda connection: _put(connection, url, {"claimed_until": now + length}, is_free)
        )

    async def update(self, url: str, **values: object) -> None:
        """Change what is known of a source; the names are those of `SourceRecord`."""
        await self.database.write(lambda connection: _put(connection, url, values))

    async def keep_listing(
        self,
        url: str,
        entries: Iterable[Entry],
        is_news: Callable[[int, Entry], bool],
        **values: object,
    ) -> int:
        """Keep what a listing has, together with what is then known of its source.

        Args:
            url: The source's.
            entries: The listing's, the newest first.
            is_news: Whether one that is not known is to be read, given its place among those,
                from 0.
            values: As in `update`.

        Returns:
            How many entries are to be read that were not known.
        """
        now = self.database.time()

        def keep(connection: sa.Connection) -> int:
            known = set(
                connection.scalars(
                    sa.select(SOURCE_ENTRIES.c.link).where(SOURCE_ENTRIES.c.source == url)
                )
            )
            new: dict[str, Entry] = {}
            for entry in entries:
                link = link_key(entry.url)
                if link not in known:
                    new.setdefault(link, entry)
            rows: list[dict[str, object]] = [
                {
                    "source": url,
                    "link": link,
                    "url": entry.url,
                    "title": entry.title,
                    "published": entry.published,
                    "seen_at": now,
                    "position": position,
                    "state": (EntryState.WAITING if is_news(position, entry) else EntryState.SEEN),
                    "failures": 0,
                }
                for position, (link, entry) in enumerate(new.items())
            ]
            if rows:
                connection.execute(SOURCE_ENTRIES.insert(), rows)
            found = sum(row["state"] is EntryState.WAITING for row in rows)
            _put(connection, url, {"found": found, **values})
            return found

        return await self.database.write(keep)

    async def to_read(self, url: str, most: int) -> list[EntryRecord]:
        """The entries of a source whose turn it is, those first that were never tried."""
        now = self.database.time()
        columns = SOURCE_ENTRIES.c
        select = (
            sa.select(SOURCE_ENTRIES)
            .where(
                columns.source == url,
                columns.state == EntryState.WAITING,
                sa.or_(columns.next_try_at.is_(None), columns.next_try_at <= now),
            )
            .order_by(columns.failures, columns.seen_at, columns.position)
            .limit(most)
        )
        return await self._entries(select)

    async def failing(self, url: str, most: int) -> list[EntryRecord]:
        """The entries of a source that couldn't be read, the latest first."""
        columns = SOURCE_ENTRIES.c
        select = (
            sa.select(SOURCE_ENTRIES)
            .where(columns.source == url, columns.problem.is_not(None))
            .order_by(columns.seen_at.desc(), columns.link)
            .limit(most)
        )
        return await self._entries(select)

    async def settle(self, source: str, link: str, state: EntryState) -> None:
        """Keep what became of an entry that was read."""
        await self._change_entry(
            source, link, state=state, next_try_at=None, problem=None, detail=None
        )

    async def fail(
        self, source: str, link: str, problem: str, detail: str, next_try_at: datetime | None
    ) -> None:
        """Keep that an entry couldn't be read.

        Args:
            source: The source's link.
            link: See `EntryRecord`.
            problem: Why; see `knowledge.errors.Problem`.
            detail: What exactly was seen.
            next_try_at: When to try again; None for never.
        """
        await self._change_entry(
            source,
            link,
            state=EntryState.WAITING if next_try_at else EntryState.FAILED,
            failures=SOURCE_ENTRIES.c.failures + 1,
            next_try_at=next_try_at,
            problem=problem,
            detail=detail,
        )

    async def forget(self, url: str) -> None:
        """Delete all that is known of a source."""

        def forget(connection: sa.Connection) -> None:
            connection.execute(SOURCE_ENTRIES.delete().where(SOURCE_ENTRIES.c.source == url))
            connection.execute(SOURCES.delete().where(_is(url)))

        await self.database.write(forget)

    async def _change_entry(self, source: str, link: str, **values: object) -> None:
        same = sa.and_(SOURCE_ENTRIES.c.source == source, SOURCE_ENTRIES.c.link == link)
        await self.database.write(
            lambda connection: connection.execute(
                SOURCE_ENTRIES.update().where(same).values(**values)
            )
        )

    async def _entries(self, select: sa.Select[tuple[object, ...]]) -> list[EntryRecord]:
        rows = await self.database.read(lambda connection: connection.execute(select).all())
        return [
            EntryRecord(
                row.link,
                row.url,
                row.title,
                row.published,
                EntryState(row.state),
                row.failures,
                row.next_try_at,
                row.problem,
            )
            for row in rows
        ]


def _is(url: str) -> sa.ColumnElement[bool]:
    return SOURCES.c.url == url


def _put(
    connection: sa.Connection,
    url: str,
    values: dict[str, object],
    where: sa.ColumnElement[bool] | None = None,
) -> bool:
    new = {"found": 0, "failures": 0, "paused": False}
    return replace_row(connection, SOURCES, {"url": url}, values, at_first=new, where=where)


def _source_record(row: sa.Row[tuple[object, ...]]) -> SourceRecord:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    values["kind"] = ListingKind(values["kind"]) if values["kind"] else None
    return SourceRecord(**values)
