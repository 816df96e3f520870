"""The listener: what it says of the bot, to whom, and what it never says."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.answering import Answering
from bot.application import build_bot
from bot.errors import MonitoringUnavailable
from bot.metrics import Stage
from bot.monitoring import Signs, listening, monitored
from bot.serving import running
from bot.settings import Settings
from bot.storage.journal import Journal
from bot.transport.patience import Patience
from bot_api_chats import Person
from bot_api_server import BotApiServer
from conversation import build
from fixed_retriever import FixedRetriever
from terminal import Terminal


@dataclass
class Patient:
    """A bot whose state a test decides."""

    seconds: float = 0
    missing: list[str] = field(default_factory=list)


@pytest.fixture
def patient() -> Patient:
    """All is well with it."""
    return Patient()


@pytest.fixture
async def client(patient: Patient) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the listener."""
    signs = Signs(lambda: patient.seconds, lambda: patient.missing)
    async with (
        listening("127.0.0.1", 0, signs) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


async def test_a_healthy_bot(client: httpx.AsyncClient) -> None:
    """Nothing is wrong, nothing is missing."""
    for path in ("/healthz", "/readyz"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, [])
        assert answer.headers["Content-Type"] == "application/json"
        assert (await client.head(path)).status_code == 200


async def test_a_stuck_bot(client: httpx.AsyncClient, patient: Patient) -> None:
    """It is unhealthy once the answering thread has been at the same thing for three minutes."""
    patient.seconds = 179
    assert (await client.get("/healthz")).status_code == 200
    patient.seconds = 180
    answer = await client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == ["the answering thread has been at the same thing for 180 seconds"]


async def test_a_bot_that_is_not_ready(client: httpx.AsyncClient, patient: Patient) -> None:
    """It names what is missing, and is healthy all the same: a restart would not help."""
    patient.missing = ["the model is being loaded", "Telegram can't be reached"]
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == ["the model is being loaded", "Telegram can't be reached"]
    assert (await client.get("/healthz")).status_code == 200
    assert "bot_ready 0.0" in (await client.get("/metrics")).text
    patient.missing = []
    assert (await client.get("/readyz")).status_code == 200
    assert "bot_ready 1.0" in (await client.get("/metrics")).text


async def test_metrics_are_what_prometheus_reads(client: httpx.AsyncClient) -> None:
    """All families can be parsed, and are named as its conventions have it."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    types = {family.name: family.type for family in text_string_to_metric_families(answer.text)}
    own = {name: kind for name, kind in types.items() if name.startswith("bot_")}
    assert own == {
        "bot_index_articles": "gauge",
        "bot_index_passages": "gauge",
        "bot_questions": "counter",
        "bot_ready": "gauge",
        "bot_reindex_last_duration_seconds": "gauge",
        "bot_reindex_last_success_timestamp_seconds": "gauge",
        "bot_reindex_running": "gauge",
        "bot_reindexes": "counter",
        "bot_stage_duration_seconds": "histogram",
        "bot_telegram_errors": "counter",
        "bot_updates_waiting": "gauge",
    }
    assert "process_cpu_seconds" in types


async def test_nothing_else_is_answered(client: httpx.AsyncClient) -> None:
    """Other paths and methods don't exist, and nobody hears what is running here."""
    answers = [
        await client.get("/"),
        await client.get("/healthz/"),
        await client.get("/metrics/../../etc/passwd"),
        await client.post("/healthz", content=b"x" * 1000),
        await client.delete("/metrics"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 405, 405]
    for answer in [*answers, await client.get("/healthz")]:
        assert "Server" not in answer.headers
        assert "Traceback" not in answer.text


async def test_looks_are_not_logged(
    client: httpx.AsyncClient, patient: Patient, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody asks every few seconds; nor is "not ready" an error of ours."""
    patient.missing = ["something"]
    caplog.set_level("DEBUG", "tornado")
    await client.get("/readyz")
    await client.get("/nothing")
    assert [record for record in caplog.records if record.name.startswith("tornado")] == []


async def test_a_port_that_is_taken() -> None:
    """It is an error that says what to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MonitoringUnavailable, match=f"Port {port} of 127.0.0.1 .* in use"):
            async with listening("127.0.0.1", port, Signs(lambda: 0, list)):
                pass


def test_a_port_that_is_taken_ends_the_bot(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, with the exit code after which nobody restarts it."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456789:nobodys")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("MONITORING_PORT", str(taken.getsockname()[1]))
        assert terminal.run("run") == 78
    assert terminal.err.splitlines()[-1].startswith("Port ")
    assert "set MONITORING_PORT" in terminal.err
    assert "Traceback" not in terminal.err


async def test_an_address_of_another_machine() -> None:
    """It is the same kind of error, not a traceback."""
    with pytest.raises(MonitoringUnavailable, match="MONITORING_HOST"):
        async with listening("192.0.2.1", 0, Signs(lambda: 0, list)):
            pass


async def test_the_port_is_free_afterwards(patient: Patient) -> None:
    """A restart finds it free, also while a client keeps its connection open."""
    signs = Signs(lambda: patient.seconds, lambda: patient.missing)
    async with httpx.AsyncClient(trust_env=False) as client:
        async with listening("127.0.0.1", 0, signs) as port:
            await client.get(f"http://127.0.0.1:{port}/healthz")
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{port}/healthz")
        async with listening("127.0.0.1", port, signs):
            assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200


async def test_a_client_that_says_nothing(client: httpx.AsyncClient) -> None:
    """It keeps nobody else from an answer."""
    _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(b"GET /healthz HTTP/1.1\r\n")
    await writer.drain()
    assert (await client.get("/healthz")).status_code == 200
    writer.close()
    await writer.wait_closed()


@pytest.fixture
def free_port() -> int:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def ready(port: int, wanted: list[str]) -> None:
    """Wait until this is what is missing."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        missing: object = None
        while missing != wanted:
            missing = (await client.get(f"http://127.0.0.1:{port}/readyz")).json()


async def test_a_real_bot_from_start_to_end(
    api: BotApiServer,
    alice: Person,
    retriever: FixedRetriever,
    journal: Journal,
    free_port: int,
) -> None:
    """It says what is missing while it starts and while Telegram is away, and counts."""
    model_is_there = threading.Event()

    def open_slowly() -> FixedRetriever:
        model_is_there.wait()
        return retriever

    settings = Settings.model_validate(
        {"telegram_bot_token": api.token, "telegram_api_url": api.url}
        | {"monitoring_port": free_port}
    )
    patience = Patience(poll=1, first_pause=0.01, longest_pause=0.05)
    bot = build_bot(settings, Answering(open_slowly), journal, patience)
    away, loading = "Telegram isn't reached", "the model is being loaded, or the index built"
    async with monitored(bot):
        await ready(free_port, [loading, away])
        async with running(bot):
            await ready(free_port, [loading])
            question = await api.private_chat(alice).send(alice, "How long is the bridge?")
            model_is_there.set()
            await ready(free_port, [])
            await api.private_chat(alice).answer_to(question)
            api.fail_next("getUpdates", status=502, times=5)
            await ready(free_port, [away])
            await ready(free_port, [])
            await bot.troubles.begin("index", "trouble-index", reason="It is damaged.")
            await ready(free_port, ["the index can't be read"])
            async with httpx.AsyncClient(trust_env=False) as client:
                text = (await client.get(f"http://127.0.0.1:{free_port}/metrics")).text
        stopping = "the bot is being stopped"
        await ready(free_port, [stopping, "the index can't be read", away])
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    for stage in Stage:
        assert samples["bot_stage_duration_seconds_count", stage] >= 1, stage
    assert samples["bot_telegram_errors_total", "NetworkError"] >= 5
    assert samples["bot_questions_total", "en", "answered"] >= 1
    assert samples["bot_updates_waiting",] == 0
    assert api.token not in text
    assert str(alice.id) not in text


async def test_a_bot_that_nobody_asks(
    api: BotApiServer, retriever: FixedRetriever, journal: Journal
) -> None:
    """By itself it listens on no port at all."""
    bot = build(api, retriever, journal)
    assert bot.monitoring is None
    before = len(asyncio.all_tasks())
    async with monitored(bot):
        assert len(asyncio.all_tasks()) == before


async def test_a_thread_that_hangs(retriever: FixedRetriever) -> None:
    """How long it has been at the same thing grows, and is 0 when it is done."""
    answering = Answering(lambda: retriever)
    await answering.initialize()
    await answering.opened()
    begun, may_end = threading.Event(), threading.Event()

    def hang(_: object) -> None:
        begun.set()
        may_end.wait()

    assert answering.at_work_for == 0
    looking = asyncio.create_task(answering.look_up(hang))
    await asyncio.to_thread(begun.wait)
    first = answering.at_work_for
    assert 0 <= first <= answering.at_work_for
    assert answering._at_work_since is not None
    may_end.set()
    await looking
    assert answering.at_work_for == 0
    await answering.shutdown()
