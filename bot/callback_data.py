"""What a button carries: at most 64 bytes, which are all that comes back when it is pressed.

A button stays below its message for years, so it names nothing that a restart or a reindex
changes: an article goes by the beginning of its content hash. Each kind of button has a word of
its own in front.
"""

import re
from dataclasses import dataclass

from bot.answering import Outcome, Quote
from knowledge.sentences import Span

# In hexadecimal digits; among a million articles two alike are improbable (one in 500).
_HASH_LENGTH = 12
# Anybody can send data that no button of ours has: every field is checked.
_WHOLE_PASSAGE = re.compile(
    rf"whole:(en|ru|kk|ky):(answered|unsure):([0-9a-f]{{{_HASH_LENGTH}}}):(\d{{1,9}}):(\d{{1,9}})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class WholePassage:
    """Below a quote that was trimmed: shows the whole passage instead."""

    language: str
    """The card's, whoever presses."""
    outcome: Outcome
    """The card's: answered or unsure."""
    article: str
    """The beginning of its content hash."""
    highlight: Span
    """The sentence that answers, as a span of the article's body."""


def whole_passage_data(quote: Quote, language: str, outcome: Outcome) -> str:
    """What the button for the rest of a quote's passage carries."""
    article, highlight = quote.article.content_hash[:_HASH_LENGTH], quote.highlight
    return f"whole:{language}:{outcome}:{article}:{highlight.start}:{highlight.end}"


def read_callback_data(data: str | None) -> WholePassage | None:
    """Which button was pressed, None if it is none that this version knows."""
    match = _WHOLE_PASSAGE.fullmatch(data or "")
    if match is None:
        return None
    language, outcome, article, start, end = match.groups()
    return WholePassage(language, Outcome(outcome), article, Span(int(start), int(end)))
