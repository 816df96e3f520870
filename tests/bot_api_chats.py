"""People, their chats with the bot under test, and the updates that they cause.

This is Telegram without the HTTP: `bot_api_server.BotApiServer` adds the door for the bot. A test
speaks for the people (`chat.send`, `chat.press`) and hears the bot (`chat.next_message`).
"""

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypedDict, TypeVar, Unpack
from urllib.parse import parse_qs, urlsplit

from bot_api_files import FileKind, StoredFile, about_document, stored_file
from bot_api_rules import (
    INLINE_QUERY_LIMIT,
    UPDATE_TYPES,
    Json,
    RefusalError,
    bad_request,
    check_entities,
    complete_entities,
    inline_content,
    utf16_length,
)

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds that a test waits for the bot before it fails."""

# Telegram's own accounts: shown for an anonymous admin, and for somebody who writes as a channel.
_ANONYMOUS_ADMIN: Json = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
_CHANNEL_BOT: Json = {
    "id": 136817688,
    "is_bot": True,
    "first_name": "Channel",
    "username": "Channel_Bot",
}
# Updates of these types come only if the bot asks for them by name.
_NOT_BY_DEFAULT = frozenset(["chat_member", "message_reaction", "message_reaction_count"])
_ENTITIES = {"text": "entities", "caption": "caption_entities"}
_PRESENT = {"member", "administrator", "creator"}
_ADMIN_RIGHTS = (
    "can_manage_chat can_delete_messages can_manage_video_chats can_restrict_members "
    "can_promote_members can_change_info can_invite_users can_post_stories can_edit_stories "
    "can_delete_stories"
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on Telegram; a bot is one as well. Made by `api.user`."""

    id: int
    first_name: str
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False

    def as_json(self) -> Json:
        """The User object of the Bot API."""
        user: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        if self.username is not None:
            user["username"] = self.username
        if self.language_code is not None:
            user["language_code"] = self.language_code
        return user


class Circumstances(TypedDict, total=False):
    """What may be special about a message that a person sends."""

    reply_to: Json
    """The message that this one replies to, as `send` or `next_message` returned it."""
    message_thread_id: int
    """The topic of a forum, from `chat.topic`; a reply goes into its message's topic anyway."""
    anonymous: bool
    """Sent by an admin who hides behind the group: user 1087968824 with the group as sender."""
    sender_chat: "Chat"
    """Sent in the name of this channel."""
    entities: list[Json]
    """What the person marks in the text or caption, say a text_link; Telegram adds its own."""
    forwarded_from: Person
    """Who wrote this first; `chat.forward` forwards a real message of another chat."""
    via_bot: Person
    """An inline result of this bot; `api.bot` is the one under test."""
    fields: Json
    """Further fields of the Message, say `{"media_group_id": "7"}`."""


