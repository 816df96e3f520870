"""Questions that ask nearly the same, in whatever language and words, put together.

Embeddings are compared without the mean of their language: of these questions, drawn towards the
general one as far as they are few, since what few questions share is their topic, too. Groups are
complete: all questions in one are alike, each with each, so that none leads to the next one's
neighbour's neighbour.

The threshold is fitted on XQuAD's first 24 documents: English and Russian twins mixed, one
question of each paragraph (forty draws), pairs that are put together against pairs that are
twins. On the documents with even numbers it is the first one (in steps of 0.02) at which 0.95 of
the pairs are rightly together: 0.96, and 0.86 of the twins are. On those with odd numbers, which
had no part in the choice, it is 0.95 and 0.86; joining the group that is alike on average gives
0.93 there, the one whose first question is alike 0.92 (six draws). Token embeddings brought
nothing beside these. Where all questions on every paragraph are asked at once, five of each, it
is 0.39 and 0.67: "how many were Catholics in 1901" is put to "how many were Protestants". So a
group is shown by its commonest question, and is never answered as one.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embeddings
from embeddings.retriever import Retriever
from embeddings.stores.contract import LanguageMean, language_mean

SAME_FROM = 0.5
"""Cosine from which on two questions ask nearly the same; see above."""

_PRIOR_WEIGHT = 16
"""How many questions the general mean of their language counts as much as."""


class QuestionGroups:
    """Groups questions; it reads them in batches, between which others can use the retriever."""

    def __init__(self) -> None:
        self._embeddings: list[Embeddings] = []
        self._languages: list[str] = []

    def read(
        self, questions: Sequence[str], languages: Sequence[str], retriever: Retriever
    ) -> None:
        """Take some questions, and the language of each."""
        self._embeddings.append(retriever.embed_questions(questions))
        self._languages += languages

    def groups(self, retriever: Retriever) -> list[list[int]]:
        """Return the groups of what was read, as numbers in the order of reading.

        Raises:
            IndexUnusable: A reindex with another model has replaced the index.
        """
        if not self._embeddings:
            return []
        return group_by_meaning(
            np.concatenate(self._embeddings), self._languages, retriever.language_means()
        )


def group_by_meaning(
    embeddings: Embeddings,
    languages: Sequence[str],
    means: Mapping[str, LanguageMean],
    same_from: float = SAME_FROM,
) -> list[list[int]]:
    """Put questions together that ask nearly the same; takes some 0.1 s for 500.

    Args:
        embeddings: Of questions, shape (n, d).
        languages: Of each question.
        means: The general ones, for all languages that the model has been asked about.
        same_from: Cosine of any two questions in a group, at least.

    Returns:
        Rows, each in one group, in order; the groups in the order of their first rows.
    """
    likeness = _likeness(embeddings, languages, means)
    groups = {row: [row] for row in range(len(embeddings))}
    while len(groups) > 1:
        one, other = divmod(int(likeness.argmax()), len(likeness))
        if likeness[one, other] < same_from:
            break
        one, other = min(one, other), max(one, other)
        groups[one] = sorted(groups[one] + groups.pop(other))
        # A group is as like another as the two of them that are least so.
        likeness[one] = likeness[:, one] = np.minimum(likeness[one], likeness[other])
        likeness[other] = likeness[:, other] = -np.inf
    return list(groups.values())


def _likeness(
    embeddings: Embeddings, languages: Sequence[str], means: Mapping[str, LanguageMean]
) -> npt.NDArray[np.float32]:
    """Return the cosine of each two questions, shape (n, n); of one with itself, -inf."""
    centred = embeddings.copy()
    spoken = np.array(languages)
    for language in set(languages):
        own = spoken == language
        general = language_mean(dict(means), language).question
        total = embeddings[own].sum(axis=0) + _PRIOR_WEIGHT * general
        centred[own] -= total / (own.sum() + _PRIOR_WEIGHT)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    centred /= np.maximum(lengths, np.finfo(np.float32).tiny)
    likeness: npt.NDArray[np.float32] = centred @ centred.T
    np.fill_diagonal(likeness, -np.inf)
    return likeness
