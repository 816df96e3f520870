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
from bot.recent_questions import RecentQuestions
from bot.reindexing import Reindexing
from bot.settings import Settings
from bot.storage.jobs import Jobs
from bot.storage.journal import Journal
from bot.troubles import CRASH, Troubles
from bot.wishes import Wishes
from embeddings.errors import EmbeddingsError
from embeddings.retriever import Retriever
from embeddings.stores.opening import known_versions
from knowledge.corpus import ArticleFolder, Findings
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
_QUESTIONS_FORGOTTEN_EVERY = timedelta(minutes=1)

_ENOUGH_SPACE = 2 * FULL_DISK


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The bot's regular work, and how often each part of it is done.

    Each replica looks after what it has itself: its disk, and the index in its memory. What
    concerns all of them is done by one, see `Jobs`.
    """

    bot: Bot
    answering: Answering
    journal: Journal
    wishes: Wishes
    troubles: Troubles
    reindexing: Reindexing
    settings: Settings
    mending: IndexMending
    clock: ClockWatch
    jobs: Jobs
    recent: RecentQuestions

    def schedule(self, jobs: "JobQueue[ContextTypes.DEFAULT_TYPE]") -> None:
        """Have it done, each thing as often as it needs."""
        for work, every, first in (
            (self.tidy, _TIDIED_EVERY, _SOON),
            (self.look_at_disk, _DISK_SEEN_EVERY, _SOON),
            (self.forget_recent_questions, _QUESTIONS_FORGOTTEN_EVERY, _SOON),
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
            await self._mend(error)
            return
        await self.troubles.end("index")
        try:
            await tell_of_answers(self.bot, self.wishes, generation)
        except JournalError as error:
            logger.warning("Those who wait for an answer are told later: %s", error)

    async def _mend(self, error: EmbeddingsError) -> None:
        try:
            # What one has mended the others must not discard.
            async with self.journal.database.alone("mending") as nobody_else:
                if nobody_else:
                    await self.mending.mend(error)
        except JournalError as failure:
            logger.warning("The index is mended later: %s", failure)

    async def notice_changed_articles(self, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Reindex if the folder of articles is not what the index holds."""
        try:
            if not await self.jobs.claim("articles", _ARTICLES_NOTICED_EVERY):
                return
            if not await asyncio.to_thread(self._articles_have_changed):
                return
            await self.reindexing.run_soon()
        except ReindexCancelled:
            logger.info("The reindex was stopped")
        except JournalError as error:
            logger.warning("Whether articles have changed is looked up later: %s", error)
        except (KnowledgeError, EmbeddingsError, ReindexError) as error:
            await self.troubles.begin("reindex", "trouble-reindex", reason=str(error))
        else:
            await self.troubles.end("reindex")

    def _articles_have_changed(self) -> bool:
        folder, findings = ArticleFolder(self.settings.articles_dir), Findings()
        known = known_versions(self.settings.store_address)
        different = sum(1 for _ in folder.differences(known, findings))
        if different and not findings.articles:
            # It may be a disk that isn't there yet. Who means it sends /reindex.
            raise CorpusError(f"The folder of articles {self.settings.articles_dir} is empty.")
        return different > 0

    async def tidy(self, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Forget what was kept long enough, unless the time may be wrong."""
        if await self.clock.look():
            return
        try:
            if not await self.jobs.claim("tidy", _TIDIED_EVERY):
                # The database answers again, if this is the one who has said that it didn't.
                if self.troubles.has_begun("journal"):
                    await self.troubles.end("journal")
                return
            await self.journal.prune()
            await self.wishes.prune()
        except JournalError as error:
            await self.troubles.begin("journal", "trouble-journal", reason=str(error))
        else:
            await self.troubles.end("journal")
        await self.troubles.forget(CRASH, _CRASHES_KNOWN_FOR)

    async def forget_recent_questions(self, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Forget what people asked last, when nothing can follow it any more."""
        try:
            await self.recent.prune()
        except JournalError as error:
            logger.warning("The last questions are forgotten later: %s", error)

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