class Messenger:
    """All there is on this Telegram: people, chats, files, and updates that wait for the bot."""

    default_updates = UPDATE_TYPES - _NOT_BY_DEFAULT

    def __init__(self, bot: Person, *, privacy_mode: bool) -> None:
        """Opens an empty Telegram for this bot."""
        self.bot = bot
        self.privacy_mode = privacy_mode
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.open_presses: dict[str, Json] = {}
        """Callback queries that the bot has not answered, by id."""
        self.open_inline_queries: dict[str, Json] = {}
        self.offers: list[tuple[Json, Json]] = []
        """Every inline query that the bot has answered, with the parameters of its answer."""
        self.open_guest_queries: dict[str, tuple[Chat, Json]] = {}
        """Chat and message of every guest message that the bot has not answered, by query id."""
        self.inline_messages: dict[str, tuple[Chat, int]] = {}
        """Where inline results and answers to guest messages stand, by inline_message_id."""
        self.files: dict[str, StoredFile] = {}
        """Every file, by file id."""
        self.replies: Counter[tuple[int, int, str]] = Counter()
        """How often the bot has replied to a message by the same words: by chat, message, text."""
        self.updates: dict[int, Json] = {}
        """Every update there was, by its id."""
        self.pending_updates: list[Json] = []
        """Updates that the bot has not confirmed, oldest first."""
        self.allowed_updates = self.default_updates
        self._update_ids: dict[tuple[int, int], int] = {}
        self._confirmed_until = 0
        self._numbers = itertools.count(1)
        self._next_update_id = itertools.count(900_000_001)
        self._changed = asyncio.Condition()

    def user(
        self,
        first_name: str,
        *,
        username: str | None = None,
        language_code: str | None = None,
        is_bot: bool = False,
    ) -> Person:
        """A new person, who has not talked to the bot yet."""
        person = Person(700_000_000 + self.number(), first_name, username, language_code, is_bot)
        self.people[person.id] = person
        return person

    def private_chat(self, person: Person) -> "Chat":
        """The chat of this person and the bot, already started; always the same one."""
        if person.id not in self.chats:
            Chat(self, person.id, "private", person.first_name, owner=person)
        return self.chats[person.id]

    def group(self, title: str, *, bot_is_member: bool = True) -> "Chat":
        """A new basic group."""
        chat_id = -(4_000_000_000 + self.number())
        return self._shared_chat(chat_id, "group", title, bot_is_member=bot_is_member)

    def supergroup(
        self,
        title: str,
        *,
        username: str | None = None,
        forum: bool = False,
        bot_is_member: bool = True,
    ) -> "Chat":
        """A new supergroup; a forum has topics, which `chat.topic` opens."""
        chat_id = -(1_002_000_000_000 + self.number())
        chat = self._shared_chat(chat_id, "supergroup", title, bot_is_member=bot_is_member)
        chat.is_forum = forum
        chat.username = username
        return chat

    def channel(
        self, title: str, *, username: str | None = None, bot_is_member: bool = True
    ) -> "Chat":
        """A new channel; what is sent there has no `from` and arrives as `channel_post`.

        Without a username it is a private one: nobody else can open links to its posts.
        """
        chat_id = -(1_003_000_000_000 + self.number())
        chat = self._shared_chat(chat_id, "channel", title, bot_is_member=bot_is_member)
        chat.username = username
        return chat

    def _shared_chat(self, chat_id: int, kind: str, title: str, *, bot_is_member: bool) -> "Chat":
        chat = Chat(self, chat_id, kind, title, owner=self.user(f"Owner of {title}"))
        chat.statuses[self.bot.id] = "member" if bot_is_member else "left"
        return chat

    async def inline_query(
        self, person: Person, text: str, *, offset: str = "", chat_type: str = "group"
    ) -> Json:
        """A person types `@bot text` in some chat; returns the InlineQuery.

        Args:
            person: Who types.
            text: What stands behind the bot's name; nothing at all is a query, too.
            offset: The `next_offset` of the answer before, when the person scrolls on.
            chat_type: Where: "sender" is the chat with the bot itself, "private" one with others.
        """
        assert utf16_length(text) <= INLINE_QUERY_LIMIT, "Telegram cuts the query's text"
        query_id = f"inline-{self.number()}"
        query = {"id": query_id, "from": person.as_json(), "query": text, "offset": offset}
        query["chat_type"] = chat_type
        self.open_inline_queries[query_id] = query
        await self.deliver("inline_query", query)
        return query

    async def inline_answer(self, query: Json, within: float = PATIENCE) -> Json:
        """The parameters of the bot's answer to this inline query: results, next_offset, ..."""

        def look() -> Json | None:
            answers = (answer for asked, answer in self.offers if asked["id"] == query["id"])
            return next(answers, None)

        return await self.wait_until(look, f"answer to {query['id']}", within)

    async def open_link(self, person: Person, url: str) -> Json:
        """A person opens `https://t.me/bot?start=payload`: it sends /start in their chat."""
        parts = urlsplit(url)
        assert parts.hostname == "t.me", f"{url} does not lead to Telegram"
        assert parts.path == f"/{self.bot.username}", f"{url} does not lead to the bot"
        payload = parse_qs(parts.query).get("start", [""])[0]
        return await self.private_chat(person).send(person, f"/start {payload}".rstrip())

    def name_inline_message(self, chat: "Chat", message: Json) -> str:
        """Gives the message its inline_message_id, by which alone the bot can reach it."""
        inline_message_id = f"inline-message-{self.number()}"
        self.inline_messages[inline_message_id] = chat, message["message_id"]
        return inline_message_id

    def inline_message_id(self, chat: "Chat", message: Json) -> str | None:
        """The message's inline_message_id if it has one."""
        place = chat, message["message_id"]
        found = (name for name, named in self.inline_messages.items() if named == place)
        return next(found, None)

    async def confirmed(self, message: Json, within: float = PATIENCE) -> None:
        """Waits until the bot has fetched this message and asked for later updates.

        At once for a message that was never on its way to the bot (privacy mode, no member).
        """
        update_id = self._update_ids.get((message["chat"]["id"], message["message_id"]), -1)
        await self.wait_until(
            lambda: True if update_id < self._confirmed_until else None,
            f"confirmation of update {update_id}",
            within,
        )

    def update_of(self, message: Json) -> Json:
        """The update by which this message came to the bot."""
        return self.updates[self._update_ids[message["chat"]["id"], message["message_id"]]]

    @property
    def answered_twice(self) -> list[tuple[int, int, str]]:
        """Messages to which the bot has replied more than once by the same words."""
        return [reply for reply, times in self.replies.items() if times > 1]

    async def wait_until(self, look: Callable[[], T | None], wanted: str, within: float) -> T:
        """What `look` finds; it is asked again after everything that happens.

        Raises:
            AssertionError: It found nothing within this many seconds.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within), self._changed:
                while (found := look()) is None:
                    await self._changed.wait()
                return found
        raise AssertionError(f"no {wanted} within {within:g} s; {self.story()}")

    def story(self) -> str:
        """What the bot has done so far, for a failure's message."""
        return f"{len(self.pending_updates)} updates unconfirmed"

    async def announce(self) -> None:
        """Wakes everybody who waits for something to happen."""
        async with self._changed:
            self._changed.notify_all()

    async def deliver(self, kind: str, payload: Json) -> None:
        """Queues an update for the bot, unless it does not want this kind."""
        if kind in self.allowed_updates:
            update_id = next(self._next_update_id)
            update = {"update_id": update_id, kind: payload}
            self.updates[update_id] = update
            self.pending_updates.append(update)
            if "message_id" in payload:
                self._update_ids[payload["chat"]["id"], payload["message_id"]] = update_id
        await self.announce()

    def confirm(self, offset: int) -> None:
        """Forgets the updates before `offset`; a negative one keeps that many of the newest."""
        if offset < 0:
            newest = self.pending_updates[offset:]
            offset = newest[0]["update_id"] if newest else 0
        self.pending_updates = [u for u in self.pending_updates if u["update_id"] >= offset]
        self._confirmed_until = max(self._confirmed_until, offset)

    def drop_updates(self) -> None:
        """Forgets all updates, as `drop_pending_updates` demands."""
        if self.pending_updates:
            self.confirm(self.pending_updates[-1]["update_id"] + 1)

    def number(self) -> int:
        """A number that nothing else on this Telegram bears."""
        return next(self._numbers)

    def keep_file(self, kind: FileKind, name: str, content: bytes, about: Json) -> Json:
        """Stores a file; returns its object in a message, to whose fields `about` belongs."""
        file = stored_file(self.number(), kind, name, content, about)
        self.files[file.fields["file_id"]] = file
        return dict(file.fields)


