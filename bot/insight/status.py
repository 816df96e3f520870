"""How the bot is: what it knows, what waits, what fails, and what it uses of the machine."""

import asyncio
import importlib.metadata
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from bot.answering import Answering
from bot.drafts.waiting import ArticleDrafts
from bot.errors import DraftsUnusable, JournalError
from bot.logs import LoggedWarning, last_warnings
from bot.settings import Settings
from bot.storage.journal import Journal
from bot.storage.schema import QUESTIONS, SOURCES, WISHES
from bot.troubles import Trouble, Troubles
from embeddings.errors import EmbeddingsError
from embeddings.retriever import IndexState

_PACKAGE = "green-initiatives-bot"

FULL_DISK = 300 * 1024**2
"""Bytes that are free: below that a disk counts as full. A reindex of some hundred articles
writes as much."""


@dataclass(frozen=True, slots=True)
class FailingSource:
    """A source whose last checks all failed."""

    url: str
    failures: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What the bot's own database holds."""

    questions: int
    days: int
    """How long questions are kept; 0 if they aren't."""
    bytes: int
    """On the disk."""
    wishes: int
    failing_sources: tuple[FailingSource, ...]
    """What failed most often first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What nobody has decided or done yet."""

    drafts: int | None
    """Articles that wait for an admin's word; None if their folder can't be read."""
    questions: int | None
    """What people have asked and nobody has begun to answer; None if no bot is running."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is used of the machine, in bytes."""

    memory: int
    """Of this process."""
    free_disk: int
    """Where the data folder is."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the bot is."""

    version: str
    model: str
    """As it is set."""
    index: IndexState | None
    """None if it can't be read."""
    kept: Kept | None
    """None if the journal can't be read just now."""
    waiting: Waiting
    machine: Machine
    now: datetime
    """UTC."""
    running_since: datetime | None = None
    """UTC; None of what isn't the running bot."""
    warnings: tuple[LoggedWarning, ...] = ()
    """Newest first."""
    troubles: tuple[Trouble, ...] = ()
    """What is failing now, the oldest first."""

    @property
    def running_for(self) -> timedelta | None:
        """How long the bot has been running; None if it isn't."""
        return self.now - self.running_since if self.running_since else None


def installed_version() -> str:
    """The version of this program."""
    return importlib.metadata.version(_PACKAGE)


def read_kept(connection: sa.Connection, size: int, days: int) -> Kept:
    """Look into the database.

    Args:
        connection: To the bot's database.
        size: See `Database.size`.
        days: How long questions are kept.
    """
    failing = connection.execute(
        sa.select(SOURCES.c.url, SOURCES.c.failures)
        .where(SOURCES.c.failures > 0)
        .order_by(SOURCES.c.failures.desc(), SOURCES.c.url)
    )
    return Kept(
        questions=_count(connection, QUESTIONS),
        days=days,
        bytes=size,
        wishes=_count(connection, WISHES),
        failing_sources=tuple(FailingSource(*row) for row in failing),
    )


def read_machine(folder: Path) -> Machine:
    """Measure this process, and the disk of a folder, or of where it would be made."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return Machine(psutil.Process().memory_info().rss, shutil.disk_usage(there).free)


def count_drafts(drafts: ArticleDrafts) -> int | None:
    """How many drafts wait; None if that can't be told."""
    try:
        return len(drafts.waiting().drafts)
    except DraftsUnusable:
        return None


def status_fields(status: Status) -> dict[str, Any]:
    """The same as JSON has it."""
    return asdict(status)


class StatusReader:
    """Finds out how the running bot is."""

    def __init__(
        self,
        answering: Answering,
        journal: Journal,
        drafts: ArticleDrafts,
        troubles: Troubles,
        settings: Settings,
    ) -> None:
        """Take what to look at; the bot runs from now on."""
        self._answering = answering
        self._journal = journal
        self._drafts = drafts
        self._troubles = troubles
        self._folder = settings.data_dir
        self._model = settings.embedding_model
        self._started = datetime.now(UTC)

    async def read(self) -> Status:
        """How the bot is now; what can't be found out is left out."""
        waiting = self._answering.waiting
        try:
            index = await self._answering.look_up(lambda retriever: retriever.state())
        except EmbeddingsError:
            index = None
        database = self._journal.database
        try:
            kept = await database.read(
                lambda connection: read_kept(
                    connection, database.size(connection), self._journal.days
                )
            )
        except JournalError:
            kept = None
        return Status(
            version=installed_version(),
            model=self._model,
            index=index,
            kept=kept,
            waiting=Waiting(await asyncio.to_thread(count_drafts, self._drafts), waiting),
            machine=await asyncio.to_thread(read_machine, self._folder),
            now=datetime.now(UTC),
            running_since=self._started,
            warnings=last_warnings(),
            troubles=tuple(await self._troubles.current()),
        )


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
