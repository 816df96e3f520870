"""/sources: the sites that are checked for new articles; and the checks themselves."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace

from telegram import CallbackQuery, Message, MessageEntity, Update
from telegram.ext import ContextTypes

from bot.addressing import marked_in
from bot.admins import Admins
from bot.drafts.details import as_link
from bot.errors import BotError, JournalError, ReadingFailed
from bot.formatting import Card
from bot.handlers.replying import answer_press, edit_pressed, edit_reply, language_of, reply
from bot.localization import say
from bot.sources.buttons import SourceAction, SourceButton, read_source_button
from bot.sources.cards import (
    FAILING_SHOWN,
    check_card,
    found_card,
    list_card,
    remove_card,
    removed_card,
    report_card,
    source_card,
)
from bot.sources.checks import CheckReport, SourceChecks
from bot.sources.records import source_id
from bot.storage.journal import Journal
from bot.troubles import Troubles
from knowledge.errors import KnowledgeError, Problem, ReadingError, SourcesError
from knowledge.sources import Approval, Source

logger = logging.getLogger(__name__)

_ADD = "add"
_SAVING_TROUBLE = "sources-saving"
# In characters; a path may be of any length.
_MAX_REASON = 1_000


@dataclass(frozen=True, slots=True)
class Sources:
    """Handlers for admins in private chats; administration.py lets nobody else reach them."""

    checks: SourceChecks
    admins: Admins
    troubles: Troubles
    journal: Journal
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def browse(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show all sources, or look for one at the link behind the command."""
        message = update.message
        if message is None:
            return
        language = await language_of(message.from_user, self.journal)
        words = context.args or []
        if words and words[0].lower() == _ADD:
            words = words[1:]
        if not words:
            await reply(message, await self._list(language))
            return
        link = as_link(words[0])
        if link is None:
            await reply(message, Card(say(language, f"reading-{Problem.NOT_A_LINK}")))
            return
        # Aside, since a site may take its time, and the chat's next message would wait.
        self._start(context, self._find(message, link, language), update)

    async def press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Do what a button says."""
        query = update.callback_query
        if query is None:
            return
        language = await language_of(query.from_user, self.journal)
        pressed = read_source_button(query.data)
        if pressed is None:
            await answer_press(query, say(language, "source-too-late"))
            return
        try:
            if pressed.action is SourceAction.CHECK:
                await self._check_by_hand(query, pressed, language, context)
            else:
                await self._press(query, pressed, language)
        except SourcesError as error:
            await answer_press(query)
            await edit_pressed(query, _file_card(error, language))

    async def check_due(self, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Check the source that has waited longest, unless something is being done already."""
        if not self._running:
            self._start(context, self._check_next())

    async def shutdown(self) -> None:
        """Stop what is running; it goes on where it was when the bot is back."""
        self._stopped.set()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(
        self,
        context: ContextTypes.DEFAULT_TYPE,
        work: Coroutine[None, None, None],
        update: Update | None = None,
    ) -> None:
        if self._stopped.is_set():
            work.close()
            return
        task = context.application.create_task(work, update)
        # The library would wait for it before it shuts down.
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _press(self, query: CallbackQuery, pressed: SourceButton, language: str) -> None:
        if pressed.action is SourceAction.LIST:
            await answer_press(query)
            await edit_pressed(query, await self._list(language))
            return
        if pressed.action is SourceAction.ADD:
            await self._add(query, pressed, language)
            return
        source = self._find_source(pressed.source)
        if source is None:
            await answer_press(query, say(language, "source-too-late"))
            return
        match pressed.action:
            case SourceAction.REMOVE:
                await answer_press(query)
                await edit_pressed(query, remove_card(source, language))
                return
            case SourceAction.FORGET:
                await self.checks.remove(source)
                await answer_press(query)
                await edit_pressed(query, removed_card(language))
                return
            case SourceAction.ASK | SourceAction.TAKE:
                asks = pressed.action is SourceAction.ASK
                source = replace(source, approval=Approval.ASK if asks else Approval.AUTOMATIC)
                self.checks.replace(source)
            case SourceAction.PAUSE:
                await self.checks.pause(source)
            case SourceAction.RESUME:
                await self.checks.resume(source)
        await answer_press(query)
        await edit_pressed(query, await self._card(source, language))

    async def _add(self, query: CallbackQuery, pressed: SourceButton, language: str) -> None:
        source = _offered_source(query, pressed)
        if source is None:
            await answer_press(query, say(language, "source-too-late"))
            return
        added = self.checks.add(source)
        said = None if added else say(language, "source-known")
        await answer_press(query, said)
        source = self._find_source(source_id(source.url)) or source
        card = await self._card(source, language)
        await edit_pressed(query, card.below(say(language, "source-added")) if added else card)

    async def _find(self, message: Message, link: str, language: str) -> None:
        looking = await reply(message, Card(say(language, "source-looking")))
        try:
            found = await self.checks.find(link)
            known = self._find_source(source_id(found.url))
            card = (
                (await self._card(known, language)).below(say(language, "source-known"))
                if known
                else found_card(found, language)
            )
        except ReadingError as error:
            logger.info("No source at %s: %s", link, error)
            card = Card(say(language, f"reading-{error.problem}"))
        except ReadingFailed as error:
            logger.warning("No source at %s: %s", link, error)
            card = Card(say(language, f"reading-{Problem.NO_LISTING}"))
        except SourcesError as error:
            card = _file_card(error, language)
        await edit_reply(message, looking.message_id, card)

    async def _check_by_hand(
        self,
        query: CallbackQuery,
        pressed: SourceButton,
        language: str,
        context: ContextTypes.DEFAULT_TYPE,
    ) -> None:
        source, message = self._find_source(pressed.source), query.message
        if source is None or not isinstance(message, Message):
            await answer_press(query, say(language, "source-too-late"))
            return
        await answer_press(query, say(language, "source-checking"), must_be_read=False)

        async def check_and_tell(source: Source) -> None:
            report = await self._check(source)
            not_now = Card(say(language, "source-not-checked", name=source.name))
            await reply(message, check_card(report, language) if report else not_now)

        self._start(context, check_and_tell(source))

    async def _check_next(self) -> None:
        try:
            due = await self.checks.due()
        except JournalError as error:
            logger.warning("No source was checked: %s", error)
            return
        if due and (report := await self._check(due[0])) and report_card(report, "en"):
            await self.admins.tell(lambda language: _told(report, language))

    async def _check(self, source: Source) -> CheckReport | None:
        """Check a source; None if that can't be done just now, of which admins are told."""
        try:
            report = await self.checks.check(source)
        except (BotError, KnowledgeError) as error:
            logger.warning("The check of %s broke off: %s", source.url, error)
            reason = str(error)[:_MAX_REASON]
            await self.troubles.begin(_SAVING_TROUBLE, "trouble-sources-saving", reason=reason)
            return None
        if report:
            await self.troubles.end(_SAVING_TROUBLE)
        return report

    async def _list(self, language: str) -> Card:
        try:
            sources = self.checks.sources()
        except SourcesError as error:
            return _file_card(error, language)
        records = await self.checks.records.all()
        return list_card(sources, records, self.journal.database.time(), language)

    async def _card(self, source: Source, language: str) -> Card:
        records = self.checks.records
        record = await records.get(source.url)
        failing = await records.failing(source.url, FAILING_SHOWN)
        return source_card(source, record, failing, self.journal.database.time(), language)

    def _find_source(self, wanted: str | None) -> Source | None:
        found = (each for each in self.checks.sources() if source_id(each.url) == wanted)
        return next(found, None)


def _told(report: CheckReport, language: str) -> Card:
    return report_card(report, language) or check_card(report, language)


def _offered_source(query: CallbackQuery, pressed: SourceButton) -> Source | None:
    """What a message offers to add, in its first link; None if it is too old to be read."""
    message = query.message
    if not isinstance(message, Message):
        return None
    links = marked_in(message, [MessageEntity.TEXT_LINK])
    for entity, name in links.items():
        if entity.url and source_id(entity.url) == pressed.source:
            return Source(entity.url, name)
    return None


def _file_card(error: SourcesError, language: str) -> Card:
    return Card(say(language, "sources-file-wrong", reason=str(error)[:_MAX_REASON]))
