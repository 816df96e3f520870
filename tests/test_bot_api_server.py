"""The local Bot API server refuses what Telegram refuses, and delivers what Telegram delivers."""

import asyncio
import inspect
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientSession, FormData
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputFile,
    InputTextMessageContent,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    ReactionTypeEmoji,
    ReplyParameters,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    ContextTypes,
    MessageHandler,
    filters,
)
from telegram.request import HTTPXRequest

from bot_api_chats import Chat, Person
from bot_api_rules import PARAMETERS, RefusalError, detect_entities, is_link, utf16_length
from bot_api_server import BotApiServer

Reply = tuple[int, dict[str, Any]]


@pytest.fixture
async def api() -> AsyncIterator[BotApiServer]:
    """A running server, which may refuse what these tests send it."""
    async with BotApiServer() as server:
        yield server


@pytest.fixture
async def bot(api: BotApiServer) -> AsyncIterator[Bot]:
    """The library's Bot, connected to the server."""
    async with connect(api) as connected:
        yield connected


@pytest.fixture
def alice(api: BotApiServer) -> Person:
    """A person who writes Kazakh."""
    return api.user("Alice", username="alice_k", language_code="kk")


@pytest.fixture
def chat(api: BotApiServer, alice: Person) -> Chat:
    """Alice's private chat with the bot."""
    return api.private_chat(alice)


def connect(api: BotApiServer) -> Bot:
    """A Bot for this server, to be opened with `async with`."""
    return Bot(
        api.token,
        base_url=f"{api.url}/bot",
        base_file_url=f"{api.url}/file/bot",
        request=local_request(),
        get_updates_request=local_request(),
    )


def local_request() -> HTTPXRequest:
    """The library's HTTP client; no proxy of the environment comes in between."""
    return HTTPXRequest(httpx_kwargs={"trust_env": False})


async def call(api: BotApiServer, method: str, **params: object) -> Reply:
    """One raw request, for what the library would not let through."""
    return await call_as(api.token, api, method, **params)


async def call_as(token: str, api: BotApiServer, method: str, **params: object) -> Reply:
    """The same with any token."""
    url = f"{api.url}/bot{token}/{method}"
    async with ClientSession() as session, session.post(url, json=params) as response:
        return response.status, await response.json()


async def refusal(api: BotApiServer, method: str, **params: object) -> str:
    """The description of the 400 that this request gets."""
    status, body = await call(api, method, **params)
    assert (status, body["ok"], body["error_code"]) == (400, False, 400), body
    assert api.refused[-1].method == method
    return str(body["description"])


def entity(type_: str, offset: int, length: int, **fields: object) -> dict[str, object]:
    """A MessageEntity as JSON."""
    return {"type": type_, "offset": offset, "length": length, **fields}


