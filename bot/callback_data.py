"""What the buttons of a card carry: at most 64 bytes, all that comes back when one is pressed.

A button stays below its message for years, so nothing that it needs is kept anywhere else: it
carries all that the next state of the card is made from. Other kinds of buttons have a word and a
colon in front, which none of these has.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.answering import Outcome
from bot.places import PACKED_LENGTH, Place, pack_place, unpack_place

MAX_PLACES = 3
"""Passages that a card can be paged through."""

_LANGUAGES = {"en": "e", "ru": "r", "kk": "k", "ky": "y"}
_NO_LANGUAGE = "n"
_OUTCOMES = {Outcome.ANSWERED: "a", Outcome.UNSURE: "u"}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# Anybody can send data that no button of ours has: every field is checked.
_PATTERN = re.compile(
    r"q(?P<press>[syn])(?P<language>[erky])(?P<asked_in>[erkyn])(?P<outcome>[au])"
    r"(?P<follow_up>[01])(?P<whole>[01])(?P<page>[0-2])(?P<question_id>[0-9a-z]{0,9}):"
    rf"(?P<places>(?:[A-Za-z0-9_-]{{{PACKED_LENGTH}}}){{1,{MAX_PLACES}}})",
    re.ASCII,
)


class Press(StrEnum):
    """What a button does."""

    SHOW = "s"
    """Shows the card as its view says."""
    HELPFUL = "y"
    NOT_HELPFUL = "n"


@dataclass(frozen=True, slots=True)
class View:
    """What a card shows."""

    language: str
    """The card's, whoever presses."""
    places: tuple[Place, ...]
    """Where the quotes stand, best first; one to MAX_PLACES."""
    outcome: Outcome = Outcome.ANSWERED
    """Answered or unsure."""
    asked_in: str | None = None
    """The question's language; None if there was no question."""
    follow_up: bool = False
    """Whether the question could only be answered with the one before it."""
    page: int = 0
    """Which of the quotes is shown."""
    whole: bool = False
    """Whether its whole passage is shown."""
    question_id: int | None = None
    """The question in the journal, which can be rated; None if it can't."""

    @property
    def place(self) -> Place:
        """Where the quote stands that is shown."""
        return self.places[self.page]


def callback_data(press: Press, view: View) -> str | None:
    """What a button carries; None for what doesn't fit into one, which has no button then."""
    places = [pack_place(place) for place in view.places[:MAX_PLACES]]
    if None in places:
        return None
    asked_in = _LANGUAGES[view.asked_in] if view.asked_in else _NO_LANGUAGE
    fields = (
        f"q{press}{_LANGUAGES[view.language]}{asked_in}{_OUTCOMES[view.outcome]}"
        f"{view.follow_up:d}{view.whole:d}{view.page}{_base36(view.question_id)}"
    )
    return f"{fields}:{''.join(filter(None, places))}"


def read_callback_data(data: str | None) -> tuple[Press, View] | None:
    """Which button was pressed, None if it is none that this version knows."""
    match = _PATTERN.fullmatch(data or "")
    if match is None:
        return None
    packed = match["places"]
    cut = [packed[at : at + PACKED_LENGTH] for at in range(0, len(packed), PACKED_LENGTH)]
    places = tuple(place for each in cut if (place := unpack_place(each)))
    page = int(match["page"])
    if page >= len(places):
        return None
    languages = {letter: language for language, letter in _LANGUAGES.items()}
    outcomes = {letter: outcome for outcome, letter in _OUTCOMES.items()}
    return Press(match["press"]), View(
        language=languages[match["language"]],
        places=places,
        outcome=outcomes[match["outcome"]],
        asked_in=languages.get(match["asked_in"]),
        follow_up=match["follow_up"] == "1",
        page=page,
        whole=match["whole"] == "1",
        question_id=int(match["question_id"], 36) if match["question_id"] else None,
    )


def _base36(number: int | None) -> str:
    """A number in digits and small letters, as `int(…, 36)` reads it; empty for None."""
    if number is None:
        return ""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
