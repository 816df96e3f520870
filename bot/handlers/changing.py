"""After an article was changed from a chat: it is brought into the answers, and that is told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.drafts.cards import change_card, failure
from bot.errands import Errands
from bot.errors import ReindexError
from bot.formatting import Card
from bot.localization import say
from bot.reindexing import Reindexing
from bot.storage.journal import Journal
from knowledge.article import Article
from knowledge.changes import Change, ChangeKind, Changes
from knowledge.errors import ChangeRefused, KnowledgeError, LinkTaken
from knowledge.passages import split_article

logger = logging.getLogger(__name__)

Show = Callable[[Card], Awaitable[object]]
"""Puts a card where the admin looks."""

# In characters: longer texts would take more than a moment.
_LONGEST_COUNTED = 400_000


@dataclass(frozen=True, slots=True)
class Changing:
    """What the handlers that change articles have in common."""

    changes: Changes
    reindexing: Reindexing
    errands: Errands
    journal: Journal

    async def tell(
        self, change: Change, show: Show, language: str, *, undone: bool = False, note: str = ""
    ) -> None:
        """Bring a change into the answers, and say how that goes.

        Args:
            change: What was changed, or undone.
            show: Called twice.
            language: The admin's.
            undone: Whether it was undone.
            note: What else is to be said in the end.
        """
        working = say(language, "change-on-its-way")
        await show(change_card(change, language, working, undone=undone))
        try:
            await self.reindexing.run_soon()
        except ReindexError as error:
            logger.warning("The change %s is not in the index: %s", change.id, error)
            outcome = failure(language, "change-not-in-answers", error).text
        else:
            outcome = await self._in_answers(change, language, undone=undone)
        notes = "\n".join(filter(None, [outcome, note]))
        await show(change_card(change, language, notes, undone=undone))

    async def _in_answers(self, change: Change, language: str, *, undone: bool) -> str:
        gone = change.kind is (ChangeKind.ADD if undone else ChangeKind.REMOVE)
        article = None if gone else await asyncio.to_thread(self.changes.read, change.slug)
        if article is None:
            return say(language, "change-out-of-answers")
        passages = await asyncio.to_thread(split_article, article)
        return say(language, "change-in-answers", passages=len(passages))


def count_passages(article: Article) -> int | None:
    """How many passages an article has; None if it is too long to be split in a moment."""
    if len(article.body) > _LONGEST_COUNTED:
        return None
    return len(split_article(article))


def refusal(error: KnowledgeError, language: str) -> Card:
    """Why an article could not be changed."""
    if isinstance(error, LinkTaken):
        return Card(say(language, "change-link-taken"))
    if isinstance(error, ChangeRefused):
        return Card(say(language, "change-refused"))
    logger.warning("An article was not changed: %s", error)
    return failure(language, "change-failed", error)
