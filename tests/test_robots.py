"""robots.txt: what a site lets us read, and how often."""

from collections.abc import Iterator

import pytest

from knowledge.errors import FetchError, Problem
from knowledge.fetching import Fetcher, FetchLimits
from knowledge.robots import fetch_robots, read_rules, robots_link
from site_server import Site

AGENT = "GreenBot/1.0 (+https://example.org/bot)"
NEWS = "https://example.org/news"


@pytest.fixture
def site() -> Iterator[Site]:
    """A site with nothing on it."""
    with Site() as site:
        yield site


@pytest.fixture
def fetcher(site: Site) -> Iterator[Fetcher]:
    """May visit the site, and has little patience."""
    limits = FetchLimits(max_bytes=1_000_000, read_seconds=5, total_seconds=0.5)
    with Fetcher(AGENT, private_hosts=frozenset([site.host]), limits=limits) as fetcher:
        yield fetcher


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("", True),
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: *\nDisallow: /news", False),
        ("User-agent: *\nDisallow: /old", True),
        ("User-agent: *\nDisallow: /\nAllow: /news", True),
        ("User-agent: greenbot\nDisallow: /", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: GreenBot\nDisallow: /old", True),
        ("User-agent: OtherBot\nDisallow: /", True),
        ("User-agent: Bot\nDisallow: /", True),
        ("User-agent: *\nDisallow: /*ws$", False),
        ("<html><body>There is no such page.</body></html>", True),
    ],
)
def test_rules(text: str, allowed: bool) -> None:  # noqa: FBT001 - what is expected
    """The rules for our name count, else those for all; the longest one that fits decides."""
    assert read_rules(text, AGENT).allow(NEWS) is allowed


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("", 0.0),
        ("User-agent: *\nCrawl-delay: 10", 10.0),
        ("User-agent: *\nCrawl-delay: 0.5", 0.5),
        ("User-agent: *\nCrawl-delay: 86400", 60.0),
        ("User-agent: *\nCrawl-delay: inf", 0.0),
        ("User-agent: *\nCrawl-delay: soon", 0.0),
        ("User-agent: *\nCrawl-delay: 10\n\nUser-agent: greenbot\nCrawl-delay: 5", 5.0),
    ],
)
def test_delay(text: str, delay: float) -> None:
    """A site is visited as seldom as it asks, up to once a minute."""
    assert read_rules(text, AGENT).delay == delay


def test_sitemaps() -> None:
    """Sitemaps are named for everybody."""
    text = "Sitemap: https://example.org/a.xml\nUser-agent: x\nDisallow: /\nsitemap: /b.xml"
    assert read_rules(text, AGENT).sitemaps == ("https://example.org/a.xml", "/b.xml")


def test_link() -> None:
    """Each host and port has its own rules."""
    link = robots_link("https://example.org:8080/a/b?c#d")
    assert link == "https://example.org:8080/robots.txt"


def test_fetched(site: Site, fetcher: Fetcher) -> None:
    """It is read as UTF-8, whatever is in it, and after redirects."""
    site.page("/rules", b"\xef\xbb\xbfUser-agent: *\nDisallow: /\xff\xd3\xa9")
    site.redirect("/robots.txt", "/rules")
    text = fetch_robots(fetcher, site.url("/news?x"))
    assert text == "User-agent: *\nDisallow: /\ufffdө"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 451])
def test_no_rules(site: Site, fetcher: Fetcher, status: int) -> None:
    """A site that has no such file for us allows everything."""
    site.page("/robots.txt", "User-agent: *\nDisallow: /", status=status)
    assert fetch_robots(fetcher, site.url("/news")) == ""


def test_redirects_without_end(site: Site, fetcher: Fetcher) -> None:
    """So does one that leads from one to another."""
    site.redirect("/robots.txt", "/robots.txt")
    assert fetch_robots(fetcher, site.url("/news")) == ""


@pytest.mark.parametrize(
    ("status", "problem"),
    [(500, Problem.SERVER_ERROR), (503, Problem.SERVER_ERROR), (429, Problem.RATE_LIMITED)],
)
def test_not_now(site: Site, fetcher: Fetcher, status: int, problem: Problem) -> None:
    """While a site can't say what it allows, it allows nothing."""
    site.page("/robots.txt", "User-agent: *\nAllow: /", status=status)
    with pytest.raises(FetchError) as caught:
        fetch_robots(fetcher, site.url("/news"))
    assert caught.value.problem is problem


def test_no_answer(site: Site, fetcher: Fetcher) -> None:
    """Nor does one that doesn't answer, or never ends."""
    site.silent("/robots.txt")
    with pytest.raises(FetchError, match="takes too long"):
        fetch_robots(fetcher, site.url("/news"))
    site.endless("/robots.txt")
    with pytest.raises(FetchError, match="too large"):
        fetch_robots(fetcher, site.url("/news"))
