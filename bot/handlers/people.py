"""What people decide about themselves: the language to talk in, and what is kept of them."""

from dataclasses import dataclass

from telegram import CallbackQuery, Chat, InlineKeyboardButton, InlineKeyboardMarkup, Update, User
from telegram.ext import ContextTypes
from telegram.helpers import create_deep_linked_url

from bot.formatting import Card
from bot.handlers.replying import (
    answer_press,
    app_language,
    chosen_language,
    edit_pressed,
    language_of,
    reply,
)
from bot.localization import say
from bot.recent_questions import RecentQuestions
from bot.storage.journal import Journal

# What each language is called by those who speak it, so that everybody finds their own.
_LANGUAGE_NAMES = {"en": "English", "ru": "Русский", "kk": "Қазақша", "ky": "Кыргызча"}
_AUTOMATIC = "auto"

LANGUAGE_BUTTONS = rf"^language:({'|'.join(_LANGUAGE_NAMES)}|{_AUTOMATIC})$"
"""The data of the buttons below /language."""

FORGET_BUTTONS = r"^forget:(ask|yes|no)$"
"""The data of the buttons below /privacy."""

PRIVACY_PAYLOAD = "privacy"
"""What `/start` carries for people who come from a group's /privacy."""


@dataclass(frozen=True, slots=True)
class People:
    """Handlers for /language and /privacy; a press counts for who presses."""

    journal: Journal
    recent: RecentQuestions

    async def language(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the languages to choose from."""
        if message := update.message:
            choice = await chosen_language(message.from_user, self.journal)
            await reply(message, _language_card(choice, message.from_user))

    async def choose_language(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Keep the language that somebody pressed, and say so in that language."""
        query = update.callback_query
        if query is None or query.data is None:
            return
        data = query.data.removeprefix("language:")
        choice = None if data == _AUTOMATIC else data
        await self.journal.choose_language(query.from_user.id, choice)
        if choice:
            said = say(choice, "language-chosen")
        else:
            said = say(app_language(query.from_user), "language-automatic-chosen")
        await answer_press(query, said, must_be_read=False)
        # In a group the message is for whoever asked, and others press as well.
        if _is_private(query):
            await edit_pressed(query, _language_card(choice, query.from_user))

    async def privacy(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Say what is kept, how long, and how to have it deleted."""
        message = update.message
        if message is None:
            return
        language = await language_of(message.from_user, self.journal)
        card = self._privacy_card(language)
        if message.chat.type != Chat.PRIVATE:
            # Where everybody presses and reads along, nobody should delete anything by mistake.
            link = create_deep_linked_url(context.bot.username, PRIVACY_PAYLOAD)
            button = InlineKeyboardButton(say(language, "button-forget"), link)
            card = Card(card.text, buttons=InlineKeyboardMarkup.from_button(button))
        await reply(message, card)

    async def forget(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Ask whether to delete what is kept of somebody, and do it if they confirm."""
        query = update.callback_query
        if query is None:
            return
        language = await language_of(query.from_user, self.journal)
        said = None
        if query.data == "forget:ask":
            card = _forget_card(language)
        elif query.data == "forget:no":
            card = self._privacy_card(language)
        else:
            count = await self.journal.forget(query.from_user.id)
            await self.recent.forget(query.from_user.id)
            # The number is not in the message: after a second tap it would say 0.
            said = say(language, "forgotten", count=count)
            card = Card(say(language, "all-forgotten"))
        await answer_press(query, said)
        await edit_pressed(query, card)

    def _privacy_card(self, language: str) -> Card:
        if self.journal.days:
            questions = say(language, "privacy-questions", days=self.journal.days)
        else:
            questions = say(language, "privacy-no-questions")
        rest = say(language, "privacy")
        button = InlineKeyboardButton(say(language, "button-forget"), callback_data="forget:ask")
        return Card(f"{questions}\n\n{rest}", buttons=InlineKeyboardMarkup.from_button(button))


def _language_card(choice: str | None, person: User | None) -> Card:
    """The languages to choose from, with a mark at the choice; None is the automatic one."""
    language = choice or app_language(person)
    names = _LANGUAGE_NAMES | {_AUTOMATIC: say(language, "language-automatic")}
    buttons = [
        InlineKeyboardButton(
            f"✓ {name}" if code == (choice or _AUTOMATIC) else name,
            callback_data=f"language:{code}",
        )
        for code, name in names.items()
    ]
    rows = [buttons[:2], buttons[2:4], buttons[4:]]
    return Card(say(language, "language"), buttons=InlineKeyboardMarkup(rows))


def _forget_card(language: str) -> Card:
    buttons = [
        InlineKeyboardButton(say(language, "button-forget-yes"), callback_data="forget:yes"),
        InlineKeyboardButton(say(language, "button-forget-no"), callback_data="forget:no"),
    ]
    return Card(say(language, "forget-ask"), buttons=InlineKeyboardMarkup.from_column(buttons))


def _is_private(query: CallbackQuery) -> bool:
    return query.message is not None and query.message.chat.type == Chat.PRIVATE
