"""Whom to tell what concerns only admins, and in which language."""

import logging
from collections.abc import Callable, Iterable

import sqlalchemy as sa
from telegram import Bot, Update
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot.errors import JournalError
from bot.formatting import Card
from bot.handlers.replying import app_language, send_card
from bot.localization import DEFAULT_LANGUAGE
from bot.storage.database import replace_row
from bot.storage.journal import Journal
from bot.storage.schema import STATE

logger = logging.getLogger(__name__)


class Admins:
    """The bot's admins, by their Telegram ids."""

    def __init__(self, bot: Bot, ids: Iterable[int], journal: Journal) -> None:
        """Take who they are, and the journal, which knows the languages that they chose."""
        self.ids = frozenset(ids)
        self._bot = bot
        self._journal = journal
        self._languages: dict[int, str] = {}

    async def meet(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Remember the language of an admin's app, which comes with their messages only."""
        person = update.effective_user
        if person is None or person.id not in self.ids:
            return
        language = app_language(person)
        if self._languages.get(person.id) == language:
            return
        self._languages[person.id] = language
        key = {"name": self._state(person.id)}
        try:
            await self._journal.database.write(
                lambda connection: replace_row(connection, STATE, key, {"value": language})
            )
        except JournalError as error:
            logger.warning("An admin's language was not kept: %s", error)

    async def tell(self, card: Callable[[str], Card]) -> None:
        """Send each admin a card, which is made in their language.

        An admin who has blocked the bot, or never written to it, isn't told.
        """
        for admin_id in sorted(self.ids):
            try:
                await send_card(self._bot, admin_id, card(await self._language(admin_id)))
            except TelegramError as error:
                logger.warning("An admin was not told: %s", error)

    async def _language(self, admin_id: int) -> str:
        named = sa.select(STATE.c.value).where(STATE.c.name == self._state(admin_id))
        try:
            chosen = await self._journal.chosen_language(admin_id)
            # Another replica may have met them since.
            seen = await self._journal.database.read(
                lambda connection: connection.scalar(named)
            ) or self._languages.get(admin_id)
        except JournalError as error:
            logger.warning("An admin's language was not looked up: %s", error)
            return self._languages.get(admin_id, DEFAULT_LANGUAGE)
        return chosen or seen or DEFAULT_LANGUAGE

    def _state(self, admin_id: int) -> str:
        return f"admin-language {self._journal.database.person(admin_id)}"[:64]
