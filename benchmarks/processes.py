"""The two processes that are measured: one reindexes, one answers questions, as with the bot."""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias, TypeVar

from embeddings.embedder import Embedded, Embedder, Embeddings, SentenceTransformerEmbedder
from embeddings.indexing import IndexReport, reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from knowledge.corpus import ArticleFolder

LoadEmbedder: TypeAlias = Callable[[], Embedder]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What a reindex did and took; times in seconds.

    Attributes:
        report: What it did.
        total: From the order to the end.
        embedding: Embedding, with all that the embedder does.
        forward: The model's own forward passes in it; None where it isn't known.
        texts: How many texts were embedded.
        peak: The most memory that the process has had since it began, in megabytes.
    """

    report: IndexReport
    total: float
    embedding: float
    forward: float | None
    texts: int
    peak: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What a question found; times in seconds.

    Attributes:
        slugs: The articles of the hits, the best first.
        refresh: Reading what the last reindex changed.
        question: Answering the question after that.
        peak: The most memory that the process has had since it began, in megabytes.
    """

    slugs: tuple[str, ...]
    refresh: float
    question: float
    peak: float


class MeasuredEmbedder:
    """Counts what an embedder embeds, and how long that takes."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.identity = embedder.identity
        self.model = embedder.model
        self.dimension = embedder.dimension
        self.begin()
        self._knows_forward = isinstance(embedder, SentenceTransformerEmbedder)
        if isinstance(embedder, SentenceTransformerEmbedder):
            model = embedder._model  # noqa: SLF001 - nobody else need look into it
            model.register_forward_pre_hook(self._enter_forward)
            model.register_forward_hook(self._leave_forward)

    def begin(self) -> None:
        """Count from zero."""
        self.texts = 0
        self.seconds = 0.0
        self._forward = 0.0

    @property
    def forward(self) -> float | None:
        """Seconds of the model's own forward passes; None where it isn't known."""
        return self._forward if self._knows_forward else None

    def embed_questions(self, texts: Sequence[str]) -> Embedded:
        """See `Embedder`."""
        return self._count(self._embedder.embed_questions, texts)

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        """See `Embedder`."""
        return self._count(self._embedder.embed_passages, texts, advance)

    def embed_sentences(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        """See `Embedder`."""
        return self._count(self._embedder.embed_sentences, texts, advance)

    def _count(self, embed: Callable[..., _T], texts: Sequence[str], *more: object) -> _T:
        begun = time.perf_counter()
        embedded = embed(texts, *more)
        self.seconds += time.perf_counter() - begun
        self.texts += len(texts)
        return embedded

    def _enter_forward(self, *_: object) -> None:
        self._forward -= time.perf_counter()

    def _leave_forward(self, *_: object) -> None:
        self._forward += time.perf_counter()


def run_indexer(connection: Connection, folder: Path, index: Path, load: LoadEmbedder) -> None:
    """Reindex each time something is received, until it is None; the model stays loaded."""
    embedder = MeasuredEmbedder(load())
    connection.send(None)
    while connection.recv() is not None:
        embedder.begin()
        begun = time.perf_counter()
        report = reindex(ArticleFolder(folder), index, embedder, _progress)
        connection.send(
            Reindexed(
                report=report,
                total=time.perf_counter() - begun,
                embedding=embedder.seconds,
                forward=embedder.forward,
                texts=embedder.texts,
                peak=_peak(),
            )
        )


def run_reader(connection: Connection, index: Path, load: LoadEmbedder) -> None:
    """Answer each question that is received, until it is None, with the index of that moment."""
    embedder = load()
    retriever = Retriever(SqliteStore.open(index, embedder), embedder)
    while (question := connection.recv()) is not None:
        begun = time.perf_counter()
        retriever.refresh()
        refreshed = time.perf_counter()
        hits = retriever.search(question)
        connection.send(
            Answered(
                slugs=tuple(hit.passage.article.slug for hit in hits),
                refresh=refreshed - begun,
                question=time.perf_counter() - refreshed,
                peak=_peak(),
            )
        )


def _progress(done: int, total: int) -> None:
    # Every some thousand texts, for whoever waits half an hour.
    if done * 20 // total != (done - 256) * 20 // total and total > 10_000:  # noqa: PLR2004
        sys.stderr.write(f"{done:,} of {total:,} texts embedded\n")


def _peak() -> float:
    """Return the most memory that this process has had, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
