"""A strict Bot API server on this machine, for whole conversations with the real Application.

A test speaks for the people and hears the bot, which polls the server as it would Telegram:

    async with BotApiServer() as api:
        alice = api.user("Alice", language_code="kk")
        chat = api.private_chat(alice)
        application = (
            ApplicationBuilder()
            .token(api.token)
            .base_url(f"{api.url}/bot")
            .base_file_url(f"{api.url}/file/bot")
            ...
        )
        question = await chat.send(alice, "Who leads the fund?")
        answer = await chat.answer_to(question)
        assert api.refused == []

It is stricter than Telegram, which drops what it does not understand: an unknown parameter, a
faulty entity, `parse_mode` at all (the bot sends entities) are refused with 400. Whatever is
refused stays in `api.refused`.
"""

import asyncio
import itertools
import math
import re
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple, Self, TypeAlias
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from telegram.constants import ReactionEmoji

from bot_api_chats import PATIENCE, Chat, Messenger, Person, count_methods
from bot_api_files import (
    DOWNLOAD_BYTES,
    UPLOAD_BYTES,
    FileKind,
    about_document,
    about_photo,
    check_upload,
    too_large,
)
from bot_api_rules import (
    CHAT_ACTIONS,
    UPDATE_TYPES,
    Json,
    RefusalError,
    Upload,
    bad_request,
    caption_content,
    check_commands,
    check_fields,
    check_inline_result,
    check_inline_results,
    check_language_code,
    check_markup,
    check_reply,
    check_scope,
    inline_content,
    read_parameters,
    text_content,
    utf16_length,
)

_LONGEST_POLL = 50
# In seconds; Telegram waits longer, and longer each time.
_BETWEEN_POSTS = 0.02
# How many updates are posted at once, unless the bot wants another number.
_CONNECTIONS = 40
_CALLBACK_TEXT_LIMIT = 200
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
# The fields of a message that hold what it says.
_WORDS = ("text", "entities", "caption", "caption_entities", "link_preview_options")
_CARD_LIMITS = {"name": 64, "description": 512, "short_description": 120}
# A request with the largest file and all that belongs to it.
_LARGEST_REQUEST = UPLOAD_BYTES + 1024**2


# A kind of updates, and whose they are.
Line: TypeAlias = tuple[str, int]


class Request(NamedTuple):
    """A request that the server accepted; the parameters are decoded."""

    method: str
    params: Json
    time: float
    """When it came, in seconds of the event loop's clock."""


