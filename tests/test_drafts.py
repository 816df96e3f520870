"""Drafts: articles of which title or link may still be missing."""

from dataclasses import replace
from datetime import date

import pytest

from knowledge.article import Article
from knowledge.drafts import Draft, format_draft, parse_draft
from knowledge.errors import ArticleError

DRAFT = Draft(
    title="Landfill: a fire that never ends",
    url="https://example.org/news/landfill",
    body="The landfill near Bishkek burns.\n\n  People  live next to it.",
    publisher="Green Alliance KG",
    language="en",
    published=date(2025, 6, 12),
)


@pytest.mark.parametrize(
    "draft",
    [
        DRAFT,
        replace(DRAFT, title=None),
        replace(DRAFT, url=None),
        replace(DRAFT, title=None, url=None, publisher=None, published=None),
        replace(DRAFT, body="---\n\nA body that begins like front matter."),
        replace(DRAFT, title="'Quoted' # and: odd", language="uz"),
    ],
)
def test_what_is_written_is_read(draft: Draft) -> None:
    """A draft comes back from its text unchanged."""
    assert parse_draft(format_draft(draft)) == draft


def test_what_is_missing_is_not_written() -> None:
    """A file of a draft that lacks its title and link has no lines for them."""
    draft = replace(DRAFT, title=None, url=None)
    assert format_draft(draft) == (
        "---\npublisher: Green Alliance KG\nlanguage: en\npublished: 2025-06-12\n---\n\n"
        "The landfill near Bishkek burns.\n\n  People  live next to it.\n"
    )
    assert draft.missing == ("title", "url")
    assert DRAFT.missing == ()


def test_a_whole_draft_becomes_an_article() -> None:
    """The article has all that the draft has, and its place in the corpus."""
    assert DRAFT.to_article("landfill") == Article(
        slug="landfill",
        title="Landfill: a fire that never ends",
        url="https://example.org/news/landfill",
        body="The landfill near Bishkek burns.\n\n  People  live next to it.",
        publisher="Green Alliance KG",
        language="en",
        published=date(2025, 6, 12),
    )


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (replace(DRAFT, title=None), "The title is missing"),
        (replace(DRAFT, url=None), "The url is missing"),
        (replace(DRAFT, url="example.org/news"), "The url 'example.org/news' is not a web link"),
        (replace(DRAFT, title="Two\n\nlines"), "The title must stand on one line"),
        (replace(DRAFT, body=""), "There is no text"),
        (replace(DRAFT, language="English"), "The language 'english' is not a code"),
    ],
)
def test_a_faulty_draft_does_not(draft: Draft, words: str) -> None:
    """What is no article is refused with the words that a faulty file is refused with."""
    with pytest.raises(ArticleError, match=words):
        draft.to_article("landfill")


def test_the_language_is_detected_where_it_is_not_written() -> None:
    """A draft edited by hand may lose its language."""
    assert (
        parse_draft("---\ntitle: Суу\n---\n\nЧүй дарыясында суу азайып баратат.").language == "ky"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("No front matter.", "There is no front matter"),
        ("---\nurl: nowhere\n---\n\nText.", "The url 'nowhere' is not a web link"),
        ("---\npublished: yesterday\n---\n\nText.", "The published date 'yesterday'"),
        ("---\ntitle: Empty\n---\n", "There is no text below the front matter"),
    ],
)
def test_what_is_written_must_be_sound(text: str, words: str) -> None:
    """Values may be absent, but not wrong."""
    with pytest.raises(ArticleError, match=words):
        parse_draft(text)
