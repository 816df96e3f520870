"""Several processes reindex together: each article is embedded once, and none is lost."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from bot.storage.article_queue import DatabaseQueue
from bot.storage.database import Database
from embeddings import indexing
from embeddings.errors import IndexMissing, IndexUnusable
from embeddings.indexing import help_to_reindex, reindex
from embeddings.plan import QueuedArticle
from embeddings.stores.sqlite import SqliteStore
from knowledge.corpus import ArticleFolder, file_digest
from word_embedder import WordEmbedder

StartHelper: TypeAlias = Callable[[], "subprocess.Popen[str]"]

SLUGS = [f"article-{number}" for number in range(8)]


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """One article each, and already a few are shared."""
    monkeypatch.setattr(indexing, "_TEXTS_PER_STEP", 1)
    monkeypatch.setattr(indexing, "_SHARED_FROM", 1)


@pytest.fixture
def folder(tmp_path: Path) -> ArticleFolder:
    folder = tmp_path / "articles"
    folder.mkdir()
    for slug in SLUGS:
        write(folder, slug)
    return ArticleFolder(folder)


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder("glacier")


def write(folder: Path, slug: str) -> None:
    text = f"---\ntitle: {slug}\nurl: https://example.org/{slug}\nlanguage: en\n---\n\nText.\n"
    (folder / f"{slug}.md").write_text(text, encoding="utf-8")


def embedded_here(embedder: WordEmbedder) -> list[str]:
    return [text.partition("\n")[0] for text in embedder.embedded if "\n" in text]


def slugs_in_index(path: Path, embedder: WordEmbedder) -> list[str]:
    store = SqliteStore.open(path, embedder)
    return sorted(article.slug for article in store.read_articles(0, 99))


class Clock:
    """Goes on while somebody waits."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def next_title(process: "subprocess.Popen[str]") -> str:
    """What a helper embeds now, and waits for a word."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def start_helper(tmp_path: Path) -> Iterator[StartHelper]:
    """Starts a process that helps; it embeds an article at each line that it gets."""
    with ExitStack() as started:

        def start() -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("helping_process.py")), tmp_path],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


def test_two_processes_share_the_articles(
    tmp_path: Path, folder: ArticleFolder, embedder: WordEmbedder, start_helper: StartHelper
) -> None:
    """Each is embedded by one of both, and the index is switched when both are done."""
    path = tmp_path / "index.db"
    helpers: list[subprocess.Popen[str]] = []

    def progress(done: int, _total: int) -> None:
        if done == 1:
            helpers.append(start_helper())
            assert next_title(helpers[0]) == SLUGS[1]
            orders = helpers[0].stdin
            assert orders is not None
            orders.write("go on\n" * 99)
            orders.close()

    with closing(Database.open(tmp_path)) as database:
        report = reindex(folder, path, embedder, progress, partial(DatabaseQueue, database))
    [helper] = helpers
    assert helper.stdout is not None
    by_helper = [SLUGS[1], *helper.stdout.read().split()]
    assert helper.wait() == 0
    assert report.added == tuple(SLUGS)
    assert sorted(by_helper + embedded_here(embedder)) == SLUGS
    assert slugs_in_index(path, embedder) == SLUGS


def test_what_a_killed_helper_had_is_embedded_by_others(
    tmp_path: Path, folder: ArticleFolder, embedder: WordEmbedder, start_helper: StartHelper
) -> None:
    """It comes back when nothing was heard of it for a while."""
    path, clock = tmp_path / "index.db", Clock()

    def progress(done: int, _total: int) -> None:
        if done == 1:
            helper = start_helper()
            assert next_title(helper) == SLUGS[1]
            helper.kill()
            helper.wait()

    with closing(Database.open(tmp_path, clock.now)) as database:
        share = partial(DatabaseQueue, database, sleep=clock.sleep)
        report = reindex(folder, path, embedder, progress, share)
    assert clock.slept >= 100
    assert embedded_here(embedder) == [SLUGS[0], *SLUGS[2:], SLUGS[1]]
    assert report.added == tuple(SLUGS)


class GivenQueue:
    """Gives these articles and no others, and forgets those that it is filled with."""

    def __init__(self, articles: Sequence[QueuedArticle] = ()) -> None:
        self._articles = list(articles)

    def fill(self, articles: Iterator[QueuedArticle]) -> None:
        self.filled = list(articles)

    def take(self, texts: int) -> list[QueuedArticle]:  # noqa: ARG002
        return [self._articles.pop()] if self._articles else []

    def hold(self) -> None:
        pass

    def done(self, articles: Sequence[QueuedArticle]) -> None:
        pass

    def left(self) -> int:
        return len(self._articles)


@pytest.mark.parametrize("queue", [GivenQueue(), None])
def test_what_others_leave_undone_is_embedded_here(
    tmp_path: Path, folder: ArticleFolder, embedder: WordEmbedder, queue: GivenQueue | None
) -> None:
    """Also if no other process can be reached."""
    report = reindex(folder, tmp_path / "index.db", embedder, None, lambda _: queue)
    assert embedded_here(embedder) == SLUGS
    assert report.added == tuple(SLUGS)


def test_a_few_articles_are_not_shared(
    tmp_path: Path,
    folder: ArticleFolder,
    embedder: WordEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are embedded before another process has loaded the model."""
    monkeypatch.setattr(indexing, "_SHARED_FROM", 17)
    shared: list[str] = []
    reindex(folder, tmp_path / "index.db", embedder, None, shared.append)
    assert shared == []
    assert embedded_here(embedder) == SLUGS


def interrupt(folder: ArticleFolder, path: Path, embedder: WordEmbedder) -> None:
    """Leave a reindex under way that has staged an article."""

    def progress(done: int, _total: int) -> None:
        if done > 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindex(folder, path, embedder, progress)
    embedder.embedded.clear()


def test_who_helps_with_other_files_is_told(
    tmp_path: Path, folder: ArticleFolder, embedder: WordEmbedder
) -> None:
    """A few may just be changing; those are left to the process that reindexes."""
    path = tmp_path / "index.db"
    interrupt(folder, path, embedder)
    different = [QueuedArticle(f"other-{number}", "digest", 2) for number in range(21)]
    few = GivenQueue([*different[:20], queued(folder, SLUGS[3])])
    assert help_to_reindex(folder, path, embedder, lambda _: few) == 1
    assert embedded_here(embedder) == [SLUGS[3]]
    many = GivenQueue(different)
    with pytest.raises(IndexUnusable, match="Set ARTICLES_DIR to the same folder"):
        help_to_reindex(folder, path, embedder, lambda _: many)


def test_there_may_be_nothing_to_help_with(
    tmp_path: Path, folder: ArticleFolder, embedder: WordEmbedder
) -> None:
    """Without a reindex that is an error; so it is with another model."""
    path = tmp_path / "index.db"
    with pytest.raises(IndexMissing, match="No reindex is under way"):
        help_to_reindex(folder, path, embedder, lambda _: GivenQueue())
    assert not list(tmp_path.glob("index*"))
    interrupt(folder, path, embedder)
    other = WordEmbedder("wind", "sun")
    with pytest.raises(IndexUnusable, match="another model"):
        help_to_reindex(folder, path, other, lambda _: GivenQueue())
    assert help_to_reindex(folder, path, embedder, lambda _: GivenQueue()) == 0


def queued(folder: ArticleFolder, slug: str) -> QueuedArticle:
    content = (folder.path / f"{slug}.md").read_bytes()
    return QueuedArticle(slug, file_digest(content), 2)