class Refusal(NamedTuple):
    """A request that the server refused with 4xx because the bot broke a rule."""

    method: str
    params: Json
    description: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request; see `BotApiServer.fail_next`."""

    status: int | None
    retry_after: int | None
    description: str | None
    answer: bytes | None
    page: bool
    drop: bool
    unread: bool
    cut: bool
    takes_effect: bool


class BotApiServer(Messenger):
    """The Bot API on 127.0.0.1 and everybody whom the bot can meet there."""

    def __init__(  # noqa: PLR0913 - all are optional, and named
        self,
        *,
        bot_name: str = "Green",
        username: str = "green_bot",
        privacy_mode: bool = False,
        can_read_all_group_messages: bool | None = None,
        inline_mode: bool = True,
        guest_mode: bool = True,
    ) -> None:
        """Prepares a server, which runs inside `async with`.

        Args:
            bot_name: The bot's first name.
            username: The bot's name without the @.
            privacy_mode: Whether the bot gets of groups only what BotFather's default lets
                through: commands, replies to it, service messages. By default it gets everything.
            can_read_all_group_messages: What getMe claims; by default the truth about
                `privacy_mode`.
            inline_mode: What getMe says of inline mode, which owners switch on at BotFather.
            guest_mode: The same for guest mode.
        """
        super().__init__(
            Person(123456789, bot_name, username, is_bot=True), privacy_mode=privacy_mode
        )
        self.token = f"{self.bot.id}:local-{'x' * 29}"
        self.url = ""
        """Address of the server, no slash at its end; known once the server runs."""
        self.requests: list[Request] = []
        self.refused: list[Refusal] = []
        self.failed: list[Request] = []
        """Requests that met a fault of `fail_next`."""
        self.commands: dict[tuple[str, str], list[Json]] = {}
        """The bot's commands by scope (type and ids, joined by colons) and language code."""
        self.card: dict[tuple[str, str], str] = {}
        """What setMyName and such have set, by (parameter, language code)."""
        self.webhook: Json = {}
        self.posts: list[tuple[int, int | None]] = []
        """What was posted to the webhook: the update's id and the status that came back, if any
        came."""
        reads_all = can_read_all_group_messages
        self._inline_mode = inline_mode
        self._guest_mode = guest_mode
        self._reads_all = not privacy_mode if reads_all is None else reads_all
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._taken: Counter[str] = Counter()
        self._limits: tuple[float, int, int] | None = None
        self._sent_at: dict[object, deque[float]] = defaultdict(deque)
        self.polls = 0
        """How many getUpdates requests have been begun so far."""
        self._closing = False
        self._repeated: list[Json] = []
        self._posting: asyncio.Task[None] | None = None
        self._post_error: str | None = None
        self._handlers = self._make_handlers()

    async def __aenter__(self) -> Self:
        """Starts to listen on a free port."""
        await self._open(0)
        return self

    async def _open(self, port: int) -> None:
        application = web.Application(client_max_size=_LARGEST_REQUEST)
        application.router.add_route("*", "/bot{token:[^/]+}/{method}", self._answer)
        application.router.add_get("/file/bot{token:[^/]+}/{path:.+}", self._send_file)
        # A handler shall end with its client, lest a poll that nobody reads any more is
        # taken for a second poller.
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def __aexit__(self, *_: object) -> None:
        """Ends the polls and hanging requests, then stops to listen."""
        self._closing = True
        await self._stop_posting()
        await self.announce()
        await self._runner.cleanup()

    async def go_away(self) -> None:
        """An outage begins: all connections break, and no new one is taken."""
        server = self._runner.server
        await self._stop_posting()
        for site in list(self._runner.sites):
            await site.stop()
        for connection in list(server.connections if server else []):
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()

    async def come_back(self) -> None:
        """The outage is over: the server listens where it did, and knows all that it knew."""
        port = urlsplit(self.url).port
        assert port is not None
        await self._open(port)
        self._post_updates()

    async def next_request(self, method: str, within: float = PATIENCE) -> Json:
        """The parameters of the bot's next accepted request of this method, each taken once."""

        def look() -> Json | None:
            calls = [request.params for request in self.requests if request.method == method]
            return calls[self._taken[method]] if len(calls) > self._taken[method] else None

        params = await self.wait_until(look, f"request {method}", within)
        self._taken[method] += 1
        return params

    def fail_next(  # noqa: PLR0913 a test reads as a sentence: fail_next(..., status=502)
        self,
        method: str,
        *,
        status: int | None = None,
        retry_after: int | None = None,
        description: str | None = None,
        page: bool = False,
        answer: bytes | None = None,
        drop: bool = False,
        unread: bool = False,
        hang: bool = False,
        cut: bool = False,
        takes_effect: bool = False,
        times: int = 1,
    ) -> None:
        """Lets the next request of a method go wrong, whatever it says; calls add up.

        Args:
            method: For instance "sendMessage"; "file" is the download of a file, "webhook" the
                bot's answer to a post.
            status: The HTTP status of the answer, say 429, 500, 502.
            retry_after: Seconds, for 429.
            description: In place of the status's usual words.
            page: The answer of this status is the HTML page of a proxy.
            answer: Comes with status 200 in place of the right answer, say broken JSON.
            drop: The connection breaks without an answer.
            unread: It breaks before the request was read.
            hang: No answer comes until the bot gives up: a timeout.
            cut: The connection breaks in the middle of the right answer.
            takes_effect: The request is carried out first, only its answer is lost. By default
                nothing is done.
            times: How many requests.
        """
        kinds = (status is not None, answer is not None, drop, unread, hang, cut)
        if sum(kinds) != 1:
            raise ValueError("give exactly one of status, answer, drop, unread, hang and cut")
        if unread and takes_effect:
            raise ValueError("what was not read can't take effect")
        fault = Fault(
            status, retry_after, description, answer, page, drop, unread, cut, takes_effect
        )
        self._faults[method].extend([fault] * times)

    def heal(self) -> None:
        """Forgets all faults that have not happened yet."""
        self._faults.clear()

    async def repeat(self, message: Json) -> None:
        """Sends the update of this message once more, though it was confirmed long ago."""
        update = self.update_of(message)
        if self.webhook:
            self.pending_updates.insert(0, update)
        else:
            self._repeated.append(update)
        await self.announce()

    def gaps(self, method: str, **params: object) -> list[float]:
        """Seconds between the accepted requests of this method that have these parameters.

        For instance how fast a message's progress has been edited, and how often (once more):

            gaps = api.gaps("editMessageText", message_id=progress["message_id"])
        """
        times = [
            request.time
            for request in self.requests
            if request.method == method and params.items() <= request.params.items()
        ]
        return [after - before for before, after in itertools.pairwise(times)]

    def limit_rate(
        self, *, chat_interval: float = 1.0, group_per_minute: int = 20, per_second: int = 30
    ) -> None:
        """From now on messages that come too fast get 429, at Telegram's limits by default.

        Args:
            chat_interval: Seconds between two messages in a chat. Telegram lets short bursts
                pass, this server does not.
            group_per_minute: Messages in one group.
            per_second: Messages in all chats.
        """
        self._limits = (chat_interval, group_per_minute, per_second)

    @property
    def unanswered_presses(self) -> list[Json]:
        """Callback queries that still show a spinning button: a bot must answer every one."""
        return list(self.open_presses.values())

    def story(self) -> str:
        """What the bot has done so far, for a failure's message."""
        done = count_methods([request.method for request in self.requests])
        refused = "; ".join(f"{r.method}: {r.description}" for r in self.refused) or "none"
        return f"requests so far: {done}; refused: {refused}; {super().story()}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        params: Json = {}
        if (faults := self._faults[method]) and faults[0].unread:
            self.failed.append(Request(method, {}, asyncio.get_running_loop().time()))
            return await self._suffer(faults.popleft(), request)
        try:
            params = await _read_body(request)
            self._check_token(request)
            params = read_parameters(method, params)
            now = asyncio.get_running_loop().time()
            return await self._carry_out(request, Request(method, params, now))
        except RefusalError as refusal:
            self.refused.append(Refusal(method, params, refusal.description))
            await self.announce()
            return _error(refusal.status, refusal.description, refusal.parameters)

    def _check_token(self, request: web.Request) -> None:
        if request.match_info["token"] != self.token:
            raise RefusalError(401, "Unauthorized")

    async def _carry_out(self, http: web.Request, request: Request) -> web.StreamResponse:
        fault = self._next_fault(request.method)
        if fault is not None:
            self.failed.append(request)
        if fault is not None and not fault.takes_effect:
            return await self._suffer(fault, http)
        result = await self._handlers[request.method](request.params)
        self.requests.append(request)
        await self.announce()
        answer = web.json_response({"ok": True, "result": result})
        return answer if fault is None else await self._suffer(fault, http, answer)

    def _next_fault(self, method: str) -> Fault | None:
        faults = self._faults[method]
        return faults.popleft() if faults else None

    async def _suffer(
        self, fault: Fault, http: web.Request, right: web.Response | None = None
    ) -> web.StreamResponse:
        await self.announce()
        if fault.answer is not None:
            return web.Response(body=fault.answer, content_type="application/json")
        if fault.status is not None and fault.page:
            words = f"<html><body><h1>{fault.status} proxy</h1></body></html>"
            return web.Response(status=fault.status, text=words, content_type="text/html")
        if fault.cut:
            return await _cut_off(http, right)
        if fault.status is not None:
            words = fault.description or HTTPStatus(fault.status).phrase
            if fault.retry_after is None:
                return _error(fault.status, words, {})
            words = fault.description or f"{words}: retry after {fault.retry_after}"
            return _error(fault.status, words, {"retry_after": fault.retry_after})
        if not (fault.drop or fault.unread):
            async with self._changed:
                await self._changed.wait_for(lambda: self._closing)
        if http.transport is not None:
            http.transport.abort()
        return web.Response()

    async def _send_file(self, request: web.Request) -> web.StreamResponse:
        contents = {file.path: file.content for file in self.files.values()}
        path = request.match_info["path"]
        if fault := self._next_fault("file"):
            return await self._suffer(fault, request)
        if request.match_info["token"] != self.token or path not in contents:
            return _error(404, "Not Found", {})
        return web.Response(body=contents[path])

    def _make_handlers(self) -> Mapping[str, Callable[[Json], Awaitable[object]]]:
        return {
            "getMe": self._get_me,
            "logOut": self._succeed,
            "close": self._succeed,
            "getUpdates": self._get_updates,
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._get_webhook_info,
            "sendMessage": self._send_message,
            "sendPhoto": self._send_photo,
            "sendDocument": self._send_document,
            "editMessageText": self._edit_message_text,
            "editMessageCaption": self._edit_message_caption,
            "editMessageReplyMarkup": self._edit_message_reply_markup,
            "deleteMessage": self._delete_message,
            "setMessageReaction": self._set_message_reaction,
            "sendChatAction": self._send_chat_action,
            "answerCallbackQuery": self._answer_callback_query,
            "answerInlineQuery": self._answer_inline_query,
            "answerGuestQuery": self._answer_guest_query,
            "getChat": self._get_chat,
            "getChatMember": self._get_chat_member,
            "leaveChat": self._leave_chat,
            "getFile": self._get_file,
            "setMyCommands": self._set_my_commands,
            "getMyCommands": self._get_my_commands,
            "deleteMyCommands": self._delete_my_commands,
            "setMyName": self._set_card,
            "setMyDescription": self._set_card,
            "setMyShortDescription": self._set_card,
            "getMyName": self._get_my_name,
            "getMyDescription": self._get_my_description,
            "getMyShortDescription": self._get_my_short_description,
            "setChatMenuButton": self._set_chat_menu_button,
        }

    async def _succeed(self, _: Json) -> bool:
        return True

    async def _get_me(self, _: Json) -> Json:
        return self.bot.as_json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": self._reads_all,
            "supports_inline_queries": self._inline_mode,
            "supports_guest_queries": self._guest_mode,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    async def _get_updates(self, params: Json) -> list[Json]:
        if self.webhook:
            raise RefusalError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook "
                "to delete the webhook first",
            )
        limit, timeout = params.get("limit", 100), params.get("timeout", 0)
        if not 1 <= limit <= 100 or timeout < 0:
            raise bad_request(f"limit {limit} or timeout {timeout} out of range")
        self._allow(params)
        self.confirm(params.get("offset", 0))
        self.polls += 1
        turn = self.polls
        await self.announce()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(timeout, _LONGEST_POLL)), self._changed:
                await self._changed.wait_for(
                    lambda: (
                        self.pending_updates
                        or self._repeated
                        or self.polls != turn
                        or self._closing
                    )
                )
        if self.polls != turn:
            raise RefusalError(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot "
                "instance is running",
            )
        repeated, self._repeated = self._repeated, []
        return (repeated + self.pending_updates)[:limit]

    def _allow(self, params: Json) -> None:
        """The kinds of updates wanted; as on Telegram a list stays until another one comes."""
        if "allowed_updates" not in params:
            return
        wanted = params["allowed_updates"]
        if unknown := [kind for kind in wanted if kind not in UPDATE_TYPES]:
            raise bad_request(f"unknown kinds in allowed_updates: {unknown}")
        self.allowed_updates = frozenset(wanted) or self.default_updates

    async def _set_webhook(self, params: Json) -> bool:
        url = params["url"]
        # Telegram wants https of all; without TLS nobody but this machine can be reached here.
        if url and not url.startswith(("https://", "http://127.0.0.1:")):
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", params.get("secret_token", "")):
            raise bad_request("secret token contains unallowed characters")
        self._allow(params)
        await self._stop_posting()
        self.webhook = dict(params) if url else {}
        await self._drop_pending(params)
        self._post_updates()
        return True

    async def _delete_webhook(self, params: Json) -> bool:
        await self._stop_posting()
        self.webhook = {}
        return await self._drop_pending(params)

    def _post_updates(self) -> None:
        """Begins to post, if there is a webhook on this machine."""
        if self.webhook.get("url", "").startswith("http://"):
            self._posting = asyncio.create_task(self._post_all(self.webhook))

    async def _stop_posting(self) -> None:
        if self._posting is not None:
            self._posting.cancel()
            with suppress(asyncio.CancelledError):
                await self._posting
            self._posting = None

    async def _post_all(self, webhook: Json) -> None:
        """Posts what waits, of many chats at once; in each the next when the one before is taken.

        As Telegram does: what is not taken is posted again, and holds up nothing but its chat.
        """
        lines: set[Line] = set()
        most = webhook.get("max_connections", _CONNECTIONS)
        async with (
            ClientSession(timeout=ClientTimeout(total=PATIENCE)) as session,
            asyncio.TaskGroup() as posts,
        ):
            while True:
                async with self._changed:
                    await self._changed.wait_for(
                        lambda: len(lines) < most and self._next_post(lines) is not None
                    )
                update = self._next_post(lines)
                assert update is not None
                lines.add(_line_of(update))
                posts.create_task(self._post_once(session, webhook, update, lines))

    def _next_post(self, lines: set[Line]) -> Json | None:
        """The oldest update that waits in none of these lines."""
        waiting = (update for update in self.pending_updates if _line_of(update) not in lines)
        return next(waiting, None)

    async def _post_once(
        self, session: ClientSession, webhook: Json, update: Json, lines: set[Line]
    ) -> None:
        """Posts an update once; its line goes on after that, with the same one if need be."""
        status = await _status_of_post(session, webhook, update)
        if self._next_fault("webhook") is not None:
            status = None
        self.posts.append((update["update_id"], status))
        if status is not None and 200 <= status < 300:
            if update in self.pending_updates:
                self.pending_updates.remove(update)
            left = (each["update_id"] for each in self.pending_updates)
            self._confirmed_until = max(
                self._confirmed_until, min(left, default=update["update_id"] + 1)
            )
        else:
            self._post_error = f"Wrong response from the webhook: {status}"
            await asyncio.sleep(_BETWEEN_POSTS)
        lines.remove(_line_of(update))
        await self.announce()

    async def _drop_pending(self, params: Json) -> bool:
        if params.get("drop_pending_updates"):
            self.drop_updates()
        return True

    async def _get_webhook_info(self, _: Json) -> Json:
        return {
            "url": self.webhook.get("url", ""),
            "has_custom_certificate": "certificate" in self.webhook,
            "pending_update_count": len(self.pending_updates),
        } | self._last_post_error()

    def _last_post_error(self) -> Json:
        if self._post_error is None:
            return {}
        return {"last_error_date": 1_780_000_000, "last_error_message": self._post_error}

    async def _send_message(self, params: Json) -> Json:
        return self._post(params, text_content(params))

    async def _send_photo(self, params: Json) -> Json:
        photo = self._file("photo", params["photo"])
        return self._post(params, {"photo": [photo], **caption_content(params)})

    async def _send_document(self, params: Json) -> Json:
        document = self._file("document", params["document"])
        if "thumbnail" in params:
            document["thumbnail"] = self._file("thumbnail", params["thumbnail"])
        return self._post(params, {"document": document, **caption_content(params)})

    def _post(self, params: Json, content: Json) -> Json:
        chat = self._writable_chat(params)
        thread = params.get("message_thread_id")
        chat.check_thread(thread)
        replied, quote = _find_replied(chat, params)
        if markup := check_markup(params.get("reply_markup")):
            content["reply_markup"] = markup
        self._check_rate(chat)
        prompts = "force_reply" in (params.get("reply_markup") or {})
        return chat.post_by_bot(
            {**quote, **content}, reply_to=replied, thread=thread, prompts=prompts
        )

    async def _edit_message_text(self, params: Json) -> Json | bool:
        chat, message = self._editable(params)
        if "text" not in message:
            raise bad_request("there is no text in the message to edit")
        return self._replace(chat, message, params, text_content(params))

    async def _edit_message_caption(self, params: Json) -> Json | bool:
        chat, message = self._editable(params)
        if not message.keys() & {"photo", "document"}:
            raise bad_request("there is no caption in the message to edit")
        return self._replace(chat, message, params, caption_content(params))

    async def _edit_message_reply_markup(self, params: Json) -> Json | bool:
        chat, message = self._editable(params)
        kept = {name: message[name] for name in _WORDS if name in message}
        return self._replace(chat, message, params, kept)

    def _replace(self, chat: Chat, message: Json, params: Json, content: Json) -> Json | bool:
        """Puts new content in place; a keyboard goes unless it is sent along again."""
        if markup := check_markup(params.get("reply_markup"), inline_only=True):
            content["reply_markup"] = markup
        replaced = (*_WORDS, "reply_markup")
        kept = {name: value for name, value in message.items() if name not in replaced}
        old = {name: value for name, value in message.items() if name in replaced}
        if content == old:
            raise bad_request(_NOT_MODIFIED)
        edited = chat.replace_by_bot(kept | content)
        return True if "inline_message_id" in params else edited

    def _editable(self, params: Json) -> tuple[Chat, Json]:
        if "inline_message_id" in params:
            if params.keys() & {"chat_id", "message_id"}:
                raise bad_request("inline_message_id excludes chat_id and message_id")
            if params["inline_message_id"] not in self.inline_messages:
                raise bad_request("MESSAGE_ID_INVALID")
            chat, message_id = self.inline_messages[params["inline_message_id"]]
            if message_id not in chat.messages:
                raise bad_request("MESSAGE_ID_INVALID")
            return chat, chat.messages[message_id]
        if not {"chat_id", "message_id"} <= params.keys():
            raise bad_request("message identifier is not specified")
        chat = self._writable_chat(params)
        return chat, chat.own_message(params["message_id"])

    async def _delete_message(self, params: Json) -> bool:
        chat = self._writable_chat(params)
        message = chat.messages.get(params["message_id"])
        if message is None:
            raise bad_request("message to delete not found")
        is_own = message.get("from", {}).get("id") == self.bot.id
        is_admin = chat.statuses[self.bot.id] == "administrator"
        if not (is_own or is_admin or chat.kind == "private"):
            raise bad_request("message can't be deleted")
        del chat.messages[params["message_id"]]
        return True

    async def _set_message_reaction(self, params: Json) -> bool:
        chat = self._writable_chat(params)
        if params["message_id"] not in chat.messages:
            raise bad_request("message to react not found")
        reaction = params.get("reaction", [])
        if len(reaction) > 1:
            raise bad_request("REACTIONS_TOO_MANY")
        for item in reaction:
            checked = check_fields("reaction", item, {"type": str, "emoji": str})
            known = checked.get("emoji") in {emoji.value for emoji in ReactionEmoji}
            if checked.get("type") != "emoji" or not known:
                raise bad_request("REACTION_INVALID")
        return True

    async def _send_chat_action(self, params: Json) -> bool:
        chat = self._writable_chat(params)
        thread = params.get("message_thread_id")
        # Actions, unlike messages, may name the General topic of a forum.
        if not (thread == 1 and chat.is_forum):
            chat.check_thread(thread)
        if params["action"] not in CHAT_ACTIONS:
            raise bad_request("wrong parameter action in request")
        return True

    async def _answer_callback_query(self, params: Json) -> bool:
        if params["callback_query_id"] not in self.open_presses:
            raise bad_request(_TOO_OLD)
        if utf16_length(params.get("text", "")) > _CALLBACK_TEXT_LIMIT:
            raise bad_request("MESSAGE_TOO_LONG")
        if not params.get("url", "t.me/").removeprefix("https://").startswith("t.me/"):
            raise bad_request("URL_INVALID")
        _check_cache_time(params)
        del self.open_presses[params["callback_query_id"]]
        return True

    async def _answer_inline_query(self, params: Json) -> bool:
        if params["inline_query_id"] not in self.open_inline_queries:
            raise bad_request(_TOO_OLD)
        check_inline_results(params["results"])
        if len(params.get("next_offset", "").encode()) > 64:
            raise bad_request("NEXT_OFFSET_INVALID")
        if "button" in params:
            _check_inline_results_button(params["button"])
        _check_cache_time(params)
        query = self.open_inline_queries.pop(params["inline_query_id"])
        self.offers.append((query, params))
        return True

    async def _answer_guest_query(self, params: Json) -> Json:
        if params["guest_query_id"] not in self.open_guest_queries:
            raise bad_request(_TOO_OLD)
        content = inline_content(check_inline_result(params["result"]))
        chat, asked = self.open_guest_queries.pop(params["guest_query_id"])
        answer = chat.post_by_bot({**_guest_caller(asked), **content})
        return {"inline_message_id": self.name_inline_message(chat, answer)}

    async def _get_chat(self, params: Json) -> Json:
        return self._writable_chat(params).as_json() | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": {
                "unlimited_gifts": False,
                "limited_gifts": False,
                "unique_gifts": False,
                "premium_subscription": False,
                "gifts_from_channels": False,
            },
        }

    async def _get_chat_member(self, params: Json) -> Json:
        chat = self._writable_chat(params)
        person = self.people.get(params["user_id"])
        if params["user_id"] == self.bot.id:
            person = self.bot
        if person is None:
            raise bad_request("PARTICIPANT_ID_INVALID")
        return chat.member_as_json(person)

    async def _leave_chat(self, params: Json) -> bool:
        chat = self._writable_chat(params)
        if chat.kind == "private":
            raise bad_request("chat member status can't be changed in private chats")
        await chat.bot_leaves()
        return True

    async def _get_file(self, params: Json) -> Json:
        file = self.files.get(params["file_id"])
        if file is None:
            raise bad_request("invalid file_id")
        if len(file.content) > DOWNLOAD_BYTES:
            raise bad_request("file is too big")
        names = ("file_id", "file_unique_id", "file_size")
        return {name: file.fields[name] for name in names} | {"file_path": file.path}

    def _file(self, kind: FileKind, value: Upload | str) -> Json:
        """An uploaded file, or one that is sent again; links are not taken here."""
        if isinstance(value, Upload):
            check_upload(value)
            name, content = value.file_name, value.content
            is_document = kind == "document"
            about = about_document(name, value.mime_type) if is_document else about_photo(content)
            return self.keep_file(kind, name, content, about)
        if value not in self.files:
            raise bad_request("wrong file identifier/HTTP URL specified")
        if self.files[value].kind != kind:
            raise bad_request("type of file mismatch")
        return dict(self.files[value].fields)

    def _writable_chat(self, params: Json) -> Chat:
        chat = self.chats.get(params["chat_id"])
        if chat is None and params["chat_id"] in self.people:
            raise RefusalError(403, "Forbidden: bot can't initiate conversation with a user")
        if chat is None:
            raise bad_request("chat not found")
        chat.check_bot_may_write()
        return chat

    def _check_rate(self, chat: Chat) -> None:
        if self._limits is None:
            return
        chat_interval, group_per_minute, per_second = self._limits
        windows: list[tuple[object, int, float]] = [
            (chat.id, 1, chat_interval),
            ("everywhere", per_second, 1.0),
        ]
        if chat.kind != "private":
            windows.append((("minute", chat.id), group_per_minute, 60.0))
        now = asyncio.get_running_loop().time()
        for key, limit, seconds in windows:
            times = self._sent_at[key]
            while times and times[0] <= now - seconds:
                times.popleft()
            if len(times) >= limit:
                wait = max(1, math.ceil(times[0] + seconds - now))
                words = f"Too Many Requests: retry after {wait}"
                raise RefusalError(429, words, {"retry_after": wait})
        for key, _, _ in windows:
            self._sent_at[key].append(now)

    async def _set_my_commands(self, params: Json) -> bool:
        check_commands(params["commands"])
        self.commands[self._commands_key(params)] = params["commands"]
        return True

    async def _get_my_commands(self, params: Json) -> list[Json]:
        return self.commands.get(self._commands_key(params), [])

    async def _delete_my_commands(self, params: Json) -> bool:
        self.commands.pop(self._commands_key(params), None)
        return True

    def _commands_key(self, params: Json) -> tuple[str, str]:
        scope = check_scope(params.get("scope"))
        if "chat_id" in scope:
            self._writable_chat(scope)
        ids = [str(scope[name]) for name in ("chat_id", "user_id") if name in scope]
        return ":".join([scope["type"], *ids]), check_language_code(params)

    async def _set_card(self, params: Json) -> bool:
        language_code = check_language_code(params)
        for name, limit in _CARD_LIMITS.items():
            if utf16_length(params.get(name, "")) > limit:
                raise bad_request(f"{name} is longer than {limit} characters")
            if name in params:
                self.card[name, language_code] = params[name]
        return True

    async def _get_my_name(self, params: Json) -> Json:
        return self._get_card("name", params, self.bot.first_name)

    async def _get_my_description(self, params: Json) -> Json:
        return self._get_card("description", params)

    async def _get_my_short_description(self, params: Json) -> Json:
        return self._get_card("short_description", params)

    def _get_card(self, name: str, params: Json, default: str = "") -> Json:
        return {name: self.card.get((name, check_language_code(params)), default)}

    async def _set_chat_menu_button(self, params: Json) -> bool:
        if "chat_id" in params and self._writable_chat(params).kind != "private":
            raise bad_request("chat must be a private chat")
        fields: dict[str, type] = {"type": str, "text": str, "web_app": dict}
        button = check_fields(
            "menu_button", params.get("menu_button", {"type": "default"}), fields
        )
        wanted = {"type", "text", "web_app"} if button.get("type") == "web_app" else {"type"}
        if button.get("type") not in {"default", "commands", "web_app"} or button.keys() != wanted:
            raise bad_request(f"menu button {button!r} is not well-formed")
        return True


