"""A conversation as it happened, and the stage on which it is played against the real bot."""

from dataclasses import dataclass, field

from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import Message, data_of

PATIENCE = 120.0
"""In seconds; the first answer waits for the model to be loaded."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message, of a person or of the bot."""

    message: Message
    edited: bool = False
    """It stands in place of what was there before."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed a button of the bot's message."""

    who: str
    label: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the bot said to a press beside the message: words that fade, or a window to close."""

    text: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody added the bot to the group."""

    who: str
    bot: str


Event = Said | Pressed | Told | Joined


@dataclass(slots=True)
class Stage:
    """One chat, in which people speak and press, and all that is heard is written down."""

    api: BotApiServer
    chat: Chat
    events: list[Event] = field(default_factory=list)
    scenes: dict[str, tuple[Said, ...]] = field(default_factory=dict)
    """Parts of the conversation by name, for the picture."""

    async def ask(
        self, person: Person, text: str, *, reply_to: Message | None = None, scene: str = ""
    ) -> Message:
        """Somebody writes, and the bot replies to that next; its reply.

        Args:
            person: Who writes.
            text: What they write.
            reply_to: The message that they reply to.
            scene: The name that the two messages get as a scene.
        """
        asked = await self.remark(person, text, reply_to=reply_to)
        answer = await self.chat.answer_to(asked, PATIENCE)
        self.events.append(Said(answer))
        if scene:
            self.scenes[scene] = Said(asked), Said(answer)
        return answer

    async def remark(
        self, person: Person, text: str, *, reply_to: Message | None = None
    ) -> Message:
        """Somebody writes, and nobody waits for an answer; the message."""
        sent = (
            await self.chat.send(person, text, reply_to=reply_to)
            if reply_to
            else await self.chat.send(person, text)
        )
        self.events.append(Said(sent))
        return sent

    async def forward_post(self, person: Person, channel: str, text: str) -> Message:
        """Somebody forwards a post of a channel that the bot isn't in; the message."""
        there = self.api.channel(channel, bot_is_member=False)
        sent = await self.chat.forward(person, await there.send(there.owner, text))
        self.events.append(Said(sent))
        return sent

    async def hear(self) -> Message:
        """The bot writes by itself, or to what was done."""
        message = await self.chat.next_message(PATIENCE)
        self.events.append(Said(message))
        return message

    async def edit(self, message: Message, text: str) -> Message:
        """Somebody edits a question, and the bot its answer; the answer."""
        self.events.append(Said(await self.chat.edit(message, text), edited=True))
        return await self.hear_edit()

    async def hear_edit(self) -> Message:
        """The bot changes a message; the message as it becomes."""
        edited = await self.chat.next_edit(PATIENCE)
        self.events.append(Said(edited, edited=True))
        return edited

    async def press(self, person: Person, message: Message, label: str) -> None:
        """Somebody presses a button; what the bot says beside the message is written down."""
        self.events.append(Pressed(person.first_name, label))
        await self.chat.press(message, data_of(message, label), by=person)
        answer = await self.api.next_request("answerCallbackQuery", PATIENCE)
        if text := answer.get("text"):
            self.events.append(Told(text))

    async def add_bot(self, person: Person) -> Message:
        """Somebody adds the bot to the group; its first words there."""
        self.events.append(Joined(person.first_name, self.api.bot.first_name))
        await self.chat.add_bot(by=person)
        return await self.hear()
