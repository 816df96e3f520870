"""One generation of the index in memory: how well each of its passages answers a question.

A passage's score is the sum of what its embedding, its best sentence, its words and its tokens
say. Embeddings cluster by language first: as they are, a question finds passages of its own
language, right or wrong. So the mean of each language is taken off, and words count where they can
be known.
The weights are rounded from a listwise regression on the tuning questions (ARCHITECTURE.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from embeddings.confidence import Evidence
from embeddings.dates import DateWish, date_preference
from embeddings.embedder import Embeddings, Tokens
from embeddings.late_interaction import centred, unpack
from embeddings.lexical import WordIndex, Words, read_names, read_words
from embeddings.store import Vectors, language_mean

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
        sentences: Scores of sentences.
        own_language: Which passages are in the question's language.
        words: Shares of the question's words.
        names: Shares of its words as they are spelt in any language.
    """

    scores: npt.NDArray[np.float32]
    sentences: npt.NDArray[np.float32]
    own_language: npt.NDArray[np.bool_]
    words: npt.NDArray[np.float32]
    names: npt.NDArray[np.float32]


class Ranking:
    """The embeddings and words of one generation of the index."""

    def __init__(self, vectors: Vectors) -> None:
        """Take over the vectors; their matrices are changed in place."""
        self._vectors = vectors
        counts = np.diff(np.append(vectors.first_sentences, len(vectors.sentences)))
        self._last_sentences = vectors.first_sentences + counts
        sentence_languages = np.repeat(vectors.languages, counts)
        self._words: dict[str, tuple[npt.NDArray[np.intp], WordIndex]] = {}
        for language in map(str, np.unique(vectors.languages)):
            own = vectors.languages == language
            prior = language_mean(vectors.language_means, language).passage
            _take_off_mean(vectors.passages, own, prior, _PRIOR_WEIGHT)
            _take_off_mean(
                vectors.sentences, sentence_languages == language, prior, _SENTENCE_PRIOR_WEIGHT
            )
            rows = np.flatnonzero(own)
            self._words[language] = rows, WordIndex([vectors.words[row] for row in rows])
        self._names = WordIndex(vectors.names)

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
        return Evidence(
            sentence_cosine=max(
                _cosine(sentence, centred_question)
                for sentence in self._vectors.sentences[self._sentences(row)]
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
        if question.language in self._words:
            rows, index = self._words[question.language]
            words[rows] = index.coverage(read_words(question.text, question.language))
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


def _take_off_mean(
    embeddings: Embeddings,
    rows: npt.NDArray[np.bool_],
    prior: npt.NDArray[np.float32],
    prior_weight: float,
) -> None:
    """Subtract the rows' own mean, drawn towards the prior as far as the rows are few."""
    total = embeddings[rows].sum(axis=0) + prior_weight * prior
    embeddings[rows] -= total / (rows.sum() + prior_weight)


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
