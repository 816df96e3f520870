"""Admins add articles: a link, a file or a forwarded post becomes a draft, and they save it."""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from telegram import (
    CallbackQuery,
    Document,
    ForceReply,
    Message,
    MessageOriginChannel,
    Update,
)
from telegram.error import TelegramError
from telegram.ext import ContextTypes

from bot.cards import shortened_line
from bot.drafts.buttons import (
    AskOnDraft,
    DraftPress,
    OnDraft,
    OpenDrafts,
    read_draft_button,
    replied_prompt,
)
from bot.drafts.cards import DraftView, discarded_card, draft_card, failure, prompt_card
from bot.drafts.details import as_link, with_detail
from bot.drafts.reading import ReadDraft, Reading
from bot.drafts.waiting import ArticleDrafts, Origin, WaitingDraft
from bot.errors import DetailNotUnderstood, DraftsUnusable, ReadingFailed
from bot.formatting import Card
from bot.handlers.changing import Changing, count_passages, refusal
from bot.handlers.filters import link_alone
from bot.handlers.replying import answer_press, edit_pressed, edit_reply, language_of, reply
from bot.localization import say
from knowledge.article import Article
from knowledge.drafts import Draft
from knowledge.errors import ChangeError, KnowledgeError, ReadingError

logger = logging.getLogger(__name__)

# In bytes; Telegram hands no larger ones to bots.
_LARGEST_FILE = 20 * 1024**2
# In characters. Of a post's first line.
_LONGEST_TITLE = 150


