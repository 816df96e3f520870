"""What only the bot's admins use, in a private chat: made from the settings, wired to handlers."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeAlias

from telegram.ext import (
    BaseHandler,
    CommandHandler,
    ContextTypes,
    JobQueue,
    MessageHandler,
    filters,
)

from bot.admins import Admins
from bot.answering import Answering
from bot.drafts.buttons import CHANGE_BUTTONS, DRAFT_BUTTONS
from bot.drafts.reading import Reading
from bot.drafts.waiting import ArticleDrafts
from bot.errands import Errands
from bot.handlers.changing import Changing
from bot.handlers.drafts import Drafts
from bot.handlers.edits import Edits
from bot.handlers.filters import (
    AdminButtonHandler,
    CorrectsADraft,
    CorrectsAnArticle,
    IsAChannelPost,
    IsALink,
)
from bot.handlers.insight import Insight
from bot.handlers.reindexes import Reindexes
from bot.handlers.sources import Sources
from bot.insight.buttons import UNANSWERED_BUTTONS
from bot.insight.status import StatusReader
from bot.reindexing import Reindexing
from bot.settings import Settings
from bot.sources.buttons import SOURCE_BUTTONS
from bot.sources.checks import build_checks
from bot.storage.journal import Journal
from bot.troubles import Troubles
from knowledge.changes import Changes

Handler: TypeAlias = BaseHandler[Any, ContextTypes.DEFAULT_TYPE, Any]

_PROGRAM = (sys.executable, "-m", "bot")
REINDEX = (*_PROGRAM, "reindex", "--worker")
"""The process that reindexes; see `Reindexing`."""

_SOURCES_CHECKED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Administration:
    """The handlers for admins, and what they began."""

    admin_ids: frozenset[int]
    reindexing: Reindexing
    errands: Errands
    reindexes: Reindexes
    insight: Insight
    sources: Sources
    drafts: Drafts
    edits: Edits

    @classmethod
    def build(  # noqa: PLR0913 - what the whole bot has
        cls,
        settings: Settings,
        answering: Answering,
        journal: Journal,
        *,
        admins: Admins,
        troubles: Troubles,
        reindexing: Reindexing,
    ) -> Self:
        """Make what admins use; nothing is started yet."""
        environment = settings.environment()
        errands = Errands()
        waiting = ArticleDrafts(settings.drafts_dir)
        reading = Reading([*_PROGRAM, "add", "--draft", "--json"], environment)
        checks = build_checks(settings, journal.database, troubles, reading, reindexing.run_soon)
        changing = Changing(Changes(settings.articles_dir), reindexing, errands, journal)
        status = StatusReader(answering, journal, waiting, troubles, settings)
        return cls(
            admin_ids=settings.admin_ids,
            reindexing=reindexing,
            errands=errands,
            reindexes=Reindexes(reindexing, errands, journal),
            insight=Insight(
                answering, journal, status, _PROGRAM, settings.environment(engines=True)
            ),
            sources=Sources(checks, admins, troubles, journal),
            drafts=Drafts(reading, waiting, changing),
            edits=Edits(answering, changing),
        )

    def handlers(self, private: filters.BaseFilter) -> Sequence[Handler]:
        """What takes an admin's messages, in order.

        To others none of it exists: they hear what any unknown command gets.

        Args:
            private: Messages of people in private chats. In groups an anonymous admin has no id.
        """
        by_admin = private & filters.User(self.admin_ids)
        return [
            CommandHandler("add", self.drafts.add, by_admin),
            CommandHandler("drafts", self.drafts.browse, by_admin),
            CommandHandler("edit", self.edits.edit, by_admin),
            CommandHandler("remove", self.edits.remove, by_admin),
            CommandHandler("undo", self.edits.undo, by_admin),
            CommandHandler("sources", self.sources.browse, by_admin),
            CommandHandler("status", self.insight.status, by_admin),
            CommandHandler("stats", self.insight.stats, by_admin),
            CommandHandler("unanswered", self.insight.unanswered, by_admin),
            CommandHandler("reindex", self.reindexes.reindex, by_admin),
            CommandHandler("cancel", self.reindexes.cancel, by_admin),
            # What an admin sends is a question as well, unless it is one of these. The replies
            # to our prompts come first, since a reply may be a link.
            MessageHandler(by_admin & CorrectsADraft(), self.drafts.take_detail),
            MessageHandler(by_admin & CorrectsAnArticle(), self.edits.take_detail),
            MessageHandler(by_admin & IsALink(), self.drafts.take_link),
            MessageHandler(by_admin & filters.Document.ALL, self.drafts.take_file),
            MessageHandler(by_admin & IsAChannelPost(), self.drafts.take_post),
        ]

    def button_handlers(self) -> Sequence[Handler]:
        """What takes the presses of an admin."""
        return [
            AdminButtonHandler(self.insight.turn_page, UNANSWERED_BUTTONS, self.admin_ids),
            AdminButtonHandler(self.sources.press, SOURCE_BUTTONS, self.admin_ids),
            AdminButtonHandler(self.drafts.press, DRAFT_BUTTONS, self.admin_ids),
            AdminButtonHandler(self.edits.press, CHANGE_BUTTONS, self.admin_ids),
        ]

    def schedule(self, jobs: "JobQueue[ContextTypes.DEFAULT_TYPE]") -> None:
        """Have done what is done without a word of an admin."""
        jobs.run_repeating(self.sources.check_due, _SOURCES_CHECKED_EVERY)

    async def shutdown(self) -> None:
        """Stop what is under way."""
        await self.sources.shutdown()
        await self.errands.shutdown()
        await self.reindexing.shutdown()
