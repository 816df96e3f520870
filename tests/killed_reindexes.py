"""Runs reindexes that are killed: a light process forks one child for each, and kills it.

It reads one order a line and answers each with how far the child came.
"""

import functools
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from embeddings import indexing
from embeddings.indexing import reindex
from embeddings.stores import sqlite_file
from knowledge.article import Article
from knowledge.corpus import Corpus
from word_embedder import WordEmbedder

CORPORA = 6

_WORDS = ("glacier", "solar", "wind", "orchard", "river", "bicycle")
_STAGES = {"": "before", "b": "inside", "c": "committing", "e": "after"}


@dataclass(frozen=True, slots=True)
class Order:
    """A reindex, and when it is to be killed: `delay` after a mark, at the end at the latest.

    Attributes:
        index: The index.
        corpus: The number of the corpus that it shall hold.
        model: The name of the embedder.
        mark: "s" is the start, "b" the beginning of the transaction, "c" that of the commit, "e"
            the end.
        delay: Seconds.
        statement: Instead of all this it dies before its statement of that number, from 0.
    """

    index: str
    corpus: int
    model: str
    mark: str = "e"
    delay: float = 0.0
    statement: int | None = None


class PlainEmbedder(WordEmbedder):
    """Knows nothing of languages, which takes long to tell, and remembers what it has seen."""

    def _embed(self, text: str) -> npt.NDArray[np.float32]:
        return _count_words(text, tuple(self._axes))


@functools.cache
def _count_words(text: str, axes: tuple[str, ...]) -> npt.NDArray[np.float32]:
    words = text.casefold().split()
    counts = [words.count(word) for word in axes]
    return np.array(counts, np.float32) / (np.linalg.norm(counts) or 1)


def make_embedder(model: str) -> PlainEmbedder:
    """Make the embedder of a name; those of two names share no index."""
    return PlainEmbedder(*_WORDS, name=model)


def make_corpus(number: int) -> Corpus:
    """Make a corpus that shares some articles with any other, and has others changed."""
    chance = random.Random(f"corpus {number}")  # noqa: S311 - the same each time
    articles = []
    for slug in sorted(chance.sample("abcdefghijkl", 8)):
        version = chance.randrange(3)
        words = random.Random(f"{slug} {version}")  # noqa: S311 - likewise
        paragraphs = [
            " ".join(f"{' '.join(words.choices(_WORDS, k=9))}." for _ in range(7))
            for _ in range(words.randint(1, 3))
        ]
        url = f"https://example.org/{slug}"
        body = "\n\n".join(paragraphs)
        articles.append(Article(slug, slug.upper(), url, body, None, "en", date(2025, 6, 12)))
    return Corpus(tuple(articles), (), {each.slug: each.content_hash for each in articles})


def main() -> None:
    """Carry out the orders on stdin."""
    # A few articles, so that some of them are staged when others are not.
    indexing._TEXTS_PER_STEP = 40
    embedders = {model: make_embedder(model) for model in ("one", "two")}
    # What the children need is loaded and remembered before they are forked.
    with tempfile.TemporaryDirectory() as folder:
        for number in range(CORPORA):
            reindex(make_corpus(number), Path(folder) / "index.db", embedders["one"])
    for line in sys.stdin:
        order = Order(**json.loads(line))
        corpus = make_corpus(order.corpus)
        marks, child_marks = os.pipe()
        child = os.fork()
        if not child:
            os.close(marks)
            _reindex(order, corpus, embedders[order.model], child_marks)
        os.close(child_marks)
        sys.stdout.write(f"{_kill(order, child, marks)}\n")
        sys.stdout.flush()


def _kill(order: Order, child: int, marks: int) -> str:
    """Kill the child when the order says so; return its last stage."""
    seen = ""
    # The end comes last, or nothing where it has killed itself.
    while order.mark != "s" and order.mark not in seen and (mark := os.read(marks, 1)):
        seen += mark.decode()
    # Where exactly that hits is up to the machine, which is what it is for.
    time.sleep(order.delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while mark := os.read(marks, 1):
        seen += mark.decode()
    os.close(marks)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return _STAGES[seen[-1:]]
    return "failed"


def _reindex(order: Order, corpus: Corpus, embedder: PlainEmbedder, marks: int) -> NoReturn:
    statements = 0

    def watch(path: Path, statement: str) -> None:
        nonlocal statements
        if statements == order.statement:
            os.kill(os.getpid(), signal.SIGKILL)
        statements += 1
        # What is staged beside it is committed many times.
        if path == Path(order.index) and statement.startswith(("BEGIN", "COMMIT")):
            os.write(marks, statement[:1].lower().encode())

    connect = sqlite_file.connect

    def watched(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        # Next to nothing fits into the memory, so what is not committed yet goes to the log.
        connection.execute("PRAGMA cache_size = 5")
        connection.set_trace_callback(functools.partial(watch, path))
        return connection

    sqlite_file.connect = watched
    try:
        reindex(corpus, Path(order.index), embedder)
        os.write(marks, b"e")
        signal.pause()
    finally:
        # Whatever is raised is no kill, and is told as a failure.
        os._exit(1)


def to_line(order: Order) -> str:
    """Write an order as a line."""
    return json.dumps(asdict(order)) + "\n"


if __name__ == "__main__":
    main()