async def echo(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    """Repeats what it is asked, in a group only when mentioned."""
    message = update.effective_message
    assert message is not None
    if message.text and (message.chat.type == "private" or "@green_bot" in message.text):
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Again", callback_data="again")]])
        await message.reply_text(message.text, do_quote=True, reply_markup=keyboard)


async def echo_again(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    """Answers the button."""
    query = update.callback_query
    assert query is not None
    await query.answer()
    await query.edit_message_text("again")


@pytest.fixture
async def echo_bot(api: BotApiServer) -> AsyncIterator[Application[Any, Any, Any, Any, Any, Any]]:
    """A real Application that polls the server."""
    application = (
        ApplicationBuilder()
        .token(api.token)
        .base_url(f"{api.url}/bot")
        .base_file_url(f"{api.url}/file/bot")
        .request(local_request())
        .get_updates_request(local_request())
        .concurrent_updates(True)
        .build()
    )
    application.add_handler(MessageHandler(filters.ALL, echo))
    application.add_handler(CallbackQueryHandler(echo_again))
    async with application:
        assert application.updater is not None
        await application.updater.start_polling()
        await application.start()
        yield application
        if application.running:
            await application.stop()
        await application.updater.stop()


@pytest.mark.usefixtures("echo_bot")
async def test_conversation(api: BotApiServer, alice: Person, chat: Chat) -> None:
    """A real Application that polls gets what people do, and people get what it says."""
    question = await chat.send(alice, "Who leads 🌍 @green_bot?")
    answer = await chat.answer_to(question)
    assert answer["text"] == "Who leads 🌍 @green_bot?"
    assert answer["entities"] == [entity("mention", 13, 10)]
    assert answer["from"]["is_bot"]
    await chat.press(answer, "again")
    assert (await chat.next_edit())["text"] == "again"
    await chat.edit(question, "Who?")
    assert (await chat.next_message())["text"] == "Who?"
    assert api.unanswered_presses == []
    assert chat.unread == []
    assert api.refused == []
    assert api.requests[0].method == "getMe"


async def test_silence(
    api: BotApiServer, alice: Person, echo_bot: Application[Any, Any, Any, Any, Any, Any]
) -> None:
    """Silence is proven by the end of all handlers, or by the answer to a later message."""
    group = api.group("Green Bishkek")
    await group.send(alice, "good morning")
    await group.answer_to(await group.send(alice, "@green_bot who?"))
    await group.silence_after(await group.send(alice, "good night"), echo_bot.stop)
    await echo_bot.start()
    with pytest.raises(AssertionError, match="silence expected"):
        await group.silence_after(await group.send(alice, "@green_bot?"), echo_bot.stop)
    with pytest.raises(AssertionError, match="expected an answer to message 1"):
        await group.answer_to({"message_id": 1})


async def test_waiting_in_vain(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """A test that waits in vain says what the bot did instead."""
    await bot.send_chat_action(chat.id, "typing")
    with pytest.raises(AssertionError) as failure:
        await chat.next_message(within=0.01)
    assert str(failure.value) == (
        "no message in chat 'Alice' within 0.01 s; requests so far: getMe, sendChatAction; "
        "refused: none; 0 updates unconfirmed"
    )
    assert await api.next_request("sendChatAction") == {"chat_id": chat.id, "action": "typing"}


async def test_wrong_token(api: BotApiServer) -> None:
    """A wrong token is unauthorized, and a slash too many leads nowhere."""
    unauthorized = {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert await call_as("1:wrong", api, "getMe") == (401, unauthorized)
    async with local_request() as request:
        misled = Bot(api.token, base_url=f"{api.url}/bot/", request=request)
        with pytest.raises(InvalidToken):
            await misled.get_me()


async def test_unknown_method(api: BotApiServer) -> None:
    """A method that the server does not know is not found."""
    not_found = {"ok": False, "error_code": 404, "description": "Not Found"}
    assert await call(api, "sendMesage") == (404, not_found)
    assert api.refused == [("sendMesage", {}, "Not Found")]


def test_parameters_are_the_librarys() -> None:
    """No method takes a parameter that python-telegram-bot's method of that name lacks."""
    for method, names in PARAMETERS.items():
        function = getattr(Bot, re.sub("([A-Z])", r"_\1", method).lower())
        assert names <= inspect.signature(function).parameters.keys(), method


@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("getMe", {"verbose": True}, "getMe takes no parameter 'verbose' here"),
        ("sendMessage", {"chat_id": 1}, "parameter 'text' is required"),
        ("sendMessage", {"chat_id": 1, "text": 5}, "parameter 'text' must be of type string"),
        ("sendMessage", {"chat_id": True, "text": "x"}, "'chat_id' must be of type chat"),
        ("getUpdates", {"timeout": "soon"}, "parameter 'timeout' is not valid JSON"),
        ("getUpdates", {"timeout": 1.5}, "parameter 'timeout' must be of type integer"),
        ("getUpdates", {"limit": 0}, "limit 0 or timeout 0 out of range"),
        ("getUpdates", {"allowed_updates": ["mesage"]}, "unknown kinds in allowed_updates"),
        ("sendMessage", {"chat_id": 1, "text": "x"}, "chat not found"),
        ("sendMessage", {"chat_id": "Alice", "text": "x"}, "chat not found"),
        ("setWebhook", {"url": "http://a.kz"}, "An HTTPS URL must be provided for webhook"),
        ("answerCallbackQuery", {"callback_query_id": "1"}, "query is too old"),
        ("getFile", {"file_id": "1"}, "invalid file_id"),
    ],
)
async def test_bad_parameters(
    api: BotApiServer, method: str, params: dict[str, object], description: str
) -> None:
    """Parameters must be known, complete and of the right type, and name what exists."""
    assert description in await refusal(api, method, **params)
    assert api.requests == []


@pytest.mark.parametrize(
    ("text", "entities", "description"),
    [
        ("", [], "message text is empty"),
        (" \n", [], "message text is empty"),
        ("я" * 4097, [], "message is too long"),
        ("🌍" * 2049, [], "message is too long"),
        ("abc", [entity("bald", 0, 1)], "unknown type 'bald'"),
        ("abc", [entity("bold", 0, 0)], "the length must be positive"),
        ("abc", [entity("bold", -1, 2)], "outside the text of 3 UTF-16 units"),
        ("🌍", [entity("bold", 0, 3)], "outside the text of 2 UTF-16 units"),
        ("🌍", [entity("bold", 1, 1)], "within a UTF-16 surrogate pair"),
        ("abc", [entity("bold", 0, 1, url="x")], "unknown field 'url'"),
        ("abc", [entity("text_link", 0, 1)], "wrong URL None"),
        ("abc", [entity("text_link", 0, 1, url="ftp://a.kz")], "wrong URL"),
        ("abc", [entity("text_link", 0, 1, url="http://localhost")], "wrong URL"),
        ("abc", [entity("text_link", 0, 1, url="http://[a.kz")], "wrong URL"),
        ("abc", ["bold"], "unknown type None"),
        ("abc", [entity("bold", 0, 2), entity("italic", 1, 2)], "overlap in part"),
        (
            "abc",
            [entity("blockquote", 0, 3), entity("expandable_blockquote", 1, 1)],
            "blockquotes can't be nested",
        ),
        ("abc", [entity("code", 0, 3), entity("bold", 1, 1)], "can't be nested"),
        ("a" * 101, [entity("bold", i, 1) for i in range(101)], "honours only 100"),
        (
            "abc",
            [entity("text_link", 0, 1, url=f"https://a.kz/{'x' * 8988}")],
            "ENTITIES_TOO_LONG",
        ),
    ],
)
async def test_bad_text(
    api: BotApiServer, chat: Chat, text: str, entities: list[object], description: str
) -> None:
    """A text has 1 to 4,096 UTF-16 units, and its entities lie within it in good order."""
    assert description in await refusal(
        api, "sendMessage", chat_id=chat.id, text=text, entities=entities
    )
    assert chat.unread == []


async def test_parse_mode(bot: Bot, chat: Chat) -> None:
    """Markup in a text is refused: the bot sends entities."""
    with pytest.raises(BadRequest, match=r"(?i)parse_mode is not taken here"):
        await bot.send_message(chat.id, "<b>x</b>", parse_mode="HTML")


async def test_longest_text(bot: Bot, chat: Chat) -> None:
    """Exactly 4,096 UTF-16 units pass, whatever whitespace is around them."""
    sent = await bot.send_message(chat.id, "\n" + "🌍" * 2048 + "\n")
    assert sent.text == "🌍" * 2048


async def test_sent_message(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """A sent message comes back as Telegram keeps it: trimmed, with links and mentions marked."""
    question = await chat.send(alice, "/ask Who?", fields={"media_group_id": "7"})
    sent = await bot.send_message(
        chat.id,
        "\n  Ann leads. https://a.kz/x, says @green_bot \n",
        entities=[
            MessageEntity("blockquote", 3, 25),
            MessageEntity("bold", 3, 3),
            MessageEntity("text_link", 7, 5, url="https://b.kz"),
        ],
        reply_parameters=ReplyParameters(question["message_id"], quote="Who"),
        link_preview_options=LinkPreviewOptions(url="https://b.kz", show_above_text=True),
        reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="я" * 32)]]),
    )
    assert sent.text == "Ann leads. https://a.kz/x, says @green_bot"
    assert [(e.type, e.offset, e.length) for e in sent.entities] == [
        ("blockquote", 0, 25),
        ("bold", 0, 3),
        ("text_link", 4, 5),
        ("url", 11, 14),
        ("mention", 32, 10),
    ]
    assert sent.quote is not None
    assert (sent.quote.text, sent.quote.position) == ("Who", 5)
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.from_user is not None
    assert sent.reply_to_message.from_user.language_code == "kk"
    assert sent.reply_to_message.media_group_id == "7"
    assert sent.link_preview_options is not None
    assert sent.reply_markup is not None
    heard = await chat.next_message()
    assert heard["message_id"] == sent.message_id == 2
    thanks = await chat.send(alice, "Thanks", reply_to=heard)
    assert thanks["reply_to_message"]["text"] == sent.text
    assert "reply_to_message" not in thanks["reply_to_message"]
    assert api.refused == []


@pytest.mark.parametrize(
    "url",
    [
        "https://a.kz/x#:~:text=Some%20words,end%2C%20so",
        "https://a.kz/x#:~:text=%D0%9A%D0%B8%D0%BC-,%D0%B1%D0%B0%D1%80",
        "https://қазақ.kz/Кот_(зверь)?x#y",
        "http://127.0.0.1:80/x",
        "https://t.me/green_bot?start=a-b_C9",
        "https://t.me/share/url?url=https%3A%2F%2Ft.me%2Fgreen_bot%3Fstart%3Da&text=%D0%9A",
        "tg://resolve?domain=green_bot",
    ],
)
def test_good_links(url: str) -> None:
    """Links with text fragments, start links and share links pass (checked with TDLib)."""
    assert is_link(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.kz/x y",
        "https://a.kz:70000/",
        "https://a.kz\\x",
        "//a.kz",
        "https://",
        "javascript:alert(1)",
        "https://t.me/green_bot?start=a:b",
        f"https://t.me/green_bot?start={'a' * 65}",
        "https://t.me/share/url?text=x",
        "https://t.me/share/url?url=https%3A%2F%2Ft.me%2Fgreen_bot%3Fstart%3Da%3Ab",
    ],
)
def test_bad_links(url: str) -> None:
    """Links that Telegram drops are refused, and those to Telegram that would do nothing."""
    assert not is_link(url)


