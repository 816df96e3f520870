"""Reads what a site says it has published: RSS and Atom feeds, sitemaps and their indexes.

All of it may be broken or meant to do harm. feedparser is given bytes and never fetches; it drops
nested entities, and expat stops those that grow. lxml expands no entities and opens no files.
A body of some megabytes can still keep a parser busy for long, so who reads what they were not
sent by a friend does it in a process that can be ended.
"""

import contextlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

import feedparser
from lxml import etree, html

from knowledge.errors import DocumentError, Problem
from knowledge.fetching import Fetched, unpacked

MAX_ENTRIES = 300
"""Entries of a listing that are looked at, the newest first."""

_MAX_UNPACKED = 50_000_000  # bytes; sitemaps.org allows no larger one
_MAX_FEED = 3_000_000  # bytes; what comes after them is old news
_MAX_LISTED = 50_000  # links; likewise
_MAX_LINK = 2_000  # characters
_MAX_TITLE = 300  # characters
_GZIP = b"\x1f\x8b"
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# Blogs offer their comments as a feed, too.
_COMMENTS = re.compile(r"comment|комментар|пікір", re.IGNORECASE)
# Lists of articles rather than articles; the names are those of WordPress and its plug-ins.
_LISTS_ONLY = re.compile(r"[/_-](category|tag|author|taxonomies|users)[_.-]")


class ListingKind(StrEnum):
    """What a listing is."""

    FEED = "feed"
    SITEMAP = "sitemap"
    INDEX = "index"
    """A list of sitemaps, each with its own link."""


_SITEMAPS = {"urlset": ListingKind.SITEMAP, "sitemapindex": ListingKind.INDEX}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a listing says of one article; of an index, one sitemap."""

    url: str
    """http or https."""
    title: str | None
    """One line of plain text."""
    published: date | None
    """On the site's calendar; never when it was last changed."""
    changed: date | None = None
    """The latest day that the listing names: that of its publication, or of a change."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A feed or a sitemap."""

    kind: ListingKind
    title: str | None
    """What a feed calls itself."""
    entries: tuple[Entry, ...]
    """The newest first as far as dates tell, else as listed; at most MAX_ENTRIES links."""


def read_listing(fetched: Fetched) -> Listing:
    """Read a feed, a sitemap or an index of sitemaps, as far as it can be made out.

    Raises:
        DocumentError: it is none of them.
    """
    body = _unpacked(fetched.body)
    root = _root_name(body)
    listing = None
    if root in _SITEMAPS:
        listing = _read_sitemap(fetched.url, body, _SITEMAPS[root])
    elif root != "html":
        listing = _read_feed(fetched, body)
    if listing is None:
        raise DocumentError(Problem.NO_LISTING, fetched.url)
    return listing


def find_listings(fetched: Fetched) -> tuple[str, ...]:
    """Find the feeds and sitemaps that a web page names, the likeliest first."""
    try:
        page = html.document_fromstring(fetched.body, parser=html.HTMLParser(no_network=True))
    except (etree.ParserError, etree.XMLSyntaxError):  # nothing in it
        return ()
    base = _web_link(fetched.url, next(iter(page.xpath("//base/@href")), "")) or fetched.url
    feeds, comments, sitemaps = list[str](), list[str](), list[str]()
    for link in page.iter("link"):
        rel = (link.get("rel") or "").lower().split()
        url = _web_link(base, link.get("href"))
        if url is None:
            continue
        if "sitemap" in rel:
            sitemaps.append(url)
        elif "alternate" in rel and (link.get("type") or "").strip().lower() in _FEED_TYPES:
            about_comments = _COMMENTS.search(f"{url} {link.get('title') or ''}")
            (comments if about_comments else feeds).append(url)
    return tuple(dict.fromkeys([*feeds, *sitemaps, *comments]))


@dataclass(frozen=True, slots=True)
class _Listed:
    entry: Entry
    changed: str
    """When, as a text that sorts by time; "" if the listing does not say."""


def _read_feed(fetched: Fetched, body: bytes) -> Listing | None:
    charset = f"; charset={fetched.charset}" if fetched.charset else ""
    try:
        feed = _parsed_feed(fetched, body, charset)
    except Exception as error:  # such as a reference to no letter, which it looks up
        raise DocumentError(Problem.NO_LISTING, fetched.url) from error
    if not feed.get("version"):
        return None
    listed = []
    for item in feed.entries:
        url = _web_link(fetched.url, item.get("link"))
        if url is not None:
            day = _feed_day(item, "published") or _feed_day(item, "updated")
            # As a dict's own: feedparser warns of what it puts in the place of a missing time.
            time = dict.get(item, "published_parsed") or dict.get(item, "updated_parsed")
            changed = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*time[:6]) if time else ""
            entry = Entry(url, _plain_title(item), day, _iso_day(changed))
            listed.append(_Listed(entry, changed))
    return Listing(ListingKind.FEED, _plain_title(feed.feed), _newest(listed))


