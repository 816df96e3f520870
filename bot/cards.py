"""Answer -> what a person sees in Telegram: a message's text, entities and buttons."""

from collections.abc import Iterator
from dataclasses import replace

from telegram import InlineKeyboardButton
from telegram.constants import MessageEntityType, MessageLimit

from bot.answering import Answer, Outcome, Quote, verify
from bot.callback_data import MAX_PLACES, Press, View, callback_data
from bot.formatting import Card, FormattedText, utf16_length
from bot.links import passage_link, sentence_url, share_url
from bot.localization import language_name, say, written_date
from bot.places import place_of
from bot.wish_buttons import MakeWish, WishButton
from embeddings.quoting import LONGEST_QUOTE, quote_around
from knowledge.article import Article
from knowledge.language import LANGUAGES
from knowledge.sentences import Span

# In characters, so at most twice as many of the UTF-16 units that Telegram counts.
_MAX_TITLE = 300
MAX_LISTED_TITLE = 150
_MAX_PUBLISHER = 100
_MAX_URL = 100
CUT = "…"
_BULLET = "• "


def telegram_card(answer: Answer, bot: str, question_id: int | None = None) -> Card:
    """One message, never over Telegram's limit: the best quote, or why there is none.

    Args:
        answer: What to show.
        bot: The bot's name without the @, for links to it.
        question_id: The question in the journal, for buttons that rate the answer, or that ask
            to be told of one later; None for neither.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be sent.
    """
    if answer.quotes:
        view = replace(view_of(answer), question_id=question_id)
        return quote_card(answer.quotes[0], view, bot)
    draft = FormattedText(say(answer.language, answer.outcome))
    if answer.articles and answer.outcome is Outcome.NOT_FOUND:
        draft.add(f"\n\n{say(answer.language, 'related')}")
    for article in answer.articles:
        draft.add(f"\n{_BULLET}")
        draft.add(shortened_line(article.title, MAX_LISTED_TITLE), url=article.url)
        draft.add("".join(f" · {part}" for part in imprint(article, answer.language)))
    if answer.outcome is Outcome.NOT_FOUND and question_id is not None:
        return draft.card([wish_button(MakeWish(answer.language, question_id))])
    return draft.card()


def wish_button(pressed: WishButton) -> InlineKeyboardButton:
    """The button that makes a wish, or takes it back."""
    key = "button-wish" if isinstance(pressed, MakeWish) else "button-unwish"
    return InlineKeyboardButton(say(pressed.language, key), callback_data=pressed.data)


def quote_card(quote: Quote, view: View, bot: str) -> Card:
    """One quote with its source, and buttons for the rest of its passage and for other ones.

    Args:
        quote: What stands at the view's place; it is cut at sentence ends if it doesn't fit into
            a message.
        view: What else the card shows.
        bot: The bot's name without the @, for links to it.

    Raises:
        QuoteError: if the quote isn't what the article says; then nothing may be sent.
    """
    if view.whole:
        quote = quote.whole()
    article = quote.article
    opening = "".join(f"{line}\n\n" for line in opening_lines(view))
    title = shortened_line(article.title, _MAX_TITLE)
    source = source_line(article, view)
    link = shortened_line(article.url, _MAX_URL)
    around = f"{opening}{CUT}\n\n{CUT}\n{title}\n{source}\n{link}"
    shown = shortened(quote, MessageLimit.MAX_TEXT_LENGTH - utf16_length(around))
    verify(shown)
    above, after = marks_of_a_cut(shown)
    draft = FormattedText(opening)
    draft.add(f"{above}\n" if above else "")
    highlight = shown.highlight
    for number, (span, kind) in enumerate(_blocks(shown)):
        draft.add("\n" if number else "")
        draft.add(article.body[span.start : span.end], kind)
        if span.start <= highlight.start < span.end:
            start, end = highlight.start - span.start, highlight.end - span.start
            draft.mark_last(MessageEntityType.BOLD, start, end)
    draft.add(f"\n{after}\n" if after else "\n")
    draft.add(title, url=sentence_url(article, quote.highlighted))
    draft.add(f"\n{source}\n" if source else "\n")
    # Said in full, so that it can be seen and copied; Telegram finds links in a text by itself.
    draft.add(link, url=None if link == article.url else article.url)
    return draft.card(*_button_rows(quote, view, bot))


def view_of(answer: Answer) -> View:
    """What the card of an answer with quotes shows, before any button is pressed."""
    return View(
        language=answer.language,
        places=tuple(place_of(quote) for quote in answer.quotes[:MAX_PLACES]),
        outcome=answer.outcome,
        asked_in=answer.question.asked_in,
        follow_up=answer.needed_context,
    )


def opening_lines(view: View) -> Iterator[str]:
    """What is to be said before the quote."""
    if view.follow_up:
        yield say(view.language, "follow-up")
    if view.page:
        number, total = view.page + 1, len(view.places)
        yield say(view.language, "another-passage", number=number, total=total)
    elif view.outcome is Outcome.UNSURE:
        yield say(view.language, Outcome.UNSURE)


