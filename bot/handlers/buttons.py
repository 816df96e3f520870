"""Buttons below a quote: in a group anybody can press them, and years later."""

from dataclasses import dataclass, replace

from telegram import Update
from telegram.ext import ContextTypes

from bot.answering import Answering
from bot.callback_data import Press, View, read_callback_data
from bot.cards import quote_card
from bot.handlers.replying import answer_press, edit_pressed, language_of
from bot.localization import say
from bot.places import quote_at
from bot.storage.journal import Journal


@dataclass(frozen=True, slots=True)
class Buttons:
    """Handlers for what people press."""

    answering: Answering
    journal: Journal

    async def press(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show another passage or the whole one in the same message, or note a verdict."""
        query = update.callback_query
        if query is None:
            return
        pressed = read_callback_data(query.data)
        if pressed is None:
            language = await language_of(query.from_user, self.journal)
            await answer_press(query, say(language, "passage-changed"))
            return
        press, view = pressed
        if press is not Press.SHOW:
            rated = await self._rate(view, query.from_user.id, helpful=press is Press.HELPFUL)
            thanks = say(view.language, "rated" if rated else "rated-too-late")
            await answer_press(query, thanks, must_be_read=False)
            view = replace(view, question_id=None)
        quote = await self.answering.look_up(lambda index: quote_at(index, view.place))
        if quote is not None:
            if press is Press.SHOW:
                # First, since the phone shows a clock until then, and an edit may have to wait.
                await answer_press(query)
            await edit_pressed(query, quote_card(quote, view, context.bot.username))
        elif press is Press.SHOW:
            await answer_press(query, say(view.language, "passage-changed"))

    async def _rate(self, view: View, person: int, *, helpful: bool) -> bool:
        """Note a verdict; False if the question isn't kept any more."""
        if view.question_id is None:
            return False
        return await self.journal.rate(view.question_id, person, helpful=helpful)