async def test_two_blockquotes(bot: Bot, chat: Chat) -> None:
    """Blockquotes of both kinds stand side by side in one message, and bold within them."""
    entities = [
        MessageEntity("blockquote", 0, 3),
        MessageEntity("expandable_blockquote", 4, 3),
        MessageEntity("expandable_blockquote", 7, 1),
        MessageEntity("bold", 4, 3),
    ]
    sent = await bot.send_message(chat.id, "abc\ndefg", entities=entities)
    assert [(e.type, e.offset, e.length) for e in sent.entities] == [
        ("blockquote", 0, 3),
        ("expandable_blockquote", 4, 3),
        ("bold", 4, 3),
        ("expandable_blockquote", 7, 1),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("🌍 @green_bot, @abc (@Green_Bot)", [("mention", 3, 10), ("mention", 21, 10)]),
        ("@green_bot2 me@green_bot @green_botә", [("mention", 0, 11)]),
        ("/ask@green_bot кто? /a/b //c /askкто и/ask", [("bot_command", 0, 14)]),
        ("См. (https://ru.wikipedia.org/wiki/Кот_(зверь)).", [("url", 5, 41)]),
        ("https://a.kz/@green_bot a@b.kz", [("url", 0, 23), ("email", 24, 6)]),
        ("#көше #1 ##a", [("hashtag", 0, 5), ("hashtag", 10, 2)]),
        ("/add green.kz/news?x=1#y, да", [("bot_command", 0, 4), ("url", 5, 19)]),
        ("См. GREEN.KZ, зелёный.рф и қазақ.kz.", [("url", 4, 8), ("url", 14, 10), ("url", 27, 8)]),
        ("article.md report.pdf notes.docx", [("url", 0, 10)]),
        ("сайт:green.kz:8080/x («a.b.co.uk»)", [("url", 5, 15), ("url", 23, 9)]),
        ("конец.In Hello.World и т.д. v1.2 01.02.2024 green.zzz", []),
        ("green..kz x_y.kz x-.kz a.kz-b a.kz@b a.kzә @a.kz", []),
        ("x-y.kz a_b.c.kz", [("url", 0, 6), ("url", 7, 8)]),
        ("http://127.0.0.1:8080/x", [("url", 0, 23)]),
    ],
)
def test_detected_entities(text: str, expected: list[tuple[str, int, int]]) -> None:
    """What Telegram marks in a person's text by itself (values checked with TDLib's parser)."""
    assert detect_entities(text) == [entity(*item) for item in expected]


@pytest.mark.parametrize(
    ("reply", "description"),
    [
        ({"message_id": 99}, "message to be replied not found"),
        ({"quote": "Who"}, "reply_parameters need a message_id"),
        ({"message_id": 1, "quote": "Ann"}, "QUOTE_TEXT_INVALID"),
        ({"message_id": 1, "chat_id": 5}, "replies to another chat are not taken here"),
        ({"message_id": 1, "quotation": "x"}, "unknown field 'quotation'"),
    ],
)
async def test_bad_reply(
    api: BotApiServer, alice: Person, chat: Chat, reply: dict[str, object], description: str
) -> None:
    """A reply is to a message of this chat, and a quote is a piece of it."""
    await chat.send(alice, "Who leads?")
    assert description in await refusal(
        api, "sendMessage", chat_id=chat.id, text="x", reply_parameters=reply
    )


async def test_reply_to_deleted_message(bot: Bot, alice: Person, chat: Chat) -> None:
    """With allow_sending_without_reply the answer goes out though the question is gone."""
    question = await chat.send(alice, "Who?")
    await chat.delete(question)
    reply = ReplyParameters(question["message_id"], allow_sending_without_reply=True)
    assert (await bot.send_message(chat.id, "x", reply_parameters=reply)).reply_to_message is None


@pytest.mark.parametrize(
    ("markup", "description"),
    [
        ({"inline_keyboard": [[{"text": "A", "callback_data": ""}]]}, "BUTTON_DATA_INVALID"),
        ({"inline_keyboard": [[{"text": "A", "callback_data": "я" * 33}]]}, "BUTTON_DATA_INVALID"),
        ({"inline_keyboard": [[{"text": "", "callback_data": "a"}]]}, "must be non-empty"),
        ({"inline_keyboard": [[{"text": "A"}]]}, "must do exactly one thing"),
        ({"inline_keyboard": [[{"text": "A", "url": "green"}]]}, "URL 'green' is invalid"),
        ({"inline_keyboard": [[{"text": "A", "data": "a"}]]}, "unknown field 'data'"),
        ({"inline_keyboard": [{"text": "A"}]}, "list of non-empty lists of buttons"),
        ({"inline_keyboard": [[{"text": "A", "url": "https://a.kz"}] * 9]}, "than 8 buttons"),
        ({"keyboard": [[""]]}, "must be non-empty"),
        ({"buttons": []}, "reply_markup of an unknown kind"),
        ({"force_reply": True, "input_field_placeholder": "x" * 65}, "1 to 64 characters"),
        ({"force_reply": True, "input_field_placeholder": ""}, "1 to 64 characters"),
        ({"keyboard": [["A"]], "input_field_placeholder": "x" * 65}, "1 to 64 characters"),
        (
            {"inline_keyboard": [[{"text": "x" * 3000, "callback_data": "a"}]] * 3},
            "reply markup is too long",
        ),
    ],
)
async def test_bad_markup(
    api: BotApiServer, chat: Chat, markup: dict[str, object], description: str
) -> None:
    """Buttons are well-formed, and callback data has 1 to 64 bytes."""
    assert description in await refusal(
        api, "sendMessage", chat_id=chat.id, text="x", reply_markup=markup
    )


async def test_other_markup(api: BotApiServer, chat: Chat) -> None:
    """Reply keyboards pass but are no part of the message, as on Telegram."""
    forced = {"force_reply": True, "selective": True, "input_field_placeholder": "x" * 64}
    for markup in ({"keyboard": [["A"]]}, {"remove_keyboard": True}, forced):
        status, body = await call(
            api, "sendMessage", chat_id=chat.id, text="x", reply_markup=json.dumps(markup)
        )
        assert status == 200
        assert "reply_markup" not in body["result"]


async def test_link_preview(api: BotApiServer, chat: Chat) -> None:
    """Link preview options have known fields and a real URL."""
    for options in ({"disabled": True}, {"url": "green"}, {"is_disabled": 1}):
        assert "link_preview_options has" in await refusal(
            api, "sendMessage", chat_id=chat.id, text="x", link_preview_options=options
        )


