"""Bad days: a full disk, files that are broken or gone, a clock that jumps, a second bot.

For each the bot goes on as far as it can, loses nothing, and says what is the matter.
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock
from telegram.ext import ContextTypes, JobQueue

from bot import application, one_bot
from bot.application import Bot
from bot.clock import Clock
from bot.errors import BotRunning, DataFolderUnusable, JournalError, ReindexError
from bot.index_mending import IndexMending
from bot.one_bot import LOCK_FILE, only_bot
from bot.serving import running
from bot.storage.database import JOURNAL_FILE
from bot.storage.journal import AskedQuestion, Journal
from bot.storage.key import KEY_FILE
from bot.storage.opening import open_journal
from bot_api_chats import Person
from bot_api_server import BotApiServer
from conversation import CARD, build
from damage import damage_table
from embeddings.errors import IndexDamaged, IndexUnusable
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from fixed_reading import FolderReindexing
from fixed_retriever import BRIDGE, CANAL, FixedRetriever
from knowledge.article import format_article
from knowledge.corpus import load_corpus
from word_embedder import WordEmbedder

EMBEDDER = WordEmbedder("bridge", "canal")
QUESTION = AskedQuestion(
    person=7,
    text="How long is the bridge?",
    language="en",
    outcome="answered",
    article="bridge",
    confidence=0.9,
    chat_kind="private",
)


async def run_job(bot: Bot, name: str) -> None:
    jobs = bot.telegram.job_queue
    assert jobs is not None
    [job] = jobs.get_jobs_by_name(name)
    await job.run(bot.telegram)


def stored(path: Path) -> list[str]:
    """The texts of the questions in a journal's file."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM questions")]


# A damaged index


class Index:
    """An index of two articles in a data folder, and what reindexes it."""

    def __init__(self, folder: Path) -> None:
        self.articles, self.path = folder / "articles", folder / "index.db"
        self.articles.mkdir(parents=True)
        for article in (BRIDGE, CANAL):
            path = self.articles / f"{article.slug}.md"
            path.write_text(format_article(article), encoding="utf-8")
        reindex(load_corpus(self.articles), self.path, EMBEDDER)
        self.reindexing = FolderReindexing(self.articles, self.path, EMBEDDER)

    def open(self) -> Retriever:
        """Open it for the bot."""
        return Retriever(SqliteStore.open(self.path, EMBEDDER), EMBEDDER)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """The index of a bot whose reindexes are done at once."""
    index = Index(tmp_path / "data")
    monkeypatch.setattr(application, "Reindexing", lambda *_: index.reindexing)
    return index


async def test_a_damaged_index_is_mended_while_the_bot_runs(
    api: BotApiServer, alice: Person, journal: Journal, index: Index
) -> None:
    """Who asks hears an apology, admins what is the matter; then all of it works again."""
    chat = api.private_chat(alice)
    damage_table(index.path, "sentences")
    bot = build(
        api,
        index.open(),
        journal,
        admin_ids=str(alice.id),
        articles_dir=index.articles,
        data_dir=index.path.parent,
    )
    async with running(bot):
        await bot.answering.opened()
        question = await chat.send(alice, "How long is the bridge?")
        heard = []
        while "Sorry" not in heard:
            heard.append((await chat.next_message())["text"].split(",")[0])
        while not index.reindexing.reports:
            await run_job(bot, "notice_new_index")
        await run_job(bot, "notice_new_index")
        while not any(text.startswith("This works again") for text in heard):
            heard.append((await chat.next_message())["text"])
        assert any(text.startswith("I can't read the index") for text in heard)
        question = await chat.send(alice, "How long is the bridge?")
        # The embedder isn't a real one, so nothing is sure; but all of it was searched.
        assert (await chat.answer_to(question, within=60))["text"]


