"""What is known of all passages of an index together, without which none of them can be judged.

An embedding is compared with the mean of its language, a shared word counts by how rare it is. Who
has all passages at hand counts these; who sees only the candidates that an engine found must be
told, so they are kept with the index and changed by what a reindex adds and removes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Self

import numpy as np
import numpy.typing as npt

from embeddings.compact_matrix import compact
from embeddings.lexical import Frequencies
from embeddings.stores.contract import Vectors


@dataclass(frozen=True, slots=True)
class Total:
    """Embeddings added up.

    They are added up exactly: in whatever order some were added and others taken off, the total
    is the same.

    Attributes:
        count: How many.
        sum: Shape (d,), of what is left of them in eight bits a number.
    """

    count: int
    sum: npt.NDArray[np.float64]

    def mean(self, prior: npt.NDArray[np.float32], prior_weight: float) -> npt.NDArray[np.float32]:
        """Return the mean, drawn towards the prior as far as the embeddings are few."""
        total = self.sum + prior_weight * prior
        return (total / (self.count + prior_weight)).astype(np.float32)

    def __add__(self, other: "Total") -> "Total":
        return Total(self.count + other.count, self.sum + other.sum)

    def __sub__(self, other: "Total") -> "Total":
        return Total(self.count - other.count, self.sum - other.sum)


@dataclass(frozen=True, slots=True)
class LanguageStatistics:
    """Of the passages of one language.

    Attributes:
        passages: The total of their embeddings.
        sentences: The total of their sentences' embeddings.
        words: In how many of them each word is.
    """

    passages: Total
    sentences: Total
    words: Frequencies

    def __add__(self, other: "LanguageStatistics") -> "LanguageStatistics":
        return LanguageStatistics(
            self.passages + other.passages,
            self.sentences + other.sentences,
            self.words + other.words,
        )

    def __sub__(self, other: "LanguageStatistics") -> "LanguageStatistics":
        return LanguageStatistics(
            self.passages - other.passages,
            self.sentences - other.sentences,
            self.words - other.words,
        )


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of all passages of an index.

    Attributes:
        languages: Those of each language in it.
        names: In how many passages each name is.
    """

    languages: Mapping[str, LanguageStatistics]
    names: Frequencies

    @classmethod
    def of(cls, vectors: Vectors) -> Self:
        """Count what some passages, or all of them, have."""
        codes = [str(code) for code in np.unique(vectors.languages)]
        languages = {code: _of_language(vectors, vectors.languages == code) for code in codes}
        return cls(languages, Frequencies.of(vectors.names))

    def __add__(self, other: "Statistics") -> "Statistics":
        languages = {**self.languages, **other.languages}
        for code in self.languages.keys() & other.languages.keys():
            languages[code] = self.languages[code] + other.languages[code]
        return Statistics(languages, self.names + other.names)

    def __sub__(self, other: "Statistics") -> "Statistics":
        """Take off what some of the passages have; a language without passages goes."""
        languages = dict(self.languages)
        for code, removed in other.languages.items():
            languages[code] = languages[code] - removed
            if not languages[code].passages.count:
                del languages[code]
        return Statistics(languages, self.names - other.names)


def no_statistics() -> Statistics:
    """Return those of an index without passages."""
    return Statistics({}, Frequencies.of(()))


def added_up(statistics: Sequence[Statistics]) -> Statistics:
    """Return those of several parts of an index together."""
    return reduce(add, statistics, no_statistics())


def _of_language(vectors: Vectors, rows: npt.NDArray[np.bool_]) -> LanguageStatistics:
    of_sentences = np.repeat(rows, vectors.sentence_counts)
    return LanguageStatistics(
        _total(vectors.passages[rows]),
        _total(vectors.sentences[of_sentences]),
        Frequencies.of([vectors.words[row] for row in np.flatnonzero(rows)]),
    )


def _total(embeddings: npt.NDArray[np.float16]) -> Total:
    matrix = compact(embeddings)
    return Total(len(matrix), matrix.total(np.ones(len(matrix), np.bool_)))
