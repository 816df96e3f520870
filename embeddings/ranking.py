"""How well each passage of the index answers a question, all of them or an engine's candidates.

A passage's score is the sum of what its embedding, its best sentence, its words and its tokens
say. Embeddings cluster by language first: as they are, a question finds passages of its own
language, right or wrong. So the mean of each language is taken off, and words count where they can
be known. The means move with every article, the embeddings don't: so they are kept as they are in
the index, and a question's likeness to the mean is taken off its likeness to the passage.
The weights are rounded from a listwise regression on the tuning questions (ARCHITECTURE.md).

Whatever is known of all passages is looked at first, for several questions at once; what costs
more (tokens, which sentence answers) for the few best of each question.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from embeddings.compact_matrix import (
    CompactMatrix,
    compact,
    highest_of_each,
    joined_matrices,
)
from embeddings.confidence import Evidence
from embeddings.dates import DateWish, date_preferences
from embeddings.embedder import Embeddings, Tokens
from embeddings.late_interaction import centred, products
from embeddings.lexical import (
    WordIndex,
    WordLists,
    Words,
    joined_lists,
    read_names,
    read_words,
)
from embeddings.memory import return_freed_memory
from embeddings.statistics import LanguageStatistics, Statistics, Total
from embeddings.stores.contract import LanguageMean, Vectors, language_mean

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

_QUESTIONS_AT_ONCE = 32
"""Questions that look at all passages together: each takes two numbers a passage meanwhile."""

_PASSAGES_AT_ONCE = 8192
"""Every sentence of these has a product with each of the questions."""

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
class Search:
    """What is looked for, and where.

    Attributes:
        question: The question.
        without: Slug of an article to pass over.
        within: Slug of the one article to search. What speaks for its passages is told by the
            whole index all the same, so their evidence means what it means without.
    """

    question: Asked
    without: str | None = None
    within: str | None = None


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
    """What a question finds at first sight; shapes (n,), one for each passage.

    Attributes:
        scores: How well it answers, by all that is cheap.
        own_language: Whether it is in the question's language.
        words: Its share of the question's words.
        names: Its share of the question's words as they are spelt in any language.
    """

    scores: npt.NDArray[np.float32]
    own_language: npt.NDArray[np.bool_]
    words: npt.NDArray[np.float32]
    names: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Passages:
    """What is kept of `Vectors`, where all of it is described.

    Attributes:
        slugs: Shape (n,), strings of numpy that take as much room as each needs.
        published: Shape (n,), not a time where no date is known.
        embeddings: Of the passages, shape (n, d).
        sentences: Of their sentences, shape (s, d).
    """

    ids: npt.NDArray[np.int64]
    slugs: npt.NDArray[Any]
    languages: npt.NDArray[np.str_]
    published: npt.NDArray[np.datetime64]
    words: WordLists
    embeddings: CompactMatrix
    sentences: CompactMatrix
    sentence_tokens: npt.NDArray[np.int64]
    first_sentences: npt.NDArray[np.int64]

    @property
    def sentence_counts(self) -> npt.NDArray[np.int64]:
        return np.diff(self.first_sentences, append=len(self.sentences))

    def joined(self, kept: npt.NDArray[np.bool_], added: "_Passages") -> "_Passages":
        """Put passages that are added behind those that are kept; their ids are higher."""
        kept_sentences = np.repeat(kept, self.sentence_counts)
        counts = np.append(self.sentence_counts[kept], added.sentence_counts)
        return _Passages(
            ids=np.append(self.ids[kept], added.ids),
            slugs=np.append(self.slugs[kept], added.slugs),
            languages=np.append(self.languages[kept], added.languages),
            published=np.append(self.published[kept], added.published),
            words=joined_lists([self.words.chosen(kept), added.words]),
            embeddings=self.embeddings.joined(kept, added.embeddings),
            sentences=self.sentences.joined(kept_sentences, added.sentences),
            sentence_tokens=np.append(self.sentence_tokens[kept_sentences], added.sentence_tokens),
            first_sentences=np.cumsum(counts) - counts,
        )

    def totals(self, rows: npt.NDArray[np.bool_]) -> tuple[Total, Total]:
        """Add up the embeddings of some passages, and those of their sentences."""
        of_sentences = np.repeat(rows, self.sentence_counts)
        return (
            Total(int(rows.sum()), self.embeddings.total(rows)),
            Total(int(of_sentences.sum()), self.sentences.total(of_sentences)),
        )


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
    passages: Total
    sentences: Total
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
        passages: _Passages,
        names: WordIndex,
        languages: Mapping[str, _Language],
        language_means: Mapping[str, LanguageMean],
    ) -> None:
        """Take what `of` and `updated` make."""
        self._passages = passages
        self._names = names
        self._languages = languages
        self._language_means = language_means
        self._passage_means = {code: each.passage_mean for code, each in languages.items()}
        self._sentence_means = {code: each.sentence_mean for code, each in languages.items()}
        self._last_sentences = passages.first_sentences + passages.sentence_counts

    @classmethod
    def of(cls, vectors: Vectors, statistics: Statistics | None = None) -> "Ranking":
        """Make a ranking of what the index holds.

        Args:
            vectors: All passages of the index, or those of them that are worth ranking.
            statistics: Those of the whole index, if these are but some of its passages. Each gets
                the score then that it would have among all of them.
        """
        return cls.of_parts([vectors], statistics)

    @classmethod
    def of_parts(cls, parts: Iterable[Vectors], statistics: Statistics | None = None) -> "Ranking":
        """Make a ranking of vectors that are read part by part, in ascending order of ids.

        As they are stored, only the part that is read and the one before are in memory.

        Args:
            parts: At least one; it may be empty.
            statistics: See `of`.
        """
        passages, names, means = _read_parts(parts)
        languages = {
            language: _read_language(
                passages, language, means, statistics.languages[language] if statistics else None
            )
            for language in _languages(passages)
        }
        names_index = WordIndex(names, statistics.names if statistics else None)
        return cls(passages, names_index, languages, means)

    @property
    def passage_ids(self) -> npt.NDArray[np.int64]:
        """Shape (n,), in ascending order."""
        return self._passages.ids

    def updated(self, kept: npt.NDArray[np.bool_], added: Iterable[Vectors]) -> "Ranking":
        """Return the ranking of the passages that are kept, shape (n,), and of others after them.

        It equals one that is made of all their vectors, and takes a fraction of the time.

        Args:
            kept: Which of the passages are.
            added: The others, part by part, see `of_parts`.
        """
        new, names, means = _read_parts(added)
        passages = self._passages.joined(kept, new)
        touched = {*self._passages.languages[~kept].tolist(), *new.languages.tolist()}
        languages = {}
        for language in _languages(passages):
            rows = np.flatnonzero(passages.languages == language)
            if language not in self._languages:
                languages[language] = _read_language(passages, language, means)
            elif language in touched:
                languages[language] = self._updated_language(language, rows, kept, new)
            else:
                languages[language] = replace(self._languages[language], rows=rows)
        return Ranking(passages, self._names.updated(kept, names), languages, means)

    def _updated_language(
        self,
        language: str,
        rows: npt.NDArray[np.intp],
        kept: npt.NDArray[np.bool_],
        added: _Passages,
    ) -> _Language:
        before = self._languages[language]
        own = self._passages.languages == language
        own_added = added.languages == language
        passages_removed, sentences_removed = self._passages.totals(own & ~kept)
        passages_added, sentences_added = added.totals(own_added)
        return _Language(
            rows,
            before.words.updated(kept[own], added.words.chosen(own_added)),
            before.passages - passages_removed + passages_added,
            before.sentences - sentences_removed + sentences_added,
            before.prior,
        )

    def best(
        self,
        searches: Sequence[Search],
        limit: int,
        read_tokens: Callable[[Sequence[int]], Sequence[bytes]],
    ) -> list[list[Ranked]]:
        """Return the passages that answer best, the best first; of twins the first one only.

        Args:
            searches: What is looked for; the same is found whether alone or with others.
            limit: How many to return for each at most; there are never more than 16.
            read_tokens: Returns the packed tokens of passages by their ids.
        """
        if not len(self._passages.ids):
            return [[] for _ in searches]
        return [
            self._best(search, closeness, limit, read_tokens)
            for first in range(0, len(searches), _QUESTIONS_AT_ONCE)
            for search, closeness in self._close(searches[first : first + _QUESTIONS_AT_ONCE])
        ]

    def first_scores(
        self, search: Search, likenesses: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Judge passages by all that is cheap, shape (n,); needs none of their embeddings.

        Args:
            search: What is looked for.
            likenesses: Inner products of the question with each passage and with the likest of
                its sentences, added up; shape (n,).
        """
        question = search.question
        centred_likenesses = self._centre(likenesses[:, None].copy(), question.embedding[None])
        return self._look_at_all(question, centred_likenesses[:, 0]).scores

    def _close(
        self, searches: Sequence[Search]
    ) -> Iterator[tuple[Search, npt.NDArray[np.float32]]]:
        """Tell for each question how close each passage and its best sentence are, shape (n,)."""
        questions = np.stack([search.question.embedding for search in searches])
        asked = compact(questions)
        passages = self._passages
        found = np.empty((len(passages.ids), len(searches)), np.float32)
        for start in range(0, len(found), _PASSAGES_AT_ONCE):
            some = slice(start, start + _PASSAGES_AT_ONCE)
            firsts, lasts = passages.first_sentences[some], self._last_sentences[some]
            found[some] = passages.embeddings[some].products(asked)
            of_sentences = passages.sentences[firsts[0] : lasts[-1]].products(asked)
            found[some] += highest_of_each(of_sentences, lasts - firsts)
        return zip(searches, np.ascontiguousarray(self._centre(found, questions).T), strict=True)

    def _centre(
        self, likenesses: npt.NDArray[np.float32], questions: Embeddings
    ) -> npt.NDArray[np.float32]:
        """Take the likeness of each question to the mean of each language off, shape (n, q)."""
        for code, language in self._languages.items():
            mean = self._passage_means[code] + self._sentence_means[code]
            # Not a product of matrices, which is rounded by how many questions there are.
            likenesses[language.rows] -= np.vecdot(questions, mean)
        return likenesses

    def _best(
        self,
        search: Search,
        closeness: npt.NDArray[np.float32],
        limit: int,
        read_tokens: Callable[[Sequence[int]], Sequence[bytes]],
    ) -> list[Ranked]:
        question, slugs = search.question, self._passages.slugs
        look = self._look_at_all(question, closeness)
        if search.without is not None:
            look.scores[slugs == search.without] = -np.inf
        if search.within is not None:
            look.scores[slugs != search.within] = -np.inf
        rows = _best_rows(look.scores, _CANDIDATES)
        rows = rows[np.isfinite(look.scores[rows])]
        if not len(rows):
            return []
        tokens, similarities = self._compare_tokens(question, rows, read_tokens)
        scores = look.scores[rows] + _TOKENS * tokens
        best_first = np.argsort(-scores, kind="stable")
        question_mean = language_mean(self._language_means, question.language).question
        centred_question = question.embedding - _QUESTION_CENTRING * question_mean
        ranked = []
        for place in self._without_twins(rows, best_first, limit):
            row = int(rows[place])
            sentences = self._passages.sentences.rows(self._sentences(row))
            mean = self._sentence_means[str(self._passages.languages[row])]
            own_language = bool(look.own_language[row])
            evidence = Evidence(
                sentence_cosine=_highest_cosine(sentences - mean, centred_question),
                tokens=float(tokens[place]),
                words=float(look.words[row]),
                own_language=float(own_language),
                names=0.0 if own_language else float(look.names[row]),
            )
            highlight = _highlight(sentences @ question.embedding, similarities[place])
            passage_id = int(self._passages.ids[row])
            ranked.append(Ranked(passage_id, float(scores[place]), highlight, evidence))
        return ranked

    def _look_at_all(self, question: Asked, scores: npt.NDArray[np.float32]) -> _Look:
        """Judge every passage by all that is cheap, beginning with how close it is."""
        words, names = self._coverage(question)
        own_language = self._passages.languages == question.language
        scores += np.where(own_language, _WORDS * words + _UNSHARED_WORDS, _NAMES * names)
        if question.wish.names_time:
            scores += _DATE * date_preferences(self._passages.published, question.wish)
        return _Look(scores, own_language, words, names)

    def _coverage(
        self, question: Asked
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the shares of the question's words and names in each passage, shapes (n,)."""
        words = np.zeros(len(self._passages.ids), np.float32)
        if question.language in self._languages:
            own = self._languages[question.language]
            asked = read_words(question.text, question.language)
            words[own.rows] = own.words.coverage(asked)
        return words, self._names.coverage(read_names(question.text))

    def _compare_tokens(
        self,
        question: Asked,
        rows: npt.NDArray[np.intp],
        read_tokens: Callable[[Sequence[int]], Sequence[bytes]],
    ) -> tuple[npt.NDArray[np.float32], list[npt.NDArray[np.float32]]]:
        """Tell how like each token of the question the likest one of each sentence is.

        Returns:
            For each of the rows the mean over the question's tokens, shape (rows,), and for each
            the likeness in each of its sentences, shape (s, q); 0 where a sentence has no tokens,
            and (s, 1) where the question has none.
        """
        mean = language_mean(self._language_means, question.language).question_token
        asked = centred(question.tokens.embeddings, mean)
        packed = b"".join(read_tokens(self._passages.ids[rows].tolist()))
        of_each = [self._passages.sentence_tokens[self._sentences(row)] for row in rows]
        counts = np.concatenate(of_each)
        similarities = np.zeros((len(counts), max(1, len(asked))), np.float32)
        if packed and len(asked):
            firsts = (np.cumsum(counts) - counts)[counts > 0]
            similarities[counts > 0] = np.maximum.reduceat(products(packed, asked), firsts, axis=0)
        ends = np.cumsum([len(each) for each in of_each])
        firsts_of_rows = np.append(0, ends[:-1])
        best = np.maximum.reduceat(similarities, firsts_of_rows, axis=0)
        return best.mean(axis=1), np.split(similarities, ends[:-1])

    def _sentences(self, row: int) -> slice:
        return slice(int(self._passages.first_sentences[row]), int(self._last_sentences[row]))

    def _without_twins(
        self, rows: npt.NDArray[np.intp], best_first: npt.NDArray[np.intp], limit: int
    ) -> list[int]:
        """Return the first places among the rows whose passages differ from each other."""
        kept: list[int] = []
        words = [self._passages.words[row] for row in rows]
        for place in best_first.tolist():
            if len(kept) == limit:
                break
            if not any(_are_twins(words[place], words[other]) for other in kept):
                kept.append(place)
        return kept


def _read_parts(
    parts: Iterable[Vectors],
) -> tuple[_Passages, WordLists, dict[str, LanguageMean]]:
    """Return the passages of all parts, their names, and the means of the languages."""
    passages, names = [], []
    for vectors in parts:
        passages.append(_compact_passages(vectors))
        names.append(WordLists.of(vectors.names))
    together, all_names = _together(passages), joined_lists(names)
    if len(names) > 1:
        names.clear()
        # Or the parts would still take as much memory as all of it, while words are sorted.
        return_freed_memory()
    return together, all_names, vectors.language_means


def _together(parts: list[_Passages]) -> _Passages:
    """Put the passages of all parts one behind the other; the list is empty afterwards.

    So what is put together is in memory twice one field at a time, and not all of it.
    """
    if len(parts) == 1:
        return parts.pop()
    pieces: dict[str, list[Any]] = {
        field.name: [getattr(part, field.name) for part in parts] for field in fields(_Passages)
    }
    parts.clear()
    starts = np.cumsum([0, *map(len, pieces["sentences"])])
    firsts = zip(pieces.pop("first_sentences"), starts.tolist(), strict=False)
    return _Passages(
        first_sentences=np.concatenate([each + start for each, start in firsts]),
        words=joined_lists(pieces.pop("words")),
        embeddings=joined_matrices(pieces.pop("embeddings")),
        sentences=joined_matrices(pieces.pop("sentences")),
        **{name: np.concatenate(pieces.pop(name)) for name in tuple(pieces)},
    )


def _compact_passages(vectors: Vectors) -> _Passages:
    return _Passages(
        ids=vectors.passage_ids,
        slugs=vectors.slugs.astype(np.dtypes.StringDType()),
        languages=vectors.languages,
        published=np.array(vectors.published, "datetime64[D]"),
        words=WordLists.of(vectors.words),
        embeddings=compact(vectors.passages),
        sentences=compact(vectors.sentences),
        sentence_tokens=vectors.sentence_tokens,
        first_sentences=vectors.first_sentences,
    )


def _languages(passages: _Passages) -> list[str]:
    return [str(language) for language in np.unique(passages.languages)]


def _read_language(
    passages: _Passages,
    language: str,
    means: Mapping[str, LanguageMean],
    statistics: LanguageStatistics | None = None,
) -> _Language:
    own = passages.languages == language
    of_passages, of_sentences = (
        (statistics.passages, statistics.sentences) if statistics else passages.totals(own)
    )
    return _Language(
        np.flatnonzero(own),
        WordIndex(passages.words.chosen(own), statistics.words if statistics else None),
        of_passages,
        of_sentences,
        language_mean(means, language).passage,
    )


def _highlight(
    cosines: npt.NDArray[np.float32], similarities: npt.NDArray[np.float32]
) -> tuple[int, int]:
    """Return the first and the last of a passage's sentences that are marked.

    What tells one sentence from the others is not how well it matches, but where in the passage
    each token of the question finds its best match: a softmax over the sentences.

    Args:
        cosines: Of the question and each sentence, shape (s,).
        similarities: What each token of the question finds in each sentence, shape (s, q).
    """
    matches = np.exp(similarities / _MATCH_TEMPERATURE)
    share = (matches / matches.sum(axis=0)).mean(axis=1)
    log_odds = _SENTENCE_COSINE * cosines + _MATCH_SHARE * share
    best, *others = np.argsort(-log_odds, kind="stable").tolist()
    if others and abs(others[0] - best) == 1 and log_odds[best] - log_odds[others[0]] < _CLOSE:
        return min(best, others[0]), max(best, others[0])
    return best, best


def _best_rows(scores: npt.NDArray[np.float32], limit: int) -> npt.NDArray[np.intp]:
    """Return the rows with the highest scores, best first; ties in the order of the rows."""
    count = min(limit, len(scores))
    rows = np.sort(np.argpartition(-scores, count - 1)[:count])
    return rows[np.argsort(-scores[rows], kind="stable")]


def _highest_cosine(embeddings: Embeddings, question: Embedding) -> float:
    """Return that of the likest one; 0 with what has no direction."""
    lengths = np.linalg.norm(embeddings, axis=1) * np.linalg.norm(question)
    return float((embeddings @ question / np.where(lengths > 0, lengths, np.inf)).max())


def _are_twins(one: Words, other: Words) -> bool:
    fewer, more = sorted((len(one), len(other)))
    if fewer < _TWINS * more or not more:
        return False
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (fewer + more - common) >= _TWINS