def source_line(article: Article, view: View) -> str:
    """Who published the article and when; in which languages question and it are, if not alike."""
    return " · ".join([*imprint(article, view.language), *_languages(article, view)])


def _languages(article: Article, view: View) -> Iterator[str]:
    if view.asked_in in {None, article.language}:
        return
    question = say(view.language, f"question-in-{view.asked_in}")
    if article.language in LANGUAGES:
        source = say(view.language, f"source-in-{article.language}")
    else:
        name = language_name(article.language, view.language)
        source = say(view.language, "source-in-other", name=name)
    yield f"{question}, {source}"


def _blocks(quote: Quote) -> list[tuple[Span, MessageEntityType]]:
    """The parts of a quote that are blocks of their own, and of which kind.

    Of a long one what stands before and after the sentences around the answer is folded, so that
    these stay in view. A long block folds by itself, also where it is a single endless sentence.
    """
    spans = [Span(quote.start, quote.end)]
    if len(quote.text) > LONGEST_QUOTE:
        shown = quote_around(quote.passage, quote.highlight)
        start, end = max(shown.start, quote.start), min(shown.end, quote.end)
        spans = [Span(quote.start, start), Span(start, end), Span(end, quote.end)]
    blocks = []
    for number, span in enumerate(spans):
        piece = quote.article.body[span.start : span.end]
        start = span.start + len(piece) - len(piece.lstrip())
        end = start + len(piece.strip())
        folded = number != len(spans) // 2 or end - start > LONGEST_QUOTE
        kind = MessageEntityType.EXPANDABLE_BLOCKQUOTE if folded else MessageEntityType.BLOCKQUOTE
        if start < end:
            blocks.append((Span(start, end), kind))
    return blocks


def _button_rows(quote: Quote, view: View, bot: str) -> list[list[InlineKeyboardButton]]:
    def button(key: str, press: Press, then: View) -> list[InlineKeyboardButton]:
        data = callback_data(press, then)
        return [InlineKeyboardButton(say(view.language, key), callback_data=data)] if data else []

    reading, about_it = list[InlineKeyboardButton](), list[InlineKeyboardButton]()
    if view.page:
        previous = replace(view, page=view.page - 1, whole=False)
        reading += button("button-previous", Press.SHOW, previous)
    if quote.trimmed:
        reading += button("button-whole", Press.SHOW, replace(view, whole=True))
    if view.page + 1 < len(view.places):
        following = replace(view, page=view.page + 1, whole=False)
        reading += button("button-next" if view.page else "button-more", Press.SHOW, following)
    if view.question_id is not None:
        about_it += button("button-helpful", Press.HELPFUL, view)
        about_it += button("button-not-helpful", Press.NOT_HELPFUL, view)
    if link := passage_link(bot, view.place):
        title = shortened_line(quote.article.title, MAX_LISTED_TITLE)
        about_it.append(share_button(view.language, link, title))
    return [reading, about_it]


def share_button(language: str, link: str, title: str) -> InlineKeyboardButton:
    """A button to send a link into the bot to another chat, with a title."""
    return InlineKeyboardButton(say(language, "button-share"), url=share_url(link, title))


def shortened(quote: Quote, limit: int) -> Quote:
    """The quote, or if it is longer than `limit` UTF-16 units, the sentences that fit.

    It keeps the sentence that answers, reads on from there as far as it can, and then adds what
    comes before. Of a sentence that is itself too long it keeps the beginning.
    """

    def text(start: int, end: int) -> str:
        return quote.text[start - quote.start : end - quote.start]

    if utf16_length(quote.text) <= limit:
        return quote
    sentences = quote.passage.sentences
    start, end = quote.highlight.start, quote.highlight.end
    if utf16_length(text(start, end)) > limit:
        # No character has more than two units.
        end = start + len(text(start, start + limit // 2).rsplit(maxsplit=1)[0])
    highlight = Span(start, end)
    for later in sorted(each.end for each in sentences if end < each.end <= quote.end):
        if utf16_length(text(start, later)) > limit:
            break
        end = later
    before = [each.start for each in sentences if quote.start <= each.start < start]
    for earlier in sorted(before, reverse=True):
        if utf16_length(text(earlier, end)) > limit:
            break
        start = earlier
    return replace(quote, text=text(start, end), start=start, end=end, highlight=highlight)


def marks_of_a_cut(quote: Quote) -> tuple[str, str]:
    """What to put before and after a quote; outside of it, which is the article's words alone."""
    return (
        CUT if quote.start > quote.passage.start else "",
        CUT if quote.end < quote.passage.end else "",
    )


def imprint(article: Article, language: str) -> list[str]:
    """Who published it and when, as far as that is known."""
    parts = []
    if article.publisher:
        parts.append(shortened_line(article.publisher, _MAX_PUBLISHER))
    if article.published:
        parts.append(written_date(article.published, language))
    return parts


def shortened_line(text: str, limit: int) -> str:
    """One line of at most `limit` characters, cut between words where it has any."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[: limit - len(CUT)].rsplit(maxsplit=1)[0] + CUT