class Chat:
    """One chat: people write in it, the bot answers in it. Made by `api.private_chat` and such."""

    def __init__(
        self, messenger: Messenger, chat_id: int, kind: str, title: str, *, owner: Person
    ) -> None:
        """Opens the chat with the bot in it; `title` of a private chat is the person's name."""
        self.id = chat_id
        self.kind = kind
        self.title = title
        self.owner = owner
        self.username = owner.username if kind == "private" else None
        self.is_forum = False
        self.statuses = {owner.id: "creator", messenger.bot.id: "member"}
        """Each one's status as ChatMember has it, by user id."""
        self.messages: dict[int, Json] = {}
        """Every message as it stands now, by message id; deleted ones are gone."""
        self.topics: dict[int, Json] = {}
        """The service message that opened each topic, by message_thread_id."""
        self.migrated_to: Chat | None = None
        self._messenger = messenger
        # The first message of a supergroup is its creation, so no topic can be confused with the
        # General one, 1.
        self._next_id = itertools.count(2 if kind == "supergroup" else 1)
        self._heard: deque[tuple[str, Json]] = deque()
        messenger.chats[chat_id] = self

    def as_json(self) -> Json:
        """The Chat object of the Bot API."""
        chat: Json = {"id": self.id, "type": self.kind}
        if self.kind == "private":
            chat["first_name"] = self.owner.first_name
        else:
            chat["title"] = self.title
        if self.username is not None:
            chat["username"] = self.username
        if self.is_forum:
            chat["is_forum"] = True
        return chat

    async def send(self, sender: Person, text: str, **how: Unpack[Circumstances]) -> Json:
        """A person writes; returns the Message, with the entities that Telegram finds in it."""
        return await self._send(sender, _marked("text", text, how), how)

    async def send_photo(
        self, sender: Person, caption: str = "", **how: Unpack[Circumstances]
    ) -> Json:
        """A person sends a photo of one size."""
        size = {"width": 90, "height": 60}
        photo = self._messenger.keep_file("photo", "photo.jpg", b"photo", size)
        return await self._send_media(sender, {"photo": [photo]}, caption, how)

    async def send_voice(
        self, sender: Person, caption: str = "", **how: Unpack[Circumstances]
    ) -> Json:
        """A person sends a voice message of two seconds."""
        about = {"duration": 2, "mime_type": "audio/ogg"}
        voice = self._messenger.keep_file("voice", "voice.oga", b"voice", about)
        return await self._send_media(sender, {"voice": voice}, caption, how)

    async def send_sticker(
        self, sender: Person, emoji: str = "🙂", **how: Unpack[Circumstances]
    ) -> Json:
        """A person sends a sticker."""
        about = {"type": "regular", "width": 512, "height": 512, "emoji": emoji}
        about |= {"is_animated": False, "is_video": False}
        sticker = self._messenger.keep_file("sticker", "sticker.webp", b"sticker", about)
        return await self._send_media(sender, {"sticker": sticker}, "", how)

    async def send_document(
        self,
        sender: Person,
        name: str = "document.txt",
        content: bytes = b"document",
        *,
        caption: str = "",
        mime_type: str | None = None,
        **how: Unpack[Circumstances],
    ) -> Json:
        """A person sends a file, which the bot can fetch by `getFile` unless it is too large.

        The type that the person's phone gives is one that goes by the name unless it is given.
        """
        about = about_document(name, mime_type)
        document = self._messenger.keep_file("document", name, content, about)
        return await self._send_media(sender, {"document": document}, caption, how)

    async def forward(
        self,
        sender: Person,
        message: Json,
        *,
        hidden: bool = False,
        **how: Unpack[Circumstances],
    ) -> Json:
        """A person forwards a message of another chat here, as it stands there now.

        Args:
            sender: Who forwards it.
            message: What the other chat's `send` and such have returned.
            hidden: Whether the first author lets nobody see more than a name.
            how: What is special about it.
        """
        content = _forwarded(self._messenger.chats[message["chat"]["id"]], message, hidden=hidden)
        return await self._send(sender, content, how)

    async def send_as_guest(self, sender: Person, text: str, **how: Unpack[Circumstances]) -> Json:
        """A person mentions the bot where it is no member; it arrives as a `guest_message`."""
        assert not self.has_bot, f"the bot is a member of {self.title!r}: use send"
        query_id = f"guest-{self._messenger.number()}"
        content = _marked("text", text, how) | {"guest_query_id": query_id}
        message = self._compose(sender, content, how)
        self._messenger.open_guest_queries[query_id] = self, message
        await self._messenger.deliver("guest_message", message)
        return message

    async def send_inline_result(
        self, sender: Person, result: Json, **how: Unpack[Circumstances]
    ) -> Json:
        """A person chooses a result of the bot's `inline_answer`; returns what is posted.

        It is the person's message, sent via the bot. Only with a keyboard it gets an
        inline_message_id; the bot hears of the choice by `chosen_inline_result`, if it asked for
        such updates.
        """
        offers = self._messenger.offers
        asked = [query for query, answer in offers if result in answer["results"]]
        assert asked, f"the bot has offered no result {result.get('id')!r}"
        bot = self._messenger.bot
        message = await self._send(sender, inline_content(result), {**how, "via_bot": bot})
        chosen = {"result_id": result["id"], "from": sender.as_json(), "query": asked[-1]["query"]}
        if "reply_markup" in message:
            name = self._messenger.name_inline_message(self, message)
            chosen["inline_message_id"] = name
        await self._messenger.deliver("chosen_inline_result", chosen)
        return message

    async def edit(self, message: Json, text: str) -> Json:
        """A person changes the text, or the caption, of a message sent earlier."""
        name = "text" if "text" in message else "caption"
        replaced = (name, _ENTITIES[name])
        kept = {each: value for each, value in message.items() if each not in replaced}
        edited = {**kept, **_marked(name, text, {}), "edit_date": int(time.time())}
        self.messages[message["message_id"]] = edited
        if self._bot_sees(edited):
            is_post = self.kind == "channel"
            kind = "edited_channel_post" if is_post else "edited_message"
            await self._messenger.deliver(kind, edited)
        return edited

    async def press(self, message: Json, callback_data: str, *, by: Person | None = None) -> Json:
        """Somebody presses a button under the bot's message; returns the CallbackQuery.

        The button is looked for in `message` as the test holds it: a phone may still show buttons
        that the bot has changed since. Of a deleted message the bot is told no more than its id,
        of an inline result or an answer to a guest no more than its inline_message_id.
        In a group `by` says who presses; in a private chat it can be nobody else.
        """
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        offered = [button.get("callback_data") for row in rows for button in row]
        assert callback_data in offered, f"no button {callback_data!r} among {offered}"
        query: Json = {
            "id": f"press-{self._messenger.number()}",
            "from": (by or self.owner).as_json(),
            **self._pressed(message),
            "chat_instance": f"instance-{self.id}",
            "data": callback_data,
        }
        self._messenger.open_presses[query["id"]] = query
        await self._messenger.deliver("callback_query", query)
        return query

    def _pressed(self, message: Json) -> Json:
        """The fields by which a CallbackQuery names the message of its button."""
        if name := self._messenger.inline_message_id(self, message):
            return {"inline_message_id": name}
        if message["message_id"] not in self.messages:
            kept = {"chat": self.as_json(), "message_id": message["message_id"], "date": 0}
            return {"message": kept}
        pressed = dict(self.messages[message["message_id"]])
        if "reply_to_message" in pressed:
            # As it is by now: maybe edited, maybe gone.
            replied = self.messages.get(pressed.pop("reply_to_message")["message_id"])
            pressed |= {"reply_to_message": _without_reply(replied)} if replied else {}
        return {"message": pressed}

    async def send_service(self, sender: Person, content: Json) -> Json:
        """A service message, say `{"new_chat_title": "Green Almaty"}`."""
        return await self._send(sender, content, {})

    async def delete(self, message: Json) -> None:
        """A message goes away; Telegram tells no bot of it."""
        del self.messages[message["message_id"]]

    async def topic(self, name: str) -> int:
        """The owner opens a topic in this forum; returns its message_thread_id."""
        assert self.is_forum, f"{self.title!r} is no forum"
        created = {"name": name, "icon_color": 7322096}
        message = self._compose(self.owner, {"forum_topic_created": created}, {})
        thread: int = message["message_id"]
        message |= {"message_thread_id": thread, "is_topic_message": True}
        self.topics[thread] = message
        if self.has_bot:
            await self._messenger.deliver("message", message)
        return thread

    async def add_bot(self, by: Person | None = None) -> None:
        """Somebody, by default the owner, adds the bot: a `my_chat_member`, then a message."""
        await self._change_status("member", by or self.owner)
        members = {"new_chat_members": [self._messenger.bot.as_json()]}
        await self.send_service(by or self.owner, members)

    async def promote_bot(self, by: Person | None = None) -> None:
        """The bot becomes an admin, who sees everything even in privacy mode."""
        await self._change_status("administrator", by or self.owner)

    async def remove_bot(self, by: Person | None = None) -> None:
        """Somebody takes the bot out of the group; it may be added again."""
        await self._change_status("left", by or self.owner)

    async def block(self, by: Person | None = None) -> None:
        """The person blocks the bot, or an admin bans it: from now on it hears 403 Forbidden."""
        await self._change_status("kicked", by or self.owner)

    async def unblock(self, by: Person | None = None) -> None:
        """Takes `block` back."""
        await self._change_status("member", by or self.owner)

    def promote(self, person: Person) -> None:
        """A person becomes an admin of this chat."""
        self.statuses[person.id] = "administrator"

    async def migrate(self) -> "Chat":
        """The group becomes a supergroup, which is returned; the old id only leads there."""
        new = self._messenger.supergroup(self.title)
        new.statuses, new.owner = dict(self.statuses), self.owner
        await self.send_service(self.owner, {"migrate_to_chat_id": new.id})
        self.migrated_to = new
        await new.send_service(new.owner, {"migrate_from_chat_id": self.id})
        return new

    async def next_message(self, within: float = PATIENCE) -> Json:
        """The bot's next message that the test has not taken; waits `within` seconds for it."""
        return await self._take("message", within)

    async def next_edit(self, within: float = PATIENCE) -> Json:
        """The next message that the bot has changed, as it became by that change."""
        return await self._take("edit", within)

    async def answer_to(self, message: Json, within: float = PATIENCE) -> Json:
        """The bot's next message, which must be a reply to this one.

        Proves silence as well, for a bot that answers a chat in order:

            await group.send(bob, "good morning")                     # not for the bot
            question = await group.send(bob, "@green_bot who ...?")
            await group.answer_to(question)                           # so nothing came before
        """
        answer = await self.next_message(within)
        answered = answer.get("reply_to_message", {}).get("message_id")
        wanted = message["message_id"]
        assert answered == wanted, f"expected an answer to message {wanted}, not {answer}"
        return answer

    async def silence_after(
        self, message: Json, stop: Callable[[], Awaitable[object]], within: float = PATIENCE
    ) -> None:
        """Proves that the bot does not react to this message in this chat, however late.

        Args:
            message: What must stay without an answer.
            stop: Stops the bot in such a way that its handlers come to their end, and returns
                then. python-telegram-bot's `Application.stop` does just that; it is called once
                the bot has fetched the message. `Application.start` lets the bot go on.
            within: Seconds that the bot has to fetch the message.
        """
        await self._messenger.confirmed(message, within)
        await stop()
        assert not self.unread, f"silence expected after {message}, not {self.unread}"

    @property
    def unread(self) -> list[Json]:
        """The bot's messages and edits that the test has not taken, oldest first."""
        return [message for _, message in self._heard]

    @property
    def has_bot(self) -> bool:
        """Whether the bot is a member, or in a private chat: not blocked."""
        return self.statuses[self._messenger.bot.id] in _PRESENT

    def check_bot_may_write(self) -> None:
        """Raises the RefusalError that Telegram answers where the bot is not welcome."""
        if self.migrated_to is not None:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise RefusalError(400, description, {"migrate_to_chat_id": self.migrated_to.id})
        status = self.statuses[self._messenger.bot.id]
        if status == "kicked" and self.kind == "private":
            raise RefusalError(403, "Forbidden: bot was blocked by the user")
        if status == "kicked":
            raise RefusalError(403, f"Forbidden: bot was kicked from the {self.kind} chat")
        if status not in _PRESENT:
            raise RefusalError(403, f"Forbidden: bot is not a member of the {self.kind} chat")

    def check_thread(self, thread: int | None) -> None:
        """A topic must exist; the General one (1) is addressed by leaving the thread out."""
        if thread is not None and thread not in self.topics:
            raise bad_request("message thread not found")

    def own_message(self, message_id: int) -> Json:
        """The bot's message of this id, which it wants to edit."""
        message = self.messages.get(message_id)
        if message is None:
            raise bad_request("message to edit not found")
        if message.get("from", {}).get("id") != self._messenger.bot.id:
            raise bad_request("message can't be edited")
        return message

    def post_by_bot(
        self,
        content: Json,
        *,
        reply_to: Json | None = None,
        thread: int | None = None,
        prompts: bool = False,
    ) -> Json:
        """The bot's message, stored and put where `next_message` finds it.

        Args:
            content: What is in it.
            reply_to: The message that it replies to.
            thread: The topic of a forum.
            prompts: Whether it asks for a reply.
        """
        how: Circumstances = {}
        if reply_to is not None:
            how["reply_to"] = reply_to
        if thread is not None:
            how["message_thread_id"] = thread
        message = self._compose(self._messenger.bot, content, how)
        # Whoever presses a button again is prompted again.
        if reply_to is not None and "text" in message and not prompts:
            self._messenger.replies[self.id, reply_to["message_id"], message["text"]] += 1
        self._heard.append(("message", message))
        return message

    def replace_by_bot(self, message: Json) -> Json:
        """The bot's message as it has become, put where `next_edit` finds it."""
        edited = {**message, "edit_date": int(time.time())}
        self.messages[message["message_id"]] = edited
        self._heard.append(("edit", edited))
        return edited

    def member_as_json(self, person: Person) -> Json:
        """The ChatMember object; somebody who was never here has left."""
        status = self.statuses.get(person.id, "left")
        member: Json = {"user": person.as_json(), "status": status}
        if status == "administrator":
            member |= {"can_be_edited": False, "is_anonymous": False}
            member |= dict.fromkeys(_ADMIN_RIGHTS.split(), True)
        if status == "creator":
            member["is_anonymous"] = False
        if status == "kicked":
            member["until_date"] = 0
        return member

    async def bot_leaves(self) -> None:
        """The bot's own wish."""
        await self._change_status("left", self._messenger.bot)

    async def _take(self, kind: str, within: float) -> Json:
        def take() -> Json | None:
            for entry in self._heard:
                if entry[0] == kind:
                    self._heard.remove(entry)
                    return entry[1]
            return None

        return await self._messenger.wait_until(take, f"{kind} in chat {self.title!r}", within)

    async def _send_media(
        self, sender: Person, media: Json, caption: str, how: Circumstances
    ) -> Json:
        marked = _marked("caption", caption, how) if caption else {}
        return await self._send(sender, media | marked, how)

    async def _send(self, sender: Person, content: Json, how: Circumstances) -> Json:
        message = self._compose(sender, content, how)
        if self._bot_sees(message):
            kind = "channel_post" if self.kind == "channel" else "message"
            await self._messenger.deliver(kind, message)
        return message

    def _compose(self, sender: Person, content: Json, how: Circumstances) -> Json:
        message: Json = {
            "message_id": next(self._next_id),
            **self._sender(sender, how),
            "chat": self.as_json(),
            "date": int(time.time()),
            **self._thread(how),
        }
        if "forwarded_from" in how:
            origin = {"type": "user", "sender_user": how["forwarded_from"].as_json()}
            message["forward_origin"] = {**origin, "date": message["date"]}
        if "via_bot" in how:
            message["via_bot"] = how["via_bot"].as_json()
        message |= content | how.get("fields", {})
        self.messages[message["message_id"]] = message
        return message

    def _sender(self, sender: Person, how: Circumstances) -> Json:
        if how.get("anonymous"):
            return {"from": _ANONYMOUS_ADMIN, "sender_chat": self.as_json()}
        if "sender_chat" in how:
            return {"from": _CHANNEL_BOT, "sender_chat": how["sender_chat"].as_json()}
        if self.kind == "channel":
            return {"sender_chat": self.as_json()}
        self.statuses.setdefault(sender.id, "member")
        return {"from": sender.as_json()}

    def _thread(self, how: Circumstances) -> Json:
        """The fields that place a message: its topic, and the message that it replies to."""
        replied = how.get("reply_to")
        thread = how.get("message_thread_id")
        if thread is None and replied is not None and replied.get("is_topic_message"):
            thread = replied["message_thread_id"]
        placed: Json = {}
        if thread is not None:
            assert thread in self.topics, f"no topic {thread} in {self.title!r}"
            placed |= {"message_thread_id": thread, "is_topic_message": True}
            # A forum's messages that reply to nothing "reply" to the one that opened the topic.
            replied = replied or self.topics[thread]
        elif replied is not None and self.kind == "supergroup" and not self.is_forum:
            # Outside forums a thread of replies has an id too, yet nothing can be sent to it.
            placed["message_thread_id"] = replied.get("message_thread_id", replied["message_id"])
        if replied is not None:
            # Telegram nests replies one level deep.
            placed["reply_to_message"] = _without_reply(replied)
        return placed

    def _bot_sees(self, message: Json) -> bool:
        if not self.has_bot or self.migrated_to is not None:
            return False
        is_admin = self.statuses[self._messenger.bot.id] == "administrator"
        if self.kind in {"private", "channel"} or is_admin or not self._messenger.privacy_mode:
            return True
        return any(self._passes_privacy(message))

    def _passes_privacy(self, message: Json) -> Iterator[bool]:
        """What a bot in privacy mode gets of a group. Mentions alone are not in the list.

        See https://core.telegram.org/bots/features#privacy-mode
        """
        bot = self._messenger.bot
        yield "from" in message and not _has_human_content(message)
        yield message.get("via_bot", {}).get("id") == bot.id
        yield message.get("reply_to_message", {}).get("from", {}).get("id") == bot.id
        for entity in message.get("entities", []):
            if entity["type"] == "bot_command":
                units = message["text"].encode("utf-16-le")
                start, end = entity["offset"] * 2, (entity["offset"] + entity["length"]) * 2
                _, _, addressee = units[start:end].decode("utf-16-le").partition("@")
                yield addressee.casefold() in {"", str(bot.username).casefold()}

    async def _change_status(self, status: str, by: Person) -> None:
        bot = self._messenger.bot
        old = self.member_as_json(bot)
        self.statuses[bot.id] = status
        change = {
            "chat": self.as_json(),
            "from": by.as_json(),
            "date": int(time.time()),
            "old_chat_member": old,
            "new_chat_member": self.member_as_json(bot),
        }
        await self._messenger.deliver("my_chat_member", change)


