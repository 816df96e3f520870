"""The listener that tells other programs how the bot is: `/healthz`, `/readyz`, `/metrics`.

It is off unless MONITORING_PORT is set, and then heard on this machine only unless MONITORING_HOST
says otherwise. The bot's own loop answers, so that an answer proves that the loop lives.
"""

import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from tornado.web import Application, RequestHandler, url

from bot import metrics
from bot.application import Bot
from bot.errors import MonitoringUnavailable
from bot.transport.listening import answering_at, listen_at

logger = logging.getLogger(__name__)

STUCK_AFTER = 180
"""In seconds. One batch of questions takes less than one; on a busy machine perhaps ten."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells how the bot is; each is called for each request, and must be quick."""

    at_work_for: Callable[[], float]
    """For how many seconds the answering thread has been at the same thing; 0 if it is idle."""
    not_ready: Callable[[], Sequence[str]]
    """What is missing before questions can be received and answered, in a few words each."""


@contextlib.asynccontextmanager
async def monitored(bot: Bot) -> AsyncIterator[None]:
    """Tell how a bot is as long as the context lasts, if its settings want that.

    Raises:
        MonitoringUnavailable: if the port is taken, or the address isn't this machine's.
    """
    if bot.monitoring is None:
        yield
        return
    signs = Signs(lambda: bot.answering.at_work_for, lambda: _not_ready(bot))
    async with listening(*bot.monitoring, signs) as port:
        logger.info("Telling how the bot is on port %s of %s", port, bot.monitoring[0])
        yield


def _not_ready(bot: Bot) -> list[str]:
    missing = []
    if bot.inbox.is_stopping:
        missing.append("the bot is being stopped")
    if not bot.answering.is_open:
        missing.append("the model is being loaded, or the index built")
    elif bot.troubles.has_begun("index"):
        missing.append("the index can't be read")
    if not bot.telegram.running or bot.receiving.outage.is_going_on:
        missing.append("Telegram isn't reached")
    elif bot.troubles.has_begun("conflict"):
        missing.append("another copy of the bot gets the updates")
    return missing


@contextlib.asynccontextmanager
async def listening(host: str, port: int, signs: Signs) -> AsyncIterator[int]:
    """Answer as long as the context lasts; gives the port.

    Args:
        host: Which of this machine's addresses to listen on.
        port: 0 for any that is free.
        signs: What to tell.

    Raises:
        MonitoringUnavailable: if the port is taken, or the address isn't this machine's.
    """
    try:
        listener = listen_at(host, port)
    except OSError as error:
        raise MonitoringUnavailable(
            f"Port {port} of {host} can't be listened on ({error.strerror}): set MONITORING_PORT "
            "to a free one, or to 0 to do without; MONITORING_HOST is an address of this machine."
        ) from error
    metrics.watch_ready(lambda: not signs.not_ready())
    routes = [
        url(r"/healthz", _Health, {"signs": signs}),
        url(r"/readyz", _Readiness, {"signs": signs}),
        url(r"/metrics", _Metrics),
    ]
    # Somebody asks every few seconds, and none of it belongs into the log.
    application = Application(routes, default_handler_class=_Nothing, log_function=_log_nothing)
    async with answering_at(listener, application):
        yield listener.getsockname()[1]


class _Handler(RequestHandler):
    def set_default_headers(self) -> None:
        # Which version of what is running here is nobody's business.
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def write_json(self, value: object) -> None:
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(value) + "\n")


class _Nothing(_Handler):
    def prepare(self) -> None:
        self.send_error(404)


class _Health(_Handler):
    """200 while the loop lives and the answering thread gets on; else who runs us may restart."""

    def initialize(self, signs: Signs) -> None:
        self.signs = signs

    def get(self) -> None:
        seconds = self.signs.at_work_for()
        healthy = seconds < STUCK_AFTER
        self.set_status(200 if healthy else 503)
        self.write_json(
            []
            if healthy
            else [f"the answering thread has been at the same thing for {seconds:.0f} seconds"]
        )

    head = get


class _Readiness(_Handler):
    """200 when questions can be received and answered; a restart mends nothing of the rest."""

    def initialize(self, signs: Signs) -> None:
        self.signs = signs

    def get(self) -> None:
        missing = list(self.signs.not_ready())
        self.set_status(503 if missing else 200)
        self.write_json(missing)

    head = get


class _Metrics(_Handler):
    def get(self) -> None:
        self.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.write(generate_latest(metrics.REGISTRY))


def _log_nothing(_handler: RequestHandler) -> None:
    pass
