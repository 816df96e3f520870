"""Which sentences of a passage are shown first: those around the one that answers."""

from collections.abc import Sequence

from knowledge.passages import Passage
from knowledge.sentences import Span, split_paragraphs

# In characters: about what a phone shows at once.
LONGEST_QUOTE = 700
# A shorter quote reads on over the end of its paragraph.
SHORT_QUOTE = 300


def quote_around(passage: Passage, highlight: Span) -> Span:
    """Return what to show of a passage: whole sentences around the one that answers.

    A passage of up to LONGEST_QUOTE characters is shown whole. Of a longer one the quote has the
    sentence that answers; one before it, so that "he" or "this" has its noun; then in turn those
    after and before. It stays in its paragraph unless that makes a short quote. Only a sentence
    that is itself longer exceeds LONGEST_QUOTE, and then it stands alone.

    Args:
        passage: The passage that was found.
        highlight: The sentence that answers, as a span of the article's body like the result.
    """
    if passage.end - passage.start <= LONGEST_QUOTE:
        return Span(passage.start, passage.end)
    quote = _grown(highlight, _paragraph_of(passage, highlight))
    if quote.end - quote.start < SHORT_QUOTE:
        quote = _grown(quote, passage.sentences)
    return quote


def _paragraph_of(passage: Passage, highlight: Span) -> Sequence[Span]:
    """Return the sentences of the highlight's paragraph."""
    at = highlight.start - passage.start
    paragraphs = split_paragraphs(passage.text)
    own = next(each for each in paragraphs if each.start <= at < each.end)
    start, end = passage.start + own.start, passage.start + own.end
    return [each for each in passage.sentences if start <= each.start < end]


def _grown(quote: Span, sentences: Sequence[Span]) -> Span:
    """Add sentences before and after in turn, the nearest first, as long as they fit."""
    before = [each.start for each in sentences if each.start < quote.start]
    after = [each.end for each in reversed(sentences) if each.end > quote.end]
    turn, next_turn = before, after
    while before or after:
        if turn:
            edge = turn.pop()
            wider = Span(min(edge, quote.start), max(edge, quote.end))
            if wider.end - wider.start <= LONGEST_QUOTE:
                quote = wider
            else:
                turn.clear()  # Those behind it would leave a hole.
        turn, next_turn = next_turn, turn
    return quote
