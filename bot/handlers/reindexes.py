"""/reindex and /cancel, for the bot's admins."""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass

from telegram import Message, Update
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot.errands import Errands
from bot.errors import ReindexCancelled, ReindexError, ReindexRunning
from bot.formatting import Card
from bot.handlers.replying import edit_reply, language_of, reply
from bot.localization import say
from bot.one_reindex import stop_reindex
from bot.reindexing import Reindexing
from bot.reports import Progress, progress_text, report_text
from bot.storage.journal import Journal

logger = logging.getLogger(__name__)

# In characters; what a process says on stderr may be of any length.
_MAX_REASON = 1_000
# In seconds. Telegram takes about one message a second in a chat, edits included.
_SHOWN_EVERY = 2


@dataclass(frozen=True, slots=True)
class Reindexes:
    """Handlers for admins; administration.py lets nobody else reach them."""

    reindexing: Reindexing
    errands: Errands
    journal: Journal

    async def reindex(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Start a reindex, show how far it is, and report when it has ended."""
        if message := update.message:
            self.errands.start(self._reindex(message), update, context)

    async def cancel(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Stop the reindex that is running; what it was started with says that it has ended."""
        message = update.message
        if message is None:
            return
        if not (self.reindexing.cancel() or await stop_reindex(self.journal.database)):
            language = await language_of(message.from_user, self.journal)
            await reply(message, Card(say(language, "cancel-nothing")))

    async def _reindex(self, message: Message) -> None:
        language = await language_of(message.from_user, self.journal)
        if self.reindexing.running:
            await reply(message, Card(say(language, "reindex-running")))
            return
        shown = _Shown(message, await reply(message, Card(say(language, "reindex-started"))))
        showing = asyncio.create_task(shown.keep_showing(language))
        try:
            report = await self.reindexing.run(shown.take)
        except ReindexRunning:
            text = say(language, "reindex-running")
        except ReindexCancelled:
            text = say(language, "reindex-cancelled")
        except ReindexError as error:
            logger.warning("The reindex failed: %s", error)
            text = say(language, "reindex-failed", reason=str(error)[:_MAX_REASON])
        else:
            text = report_text(report, language)
        finally:
            showing.cancel()
            # An edit that is under way must not come after the report.
            await asyncio.gather(showing, return_exceptions=True)
        await shown.end_with(text)


class _Shown:
    """A message of ours that tells how far a reindex is."""

    def __init__(self, message: Message, answer: Message) -> None:
        self._message = message
        self._answer = answer
        self._began = time.monotonic()
        self._latest: Progress | None = None

    def take(self, progress: Progress) -> None:
        """Keep what there is to show next."""
        self._latest = progress

    async def keep_showing(self, language: str) -> None:
        """Edit the message every now and then, until this is cancelled."""
        text = None
        while True:
            await asyncio.sleep(_SHOWN_EVERY)
            if self._latest is None:
                continue
            seconds = time.monotonic() - self._began
            before, text = text, progress_text(self._latest, seconds, language)
            if text != before:
                # What can't be shown just now is shown two seconds later.
                with contextlib.suppress(TelegramError):
                    await edit_reply(self._message, self._answer.message_id, Card(text))

    async def end_with(self, text: str) -> None:
        """Put a report in its place, as a new message: only that makes the phone ring."""
        await reply(self._message, Card(text))
        with contextlib.suppress(TelegramError):
            await self._answer.delete()
