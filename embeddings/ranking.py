"""One generation of the index in memory: how well each of its passages answers a question.

A passage's score is the sum of what its embedding, its best sentence, its words and its tokens
say. Embeddings cluster by language first: as they are, a question finds passages of its own
language, right or wrong. So the mean of each language is taken off, and words count where they can
be known. The means move with every article, the embeddings don't: so they are kept as they are in
the index, and a question's likeness to the mean is taken off its likeness to the passage.
The weights are rounded from a listwise regression on the tuning questions (ARCHITECTURE.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from embeddings.confidence import Evidence
from embeddings.dates import DateWish, date_preference
from embeddings.embedder import Embeddings, Tokens
from embeddings.late_interaction import centred, unpack
from embeddings.lexical import WordIndex, Words, read_names, read_words
from embeddings.store import Vectors, language_mean

Embedding: TypeAlias = npt.NDArray[np.float32]

_PRIOR_WEIGHT = 5
"""How many passages the general mean of a language counts for beside the corpus's own passages.

With 5, corpora of some 10 passages have the right one first for 0.944 of the tuning questions,
against 0.931 with their own mean alone and 0.901 uncentred; from 100 passages on nothing changes.
"""

_SENTENCE_PRIOR_WEIGHT = 2 * _PRIOR_WEIGHT

_WORDS = 0.2
_UNSHARED_WORDS = -0.1
"""Of a passage in the question's own language, which could share its words and does not.

A passage in another language cannot, and loses nothing: without this, words wreck questions that
are asked across languages.
"""

_NAMES = 0.4
_TOKENS = 0.6
_DATE = 0.1
"""Likewise for an article from the time that is asked for; scores of passages that answer and
those next to them are some 0.05 apart. The tuning questions ask for no time."""

_CANDIDATES = 16
"""Passages whose tokens are looked at: as many as 32 have the same ones first, 8 lose 0.001."""

_QUESTION_CENTRING = 0.5
"""How much of its language's mean is taken off a question before its confidence is judged.

All of it makes the cosines of all languages comparable, none keeps most of what the question is
about; half tells answers from non-answers best (AUROC 0.972, against 0.968 and 0.967).
"""

_SENTENCE_COSINE = 21.6
_MATCH_SHARE = 12.5
"""Log-odds for the sentence that answers, from a listwise regression on the tuning questions."""

_MATCH_TEMPERATURE = 0.1

_CLOSE = 1.0
"""Log-odds by which the best sentence is so little ahead of a neighbour that both are marked."""

_TWINS = 0.8
"""Share of all their words that two passages have in common from which on they say the same."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the model sees it.

    Attributes:
        text: What was asked.
        language: The language it was asked in.
        embedding: Shape (d,), of length 1.
        tokens: Its tokens.
        wish: From when the article should be.
        follow_up: Whether it is read after the question before it, which the text begins with.
    """

    text: str
    language: str
    embedding: npt.NDArray[np.float32]
    tokens: Tokens
    wish: DateWish
    follow_up: bool = False


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage in its place.

    Attributes:
        passage_id: What `Store.read_passages` takes.
        score: Higher is better; comparable within one question only.
        highlight: The first and the last of its sentences that answer.
        evidence: What speaks for it.
    """

    passage_id: int
    score: float
    highlight: tuple[int, int]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class _Look:
    """What a question finds at first sight; shapes (n,), of sentences (s,).

    Attributes:
        scores: Of passages.
        sentences: Scores of sentences, comparable within one language.
        own_language: Which passages are in the question's language.
        words: Shares of the question's words.
        names: Shares of its words as they are spelt in any language.
    """

    scores: npt.NDArray[np.float32]
    sentences: npt.NDArray[np.float32]
    own_language: npt.NDArray[np.bool_]
    words: npt.NDArray[np.float32]
    names: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Total:
    """Embeddings added up.

    They come from 16 bits and are added up in 64, which is exact: in whatever order some were
    added and others taken off, the total is the same.
    """

    count: int
    sum: npt.NDArray[np.float64]

    def mean(self, prior: npt.NDArray[np.float32], prior_weight: float) -> Embedding:
        """Return the mean, drawn towards the prior as far as the embeddings are few."""
        total = self.sum + prior_weight * prior
        return (total / (self.count + prior_weight)).astype(np.float32)

    def changed(self, removed: "_Total", added: "_Total") -> "_Total":
        return _Total(self.count - removed.count + added.count, self.sum - removed.sum + added.sum)


