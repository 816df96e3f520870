"""What the buttons of wishes carry: "tell me when there is an answer", and taking that back."""

import re
from dataclasses import dataclass
from typing import TypeAlias

_LANGUAGE = "(en|ru|kk|ky)"
_ID = r"(\d{1,18})"
# Anybody can send data that no button of ours has: every field is checked.
_MAKE = re.compile(f"wish:{_LANGUAGE}:{_ID}", re.ASCII)
_TAKE_BACK = re.compile(f"unwish:{_LANGUAGE}:{_ID}:{_ID}", re.ASCII)

WISH_BUTTONS = re.compile("wish:|unwish:")
"""How the data of these buttons begins, and of no others."""


@dataclass(frozen=True, slots=True)
class MakeWish:
    """Asks to be told when there is an answer."""

    language: str
    """The card's."""
    question_id: int
    """In the journal."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"wish:{self.language}:{self.question_id}"


@dataclass(frozen=True, slots=True)
class TakeBackWish:
    """Asks not to be told after all."""

    language: str
    """The card's."""
    wish_id: int
    question_id: int
    """In the journal, so that the wish can be made again."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"unwish:{self.language}:{self.wish_id}:{self.question_id}"


WishButton: TypeAlias = MakeWish | TakeBackWish


def read_wish_button(data: str | None) -> WishButton | None:
    """Which button was pressed, None if it is none that this version knows."""
    data = data or ""
    if match := _MAKE.fullmatch(data):
        return MakeWish(match[1], int(match[2]))
    if match := _TAKE_BACK.fullmatch(data):
        return TakeBackWish(match[1], int(match[2]), int(match[3]))
    return None
