"""Pages to browse the articles on, and what their buttons carry."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import Chat, Message, MessageEntity, User

from bot.article_buttons import (
    ARTICLE_BUTTONS,
    ArticleButton,
    AskAbout,
    OpenArticle,
    OpenList,
    read_article_button,
)
from bot.article_pages import (
    LATEST,
    LISTED,
    article_card,
    asked_about,
    latest_card,
    list_card,
    prompt_card,
)
from bot.callback_data import read_callback_data
from bot.errors import QuoteError
from bot.formatting import Card
from bot_api_rules import utf16_length
from embeddings.retriever import ArticleList, ArticlePage
from fixed_retriever import BRIDGE, BRIDGE_SENTENCES, CANAL, CANAL_SENTENCES, passage_of
from knowledge.article import Article
from knowledge.language import LANGUAGES
from knowledge.passages import Passage, split_article
from knowledge.sentences import Span
from test_cards import ARTICLES, check_sendable, labels, marked, pieces, quoted

BRIDGE_PASSAGE = passage_of(BRIDGE, BRIDGE_SENTENCES)
CANAL_PASSAGE = passage_of(CANAL, CANAL_SENTENCES)
BRIDGE_HASH, CANAL_HASH = BRIDGE.content_hash[:12], CANAL.content_hash[:12]
SENT = datetime(2026, 2, 1, tzinfo=UTC)
US = User(id=1, first_name="Green", is_bot=True, username="green_bot")


def data(card: Card) -> list[list[str]]:
    """What a card's buttons carry, row by row."""
    assert card.buttons is not None
    return [
        [str(each.callback_data) for each in row if each.callback_data]
        for row in card.buttons.inline_keyboard
    ]


def whole_list(*articles: Article) -> ArticleList:
    """A list of one page."""
    return ArticleList(articles, 1, 0, len(articles))


def alone(passage: Passage) -> ArticlePage:
    """The only page of the only article."""
    return ArticlePage(passage, 1, 1, 0)


def reply_to(card: Card, *, author: User = US) -> Message:
    """A message that replies to a card which somebody, by default the bot, has sent."""
    chat = Chat(1, Chat.PRIVATE)
    prompt = Message(1, SENT, chat, author, text=card.text, entities=card.entities)
    return Message(2, SENT, chat, text="Who?", reply_to_message=prompt)


def test_the_list_names_who_published_what_and_when() -> None:
    """As far as that is known; the titles are links, and the numbers below open the articles."""
    card = list_card(whole_list(BRIDGE, CANAL), "en")
    assert card.text == (
        "Articles 1–2 of 2, the newest first:\n"
        "\n"
        "1. A bridge over the Naryn\n"
        "Naryn Times · 25 October 2021\n"
        "\n"
        "2. The canal of Talas"
    )
    assert pieces(card) == [
        ("text_link", "A bridge over the Naryn"),
        ("text_link", "The canal of Talas"),
    ]
    assert [entity.url for entity in card.entities] == [BRIDGE.url, CANAL.url]
    assert labels(card) == [["1", "2"]]
    assert data(card) == [[f"article:en:{BRIDGE_HASH}:1", f"article:en:{CANAL_HASH}:1"]]


@pytest.mark.parametrize(
    ("page", "shown", "rows"),
    [
        (1, 8, [["1", "2", "3", "4"], ["5", "6", "7", "8"], ["Next ▶"]]),
        (2, 8, [["9", "10", "11", "12"], ["13", "14", "15", "16"], ["◀ Back", "Next ▶"]]),
        (3, 7, [["17", "18", "19", "20"], ["21", "22", "23"], ["◀ Back"]]),
    ],
)
def test_the_list_has_the_buttons_that_lead_somewhere(
    page: int, shown: int, rows: list[list[str]]
) -> None:
    """There is no way back from the first page and none on from the last."""
    listed = ArticleList((BRIDGE,) * shown, page, (page - 1) * LISTED, 23)
    card = list_card(listed, "en")
    assert labels(card) == rows
    turning = {"◀ Back": f"articles:en:{page - 1}", "Next ▶": f"articles:en:{page + 1}"}
    assert data(card)[-1] == [turning[label] for label in rows[-1]]


