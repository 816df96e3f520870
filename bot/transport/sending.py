"""How requests go to Telegram: at the pace that it allows, and once more where that is safe.

A request of which no answer came may have been carried out. What makes a message is never sent
again then; the person is told when Telegram is back that an answer may be missing.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)
from telegram.ext import AIORateLimiter
from telegram.request import HTTPXRequest

from bot import metrics
from bot.metrics import Stage
from bot.transport.handling import mark_replying, mark_uncertain
from bot.transport.pacing import SharedPacing
from bot.transport.patience import Patience

logger = logging.getLogger(__name__)

_Result: TypeAlias = bool | dict[str, Any] | list[dict[str, Any]]
_Request: TypeAlias = Callable[[], Coroutine[Any, Any, _Result]]

# What Telegram answers when it has understood a request and won't do it.
_REFUSALS = (BadRequest, Forbidden, ChatMigrated, Conflict, InvalidToken, EndPointNotFound)
# What goes wrong before a request is written.
_NOT_EVEN_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# More connections than updates that are handled at once; an idle one is closed after 5 seconds.
_CONNECTIONS = 256
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class _Rule:
    """What holds for a method of the Bot API."""

    repeatable: bool
    """Whether doing it twice is the same as doing it once."""
    shown: bool = False
    """Whether people see it, so that it may be an answer to what is being handled."""
    patience: str | None = "message"
    """The field of `Patience` that says how long to try; None is once."""
    when_done: _Result | None = None
    """If Telegram refuses what is done already: the answer that was lost, or one like it."""


# A second one would be a second message.
_MESSAGE = _Rule(repeatable=False, shown=True)
# The message shows the same after a second edit, which Telegram refuses as "not modified".
_EDIT = _Rule(repeatable=True, shown=True, when_done=True)
# Sets something to what it is, or reads it; nobody waits for these.
_SETTING = _Rule(repeatable=True, patience="menus")
# Whoever calls these tries again, and says so in the log.
_BEGINNING = _Rule(repeatable=True, patience=None)

_RULES: Mapping[str, _Rule] = {
    "sendMessage": _MESSAGE,
    "sendPhoto": _MESSAGE,
    "editMessageText": _EDIT,
    "editMessageReplyMarkup": _EDIT,
    # Telegram takes one answer to each query and refuses the second.
    "answerGuestQuery": _Rule(
        repeatable=True, shown=True, when_done={"inline_message_id": "unknown"}
    ),
    "answerInlineQuery": _Rule(repeatable=True, shown=True, patience="press", when_done=True),
    "answerCallbackQuery": _Rule(repeatable=True, patience="press", when_done=True),
    # "typing…" fades after five seconds; late, it would come behind the answer.
    "sendChatAction": _Rule(repeatable=False, patience=None),
    "getFile": _Rule(repeatable=True),
    "setMyCommands": _SETTING,
    "getMyDescription": _SETTING,
    "setMyDescription": _SETTING,
    "getMyShortDescription": _SETTING,
    "setMyShortDescription": _SETTING,
    "getMe": _BEGINNING,
    "setWebhook": _BEGINNING,
    "deleteWebhook": _BEGINNING,
    "getWebhookInfo": _BEGINNING,
}


def was_refused(error: TelegramError) -> bool:
    """Whether Telegram itself has answered that it won't do what was asked.

    The library makes the same errors of a proxy's pages, which say nothing of the request; these
    have the fault of the page as their cause.
    """
    return isinstance(error, _REFUSALS) and not isinstance(error.__cause__, TelegramError)


def was_not_sent(error: TelegramError) -> bool:
    """Whether the request surely never reached Telegram."""
    return isinstance(error.__cause__, _NOT_EVEN_SENT)


def reason_of(error: TelegramError) -> str:
    """Why a request failed, in a few words without what was in it or in its answer."""
    name = type(error.__cause__ or error).__name__
    # The library puts whole pages behind these words.
    words = " ".join(str(error).partition(". Parsing the server response")[0].split())
    return f"{name}: {words[:_LONGEST_REASON]}"


def seconds_of(error: RetryAfter) -> float:
    """How long Telegram wants to be left alone."""
    # An integer, or a timedelta where PTB_TIMEDELTA is set.
    seconds = error.retry_after
    return seconds if isinstance(seconds, int) else seconds.total_seconds()


class Requests(HTTPXRequest):
    """The connections to Telegram's server."""

    def __init__(self, patience: Patience, connections: int = _CONNECTIONS, **client: Any) -> None:  # noqa: ANN401
        """Take how long to wait, and what else to give to the HTTP client."""
        super().__init__(
            connections,
            connect_timeout=patience.connect,
            read_timeout=patience.answer,
            write_timeout=patience.answer,
            pool_timeout=patience.connect,
            httpx_kwargs=client,
        )

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Read an answer; unlike the library's own method this logs nothing of a broken one."""
        try:
            answer = json.loads(payload.decode(errors="replace"))
        except ValueError:
            raise TelegramError("The answer is not JSON, or not whole") from None
        if not isinstance(answer, dict):
            raise TelegramError("The answer is not an object")
        return answer


