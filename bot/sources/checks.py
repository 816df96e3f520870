"""Checks sources for new articles: politely, a few at a time, and never without end.

What is found is kept in the database before it is read, so that nothing is lost or read twice
when the bot stops in between.
"""

import asyncio
import logging
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.drafts.reading import Reading
from bot.drafts.waiting import ArticleDrafts, Origin
from bot.errors import BotError, ReadingFailed, ReindexError
from bot.settings import Settings
from bot.sources.listings import Listings
from bot.sources.records import EntryRecord, EntryState, SourceRecord, SourceRecords, source_id
from bot.sources.visiting import FoundListing, SiteReading, Visitor, find_listing
from bot.storage.database import Database
from bot.storage.paces import Pace, Paces
from bot.troubles import Troubles
from knowledge.changes import Changes
from knowledge.drafts import Draft
from knowledge.errors import (
    ArticleError,
    FetchError,
    KnowledgeError,
    Problem,
    ReadingError,
    SourcesError,
)
from knowledge.feeds import ListingKind
from knowledge.sources import Approval, Source, changing_sources, load_sources, save_sources

logger = logging.getLogger(__name__)

NEWEST = 3
"""Articles that the first check of a source reads; those before them are no news."""
MOST = 10
"""Articles that one check reads; the others wait for the next one."""
GIVEN_UP_AFTER = timedelta(days=14)
"""A source that can't be read for so long is paused."""

_TOLD_AFTER = 3  # failed checks
_LONGEST_BACKOFF = timedelta(days=1)
# An article is tried once more after each of them, and then given up.
_NEXT_TRIES = (timedelta(hours=1), timedelta(days=1))
# From one step of a check to the next; the longest is the reading of an article.
_CLAIM = timedelta(minutes=5)
_JITTER = 0.1  # of the interval
# Whatever brought an older entry into a listing, it was not published since the last look.
_NEWS_FOR = timedelta(days=30)
# What a site says in place of 404 when a page will never be there again.
_GONE = "410"
_FILE_TROUBLE = "sources-file"


@dataclass(frozen=True, slots=True)
class Tools:
    """What a check does its work with."""

    reading: SiteReading
    drafts: ArticleDrafts
    save: Callable[[Draft], object]
    """Makes a draft an article, in a thread; see `knowledge.changes.Changes.save`."""
    reindex: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """How one check of a source went."""

    source: Source
    found: int = 0
    """Entries that were not known."""
    offered: tuple[str, ...] = ()
    """Titles, or links, of the articles that wait for an admin's word now."""
    taken: tuple[str, ...] = ()
    """Likewise, of those that were taken at once."""
    failed: int = 0
    """Articles that couldn't be read."""
    problem: Problem | None = None
    """Why the listing couldn't be read, if it couldn't."""
    paused: bool = False
    """Whether the source was paused for it, since it was unreadable for too long or is gone."""
    reindex_problem: str | None = None
    """Why the articles that were taken aren't in the index yet."""


@dataclass(slots=True)
class _Outcome:
    """What became of the articles of a check so far."""

    offered: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    failed: int = 0