async def test_what_cannot_be_mended_is_not_tried_all_the_time(tmp_path: Path) -> None:
    """Each time it waits longer; what a reindex doesn't help against isn't tried at all."""
    now = 0.0
    index = Index(tmp_path)
    tries = 0

    class Failing(FolderReindexing):
        async def run_soon(self) -> None:  # type: ignore[override]
            nonlocal tries
            tries += 1
            raise ReindexError("The disk is full.")

    failing = Failing(index.articles, index.path, EMBEDDER)
    mending = IndexMending(failing, index.path, lambda: now)
    await mending.mend(IndexUnusable("another model"))
    assert tries == 0
    for at, expected in ((0.0, 1), (59.0, 1), (60.0, 2), (359.0, 2), (360.0, 3), (2159.0, 3)):
        now = at
        await mending.mend(IndexDamaged("damaged"))
        assert tries == expected


# A damaged journal


def test_a_damaged_journal_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it is deleted, the key stays, and the new one serves the next start."""
    with closing(Journal.open(tmp_path, 90)) as journal:
        asyncio.run(journal.record(QUESTION))
    key = (tmp_path / KEY_FILE).read_bytes()
    damage_table(tmp_path / JOURNAL_FILE, "questions")
    damaged = (tmp_path / JOURNAL_FILE).read_bytes()
    with closing(open_journal(tmp_path, 90)) as journal:
        assert journal.set_aside is not None
        # The header, which is 100 bytes long, tells that it was looked at.
        assert journal.set_aside.read_bytes()[100:] == damaged[100:]
        assert asyncio.run(journal.record(QUESTION)) == 1
    assert "is damaged" in caplog.text
    assert str(journal.set_aside) in caplog.text
    assert (tmp_path / KEY_FILE).read_bytes() == key
    with closing(open_journal(tmp_path, 90)) as journal:
        assert journal.set_aside is None
        assert not journal.key_is_lost
    assert stored(tmp_path / JOURNAL_FILE) == [QUESTION.text]


async def test_admins_hear_of_a_journal_that_was_set_aside(
    api: BotApiServer, alice: Person, tmp_path: Path
) -> None:
    """Once, and with the name of the file."""
    (tmp_path / JOURNAL_FILE).write_bytes(b"no database" * 500)
    chat = api.private_chat(alice)
    with closing(open_journal(tmp_path, 90)) as journal:
        assert journal.set_aside is not None
        bot = build(api, FixedRetriever(), journal, admin_ids=str(alice.id), data_dir=tmp_path)
        async with running(bot):
            told = (await chat.next_message())["text"]
            assert journal.set_aside.name in told
            assert told.startswith("My journal was damaged, so I have begun a new one.")


def test_a_missing_key_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is in the journal stays, though nobody can tell whose it is."""
    with closing(open_journal(tmp_path, 90)) as journal:
        assert not journal.key_is_lost
        asyncio.run(journal.record(QUESTION))
    (tmp_path / KEY_FILE).unlink()
    with closing(open_journal(tmp_path, 90)) as journal:
        assert journal.key_is_lost
    assert "journal.key was missing" in caplog.text
    assert stored(tmp_path / JOURNAL_FILE) == [QUESTION.text]


async def test_a_journal_that_breaks_while_the_bot_runs(
    api: BotApiServer, alice: Person, tmp_path: Path
) -> None:
    """Answers go on, and admins hear that questions aren't kept."""
    chat = api.private_chat(alice)
    with closing(open_journal(tmp_path, 90)) as journal:
        bot = build(api, FixedRetriever(), journal, admin_ids=str(alice.id), data_dir=tmp_path)
        async with running(bot):
            await journal.database.write(
                lambda connection: connection.exec_driver_sql("DROP TABLE questions")
            )
            question = await chat.send(alice, "How long is the bridge?")
            assert (await chat.answer_to(question))["text"] == CARD
            await run_job(bot, "tidy")
            assert "I can't keep questions" in (await chat.next_message())["text"]


# A data folder that goes away


async def test_a_removed_data_folder(api: BotApiServer, alice: Person, tmp_path: Path) -> None:
    """Answers go on, the journal is put back with all that was in it, and admins hear of it."""
    chat, folder = api.private_chat(alice), tmp_path / "data"
    with closing(open_journal(folder, 90)) as journal:
        key = (folder / KEY_FILE).read_bytes()
        bot = build(api, FixedRetriever(), journal, admin_ids=str(alice.id), data_dir=folder)
        async with running(bot):
            await chat.answer_to(await chat.send(alice, "How long is the bridge?"))
            await asyncio.to_thread(shutil.rmtree, folder)
            question = await chat.send(alice, "How long is the canal?")
            await chat.answer_to(question)
            await run_job(bot, "look_at_disk")
            assert "removed my data folder" in (await chat.next_message())["text"]
            await chat.answer_to(await chat.send(alice, "The bridge?"))
    assert (folder / KEY_FILE).read_bytes() == key
    texts = ["How long is the bridge?", "How long is the canal?", "The bridge?"]
    assert stored(folder / JOURNAL_FILE) == texts


