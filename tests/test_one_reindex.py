"""One reindex at a time, of all replicas and of the command line."""

import io
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from bot import one_reindex
from bot.commands import preparation
from bot.errors import DataFolderUnusable, ReindexCancelled, ReindexError
from bot.one_reindex import only_reindex, stop_reindex
from bot.reports import Failure, ReindexNews, news_from_json
from bot.settings import load_settings
from bot.storage.database import Database
from bot.storage.journal import Journal
from embeddings.errors import IndexBusy
from embeddings.indexing import IndexReport
from fixed_retriever import BRIDGE
from knowledge.article import format_article
from terminal import Terminal
from word_embedder import WordEmbedder

_BREAK_LOCKS = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def stop_now(database: Database) -> None:
    """What an admin's /cancel leaves."""
    database.write_now(lambda connection: one_reindex._set(connection, "stop"))


async def test_the_second_one_is_told(
    postgres_url: SecretStr, tmp_path: Path, replicas: list[Database]
) -> None:
    """Wherever it runs, it hears that another one is at work, as long as that one is."""
    with only_reindex(tmp_path, postgres_url):
        with pytest.raises(IndexBusy, match="Another reindex is at work"):
            ExitStack().enter_context(only_reindex(tmp_path, postgres_url))
        assert await stop_reindex(replicas[0])
    with only_reindex(tmp_path, postgres_url):
        pass
    assert not await stop_reindex(replicas[0])


async def test_it_is_stopped_from_another_replica(
    postgres_url: SecretStr, tmp_path: Path, replicas: list[Database]
) -> None:
    """It looks every two seconds; what was meant for an earlier one doesn't stop the next."""
    now = 0.0
    with only_reindex(tmp_path, postgres_url, lambda: now) as look:
        assert await stop_reindex(replicas[1])
        look()
        now += 2
        with pytest.raises(ReindexCancelled):
            look()
        now += 2
        look()
        assert await stop_reindex(replicas[1])
    with only_reindex(tmp_path, postgres_url, lambda: now) as look:
        now += 2
        look()


async def test_one_that_has_lost_its_lock(postgres_url: SecretStr, tmp_path: Path) -> None:
    """The lock goes with its connection; whoever had it ends when another one has begun."""
    now = 0.0
    database = Database.open(tmp_path, url=postgres_url)
    with (
        closing(database),
        ExitStack() as other,
        only_reindex(tmp_path, postgres_url, lambda: now) as look,
    ):
        database.write_now(lambda connection: connection.execute(_BREAK_LOCKS))
        other.enter_context(only_reindex(tmp_path, postgres_url))
        now += 2
        with pytest.raises(ReindexError, match="Another reindex has begun"):
            look()


async def test_without_a_shared_database(tmp_path: Path, journal: Journal) -> None:
    """The data folder's lock does; there is nobody else to be stopped."""
    with only_reindex(tmp_path, None) as look:
        look()
        with pytest.raises(IndexBusy, match="Another reindex is at work"):
            ExitStack().enter_context(only_reindex(tmp_path, None))
    with only_reindex(tmp_path, None):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(DataFolderUnusable, match="set DATA_DIR"):
        ExitStack().enter_context(only_reindex(tmp_path / "file", None))
    assert not await stop_reindex(journal.database)


@pytest.fixture
def on_the_server(
    terminal: Terminal, postgres_url: SecretStr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    """A command line whose database is shared, with a folder of articles that is empty."""
    (tmp_path / "articles").mkdir()
    monkeypatch.setenv("ARTICLES_DIR", str(tmp_path / "articles"))
    monkeypatch.setenv("DATABASE_URL", postgres_url.get_secret_value())
    return terminal


def test_the_command_line(
    on_the_server: Terminal, postgres_url: SecretStr, tmp_path: Path
) -> None:
    """It says so as well, before it loads the model; later it reindexes."""
    article = tmp_path / "articles" / "bridge.md"
    article.write_text(format_article(BRIDGE), encoding="utf-8")
    with only_reindex(tmp_path / "data", postgres_url):
        assert "Another reindex is at work" in str(on_the_server.run("reindex"))
        told = str(on_the_server.run("remove", "bridge"))
        assert told.startswith("Another reindex is at work. Wait until it is done. The article's")
    assert on_the_server.run("reindex") == 0


def test_the_bots_own_process(
    on_the_server: Terminal,
    postgres_url: SecretStr,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It tells the bot that another one is at work, and that somebody has stopped it."""
    (tmp_path / "articles" / "bridge.md").write_text(format_article(BRIDGE), encoding="utf-8")

    def work() -> ReindexNews | None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("reindex\n"))
        on_the_server.run("reindex", "--worker")
        return news_from_json(on_the_server.out.splitlines()[-1])

    with only_reindex(tmp_path / "data", postgres_url):
        assert work() == Failure("Another reindex is at work. Wait until it is done.", "busy")
    with monkeypatch.context() as stopped:
        stopped.setattr(one_reindex, "_LOOKS_EVERY", 0)
        stopped.setattr(one_reindex, "_write", lambda database, _: stop_now(database))
        assert work() == Failure("The reindex was stopped.", "cancelled")
    report = work()
    assert isinstance(report, IndexReport)
    assert report.added == ("bridge",)


@pytest.mark.usefixtures("on_the_server")
def test_a_replica_without_an_index(
    postgres_url: SecretStr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another one builds it, it waits."""
    other = ExitStack()
    other.enter_context(only_reindex(tmp_path / "data", postgres_url))
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        other.close()

    monkeypatch.setattr(time, "sleep", sleep)
    preparation._build_index(load_settings(), WordEmbedder("bridge"))
    assert pauses == [5]
