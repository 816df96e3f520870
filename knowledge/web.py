"""Reads what a link led to: a web page by trafilatura, other files as documents.

HTML is only ever parsed: nothing in it is run, and nothing that it names is fetched.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

import trafilatura
from htmldate import find_date
from lxml.html import HtmlElement, document_fromstring
from trafilatura.settings import Document

from knowledge.cleaning import BULLET, clean_body, one_line
from knowledge.documents import decode_text, is_pdf_or_word, is_web_page, read_document
from knowledge.drafts import Draft
from knowledge.errors import DocumentError, Problem
from knowledge.fetching import Fetched
from knowledge.language import LANGUAGES, detect_language

_HTML_TYPES = ("text/html", "application/xhtml+xml")
# Of plain text, and of servers that don't know what they have.
_TEXT_TYPES = ("", "text/plain", "text/markdown", "application/octet-stream")
# trafilatura takes some five seconds for this much.
_MOST_HTML_BYTES = 5_000_000
_LONGEST_TITLE = 500
# Names of what a page's head tells about its publication, and not about its last change.
_PUBLICATION = re.compile(
    r"(?!.*(?:modif|updat|expir|publisher)).*(?:date|time|pub|issued|created)", re.IGNORECASE
)
_PUBLISHED_IN_DATA = re.compile(r'"datePublished"\s*:\s*"([^"]+)"')
# Days that a page itself calls the day of its publication. In the text, a time may be any time.
_PUBLICATION_TIMES = (
    "//*[@itemprop='datePublished'][@datetime or @content]",
    "//time[@pubdate or contains(@class, 'publish')][@datetime]",
    "(//article|//main)//header//time[@datetime]",
    "(//article|//main)//time[@datetime][not(ancestor::p or ancestor::aside or ancestor::footer"
    " or ancestor::*[contains(@class, 'comment') or contains(@id, 'comment')])]",
)
# A body shorter than this is what is left of a page that shows its text by a script.
_FEWEST_LETTERS = 30


def read_page(fetched: Fetched) -> Draft:
    """Read a page, or a file that the link led to.

    The title is None when the page has none; the publisher is at least the site's host; the date
    is one that the page or its link gives as the day of publication, never one from the text.

    Raises:
        DocumentError: there is nothing to read in it; the message names the link.
    """
    kind = fetched.content_type
    is_file = is_pdf_or_word(fetched.body)
    if not is_file and (kind in _HTML_TYPES or is_web_page(fetched.body)):
        return _read_html(fetched)
    if not is_file and kind not in _TEXT_TYPES:
        raise DocumentError(Problem.NOT_READABLE, fetched.url, kind)
    name = unquote(PurePosixPath(urlsplit(fetched.url).path).name)
    try:
        draft = read_document(name, fetched.body, fetched.charset)
    except DocumentError as error:
        raise DocumentError(error.problem, fetched.url, error.detail) from error
    return replace(
        draft, url=draft.url or fetched.url, publisher=draft.publisher or _host(fetched.url)
    )


def _read_html(fetched: Fetched) -> Draft:
    if len(fetched.body) > _MOST_HTML_BYTES:
        raise DocumentError(Problem.TOO_LARGE, fetched.url, f"{len(fetched.body)} bytes")
    tree = trafilatura.load_html(decode_text(fetched.body, fetched.charset, html=True))
    if tree is None:
        raise DocumentError(Problem.EMPTY, fetched.url)
    page = trafilatura.bare_extraction(
        tree,
        url=fetched.url,
        favor_precision=True,
        include_comments=False,
        with_metadata=True,
        # Its date is not used, so let it not search long.
        date_extraction_params={"original_date": True, "extensive_search": False},
    )
    if not isinstance(page, Document):
        raise DocumentError(Problem.EMPTY, fetched.url)
    publisher = _publisher(page.sitename, fetched.url)
    title = _title(page.title, publisher, tree)
    body = clean_body(_paragraphs(page.body), title)
    if sum(map(str.isalpha, body)) < _FEWEST_LETTERS:
        raise DocumentError(Problem.EMPTY, fetched.url)
    return Draft(
        title=title,
        url=_canonical(tree, fetched.url),
        body=body,
        publisher=publisher,
        language=_language(body, tree),
        published=_published(tree, fetched.url),
    )


def _title(found: str | None, publisher: str, tree: HtmlElement) -> str | None:
    """Return the title without the site's name behind or before a dash."""
    title = one_line(found or "")
    if title == publisher:  # Where the site's name comes first, it is what was found.
        title = one_line(tree.findtext(".//head/title") or "")
    for mark in ("|", "—", "–", "-", "•", "·", "::", "»", "«", "/"):
        title = title.removesuffix(f" {mark} {publisher}").removeprefix(f"{publisher} {mark} ")
    return title.strip() if 0 < len(title.strip()) <= _LONGEST_TITLE else None


