"""A message for Telegram, and how it grows: its text together with what is marked in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from telegram.constants import MessageEntityType


@dataclass(frozen=True, slots=True)
class Card:
    """A message for Telegram: plain text, so that nothing in an article can act as markup."""

    text: str
    entities: tuple[MessageEntity, ...] = ()
    """Offsets in UTF-16 units."""
    buttons: InlineKeyboardMarkup | None = None

    def below(self, text: str) -> "Card":
        """The same with a line of text above it."""
        heading = f"{text}\n\n"
        moved = MessageEntity.shift_entities(heading, self.entities)
        return Card(f"{heading}{self.text}", tuple(moved), self.buttons)


class FormattedText:
    """A card to which text is added, piece by piece."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self._entities: list[MessageEntity] = []

    def add(
        self, text: str, kind: MessageEntityType | None = None, url: str | None = None
    ) -> None:
        """Add text at the end, marked as an entity of a kind or, with a URL, as a link."""
        if kind or url:
            kind = kind or MessageEntityType.TEXT_LINK
            self._entities.append(MessageEntity(kind, len(self.text), len(text), url=url))
        self.text += text

    def mark_last(self, kind: MessageEntityType, start: int, end: int) -> None:
        """Mark a part of what was added and marked last; offsets into that, in characters."""
        at = self._entities[-1].offset
        self._entities.append(MessageEntity(kind, at + start, end - start))

    def card(self, *rows: Sequence[InlineKeyboardButton]) -> Card:
        """The card as it is now, with those rows of buttons that have any."""
        filled = [row for row in rows if row]
        return Card(
            self.text,
            # Telegram counts in UTF-16 units.
            tuple(MessageEntity.adjust_message_entities_to_utf_16(self.text, self._entities)),
            InlineKeyboardMarkup(filled) if filled else None,
        )


def utf16_length(text: str) -> int:
    """How long Telegram takes a text to be: a character beyond 65,535 counts as two units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
