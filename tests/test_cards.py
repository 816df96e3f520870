"""Cards: an answer as a Telegram message and in a terminal."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from telegram import MessageEntity
from telegram.constants import MessageLimit

from bot.answering import Answer, Outcome, Quote
from bot.callback_data import whole_passage_data
from bot.cards import Card, quote_card, shortened, telegram_card, terminal_card
from bot.errors import QuoteError
from bot_api_rules import check_markup, text_content, utf16_length
from embeddings.quoting import quote_around
from fixed_retriever import BRIDGE, BRIDGE_SENTENCES, CANAL, CANAL_SENTENCES, passage_of
from knowledge.article import Article
from knowledge.language import LANGUAGES
from knowledge.passages import Passage, split_article
from knowledge.sentences import Span


def answer_with(
    article: Article, sentences: tuple[Span, ...], highlight: Span, language: str = "en"
) -> Answer:
    """An answer that quotes these sentences, a whole passage."""
    passage = passage_of(article, sentences)
    quote = Quote(passage, passage.text, passage.start, passage.end, highlight)
    return Answer("How long?", language, Outcome.ANSWERED, (quote,))


def part_of(passage: Passage, quote: Span, highlight: Span) -> Quote:
    """A quote of a part of a passage."""
    text = passage.article.body[quote.start : quote.end]
    return Quote(passage, text, quote.start, quote.end, highlight)


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
CANAL_QUOTE = part_of(passage_of(CANAL, CANAL_SENTENCES), Span(0, 533), CANAL_SENTENCES[1])
NOT_FOUND = "I couldn't find an answer to that in the articles. Try asking in other words."


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
    assert card.buttons is None


def test_an_unsure_card_says_so_first() -> None:
    """The closest passage is shown as what it is, in the person's language."""
    card = telegram_card(replace(BRIDGE_ANSWER, outcome=Outcome.UNSURE))
    assert card.text == (
        "I'm not sure this answers your question; the closest I found:\n\n"
        "Spring came late. The bridge is 90 metres long. It was opened by Asel Ibraimova.\n"
        "A bridge over the Naryn\n"
        "Naryn Times · 25 October 2021"
    )
    assert marked(card) == {
        "blockquote": BRIDGE.body,
        "bold": "The bridge is 90 metres long.",
        "text_link": "A bridge over the Naryn",
    }
    russian = telegram_card(replace(BRIDGE_ANSWER, outcome=Outcome.UNSURE, language="ru"))
    assert russian.text.startswith("Не могу ручаться, что это ответ на ваш вопрос;")


def test_a_trimmed_quote_has_a_button_for_the_rest() -> None:
    """What is left out is marked outside of the quote, and is one button away."""
    answer = Answer("How long?", "kk", Outcome.UNSURE, (CANAL_QUOTE,))
    card = telegram_card(answer)
    assert marked(card)["blockquote"] == CANAL.body[:533]
    assert card.text.endswith("from Pokrovka.\n…\nThe canal of Talas")
    assert card.buttons is not None
    [[button]] = card.buttons.inline_keyboard
    assert button.text == "Үзіндіні толық көрсету"
    assert button.callback_data == whole_passage_data(CANAL_QUOTE, "kk", Outcome.UNSURE)


def test_a_whole_passage_has_no_button() -> None:
    """The card with the whole passage is the same without marks and button."""
    card = quote_card(CANAL_QUOTE.whole(), "en", Outcome.ANSWERED)
    assert card.text == f"{CANAL.body}\nThe canal of Talas"
    assert (
        marked(card)["bold"] == "The canal, which was dug in the following autumn, is 14 km long."
    )
    assert card.buttons is None


def test_related_articles_are_named_and_linked() -> None:
    """Below "not found" stand up to three titles that may help, each a link."""
    answer = Answer("?", "en", Outcome.NOT_FOUND, articles=(BRIDGE, CANAL))
    card = telegram_card(answer)
    assert card.text == (
        f"{NOT_FOUND}\n\n"
        "Perhaps related:\n"
        "• A bridge over the Naryn · Naryn Times · 25 October 2021\n"
        "• The canal of Talas"
    )
    first, second = card.entities
    assert (first.url, second.url) == ("https://example.org/bridge", "https://example.org/canal")
    units = card.text.encode("utf-16-le")
    assert [
        units[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le")
        for entity in card.entities
    ] == ["A bridge over the Naryn", "The canal of Talas"]


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("word " * 30, "word " * 29 + "word"),
        ("word " * 31, "word " * 28 + "word…"),
        ("a" * 150, "a" * 150),
        ("a" * 151, "a" * 149 + "…"),
    ],
)
def test_long_titles_are_shortened(title: str, shown: str) -> None:
    """A related title takes 150 characters at most, cut between words if it has any."""
    article = replace(CANAL, title=title.strip())
    card = telegram_card(Answer("?", "en", Outcome.NOT_FOUND, articles=(article,)))
    assert card.text.splitlines()[-1] == f"• {shown}"


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
        (Outcome.GREETING, "Здравствуйте! Спросите о том, что сказано в статьях"),
        (Outcome.THANKS, "Пожалуйста! Спрашивайте и дальше"),
        (Outcome.ABOUT, "Я бот. Отвечаю на вопросы точными цитатами"),
        (Outcome.GOODBYE, "До свидания!"),
        (Outcome.OKAY, "Хорошо!"),
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


