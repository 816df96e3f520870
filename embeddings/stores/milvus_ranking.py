"""Ranks the passages of an index in Milvus: the engine finds those that are worth ranking.

What comes first is what is close to the question, once the mean of each language is taken off.
That is one number for a question and a language, so within a language the engine finds the closest
passages and sentences without knowing of it. Each language is asked for its best: some hundred
passages. What the engine tells of them, their words and their dates leave the few whose embeddings
are worth reading. These are ranked like all passages of a local index are, with the statistics of
the whole, and get the same scores.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np

from embeddings.dates import DateWish
from embeddings.errors import IndexUnavailable
from embeddings.lexical import Frequencies, Words, idf, read_names, read_words
from embeddings.ranking import Ranked, Ranking, Search
from embeddings.statistics import Statistics
from embeddings.stores.contract import LanguageMean
from embeddings.stores.milvus_engine import Engine, Row, quoted
from embeddings.stores.milvus_records import (
    Stored,
    StoredPassage,
    day_of,
    dimension_of,
    number,
    to_vectors,
    without_embeddings,
)
from embeddings.stores.milvus_schema import Build, visible

_PASSAGES = 32
_SENTENCES = 48
"""How many of the closest are found in each language."""

_LEXICAL = 32
"""How many are found that have the most of the question's words, or names."""

_READ = 64
"""How many of those that are found have their embeddings read; then the tokens of 16 are."""

_LATEST_DAYS = 90
"""The newest articles are as many days older than the newest of all at most."""

_PAUSES = (0.0, 0.2, 1.0)
"""Seconds before an engine is asked; again if it finds nothing in what is not empty."""

_AT_ONCE = 8
"""Calls that wait for the engine together."""


class _Reading(Protocol):
    @property
    def generation(self) -> int: ...

    @property
    def newest(self) -> int: ...

    def read_statistics(self) -> Statistics: ...

    def read_language_means(self) -> dict[str, LanguageMean]: ...

    def read_stored(self, passage_ids: Sequence[int]) -> list[StoredPassage]: ...

    def read_embeddings(self, passages: Sequence[StoredPassage]) -> list[Stored]: ...

    def read_tokens(self, passage_ids: Sequence[int]) -> list[bytes]: ...


@dataclass(frozen=True, slots=True)
class _Look:
    """One call to the engine: the same field and the same condition for several searches.

    Attributes:
        language: The one language whose partition is looked at; empty for all of them, where
            nothing tells how close a passage is.
        searches: Which of the searches.
        sought: For each of them what is looked for.
    """

    collection: str
    field: str
    condition: str
    limit: int
    language: str
    searches: list[int]
    sought: list[Any]


class _Found:
    """The passages that are found for one search, and how close they are."""

    def __init__(self) -> None:
        self.passages: set[int] = set()
        # By the collection that was looked at, then by the passage or by the language.
        self._close: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self._farthest: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def add(self, look: _Look, rows: Sequence[Row]) -> None:
        """Take what a look has found, the closest first."""
        self.passages.update(int(row["passage"]) for row in rows)
        if not look.language or not rows:
            return
        close, farthest = self._close[look.collection], self._farthest[look.collection]
        for row in rows:
            passage, likeness = int(row["passage"]), float(row["distance"])
            close[passage] = max(likeness, close.get(passage, likeness))
        last = float(rows[-1]["distance"])
        farthest[look.language] = max(last, farthest.get(look.language, last))

    def likeness(self, passage: StoredPassage, collections: Sequence[str]) -> float:
        """Add up how close a passage is: what isn't known is no more than what was found last."""
        return sum(
            self._close[each].get(passage.id, self._farthest[each].get(passage.language, 0.0))
            for each in collections
        )