async def test_forum(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """Messages go to existing topics of forums only; General is addressed by leaving it out."""
    forum = api.supergroup("Green Bishkek", forum=True)
    thread = await forum.topic("Water")
    question = await forum.send(alice, "@green_bot?", message_thread_id=thread)
    assert question["is_topic_message"]
    assert question["reply_to_message"]["message_id"] == thread
    sent = await bot.send_message(forum.id, "x", message_thread_id=thread)
    assert (sent.message_thread_id, sent.is_topic_message) == (thread, True)
    reply = ReplyParameters(question["message_id"])
    sent = await bot.send_message(forum.id, "x", reply_parameters=reply)
    assert sent.message_thread_id == thread
    assert "message_thread_id" not in await forum.send(alice, "in General")
    for wrong in (1, 999):
        with pytest.raises(BadRequest, match="Message thread not found"):
            await bot.send_message(forum.id, "x", message_thread_id=wrong)
    assert await bot.send_chat_action(forum.id, "typing", message_thread_id=1)


async def test_thread_outside_forum(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """In an ordinary supergroup replies carry a thread id to which nothing can be sent."""
    group = api.supergroup("Green Osh")
    first = await group.send(alice, "Who?")
    second = await group.send(alice, "Well?", reply_to=first)
    assert second["message_thread_id"] == first["message_id"]
    assert "is_topic_message" not in second
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(group.id, "x", message_thread_id=second["message_thread_id"])


async def test_edit(bot: Bot, alice: Person, chat: Chat) -> None:
    """Only the bot's own messages can be edited, and only if something changes."""
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    sent = await bot.send_message(chat.id, "x", reply_markup=keyboard)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await sent.edit_text("x ", reply_markup=keyboard)
    await sent.edit_text("x")
    edited = await chat.next_edit()
    assert edited["edit_date"] >= edited["date"]
    assert "reply_markup" not in edited
    await sent.edit_reply_markup(keyboard)
    assert (await chat.next_edit())["reply_markup"] == keyboard.to_dict()
    question = await chat.send(alice, "Who?")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", chat.id, question["message_id"])
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", chat.id, 99)


async def test_delete(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """In a group the bot deletes others' messages as an admin only."""
    group = api.group("Green Osh")
    question = await group.send(alice, "Who?")
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await bot.delete_message(group.id, question["message_id"])
    await group.promote_bot()
    assert await bot.delete_message(group.id, question["message_id"])
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(group.id, question["message_id"])


async def test_unwelcome_bot(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """Where the bot is blocked, banned or unknown it is forbidden to write."""
    group = api.group("Green Osh")
    stranger = api.user("Bob")
    await chat.block()
    await group.block(by=alice)
    elsewhere = api.supergroup("Green Almaty", bot_is_member=False)
    for chat_id, words in (
        (chat.id, "bot was blocked by the user"),
        (group.id, "bot was kicked from the group chat"),
        (elsewhere.id, "bot is not a member of the supergroup chat"),
        (stranger.id, "bot can't initiate conversation with a user"),
    ):
        with pytest.raises(Forbidden, match=words):
            await bot.send_message(chat_id, "x")
    updates = await bot.get_updates()
    statuses = [u.my_chat_member.new_chat_member.status for u in updates if u.my_chat_member]
    assert statuses == ["kicked", "kicked"]
    await chat.unblock()
    await bot.send_message(chat.id, "x")


async def test_membership(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """Being added comes as my_chat_member and a message; before it nothing comes."""
    group = api.group("Green Osh", bot_is_member=False)
    await group.send(alice, "unheard")
    await group.add_bot(by=alice)
    first, second = await bot.get_updates()
    assert first.my_chat_member is not None
    assert first.my_chat_member.old_chat_member.status == "left"
    assert second.message is not None
    assert second.message.new_chat_members[0].id == bot.id
    group.promote(alice)
    assert (await bot.get_chat_member(group.id, alice.id)).status == "administrator"
    assert (await bot.get_chat_member(group.id, bot.id)).status == "member"
    assert (await bot.get_chat(group.id)).title == "Green Osh"
    assert await bot.leave_chat(group.id)
    with pytest.raises(Forbidden):
        await bot.get_chat(group.id)


async def test_migration(api: BotApiServer, bot: Bot) -> None:
    """A group that became a supergroup is reached by its new id only, which the error tells."""
    group = api.group("Green Osh")
    new = await group.migrate()
    with pytest.raises(ChatMigrated) as error:
        await bot.send_message(group.id, "x")
    assert error.value.new_chat_id == new.id
    assert (await bot.send_message(new.id, "x")).chat.type == "supergroup"


async def test_senders(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """Anonymous admins, channels, forwards and inline bots look as they do on Telegram."""
    group = api.supergroup("Green Osh")
    channel = api.channel("Green News")
    await group.send(alice, "a", anonymous=True)
    await group.send(alice, "b", sender_chat=channel)
    await group.send(alice, "c", forwarded_from=api.user("Bob"))
    await group.send(alice, "d", via_bot=api.bot)
    await channel.send(alice, "e")
    *updates, post = await bot.get_updates()
    anonymous, by_channel, forward, inline = (u.message for u in updates)
    assert anonymous is not None
    assert anonymous.from_user is not None
    assert anonymous.from_user.id == 1087968824
    assert anonymous.sender_chat == anonymous.chat
    assert by_channel is not None
    assert by_channel.sender_chat is not None
    assert by_channel.sender_chat.title == "Green News"
    assert forward is not None
    assert forward.forward_origin is not None
    assert inline is not None
    assert inline.via_bot is not None
    assert inline.via_bot.id == bot.id
    assert post.channel_post is not None
    assert post.channel_post.from_user is None


async def test_media(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """Media of people arrive whole, and their files can be fetched."""
    await chat.send_photo(alice, caption="@green_bot who?")
    await chat.send_sticker(alice)
    await chat.send_voice(alice)
    await chat.send_document(alice, "Статья №1.md", b"# Title", caption="See a.kz")
    photo, sticker, voice, document = (u.message for u in await bot.get_updates())
    assert photo is not None
    assert photo.caption_entities[0].type == "mention"
    assert sticker is not None
    assert sticker.sticker is not None
    assert voice is not None
    assert voice.voice is not None
    assert document is not None
    assert document.caption_entities[0].type == "url"
    assert document.document is not None
    assert document.document.file_name == "Статья №1.md"
    assert document.document.mime_type == "text/markdown"
    assert document.document.file_size == 7
    file = await bot.get_file(document.document.file_id)
    assert file.file_path is not None
    assert file.file_path.endswith(".md")
    assert "Статья" not in file.file_path
    assert bytes(await file.download_as_bytearray()) == b"# Title"
    assert api.refused == []


async def test_strange_document(bot: Bot, alice: Person, chat: Chat) -> None:
    """A phone may give any name and any type; neither gets into the path of the file."""
    await chat.send_document(alice, "../a?b#c.p%f", mime_type="application/pdf")
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.document is not None
    assert update.message.document.mime_type == "application/pdf"
    file = await bot.get_file(update.message.document)
    assert file.file_path is not None
    assert re.fullmatch(r".*/documents/file_\d+", file.file_path)
    assert await file.download_as_bytearray() == b"document"


async def test_too_large_document(bot: Bot, alice: Person, chat: Chat) -> None:
    """Bots can fetch 20 MB and not a byte more, though the message arrives."""
    await chat.send_document(alice, content=bytes(20 * 1024**2))
    await chat.send_document(alice, content=bytes(20 * 1024**2 + 1))
    fits, large = (u.message.document for u in await bot.get_updates() if u.message)
    assert fits is not None
    assert len(await (await fits.get_file()).download_as_bytearray()) == 20 * 1024**2
    assert large is not None
    assert large.file_size == 20 * 1024**2 + 1
    with pytest.raises(BadRequest, match="File is too big"):
        await large.get_file()


async def test_failing_download(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """A download can fail like a request."""
    sent = await chat.send_document(alice)
    file = await bot.get_file(sent["document"]["file_id"])
    api.fail_next("file", status=502)
    api.fail_next("file", drop=True)
    for _ in range(2):
        with pytest.raises(NetworkError):
            await file.download_as_bytearray()
    api.files.clear()
    with pytest.raises(InvalidToken, match="Not Found"):
        await file.download_as_bytearray()


def image(kind: str, width: int = 3, height: int = 2) -> bytes:
    """A black image."""
    content = BytesIO()
    Image.new("RGB", (width, height)).save(content, kind)
    return content.getvalue()


async def test_documents(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """The bot sends files as uploads, and again by their id; captions have their own limit."""
    question = await chat.send(alice, "/export")
    button = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    sent = await bot.send_document(
        chat.id,
        b"a,b",
        filename="журнал.csv",
        caption="See a@b.kz",
        caption_entities=[MessageEntity("bold", 0, 3)],
        reply_parameters=ReplyParameters(question["message_id"]),
        reply_markup=button,
        thumbnail=image("JPEG"),
    )
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.mime_type) == ("журнал.csv", "text/csv")
    assert sent.document.thumbnail is not None
    assert [e.type for e in sent.caption_entities] == ["bold", "email"]
    assert sent.reply_to_message is not None
    assert sent.reply_markup == button
    again = await bot.send_document(chat.id, sent.document.file_id)
    assert again.document == sent.document
    assert bytes(await (await again.document.get_file()).download_as_bytearray()) == b"a,b"
    assert api.refused == []
    with pytest.raises(BadRequest, match="File must be non-empty"):
        await bot.send_document(chat.id, b"")
    with pytest.raises(BadRequest, match="Type of file mismatch"):
        await bot.send_photo(chat.id, sent.document.file_id)
    for unknown in ("unknown", "https://a.kz/x.csv", "attach://nothing"):
        with pytest.raises(BadRequest, match="Wrong file identifier"):
            await bot.send_document(chat.id, unknown)
    assert len(api.refused) == 5


@pytest.mark.parametrize("size", [50 * 1024**2 + 1, 51 * 1024**2 + 1])
async def test_too_large_upload(bot: Bot, chat: Chat, size: int) -> None:
    """Bots can send 50 MB."""
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await bot.send_document(chat.id, bytes(size))


async def test_largest_upload(bot: Bot, chat: Chat) -> None:
    """Exactly 50 MB pass, whatever comes with them."""
    caption = "🌍" * 512
    sent = await bot.send_document(chat.id, bytes(50 * 1024**2), caption=caption)
    assert sent.document is not None
    assert sent.document.file_size == 50 * 1024**2
    assert sent.caption == caption


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
async def test_photos(bot: Bot, chat: Chat, kind: str) -> None:
    """A PNG or JPEG is a photo, directly or by attach://, with a caption of 1,024 units."""
    sent = await bot.send_photo(chat.id, image(kind), caption="🌍" * 512)
    assert [(size.width, size.height) for size in sent.photo] == [(3, 2)]
    attached = await bot.send_photo(chat.id, InputFile(image(kind), attach=True))
    assert [(size.width, size.height) for size in attached.photo] == [(3, 2)]
    assert (await bot.send_photo(chat.id, sent.photo[0].file_id)).photo == sent.photo
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_photo(chat.id, image(kind), caption="🌍" * 512 + "x")


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b"<svg/>", "Image_process_failed"),
        (image("PNG")[:35], "Image_process_failed"),
        (image("GIF"), "Image_process_failed"),
        (image("PNG", 9000, 1001), "Photo_invalid_dimensions"),
        (image("PNG", 21, 1), "Photo_invalid_dimensions"),
        (bytes(10 * 1024**2 + 1), "10485761 bytes is too big for a photo"),
    ],
    ids=["no image", "cut", "gif", "large", "narrow", "heavy"],
)
async def test_bad_photo(bot: Bot, chat: Chat, content: bytes, description: str) -> None:
    """A photo is a whole image that is neither too large nor too narrow."""
    with pytest.raises(BadRequest, match=description):
        await bot.send_photo(chat.id, content)


async def test_unnamed_upload(api: BotApiServer, chat: Chat) -> None:
    """A file that no parameter names is an unknown parameter."""
    form = FormData({"chat_id": str(chat.id), "text": "attach://x"})
    form.add_field("x", b"x", filename="x.txt")
    async with ClientSession() as session:
        url = f"{api.url}/bot{api.token}/sendMessage"
        async with session.post(url, data=form) as response:
            assert "takes no parameter 'x'" in (await response.json())["description"]


async def test_edit_media(bot: Bot, alice: Person, chat: Chat) -> None:
    """A photo has a caption to edit and no text; its buttons change like those of a text."""
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    sent = await bot.send_photo(chat.id, image("PNG"), caption="x", reply_markup=keyboard)
    shown = await chat.next_message()
    press = await chat.press(shown, "a")
    assert press["message"]["photo"] == shown["photo"]
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await sent.edit_text("y")
    await sent.edit_reply_markup()
    edited = await chat.next_edit()
    assert (edited["caption"], edited["photo"]) == ("x", shown["photo"])
    assert "reply_markup" not in edited
    await sent.edit_caption("See a.kz")
    edited = await chat.next_edit()
    assert (edited["caption"], edited["photo"]) == ("See a.kz", shown["photo"])
    assert edited["caption_entities"] == [entity("url", 4, 4)]
    with pytest.raises(BadRequest, match="Message is not modified"):
        await sent.edit_caption("See a.kz")
    text = await bot.send_message(chat.id, "x")
    with pytest.raises(BadRequest, match="There is no caption in the message to edit"):
        await text.edit_caption("y")
    answer = await bot.send_document(chat.id, b"x", reply_markup=keyboard)
    await chat.press(chat.messages[answer.message_id], "a")
    *_, update = await bot.get_updates()
    assert update.callback_query is not None
    assert isinstance(update.callback_query.message, Message)
    assert update.callback_query.message.document is not None


async def test_gaps_between_requests(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """How fast a message was edited can be told, and how often; refused edits don't count."""
    first = await bot.send_message(chat.id, "0")
    other = await bot.send_message(chat.id, "0")
    assert api.gaps("editMessageText") == []
    for text in ("1", "2", "3"):
        await first.edit_text(text)
        await other.edit_text(text)
    with pytest.raises(BadRequest):
        await first.edit_text("3")
    times = [request.time for request in api.requests if request.method == "editMessageText"]
    assert len(times) == 6
    assert sorted(times) == times
    gaps = api.gaps("editMessageText", chat_id=chat.id, message_id=first.message_id)
    assert gaps == [times[2] - times[0], times[4] - times[2]]


async def test_forwarded_post(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """A channel's post arrives as it was written, with where it stands."""
    news = api.channel("Green News", username="green_news", bot_is_member=False)
    link = entity("text_link", 0, 5, url="https://a.kz/water")
    post = await news.send(
        alice, "Water @green_bot b.kz", entities=[link], fields={"author_signature": "Ann"}
    )
    closed = api.channel("Closed", bot_is_member=False)
    photo = await closed.send_photo(alice, "Forest", entities=[entity("bold", 0, 6)])
    await chat.forward(alice, post)
    await chat.forward(alice, photo)
    first, second = (u.message for u in await bot.get_updates())
    assert first is not None
    assert (first.text, first.from_user is not None) == ("Water @green_bot b.kz", True)
    assert [(e.type, e.url) for e in first.entities] == [
        ("text_link", "https://a.kz/water"),
        ("mention", None),
        ("url", None),
    ]
    origin = first.forward_origin
    assert isinstance(origin, MessageOriginChannel)
    assert (origin.chat.title, origin.chat.username) == ("Green News", "green_news")
    assert (origin.message_id, origin.author_signature) == (post["message_id"], "Ann")
    assert origin.date.timestamp() == post["date"]
    assert first.author_signature is None
    assert second is not None
    assert (second.caption, second.caption_entities[0].type) == ("Forest", "bold")
    assert second.photo[0].file_id == photo["photo"][0]["file_id"]
    assert isinstance(second.forward_origin, MessageOriginChannel)
    assert second.forward_origin.chat.username is None
    assert second.forward_origin.author_signature is None


async def test_forwarded_messages(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """Of people, hidden people and groups' hidden admins a forward says what Telegram says."""
    group = api.supergroup("Green Osh", username="green_osh", bot_is_member=False)
    bob = api.user("Bob")
    question = await group.send(bob, "Who?")
    reply = await group.send(bob, "Well?", reply_to=question)
    by_group = await group.send(alice, "Hm", anonymous=True)
    forward = await chat.forward(alice, reply)
    await chat.forward(alice, question, hidden=True)
    await chat.forward(alice, by_group)
    await chat.forward(alice, forward)
    known, hidden, as_group, again = (u.message for u in await bot.get_updates())
    assert known is not None
    assert isinstance(known.forward_origin, MessageOriginUser)
    assert known.forward_origin.sender_user.id == bob.id
    assert (known.text, known.reply_to_message) == ("Well?", None)
    assert hidden is not None
    assert isinstance(hidden.forward_origin, MessageOriginHiddenUser)
    assert hidden.forward_origin.sender_user_name == "Bob"
    assert as_group is not None
    assert isinstance(as_group.forward_origin, MessageOriginChat)
    assert as_group.forward_origin.sender_chat.username == "green_osh"
    assert again is not None
    assert again.forward_origin == known.forward_origin


async def test_marked_text(alice: Person, chat: Chat) -> None:
    """What a person marks is kept; Telegram finds nothing within a link of the person's own."""
    link = entity("text_link", 0, 4, url="https://b.kz/x")
    sent = await chat.send(alice, "a.kz c.kz", entities=[link])
    assert sent["entities"] == [link, entity("url", 5, 4)]
    with pytest.raises(RefusalError, match="outside the text"):
        await chat.send(alice, "a", entities=[link])


async def test_press(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """A press is answered once; an old button still works, its message may be gone."""
    group = api.group("Green Osh")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    sent = await bot.send_message(group.id, "x", reply_markup=keyboard)
    shown = await group.next_message()
    await sent.edit_text("y")
    query = await group.press(shown, "a", by=alice)
    assert api.unanswered_presses == [query]
    with pytest.raises(BadRequest, match="Message_too_long"):
        await bot.answer_callback_query(query["id"], "x" * 201)
    with pytest.raises(BadRequest, match="Cache_time must be"):
        await bot.answer_callback_query(query["id"], cache_time=-1)
    assert await bot.answer_callback_query(query["id"], "ok")
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(query["id"])
    await sent.delete()
    await group.press(shown, "a", by=alice)
    first, second = (u.callback_query for u in await bot.get_updates())
    assert first is not None
    assert first.from_user.id == alice.id
    assert first.message is not None
    assert first.message.is_accessible
    assert second is not None
    assert second.message is not None
    assert not second.message.is_accessible
    with pytest.raises(AssertionError, match="no button 'b'"):
        await group.press(shown, "b")


async def test_pressed_reply(bot: Bot, alice: Person, chat: Chat) -> None:
    """A press names the message and, one level deep, what it replies to, as that is by now."""
    first = await chat.send(alice, "Well?")
    question = await chat.send(alice, "Who?", reply_to=first)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    reply = ReplyParameters(question["message_id"])
    await bot.send_message(chat.id, "x", reply_parameters=reply, reply_markup=keyboard)
    shown = await chat.next_message()
    await chat.edit(question, "Who was it?")
    edited = await chat.press(shown, "a")
    assert edited["message"]["text"] == "x"
    assert edited["message"]["reply_to_message"]["text"] == "Who was it?"
    assert "reply_to_message" not in edited["message"]["reply_to_message"]
    await chat.delete(question)
    deleted = await chat.press(shown, "a")
    assert "reply_to_message" not in deleted["message"]


async def test_edited_caption(bot: Bot, alice: Person, chat: Chat) -> None:
    """A person edits a caption as well as a text."""
    photo = await chat.send_photo(alice, caption="who?")
    await chat.edit(photo, "@green_bot who?")
    _, update = await bot.get_updates()
    assert update.edited_message is not None
    assert update.edited_message.caption == "@green_bot who?"
    assert update.edited_message.caption_entities[0].type == "mention"
    assert update.edited_message.photo


async def test_start_link(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """A start link sends /start with its payload in the private chat."""
    sent = await api.open_link(alice, "https://t.me/green_bot?start=a-b_C9")
    assert (sent["text"], sent["chat"]["type"]) == ("/start a-b_C9", "private")
    assert (await api.open_link(alice, "https://t.me/green_bot"))["text"] == "/start"
    for url in ("https://t.me/other_bot?start=a", "https://a.kz/green_bot"):
        with pytest.raises(AssertionError, match="does not lead to"):
            await api.open_link(alice, url)


async def test_inline_query(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """Inline results are 50 articles at most, each with its own id and a good text."""
    query = await api.inline_query(alice, "water")
    content = InputTextMessageContent("x", entities=[MessageEntity("bold", 0, 1)])
    one = InlineQueryResultArticle("1", "Water", content)
    for results, description in (
        ([one, one], "Result_id_duplicate"),
        ([InlineQueryResultArticle("1", "Water", InputTextMessageContent(" "))], "text is empty"),
    ):
        with pytest.raises(BadRequest, match=description):
            await bot.answer_inline_query(query["id"], results)
    assert await bot.answer_inline_query(query["id"], [one])
    assert (await api.next_request("answerInlineQuery"))["results"][0]["id"] == "1"
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_inline_query(query["id"], [one])


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"cache_time": -1}, "cache_time must be a number of seconds"),
        ({"cache_time": 0.5}, "must be of type integer"),
        ({"next_offset": "я" * 33}, "NEXT_OFFSET_INVALID"),
        ({"button": {"text": "A"}}, "needs a text, and one of start_parameter and web_app"),
        ({"button": {"text": "", "start_parameter": "a"}}, "button needs a text"),
        ({"button": {"text": "A", "start_parameter": "a:b"}}, "START_PARAM_INVALID"),
    ],
)
async def test_bad_inline_answer(
    api: BotApiServer, alice: Person, params: dict[str, object], description: str
) -> None:
    """What comes with the results has its limits, too."""
    query = await api.inline_query(alice, "water")
    assert description in await refusal(
        api, "answerInlineQuery", inline_query_id=query["id"], results=[], **params
    )


async def test_inline_result(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """A chosen result is the person's message via the bot, reached by inline_message_id only."""
    group = api.supergroup("Green Osh")
    query = await api.inline_query(alice, "water", chat_type="supergroup")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    content = InputTextMessageContent("Ann leads", entities=[MessageEntity("bold", 0, 3)])
    bare = InlineQueryResultArticle("1", "Water", content)
    with_button = InlineQueryResultArticle("2", "Water", content, reply_markup=keyboard)
    await bot.answer_inline_query(query["id"], [bare, with_button], next_offset="2", cache_time=9)
    answer = await api.inline_answer(query)
    assert (answer["next_offset"], answer["cache_time"]) == ("2", 9)
    await group.send_inline_result(alice, answer["results"][0])
    posted = await group.send_inline_result(alice, answer["results"][1])
    await group.press(posted, "a", by=alice)
    asked, first, chosen_first, second, chosen, press = await bot.get_updates()
    assert asked.inline_query is not None
    assert (asked.inline_query.query, asked.inline_query.chat_type) == ("water", "supergroup")
    assert first.message is not None
    assert first.message.reply_markup is None
    assert chosen_first.chosen_inline_result is not None
    assert chosen_first.chosen_inline_result.inline_message_id is None
    assert second.message is not None
    assert second.message.from_user is not None
    assert second.message.via_bot is not None
    assert (second.message.from_user.id, second.message.via_bot.id) == (alice.id, bot.id)
    assert (second.message.text, second.message.entities[0].type) == ("Ann leads", "bold")
    assert second.message.reply_markup == keyboard
    assert chosen.chosen_inline_result is not None
    assert chosen.chosen_inline_result.query == "water"
    assert chosen.chosen_inline_result.result_id == "2"
    name = chosen.chosen_inline_result.inline_message_id
    assert press.callback_query is not None
    assert press.callback_query.message is None
    assert press.callback_query.inline_message_id == name
    assert name is not None
    assert await bot.edit_message_text("Bob", inline_message_id=name)
    edited = await group.next_edit()
    assert (edited["text"], edited["from"]["id"]) == ("Bob", alice.id)
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("Cem", group.id, posted["message_id"])
    await group.delete(posted)
    with pytest.raises(BadRequest, match="Message_id_invalid"):
        await bot.edit_message_text("Cem", inline_message_id=name)
    with pytest.raises(AssertionError, match="offered no result '3'"):
        await group.send_inline_result(alice, {"id": "3"})


async def test_inline_result_elsewhere(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """Where the bot is no member it hears of presses and the choice, not of the message."""
    group = api.group("Green Osh", bot_is_member=False)
    query = await api.inline_query(alice, "")
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    content = InputTextMessageContent("Ann")
    result = InlineQueryResultArticle("1", "Water", content, reply_markup=keyboard)
    await bot.answer_inline_query(query["id"], [result])
    (offered,) = (await api.inline_answer(query))["results"]
    posted = await group.send_inline_result(alice, offered)
    pressed = await group.press(posted, "a", by=alice)
    updates = await bot.get_updates(allowed_updates=["message", "callback_query"])
    kinds = [next(iter(u.to_dict().keys() - {"update_id"})) for u in updates]
    assert kinds == ["inline_query", "chosen_inline_result", "callback_query"]
    await bot.edit_message_text("Bob", inline_message_id=pressed["inline_message_id"])
    assert (await group.next_edit())["text"] == "Bob"
    await group.send_inline_result(alice, offered)
    assert len(await bot.get_updates(offset=updates[-1].update_id + 1)) == 0


async def test_guest_message(api: BotApiServer, bot: Bot, alice: Person) -> None:
    """A mention where the bot is no member is answered once, and that answer can be edited."""
    group = api.group("Green Osh", bot_is_member=False)
    await group.send_as_guest(alice, "@green_bot who?")
    (update,) = await bot.get_updates()
    assert update.guest_message is not None
    query_id = update.guest_message.guest_query_id
    assert query_id is not None
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data="a")]])
    content = InputTextMessageContent("Ann leads")
    result = InlineQueryResultArticle("1", "Ann", content, reply_markup=keyboard)
    sent = await bot.answer_guest_query(query_id, result)
    answer = await group.next_message()
    assert (answer["text"], answer["from"]["id"]) == ("Ann leads", bot.id)
    assert answer["guest_bot_caller_user"]["id"] == alice.id
    press = await group.press(answer, "a", by=alice)
    assert press["inline_message_id"] == sent.inline_message_id
    assert "message" not in press
    assert await bot.edit_message_text("Bob", inline_message_id=sent.inline_message_id)
    assert (await group.next_edit())["text"] == "Bob"
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_guest_query(query_id, result)
    with pytest.raises(Forbidden):
        await update.guest_message.reply_text("x")
    channel = api.channel("Green News")
    await group.send_as_guest(alice, "@green_bot who?", sender_chat=channel)
    *_, update = await bot.get_updates()
    assert update.guest_message is not None
    await update.guest_message.answer_guest_query(result)
    answer = await group.next_message()
    assert answer["guest_bot_caller_chat"]["id"] == channel.id
    assert "guest_bot_caller_user" not in answer


async def test_commands(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """Commands belong to a scope and a language, and are well-formed."""
    commands = [BotCommand("ask", "Ask a question")]
    scope = BotCommandScopeChat(chat.id)
    assert await bot.set_my_commands(commands, scope=scope, language_code="kk")
    assert list(await bot.get_my_commands(scope=scope, language_code="kk")) == commands
    assert await bot.get_my_commands() == ()
    assert api.commands.keys() == {(f"chat:{chat.id}", "kk")}
    assert await bot.delete_my_commands(scope=scope, language_code="kk")
    assert api.commands == {}


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"commands": [{"command": "Ask", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ({"commands": [{"command": "a" * 33, "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ({"commands": [{"command": "a", "description": ""}]}, "DESCRIPTION_INVALID"),
        ({"commands": [{"command": "a", "description": "x" * 257}]}, "DESCRIPTION_INVALID"),
        ({"commands": [{"command": "a", "description": "x"}] * 101}, "BOT_COMMANDS_TOO_MUCH"),
        ({"commands": [], "language_code": "kaz"}, "invalid language code"),
        ({"commands": [], "scope": {"type": "everybody"}}, "is not well-formed"),
        ({"commands": [], "scope": {"type": "chat"}}, "is not well-formed"),
        ({"commands": [], "scope": {"type": "chat", "chat_id": 5}}, "chat not found"),
    ],
)
async def test_bad_commands(
    api: BotApiServer, params: dict[str, object], description: str
) -> None:
    """At most 100 commands, for a scope and a language that exist."""
    assert description in await refusal(api, "setMyCommands", **params)


async def test_card(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """Name and descriptions have their limits: 64, 512 and 120 characters."""
    assert await bot.set_my_name("x" * 64)
    assert await bot.set_my_description("x" * 512, language_code="ky")
    assert await bot.set_my_short_description("x" * 120)
    assert api.card["description", "ky"] == "x" * 512
    assert (await bot.get_my_name()).name == "x" * 64
    assert (await bot.get_my_description("ky")).description == "x" * 512
    assert (await bot.get_my_description("kk")).description == ""
    assert (await bot.get_my_short_description()).short_description == "x" * 120
    assert "longer than 64" in await refusal(api, "setMyName", name="x" * 65)
    assert "longer than 512" in await refusal(api, "setMyDescription", description="x" * 513)
    assert "longer than 120" in await refusal(
        api, "setMyShortDescription", short_description="x" * 121
    )
    assert await bot.set_chat_menu_button(chat.id)
    assert "not well-formed" in await refusal(
        api, "setChatMenuButton", menu_button={"type": "web_app"}
    )


async def test_reaction(bot: Bot, alice: Person, chat: Chat) -> None:
    """A bot sets one reaction of those that Telegram knows."""
    question = await chat.send(alice, "Who?")
    assert await bot.set_message_reaction(chat.id, question["message_id"], "👀")
    with pytest.raises(BadRequest, match="Reactions_too_many"):
        await bot.set_message_reaction(
            chat.id, question["message_id"], [ReactionTypeEmoji("👀"), ReactionTypeEmoji("👍")]
        )
    with pytest.raises(BadRequest, match="Reaction_invalid"):
        await bot.set_message_reaction(chat.id, question["message_id"], ReactionTypeEmoji("🚰"))


async def test_updates_wait_for_confirmation(bot: Bot, alice: Person, chat: Chat) -> None:
    """Updates come again until an offset above them is asked for; ids go up by one."""
    for text in ("a", "b", "c"):
        await chat.send(alice, text)
    first = await bot.get_updates(limit=2)
    again = await bot.get_updates()
    assert [u.update_id - first[0].update_id for u in again] == [0, 1, 2]
    rest = await bot.get_updates(offset=first[1].update_id + 1)
    assert [u.message.text for u in rest if u.message] == ["c"]
    await chat.send(alice, "d")
    newest = await bot.get_updates(offset=-1)
    assert [u.message.text for u in newest if u.message] == ["d"]
    assert await bot.get_updates(offset=newest[0].update_id + 1) == ()


async def test_long_poll(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """A poll waits for its time, yet returns at once when an update comes."""
    clock = asyncio.get_running_loop().time
    start = clock()
    assert await bot.get_updates(timeout=1) == ()
    assert 0.9 < clock() - start < 3
    poll = asyncio.create_task(bot.get_updates(timeout=50))
    await waiting_polls(api, 2)
    sent = await chat.send(alice, "Who?")
    (update,) = await poll
    assert update.message is not None
    assert update.message.message_id == sent["message_id"]
    with pytest.raises(AssertionError, match="no confirmation of update"):
        await api.confirmed(sent, within=0.01)
    await bot.get_updates(offset=update.update_id + 1)
    await api.confirmed(sent)


async def waiting_polls(api: BotApiServer, number: int) -> None:
    """Waits until the server has begun to serve this many polls in all."""
    await api.wait_until(lambda: True if api.polls >= number else None, f"poll {number}", 10)


async def test_two_pollers(api: BotApiServer, bot: Bot, alice: Person, chat: Chat) -> None:
    """A second poller ends the first one's poll with a conflict and gets the updates."""
    first = asyncio.create_task(bot.get_updates(timeout=50))
    await waiting_polls(api, 1)
    async with connect(api) as rival:
        second = asyncio.create_task(rival.get_updates(timeout=50))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first
        await chat.send(alice, "Who?")
        assert len(await second) == 1


async def test_allowed_updates(bot: Bot, alice: Person, chat: Chat) -> None:
    """Kinds of updates that the bot did not ask for are dropped; the list stays in force."""
    await bot.get_updates(allowed_updates=["callback_query"])
    await chat.send(alice, "Who?")
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=[])
    await chat.send(alice, "Who?")
    assert len(await bot.get_updates()) == 1


async def test_webhook(bot: Bot, alice: Person, chat: Chat) -> None:
    """A webhook excludes polling; its removal can drop what waits."""
    await bot.set_webhook("https://bot.example.org/hook", secret_token="a-b_c")
    await chat.send(alice, "Who?")
    assert (await bot.get_webhook_info()).pending_update_count == 1
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_answers_that_are_broken(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """A proxy's page, broken JSON, half an answer, a connection that breaks before anything."""
    api.fail_next("sendMessage", status=502, page=True)
    with pytest.raises(NetworkError, match="proxy"):
        await bot.send_message(chat.id, "x")
    api.fail_next("sendMessage", answer=b"{")
    with pytest.raises(TelegramError, match="Invalid server response"):
        await bot.send_message(chat.id, "x")
    api.fail_next("sendMessage", cut=True)
    with pytest.raises(NetworkError, match="without sending complete message body"):
        await bot.send_message(chat.id, "x")
    api.fail_next("sendMessage", unread=True)
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "x")
    assert chat.unread == []
    api.fail_next("sendMessage", cut=True, takes_effect=True)
    with pytest.raises(NetworkError):
        await bot.send_message(chat.id, "arrived")
    assert [message["text"] for message in chat.unread] == ["arrived"]


async def test_an_outage(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """Nobody is reached in an outage; afterwards all is as it was, at the same address."""
    await api.go_away()
    with pytest.raises(NetworkError, match="ConnectError"):
        await bot.send_message(chat.id, "x")
    await api.come_back()
    await bot.send_message(chat.id, "y")
    assert [message["text"] for message in chat.unread] == ["y"]


async def test_an_update_is_repeated(
    api: BotApiServer, bot: Bot, alice: Person, chat: Chat
) -> None:
    """A confirmed update comes once more under its own id; two same replies to it are noticed."""
    question = await chat.send(alice, "Who?")
    [update] = await bot.get_updates()
    assert await bot.get_updates(offset=update.update_id + 1) == ()
    await api.repeat(question)
    [again] = await bot.get_updates(offset=update.update_id + 1)
    assert again.update_id == update.update_id
    to_it = ReplyParameters(question["message_id"])
    for _ in range(2):
        await bot.send_message(chat.id, "Me", reply_parameters=to_it)
    assert api.answered_twice == [(chat.id, question["message_id"], "Me")]
    api.replies.clear()


async def test_faults(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """A scripted fault hits one request, does nothing else, and is not the bot's mistake."""
    api.fail_next("sendMessage", status=429, retry_after=7)
    with pytest.raises(RetryAfter) as error:
        await bot.send_message(chat.id, "x")
    assert error.value.retry_after == timedelta(seconds=7)
    api.fail_next("sendMessage", status=502)
    api.fail_next("sendMessage", status=500)
    for words in ("Bad Gateway", "Internal Server Error"):
        with pytest.raises(NetworkError, match=words):
            await bot.send_message(chat.id, "x")
    api.fail_next("sendMessage", drop=True)
    with pytest.raises(NetworkError, match=r"RemoteProtocolError|ReadError"):
        await bot.send_message(chat.id, "x")
    api.fail_next("sendMessage", hang=True)
    with pytest.raises(TimedOut):
        await bot.send_message(chat.id, "x", read_timeout=0.2)
    assert chat.unread == []
    await bot.send_message(chat.id, "x")
    assert (await chat.next_message())["text"] == "x"
    assert len(api.failed) == 5
    assert api.refused == []
    with pytest.raises(ValueError, match="exactly one"):
        api.fail_next("sendMessage", drop=True, hang=True)


async def test_lost_answer(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """A timeout on a send does not mean that nothing was sent."""
    api.fail_next("sendMessage", hang=True, takes_effect=True)
    with pytest.raises(TimedOut):
        await bot.send_message(chat.id, "x", read_timeout=0.2)
    assert (await chat.next_message())["text"] == "x"


async def test_rate(api: BotApiServer, bot: Bot, chat: Chat) -> None:
    """With the rate limited a second message within the interval has to wait."""
    await bot.send_message(chat.id, "x")
    await bot.send_message(chat.id, "x")
    api.limit_rate(chat_interval=50, per_second=2)
    await bot.send_message(chat.id, "x")
    with pytest.raises(RetryAfter) as error:
        await bot.send_message(chat.id, "x")
    assert error.value.retry_after == timedelta(seconds=50)
    others = [api.private_chat(api.user(name)) for name in ("Bob", "Cem")]
    await bot.send_message(others[0].id, "x")
    with pytest.raises(RetryAfter):
        await bot.send_message(others[1].id, "x")


async def test_privacy_mode() -> None:
    """In privacy mode a group's bot gets commands, replies to it and service messages only."""
    async with BotApiServer(privacy_mode=True) as api, connect(api) as bot:
        assert bot.can_read_all_group_messages is False
        alice = api.user("Alice")
        group = api.supergroup("Green Osh", forum=True)
        sent = await bot.send_message(group.id, "x")
        unheard = await group.send(alice, "@green_bot who?")
        await api.confirmed(unheard)
        await group.send(alice, "/ask@other_bot who?")
        await group.send(alice, "/ask who?")
        await group.send(alice, "🌍 /ask@Green_Bot who?")
        await group.send(alice, "Thanks", reply_to=group.messages[sent.message_id])
        await group.topic("Water")
        await group.promote_bot()
        await group.send(alice, "seen by admins")
        messages = [u.message for u in await bot.get_updates() if u.message]
        assert [message.text for message in messages] == [
            "/ask who?",
            "🌍 /ask@Green_Bot who?",
            "Thanks",
            None,
            "seen by admins",
        ]


async def test_get_me(bot: Bot) -> None:
    """GetMe tells what the bot may do; by default it reads everything in groups."""
    me = await bot.get_me()
    assert (me.username, me.can_read_all_group_messages) == ("green_bot", True)
    assert me.supports_guest_queries
    async with (
        BotApiServer(can_read_all_group_messages=False) as other,
        connect(other) as bot_there,
    ):
        assert bot_there.can_read_all_group_messages is False


def test_utf16_length() -> None:
    """An emoji beyond the basic plane counts as two."""
    assert [utf16_length(text) for text in ("", "ә", "🌍", "a🌍b")] == [0, 1, 2, 4]
