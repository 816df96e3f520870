"""The bot as its owner runs it, a process of its own, at the strict Bot API server of the tests.

The server is imported from tests/, which the Makefile's targets put on PYTHONPATH.
"""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

import knowledge
from benchmarks.generated_articles import generate_articles, write_article
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer

_PROJECT = Path(__file__).parents[1]
_OWN_ARTICLES = Path(knowledge.__file__).parent / "articles"
_PATIENCE = 120.0
_STOPPING = 30.0
_CHATS = 40
_BETWEEN_QUESTIONS = 0.2


@dataclass(frozen=True, slots=True)
class BotFigures:
    """What the running bot takes; seconds and megabytes.

    Attributes:
        first_answer: From the start of the process to the answer to a question that waited.
        memory: Resident after many questions.
        peak: The most it has had, as far as the system tells.
        idle: Of each question to its answer, while there is nothing else to do.
        reindexing: The same, while a full reindex runs.
        reindex_seconds: How long that took.
        reindexed: How many articles it read.
    """

    first_answer: float
    memory: float
    peak: float
    idle: tuple[float, ...]
    reindexing: tuple[float, ...]
    reindex_seconds: float
    reindexed: int


class RealBot:
    """A bot that can be started, killed and started again."""

    def __init__(self, api: BotApiServer, folder: Path, model: Path, admin: Person) -> None:
        """Prepare its folders; the model's folder is used where it is."""
        self.articles = folder / "articles"
        shutil.copytree(_OWN_ARTICLES, self.articles)
        data = folder / "data"
        data.mkdir()
        (data / "models").symlink_to(model.parent.resolve())
        self.log = folder / "log"
        self.log.touch()
        self._environment = {
            **os.environ,
            "TELEGRAM_BOT_TOKEN": api.token,
            "TELEGRAM_API_URL": api.url,
            "ADMIN_IDS": str(admin.id),
            "ARTICLES_DIR": str(self.articles),
            "DATA_DIR": str(data),
            "EMBEDDING_MODEL": "packaged",
            "LOG_LEVEL": "INFO",
            "PYTHONPATH": str(_PROJECT),
        }
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it may be a while until it answers."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *[sys.executable, "-m", "bot", "run"],
                cwd=self._folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=log,
            )

    def set(self, **settings: str) -> None:
        """Change settings; the next start takes them."""
        self._environment |= settings

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(lambda process: process.kill())

    async def stop(self) -> int:
        """Ask it to stop, and wait until it has; gives its exit code."""
        return await self._end(lambda process: process.terminate())

    async def _end(self, end: Callable[[asyncio.subprocess.Process], None]) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.returncode is None:
            end(process)
        try:
            return await asyncio.wait_for(process.wait(), _STOPPING)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise

    def ended_by_itself(self) -> int | None:
        """Return its exit code if it has ended though it wasn't asked to; says so once."""
        code = self._process.returncode if self._process is not None else None
        if code is not None:
            self._process = None
        return code

    def memory(self) -> float:
        """Return what it has in memory now, in megabytes; 0 if it isn't running."""
        if self._process is None or self._process.returncode is not None:
            return 0.0
        return float(psutil.Process(self._process.pid).memory_info().rss / 1e6)

    def peak_memory(self) -> float:
        """Return the most that it has had in memory, in megabytes; what it has now elsewhere."""
        if self._process is None:
            return 0.0
        status = Path(f"/proc/{self._process.pid}/status")
        lines = status.read_text("utf-8").splitlines() if status.exists() else []
        peaks = [float(line.split()[1]) * 1024 / 1e6 for line in lines if line[:6] == "VmHWM:"]
        return peaks[0] if peaks else self.memory()


@asynccontextmanager
async def real_bot(model: Path) -> AsyncIterator[tuple[BotApiServer, RealBot, Person]]:
    """Prepare a server and a bot, not yet started; gives both, and the bot's admin."""
    with tempfile.TemporaryDirectory() as name:
        async with BotApiServer() as api:
            admin = api.user("Aida", language_code="en")
            api.private_chat(admin)
            bot = RealBot(api, Path(name), model, admin)
            try:
                yield api, bot, admin
            finally:
                await bot.kill()


async def measure_bot(model: Path, questions: Sequence[str], articles: int) -> BotFigures:
    """Start it, ask, and ask while it reads so many new articles."""
    async with real_bot(model) as (api, bot, admin):
        chat = api.private_chat(admin)
        await bot.start()
        await chat.answer_to(await chat.send(admin, questions[0]), within=_PATIENCE)
        await bot.stop()

        # What a restart takes: the index is there, and a question waits.
        question = await chat.send(admin, questions[0])
        begun = time.perf_counter()
        await bot.start()
        await chat.answer_to(question, within=_PATIENCE)
        first_answer = time.perf_counter() - begun

        asking = _Asking(api, questions)
        idle = await asking.ask(len(questions))
        memory, peak = bot.memory(), bot.peak_memory()
        for article in generate_articles(articles):
            write_article(bot.articles, article)
        begun = time.perf_counter()
        await chat.answer_to(await chat.send(admin, "/reindex"), within=_PATIENCE)
        done = asyncio.create_task(_reindexed(chat))
        reindexing = await asking.ask_until(done)
        await done
        seconds = time.perf_counter() - begun
        await bot.stop()
    return BotFigures(
        first_answer, memory, peak, tuple(idle), tuple(reindexing), seconds, articles
    )


async def _reindexed(chat: Chat) -> None:
    """Wait for the report."""
    while "Added" not in (await chat.next_message(within=600))["text"]:
        pass


class _Asking:
    """Asks at a steady pace, however long the answers take, each person in turn."""

    def __init__(self, api: BotApiServer, questions: Sequence[str]) -> None:
        people = [api.user(f"Person {number}", language_code="en") for number in range(_CHATS)]
        self._chats = [(api.private_chat(person), person) for person in people]
        self._questions = questions
        self._number = 0

    async def ask(self, count: int) -> list[float]:
        answers = []
        for _ in range(count):
            answers.append(asyncio.create_task(self._ask_next()))
            await asyncio.sleep(_BETWEEN_QUESTIONS)
        return await asyncio.gather(*answers)

    async def ask_until(self, done: "asyncio.Task[None]") -> list[float]:
        answers = []
        while not done.done():
            answers.append(asyncio.create_task(self._ask_next()))
            await asyncio.sleep(_BETWEEN_QUESTIONS)
        return await asyncio.gather(*answers)

    async def _ask_next(self) -> float:
        chat, person = self._chats[self._number % _CHATS]
        text = self._questions[self._number % len(self._questions)]
        self._number += 1
        begun = time.perf_counter()
        question = await chat.send(person, text)
        await chat.answer_to(question, within=_PATIENCE)
        return time.perf_counter() - begun


def p95(seconds: Sequence[float]) -> float:
    """Return what 95 of 100 stay within."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]
