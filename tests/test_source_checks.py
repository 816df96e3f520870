"""Checks of sources: what is read when, over a site on this machine, and what never is."""

import asyncio
import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, date, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.drafts.reading import ReadDraft
from bot.errors import ReindexError
from bot.sources import checks
from bot.sources.checks import CheckReport
from bot.sources.records import EntryState, SourceRecords, source_id
from bot.storage.database import Database
from bot.storage.paces import Paces
from knowledge.drafts import Draft
from knowledge.errors import ChangeError, Problem, ReadingError, SourcesError
from knowledge.feeds import ListingKind
from knowledge.sources import Approval, Source, changing_sources, load_sources, save_sources
from server_clock import server_time
from site_server import Site
from source_world import Clock, World, open_world

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def site() -> Iterator[Site]:
    """A site with nothing on it."""
    with Site() as site:
        yield site


on_both_databases = pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, site: Site) -> Iterator[World]:
    """A bot that knows of no source yet, and a clock that stands still."""
    clock = Clock()
    on_server = getattr(request, "param", "sqlite") == "postgresql"
    url = request.getfixturevalue("postgres_url") if on_server else None
    with (
        closing(Database.open(tmp_path, clock.now, url)) as database,
        open_world(tmp_path, site, clock, database) as world,
    ):
        yield world


@on_both_databases
async def test_first_check(world: World) -> None:
    """Of a new source only the newest articles are read; those before them are no news."""
    source = world.publish("e", "d", "c", "b", "a")
    assert await world.check(source) == CheckReport(source, 3, ("E", "D", "C"))
    assert world.asked() == ["/robots.txt", "/feed", "/e", "/d", "/c"]
    assert sorted(map(str, world.offered())) == ["C", "D", "E"]
    report = await world.check_after(6 * HOUR, source)
    assert report == CheckReport(source)
    assert world.asked() == ["/robots.txt", "/feed"]


async def test_a_draft_says_where_it_is_from(world: World) -> None:
    """What the page leaves open is filled in from the feed and the source."""
    source = Source(world.publish("a").url, "Green News", language="ky")
    world.site.page("/a", "\nAbout a.")
    await world.check(source)
    [waiting] = world.drafts.waiting().drafts
    assert waiting.origin.source == "Green News"
    assert waiting.draft == Draft(
        "a", world.site.url("/a"), "About a.", "Green News", "ky", date(2025, 6, 12)
    )


async def test_new_entries(world: World) -> None:
    """Later checks read whatever is new; the same link written otherwise isn't."""
    source = world.publish("a")
    await world.check(source)
    world.publish("b", "a/?utm_source=rss", "c")
    report = await world.check_after(6 * HOUR, source)
    assert report == CheckReport(source, 2, ("B", "C"))
    assert world.asked() == ["/robots.txt", "/feed", "/b", "/c"]


async def test_old_entries_are_no_news(world: World) -> None:
    """What is dated long before the last look wasn't published since; a sitemap lists changes."""
    source = world.publish("a")
    await world.check(source)
    world.publish("b", "a")
    report = await world.check_after(31 * DAY, source)
    assert report.offered == ("B",)
    world.publish("c", "b", "a")
    # The feed is from the 12th of June, the last look from the 13th of July.
    report = await world.check_after(DAY, source)
    assert report == CheckReport(source)


async def test_not_modified(world: World) -> None:
    """A feed that has not changed is not sent again, also after a restart."""
    source = world.publish("a", etag='"1"', last_modified="Thu, 12 Jun 2025 08:00:00 GMT")
    await world.check(source)
    world.checks = world.start()
    assert await world.check_after(6 * HOUR, source) == CheckReport(source)
    headers = world.site.requests[-1].headers
    assert headers["if-none-match"] == '"1"'
    assert headers["if-modified-since"] == "Thu, 12 Jun 2025 08:00:00 GMT"


async def test_no_more_than_ten(world: World) -> None:
    """A check reads ten articles; the next one the others, even if the feed is the same."""
    source = world.publish("old", etag='"1"')
    await world.check(source)
    names = [f"n{number:02}" for number in range(13)]
    world.publish(*names, "old", etag='"2"')
    report = await world.check_after(6 * HOUR, source)
    assert (report.found, len(report.offered)) == (13, 10)
    report = await world.check_after(6 * HOUR, source)
    assert (report.found, report.offered) == (0, ("N10", "N11", "N12"))


