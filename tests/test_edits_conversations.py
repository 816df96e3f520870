"""/edit, /remove and /undo: every change is in the answers at once, and can be taken back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bot import application
from bot.application import Bot
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import Message, build, buttons, data_of
from embeddings.confidence import Calibration
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from fixed_reading import FolderReindexing
from knowledge.article import Article, format_article
from knowledge.changes import Changes
from knowledge.corpus import load_corpus
from word_embedder import WordEmbedder

EMBEDDER = WordEmbedder("canal", "dam", "day")
# Whatever is found is an answer.
SURE = Calibration(intercept=5.0, weights={}, model=EMBEDDER.model, fitted_on="nothing")
CANAL = Article(
    slug="canal",
    title="The canal of Talas",
    url="https://example.org/canal",
    body="The canal is 14 km long.",
    publisher="Talas Times",
    language="en",
    published=date(2025, 6, 12),
)
DAYS = [
    Article(f"day-{n}", f"Day {n}", f"https://example.org/{n}", f"Of day {n}.", None, "en", None)
    for n in range(1, 10)
]
REFUSED = "This article is not there any more, or it has changed. Please look it up again: /edit."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of articles: ten of them."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for article in (CANAL, *DAYS):
        (folder / f"{article.slug}.md").write_text(format_article(article), "utf-8")
    return folder


@pytest.fixture
def retriever(folder: Path, tmp_path: Path) -> Retriever:
    """What the bot of these tests knows."""
    path = tmp_path / "index.db"
    reindex(load_corpus(folder), path, EMBEDDER)
    return Retriever(SqliteStore.open(path, EMBEDDER), EMBEDDER, SURE)


@pytest.fixture
async def bot(  # noqa: PLR0913, PLR0917 - each is a part of the bot's world
    api: BotApiServer,
    alice: Person,
    folder: Path,
    tmp_path: Path,
    retriever: Retriever,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Bot]:
    """The bot, polling; it reindexes at once."""
    reindexing = FolderReindexing(folder, tmp_path / "index.db", EMBEDDER)
    monkeypatch.setattr(application, "Reindexing", lambda *_: reindexing)
    api.private_chat(alice)
    settings: dict[str, Any] = {"articles_dir": folder, "data_dir": tmp_path / "data"}
    bot = build(api, retriever, journal, admin_ids=str(alice.id), **settings)
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


async def ask_detail(
    chat: Chat, person: Person, card: Message, button: str, typed: str
) -> Message:
    """Press a button that prompts, reply to the prompt, and return the last answer to that."""
    await chat.press(card, data_of(card, button))
    prompt = await chat.next_message()
    return await chat.answer_to(await chat.send(person, typed, reply_to=prompt))


def article(folder: Path, slug: str = "canal") -> Article | None:
    """An article as it is in the folder."""
    return Changes(folder).read(slug)


@pytest.mark.parametrize(
    "words", ["https://www.example.org/canal/", "talas CANAL", "canal", "example.org/canal"]
)
async def test_edit_by_link_or_title(words: str, private: Chat, alice: Person) -> None:
    """Both lead to the article with what can be changed."""
    card = await private.answer_to(await private.send(alice, f"/edit {words}"))
    assert card["text"] == (
        "What shall I change?\n\nThe canal of Talas\nTalas Times · 12 June 2025\n"
        "https://example.org/canal"
    )
    assert buttons(card) == [["Title", "Date"], ["Link", "Publisher"]]


async def test_each_detail_can_be_edited(private: Chat, alice: Person, folder: Path) -> None:
    """Each is one change, in the answers at once, and each can be undone."""
    card = await private.answer_to(await private.send(alice, "/edit canal"))
    edited = CANAL
    for button, typed, fields in (
        ("Title", "The great canal", {"title": "The great canal"}),
        ("Date", "1.6.2025", {"published": date(2025, 6, 1)}),
        ("Link", "example.org/great", {"url": "https://example.org/great"}),
        ("Publisher", "-", {"publisher": None}),
    ):
        answer = await ask_detail(private, alice, card, button, typed)
        edited = replace(edited, **fields)
        assert answer["text"].startswith(f"Changed: “{edited.title}”.\n⏳")
        answer = await become(private, answer)
        assert "✅ It is in my answers now: 1 passage." in answer["text"]
        assert article(folder) == edited
    question = await private.send(alice, "How long is the canal?")
    assert (
        "The great canal\n1 June 2025\nhttps://example.org/great"
        in (await private.answer_to(question))["text"]
    )
    undone = await press(private, answer, "Undo")
    undone = await become(private, undone)
    assert undone["text"].startswith("Undone: “The great canal” is as it was before.")
    assert article(folder) == replace(edited, publisher="Talas Times")


async def test_undo_step_by_step(private: Chat, alice: Person, folder: Path) -> None:
    """/undo takes back one change at a time, and says what the next one would."""
    card = await private.answer_to(await private.send(alice, "/edit canal"))
    await become(private, await ask_detail(private, alice, card, "Title", "The dam"))
    card = await private.answer_to(await private.send(alice, "/remove day 9"))
    await become(private, await press(private, card, "Remove"))
    undone = await become(private, await private.answer_to(await private.send(alice, "/undo")))
    assert undone["text"] == (
        "Undone: “Day 9” is back.\n✅ It is in my answers now: 1 passage. Ask me about it!\n"
        "Another /undo takes back the change of “The dam”."
    )
    undone = await become(private, await private.answer_to(await private.send(alice, "/undo")))
    assert undone["text"].startswith("Undone: “The dam” is as it was before.")
    assert article(folder) == CANAL
    nothing = await private.answer_to(await private.send(alice, "/undo"))
    assert nothing["text"] == "There is nothing to undo."


async def test_undo_after_an_edit_by_hand(private: Chat, alice: Person, folder: Path) -> None:
    """Nothing is lost, and it is said where the other version is."""
    card = await private.answer_to(await private.send(alice, "/edit canal"))
    changed = await become(private, await ask_detail(private, alice, card, "Title", "The dam"))
    (folder / "canal.md").write_text("By hand.", "utf-8")
    undone = await become(private, await press(private, changed, "Undo"))
    assert "Somebody had changed its file since" in undone["text"]
    assert article(folder) == CANAL
    [kept] = (folder / ".trash").glob("*/by-hand.md")
    assert kept.read_text("utf-8") == "By hand."


async def test_undo_by_old_buttons(
    api: BotApiServer, private: Chat, alice: Person, folder: Path
) -> None:
    """A change with a later one on top isn't undone, nor is one twice; both are told."""
    card = await private.answer_to(await private.send(alice, "/edit canal"))
    first = await become(private, await ask_detail(private, alice, card, "Title", "One"))
    second = await become(private, await ask_detail(private, alice, card, "Title", "Two"))
    for _ in range(2):
        await api.next_request("answerCallbackQuery")
    await private.press(first, data_of(first, "Undo"))
    alert = await api.next_request("answerCallbackQuery")
    assert alert["text"].startswith("This article was changed again since.")
    await become(private, await press(private, second, "Undo"))
    await api.next_request("answerCallbackQuery")
    await private.press(second, data_of(second, "Undo"))
    alert = await api.next_request("answerCallbackQuery")
    assert alert["text"] == "This is undone already."
    restored = article(folder)
    assert restored
    assert restored.title == "One"


