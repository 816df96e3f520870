"""Feeds, sitemaps and robots.txt, read by a process of its own, so that none can hurt the bot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import TypeAdapter

from bot.errors import ReadingFailed
from bot.limited_process import LimitedProcess
from knowledge.errors import DocumentError, FetchError, Problem, ReadingError
from knowledge.feeds import Listing, find_listings, read_listing
from knowledge.fetching import Fetcher
from knowledge.robots import fetch_robots


@dataclass(frozen=True, slots=True)
class Visit:
    """What a link leads to, when a listing is looked for."""

    url: str
    """After redirects."""
    listing: Listing | None
    """None if it is none, or if it is what it was."""
    named: tuple[str, ...]
    """The listings that a web page names, the likeliest first."""
    etag: str | None
    last_modified: str | None
    not_modified: bool


@dataclass(frozen=True, slots=True)
class RobotsText:
    """A site's robots.txt."""

    text: str


@dataclass(frozen=True, slots=True)
class ListingProblem:
    """Why nothing was read; see `knowledge.errors.FetchError`."""

    problem: Problem
    subject: str
    detail: str
    retry_after: int | None


_Said: TypeAlias = Visit | RobotsText | ListingProblem
_SAID: TypeAdapter[_Said] = TypeAdapter(_Said)


def visit(
    fetcher: Fetcher, url: str, etag: str | None = None, last_modified: str | None = None
) -> Visit:
    """Look for a listing at a link.

    Args:
        fetcher: Fetches it.
        url: Of a listing, or of a page that names some.
        etag: Of the listing as it is known; see `Fetcher.fetch`.
        last_modified: Likewise.

    Raises:
        ReadingError: it can't be fetched, or is neither a listing nor a page that names one.
    """
    fetched = fetcher.fetch(url, etag=etag, last_modified=last_modified)
    listing: Listing | None = None
    named: tuple[str, ...] = ()
    if not fetched.not_modified:
        try:
            listing = read_listing(fetched)
        except DocumentError:
            named = find_listings(fetched)
    return Visit(
        fetched.url, listing, named, fetched.etag, fetched.last_modified, fetched.not_modified
    )


def answer(
    fetcher: Fetcher,
    url: str,
    etag: str | None,
    last_modified: str | None,
    *,
    robots: bool,
) -> str:
    """What `python -m bot sources read --json` prints, which `Listings` understands."""
    said: _Said
    try:
        if robots:
            said = RobotsText(fetch_robots(fetcher, url))
        else:
            said = visit(fetcher, url, etag, last_modified)
    except ReadingError as error:
        retry_after = error.retry_after if isinstance(error, FetchError) else None
        said = ListingProblem(error.problem, error.subject, error.detail, retry_after)
    return _SAID.dump_json(said).decode()


class Listings:
    """Reads listings, each in a process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Take what is run.

        Args:
            command: Reads what is named behind it, and says what it read as `answer` has it.
            environment: What to set in its environment.
        """
        self._process = LimitedProcess(command, environment)

    async def visit(
        self, url: str, etag: str | None = None, last_modified: str | None = None
    ) -> Visit:
        """Look for a listing at a link.

        Raises:
            ReadingError: it can't be fetched or read.
            ReadingFailed: the process failed.
        """
        known = (("--etag", etag), ("--last-modified", last_modified))
        options = [f"{name}={value}" for name, value in known if value]
        said = await self._ask(url, *options)
        if not isinstance(said, Visit):
            raise ReadingFailed(f"{url} was not visited.")
        return said

    async def robots(self, url: str) -> str:
        """The robots.txt that holds for a link; "" if the site has none.

        Raises:
            ReadingError: the site can't tell just now.
            ReadingFailed: the process failed.
        """
        said = await self._ask(url, "--robots")
        if not isinstance(said, RobotsText):
            raise ReadingFailed(f"The robots.txt for {url} was not read.")
        return said.text

    async def _ask(self, url: str, *options: str) -> _Said:
        said = await self._process.ask(_SAID, options, url, url)
        if isinstance(said, ListingProblem):
            raise FetchError(said.problem, said.subject, said.detail, said.retry_after)
        return said