class Sending(AIORateLimiter):
    """Every request but that for updates goes through here."""

    def __init__(self, patience: Patience, pacing: SharedPacing | None = None) -> None:
        """Take how long to try, and the pace of all replicas, if there are others."""
        super().__init__()
        self._patience = patience
        self._pacing = pacing

    async def process_request(  # noqa: PLR0913, PLR0917 - as in the library
        self,
        callback: Callable[..., Coroutine[Any, Any, _Result]],
        args: Any,  # noqa: ANN401
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> _Result:
        """Send a request when its turn has come, and again as long as that is safe and of use."""
        rule = _RULES.get(endpoint, _MESSAGE)
        attempt = _attempt(callback, rule)
        request: _Request = partial(
            super().process_request, attempt, args, kwargs, endpoint, data, rate_limit_args
        )
        chat = data.get("chat_id")
        if self._pacing is not None and chat is not None:
            request = _paced(request, self._pacing, chat)
        with metrics.timed(Stage.SENDING) if rule.shown else contextlib.nullcontext():
            return await self._try(request, rule, endpoint)

    async def _try(self, request: _Request, rule: _Rule, endpoint: str) -> _Result:
        clock = asyncio.get_running_loop().time
        patience = getattr(self._patience, rule.patience) if rule.patience else 0
        give_up_at = clock() + patience
        in_doubt = False
        for pause in self._patience.pauses():
            asked = 0.0
            try:
                return await request()
            except _TooManyError as too_many:
                error: TelegramError = too_many.error
                asked = seconds_of(too_many.error)
            except TelegramError as failed:
                if was_refused(failed):
                    if in_doubt and rule.when_done and isinstance(failed, BadRequest):
                        # An earlier try had arrived, and it can't be done twice.
                        logger.info("%s had been done: %s", endpoint, failed)
                        return rule.when_done
                    raise
                error = failed
                in_doubt = in_doubt or not was_not_sent(failed)
            of_use = patience and clock() + asked + pause <= give_up_at
            if not of_use or (in_doubt and not rule.repeatable):
                break
            logger.info("%s: %s; again in %.1f s", endpoint, reason_of(error), asked + pause)
            await asyncio.sleep(asked + pause)
        if rule.shown:
            await mark_uncertain()
        raise error


def _paced(request: _Request, pacing: SharedPacing, chat: int | str) -> _Request:
    """What to call in place of a request to a chat, to which other replicas write as well."""

    async def paced() -> _Result:
        await pacing.wait(chat)
        try:
            # The library's own limits hardly ever have to wait here.
            return await request()
        except _TooManyError as too_many:
            await pacing.hold(chat, seconds_of(too_many.error))
            raise

    return paced


def _attempt(
    callback: Callable[..., Coroutine[Any, Any, _Result]], rule: _Rule
) -> Callable[..., Coroutine[Any, Any, _Result]]:
    """What to call when the request's turn has come."""

    async def attempt(*args: Any, **kwargs: Any) -> _Result:  # noqa: ANN401
        if rule.shown:
            await mark_replying()
        try:
            return await callback(*args, **kwargs)
        except TelegramError as error:
            metrics.count_telegram_error(error)
            if isinstance(error, RetryAfter):
                # The library would hold up all requests, also those to other chats.
                raise _TooManyError(error) from None
            raise

    return attempt


class _TooManyError(Exception):
    """Telegram takes no more for a while; of a kind that the library passes on."""

    def __init__(self, error: RetryAfter) -> None:
        super().__init__()
        self.error = error
