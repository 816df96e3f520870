"""How updates come: the bot asks Telegram for them, or Telegram posts them to a webhook of ours.

Both put them into the inbox before Telegram hears that they have arrived, and go on until they
are cancelled, whatever happens to the network.
"""

import asyncio
import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from telegram import Update
from telegram.error import Conflict, EndPointNotFound, InvalidToken, RetryAfter, TelegramError
from tornado.web import Application, HTTPError, RequestHandler

from bot import metrics
from bot.errors import JournalError, SettingsError, TelegramUnavailable
from bot.settings import Settings
from bot.transport.listening import answering_at, listen_at
from bot.transport.patience import Patience
from bot.transport.sending import reason_of, seconds_of, was_refused
from bot.troubles import Troubles

if TYPE_CHECKING:
    from telegram.ext import ExtBot

logger = logging.getLogger(__name__)

# Telegram sends nothing else, such as channel posts, which no handler is made for.
UPDATES = (
    Update.MESSAGE,
    Update.EDITED_MESSAGE,
    Update.GUEST_MESSAGE,
    Update.INLINE_QUERY,
    Update.CALLBACK_QUERY,
    Update.MY_CHAT_MEMBER,
)

# In bytes. The longest message has some 30 kB, with an entity at every other letter 300.
_LARGEST_UPDATE = 1_000_000
# In seconds, for whoever begins a request and doesn't finish it.
_SLOWEST_REQUEST = 10
# How many updates Telegram may be posting at the same moment; its own default.
_POSTED_AT_ONCE = 40
# In seconds, between two words about the same outage: at first, and in the long run.
_SILENCE, _LONGEST_SILENCE = 60.0, 3600.0


class Receiving(Protocol):
    """One of the two ways."""

    @property
    def outage(self) -> "Outage":
        """Tells whether Telegram is away."""

    async def run(self) -> None:
        """Receive until this is cancelled.

        Raises:
            TelegramUnavailable: if Telegram refuses the token.
        """


class Outage:
    """Says in the log that Telegram is away: at once, then less and less often; and its end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take what tells the seconds."""
        self._clock = clock
        self._began: float | None = None
        self._speaks_at = 0.0
        self._silence = _SILENCE

    @property
    def is_going_on(self) -> bool:
        """Whether Telegram is away, as far as we know."""
        return self._began is not None

    def goes_on(self, reason: str) -> None:
        """Say so if it has begun, or was long not spoken of."""
        now = self._clock()
        if self._began is None:
            self._began = self._speaks_at = now
            self._silence = _SILENCE
        if now >= self._speaks_at:
            logger.warning("%s; the bot keeps trying", reason)
            self._speaks_at = now + self._silence
            self._silence = min(_LONGEST_SILENCE, 2 * self._silence)

    def is_over(self) -> None:
        """Say so if there was one."""
        if self._began is not None:
            logger.warning("Telegram is there again, after %.0f s", self._clock() - self._began)
            self._began = None


