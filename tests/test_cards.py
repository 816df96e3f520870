"""Cards: an answer as a Telegram message and in a terminal."""

from dataclasses import replace

import pytest
from rich.console import Console
from telegram import MessageEntity
from telegram.constants import MessageLimit

from bot.answering import Answer, Outcome, Quote
from bot.cards import Card, shortened, telegram_card, terminal_card
from bot.errors import QuoteError
from bot_api_rules import utf16_length
from fixed_retriever import BRIDGE, BRIDGE_SENTENCES
from knowledge.article import Article
from knowledge.sentences import Span


def answer_with(
    article: Article, sentences: tuple[Span, ...], highlight: Span, language: str = "en"
) -> Answer:
    """An answer that quotes these sentences."""
    start, end = sentences[0].start, sentences[-1].end
    text = article.body[start:end]
    quote = Quote(article, text, start, end, highlight, sentences, 1.0)
    return Answer("How long?", language, Outcome.ANSWERED, (quote,))


def marked(card: Card) -> dict[str, str]:
    """The pieces of a card that its entities mark, by type."""
    units = card.text.encode("utf-16-le")
    return {
        entity.type: units[2 * entity.offset : 2 * (entity.offset + entity.length)].decode(
            "utf-16-le"
        )
        for entity in card.entities
    }


BRIDGE_ANSWER = answer_with(BRIDGE, BRIDGE_SENTENCES, BRIDGE_SENTENCES[1])


def test_card() -> None:
    """The quote comes first, with the sentence that answers in bold, then its source."""
    card = telegram_card(BRIDGE_ANSWER)
    assert card.text == (
        "Spring came late. The bridge is 90 metres long. It was opened by Asel Ibraimova.\n"
        "A bridge over the Naryn\n"
        "Naryn Times · 25 October 2021"
    )
    assert card.entities == (
        MessageEntity(MessageEntity.BLOCKQUOTE, 0, 80),
        MessageEntity(MessageEntity.BOLD, 18, 29),
        MessageEntity(MessageEntity.TEXT_LINK, 81, 23, url="https://example.org/bridge"),
    )


@pytest.mark.parametrize(
    ("article", "imprint"),
    [
        (replace(BRIDGE, published=None), "\nNaryn Times"),
        (replace(BRIDGE, publisher=None), "\n25 октября 2021\u00a0г."),
        (replace(BRIDGE, publisher=None, published=None), ""),
    ],
)
def test_what_is_not_known_is_left_out(article: Article, imprint: str) -> None:
    """Without a publisher or a date the card doesn't speak of one."""
    card = telegram_card(answer_with(article, BRIDGE_SENTENCES, BRIDGE_SENTENCES[1], "ru"))
    assert card.text == f"{BRIDGE.body}\nA bridge over the Naryn{imprint}"


def test_offsets_count_utf16_units() -> None:
    """An emoji is two units: entities after it still mark what they should."""
    article = replace(BRIDGE, title="🌉 Bridge", body="🏔🏔 High up. 🌉 is long.")
    card = telegram_card(answer_with(article, (Span(0, 11), Span(12, 22)), Span(12, 22)))
    assert marked(card) == {
        "blockquote": "🏔🏔 High up. 🌉 is long.",
        "bold": "🌉 is long.",
        "text_link": "🌉 Bridge",
    }


def test_nothing_in_an_article_is_markup() -> None:
    """What looks like markup stays text."""
    article = replace(BRIDGE, title="<b>*A*</b>", body="<a href='x'>Click</a> [me](tg://x).")
    span = Span(0, len(article.body))
    card = telegram_card(answer_with(article, (span,), span))
    assert card.text.startswith("<a href='x'>Click</a> [me](tg://x).\n<b>*A*</b>\n")


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome.NOT_FOUND, "В статьях не нашлось ответа на этот вопрос."),
        (Outcome.GREETING, "Здравствуйте!"),
        (Outcome.THANKS, "Пожалуйста!"),
        (Outcome.NO_QUESTION, "Напишите, пожалуйста, вопрос словами."),
        (Outcome.TOO_LONG, "Для меня это слишком длинно."),
    ],
)
def test_no_answer(outcome: Outcome, text: str) -> None:
    """Without a quote the card says in the person's language why."""
    card = telegram_card(Answer("?", "ru", outcome))
    assert card.text.startswith(text)
    assert card.entities == ()


