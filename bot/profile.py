"""What Telegram shows of the bot before anybody writes to it: command menus and descriptions."""

import asyncio
import logging
from collections.abc import Sequence

from telegram import Bot as TelegramBot
from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)
from telegram.error import TelegramError

from bot.localization import DEFAULT_LANGUAGE, say
from knowledge.language import LANGUAGES

logger = logging.getLogger(__name__)

GROUP_COMMANDS = ("ask", "articles", "latest", "help")
"""In the menu of groups, in this order; /start is said once, by Telegram's own button."""
PRIVATE_COMMANDS = (*GROUP_COMMANDS, "language", "privacy")
"""In the menu of private chats: also what people decide about themselves."""
ADMIN_COMMANDS = (
    *PRIVATE_COMMANDS,
    "add",
    "drafts",
    "edit",
    "remove",
    "undo",
    "reindex",
    "cancel",
    "status",
    "stats",
    "unanswered",
    "sources",
)
"""In the menus of the admins' private chats."""

# In seconds. If Telegram says "429", it may be for hours, in which nothing else would be sent.
_PATIENCE_WITH_DESCRIPTIONS = 10


async def introduce(bot: TelegramBot, admin_ids: frozenset[int]) -> None:
    """Tell Telegram which commands there are, and the log who we are."""
    me = bot.bot
    for language in LANGUAGES:
        await _set_commands(bot, BotCommandScopeAllPrivateChats(), PRIVATE_COMMANDS, language)
        await _set_commands(bot, BotCommandScopeAllGroupChats(), GROUP_COMMANDS, language)
        for admin_id in sorted(admin_ids):
            scope = BotCommandScopeChat(admin_id)
            await _set_commands(bot, scope, ADMIN_COMMANDS, language)
        await _set_descriptions(bot, language)
    logger.info(
        "@%s is ready; %d admins. In groups it sees %s",
        me.username,
        len(admin_ids),
        "all messages"
        if me.can_read_all_group_messages
        else "/ask and replies to it; for mentions, turn privacy mode off (@BotFather, "
        "/setprivacy) and add the bot to the group again, or make it an admin there",
    )
    if not me.supports_inline_queries:
        logger.info("Inline mode is off; @BotFather turns it on with /setinline")
    if not me.supports_guest_queries:
        logger.info("Guest mode is off; @BotFather has it among the bot's settings")


async def _set_commands(
    bot: TelegramBot, scope: BotCommandScope, names: Sequence[str], language: str
) -> None:
    commands = [BotCommand(name, say(language, f"command-{name}")) for name in names]
    # Commands without a language are for everybody else.
    code = None if language == DEFAULT_LANGUAGE else language
    try:
        await bot.set_my_commands(commands, scope, code)
    except TelegramError as error:
        # An admin who has never written to the bot has no chat yet; the bot works without a menu.
        logger.info("No command menu for %s in %s: %s", scope.type, language, error)


async def _set_descriptions(bot: TelegramBot, language: str) -> None:
    """Say what the bot is for, in its profile and where nothing was written yet."""
    long, short = say(language, "bot-description"), say(language, "bot-short-description")
    code = None if language == DEFAULT_LANGUAGE else language
    try:
        async with asyncio.timeout(_PATIENCE_WITH_DESCRIPTIONS):
            # Looked up first: Telegram doesn't want them changed at every start.
            if (await bot.get_my_description(code)).description != long:
                await bot.set_my_description(long, code)
            if (await bot.get_my_short_description(code)).short_description != short:
                await bot.set_my_short_description(short, code)
    except (TelegramError, TimeoutError) as error:
        logger.info("No description in %s: %r", language, error)
