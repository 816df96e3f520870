"""Which messages handlers take, beside what the library's own filters tell."""

from telegram import Message
from telegram.ext import filters

from bot.addressing import addressed_question, from_a_person


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
