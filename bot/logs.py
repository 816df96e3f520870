"""Where the log goes, and what must never be in it."""

import logging
import sys


class RedactingFormatter(logging.Formatter):
    """Formats a record without the bot's token, which the libraries put into URLs and errors.

    A filter would see the arguments and the exception only; this sees the finished text.
    """

    def __init__(self, secret: str | None) -> None:
        """Take what to leave out, if there is anything."""
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """Format the record, its traceback included."""
        text = super().format(record)
        return text.replace(self._secret, "[token]") if self._secret else text


def configure_logging(level: str, secret: str | None) -> None:
    """Log to stderr, as text, without the secret."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(secret))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # At INFO it logs every request with its URL, and the token is part of that.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # They tell of every step of a migration and every run of a job.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    # It warns about a model before it raises; our own error then says what to do about it.
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