@pytest.mark.parametrize(
    ("language", "shown", "total", "first_line"),
    [
        ("en", 8, 23, "Articles 9–16 of 23, the newest first:"),
        ("ru", 8, 23, "Статьи 9–16 из 23, сначала новые:"),
        ("kk", 8, 23, "Мақалалар 9–16 (барлығы 23), ең жаңасынан бастап:"),
        ("ky", 8, 23, "Макалалар 9–16 (баары 23), эң жаңысынан баштап:"),
        ("en", 1, 9, "Article 9 of 9:"),
        ("ru", 1, 9, "Статья 9 из 9:"),
        ("kk", 1, 9, "9-мақала (барлығы 9):"),
        ("ky", 1, 9, "9-макала (баары 9):"),
    ],
)
def test_the_list_says_where_one_is(
    language: str, shown: int, total: int, first_line: str
) -> None:
    """Which articles these are and how many there are, in the reader's language."""
    card = list_card(ArticleList((CANAL,) * shown, 2, 8, total), language)
    assert card.text.splitlines()[0] == first_line


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I don't know any articles yet. Please look in again a little later."),
        ("ru", "Пока я не знаю ни одной статьи. Загляните, пожалуйста, чуть позже."),
        ("kk", "Әзірге бірде-бір мақала білмеймін. Сәл кейінірек қайта келіп көріңізші."),
        ("ky", "Азырынча бир да макала билбейм. Бир аздан кийин кайра келип көрүңүзчү."),
    ],
)
def test_an_empty_index_is_told_kindly(language: str, text: str) -> None:
    """Without articles there is nothing to press."""
    assert list_card(whole_list(), language) == latest_card([], language) == Card(text)


def test_an_article_is_shown_passage_by_passage() -> None:
    """The source comes first, the passage is a quote, and below is said how far one has read."""
    card = article_card(ArticlePage(BRIDGE_PASSAGE, 2, 3, before=17), "en", "green_bot")
    assert card.text == (
        "A bridge over the Naryn\n"
        "Naryn Times · 25 October 2021\n"
        "Spring came late. The bridge is 90 metres long. It was opened by Asel Ibraimova.\n"
        "Page 2 of 3"
    )
    assert card.entities == (
        MessageEntity(MessageEntity.TEXT_LINK, 0, 23, url="https://example.org/bridge"),
        MessageEntity(MessageEntity.BLOCKQUOTE, 54, 80),
    )
    assert labels(card) == [["◀ Back", "Next ▶"], ["Ask about this", "Share"], ["All articles"]]
    assert card.buttons is not None
    share = card.buttons.inline_keyboard[1][1].url
    link = f"https%3A%2F%2Ft.me%2Fgreen_bot%3Fstart%3Da{BRIDGE.content_hash[:12]}"
    assert share == f"https://t.me/share/url?url={link}&text=A+bridge+over+the+Naryn"
    assert data(card) == [
        [f"article:en:{BRIDGE_HASH}:1", f"article:en:{BRIDGE_HASH}:3"],
        [f"about:en:{BRIDGE_HASH}"],
        # The page of the list that the article is on.
        ["articles:en:3"],
    ]


def test_an_article_of_one_passage_has_no_page_number() -> None:
    """Nor buttons to turn pages; without publisher and date the title stands alone."""
    card = article_card(alone(CANAL_PASSAGE), "ru", "green_bot")
    assert card.text == f"The canal of Talas\n{CANAL.body}"
    assert labels(card) == [["Спросить об этой статье", "Поделиться"], ["Все статьи"]]
    assert data(card)[-1] == ["articles:ru:1"]


@pytest.mark.parametrize(
    ("number", "turning"), [(1, ["Next ▶"]), (2, ["◀ Back", "Next ▶"]), (3, ["◀ Back"])]
)
def test_an_article_begins_and_ends(number: int, turning: list[str]) -> None:
    """No button leads before the first passage or behind the last."""
    card = article_card(ArticlePage(BRIDGE_PASSAGE, number, 3, 0), "en", "green_bot")
    assert labels(card)[0] == turning


@pytest.mark.parametrize(
    ("language", "last_line"),
    [
        ("en", "Page 2 of 3"),
        ("ru", "Страница 2 из 3"),
        ("kk", "2-бет (барлығы 3)"),
        ("ky", "2-бет (баары 3)"),
    ],
)
def test_page_numbers(language: str, last_line: str) -> None:
    """They are said in the reader's language."""
    card = article_card(ArticlePage(BRIDGE_PASSAGE, 2, 3, 0), language, "green_bot")
    assert card.text.splitlines()[-1] == last_line


