"""/status, /stats and /unanswered: whole conversations with the real application."""

import io
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from telegram import User

from bot.application import Bot
from bot.drafts.waiting import ArticleDrafts, Origin
from bot.insight.cards import GROUPS_ON_A_PAGE, status_text
from bot.insight.charts import draw_aside
from bot.insight.status import FailingSource, Kept, Machine, Status, Waiting
from bot.logs import LoggedWarning
from bot.serving import running
from bot.storage.database import replace_row
from bot.storage.journal import AskedQuestion, Journal
from bot.storage.schema import SOURCES
from bot.troubles import Trouble
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import Message, build, buttons, data_of, entities
from embeddings.errors import IndexUnusable
from embeddings.retriever import IndexState
from fixed_retriever import FixedRetriever
from knowledge.drafts import Draft
from word_embedder import WordEmbedder

QUESTION = AskedQuestion(1, "What does a ticket cost?", "en", "not-found", None, None, "private")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUS = Status(
    version="0.1.0",
    model="packaged",
    index=IndexState(1, 1204, NOW - timedelta(hours=2)),
    kept=Kept(2028, 90, 1_300_000, 3, (FailingSource("https://example.org/feed", 5),)),
    waiting=Waiting(drafts=2, questions=1),
    machine=Machine(memory=812 * 1024**2, free_disk=13_210_000_000),
    now=NOW,
    running_since=NOW - timedelta(days=3),
    warnings=(
        LoggedWarning(
            NOW - timedelta(minutes=5), "ERROR", "bot.handlers.errors", "A handler failed"
        ),
    ),
    troubles=(Trouble("disk", "trouble-disk", {"free": "120"}, NOW),),
)
ME = User(1, "Bot", is_bot=True, can_read_all_group_messages=False, supports_inline_queries=True)


@pytest.fixture
async def bot(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal, tmp_path: Path
) -> AsyncIterator[Bot]:
    """The bot of the folder where the journal is; Alice is its admin."""
    api.private_chat(alice)
    bot = build(api, retriever, journal, admin_ids=str(alice.id), data_dir=tmp_path)
    async with running(bot):
        yield bot


async def record(journal: Journal, text: str, **fields: object) -> int:
    """Somebody asks, as in QUESTION unless said."""
    question = await journal.record(replace(QUESTION, text=text, **fields))  # type: ignore[arg-type]
    assert question is not None
    return question


@pytest.mark.parametrize("command", ["/status", "/stats", "/stats 7", "/unanswered"])
async def test_others_hear_that_there_is_no_such_command(
    command: str, api: BotApiServer, bot: Bot, bakyt: Person
) -> None:
    """Who is no admin can't tell whether there are reports."""
    chat = api.private_chat(bakyt)
    answer = await chat.answer_to(await chat.send(bakyt, command))
    unknown = await chat.answer_to(await chat.send(bakyt, "/nonsense"))
    assert answer["text"] == unknown["text"]


@pytest.mark.parametrize("command", ["/status", "/stats", "/unanswered"])
async def test_in_groups_there_are_no_reports(
    command: str, bot: Bot, group: Chat, alice: Person
) -> None:
    """What people ask is for admins alone, not for who else is there."""
    await group.silence_after(await group.send(alice, command), bot.telegram.stop)


async def test_status(private: Chat, alice: Person, journal: Journal, tmp_path: Path) -> None:
    """An admin sees what the bot knows, keeps, waits for and uses, and how it is set up."""
    await record(journal, "One?")
    draft = Draft("A title", "https://example.org/x", "Text.", None, "en", None)
    ArticleDrafts(tmp_path / "drafts").add(draft, Origin(source="example.org"))
    values = {"failures": 5, "found": 0, "paused": False}
    await journal.database.write(
        lambda each: replace_row(each, SOURCES, {"url": "https://example.org/feed"}, values)
    )
    answer = await private.answer_to(await private.send(alice, "/status"))
    lines = answer["text"].splitlines()
    assert lines[0].startswith("Version ")
    assert "Index: 2 articles, 2 passages" in lines
    assert "Model: packaged" in lines
    assert any(line.startswith("Journal: 1 question, 0.") for line in lines)
    assert "Drafts waiting for your word: 1" in lines
    assert "Questions in the queue: 0" in lines
    assert "• https://example.org/feed (5)" in lines
    assert "Groups: I see all messages." in lines


