"""The whole application, fed with updates that nobody would send, and heard by a deaf Telegram."""

import asyncio
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from telegram import Update
from telegram.request import BaseRequest, RequestData

from bot import administration, application
from bot.application import Bot
from bot.handlers import insight
from bot.storage.journal import Journal
from bot_api_rules import (
    Json,
    caption_content,
    check_inline_results,
    check_markup,
    read_parameters,
    text_content,
)
from bot_api_server import BotApiServer
from conversation import build
from embeddings.indexing import reindex
from fixed_reading import FixedReading, FolderReindexing
from fixed_retriever import BRIDGE, CANAL, FixedRetriever
from fuzz_inputs import ANY_TEXT
from knowledge.article import format_article
from knowledge.corpus import load_corpus
from sound_updates import is_sound
from word_embedder import WordEmbedder

ADMIN = 700_000_001
_BOT: Json = {"id": 123456789, "is_bot": True, "first_name": "Green", "username": "green_bot"}
_IDS = st.sampled_from([ADMIN, 700_000_002, 123456789, 1087968824, 136817688, 777000])
_FLAGS = st.booleans()
_WORDS = st.sampled_from(
    [
        *("How long is the bridge?", "the canal", "What is the news?", "/ask", "/start", "/help"),
        *("/articles", "/latest", "/language", "/privacy", "/add", "/drafts", "/edit", "/remove"),
        *(
            "/undo",
            "/sources",
            "/status",
            "/stats",
            "/unanswered",
            "/reindex",
            "/cancel",
            "спасибо",
        ),
        *(
            "/ask@green_bot canal",
            "@green_bot",
            "@GREEN_bot bridge",
            "/start privacy",
            "https://x.y",
        ),
        *("/edit bridge", "/remove canal", "/stats 9999999999999999999", "/sources https://a.b"),
        *("/add https://example.org/a", "/start pAAAAAAAAAAAA", "/start aAAAA", "example.org"),
    ]
)
TEXTS = _WORDS | st.builds(lambda a, b: f"{a} {b}", _WORDS, ANY_TEXT) | ANY_TEXT
_OFFSETS = st.integers(-3, 70) | st.sampled_from([2**31, -(2**31), 2**63])
_ENTITY_TYPES = st.sampled_from(
    ["mention", "bot_command", "url", "text_link", "text_mention", "bold", "blockquote", "new_one"]
)
_USERS = st.fixed_dictionaries(
    {"id": _IDS, "is_bot": _FLAGS, "first_name": ANY_TEXT},
    optional={
        "username": st.sampled_from(["green_bot", "Alice", ""]),
        "language_code": st.sampled_from(["en", "ru", "kk", "ky", "pt-br", "", "xx"]) | ANY_TEXT,
    },
)
_CHATS = st.fixed_dictionaries(
    {
        "id": st.sampled_from([ADMIN, 700_000_002, -4000000001, -1002000000001]),
        "type": st.sampled_from(["private", "private", "group", "supergroup", "channel", "new"]),
    },
    optional={"title": ANY_TEXT, "username": st.just("green"), "is_forum": _FLAGS},
)
ENTITIES = st.lists(
    st.fixed_dictionaries(
        {"type": _ENTITY_TYPES, "offset": _OFFSETS, "length": _OFFSETS},
        optional={
            "url": st.sampled_from(["https://t.me/green_bot?start=p", "http://[", "tg://x"])
            | ANY_TEXT,
            "user": _USERS,
        },
    ),
    max_size=5,
)
_FILES = {"file_id": st.just("f"), "file_unique_id": st.just("u")}
_ORIGINS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("channel"), "date": st.just(0), "chat": _CHATS, "message_id": _OFFSETS}
    ),
    st.fixed_dictionaries({"type": st.just("user"), "date": st.just(0), "sender_user": _USERS}),
    st.fixed_dictionaries(
        {"type": st.just("hidden_user"), "date": st.just(0), "sender_user_name": ANY_TEXT}
    ),
)
_BUTTONS = st.lists(
    st.fixed_dictionaries({"text": ANY_TEXT}, optional={"callback_data": ANY_TEXT}), max_size=2
)
_CONTENT = {
    "text": TEXTS,
    "entities": ENTITIES,
    "caption": TEXTS,
    "caption_entities": ENTITIES,
    "sender_chat": _CHATS,
    "via_bot": _USERS,
    "forward_origin": _ORIGINS,
    "media_group_id": st.just("7"),
    "message_thread_id": st.integers(0, 3),
    "is_topic_message": _FLAGS,
    "is_automatic_forward": _FLAGS,
    "business_connection_id": st.just("b"),
    "photo": st.just([{"file_id": "f", "file_unique_id": "u", "width": 9, "height": 9}]),
    "document": st.fixed_dictionaries(
        _FILES, optional={"file_name": ANY_TEXT, "file_size": _OFFSETS, "mime_type": ANY_TEXT}
    ),
    "new_chat_title": ANY_TEXT,
    "reply_markup": st.fixed_dictionaries({"inline_keyboard": st.lists(_BUTTONS, max_size=2)}),
}
_PLAIN = st.fixed_dictionaries(
    {"message_id": st.integers(0, 9), "date": st.just(0), "chat": _CHATS},
    optional={**_CONTENT, "from": _USERS},
)
# What an admin or another person writes in private is where most handlers are.
_IN_PRIVATE = st.builds(
    lambda person, text, more: {
        "message_id": 5,
        "date": 0,
        "chat": {"id": person, "type": "private", "first_name": "A"},
        "from": {"id": person, "is_bot": False, "first_name": "A", "language_code": "en"},
        "text": text,
        "entities": [{"type": "bot_command", "offset": 0, "length": len(text.split(" ")[0])}]
        if text.startswith("/")
        else [],
        **more,
    },
    st.sampled_from([ADMIN, 700_000_002]),
    TEXTS,
    st.fixed_dictionaries({}, optional={**_CONTENT, "reply_to_message": _PLAIN}),
)
MESSAGES = _IN_PRIVATE | st.fixed_dictionaries(
    {"message_id": st.integers(0, 9), "date": st.just(0), "chat": _CHATS},
    optional={**_CONTENT, "from": _USERS, "reply_to_message": _PLAIN},
)
# Each kind of button, cut off or with other ends.
_DATA = st.builds(
    lambda kind, rest: f"{kind}{rest}",
    st.sampled_from(
        ["", "a:", "d:", "s:", "u:", "w:", "l:", "f:", "n:", "c:", "m", "v", "1:", "\x00", "🌉"]
    ),
    ANY_TEXT | st.from_regex(r"[a-z0-9:_-]{0,40}", fullmatch=True),
)
PRESSES = st.fixed_dictionaries(
    {"id": st.just("1"), "from": _USERS, "chat_instance": st.just("c")},
    optional={
        "message": _IN_PRIVATE | _PLAIN,
        "inline_message_id": st.just("i"),
        "data": _DATA.map(
            lambda data: data.encode("utf-8", "replace")[:64].decode("utf-8", "ignore")
        ),
    },
)
_MEMBERS = st.fixed_dictionaries(
    {"user": _USERS, "status": st.sampled_from(["left", "member", "kicked", "creator", "new"])},
    optional={"until_date": st.just(0), "is_anonymous": _FLAGS},
)
_KINDS = st.one_of(
    st.fixed_dictionaries({"message": MESSAGES}),
    st.fixed_dictionaries({"edited_message": MESSAGES}),
    st.fixed_dictionaries({"channel_post": MESSAGES}),
    st.fixed_dictionaries({"business_message": MESSAGES}),
    st.fixed_dictionaries(
        {"guest_message": st.builds(lambda m: {**m, "guest_query_id": "g"}, MESSAGES)}
    ),
    st.fixed_dictionaries({"callback_query": PRESSES}),
    st.fixed_dictionaries(
        {
            "inline_query": st.fixed_dictionaries(
                {"id": st.just("1"), "from": _USERS, "query": TEXTS, "offset": ANY_TEXT}
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "my_chat_member": st.fixed_dictionaries(
                {
                    "chat": _CHATS,
                    "from": _USERS,
                    "date": st.just(0),
                    "old_chat_member": _MEMBERS,
                    "new_chat_member": _MEMBERS,
                }
            )
        }
    ),
)
UPDATES = st.builds(lambda kind: {"update_id": 1, **kind}, _KINDS)
_ANYTHING = st.recursive(
    st.none() | _FLAGS | _OFFSETS | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=5,
)


def _mangle(update: Json, damage: list[tuple[int, Any, bool]]) -> Json:
    update = deepcopy(update)
    for number, value, removes in damage:
        places = list(_places(update))
        holder, key = places[number % len(places)]
        if removes:
            del holder[key]
        else:
            holder[key] = value
        if not update:
            break
    return update


def _places(value: Json | list[Any]) -> Iterator[tuple[Any, Any]]:
    """Every place in nested JSON: what holds it, and its key there."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


MANGLED_UPDATES = st.builds(
    _mangle,
    UPDATES,
    st.lists(st.tuples(st.integers(0, 200), _ANYTHING, _FLAGS), min_size=1, max_size=4),
)


class DeafTelegram(BaseRequest):
    """Takes every request that keeps the rules, and tells nobody."""

    @property
    def read_timeout(self) -> float:
        return 1.0

    async def initialize(self) -> None:
        """There is nothing to connect to."""

    async def shutdown(self) -> None:
        """There is nothing to close."""

    async def do_request(
        self,
        url: str,
        method: str,  # noqa: ARG002 - as in the library
        request_data: RequestData | None = None,
        *_: object,
        **__: object,
    ) -> tuple[int, bytes]:
        """Check what the bot sends as Telegram would, and say that it was done."""
        name = url.rpartition("/")[2]
        if "/file/" in url:
            return 200, b"A line.\n\nAnother line of a file."
        raw = dict(request_data.json_parameters) if request_data else {}
        json.dumps(raw, ensure_ascii=False).encode()  # half an emoji can't be sent
        params = read_parameters(name, raw)
        return 200, json.dumps({"ok": True, "result": self._done(name, params)}).encode()

    def _done(self, name: str, params: Json) -> object:
        if name == "getMe":
            return {**_BOT, "can_join_groups": True, "supports_inline_queries": True}
        if name in {"sendMessage", "editMessageText"}:
            text_content(params)
        if name == "sendPhoto":
            caption_content(params)
        if name == "answerInlineQuery":
            check_inline_results(params["results"])
        check_markup(params.get("reply_markup"))
        if name == "getFile":
            return {"file_id": "f", "file_unique_id": "u", "file_path": "documents/f"}
        if name == "answerGuestQuery":
            return {"inline_message_id": "i"}
        if name.startswith(("send", "edit")):
            chat = {"id": params.get("chat_id", 1), "type": "private"}
            return {"message_id": 7, "date": 0, "chat": chat, "text": "x"}
        return True


class LoudLog(logging.Handler):
    """Keeps the errors of the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


class FedBot:
    """The bot between updates; made by `fed_bot`."""

    def __init__(self, bot: Bot, runner: asyncio.Runner, log: LoudLog) -> None:
        self._bot, self._runner, self._log = bot, runner, log

    def feed(self, update: Json) -> None:
        """Let the bot handle an update.

        Raises:
            Exception: what went wrong in a handler, unless Telegram sends no such update: then an
                apology is all that is due.
        """
        try:
            parsed = Update.de_json(update, self._bot.telegram.bot)
        except Exception:  # noqa: BLE001 - the library itself takes no such thing for an update
            return
        self._log.records.clear()
        self._runner.run(self._handle(parsed))
        if not is_sound(parsed):
            return
        for record in self._log.records:
            error = record.exc_info[1] if record.exc_info else None
            raise error or AssertionError(record.getMessage())

    async def _handle(self, update: Update) -> None:
        try:
            await self._bot.telegram.process_update(update)
        except Exception as error:  # noqa: BLE001 - the library does so with its tasks
            await self._bot.telegram.process_error(update, error)
        while tasks := self._bot.administration.errands._tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)


