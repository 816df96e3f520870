"""How people get to know the bot: /start, /help, and its first words in a group."""

from telegram import Chat, ChatMember, Update
from telegram.ext import ContextTypes

from bot.handlers.replying import language_of, reply
from bot.localization import say

_ABSENT = {ChatMember.LEFT, ChatMember.BANNED}


async def start(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Say hello and what the bot is for."""
    if message := update.message:
        await reply(message, say(language_of(message.from_user), "start"))


async def how_to(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Say how to ask, in private and in groups."""
    if message := update.message:
        await reply(message, say(language_of(message.from_user), "help", bot=context.bot.username))


async def unknown_command(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Say that there is no such command; strangers hear this about admins' commands, too."""
    if message := update.message:
        await reply(message, say(language_of(message.from_user), "unknown-command"))


async def added_to_group(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Say in a group how to ask, and what its privacy mode keeps from the bot."""
    change = update.my_chat_member
    if change is None or change.chat.type not in {Chat.GROUP, Chat.SUPERGROUP}:
        return
    before, now = change.old_chat_member.status, change.new_chat_member.status
    if before not in _ABSENT or now not in {ChatMember.MEMBER, ChatMember.ADMINISTRATOR}:
        return
    language = language_of(change.from_user)
    text = say(language, "group-hello", bot=context.bot.username)
    # An admin sees every message, whatever the mode.
    if now == ChatMember.MEMBER and not context.bot.can_read_all_group_messages:
        text += "\n\n" + say(language, "group-privacy", bot=context.bot.username)
    await context.bot.send_message(change.chat.id, text)