@dataclass(frozen=True, slots=True)
class _Language:
    """The passages of one language.

    Attributes:
        rows: Which they are.
        words: Their words.
        passages: The total of their embeddings.
        sentences: The total of their sentences' embeddings.
        prior: The general mean of the language, which the model has been asked about.
    """

    rows: npt.NDArray[np.intp]
    words: WordIndex
    passages: _Total
    sentences: _Total
    prior: Embedding

    @property
    def passage_mean(self) -> Embedding:
        """What is taken off the embeddings of its passages."""
        return self.passages.mean(self.prior, _PRIOR_WEIGHT)

    @property
    def sentence_mean(self) -> Embedding:
        """What is taken off the embeddings of their sentences."""
        return self.sentences.mean(self.prior, _SENTENCE_PRIOR_WEIGHT)


class Ranking:
    """The embeddings and words of one generation of the index."""

    def __init__(
        self,
        vectors: Vectors,
        names: WordIndex | None = None,
        languages: Mapping[str, _Language] | None = None,
    ) -> None:
        """Take the vectors; what is not given beside them is made of them."""
        self._vectors = vectors
        self._last_sentences = vectors.first_sentences + vectors.sentence_counts
        self._names = names or WordIndex(vectors.names)
        self._languages = languages or {
            language: _read_language(vectors, language) for language in _languages(vectors)
        }

    @property
    def passage_ids(self) -> npt.NDArray[np.int64]:
        """Shape (n,), in ascending order."""
        return self._vectors.passage_ids

    def updated(self, kept: npt.NDArray[np.bool_], added: Vectors) -> "Ranking":
        """Return the ranking of the passages that are kept, shape (n,), and of others after them.

        It equals one that is made of all their vectors, and takes a fraction of the time.
        """
        vectors = _joined(self._vectors, kept, added)
        touched = {*self._vectors.languages[~kept].tolist(), *added.languages.tolist()}
        languages = {}
        for language in _languages(vectors):
            rows = np.flatnonzero(vectors.languages == language)
            if language not in self._languages:
                languages[language] = _read_language(vectors, language)
            elif language in touched:
                languages[language] = self._updated_language(language, rows, kept, added)
            else:
                languages[language] = replace(self._languages[language], rows=rows)
        return Ranking(vectors, self._names.updated(kept, added.names), languages)

    def _updated_language(
        self,
        language: str,
        rows: npt.NDArray[np.intp],
        kept: npt.NDArray[np.bool_],
        added: Vectors,
    ) -> _Language:
        before = self._languages[language]
        own = self._vectors.languages == language
        own_added = added.languages == language
        passages_removed, sentences_removed = _totals(self._vectors, own & ~kept)
        passages_added, sentences_added = _totals(added, own_added)
        return _Language(
            rows,
            before.words.updated(kept[own], _words_of(added, own_added)),
            before.passages.changed(passages_removed, passages_added),
            before.sentences.changed(sentences_removed, sentences_added),
            before.prior,
        )

    def best(
        self,
        question: Asked,
        limit: int,
        read_tokens: Callable[[Sequence[int]], Sequence[bytes]],
        without: str | None = None,
        within: str | None = None,
    ) -> list[Ranked]:
        """Return the passages that answer best, the best first; of twins the first one only.

        Args:
            question: The question.
            limit: How many to return at most; there are never more than 16.
            read_tokens: Returns the packed tokens of passages by their ids.
            without: Slug of an article to pass over.
            within: Slug of the one article to search. What speaks for its passages is told by the
                whole index all the same, so their evidence means what it means without.
        """
        ids = self._vectors.passage_ids
        if not len(ids):
            return []
        look = self._look_at_all(question)
        if without is not None:
            look.scores[self._vectors.slugs == without] = -np.inf
        if within is not None:
            look.scores[self._vectors.slugs != within] = -np.inf
        candidates = [
            row for row in _best(look.scores, _CANDIDATES) if np.isfinite(look.scores[row])
        ]
        if not candidates:
            return []
        packed = read_tokens([int(ids[row]) for row in candidates])
        similarities = self._token_similarities(question, candidates, packed)
        for row, of_sentences in similarities.items():
            look.scores[row] += _TOKENS * of_sentences.max(axis=0).mean()
        candidates.sort(key=lambda row: -look.scores[row])
        centred_question = self._centre_question(question)
        return [
            Ranked(
                passage_id=int(ids[row]),
                score=float(look.scores[row]),
                highlight=self._highlight(row, look.sentences, similarities[row]),
                evidence=self._evidence(row, centred_question, look, similarities[row]),
            )
            for row in self._without_twins(candidates, limit)
        ]

    def _look_at_all(self, question: Asked) -> "_Look":
        """Judge every passage by all that is cheap."""
        vectors = self._vectors
        sentences = vectors.sentences @ question.embedding
        scores = vectors.passages @ question.embedding
        scores += np.maximum.reduceat(sentences, vectors.first_sentences)
        for of_one in self._languages.values():
            mean = of_one.passage_mean + of_one.sentence_mean
            scores[of_one.rows] -= mean @ question.embedding
        words, names = self._coverage(question)
        own_language = vectors.languages == question.language
        scores += np.where(own_language, _WORDS * words + _UNSHARED_WORDS, _NAMES * names)
        if question.wish.names_time:
            scores += _DATE * self._date_preferences(question.wish)
        return _Look(scores, sentences, own_language, words, names)

    def _evidence(
        self,
        row: int,
        centred_question: npt.NDArray[np.float32],
        look: "_Look",
        similarities: npt.NDArray[np.float32],
    ) -> Evidence:
        own_language = bool(look.own_language[row])
        mean = self._languages[str(self._vectors.languages[row])].sentence_mean
        return Evidence(
            sentence_cosine=max(
                _cosine(sentence, centred_question)
                for sentence in self._vectors.sentences[self._sentences(row)] - mean
            ),
            tokens=float(similarities.max(axis=0).mean()),
            words=float(look.words[row]),
            own_language=float(own_language),
            names=0.0 if own_language else float(look.names[row]),
        )

    def _coverage(
        self, question: Asked
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the shares of the question's words and names in each passage, shapes (n,)."""
        words = np.zeros(len(self._vectors.passage_ids), np.float32)
        if question.language in self._languages:
            own = self._languages[question.language]
            asked = read_words(question.text, question.language)
            words[own.rows] = own.words.coverage(asked)
        return words, self._names.coverage(read_names(question.text))

    def _date_preferences(self, wish: DateWish) -> npt.NDArray[np.float32]:
        published = self._vectors.published
        newest = max(filter(None, published), default=date.min)
        return np.array([date_preference(each, wish, newest) for each in published], np.float32)

    def _centre_question(self, question: Asked) -> npt.NDArray[np.float32]:
        mean = language_mean(self._vectors.language_means, question.language)
        return question.embedding - _QUESTION_CENTRING * mean.question

    def _centre_tokens(self, question: Asked) -> Embeddings:
        mean = language_mean(self._vectors.language_means, question.language)
        return centred(question.tokens.embeddings, mean.question_token)

    def _token_similarities(
        self, question: Asked, candidates: Sequence[int], packed: Sequence[bytes]
    ) -> dict[int, npt.NDArray[np.float32]]:
        """Return how like each token of the question the likest one of each sentence is.

        For each candidate's row shape (s, q); 0 where a sentence has no tokens, and (s, 1) where
        the question has none.
        """
        question_tokens = self._centre_tokens(question)
        tokens = unpack(b"".join(packed), question_tokens.shape[1])
        sentences = [self._vectors.sentence_tokens[self._sentences(row)] for row in candidates]
        counts = np.concatenate(sentences)
        similarities = np.zeros((len(counts), max(1, len(question_tokens))), np.float32)
        if len(tokens) and len(question_tokens):
            firsts = (np.cumsum(counts) - counts)[counts > 0]
            products = tokens @ question_tokens.T
            similarities[counts > 0] = np.maximum.reduceat(products, firsts, axis=0)
        ends = np.cumsum([len(each) for each in sentences])
        return dict(zip(candidates, np.split(similarities, ends[:-1]), strict=True))

    def _highlight(
        self,
        row: int,
        sentence_scores: npt.NDArray[np.float32],
        similarities: npt.NDArray[np.float32],
    ) -> tuple[int, int]:
        """Return the first and the last of the passage's sentences that are marked.

        What tells one sentence from the others is not how well it matches, but where in the
        passage each token of the question finds its best match: a softmax over the sentences.
        """
        matches = np.exp(similarities / _MATCH_TEMPERATURE)
        share = (matches / matches.sum(axis=0)).mean(axis=1)
        log_odds = _SENTENCE_COSINE * sentence_scores[self._sentences(row)] + _MATCH_SHARE * share
        best, *others = (int(each) for each in np.argsort(-log_odds, kind="stable"))
        if others and abs(others[0] - best) == 1 and log_odds[best] - log_odds[others[0]] < _CLOSE:
            return min(best, others[0]), max(best, others[0])
        return best, best

    def _sentences(self, row: int) -> slice:
        return slice(int(self._vectors.first_sentences[row]), int(self._last_sentences[row]))

    def _without_twins(self, candidates: Sequence[int], limit: int) -> list[int]:
        """Return the first candidates that differ from each other."""
        kept: list[int] = []
        words = self._vectors.words
        for row in candidates:
            if len(kept) == limit:
                break
            if not any(_share_in_common(words[row], words[other]) >= _TWINS for other in kept):
                kept.append(row)
        return kept


def _languages(vectors: Vectors) -> list[str]:
    return [str(language) for language in np.unique(vectors.languages)]


def _read_language(vectors: Vectors, language: str) -> _Language:
    own = vectors.languages == language
    passages, sentences = _totals(vectors, own)
    prior = language_mean(vectors.language_means, language).passage
    return _Language(
        np.flatnonzero(own), WordIndex(_words_of(vectors, own)), passages, sentences, prior
    )


def _words_of(vectors: Vectors, rows: npt.NDArray[np.bool_]) -> list[Words]:
    return [vectors.words[row] for row in np.flatnonzero(rows)]


def _totals(vectors: Vectors, rows: npt.NDArray[np.bool_]) -> tuple[_Total, _Total]:
    """Add up the embeddings of some passages, and those of their sentences."""
    return (
        _total(vectors.passages, rows),
        _total(vectors.sentences, np.repeat(rows, vectors.sentence_counts)),
    )


def _total(embeddings: Embeddings, rows: npt.NDArray[np.bool_]) -> _Total:
    return _Total(int(rows.sum()), embeddings[rows].sum(axis=0, dtype=np.float64))


def _joined(vectors: Vectors, kept: npt.NDArray[np.bool_], added: Vectors) -> Vectors:
    """Put passages that are added behind those that are kept; their ids are higher."""
    kept_sentences = np.repeat(kept, vectors.sentence_counts)
    counts = np.append(vectors.sentence_counts[kept], added.sentence_counts)
    rows = np.flatnonzero(kept)
    return Vectors(
        passage_ids=np.append(vectors.passage_ids[kept], added.passage_ids),
        slugs=np.append(vectors.slugs[kept], added.slugs),
        languages=np.append(vectors.languages[kept], added.languages),
        passages=_joined_rows(vectors.passages, kept, added.passages),
        sentences=_joined_rows(vectors.sentences, kept_sentences, added.sentences),
        sentence_tokens=np.append(vectors.sentence_tokens[kept_sentences], added.sentence_tokens),
        first_sentences=np.cumsum(counts) - counts,
        words=(*(vectors.words[row] for row in rows), *added.words),
        names=(*(vectors.names[row] for row in rows), *added.names),
        published=(*(vectors.published[row] for row in rows), *added.published),
        language_means=added.language_means,
    )


def _joined_rows(
    embeddings: Embeddings, kept: npt.NDArray[np.bool_], added: Embeddings
) -> Embeddings:
    """Join matrices by copying each row once: they may be hundreds of megabytes."""
    count = int(kept.sum())
    joined = np.empty((count + len(added), embeddings.shape[1]), np.float32)
    # With mode="raise" numpy would copy all of it once more.
    np.take(embeddings, np.flatnonzero(kept), axis=0, out=joined[:count], mode="clip")
    joined[count:] = added
    return joined


def _best(scores: npt.NDArray[np.float32], limit: int) -> list[int]:
    """Return the rows with the highest scores, best first; ties in the order of the rows."""
    count = min(limit, len(scores))
    rows = np.sort(np.argpartition(-scores, count - 1)[:count])
    return [int(row) for row in rows[np.argsort(-scores[rows], kind="stable")]]


def _cosine(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


def _share_in_common(one: Words, other: Words) -> float:
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / max(1, len(one) + len(other) - common)
