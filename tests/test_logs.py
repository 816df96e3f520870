"""The log: what admins see of it, and what must never be in it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bot.logs import LastWarnings, RedactingFormatter, configure_logging, last_warnings

TOKEN = "123456789:AAE-secret"  # noqa: S105 - nobody's
LOGGER = logging.getLogger("bot.somewhere")


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    """The log as the bot sets it up, and afterwards as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("INFO", TOKEN)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def lines() -> list[tuple[str, str, str]]:
    """The last warnings."""
    return [(each.level, each.logger, each.line) for each in last_warnings()]


def test_the_last_warnings_are_kept() -> None:
    """Five of them, the newest first; what is no warning is not among them."""
    for number in range(7):
        LOGGER.warning("Warning %s", number)
        LOGGER.info("Everyday news")
    LOGGER.error("An error")
    assert lines() == [
        ("ERROR", "bot.somewhere", "An error"),
        *(("WARNING", "bot.somewhere", f"Warning {number}") for number in (6, 5, 4, 3)),
    ]
    age = datetime.now(UTC) - last_warnings()[0].at
    assert 0 <= age.total_seconds() < 600


def test_the_token_is_in_none() -> None:
    """Not even where a library puts it into its message."""
    LOGGER.warning("POST https://api.telegram.org/bot%s/getMe failed", TOKEN)
    assert lines() == [
        ("WARNING", "bot.somewhere", "POST https://api.telegram.org/bot[token]/getMe failed")
    ]


def test_only_the_first_line_is_kept() -> None:
    """A traceback may quote what somebody wrote; the exception's name says enough."""
    try:
        raise ValueError("What Alice wrote")  # noqa: TRY301
    except ValueError:
        LOGGER.exception("A handler failed\nwith details")
    assert lines() == [("ERROR", "bot.somewhere", "A handler failed (ValueError)")]
    assert "Alice" not in str(last_warnings())


def test_a_record_that_cannot_be_formatted(capsys: pytest.CaptureFixture[str]) -> None:
    """It is reported as the library does, and stops nobody."""
    handler = LastWarnings(RedactingFormatter(None, "%(message)s"))
    handler.handle(logging.LogRecord("x", logging.ERROR, "x.py", 1, "%d", ("text",), None))
    assert handler.newest_first == ()
    assert "Logging error" in capsys.readouterr().err


def test_before_the_log_is_set_up() -> None:
    """There is nothing to show, and no error."""
    logging.getLogger().handlers.clear()
    assert last_warnings() == ()
