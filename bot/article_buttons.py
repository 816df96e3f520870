"""What the buttons below articles carry; like those of cards, they stay valid for years."""

import re
from dataclasses import dataclass
from typing import TypeAlias

from bot.places import REFERENCE

_LANGUAGE = "(en|ru|kk|ky)"
_ARTICLE = f"({REFERENCE})"
_NUMBER = r"(\d{1,6})"
# Anybody can send data that no button of ours has: every field is checked.
_LIST = re.compile(f"articles:{_LANGUAGE}:{_NUMBER}", re.ASCII)
_PAGE = re.compile(f"article:{_LANGUAGE}:{_ARTICLE}:{_NUMBER}", re.ASCII)
_QUESTION = re.compile(f"about:{_LANGUAGE}:{_ARTICLE}", re.ASCII)

ARTICLE_BUTTONS = re.compile("articles:|article:|about:")
"""How the data of these buttons begins, and of no others."""


@dataclass(frozen=True, slots=True)
class OpenList:
    """Shows a page of the list of all articles."""

    language: str
    """The card's, whoever presses."""
    page: int
    """From 1; the last one if there are fewer."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"articles:{self.language}:{self.page}"


@dataclass(frozen=True, slots=True)
class OpenArticle:
    """Shows a passage of an article."""

    language: str
    """The card's, whoever presses."""
    article: str
    """See `places.article_reference`."""
    number: int = 1
    """Which passage, from 1; the last one if there are fewer."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"article:{self.language}:{self.article}:{self.number}"


@dataclass(frozen=True, slots=True)
class AskAbout:
    """Invites a question about one article."""

    language: str
    """The card's, whoever presses."""
    article: str
    """See `places.article_reference`."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"about:{self.language}:{self.article}"


ArticleButton: TypeAlias = OpenList | OpenArticle | AskAbout


def read_article_button(data: str | None) -> ArticleButton | None:
    """Which button was pressed, None if it is none that this version knows."""
    data = data or ""
    if match := _LIST.fullmatch(data):
        return OpenList(match[1], int(match[2]))
    if match := _PAGE.fullmatch(data):
        return OpenArticle(match[1], match[2], int(match[3]))
    if match := _QUESTION.fullmatch(data):
        return AskAbout(match[1], match[2])
    return None
