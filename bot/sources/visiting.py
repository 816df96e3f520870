"""Visits to other people's sites: only where robots.txt lets us, and without hurry."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

from bot.drafts.reading import ReadDraft
from bot.sources.listings import Visit
from knowledge.errors import Problem, ReadingError
from knowledge.feeds import Entry, Listing, ListingKind
from knowledge.robots import Rules, read_rules
from knowledge.sources import site_name

logger = logging.getLogger(__name__)

BETWEEN_REQUESTS = 2.0
"""Seconds from one request to a host to the next, if it doesn't ask for more."""

_MOST_SITEMAPS = 10
_MOST_NAMED = 4
# What another try will hardly mend.
_LASTING = frozenset({Problem.NOT_FOUND, Problem.NO_LISTING, Problem.ROBOTS, Problem.REFUSED})

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class SiteReading:
    """How links are read, and who we say we are."""

    visit: Callable[[str, str | None, str | None], Awaitable[Visit]]
    """See `bot.sources.listings.Listings`, likewise the next one."""
    robots: Callable[[str], Awaitable[str]]
    article: Callable[[str], Awaitable[ReadDraft]]
    """See `bot.drafts.reading.Reading.read_link`."""
    user_agent: str
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class FoundListing:
    """What a link turned out to lead to."""

    url: str
    name: str
    kind: ListingKind
    articles: int
    """Entries in it, of those that are looked at; see `feeds.MAX_ENTRIES`."""


class Visitor:
    """Visits sites within one check: asks their robots.txt, and doesn't hurry them."""

    def __init__(
        self,
        reading: SiteReading,
        last_requests: dict[str, datetime],
        now: Callable[[], datetime],
        turn: Callable[[str, float], Awaitable[float]],
        before_each: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Take what it works with.

        Args:
            reading: Reads links.
            last_requests: When each host was asked for something last; is kept up to date.
            now: The time.
            turn: How many seconds to wait for others who ask a host for something, given how
                many there should be in between.
            before_each: Called before each request.
        """
        self._reading = reading
        self._last_requests = last_requests
        self._now = now
        self._before_each = before_each
        self._turn = turn
        self._rules: dict[str, Rules] = {}

    async def rules(self, url: str) -> Rules:
        """What the site of a link allows; asked once.

        Raises:
            ReadingError: the site can't tell just now, so nothing on it may be read.
            ReadingFailed: the process that asks failed.
        """
        site = _site(url)
        if site not in self._rules:
            text = await self._at_its_turn(url, 0, lambda: self._reading.robots(url))
            self._rules[site] = read_rules(text, self._reading.user_agent)
        return self._rules[site]

    async def visit(
        self, url: str, etag: str | None = None, last_modified: str | None = None
    ) -> Visit:
        """See `bot.sources.listings.Listings.visit`, which this does when it may."""
        rules = await self._allowed(url)
        return await self._at_its_turn(
            url, rules.delay, lambda: self._reading.visit(url, etag, last_modified)
        )

    async def read(self, url: str) -> ReadDraft:
        """See `bot.drafts.reading.Reading.read_link`, which this does when it may."""
        rules = await self._allowed(url)
        return await self._at_its_turn(url, rules.delay, lambda: self._reading.article(url))

    async def entries(self, listing: Listing) -> Sequence[Entry]:
        """The entries of a listing; those of an index are in its sitemaps.

        Raises:
            ReadingError: a sitemap can't be read just now, or none of them ever.
            ReadingFailed: the process that reads them failed.
        """
        if listing.kind is not ListingKind.INDEX:
            return listing.entries
        entries: list[Entry] = []
        failure: ReadingError | None = None
        for sitemap in listing.entries[:_MOST_SITEMAPS]:
            try:
                visit = await self.visit(sitemap.url)
            except ReadingError as error:
                if error.problem not in _LASTING:
                    # Were it left out, all that is in it would seem new when it is back.
                    raise
                logger.warning("A sitemap could not be read: %s", error)
                failure = error
            else:
                # An index in an index is against the rules, and might have no end.
                if visit.listing and visit.listing.kind is not ListingKind.INDEX:
                    entries.extend(visit.listing.entries)
        if failure and not entries:
            raise failure
        return entries

    async def _allowed(self, url: str) -> Rules:
        rules = await self.rules(url)
        if not rules.allow(url):
            raise ReadingError(Problem.ROBOTS, url)
        return rules

    async def _at_its_turn(
        self, url: str, delay: float, ask: Callable[[], Awaitable[_Result]]
    ) -> _Result:
        """Ask a host for something when it has rested from the last time."""
        host = urlsplit(url).netloc
        if self._before_each:
            await self._before_each()
        wanted = max(delay, BETWEEN_REQUESTS)
        if last := self._last_requests.get(host):
            rest = wanted - (self._now() - last).total_seconds()
            if rest > 0:
                # A clock that was set back must not make it longer.
                await self._reading.sleep(min(rest, wanted))
        if rest := await self._turn(host, wanted):
            await self._reading.sleep(rest)
        try:
            return await ask()
        finally:
            self._last_requests[host] = self._now()


async def find_listing(visitor: Visitor, url: str) -> FoundListing:
    """Find the feed or sitemap that a link leads to, by itself or over a site's page.

    Raises:
        ReadingError: there is none, or the site can't be read.
        ReadingFailed: the process that reads it failed.
    """
    first = await visitor.visit(url)
    if found := await _found(visitor, first):
        return found
    named = [*first.named, *(await visitor.rules(first.url)).sitemaps, "/sitemap.xml"]
    links = dict.fromkeys(urljoin(first.url, link) for link in named)
    for link in [*links][:_MOST_NAMED]:
        with contextlib.suppress(ReadingError):  # The next one may be better.
            if found := await _found(visitor, await visitor.visit(link)):
                return found
    raise ReadingError(Problem.NO_LISTING, url)


async def _found(visitor: Visitor, visit: Visit) -> FoundListing | None:
    """The listing that a visit led to; None if it is none, or an empty one."""
    if visit.listing is None:
        return None
    entries = await visitor.entries(visit.listing)
    name = visit.listing.title or site_name(visit.url)
    return FoundListing(visit.url, name, visit.listing.kind, len(entries)) if entries else None


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
