"""/articles and /latest: what the bot knows, to leaf through; and questions about one article."""

from dataclasses import dataclass

from telegram import CallbackQuery, Chat, ForceReply, Message, Update
from telegram.ext import ContextTypes

from bot.answering import Answering
from bot.article_buttons import AskAbout, OpenArticle, OpenList, read_article_button
from bot.article_pages import LATEST, LISTED, article_card, latest_card, list_card, prompt_card
from bot.formatting import Card
from bot.handlers.replying import answer_press, edit_pressed, language_of, reply
from bot.localization import say
from bot.repetitions import Repetitions
from bot.storage.journal import Journal

# In seconds: who presses again within them meant to press once.
_DOUBLE_TAP = 5


@dataclass(frozen=True, slots=True)
class Articles:
    """Handlers for who wants to see the articles themselves."""

    answering: Answering
    journal: Journal
    repetitions: Repetitions

    async def browse(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the first page of the list of all articles."""
        if message := update.message:
            language = await language_of(message.from_user, self.journal)
            await reply(message, await self._list(OpenList(language, 1)))

    async def latest(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show how the newest articles begin."""
        if message := update.message:
            language = await language_of(message.from_user, self.journal)
            openings = await self.answering.look_up(lambda index: index.openings(LATEST))
            await reply(message, latest_card(openings, language))

    async def open_page(self, message: Message, article: str) -> None:
        """Reply with the beginning of an article.

        Args:
            message: What to reply to.
            article: See `places.article_reference`.
        """
        language = await language_of(message.from_user, self.journal)
        bot = message.get_bot().username
        card = await self._page(OpenArticle(language, article), bot)
        await reply(message, card or Card(say(language, "passage-changed")))

    async def press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show another page in place of the one that was pressed, or invite a question."""
        query = update.callback_query
        if query is None:
            return
        pressed = read_article_button(query.data)
        if isinstance(pressed, AskAbout):
            await self._invite_question(query, pressed, context.bot.username)
            return
        card = None
        if isinstance(pressed, OpenList):
            card = await self._list(pressed)
        elif isinstance(pressed, OpenArticle):
            card = await self._page(pressed, context.bot.username)
        if card is None:
            language = await language_of(query.from_user, self.journal)
            language = pressed.language if pressed else language
            await answer_press(query, say(language, "passage-changed"))
            return
        # First, since the phone shows a clock until then, and an edit may have to wait.
        await answer_press(query)
        await edit_pressed(query, card)

    async def _list(self, wanted: OpenList) -> Card:
        listed = await self.answering.look_up(lambda index: index.list_page(wanted.page, LISTED))
        return list_card(listed, wanted.language)

    async def _page(self, wanted: OpenArticle, bot: str) -> Card | None:
        """An article's passage; None if the article has changed."""
        opened = await self.answering.look_up(
            lambda index: index.article_page(wanted.article, wanted.number)
        )
        return article_card(opened, wanted.language, bot) if opened else None

    async def _invite_question(self, query: CallbackQuery, about: AskAbout, bot: str) -> None:
        """Send the message that a question about an article is written in reply to."""
        article = await self.answering.look_up(lambda index: index.find_article(about.article))
        if article is None:
            await answer_press(query, say(about.language, "passage-changed"))
            return
        await answer_press(query)
        page = query.message
        if not isinstance(page, Message) or await self._tapped_twice(query, page):
            return
        card = prompt_card(article, about.language, bot)
        # In groups only those are prompted whose message is replied to; the page itself replies
        # to who asked for it.
        prompt = ForceReply(selective=page.chat.type != Chat.PRIVATE)
        await reply(page.reply_to_message or page, card, prompt)

    async def _tapped_twice(self, query: CallbackQuery, page: Message) -> bool:
        """Whether the same person pressed the same button in the same chat a moment ago."""
        tap = f"tap {page.chat.id} {query.from_user.id} {query.data}"
        return await self.repetitions.is_one(tap, _DOUBLE_TAP)