async def test_polite_rate(world: World) -> None:
    """There are two seconds between two requests to a host, also of two sources."""
    source = world.publish("b", "a")
    await world.check(source)
    assert world.clock.slept == [2.0, 2.0, 2.0]
    world.clock.time += timedelta(seconds=0.5)
    await world.checks.find(source.url)
    assert world.clock.slept[3:] == [1.5, 2.0]


async def test_the_clock_is_set_back(world: World) -> None:
    """Nobody waits longer than a host asks for, even if the clock says that it was asked later."""
    source = world.publish("a")
    await world.check(source)
    world.clock.slept.clear()
    world.clock.time -= HOUR
    await world.checks.find(source.url)
    assert world.clock.slept == [2.0, 2.0]


async def test_crawl_delay(world: World) -> None:
    """A site that asks for more time gets it."""
    source = world.publish("b", "a")
    world.site.page("/robots.txt", "User-agent: GreenBot\nCrawl-delay: 30")
    await world.check(source)
    assert world.clock.slept == [30.0, 30.0, 30.0]


async def test_robots_forbid_an_article(world: World) -> None:
    """What robots.txt forbids is not asked for, now or later, and is shown."""
    source = world.publish("open", "secret")
    world.site.page("/robots.txt", "User-agent: *\nDisallow: /secret")
    report = await world.check(source)
    assert report == CheckReport(source, 2, ("Open",), failed=1)
    assert "/secret" not in world.asked()
    [entry] = await world.checks.records.failing(source.url, 5)
    assert (entry.url, entry.state, entry.problem) == (
        world.site.url("/secret"),
        EntryState.FAILED,
        "robots",
    )


async def test_robots_forbid_the_feed(world: World) -> None:
    """If the feed itself is forbidden, nothing of the site is asked for."""
    source = world.publish("a")
    world.site.page("/robots.txt", "User-agent: *\nDisallow: /")
    report = await world.check(source)
    assert report == CheckReport(source, problem=Problem.ROBOTS)
    assert world.asked() == ["/robots.txt"]


async def test_robots_out_of_order(world: World) -> None:
    """While robots.txt is out of order, nothing of the site is asked for."""
    source = world.publish("a")
    world.site.page("/robots.txt", status=503)
    report = await world.check(source)
    assert report == CheckReport(source, problem=Problem.SERVER_ERROR)
    assert world.asked() == ["/robots.txt"]


async def test_each_host_has_its_own_rules(world: World) -> None:
    """A feed may list articles of other hosts, which are asked as well."""
    world.publish("a")
    elsewhere = world.site.url("/a", "localhost")
    text = f"<rss version='2.0'><channel><item><link>{elsewhere}</link></item></channel></rss>"
    source = Source(world.site.page("/feed", text), "Green News")
    report = await world.check(source)
    assert report.offered == ("A",)
    assert world.asked() == ["/robots.txt", "/feed", "/robots.txt", "/a"]
    # Each host has its own rest.
    assert world.clock.slept == [2.0, 2.0]


async def test_known_articles(world: World) -> None:
    """What the corpus has already, by link or by text, is offered to nobody."""
    source = world.publish("a", "b", "c")
    world.corpus = {world.site.url("/a"): "Other text.", "https://elsewhere.org": "About b."}
    assert await world.check(source) == CheckReport(source, 3, ("C",))
    assert (await world.check_after(6 * HOUR, source)).offered == ()


async def test_taken_at_once(world: World) -> None:
    """By the source's setting new articles are saved, and one reindex follows."""
    url = world.publish("a", "b").url
    source = Source(url, "Green News", approval=Approval.AUTOMATIC)
    assert await world.check(source) == CheckReport(source, 2, taken=("A", "B"))
    assert world.corpus == {
        world.site.url("/a"): "About a.",
        world.site.url("/b"): "About b.",
    }
    assert world.reindexed == 1
    assert world.offered() == []
    await world.check_after(6 * HOUR, source)
    assert world.reindexed == 1


