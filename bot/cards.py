"""Answer -> what a person sees: a Telegram message's text and entities, or lines in a terminal."""

import textwrap
from dataclasses import dataclass, replace

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.style import Style
from rich.text import Text
from telegram import MessageEntity
from telegram.constants import MessageLimit

from bot.answering import Answer, Quote, verify
from bot.localization import say, written_date
from knowledge.article import Article
from knowledge.sentences import Span

# In characters, so at most twice as many of the UTF-16 units that Telegram counts.
_MAX_TITLE = 300
_MAX_PUBLISHER = 150
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Card:
    """A message for Telegram: plain text, so that nothing in an article can act as markup."""

    text: str
    entities: tuple[MessageEntity, ...] = ()
    """Offsets in UTF-16 units."""


def telegram_card(answer: Answer) -> Card:
    """One message, never over Telegram's limit, with the best quote; or why there is none.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be sent.
    """
    if not answer.answered:
        return Card(say(answer.language, answer.outcome))
    best = answer.quotes[0]
    title, imprint = _title(best.article), _imprint(best.article, answer.language)
    below = f"\n{title}\n{imprint}" if imprint else f"\n{title}"
    room = MessageLimit.MAX_TEXT_LENGTH - _units(below) - _units(f"{_CUT}\n\n{_CUT}")
    quote = shortened(best, room)
    verify(quote)
    # The marks of a cut stay outside of the quote, which is the article's own words alone.
    above = f"{_CUT}\n" if quote.start > best.start else ""
    after = f"\n{_CUT}" if quote.end < best.end else ""
    text = f"{above}{quote.text}{after}{below}"
    highlight = quote.highlight.start - quote.start + len(above)
    entities = [
        # Not an expandable one: folded to three lines it would hide the sentence that answers.
        MessageEntity(MessageEntity.BLOCKQUOTE, offset=len(above), length=len(quote.text)),
        MessageEntity(
            MessageEntity.BOLD,
            offset=highlight,
            length=quote.highlight.end - quote.highlight.start,
        ),
        MessageEntity(
            MessageEntity.TEXT_LINK,
            offset=len(text) - len(below) + 1,
            length=len(title),
            url=best.article.url,
        ),
    ]
    return Card(text, tuple(MessageEntity.adjust_message_entities_to_utf_16(text, entities)))


def terminal_card(answer: Answer, *, framed: bool = True) -> RenderableType:
    """The same for a terminal; without the frame for a pipe, where a line is one paragraph.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be shown.
    """
    if not answer.answered:
        return Text(say(answer.language, answer.outcome))
    quote = answer.quotes[0]
    verify(quote)
    words = Text(quote.text)
    words.stylize("bold", quote.highlight.start - quote.start, quote.highlight.end - quote.start)
    article = quote.article
    lines = [
        Text(_title(article), style=Style(link=article.url)),
        # A link that is folded over two lines can't be clicked or copied.
        Text(article.url, style="blue", no_wrap=True, overflow="ignore"),
    ]
    if imprint := _imprint(article, answer.language):
        lines.append(Text(imprint, style="dim"))
    return Group(Panel(words) if framed else words, *lines)


def shortened(quote: Quote, limit: int) -> Quote:
    """The quote, or if it is longer than `limit` UTF-16 units, the sentences that fit.

    It keeps the sentence that answers, reads on from there as far as it can, and then adds what
    comes before. Of a sentence that is itself too long it keeps the beginning.
    """

    def text(start: int, end: int) -> str:
        return quote.text[start - quote.start : end - quote.start]

    if _units(quote.text) <= limit:
        return quote
    start, end = quote.highlight.start, quote.highlight.end
    if _units(text(start, end)) > limit:
        # No character has more than two units.
        end = start + len(text(start, start + limit // 2).rsplit(maxsplit=1)[0])
    highlight = Span(start, end)
    for later in sorted(span.end for span in quote.sentences if span.end > end):
        if _units(text(start, later)) > limit:
            break
        end = later
    for earlier in sorted((s.start for s in quote.sentences if s.start < start), reverse=True):
        if _units(text(earlier, end)) > limit:
            break
        start = earlier
    return replace(quote, text=text(start, end), start=start, end=end, highlight=highlight)


def _title(article: Article) -> str:
    return textwrap.shorten(article.title, _MAX_TITLE, placeholder=_CUT)


def _imprint(article: Article, language: str) -> str:
    """Who published it and when, as far as that is known."""
    parts = []
    if article.publisher:
        parts.append(textwrap.shorten(article.publisher, _MAX_PUBLISHER, placeholder=_CUT))
    if article.published:
        parts.append(written_date(article.published, language))
    return " · ".join(parts)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