class MilvusRanker:
    """Keeps the statistics of one generation. For one thread at a time."""

    def __init__(self, engine: Engine, build: Build, store: _Reading) -> None:
        """Take the store, and where it looks."""
        self._engine = engine
        self._build = build
        self._store = store
        self._statistics: Statistics | None = None
        self._means: dict[str, LanguageMean] = {}
        self._generation: int | None = None

    def follow(self, generation: int) -> None:
        """Read the statistics, if the snapshot is of another generation than the last one."""
        if generation != self._generation:
            self._statistics = self._store.read_statistics()
            self._means = self._store.read_language_means()
            self._generation = generation

    def best(self, searches: Sequence[Search], limit: int) -> list[list[Ranked]]:
        """Return for each search the passages that answer best, the best first."""
        statistics = self._statistics
        if statistics is None or not statistics.languages:
            return [[] for _ in searches]
        found = self._find(searches, statistics)
        ids = list(set().union(*(each.passages for each in found)))
        stored = dict(zip(ids, self._store.read_stored(ids), strict=True))
        chosen = [
            self._choose(search, each, stored, statistics)
            for search, each in zip(searches, found, strict=True)
        ]
        several = list({each.id: each for of_one in chosen for each in of_one}.values())
        embeddings = self._store.read_embeddings(several)
        read = {each.id: own for each, own in zip(several, embeddings, strict=True)}

        def rank(search: Search, passages: Sequence[StoredPassage]) -> list[Ranked]:
            return self._rank(search, passages, read, statistics, limit)

        # Each of them reads tokens.
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return list(threads.map(rank, searches, chosen))

    def _choose(
        self,
        search: Search,
        found: _Found,
        stored: Mapping[int, StoredPassage],
        statistics: Statistics,
    ) -> list[StoredPassage]:
        """Return the passages whose embeddings are worth reading, in the order of a local index.

        That order tells whom of two equals comes first.
        """
        passages = sorted(
            (stored[each] for each in found.passages), key=lambda each: (each.slug, each.place)
        )
        if len(passages) <= _READ:
            return passages
        nothing = [without_embeddings(each) for each in passages]
        ranking = Ranking.of(to_vectors(passages, nothing, self._means), statistics)
        collections = (self._build.passages, self._build.sentences)
        likenesses = [found.likeness(each, collections) for each in passages]
        scores = ranking.first_scores(search, np.array(likenesses, np.float32))
        best = np.sort(np.argsort(-scores, kind="stable")[:_READ])
        return [passages[row] for row in best]

    def _rank(
        self,
        search: Search,
        passages: Sequence[StoredPassage],
        read: Mapping[int, Stored],
        statistics: Statistics,
        limit: int,
    ) -> list[Ranked]:
        if not passages:
            return []
        embeddings = [read[each.id] for each in passages]
        ranking = Ranking.of(to_vectors(passages, embeddings, self._means), statistics)
        return ranking.best([search], limit, self._store.read_tokens)[0]

    def _find(self, searches: Sequence[Search], statistics: Statistics) -> list[_Found]:
        """Find the passages that may be worth ranking, for each search."""
        looks = _joined(
            look
            for at, search in enumerate(searches)
            for condition in self._conditions(search)
            for look in (
                *self._close(at, search, condition, statistics),
                *self._worded(at, search, condition, statistics),
            )
        )
        found = [_Found() for _ in searches]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for look, rows_of_each in zip(looks, threads.map(self._look, looks), strict=True):
                for at, rows in zip(look.searches, rows_of_each, strict=True):
                    found[at].add(look, rows)
        return found

    def _look(self, look: _Look) -> list[list[Row]]:
        """Ask the engine.

        Raises:
            IndexUnavailable: It finds nothing where there is something, which it was seen to do
                once, while it took new graphs into use.
        """
        is_whole = look.language and look.condition == visible(self._store.generation)
        for seconds in _PAUSES:
            time.sleep(seconds)
            found = self._engine.search(
                look.collection,
                look.field,
                look.sought,
                look.condition,
                look.limit,
                ["passage"],
                look.language,
            )
            if all(found) or not is_whole:
                return found
        raise IndexUnavailable(
            f"The store at {self._engine.name} finds nothing in {look.collection}, partition "
            f"{look.language}, which is not empty: if this lasts, look into what Milvus logs"
        )

    def _conditions(self, search: Search) -> Iterator[str]:
        """Yield what holds for the passages that are looked at, first for all of them."""
        condition = visible(self._store.generation)
        if search.within is not None:
            condition += f" and article == {number('article', search.within)}"
        if search.without is not None:
            condition += f" and article != {number('article', search.without)}"
        yield condition
        for of_time in _times(search.question.wish, self._store.newest):
            yield f"{condition} and {of_time}"

    def _close(
        self, at: int, search: Search, condition: str, statistics: Statistics
    ) -> Iterator[_Look]:
        embedding = search.question.embedding
        for code in statistics.languages:
            for where, limit in (
                (self._build.passages, _PASSAGES),
                (self._build.sentences, _SENTENCES),
            ):
                yield _Look(where, "embedding", condition, limit, code, [at], [embedding])

    def _worded(
        self, at: int, search: Search, condition: str, statistics: Statistics
    ) -> Iterator[_Look]:
        """Look for the question's words, in its language, and for its names in the others."""
        if not self._engine.has_words:
            return
        question, language = search.question, quoted(search.question.language)
        own = statistics.languages.get(question.language)
        for field, condition_, weights in (
            (
                "words",
                f"{condition} and language == {language}",
                _weights(read_words(question.text, question.language), own.words if own else None),
            ),
            (
                "names",
                f"{condition} and language != {language}",
                _weights(read_names(question.text), statistics.names),
            ),
        ):
            if weights:
                yield _Look(self._build.passages, field, condition_, _LEXICAL, "", [at], [weights])


def _weights(words: Words, frequencies: Frequencies | None) -> dict[int, float]:
    if frequencies is None:
        return {}
    weights = zip(words.tolist(), idf(frequencies, words), strict=True)
    return {dimension_of(word): weight for word, weight in weights}


def _joined(looks: Iterable[_Look]) -> list[_Look]:
    """Join calls that differ only in what is sought."""
    joined: dict[tuple[str, ...], _Look] = {}
    for look in looks:
        place = (look.collection, look.language, look.field, look.condition)
        same = joined.setdefault(place, look)
        if same is not look:
            same.searches.extend(look.searches)
            same.sought.extend(look.sought)
    return list(joined.values())


def _times(wish: DateWish, newest: int) -> Iterator[str]:
    """Yield conditions for the articles from the time that is asked for and next to it."""
    if wish.month is not None:
        months = [(wish.month + step - 1) % 12 + 1 for step in (-1, 0, 1)]
        if wish.year is None:
            yield f"month in {months}"
        else:
            yield _between((wish.year, wish.month - 1), (wish.year, wish.month + 2))
    elif wish.year is not None:
        yield _between((wish.year - 1, 1), (wish.year + 2, 1))
    elif wish.latest:
        # What is newest tells how old the others are: so it has to be among them.
        yield f"day == {newest}"
        yield f"day > {newest - _LATEST_DAYS}"


def _between(first: tuple[int, int], after: tuple[int, int]) -> str:
    """Return the condition for months, each a year and a number that may be 0 or 13 and more."""
    start, end = (
        day_of(date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1))
        for year, month in (first, after)
    )
    return f"day >= {start} and day < {end}"
