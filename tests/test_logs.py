"""The log: what admins see of it, and what must never be in it."""

import json
import logging
import warnings
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
    configure_logging("INFO", [TOKEN])
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
    handler = LastWarnings(RedactingFormatter([], "%(message)s"))
    handler.handle(logging.LogRecord("x", logging.ERROR, "x.py", 1, "%d", ("text",), None))
    assert handler.newest_first == ()
    assert "Logging error" in capsys.readouterr().err


def test_before_the_log_is_set_up() -> None:
    """There is nothing to show, and no error."""
    logging.getLogger().handlers.clear()
    assert last_warnings() == ()


def log_as_json() -> None:
    """Set up the log as programs like it, for what follows."""
    configure_logging("INFO", [TOKEN, "webhook-secret"], "json")


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """What was logged since."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Time in UTC, level, logger, message; line breaks and quotation marks break nothing."""
    log_as_json()
    LOGGER.info('Message %s: "ответ"\nin 5 ms', 7)
    LOGGER.debug("Not asked for")
    LOGGER.warning("Another")
    first, second = logged(capsys)
    age = datetime.now(UTC) - datetime.fromisoformat(first.pop("time"))
    assert 0 <= age.total_seconds() < 600
    assert first == {
        "level": "INFO",
        "logger": "bot.somewhere",
        "message": 'Message 7: "ответ"\nin 5 ms',
    }
    assert (second["level"], second["time"][-6:]) == ("WARNING", "+00:00")


def test_json_with_an_exception(capsys: pytest.CaptureFixture[str]) -> None:
    """The traceback is one string; no secret is in any field."""
    log_as_json()
    try:
        raise ValueError(f"POST /bot{TOKEN}/getMe")  # noqa: TRY301
    except ValueError:
        LOGGER.exception("%s failed with webhook-secret", TOKEN)
    [fields] = logged(capsys)
    assert fields["message"] == "[token] failed with [token]"
    assert fields["exception"].startswith("Traceback (most recent call last):\n")
    assert fields["exception"].endswith("ValueError: POST /bot[token]/getMe")
    assert "AAE" not in str(fields)
    assert "secret" not in fields["message"] + fields["exception"].splitlines()[-1]


def test_json_with_a_secret_that_it_writes_in_another_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A password may have any sign; it is left out before JSON escapes it."""
    configure_logging("INFO", ['pass"word\\'], "json")
    LOGGER.info("With %s!", 'pass"word\\')
    assert [fields["message"] for fields in logged(capsys)] == ["With [token]!"]


def test_json_of_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings of Python itself come in the same form."""
    log_as_json()
    # Else pytest makes an error of it.
    warnings.simplefilter("always")
    warnings.warn("An old thing", stacklevel=1)
    [fields] = logged(capsys)
    assert fields["logger"] == "py.warnings"
    assert "An old thing" in fields["message"]


def test_admins_see_the_same_words_of_a_json_log() -> None:
    """What /status shows is for people."""
    log_as_json()
    LOGGER.warning("Something")
    assert lines() == [("WARNING", "bot.somewhere", "Something")]