def _marked(name: str, text: str, how: Circumstances) -> Json:
    """A text or a caption with what the person marks in it and what Telegram finds."""
    entities = complete_entities(text, check_entities(text, how.get("entities", [])))
    return {name: text} | ({_ENTITIES[name]: entities} if entities else {})


# What of a message belongs to its place and not to what it says.
_NOT_FORWARDED = frozenset(
    [
        *("message_id", "from", "sender_chat", "author_signature", "chat", "date", "edit_date"),
        *("message_thread_id", "is_topic_message", "reply_to_message", "quote", "via_bot"),
        *("reply_markup", "guest_query_id"),
    ]
)


def _forwarded(chat: Chat, message: Json, *, hidden: bool) -> Json:
    """What a forward of this message says; one that is a forward itself keeps its origin."""
    said = {name: value for name, value in message.items() if name not in _NOT_FORWARDED}
    return {"forward_origin": _origin(chat, message, hidden=hidden)} | said


def _origin(chat: Chat, message: Json, *, hidden: bool) -> Json:
    """The MessageOrigin of a message: a channel, a group as such, a person, or only a name."""
    written: Json = {"date": message["date"]}
    if "author_signature" in message:
        written["author_signature"] = message["author_signature"]
    if chat.kind == "channel":
        post = {"chat": chat.as_json(), "message_id": message["message_id"]}
        return {"type": "channel"} | post | written
    if "sender_chat" in message:
        return {"type": "chat", "sender_chat": message["sender_chat"]} | written
    if hidden:
        return {"type": "hidden_user", "sender_user_name": message["from"]["first_name"]} | written
    return {"type": "user", "sender_user": message["from"]} | written


def _without_reply(message: Json) -> Json:
    return {name: value for name, value in message.items() if name != "reply_to_message"}


def _has_human_content(message: Json) -> bool:
    return any(name in message for name in ("text", "photo", "voice", "sticker", "document"))


def count_methods(methods: list[str]) -> str:
    """For instance "getMe, sendMessage x2"; polling is left out."""
    counts = Counter(method for method in methods if method != "getUpdates")
    return ", ".join(f"{m} x{n}" if n > 1 else m for m, n in counts.items()) or "none"
