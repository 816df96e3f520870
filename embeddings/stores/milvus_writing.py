"""Writes the store in Milvus: articles are staged among the others, where no reader sees them.

What is staged is born in the generation after the current one. To switch is to write the state:
before, the rows of what goes are marked as dying with that generation, and whatever an earlier
reindex has left is put right. What is dead is deleted by the reindex after the next one, so that
who has begun to read finds all of it.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Self, TypeVar

import numpy as np

from embeddings.embedder import Embedder
from embeddings.errors import IndexBusy, IndexMissing, IndexUnusable, StagingDamaged
from embeddings.statistics import Statistics, added_up, no_statistics
from embeddings.stores.contract import EmbeddedArticle, LanguageMean
from embeddings.stores.milvus_engine import Engine, Row, is_any
from embeddings.stores.milvus_listing import newest_first
from embeddings.stores.milvus_records import (
    UNDATED,
    State,
    StoredPassage,
    day_of,
    number,
    pack_article,
    pack_means,
    pack_statistics,
    read_records,
    sparse,
    stored_embeddings,
    to_vectors,
    unpack_means,
    unpack_statistics,
    write_record,
)
from embeddings.stores.milvus_schema import (
    ALIVE,
    NO_DIGEST,
    Build,
    build_of,
    create,
    delete_versions,
    drop_others,
    identity,
    read_versions,
    visible,
)
from embeddings.stores.opening import MilvusAddress
from knowledge.corpus import ArticleVersion

_Item = TypeVar("_Item")

_ARTICLES_AT_ONCE = 50
"""Articles whose rows are read or deleted together; a long one has thousands."""

_VERSIONS_AT_ONCE = 200
"""Articles of which only a row is read together, and what they add to the statistics."""

_VERSION_FIELDS = ["slug", "url", "content_hash", "file_digest", "version", "passages"]

_ARTICLE_FIELDS = [*_VERSION_FIELDS, "article", "day", "month", "staged", "born", "died"]


class MilvusStaging:
    """Where articles are staged. For one thread at a time."""

    def __init__(self, engine: Engine, build: Build, generation: int) -> None:
        self._engine = engine
        self._build = build
        self._generation = generation
        self._partitions: set[tuple[str, str]] = set()

    @property
    def key(self) -> str:
        """What tells it from all others, also from those that there will be."""
        return f"{self._build.key}-{self._next}"

    @property
    def _next(self) -> int:
        """The generation that what is staged is born in."""
        return self._generation + 1

    @property
    def _staged(self) -> str:
        return f"born == {self._next} and staged == true"

    def read_language_means(self) -> dict[str, LanguageMean]:
        """Read the means that the index has, or will have."""
        packed = self._records(["means"])
        return unpack_means(packed["means"]) if packed else {}

    def stage(self, articles: Sequence[EmbeddedArticle]) -> None:
        """Store articles, each in place of what was staged under its slug, however often.

        They outlive a kill as soon as this returns.

        Raises:
            IndexUnusable: It can't be written, or the reindex has ended meanwhile.
        """
        self._engine.since = None
        rows = [_article_row(each, self._next) for each in articles]
        slugs = [row["slug"] for row in rows]
        before = {
            row["version"]: row
            for row in self._rows(slugs, f"born == {self._next}", _ARTICLE_FIELDS)
        }
        new = [
            (row, each)
            for row, each in zip(rows, articles, strict=True)
            if not before.get(row["version"], {}).get("staged")
        ]
        # First that they are coming, so that whoever tidies up finds what a kill leaves.
        self._engine.upsert(self._build.articles, [{**row, "staged": False} for row, _ in new])
        begun = [each for each in new if each[0]["version"] in before]
        self._write(begun, self._engine.upsert)
        self._write(
            [each for each in new if each[0]["version"] not in before], self._engine.insert
        )
        if self._read_state().generation != self._generation:
            # Unless another process has staged the same in time.
            theirs = f"{is_any('version', [row['version'] for row, _ in new])} and staged == false"
            late = self._engine.query(self._build.articles, theirs, ["version"])
            delete_versions(self._engine, self._build, [row["version"] for row in late])
            raise IndexUnusable("The reindex has ended, so nothing is staged for it any more.")
        self._engine.upsert(self._build.articles, rows)
        replaced = sorted(before.keys() - {row["version"] for row in rows})
        if replaced:
            delete_versions(self._engine, self._build, replaced)

    def _write(
        self, articles: Sequence[tuple[Row, EmbeddedArticle]], write: Callable[..., None]
    ) -> None:
        """Write everything of articles but their rows; together, since each call takes time."""
        records: list[Row] = []
        passages: list[Row] = []
        sentences: list[Row] = []
        for row, article in articles:
            self._add_rows(row, article, records, passages, sentences)
        write(self._build.records, records)
        for collection, searched in (
            (self._build.sentences, sentences),
            (self._build.passages, passages),
        ):
            for language, spoken in _by_language(searched):
                self._add_partition(collection, language)
                write(collection, spoken, language)

    def _add_rows(
        self,
        row: Row,
        article: EmbeddedArticle,
        records: list[Row],
        passages: list[Row],
        sentences: list[Row],
    ) -> None:
        version = row["version"]
        stored = [
            StoredPassage.of(version, place, each) for place, each in enumerate(article.passages)
        ]
        embeddings = [stored_embeddings(each) for each in article.passages]
        filtered = {
            name: row[name] for name in ("version", "article", "day", "month", "born", "died")
        }
        filtered["language"] = article.article.language
        packed = {f"article/{version}": pack_article(article.passages, article.article)}
        for kept, own, embedded in zip(stored, embeddings, article.passages, strict=True):
            packed[f"passage/{kept.id}"] = kept.packed()
            packed[f"embeddings/{kept.id}"] = own.tobytes()
            packed[f"tokens/{kept.id}"] = embedded.tokens
            searched = {**filtered, "passage": kept.id}
            words = (
                {"words": sparse(kept.words), "names": sparse(kept.names)}
                if self._engine.has_words
                else {}
            )
            of_passage, *of_sentences = own.astype(np.float32)
            passages.append({**searched, **words, "id": kept.id, "embedding": of_passage})
            sentences += [
                {**searched, "id": number("sentence", kept.id, place), "embedding": each}
                for place, each in enumerate(of_sentences)
            ]
        if stored:
            counted = Statistics.of(to_vectors(stored, embeddings, {}))
            packed[f"share/{version}"] = pack_statistics(counted)
        for key, data in packed.items():
            records.extend(write_record(key, version, data))

    def _add_partition(self, collection: str, language: str) -> None:
        if (collection, language) not in self._partitions:
            self._engine.add_partition(collection, language)
            self._partitions.add((collection, language))

    def _write_records(self, version: int, records: Mapping[str, bytes]) -> None:
        self._engine.upsert(
            self._build.records,
            (row for key, data in records.items() for row in write_record(key, version, data)),
        )

    def _records(self, keys: Sequence[str]) -> dict[str, bytes]:
        return read_records(self._engine, self._build.records, keys)

    def _read_state(self) -> State:
        return State.unpacked(self._records(["state"])["state"])

    def _rows(self, slugs: Collection[str], condition: str, fields: Sequence[str]) -> list[Row]:
        """Return the rows of articles by their slugs."""
        numbers = [number("article", slug) for slug in slugs]
        condition = f"{condition} and {is_any('article', numbers)}"
        return self._engine.query(self._build.articles, condition, fields) if numbers else []


class MilvusWriting(MilvusStaging):
    """A reindex: what is staged becomes the index in one step."""

    def __init__(self, engine: Engine, build: Build, state: State) -> None:
        super().__init__(engine, build, state.generation)
        self._state = state

    @classmethod
    def begin(cls, engine: Engine, prefix: str, embedder: Embedder) -> Self:
        """Go on with what there is of an index, or create what it takes."""
        build = build_of(prefix, embedder)
        create(engine, build, embedder.dimension)
        packed = read_records(engine, build.records, ["state"]).get("state")
        # Any number: an index that is built anew must not look like the one before.
        generation = 1 + secrets.randbelow(10**9)
        state = (
            State.unpacked(packed)
            if packed
            else State(generation, 1, 0, 0, UNDATED, None, identity(embedder))
        )
        writing = cls(engine, build, state)
        if not packed:
            writing._write_records(0, {"state": state.packed()})
        return writing

    @property
    def article_count(self) -> int:
        """Articles in the index, after `switch` those of the new one."""
        return self._state.articles

    @property
    def passage_count(self) -> int:
        """Passages in the index, likewise."""
        return self._state.passages

    def has_language_means(self) -> bool:
        """Tell whether the index has means; it has none while it is made for the first time."""
        return bool(self._records(["means"]))

    def set_language_means(self, means: dict[str, LanguageMean]) -> None:
        """Keep the means for the index that will be, and for all who stage."""
        self._write_records(0, {"means": pack_means(means)})

    def article_versions(self) -> Iterator[ArticleVersion]:
        """Read what is in the index, page by page, in ascending order of slugs."""
        self._see_all_that_is_written()
        return read_versions(self._engine, self._build, visible(self._generation))

    def staged_versions(self) -> Iterator[ArticleVersion]:
        """Read what is staged by now, by anybody, likewise."""
        self._see_all_that_is_written()
        return read_versions(self._engine, self._build, self._staged)

    def switch(
        self,
        staged: Iterable[ArticleVersion],
        removed: Iterable[str],
        resaved: Iterable[ArticleVersion],
    ) -> None:
        """Make what is staged the index, in one step, and empty the staging: once, at the end.

        Raises:
            IndexBusy: Another reindex has switched meanwhile.
            StagingDamaged: Something that shall go into the index is not staged.
        """
        self._see_all_that_is_written()
        if self._read_state().generation != self._generation:
            raise IndexBusy("Another reindex has changed the index meanwhile. Try again.")
        self._delete_dead()
        coming, going = _Side(), _Side()
        for group in _groups(staged, _VERSIONS_AT_ONCE):
            self._take(group, coming)
            if self._state.articles:
                self._leave([each.slug for each in group], going)
        for slugs in _groups(removed):
            self._leave(slugs, going)
        self._forget_others(coming.versions)
        self._revive_others(going.versions)
        for versions in _groups(sorted(going.versions)):
            self._let_die(versions)
        for group in _groups(resaved):
            self._resave(group)
        self._write_state(coming, going)
        self._engine.point(self._build.prefix, self._build.records)
        drop_others(self._engine, self._build)

    def _see_all_that_is_written(self) -> None:
        """See whatever anybody has written until now, and wait for it once, not at each call."""
        self._write_records(0, {"pulse": b""})
        self._engine.since = self._engine.written_at(self._build.records)

    def _take(self, group: Sequence[ArticleVersion], coming: "_Side") -> None:
        """Take what is staged into the index that will be."""
        wanted = {each.slug: each for each in group}
        # By their keys, for which an engine need not look at all rows.
        versions = [number("version", each.content_hash, self._next) for each in group]
        found = self._engine.query(
            self._build.articles, is_any("version", versions), _ARTICLE_FIELDS
        )
        rows = {row["slug"]: row for row in found if row["staged"]}
        for slug in wanted:
            if slug not in rows:
                raise StagingDamaged(f"The article {slug} is not staged any more.")
        self._set_digests(rows.values(), wanted)
        coming.add(rows.values(), self._shares(rows.values()))

    def _leave(self, slugs: Sequence[str], going: "_Side") -> None:
        """Let go what the index has under some slugs."""
        rows = self._rows(slugs, visible(self._generation), _VERSION_FIELDS)
        going.add(rows, self._shares(rows))

    def _shares(self, rows: Iterable[Row]) -> Statistics:
        packed = self._records([f"share/{row['version']}" for row in rows])
        return added_up([unpack_statistics(data) for data in packed.values()])

    def _resave(self, group: Sequence[ArticleVersion]) -> None:
        wanted = {each.slug: each for each in group}
        rows = self._rows(
            wanted, f"died == {ALIVE} and born <= {self._generation}", _ARTICLE_FIELDS
        )
        self._set_digests(rows, wanted)

    def _set_digests(self, rows: Iterable[Row], wanted: Mapping[str, ArticleVersion]) -> None:
        changed = [
            _completed({**row, "file_digest": digest})
            for row in rows
            if (digest := wanted[row["slug"]].file_digest or NO_DIGEST) != row["file_digest"]
        ]
        self._engine.upsert(self._build.articles, changed)

    def _delete_dead(self) -> None:
        """Delete what nobody reads: those who have begun may be one generation behind."""
        self._delete_versions(f"died < {self._generation}", set())
        # Statistics have the number of their generation, less than 0, for a version.
        self._engine.delete(
            self._build.records, f"version < 0 and version > {1 - self._generation}"
        )

    def _forget_others(self, coming: Collection[int]) -> None:
        """Delete what was staged and does not go into the index, or was begun to be staged."""
        self._delete_versions(f"(born > {self._generation} or staged == false)", coming)

    def _delete_versions(self, condition: str, spared: Collection[int]) -> None:
        pages = self._engine.pages(self._build.articles, "version", condition, ["version"])
        for page in pages:
            for some in _groups(row["version"] for row in page if row["version"] not in spared):
                delete_versions(self._engine, self._build, some)

    def _revive_others(self, going: Collection[int]) -> None:
        """Take back what a reindex that was killed has let die."""
        condition = f"died == {self._next}"
        pages = self._engine.pages(self._build.articles, "version", condition, ["version"])
        for page in pages:
            for some in _groups(row["version"] for row in page if row["version"] not in going):
                for collection in (self._build.sentences, self._build.passages):
                    self._set_died(collection, some, ALIVE)
                self._set_died(self._build.articles, some, ALIVE)

    def _let_die(self, versions: Sequence[int]) -> None:
        # The article first, as the others are found by it.
        for collection in (self._build.articles, self._build.passages, self._build.sentences):
            self._set_died(collection, versions, self._next)

    def _set_died(self, collection: str, versions: Sequence[int], died: int) -> None:
        rows = self._engine.query(
            collection, f"{is_any('version', versions)} and died != {died}", ["*"]
        )
        changed = [_completed({**row, "died": died}) for row in rows]
        for language, spoken in _by_language(changed):
            self._engine.upsert(collection, spoken, language)

    def _write_state(self, coming: "_Side", going: "_Side") -> None:
        state = replace(self._state, reindexed_at=datetime.now(UTC))
        if coming.versions or going.versions:
            key = f"statistics/{self._generation}"
            packed = self._records([key]).get(key)
            statistics = unpack_statistics(packed) if packed else no_statistics()
            statistics = statistics - going.statistics() + coming.statistics()
            written = {f"statistics/{self._next}": pack_statistics(statistics)}
            self._write_records(-self._next, written)
            self._engine.since = self._engine.written_at(self._build.records)
            newest = newest_first(
                self._engine, self._build.articles, visible(self._next), offset=0, limit=1
            )
            state = replace(
                state,
                generation=self._next,
                written=self._engine.since,
                articles=state.articles + len(coming.versions) - len(going.versions),
                passages=state.passages + coming.passages - going.passages,
                newest=newest[0]["day"] if newest else UNDATED,
            )
        # This is the switch.
        self._write_records(0, {"state": state.packed()})
        self._state, self._generation = state, state.generation
        # Whoever reads from now on shall find it, though nobody waits who reads.
        self._engine.since = self._engine.written_at(self._build.records)
        self._read_state()


class _Side:
    """What comes into the index, or what leaves it."""

    def __init__(self) -> None:
        self.versions: set[int] = set()
        self.passages = 0
        self._parts: list[tuple[int, Statistics]] = []

    def add(self, rows: Iterable[Row], statistics: Statistics) -> None:
        """Count articles that aren't counted yet."""
        for row in rows:
            self.versions.add(row["version"])
            self.passages += row["passages"]
        # Like is added to like: to add each to one big sum would copy that as often.
        size = 1
        while self._parts and self._parts[-1][0] == size:
            statistics += self._parts.pop()[1]
            size *= 2
        self._parts.append((size, statistics))

    def statistics(self) -> Statistics:
        """Return those of all of them."""
        return added_up([each for _, each in reversed(self._parts)])