async def _read_body(request: web.Request) -> Json:
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except ValueError:
            raise bad_request("can't parse JSON object") from None
        if not isinstance(body, dict):
            raise bad_request("object expected")
        return body
    fields: Json = {}
    try:
        form = await request.post()
    except web.HTTPRequestEntityTooLarge:
        raise too_large() from None
    for name, value in (*request.query.items(), *form.items()):
        if isinstance(value, web.FileField):
            fields[name] = Upload(value.filename, value.file.read(), value.content_type)
        else:
            fields[name] = value
    return fields


def _line_of(update: Json) -> Line:
    """What an update is posted in order with: the rest of its chat, or of its person's presses."""
    [(kind, content)] = [each for each in update.items() if each[0] != "update_id"]
    for whose in ("chat", "from"):
        # Tests have it send what nobody can read, too.
        if isinstance(found := content.get(whose), dict):
            return (whose if whose == "chat" else kind), found["id"]
    return kind, 0


async def _status_of_post(session: ClientSession, webhook: Json, update: Json) -> int | None:
    """Posts one update; returns the status that came back, None if none did."""
    headers = {}
    if "secret_token" in webhook:
        headers["X-Telegram-Bot-Api-Secret-Token"] = webhook["secret_token"]
    try:
        async with session.post(webhook["url"], json=update, headers=headers) as response:
            return response.status
    except (ClientError, TimeoutError):
        return None