async def test_what_cannot_be_taken_is_offered(world: World) -> None:
    """An article that can't be saved as it is waits for an admin."""
    url = world.publish("a").url
    world.full = "The published date is wrong."
    source = Source(url, "Green News", approval=Approval.AUTOMATIC)
    assert await world.check(source) == CheckReport(source, 1, ("A",))
    assert world.reindexed == 0


async def test_reindex_fails(world: World) -> None:
    """Articles that were taken stay taken if the reindex fails, and the report says so."""
    url = world.publish("a").url
    source = Source(url, "Green News", approval=Approval.AUTOMATIC)

    async def reindex() -> None:
        raise ReindexError("The disk is full.")

    world.reindex = reindex  # type: ignore[method-assign]
    world.checks = world.start()
    report = await world.check(source)
    assert report == CheckReport(source, 1, taken=("A",), reindex_problem="The disk is full.")


async def test_nothing_can_be_saved(world: World) -> None:
    """If the disk is full, what was saved before is indexed, and the rest is read again later."""
    source = Source(world.publish("a", "b").url, "Green News", approval=Approval.AUTOMATIC)
    save = world.save

    def save_one(draft: Draft) -> None:
        if world.corpus:
            raise ChangeError("The folder of articles can't be written to.")
        save(draft)

    world.save = save_one  # type: ignore[method-assign]
    world.checks = world.start()
    with pytest.raises(ChangeError):
        await world.check(source)
    assert world.reindexed == 1
    world.save = save  # type: ignore[method-assign]
    world.checks = world.start()
    report = await world.check_after(6 * HOUR, source)
    assert report == CheckReport(source, taken=("B",))


async def test_restart_in_between(world: World) -> None:
    """What was found before the bot stopped is read after it has started again, and nothing twice.

    The feed is the same then, so it isn't sent again.
    """
    source = world.publish("c", "b", "a", etag='"1"')
    stopped = asyncio.Event()
    read_article = world.read_article

    async def stop_at_b(url: str) -> ReadDraft:
        if url.endswith("/b"):
            stopped.set()
            await asyncio.Event().wait()
        return await read_article(url)

    world.read_article = stop_at_b  # type: ignore[method-assign]
    world.checks = world.start()
    task = asyncio.create_task(world.checks.check(source))
    await stopped.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.offered() == ["C"]

    world.read_article = read_article  # type: ignore[method-assign]
    world.checks = world.start()
    assert await world.check_after(6 * HOUR, source) == CheckReport(source, 0, ("B", "A"))
    assert world.asked() == ["/robots.txt", "/feed", "/b", "/a"]


async def test_killed_in_between(world: World) -> None:
    """A check that a kill ended holds its source back for minutes only."""
    source = world.publish("a")
    await world.checks.records.claim(source.url, timedelta(minutes=5))
    assert await world.checks.check(source) is None
    assert world.asked() == []
    save_sources(world.folder / "sources.yaml", [source])
    assert await world.checks.due() == ()
    world.clock.time += timedelta(minutes=5)
    assert await world.checks.due() == (source,)
    assert (await world.check(source)).offered == ("A",)


@on_both_databases
async def test_an_article_is_tried_three_times(world: World) -> None:
    """An article that fails is tried after an hour and after a day, then given up and shown."""
    source = world.publish("good", "bad")
    world.site.page("/bad", status=500)
    report = await world.check(source)
    assert report == CheckReport(source, 2, ("Good",), failed=1)
    assert "/bad" not in await asked_after(world, HOUR / 2, source)
    assert "/bad" in await asked_after(world, HOUR / 2, source)
    assert "/bad" not in await asked_after(world, 23 * HOUR, source)
    assert "/bad" in await asked_after(world, HOUR, source)
    [entry] = await world.checks.records.failing(source.url, 5)
    assert (entry.state, entry.failures, entry.problem) == (EntryState.FAILED, 3, "server-error")
    assert "/bad" not in await asked_after(world, 30 * DAY, source)


