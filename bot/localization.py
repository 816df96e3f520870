"""Every word that the bot says, in four languages; the words themselves are in texts/*.ftl."""

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

from babel import Locale
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.numbers import format_decimal, format_percent
from fluent.runtime import FluentBundle, FluentResource

from knowledge.language import LANGUAGES, detect_language

logger = logging.getLogger(__name__)

DEFAULT_LANGUAGE = "en"

# What people write that is no question, the most telling first: "Ok, thank you, bye!" is thanks.
_SMALL_TALK = ("about", "thanks", "goodbye", "greeting", "okay")

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


def short_date(day: date, language: str) -> str:
    """A day without its year: "25 Oct", "25 окт."."""
    return str(format_skeleton("MMMd", day, locale=_DATE_LOCALES.get(language, language)))


def duration(time: timedelta, language: str, *, ago: bool = False) -> str:
    """How long something takes or took, roughly: "2 hours", or "2 hours ago"."""
    time = -time if ago else time
    return format_timedelta(time, locale=language, add_direction=ago)


def written_number(number: float, language: str) -> str:
    """A number with what parts its thousands: "1,234", "1 234"."""
    return format_decimal(number, locale=language)


def percent(share: float, language: str) -> str:
    """A share from 0 to 1 as people write it: "70%", "70 %"."""
    return format_percent(share, locale=language)


def language_name(code: str, language: str) -> str:
    """What a language is called in another: ("uz", "ru") is "узбекский"; the code if unknown."""
    name = Locale.parse(language).languages.get(code)
    return str(name or code)


def small_talk(text: str, language_code: str | None) -> tuple[str, str] | None:
    """What a message says that is no question, and in which language: ("greeting", "ru").

    It must consist of the phrases in texts/*.ftl alone; of several the most telling one counts.

    Args:
        text: What a person wrote.
        language_code: Telegram's language of the person's app, for phrases that languages share.
    """
    words = _plain(text).split()
    said: list[_Phrase] = []
    while words:
        # The longest that fits: "good morning" is not "good".
        lengths = range(min(len(words), _longest_phrase()), 0, -1)
        length = next((n for n in lengths if " ".join(words[:n]) in _phrases()), None)
        if length is None:
            return None
        said.append(_phrases()[" ".join(words[:length])])
        words = words[length:]
    if not said:
        return None
    phrase = min(said, key=lambda phrase: _SMALL_TALK.index(phrase.kind))
    spoken = supported(language_code)
    return phrase.kind, spoken if spoken in phrase.languages else phrase.languages[0]


@dataclass(frozen=True, slots=True)
class _Phrase:
    kind: str
    languages: tuple[str, ...]


@cache
def _phrases() -> dict[str, _Phrase]:
    phrases: dict[str, _Phrase] = {}
    for language in LANGUAGES:
        for kind in _SMALL_TALK:
            for words in map(_plain, say(language, f"{kind}-phrases").split(",")):
                known = phrases.get(words, _Phrase(kind, ()))
                phrases[words] = _Phrase(kind, (*known.languages, language))
    return phrases


@cache
def _longest_phrase() -> int:
    return max(len(phrase.split()) for phrase in _phrases())


def _plain(text: str) -> str:
    """The words of a text alone: no case, "ё", punctuation, emoji or doubled spaces."""
    letters = (c if c.isalnum() else " " for c in text.casefold().replace("ё", "е"))
    return " ".join("".join(letters).split())


@cache
def _bundle(language: str) -> FluentBundle:
    # Isolation marks around placeholders are invisible but break "@name" and searches in a text.
    bundle = FluentBundle([language], use_isolating=False)
    source = files("bot").joinpath("texts", f"{language}.ftl").read_text(encoding="utf-8")
    bundle.add_resource(FluentResource(source))
    return bundle
