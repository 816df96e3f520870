"""The journal: what was asked and how it went, and what people decided about themselves."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self, TypeAlias

import sqlalchemy as sa
from pydantic import SecretStr

from bot.errors import JournalError
from bot.storage.database import Database, Result, replace_row
from bot.storage.inbox import forget_updates, prune_ids
from bot.storage.paces import PACES_KEPT
from bot.storage.schema import (
    LANGUAGES,
    PACES,
    QUESTIONS,
    RECENT_QUESTIONS,
    REPLIES,
    STATE,
    VERDICTS,
    WISHES,
)

logger = logging.getLogger(__name__)

REPLIES_KEPT = timedelta(days=2)
"""Telegram lets people edit a message for 48 hours."""

# The bot does so each hour. After a longer time it is more likely that the clock is wrong.
_LONG_UNUSED = timedelta(days=7)
_PRUNED_AT = "pruned-at"

ChatKind: TypeAlias = Literal["private", "group", "guest"]
"""Where a question was asked; a guest is the bot in a chat where it is no member."""


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question and how it went."""

    person: int | None
    """The Telegram id of who asked; None for anonymous admins and channels."""
    text: str
    language: str
    outcome: str
    article: str | None
    """The slug of the article that was quoted first, if any was."""
    confidence: float | None
    """How probably that quote answers the question."""
    chat_kind: ChatKind


class Journal:
    """Keeps questions, verdicts, replies and languages; make one with `Journal.open`.

    The methods that handlers call raise JournalError if it can't be read or written just now.
    """

    def __init__(self, database: Database, days: int) -> None:
        """Take the database, and how long questions are kept in it."""
        self.database = database
        """What else the bot keeps is in there, too."""
        self.days = days
        """How long questions are kept; 0 if they aren't."""
        self.long_unused = False
        """Whether nothing was deleted for its age at the opening, since the journal was not in
        use for so long that the system's clock may be wrong."""
        self.set_aside: Path | None = None
        """Where the damaged journal is that this one has taken the place of."""
        self.key_is_lost = False
        """Whether those who are in the journal can't be told any more."""

    @classmethod
    def open(
        cls,
        folder: Path,
        days: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        url: SecretStr | None = None,
    ) -> Self:
        """Open the journal, bring its tables up to date and prune it.

        Args:
            folder: See `Database.open`.
            days: How long questions are kept; 0 if they aren't.
            now: The time, with a time zone.
            url: See `Database.open`, as for the errors.
        """
        journal = cls(Database.open(folder, now, url), days)
        try:
            journal.long_unused = journal.database.read_now(journal._is_long_unused)
            if not journal.long_unused:
                journal.database.write_now(journal._prune, deletes=True)
        except JournalError as error:
            # It can be tried again; people get their answers meanwhile.
            logger.warning("Old questions are deleted later: %s", error)
        return journal

    def close(self) -> None:
        """Wait for what is being written, and let go of the database."""
        self.database.close()

    async def record(self, question: AskedQuestion) -> int | None:
        """Keep a question; returns the id to rate it by, None if no questions are kept."""
        if not self.days:
            return None
        row = {
            "person": self.database.person(question.person),
            "asked_at": self.database.time(),
            "text": question.text,
            "language": question.language,
            "outcome": question.outcome,
            "article": question.article,
            "confidence": question.confidence,
            "chat_kind": question.chat_kind,
        }
        insert = QUESTIONS.insert().values(row).returning(QUESTIONS.c.id)
        return await self.database.write(lambda connection: connection.scalar(insert))

    async def rate(self, question_id: int, person: int, *, helpful: bool) -> bool:
        """Keep somebody's verdict on a question's answer; their last one counts.

        Returns:
            Whether the question is still kept; if not, neither is the verdict.
        """
        # It stays until the verdict is there, whoever deletes it at the same time.
        kept = sa.select(QUESTIONS.c.id).where(QUESTIONS.c.id == question_id)
        kept = kept.with_for_update(key_share=True)
        key = {"question": question_id, "person": self.database.person(person)}

        def rate(connection: sa.Connection) -> bool:
            if connection.scalar(kept) is None:
                return False
            replace_row(connection, VERDICTS, key, {"helpful": helpful})
            return True

        return await self.database.write(rate)

    async def remember_reply(
        self, chat_id: int, message_id: int, reply_id: int, person: int | None
    ) -> None:
        """Keep for two days which of our messages answers a message, and who wrote that."""
        key = {"message": self._message(chat_id, message_id)}
        values = {
            "reply_id": reply_id,
            "person": self.database.person(person),
            "sent_at": self.database.time(),
        }
        await self.database.write(lambda connection: replace_row(connection, REPLIES, key, values))

    async def find_reply(self, chat_id: int, message_id: int) -> int | None:
        """The id of our message that answers a message, in the same chat."""
        same = REPLIES.c.message == self._message(chat_id, message_id)
        return await self._read(sa.select(REPLIES.c.reply_id).where(same))

    async def chosen_language(self, person: int | None) -> str | None:
        """The language that somebody wants to be talked to in; None for the question's own."""
        if person is None:
            return None
        same = LANGUAGES.c.person == self.database.person(person)
        return await self._read(sa.select(LANGUAGES.c.language).where(same))

    async def choose_language(self, person: int, language: str | None) -> None:
        """Keep somebody's choice of language; None takes it back."""
        key = {"person": self.database.person(person)}
        values = {"language": language} if language else None
        await self.database.write(
            lambda connection: replace_row(connection, LANGUAGES, key, values)
        )

    async def forget(self, person: int) -> int:
        """Delete all that is kept of somebody; returns how many questions that were."""
        own = self.database.person(person)

        def forget(connection: sa.Connection) -> int:
            questions, *_ = [
                connection.execute(table.delete().where(table.c.person == own)).rowcount
                for table in (QUESTIONS, VERDICTS, REPLIES, LANGUAGES, WISHES, RECENT_QUESTIONS)
            ]
            if own is not None:
                forget_updates(connection, own)
            return questions

        return await self.database.write(forget, deletes=True)

    async def prune(self) -> None:
        """Delete what has been kept long enough."""
        await self.database.write(self._prune, deletes=True)

    def _prune(self, connection: sa.Connection) -> None:
        now = self.database.time()
        replace_row(connection, STATE, {"name": _PRUNED_AT}, {"value": now.isoformat()})
        for time, kept in (
            (QUESTIONS.c.asked_at, timedelta(days=self.days)),
            (REPLIES.c.sent_at, REPLIES_KEPT),
            (PACES.c.free_at, PACES_KEPT),
        ):
            connection.execute(sa.delete(time.table).where(time <= now - kept))
        prune_ids(connection, now)

    def _is_long_unused(self, connection: sa.Connection) -> bool:
        pruned_at = connection.scalar(sa.select(STATE.c.value).where(STATE.c.name == _PRUNED_AT))
        if pruned_at is None:
            return False
        return self.database.time() - datetime.fromisoformat(pruned_at) > _LONG_UNUSED

    async def _read(self, select: sa.Select[Result]) -> Result | None:
        return await self.database.read(lambda connection: connection.scalar(select))

    def _message(self, chat_id: int, message_id: int) -> str:
        return self.database.hash_of(f"message {chat_id} {message_id}")
