"""Cards: an answer as a Telegram message and in a terminal."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from telegram import MessageEntity
from telegram.constants import MessageLimit

from bot import cards
from bot.answering import Answer, Outcome, Question, Quote
from bot.callback_data import Press, View, callback_data
from bot.cards import quote_card, shortened
from bot.errors import QuoteError
from bot.formatting import Card
from bot.places import place_of
from bot.terminal_cards import terminal_card
from bot_api_rules import check_markup, text_content, utf16_length
from embeddings.quoting import quote_around
from fixed_retriever import BRIDGE, BRIDGE_SENTENCES, CANAL, CANAL_SENTENCES, passage_of
from knowledge.article import Article
from knowledge.language import LANGUAGES
from knowledge.passages import Passage, split_article
from knowledge.sentences import Span


def asked(language: str = "en", asked_in: str | None = None) -> Question:
    """A question, by default in the language of the reply."""
    return Question("How long?", language, asked_in or language, None)


def telegram_card(answer: Answer, question_id: int | None = None) -> Card:
    """The card of the bot @green_bot."""
    return cards.telegram_card(answer, "green_bot", question_id)


def answer_with(article: Article, sentences: tuple[Span, ...], highlight: Span) -> Answer:
    """An answer that quotes these sentences, a whole passage."""
    passage = passage_of(article, sentences)
    quote = Quote(passage, passage.text, passage.start, passage.end, highlight)
    return Answer(asked(), Outcome.ANSWERED, (quote,))


def view_of(quote: Quote, language: str = "en") -> View:
    """A card with this quote alone."""
    return View(language, (place_of(quote),))


def labels(card: Card) -> list[list[str]]:
    """The texts of a card's buttons, row by row."""
    assert card.buttons is not None
    return [[button.text for button in row] for row in card.buttons.inline_keyboard]


def part_of(passage: Passage, quote: Span, highlight: Span) -> Quote:
    """A quote of a part of a passage."""
    text = passage.article.body[quote.start : quote.end]
    return Quote(passage, text, quote.start, quote.end, highlight)