async def _cut_off(http: web.Request, right: web.Response | None) -> web.StreamResponse:
    """Sends the first half of an answer and breaks the connection."""
    body = right.body if right is not None and isinstance(right.body, bytes) else b'{"ok": true, "'
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    answer.content_length = 2 * len(body)
    await answer.prepare(http)
    await answer.write(body)
    if http.transport is not None:
        http.transport.close()
    return answer


def _error(status: int, description: str, parameters: Json) -> web.Response:
    body: Json = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.json_response(body, status=status)


def _find_replied(chat: Chat, params: Json) -> tuple[Json | None, Json]:
    """The message replied to, and the fields that a quote of it adds to the reply."""
    if "reply_parameters" not in params:
        return None, {}
    options = check_reply(params["reply_parameters"])
    if options.get("chat_id", chat.id) != chat.id:
        raise bad_request("replies to another chat are not taken here")
    replied = chat.messages.get(options["message_id"])
    if replied is None:
        if options.get("allow_sending_without_reply"):
            return None, {}
        raise bad_request("message to be replied not found")
    if "quote" not in options:
        return replied, {}
    text = str(replied.get("text") or replied.get("caption") or "")
    if not options["quote"] or options["quote"] not in text:
        raise bad_request("QUOTE_TEXT_INVALID")
    position = utf16_length(text[: text.index(options["quote"])])
    quote = {"text": options["quote"], "position": position, "is_manual": True}
    return replied, {"quote": quote}


def _guest_caller(asked: Json) -> Json:
    """Who asked: a person, or the chat in whose name a person wrote."""
    if "sender_chat" in asked:
        return {"guest_bot_caller_chat": asked["sender_chat"]}
    return {"guest_bot_caller_user": asked["from"]}


def _check_cache_time(params: Json) -> None:
    if params.get("cache_time", 0) < 0:
        raise bad_request("cache_time must be a number of seconds")


def _check_inline_results_button(button: object) -> None:
    fields: dict[str, type] = {"text": str, "start_parameter": str, "web_app": dict}
    checked = check_fields("button", button, fields)
    if not checked.get("text") or len(checked) != 2:
        raise bad_request("button needs a text, and one of start_parameter and web_app")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", checked.get("start_parameter", "x")):
        raise bad_request("START_PARAM_INVALID")
