"""Admins add articles: by a link, a file or a forwarded post, as a draft that they save."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import administration, application
from bot.application import Bot
from bot.drafts.reading import Known, ReadDraft
from bot.drafts.waiting import ArticleDrafts, Origin
from bot.errors import ReadingFailed, ReindexError
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import Message, build, buttons, data_of, entities
from embeddings.confidence import Calibration
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from fixed_reading import FixedReading, FolderReindexing
from knowledge.article import Article, format_article, parse_article
from knowledge.corpus import load_corpus
from knowledge.drafts import Draft
from word_embedder import WordEmbedder

EMBEDDER = WordEmbedder("canal", "dam", "mill")
# Whatever is found is an answer.
SURE = Calibration(intercept=5.0, weights={}, model=EMBEDDER.model, fitted_on="nothing")
MILL = Article("mill", "The mill", "https://example.org/mill", "A mill.", None, "en", None)
LINK = "https://example.org/canal"
CANAL = Draft(
    title="The canal of Talas",
    url=LINK,
    body="The canal is 14 km long.\n\nIt was dug by hand.\n\nWater comes in May.",
    publisher="Talas Times",
    language="en",
    published=date(2025, 6, 12),
)
GONE = "This draft is gone: it has been saved or discarded already, perhaps by another admin."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of articles: one about a mill."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "mill.md").write_text(format_article(MILL), "utf-8")
    return folder


@pytest.fixture
def retriever(folder: Path, tmp_path: Path) -> Retriever:
    """What the bot of these tests knows."""
    path = tmp_path / "index.db"
    reindex(load_corpus(folder), path, EMBEDDER)
    return Retriever(SqliteStore.open(path, EMBEDDER), EMBEDDER, SURE)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> FixedReading:
    """What links lead to."""
    reading = FixedReading()
    reading.pages[LINK] = ReadDraft(CANAL)
    monkeypatch.setattr(administration, "Reading", lambda *_: reading)
    return reading


@pytest.fixture
def reindexing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderReindexing:
    """Reindexes at once."""
    reindexing = FolderReindexing(folder, tmp_path / "index.db", EMBEDDER)
    monkeypatch.setattr(application, "Reindexing", lambda *_: reindexing)
    return reindexing


@pytest.fixture
def drafts(tmp_path: Path) -> ArticleDrafts:
    """The drafts that wait."""
    return ArticleDrafts(tmp_path / "data" / "drafts")


@pytest.fixture
def make_bot(  # noqa: PLR0913, PLR0917 - each is a part of the bot's world
    api: BotApiServer,
    alice: Person,
    bakyt: Person,
    folder: Path,
    tmp_path: Path,
    retriever: Retriever,
    journal: Journal,
    reading: FixedReading,
    reindexing: FolderReindexing,
) -> Callable[[], Bot]:
    """Starts a process of the bot, so to speak, with two admins."""
    for person in (alice, bakyt):
        api.private_chat(person)
    settings: dict[str, Any] = {
        "admin_ids": f"{alice.id},{bakyt.id}",
        "articles_dir": folder,
        "data_dir": tmp_path / "data",
    }
    return lambda: build(api, retriever, journal, **settings)


@pytest.fixture
async def bot(make_bot: Callable[[], Bot]) -> AsyncIterator[Bot]:
    """The bot, polling."""
    bot = make_bot()
    async with running(bot):
        yield bot


async def become(chat: Chat, message: Message) -> Message:
    """The next form of a message of the bot."""
    edited = await chat.next_edit()
    assert edited["message_id"] == message["message_id"]
    return edited


async def press(chat: Chat, card: Message, text: str) -> Message:
    """Press a button, and return the card as it has become."""
    await chat.press(card, data_of(card, text))
    return await become(chat, card)


async def send_link(chat: Chat, person: Person, text: str = LINK) -> Message:
    """Send a link, and return the card that comes of it."""
    answer = await chat.answer_to(await chat.send(person, text))
    assert answer["text"] == "Reading…"
    return await become(chat, answer)


def slugs(folder: Path) -> list[str]:
    """The articles that there are."""
    return [article.slug for article in load_corpus(folder).articles]


async def test_a_link_becomes_an_answer(
    private: Chat,
    alice: Person,
    folder: Path,
    drafts: ArticleDrafts,
    reindexing: FolderReindexing,
) -> None:
    """Sent, looked at, saved, asked about, taken back."""
    card = await send_link(private, alice)
    assert card["text"] == (
        "A new article, not saved yet:\n\n"
        "The canal of Talas\n"
        "Talas Times · 12 June 2025 · English · 15 words · 1 passage\n"
        "https://example.org/canal\n"
        "The canal is 14 km long.\nIt was dug by hand. …"
    )
    assert ("bold", "The canal of Talas") in entities(card)
    assert ("blockquote", "The canal is 14 km long.\nIt was dug by hand. …") in entities(card)
    assert card["link_preview_options"] == {"is_disabled": True}
    assert buttons(card) == [["Save"], ["Title", "Date", "Link"], ["Discard"]]
    assert slugs(folder) == ["mill"]
    assert reindexing.warmed == 1

    saved = await press(private, card, "Save")
    assert saved["text"] == "Saved: “The canal of Talas”.\n⏳ Bringing this into my answers…"
    saved = await become(private, saved)
    assert saved["text"] == (
        "Saved: “The canal of Talas”.\n✅ It is in my answers now: 1 passage. Ask me about it!"
    )
    assert slugs(folder) == ["2025-06-12-the-canal-of-talas", "mill"]
    assert drafts.waiting().drafts == ()
    question = await private.send(alice, "How long is the canal?")
    assert "The canal is 14 km long." in (await private.answer_to(question))["text"]

    undone = await press(private, saved, "Undo")
    assert undone["text"].startswith("Undone: “The canal of Talas” is not among the articles")
    undone = await become(private, undone)
    assert undone["text"].endswith("✅ I don't quote it any more.")
    assert buttons(undone) == []
    assert slugs(folder) == ["mill"]
    question = await private.send(alice, "How long is the canal?")
    assert "14 km" not in (await private.answer_to(question))["text"]


@pytest.mark.parametrize("text", [f"/add {LINK}", f"  {LINK}\n", "example.org/canal"])
async def test_ways_to_send_a_link(text: str, private: Chat, alice: Person) -> None:
    """By a command, with spaces around it, or without https."""
    card = await send_link(private, alice, text)
    assert card["text"].startswith("A new article")


async def test_a_link_behind_words(private: Chat, alice: Person, reading: FixedReading) -> None:
    """Words that are nothing but a link are one as well."""
    marked = {"type": "text_link", "offset": 0, "length": 9, "url": LINK}
    answer = await private.answer_to(await private.send(alice, "Read this", entities=[marked]))
    assert (await become(private, answer))["text"].startswith("A new article")
    part = {"type": "text_link", "offset": 5, "length": 4, "url": LINK}
    question = await private.send(alice, "Read this canal", entities=[part])
    assert "mill" in (await private.answer_to(question))["text"]


async def test_a_question_with_a_link_stays_a_question(private: Chat, alice: Person) -> None:
    """Only a link alone is to be read."""
    question = await private.send(alice, f"What does {LINK} say about the mill?")
    assert "A mill." in (await private.answer_to(question))["text"]


async def test_add_alone_tells_how(private: Chat, alice: Person) -> None:
    """Who sends the bare command hears what can be sent."""
    for text in ("/add", "/add the canal"):
        answer = await private.answer_to(await private.send(alice, text))
        assert answer["text"].startswith("Send me a link to an article or a file")


async def test_strangers_are_answered_as_ever(
    api: BotApiServer, bot: Bot, folder: Path, drafts: ArticleDrafts
) -> None:
    """For who is no admin a link is a question, and the commands don't exist."""
    stranger = api.user("Mallory", language_code="en")
    chat = api.private_chat(stranger)
    await chat.answer_to(await chat.send(stranger, LINK))
    for command in ("/add x.org", "/drafts", "/edit", "/remove", "/undo"):
        answer = await chat.answer_to(await chat.send(stranger, command))
        assert answer["text"].startswith("I don't know that command.")
    answer = await chat.answer_to(await chat.send_document(stranger, "a.txt", b"The canal."))
    assert answer["text"].startswith("I only understand text.")
    draft_id = drafts.add(CANAL, Origin(source="Times"))
    for data in (f"draft:save:en:{draft_id}", "draft:list:en:1", "change:list:en:edit:1"):
        button = {"inline_keyboard": [[{"text": "?", "callback_data": data}]]}
        await chat.press(answer | {"reply_markup": button}, data)
        assert "changed since" in (await api.next_request("answerCallbackQuery"))["text"]
    assert slugs(folder) == ["mill"]
    assert drafts.get(draft_id)