class Polling:
    """Asks Telegram for updates, again and again."""

    def __init__(
        self,
        bot: "ExtBot[Any]",
        updates: "asyncio.Queue[object]",
        troubles: Troubles,
        patience: Patience,
    ) -> None:
        """Take where updates come from, where they go, and whom to tell of another copy."""
        self._bot = bot
        self._updates = updates
        self._troubles = troubles
        self._patience = patience
        self.outage = Outage()
        self._next: int | None = None
        self._conflict_since: float | None = None
        # By a run before this one, perhaps.
        self._admins_may_know = True

    async def run(self) -> None:
        """Receive until this is cancelled.

        Raises:
            TelegramUnavailable: if Telegram refuses the token.
        """
        pauses = self._patience.pauses()
        begun = False
        while True:
            try:
                if not begun:
                    # What came while there was a webhook is kept for us.
                    await self._bot.delete_webhook(drop_pending_updates=False)
                    begun = True
                await self._fetch()
            except Conflict as error:
                await self._somebody_else(error)
            except RetryAfter as error:
                await asyncio.sleep(seconds_of(error))
            except TelegramError as error:
                refuse_token(error)
                self.outage.goes_on(out_of_reach(error))
            except JournalError:
                # The inbox has said so. Telegram keeps what it hasn't taken, and sends it again.
                logger.debug("Updates are left with Telegram")
            else:
                self.outage.is_over()
                await self._alone()
                pauses = self._patience.pauses()
                continue
            await asyncio.sleep(next(pauses))

    async def _fetch(self) -> None:
        """Put what is new into the inbox; the next request tells Telegram that it is there."""
        patience = self._patience
        fields: dict[str, Any] = {"timeout": patience.poll, "allowed_updates": UPDATES}
        # By `get_updates` an update that the library can't read would hold up all behind it, and
        # all texts that come with it would be in the log. The odd name avoids a warning that
        # there is `get_updates`.
        try:
            new = await self._bot.do_api_request(
                "get_Updates",
                fields | {"offset": self._next},
                read_timeout=patience.poll + patience.answer,
            )
        except TelegramError as error:
            # All other requests are counted in `Sending`.
            metrics.count_telegram_error(error)
            raise
        for update in new:
            await _take(update, self._bot, self._updates)
            self._next = update["update_id"] + 1

    async def _somebody_else(self, error: Conflict) -> None:
        now = time.monotonic()
        if self._conflict_since is None:
            self._conflict_since = now
            logger.error("Another copy of this bot is running, or a webhook is set: %s", error)
        if now - self._conflict_since >= self._patience.conflict:
            self._admins_may_know = True
            await self._troubles.begin("conflict", "trouble-conflict")

    async def _alone(self) -> None:
        if self._conflict_since is not None:
            logger.warning("No other copy of this bot is in the way any more")
            self._conflict_since = None
        if self._admins_may_know:
            self._admins_may_know = False
            await self._troubles.end("conflict")


class Webhook:
    """Lets Telegram post updates to a port of this machine; TLS is a reverse proxy's business."""

    def __init__(
        self,
        bot: "ExtBot[Any]",
        updates: "asyncio.Queue[object]",
        settings: Settings,
        patience: Patience,
    ) -> None:
        """Take where updates come from, where they go, and where to listen.

        Raises:
            SettingsError: if there is no secret that replicas could share.
        """
        self._bot = bot
        self._updates = updates
        self._patience = patience
        self._url = settings.webhook_url
        self._listen = settings.webhook_address
        secret = settings.webhook_secret
        if secret is None and settings.database_url is not None:
            raise SettingsError(
                "Set WEBHOOK_SECRET, to the same word for all replicas that share DATABASE_URL: "
                "each would make up its own, and refuse what Telegram posts with another's."
            )
        # Who knows only the address can't forge an update.
        self._secret = secret.get_secret_value() if secret else secrets.token_urlsafe(32)
        self.outage = Outage()
        self._complaint: object = None

    async def run(self) -> None:
        """Receive until this is cancelled.

        Raises:
            SettingsError: if nobody can listen there.
            TelegramUnavailable: if Telegram refuses the token.
        """
        host, port = self._listen
        try:
            listener = listen_at(host, port)
        except OSError as error:
            raise SettingsError(
                f"Nobody can listen at {host}:{port} ({error.strerror}): is it taken by another "
                "program? Set WEBHOOK_LISTEN to another port, and have the proxy pass requests "
                "there."
            ) from error
        path = urlsplit(self._url).path or "/"
        door = {"bot": self._bot, "updates": self._updates, "secret": self._secret}
        async with answering_at(
            listener,
            # Its own log of requests would be in another form than ours.
            Application([(re.escape(path), _Door, door)], log_function=_no_log),
            max_body_size=_LARGEST_UPDATE,
            body_timeout=_SLOWEST_REQUEST,
            idle_connection_timeout=3600,
        ):
            await self._keep()

    async def _keep(self) -> None:
        """Tell Telegram where to post, and look every now and then whether it does."""
        pauses = self._patience.pauses()
        is_set = False
        while True:
            try:
                if not is_set:
                    await self._set()
                    is_set = True
                    logger.info("Telegram posts updates to %s", self._url)
                else:
                    is_set = await self._is_set()
            except RetryAfter as error:
                await asyncio.sleep(seconds_of(error))
            except TelegramError as error:
                refuse_token(error)
                if was_refused(error):
                    # It may be that Telegram could not look up the name just now.
                    self.outage.goes_on(
                        f"Telegram doesn't take WEBHOOK_URL ({error}): it must be https, with a "
                        "name that Telegram can look up and a port of 443, 80, 88 or 8443"
                    )
                else:
                    self.outage.goes_on(out_of_reach(error))
            else:
                self.outage.is_over()
                pauses = self._patience.pauses()
                if is_set:
                    await asyncio.sleep(self._patience.webhook_check)
                continue
            await asyncio.sleep(next(pauses))

    async def _set(self) -> None:
        await self._bot.set_webhook(
            self._url,
            allowed_updates=UPDATES,
            secret_token=self._secret,
            max_connections=_POSTED_AT_ONCE,
            drop_pending_updates=False,
        )

    async def _is_set(self) -> bool:
        info = await self._bot.get_webhook_info()
        if info.url != self._url:
            logger.error("Another copy of this bot has taken the webhook away; it is set again")
            return False
        if info.last_error_date and info.last_error_date != self._complaint:
            self._complaint = info.last_error_date
            logger.warning(
                "Telegram could not deliver to the webhook: %s; %d updates wait",
                info.last_error_message,
                info.pending_update_count,
            )
        return True


