"""/articles, /latest, and questions about one article, over an index that may change."""

from datetime import date
from pathlib import Path

import pytest

from bot.application import Bot
from bot.handlers import articles as articles_handler
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import Message, build, buttons, data_of, entities
from embeddings.confidence import Calibration
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from knowledge.article import Article
from knowledge.corpus import Corpus
from word_embedder import WordEmbedder

EMBEDDER = WordEmbedder("canal", "dam", "mill", "day")
# Whatever is found is an answer.
SURE = Calibration(intercept=5.0, weights={}, model=EMBEDDER.model, fitted_on="nothing")


def article(slug: str, title: str, body: str, published: date | None) -> Article:
    """An article in English."""
    return Article(slug, title, f"https://example.org/{slug}", body, None, "en", published)


PARAGRAPHS = (
    "The canal is 14 km long. " + "It was dug by hand, metre after metre, year after year. " * 9,
    "The dam is 30 metres high. " + "Rocks lie below, and above them shines the deep water. " * 9,
    "The mill has two wheels. " + "They turn when snow melts far away in the blue mountains. " * 9,
)
CANAL = article(
    "canal",
    "The canal of Talas",
    "\n\n".join(paragraph.strip() for paragraph in PARAGRAPHS),
    date(2025, 6, 12),
)
MILLS = article("mills", "Mills", "The mill, the mill, the mill.", None)
DAYS = [article(f"day-{n}", f"Day {n}", f"Of day {n}.", date(2025, 1, n)) for n in range(1, 17)]
ALL = [CANAL, *DAYS, MILLS]

CHANGED = "This article has changed since. Please ask again."


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """An index of eighteen articles: two full pages, and two on the third."""
    path = tmp_path / "index.db"
    index_only(path, ALL)
    return path


def index_only(path: Path, articles: list[Article]) -> None:
    """Reindex: from now on these articles are known."""
    reindex(Corpus(tuple(articles), ()), path, EMBEDDER)


@pytest.fixture
def retriever(index: Path) -> Retriever:
    """What the bot of these tests knows."""
    return Retriever(SqliteStore.open(index, EMBEDDER), EMBEDDER, SURE)


def titles(message: Message) -> list[str]:
    """The linked titles in a message."""
    return [text for kind, text in entities(message) if kind == "text_link"]


def quotes(message: Message) -> list[str]:
    """What a message quotes."""
    return [text for kind, text in entities(message) if kind.endswith("blockquote")]


async def press(chat: Chat, card: Message, text: str, by: Person | None = None) -> Message:
    """Press a button, and return the card as it has become."""
    await chat.press(card, data_of(card, text), by=by)
    edited = await chat.next_edit()
    assert edited["message_id"] == card["message_id"]
    return edited


def forged(card: Message, data: str) -> Message:
    """The card as somebody's program shows it: with a button that the bot never made."""
    button = {"text": "?", "callback_data": data}
    return card | {"reply_markup": {"inline_keyboard": [[button]]}}


async def test_all_articles_can_be_paged_through(private: Chat, alice: Person) -> None:
    """In one message, newest first, from the first page to the last and back again."""
    first = await private.answer_to(await private.send(alice, "/articles"))
    assert first["text"].startswith("Articles 1–8 of 18, the newest first:\n\n")
    assert titles(first) == ["The canal of Talas", *(f"Day {day}" for day in range(16, 9, -1))]
    assert first["link_preview_options"] == {"is_disabled": True}
    assert buttons(first) == [["1", "2", "3", "4"], ["5", "6", "7", "8"], ["Next ▶"]]
    second = await press(private, first, "Next ▶")
    assert titles(second) == [f"Day {day}" for day in range(9, 1, -1)]
    third = await press(private, second, "Next ▶")
    assert titles(third) == ["Day 1", "Mills"]
    assert buttons(third) == [["17", "18"], ["◀ Back"]]
    again = await press(private, await press(private, third, "◀ Back"), "◀ Back")
    assert again["text"] == first["text"]
    assert again["reply_markup"] == first["reply_markup"]


