"""An article, and how it is written as a Markdown file with front matter.

    ---
    title: Meetings of Green Alliance KG in France
    url: https://example.org/meetings
    publisher: Green Alliance KG      (may be left out)
    language: en                      (may be left out, then it is detected)
    published: 2025-06-12             (may be left out)
    ---

    The first paragraph.

    The second paragraph.

python-frontmatter is not used: it takes a file without front matter for an article without
metadata, strips the body's own indentation, and leaves all of the checks below to its caller.
"""

import hashlib
import json
import re
import sys
from dataclasses import asdict, dataclass
from datetime import date
from urllib.parse import urlsplit

import yaml

from knowledge.errors import ArticleError
from knowledge.language import detect_language

_FENCE = "---"
_BYTE_ORDER_MARK = "\ufeff"
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")
# date.fromisoformat alone would also take 20250612 and 2025-W24-4.
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YAML_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Article:
    """One source text with what a reader needs to find it again."""

    slug: str
    """File name without .md; unique in a corpus."""
    title: str
    """One line, no surrounding whitespace."""
    url: str
    """Where the article was published; http or https."""
    body: str
    """Paragraphs separated by blank lines, lines by line feeds; no blank line at either end."""
    publisher: str | None
    language: str
    """ISO 639 code of two or three small letters."""
    published: date | None

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) over all fields: it changes whenever an answer or an embedding may."""
        published = self.published.isoformat() if self.published else None
        fields = (
            self.slug,
            self.title,
            self.url,
            self.body,
            self.publisher,
            self.language,
            published,
        )
        # JSON keeps the fields apart: ("ab", "c") and ("a", "bc") differ.
        return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stands above an article's body, in the order of the file; None is what is absent."""

    title: str | None
    url: str | None
    publisher: str | None
    language: str | None
    published: date | None


class _TextLoader(yaml.BaseLoader):
    """YAML in which every value is text or empty.

    A date, a year as a title or `language: no` stays what was typed, so the messages can show it.
    """


