"""What is known already, by its link or by its text."""

from collections.abc import Callable

import pytest

from knowledge.article import Article
from knowledge.drafts import Draft
from knowledge.duplicates import find_same, link_key

BODY = """\
The canal of Talas, which is 14 km long, was opened on Monday.

It was dug by hand for the first three kilometres. Two excavators did the rest!

The water comes to every field by the end of May."""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/news/1", "http://www.Example.org/news/1/"),
        ("https://example.org", "https://example.org/"),
        ("https://example.org/a#top", "https://example.org/a"),
        ("https://example.org/a?utm_source=tg&id=7", "https://example.org/a?id=7&fbclid=x"),
        ("https://example.org/a?b=1&a=2", "https://example.org/a?a=2&b=1"),
        ("https://example.org:443/a", "http://example.org:80/a"),
        ("https://example.org/%D0%B0", "https://example.org/а"),
        ("https://пример.рф/а", "https://xn--e1afmkfd.xn--p1ai/%D0%B0"),
        ("https://example.org/a?yclid=1", "https://example.org/a"),
    ],
)
def test_the_same_page(one: str, other: str) -> None:
    """Links that differ in what makes no difference are the same."""
    assert link_key(one) == link_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/1", "https://example.org/2"),
        ("https://example.org/?p=1", "https://example.org/?p=2"),
        ("https://example.org/A", "https://example.org/a"),
        ("https://example.org/a", "https://news.example.org/a"),
        ("https://example.org:8080/a", "https://example.org/a"),
        ("https://example.org/a?ref=1", "https://example.org/a?ref=2"),
        ("not a link", "neither a link"),
        ("http://[", "http://]"),
    ],
)
def test_another_page(one: str, other: str) -> None:
    """What may lead to another page is another link."""
    assert link_key(one) != link_key(other)


def draft(url: str | None, body: str) -> Draft:
    """A draft of which only the link and the text matter."""
    return Draft("Canal", url, body, None, "en", None)


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        BODY.upper().replace(",", " -").replace("\n\n", "\n"),
        f"Reprinted from the Talas Times.\n\n{BODY}\n\nShare this",
        BODY.rpartition("\n\n")[0],
        BODY.replace("\n\n", " "),
    ],
)
def test_the_same_text(body: str, make_article: Callable[..., Article]) -> None:
    """A reprint is recognised, in other letters, with a line more or a paragraph less."""
    canal, dam = make_article("canal", BODY), make_article("dam", "The dam is 30 metres high.")
    same = find_same(draft("https://other.org/1", body), [dam, canal])
    assert (same.by_link, same.by_text) == (None, canal)


@pytest.mark.parametrize(
    "body",
    [
        "The water comes to every field by the end of May. " + "Then there is much else to say. "
        "People from five villages met, and each had a story to tell of how dry it was before.",
        "The canal was 14 km long, of Talas, opened on which is Monday.",
        "—",
    ],
)
def test_another_text(body: str, make_article: Callable[..., Article]) -> None:
    """A sentence in common, or the same words in another order, is not the same text."""
    articles = [make_article("canal", BODY)]
    assert find_same(draft(None, body), articles).by_text is None


def test_a_short_article_is_not_a_long_ones_twin(make_article: Callable[..., Article]) -> None:
    """A draft that says much more than an article we have is worth having."""
    brief = make_article("brief", BODY.partition("\n\n")[0])
    assert find_same(draft(None, BODY), [brief]).by_text is None


def test_by_link_and_by_text(make_article: Callable[..., Article]) -> None:
    """The article with the same link is no twin of its next version; the other one is."""
    old, twin = make_article("old", BODY), make_article("twin", f"{BODY} Really.")
    same = find_same(draft("https://www.example.org/old/?utm_source=x", BODY), [old, twin])
    assert (same.by_link, same.by_text) == (old, twin)
    assert find_same(draft(None, "Something else."), []).by_text is None
