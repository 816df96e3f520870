"""Builds the Telegram application: what is wired to what, in order; how it starts and stops."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    Message,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.ext import (
    AIORateLimiter,
    Application,
    ApplicationBuilder,
    BaseUpdateProcessor,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)
from telegram.request import HTTPXRequest

from bot.addressing import addressed_question, from_a_person
from bot.answering import Answering
from bot.errors import TelegramUnavailable
from bot.handlers import start
from bot.handlers.admin import Admin
from bot.handlers.buttons import Buttons
from bot.handlers.questions import Questions
from bot.handlers.replying import language_of, reply
from bot.localization import DEFAULT_LANGUAGE, say
from bot.reindexing import Reindexing
from bot.settings import Settings
from knowledge.language import LANGUAGES

logger = logging.getLogger(__name__)

TelegramApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]

# Telegram sends nothing else: no edited messages, channel posts or guest messages, none of which
# the handlers below are made for.
_UPDATES = [Update.MESSAGE, Update.CALLBACK_QUERY, Update.MY_CHAT_MEMBER]
_MOST_UPDATES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Bot:
    """The Telegram application, and the services that start and stop with it."""

    telegram: TelegramApplication
    answering: Answering
    admin: Admin
    admin_ids: frozenset[int]


def build_bot(settings: Settings, answering: Answering) -> Bot:
    """Wire settings and services to handlers; nothing is started yet."""
    if settings.telegram_bot_token is None:
        raise TelegramUnavailable("There is no TELEGRAM_BOT_TOKEN.")
    builder = (
        ApplicationBuilder()
        .token(settings.telegram_bot_token.get_secret_value())
        .base_url(settings.bot_base_url)
        .base_file_url(settings.bot_file_url)
        # Waits as long as Telegram says; by itself the library gives up at the first "429".
        .rate_limiter(AIORateLimiter(max_retries=3))
        .concurrent_updates(OneAtATimeInEachChat(_MOST_UPDATES_AT_ONCE))
    )
    if settings.api_is_on_this_machine:
        # A proxy from the environment (HTTP_PROXY, ALL_PROXY) can't reach a server on loopback.
        direct = {"trust_env": False}
        builder = builder.request(HTTPXRequest(httpx_kwargs=direct))
        builder = builder.get_updates_request(HTTPXRequest(1, httpx_kwargs=direct))
    application = builder.build()

    questions = Questions(answering)
    buttons = Buttons(answering)
    child = [sys.executable, "-m", "bot", "reindex", "--json"]
    admin = Admin(Reindexing(child, settings.environment()))

    person = filters.UpdateType.MESSAGE & FromAPerson()
    private = person & filters.ChatType.PRIVATE
    # The first handler that fits takes an update, so the order matters: commands that we know;
    # questions, which also takes /ask; then, in private only, what is left.
    application.add_handlers(
        [
            CommandHandler("start", start.start, person),
            CommandHandler("help", start.how_to, person),
            # In groups an anonymous admin has no id, so admins are known in private chats only.
            # To others the command doesn't exist: they hear what any unknown one gets.
            CommandHandler("reindex", admin.reindex, private & filters.User(settings.admin_ids)),
            MessageHandler(person & ForUs(), questions.answer),
            MessageHandler(private & filters.COMMAND, start.unknown_command),
            MessageHandler(private & ~filters.StatusUpdate.ALL, questions.only_text),
            CallbackQueryHandler(buttons.press),
            ChatMemberHandler(start.added_to_group, ChatMemberHandler.MY_CHAT_MEMBER),
        ]
    )
    application.add_error_handler(on_error)
    return Bot(application, answering, admin, settings.admin_ids)


async def serve(bot: Bot) -> None:
    """Answer until SIGINT (Ctrl-C) or SIGTERM.

    Raises:
        TelegramUnavailable: if Telegram refuses the token or can't be reached at the start.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with polling(bot):
        await stopped.wait()


@contextlib.asynccontextmanager
async def polling(bot: Bot) -> AsyncIterator[None]:
    """Answer messages as long as the context lasts.

    Raises:
        TelegramUnavailable: if Telegram refuses the token or can't be reached at the start.
    """
    application = bot.telegram
    updater = application.updater
    if updater is None:
        raise TypeError("The application was built without an updater.")
    try:
        try:
            await application.initialize()
        # Not chained: the library's message holds the token.
        except InvalidToken:
            raise TelegramUnavailable(
                "Telegram refuses the token: set TELEGRAM_BOT_TOKEN to the one that @BotFather "
                "shows under /mybots."
            ) from None
        except TelegramError as error:
            raise TelegramUnavailable(
                f"Telegram can't be reached at {application.bot.base_url.rpartition('/bot')[0]} "
                f"({type(error.__cause__ or error).__name__}): check the network, or set "
                "TELEGRAM_API_URL."
            ) from None
        await bot.answering.initialize()
        await _introduce(bot)
        await application.start()
        # Questions that came while the bot was away get their answers, too.
        await updater.start_polling(
            allowed_updates=_UPDATES,
            drop_pending_updates=False,
            error_callback=_on_polling_error,
        )
        yield
    finally:
        if updater.running:
            await updater.stop()
        await bot.admin.shutdown()
        if application.running:
            await application.stop()
        await application.shutdown()
        # An application that Telegram refused has connections open all the same.
        await application.bot.shutdown()
        await bot.answering.shutdown()


