"""Reads a document into a draft: PDF, Word (.docx), Markdown and plain text.

What a document is, its content tells; its name only tells Markdown from plain text. Its title is
what it says about itself where that makes sense, else its first line where that looks like one.
There is no date: the one within a file is when it was made, or when its template was.

Text stays to the letter, but lines of a PDF are joined to paragraphs, and Markdown's marks go,
since a quote is shown as plain text.
"""

import codecs
import re
from collections.abc import Iterable, Iterator

from charset_normalizer import from_bytes
from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.cleaning import BULLET, clean_body, letters, one_line
from knowledge.drafts import Draft, parse_draft
from knowledge.errors import ArticleError, DocumentError, Problem
from knowledge.language import detect_language
from knowledge.pdf import read_pdf
from knowledge.word import read_word

_MOST_BYTES = 50_000_000
_MOST_CHARACTERS = 2_000_000
"""About a thousand pages; what is longer is no article."""

_LONGEST_TITLE = 200
_BEGINNING = 2000
_WEB_PAGE = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html|head)\b")
_META_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)""", re.IGNORECASE)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What old files in our languages come in; with more to choose from, guesses get worse.
_OLD_CHARSETS = ["cp1251", "koi8_r", "cp866", "cp1252"]

_ZIP = b"PK\x03\x04"
# Word's format before 2007, which also wraps newer files that have a password.
_OLD_WORD = bytes.fromhex("d0cf11e0a1b11ae1")
_PASSWORD_IN_OLD_WORD = "EncryptedPackage".encode("utf-16-le")


def read_document(name: str, content: bytes, charset: str | None = None) -> Draft:
    """Read a document.

    Args:
        name: of the file; what ends in .md is Markdown.
        content: the file.
        charset: what a site says about plain text; it need not be right.

    Raises:
        DocumentError: there is nothing to read in it; the message names the file.
    """
    if len(content) > _MOST_BYTES:
        raise DocumentError(Problem.TOO_LARGE, name, f"{len(content)} bytes")
    if _is_pdf(content):
        return _draft(name, *read_pdf(name, content))
    if content.startswith(_ZIP):
        return _draft(name, *read_word(name, content))
    if content.startswith(_OLD_WORD) and _PASSWORD_IN_OLD_WORD in content:
        raise DocumentError(Problem.ENCRYPTED, name)
    is_unicode = content.startswith(tuple(mark for mark, _ in _BYTE_ORDER_MARKS))
    if content.startswith(b"{\\rtf") or (b"\x00" in content and not is_unicode):
        raise DocumentError(Problem.NOT_READABLE, name)
    if is_web_page(content):
        raise DocumentError(Problem.NOT_READABLE, name, "it is a saved web page")
    text = decode_text(content, charset)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if name.lower().endswith((".md", ".markdown")):
        return _read_markdown(name, text)
    return _draft(name, re.split(r"\n\s*\n", text.strip()))


def is_pdf_or_word(content: bytes) -> bool:
    """Tell whether content may be one of the files that are recognised by how they begin."""
    return _is_pdf(content) or content.startswith(_ZIP)


def _is_pdf(content: bytes) -> bool:
    return b"%PDF-" in content[:1024]  # Some servers put blank lines before it.


def is_web_page(content: bytes) -> bool:
    """Tell whether content is HTML, from how it begins."""
    return _WEB_PAGE.match(content[:1024].removeprefix(codecs.BOM_UTF8).lower()) is not None


def decode_text(content: bytes, charset: str | None = None, *, html: bool = False) -> str:
    """Turn the bytes of a text into text, of which no byte is refused.

    A byte order mark decides; then what is UTF-8 is UTF-8, since no other text looks so by
    chance; then what the site says, and what an HTML page says in its head; then a guess.
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(name, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    named = _META_CHARSET.search(content[:4096]) if html else None
    for said in (charset, named[1].decode() if named else None):
        try:
            return content.decode(_as_browsers_take(said or ""), errors="replace")
        except (LookupError, UnicodeError):  # There is no such charset, or it is none for text.
            continue
    guess = from_bytes(content, cp_isolation=_OLD_CHARSETS).best()
    return content.decode(guess.encoding if guess else "utf-8", errors="replace")


def _as_browsers_take(charset: str) -> str:
    """Return the charset's name; by Latin 1, sites mean Windows' own, with its quotation marks."""
    name = codecs.lookup(charset.strip()).name
    return "cp1252" if name in ("iso8859-1", "ascii") else name


def _draft(name: str, paragraphs: list[str], told_title: str | None = None) -> Draft:
    """Make a draft of paragraphs, and of the title that the file tells in its properties.

    Such a title is often that of another document, which served as a model: it is only believed
    when the text begins with it.
    """
    beginning = letters(" ".join(paragraphs)[:_BEGINNING])
    told_title = one_line(told_title or "")
    title = told_title if letters(told_title) and letters(told_title) in beginning else None
    if title is None and paragraphs:
        first, _, rest = paragraphs[0].partition("\n")
        if _looks_like_title(first) and (rest or paragraphs[1:]):
            title = one_line(first)
            paragraphs = [rest, *paragraphs[1:]]
    body = clean_body(paragraphs, title)
    if len(body) > _MOST_CHARACTERS:
        raise DocumentError(Problem.TOO_LARGE, name, f"{len(body)} characters")
    if not any(map(str.isalpha, body)):
        raise DocumentError(Problem.EMPTY, name)
    return Draft(
        title=title,
        url=None,
        body=body,
        publisher=None,
        language=detect_language(body),
        published=None,
    )


def _looks_like_title(line: str) -> bool:
    line = line.strip()
    return (
        0 < len(line) <= _LONGEST_TITLE
        and any(map(str.isalpha, line))
        and line[-1] not in ".,;:"
        and not line.startswith(BULLET.strip())
    )


def _read_markdown(name: str, text: str) -> Draft:
    """Read Markdown: with front matter as our own articles, else as text with marks that go."""
    if text.lstrip().startswith("---\n"):
        try:
            return parse_draft(text)
        except ArticleError as error:
            raise DocumentError(Problem.DAMAGED, name, str(error)) from error
    tokens = MarkdownIt("commonmark").parse(text)
    return _draft(name, list(_markdown_paragraphs(tokens)))


def _markdown_paragraphs(tokens: Iterable[Token]) -> Iterator[str]:
    """Yield headings and paragraphs; a list with all that is in it is one paragraph."""
    depth = 0
    mark = ""
    lines: list[str] = []
    for token in tokens:
        if token.type == "list_item_open":
            mark = f"{token.info}{token.markup} " if token.info else BULLET
        elif token.type == "inline":
            lines.append(mark + _markdown_text(token.children or []))
            mark = ""
        elif token.type in ("fence", "code_block"):
            lines.append(token.content.rstrip("\n"))
        if token.type.endswith("list_open") or token.type.endswith("list_close"):
            depth += token.nesting
        if depth == 0 and lines:
            yield "\n".join(lines)
            lines = []


def _markdown_text(tokens: Iterable[Token]) -> str:
    """Return what is between the marks; of a link its words, of a picture what it shows."""
    return "".join(
        "\n" if token.type in ("softbreak", "hardbreak") else token.content
        for token in tokens
        if token.type != "html_inline"
    )