# A full or a read-only disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; only the superuser of a machine can mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("file systems can't be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607 - as mount above


def fill(folder: Path) -> Path:
    """Leave no room at all."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return filler


async def test_a_full_disk(api: BotApiServer, alice: Person, small_disk: Path) -> None:
    """Answers go on, admins hear of it; with room again, questions are kept again."""
    chat = api.private_chat(alice)
    with closing(open_journal(small_disk, 90)) as journal:
        bot = build(api, FixedRetriever(), journal, admin_ids=str(alice.id), data_dir=small_disk)
        async with running(bot):
            await chat.answer_to(await chat.send(alice, "How long is the bridge?"))
            filler = await asyncio.to_thread(fill, small_disk)
            heard = list[str]()
            for _ in range(3):
                await chat.send(alice, "How long is the bridge?")
            await run_job(bot, "look_at_disk")
            while heard.count(CARD) < 3 or not any("nearly full" in text for text in heard):
                heard.append((await chat.next_message())["text"])
            filler.unlink()
            await run_job(bot, "tidy")
            asked = (await chat.send(alice, "And the canal?"))["message_id"]
            answered = None
            while answered != asked:
                answer = await chat.next_message()
                answered = answer.get("reply_to_message", {}).get("message_id")
    assert "And the canal?" in stored(small_disk / JOURNAL_FILE)


def test_a_start_on_a_full_disk(small_disk: Path) -> None:
    """One clear sentence, and the journal is as it was."""
    with closing(open_journal(small_disk, 90)) as journal:
        asyncio.run(journal.record(QUESTION))
    filler = fill(small_disk)
    with pytest.raises(JournalError, match=r"can't be opened now .*: check the free space"):
        open_journal(small_disk, 90)
    filler.unlink()
    with closing(open_journal(small_disk, 90)):
        assert stored(small_disk / JOURNAL_FILE) == [QUESTION.text]


def test_a_data_folder_that_cannot_be_written(small_disk: Path) -> None:
    """One clear sentence, before anything else is tried."""
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)
    with (
        pytest.raises(DataFolderUnusable, match=r"can't be written to \(Read-only file system\)"),
        only_bot(small_disk),
    ):
        pass


# A second bot


def test_two_bots_on_one_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one doesn't begin; when the first is gone, it may."""
    monkeypatch.setattr(one_bot, "_PATIENCE", 0)
    holder = FileLock(tmp_path / LOCK_FILE)
    with holder, pytest.raises(BotRunning, match="set another DATA_DIR"), only_bot(tmp_path):
        pass
    with only_bot(tmp_path):
        pass


# A clock that jumps