@dataclass(frozen=True, slots=True)
class Drafts:
    """Handlers for admins; administration.py lets nobody else's messages reach them."""

    reading: Reading
    drafts: ArticleDrafts
    changing: Changing
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def add(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Read the link behind /add, or say what can be sent."""
        if (message := update.message) is None:
            return
        link = as_link(" ".join(context.args or []))
        if link:
            self._start(update, context, partial(self.reading.read_link, link))
        else:
            await reply(message, Card(say(await self._language(message), "add-how-to")))

    async def take_link(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Read a link that is a whole message."""
        if update.message and (link := link_alone(update.message)):
            self._start(update, context, partial(self.reading.read_link, link))

    async def take_file(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Read a file."""
        message = update.message
        if message is None or message.document is None:
            return
        if (message.document.file_size or 0) > _LARGEST_FILE:
            await reply(message, Card(say(await self._language(message), "file-too-large")))
            return
        self._start(update, context, partial(self._read_file, message, message.document))

    async def take_post(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Read a forwarded channel post."""
        if message := update.message:
            self._start(update, context, partial(self._read_post, message))

    async def take_detail(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Correct a draft by what was written in reply to a prompt of ours."""
        message = update.message
        if message is None:
            return
        about = replied_prompt(message, context.bot.bot, await self._language(message))
        if not isinstance(about, AskOnDraft):
            return
        waiting = await asyncio.to_thread(self.drafts.get, about.draft)
        if waiting is None:
            await reply(message, Card(say(about.language, "draft-gone")))
            return
        try:
            draft = await asyncio.to_thread(
                with_detail, waiting.draft, about.detail, message.text or ""
            )
        except DetailNotUnderstood:
            card = prompt_card(about, waiting.draft.title, context.bot.username, again=True)
            await reply(message, card, ForceReply())
            return
        try:
            await asyncio.to_thread(self.drafts.replace, about.draft, draft)
        except DraftsUnusable as error:
            await reply(message, failure(about.language, "draft-not-kept", error))
            return
        await reply(message, await self._card(replace(waiting, draft=draft), about.language))

    async def browse(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the oldest of the drafts that wait."""
        if message := update.message:
            await reply(message, await self._page(OpenDrafts(await self._language(message), 1)))
            self._warm(update, context)

    async def press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Do what a button below a draft says."""
        query = update.callback_query
        if query is None:
            return
        match read_draft_button(query.data):
            case OpenDrafts() as wanted:
                await answer_press(query)
                await edit_pressed(query, await self._page(wanted))
            case AskOnDraft() as about:
                await self._ask(query, about, context.bot.username)
            case OnDraft(DraftPress.SAVE) as pressed:
                await self._save(query, update, context, pressed)
            case OnDraft(DraftPress.DISCARD) as pressed:
                await self._discard(query, pressed)
            case OnDraft(DraftPress.BRING_BACK) as pressed:
                await self._bring_back(query, pressed)
            case _:
                language = await language_of(query.from_user, self.changing.journal)
                await answer_press(query, say(language, "draft-gone"))

    def _start(
        self,
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
        read: Callable[[], Awaitable[ReadDraft]],
    ) -> None:
        """Read aside: it may take a minute, and the chat goes on."""
        if message := update.message:
            self.changing.errands.start(
                self._read(message, read, update, context), update, context
            )

    async def _read(
        self,
        message: Message,
        read: Callable[[], Awaitable[ReadDraft]],
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
    ) -> None:
        language = await self._language(message)
        answer = await reply(message, Card(say(language, "draft-reading")))
        try:
            card = await self._keep(message, await read(), language)
            self._warm(update, context)
        except ReadingError as error:
            logger.info("A draft was not read: %s", error.problem)
            card = Card(say(language, f"reading-{error.problem}"))
        except ReadingFailed as error:
            logger.warning("A draft was not read: %s", error)
            card = failure(language, "draft-not-read", error)
        except DraftsUnusable as error:
            logger.warning("A draft was not kept: %s", error)
            card = failure(language, "draft-not-kept", error)
        await edit_reply(message, answer.message_id, card)

    async def _keep(self, message: Message, read: ReadDraft, language: str) -> Card:
        admin = message.from_user
        origin = Origin(admin_id=admin.id if admin else None)
        same_text = read.same_text.title if read.same_text else None
        draft_id = await asyncio.to_thread(self.drafts.add, read.draft, origin, same_text)
        waiting = await asyncio.to_thread(self.drafts.get, draft_id)
        return (
            await self._card(waiting, language) if waiting else Card(say(language, "draft-gone"))
        )

    async def _read_file(self, message: Message, document: Document) -> ReadDraft:
        name = document.file_name or "file"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            try:
                file = await document.get_file()
                await file.download_to_drive(path)
            except TelegramError as error:
                raise ReadingFailed(f"Telegram does not hand out the file: {error}") from error
            read = await self.reading.read_file(path, name)
        origin = message.forward_origin
        if isinstance(origin, MessageOriginChannel):
            read = replace(read, draft=_of_channel(read.draft, origin))
        return read

    async def _read_post(self, message: Message) -> ReadDraft:
        text = message.text or message.caption or ""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "post"
            await asyncio.to_thread(path.write_text, text, "utf-8")
            read = await self.reading.read_file(path, "post.txt")
        draft = read.draft
        if draft.title is None:
            first = text.strip().partition("\n")[0].rstrip(".")
            draft = replace(draft, title=shortened_line(first, _LONGEST_TITLE))
        if isinstance(message.forward_origin, MessageOriginChannel):
            draft = _of_channel(draft, message.forward_origin)
        return replace(read, draft=draft)

    async def _ask(self, query: CallbackQuery, about: AskOnDraft, bot: str) -> None:
        """Send the message that a detail is written in reply to."""
        waiting = await asyncio.to_thread(self.drafts.get, about.draft)
        if waiting is None:
            await answer_press(query, say(about.language, "draft-gone"))
            return
        await answer_press(query)
        if isinstance(query.message, Message):
            card = prompt_card(about, waiting.draft.title, bot)
            await reply(query.message, card, ForceReply())

    async def _save(
        self,
        query: CallbackQuery,
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
        pressed: OnDraft,
    ) -> None:
        language = pressed.language
        # Two admins may press at once; the second one finds no draft.
        async with self._saving:
            waiting = await asyncio.to_thread(self.drafts.get, pressed.draft)
            if waiting is None:
                await answer_press(query, say(language, "draft-gone"))
                return
            if waiting.draft.missing:
                await answer_press(query, say(language, f"draft-no-{waiting.draft.missing[0]}"))
                return
            try:
                change = await asyncio.to_thread(self.changing.changes.save, waiting.draft)
            except KnowledgeError as error:
                await answer_press(query)
                if isinstance(query.message, Message):
                    await reply(query.message, refusal(error, language))
                return
            try:
                await asyncio.to_thread(self.drafts.discard, pressed.draft)
            except DraftsUnusable as error:
                # Saved once more, it changes nothing.
                logger.warning("A saved draft is still there: %s", error)
        await answer_press(query)
        show = partial(edit_pressed, query)
        if change is None:
            await show(Card(say(language, "draft-known")))
            return
        self.changing.errands.start(
            self.changing.tell(change, show, language, note=await self._rest(language)),
            update,
            context,
        )

    async def _discard(self, query: CallbackQuery, pressed: OnDraft) -> None:
        language = pressed.language
        waiting = await asyncio.to_thread(self.drafts.get, pressed.draft)
        if waiting is None or not await asyncio.to_thread(self.drafts.discard, pressed.draft):
            await answer_press(query, say(language, "draft-gone"))
            return
        await answer_press(query)
        card = discarded_card(waiting, await self._rest(language), language)
        await edit_pressed(query, card)

    async def _bring_back(self, query: CallbackQuery, pressed: OnDraft) -> None:
        if await asyncio.to_thread(self.drafts.bring_back, pressed.draft):
            waiting = await asyncio.to_thread(self.drafts.get, pressed.draft)
            if waiting:
                await answer_press(query)
                await edit_pressed(query, await self._card(waiting, pressed.language))
                return
        await answer_press(query, say(pressed.language, "draft-gone"))

    async def _page(self, wanted: OpenDrafts) -> Card:
        """One of the drafts that wait."""
        waiting = await asyncio.to_thread(self.drafts.waiting)
        for fault in waiting.faults:
            logger.warning("A draft's file is damaged: %s: %s", fault.file, fault.reason)
        if not waiting.drafts:
            return Card(say(wanted.language, "drafts-none"))
        total = len(waiting.drafts)
        number = max(1, min(wanted.number, total))
        return await self._card(waiting.drafts[number - 1], wanted.language, number, total)

    async def _card(
        self, waiting: WaitingDraft, language: str, number: int = 0, total: int = 0
    ) -> Card:
        def look() -> DraftView:
            draft = waiting.draft
            article = Article("draft", "", "", draft.body, None, draft.language, None)
            same_link = self.changing.changes.find_by_link(draft.url) if draft.url else None
            return DraftView(waiting, count_passages(article), same_link, number, total)

        try:
            return draft_card(await asyncio.to_thread(look), language)
        except ChangeError as error:
            return refusal(error, language)

    async def _rest(self, language: str) -> str:
        """How many drafts wait; nothing if none do."""
        count = len((await asyncio.to_thread(self.drafts.waiting)).drafts)
        return say(language, "drafts-rest", count=count) if count else ""

    def _warm(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Load the model while somebody looks at a draft, so that saving it is quick."""
        self.changing.errands.start(self.changing.reindexing.warm(), update, context)

    async def _language(self, message: Message) -> str:
        return await language_of(message.from_user, self.changing.journal)


def _of_channel(draft: Draft, origin: MessageOriginChannel) -> Draft:
    """A draft with what is known of the channel that it was posted in."""
    channel = origin.chat
    link = f"{channel.link}/{origin.message_id}" if channel.link else None
    return replace(
        draft,
        url=draft.url or link,
        publisher=draft.publisher or channel.title,
        published=draft.published or origin.date.date(),
    )
