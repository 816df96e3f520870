"""What a site lets programs read: its robots.txt, as RFC 9309 has it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from protego import Protego

from knowledge.errors import FetchError, Problem
from knowledge.fetching import Fetcher

MAX_DELAY = 60.0
"""Seconds between two requests that a site may ask for; from more of them nobody would gain."""

_MAX_LENGTH = 500 * 1024  # bytes; RFC 9309 wants at least as many read
# The site answered that there is no such file for us, which allows everything (RFC 9309, 2.3.1.3).
_NO_RULES = frozenset({Problem.NOT_FOUND, Problem.REFUSED, Problem.TOO_MANY_REDIRECTS})


@dataclass(frozen=True, slots=True)
class Rules:
    """What one site allows us."""

    _robots: Protego
    _product: str

    def allow(self, url: str) -> bool:
        """Whether a link may be read."""
        return self._robots.can_fetch(url, self._product)

    @property
    def delay(self) -> float:
        """Seconds from one request to the next that the site asks for; 0 if it does not."""
        return min(self._robots.crawl_delay(self._product) or 0.0, MAX_DELAY)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Links of the sitemaps that the site names; they may be anything."""
        return tuple(self._robots.sitemaps)


def read_rules(text: str, user_agent: str) -> Rules:
    """Read a robots.txt.

    Args:
        text: What is in it; lines that are no rules are passed over.
        user_agent: What we call ourselves, such as "Name/1.0 (+https://example.org)"; the rules
            that count are those for "Name", else those for all.
    """
    return Rules(Protego.parse(text), user_agent.partition("/")[0].strip())


def robots_link(url: str) -> str:
    """The link of the robots.txt that holds for a link."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/robots.txt"


def fetch_robots(fetcher: Fetcher, url: str) -> str:
    """Fetch the robots.txt that holds for a link; "" if the site has none.

    Raises:
        FetchError: the site can't tell just now, so that nothing on it may be read.
    """
    try:
        body = fetcher.fetch(robots_link(url)).body
    except FetchError as error:
        if error.problem in _NO_RULES:
            return ""
        raise
    return body[:_MAX_LENGTH].decode("utf-8-sig", "replace")
