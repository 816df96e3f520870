"""Where the log goes, in which form, and what must never be in it."""

import json
import logging
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

_WARNINGS_KEPT = 5


class RedactingFormatter(logging.Formatter):
    """Formats a record without our secrets, which the libraries put into URLs and errors.

    A filter would see the arguments and the exception only; this sees the finished text.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        layout: str = "%(asctime)s %(levelname)s %(name)s: %(message)s",
    ) -> None:
        """Take what to leave out, such as the bot's token, and how a record is laid out."""
        super().__init__(layout)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        """Format the record, its traceback included."""
        return self._redacted(super().format(record))

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[token]")
        return text


class JsonFormatter(RedactingFormatter):
    """Formats a record as one line of JSON, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Format the record: time (UTC), level, logger, message and, if any, exception."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            fields["exception"] = self.formatException(record.exc_info)
        # Before JSON writes some signs in another way.
        redacted = {name: self._redacted(text) for name, text in fields.items()}
        return json.dumps(redacted, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class LoggedWarning:
    """A line of the log that somebody should see."""

    at: datetime
    """In UTC."""
    level: str
    logger: str
    line: str
    """The first one of its text, with the name of the exception if there was one."""


class LastWarnings(logging.Handler):
    """Keeps the last warnings and errors, for admins."""

    def __init__(self, formatter: RedactingFormatter) -> None:
        """Take what leaves the secrets out."""
        super().__init__(logging.WARNING)
        self.setFormatter(formatter)
        self._kept: deque[LoggedWarning] = deque(maxlen=_WARNINGS_KEPT)

    @property
    def newest_first(self) -> tuple[LoggedWarning, ...]:
        """What is kept."""
        return tuple(reversed(self._kept))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record's first line: what is below it is a traceback, which may quote texts."""
        try:
            line, *_ = self.format(record).splitlines() or [""]
        except Exception:  # noqa: BLE001 - as all handlers do: logging must not stop the bot
            self.handleError(record)
            return
        if record.exc_info and record.exc_info[0]:
            line = f"{line} ({record.exc_info[0].__name__})"
        at = datetime.fromtimestamp(record.created, UTC)
        self._kept.append(LoggedWarning(at, record.levelname, record.name, line))


def last_warnings() -> tuple[LoggedWarning, ...]:
    """The last warnings of this process, newest first; none before the log was set up."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LastWarnings):
            return handler.newest_first
    return ()


def configure_logging(
    level: str, secrets: Sequence[str], form: Literal["text", "json"] = "text"
) -> None:
    """Log to stderr, without the secrets."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(secrets) if form == "json" else RedactingFormatter(secrets))
    warnings = LastWarnings(RedactingFormatter(secrets, "%(message)s"))
    logging.basicConfig(level=level, handlers=[handler, warnings], force=True)
    # At INFO it logs every request with its URL, and the token is part of that.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # They tell of every step of a migration and every run of a job.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    # It warns about a model before it raises; our own error then says what to do about it.
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
