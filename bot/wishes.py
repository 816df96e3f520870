"""Wishes: "tell me when there is an answer"."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import timedelta

import sqlalchemy as sa

from bot.answering import Answer, Answering, read_question
from bot.storage.database import Database, add_row, replace_row
from bot.storage.schema import QUESTIONS, STATE, WISHES

WISHES_KEPT = timedelta(days=180)
"""After half a year nobody waits for an answer any more."""

MOST_WISHES = 20
"""Of one person."""

# In characters: the model reads no more than that, and PostgreSQL's index of wishes takes 2,700
# bytes.
_LONGEST = 1_200

_LOOKED_AT = {"name": "index-of-wishes"}
"""Which generation of the index the wishes were last compared with."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody waits for an answer to a question."""

    id: int
    person: str
    """See `bot.storage.schema`."""
    chat_id: int
    """The private chat to answer in."""
    message_id: int
    """Our message in it that found nothing."""
    text: str
    language: str
    """The language to answer in."""


class Wishes:
    """Keeps wishes, and finds those that have come true.

    The methods raise JournalError if the database can't be read or written just now.
    """

    def __init__(self, database: Database, answering: Answering) -> None:
        """Take where wishes are kept, and who knows the answers."""
        self._database = database
        self._answering = answering

    async def make(
        self, person: int, chat_id: int, message_id: int, question_id: int, language: str
    ) -> int | None:
        """Keep the wish to hear of an answer to a question in the journal.

        Returns:
            The wish's id; None if the question isn't kept any more, or not this person's, or if
            they have too many wishes.
        """
        own = self._database.person(person)
        # Who presses a button twice has one wish, whichever replicas hear of it.
        asked = (
            sa.select(QUESTIONS.c.text)
            .where(QUESTIONS.c.id == question_id, QUESTIONS.c.person == own)
            .with_for_update()
        )
        others = sa.select(sa.func.count()).where(WISHES.c.person == own)

        def make(connection: sa.Connection) -> int | None:
            text = connection.scalar(asked)
            if text is None:
                return None
            text = text[:_LONGEST]
            same = sa.and_(WISHES.c.person == own, WISHES.c.text == text)
            connection.execute(WISHES.delete().where(same))
            if (connection.scalar(others) or 0) >= MOST_WISHES:
                return None
            row = {
                "person": own,
                "chat_id": chat_id,
                "message_id": message_id,
                "text": text,
                "language": language,
                "wished_at": self._database.time(),
            }
            insert = WISHES.insert().values(row).returning(WISHES.c.id)
            wish_id: int = connection.execute(insert).scalar_one()
            return wish_id

        return await self._database.write(make)

    async def take_back(self, person: int, wish_id: int) -> None:
        """Forget a wish of this person's."""
        own = WISHES.delete().where(
            WISHES.c.id == wish_id, WISHES.c.person == self._database.person(person)
        )
        await self._database.write(lambda connection: connection.execute(own), deletes=True)

    def alone(self) -> AbstractAsyncContextManager[bool]:
        """Keep other replicas from comparing the wishes; see `Database.alone`."""
        return self._database.alone("wishes")

    async def are_due(self, generation: int) -> bool:
        """Whether the wishes have not been compared with this generation of the index yet."""
        looked_at = sa.select(STATE.c.value).filter_by(**_LOOKED_AT)
        known = await self._database.read(lambda connection: connection.scalar(looked_at))
        return known != str(generation)

    async def come_true(self) -> AsyncIterator[tuple[Wish, Answer]]:
        """The wishes that the index answers with confidence, as it is now.

        Each is forgotten before it is handed out, since nobody shall be told twice; `put_back`
        undoes that.
        """
        rows = await self._database.read(
            lambda connection: connection.execute(sa.select(WISHES).order_by(WISHES.c.id)).all()
        )
        for row in rows:
            question = read_question(row.text, chosen_language=row.language)
            # One at a time: people who ask now come first.
            answer = await self._answering.answer(question)
            if answer.answered and await self._forget(row.id):
                yield (
                    Wish(row.id, row.person, row.chat_id, row.message_id, row.text, row.language),
                    answer,
                )

    async def put_back(self, wish: Wish) -> None:
        """Keep a wish on, since its answer could not be sent just now."""
        row = {**asdict(wish), "wished_at": self._database.time()}
        # They may have wished the same again meanwhile.
        await self._database.write(lambda connection: add_row(connection, WISHES, row))

    async def done_with(self, generation: int) -> None:
        """Keep in mind that the wishes have been compared with a generation of the index."""
        values = {"value": str(generation)}
        await self._database.write(
            lambda connection: replace_row(connection, STATE, _LOOKED_AT, values)
        )

    async def _forget(self, wish_id: int) -> bool:
        """Forget a wish; False if somebody else has."""
        gone = WISHES.delete().where(WISHES.c.id == wish_id)
        return await self._database.write(
            lambda connection: connection.execute(gone).rowcount > 0, deletes=True
        )

    async def prune(self) -> None:
        """Forget wishes that have been kept long enough."""
        old = WISHES.delete().where(WISHES.c.wished_at <= self._database.time() - WISHES_KEPT)
        await self._database.write(lambda connection: connection.execute(old), deletes=True)