async def test_a_problem_is_told_in_the_admins_language(
    api: BotApiServer, bakyt: Person, bot: Bot
) -> None:
    """What went wrong and the way out, in place of "Reading…"."""
    chat = api.private_chat(bakyt)
    answer = await chat.answer_to(await chat.send(bakyt, "https://example.org/nothing"))
    assert answer["text"] == "Окуп жатам…"
    problem = await become(chat, answer)
    assert problem["text"].startswith("Сайтта мындай барак жок")


async def test_a_process_that_fails(private: Chat, alice: Person, reading: FixedReading) -> None:
    """The reason is told, as the process gave it."""
    reading.failure = ReadingFailed("The folder is gone.")
    card = await send_link(private, alice)
    assert card["text"] == "I couldn't read this: The folder is gone."


async def test_the_chat_goes_on_while_a_page_is_read(
    private: Chat, alice: Person, reading: FixedReading
) -> None:
    """A slow site keeps nobody from asking."""
    reading.may_go_on.clear()
    answer = await private.answer_to(await private.send(alice, LINK))
    question = await private.send(alice, "What about the mill?")
    assert "A mill." in (await private.answer_to(question))["text"]
    reading.may_go_on.set()
    assert (await become(private, answer))["text"].startswith("A new article")


async def test_a_reading_ends_with_the_bot(
    api: BotApiServer, alice: Person, make_bot: Callable[[], Bot], reading: FixedReading
) -> None:
    """Who stops the bot need not wait for a slow site."""
    chat = api.private_chat(alice)
    reading.may_go_on.clear()
    async with running(make_bot()):
        await chat.answer_to(await chat.send(alice, LINK))
    assert chat.unread == []


