"""/edit, /remove and /undo: admins change the articles that there are."""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial

from telegram import CallbackQuery, ForceReply, Message, Update
from telegram.ext import ContextTypes

from bot.answering import Answering
from bot.cards import shortened_line
from bot.drafts.buttons import (
    ArticlePress,
    AskOnArticle,
    OnArticle,
    OpenChoice,
    Undo,
    find_slug,
    read_change_button,
    replied_prompt,
)
from bot.drafts.cards import (
    LISTED,
    choice_card,
    edit_card,
    found_card,
    prompt_card,
    remove_card,
)
from bot.drafts.details import as_link, with_detail
from bot.errors import DetailNotUnderstood
from bot.formatting import Card
from bot.handlers.changing import Changing, Show, refusal
from bot.handlers.replying import answer_press, edit_pressed, edit_reply, language_of, reply
from bot.localization import say
from knowledge.article import Article
from knowledge.changes import Change
from knowledge.errors import ChangeError, ChangeRefused

logger = logging.getLogger(__name__)

# More than there are; the index has no search for titles.
_ALL = 1_000_000
# In characters.
_MAX_TITLE = 300


@dataclass(frozen=True, slots=True)
class Edits:
    """Handlers for admins; administration.py lets nobody else's messages reach them."""

    answering: Answering
    changing: Changing

    async def edit(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show what can be changed of an article, or articles to choose from."""
        await self._choose(update, context, ArticlePress.EDIT)

    async def remove(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Ask whether to remove an article, or show articles to choose from."""
        await self._choose(update, context, ArticlePress.REMOVE)

    async def undo(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Undo the last change that isn't undone yet."""
        message = update.message
        if message is None:
            return
        language = await self._language(message)
        try:
            change = await asyncio.to_thread(self.changing.changes.undo)
            earlier = await asyncio.to_thread(self.changing.changes.last)
        except ChangeError as error:
            await reply(message, refusal(error, language))
            return
        if change is None:
            await reply(message, Card(say(language, "undo-nothing")))
            return
        notes = [say(language, "undone-by-hand")] if change.by_hand else []
        if earlier:
            title = shortened_line(earlier.title, _MAX_TITLE)
            notes.append(say(language, f"undo-next-{earlier.kind}", title=title))
        telling = self.changing.tell(
            change, _ShownTo(message).show, language, undone=True, note="\n".join(notes)
        )
        self.changing.errands.start(telling, update, context)

    async def take_detail(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Change an article by what was written in reply to a prompt of ours."""
        message = update.message
        if message is None:
            return
        about = replied_prompt(message, context.bot.bot, await self._language(message))
        if not isinstance(about, AskOnArticle):
            return
        article = await self._article(about.article)
        if article is None:
            await reply(message, Card(say(about.language, "change-refused")))
            return
        try:
            edited = await asyncio.to_thread(
                with_detail, article, about.detail, message.text or ""
            )
            change = await asyncio.to_thread(self.changing.changes.replace, article.slug, edited)
        except DetailNotUnderstood:
            card = prompt_card(about, article.title, context.bot.username, again=True)
            await reply(message, card, ForceReply())
            return
        except ChangeError as error:
            await reply(message, refusal(error, about.language))
            return
        await self._tell(change, _ShownTo(message).show, about.language, update, context)

    async def press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Do what a button says."""
        query = update.callback_query
        if query is None:
            return
        match read_change_button(query.data):
            case OpenChoice() as wanted:
                await answer_press(query)
                await edit_pressed(query, await self._page(wanted))
            case AskOnArticle() as about:
                await self._ask(query, about, context.bot.username)
            case OnArticle() as pressed:
                await self._press_article(query, pressed, update, context)
            case Undo() as pressed:
                await self._undo(query, pressed, update, context)
            case _:
                language = await language_of(query.from_user, self.changing.journal)
                await answer_press(query, say(language, "change-refused"))

    async def _choose(
        self, update: Update, context: ContextTypes.DEFAULT_TYPE, press: ArticlePress
    ) -> None:
        message = update.message
        if message is None:
            return
        language = await self._language(message)
        words = " ".join(context.args or [])
        if not words:
            await reply(message, await self._page(OpenChoice(language, press, 1)))
            return
        linked = None
        if link := as_link(words):
            linked = await asyncio.to_thread(self.changing.changes.find_by_link, link)
        found = [linked] if linked else await self._titled(words)
        if len(found) == 1:
            await reply(message, _article_card(found[0], press, language))
        else:
            await reply(message, found_card(found, press, language))

    async def _titled(self, words: str) -> list[Article]:
        """The articles whose titles have all these words, or beginnings of words."""
        wanted = words.casefold().split()
        listed = await self.answering.look_up(lambda index: index.list_page(1, _ALL))
        return [
            article
            for article in listed.articles
            if all(word in article.title.casefold() for word in wanted)
        ]

    async def _page(self, wanted: OpenChoice) -> Card:
        listed = await self.answering.look_up(lambda index: index.list_page(wanted.page, LISTED))
        return choice_card(listed, wanted.press, wanted.language)

    async def _ask(self, query: CallbackQuery, about: AskOnArticle, bot: str) -> None:
        """Send the message that a detail is written in reply to."""
        article = await self._article(about.article)
        if article is None:
            await answer_press(query, say(about.language, "change-refused"))
            return
        await answer_press(query)
        if isinstance(query.message, Message):
            await reply(query.message, prompt_card(about, article.title, bot), ForceReply())

    async def _press_article(
        self,
        query: CallbackQuery,
        pressed: OnArticle,
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
    ) -> None:
        article = await self._article(pressed.article)
        if article is None:
            await answer_press(query, say(pressed.language, "change-refused"))
            return
        if pressed.press is not ArticlePress.REMOVED:
            await answer_press(query)
            await edit_pressed(query, _article_card(article, pressed.press, pressed.language))
            return
        try:
            change = await asyncio.to_thread(self.changing.changes.remove, article.slug)
        except ChangeRefused:
            await answer_press(query, say(pressed.language, "change-refused"))
            return
        except ChangeError as error:
            await answer_press(query)
            await edit_pressed(query, refusal(error, pressed.language))
            return
        await answer_press(query)
        show = partial(edit_pressed, query)
        await self._tell(change, show, pressed.language, update, context)

    async def _undo(
        self,
        query: CallbackQuery,
        pressed: Undo,
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
    ) -> None:
        language = pressed.language
        try:
            change = await asyncio.to_thread(self.changing.changes.undo, pressed.change)
        except ChangeRefused:
            await answer_press(query, say(language, "undo-changed-again"))
            return
        except ChangeError as error:
            await answer_press(query)
            if isinstance(query.message, Message):
                await reply(query.message, refusal(error, language))
            return
        if change is None:
            await answer_press(query, say(language, "undo-done-before"))
            return
        await answer_press(query)
        note = say(language, "undone-by-hand") if change.by_hand else ""
        show = partial(edit_pressed, query)
        telling = self.changing.tell(change, show, language, undone=True, note=note)
        self.changing.errands.start(telling, update, context)

    async def _tell(
        self,
        change: Change | None,
        show: Show,
        language: str,
        update: Update,
        context: ContextTypes.DEFAULT_TYPE,
    ) -> None:
        if change is None:
            await show(Card(say(language, "change-nothing")))
            return
        self.changing.errands.start(self.changing.tell(change, show, language), update, context)

    async def _article(self, key: str) -> Article | None:
        def look() -> Article | None:
            slug = find_slug(key, self.changing.changes.slugs())
            return self.changing.changes.read(slug) if slug else None

        try:
            return await asyncio.to_thread(look)
        except ChangeError as error:
            logger.warning("No article was looked up: %s", error)
            return None

    async def _language(self, message: Message) -> str:
        return await language_of(message.from_user, self.changing.journal)


class _ShownTo:
    """Shows cards to who sent a message: the first as a reply, the others in its place."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._shown: int | None = None

    async def show(self, card: Card) -> None:
        """Show a card."""
        if self._shown is None:
            self._shown = (await reply(self._message, card)).message_id
        else:
            await edit_reply(self._message, self._shown, card)


def _article_card(article: Article, press: ArticlePress, language: str) -> Card:
    if press is ArticlePress.EDIT:
        return edit_card(article, language)
    return remove_card(article, language)
