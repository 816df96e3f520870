"""Vector search alone, without a model: ours, numpy, FAISS, usearch and hnswlib.

Run as `python -m benchmarks.vector_search METHOD VECTORS RESULT`, in a process of its own for each
method, so that its memory can be told. The vectors are random, which is the hardest there is for
graphs (HNSW): among random vectors nothing lies close together.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.orders import write

SEED = 20_260_101
DIMENSION = 384
QUESTIONS = 100
NEIGHBOURS = 10
"""How many are looked for, and counted in the recall."""

Vectors: TypeAlias = npt.NDArray[np.float32]
Search: TypeAlias = Callable[[Vectors], npt.NDArray[Any]]
"""Finds the numbers of the nearest vectors of a question, shape (d,)."""

_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Searched:
    """How a method did; seconds, megabytes, shares.

    Attributes:
        build: Making the index of vectors that are in memory.
        question: The median of the questions, asked one by one.
        memory: What the index takes.
        recall: Share of the ten nearest vectors that it finds.
    """

    build: float
    question: float
    memory: float
    recall: float


def make_vectors(folder: Path, count: int) -> None:
    """Write random vectors of length 1, questions likewise, and which are the nearest."""
    chance = np.random.default_rng(SEED)
    vectors = np.lib.format.open_memmap(
        folder / "vectors.npy", "w+", np.float32, (count, DIMENSION)
    )
    questions = _random(chance, QUESTIONS)
    nearest = np.zeros((QUESTIONS, NEIGHBOURS), np.int64)
    scores = np.full((QUESTIONS, NEIGHBOURS), -np.inf, np.float32)
    for first in range(0, count, _ROWS_AT_ONCE):
        some = _random(chance, min(_ROWS_AT_ONCE, count - first))
        vectors[first : first + len(some)] = some
        found = np.hstack([scores, questions @ some.T])
        numbers = np.hstack(
            [nearest, np.tile(np.arange(first, first + len(some)), (QUESTIONS, 1))]
        )
        best = np.argpartition(-found, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        scores = np.take_along_axis(found, best, axis=1)
        nearest = np.take_along_axis(numbers, best, axis=1)
    vectors.flush()
    np.save(folder / "questions.npy", questions)
    np.save(folder / "nearest.npy", nearest)


def measure(method: str, folder: Path) -> Searched:
    """Build an index of the vectors in a folder, and ask it."""
    questions, nearest = np.load(folder / "questions.npy"), np.load(folder / "nearest.npy")
    build = METHODS[method]
    # Whatever is loaded or set up once belongs to no index.
    build(questions)(questions[0])
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    before = _own_memory()
    begun = time.perf_counter()
    search = build(vectors)
    built = time.perf_counter() - begun
    memory = _own_memory() - before
    seconds: list[float] = []
    found: list[float] = []
    for question in questions:
        begun = time.perf_counter()
        numbers = search(question)
        seconds.append(time.perf_counter() - begun)
        found.append(len(np.intersect1d(numbers, nearest[len(found)])) / NEIGHBOURS)
    return Searched(built, median(seconds), memory, float(np.mean(found)))


def _ours(vectors: Vectors) -> Search:
    """Search as `embeddings.ranking` looks at all passages: exactly, in eight bits a number."""
    from embeddings.compact_matrix import compact

    matrix = compact(vectors)
    return lambda question: _largest(matrix.products(compact(question[None]))[:, 0])


def _numpy(vectors: Vectors) -> Search:
    matrix = np.array(vectors)
    return lambda question: _largest(matrix @ question)


def _faiss_flat(vectors: Vectors) -> Search:
    import faiss

    index = faiss.IndexFlatIP(DIMENSION)
    for first in range(0, len(vectors), _ROWS_AT_ONCE):
        index.add(np.array(vectors[first : first + _ROWS_AT_ONCE]))
    return lambda question: index.search(question[None], NEIGHBOURS)[1][0]


def _usearch_exact(vectors: Vectors) -> Search:
    from usearch.index import search

    matrix = np.array(vectors)
    return lambda question: search(matrix, question, NEIGHBOURS, "ip", exact=True).keys


def _usearch_graph(vectors: Vectors) -> Search:
    from usearch.index import Index

    index = Index(ndim=DIMENSION, metric="ip")
    for first in range(0, len(vectors), _ROWS_AT_ONCE):
        some = np.array(vectors[first : first + _ROWS_AT_ONCE])
        index.add(np.arange(first, first + len(some)), some)
    return lambda question: index.search(question, NEIGHBOURS).keys


def _hnswlib(vectors: Vectors) -> Search:
    import hnswlib

    index = hnswlib.Index(space="ip", dim=DIMENSION)
    index.init_index(max_elements=len(vectors), ef_construction=200, M=16)
    for first in range(0, len(vectors), _ROWS_AT_ONCE):
        index.add_items(np.array(vectors[first : first + _ROWS_AT_ONCE]))
    index.set_ef(50)
    return lambda question: index.knn_query(question, NEIGHBOURS)[0][0]


METHODS: Mapping[str, Callable[[Vectors], Search]] = {
    "ours (exact, int8)": _ours,
    "numpy (exact)": _numpy,
    "FAISS flat (exact)": _faiss_flat,
    "usearch (exact)": _usearch_exact,
    "usearch (HNSW)": _usearch_graph,
    "hnswlib (HNSW)": _hnswlib,
}
"""Each makes an index of vectors and gives what searches it. The graphs are made as their
documentation shows it."""

OWN_METHODS = tuple(METHODS)[:2]
"""Those that need nothing but the bot's own libraries."""


def _largest(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    best = np.argpartition(-scores, NEIGHBOURS)[:NEIGHBOURS]
    return best[np.argsort(-scores[best])]


def _random(chance: np.random.Generator, count: int) -> Vectors:
    rows = chance.standard_normal((count, DIMENSION), np.float32)
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def _own_memory() -> float:
    """Return the memory that is not shared with files, in megabytes."""
    import psutil

    memory = psutil.Process().memory_info()
    return float((memory.rss - getattr(memory, "shared", 0)) / 1e6)


if __name__ == "__main__":
    write(measure(sys.argv[1], Path(sys.argv[2])), Path(sys.argv[3]))
