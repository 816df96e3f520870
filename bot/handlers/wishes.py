"""The button "Tell me when there is an answer", and the telling."""

import logging
from dataclasses import dataclass

from telegram import Bot, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest, Forbidden, TelegramError, TimedOut
from telegram.ext import ContextTypes

from bot.answering import Answer
from bot.cards import telegram_card, wish_button
from bot.handlers.replying import answer_press, edit_buttons, language_of, send_card
from bot.localization import say
from bot.storage.journal import Journal
from bot.wish_buttons import MakeWish, TakeBackWish, WishButton, read_wish_button
from bot.wishes import Wish, Wishes

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WishButtons:
    """Handlers for the buttons; they are in private chats only."""

    wishes: Wishes
    journal: Journal

    async def press(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Keep a wish or take it back, and offer the other."""
        query = update.callback_query
        if query is None:
            return
        message, person = query.message, query.from_user
        pressed = read_wish_button(query.data)
        if pressed is None or not isinstance(message, Message) or message.chat.id != person.id:
            language = await language_of(person, self.journal)
            await answer_press(query, say(language, "wish-too-late"))
            return
        if isinstance(pressed, TakeBackWish):
            await self.wishes.take_back(person.id, pressed.wish_id)
            said = say(pressed.language, "wish-taken-back")
            offered: WishButton = MakeWish(pressed.language, pressed.question_id)
        else:
            wish_id = await self.wishes.make(
                person.id,
                message.chat.id,
                message.message_id,
                pressed.question_id,
                pressed.language,
            )
            if wish_id is None:
                await answer_press(query, say(pressed.language, "wish-too-late"))
                return
            said = say(pressed.language, "wish-made")
            offered = TakeBackWish(pressed.language, wish_id, pressed.question_id)
        await answer_press(query, said, must_be_read=False)
        await edit_buttons(query, InlineKeyboardMarkup.from_button(wish_button(offered)))


async def tell_of_answers(bot: Bot, wishes: Wishes, generation: int) -> None:
    """Send everybody whose wish has come true their answer, each once.

    Args:
        bot: Who sends it.
        wishes: Of everybody.
        generation: Of the index that is asked; the wishes are compared with each one once.

    Raises:
        JournalError: if the wishes can't be read or written just now; this can be done again.
    """
    if not await wishes.are_due(generation):
        return
    # Of all replicas that notice the new index one does it; if it ends, the next one goes on.
    async with wishes.alone() as nobody_else:
        if nobody_else and await wishes.are_due(generation):
            await _tell_all(bot, wishes, generation)


async def _tell_all(bot: Bot, wishes: Wishes, generation: int) -> None:
    all_told = True
    async for wish, answer in wishes.come_true():
        if not await _tell(bot, wish, answer):
            await wishes.put_back(wish)
            all_told = False
    if all_told:
        await wishes.done_with(generation)


async def _tell(bot: Bot, wish: Wish, answer: Answer) -> bool:
    """Send an answer; False if that can be tried again."""
    card = telegram_card(answer, bot.username).below(say(wish.language, "wish-come-true"))
    try:
        await send_card(bot, wish.chat_id, card, wish.message_id)
    except (Forbidden, BadRequest) as error:
        logger.info("Somebody who waited for an answer can't be told: %s", error)
    except TimedOut:
        # It may have arrived, and nobody wants it twice.
        logger.info("Whether an answer that somebody waited for has arrived isn't known")
    except TelegramError as error:
        logger.warning("An answer that somebody waits for is sent later: %s", error)
        return False
    else:
        logger.info("Told somebody who waited of an answer")
    return True