def test_a_passage_that_does_not_fit_is_cut_at_a_sentence() -> None:
    """Such as 4,000 emoji: the message stays within the limit and says that it goes on."""
    body = " ".join(f"{'🌉' * 99}." for _ in range(40))
    sentences = tuple(Span(at, at + 100) for at in range(0, 101 * 40, 101))
    article = replace(BRIDGE, title="🌉" * 400, publisher="🌉" * 400, body=body)
    card = article_card(alone(passage_of(article, sentences)), "ru", "green_bot")
    check_sendable(card)
    assert utf16_length(card.text) <= 4096
    [quote] = quoted(card)
    assert body.startswith(quote)
    assert quote.endswith("🌉.")
    assert card.text.endswith(f"{quote}\n…")


def test_the_longest_lists_fit_into_a_message() -> None:
    """Titles and publishers may be as long as they like, of emoji alone."""
    body = "🌉" * 400
    article = replace(BRIDGE, title="🌉" * 400, publisher="🌉" * 400, body=body)
    listed = ArticleList((article,) * LISTED, 9_999, 79_984, 100_000)
    opening = passage_of(article, [Span(0, 400)])
    for card in (list_card(listed, "ru"), latest_card([opening] * LATEST, "ru")):
        check_sendable(card)
        assert utf16_length(card.text) <= 4096


def test_no_passage_of_an_article_is_cut() -> None:
    """The longest that the splitter makes fits whole, whatever stands around it."""
    body = " ".join(f"{'🌉' * 99}." for _ in range(40))
    article = replace(BRIDGE, title="🌉" * 400, publisher="🌉" * 400, body=body)
    for passage in split_article(article):
        assert quoted(article_card(ArticlePage(passage, 1, 2, 0), "ru", "green_bot")) == [
            passage.text
        ]


def test_what_an_article_does_not_say_is_not_shown() -> None:
    """A passage whose sentences are not where the article has them is refused."""
    passage = Passage(BRIDGE, 18, 47, (Span(18, 48),))
    with pytest.raises(QuoteError, match="bridge"):
        article_card(alone(passage), "en", "green_bot")
    with pytest.raises(QuoteError, match="bridge"):
        latest_card([passage], "en")


def test_the_latest_articles_are_shown_with_their_openings() -> None:
    """Whole sentences, up to about 300 characters, with a mark where the passage goes on."""
    card = latest_card([BRIDGE_PASSAGE, CANAL_PASSAGE], "en")
    assert card.text == (
        "Articles, the newest first:\n"
        "\n"
        "1. A bridge over the Naryn\n"
        "Naryn Times · 25 October 2021\n"
        f"{BRIDGE.body}\n"
        "\n"
        "2. The canal of Talas\n"
        f"{CANAL.body[:292]}\n"
        "…"
    )
    assert pieces(card) == [
        ("text_link", "A bridge over the Naryn"),
        ("blockquote", BRIDGE.body),
        ("text_link", "The canal of Talas"),
        ("blockquote", CANAL.body[:292]),
    ]
    assert labels(card) == [["1", "2"], ["All articles"]]
    assert data(card) == [
        [f"article:en:{BRIDGE_HASH}:1", f"article:en:{CANAL_HASH}:1"],
        ["articles:en:1"],
    ]


def test_an_opening_of_one_endless_sentence_is_cut() -> None:
    """Between words, and marked."""
    body = "water " * 100 + "water."
    article = replace(CANAL, body=body)
    card = latest_card([passage_of(article, [Span(0, len(body))])], "en")
    [opening] = quoted(card)
    assert opening == ("water " * 24).strip()
    assert card.text.endswith("water\n…")


@pytest.mark.parametrize(
    "title", ["Мост 🌉 через Нарын", "גשר מעל הנארין", "جسر نارين", "<b>bridge</b> *x* _y_ [z]"]
)
def test_titles_in_any_script_are_linked_whole(title: str) -> None:
    """Offsets count as Telegram does, and nothing in a title acts as markup."""
    article = replace(BRIDGE, title=title)
    passage = passage_of(article, BRIDGE_SENTENCES)
    cards = [
        list_card(whole_list(article), "ru"),
        article_card(alone(passage), "ru", "green_bot"),
        latest_card([passage], "ru"),
        prompt_card(article, "ru", "green_bot"),
    ]
    for card in cards:
        check_sendable(card)
        assert marked(card)["text_link"] == title