_TextLoader.add_implicit_resolver(
    _YAML_NULL, re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_TextLoader.add_constructor(_YAML_NULL, lambda _loader, _node: None)


def parse_article(slug: str, text: str) -> Article:
    """Read an article from the text of its Markdown file.

    A byte order mark is dropped and Windows line endings become line feeds, since editors add
    them unasked. Blank lines at both ends of the body are dropped; else it is kept to the letter.
    Front matter keys that are not known here are allowed and ignored.

    Raises:
        ArticleError: the text is not an article; the message is one sentence for its author.
    """
    front_matter, body = split_front_matter(text)
    title = _required(front_matter.title, "title", "the headline of the article")
    url = _required(front_matter.url, "url", "the link to the article")
    return Article(
        slug=slug,
        title=title,
        url=url,
        body=body,
        publisher=front_matter.publisher,
        language=front_matter.language or detect_language(body),
        published=front_matter.published,
    )


def format_article(article: Article) -> str:
    """Write an article as the text of its Markdown file, the inverse of `parse_article`.

    What is None is left out. The attributes must be as `Article` describes them: a title of two
    lines or a body with Windows line endings would not come back unchanged.
    """
    front_matter = FrontMatter(
        title=article.title,
        url=article.url,
        publisher=article.publisher,
        language=article.language,
        published=article.published,
    )
    return join_front_matter(front_matter, article.body)


def split_front_matter(text: str) -> tuple[FrontMatter, str]:
    """Read the values and the body of a Markdown file, any value of which may be absent.

    Raises:
        ArticleError: there is no front matter, a value is no good, or there is no body.
    """
    text = text.removeprefix(_BYTE_ORDER_MARK).replace("\r\n", "\n").replace("\r", "\n")
    values, body = _split_at_fences(text)
    front_matter = FrontMatter(
        title=_optional(values, "title"),
        url=_checked_url(_optional(values, "url")),
        publisher=_optional(values, "publisher"),
        language=_checked_language(_optional(values, "language")),
        published=_checked_date(_optional(values, "published")),
    )
    if not body:
        message = "There is no text below the front matter; add the article's paragraphs there."
        raise ArticleError(message)
    return front_matter, body


def join_front_matter(front_matter: FrontMatter, body: str) -> str:
    """Write the text of a Markdown file, leaving out what is None."""
    lines = yaml.safe_dump(
        {name: value for name, value in asdict(front_matter).items() if value is not None},
        allow_unicode=True,
        sort_keys=False,
        width=sys.maxsize,  # A wrapped title would be hard to edit by hand.
    )
    return f"{_FENCE}\n{lines}{_FENCE}\n\n{body}\n"


def _split_at_fences(text: str) -> tuple[dict[object, object], str]:
    """Return the front matter's values and the body without blank lines at its ends."""
    lines = text.split("\n")
    opening = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[opening].rstrip() != _FENCE:
        message = (
            f"There is no front matter; begin the file with a line {_FENCE}, then "
            f"'title: ...' and 'url: ...', then another line {_FENCE}."
        )
        raise ArticleError(message)
    closing = next(
        (n for n in range(opening + 1, len(lines)) if lines[n].rstrip() == _FENCE), None
    )
    if closing is None:
        message = f"The front matter never ends; put a line {_FENCE} between it and the text."
        raise ArticleError(message)
    values = _load_yaml("\n".join(lines[opening + 1 : closing]), first_line=opening + 2)
    body = lines[closing + 1 :]
    written = [number for number, line in enumerate(body) if line.strip()]
    return values, "\n".join(body[written[0] : written[-1] + 1]) if written else ""


def _load_yaml(source: str, first_line: int) -> dict[object, object]:
    """Read the lines between the fences; `first_line` is where they start in the file, from 1."""
    try:
        values = yaml.load(source, Loader=_TextLoader)  # noqa: S506 - makes text only, no objects
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"Line {mark.line + first_line}" if mark else "A line"
        message = (
            f"{place} of the front matter is not valid YAML ({error.problem}); a value that "
            "holds a colon, a quotation mark or a # must stand in quotes."
        )
        raise ArticleError(message) from error
    except (yaml.YAMLError, RecursionError) as error:
        message = (
            "The front matter is not valid YAML, probably for an invisible character; "
            "type its lines anew."
        )
        raise ArticleError(message) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        message = "The front matter must consist of lines such as 'title: The headline'."
        raise ArticleError(message)
    return values


def _required(value: str | None, name: str, meaning: str) -> str:
    if value is None:
        message = f"The {name} is missing; add a line '{name}: ' with {meaning}."
        raise ArticleError(message)
    return value


def _optional(values: dict[object, object], name: str) -> str | None:
    """Return a value as one line of text, None when it is absent or empty."""
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        message = (
            f"The {name} must be plain text, not a list or a table; put it in quotes if it "
            "begins with [ or {."
        )
        raise ArticleError(message)
    value = value.strip()
    if len(value.splitlines()) > 1:
        message = f"The {name} must stand on one line."
        raise ArticleError(message)
    return value or None


def _checked_url(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # such as http://[
        sound = False
    if not sound or any(character.isspace() for character in url):
        message = (
            f"The url '{url}' is not a web link; write it whole, "
            "such as https://example.org/news/article."
        )
        raise ArticleError(message)
    return url


def _checked_date(value: str | None) -> date | None:
    if value is None:
        return None
    message = (
        f"The published date '{value}' is not a day of the calendar, written as year-month-day; "
        "write it such as 2025-06-12, or leave the line out."
    )
    if not _ISO_DATE.fullmatch(value):
        raise ArticleError(message)
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise ArticleError(message) from error


def _checked_language(code: str | None) -> str | None:
    if code is None:
        return None
    code = code.lower()
    if not _LANGUAGE_CODE.fullmatch(code):
        message = (
            f"The language '{code}' is not a code of two or three letters; "
            "write en, ru, kk or ky, or leave the line out."
        )
        raise ArticleError(message)
    return code
