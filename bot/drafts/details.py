"""What can be changed of a draft or an article, and how people type it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from bot.errors import DetailNotUnderstood
from knowledge.article import Article
from knowledge.drafts import Draft

T = TypeVar("T", Draft, Article)

NONE = "-"
"""What is typed for a detail that there is none of."""

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_LANGUAGES = ["en", "ru", "kk", "ky"]
# Only whole days: "May", "yesterday" and "10" are no date of an article.
_WHOLE_DAYS = {
    "STRICT_PARSING": True,
    "REQUIRE_PARTS": ["day", "month", "year"],
    "PARSERS": ["absolute-time"],
    "DATE_ORDER": "DMY",
    "PREFER_LOCALE_DATE_ORDER": False,
}
# "12 июня 2025 года", "2025 жылғы 12 маусым": the library knows the days and months alone.
_YEAR_WORD = re.compile(r"(\d{4})\s*-?\s*(?:жыл\w*|года?|ж|г)\b\.?,?", re.IGNORECASE)


class Detail(StrEnum):
    """One line about an article."""

    TITLE = "title"
    DATE = "date"
    LINK = "link"
    PUBLISHER = "publisher"


FIELDS: Mapping[Detail, str] = {
    Detail.TITLE: "title",
    Detail.DATE: "published",
    Detail.LINK: "url",
    Detail.PUBLISHER: "publisher",
}
"""What each is called in drafts and articles."""


def with_detail(thing: T, detail: Detail, typed: str) -> T:
    """Return a draft or an article with a detail as somebody typed it.

    The first date of an import takes a second.

    Raises:
        DetailNotUnderstood: it can't be that; the draft or article stays what it is.
    """
    return replace(thing, **{FIELDS[detail]: _value(detail, typed)})  # type: ignore[arg-type]


def as_link(typed: str) -> str | None:
    """Return a link as it was typed or meant, https if it doesn't say; None if it is none."""
    link = typed.strip()
    if not _SCHEME.match(link):
        link = f"https://{link}"
    try:
        host = urlsplit(link).hostname or ""
    except ValueError:
        return None
    return link if "." in host.strip(".") and not re.search(r"\s", link) else None


def as_date(typed: str) -> date | None:
    """Return a day as people write it in our languages, None if it is none.

    Of 06/12/2025 the first number is the day.
    """
    # Here, since the library takes long to load.
    import dateparser  # type: ignore[import-untyped]

    plain = " ".join(typed.split())
    for text in (plain, _YEAR_WORD.sub(r"\1 ", plain)):
        if found := dateparser.parse(text, languages=_LANGUAGES, settings=_WHOLE_DAYS):
            day: date = found.date()
            return day
    return None


def _value(detail: Detail, typed: str) -> str | date | None:
    line = " ".join(typed.split())
    value: str | date | None = line or None
    if detail in {Detail.DATE, Detail.PUBLISHER} and line == NONE:
        return None
    if detail is Detail.DATE:
        value = as_date(line)
    elif detail is Detail.LINK:
        value = as_link(typed)
    if value is None:
        raise DetailNotUnderstood(detail, line)
    return value
