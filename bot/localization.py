"""Every word that the bot says, in four languages; the words themselves are in texts/*.ftl."""

import logging
from datetime import date
from functools import cache
from importlib.resources import files

from babel.dates import format_date
from fluent.runtime import FluentBundle, FluentResource

from knowledge.language import LANGUAGES, detect_language

logger = logging.getLogger(__name__)

DEFAULT_LANGUAGE = "en"

# Babel's own "en" writes dates the American way, "October 25, 2021".
_DATE_LOCALES = {"en": "en_GB"}


def say(language: str, key: str, **values: str | float) -> str:
    """The text of a key, in one of the four languages, with its placeholders filled in."""
    bundle = _bundle(language)
    pattern = bundle.get_message(key).value
    if pattern is None:
        raise KeyError(key)
    text, errors = bundle.format_pattern(pattern, values)
    if errors:
        logger.error("The text %s in %s has faults: %s", key, language, errors)
    return str(text)


def supported(language_code: str | None) -> str | None:
    """The bot's language for Telegram's code ("ru", "en-GB"); None for one it doesn't speak."""
    language = (language_code or "").partition("-")[0].lower()
    return language if language in LANGUAGES else None


def reply_language(text: str, language_code: str | None) -> str:
    """The language to answer a text in: its own; the person's, where it is a word or none.

    Args:
        text: What a person wrote.
        language_code: Telegram's language of the person's app.
    """
    words = _plain(text).split()
    spoken = supported(language_code)
    if len(words) > 1 or spoken is None:
        return detect_language(text)
    return spoken


def written_date(day: date, language: str) -> str:
    """A date as people write it: "25 October 2021", "25 октября 2021 г."."""
    text = format_date(day, format="long", locale=_DATE_LOCALES.get(language, language))
    # Some terminals and fonts have no narrow no-break space, which goes before "г." and "ж.".
    return text.replace("\u202f", "\u00a0")


def small_talk(text: str) -> tuple[str, str] | None:
    """What a whole message says that is no question, and its language: ("greeting", "ru")."""
    return _phrases().get(_plain(text))


@cache
def _phrases() -> dict[str, tuple[str, str]]:
    return {
        _plain(phrase): (kind, language)
        for language in LANGUAGES
        for kind in ("greeting", "thanks")
        for phrase in say(language, f"{kind}-phrases").split(",")
    }


def _plain(text: str) -> str:
    """The words of a text alone: no case, punctuation, emoji or doubled spaces."""
    return " ".join(
        "".join(c if c.isalnum() else " " for c in text.casefold()).split(),
    )


@cache
def _bundle(language: str) -> FluentBundle:
    # Isolation marks around placeholders are invisible but break "@name" and searches in a text.
    bundle = FluentBundle([language], use_isolating=False)
    source = files("bot").joinpath("texts", f"{language}.ftl").read_text(encoding="utf-8")
    bundle.add_resource(FluentResource(source))
    return bundle
