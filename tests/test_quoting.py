"""Quoting: which sentences of a passage are shown first."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.quoting import LONGEST_QUOTE, SHORT_QUOTE, quote_around
from fixed_retriever import BRIDGE, passage_of
from knowledge.passages import Passage, split_article
from knowledge.sentences import Span


def passage(*paragraphs: list[int]) -> Passage:
    """A passage of paragraphs of sentences with these lengths, after 5 characters of another."""
    body, spans = "Ah.\n\n", []
    for paragraph in paragraphs:
        for length in paragraph:
            spans.append(Span(len(body), len(body) + length))
            body += "a" * (length - 1) + ". "
        body = body[:-1] + "\n\n"
    return passage_of(replace(BRIDGE, body=body.strip()), spans)


@pytest.mark.parametrize(
    ("paragraphs", "highlighted", "first", "last"),
    [
        # Short enough: shown whole, with all its paragraphs.
        ([[100]], 0, 0, 0),
        ([[300, 398]], 1, 0, 1),
        ([[100], [100, 100], [300]], 0, 0, 3),
        # The sentence before, where "she" is named, comes first, even where then none after fits.
        ([[300, 300, 300]], 1, 0, 1),
        # Then one after, one before, and so on.
        ([[100] * 9], 4, 1, 6),
        ([[99] * 9], 4, 1, 7),
        # At an end, or beside one that is too long, all goes to the other side.
        ([[100] * 9], 0, 0, 5),
        ([[100] * 9], 8, 3, 8),
        ([[600, 200, 100, 100, 300]], 1, 1, 3),
        ([[100, 499, 200, 600]], 2, 1, 2),
        # It ends where the paragraph does, unless that leaves it short.
        ([[200, 200], [150, 149], [100]], 2, 2, 3),
        ([[200, 200], [150, 148], [100]], 2, 1, 4),
        ([[40], [300, 300, 300]], 0, 0, 2),
        # One that is too long stands alone and whole; so does one among such.
        ([[100, 701, 100]], 1, 1, 1),
        ([[100, 900]], 1, 1, 1),
        ([[700, 50, 700]], 1, 1, 1),
    ],
)
def test_quote_around(
    paragraphs: list[list[int]], highlighted: int, first: int, last: int
) -> None:
    """A quote grows from the sentence that answers, up to 700 characters."""
    found = passage(*paragraphs)
    sentences = found.sentences
    quote = quote_around(found, sentences[highlighted])
    assert quote == Span(sentences[first].start, sentences[last].end)


WORDS = st.text("абвabc é🌊", min_size=1, max_size=12).filter(str.strip)
SENTENCES = st.lists(WORDS, min_size=1, max_size=60).map(
    lambda words: "A" + " ".join(" ".join(words).split()) + "."
)
PARAGRAPHS = st.lists(SENTENCES, min_size=1, max_size=8).map(" ".join)
BODIES = st.lists(PARAGRAPHS, min_size=1, max_size=5).map("\n\n".join)


@settings(derandomize=True, deadline=None)
@given(BODIES, st.integers(0, 1000))
def test_a_quote_is_whole_sentences_of_its_passage(body: str, number: int) -> None:
    """Whatever the article: nothing is cut within a sentence, and nothing is longer than allowed.

    A quote shorter than 300 characters could not take in a neighbour without being too long.
    """
    for found in split_article(replace(BRIDGE, body=body)):
        sentences = found.sentences
        highlight = sentences[number % len(sentences)]
        quote = quote_around(found, highlight)
        shown = [each for each in sentences if quote.start <= each.start < quote.end]
        assert highlight in shown
        assert (quote.start, quote.end) == (shown[0].start, shown[-1].end)
        size = quote.end - quote.start
        assert size <= LONGEST_QUOTE or quote == highlight
        if found.end - found.start <= LONGEST_QUOTE:
            assert quote == Span(found.start, found.end)
        if size < SHORT_QUOTE:
            edges = [(b.start, quote.end) for b, s in pairwise(sentences) if s == shown[0]]
            edges += [(quote.start, a.end) for s, a in pairwise(sentences) if s == shown[-1]]
            assert all(end - start > LONGEST_QUOTE for start, end in edges)
