"""Telegram posts updates to the bot: what is taken, what is refused, and what is posted again."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.errors import SettingsError
from bot.serving import running
from bot.storage.journal import Journal
from bot.transport.patience import Patience
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, build
from fixed_retriever import FixedRetriever

QUESTION = "How long is the bridge?"
SECRET = "a-Secret_word"  # noqa: S105 - nobody's
HEADER = "X-Telegram-Bot-Api-Secret-Token"
RIGHT = {HEADER: SECRET, "Content-Type": "application/json"}
QUICK = Patience(
    answer=0.4, first_pause=0.01, longest_pause=0.05, press=2, menus=1, webhook_check=0.05, stop=2
)


@pytest.fixture
def address() -> str:
    """A host and a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def url(address: str) -> str:
    """Where Telegram posts to."""
    return f"http://{address}/telegram"


@pytest.fixture
async def chat(  # noqa: PLR0913, PLR0917 - fixtures
    api: BotApiServer,
    bakyt: Person,
    retriever: FixedRetriever,
    journal: Journal,
    url: str,
    address: str,
) -> AsyncIterator[Chat]:
    """A person's chat with the bot, which has a webhook."""
    hook = {"webhook_url": url, "webhook_listen": address, "webhook_secret": SECRET}
    async with running(build(api, retriever, journal, QUICK, **hook)):
        await api.wait_until(lambda: api.webhook or None, "webhook", 10)
        yield api.private_chat(bakyt)


async def test_questions_are_answered(api: BotApiServer, chat: Chat, bakyt: Person) -> None:
    """What is posted is answered, and nothing is asked for."""
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD
    assert api.polls == 0
    assert api.webhook["secret_token"] == SECRET
    assert [status for _, status in api.posts] == [200]


async def test_without_a_secret_each_start_makes_one_up(
    api: BotApiServer, retriever: FixedRetriever, journal: Journal, url: str, address: str
) -> None:
    """Who knows the address alone can't post, whatever the owner has set."""
    secrets = []
    for _ in range(2):
        hook = {"webhook_url": url, "webhook_listen": address}
        async with running(build(api, retriever, journal, QUICK, **hook)):
            await api.wait_until(lambda: api.webhook or None, "webhook", 10)
            secrets.append(api.webhook["secret_token"])
            api.webhook = {}
    assert len(set(secrets)) == 2
    assert all(len(secret) == 43 for secret in secrets)


async def test_an_update_that_is_posted_again_is_dropped(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """Telegram posts again when our answer is lost, and perhaps later: it is answered once."""
    api.fail_next("webhook", drop=True, times=3)
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD
    await api.repeat(question)
    again = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(again))["text"] == CARD
    assert len(api.posts) == 6
    assert chat.unread == []


async def test_who_has_not_the_secret_is_refused(
    api: BotApiServer, chat: Chat, bakyt: Person, url: str
) -> None:
    """A forged update is nobody's question."""
    update = {"update_id": 5, "message": {}}
    async with httpx.AsyncClient(trust_env=False) as client:
        wrong: list[dict[bytes, bytes]] = [
            {},
            {HEADER.encode(): b""},
            {HEADER.encode(): b"a-Secret_wor"},
            {HEADER.encode(): "ä".encode()},
        ]
        for headers in wrong:
            assert (await client.post(url, json=update, headers=headers)).status_code == 403
        assert (await client.post(f"{url}/x", json=update, headers=RIGHT)).status_code == 404
        assert (await client.get(url, headers=RIGHT)).status_code == 405


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[]", b"{}", b'{"update_id": "1"}', b"[" * 100_000]
)
async def test_what_is_no_update_is_refused(body: bytes, chat: Chat, url: str) -> None:
    """Whatever comes in, nothing breaks."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, content=body, headers=RIGHT)
    assert (answer.status_code, answer.content) == (400, b"")


async def test_what_is_too_large_is_not_read(chat: Chat, bakyt: Person, address: str) -> None:
    """A body of more than a megabyte is refused by its announced length; the bot goes on."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /telegram HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1000000001\r\n\r\n"
    )
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD


async def test_an_update_that_nobody_can_read_is_not_posted_for_ever(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """It is taken and left out, since Telegram would repeat it."""
    await api.deliver("message", {"text": "a secret", "chat": "nowhere"})
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD
    assert [status for _, status in api.posts] == [200, 200]


async def test_a_webhook_that_was_taken_away_is_set_again(
    api: BotApiServer, chat: Chat, bakyt: Person
) -> None:
    """Another copy of the bot that asks for updates removes it; the bot would be deaf."""
    await api._delete_webhook({})
    await api.wait_until(lambda: api.webhook or None, "webhook", 10)
    question = await chat.send(bakyt, QUESTION)
    assert (await chat.answer_to(question))["text"] == CARD


async def test_an_outage_at_the_start(  # noqa: PLR0913, PLR0917 - fixtures
    api: BotApiServer,
    bakyt: Person,
    retriever: FixedRetriever,
    journal: Journal,
    url: str,
    address: str,
) -> None:
    """The webhook is set when Telegram takes it, whatever it answered before."""
    chat = api.private_chat(bakyt)
    question = await chat.send(bakyt, QUESTION)
    api.fail_next("setWebhook", status=502, page=True)
    api.fail_next("setWebhook", hang=True)
    api.fail_next("setWebhook", status=400, description="Bad Request: bad webhook: Failed to look")
    api.fail_next("setWebhook", drop=True, takes_effect=True)
    hook = {"webhook_url": url, "webhook_listen": address}
    async with running(build(api, retriever, journal, QUICK, **hook)):
        assert (await chat.answer_to(question))["text"] == CARD


async def test_back_to_polling_nothing_is_lost(
    api: BotApiServer, bakyt: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """Without WEBHOOK_URL the webhook goes, and what waited for it is answered."""
    await api._set_webhook({"url": "https://bot.example.org/telegram"})
    chat = api.private_chat(bakyt)
    question = await chat.send(bakyt, QUESTION)
    async with running(build(api, retriever, journal, QUICK)):
        assert (await chat.answer_to(question))["text"] == CARD
    assert api.webhook == {}


async def test_a_port_that_is_taken_ends_the_bot(
    api: BotApiServer, retriever: FixedRetriever, journal: Journal, url: str, address: str
) -> None:
    """Nobody would hear Telegram: one clear sentence names the setting."""
    host, _, port = address.partition(":")
    hook = {"webhook_url": url, "webhook_listen": address}
    with socket.create_server((host, int(port))):
        async with running(build(api, retriever, journal, QUICK, **hook)) as work:
            with pytest.raises(SettingsError, match="WEBHOOK_LISTEN"):
                await asyncio.wait_for(work, 10)
