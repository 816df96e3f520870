"""Builds the Telegram application: what is wired to what, in order; how it starts and stops."""

import logging
from dataclasses import dataclass
from typing import Any, TypeAlias

from telegram import Update
from telegram.ext import (
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

from bot import metrics
from bot.administration import REINDEX, Administration, Handler
from bot.admins import Admins
from bot.answering import Answering
from bot.article_buttons import ARTICLE_BUTTONS
from bot.clock import Clock, ClockWatch
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
from bot.index_mending import IndexMending
from bot.recent_questions import recent_questions
from bot.reindexing import Reindexing
from bot.repetitions import Repetitions
from bot.settings import Settings
from bot.storage.jobs import Jobs
from bot.storage.journal import Journal
from bot.transport.inbox import Inbox
from bot.transport.pacing import SharedPacing
from bot.transport.patience import Patience
from bot.transport.receiving import Polling, Receiving, Webhook
from bot.transport.sending import Requests, Sending
from bot.troubles import Troubles
from bot.upkeep import Upkeep
from bot.wish_buttons import WISH_BUTTONS
from bot.wishes import Wishes

logger = logging.getLogger(__name__)

TelegramApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]

_FROM_GROUPS_PRIVACY = rf"^/start {PRIVACY_PAYLOAD}$"


@dataclass(frozen=True, slots=True)
class Bot:
    """The Telegram application, and the services that start and stop with it."""

    telegram: TelegramApplication
    inbox: Inbox
    answering: Answering
    journal: Journal
    administration: Administration
    receiving: Receiving
    admin_ids: frozenset[int]
    patience: Patience
    troubles: Troubles
    upkeep: Upkeep
    monitoring: tuple[str, int] | None
    """The address and the port on which the bot says how it is; None if it doesn't."""


def build_bot(
    settings: Settings, answering: Answering, journal: Journal, patience: Patience | None = None
) -> Bot:
    """Wire settings and services to handlers; nothing is started yet."""
    patience = patience or Patience()
    inbox = Inbox(journal)
    pacing = SharedPacing(journal.database) if journal.database.is_shared else None
    application = _build_telegram(settings, patience, inbox, pacing)
    jobs = application.job_queue
    if jobs is None:
        raise TypeError("The application was built without a job queue.")

    admins = Admins(application.bot, settings.admin_ids, journal)
    troubles = Troubles(journal.database, admins)
    wishes = Wishes(journal.database, answering)
    reindexing = Reindexing(
        REINDEX,
        settings.environment(engines=True),
        lambda: jobs.run_once(upkeep.notice_new_index, when=0),
    )
    recent = recent_questions(journal.database)
    clock = ClockWatch(Clock(doubted=journal.long_unused), jobs, troubles)
    mending = IndexMending(reindexing, settings.store_address)
    upkeep = Upkeep(
        application.bot,
        answering,
        journal,
        wishes,
        troubles,
        reindexing,
        settings,
        mending,
        clock,
        Jobs(journal.database),
        recent,
    )
    administration = Administration.build(
        settings, answering, journal, admins=admins, troubles=troubles, reindexing=reindexing
    )

    repetitions = Repetitions(journal.database)
    articles = Articles(answering, journal, repetitions)
    start = Start(answering, journal, articles)
    questions = Questions(answering, journal, recent, repetitions)
    buttons = Buttons(answering, journal)
    people = People(journal, recent)
    inline = Inline(answering, journal)
    wish_buttons = WishButtons(wishes, journal)

    person = filters.UpdateType.MESSAGE & FromAPerson()
    private = person & filters.ChatType.PRIVATE
    sent_by_admins = administration.handlers(private)
    pressed_by_admins = administration.button_handlers()
    # The first handler that fits takes an update, so the order matters: commands that we know;
    # what only admins send; questions, which also takes /ask; then, in private, what is left.
    handlers: list[Handler] = [
        CommandHandler("start", people.privacy, private & filters.Regex(_FROM_GROUPS_PRIVACY)),
        CommandHandler("start", start.start, person),
        CommandHandler("help", start.how_to, person),
        CommandHandler("articles", articles.browse, person),
        CommandHandler("latest", articles.latest, person),
        CommandHandler("language", people.language, person),
        CommandHandler("privacy", people.privacy, person),
        *sent_by_admins,
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
        *pressed_by_admins,
        CallbackQueryHandler(buttons.press),
        ChatMemberHandler(start.added_to_group, ChatMemberHandler.MY_CHAT_MEMBER),
    ]
    application.add_handlers(handlers)
    # In a group of its own, since it takes no update from the others.
    application.add_handler(TypeHandler(Update, admins.meet), group=-1)
    application.add_error_handler(Errors(journal, troubles).apologise)
    inbox.connect(
        application.bot,
        troubles,
        handlers=handlers,
        by_admins=[*sent_by_admins, *pressed_by_admins],
        admin_ids=settings.admin_ids,
    )
    upkeep.schedule(jobs)
    administration.schedule(jobs)
    receiving = _build_receiving(settings, application, troubles, patience)
    metrics.watch_updates_waiting(lambda: inbox.waiting + inbox.under_way)
    return Bot(
        application,
        inbox,
        answering,
        journal,
        administration,
        receiving,
        settings.admin_ids,
        patience,
        troubles,
        upkeep,
        settings.monitoring_address,
    )


def _build_receiving(
    settings: Settings, application: TelegramApplication, troubles: Troubles, patience: Patience
) -> Receiving:
    """How updates come: by webhook if there is one, else they are asked for."""
    if settings.webhook_url:
        return Webhook(application.bot, application.update_queue, settings, patience)
    return Polling(application.bot, application.update_queue, troubles, patience)


def _build_telegram(
    settings: Settings, patience: Patience, inbox: Inbox, pacing: SharedPacing | None
) -> TelegramApplication:
    """The library's application with nothing to do yet."""
    if settings.telegram_bot_token is None:
        raise TelegramUnavailable("There is no TELEGRAM_BOT_TOKEN.")
    builder = (
        ApplicationBuilder()
        .token(settings.telegram_bot_token.get_secret_value())
        .base_url(settings.bot_base_url)
        .base_file_url(settings.bot_file_url)
        .rate_limiter(Sending(patience, pacing))
        # Updates come by `bot.transport.receiving`: the library's updater takes up to half a
        # minute to stop, and is deaf for good after an odd answer.
        .updater(None)
        .update_queue(inbox)
        .concurrent_updates(inbox.processor)
    )
    direct: dict[str, Any] = {}
    if settings.api_is_on_this_machine:
        # A proxy from the environment (HTTP_PROXY, ALL_PROXY) can't reach a server on loopback,
        # and without TLS there are no certificates to load, which takes a while.
        verify = settings.telegram_api_url.startswith("https:")
        direct = {"trust_env": False, "verify": verify}
    builder = builder.request(Requests(patience, **direct))
    return builder.get_updates_request(Requests(patience, 1, **direct)).build()
