"""What goes wrong between Telegram and the bot, in whole conversations."""

import asyncio
import threading

import pytest
from pydantic import SecretStr

from bot.answering import Answering
from bot.application import Bot, build_bot
from bot.errors import TelegramUnavailable
from bot.serving import running
from bot.settings import Settings
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, WHOLE_CARD, build, data_of
from embeddings.errors import IndexUnusable
from fixed_retriever import FixedRetriever


async def test_a_question_that_was_deleted_is_still_answered(
    private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """A reply to a message that is gone becomes a message of its own."""
    retriever.may_go_on.clear()
    question = await private.send(alice, "How long is the bridge?")
    await asyncio.to_thread(retriever.busy.wait, 10)
    await private.delete(question)
    retriever.may_go_on.set()
    reply = await private.next_message()
    assert reply["text"] == CARD
    assert "reply_to_message" not in reply


async def test_when_telegram_says_wait_the_bot_waits(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """After a 429 the reply is sent once more, and arrives once."""
    api.fail_next("sendMessage", status=429, retry_after=1)
    question = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(question))["text"] == CARD
    assert private.unread == []


async def test_who_blocks_the_bot_disturbs_nobody(
    api: BotApiServer, alice: Person, private: Chat, bakyt: Person
) -> None:
    """A reply that cannot be delivered is an everyday event: the others get theirs."""
    api.fail_next("sendMessage", status=403, description="Forbidden: bot was blocked by the user")
    await private.send(alice, "How long is the bridge?")
    again = await private.answer_to(await private.send(alice, "How long is the bridge?"))
    other = api.private_chat(bakyt)
    others = await other.answer_to(await other.send(bakyt, "How long is the bridge?"))
    assert again["text"] == others["text"] == CARD


async def test_an_error_is_apologised_for_in_the_persons_language(
    api: BotApiServer, bot: Bot, bakyt: Person, retriever: FixedRetriever
) -> None:
    """What goes wrong inside ends in an apology, not in silence, and the bot goes on."""
    chat = api.private_chat(bakyt)
    retriever.error = RuntimeError("the disk is gone")
    question = await chat.send(bakyt, "How long is the bridge?")
    assert (await chat.answer_to(question))["text"].startswith("Кечиресиз")
    retriever.error = None
    question = await chat.send(bakyt, "How long is the bridge?")
    assert (await chat.answer_to(question))["text"] == CARD


async def test_questions_that_came_while_the_bot_was_away_are_answered(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """What waits at the start is not dropped."""
    chat = api.private_chat(alice)
    question = await chat.send(alice, "How long is the bridge?")
    async with running(build(api, retriever, journal)):
        assert (await chat.answer_to(question))["text"] == CARD


async def test_a_refused_token_is_one_clear_sentence(
    retriever: FixedRetriever, journal: Journal
) -> None:
    """A wrong token names the setting and never itself."""
    async with BotApiServer() as api:
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            telegram_bot_token=SecretStr("1:wrong"),
            telegram_api_url=api.url,
        )
        with pytest.raises(TelegramUnavailable, match="TELEGRAM_BOT_TOKEN") as raised:
            async with running(build_bot(settings, Answering(lambda: retriever), journal)):
                pass
        assert "1:wrong" not in str(raised.value)


@pytest.mark.parametrize("method", ["editMessageText", "answerCallbackQuery"])
async def test_a_press_waits_when_telegram_says_so(
    method: str, api: BotApiServer, private: Chat, alice: Person
) -> None:
    """After a 429 a pressed button still does what it says."""
    reply = await private.answer_to(await private.send(alice, "How long is the canal?"))
    api.fail_next(method, status=429, retry_after=1)
    await private.press(reply, data_of(reply, "Whole passage"))
    assert (await private.next_edit())["text"] == WHOLE_CARD
    assert api.unanswered_presses == []


async def test_a_refused_reply_is_apologised_for(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """A bad request is our own fault, and no trouble of the network's."""
    api.fail_next("sendMessage", status=400, description="Bad Request: whatever")
    question = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(question))["text"].startswith("Sorry, something went wrong.")


async def test_without_an_index_to_answer_from_the_bot_ends(
    api: BotApiServer, alice: Person, journal: Journal
) -> None:
    """It receives and answers while the index is opened, and ends when that fails."""
    may_fail = threading.Event()

    def fail() -> FixedRetriever:
        may_fail.wait(10)
        raise IndexUnusable("There is no room for an index.")

    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        telegram_bot_token=SecretStr(api.token),
        telegram_api_url=api.url,
    )
    async with running(build_bot(settings, Answering(fail), journal)) as work:
        chat = api.private_chat(alice)
        thanks = await chat.answer_to(await chat.send(alice, "Thank you!"))
        assert thanks["text"].startswith("You're welcome!")
        may_fail.set()
        with pytest.raises(IndexUnusable, match="no room"):
            await work


