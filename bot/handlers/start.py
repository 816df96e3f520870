"""How people get to know the bot: /start, /help, and its first words in a group."""

from dataclasses import dataclass

from telegram import Chat, ChatMember, Message, Update
from telegram.ext import ContextTypes

from bot.answering import Answering
from bot.callback_data import View
from bot.cards import quote_card
from bot.formatting import Card
from bot.handlers.articles import Articles
from bot.handlers.replying import language_of, reply
from bot.links import read_payload
from bot.localization import say
from bot.places import Place, quote_at
from bot.storage.journal import Journal

_ABSENT = {ChatMember.LEFT, ChatMember.BANNED}


@dataclass(frozen=True, slots=True)
class Start:
    """Handlers for those who don't know the bot yet."""

    answering: Answering
    journal: Journal
    articles: Articles

    async def start(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say hello and what the bot is for, or open what a link to the bot names."""
        message = update.message
        if message is None:
            return
        opened = read_payload("".join(context.args or []))
        if isinstance(opened, Place):
            await self._show_passage(message, opened, context.bot.username)
        elif opened is not None:
            await self.articles.open_page(message, opened)
        else:
            language = await language_of(message.from_user, self.journal)
            await reply(message, Card(say(language, "start")))

    async def _show_passage(self, message: Message, place: Place, bot: str) -> None:
        language = await language_of(message.from_user, self.journal)
        quote = await self.answering.look_up(lambda index: quote_at(index, place))
        if quote is None:
            await reply(message, Card(say(language, "passage-changed")))
            return
        card = quote_card(quote, View(language, (place,)), bot)
        await reply(message, card)

    async def how_to(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say how to ask, in private and in groups."""
        if message := update.message:
            language, bot = await language_of(message.from_user, self.journal), context.bot
            lines = [say(language, "help", bot=bot.username)]
            if bot.supports_inline_queries:
                lines.append(say(language, "help-inline", bot=bot.username))
            lines += [say(language, "help-commands"), say(language, "promise")]
            await reply(message, Card("\n\n".join(lines)))

    async def unknown_command(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say that there is no such command; strangers hear this about admins' commands, too."""
        if message := update.message:
            language = await language_of(message.from_user, self.journal)
            await reply(message, Card(say(language, "unknown-command")))

    async def added_to_group(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say in a group how to ask, and what its privacy mode keeps from the bot."""
        change = update.my_chat_member
        if change is None or change.chat.type not in {Chat.GROUP, Chat.SUPERGROUP}:
            return
        before, now = change.old_chat_member.status, change.new_chat_member.status
        if before not in _ABSENT or now not in {ChatMember.MEMBER, ChatMember.ADMINISTRATOR}:
            return
        language = await language_of(change.from_user, self.journal)
        text = say(language, "group-hello", bot=context.bot.username)
        # An admin sees every message, whatever the mode.
        if now == ChatMember.MEMBER and not context.bot.can_read_all_group_messages:
            text += "\n\n" + say(language, "group-privacy", bot=context.bot.username)
        await context.bot.send_message(change.chat.id, text)