async def _no_picture(*_: object) -> None:
    return None


@contextmanager
def fed_bot() -> Iterator[FedBot]:
    """A bot in a folder of its own that knows two articles; Alice is its admin."""
    log = LoudLog()
    with tempfile.TemporaryDirectory() as name, asyncio.Runner() as runner:
        folder = Path(name)
        articles = folder / "articles"
        articles.mkdir()
        for article in (BRIDGE, CANAL):
            (articles / f"{article.slug}.md").write_text(format_article(article), "utf-8")
        embedder = WordEmbedder("bridge", "canal")
        reindex(load_corpus(articles), folder / "index.db", embedder)
        reindexing = FolderReindexing(articles, folder / "index.db", embedder)
        logging.getLogger().addHandler(log)
        with (
            patch.object(administration, "Reading", lambda *_: FixedReading()),
            patch.object(application, "Reindexing", lambda *_: reindexing),
            patch.object(insight, "draw_aside", _no_picture),
        ):
            journal = Journal.open(folder / "data", 90)
            bot = runner.run(_begin(journal, folder))
            try:
                yield FedBot(bot, runner, log)
            finally:
                logging.getLogger().removeHandler(log)
                runner.run(_end(bot))
                journal.close()


async def _begin(journal: Journal, folder: Path) -> Bot:
    api = BotApiServer()  # for its token only
    api.url = "http://127.0.0.1:9"
    bot = build(
        api,
        FixedRetriever(),
        journal,
        admin_ids=str(ADMIN),
        articles_dir=folder / "articles",
        data_dir=folder / "data",
    )
    deaf = DeafTelegram()
    bot.telegram.bot._request = (deaf, deaf)
    bot.telegram.bot._rate_limiter = None
    await bot.telegram.initialize()
    await bot.answering.initialize()
    return bot


async def _end(bot: Bot) -> None:
    await bot.administration.shutdown()
    await bot.telegram.shutdown()
    await bot.answering.shutdown()