@settings(derandomize=True, deadline=None)
@given(st.lists(ARTICLES, min_size=1, max_size=LISTED), st.sampled_from(LANGUAGES))
def test_any_articles_can_be_browsed(articles: Sequence[Article], language: str) -> None:
    """Whatever they hold: Telegram takes every page, and each shows what the article says."""
    listed = ArticleList(tuple(articles), 100, 99 * LISTED, 10**6)
    card = list_card(listed, language)
    check_sendable(card)
    assert len(card.entities) == len(articles)
    openings = [split_article(article)[0] for article in articles]
    check_sendable(latest_card(openings[:3], language))
    for passage in split_article(articles[0]):
        page = article_card(ArticlePage(passage, 500, 1000, 10**6), language, "green_bot")
        check_sendable(page)
        assert quoted(page) == [passage.text]
    check_sendable(prompt_card(articles[0], language, "green_bot"))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Reply to this message with your question about “The canal of Talas”."),
        ("ru", "Ответьте на это сообщение вопросом о статье «The canal of Talas»."),
        (
            "kk",
            "Осы хабарламаға жауап ретінде «The canal of Talas» мақаласы туралы сұрағыңызды "
            "жазыңыз.",
        ),
        (
            "ky",
            "Ушул билдирүүгө жооп кылып, «The canal of Talas» макаласы жөнүндө сурооңузду "
            "жазыңыз.",
        ),
    ],
)
def test_a_reply_to_a_prompt_is_about_its_article(language: str, text: str) -> None:
    """The prompt links the article's page in the bot; by that link a reply is known later."""
    card = prompt_card(CANAL, language, "green_bot")
    assert card.text == text
    assert pieces(card) == [("text_link", "The canal of Talas")]
    assert card.entities[0].url == f"https://t.me/green_bot?start=a{CANAL_HASH}"
    assert asked_about(reply_to(card), US) == CANAL_HASH


def test_other_replies_are_about_all_articles() -> None:
    """To nothing, to a page, to another's message with such a link, to other links."""
    prompt = prompt_card(CANAL, "en", "green_bot")
    alice = User(id=2, first_name="Alice", is_bot=False)
    assert asked_about(Message(1, SENT, Chat(1, Chat.PRIVATE), text="Who?"), US) is None
    assert asked_about(reply_to(prompt, author=alice), US) is None
    assert asked_about(reply_to(article_card(alone(CANAL_PASSAGE), "en", "green_bot")), US) is None
    for url in (
        f"https://example.org/?start=a{CANAL_HASH}",
        f"https://t.me/green_bot?start=a{CANAL_HASH[:-1]}",
        f"https://t.me/green_bot?start=a{CANAL_HASH.upper()}g",
        f"https://t.me/green_bot?start=p{CANAL_HASH}",
        "https://t.me/green_bot",
    ):
        link = MessageEntity(MessageEntity.TEXT_LINK, 0, 5, url=url)
        assert asked_about(reply_to(Card("Reply", (link,))), US) is None


BUTTONS: list[tuple[ArticleButton, str]] = [
    (OpenList("en", 1), "articles:en:1"),
    (OpenList("ky", 999_999), "articles:ky:999999"),
    (OpenArticle("ru", "0123456789ab"), "article:ru:0123456789ab:1"),
    (OpenArticle("kk", "0123456789ab", 999_999), "article:kk:0123456789ab:999999"),
    (AskAbout("kk", "cdef01234567"), "about:kk:cdef01234567"),
]


@pytest.mark.parametrize(("button", "carried"), BUTTONS)
def test_buttons_come_back_as_they_went(button: ArticleButton, carried: str) -> None:
    """What a button carries is short enough, and its own when it comes back."""
    assert button.data == carried
    assert len(carried.encode()) <= 64
    assert read_article_button(carried) == button
    assert ARTICLE_BUTTONS.match(carried)
    assert read_callback_data(carried) is None


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "",
        "articles",
        "articles:en",
        "articles:de:1",
        "articles:en:-1",
        "articles:en:1000000",
        "articles:en:١",
        "articles:en:1\n",
        "articles:en:1:1",
        "article:en:0123456789ab",
        "article:en:0123456789a:1",
        "article:en:0123456789ag:1",
        "article:en:0123456789AB:1",
        "article:en:' OR 1 --:1",
        "article:en:0123456789ab:x",
        "about:en:",
        "about:xx:0123456789ab",
        "about:en:0123456789ab:1",
        "xabout:en:0123456789ab",
    ],
)
def test_forged_data_is_none_of_our_buttons(forged: str | None) -> None:
    """Anybody can send data; only what a button of ours carries is understood."""
    assert read_article_button(forged) is None
