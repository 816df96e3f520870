"""Telegram's faults, one after the other: the bot recovers by itself, and answers nobody twice."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from bot.answering import Answering
from bot.application import Bot, build_bot
from bot.errors import TelegramUnavailable
from bot.localization import say
from bot.serving import running
from bot.settings import Settings
from bot.storage.journal import Journal
from bot.transport.patience import Patience
from bot.transport.receiving import Outage
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, WHOLE_CARD, build, data_of, introduced
from fixed_retriever import FixedRetriever

QUESTION = "How long is the bridge?"
QUICK = Patience(
    connect=1,
    answer=0.4,
    poll=1,
    first_pause=0.01,
    longest_pause=0.05,
    message=5,
    press=5,
    conflict=0.2,
    menus=0.05,
    stop=2,
)
"""As the bot's own, in less time."""

IN_DOUBT: list[dict[str, Any]] = [
    {"status": 500},
    {"status": 502, "page": True},
    {"status": 403, "page": True},
    {"answer": b'{"ok": true, "result": {'},
    {"cut": True},
    {"drop": True},
    {"unread": True},
    {"hang": True},
]
"""Whatever leaves the bot in doubt whether a request was carried out."""
ASK_AGAIN = say("ky", "inbox-ask-again")


@pytest.fixture
async def bot(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal
) -> AsyncIterator[Bot]:
    """The bot with little patience; its admin has written to it before."""
    api.private_chat(alice)
    bot = build(api, retriever, journal, QUICK, admin_ids=str(alice.id))
    async with running(bot):
        yield bot


@pytest.fixture
def chat(api: BotApiServer, bakyt: Person, bot: Bot) -> Chat:
    """The chat of a person."""
    return api.private_chat(bakyt)