async def asked_after(world: World, wait: timedelta, source: Source) -> list[str]:
    """What the site is asked for at the next check."""
    await world.check_after(wait, source)
    return world.asked()


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda site: site.page("/bad", status=404), "not-found"),
        (lambda site: site.page("/bad", status=403), "refused"),
        (lambda site: site.page("/bad", ""), "empty"),
        (lambda site: site.page("/bad", "crash"), "not-readable"),
        (lambda site: site.page("/bad", "x", headers={"Content-Encoding": "br"}), "not-readable"),
        (lambda site: site.redirect("/bad", "/bad"), "too-many-redirects"),
        (lambda site: site.redirect("/bad", "http://10.0.0.1/"), "private-address"),
        (lambda site: site.slow("/bad"), "timeout"),
        (lambda site: site.silent("/bad"), "timeout"),
        (lambda site: site.endless("/bad"), "too-large"),
        (lambda site: site.dropped("/bad"), "no-connection"),
    ],
)
async def test_bad_articles(world: World, make: Callable[[Site], str], problem: str) -> None:
    """Whatever is wrong with one article, the next one is read."""
    make(world.site)
    source = world.publish("bad", "good")
    assert await world.check(source) == CheckReport(source, 2, ("Good",), failed=1)
    [entry] = await world.checks.records.failing(source.url, 5)
    assert entry.problem == problem


async def test_an_article_that_mends(world: World) -> None:
    """An article that can be read at last is offered, and isn't shown as failing any more."""
    source = world.publish("a")
    world.site.page("/a", status=500)
    await world.check(source)
    world.site.page("/a", "A\nAbout a.")
    assert (await world.check_after(6 * HOUR, source)).offered == ("A",)
    assert await world.checks.records.failing(source.url, 5) == []


async def test_too_many_requests(world: World) -> None:
    """A site that asks to be left alone is left alone until the next check."""
    source = world.publish("a", "b")
    world.site.page("/a", status=429)
    assert await world.check(source) == CheckReport(source, 2, failed=1)
    assert "/b" not in world.asked()
    assert (await world.check_after(6 * HOUR, source)).failed == 1


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda site: site.page("/feed", status=404), Problem.NOT_FOUND),
        (lambda site: site.page("/feed", status=500), Problem.SERVER_ERROR),
        (lambda site: site.page("/feed", "<p>We have moved."), Problem.NO_LISTING),
        (lambda site: site.page("/feed", ""), Problem.NO_LISTING),
        (lambda site: site.redirect("/feed", "/feed"), Problem.TOO_MANY_REDIRECTS),
        (lambda site: site.slow("/feed"), Problem.TIMEOUT),
        (lambda site: site.endless("/feed"), Problem.TOO_LARGE),
        (lambda site: site.dropped("/feed"), Problem.NO_CONNECTION),
    ],
)
async def test_bad_feeds(world: World, make: Callable[[Site], str], problem: Problem) -> None:
    """A feed that can't be read is a failure of the source, and nothing else happens."""
    source = world.publish("a")
    make(world.site)
    assert await world.check(source) == CheckReport(source, problem=problem)
    record = await world.checks.records.get(source.url)
    assert (record.failures, record.problem, record.paused) == (1, problem, False)
    assert world.offered() == []


async def test_backoff(world: World) -> None:
    """A source that fails is tried ever less often, down to once a day, and a success ends it."""
    source = world.publish("a")
    world.site.page("/feed", status=500)
    waits = []
    for _ in range(4):
        before = world.clock.time
        await world.check(source)
        record = await world.checks.records.get(source.url)
        assert record.next_check_at is not None
        waits.append(record.next_check_at.replace(tzinfo=UTC) - world.clock.time)
        world.clock.time = before + DAY
    assert waits == [12 * HOUR, DAY, DAY, DAY]
    world.feed("a")
    await world.check(source)
    record = await world.checks.records.get(source.url)
    assert (record.failures, record.problem) == (0, None)
    assert record.next_check_at is not None
    assert record.next_check_at.replace(tzinfo=UTC) - world.clock.time <= 6 * HOUR


async def test_retry_after(world: World) -> None:
    """A site that says when to come again is asked then, or after a day."""
    source = Source(world.publish("a").url, "Green News", timedelta(minutes=15))
    world.site.page("/feed", status=503, headers={"Retry-After": "7200"})
    await world.check(source)
    record = await world.checks.records.get(source.url)
    assert record.next_check_at is not None
    assert record.next_check_at.replace(tzinfo=UTC) - world.clock.time == 2 * HOUR


