"""Whether Milvus's graphs find what is nearest, compared with a look at everything.

Asked as the bot's store asks: in each language for itself, with the same parameters.
"""

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.synthetic_passages import LANGUAGES, Question, SyntheticEmbedder, SyntheticPassages
from embeddings.stores import milvus_ranking
from embeddings.stores.milvus import MilvusStore
from embeddings.stores.milvus_engine import Engine
from embeddings.stores.milvus_schema import build_of, visible
from embeddings.stores.opening import MilvusAddress

NEIGHBOURS = 10
_QUESTIONS = 60
_AT_ONCE = 20
_ROUNDED = 1e-4
"""Embeddings are stored in fewer bits; the tenth and the eleventh are further apart."""

_LOOKS_EVERY = 1.0
"""Seconds."""


def wait_for_graphs(address: MilvusAddress) -> None:
    """Wait until what was written is searched by graphs, as it will be from then on."""
    from pymilvus import MilvusClient

    client = MilvusClient(address.url, token=address.token)
    build = build_of(address.prefix, SyntheticEmbedder())
    for collection in build.all:
        # What nobody writes to for ten minutes is flushed by itself.
        client.flush(collection)
        for index in client.list_indexes(collection):
            while client.describe_index(collection, index)["pending_index_rows"]:
                time.sleep(_LOOKS_EVERY)
        client.refresh_load(collection)
    client.close()


def recalls(
    address: MilvusAddress, corpus: SyntheticPassages, questions: Sequence[Question]
) -> tuple[float, float]:
    """Return the shares of the ten nearest passages and sentences that are found."""
    asked = np.stack([question.embedding for question in questions[:_QUESTIONS]])
    tenth_passages, tenth_sentences = _tenths(corpus, asked)
    engine, embedder = Engine(address), SyntheticEmbedder()
    build = build_of(address.prefix, embedder)
    generation = MilvusStore.open(address, embedder).generation
    found = {}
    for collection, limit, tenths in (
        (build.passages, milvus_ranking._PASSAGES, tenth_passages),  # noqa: SLF001 - as the bot asks
        (build.sentences, milvus_ranking._SENTENCES, tenth_sentences),  # noqa: SLF001 - likewise
    ):
        shares = []
        for at, language in enumerate(LANGUAGES):
            rows_of_each = [
                rows
                for first in range(0, len(asked), _AT_ONCE)
                for rows in engine.search(
                    collection,
                    "embedding",
                    list(asked[first : first + _AT_ONCE]),
                    visible(generation),
                    limit,
                    ["embedding"],
                    language,
                )
            ]
            for question, tenth, rows in zip(asked, tenths[:, at], rows_of_each, strict=True):
                scores = np.array([row["embedding"] for row in rows[:NEIGHBOURS]]) @ question
                shares.append(np.sum(scores >= tenth - _ROUNDED) / NEIGHBOURS)
        found[collection] = float(np.mean(shares))
    engine.close()
    return found[build.passages], found[build.sentences]


def _tenths(
    corpus: SyntheticPassages, asked: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return how near the tenth passage and the tenth sentence are, shapes (q, languages)."""
    best = np.full((2, len(LANGUAGES), len(asked), NEIGHBOURS), -np.inf, np.float32)
    for passages, sentences, languages in corpus.matrices():
        of_sentences = np.repeat(languages, corpus.scale.sentences)
        for kind, (rows, codes) in enumerate(((passages, languages), (sentences, of_sentences))):
            for code in range(len(LANGUAGES)):
                found = np.hstack([best[kind, code], asked @ rows[codes == code].T])
                found.partition(found.shape[1] - NEIGHBOURS, axis=1)
                best[kind, code] = found[:, -NEIGHBOURS:]
    tenths = best.min(axis=-1)
    return tenths[0].T, tenths[1].T
