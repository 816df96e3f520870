"""Slugs: names for files that people can read and every file system takes."""

from datetime import date

import pytest

from knowledge.slugs import LONGEST_SLUG, make_slug


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("A bridge over the Naryn", "a-bridge-over-the-naryn"),
        ("Жёлтый щит: 26 организаций!", "zhyoltyy-shchit-26-organizatsiy"),
        ("Қазақ тілі", "qazaq-tili"),
        ("Кыргызстандын өнүгүүсү", "kyrgyzstandyn-onuguusu"),
        ("Café «Sauvons le climat» – première", "cafe-sauvons-le-climat-premiere"),
        ("绿色倡议", "article"),
        ("...", "article"),
        ("", "article"),
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "article-con"),
        ("com1", "article-com1"),
    ],
)
def test_slugs(title: str, slug: str) -> None:
    """A slug is the title's words in plain Latin letters, and never a path or a device."""
    assert make_slug(title, None, ()) == slug


def test_the_date_stands_in_front() -> None:
    """So that files are listed by date."""
    assert make_slug("A bridge", date(2025, 6, 2), ()) == "2025-06-02-a-bridge"


def test_no_two_are_alike() -> None:
    """A slug that is taken gets a number, whatever the case of the other's letters."""
    assert make_slug("A Bridge", None, {"a-bridge", "a-bridge-2"}) == "a-bridge-3"


def test_long_titles_end_with_a_whole_word() -> None:
    """A slug has at most 80 characters, the number behind it included."""
    title = "environmental " * 10
    slug = make_slug(title, None, ())
    assert slug == "-".join(["environmental"] * 5)
    numbered = make_slug(title, None, {slug})
    assert numbered == f"{slug}-2"
    endless = make_slug("x" * 300, date(2025, 6, 2), ())
    assert endless == "2025-06-02"
    assert len(make_slug("x" * 300, None, {"x" * 80})) == LONGEST_SLUG