async def test_details_are_corrected_by_replies(
    api: BotApiServer, private: Chat, alice: Person, reading: FixedReading, folder: Path
) -> None:
    """What is missing is said, asked for, and shown anew after each reply."""
    reading.pages[LINK] = ReadDraft(replace(CANAL, title=None, url=None, published=None))
    card = await send_link(private, alice)
    assert "(no title)" in card["text"]
    for warning in ("I found no title", "I don't know the article's link", "I found no date"):
        assert warning in card["text"]
    await private.press(card, data_of(card, "Save"))
    alert = await api.next_request("answerCallbackQuery")
    assert alert["text"].startswith("⚠️ I found no title.")
    assert alert["show_alert"]
    for button, typed, shown in (
        ("Title", "The great\ncanal", "The great canal"),
        ("Date", "1 июня 2025", "1 June 2025"),
        ("Link", "example.org/great", "https://example.org/great"),
    ):
        await private.press(card, data_of(card, button))
        prompt = await private.next_message()
        assert prompt["text"].startswith("Reply to this message with")
        sent = [request for request in api.requests if request.method == "sendMessage"][-1]
        assert sent.params["reply_markup"] == {"force_reply": True}
        card = await private.answer_to(await private.send(alice, typed, reply_to=prompt))
        assert shown in card["text"]
    assert "⚠️" not in card["text"]
    await become(private, await press(private, card, "Save"))
    [saved] = [slug for slug in slugs(folder) if slug != "mill"]
    text = (folder / f"{saved}.md").read_text("utf-8")
    article = parse_article(saved, text)
    assert (article.slug, article.url) == (
        "2025-06-01-the-great-canal",
        "https://example.org/great",
    )


async def test_what_is_no_date_is_asked_for_again(private: Chat, alice: Person) -> None:
    """The prompt comes once more; a dash means that there is no date."""
    card = await send_link(private, alice)
    await private.press(card, data_of(card, "Date"))
    prompt = await private.next_message()
    again = await private.answer_to(await private.send(alice, "in spring", reply_to=prompt))
    assert again["text"].startswith("I didn't understand that.\n\nReply to this message with the")
    card = await private.answer_to(await private.send(alice, "-", reply_to=again))
    assert "I found no date" in card["text"]


