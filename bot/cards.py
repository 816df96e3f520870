"""Answer -> what a person sees: a Telegram message's text and entities, or lines in a terminal."""

from dataclasses import dataclass, replace

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.style import Style
from rich.text import Text
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from telegram.constants import MessageLimit

from bot.answering import Answer, Outcome, Quote, verify
from bot.callback_data import whole_passage_data
from bot.localization import say, written_date
from knowledge.article import Article
from knowledge.sentences import Span

# In characters, so at most twice as many of the UTF-16 units that Telegram counts.
_MAX_TITLE = 300
_MAX_LISTED_TITLE = 150
_MAX_PUBLISHER = 100
_CUT = "…"
_BULLET = "• "


@dataclass(frozen=True, slots=True)
class Card:
    """A message for Telegram: plain text, so that nothing in an article can act as markup."""

    text: str
    entities: tuple[MessageEntity, ...] = ()
    """Offsets in UTF-16 units."""
    buttons: InlineKeyboardMarkup | None = None


def telegram_card(answer: Answer) -> Card:
    """One message, never over Telegram's limit: the best quote, or why there is none.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be sent.
    """
    if answer.quotes:
        return quote_card(answer.quotes[0], answer.language, answer.outcome)
    text = say(answer.language, answer.outcome)
    if not answer.articles:
        return Card(text)
    if answer.outcome is Outcome.NOT_FOUND:
        text += f"\n\n{say(answer.language, 'related')}"
    links = []
    for article in answer.articles:
        title = _shortened_line(article.title, _MAX_LISTED_TITLE)
        text += f"\n{_BULLET}"
        links.append(_link(len(text), title, article))
        text += " · ".join([title, *_imprint(article, answer.language)])
    return Card(text, _in_utf16_units(text, *links))


def quote_card(quote: Quote, language: str, outcome: Outcome) -> Card:
    """The same for one quote, with a button for the rest of its passage.

    Args:
        quote: What to show; it is cut at sentence ends if it doesn't fit into a message.
        language: The language to say the rest in.
        outcome: ANSWERED, or UNSURE, which is said first.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be sent.
    """
    title = _shortened_line(quote.article.title, _MAX_TITLE)
    imprint = " · ".join(_imprint(quote.article, language))
    first = f"{say(language, outcome)}\n\n" if outcome is Outcome.UNSURE else ""
    below = f"\n{title}\n{imprint}" if imprint else f"\n{title}"
    room = MessageLimit.MAX_TEXT_LENGTH - _units(f"{first}{_CUT}\n\n{_CUT}{below}")
    shown = shortened(quote, room)
    verify(shown)
    above, after = _marks_of_a_cut(shown)
    above = f"{first}{above}\n" if above else first
    after = f"\n{after}" if after else ""
    text = f"{above}{shown.text}{after}{below}"
    highlight = shown.highlight
    entities = _in_utf16_units(
        text,
        # Not an expandable one: folded to three lines it would hide the sentence that answers.
        MessageEntity(MessageEntity.BLOCKQUOTE, offset=len(above), length=len(shown.text)),
        MessageEntity(
            MessageEntity.BOLD,
            offset=len(above) + highlight.start - shown.start,
            length=highlight.end - highlight.start,
        ),
        _link(len(text) - len(below) + 1, title, quote.article),
    )
    return Card(text, entities, _whole_passage_button(quote, language, outcome))


def terminal_card(answer: Answer, *, framed: bool = True) -> RenderableType:
    """The same for a terminal; without the frame for a pipe, where a line is one paragraph.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be shown.
    """
    if not answer.quotes:
        return Group(Text(say(answer.language, answer.outcome)), *_article_lines(answer))
    quote = answer.quotes[0]
    verify(quote)
    words = Text(quote.text)
    words.stylize("bold", quote.highlight.start - quote.start, quote.highlight.end - quote.start)
    above, after = _marks_of_a_cut(quote)
    return Group(
        *([Text(say(answer.language, answer.outcome))] if not answer.answered else []),
        *([Text(above)] if above else []),
        Panel(words) if framed else words,
        *([Text(after)] if after else []),
        *_source_lines(quote.article, answer.language, _MAX_TITLE),
    )


def shortened(quote: Quote, limit: int) -> Quote:
    """The quote, or if it is longer than `limit` UTF-16 units, the sentences that fit.

    It keeps the sentence that answers, reads on from there as far as it can, and then adds what
    comes before. Of a sentence that is itself too long it keeps the beginning.
    """

    def text(start: int, end: int) -> str:
        return quote.text[start - quote.start : end - quote.start]

    if _units(quote.text) <= limit:
        return quote
    sentences = quote.passage.sentences
    start, end = quote.highlight.start, quote.highlight.end
    if _units(text(start, end)) > limit:
        # No character has more than two units.
        end = start + len(text(start, start + limit // 2).rsplit(maxsplit=1)[0])
    highlight = Span(start, end)
    for later in sorted(each.end for each in sentences if end < each.end <= quote.end):
        if _units(text(start, later)) > limit:
            break
        end = later
    before = [each.start for each in sentences if quote.start <= each.start < start]
    for earlier in sorted(before, reverse=True):
        if _units(text(earlier, end)) > limit:
            break
        start = earlier
    return replace(quote, text=text(start, end), start=start, end=end, highlight=highlight)


def _whole_passage_button(
    quote: Quote, language: str, outcome: Outcome
) -> InlineKeyboardMarkup | None:
    if not quote.trimmed:
        return None
    return InlineKeyboardMarkup.from_button(
        InlineKeyboardButton(
            say(language, "button-whole"),
            callback_data=whole_passage_data(quote, language, outcome),
        )
    )


def _marks_of_a_cut(quote: Quote) -> tuple[str, str]:
    """What to put before and after a quote; outside of it, which is the article's words alone."""
    return (
        _CUT if quote.start > quote.passage.start else "",
        _CUT if quote.end < quote.passage.end else "",
    )


def _link(offset: int, title: str, article: Article) -> MessageEntity:
    return MessageEntity(MessageEntity.TEXT_LINK, offset, len(title), url=article.url)


def _in_utf16_units(text: str, *entities: MessageEntity) -> tuple[MessageEntity, ...]:
    """The entities with offsets as Telegram counts, made from those in characters."""
    return tuple(MessageEntity.adjust_message_entities_to_utf_16(text, entities))


def _article_lines(answer: Answer) -> list[Text]:
    if not answer.articles:
        return []
    lines = []
    if answer.outcome is Outcome.NOT_FOUND:
        lines += [Text(), Text(say(answer.language, "related"))]
    for article in answer.articles:
        lines += _source_lines(article, answer.language, _MAX_LISTED_TITLE)
    return lines


def _source_lines(article: Article, language: str, max_title: int) -> list[Text]:
    lines = [
        Text(_shortened_line(article.title, max_title), style=Style(link=article.url)),
        # A link that is folded over two lines can't be clicked or copied.
        Text(article.url, style="blue", no_wrap=True, overflow="ignore"),
    ]
    if imprint := _imprint(article, language):
        lines.append(Text(" · ".join(imprint), style="dim"))
    return lines


def _imprint(article: Article, language: str) -> list[str]:
    """Who published it and when, as far as that is known."""
    imprint = []
    if article.publisher:
        imprint.append(_shortened_line(article.publisher, _MAX_PUBLISHER))
    if article.published:
        imprint.append(written_date(article.published, language))
    return imprint


def _shortened_line(text: str, limit: int) -> str:
    """One line of at most `limit` characters, cut between words where it has any."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[: limit - len(_CUT)].rsplit(maxsplit=1)[0] + _CUT


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
