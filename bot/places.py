"""Where a quote stands, in twelve characters: what buttons and links carry for years.

A restart and a reindex leave them valid, since they name the article by its content and the
sentence by its offset. If the article's text changes, they lead nowhere, never to something else.
"""

import base64
from dataclasses import dataclass

from bot.answering import Quote
from embeddings.quoting import quote_around
from embeddings.retriever import Retriever
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

# In hexadecimal digits; among a million articles two alike are improbable (one in 500).
_HASH_LENGTH = 12
_OFFSET_BYTES = 3
# One bit of the offset's bytes tells whether one sentence answers, or two.
_MAX_OFFSET = 2 ** (8 * _OFFSET_BYTES - 1) - 1

REFERENCE = f"[0-9a-f]{{{_HASH_LENGTH}}}"
"""A regular expression for what `article_reference` gives."""

PACKED_LENGTH = 12
"""Characters of a packed place, each of A-Z a-z 0-9 _ -."""


@dataclass(frozen=True, slots=True)
class Place:
    """The sentence, or the two, of an article that a quote is shown for."""

    article: str
    """The beginning of the article's content hash."""
    start: int
    """Offset of the first sentence into the article's body."""
    sentences: int
    """1 or 2."""

    def highlight_in(self, passage: Passage) -> Span | None:
        """The sentence, or both, as a span of the article's body; None if none begins there."""
        starts = [sentence.start for sentence in passage.sentences]
        if self.start not in starts:
            return None
        last = min(starts.index(self.start) + self.sentences, len(starts)) - 1
        return Span(self.start, passage.sentences[last].end)


def article_reference(article: Article) -> str:
    """The beginning of an article's content hash, which is enough to find it by."""
    return article.content_hash[:_HASH_LENGTH]


def place_of(quote: Quote) -> Place:
    """The place of a quote's answering sentence."""
    start, end = quote.highlight.start, quote.highlight.end
    inside = [each for each in quote.passage.sentences if start <= each.start < end]
    return Place(article_reference(quote.article), start, min(len(inside), 2) or 1)


def quote_at(retriever: Retriever, place: Place) -> Quote | None:
    """The quote that stands at a place, None if its article has changed.

    Raises:
        IndexUnusable: a reindex with another model has replaced the index.
    """
    passage = retriever.passage_at(place.article, Span(place.start, place.start + 1))
    highlight = passage and place.highlight_in(passage)
    return _quote(passage, highlight) if passage and highlight else None


def opening_of(passage: Passage) -> Quote:
    """The quote that begins a passage, with its first sentence to stand out."""
    return _quote(passage, passage.sentences[0])


def _quote(passage: Passage, highlight: Span) -> Quote:
    shown = quote_around(passage, highlight)
    text = passage.article.body[shown.start : shown.end]
    return Quote(passage, text, shown.start, shown.end, highlight)


def pack_place(place: Place) -> str | None:
    """A place as twelve characters; None in an article of over eight million characters."""
    if place.start > _MAX_OFFSET:
        return None
    offset = (2 * place.start + place.sentences - 1).to_bytes(_OFFSET_BYTES, "big")
    return base64.urlsafe_b64encode(bytes.fromhex(place.article) + offset).decode()


def unpack_place(packed: str) -> Place | None:
    """The inverse of `pack_place`; None for what is no packed place."""
    if len(packed) != PACKED_LENGTH:
        return None
    try:
        raw = base64.b64decode(packed, altchars=b"-_", validate=True)
    except ValueError:
        return None
    offset = int.from_bytes(raw[-_OFFSET_BYTES:], "big")
    return Place(raw[:-_OFFSET_BYTES].hex(), offset // 2, offset % 2 + 1)
