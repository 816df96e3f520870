"""/status, /stats and /unanswered: what admins see of the bot and of its journal."""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from telegram import Message, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot.answering import Answering
from bot.formatting import Card
from bot.handlers.replying import (
    answer_press,
    edit_pressed,
    language_of,
    reply,
    reply_with_picture,
)
from bot.insight.buttons import OpenUnanswered, read_unanswered_button
from bot.insight.cards import (
    GROUPS_ON_A_PAGE,
    no_questions_text,
    stats_text,
    status_text,
    unanswered_card,
)
from bot.insight.charts import draw_aside
from bot.insight.stats import MOST_DAYS, Stats, read_stats
from bot.insight.status import StatusReader
from bot.insight.unanswered import (
    QuestionGroup,
    Wording,
    answers_now,
    group_wordings,
    read_wordings,
)
from bot.localization import say
from bot.storage.journal import Journal

_DAYS = 30


@dataclass(slots=True)
class _LastGroups:
    """The groups that were made last, so that turning a page doesn't make them again."""

    wordings: list[Wording] | None = None
    groups: list[QuestionGroup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Insight:
    """Handlers for admins; administration.py lets nobody else reach them."""

    answering: Answering
    journal: Journal
    status_reader: StatusReader
    command: Sequence[str]
    """Starts this program, which draws the picture."""
    environment: Mapping[str, str]
    """What to set for it."""
    _last: _LastGroups = field(default_factory=_LastGroups)

    async def status(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say how the bot is."""
        if message := update.message:
            language = await language_of(message.from_user, self.journal)
            status = await self.status_reader.read()
            await reply(message, Card(status_text(status, context.bot.bot, language)))

    async def stats(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show how many questions there were and how they went, as a picture and in words."""
        message = update.message
        if message is None:
            return
        language = await language_of(message.from_user, self.journal)
        days = await self._asked_days(message, context, "stats", language)
        if days is None:
            return
        stats = await self._read_stats(days)
        if not stats.questions:
            await reply(message, Card(no_questions_text(len(stats.days), language)))
            return
        await _show(ChatAction.UPLOAD_PHOTO, message)
        card = Card(stats_text(stats, language))
        picture = await draw_aside(self.command, self.environment, days, language)
        if picture is None:
            await reply(message, card)
        else:
            await reply_with_picture(message, picture, card)

    async def unanswered(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the first page of what people ask and the articles don't answer."""
        message = update.message
        if message is None:
            return
        language = await language_of(message.from_user, self.journal)
        days = await self._asked_days(message, context, "unanswered", language)
        if days is not None:
            await _show(ChatAction.TYPING, message)
            await reply(message, await self._unanswered_card(OpenUnanswered(language, days)))

    async def turn_page(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show another page of what the articles don't answer."""
        query = update.callback_query
        if query is None:
            return
        shown = read_unanswered_button(query.data)
        if shown is None:
            language = await language_of(query.from_user, self.journal)
            await answer_press(query, say(language, "passage-changed"))
            return
        # First, since the phone shows a clock until then.
        await answer_press(query)
        await edit_pressed(query, await self._unanswered_card(shown))

    async def _asked_days(
        self, message: Message, context: ContextTypes.DEFAULT_TYPE, command: str, language: str
    ) -> int | None:
        """How many days to look at; None, and a word to the admin, if there are none."""
        kept = min(self.journal.days, MOST_DAYS)
        if not kept:
            await reply(message, Card(no_questions_text(0, language)))
            return None
        if not context.args:
            return min(_DAYS, kept)
        [text, *rest] = context.args
        if rest or not (text.isascii() and text.isdigit() and 1 <= int(text) <= kept):
            said = say(language, "report-days", command=command, days=kept)
            await reply(message, Card(said))
            return None
        return int(text)

    async def _read_stats(self, days: int) -> Stats:
        database, kept = self.journal.database, self.journal.days
        return await database.read(
            lambda connection: read_stats(connection, database.time(), days, kept)
        )

    async def _unanswered_card(self, shown: OpenUnanswered) -> Card:
        database = self.journal.database
        wordings = await database.read(
            lambda connection: read_wordings(connection, database.time(), shown.days)
        )
        # What somebody has had deleted meanwhile, or has been kept long enough, is not in there.
        if wordings != self._last.wordings:
            self._last.groups = await group_wordings(wordings, self.answering)
            self._last.wordings = wordings
        groups = self._last.groups
        if not groups:
            return Card(say(shown.language, "unanswered-none", days=shown.days))
        pages = -(-len(groups) // GROUPS_ON_A_PAGE)
        shown = dataclasses.replace(shown, page=max(1, min(shown.page, pages)))
        first = (shown.page - 1) * GROUPS_ON_A_PAGE
        answers = await answers_now(groups[first : first + GROUPS_ON_A_PAGE], self.answering)
        return unanswered_card(groups, answers, shown)


async def _show(action: ChatAction, message: Message) -> None:
    """Show for some seconds that something is being done; only a courtesy."""
    with contextlib.suppress(TelegramError):
        await message.reply_chat_action(action)