def test_a_false_quote_is_not_sent() -> None:
    """A quote that isn't what the article says makes no card, neither here nor there."""
    [quote] = BRIDGE_ANSWER.quotes
    false = replace(BRIDGE_ANSWER, quotes=(replace(quote, text=quote.text.replace("9", "8")),))
    with pytest.raises(QuoteError):
        telegram_card(false)
    with pytest.raises(QuoteError):
        terminal_card(false)


def long_article(*lengths: int) -> tuple[Article, tuple[Span, ...]]:
    """An article of sentences with these lengths in characters, "aaa. bbb. …"."""
    sentences = [chr(ord("a") + n) * (length - 1) + "." for n, length in enumerate(lengths)]
    spans, start = [], 0
    for sentence in sentences:
        spans.append(Span(start, start + len(sentence)))
        start += len(sentence) + 1
    return replace(BRIDGE, body=" ".join(sentences)), tuple(spans)


@pytest.mark.parametrize(
    ("highlighted", "limit", "kept"),
    [
        (1, 100, (0, 3)),
        (1, 32, (0, 3)),
        (1, 31, (1, 3)),
        (1, 20, (1, 2)),
        (2, 31, (1, 3)),
        (0, 10, (0, 1)),
    ],
)
def test_shortened(highlighted: int, limit: int, kept: tuple[int, int]) -> None:
    """A long quote keeps the sentence that answers, what follows it, then what precedes it."""
    article, spans = long_article(10, 10, 10)
    [quote] = answer_with(article, spans, spans[highlighted]).quotes
    short = shortened(quote, limit)
    first, last = spans[kept[0]], spans[kept[1] - 1]
    assert (short.start, short.end) == (first.start, last.end)
    assert short.text == article.body[first.start : last.end]
    assert short.highlight == spans[highlighted]


def test_cut_quote_is_marked_outside_of_the_quote() -> None:
    """Where a quote was cut there is a "…", but not among the article's words."""
    article, spans = long_article(1500, 1500, 1500)
    card = telegram_card(answer_with(article, spans, spans[1]))
    assert card.text.startswith("…\nbbb")
    assert marked(card)["blockquote"] == article.body[1501:4502]
    card = telegram_card(answer_with(article, spans, spans[0]))
    assert marked(card)["blockquote"] == article.body[:3001]
    assert "b.\n…\nA bridge" in card.text


@pytest.mark.parametrize("letter", ["a", "ж", "🌉"])
@pytest.mark.parametrize("words", ["{}", "{} "])
def test_never_over_the_limit(letter: str, words: str) -> None:
    """However long everything is, the card fits, and its quote is the article's own words."""
    word = words.format(letter * 9)
    title, body = (word * 1000).strip(), (word * 1000).strip()
    article = replace(BRIDGE, title=title, publisher=title, body=body)
    span = Span(0, len(body))
    card = telegram_card(answer_with(article, (span,), span))
    assert utf16_length(card.text) <= MessageLimit.MAX_TEXT_LENGTH
    assert len(card.entities) == 3
    assert body.startswith(marked(card)["blockquote"])
    assert marked(card)["bold"] == marked(card)["blockquote"]


def shown(answer: Answer, *, framed: bool) -> str:
    """What a terminal of 60 columns, or a pipe, gets."""
    console = Console(width=60, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(terminal_card(answer, framed=framed), soft_wrap=not framed)
    return capture.get()


def test_pipe_gets_paragraphs_unbroken() -> None:
    """In a pipe each paragraph is one line, so that `grep` finds what is in it."""
    assert shown(BRIDGE_ANSWER, framed=False).splitlines() == [
        BRIDGE.body,
        "A bridge over the Naryn",
        "https://example.org/bridge",
        "Naryn Times · 25 October 2021",
    ]


def test_terminal_gets_a_frame() -> None:
    """In a terminal the quote is framed and folded, but its link is not."""
    url = "https://example.org/" + "long/" * 20
    article = replace(BRIDGE, url=url)
    lines = shown(
        answer_with(article, BRIDGE_SENTENCES, BRIDGE_SENTENCES[1]), framed=True
    ).splitlines()
    assert lines[1].startswith("│ Spring came late. The bridge is 90 metres long. It was")
    assert any(line.startswith(url[:50]) for line in lines)


def test_terminal_marks_the_sentence_that_answers() -> None:
    """The sentence is bold in the terminal, too, and square brackets are no markup."""
    article = replace(BRIDGE, body="[red]Late. It is long.")
    console = Console(force_terminal=True, color_system="standard", width=60)
    with console.capture() as capture:
        console.print(
            terminal_card(answer_with(article, (Span(0, 10), Span(11, 22)), Span(11, 22)))
        )
    assert "[red]Late. \x1b[1mIt is long.\x1b[0m" in capture.get()