async def test_an_article_can_be_read_to_its_end(private: Chat, alice: Person) -> None:
    """Nothing of what the bot knows is hidden: its pages hold the whole text."""
    page = await private.answer_to(await private.send(alice, "/articles"))
    page = await press(private, page, "1")
    assert page["text"].startswith("The canal of Talas\n12 June 2025\nThe canal is 14 km long.")
    read = quotes(page)
    while "Next ▶" in buttons(page)[0]:
        page = await press(private, page, "Next ▶")
        read += quotes(page)
    assert "\n\n".join(read) == CANAL.body
    assert page["text"].endswith("\nPage 3 of 3")
    before = await press(private, page, "◀ Back")
    assert quotes(before) == [PARAGRAPHS[1].strip()]


async def test_all_articles_leads_back_to_the_page_of_the_article(
    private: Chat, alice: Person
) -> None:
    """Who has come from the third page returns to the third page."""
    listed = await private.answer_to(await private.send(alice, "/articles"))
    listed = await press(private, await press(private, listed, "Next ▶"), "Next ▶")
    page = await press(private, listed, "18")
    assert page["text"] == "Mills\nThe mill, the mill, the mill."
    assert buttons(page) == [["Ask about this", "Share"], ["All articles"]]
    assert (await press(private, page, "All articles"))["text"] == listed["text"]


async def test_the_latest_articles_begin_in_the_chat(private: Chat, alice: Person) -> None:
    """The three newest, each with its first sentences; a number opens its page."""
    latest = await private.answer_to(await private.send(alice, "/latest"))
    assert titles(latest) == ["The canal of Talas", "Day 16", "Day 15"]
    opening, *others = quotes(latest)
    assert opening.startswith("The canal is 14 km long. It was dug by hand,")
    assert len(opening) <= 300
    assert others == ["Of day 16.", "Of day 15."]
    assert buttons(latest) == [["1", "2", "3"], ["All articles"]]
    page = await press(private, latest, "2")
    assert page["text"] == "Day 16\n16 January 2025\nOf day 16."
    assert (await press(private, page, "All articles"))["text"].startswith("Articles 1–8 of 18")


async def test_without_articles_both_say_so(private: Chat, alice: Person, index: Path) -> None:
    """An empty index is no error, and a list from before becomes empty, too."""
    listed = await private.answer_to(await private.send(alice, "/articles"))
    index_only(index, [])
    for command in ("/articles", "/latest"):
        reply = await private.answer_to(await private.send(alice, command))
        assert reply["text"].startswith("I don't know any articles yet.")
    emptied = await press(private, listed, "Next ▶")
    assert emptied["text"].startswith("I don't know any articles yet.")
    assert buttons(emptied) == []


