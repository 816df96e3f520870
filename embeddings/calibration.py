"""Fits the confidence on questions with known answers, by one repeatable command.

Every question of a mixed set is asked twice: with its document in the index, and with it left out.
Small corpora count as much as the whole, since most bots begin with a handful of articles.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from embeddings.confidence import Calibration
from embeddings.embedder import Embedder, Embeddings
from embeddings.indexing import reindex
from embeddings.retriever import Hit, Retriever
from embeddings.squad import MixedQuestion, MixedSet
from embeddings.store import Store
from knowledge.article import Article
from knowledge.corpus import Corpus

_CORPUS_SIZES = (4, 8, None)
"""Documents a corpus; None: all of them."""

_SEED = 0
"""Of the way in which documents are dealt out to small corpora."""


def fit(mixed_set: MixedSet, embedder: Embedder, fitted_on: str) -> Calibration:
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
        [_answers(hit, question) for hit, question in hits],
    )
    passage_cosine, sentence_cosine = regression.coef_[0]
    return Calibration(
        intercept=round(float(regression.intercept_[0]), 4),
        passage_cosine=round(float(passage_cosine), 4),
        sentence_cosine=round(float(sentence_cosine), 4),
        model=embedder.identity,
        fitted_on=fitted_on,
    )


def _corpora(articles: Sequence[Article]) -> Iterator[list[Article]]:
    order = np.random.default_rng(_SEED).permutation(len(articles))
    for size in _CORPUS_SIZES:
        for first in range(0, len(articles), size or len(articles)):
            yield [articles[i] for i in order[first : first + (size or len(articles))]]


def _first_hits(
    articles: Sequence[Article], questions: Sequence[MixedQuestion], embedder: Embedder
) -> Iterator[tuple[Hit, MixedQuestion]]:
    """Ask the corpus's own questions with their article in it, and left out."""
    slugs = {article.slug for article in articles}
    own = [question for question in questions if question.article in slugs]
    texts = [question.text for question in own]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        reindex(Corpus(tuple(articles), ()), path, embedder)
        store = Store.open(path, embedder)
        retriever = Retriever(store, embedder)
        left_in = retriever.search_batch(texts, limit=1)
        left_out = retriever.search_batch(texts, 1, [question.article for question in own])
        store.close()
    for hits in (left_in, left_out):
        for found, question in zip(hits, own, strict=True):
            yield from ((hit, question) for hit in found)


def _answers(hit: Hit, question: MixedQuestion) -> bool:
    return (
        hit.passage.article.slug == question.article
        and hit.passage.start <= question.answer_start
        and question.answer_start + len(question.answer) <= hit.passage.end
    )


class _Remembering:
    """An `Embedder` that embeds a text once, though it is part of several corpora."""

    def __init__(self, embedder: Embedder) -> None:
        self.identity = embedder.identity
        self.dimension = embedder.dimension
        self._embedder = embedder
        self._questions: dict[str, Embeddings] = {}
        self._passages: dict[str, Embeddings] = {}

    def embed_questions(self, texts: Sequence[str]) -> Embeddings:
        return self._remember(texts, self._questions, self._embedder.embed_questions)

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embeddings:
        embeddings = self._remember(texts, self._passages, self._embedder.embed_passages)
        if advance:
            advance(len(texts))
        return embeddings

    def _remember(
        self,
        texts: Sequence[str],
        known: dict[str, Embeddings],
        embed: Callable[[Sequence[str]], Embeddings],
    ) -> Embeddings:
        new = sorted(set(texts) - known.keys())
        known.update(zip(new, embed(new), strict=True))
        return np.array([known[text] for text in texts], np.float32).reshape(-1, self.dimension)