async def test_admins_are_told_once(world: World) -> None:
    """After the third failure in a row admins are told, and again when it is over."""
    source = world.publish("a")
    world.site.page("/feed", status=500)
    key = f"source:{source_id(source.url)}"
    await world.check(source)
    await world.check(source)
    assert world.told.begun == {}
    await world.check(source)
    arguments = {"name": "Green News", "url": source.url}
    assert world.told.begun == {key: ("trouble-source", arguments)}
    world.feed("a")
    await world.check(source)
    assert world.told.begun == {}
    assert world.told.ended == [key]


async def test_never_endless(world: World) -> None:
    """A source that fails for two weeks is paused, until an admin resumes it."""
    source = world.publish("a")
    save_sources(world.folder / "sources.yaml", [source])
    world.site.page("/feed", status=500)
    assert not (await world.check(source)).paused
    assert not (await world.check_after(14 * DAY - HOUR, source)).paused
    assert (await world.check_after(HOUR, source)).paused
    world.clock.time += 100 * DAY
    assert await world.checks.due() == ()
    await world.checks.resume(source)
    assert await world.checks.due() == (source,)
    assert not (await world.check(source)).paused


async def test_gone(world: World) -> None:
    """A feed that says it is gone for good is paused at once."""
    source = world.publish("a")
    world.site.page("/feed", status=410)
    assert await world.check(source) == CheckReport(source, problem=Problem.NOT_FOUND, paused=True)


@on_both_databases
async def test_paused_by_an_admin(world: World) -> None:
    """A check by hand leaves a source paused, however it goes, and nobody is told that it is."""
    source = world.publish("a")
    await world.checks.pause(source)
    world.site.page("/feed", status=500)
    assert not (await world.check(source)).paused
    assert (await world.checks.records.get(source.url)).paused
    world.site.page("/feed", status=410)
    assert not (await world.check(source)).paused
    world.feed("a")
    assert (await world.check(source)).offered == ("A",)
    assert (await world.checks.records.get(source.url)).paused


def sitemap(site: Site, *names: str) -> str:
    """A sitemap of these pages."""
    urls = "".join(f"<url><loc>{site.url(f'/{name}')}</loc></url>" for name in names)
    return f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>"


def index(site: Site, *names: str) -> str:
    """An index of these sitemaps."""
    maps = "".join(f"<sitemap><loc>{site.url(f'/{name}')}</loc></sitemap>" for name in names)
    return f"<sitemapindex>{maps}</sitemapindex>"


async def test_a_page_in_the_file(world: World) -> None:
    """In sources.yaml the link of a page is enough; the feed that it names is read each time."""
    world.publish("a", etag='"1"')
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/feed">'
    source = Source(world.site.page("/", page, etag='"1"'), "Green News")
    assert (await world.check(source)).offered == ("A",)
    world.publish("b", "a", etag='"2"')
    assert (await world.check_after(6 * HOUR, source)).offered == ("B",)
    assert world.asked() == ["/robots.txt", "/", "/feed", "/b"]


async def test_sitemap_index(world: World) -> None:
    """The sitemaps of an index are read each time: they may change while the index doesn't."""
    world.publish("a", "b", "c")
    site = world.site
    source = Source(site.page("/sitemap.xml", index(site, "1.xml", "2.xml.gz"), etag='"1"'), "S")
    site.page("/1.xml", sitemap(site, "a"))
    site.page("/2.xml.gz", gzip.compress(sitemap(site, "b").encode()), packed=True)
    assert await world.check(source) == CheckReport(source, 2, ("A", "B"))
    assert world.asked()[:4] == ["/robots.txt", "/sitemap.xml", "/1.xml", "/2.xml.gz"]
    site.page("/2.xml.gz", gzip.compress(sitemap(site, "c", "b").encode()))
    assert (await world.check_after(6 * HOUR, source)).offered == ("C",)


