"""Ranks the passages of an SQLite store: all of their embeddings are in memory."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from embeddings.memory import return_freed_memory
from embeddings.ranking import Ranked, Ranking, Search
from embeddings.stores.contract import Vectors

_PASSAGES_AT_ONCE = 10_000
"""Passages that are in memory as they are stored."""


class _Reading(Protocol):
    def all_passage_ids(self) -> npt.NDArray[np.int64]: ...

    def read_vectors(self, passage_ids: npt.NDArray[np.int64] | None = None) -> Vectors: ...

    def read_tokens(self, passage_ids: Sequence[int]) -> list[bytes]: ...


class SqliteRanker:
    """Keeps a ranking of one generation; what changes with the next is read, nothing else."""

    def __init__(self, store: _Reading) -> None:
        """Take the store."""
        self._store = store
        self._ranking: Ranking | None = None
        self._generation: int | None = None

    def follow(self, generation: int) -> None:
        """Read what has changed, if the snapshot is of another generation than the last one."""
        ranking = self._ranking
        if ranking is not None and generation == self._generation:
            return
        ids = self._store.all_passage_ids()
        kept = np.isin(ranking.passage_ids, ids) if ranking else np.zeros(0, np.bool_)
        if ranking is None or not kept.any():
            # What is of no use any more shall not take the room of what is read.
            ranking = self._ranking = None
            ranking = Ranking.of_parts(self._read(ids))
        elif len(ids) != len(kept) or not kept.all():
            added = ids[~np.isin(ids, ranking.passage_ids)]
            ranking = ranking.updated(kept, self._read(added))
        self._ranking, self._generation = ranking, generation
        return_freed_memory()

    def _read(self, ids: npt.NDArray[np.int64]) -> Iterator[Vectors]:
        for first in range(0, max(1, len(ids)), _PASSAGES_AT_ONCE):
            yield self._store.read_vectors(ids[first : first + _PASSAGES_AT_ONCE])

    def best(self, searches: Sequence[Search], limit: int) -> list[list[Ranked]]:
        """Return for each search the passages that answer best, the best first."""
        if self._ranking is None:
            return [[] for _ in searches]
        return self._ranking.best(searches, limit, self._store.read_tokens)