async def test_a_question_about_one_article(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """What replies to the prompt is answered from that article, all else from all articles."""
    page = await press(
        private, await private.answer_to(await private.send(alice, "/articles")), "1"
    )
    await private.press(page, data_of(page, "Ask about this"))
    prompt = await private.next_message()
    assert prompt["text"] == "Reply to this message with your question about “The canal of Talas”."
    [link] = prompt["entities"]
    assert link["url"] == f"https://t.me/green_bot?start=a{CANAL.content_hash[:12]}"
    sent = [request for request in api.requests if request.method == "sendMessage"][-1]
    assert sent.params["reply_markup"] == {"force_reply": True, "selective": False}
    question = await private.send(alice, "What does the mill have?", reply_to=prompt)
    assert titles(await private.answer_to(question))[0] == "The canal of Talas"
    question = await private.send(alice, "What does the mill have?")
    assert titles(await private.answer_to(question))[0] == "Mills"


async def test_in_a_group_the_prompt_is_for_who_asked_for_the_page(
    api: BotApiServer, group: Chat, bakyt: Person, alice: Person
) -> None:
    """It replies to their message, so Telegram prompts them alone; anybody may reply to it."""
    command = await group.send(bakyt, "/latest@green_bot")
    page = await press(group, await group.answer_to(command), "1")
    await group.press(page, data_of(page, "Ушул макала жөнүндө суроо берүү"), by=bakyt)
    prompt = await group.answer_to(command)
    assert prompt["text"].startswith("Ушул билдирүүгө жооп кылып, «The canal of Talas»")
    sent = [request for request in api.requests if request.method == "sendMessage"][-1]
    assert sent.params["reply_markup"] == {"force_reply": True, "selective": True}
    question = await group.send(alice, "What does the mill have?", reply_to=prompt)
    assert titles(await group.answer_to(question))[0] == "The canal of Talas"


async def test_a_forum_is_kept_to_the_topic(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """Lists and prompts come where they were asked for."""
    forum = api.supergroup("Green forum", forum=True)
    topic = await forum.topic("Water")
    listed = await forum.answer_to(
        await forum.send(alice, "/articles@green_bot", message_thread_id=topic)
    )
    assert listed["message_thread_id"] == topic
    page = await press(forum, listed, "1", by=alice)
    await forum.press(page, data_of(page, "Ask about this"), by=alice)
    assert (await forum.next_message())["message_thread_id"] == topic


async def test_pages_keep_their_language(
    api: BotApiServer, group: Chat, bakyt: Person, alice: Person, index: Path
) -> None:
    """Whoever presses in a group, the card stays in the language of who asked for it."""
    listed = await group.answer_to(await group.send(bakyt, "/articles"))
    assert listed["text"].startswith("Макалалар 1–8 (баары 18), эң жаңысынан баштап:")
    page = await press(group, listed, "1", by=alice)
    assert page["text"].endswith("\n1-бет (баары 3)")
    listed = await press(group, page, "Бардык макалалар", by=alice)
    assert listed["text"].startswith("Макалалар 1–8")
    index_only(index, [])
    await group.press(listed, data_of(listed, "1"), by=alice)
    answers = [await api.next_request("answerCallbackQuery") for _ in range(3)]
    assert answers[-1]["text"].startswith("Бул макала ошондон бери өзгөрдү.")


async def test_pages_outlive_a_restart(
    api: BotApiServer, alice: Person, retriever: Retriever, index: Path, journal: Journal
) -> None:
    """Buttons go on to work with another process, and after a reindex of other articles."""
    chat = api.private_chat(alice)
    async with running(build(api, retriever, journal)):
        listed = await chat.answer_to(await chat.send(alice, "/articles"))
        await chat.press(listed, data_of(listed, "1"))
        page = await chat.next_edit()
        await chat.press(page, data_of(page, "Ask about this"))
        prompt = await chat.next_message()
    index_only(index, [CANAL, MILLS])
    again = Retriever(SqliteStore.open(index, EMBEDDER), EMBEDDER, SURE)
    async with running(build(api, again, journal)):
        assert (await press(chat, page, "Next ▶"))["text"].endswith("\nPage 2 of 3")
        question = await chat.send(alice, "What does the mill have?", reply_to=prompt)
        assert titles(await chat.answer_to(question))[0] == "The canal of Talas"
        # There is no second page any more: the last one is shown.
        assert (await press(chat, listed, "Next ▶"))["text"].startswith("Articles 1–2 of 2,")


async def test_an_article_that_has_changed_says_so(
    api: BotApiServer, private: Chat, alice: Person, index: Path
) -> None:
    """Its buttons, its prompt and its link show no other text than the one they were made for."""
    listed = await private.answer_to(await private.send(alice, "/articles"))
    page = await press(private, listed, "1")
    await api.next_request("answerCallbackQuery")
    await private.press(page, data_of(page, "Ask about this"))
    await api.next_request("answerCallbackQuery")
    prompt = await private.next_message()
    index_only(index, [article("canal", "The canal of Talas", "It is gone.", None)])
    for text in ("Next ▶", "Ask about this"):
        await private.press(page, data_of(page, text))
        alert = await api.next_request("answerCallbackQuery")
        assert (alert["text"], alert["show_alert"]) == (CHANGED, True)
    question = await private.send(alice, "What does the mill have?", reply_to=prompt)
    assert (await private.answer_to(question))["text"] == CHANGED
    link = await private.send(alice, f"/start a{CANAL.content_hash[:12]}")
    assert (await private.answer_to(link))["text"] == CHANGED
    assert private.unread == []


async def test_a_link_opens_an_article(private: Chat, alice: Person) -> None:
    """The title in a prompt leads to the article's page in the bot."""
    opened = await private.answer_to(
        await private.send(alice, f"/start a{CANAL.content_hash[:12]}")
    )
    assert quotes(opened) == [PARAGRAPHS[0].strip()]
    assert buttons(opened) == [["Next ▶"], ["Ask about this", "Share"], ["All articles"]]


@pytest.mark.parametrize(
    "data",
    [
        "articles:en:",
        "articles:de:1",
        "articles:en:9999999",
        "article:en:nothexadecim:1",
        "article:en:000000000000:1",
        "about:en:000000000000",
        "about:en:' OR 1=1 --",
    ],
)
async def test_forged_data_gets_a_kind_word(
    data: str, api: BotApiServer, private: Chat, alice: Person
) -> None:
    """What no button of ours carries changes nothing and is no error."""
    listed = await private.answer_to(await private.send(alice, "/articles"))
    await private.press(forged(listed, data), data)
    alert = await api.next_request("answerCallbackQuery")
    assert alert["text"] == CHANGED
    after = await private.send(alice, "/latest")
    await private.answer_to(after)
    assert private.unread == []


async def test_a_page_far_beyond_the_last_is_the_last(private: Chat, alice: Person) -> None:
    """Numbers that were true once, or never, do no harm."""
    card = await private.answer_to(await private.send(alice, "/articles"))
    beyond = "articles:en:999999"
    await private.press(forged(card, beyond), beyond)
    assert titles(await private.next_edit()) == ["Day 1", "Mills"]
    beyond = f"article:en:{CANAL.content_hash[:12]}:999999"
    await private.press(forged(card, beyond), beyond)
    assert (await private.next_edit())["text"].endswith("\nPage 3 of 3")


async def test_turning_a_page_twice_does_no_harm(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """The second press changes nothing, and both are answered."""
    listed = await private.answer_to(await private.send(alice, "/articles"))
    for _ in range(2):
        await private.press(listed, data_of(listed, "Next ▶"))
    assert titles(await private.next_edit())[0] == "Day 9"
    await api.wait_until(lambda: api.refused or None, "refusal", 30)
    await api.wait_until(lambda: not api.unanswered_presses or None, "answer to each press", 30)
    assert private.unread == []
    assert "message is not modified" in api.refused.pop().description


@pytest.mark.parametrize(("seconds", "prompts"), [(60, 1), (0, 2)])
async def test_a_double_tap_asks_once(
    seconds: int,
    prompts: int,
    private: Chat,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pressed twice at once there is one prompt; pressed again later there is another."""
    monkeypatch.setattr(articles_handler, "_DOUBLE_TAP", seconds)
    latest = await private.answer_to(await private.send(alice, "/latest"))
    page = await press(private, latest, "1")
    for _ in range(2):
        await private.press(page, data_of(page, "Ask about this"))
    for _ in range(prompts):
        assert (await private.next_message())["text"].startswith("Reply to this message")
    await private.answer_to(await private.send(alice, "/latest"))
    assert private.unread == []


async def test_two_people_are_prompted_each(
    api: BotApiServer, group: Chat, alice: Person, bakyt: Person
) -> None:
    """A tap of somebody else, or on another article, is no double tap."""
    latest = await group.answer_to(await group.send(alice, "/latest"))
    first = await press(group, latest, "1")
    await group.press(first, data_of(first, "Ask about this"), by=alice)
    await group.press(first, data_of(first, "Ask about this"), by=bakyt)
    second = await press(group, latest, "2")
    await group.press(second, data_of(second, "Ask about this"), by=alice)
    about = [titles(await group.next_message()) for _ in range(3)]
    assert about == [["The canal of Talas"], ["The canal of Talas"], ["Day 16"]]


async def test_a_deleted_page_does_no_harm(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """It can't be turned; a question may be asked all the same, and no clock runs on."""
    latest = await private.answer_to(await private.send(alice, "/latest"))
    page = await press(private, latest, "1")
    await private.delete(page)
    for text in ("Next ▶", "Ask about this"):
        await private.press(page, data_of(page, text))
    prompt = await private.next_message()
    assert "reply_to_message" not in prompt
    question = await private.send(alice, "What does the mill have?", reply_to=prompt)
    assert titles(await private.answer_to(question))[0] == "The canal of Talas"
    assert private.unread == []
    assert api.unanswered_presses == []
    await api.wait_until(lambda: api.refused or None, "refusal", 30)
    assert "message to edit not found" in api.refused.pop().description


async def test_a_page_is_prompted_for_though_its_command_is_gone(
    private: Chat, alice: Person
) -> None:
    """People tidy up: the prompt comes all the same."""
    command = await private.send(alice, "/latest")
    page = await press(private, await private.answer_to(command), "1")
    await private.delete(command)
    await private.press(page, data_of(page, "Ask about this"))
    assert (await private.next_message())["text"].startswith("Reply to this message")