async def test_a_known_link_is_replaced(
    private: Chat, alice: Person, reading: FixedReading, folder: Path
) -> None:
    """The card says so beforehand, and the old text comes back by /undo."""
    link = "https://example.org/mill?utm_source=tg"
    reading.pages[link] = ReadDraft(replace(CANAL, url=link), Known("mill", "The mill"))
    card = await send_link(private, alice, link)
    assert "⚠️ I know this link already: “The mill”." in card["text"]
    assert buttons(card)[0] == ["Replace"]
    saved = await become(private, await press(private, card, "Replace"))
    assert saved["text"].startswith("Changed: “The canal of Talas”.")
    assert slugs(folder) == ["mill"]
    assert "14 km" in (folder / "mill.md").read_text("utf-8")
    command = await private.send(alice, "/undo")
    undone = await become(private, await private.answer_to(command))
    assert undone["text"].startswith("Undone: “The canal of Talas” is as it was before.")
    assert (folder / "mill.md").read_text("utf-8") == format_article(MILL)


async def test_a_known_text_is_told(private: Chat, alice: Person, reading: FixedReading) -> None:
    """An admin decides whether they want it twice."""
    reading.pages[LINK] = ReadDraft(CANAL, same_text=Known("mill", "The mill"))
    card = await send_link(private, alice)
    assert "⚠️ I know this text already, under another link: “The mill”." in card["text"]


async def test_a_file_becomes_a_draft(private: Chat, alice: Person) -> None:
    """It has no link, which is asked for."""
    content = b"# The canal\n\nThe canal is 14 km long.\n"
    message = await private.send_document(alice, "канал.md", content)
    card = await become(private, await private.answer_to(message))
    assert "The canal\nEnglish · 6 words" in card["text"]
    assert "I don't know the article's link" in card["text"]


async def test_a_file_that_is_too_large(private: Chat, alice: Person) -> None:
    """Telegram would not hand it out, and its sender hears so at once."""
    large = bytes(20 * 1024**2 + 1)
    message = await private.send_document(alice, "large.pdf", large)
    assert "20 MB at most" in (await private.answer_to(message))["text"]