class SourceChecks:
    """Knows the sources and checks them, one at a time."""

    def __init__(
        self,
        path: Path,
        records: SourceRecords,
        troubles: Troubles | None,
        tools: Tools,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take what it works on.

        Args:
            path: The file sources.yaml, which may not be there yet.
            records: What is known of sources.
            troubles: Where it says what keeps failing; None where somebody looks on.
            tools: What it does its work with.
            jitter: Between 0 and 1, so that not all sources are checked at once for ever.
        """
        self.records = records
        self._path = path
        self._troubles = troubles
        self._tools = tools
        self._jitter = jitter
        self._turn = asyncio.Lock()
        # Other replicas visit the same sites.
        self._paces = Paces(records.database) if records.database.is_shared else None
        self._last_requests: dict[str, datetime] = {}

    def sources(self) -> tuple[Source, ...]:
        """The sources as the file has them now.

        Raises:
            SourcesError: the file is wrong or can't be read.
        """
        return load_sources(self._path)

    def add(self, source: Source) -> bool:
        """Write another source into the file; False if it is there already.

        Raises:
            SourcesError: the file is wrong, or can't be read or written.
        """
        with changing_sources(self._path):
            sources = self.sources()
            if any(known.url == source.url for known in sources):
                return False
            save_sources(self._path, (*sources, source))
        return True

    def replace(self, source: Source) -> None:
        """Write a source into the file in place of the one with its link, if it is still there.

        Raises:
            SourcesError: the file is wrong, or can't be read or written.
        """
        with changing_sources(self._path):
            sources = self.sources()
            save_sources(
                self._path, [source if known.url == source.url else known for known in sources]
            )

    async def remove(self, source: Source) -> None:
        """Take a source out of the file, and forget what is known of it.

        Raises:
            SourcesError: the file is wrong, or can't be read or written.
            JournalError: the database can't be used just now.
        """
        with changing_sources(self._path):
            save_sources(self._path, [each for each in self.sources() if each.url != source.url])
        await self.records.forget(source.url)
        await self._works(_trouble(source))

    async def pause(self, source: Source) -> None:
        """Don't check a source until `resume`."""
        await self.records.update(source.url, paused=True)

    async def resume(self, source: Source) -> None:
        """Check a source again, soon; what failed before doesn't count any more."""
        await self.records.update(
            source.url, paused=False, failures=0, failing_since=None, next_check_at=None
        )

    async def due(self) -> tuple[Source, ...]:
        """The sources whose time has come, those first that have waited longest.

        What is wrong with the file is told to the admins, once.
        """
        try:
            sources = self.sources()
        except SourcesError as error:
            await self._fails(_FILE_TROUBLE, "trouble-sources-file", reason=str(error))
            return ()
        await self._works(_FILE_TROUBLE)
        records = await self.records.all()
        now = self.records.database.time()
        waiting: list[tuple[datetime, Source]] = []
        for source in sources:
            record = records.get(source.url, SourceRecord(source.url))
            claimed = record.claimed_until is not None and record.claimed_until > now
            next_check = record.next_check_at or datetime.min  # noqa: DTZ901 - as the database
            if not (record.paused or claimed) and next_check <= now:
                waiting.append((next_check, source))
        waiting.sort(key=lambda each: each[0])
        return tuple(source for _, source in waiting)

    async def check(self, source: Source) -> CheckReport | None:
        """Look at a source once, and read what is new in it.

        Returns:
            How it went; None if another process checks it just now.

        Raises:
            JournalError: the database can't be used just now.
            DraftsUnusable: the folder of drafts can't be used.
            KnowledgeError: an article can't be saved.
        """
        async with self._turn:
            if not await self.records.claim(source.url, _CLAIM):
                return None
            try:
                return await self._check(source)
            finally:
                await self.records.update(source.url, claimed_until=None)

    async def find(self, url: str) -> FoundListing:
        """Find the feed or sitemap that a link leads to; see `visiting.find_listing`."""
        return await find_listing(self._visitor(), url)

    async def _check(self, source: Source) -> CheckReport:
        record = await self.records.get(source.url)

        async def claim() -> None:
            await self.records.update(
                source.url, claimed_until=self.records.database.time() + _CLAIM
            )

        visitor = self._visitor(claim)
        try:
            found = await self._read_listing(visitor, source, record)
        except ReadingError as error:
            return await self._listing_failed(source, record, error)
        except ReadingFailed as error:
            unreadable = ReadingError(Problem.NOT_READABLE, source.url, str(error))
            return await self._listing_failed(source, record, unreadable)
        await self._works(_trouble(source))
        outcome = _Outcome()
        reindex_problem = None
        try:
            for entry in await self.records.to_read(source.url, MOST):
                if not await self._read_article(visitor, source, entry, outcome):
                    break
        except (BotError, KnowledgeError):
            # What was taken before something broke belongs into the index all the same.
            if outcome.taken:
                await self._reindex()
            raise
        if outcome.taken:
            reindex_problem = await self._reindex()
        return CheckReport(
            source,
            found,
            tuple(outcome.offered),
            tuple(outcome.taken),
            outcome.failed,
            reindex_problem=reindex_problem,
        )

    async def _read_listing(self, visitor: Visitor, source: Source, record: SourceRecord) -> int:
        """Keep what is new in a source, and when it is looked at again; returns how much it is."""
        visit = await visitor.visit(source.url, record.etag, record.last_modified)
        named = visit.named[:1]
        for url in named:
            visit = await visitor.visit(url)
        now = self.records.database.time()
        read = {
            "checked_at": now,
            "read_at": now,
            "next_check_at": self._later(source.every),
            "failures": 0,
            "failing_since": None,
            "problem": None,
            "detail": None,
        }
        if visit.not_modified:
            await self.records.update(source.url, found=0, **read)
            return 0
        if visit.listing is None:
            raise ReadingError(Problem.NO_LISTING, source.url)
        entries = await visitor.entries(visit.listing)
        is_first, oldest = True, date.min
        if record.read_at is not None:
            is_first, oldest = False, record.read_at.date() - _NEWS_FOR
        # What a page or an index names can change while that stays as it was.
        is_named = bool(named) or visit.listing.kind is ListingKind.INDEX
        return await self.records.keep_listing(
            source.url,
            entries,
            lambda position, entry: (
                position < NEWEST if is_first else entry.changed is None or entry.changed >= oldest
            ),
            kind=visit.listing.kind,
            etag=None if is_named else visit.etag,
            last_modified=None if is_named else visit.last_modified,
            **read,
        )

    async def _listing_failed(
        self, source: Source, record: SourceRecord, error: ReadingError
    ) -> CheckReport:
        now = self.records.database.time()
        failures = record.failures + 1
        since = record.failing_since or now
        gone = error.subject == source.url and error.detail.startswith(_GONE)
        paused = not record.paused and (gone or now - since >= GIVEN_UP_AFTER)
        # More doublings than 16 lead beyond any limit.
        backoff = max(source.every, min(source.every * 2 ** min(failures, 16), _LONGEST_BACKOFF))
        retry_after = error.retry_after if isinstance(error, FetchError) else None
        wanted = timedelta(seconds=min(retry_after or 0, _LONGEST_BACKOFF.total_seconds()))
        logger.warning("The source %s could not be read: %s", source.url, error)
        await self.records.update(
            source.url,
            checked_at=now,
            next_check_at=self._later(max(backoff, wanted)),
            failures=failures,
            failing_since=since,
            problem=error.problem,
            detail=error.detail,
            **({"paused": True} if paused else {}),
        )
        if failures >= _TOLD_AFTER and not paused:
            await self._fails(_trouble(source), "trouble-source", name=source.name, url=source.url)
        return CheckReport(source, problem=error.problem, paused=paused)

    async def _read_article(
        self, visitor: Visitor, source: Source, entry: EntryRecord, outcome: _Outcome
    ) -> bool:
        """Read one new article; returns whether the site may be asked for the next one."""
        try:
            read = await visitor.read(entry.url)
        except ReadingError as error:
            await self._article_failed(source, entry, error)
            outcome.failed += 1
            return error.problem is not Problem.RATE_LIMITED
        except ReadingFailed as error:
            unreadable = ReadingError(Problem.NOT_READABLE, entry.url, str(error))
            await self._article_failed(source, entry, unreadable)
            outcome.failed += 1
            return True
        if read.same_link or read.same_text:
            await self.records.settle(source.url, entry.link, EntryState.KNOWN)
            return True
        draft = _completed(read.draft, source, entry)
        title = draft.title or entry.url
        if source.approval is Approval.AUTOMATIC:
            try:
                await asyncio.to_thread(self._tools.save, draft)
            except ArticleError as error:
                logger.warning("%s did not become an article: %s", entry.url, error)
            else:
                outcome.taken.append(title)
                await self.records.settle(source.url, entry.link, EntryState.TAKEN)
                return True
        origin = Origin(source=source.name)
        await asyncio.to_thread(self._tools.drafts.add, draft, origin)
        outcome.offered.append(title)
        await self.records.settle(source.url, entry.link, EntryState.OFFERED)
        return True

    async def _article_failed(
        self, source: Source, entry: EntryRecord, error: ReadingError
    ) -> None:
        # What robots.txt forbids is no failure that another try could mend.
        hopeless = error.problem is Problem.ROBOTS or entry.failures >= len(_NEXT_TRIES)
        now = self.records.database.time()
        await self.records.fail(
            source.url,
            entry.link,
            error.problem,
            error.detail,
            None if hopeless else now + _NEXT_TRIES[entry.failures],
        )

    async def _reindex(self) -> str | None:
        """Bring what was taken into the index; returns why that failed, if it did."""
        try:
            await self._tools.reindex()
        except ReindexError as error:
            logger.warning("The reindex after a check failed: %s", error)
            return str(error)
        return None

    def _visitor(self, before_each: Callable[[], Awaitable[None]] | None = None) -> Visitor:
        return Visitor(
            self._tools.reading,
            self._last_requests,
            self.records.database.time,
            self._wait_for_others,
            before_each,
        )

    async def _wait_for_others(self, host: str, seconds: float) -> float:
        if self._paces is None:
            return 0.0
        pace = Pace(f"host {self.records.database.hash_of(host)}", 1, seconds)
        return await self._paces.take(pace)

    async def _fails(self, key: str, text_key: str, **arguments: str) -> None:
        if self._troubles:
            await self._troubles.begin(key, text_key, **arguments)

    async def _works(self, key: str) -> None:
        if self._troubles:
            await self._troubles.end(key)

    def _later(self, interval: timedelta) -> datetime:
        return self.records.database.time() + interval * (1 + _JITTER * self._jitter())


def _completed(draft: Draft, source: Source, entry: EntryRecord) -> Draft:
    """A draft with what the page itself doesn't say, and what the source's owner knows better."""
    return replace(
        draft,
        title=draft.title or entry.title,
        url=draft.url or entry.url,
        publisher=draft.publisher or source.name,
        language=source.language or draft.language,
        published=draft.published or entry.published,
    )


def _trouble(source: Source) -> str:
    return f"source:{source_id(source.url)}"


def build_checks(
    settings: Settings,
    database: Database,
    troubles: Troubles | None,
    reading: Reading,
    reindex: Callable[[], Awaitable[object]],
) -> SourceChecks:
    """Wire the checks as these settings have it.

    Args:
        settings: Where things are.
        database: The bot's own.
        troubles: See `SourceChecks`.
        reading: Reads the articles.
        reindex: See `Tools`.
    """
    listings = Listings(
        [sys.executable, "-m", "bot", "sources", "read", "--json"], settings.environment()
    )
    tools = Tools(
        reading=SiteReading(
            listings.visit, listings.robots, reading.read_link, settings.user_agent
        ),
        drafts=ArticleDrafts(settings.drafts_dir),
        save=Changes(settings.articles_dir).save,
        reindex=reindex,
    )
    return SourceChecks(settings.sources_path, SourceRecords(database), troubles, tools)