async def test_a_group_that_moves_meanwhile_gets_its_answer(
    api: BotApiServer, group: Chat, bakyt: Person, retriever: FixedRetriever
) -> None:
    """A group that became a supergroup has another id; the answer follows it there."""
    retriever.may_go_on.clear()
    await group.send(bakyt, "/ask How long is the bridge?")
    await asyncio.to_thread(retriever.busy.wait, 10)
    supergroup = await group.migrate()
    retriever.may_go_on.set()
    assert (await supergroup.next_message())["text"] == CARD
    assert "upgraded to a supergroup" in api.refused.pop().description


async def test_a_group_that_throws_the_bot_out_is_left_alone(
    api: BotApiServer,
    group: Chat,
    bakyt: Person,
    retriever: FixedRetriever,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Between question and answer the bot may be removed: that is no error."""
    retriever.may_go_on.clear()
    retriever.busy.clear()
    await group.send(bakyt, "/ask How long is the bridge?")
    await asyncio.to_thread(retriever.busy.wait, 10)
    await group.remove_bot()
    retriever.may_go_on.set()
    other = api.private_chat(bakyt)
    await other.answer_to(await other.send(bakyt, "How long is the bridge?"))
    await api.wait_until(lambda: api.refused or None, "refusal", 10)
    assert "bot is not a member" in api.refused.pop().description
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_an_admin_without_a_chat_is_no_obstacle(
    api: BotApiServer, retriever: FixedRetriever, journal: Journal, alice: Person, bakyt: Person
) -> None:
    """An admin who has never written to the bot has no menu yet; everybody else has."""
    async with running(build(api, retriever, journal, admin_ids=str(bakyt.id))):
        chat = api.private_chat(alice)
        assert (await chat.answer_to(await chat.send(alice, "the bridge?")))["text"] == CARD
        await api.wait_until(
            lambda: ("all_private_chats", "ky") in api.commands or None, "last menus", 10
        )
    assert {refusal.description for refusal in api.refused} == {
        "Forbidden: bot can't initiate conversation with a user"
    }
    api.refused.clear()


async def test_a_second_copy_is_told_of_in_the_log(
    api: BotApiServer,
    private: Chat,
    alice: Person,
    journal: Journal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where two copies poll, each says what is the matter, and answers go on when one ends."""
    async with running(build(api, FixedRetriever(), journal)):
        await api.wait_until(
            lambda: "Another copy of this bot is running" in caplog.text or None, "line", 10
        )
    assert "Conflict" in api.refused[0].description
    question = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(question, within=30))["text"] == CARD
    api.refused.clear()


async def test_a_proxy_is_not_asked_for_a_server_on_this_machine(
    api: BotApiServer,
    retriever: FixedRetriever,
    journal: Journal,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HTTP_PROXY and ALL_PROXY are for the world outside."""
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with running(build(api, retriever, journal)):
        chat = api.private_chat(alice)
        assert (await chat.answer_to(await chat.send(alice, "the bridge?")))["text"] == CARD