def _parsed_feed(fetched: Fetched, body: bytes, charset: str) -> feedparser.FeedParserDict:
    return feedparser.parse(
        # Bare bytes might be taken for the name of a file.
        io.BytesIO(body[:_MAX_FEED]),
        response_headers={
            "content-location": fetched.url,
            # As text/xml, which many are sent as, it would have to be ASCII.
            "content-type": f"application/xml{charset}",
        },
        # They are for texts that we don't take from it.
        resolve_relative_uris=False,
        sanitize_html=False,
    )


def _feed_day(item: feedparser.FeedParserDict, name: str) -> date | None:
    """The day of a time in a feed, as it is on the site's own calendar."""
    written = dict.get(item, name)
    if not isinstance(written, str):
        return None
    if day := _iso_day(written):
        return day
    with contextlib.suppress(ValueError):
        return parsedate_to_datetime(written).date()
    # In UTC, which may be the day before.
    parsed = dict.get(item, f"{name}_parsed")
    with contextlib.suppress(ValueError):
        return date(*parsed[:3]) if parsed else None
    return None


def _plain_title(item: feedparser.FeedParserDict) -> str | None:
    title = item.get("title")
    if not isinstance(title, str):
        return None
    if item.get("title_detail", {}).get("type") != "text/plain" and title.strip():
        with contextlib.suppress(etree.ParserError, ValueError):
            title = html.fragment_fromstring(title, create_parent=True).text_content()
    return _one_line(title)


def _read_sitemap(base: str, body: bytes, kind: ListingKind) -> Listing:
    listed = []
    for element in _elements(body, "sitemap" if kind is ListingKind.INDEX else "url"):
        url = _web_link(base, element.findtext("{*}loc"))
        # A site's front page is no article.
        if url is None or (kind is ListingKind.SITEMAP and urlsplit(url).path in ("", "/")):
            continue
        if kind is ListingKind.INDEX and _LISTS_ONLY.search(urlsplit(url).path):
            continue
        published = (element.findtext("{*}news/{*}publication_date") or "").strip()
        changed = max(published, (element.findtext("{*}lastmod") or "").strip())
        title = _one_line(element.findtext("{*}news/{*}title") or "")
        entry = Entry(url, title, _iso_day(published), _iso_day(changed))
        listed.append(_Listed(entry, changed if _iso_day(changed) else ""))
        if len(listed) == _MAX_LISTED:
            break
    return Listing(kind, None, _newest(listed))


def _elements(body: bytes, name: str) -> Iterator[etree._Element]:
    """The elements of a name, of which each is gone when the next one comes."""
    with contextlib.suppress(etree.XMLSyntaxError):  # What came before the fault is good.
        for _, element in _parse(body, events=("end",), tag=f"{{*}}{name}"):
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _root_name(body: bytes) -> str:
    """The name of the outermost element, in small letters; "" if there is none."""
    with contextlib.suppress(etree.XMLSyntaxError):
        for _, element in _parse(body, events=("start",)):
            # Not by QName, which refuses what the parser lets pass.
            return str(element.tag).rpartition("}")[2].lower()
    return ""


def _parse(body: bytes, events: tuple[str, ...], tag: str | None = None) -> etree.iterparse:
    return etree.iterparse(
        io.BytesIO(body.lstrip()),
        events=events,
        tag=tag,
        recover=True,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )


def _newest(listed: list[_Listed]) -> tuple[Entry, ...]:
    # Sorting keeps the order of those without a time, reversed or not.
    listed.sort(key=lambda one: one.changed, reverse=True)
    by_link: dict[str, Entry] = {}
    for one in listed:
        by_link.setdefault(one.entry.url, one.entry)
    return tuple(by_link.values())[:MAX_ENTRIES]


def _web_link(base: str, link: str | None) -> str | None:
    """A link as a whole one; None if it is no link to a web page."""
    try:
        url = urljoin(base, (link or "").strip())
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # such as http://[
        return None
    sound = sound and bool(link) and len(url) <= _MAX_LINK
    # Spaces are a slip that browsers forgive as well.
    url = url.replace(" ", "%20")
    return url if sound and url.isprintable() else None


def _iso_day(written: str) -> date | None:
    """The day that a time such as 2025-06-12T08:00:00+06:00 begins with."""
    match = _ISO_DAY.match(written)
    if match is None:
        return None
    with contextlib.suppress(ValueError):
        return date.fromisoformat(match[0])
    return None


def _one_line(text: str) -> str | None:
    line = " ".join(text.split())
    return "".join(c for c in line if c.isprintable())[:_MAX_TITLE].strip() or None


def _unpacked(body: bytes) -> bytes:
    """A body as it was before it was packed as .gz, as much of it as may be."""
    if not body.startswith(_GZIP):
        return body
    whole = bytearray()
    with contextlib.suppress(zlib.error):  # What came before the fault is good.
        for piece in unpacked([body]):
            whole += piece
            if len(whole) > _MAX_UNPACKED:
                break
    return bytes(whole)