async def test_sitemap_that_is_gone(world: World) -> None:
    """An index may name sitemaps that aren't there."""
    world.publish("a")
    site = world.site
    source = Source(site.page("/sitemap.xml", index(site, "gone.xml", "1.xml")), "S")
    site.page("/1.xml", sitemap(site, "a"))
    assert (await world.check(source)).offered == ("A",)
    site.page("/1.xml", index(site, "1.xml"))
    assert (await world.check_after(6 * HOUR, source)).problem is Problem.NOT_FOUND


async def test_only_the_source_itself_is_gone_for_good(world: World) -> None:
    """A sitemap that is gone is no reason to pause the index that names it."""
    source = Source(world.site.page("/sitemap.xml", index(world.site, "1.xml")), "S")
    world.site.page("/1.xml", status=410)
    assert await world.check(source) == CheckReport(source, problem=Problem.NOT_FOUND)


async def test_sitemap_out_of_order(world: World) -> None:
    """A sitemap that can't be read just now is no reason to take it for empty.

    All that is in it would seem new at the next check.
    """
    world.publish("a", "b", "c", "d", "e")
    site = world.site
    source = Source(site.page("/sitemap.xml", index(site, "1.xml", "2.xml")), "S")
    site.page("/1.xml", sitemap(site, "a"))
    site.page("/2.xml", status=500)
    assert await world.check(source) == CheckReport(source, problem=Problem.SERVER_ERROR)
    site.page("/2.xml", sitemap(site, "b", "c", "d", "e"))
    assert (await world.check_after(6 * HOUR, source)).found == 3


@on_both_databases
async def test_due(world: World) -> None:
    """What has waited longest comes first; what is not due yet, or paused, does not come."""
    first, second, third = (Source(f"https://example.org/{n}", f"{n}") for n in range(3))
    path = world.folder / "sources.yaml"
    assert await world.checks.due() == ()
    save_sources(path, [first, second, third])
    assert await world.checks.due() == (first, second, third)
    now = world.database.time()
    await world.checks.records.update(first.url, next_check_at=now - HOUR)
    await world.checks.records.update(second.url, next_check_at=now + HOUR)
    await world.checks.records.update(third.url, next_check_at=now - 2 * HOUR)
    assert await world.checks.due() == (third, first)
    await world.checks.pause(third)
    assert await world.checks.due() == (first,)
    world.clock.time += HOUR
    assert await world.checks.due() == (first, second)


async def test_jitter(world: World) -> None:
    """Checks drift apart by up to a tenth of their interval."""
    source = world.publish("a")
    world.checks._jitter = lambda: 1.0
    await world.check(source)
    record = await world.checks.records.get(source.url)
    assert record.checked_at is not None
    assert record.next_check_at == record.checked_at + 6.6 * HOUR


async def test_a_wrong_file_is_told_once(world: World) -> None:
    """Until sources.yaml is mended nothing is checked, and admins know why."""
    path = world.folder / "sources.yaml"
    path.write_text("- url: nonsense")
    assert await world.checks.due() == ()
    [(text_key, arguments)] = world.told.begun.values()
    assert text_key == "trouble-sources-file"
    assert arguments["reason"].startswith(f"{path}: Line 1: the url 'nonsense'")
    with pytest.raises(SourcesError):
        world.checks.add(Source("https://example.org", "Example"))
    assert path.read_text() == "- url: nonsense"
    save_sources(path, [])
    await world.checks.due()
    assert world.told.ended == ["sources-file"]


async def test_one_at_a_time(world: World) -> None:
    """Two checks of one source are one after the other, and the second finds nothing new."""
    source = world.publish("a")
    reports = await asyncio.gather(world.check(source), world.check(source))
    assert [report.offered for report in reports] == [("A",), ()]
    assert world.asked().count("/a") == 1


@on_both_databases
async def test_changes_of_the_file(world: World) -> None:
    """Sources are added once, changed in place, and forgotten when they are removed."""
    source = world.publish("a")
    other = Source("https://example.org/feed", "Other")
    path = world.folder / "sources.yaml"
    assert world.checks.add(source)
    assert not world.checks.add(source)
    world.checks.add(other)
    changed = Source(source.url, "Renamed", DAY, Approval.AUTOMATIC)
    world.checks.replace(changed)
    assert load_sources(path) == (changed, other)
    await world.check(source)
    await world.checks.remove(source)
    assert load_sources(path) == (other,)
    assert await world.checks.records.all() == {}
    world.checks.add(source)
    assert (await world.check(source)).found == 1


