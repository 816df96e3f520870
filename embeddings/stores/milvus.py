"""The store in Milvus, for indexes that one machine does not hold: how it is read.

What is kept there and how is in `milvus_schema.py`, how it is written in `milvus_writing.py`, and
which passages are ranked in `milvus_ranking.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Self

from embeddings.embedder import Embedder
from embeddings.errors import IndexMissing, IndexUnavailable, IndexUnusable
from embeddings.statistics import Statistics, no_statistics
from embeddings.stores.contract import LanguageMean, Ranker
from embeddings.stores.identity import refuse_another
from embeddings.stores.milvus_engine import Engine, Row, quoted
from embeddings.stores.milvus_listing import before, newest_first
from embeddings.stores.milvus_ranking import MilvusRanker
from embeddings.stores.milvus_records import (
    UNDATED,
    State,
    Stored,
    StoredPassage,
    day_of,
    number,
    passage_id,
    read_records,
    unpack_article,
    unpack_embeddings,
    unpack_means,
    unpack_statistics,
)
from embeddings.stores.milvus_schema import (
    FORMAT_VERSION,
    Build,
    build_of,
    identity,
    read_versions,
    visible,
)
from embeddings.stores.opening import MilvusAddress
from knowledge.article import Article
from knowledge.corpus import ArticleVersion
from knowledge.passages import Passage
from knowledge.sentences import Span


class MilvusStore:
    """An open index. For one thread at a time; other processes may read and write meanwhile."""

    def __init__(self, engine: Engine, build: Build, embedder: Embedder) -> None:
        self._engine = engine
        self._build = build
        self._identity = identity(embedder)
        self._state = self._read_state()
        # Of the passages that were ranked last: those that are shown are among them.
        self._places: dict[int, tuple[int, int]] = {}

    @classmethod
    def open(cls, address: MilvusAddress, embedder: Embedder) -> Self:
        """Open an index for reading.

        Raises:
            IndexMissing: There is none.
            IndexUnavailable: The engine can't be reached.
            IndexUnusable: It is of another embedding model, splitter or format, or can't be read.
        """
        engine = Engine(address)
        try:
            return cls(engine, build_of(address.prefix, embedder), embedder)
        except IndexUnusable:
            engine.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._engine.close()

    def ranker(self) -> Ranker:
        """Return what ranks the passages."""
        return MilvusRanker(self._engine, self._build, self)

    @contextmanager
    def snapshot(self) -> Iterator[int]:
        """See one and the same generation until the context ends; gives its number.

        Raises:
            IndexMissing: There is no index any more.
            IndexUnavailable: The engine can't be reached.
            IndexUnusable: A reindex with another model has replaced what was opened.
        """
        # As it was when some part of the engine has last looked; at most seconds ago.
        self._engine.since = 1
        state = self._read_state()
        if state.written < self._state.written:
            # Another part of the engine has been asked, which is behind.
            self._engine.since = None
            state = self._read_state()
        self._state = state
        # What is read from now on holds all that the state was written after.
        self._engine.since = state.written
        yield state.generation

    def check(self) -> None:
        """Do nothing: whatever is broken is told at once."""

    def _read_state(self) -> State:
        try:
            packed = read_records(self._engine, self._build.prefix, ["state"]).get("state")
        except (IndexUnavailable, IndexMissing):
            raise
        except IndexUnusable:
            if self._engine.target(self._build.prefix) != self._build.records:
                self._refuse_another({**self._identity, "format": ""})
            raise
        if packed is None:
            raise IndexMissing(
                f"The index in the store at {self._engine.name} is empty. Build it: python -m bot "
                "reindex"
            )
        state = State.unpacked(packed)
        self._refuse_another(state.identity)
        return state

    def _refuse_another(self, found: Mapping[str, str]) -> None:
        refuse_another(f"The index in the store at {self._engine.name}", found, self._identity)

    @property
    def article_count(self) -> int:
        """Articles in the index."""
        return self._state.articles

    @property
    def passage_count(self) -> int:
        """Passages in the index."""
        return self._state.passages

    @property
    def reindexed_at(self) -> datetime | None:
        """When the last reindex ended, in UTC, whether it changed anything or not."""
        return self._state.reindexed_at

    @property
    def newest(self) -> int:
        """The newest day that an article is of, in days since 1970."""
        return self._state.newest

    @property
    def generation(self) -> int:
        """The generation that is read."""
        return self._state.generation

    def read_language_means(self) -> dict[str, LanguageMean]:
        """Read the means of the languages that the model has been asked about."""
        return unpack_means(self._records(["means"])["means"])

    def read_statistics(self) -> Statistics:
        """Read what is known of all passages together."""
        key = f"statistics/{self._state.generation}"
        packed = self._records([key]).get(key)
        return unpack_statistics(packed) if packed else no_statistics()

    def read_stored(self, passage_ids: Sequence[int]) -> list[StoredPassage]:
        """Read what is known of passages without their embeddings, in the order of the ids.

        Raises:
            IndexUnusable: An id is not in the index (any more).
        """
        stored = [
            StoredPassage.unpacked(packed) for packed in self._of_passages("passage", passage_ids)
        ]
        self._places = {each.id: (each.version, each.place) for each in stored}
        return stored

    def read_embeddings(self, passages: Sequence[StoredPassage]) -> list[Stored]:
        """Read the embeddings of passages, in their order.

        Raises:
            IndexUnusable: One is not in the index any more.
        """
        packed = self._of_passages("embeddings", [each.id for each in passages])
        return list(map(unpack_embeddings, packed, passages))

    def read_tokens(self, passage_ids: Sequence[int]) -> list[bytes]:
        """Read the packed tokens of passages, in the order of the ids.

        Raises:
            IndexUnusable: An id is not in the index (any more).
        """
        return self._of_passages("tokens", passage_ids)

    def _of_passages(self, kind: str, passage_ids: Sequence[int]) -> list[bytes]:
        """Read the records of passages, in the order of the ids."""
        keys = {each: f"{kind}/{each}" for each in passage_ids}
        records = self._records(list(keys.values()))
        for each, key in keys.items():
            if key not in records:
                raise IndexUnusable(f"Passage {each} is not in the index any more.")
        return [records[keys[each]] for each in passage_ids]

    def read_passages(self, passage_ids: Sequence[int]) -> list[Passage]:
        """Read passages with their articles, in the order of the ids.

        Raises:
            IndexUnusable: An id is not in the index (any more).
        """
        if not self._places.keys() >= set(passage_ids):
            self.read_stored(passage_ids)
        places = [self._places[each] for each in passage_ids]
        keys = {version: f"article/{version}" for version, _ in places}
        records = self._records(list(keys.values()))
        articles = {version: unpack_article(records[key])[1] for version, key in keys.items()}
        return [articles[version][place] for version, place in places]

    def find_passage(self, content_hash: str, part: Span) -> Passage | None:
        """Read the passage that holds a part of an article; None if there is none (any more).

        Args:
            content_hash: The beginning of the article's content hash.
            part: What the passage holds, as a span of the article's body.
        """
        found = self._with_content(content_hash)
        if found is None:
            return None
        holding = (each for each in found[1] if each.start <= part.start and part.end <= each.end)
        return next(holding, None)

    def find_article(self, content_hash: str) -> Article | None:
        """Read the article with this content; None if there is none (any more).

        Args:
            content_hash: The beginning of the article's content hash.
        """
        found = self._with_content(content_hash)
        return found[0] if found else None

    def read_articles(self, offset: int, limit: int) -> list[Article]:
        """Read a part of the list of all articles.

        They are newest first, by slug on the same day; at the end those without a date.

        Args:
            offset: How many to leave out at the beginning.
            limit: How many to read at most.
        """
        return self._read_articles(self._listed(self._visible, offset, limit))

    def count_before(self, slug: str) -> int:
        """Count the articles that come before one in the list of all; 0 if it isn't there."""
        row = self._find_row(slug)
        if row is None:
            return 0
        return self._engine.count(self._build.articles, f"{self._visible} and {before(row)}")

    def passage_ids(self, slug: str) -> list[int]:
        """Return the ids of an article's passages, in the order of its text."""
        row = self._find_row(slug)
        places = range(row["passages"]) if row else ()
        return [passage_id(row["version"], place) for place in places] if row else []

    def newest_articles(
        self, limit: int, year: int | None = None, month: int | None = None
    ) -> list[Article]:
        """Read the newest articles with a date, newest first.

        Args:
            limit: How many at most.
            year: The year that they must be of; None for any.
            month: The month that they must be of, 1 to 12; None for any.
        """
        condition = f"{self._visible} and day > {UNDATED}"
        if year is not None:
            first, after = day_of(date(year, 1, 1)), day_of(date(year + 1, 1, 1))
            condition += f" and day >= {first} and day < {after}"
        if month is not None:
            condition += f" and month == {month}"
        return self._read_articles(self._listed(condition, 0, limit))

    @property
    def _visible(self) -> str:
        return visible(self._state.generation)

    def _listed(self, condition: str, offset: int, limit: int) -> list[Row]:
        return newest_first(self._engine, self._build.articles, condition, offset, limit)

    def _find_row(self, slug: str) -> Row | None:
        condition = f"{self._visible} and article == {number('article', slug)}"
        rows = self._engine.query(
            self._build.articles, condition, ["slug", "day", "version", "passages"]
        )
        return rows[0] if rows else None

    def _with_content(self, content_hash: str) -> tuple[Article, list[Passage]] | None:
        # "g" comes after every digit of a hash.
        first, after = quoted(content_hash), quoted(f"{content_hash}g")
        begins = f"content_hash >= {first} and content_hash < {after}"
        rows = self._engine.query(
            self._build.articles, f"{self._visible} and {begins}", ["version"], limit=1
        )
        if not rows:
            return None
        key = f"article/{rows[0]['version']}"
        return unpack_article(self._records([key])[key])

    def _read_articles(self, rows: Sequence[Row]) -> list[Article]:
        keys = [f"article/{row['version']}" for row in rows]
        records = self._records(keys)
        return [unpack_article(records[key])[0] for key in keys]

    def _records(self, keys: Sequence[str]) -> dict[str, bytes]:
        return read_records(self._engine, self._build.records, keys)


def known_versions_in_milvus(address: MilvusAddress) -> Iterator[ArticleVersion]:
    """Read what tells the articles of an index from others, whatever model it is of, by slugs.

    There is nothing if there is no index, or none of this format.
    """
    engine = Engine(address)
    try:
        alias = engine.target(address.prefix)
        state = _read_state_of_any_format(engine, address.prefix) if alias else None
        if alias and state and state.identity.get("format") == str(FORMAT_VERSION):
            build = Build.named(alias)
            yield from read_versions(engine, build, visible(state.generation))
    finally:
        engine.close()


def _read_state_of_any_format(engine: Engine, alias: str) -> State | None:
    """Read the state behind an alias; None if its records are others than ours."""
    try:
        packed = read_records(engine, alias, ["state"]).get("state")
    except (IndexUnavailable, IndexMissing):
        raise
    except IndexUnusable:
        return None
    return State.unpacked(packed) if packed else None
