"""What the bot does by itself every now and then, besides answering."""

import asyncio
import logging
import shutil
from dataclasses import dataclass
from datetime import timedelta

from telegram import Bot
from telegram.ext import ContextTypes, JobQueue

from bot import metrics
from bot.answering import Answering
from bot.clock import ClockWatch
from bot.errors import JournalError, ReindexCancelled, ReindexError
from bot.handlers.wishes import tell_of_answers
from bot.index_mending import IndexMending
from bot.insight.status import FULL_DISK
from bot.reindexing import Reindexing
from bot.settings import Settings
from bot.storage.journal import Journal
from bot.troubles import CRASH, Troubles
from bot.wishes import Wishes
from embeddings.errors import EmbeddingsError
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import known_articles
from knowledge.corpus import load_corpus
from knowledge.errors import CorpusError, KnowledgeError

logger = logging.getLogger(__name__)

# Then admins hear of the next one.
_CRASHES_KNOWN_FOR = timedelta(days=1)

_AT_ONCE = timedelta(seconds=1)
_SOON = timedelta(minutes=1)
_INDEX_NOTICED_EVERY = timedelta(seconds=20)
_ARTICLES_NOTICED_EVERY = timedelta(hours=1)
_TIDIED_EVERY = timedelta(hours=1)
_DISK_SEEN_EVERY = timedelta(minutes=1)

_ENOUGH_SPACE = 2 * FULL_DISK


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The bot's regular work, and how often each part of it is done."""

    bot: Bot
    answering: Answering
    journal: Journal
    wishes: Wishes
    troubles: Troubles
    reindexing: Reindexing
    settings: Settings
    mending: IndexMending
    clock: ClockWatch

    def schedule(self, jobs: "JobQueue[ContextTypes.DEFAULT_TYPE]") -> None:
        """Have it done, each thing as often as it needs."""
        for work, every, first in (
            (self.tidy, _TIDIED_EVERY, _SOON),
            (self.look_at_disk, _DISK_SEEN_EVERY, _SOON),
            # After a kill between a change and its reindex, or when a file was edited by hand.
            (self.notice_changed_articles, _ARTICLES_NOTICED_EVERY, _SOON),
            # Another process may reindex as well, such as `python -m bot reindex`.
            (self.notice_new_index, _INDEX_NOTICED_EVERY, _AT_ONCE),
        ):
            # The first time may have passed by the time the model is loaded.
            late = {"misfire_grace_time": None}
            jobs.run_repeating(work, every, first, job_kwargs=late)
        jobs.run_once(self.tell_of_opening, _AT_ONCE, job_kwargs=late)

    async def tell_of_opening(self, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Tell the admins what was wrong with the journal when the bot was started."""
        if self.journal.set_aside is not None:
            file = self.journal.set_aside.name
            await self.troubles.begin(f"{CRASH}{file}", "trouble-journal-damaged", file=file)
        if self.journal.key_is_lost:
            await self.troubles.begin(f"{CRASH}journal.key", "trouble-journal-key")

    async def notice_new_index(self, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Read what a reindex has changed, so that no question waits for it; tell who waited."""
        if not self.answering.is_open:
            return
        try:
            generation = await self.answering.look_up(_refresh)
        except EmbeddingsError as error:
            logger.warning("The index can't be read: %s", error)
            await self.troubles.begin("index", "trouble-index", reason=str(error))
            await self.mending.mend(error)
            return
        await self.troubles.end("index")
        try:
            await tell_of_answers(self.bot, self.wishes, generation)
        except JournalError as error:
            logger.warning("Those who wait for an answer are told later: %s", error)

    async def notice_changed_articles(self, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Reindex if the folder of articles is not what the index holds."""
        try:
            if not await asyncio.to_thread(self._articles_have_changed):
                return
            await self.reindexing.run_soon()
        except ReindexCancelled:
            logger.info("The reindex was stopped")
        except (KnowledgeError, ReindexError) as error:
            await self.troubles.begin("reindex", "trouble-reindex", reason=str(error))
        else:
            await self.troubles.end("reindex")

    def _articles_have_changed(self) -> bool:
        known = known_articles(self.settings.index_path)
        corpus = load_corpus(self.settings.articles_dir, known)
        if known and not corpus.articles:
            # It may be a disk that isn't there yet. Who means it sends /reindex.
            raise CorpusError(f"The folder of articles {self.settings.articles_dir} is empty.")
        return corpus.digests != {article.slug: digest for digest, article in known.items()}

    async def tidy(self, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Forget what was kept long enough, unless the time may be wrong."""
        if await self.clock.look():
            return
        try:
            await self.journal.prune()
            await self.wishes.prune()
        except JournalError as error:
            await self.troubles.begin("journal", "trouble-journal", reason=str(error))
        else:
            await self.troubles.end("journal")
        await self.troubles.forget(CRASH, _CRASHES_KNOWN_FOR)

    async def look_at_disk(self, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Look whether the journal is still there, and whether there is room for more."""
        folder = self.settings.data_dir
        try:
            if await self.journal.database.put_back():
                await self.troubles.begin(f"{CRASH}data folder", "trouble-data-folder")
            free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        except (JournalError, OSError) as error:
            await self.troubles.begin("data folder", "trouble-journal", reason=str(error))
            return
        await self.troubles.end("data folder")
        if free < FULL_DISK:
            await self.troubles.begin("disk", "trouble-disk", free=str(free // 1024**2))
        elif free > _ENOUGH_SPACE:
            await self.troubles.end("disk")


def _refresh(index: Retriever) -> int:
    index.refresh()
    metrics.show_index(index.state())
    # There is one after a refresh.
    return index.generation or 0