async def _introduce(bot: Bot) -> None:
    """Tell Telegram which commands there are, and the log who we are."""
    me = bot.telegram.bot.bot
    for language in LANGUAGES:
        await _set_commands(bot, BotCommandScopeAllPrivateChats(), ["ask", "help"], language)
        await _set_commands(bot, BotCommandScopeAllGroupChats(), ["ask", "help"], language)
        for admin_id in sorted(bot.admin_ids):
            scope = BotCommandScopeChat(admin_id)
            await _set_commands(bot, scope, ["ask", "help", "reindex"], language)
    logger.info(
        "@%s is ready; %d admins. In groups it sees %s",
        me.username,
        len(bot.admin_ids),
        "all messages"
        if me.can_read_all_group_messages
        else "/ask and replies to it; for mentions, turn privacy mode off (@BotFather, "
        "/setprivacy) and add the bot to the group again, or make it an admin there",
    )


async def _set_commands(
    bot: Bot, scope: BotCommandScope, names: Sequence[str], language: str
) -> None:
    commands = [BotCommand(name, say(language, f"command-{name}")) for name in names]
    # Commands without a language are for everybody else.
    code = None if language == DEFAULT_LANGUAGE else language
    try:
        await bot.telegram.bot.set_my_commands(commands, scope, code)
    except TelegramError as error:
        # An admin who has never written to the bot has no chat yet; the bot works without a menu.
        logger.info("No command menu for %s in %s: %s", scope.type, language, error)


def _on_polling_error(error: TelegramError) -> None:
    """Say why no updates come; the library tries again by itself."""
    if isinstance(error, Conflict):
        logger.error("Another copy of this bot is running, or a webhook is set: %s", error)
    else:
        logger.warning("No updates from Telegram: %s", error)


async def on_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Log what no handler caught, and apologise to whoever asked or pressed."""
    error = context.error
    if isinstance(error, Forbidden | ChatMigrated | RetryAfter):
        # Blocked, removed from the group, the group has moved or is flooded: everyday events.
        logger.info("Not sent: %s", error)
        return
    if isinstance(error, NetworkError) and not isinstance(error, BadRequest):
        # The network is down, or slow: then the message may have arrived, so never send it twice.
        logger.warning("Telegram did not confirm a request: %s", error)
        return
    logger.error("A handler failed", exc_info=error)
    if not isinstance(update, Update):
        return
    message, pressed = update.message, update.callback_query
    try:
        if pressed is not None:
            await pressed.answer(say(language_of(pressed.from_user), "error"), show_alert=True)
        elif message is not None and addressed_question(message, context.bot.bot) is not None:
            await reply(message, say(language_of(message.from_user), "error"))
    except TelegramError as failure:
        logger.warning("No apology for update %s: %s", update.update_id, failure)


class OneAtATimeInEachChat(BaseUpdateProcessor):
    """Handles many chats at once, and within each chat one message after the other.

    So replies come in the order of the questions, though each takes another time.
    """

    def __init__(self, max_concurrent_updates: int) -> None:
        """Handle at most so many updates at once."""
        super().__init__(max_concurrent_updates)
        # A lock lasts as long as somebody holds or awaits it.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Wait for the chat's turn; locks are fair, and updates reach them as they came."""
        chat = update.effective_chat if isinstance(update, Update) else None
        lock = self._locks.setdefault(chat.id if chat else 0, asyncio.Lock())
        async with lock:
            await coroutine

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""


class FromAPerson(filters.MessageFilter):
    """Messages that a person wrote; see `addressing.from_a_person`."""

    def filter(self, message: Message) -> bool:
        """Return whether a person wrote it."""
        return from_a_person(message, message.get_bot().bot)


class ForUs(filters.MessageFilter):
    """Messages that ask us something; see `addressing.addressed_question`."""

    def filter(self, message: Message) -> bool:
        """Return whether it asks us something."""
        return addressed_question(message, message.get_bot().bot) is not None
