"""What the bot does by itself: it follows the folder of articles."""

import asyncio
from pathlib import Path

import pytest

from bot import application
from bot.application import Bot
from bot.errors import ReindexError
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Person
from bot_api_server import BotApiServer
from conversation import build
from fixed_reading import FolderReindexing
from fixed_retriever import BRIDGE, CANAL, FixedRetriever
from knowledge.article import format_article
from word_embedder import WordEmbedder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one article in it."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bridge.md").write_text(format_article(BRIDGE), encoding="utf-8")
    return folder


@pytest.fixture
def reindexing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderReindexing:
    """Reindexes at once, into the index of the data folder."""
    index = tmp_path / "data" / "index.db"
    reindexing = FolderReindexing(folder, index, WordEmbedder("bridge"))
    monkeypatch.setattr(application, "Reindexing", lambda *_: reindexing)
    return reindexing


def build_on(folder: Path, api: BotApiServer, journal: Journal, admin: Person) -> Bot:
    """The bot over a folder of articles."""
    return build(
        api,
        FixedRetriever(),
        journal,
        admin_ids=str(admin.id),
        articles_dir=folder,
        data_dir=folder.with_name("data"),
    )


async def look(bot: Bot) -> None:
    assert bot.telegram.job_queue is not None
    [job] = bot.telegram.job_queue.get_jobs_by_name("notice_changed_articles")
    await job.run(bot.telegram)


async def test_the_folder_is_followed(
    api: BotApiServer,
    alice: Person,
    journal: Journal,
    folder: Path,
    reindexing: FolderReindexing,
) -> None:
    """What was killed before its reindex, or edited by hand, gets into the answers by itself.

    A faulty file, which is never in the index, is no reason for another reindex.
    """
    api.private_chat(alice)
    bot = build_on(folder, api, journal, alice)
    async with running(bot):
        await look(bot)
        assert [report.added for report in reindexing.reports] == [("bridge",)]
        (folder / "faulty.md").write_text("no article")
        await look(bot)
        assert len(reindexing.reports) == 1
        (folder / "canal.md").write_text(format_article(CANAL), encoding="utf-8")
        (folder / "bridge.md").unlink()
        await look(bot)
    assert len(reindexing.reports) == 2
    assert reindexing.reports[1].added == ("canal",)
    assert reindexing.reports[1].removed == ("bridge",)


async def test_admins_hear_once_that_it_fails(
    api: BotApiServer,
    alice: Person,
    journal: Journal,
    folder: Path,
    reindexing: FolderReindexing,
) -> None:
    """Not each hour; and once that it works again."""
    chat = api.private_chat(alice)
    bot = build_on(folder, api, journal, alice)
    async with running(bot):
        reindexing.failure = ReindexError("The disk is full.")
        for _ in range(2):
            await look(bot)
        told = (await chat.next_message())["text"]
        assert told.startswith("I could not bring what I know up to date: The disk is full.")
        reindexing.failure = None
        for _ in range(2):
            await look(bot)
        assert (await chat.next_message())["text"] == f"This works again:\n{told}"
        await asyncio.to_thread(folder.rename, folder.with_name("elsewhere"))
        await look(bot)
        assert "does not exist" in (await chat.next_message())["text"]
        assert chat.unread == []


async def test_an_empty_folder_is_no_reason_to_forget(
    api: BotApiServer,
    alice: Person,
    journal: Journal,
    folder: Path,
    reindexing: FolderReindexing,
) -> None:
    """It may be a disk that isn't there yet; who means it sends /reindex."""
    chat = api.private_chat(alice)
    bot = build_on(folder, api, journal, alice)
    async with running(bot):
        await look(bot)
        (folder / "bridge.md").unlink()
        await look(bot)
        assert "is empty" in (await chat.next_message())["text"]
    assert len(reindexing.reports) == 1