async def test_remove(private: Chat, alice: Person, folder: Path) -> None:
    """It is asked once; then the article is in no answer, and Undo brings it back."""
    card = await private.answer_to(await private.send(alice, "/remove canal"))
    assert card["text"].startswith("Remove this article? I won't quote it any more;")
    assert "The canal of Talas" in card["text"]
    kept = await press(private, card, "Keep it")
    assert kept["text"].startswith("Which article shall I remove?")
    card = await press(private, kept, "The canal of Talas")
    removed = await become(private, await press(private, card, "Remove"))
    assert removed["text"] == "Removed: “The canal of Talas”.\n✅ I don't quote it any more."
    assert article(folder) is None
    question = await private.send(alice, "How long is the canal?")
    assert "14 km" not in (await private.answer_to(question))["text"]
    await become(private, await press(private, removed, "Undo"))
    assert article(folder) == CANAL
    question = await private.send(alice, "How long is the canal?")
    assert "14 km" in (await private.answer_to(question))["text"]


async def test_the_newest_articles_to_choose_from(private: Chat, alice: Person) -> None:
    """Without a word, articles are buttons, eight on a page."""
    card = await private.answer_to(await private.send(alice, "/edit"))
    assert card["text"].startswith("Which article shall I change?")
    assert buttons(card)[0] == ["The canal of Talas"]
    assert buttons(card)[-1] == ["Next ▶"]
    assert len(buttons(card)) == 9
    card = await press(private, card, "Next ▶")
    assert buttons(card) == [["Day 8"], ["Day 9"], ["◀ Back"]]
    card = await press(private, card, "Day 9")
    assert card["text"].startswith("What shall I change?\n\nDay 9\n")


