"""Titles, dates, links and publishers as people type them."""

from datetime import date

import pytest

from bot.drafts.details import Detail, as_date, as_link, with_detail
from bot.errors import DetailNotUnderstood
from knowledge.drafts import Draft

DRAFT = Draft("The canal", "https://example.org/canal", "Water.", "Times", "en", date(2024, 1, 2))


@pytest.mark.parametrize(
    "typed",
    [
        "2025-06-12",
        "12.06.2025",
        "12/06/2025",
        "12 June 2025",
        "June 12, 2025",
        "12 июня 2025",
        "12 июня 2025 г.",
        "12 июня 2025 года",
        "12 маусым 2025",
        "2025 жылғы 12 маусым",
        "2025-ж., 12-июнь",
        "  12   June 2025 ",
    ],
)
def test_dates(typed: str) -> None:
    """A day may be written as people do in the four languages; of two numbers it is the first."""
    assert as_date(typed) == date(2025, 6, 12)


@pytest.mark.parametrize(
    "typed", ["", "today", "вчера", "10", "2025", "12 июня", "31.02.2025", "soon", "1" * 300]
)
def test_no_dates(typed: str) -> None:
    """Half a date, or a day that no calendar has, is none."""
    assert as_date(typed) is None


@pytest.mark.parametrize(
    ("typed", "link"),
    [
        ("https://example.org/a", "https://example.org/a"),
        (" HTTP://example.org/a ", "HTTP://example.org/a"),
        ("example.org/a?b=1", "https://example.org/a?b=1"),
        ("пример.рф", "https://пример.рф"),
        ("javascript:alert(1)", None),
        ("ftp://example.org", None),
        ("two words.org", None),
        ("word", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_links(typed: str, link: str | None) -> None:
    """A link may be typed without https; anything else is none."""
    assert as_link(typed) == link


def test_with_detail() -> None:
    """Each detail is one line; "-" stands for no date and no publisher."""
    assert with_detail(DRAFT, Detail.TITLE, " A\n canal ").title == "A canal"
    assert with_detail(DRAFT, Detail.DATE, "12.06.2025").published == date(2025, 6, 12)
    assert with_detail(DRAFT, Detail.DATE, "-").published is None
    assert with_detail(DRAFT, Detail.PUBLISHER, "-").publisher is None
    assert with_detail(DRAFT, Detail.LINK, "example.org").url == "https://example.org"


@pytest.mark.parametrize(
    ("detail", "typed"),
    [
        (Detail.TITLE, " \n"),
        (Detail.DATE, "soon"),
        (Detail.LINK, "-"),
        (Detail.PUBLISHER, ""),
    ],
)
def test_not_understood(detail: Detail, typed: str) -> None:
    """What can't be the detail is refused with its kind, so that people hear how to write it."""
    with pytest.raises(DetailNotUnderstood) as caught:
        with_detail(DRAFT, detail, typed)
    assert caught.value.detail == detail
