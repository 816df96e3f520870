"""What Telegram shows of the bot before anybody writes to it: command menus and descriptions."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from functools import partial

from telegram import Bot as TelegramBot
from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)
from telegram.error import TelegramError

from bot.errors import JournalError
from bot.localization import DEFAULT_LANGUAGE, say
from bot.storage.jobs import Jobs
from bot.transport.patience import Patience, growing_pauses
from bot.transport.sending import reason_of, was_refused
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

# Replicas that are started within this time are likely to be of the same version.
_STARTED_TOGETHER = timedelta(minutes=1)
_LONGEST_PAUSE = 3600.0
"""In seconds: Telegram may want descriptions to be left alone for hours."""


async def introduce(
    bot: TelegramBot, admin_ids: frozenset[int], patience: Patience, jobs: Jobs
) -> None:
    """Tell the log who we are, and Telegram which commands there are, now or as soon as it can.

    Args:
        bot: Who speaks.
        admin_ids: Who has further commands.
        patience: How soon to try again.
        jobs: Says whether another replica does so.
    """
    _log_who_we_are(bot, admin_ids)
    try:
        if not await jobs.claim("introduction", _STARTED_TOGETHER):
            return
    except JournalError as error:
        logger.warning("Other replicas may introduce the bot as well: %s", error)
    left = _steps(bot, admin_ids)
    for pause in growing_pauses(patience.menus, _LONGEST_PAUSE):
        left = [step for step in left if not await step()]
        if not left:
            return
        logger.info("%d menus and descriptions are set later", len(left))
        await asyncio.sleep(pause)


def _log_who_we_are(bot: TelegramBot, admin_ids: frozenset[int]) -> None:
    me = bot.bot
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


def _steps(
    bot: TelegramBot, admin_ids: frozenset[int]
) -> Sequence[Callable[[], Coroutine[None, None, bool]]]:
    """What there is to tell Telegram, piece by piece; each says whether nothing of it is left."""
    menus: list[tuple[BotCommandScope, Sequence[str]]] = [
        (BotCommandScopeAllPrivateChats(), PRIVATE_COMMANDS),
        (BotCommandScopeAllGroupChats(), GROUP_COMMANDS),
        *((BotCommandScopeChat(admin_id), ADMIN_COMMANDS) for admin_id in sorted(admin_ids)),
    ]
    steps = []
    for language in LANGUAGES:
        steps += [partial(_set_commands, bot, scope, names, language) for scope, names in menus]
        steps.append(partial(_set_descriptions, bot, language))
    return steps


async def _set_commands(
    bot: TelegramBot, scope: BotCommandScope, names: Sequence[str], language: str
) -> bool:
    commands = [BotCommand(name, say(language, f"command-{name}")) for name in names]
    # Commands without a language are for everybody else.
    code = None if language == DEFAULT_LANGUAGE else language
    try:
        await bot.set_my_commands(commands, scope, code)
    except TelegramError as error:
        # An admin who has never written to the bot has no chat yet; the bot works without a menu.
        logger.info("No command menu for %s in %s: %s", scope.type, language, reason_of(error))
        return was_refused(error)
    return True


async def _set_descriptions(bot: TelegramBot, language: str) -> bool:
    """Say what the bot is for, in its profile and where nothing was written yet."""
    long, short = say(language, "bot-description"), say(language, "bot-short-description")
    code = None if language == DEFAULT_LANGUAGE else language
    try:
        # Looked up first: Telegram doesn't want them changed at every start.
        if (await bot.get_my_description(code)).description != long:
            await bot.set_my_description(long, code)
        if (await bot.get_my_short_description(code)).short_description != short:
            await bot.set_my_short_description(short, code)
    except TelegramError as error:
        logger.info("No description in %s: %s", language, reason_of(error))
        return was_refused(error)
    return True