async def test_an_answer_that_was_lost_is_not_sent_again(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """Where an answer may have arrived, it isn't repeated: the person is asked to ask again."""
    for fault in IN_DOUBT:
        api.fail_next("sendMessage", **fault)
        question = await chat.send(bakyt, QUESTION)
        assert (await chat.answer_to(question))["text"] == ASK_AGAIN, fault
        question = await chat.send(bakyt, QUESTION)
        assert (await chat.answer_to(question))["text"] == CARD, fault


async def test_an_answer_whose_confirmation_was_lost_is_not_sent_again(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """The same where it has arrived: it stays the only one."""
    for fault in IN_DOUBT:
        if "unread" in fault:
            continue
        api.fail_next("sendMessage", **fault, takes_effect=True)
        question = await chat.send(bakyt, QUESTION)
        assert (await chat.answer_to(question))["text"] == CARD, fault
        assert (await chat.answer_to(question))["text"] == ASK_AGAIN, fault
    assert chat.unread == []


async def test_who_is_asked_to_ask_again_surely_hears_it(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """Told twice is no harm; told neither that nor the answer, a person would wait for ever."""
    api.fail_next("sendMessage", times=2, drop=True)
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == ASK_AGAIN


async def test_what_is_the_same_when_done_twice_is_repeated(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """An edit and the answer to a press are tried until Telegram confirms them."""
    reply = await chat.answer_to(await chat.send(bakyt, "How long is the canal?"))
    for fault in IN_DOUBT:
        api.fail_next("editMessageText", **fault)
        api.fail_next("answerCallbackQuery", **fault)
    await chat.press(reply, data_of(reply, "Whole passage"))
    assert (await chat.next_edit())["text"] == WHOLE_CARD
    await api.wait_until(lambda: not api.unanswered_presses or None, "answer to the press", 10)
    assert chat.unread == []


async def test_one_chat_that_has_to_wait_holds_up_no_other(
    api: BotApiServer, chat: Chat, bakyt: Person, alice: Person
) -> None:
    """A 429 is for what it answers: other chats get their answers meanwhile."""
    api.fail_next("sendMessage", status=429, retry_after=2)
    slow = await chat.send(bakyt, QUESTION)
    await api.wait_until(lambda: api.failed or None, "429", 10)
    other = api.private_chat(alice)
    assert (await other.answer_to(await other.send(alice, QUESTION)))["text"] == CARD
    assert chat.unread == []
    assert (await chat.answer_to(slow))["text"] == CARD


async def test_an_inline_query_is_answered_again(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """Telegram takes one answer to each query, so a second try does no harm."""
    api.fail_next("answerInlineQuery", status=502)
    query = await api.inline_query(bakyt, "bridge")
    assert (await api.inline_answer(query))["results"]


async def test_what_was_done_is_not_a_mistake_when_it_is_done_again(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """If the confirmation of a press is lost, Telegram refuses the second one; all goes on."""
    reply = await chat.answer_to(await chat.send(bakyt, "How long is the canal?"))
    api.fail_next("answerCallbackQuery", drop=True, takes_effect=True)
    await chat.press(reply, data_of(reply, "Whole passage"))
    assert (await chat.next_edit())["text"] == WHOLE_CARD
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD
    assert "query is too old" in api.refused.pop().description


async def test_a_guest_is_answered_again(api: BotApiServer, bot: Bot, bakyt: Person) -> None:
    """The same where the bot is a guest, whose answer Telegram takes once."""
    group = api.supergroup("Somebody's", bot_is_member=False)
    api.fail_next("answerGuestQuery", drop=True, takes_effect=True)
    await group.send_as_guest(bakyt, f"@green_bot {QUESTION}")
    assert CARD in (await group.next_message())["text"]
    await api.wait_until(lambda: api.refused or None, "second answer", 10)
    assert "query is too old" in api.refused.pop().description
    assert group.unread == []


async def test_an_outage_between_question_and_answer(
    api: BotApiServer, chat: Chat, bakyt: Person, retriever: FixedRetriever
) -> None:
    """What surely never left is sent when Telegram is back, and arrives once."""
    retriever.may_go_on.clear()
    retriever.busy.clear()
    question = await chat.send(bakyt, QUESTION)
    await asyncio.to_thread(retriever.busy.wait, 10)
    await api.go_away()
    retriever.may_go_on.set()
    await asyncio.sleep(0.3)
    await api.come_back()
    assert (await chat.answer_to(question))["text"] == CARD
    assert chat.unread == []


async def test_an_outage_while_nobody_asks(
    api: BotApiServer, chat: Chat, bakyt: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Receiving goes on after an outage; the log says that it was one, once, and that it ended."""
    await chat.answer_to(await chat.send(bakyt, QUESTION))
    await api.go_away()
    await seen(caplog, "Telegram can't be reached")
    await api.come_back()
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD
    await seen(caplog, "Telegram is there again")
    assert caplog.text.count("the bot keeps trying") == 1


async def test_an_outage_at_the_start(
    api: BotApiServer,
    bakyt: Person,
    retriever: FixedRetriever,
    journal: Journal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The bot waits for Telegram, and answers what was asked meanwhile."""
    chat = api.private_chat(bakyt)
    question = await chat.send(bakyt, QUESTION)
    await api.go_away()

    async def end_the_outage() -> None:
        await seen(caplog, "Telegram can't be reached")
        await api.come_back()

    back = asyncio.create_task(end_the_outage())
    async with running(build(api, retriever, journal, QUICK)):
        assert (await chat.answer_to(question))["text"] == CARD
    await back
    assert api.url in caplog.text


async def test_waiting_for_telegram_can_be_stopped(
    retriever: FixedRetriever, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """Where Telegram never answers the bot waits as long as it is let."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        telegram_bot_token=SecretStr("1:token"),
        telegram_api_url="http://127.0.0.1:9",
    )
    bot = build_bot(settings, Answering(lambda: retriever), journal, QUICK)

    async def wait() -> None:
        async with running(bot):
            raise AssertionError("nobody answers there")

    waiting = asyncio.create_task(wait())
    await seen(caplog, "Telegram can't be reached")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_faults_at_the_start(
    api: BotApiServer, bakyt: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """Whatever Telegram answers at first, the bot tries again until it is connected."""
    chat = api.private_chat(bakyt)
    question = await chat.send(bakyt, QUESTION)
    for method in ("getMe", "deleteWebhook", "getUpdates"):
        for fault in IN_DOUBT:
            api.fail_next(method, **fault)
    api.fail_next("getUpdates", status=429, retry_after=1)
    async with running(build(api, retriever, journal, QUICK)):
        assert (await chat.answer_to(question))["text"] == CARD
    assert len(api.failed) == 25


async def test_an_update_whose_delivery_was_lost_comes_again(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """Telegram forgets an update when it is asked for the next: a lost answer loses none."""
    api.fail_next("getUpdates", cut=True, takes_effect=True, times=2)
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD


async def test_a_repeated_update_is_dropped(api: BotApiServer, chat: Chat, bakyt: Person) -> None:
    """An update that comes twice is answered once."""
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD
    await api.repeat(question)
    again = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(again))["text"] == CARD
    assert chat.unread == []


async def test_an_update_that_nobody_can_read_holds_up_no_other(
    api: BotApiServer, chat: Chat, bakyt: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """What the library can't make sense of is left out; nothing of it is in the log."""
    await api.deliver("message", {"text": "a secret", "chat": "nowhere"})
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD
    assert "can't be read and is left out" in caplog.text
    assert "a secret" not in caplog.text


async def test_another_copy_is_told_of_until_it_goes(
    api: BotApiServer, alice: Person, bakyt: Person, chat: Chat
) -> None:
    """If another copy stays in the way the admins hear of it, once, and of its end."""
    words = "Conflict: terminated by other getUpdates request"
    api.fail_next("getUpdates", status=409, description=words, times=1000)
    await chat.send(bakyt, "Hello")  # ends the poll that is under way
    admins = api.private_chat(alice)
    conflict = say("en", "trouble-conflict")
    assert (await admins.next_message())["text"] == conflict
    api.heal()
    assert (await admins.next_message())["text"] == say("en", "trouble-over", trouble=conflict)
    assert admins.unread == []


async def test_a_token_that_is_refused_while_the_bot_runs(
    api: BotApiServer, retriever: FixedRetriever, journal: Journal
) -> None:
    """A token that was revoked ends the bot, with the same clear sentence as at the start."""
    async with running(build(api, retriever, journal, QUICK)) as work:
        api.fail_next("getUpdates", status=401, description="Unauthorized")
        await api.announce()
        with pytest.raises(TelegramUnavailable, match="TELEGRAM_BOT_TOKEN"):
            await asyncio.wait_for(work, 10)


async def test_menus_are_tried_until_they_are_set(
    api: BotApiServer, bakyt: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """Whatever happens to them, questions are answered meanwhile and the menus come."""
    chat = api.private_chat(bakyt)
    api.fail_next("setMyCommands", status=502, times=3)
    api.fail_next("setMyCommands", status=429, retry_after=3600)
    api.fail_next("setMyCommands", hang=True)
    api.fail_next("setMyDescription", drop=True, times=2)
    async with running(build(api, retriever, journal, QUICK)):
        question = await chat.send(bakyt, QUESTION)
        assert (await chat.answer_to(question))["text"] == CARD
        await introduced()
    assert len(api.commands) == 8
    assert api.card["description", "ky"] == say("ky", "bot-description")


def test_an_outage_is_spoken_of_less_and_less(caplog: pytest.LogCaptureFixture) -> None:
    """The log says that Telegram is away at once and after 1, 3, 7 minutes; and its return."""
    now = 0.0
    outage = Outage(lambda: now)
    spoken = []
    for second in range(600):
        now = float(second)
        before = len(caplog.records)
        outage.goes_on("Telegram can't be reached")
        if len(caplog.records) > before:
            spoken.append(second)
    assert spoken == [0, 60, 180, 420]
    outage.is_over()
    assert caplog.messages[-1] == "Telegram is there again, after 599 s"


async def seen(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Wait until the log says this."""
    async with asyncio.timeout(10):
        while words not in caplog.text:  # noqa: ASYNC110 - a log tells nobody
            await asyncio.sleep(0.01)
