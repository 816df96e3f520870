"""What is done once, however many replicas of the bot there are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr
from telegram import Bot as TelegramBot
from telegram.request import HTTPXRequest

from bot import application
from bot.answering import Answering
from bot.errors import ReindexCancelled
from bot.handlers.wishes import tell_of_answers
from bot.index_mending import IndexMending
from bot.localization import say
from bot.one_reindex import only_reindex
from bot.profile import introduce
from bot.serving import running
from bot.storage.database import Database
from bot.storage.jobs import Jobs
from bot.storage.journal import Journal
from bot.transport.patience import Patience
from bot.wishes import Wish, Wishes
from bot_api_chats import Person
from bot_api_server import BotApiServer
from conversation import CARD, build
from embeddings.errors import EmbeddingsError, IndexDamaged
from fixed_reading import FolderReindexing
from fixed_retriever import BRIDGE, FixedRetriever
from knowledge.article import format_article
from word_embedder import WordEmbedder


@pytest.fixture
async def telegram_bot(api: BotApiServer) -> AsyncIterator[TelegramBot]:
    """What sends the messages."""
    request = HTTPXRequest(httpx_kwargs={"trust_env": False})
    async with TelegramBot(api.token, f"{api.url}/bot", request=request) as bot:
        yield bot


async def test_one_introduces_the_bot(
    api: BotApiServer, alice: Person, telegram_bot: TelegramBot, replicas: list[Database]
) -> None:
    """Replicas that are started together tell Telegram once of the bot's commands."""
    api.private_chat(alice)
    admins = frozenset({alice.id})
    await asyncio.gather(
        *(introduce(telegram_bot, admins, Patience(), Jobs(each)) for each in replicas)
    )
    methods = [request.method for request in api.requests]
    # In four languages: of people, of groups, and of the admin.
    assert methods.count("setMyCommands") == 12
    assert methods.count("getMyDescription") == 4


@pytest.fixture
async def wishes(replicas: list[Database]) -> AsyncIterator[list[Wishes]]:
    """Those of each replica, which knows the answer; somebody waits for it."""
    async with AsyncExitStack() as opened:
        all_wishes = []
        for database in replicas:
            answering = Answering(FixedRetriever)
            await answering.initialize()
            opened.push_async_callback(answering.shutdown)
            all_wishes.append(Wishes(database, answering))
        yield all_wishes


async def test_who_waits_is_told_once(
    api: BotApiServer, alice: Person, telegram_bot: TelegramBot, wishes: list[Wishes]
) -> None:
    """Though all replicas notice the new index at the same moment."""
    chat = api.private_chat(alice)
    await wishes[0].put_back(Wish(1, "a" * 64, chat.id, 1, "How long is the bridge?", "en"))
    await asyncio.gather(*(tell_of_answers(telegram_bot, each, 1) for each in wishes))
    assert (await chat.next_message())["text"].endswith(CARD)
    assert chat.unread == []
    assert not await wishes[2].are_due(1)


async def test_another_one_tells_when_the_first_has_ended(
    api: BotApiServer, alice: Person, telegram_bot: TelegramBot, wishes: list[Wishes]
) -> None:
    """Nobody else does while one is at it; if that one ends too early, the next goes on."""
    chat = api.private_chat(alice)
    await wishes[0].put_back(Wish(1, "a" * 64, chat.id, 1, "How long is the bridge?", "en"))
    async with wishes[0].alone():
        await tell_of_answers(telegram_bot, wishes[1], 1)
        assert chat.unread == []
        assert await wishes[1].are_due(1)
    await tell_of_answers(telegram_bot, wishes[1], 1)
    assert (await chat.next_message())["text"].endswith(CARD)


async def test_one_looks_whether_articles_have_changed(
    api: BotApiServer, replicas: list[Database], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it reindexes; each of them has its own process for that."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bridge.md").write_text(format_article(BRIDGE), encoding="utf-8")
    reindexing = FolderReindexing(folder, tmp_path / "index.db", WordEmbedder("bridge"))
    monkeypatch.setattr(application, "Reindexing", lambda *_: reindexing)
    bots = [
        build(api, FixedRetriever(), Journal(each, 90), articles_dir=folder, data_dir=tmp_path)
        for each in replicas
    ]
    for _ in range(2):
        await asyncio.gather(*(each.upkeep.notice_changed_articles(None) for each in bots))  # type: ignore[arg-type]
    assert len(reindexing.reports) == 1


async def test_one_forgets_what_is_old(
    api: BotApiServer, replicas: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hour one of them tidies up."""
    pruned: list[Journal] = []

    async def prune(journal: Journal) -> None:
        pruned.append(journal)

    monkeypatch.setattr(Journal, "prune", prune)
    bots = [build(api, FixedRetriever(), Journal(each, 90)) for each in replicas]
    await asyncio.gather(*(each.upkeep.tidy(None) for each in bots))  # type: ignore[arg-type]
    assert len(pruned) == 1


async def test_one_mends_the_index(
    api: BotApiServer, replicas: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has mended so far the others don't discard, though they see the damage as well."""
    mended: list[EmbeddingsError] = []

    async def mend(_mending: IndexMending, error: EmbeddingsError) -> None:
        mended.append(error)
        if len(mended) == 1:
            await other.upkeep.notice_new_index(None)  # type: ignore[arg-type]

    def refuse() -> bool:
        raise damage

    damage = IndexDamaged("The index is damaged.")
    monkeypatch.setattr(IndexMending, "mend", mend)
    retriever = FixedRetriever()
    monkeypatch.setattr(retriever, "refresh", refuse)
    one, other = (build(api, retriever, Journal(each, 90)) for each in replicas[:2])
    async with AsyncExitStack() as opened:
        for bot in (one, other):
            await bot.answering.initialize()
            opened.push_async_callback(bot.answering.shutdown)
            await bot.answering.opened()
        await one.upkeep.notice_new_index(None)  # type: ignore[arg-type]
        assert mended == [damage]
        await other.upkeep.notice_new_index(None)  # type: ignore[arg-type]
        assert mended == [damage, damage]


async def test_cancel_reaches_another_process(
    api: BotApiServer,
    alice: Person,
    postgres_url: SecretStr,
    replicas: list[Database],
    tmp_path: Path,
) -> None:
    """Whichever replica gets the admin's /cancel; only if nothing reindexes, it says so."""
    chat = api.private_chat(alice)
    now = 0.0
    bot = build(api, FixedRetriever(), Journal(replicas[0], 90), admin_ids=str(alice.id))
    async with running(bot):
        with only_reindex(tmp_path, postgres_url, lambda: now) as look:
            await chat.send(alice, "/cancel")
            with pytest.raises(ReindexCancelled):
                async with asyncio.timeout(10):
                    while True:
                        now += 2
                        look()
                        await asyncio.sleep(0.01)
        assert chat.unread == []
        reply = await chat.answer_to(await chat.send(alice, "/cancel"))
        assert reply["text"] == say("en", "cancel-nothing")
