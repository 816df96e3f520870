"""Inline mode: `@bot question` in any chat offers passages, which a person may send there."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import (
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    Update,
)
from telegram.error import BadRequest
from telegram.ext import ContextTypes

from bot.answering import Answering, Quote, read_question
from bot.callback_data import View
from bot.cards import imprint, quote_card, shortened_line
from bot.handlers.replying import chosen_language, language_of, message_content
from bot.localization import say
from bot.places import opening_of, place_of
from bot.storage.journal import Journal

logger = logging.getLogger(__name__)

_PAGE = 5
# In seconds: what Telegram may give to the same person for the same words without asking us. A
# reindex shows after that.
_CACHED = 300
# Below a title there is room for about two lines. In characters.
_MAX_DESCRIPTION = 120
# Says nothing, so /start greets.
_START = "inline"


@dataclass(frozen=True, slots=True)
class Inline:
    """Handler for what people type after the bot's name, with every pause in their typing."""

    answering: Answering
    journal: Journal

    async def offer(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Offer passages that answer; to nothing typed, the openings of the newest articles."""
        query = update.inline_query
        if query is None:
            return
        offset = int(query.offset) if query.offset.isascii() and query.offset.isdigit() else 0
        if query.query.strip():
            question = read_question(
                query.query,
                query.from_user.language_code,
                chosen_language=await chosen_language(query.from_user, self.journal),
            )
            language = question.language
            quotes = (await self.answering.answer(question)).quotes[offset : offset + _PAGE + 1]
        else:
            language = await language_of(query.from_user, self.journal)
            openings = await self.answering.look_up(
                lambda index: index.openings(_PAGE + 1, offset)
            )
            quotes = tuple(map(opening_of, openings))
        button = None
        if not quotes and not offset:
            button = InlineQueryResultsButton(
                say(language, "inline-nothing"), start_parameter=_START
            )
        try:
            await query.answer(
                _results(quotes[:_PAGE], language, context.bot.username),
                cache_time=_CACHED,
                is_personal=True,
                # Telegram asks for more when the person has scrolled down.
                next_offset=str(offset + _PAGE) if len(quotes) > _PAGE else "",
                button=button,
            )
        except BadRequest as error:
            # The person has typed on meanwhile.
            if "query is too old" not in error.message.lower():
                raise


def _results(quotes: Sequence[Quote], language: str, bot: str) -> list[InlineQueryResultArticle]:
    results = []
    for quote in quotes:
        place = place_of(quote)
        card = quote_card(quote, View(language, (place,)), bot)
        results.append(
            InlineQueryResultArticle(
                id=f"{place.article}-{place.start}",
                title=shortened_line(quote.article.title, _MAX_DESCRIPTION),
                description=shortened_line(
                    " · ".join([quote.highlighted, *imprint(quote.article, language)]),
                    _MAX_DESCRIPTION,
                ),
                input_message_content=message_content(card),
                reply_markup=card.buttons,
            )
        )
    return results
