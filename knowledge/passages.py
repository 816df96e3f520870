"""An article's passages: what is indexed and quoted, always a slice of the article's body."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from knowledge.article import Article
from knowledge.sentences import Span, split_paragraphs, split_sentences, strip_span

SPLITTER_VERSION = 2
"""Raised whenever the same article would be split differently: an index of before is rebuilt."""

# In characters. The embedding model reads 512 tokens; the longest passages of XQuAD and KazQAD had
# 304 in English, 303 in Russian, 434 in Kazakh, which leaves room for the title. A Telegram
# message (4,096 characters) holds one easily.
LONGEST_PASSAGE = 1200
# Shorter paragraphs (credits, headings, lists) say too little by themselves and join a neighbour.
SHORT_PARAGRAPH = 400
# One that ends like a sentence rounds off what precedes it, up to what a phone's screen shows.
LONGEST_JOINED = 700

_CLAUSE_END = re.compile(r"[,;:](?=\s)|\s(?=[–—]\s)")
_WHITESPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of an article that is embedded, found and quoted as one."""

    article: Article
    start: int
    """Offset into `article.body`, in code points."""
    end: int
    sentences: tuple[Span, ...]
    """In order, also as offsets into `article.body`; they hold all of it but whitespace."""

    @property
    def text(self) -> str:
        """The words themselves, to the letter."""
        return self.article.body[self.start : self.end]


def split_article(article: Article) -> list[Passage]:
    """Return an article's passages in order; they hold all of its body but whitespace.

    A paragraph is a passage. Short ones join a neighbour, long ones are split at sentence ends
    into parts of like size. None is longer than LONGEST_PASSAGE: a sentence that is gets split at
    a comma or a space, or anywhere when it has none, and its parts count as sentences.
    """
    body = article.body
    paragraphs = [
        [
            part
            for sentence in split_sentences(body[span.start : span.end], article.language)
            for part in _bounded(body, span.start + sentence.start, span.start + sentence.end)
        ]
        for span in split_paragraphs(body)
    ]
    return [
        Passage(article, sentences[0].start, sentences[-1].end, tuple(sentences))
        for section in _join_short(body, paragraphs)
        for sentences in _split_long(section)
    ]


def _bounded(body: str, start: int, end: int) -> Iterator[Span]:
    """Yield a sentence, in parts of like size when it is longer than a passage may be."""
    while end - start > LONGEST_PASSAGE:
        aim = start + math.ceil((end - start) / math.ceil((end - start) / LONGEST_PASSAGE))
        cut = _nearest_break(body, start, aim)
        part = strip_span(body, start, cut)
        rest = strip_span(body, cut, end)
        if part:
            yield part
        if rest is None:
            return
        start = rest.start
    yield Span(start, end)


def _nearest_break(body: str, start: int, aim: int) -> int:
    """Return where to break a sentence, as near to `aim` as the words allow."""
    low, high = (start + aim) // 2, start + LONGEST_PASSAGE
    for pattern in (_CLAUSE_END, _WHITESPACE):
        breaks = [match.end() for match in pattern.finditer(body, low, high)]
        if breaks:
            return min(breaks, key=lambda position: abs(position - aim))
    return aim


def _join_short(body: str, paragraphs: list[list[Span]]) -> list[list[Span]]:
    """Join short paragraphs to a neighbour: headings to what follows, others where they fit."""
    sections: list[list[Span]] = []
    for paragraph in paragraphs:
        if sections and _belongs_to(body, sections[-1], paragraph):
            sections[-1].extend(paragraph)
        else:
            sections.append(list(paragraph))
    if len(sections) > 1 and _size(sections[-1]) < SHORT_PARAGRAPH:
        last = sections.pop()
        sections[-1].extend(last)
    return sections


def _belongs_to(body: str, section: list[Span], paragraph: list[Span]) -> bool:
    if _size(section) < SHORT_PARAGRAPH:
        return True
    fits = paragraph[-1].end - section[0].start <= LONGEST_JOINED
    return _size(paragraph) < SHORT_PARAGRAPH and fits and not _is_heading(body, paragraph)


def _is_heading(body: str, paragraph: list[Span]) -> bool:
    text = body[paragraph[-1].start : paragraph[-1].end].rstrip("»”›\"')]")
    return not text.endswith((".", "!", "?", "…"))


def _split_long(sentences: list[Span]) -> Iterator[list[Span]]:
    """Yield the sentences in groups of like size, none longer than a passage may be."""
    size = _size(sentences)
    if size <= LONGEST_PASSAGE:
        yield sentences
        return
    parts = math.ceil(size / LONGEST_PASSAGE)
    aim = sentences[0].start + size * (parts // 2) / parts
    after = bisect_left(sentences, aim, key=lambda sentence: sentence.start)
    candidates = range(max(1, after - 1), min(len(sentences) - 1, after) + 1)
    cut = min(candidates, key=lambda index: abs(sentences[index].start - aim))
    yield from _split_long(sentences[:cut])
    yield from _split_long(sentences[cut:])


def _size(sentences: list[Span]) -> int:
    return sentences[-1].end - sentences[0].start
