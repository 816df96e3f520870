"""Is this article known already: by its link, or by its text under another link?"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from knowledge.article import Article
from knowledge.drafts import Draft

SAME_TEXT = 0.8
"""Share of a draft's letters that an article must have as well, to be the same text.

Sites that take over an article add a line of their own or cut it short, which keeps the share near
1; two reports of one event share a quotation or two, a tenth or less. A draft that says much more
than the article is worth having.
"""

# Only what says how somebody came to the page: a parameter that we don't know may choose it.
_TRACKING = re.compile(
    r"utm_.+|mtm_.+|pk_.+|fbclid|gclid|gbraid|wbraid|dclid|yclid|ysclid|msclkid|twclid|igshid|"
    r"igsh|mc_cid|mc_eid|_ga|_gl|_openstat|at_campaign|at_medium"
)
_PORTS = {"http": 80, "https": 443}
# A line of headings or dates says nothing about whose text it is. In letters and digits.
_SHORTEST_PIECE = 30
# Looked at first, since it takes a tenth of the time: fewer can't be the same text.
_WORDS_IN_COMMON = 0.5
_PIECE_ENDS = re.compile(r"[.!?…\n]+")
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Same:
    """The articles that a draft repeats."""

    by_link: Article | None
    """The one with the same link."""
    by_text: Article | None
    """The one with the same text, and another link."""


# The links of the corpus are compared each time that a draft is looked at.
@lru_cache(maxsize=20_000)
def link_key(url: str) -> str:
    """Return what two links to the same page have in common.

    Scheme, "www.", the case of the host, a trailing slash, the fragment, the order of parameters
    and those that only tell where a visitor came from make no difference.
    """
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").removeprefix("www.").rstrip(".")
        port = parts.port
    except ValueError:  # no link at all
        return url.strip()
    if not host:
        return url.strip()
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            host = host.casefold()
    if port is not None and port != _PORTS.get(parts.scheme):
        host = f"{host}:{port}"
    path = quote(unquote(parts.path), safe="/").rstrip("/")
    parameters = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _TRACKING.fullmatch(name.lower())
    )
    return f"{host}{path}?{urlencode(parameters)}" if parameters else f"{host}{path}"


def find_same(draft: Draft, articles: Iterable[Article]) -> Same:
    """Find the articles that a draft repeats; None for each that there is none of.

    It has an article's text if most of its sentences stand there, whatever their case, spaces and
    punctuation.
    """
    key = draft.url and link_key(draft.url)
    words, pieces = _words(draft.body), _pieces(draft.body)
    letters = sum(map(len, pieces))
    by_link, by_text, largest = None, None, 0.0
    for article in articles:
        if key and link_key(article.url) == key:
            by_link = article
        elif len(words & _words(article.body)) >= _WORDS_IN_COMMON * len(words):
            share = sum(map(len, pieces & _pieces(article.body))) / letters
            if share >= SAME_TEXT and share > largest:
                by_text, largest = article, share
    return Same(by_link, by_text)


def _words(body: str) -> frozenset[str]:
    return frozenset(body.casefold().split())


def _pieces(body: str) -> frozenset[str]:
    """Return the sentences of a text as words with one space between them."""
    text = unicodedata.normalize("NFKC", body).casefold().replace("ё", "е")
    pieces = [_NOT_WORDS.sub(" ", piece).strip() for piece in _PIECE_ENDS.split(text)]
    long = frozenset(piece for piece in pieces if len(piece) >= _SHORTEST_PIECE)
    # A poem or a list may have short lines only.
    return long or frozenset([_NOT_WORDS.sub(" ", text).strip() or text])
