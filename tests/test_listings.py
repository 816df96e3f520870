"""Listings that are read by a process of their own, and the commands about sources."""

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot import cli
from bot.errors import ReadingFailed
from bot.settings import Settings
from bot.sources import listings, visiting
from bot.sources.listings import Listings
from knowledge.errors import FetchError, Problem, ReadingError
from knowledge.feeds import Entry, Listing, ListingKind
from knowledge.sources import Approval, load_sources
from site_server import Site

PROJECT = Path(listings.__file__).parent.parent
FEED = """<rss version="2.0"><channel><title>Garden News</title>
<item><title>A tree</title><link>/tree</link></item></channel></rss>"""
PAGE = '<html><head><link rel="alternate" type="application/rss+xml" href="/feed">'
ARTICLE = "<html><head><title>A tree</title></head><body><article><h1>A tree</h1>{}</article>"
PARAGRAPH = "<p>The tree in the garden grew by {} metres, and everybody who saw it was glad.</p>"


@pytest.fixture
def site() -> Iterator[Site]:
    """A site with a feed, a page that names it, and an article."""
    with Site() as site:
        site.page("/feed", FEED, content_type="text/xml", etag='"1"')
        site.page("/", PAGE)
        site.page("/tree", ARTICLE.format("".join(PARAGRAPH.format(n) for n in range(20))))
        yield site


@pytest.fixture
def real(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Listings:
    """The real process; it may visit the site."""
    monkeypatch.chdir(PROJECT)
    environment = {
        "PRIVATE_HOSTS": site.host,
        "DATA_DIR": str(tmp_path),
        "TELEGRAM_BOT_TOKEN": "",
        "LOG_LEVEL": "INFO",
    }
    command = [sys.executable, "-m", "bot", "sources", "read", "--json"]
    return Listings(command, environment)


async def test_a_process_reads_listings(site: Site, real: Listings) -> None:
    """What the process says is what comes: a listing, what a page names, and robots.txt."""
    visited = await real.visit(site.url("/feed"))
    entry = Entry(site.url("/tree"), "A tree", None, None)
    assert visited.listing == Listing(ListingKind.FEED, "Garden News", (entry,))
    assert (visited.etag, visited.not_modified) == ('"1"', False)
    again = await real.visit(site.url("/feed"), etag='"1"')
    assert (again.listing, again.not_modified) == (None, True)
    page = await real.visit(site.url("/"))
    assert (page.listing, page.named) == (None, (site.url("/feed"),))
    site.page("/robots.txt", "User-agent: *\nDisallow: /")
    assert await real.robots(site.url("/feed")) == "User-agent: *\nDisallow: /"


async def test_problems_come_back(site: Site, real: Listings) -> None:
    """Why nothing was read crosses as well, and when the site may be asked again."""
    site.page("/feed", status=503, headers={"Retry-After": "120"})
    with pytest.raises(FetchError) as caught:
        await real.visit(site.url("/feed"))
    error = caught.value
    assert (error.problem, error.subject) == (Problem.SERVER_ERROR, site.url("/feed"))
    assert error.retry_after == 120


async def test_private_addresses(real: Listings) -> None:
    """A source can't lead into a private network."""
    with pytest.raises(ReadingError) as caught:
        await real.visit("http://127.0.0.1:9/feed")
    assert caught.value.problem is Problem.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit('The disk is full')", "The disk is full"),
        ("print('{}')", "exit code 0"),
        ("""print('{"text": "x"}')""", "https://a.org was not visited"),
    ],
)
async def test_a_failure(code: str, reason: str) -> None:
    """A process that fails, or says something else, is an error."""
    with pytest.raises(ReadingFailed, match=reason):
        await Listings([sys.executable, "-c", code], {}).visit("https://a.org")


@pytest.fixture
def run(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., str]]:
    """Runs a command for the bot whose data are in this test's folder; gives what it prints."""
    monkeypatch.chdir(PROJECT)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / "articles").mkdir()
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ARTICLES_DIR", str(tmp_path / "articles"))
    monkeypatch.setenv("PRIVATE_HOSTS", site.host)
    monkeypatch.setattr(visiting, "BETWEEN_REQUESTS", 0.0)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            cli.main(["sources", *arguments])
        if isinstance(ended.value.code, str):
            return ended.value.code
        return capsys.readouterr().out

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def test_commands(run: Callable[..., str], site: Site, tmp_path: Path) -> None:
    """A site's link is enough to add it; a check then finds its articles."""
    assert run().startswith("There are no sources")
    added = run("add", site.url("/"), "--every", "1d", "--automatic")
    assert added == (
        f"Garden News ({site.url('/feed')}), with 1 entries, is checked from now on.\n"
    )
    [source] = load_sources(tmp_path / "sources.yaml")
    assert (source.every.days, source.approval) == (1, Approval.AUTOMATIC)
    assert run().splitlines()[1:] == ["    every 1d, automatic", "    not checked yet"]
    text = (tmp_path / "sources.yaml").read_text().replace("automatic\n", "ask\n")
    (tmp_path / "sources.yaml").write_text(text)
    assert run("check").splitlines() == ["Garden News: 1 new", "    waits for approval: A tree"]
    assert run("check") == "No source is due.\n"
    assert len(list((tmp_path / "drafts").glob("*.md"))) == 1
    site.page("/feed", status=404)
    assert "does not exist on the site" in run("check", site.url("/feed"))
    assert "    failed 1 times: not-found (404 Not Found)" in run().splitlines()


def test_wrong_arguments(run: Callable[..., str], site: Site, tmp_path: Path) -> None:
    """Slips are told in a sentence, and change nothing."""
    site.page("/", "<p>Hello")
    assert "is neither a feed nor a sitemap" in run("add", site.url("/"))
    assert run("add", "nonsense") == ""
    assert run("add", site.url("/"), "--every", "5m") == ""
    assert run("check", site.url("/feed")) == ""
    assert not (tmp_path / "sources.yaml").exists()
    (tmp_path / "sources.yaml").write_text("- url: nonsense")
    assert "Line 1: the url 'nonsense' is not a web link" in run()