# Letters of two UTF-16 units, right-to-left ones, combining ones, and what looks like markup.
LETTERS = st.text("aЖі🌉👨‍👩‍👧שלוםعربي\u0301\u0308\u200f\u202e<*_[ ", min_size=1)
LINES = LETTERS.map(lambda text: " ".join(text.split())).map("Я{}".format)
ARTICLES = st.builds(
    Article,
    slug=st.just("random"),
    title=st.one_of(LINES, LINES.map(lambda line: line * 60)),
    url=st.just("https://example.org/random"),
    body=st.lists(LINES.map("{}.".format), min_size=1, max_size=60).map(" ".join),
    publisher=st.one_of(st.none(), LINES, LINES.map(lambda line: line * 60)),
    language=st.sampled_from(LANGUAGES),
    published=st.one_of(st.none(), st.dates(date(1990, 1, 1), date(2030, 1, 1))),
)


def check_sendable(card: Card) -> None:
    """Assert that Telegram would take the card and show all of it as it is."""
    entities = [entity.to_dict() for entity in card.entities]
    content = text_content({"text": card.text, "entities": entities})
    assert content["text"] == card.text
    assert content.get("entities", []) == entities
    assert not card.buttons or check_markup(card.buttons.to_dict(), inline_only=True)


@settings(derandomize=True, deadline=None)
@given(
    ARTICLES,
    st.sampled_from(LANGUAGES),
    st.sampled_from([Outcome.ANSWERED, Outcome.UNSURE]),
    st.integers(0, 1000),
)
def test_any_quote_can_be_sent(
    article: Article, language: str, outcome: Outcome, number: int
) -> None:
    """Whatever an article holds: its cards are taken, and quote it to the letter."""
    passages = split_article(article)
    passage = passages[number % len(passages)]
    highlight = passage.sentences[number % len(passage.sentences)]
    quote = part_of(passage, quote_around(passage, highlight), highlight)
    for shown in (quote, quote.whole()):
        card = quote_card(shown, language, outcome)
        check_sendable(card)
        assert marked(card)["blockquote"] == shown.text
        assert marked(card)["bold"] == article.body[highlight.start : highlight.end]
        assert bool(card.buttons) is (shown.text != passage.text)


@settings(derandomize=True, deadline=None)
@given(st.lists(ARTICLES, max_size=3), st.sampled_from(LANGUAGES))
def test_any_related_titles_can_be_sent(articles: list[Article], language: str) -> None:
    """Whatever titles there are: the message is taken, with a link for each."""
    answer = Answer("?", language, Outcome.NOT_FOUND, articles=tuple(articles))
    card = telegram_card(answer)
    check_sendable(card)
    assert len(card.entities) == len(articles)


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


def test_terminal_says_that_it_is_unsure() -> None:
    """The terminal, too, says first that the closest passage may be no answer."""
    assert shown(replace(BRIDGE_ANSWER, outcome=Outcome.UNSURE), framed=False).splitlines() == [
        "I'm not sure this answers your question; the closest I found:",
        BRIDGE.body,
        "A bridge over the Naryn",
        "https://example.org/bridge",
        "Naryn Times · 25 October 2021",
    ]


def test_terminal_marks_cuts() -> None:
    """What is left out of the passage is marked before and after the quote."""
    quote = part_of(CANAL_QUOTE.passage, CANAL_SENTENCES[1], CANAL_SENTENCES[1])
    answer = Answer("How long?", "en", Outcome.ANSWERED, (quote,))
    assert shown(answer, framed=False).splitlines() == [
        "…",
        "The canal, which was dug in the following autumn, is 14 km long.",
        "…",
        "The canal of Talas",
        "https://example.org/canal",
    ]


def test_articles_that_were_asked_for_are_listed() -> None:
    """In Telegram and in a terminal, without a word on what was not found."""
    answer = Answer("?", "en", Outcome.ARTICLES, articles=(BRIDGE, CANAL))
    assert telegram_card(answer).text == (
        "Articles, the newest first:\n"
        "• A bridge over the Naryn · Naryn Times · 25 October 2021\n"
        "• The canal of Talas"
    )
    assert shown(answer, framed=False).splitlines() == [
        "Articles, the newest first:",
        "A bridge over the Naryn",
        "https://example.org/bridge",
        "Naryn Times · 25 October 2021",
        "The canal of Talas",
        "https://example.org/canal",
    ]


def test_terminal_names_related_articles() -> None:
    """The terminal, too, names what may help below "not found", with links."""
    answer = Answer("?", "en", Outcome.NOT_FOUND, articles=(BRIDGE, CANAL))
    assert shown(answer, framed=False).splitlines() == [
        NOT_FOUND,
        "",
        "Perhaps related:",
        "A bridge over the Naryn",
        "https://example.org/bridge",
        "Naryn Times · 25 October 2021",
        "The canal of Talas",
        "https://example.org/canal",
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
