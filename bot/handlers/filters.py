"""Which updates handlers take, beside what the library's own filters tell."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from telegram import Chat, Message, MessageEntity, MessageOriginChannel, Update
from telegram.ext import CallbackQueryHandler, ContextTypes, filters

from bot.addressing import addressed_question, from_a_person, marked_in
from bot.drafts.buttons import AskOnArticle, AskOnDraft, replied_prompt
from bot.drafts.details import as_link

_LINKS: list[str | None] = [MessageEntity.URL, MessageEntity.TEXT_LINK]


class FromAPerson(filters.MessageFilter):
    """Messages that a person wrote; see `addressing.from_a_person`."""

    def filter(self, message: Message) -> bool:
        """Return whether a person wrote it."""
        return from_a_person(message, message.get_bot().bot)


class ForUs(filters.MessageFilter):
    """Messages that ask us something; see `addressing.addressed_question`."""

    def filter(self, message: Message) -> bool:
        """Return whether it asks us something."""
        return addressed_question(message, message.get_bot().bot) is not None


class AdminButtonHandler(CallbackQueryHandler[ContextTypes.DEFAULT_TYPE, None]):
    """Takes presses of an admin in a private chat; to others these buttons don't exist."""

    def __init__(
        self,
        callback: Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]],
        pattern: re.Pattern[str],
        admin_ids: frozenset[int],
    ) -> None:
        """Take what to call, how the data of its buttons begins, and who the admins are."""
        super().__init__(callback, pattern)
        self._admin_ids = admin_ids

    def check_update(self, update: object) -> Any:  # noqa: ANN401 - as in the library
        """Return what the library's own handler does, nothing for other people's presses."""
        query = update.callback_query if isinstance(update, Update) else None
        if query is None or query.from_user.id not in self._admin_ids:
            return None
        if query.message is None or query.message.chat.type != Chat.PRIVATE:
            return None
        return super().check_update(update)


class IsALink(filters.MessageFilter):
    """Messages that are a link and nothing else; see `link_alone`."""

    def filter(self, message: Message) -> bool:
        """Return whether it is one."""
        return link_alone(message) is not None


class IsAChannelPost(filters.MessageFilter):
    """Posts of a channel, with words in them, that somebody has forwarded."""

    def filter(self, message: Message) -> bool:
        """Return whether it is one."""
        forwarded = isinstance(message.forward_origin, MessageOriginChannel)
        return forwarded and bool(message.text or message.caption)


class CorrectsADraft(filters.MessageFilter):
    """Replies to our prompts for a detail of a draft."""

    def filter(self, message: Message) -> bool:
        """Return whether it is one."""
        return isinstance(replied_prompt(message, message.get_bot().bot), AskOnDraft)


class CorrectsAnArticle(filters.MessageFilter):
    """Replies to our prompts for a detail of an article."""

    def filter(self, message: Message) -> bool:
        """Return whether it is one."""
        return isinstance(replied_prompt(message, message.get_bot().bot), AskOnArticle)


def link_alone(message: Message) -> str | None:
    """The link that a message consists of, None if it says anything else."""
    text = message.text or ""
    for entity, words in marked_in(message, _LINKS).items():
        if words.strip() == text.strip():
            return as_link(entity.url or words)
    return None