def _publisher(found: str | None, url: str) -> str:
    name = one_line(found or "")
    # Some sites give the link to their page in a social network.
    return name if name and not name.startswith(("http://", "https://")) else _host(url)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def _canonical(tree: HtmlElement, url: str) -> str:
    """Return the link that the page wants to be known by, if it may be believed.

    One to another site, or to the front page, is more likely a mistake of the site's.
    """
    for link in tree.xpath("//head//link[@rel='canonical']/@href"):
        try:
            canonical = urljoin(url, str(link).strip())
            parts = urlsplit(canonical)
        except ValueError:  # such as http://[
            continue
        if (
            parts.scheme in ("http", "https")
            and _host(canonical) == _host(url)
            and (parts.path.strip("/") or parts.query or not urlsplit(url).path.strip("/"))
            and not any(map(str.isspace, canonical))
        ):
            return canonical.partition("#")[0]
    return url


def _language(body: str, tree: HtmlElement) -> str:
    """Return the language that the body is in, or the page's own word when it is not one of ours.

    A page in Uzbek must not become Kyrgyz because that is the nearest that we know; but many
    pages in our languages call themselves English, since their site's makers forgot.
    """
    named = str(tree.get("lang") or "").replace("_", "-").partition("-")[0].strip().lower()
    is_code = named.isascii() and named.isalpha() and len(named) in (2, 3)
    return named if is_code and named not in LANGUAGES else detect_language(body)


def _published(tree: HtmlElement, url: str) -> date | None:
    """Return the day of publication that the page's head, its data for machines or its link name.

    htmldate guesses from any text that it is given, so it is given no more than this.
    """
    told = document_fromstring("<html><head></head><body></body></html>")
    for element in tree.iterfind(".//head/meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        if _PUBLICATION.match(name):
            told.head.append(deepcopy(element))
    data = tree.xpath("//script[@type='application/ld+json']/text()")
    days = [day for text in data for day in _PUBLISHED_IN_DATA.findall(text)]
    for path in _PUBLICATION_TIMES:
        days += [time.get("datetime") or time.get("content") for time in tree.xpath(path)]
    if days:
        meta = told.makeelement("meta", property="article:published_time", content=days[0])
        told.head.append(meta)
    tomorrow = datetime.now(UTC) + timedelta(days=1)  # It may have begun where the site is.
    found = find_date(
        told,
        url=url,
        original_date=True,
        extensive_search=False,
        deferred_url_extractor=True,
        max_date=f"{tomorrow:%Y-%m-%d}",
    )
    return date.fromisoformat(found) if found else None


_BLOCKS = frozenset(("p", "head", "list", "item", "quote", "table", "row", "code", "div", "body"))


def _paragraphs(element: HtmlElement) -> Iterator[str]:
    """Yield the paragraphs of what trafilatura extracted, in its own XML.

    Headings are paragraphs. A list is one paragraph, and so is a table: a line for each row.
    """
    if element.tag == "list":
        yield "\n".join(_list_lines(element))
    elif element.tag == "table":
        rows = [[_inline(cell) for cell in row.iter("cell")] for row in element.iter("row")]
        yield "\n".join(" | ".join(filter(None, row)) for row in rows)
    else:
        run = element.text or ""
        for child in element:
            if child.tag in _BLOCKS:
                yield _lines(run)
                yield from _paragraphs(child)
                run = child.tail or ""
            else:
                run += _raw(child)
        yield _lines(run)


def _list_lines(element: HtmlElement) -> Iterator[str]:
    for number, item in enumerate(element.iterchildren("item"), start=1):
        mark = f"{number}. " if element.get("rend") == "ol" else BULLET
        text = item.text or ""
        for child in item:
            text += (child.tail or "") if child.tag == "list" else _raw(child)
        text = one_line(text.replace(_LINE_BREAK, " "))
        if text:
            yield mark + text
        for nested in item.iterchildren("list"):
            yield from _list_lines(nested)


_LINE_BREAK = "\x00"  # No parsed text holds it.


def _raw(element: HtmlElement) -> str:
    """Return the text of an element within a line, and what follows it."""
    if element.tag == "lb":
        return _LINE_BREAK + (element.tail or "")
    inner = (element.text or "") + "".join(map(_raw, element))
    space = " " if element.tag in _BLOCKS else ""
    return f"{space}{inner}{space}{element.tail or ''}"


def _lines(raw: str) -> str:
    lines = (one_line(line) for line in raw.split(_LINE_BREAK))
    return "\n".join(filter(None, lines))


def _inline(element: HtmlElement) -> str:
    """Return all text of an element on one line."""
    inner = (element.text or "") + "".join(map(_raw, element))
    return one_line(inner.replace(_LINE_BREAK, " "))