async def test_several_titles(private: Chat, alice: Person) -> None:
    """Words that several titles have give a choice; of none, it is said."""
    card = await private.answer_to(await private.send(alice, "/remove day"))
    assert "These are 8 of 9;" in card["text"]
    assert [row[0] for row in buttons(card)] == [f"Day {n}" for n in range(1, 9)]
    nothing = await private.answer_to(await private.send(alice, "/edit moon"))
    assert nothing["text"].startswith("I know no article with this link,")


async def test_two_articles_cannot_share_a_link(
    private: Chat, alice: Person, folder: Path
) -> None:
    """Of two, one would silently be left out."""
    card = await private.answer_to(await private.send(alice, "/edit canal"))
    answer = await ask_detail(private, alice, card, "Link", "https://example.org/1")
    assert answer["text"] == "Another article has this link already, so I changed nothing."
    assert article(folder) == CANAL


async def test_what_is_not_understood_is_asked_for_again(private: Chat, alice: Person) -> None:
    """What changes nothing is said, too."""
    card = await private.answer_to(await private.send(alice, "/edit canal"))
    again = await ask_detail(private, alice, card, "Date", "in spring")
    assert again["text"].startswith("I didn't understand that.")
    same = await private.answer_to(await private.send(alice, "12.06.2025", reply_to=again))
    assert same["text"] == "It is so already."


async def test_an_article_that_is_gone(
    api: BotApiServer, private: Chat, alice: Person, folder: Path
) -> None:
    """Somebody has removed its file: every button and prompt says so."""
    card = await private.answer_to(await private.send(alice, "/edit canal"))
    question = await private.answer_to(await private.send(alice, "/remove canal"))
    await private.press(card, data_of(card, "Title"))
    await api.next_request("answerCallbackQuery")
    prompt = await private.next_message()
    (folder / "canal.md").unlink()
    for pressed, button in ((card, "Title"), (question, "Remove")):
        await private.press(pressed, data_of(pressed, button))
        assert (await api.next_request("answerCallbackQuery"))["text"] == REFUSED
    answer = await private.answer_to(await private.send(alice, "The dam", reply_to=prompt))
    assert answer["text"] == REFUSED


@pytest.mark.parametrize(
    "data",
    [
        "change:edit:en:",
        "change:edit:en:zzzzzzzzzzzz",
        "change:edit:en:000000000000",
        "change:ask:en:000000000000:body",
        "change:list:en:publish:1",
        "change:removed:de:000000000000",
    ],
)
async def test_forged_data_gets_a_kind_word(
    data: str, api: BotApiServer, private: Chat, alice: Person
) -> None:
    """What no button of ours carries changes nothing and is no error."""
    card = await private.answer_to(await private.send(alice, "/edit"))
    button = {"inline_keyboard": [[{"text": "?", "callback_data": data}]]}
    await private.press(card | {"reply_markup": button}, data)
    assert (await api.next_request("answerCallbackQuery"))["text"] == REFUSED
