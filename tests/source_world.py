"""A site that publishes and checks of it, without child processes, Telegram or waiting."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.drafts.reading import Known, ReadDraft
from bot.drafts.waiting import ArticleDrafts
from bot.errors import ReadingFailed
from bot.sources.checks import CheckReport, SourceChecks, Tools
from bot.sources.listings import Visit, visit
from bot.sources.records import SourceRecords
from bot.sources.visiting import SiteReading
from bot.storage.database import Database
from knowledge.drafts import Draft
from knowledge.errors import ArticleError, Problem, ReadingError
from knowledge.fetching import Fetcher, FetchLimits
from knowledge.robots import fetch_robots
from knowledge.sources import Source
from site_server import Site

AGENT = "GreenBot/1.0 (+https://example.org/bot)"
START = datetime(2025, 6, 12, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still unless somebody sleeps or it is turned."""

    def __init__(self) -> None:
        self.time = START
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


@dataclass
class Told:
    """Stands in for `bot.troubles.Troubles`: what admins were told."""

    begun: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)

    async def begin(self, key: str, text_key: str, **arguments: str) -> None:
        self.begun.setdefault(key, (text_key, arguments))

    async def end(self, key: str) -> None:
        if self.begun.pop(key, None):
            self.ended.append(key)


@dataclass
class World:
    """A site that publishes, and a bot that checks it."""

    folder: Path
    site: Site
    clock: Clock
    database: Database
    fetcher: Fetcher
    told: Told = field(default_factory=Told)
    corpus: dict[str, str] = field(default_factory=dict)
    """Texts of articles, by their links."""
    reindexed: int = 0
    full: str = ""
    """Why nothing can be saved; "" if it can."""

    def __post_init__(self) -> None:
        self.checks = self.start()

    def start(self) -> SourceChecks:
        """The bot's checks as they are after a restart."""
        records = SourceRecords(self.database)
        path = self.folder / "sources.yaml"
        return SourceChecks(
            path,
            records,
            self.told,  # type: ignore[arg-type]
            self.tools(),
            lambda: 0.0,
        )

    def tools(self) -> Tools:
        """What checks do their work with here."""
        self.drafts = ArticleDrafts(self.folder / "drafts")
        return Tools(
            SiteReading(self.visit, self.robots, self.read_article, AGENT, self.clock.sleep),
            drafts=self.drafts,
            save=self.save,
            reindex=self.reindex,
        )

    async def visit(self, url: str, etag: str | None, last_modified: str | None) -> Visit:
        return await asyncio.to_thread(visit, self.fetcher, url, etag, last_modified)

    async def robots(self, url: str) -> str:
        return await asyncio.to_thread(fetch_robots, self.fetcher, url)

    async def read_article(self, url: str) -> ReadDraft:
        fetched = await asyncio.to_thread(self.fetcher.fetch, url)
        body = fetched.body.decode()
        if body == "crash":
            raise ReadingFailed("It ended with exit code -11.")
        if not body:
            raise ReadingError(Problem.EMPTY, url)
        title, _, text = body.partition("\n")
        same_text = next((link for link, known in self.corpus.items() if known == text), None)
        return ReadDraft(
            Draft(title or None, fetched.url, text, None, "en", None),
            Known("known", "Known") if fetched.url in self.corpus else None,
            Known("known", "Known") if same_text else None,
        )

    def save(self, draft: Draft) -> None:
        if self.full:
            raise ArticleError(self.full)
        assert draft.url
        self.corpus[draft.url] = draft.body

    async def reindex(self) -> None:
        self.reindexed += 1

    def publish(self, *names: str, **options: object) -> Source:
        """Put articles on the site, the newest first, and a feed of them; returns the source."""
        for name in names:
            if f"/{name}" not in self.site.routes:
                self.site.page(f"/{name}", f"{name.capitalize()}\nAbout {name}.")
        self.feed(*names, **options)
        return Source(self.site.url("/feed"), "Green News")

    def feed(self, *names: str, **options: object) -> None:
        items = "".join(
            f"<item><title>{name}</title><link>{self.site.url(f'/{name}')}</link>"
            f"<pubDate>Thu, 12 Jun 2025 {23 - place:02}:00:00 GMT</pubDate></item>"
            for place, name in enumerate(names)
        )
        text = f"<rss version='2.0'><channel><title>News</title>{items}</channel></rss>"
        self.site.page("/feed", text, content_type="text/xml", **options)  # type: ignore[arg-type]

    async def check(self, source: Source) -> CheckReport:
        """Check a source now."""
        report = await self.checks.check(source)
        assert report is not None
        return report

    async def check_after(self, wait: timedelta, source: Source) -> CheckReport:
        """Check a source when some time has gone by, and forget what was asked for before."""
        self.clock.time += wait
        self.site.requests.clear()
        return await self.check(source)

    def asked(self) -> list[str]:
        """What the site was asked for."""
        return [request.path for request in self.site.requests]

    def offered(self) -> list[str | None]:
        """The titles of the drafts that wait."""
        return [waiting.draft.title for waiting in self.drafts.waiting().drafts]


@contextmanager
def open_world(folder: Path, site: Site, clock: Clock, database: Database) -> Iterator[World]:
    """A bot that knows of no source yet, and may visit this site only; it has little patience."""
    limits = FetchLimits(max_bytes=1_000_000, read_seconds=5, total_seconds=4)
    hosts = frozenset([site.host, f"localhost:{site.port}"])
    with Fetcher(AGENT, private_hosts=hosts, limits=limits) as fetcher:
        yield World(folder, site, clock, database, fetcher)