class _Door(RequestHandler):
    """What Telegram posts to."""

    SUPPORTED_METHODS = ("POST",)

    def initialize(
        self, bot: "ExtBot[Any]", updates: "asyncio.Queue[object]", secret: str
    ) -> None:
        self._bot = bot
        self._updates = updates
        self._secret = secret.encode()

    def prepare(self) -> None:
        given = self.request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(given.encode(), self._secret):
            raise HTTPError(HTTPStatus.FORBIDDEN)

    async def post(self) -> None:
        """Answer 200 when the update is in the inbox, and not before: then Telegram forgets it."""
        try:
            update = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise HTTPError(HTTPStatus.BAD_REQUEST) from None
        if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
            raise HTTPError(HTTPStatus.BAD_REQUEST)
        try:
            await _take(update, self._bot, self._updates)
        except JournalError:
            # The inbox has said so; Telegram posts it again.
            raise HTTPError(HTTPStatus.SERVICE_UNAVAILABLE) from None

    def write_error(self, status_code: int, **_: object) -> None:
        """Say no more than the status does."""
        self.set_status(status_code)


def _no_log(_: RequestHandler) -> None:
    """Leave a request out of the log."""


def out_of_reach(error: TelegramError) -> str:
    """What to say of a request that nobody has answered."""
    return f"Telegram can't be reached ({reason_of(error)})"


def refuse_token(error: TelegramError) -> None:
    """Raise TelegramUnavailable if this is Telegram's word that it doesn't know the token."""
    # By `do_api_request` a refused token is another error, whose cause is the usual one.
    refusal = error.__cause__ if isinstance(error, EndPointNotFound) else error
    # `Bot.initialize` wraps it once more, in an error whose message holds the token.
    while isinstance(refusal, InvalidToken) and isinstance(refusal.__cause__, InvalidToken):
        refusal = refusal.__cause__
    if isinstance(refusal, InvalidToken) and was_refused(refusal):
        raise TelegramUnavailable(
            "Telegram refuses the token: set TELEGRAM_BOT_TOKEN to the one that @BotFather "
            "shows under /mybots."
        ) from None


async def _take(
    fields: dict[str, Any], bot: "ExtBot[Any]", updates: "asyncio.Queue[object]"
) -> None:
    try:
        update = Update.de_json(fields, bot)
    except Exception as error:  # noqa: BLE001 - an update that the library can't read can't be told
        logger.error(  # noqa: TRY400 - the traceback would hold what people wrote
            "Update %s can't be read and is left out (%s)",
            fields["update_id"],
            type(error).__name__,
        )
        return
    await updates.put(update)
