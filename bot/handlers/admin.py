"""What only the bot's admins can do, in a private chat."""

import asyncio
import logging
from dataclasses import dataclass, field

from telegram import Message, Update
from telegram.ext import ContextTypes

from bot.errors import ReindexError, ReindexRunning
from bot.formatting import Card
from bot.handlers.replying import language_of, reply
from bot.journal import Journal
from bot.localization import say
from bot.reindexing import Reindexing
from bot.reports import report_text

logger = logging.getLogger(__name__)

# In characters; what a process says on stderr may be of any length.
_MAX_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Admin:
    """Handlers for admins; application.py lets nobody else reach them."""

    reindexing: Reindexing
    journal: Journal
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def reindex(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Start a reindex, and report when it has ended."""
        message = update.message
        if message is None:
            return
        # A task of our own: the library would wait for the reindex before it shuts down, and the
        # chat's next message would wait for it, too.
        task = asyncio.create_task(self._reindex(message))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def shutdown(self) -> None:
        """Stop what is running."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _reindex(self, message: Message) -> None:
        language = await language_of(message.from_user, self.journal)
        try:
            if not self.reindexing.running:
                await reply(message, Card(say(language, "reindex-started")))
            report = await self.reindexing.run()
        except ReindexRunning:
            text = say(language, "reindex-running")
        except ReindexError as error:
            logger.warning("The reindex failed: %s", error)
            text = say(language, "reindex-failed", reason=str(error)[:_MAX_REASON])
        else:
            text = report_text(report, language)
        await reply(message, Card(text))