@contextmanager
def writing_to_milvus(address: MilvusAddress, embedder: Embedder) -> Iterator[MilvusWriting]:
    """Open an index for a reindex; what is needed for it is created.

    Raises:
        IndexUnavailable: The engine can't be reached.
        IndexUnusable: It can't be written.
    """
    engine = Engine(address, is_patient=True)
    try:
        yield MilvusWriting.begin(engine, address.prefix, embedder)
    finally:
        engine.close()


@contextmanager
def staging_in_milvus(address: MilvusAddress, embedder: Embedder) -> Iterator[MilvusStaging]:
    """Join a reindex that is under way, to stage articles for it.

    Raises:
        IndexMissing: There is none under way with this model, and there was none.
        IndexUnavailable: The engine can't be reached.
        IndexUnusable: It can't be written.
    """
    engine = Engine(address, is_patient=True)
    try:
        build = build_of(address.prefix, embedder)
        packed = read_records(engine, build.records, ["state"]).get("state")
        if packed is None:
            raise IndexMissing(
                f"No reindex is under way in the store at {engine.name}. Begin one: "
                "python -m bot reindex"
            )
        yield MilvusStaging(engine, build, State.unpacked(packed).generation)
    finally:
        engine.close()


def _article_row(article: EmbeddedArticle, born: int) -> Row:
    content = article.article
    version = number("version", content.content_hash, born)
    return _completed(
        {
            "slug": content.slug,
            "url": content.url,
            "content_hash": content.content_hash,
            "file_digest": article.file_digest or NO_DIGEST,
            "version": version,
            "article": number("article", content.slug),
            "day": day_of(content.published),
            "month": content.published.month if content.published else 0,
            "passages": len(article.passages),
            "staged": True,
            "born": born,
            "died": ALIVE,
        }
    )


def _completed(row: Row) -> Row:
    """Add the vector that a row has without need."""
    return row if "embedding" in row else {**row, "nothing": [0.0, 0.0]}


def _by_language(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yield languages with their rows; the empty one with those that tell of none."""
    by_language = defaultdict(list)
    for row in rows:
        by_language[row.get("language", "")].append(row)
    yield from by_language.items()


def _groups(items: Iterable[_Item], size: int = _ARTICLES_AT_ONCE) -> Iterator[list[_Item]]:
    """Yield items, so many at a time."""
    items = iter(items)
    while group := list(islice(items, size)):
        yield group