def pieces(card: Card) -> list[tuple[str, str]]:
    """The types of a card's entities and the texts that they mark."""
    units = card.text.encode("utf-16-le")
    return [
        (
            entity.type,
            units[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le"),
        )
        for entity in card.entities
    ]


def marked(card: Card) -> dict[str, str]:
    """The pieces of a card that its entities mark, by type."""
    return dict(pieces(card))


BRIDGE_ANSWER = answer_with(BRIDGE, BRIDGE_SENTENCES, BRIDGE_SENTENCES[1])
CANAL_QUOTE = part_of(passage_of(CANAL, CANAL_SENTENCES), Span(0, 533), CANAL_SENTENCES[1])
NOT_FOUND = "I couldn't find an answer to that in the articles. Try asking in other words."


def test_card() -> None:
    """The quote comes first, with the sentence that answers in bold, then its source."""
    card = telegram_card(BRIDGE_ANSWER)
    assert card.text == (
        "Spring came late. The bridge is 90 metres long. It was opened by Asel Ibraimova.\n"
        "A bridge over the Naryn\n"
        "Naryn Times · 25 October 2021\n"
        "https://example.org/bridge"
    )
    assert card.entities == (
        MessageEntity(MessageEntity.BLOCKQUOTE, 0, 80),
        MessageEntity(MessageEntity.BOLD, 18, 29),
        MessageEntity(
            MessageEntity.TEXT_LINK,
            81,
            23,
            url="https://example.org/bridge#:~:text=The%20bridge%20is%2090%20metres%20long.",
        ),
    )
    assert labels(card) == [["Share"]]


def test_an_unsure_card_says_so_first() -> None:
    """The closest passage is shown as what it is, in the person's language."""
    card = telegram_card(replace(BRIDGE_ANSWER, outcome=Outcome.UNSURE))
    assert card.text == (
        "I'm not sure this answers your question; the closest I found:\n\n"
        "Spring came late. The bridge is 90 metres long. It was opened by Asel Ibraimova.\n"
        "A bridge over the Naryn\n"
        "Naryn Times · 25 October 2021\n"
        "https://example.org/bridge"
    )
    assert marked(card) == {
        "blockquote": BRIDGE.body,
        "bold": "The bridge is 90 metres long.",
        "text_link": "A bridge over the Naryn",
    }
    russian = telegram_card(
        replace(BRIDGE_ANSWER, outcome=Outcome.UNSURE, question=asked("ru", "en"))
    )
    assert russian.text.startswith("Не могу ручаться, что это ответ на ваш вопрос;")


@pytest.mark.parametrize(
    ("language", "asked_in", "source", "note"),
    [
        ("kk", "kk", "ru", "2021\u00a0ж. 25 қазан · сұрақ қазақ тілінде, дереккөз орыс тілінде"),
        ("en", "ky", "kk", "25 October 2021 · question in Kyrgyz, source in Kazakh"),
        ("ru", "en", "uz", "г. · вопрос на английском, источник на другом языке (узбекский)"),
        ("ky", "ru", "en", "25-октябрь · суроо орус тилинде, булак англис тилинде"),
        ("en", "ru", "xx", "2021 · question in Russian, source in another language (xx)"),
        ("ru", "en", "en", "Naryn Times · 25 октября 2021\u00a0г."),
    ],
)
def test_a_source_in_another_language_is_named(
    language: str, asked_in: str, source: str, note: str
) -> None:
    """Where question and source differ in language the card says so; else it doesn't."""
    answer = answer_with(replace(BRIDGE, language=source), BRIDGE_SENTENCES, BRIDGE_SENTENCES[1])
    card = telegram_card(replace(answer, question=asked(language, asked_in)))
    assert card.text.splitlines()[2].endswith(note)


def test_a_follow_up_is_shown_as_such() -> None:
    """The card tells when the question needed the one before, not when that changed nothing."""
    card = telegram_card(replace(BRIDGE_ANSWER, follow_up=True, needed_context=True))
    assert card.text.startswith("I took this together with your question before it.\n\nSpring")
    needless = telegram_card(replace(BRIDGE_ANSWER, follow_up=True))
    assert needless.text.startswith("Spring")


def test_a_trimmed_quote_has_a_button_for_the_rest() -> None:
    """What is left out is marked outside of the quote, and is one button away."""
    answer = Answer(asked("kk"), Outcome.UNSURE, (CANAL_QUOTE,))
    card = telegram_card(answer)
    assert marked(card)["blockquote"] == CANAL.body[:533]
    assert "from Pokrovka.\n…\nThe canal of Talas\n" in card.text
    assert labels(card) == [["Үзіндіні толық көрсету"], ["Бөлісу"]]
    view = View("kk", (place_of(CANAL_QUOTE),), Outcome.UNSURE, "kk", whole=True)
    assert card.buttons is not None
    button = card.buttons.inline_keyboard[0][0]
    assert button.callback_data == callback_data(Press.SHOW, view)


def test_a_whole_passage_folds_what_stands_around_the_quote() -> None:
    """Of a long passage the sentences around the answer stay in view, the others fold."""
    card = quote_card(CANAL_QUOTE, replace(view_of(CANAL_QUOTE), whole=True), "green_bot")
    assert card.text.startswith(f"{CANAL.body[:533]}\n{CANAL.body[534:]}\nThe canal of Talas\n")
    assert pieces(card)[:-1] == [
        ("blockquote", CANAL.body[:533]),
        ("bold", "The canal, which was dug in the following autumn, is 14 km long."),
        ("expandable_blockquote", CANAL.body[534:]),
    ]
    assert labels(card) == [["Share"]]


def test_other_passages_are_pages_of_the_same_card() -> None:
    """A card with several passages can be paged through, there and back."""
    places = (place_of(CANAL_QUOTE), place_of(BRIDGE_ANSWER.quotes[0]), place_of(CANAL_QUOTE))
    view = View("en", places, Outcome.UNSURE)
    assert labels(quote_card(CANAL_QUOTE, view, "green_bot")) == [
        ["Whole passage", "More passages"],
        ["Share"],
    ]
    second = quote_card(BRIDGE_ANSWER.quotes[0], replace(view, page=1), "green_bot")
    assert second.text.startswith("Passage 2 of 3, which may help as well:\n\nSpring came late.")
    assert labels(second) == [["◀ Back", "Next ▶"], ["Share"]]
    last = quote_card(CANAL_QUOTE, replace(view, page=2, whole=True), "green_bot")
    assert labels(last) == [["◀ Back"], ["Share"]]
    assert second.buttons is not None
    back, following = second.buttons.inline_keyboard[0]
    assert back.callback_data == callback_data(Press.SHOW, view)
    assert following.callback_data == callback_data(Press.SHOW, replace(view, page=2))


def test_only_three_passages_can_be_paged_through() -> None:
    """So that the button's data fits; the others are not offered."""
    card = telegram_card(replace(BRIDGE_ANSWER, quotes=BRIDGE_ANSWER.quotes * 5))
    view = View("en", (place_of(BRIDGE_ANSWER.quotes[0]),) * 3, asked_in="en", page=1)
    assert card.buttons is not None
    button = card.buttons.inline_keyboard[0][0]
    assert button.callback_data == callback_data(Press.SHOW, view)


def test_an_answer_in_the_journal_can_be_rated() -> None:
    """With an id there are buttons for yes and no, which carry it."""
    card = telegram_card(BRIDGE_ANSWER, question_id=7)
    assert labels(card) == [["Helpful", "Not helpful", "Share"]]
    view = View("en", (place_of(BRIDGE_ANSWER.quotes[0]),), asked_in="en", question_id=7)
    assert card.buttons is not None
    helpful, not_helpful, _ = card.buttons.inline_keyboard[0]
    assert helpful.callback_data == callback_data(Press.HELPFUL, view)
    assert not_helpful.callback_data == callback_data(Press.NOT_HELPFUL, view)


def test_every_quote_can_be_shared() -> None:
    """The button lets Telegram share a link that opens the passage in the bot, and the title."""
    card = telegram_card(BRIDGE_ANSWER)
    assert card.buttons is not None
    url = card.buttons.inline_keyboard[-1][-1].url
    assert url is not None
    assert url.startswith("https://t.me/share/url?url=https%3A%2F%2Ft.me%2Fgreen_bot%3Fstart%3Dp")
    assert url.endswith("&text=A+bridge+over+the+Naryn")


def test_a_long_link_is_shortened_but_leads_there() -> None:
    """A link of over 100 characters is cut, and linked."""
    url = "https://example.org/" + "a" * 100
    answer = answer_with(replace(BRIDGE, url=url), BRIDGE_SENTENCES, BRIDGE_SENTENCES[1])
    card = telegram_card(answer)
    assert pieces(card)[-1] == ("text_link", "https://example.org/" + "a" * 79 + "…")
    assert card.entities[-1].url == url


def test_related_articles_are_named_and_linked() -> None:
    """Below "not found" stand up to three titles that may help, each a link."""
    answer = Answer(asked(), Outcome.NOT_FOUND, articles=(BRIDGE, CANAL))
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
    card = telegram_card(Answer(asked(), Outcome.NOT_FOUND, articles=(article,)))
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
    answer = answer_with(article, BRIDGE_SENTENCES, BRIDGE_SENTENCES[1])
    card = telegram_card(replace(answer, question=asked("ru", "en")))
    source = f"A bridge over the Naryn{imprint}\nhttps://example.org/bridge"
    assert card.text == f"{BRIDGE.body}\n{source}"


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
    card = telegram_card(Answer(asked("ru"), outcome))
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
    assert quoted(card) == [article.body[1501:3001], article.body[3002:4502]]
    card = telegram_card(answer_with(article, spans, spans[0]))
    assert quoted(card) == [article.body[:1500], article.body[1501:3001]]
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
    [quote] = quoted(card)
    assert body.startswith(quote)
    assert marked(card)["bold"] == quote


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


def quoted(card: Card) -> list[str]:
    """The texts of a card's blocks, one after the other."""
    return [text for kind, text in pieces(card) if kind.endswith("blockquote")]


def check_sendable(card: Card) -> None:
    """Assert that Telegram would take the card and show all of it as it is."""
    entities = [entity.to_dict() for entity in card.entities]
    content = text_content({"text": card.text, "entities": entities})
    assert content["text"] == card.text
    # Telegram finds the link by itself.
    kept = [entity for entity in content.get("entities", []) if entity["type"] != "url"]
    assert kept == entities
    assert not card.buttons or check_markup(card.buttons.to_dict(), inline_only=True)


@settings(derandomize=True, deadline=None)
@given(
    ARTICLES,
    st.sampled_from(LANGUAGES),
    st.sampled_from(LANGUAGES),
    st.sampled_from([Outcome.ANSWERED, Outcome.UNSURE]),
    st.integers(0, 1000),
)
def test_any_quote_can_be_sent(
    article: Article, language: str, asked_in: str, outcome: Outcome, number: int
) -> None:
    """Whatever an article holds: its cards are taken, and quote it to the letter."""
    passages = split_article(article)
    passage = passages[number % len(passages)]
    highlight = passage.sentences[number % len(passage.sentences)]
    quote = part_of(passage, quote_around(passage, highlight), highlight)
    view = View(language, (place_of(quote),), outcome, asked_in, follow_up=True, question_id=10**9)
    for shown in (quote, quote.whole()):
        whole = shown.text == passage.text
        card = quote_card(quote, replace(view, whole=whole), "green_bot")
        check_sendable(card)
        assert " ".join(quoted(card)) == " ".join(shown.text.split())
        assert marked(card)["bold"] == article.body[highlight.start : highlight.end]
        assert len(labels(card)) == (1 if whole else 2)


@settings(derandomize=True, deadline=None)
@given(st.lists(ARTICLES, max_size=3), st.sampled_from(LANGUAGES))
def test_any_related_titles_can_be_sent(articles: list[Article], language: str) -> None:
    """Whatever titles there are: the message is taken, with a link for each."""
    answer = Answer(asked(language), Outcome.NOT_FOUND, articles=tuple(articles))
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


def test_terminal_says_what_it_took_the_question_for() -> None:
    """The terminal, too, tells of a follow-up and of languages that differ."""
    answer = replace(BRIDGE_ANSWER, question=asked("ru"), needed_context=True)
    assert shown(answer, framed=False).splitlines() == [
        "Я понял это вместе с вашим предыдущим вопросом.",
        BRIDGE.body,
        "A bridge over the Naryn",
        "https://example.org/bridge",
        "Naryn Times · 25 октября 2021\u00a0г. · вопрос на русском, источник на английском",
    ]


def test_terminal_marks_cuts() -> None:
    """What is left out of the passage is marked before and after the quote."""
    quote = part_of(CANAL_QUOTE.passage, CANAL_SENTENCES[1], CANAL_SENTENCES[1])
    answer = Answer(asked(), Outcome.ANSWERED, (quote,))
    assert shown(answer, framed=False).splitlines() == [
        "…",
        "The canal, which was dug in the following autumn, is 14 km long.",
        "…",
        "The canal of Talas",
        "https://example.org/canal",
    ]


def test_articles_that_were_asked_for_are_listed() -> None:
    """In Telegram and in a terminal, without a word on what was not found."""
    answer = Answer(asked(), Outcome.ARTICLES, articles=(BRIDGE, CANAL))
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
    answer = Answer(asked(), Outcome.NOT_FOUND, articles=(BRIDGE, CANAL))
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