async def test_a_file_that_does_not_arrive(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """What Telegram says is told."""
    api.fail_next("getFile", status=400, description="Bad Request: wrong file_id")
    answer = await private.answer_to(await private.send_document(alice, "a.txt", b"Text."))
    problem = await become(private, answer)
    assert problem["text"].startswith("I couldn't read this: Telegram does not hand out the file")


POST = "A mill for Talas\n\nThe mill was opened today.\nIt has two wheels."


async def test_a_channel_post_becomes_a_draft(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """With the channel as publisher, the post's link and date, and its first line as title."""
    channel = api.channel("Green Talas", username="green_talas")
    post = await channel.send(channel.owner, POST)
    card = await become(private, await private.answer_to(await private.forward(alice, post)))
    day = datetime.fromtimestamp(post["date"], UTC)
    lines = card["text"].splitlines()
    assert lines[2] == "A mill for Talas"
    assert lines[3].startswith(f"Green Talas · {day.day} ")
    assert lines[4] == f"https://t.me/green_talas/{post['message_id']}"
    assert lines[5:] == ["The mill was opened today.", "It has two wheels."]


async def test_a_post_of_a_private_channel(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """Nobody else could open its link, so an admin is asked for another one."""
    channel = api.channel("Green Talas")
    post = await channel.send_photo(channel.owner, "It has two wheels. And a roof.")
    card = await become(private, await private.answer_to(await private.forward(alice, post)))
    assert "It has two wheels. And a roof\n" in card["text"]
    assert "I don't know the article's link" in card["text"]


async def test_a_persons_forward_stays_a_question(
    private: Chat, alice: Person, bakyt: Person
) -> None:
    """What a person wrote is no publication."""
    question = await private.send(alice, "What about the mill?", forwarded_from=bakyt)
    assert "A mill." in (await private.answer_to(question))["text"]


async def test_saving_twice_saves_once(
    api: BotApiServer, private: Chat, alice: Person, folder: Path
) -> None:
    """A double tap does no harm: the second press finds no draft."""
    card = await send_link(private, alice)
    for _ in range(2):
        await private.press(card, data_of(card, "Save"))
    saved = await become(private, await become(private, card))
    assert saved["text"].startswith("Saved: “The canal of Talas”.\n✅")
    answers = [await api.next_request("answerCallbackQuery") for _ in range(2)]
    assert [answer.get("text") for answer in answers] == [None, GONE]
    assert len(slugs(folder)) == 2


async def test_two_admins(api: BotApiServer, private: Chat, alice: Person, bakyt: Person) -> None:
    """The second one hears that another has done it, and of the same link there is one draft."""
    chat = api.private_chat(bakyt)
    card = await send_link(private, alice)
    answer = await chat.answer_to(await chat.send(bakyt, LINK))
    other = await become(chat, answer)
    await become(private, await press(private, card, "Save"))
    await chat.press(other, data_of(other, "Сактоо"))
    await api.next_request("answerCallbackQuery")
    alert = await api.next_request("answerCallbackQuery")
    assert alert["text"].startswith("Бул долбоор эми жок")


async def test_discard(private: Chat, alice: Person, folder: Path, drafts: ArticleDrafts) -> None:
    """It is gone, and nothing was saved; who pressed by mistake gets it back."""
    card = await send_link(private, alice)
    discarded = await press(private, card, "Discard")
    assert discarded["text"] == "Discarded: “The canal of Talas”."
    assert drafts.waiting().drafts == ()
    assert slugs(folder) == ["mill"]
    back = await press(private, discarded, "Undo")
    assert (back["text"], buttons(back)) == (card["text"], buttons(card))
    assert [each.draft.title for each in drafts.waiting().drafts] == ["The canal of Talas"]


async def test_drafts_one_after_the_other(
    private: Chat, alice: Person, drafts: ArticleDrafts
) -> None:
    """Those of sources wait as well; saved or discarded, the rest is told."""
    answer = await private.answer_to(await private.send(alice, "/drafts"))
    assert answer["text"].startswith("No articles are waiting for you.")
    drafts.add(CANAL, Origin(source="Talas Times"))
    drafts.add(replace(CANAL, title="The dam", url="https://example.org/dam"), Origin(admin_id=1))
    card = await private.answer_to(await private.send(alice, "/drafts"))
    assert card["text"].startswith("Draft 1 of 2, not saved yet:\n\nThe canal of Talas\n")
    assert "From the source “Talas Times”." in card["text"]
    assert buttons(card)[-1] == ["Next ▶"]
    card = await press(private, card, "Next ▶")
    assert card["text"].startswith("Draft 2 of 2, not saved yet:\n\nThe dam\n")
    assert buttons(card)[-1] == ["◀ Back"]
    discarded = await press(private, card, "Discard")
    assert discarded["text"].endswith("1 more draft is waiting: /drafts")


async def test_drafts_outlive_a_restart(
    api: BotApiServer, alice: Person, make_bot: Callable[[], Bot], folder: Path
) -> None:
    """The buttons below yesterday's card still save, and its prompt still corrects."""
    chat = api.private_chat(alice)
    async with running(make_bot()):
        card = await send_link(chat, alice)
        await chat.press(card, data_of(card, "Title"))
        prompt = await chat.next_message()
    async with running(make_bot()):
        await chat.answer_to(await chat.send(alice, "The new canal", reply_to=prompt))
        saved = await become(chat, await press(chat, card, "Save"))
        assert slugs(folder) == ["2025-06-12-the-new-canal", "mill"]
    async with running(make_bot()):
        await become(chat, await press(chat, saved, "Undo"))
        assert slugs(folder) == ["mill"]


async def test_a_failed_reindex_loses_nothing(
    private: Chat, alice: Person, folder: Path, reindexing: FolderReindexing
) -> None:
    """The article stays saved, and the admin hears what happens next."""
    card = await send_link(private, alice)
    reindexing.failure = ReindexError("The disk is full.")
    saved = await become(private, await press(private, card, "Save"))
    assert saved["text"] == (
        "Saved: “The canal of Talas”.\nIt isn't in my answers yet: The disk is full. I will try "
        "again at the next change, or when you send /reindex."
    )
    assert buttons(saved) == [["Undo"]]
    assert len(slugs(folder)) == 2


@pytest.mark.parametrize(
    "data",
    [
        "draft:save:en:",
        "draft:save:de:abcdefgh",
        "draft:save:en:../../..",
        "draft:ask:en:abcdefgh:body",
        "draft:list:en:9999999",
        "draft:destroy:en:abcdefgh",
    ],
)
async def test_forged_data_gets_a_kind_word(
    data: str, api: BotApiServer, private: Chat, alice: Person
) -> None:
    """What no button of ours carries changes nothing and is no error."""
    card = await send_link(private, alice)
    button = {"inline_keyboard": [[{"text": "?", "callback_data": data}]]}
    await private.press(card | {"reply_markup": button}, data)
    assert (await api.next_request("answerCallbackQuery"))["text"] == GONE