async def test_find_feed(world: World) -> None:
    """A site's page is enough: the feed that it names is found, with its name and size."""
    world.publish("a", "b")
    world.site.page(
        "/", '<html><head><link rel="alternate" type="application/rss+xml" href="/feed">'
    )
    found = await world.checks.find(world.site.url("/"))
    assert (found.url, found.name, found.kind, found.articles) == (
        world.site.url("/feed"),
        "News",
        ListingKind.FEED,
        2,
    )


async def test_find_itself(world: World) -> None:
    """The link of a feed is found as it is; after a redirect it is the one that it leads to."""
    world.publish("a")
    moved = world.site.redirect("/rss", "/feed")
    assert (await world.checks.find(moved)).url == world.site.url("/feed")


async def test_find_sitemap(world: World) -> None:
    """Without a feed, robots.txt's sitemap is taken, and without that the usual place."""
    world.publish("a", "b")
    site = world.site
    page = site.page("/news", "<p>Hello")
    site.page("/sitemap.xml", sitemap(site, "a"))
    found = await world.checks.find(page)
    assert (found.url, found.name, found.kind) == (
        site.url("/sitemap.xml"),
        "127.0.0.1",
        ListingKind.SITEMAP,
    )
    site.page("/robots.txt", f"Sitemap: {site.url('/broken.xml')}\nSitemap: /map.xml")
    site.page("/map.xml", index(site, "1.xml"))
    site.page("/1.xml", sitemap(site, "a", "b"))
    found = await world.checks.find(page)
    assert (found.url, found.kind, found.articles) == (
        site.url("/map.xml"),
        ListingKind.INDEX,
        2,
    )


@pytest.mark.parametrize("body", ["<p>Hello", "<rss version='2.0'><channel/></rss>"])
async def test_find_nothing(world: World, body: str) -> None:
    """A site without a listing, or with an empty one, is no source."""
    page = world.site.page("/", body)
    with pytest.raises(ReadingError) as caught:
        await world.checks.find(page)
    assert caught.value.problem is Problem.NO_LISTING


async def test_find_what_is_forbidden(world: World) -> None:
    """Nor is one that wants no programs."""
    world.publish("a")
    world.site.page("/robots.txt", "User-agent: *\nDisallow: /")
    with pytest.raises(ReadingError) as caught:
        await world.checks.find(world.site.url("/feed"))
    assert caught.value.problem is Problem.ROBOTS


async def test_one_replica_checks_a_source(replicas: list[Database]) -> None:
    """Of three that want to at the same moment one may; another, when that one is done."""
    records = [SourceRecords(database) for database in replicas]
    for url in ("https://example.org/feed", "https://example.org/feed", "https://b.example"):
        claims = await asyncio.gather(*(each.claim(url, HOUR) for each in records))
        assert sorted(claims) == [False, False, True]
        await records[0].update(url, claimed_until=None)


async def test_replicas_are_polite_together(
    postgres_url: SecretStr, tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of them that visit a site ask it no sooner for something than one alone would."""
    clock = Clock()
    time = server_time(lambda: clock.now().replace(tzinfo=None))
    monkeypatch.setattr(checks, "Paces", lambda database: Paces(database, time))
    with ExitStack() as opened:
        databases = [
            opened.enter_context(closing(Database.open(tmp_path, clock.now, postgres_url)))
            for _ in range(2)
        ]
        one, other = [
            opened.enter_context(open_world(tmp_path, site, clock, database))
            for database in databases
        ]
        source = one.publish("a")
        await one.check(source)
        assert clock.slept == [2, 2]
        await other.checks.find(source.url)
    assert clock.slept[2:] == [2, 2]


def test_two_processes_change_the_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one of them adds the other doesn't write over; one that hangs keeps nobody waiting."""
    monkeypatch.setattr("knowledge.sources._PATIENCE", 0)
    source = world.publish("a")
    with (
        changing_sources(world.folder / "sources.yaml"),
        pytest.raises(SourcesError, match="Another process is changing"),
    ):
        world.checks.add(source)
    assert world.checks.add(source)
