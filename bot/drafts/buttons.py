"""What the buttons and prompts below drafts and changes carry; they stay valid for years.

Drafts are named by their ids. Articles are named by a hash of their slugs, which stays when their
content changes: "edit it again" must work after it was edited.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from telegram import Message, User
from telegram.helpers import create_deep_linked_url

from bot.drafts.details import Detail
from bot.drafts.waiting import DRAFT_ID

_KEY_LENGTH = 12

_LANGUAGE = "(en|ru|kk|ky)"
_DRAFT = f"({DRAFT_ID})"
_ARTICLE = f"([0-9a-f]{{{_KEY_LENGTH}}})"
_CHANGE = r"(\d{8}-\d{6}-\d{6})"
_NUMBER = r"(\d{1,6})"
_DETAIL = f"({'|'.join(Detail)})"
# Anybody can send data that no button of ours has: every field is checked.
_ON_DRAFT = re.compile(f"draft:(save|discard|back):{_LANGUAGE}:{_DRAFT}", re.ASCII)
_OPEN_DRAFTS = re.compile(f"draft:list:{_LANGUAGE}:{_NUMBER}", re.ASCII)
_ASK_ON_DRAFT = re.compile(f"draft:ask:{_LANGUAGE}:{_DRAFT}:{_DETAIL}", re.ASCII)
_ASK_ON_ARTICLE = re.compile(f"change:ask:{_LANGUAGE}:{_ARTICLE}:{_DETAIL}", re.ASCII)
_ON_ARTICLE = re.compile(f"change:(edit|remove|removed):{_LANGUAGE}:{_ARTICLE}", re.ASCII)
_OPEN_CHOICE = re.compile(f"change:list:{_LANGUAGE}:(edit|remove):{_NUMBER}", re.ASCII)
_UNDO = re.compile(f"change:undo:{_LANGUAGE}:{_CHANGE}", re.ASCII)

_TELEGRAM = "https://t.me/"
_PROMPT_ON_DRAFT = re.compile(f"d{_DRAFT}-{_DETAIL}", re.ASCII)
_PROMPT_ON_ARTICLE = re.compile(f"c{_ARTICLE}-{_DETAIL}", re.ASCII)

DRAFT_BUTTONS = re.compile("draft:")
"""How the data of drafts' buttons begins, and of no others."""

CHANGE_BUTTONS = re.compile("change:")
"""How the data of articles' buttons for admins begins, and of no others."""


class DraftPress(StrEnum):
    """What a button does with a draft."""

    SAVE = "save"
    DISCARD = "discard"
    BRING_BACK = "back"
    """Lets it wait again."""


class ArticlePress(StrEnum):
    """What a button does with an article."""

    EDIT = "edit"
    """Shows what can be changed."""
    REMOVE = "remove"
    """Asks whether to remove it."""
    REMOVED = "removed"
    """Removes it."""


@dataclass(frozen=True, slots=True)
class OnDraft:
    """Saves or discards a draft, or brings it back."""

    press: DraftPress
    language: str
    """The card's."""
    draft: str
    """Its id."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"draft:{self.press}:{self.language}:{self.draft}"


@dataclass(frozen=True, slots=True)
class OpenDrafts:
    """Shows one of the drafts that wait."""

    language: str
    """The card's."""
    number: int
    """From 1, the oldest first; the last one if there are fewer."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"draft:list:{self.language}:{self.number}"


@dataclass(frozen=True, slots=True)
class AskOnDraft:
    """Asks for a detail of a draft."""

    language: str
    """The card's."""
    draft: str
    """Its id."""
    detail: Detail

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"draft:ask:{self.language}:{self.draft}:{self.detail}"


@dataclass(frozen=True, slots=True)
class AskOnArticle:
    """Asks for a detail of an article."""

    language: str
    """The card's."""
    article: str
    """See `article_key`."""
    detail: Detail

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"change:ask:{self.language}:{self.article}:{self.detail}"


@dataclass(frozen=True, slots=True)
class OnArticle:
    """Shows an article to edit it, or removes it."""

    press: ArticlePress
    language: str
    """The card's."""
    article: str
    """See `article_key`."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"change:{self.press}:{self.language}:{self.article}"


@dataclass(frozen=True, slots=True)
class OpenChoice:
    """Shows a page of articles to choose from."""

    language: str
    """The card's."""
    press: ArticlePress
    """What is to be done with the one that is chosen: EDIT or REMOVE."""
    page: int
    """From 1; the last one if there are fewer."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"change:list:{self.language}:{self.press}:{self.page}"


@dataclass(frozen=True, slots=True)
class Undo:
    """Undoes a change."""

    language: str
    """The card's."""
    change: str
    """Its id."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"change:undo:{self.language}:{self.change}"


DraftButton: TypeAlias = OnDraft | OpenDrafts | AskOnDraft
ChangeButton: TypeAlias = OnArticle | OpenChoice | AskOnArticle | Undo


def read_draft_button(data: str | None) -> DraftButton | None:
    """Which button was pressed, None if it is none that this version knows."""
    data = data or ""
    if match := _ON_DRAFT.fullmatch(data):
        return OnDraft(DraftPress(match[1]), match[2], match[3])
    if match := _OPEN_DRAFTS.fullmatch(data):
        return OpenDrafts(match[1], int(match[2]))
    if match := _ASK_ON_DRAFT.fullmatch(data):
        return AskOnDraft(match[1], match[2], Detail(match[3]))
    return None


def read_change_button(data: str | None) -> ChangeButton | None:
    """Which button was pressed, None if it is none that this version knows."""
    data = data or ""
    if match := _ON_ARTICLE.fullmatch(data):
        return OnArticle(ArticlePress(match[1]), match[2], match[3])
    if match := _OPEN_CHOICE.fullmatch(data):
        return OpenChoice(match[1], ArticlePress(match[2]), int(match[3]))
    if match := _ASK_ON_ARTICLE.fullmatch(data):
        return AskOnArticle(match[1], match[2], Detail(match[3]))
    if match := _UNDO.fullmatch(data):
        return Undo(match[1], match[2])
    return None


def article_key(slug: str) -> str:
    """What names an article in buttons and prompts."""
    return hashlib.sha256(slug.encode()).hexdigest()[:_KEY_LENGTH]


def find_slug(key: str, slugs: Iterable[str]) -> str | None:
    """The slug of which this is the `article_key`, None if it is of none of them."""
    return next((slug for slug in slugs if article_key(slug) == key), None)


def prompt_link(bot: str, about: AskOnDraft | AskOnArticle) -> str:
    """The link in a prompt, by which a reply to it is recognised.

    Args:
        bot: The bot's name without the @.
        about: What the prompt asks for.
    """
    named = f"d{about.draft}" if isinstance(about, AskOnDraft) else f"c{about.article}"
    return create_deep_linked_url(bot, f"{named}-{about.detail}")


def replied_prompt(
    message: Message, bot: User, language: str = "en"
) -> AskOnDraft | AskOnArticle | None:
    """What our prompt asked for that a message replies to; None if it is no such reply."""
    prompt = message.reply_to_message
    if prompt is None or prompt.from_user is None or prompt.from_user.id != bot.id:
        return None
    for entity in prompt.entities:
        page, _, payload = (entity.url or "").partition("?start=")
        if not page.startswith(_TELEGRAM):
            continue
        if match := _PROMPT_ON_DRAFT.fullmatch(payload):
            return AskOnDraft(language, match[1], Detail(match[2]))
        if match := _PROMPT_ON_ARTICLE.fullmatch(payload):
            return AskOnArticle(language, match[1], Detail(match[2]))
    return None
