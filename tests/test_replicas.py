"""Three replicas behind nginx: one is killed, all are restarted, and no question is lost by it."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url

from bot.localization import say
from bot_api_server import BotApiServer
from conversation import CARD, Message
from embeddings.indexing import reindex
from embeddings.stores.opening import MilvusAddress
from fixed_retriever import BRIDGE
from knowledge.corpus import Corpus
from nginx_server import nginx
from postgres_server import PostgresServer
from replica_processes import EMBEDDER

SEEDED = pytest.mark.parametrize("seed", [20_261_122])
REPLICAS = range(3)
CHATS = 12
UNANSWERED = 24

ASK_AGAIN = say("en", "inbox-ask-again")
QUESTION = "How long is the bridge?"


class Replicas:
    """Processes that share a database."""

    def __init__(
        self, processes: "subprocess.Popen[bytes]", environments: Sequence[dict[str, str]]
    ) -> None:
        """Take the process that forks them, and what each is told."""
        self.process_ids: dict[int, int] = {}
        self._processes = processes
        self._environments = environments

    async def start(self, *numbers: int) -> None:
        """Start some, and wait until they are ready."""
        for number in numbers:
            self.process_ids[number] = await self._order(
                "start", number, self._environments[number]
            )
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            for number in numbers:
                while not await self._is_ready(client, number):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)

    async def kill(self, number: int) -> None:
        """End one with -9."""
        del self.process_ids[number]
        assert await self._order("kill", number) == -signal.SIGKILL

    async def stop(self, number: int) -> None:
        """Ask one to stop, and wait until it has."""
        del self.process_ids[number]
        assert await self._order("stop", number) == 0

    async def _order(self, *order: object) -> int:
        orders, answers = self._processes.stdin, self._processes.stdout
        assert orders is not None
        assert answers is not None
        orders.write(json.dumps(order).encode() + b"\n")
        orders.flush()
        return int(await asyncio.to_thread(answers.readline))

    async def _is_ready(self, client: httpx.AsyncClient, number: int) -> bool:
        port = self._environments[number]["MONITORING_PORT"]
        try:
            answer = await client.get(f"http://127.0.0.1:{port}/readyz")
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK


@pytest.fixture(scope="module")
def processes() -> Iterator["subprocess.Popen[bytes]"]:
    """What forks replicas."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("replica_processes.py"))],
        # Threads don't outlive a fork.
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process


def free_ports(number: int) -> list[int]:
    """Ports where nobody listens."""
    with ExitStack() as held:
        listeners = [
            held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)
        ]
        return [listener.getsockname()[1] for listener in listeners]


@pytest.fixture
def store_url(request: pytest.FixtureRequest) -> str:
    """Where an index is that replicas answer from; by default they have a fixed retriever."""
    if not getattr(request, "param", False):
        return ""
    url: str = request.getfixturevalue("milvus_url")
    reindex(Corpus((BRIDGE,), ()), MilvusAddress(url), EMBEDDER)
    return url


@pytest.fixture
async def three(  # noqa: PLR0913, PLR0917 - all that they share
    request: pytest.FixtureRequest,
    api: BotApiServer,
    postgres_url: SecretStr,
    store_url: str,
    processes: "subprocess.Popen[bytes]",
    tmp_path: Path,
) -> AsyncIterator[Replicas]:
    """Three replicas that are ready, and to which nginx passes what Telegram posts.

    Its parameter is for how many seconds a claim lasts.
    """
    door, *ports = free_ports(1 + 2 * len(REPLICAS))
    listening = [f"127.0.0.1:{port}" for port in ports[: len(REPLICAS)]]
    shared = {
        "TELEGRAM_BOT_TOKEN": api.token,
        "TELEGRAM_API_URL": api.url,
        "WEBHOOK_URL": f"http://127.0.0.1:{door}/telegram",
        "WEBHOOK_SECRET": "one-for-all",
        "DATABASE_URL": postgres_url.get_secret_value(),
        "STORE_URL": store_url,
        "DATA_DIR": str(tmp_path / "data"),
        "FOLDER": str(tmp_path),
        "LEASE": str(request.param),
    }
    environments = [
        {**shared, "WEBHOOK_LISTEN": address, "MONITORING_PORT": str(port)}
        for address, port in zip(listening, ports[len(REPLICAS) :], strict=True)
    ]
    (tmp_path / "nginx").mkdir()
    async with nginx(tmp_path / "nginx", door, listening):
        replicas = Replicas(processes, environments)
        try:
            await replicas.start(*REPLICAS)
            yield replicas
        finally:
            for number in list(replicas.process_ids):
                await replicas.kill(number)


