"""What keeps failing: admins are told once when it begins, and once when it is over."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.admins import Admins
from bot.errors import JournalError
from bot.formatting import Card
from bot.localization import say
from bot.storage.database import Database, add_row
from bot.storage.schema import TROUBLES

logger = logging.getLogger(__name__)

CRASH = "crash:"
"""How the keys begin of errors that nobody had thought of; they are no state that ends."""

# What one replica may have while it works in the others; each looks at least once a minute.
_OF_A_REPLICA = frozenset({"index", "disk", "data folder"})
# A replica that has not said for so long that it goes on is gone, or was started again.
_GOES_ON_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that keeps failing."""

    key: str
    """What fails; the same each time that it does."""
    text_key: str
    arguments: Mapping[str, str]
    """The placeholders of its text."""
    began_at: datetime
    """UTC, without a time zone."""

    def text(self, language: str) -> str:
        """What it is, in one or two sentences."""
        return say(language, self.text_key, **self.arguments)


class Troubles:
    """Keeps what is failing, also over a restart, so that nobody is told twice."""

    def __init__(self, database: Database, admins: Admins) -> None:
        """Take where to keep them, and whom to tell."""
        self._database = database
        self._admins = admins
        self._begun: dict[str, Trouble] = {}
        # The journal itself may be what fails.
        self._not_kept: set[str] = set()

    def has_begun(self, key: str) -> bool:
        """Whether something is failing that began, or went on, since this was made."""
        return key in self._begun

    async def begin(self, key: str, text_key: str, **arguments: str) -> None:
        """Tell the admins of something that fails, unless they know.

        Args:
            key: What fails, such as "source:https://example.org/feed"; the same each time.
            text_key: The text that says so.
            arguments: The text's placeholders.
        """
        now = self._database.time()
        trouble = Trouble(key, text_key, arguments, now)
        is_known = key in self._begun
        # Another replica may have ended it.
        if is_known and not self._database.is_shared:
            return
        self._begun.setdefault(key, trouble)
        row = {
            "key": key,
            "text_key": text_key,
            "arguments": arguments,
            "began_at": now,
            "seen_at": now,
        }
        goes_on = TROUBLES.update().where(TROUBLES.c.key == key).values(seen_at=now)

        def begin(connection: sa.Connection) -> bool:
            is_new = add_row(connection, TROUBLES, row)
            if not is_new:
                connection.execute(goes_on)
            return is_new

        try:
            is_new = await self._database.write(begin)
        except JournalError as error:
            logger.warning("A trouble was not kept: %s", error)
            self._not_kept.add(key)
            is_new = not is_known
        else:
            if key in self._not_kept:
                self._not_kept.remove(key)
                is_new = False
        if is_new:
            logger.warning("Trouble begins: %s", trouble.text("en"))
            await self._admins.tell(lambda language: Card(trouble.text(language)))

    async def end(self, key: str) -> None:
        """Tell the admins that something works again, if they were told that it didn't."""
        trouble = next((each for each in await self.current() if each.key == key), None)
        was_here = self._begun.pop(key, None) is not None
        if trouble is None:
            return
        row = TROUBLES.delete().where(TROUBLES.c.key == key)
        if self._database.is_shared and key in _OF_A_REPLICA and not was_here:
            seen_at = sa.func.coalesce(TROUBLES.c.seen_at, TROUBLES.c.began_at)
            row = row.where(seen_at <= self._database.time() - _GOES_ON_FOR)
        try:
            has_ended = await self._database.write(
                lambda connection: connection.execute(row).rowcount > 0
            )
        except JournalError as error:
            logger.warning("The end of a trouble was not kept: %s", error)
            has_ended = was_here
        if key in self._not_kept:
            self._not_kept.remove(key)
            has_ended = True
        if not has_ended:
            return  # another replica has said so, or has the trouble still
        logger.warning("Trouble is over: %s", key)
        await self._admins.tell(
            lambda language: Card(say(language, "trouble-over", trouble=trouble.text(language)))
        )

    async def forget(self, prefix: str, kept: timedelta) -> None:
        """Forget troubles that nobody can see the end of, so that admins hear of the next one.

        Args:
            prefix: How their keys begin.
            kept: How long they are kept.
        """
        before = self._database.time() - kept
        old = TROUBLES.delete().where(
            TROUBLES.c.key.startswith(prefix, autoescape=True), TROUBLES.c.began_at <= before
        )
        try:
            await self._database.write(lambda connection: connection.execute(old))
        except JournalError as error:
            logger.warning("Old troubles were not forgotten: %s", error)
        for key, trouble in list(self._begun.items()):
            if key.startswith(prefix) and trouble.began_at <= before:
                del self._begun[key]
                self._not_kept.discard(key)

    async def current(self) -> list[Trouble]:
        """What is failing now, the oldest first."""
        select = sa.select(TROUBLES).order_by(TROUBLES.c.began_at)
        try:
            rows = await self._database.read(lambda connection: connection.execute(select).all())
        except JournalError as error:
            logger.warning("The troubles were not looked up: %s", error)
            return list(self._begun.values())
        kept = [Trouble(row.key, row.text_key, row.arguments, row.began_at) for row in rows]
        keys = {trouble.key for trouble in kept}
        return [*kept, *(self._begun[key] for key in sorted(self._not_kept - keys))]
