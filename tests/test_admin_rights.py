"""Who is an admin: a numeric id in a private chat, and nothing that looks like one."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from telegram import Update

from bot import administration, application
from bot.application import Bot
from bot.drafts.reading import ReadDraft
from bot.localization import say
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, build, introduced
from fixed_reading import FixedReading, FolderReindexing
from fixed_retriever import BRIDGE, FixedRetriever
from knowledge.article import format_article
from word_embedder import WordEmbedder

COMMANDS = (
    *("/add https://example.org/a", "/drafts", "/edit bridge", "/remove bridge", "/undo"),
    *("/sources", "/status", "/stats", "/unanswered", "/reindex", "/cancel"),
)
UNKNOWN = say("en", "unknown-command")


class Nothing(FixedReading):
    """Remembers that something was to be read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def read_link(self, url: str) -> ReadDraft:
        self.asked.append(url)
        return await super().read_link(url)


@pytest.fixture
def admin(api: BotApiServer) -> Person:
    """The only one."""
    return api.user("Alice", username="alice", language_code="en")


@pytest.fixture
def impostor(api: BotApiServer) -> Person:
    """Is called the same, down to the username."""
    return api.user("Alice", username="alice", language_code="en")


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Nothing:
    """Reads nothing."""
    reading = Nothing()
    monkeypatch.setattr(administration, "Reading", lambda *_: reading)
    return reading


@pytest.fixture
def reindexing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderReindexing:
    """Counts what it is told to do."""
    reindexing = FolderReindexing(
        tmp_path / "articles", tmp_path / "data" / "index.db", WordEmbedder("bridge")
    )
    monkeypatch.setattr(application, "Reindexing", lambda *_: reindexing)
    return reindexing


@pytest.fixture
async def bot(
    api: BotApiServer,
    admin: Person,
    reading: Nothing,
    reindexing: FolderReindexing,
    tmp_path: Path,
) -> AsyncIterator[Bot]:
    """The bot; after each test it must not have done anything that only admins may ask for."""
    api.private_chat(admin)
    articles = tmp_path / "articles"
    articles.mkdir()
    text = format_article(BRIDGE)
    (articles / "bridge.md").write_text(text, encoding="utf-8")
    with closing(Journal.open(tmp_path / "data", 90)) as journal:
        bot = build(
            api,
            FixedRetriever(),
            journal,
            admin_ids=str(admin.id),
            articles_dir=articles,
            data_dir=tmp_path / "data",
        )
        async with running(bot):
            yield bot
    assert (articles / "bridge.md").read_text("utf-8") == text
    assert reading.asked == []


@pytest.mark.usefixtures("bot")
async def test_a_name_is_no_id(api: BotApiServer, impostor: Person) -> None:
    """Who is called like the admin hears what everybody hears."""
    chat = api.private_chat(impostor)
    for command in COMMANDS:
        answer = await chat.answer_to(await chat.send(impostor, command))
        assert answer["text"] == UNKNOWN


@pytest.mark.usefixtures("bot")
async def test_what_an_admin_wrote_is_not_what_an_admin_sends(
    api: BotApiServer, admin: Person, impostor: Person
) -> None:
    """A forwarded command, one sent by way of a bot, one in reply to the admin's words."""
    chat = api.private_chat(impostor)
    robot = api.user("Alice", username="alice", is_bot=True)
    first = await chat.send(impostor, "/status", forwarded_from=admin)
    assert (await chat.answer_to(first))["text"] == UNKNOWN
    second = await chat.send(impostor, "/status", reply_to=first, via_bot=robot)
    assert (await chat.answer_to(second))["text"] == UNKNOWN


@pytest.mark.usefixtures("bot")
async def test_links_and_files_of_others_are_not_read(api: BotApiServer, impostor: Person) -> None:
    """A link is a question like any other, a file is nothing that the bot can read."""
    chat = api.private_chat(impostor)
    for sent in (
        await chat.send(impostor, "https://example.org/news"),
        await chat.send_document(impostor, "article.txt", b"An article."),
    ):
        await chat.answer_to(sent)
    assert not [request for request in api.requests if request.method == "getFile"]