class Time:
    """A clock that can be set, and one that can't."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_800_000_000.0, 1_000.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def clock(self, *, doubted: bool = False) -> Clock:
        return Clock(lambda: self.wall, lambda: self.steady, doubted=doubted)


@pytest.mark.parametrize("seconds", [86_400.0, -86_400.0, 63.0, -63.0])
def test_a_jump_is_noticed_once(seconds: float) -> None:
    """Time that goes by, and the small steps of a time server, are none."""
    time = Time()
    clock = time.clock()
    time.pass_by(100_000)
    time.wall += 2
    assert clock.jump() == 0
    time.wall += seconds
    assert clock.jump() == pytest.approx(seconds + 2)
    assert clock.jump() == 0


def test_how_long_the_time_is_doubted() -> None:
    """For a day after a great jump, or after a start that gave reason to."""
    time = Time()
    clock = time.clock()
    time.wall += 600
    assert clock.jump()
    assert not clock.doubted
    time.wall += 4_000
    assert clock.jump()
    for clock_in_doubt in (clock, time.clock(doubted=True)):
        assert clock_in_doubt.doubted
    time.pass_by(86_399)
    assert clock.doubted
    time.pass_by(1)
    assert not clock.doubted


@asynccontextmanager
async def bot_with(
    api: BotApiServer, admin: Person, folder: Path, time: Time
) -> AsyncIterator[Bot]:
    """A bot that has this time, with a question in its journal."""

    def now() -> datetime:
        return datetime.fromtimestamp(time.wall, UTC)

    api.private_chat(admin)
    with closing(Journal.open(folder, 90, now)) as journal:
        await journal.record(QUESTION)
        bot = build(api, FixedRetriever(), journal, admin_ids=str(admin.id), data_dir=folder)
        watch = replace(bot.upkeep.clock, clock=time.clock(doubted=journal.long_unused))
        bot = replace(bot, upkeep=replace(bot.upkeep, clock=watch))
        async with running(bot):
            yield bot


async def test_nothing_is_deleted_because_the_clock_is_wrong(
    api: BotApiServer, alice: Person, tmp_path: Path
) -> None:
    """Ten years ahead, everything seems old; an admin has a day to set it right."""
    time = Time()
    async with bot_with(api, alice, tmp_path, time) as bot:
        time.wall += 10 * 365 * 86_400
        context = ContextTypes.DEFAULT_TYPE(bot.telegram)
        await bot.upkeep.tidy(context)
        told = (await api.private_chat(alice).next_message())["text"]
        assert told.startswith("This computer's clock has jumped by about 87600 h.")
        assert stored(tmp_path / JOURNAL_FILE) == [QUESTION.text]
        time.pass_by(86_400)
        await bot.upkeep.tidy(context)
        assert stored(tmp_path / JOURNAL_FILE) == []


def test_nothing_is_deleted_at_a_start_with_a_wrong_clock(tmp_path: Path) -> None:
    """Nor after a long holiday, for a day; a start as usual deletes at once."""
    begun = datetime(2026, 3, 1, tzinfo=UTC)
    with closing(Journal.open(tmp_path, 90, lambda: begun)) as journal:
        asyncio.run(journal.record(QUESTION))
        asyncio.run(journal.prune())
    later = begun + timedelta(days=3650)
    with closing(Journal.open(tmp_path, 90, lambda: later)) as journal:
        assert journal.long_unused
        assert stored(tmp_path / JOURNAL_FILE) == [QUESTION.text]
        asyncio.run(journal.prune())
        assert stored(tmp_path / JOURNAL_FILE) == []
    with closing(Journal.open(tmp_path, 90, lambda: later + timedelta(days=1))) as journal:
        assert not journal.long_unused


@pytest.mark.parametrize("hours", [48, -48])
async def test_what_is_due_stays_due(
    hours: int, api: BotApiServer, alice: Person, tmp_path: Path
) -> None:
    """Set back by two days, no job waits for two days."""
    time = Time()
    async with bot_with(api, alice, tmp_path, time) as bot:
        jobs = bot.telegram.job_queue
        assert isinstance(jobs, JobQueue)
        # The real clock isn't set, so what is due by the other one would be done now.
        jobs.scheduler.pause()
        [job] = jobs.get_jobs_by_name("notice_changed_articles")
        before = job.next_t
        assert before is not None
        time.wall += hours * 3600
        assert await bot.upkeep.clock.look()
        assert job.next_t == before + timedelta(hours=hours)


# How a bot ends that can't begin


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("token", "TELEGRAM_BOT_TOKEN is wrong"),
        ("folder", "can't be written to"),
        ("key", "journal.key is damaged"),
    ],
)
def test_what_only_a_person_can_mend(tmp_path: Path, spoil: str, said: str) -> None:
    """Ends with exit code 78 and one sentence, so that nothing starts it again and again."""
    data = tmp_path / "data"
    if spoil == "folder":
        data.write_text("a file")
    if spoil == "key":
        data.mkdir()
        (data / KEY_FILE).write_text("short")
    ended = subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "TELEGRAM_BOT_TOKEN": "nonsense" if spoil == "token" else "1:token",
            "TELEGRAM_API_URL": "http://127.0.0.1:9",
            "DATA_DIR": str(data),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 78
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