async def replies(api: BotApiServer, number: int) -> None:
    """Wait until there are so many."""
    await api.wait_until(lambda: len(api.replies) >= number or None, "replies", 60)


class Conversations:
    """People who ask in chats of their own, and what they get."""

    def __init__(self, api: BotApiServer, seed: int) -> None:
        """Bring as many people as there are chats."""
        self.asked: list[Message] = []
        self._api = api
        self._seed = seed
        self._chance = random.Random(seed)  # noqa: S311 - the same each time
        people = [api.user(f"Person {number}", language_code="en") for number in range(CHATS)]
        self._chats = [(api.private_chat(person), person) for person in people]

    async def ask_until(self, enough: asyncio.Event) -> None:
        """Somebody asks something, again and again, while not too much is unanswered."""
        while not enough.is_set():
            chat, person = self._chance.choice(self._chats)
            self.asked.append(await chat.send(person, QUESTION))
            await asyncio.sleep(self._chance.uniform(0, 0.1))
            least = len(self.asked) - UNANSWERED
            await replies(self._api, least)

    async def answered(self) -> list[list[str]]:
        """What was said to each question, once something was said to all."""
        asked = [(each["chat"]["id"], each["message_id"]) for each in self.asked]
        await self._api.wait_until(
            lambda: set(asked) <= {each[:2] for each in self._api.replies} or None,
            f"reply to each question (seed {self._seed})",
            60,
        )
        said = defaultdict[tuple[int, int], list[str]](list)
        for chat_id, question, text in self._replies():
            said[chat_id, question].append(text)
        return [said[each] for each in asked]

    def in_order(self) -> bool:
        """Whether each chat was answered in the order of its questions."""
        answers = defaultdict[int, list[int]](list)
        for chat_id, question, text in self._replies():
            if text == CARD:
                answers[chat_id].append(question)
        return all(each == sorted(each) for each in answers.values())

    def _replies(self) -> list[tuple[int, int, str]]:
        """Chat, message and text of each reply, as they came."""
        sent = [each.params for each in self._api.requests if each.method == "sendMessage"]
        return [
            (each["chat_id"], each["reply_parameters"]["message_id"], each["text"])
            for each in sent
        ]


@SEEDED
@pytest.mark.parametrize("three", [6], indirect=True)
async def test_one_is_killed(
    seed: int,
    api: BotApiServer,
    three: Replicas,
    postgres_server: PostgresServer,
    postgres_url: SecretStr,
) -> None:
    """Each question has one answer, but for those that the killed one had begun to answer."""
    conversations = Conversations(api, seed)
    database = make_url(postgres_url.get_secret_value()).database
    assert database is not None
    victim = random.Random(seed).choice(REPLICAS)  # noqa: S311
    claims = (
        "SELECT update_id, state FROM inbox "  # noqa: S608
        f"WHERE position(' {three.process_ids[victim]} ' in claimed_by) > 0"
    )
    enough = asyncio.Event()
    asking = asyncio.create_task(conversations.ask_until(enough))
    await replies(api, len(api.replies) + 10)
    while not await asyncio.to_thread(postgres_server.execute, claims, database):
        pass
    await three.kill(victim)
    # What it committed at the last moment is waited for.
    had = await asyncio.to_thread(postgres_server.execute, f"{claims} FOR UPDATE", database)
    await replies(api, len(api.replies) + 10)
    enough.set()
    await asking
    left = "SELECT update_id FROM inbox WHERE payload IS NOT NULL"
    while await asyncio.to_thread(postgres_server.execute, left, database):
        pass
    said = await conversations.answered()

    began = {update_id for update_id, state in had if state != "waiting"}
    for question, texts in zip(conversations.asked, said, strict=True):
        if api.update_of(question)["update_id"] in began:
            assert texts in ([ASK_AGAIN], [CARD, ASK_AGAIN]), f"seed {seed}"
        else:
            assert texts == [CARD], f"seed {seed}: of {len(said)} questions it had {had}"
    assert conversations.in_order()


@SEEDED
@pytest.mark.parametrize(("three", "store_url"), [(20, True)], indirect=True)
async def test_all_are_restarted(seed: int, api: BotApiServer, three: Replicas) -> None:
    """One after the other, while people ask: each question is answered once, out of Milvus."""
    conversations = Conversations(api, seed)
    enough = asyncio.Event()
    asking = asyncio.create_task(conversations.ask_until(enough))
    for number in REPLICAS:
        await replies(api, len(api.replies) + 10)
        await three.stop(number)
        await three.start(number)
    enough.set()
    await asking
    said = await conversations.answered()
    assert said == [[CARD]] * len(said), f"seed {seed}"
    assert conversations.in_order()