@pytest.mark.usefixtures("bot")
async def test_in_a_group_nobody_is_an_admin(
    api: BotApiServer, admin: Person, impostor: Person
) -> None:
    """Not the admin, nor who replies to them, nor the group itself, nor one of its channels."""
    group, channel = api.group("Green"), api.channel("Alice")
    said = await group.send(admin, "Good morning")
    for command in COMMANDS:
        await group.send(admin, command)
        await group.send(impostor, command, reply_to=said)
        await group.send(admin, command, anonymous=True)
        await group.send(admin, command, sender_chat=channel)
        await channel.send(admin, command)
    question = await group.send(admin, "/ask How long is the bridge?")
    assert (await group.answer_to(question))["text"] == CARD
    assert group.unread == []


@pytest.mark.usefixtures("bot")
async def test_an_edited_message_is_no_command(api: BotApiServer, admin: Person) -> None:
    """What was a question stays one: somebody may correct an old message by mistake."""
    chat = api.private_chat(admin)
    sent = await chat.send(admin, "How long is the bridge?")
    assert (await chat.answer_to(sent))["text"] == CARD
    for command in COMMANDS:
        await chat.edit(sent, command)
    question = await chat.send(admin, "How long is the bridge?")
    assert (await chat.answer_to(question))["text"] == CARD


async def test_what_comes_on_other_ways_is_no_command(
    api: BotApiServer, admin: Person, bot: Bot, reindexing: FolderReindexing
) -> None:
    """A business chat, a channel, a guest's chat: not even with the admin's own id."""
    message: dict[str, Any] = {
        "message_id": 1,
        "date": 0,
        "chat": {"id": admin.id, "type": "private", "first_name": "Alice"},
        "from": admin.as_json(),
        "text": "/reindex",
        "entities": [{"type": "bot_command", "offset": 0, "length": 8}],
    }
    await introduced()
    await api.wait_until(lambda: api.polls or None, "poll", 30)
    before = len(api.requests)
    others: list[tuple[str, dict[str, Any]]] = [
        ("business_message", {"business_connection_id": "b"}),
        ("edited_business_message", {"business_connection_id": "b"}),
        ("channel_post", {"chat": {"id": -1003000000001, "type": "channel", "title": "A"}}),
        ("edited_channel_post", {}),
        ("edited_message", {}),
        ("message", {"from": {**admin.as_json(), "is_bot": True}}),
        ("message", {"sender_chat": {"id": -1003000000001, "type": "channel", "title": "A"}}),
    ]
    for number, (kind, more) in enumerate(others):
        fields = {"update_id": 10 + number, kind: {**message, **more}}
        update = Update.de_json(fields, bot.telegram.bot)
        await bot.telegram.process_update(update)
    done = {request.method for request in api.requests[before:]}
    assert not [method for method in done if not method.startswith(("get", "set"))]
    assert reindexing.reports == []
    stranger = api.supergroup("Elsewhere", bot_is_member=False)
    await stranger.send_as_guest(admin, "@green_bot /reindex")
    await api.next_request("answerGuestQuery")
    assert reindexing.reports == []


@pytest.mark.usefixtures("bot")
async def test_a_button_of_an_admin_is_pressed_by_nobody_else(
    api: BotApiServer, admin: Person, impostor: Person
) -> None:
    """Though somebody can see it: its message was passed on, or its data is guessed."""
    chat: Chat = api.private_chat(admin)
    shown = await chat.answer_to(await chat.send(admin, "/edit bridge"))
    for data in [
        button["callback_data"]
        for row in shown["reply_markup"]["inline_keyboard"]
        for button in row
        if "callback_data" in button
    ]:
        await chat.press(shown, data, by=impostor)
        answer = await api.next_request("answerCallbackQuery")
        assert "text" in answer
    assert chat.unread == []