async def test_status_while_the_index_cannot_be_read(
    private: Chat, alice: Person, retriever: FixedRetriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is when an admin needs it."""

    def fail() -> IndexState:
        raise IndexUnusable("Another model.")

    monkeypatch.setattr(retriever, "state", fail)
    answer = await private.answer_to(await private.send(alice, "/status"))
    assert "The index can't be read. /reindex may help." in answer["text"].splitlines()


def test_status_text() -> None:
    """Lines that belong together stand together; times are told as how long ago."""
    assert status_text(STATUS, ME, "en").split("\n\n") == [
        "Version 0.1.0\nRunning for 3 days\nMemory: 812 MB\nFree disk space: 12.3 GB",
        "Index: 1 article, 1,204 passages\nLast reindex: 2 hours ago\nModel: packaged",
        "Journal: 2,028 questions, 1.2 MB, kept for 90 days\nWaiting for an answer: 3",
        "Questions in the queue: 1\nDrafts waiting for your word: 2",
        "Groups: privacy mode is on, so I see only commands and replies to me. @BotFather "
        "switches it off with /setprivacy; then add me to the group again.\nInline mode: on\n"
        "Guest mode: off. @BotFather has it in my settings.",
        "Sources that fail (how many times in a row):\n• https://example.org/feed (5)\n"
        "Not working at the moment:\n"
        "• The disk is nearly full: 120 MB are left. Nothing new can be added soon.",
        "Last warnings and errors:\n• 5 minutes ago: ERROR bot.handlers.errors: A handler failed",
    ]


def test_status_text_in_the_terminal() -> None:
    """Where no bot is running nothing is said of Telegram, its queue, time and warnings."""
    waiting = Waiting(drafts=None, questions=None)
    there = replace(
        STATUS,
        index=None,
        kept=None,
        waiting=waiting,
        running_since=None,
        warnings=(),
        troubles=(),
    )
    assert status_text(there, None, "en").split("\n\n") == [
        "Version 0.1.0\nFree disk space: 12.3 GB",
        "The index can't be read. /reindex may help.",
        "The journal can't be read at the moment.",
        "The folder of drafts can't be read.",
    ]


@pytest.mark.parametrize("language", ["en", "ru", "kk", "ky"])
def test_status_text_fits_a_message(language: str) -> None:
    """However much is failing."""
    sources = tuple(FailingSource(f"https://example.org/{'x' * 300}/{n}", n) for n in range(50))
    warnings = tuple(LoggedWarning(NOW, "WARNING", "bot", "word " * 900) for _ in range(5))
    trouble = Trouble("index", "trouble-index", {"reason": "word " * 900}, NOW)
    assert STATUS.kept is not None
    much = replace(
        STATUS,
        kept=replace(STATUS.kept, failing_sources=sources),
        warnings=warnings,
        troubles=(trouble,) * 20,
    )
    text = status_text(much, ME, language)
    assert len(text.encode("utf-16-le")) // 2 <= 4096
    assert text.count("\n…\n") == 2


async def test_stats_are_a_picture_with_words(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """The picture is drawn by another process; the numbers stand below it as text."""
    await record(journal, "One?", outcome="answered")
    rated = await record(journal, "Two?", language="ru")
    await journal.rate(rated, 1, helpful=True)
    message = await private.send(alice, "/stats 7")
    answer = await private.answer_to(message, within=60)
    lines = answer["caption"].splitlines()
    assert lines[0] == "Questions of the last 7 days"
    assert "Answered: 1 (50%)" in lines
    assert "Helpful: 1 of 1 ratings (100%)" in lines
    [file_id] = [photo["file_id"] for photo in answer["photo"]]
    with Image.open(io.BytesIO(api.files[file_id].content)) as picture:
        assert picture.size == (1080, 1350)


async def test_stats_of_an_empty_journal(private: Chat, alice: Person) -> None:
    """There is nothing to draw; an admin hears that it is early days."""
    answer = await private.answer_to(await private.send(alice, "/stats"))
    assert answer["text"] == (
        "Nobody has asked anything in the last 30 days. As soon as somebody does, you will see "
        "it here."
    )


@pytest.mark.parametrize("days", ["0", "-1", "91", "week", "7 8", "٧", "99999999999999999999"])
@pytest.mark.parametrize("command", ["stats", "unanswered"])
async def test_a_wrong_number_of_days(
    command: str, days: str, private: Chat, alice: Person
) -> None:
    """An admin hears which numbers there are; no more days than are kept."""
    answer = await private.answer_to(await private.send(alice, f"/{command} {days}"))
    assert answer["text"] == (
        f"After /{command} you can write a number of days, from 1 to 90: /{command} 7"
    )


@pytest.mark.parametrize("command", ["/stats", "/unanswered", "/stats 7"])
async def test_where_no_questions_are_kept(
    command: str, api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """With JOURNAL_DAYS=0 there is nothing to report, and that is said."""
    journal.days = 0
    chat = api.private_chat(alice)
    async with running(build(api, retriever, journal, admin_ids=str(alice.id))):
        answer = await chat.answer_to(await chat.send(alice, command))
    assert answer["text"].startswith("I don't keep questions (the setting JOURNAL_DAYS is 0)")


async def test_unanswered(private: Chat, alice: Person, journal: Journal) -> None:
    """Groups of questions, how often and by how many, and what is answered by now."""
    await record(journal, "What does a ticket cost?")
    await record(journal, "What does a ticket cost??", person=2)
    await record(journal, "Сколько стоит билет ticket?", language="ru", outcome="unsure")
    await record(journal, "How long is the bridge?", person=None)
    await record(journal, "How long is the canal?", outcome="answered")
    answer = await private.answer_to(await private.send(alice, "/unanswered 7"))
    assert answer["text"] == (
        "Asked in the last 7 days, but not answered by any article:\n\n"
        "1. What does a ticket cost??\n"
        "Asked 2 times · 2 people · English · Russian\n"
        "And 1 time I wasn't sure of the answer\n\n"
        "2. How long is the bridge?\n"
        "Asked 1 time · English\n"
        "✓ Answered now: A bridge over the Naryn"
    )
    assert entities(answer) == [
        ("bold", "What does a ticket cost??"),
        ("bold", "How long is the bridge?"),
        ("text_link", "A bridge over the Naryn"),
    ]
    assert buttons(answer) == []


async def test_everything_is_answered(private: Chat, alice: Person, journal: Journal) -> None:
    """Where nothing is missing, that is said."""
    await record(journal, "How long is the bridge?", outcome="answered")
    answer = await private.answer_to(await private.send(alice, "/unanswered 1"))
    assert answer["text"] == "No question of today is without an answer."


async def _many(journal: Journal, retriever: FixedRetriever) -> None:
    """More questions than fit on a page, each of another meaning."""
    words = [f"word{number}" for number in range(GROUPS_ON_A_PAGE + 1)]
    retriever._embedder = WordEmbedder(*words)
    for word in words:
        await record(journal, word)


async def test_pages(
    private: Chat, alice: Person, journal: Journal, retriever: FixedRetriever
) -> None:
    """A button leads to the rest, and back; nothing is read again unless the journal changed."""
    await _many(journal, retriever)
    first = await private.answer_to(await private.send(alice, "/unanswered"))
    assert first["text"].endswith("Page 1 of 2")
    assert buttons(first) == [["Next ▶"]]
    await private.press(first, data_of(first, "Next ▶"))
    second = await private.next_edit()
    assert f"{GROUPS_ON_A_PAGE + 1}. word0\n" in second["text"]
    assert buttons(second) == [["◀ Back"]]
    # Somebody had a question deleted: it is on no page any more.
    assert await journal.forget(QUESTION.person or 0) == GROUPS_ON_A_PAGE + 1
    await private.press(second, data_of(second, "◀ Back"))
    assert (await private.next_edit())["text"] == (
        "No question of the last 30 days is without an answer."
    )


def forged(message: Message, data: str) -> Message:
    """The message as somebody has it who sends whatever data they like."""
    button = {"text": "forged", "callback_data": data}
    return message | {"reply_markup": {"inline_keyboard": [[button]]}}


@pytest.mark.parametrize("data", ["unanswered:en:30:1", "unanswered:en:30:x"])
async def test_others_buttons_do_nothing(
    data: str, api: BotApiServer, bot: Bot, bakyt: Person, journal: Journal
) -> None:
    """Who is no admin gets what any unknown button gives, whatever it carries."""
    await record(journal, "A secret question?")
    chat = api.private_chat(bakyt)
    hello = await chat.answer_to(await chat.send(bakyt, "/start"))
    texts = []
    for sent in (data, "nonsense"):
        await chat.press(forged(hello, sent), sent)
        texts.append((await api.next_request("answerCallbackQuery"))["text"])
    assert texts[0] == texts[1]
    assert chat.unread == []


async def test_a_button_that_we_do_not_know(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """An admin's button of another version does nothing, and says so."""
    ours = await private.answer_to(await private.send(alice, "/start"))
    data = "unanswered:en:30:x"
    await private.press(forged(ours, data), data)
    alert = await api.next_request("answerCallbackQuery")
    assert alert["text"].startswith("This article has changed since")


async def test_admins_buttons_do_nothing_in_groups(
    api: BotApiServer, bot: Bot, group: Chat, alice: Person, journal: Journal
) -> None:
    """People's questions are shown to admins alone."""
    await record(journal, "A secret question?")
    ours = await group.answer_to(await group.send(alice, "/ask How long is the bridge?"))
    data = "unanswered:en:30:1"
    await group.press(forged(ours, data), data, by=alice)
    alert = await api.next_request("answerCallbackQuery")
    assert alert["text"].startswith("This article has changed since")


@pytest.mark.parametrize(
    ("code", "warning"),
    [
        ("import sys; sys.exit('No matplotlib')", "No matplotlib"),
        ("pass", "was not drawn"),
        ("import time; time.sleep(600)", "was not drawn within 0.2 s"),
    ],
)
async def test_no_picture_is_no_error(
    code: str, warning: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then there are the numbers alone, and the log says why; no process is left."""
    monkeypatch.setattr("bot.insight.charts._PATIENCE", 10 if "sleep" not in code else 0.2)
    assert await draw_aside([sys.executable, "-c", code], {}, 7, "en") is None
    assert warning in caplog.text


async def test_stats_without_a_picture(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal, tmp_path: Path
) -> None:
    """The numbers come as a message then."""
    await record(journal, "One?")
    chat = api.private_chat(alice)
    # The process finds no journal in this folder.
    other = build(api, retriever, journal, admin_ids=str(alice.id), data_dir=tmp_path / "other")
    async with running(other):
        answer = await chat.answer_to(await chat.send(alice, "/stats"), within=60)
    assert answer["text"].startswith("Questions of the last 30 days\n")
