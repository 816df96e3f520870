"""Fits the confidence on questions with known answers, by one repeatable command.

Every question of a mixed set is asked twice: with its document in the index, and with it left out.
Small corpora count as much as the whole, since most bots begin with a handful of articles.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from embeddings.confidence import Calibration, Evidence
from embeddings.embedder import Embedded, Embedder, Embeddings, Tokens
from embeddings.evaluation.question_sets import KnownQuestion, QuestionSet
from embeddings.indexing import reindex
from embeddings.retriever import Hit, Retriever
from embeddings.stores.sqlite import SqliteStore
from knowledge.article import Article
from knowledge.corpus import Corpus

_CORPUS_SIZES = (4, 8, None)
"""Documents a corpus; None: all of them."""

_Known: TypeAlias = dict[str, tuple[npt.NDArray[np.float32], Tokens]]

_SEED = 0
"""Of the way in which documents are dealt out to small corpora."""


def fit(mixed_set: QuestionSet, embedder: Embedder, fitted_on: str) -> Calibration:
    """Fit the confidence by logistic regression.

    Args:
        mixed_set: The questions, and the articles that answer them.
        embedder: The model that the calibration is for.
        fitted_on: Names the data, for people.
    """
    from sklearn.linear_model import LogisticRegression

    remembering = _Remembering(embedder)
    hits = [
        (hit, question)
        for articles in _corpora(mixed_set.articles)
        for hit, question in _first_hits(articles, mixed_set.questions, remembering)
    ]
    regression = LogisticRegression(C=np.inf)
    regression.fit(
        [astuple(hit.evidence) for hit, _ in hits],
        [question.is_right(hit.passage) for hit, question in hits],
    )
    return Calibration(
        intercept=round(float(regression.intercept_[0]), 4),
        weights={
            field.name: round(float(weight), 4)
            for field, weight in zip(fields(Evidence), regression.coef_[0], strict=True)
        },
        model=embedder.model,
        fitted_on=fitted_on,
    )


def _corpora(articles: Sequence[Article]) -> Iterator[list[Article]]:
    order = np.random.default_rng(_SEED).permutation(len(articles))
    for size in _CORPUS_SIZES:
        for first in range(0, len(articles), size or len(articles)):
            yield [articles[i] for i in order[first : first + (size or len(articles))]]


def _first_hits(
    articles: Sequence[Article], questions: Sequence[KnownQuestion], embedder: Embedder
) -> Iterator[tuple[Hit, KnownQuestion]]:
    """Ask the corpus's own questions with their article in it, and left out."""
    slugs = {article.slug for article in articles}
    own = [question for question in questions if question.article in slugs]
    texts = [question.text for question in own]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        reindex(Corpus(tuple(articles), ()), path, embedder)
        store = SqliteStore.open(path, embedder)
        retriever = Retriever(store, embedder)
        left_in = retriever.search_batch(texts, limit=1)
        left_out = retriever.search_batch(texts, 1, [question.article for question in own])
        store.close()
    for hits in (left_in, left_out):
        for found, question in zip(hits, own, strict=True):
            yield from ((hit, question) for hit in found)


class _Remembering:
    """An `Embedder` that embeds a text once, though it is part of several corpora."""

    def __init__(self, embedder: Embedder) -> None:
        self.identity = embedder.identity
        self.model = embedder.model
        self.dimension = embedder.dimension
        self._embedder = embedder
        self._questions: _Known = {}
        self._passages: _Known = {}
        self._sentences: dict[str, npt.NDArray[np.float32]] = {}

    def embed_questions(self, texts: Sequence[str]) -> Embedded:
        return _remember(texts, self._questions, self._embedder.embed_questions)

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        if advance:
            advance(len(texts))
        return _remember(texts, self._passages, self._embedder.embed_passages)

    def embed_sentences(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        new = sorted(set(texts) - self._sentences.keys())
        self._sentences.update(zip(new, self._embedder.embed_sentences(new), strict=True))
        if advance:
            advance(len(texts))
        return np.stack([self._sentences[text] for text in texts])


def _remember(
    texts: Sequence[str], known: _Known, embed: Callable[[Sequence[str]], Embedded]
) -> Embedded:
    new = sorted(set(texts) - known.keys())
    embedded = embed(new)
    known.update(zip(new, zip(embedded.embeddings, embedded.tokens, strict=True), strict=True))
    return Embedded(
        np.stack([known[text][0] for text in texts]), tuple(known[text][1] for text in texts)
    )
