"""Builds the Telegram application: what is wired to what, in order; how it starts and stops."""

import logging
from dataclasses import dataclass
from typing import Any, TypeAlias

from telegram import Update
from telegram.ext import (
    AIORateLimiter,
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    ChatMemberHandler,
    CommandHandler,
    InlineQueryHandler,
    MessageHandler,
    TypeHandler,
    filters,
)
from telegram.request import HTTPXRequest

from bot.administration import REINDEX, Administration
from bot.admins import Admins
from bot.answering import Answering
from bot.article_buttons import ARTICLE_BUTTONS
from bot.errors import TelegramUnavailable
from bot.handlers.articles import Articles
from bot.handlers.buttons import Buttons
from bot.handlers.errors import Errors
from bot.handlers.filters import ForUs, FromAPerson
from bot.handlers.inline import Inline
from bot.handlers.people import FORGET_BUTTONS, LANGUAGE_BUTTONS, PRIVACY_PAYLOAD, People
from bot.handlers.questions import Questions
from bot.handlers.start import Start
from bot.handlers.wishes import WishButtons
from bot.recent_questions import RecentQuestions
from bot.reindexing import Reindexing
from bot.settings import Settings
from bot.storage.journal import Journal
from bot.troubles import Troubles
from bot.update_order import OneAtATimeInEachChat
from bot.upkeep import Upkeep
from bot.wish_buttons import WISH_BUTTONS
from bot.wishes import Wishes

logger = logging.getLogger(__name__)

TelegramApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]

_MOST_UPDATES_AT_ONCE = 256

_FROM_GROUPS_PRIVACY = rf"^/start {PRIVACY_PAYLOAD}$"


@dataclass(frozen=True, slots=True)
class Bot:
    """The Telegram application, and the services that start and stop with it."""

    telegram: TelegramApplication
    answering: Answering
    journal: Journal
    administration: Administration
    admin_ids: frozenset[int]


def build_bot(settings: Settings, answering: Answering, journal: Journal) -> Bot:
    """Wire settings and services to handlers; nothing is started yet."""
    application = _build_telegram(settings)
    jobs = application.job_queue
    if jobs is None:
        raise TypeError("The application was built without a job queue.")

    admins = Admins(application.bot, settings.admin_ids, journal)
    troubles = Troubles(journal.database, admins)
    wishes = Wishes(journal.database, answering)
    reindexing = Reindexing(
        REINDEX, settings.environment(), lambda: jobs.run_once(upkeep.notice_new_index, when=0)
    )
    upkeep = Upkeep(application.bot, answering, journal, wishes, troubles, reindexing, settings)
    administration = Administration.build(
        settings, answering, journal, admins=admins, troubles=troubles, reindexing=reindexing
    )

    articles = Articles(answering, journal)
    start = Start(answering, journal, articles)
    recent = RecentQuestions()
    questions = Questions(answering, journal, recent)
    buttons = Buttons(answering, journal)
    people = People(journal, recent)
    inline = Inline(answering, journal)
    wish_buttons = WishButtons(wishes, journal)

    person = filters.UpdateType.MESSAGE & FromAPerson()
    private = person & filters.ChatType.PRIVATE
    # The first handler that fits takes an update, so the order matters: commands that we know;
    # what only admins send; questions, which also takes /ask; then, in private, what is left.
    application.add_handlers(
        [
            CommandHandler("start", people.privacy, private & filters.Regex(_FROM_GROUPS_PRIVACY)),
            CommandHandler("start", start.start, person),
            CommandHandler("help", start.how_to, person),
            CommandHandler("articles", articles.browse, person),
            CommandHandler("latest", articles.latest, person),
            CommandHandler("language", people.language, person),
            CommandHandler("privacy", people.privacy, person),
            *administration.handlers(private),
            MessageHandler(person & ForUs(), questions.answer),
            MessageHandler(private & filters.COMMAND, start.unknown_command),
            MessageHandler(private & ~filters.StatusUpdate.ALL, questions.only_text),
            MessageHandler(filters.UpdateType.EDITED_MESSAGE & ForUs(), questions.answer_edited),
            MessageHandler(filters.UpdateType.GUEST_MESSAGE, questions.answer_as_guest),
            InlineQueryHandler(inline.offer),
            CallbackQueryHandler(articles.press, ARTICLE_BUTTONS),
            CallbackQueryHandler(people.choose_language, LANGUAGE_BUTTONS),
            CallbackQueryHandler(people.forget, FORGET_BUTTONS),
            CallbackQueryHandler(wish_buttons.press, WISH_BUTTONS),
            *administration.button_handlers(),
            CallbackQueryHandler(buttons.press),
            ChatMemberHandler(start.added_to_group, ChatMemberHandler.MY_CHAT_MEMBER),
        ]
    )
    # In a group of its own, since it takes no update from the others.
    application.add_handler(TypeHandler(Update, admins.meet), group=-1)
    application.add_error_handler(Errors(journal, troubles).apologise)
    upkeep.schedule(jobs)
    administration.schedule(jobs)
    return Bot(application, answering, journal, administration, settings.admin_ids)


def _build_telegram(settings: Settings) -> TelegramApplication:
    """The library's application with nothing to do yet."""
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
        # A proxy from the environment (HTTP_PROXY, ALL_PROXY) can't reach a server on loopback,
        # and without TLS there are no certificates to load, which takes a while.
        verify = settings.telegram_api_url.startswith("https:")
        direct = {"trust_env": False, "verify": verify}
        builder = builder.request(HTTPXRequest(httpx_kwargs=direct))
        builder = builder.get_updates_request(HTTPXRequest(1, httpx_kwargs=direct))
    return builder.build()
