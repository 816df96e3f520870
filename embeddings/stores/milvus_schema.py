"""What Milvus keeps of an index, and under which names.

An index is a *build*: four collections that are created together.

- ``articles``: a row for each version of an article.
- ``passages``, ``sentences``: what is searched, with what it is filtered by; in a partition for
  each language, as each is searched for itself.
- ``records``: everything that is only read by its key, in parts of text (`milvus_records.py`);
  among them the state, which tells the generation that readers see.

A row is part of the generations from `born` to before `died`. So writing the state is all that a
reindex does to switch: rows of a generation that has not come yet are seen by nobody. An index of
another model, splitter or format is another build; the one alias, on ``records``, tells which is
in use.

All keys are numbers: Milvus 2.3 finds no row by a text once its collection is mapped from files,
which a server does with all of them if it is told to.
"""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from embeddings.embedder import Embedder
from embeddings.stores.identity import identity_of
from embeddings.stores.milvus_engine import SPARSE, Engine, is_any
from knowledge.corpus import ArticleVersion

if TYPE_CHECKING:
    from pymilvus import CollectionSchema

FORMAT_VERSION = 3
"""Raised whenever the collections change or hold something else."""

ALIVE = 2**62
"""The generation in which a row dies that is part of all from its birth on."""

LONGEST_TEXT = 65_535
"""Bytes of a text field at most; Milvus allows no more."""

NO_DIGEST = "-"
"""What stands for the digest of no file: a field that is empty in all rows can't be mapped."""

_LONGEST_SLUG = 1024
"""Bytes; it is the name of a file, 255 at most."""

_GRAPH = {"index_type": "HNSW", "params": {"M": 16, "efConstruction": 100}}
_WORDS = {"index_type": "SPARSE_INVERTED_INDEX"}
_NO_INDEX = {"index_type": "FLAT"}


@dataclass(frozen=True, slots=True)
class Build:
    """The names of an index's collections.

    Attributes:
        prefix: What all names begin with; also the alias of the ``records`` in use.
        key: Which build it is: what its identity comes to.
    """

    prefix: str
    key: str

    @classmethod
    def named(cls, collection: str) -> Self:
        """Return the build that one of its collections belongs to."""
        prefix, key, _ = collection.rsplit("_", 2)
        return cls(prefix, key)

    @property
    def articles(self) -> str:
        """Its articles."""
        return f"{self.prefix}_{self.key}_articles"

    @property
    def passages(self) -> str:
        """Its passages."""
        return f"{self.prefix}_{self.key}_passages"

    @property
    def sentences(self) -> str:
        """Its sentences."""
        return f"{self.prefix}_{self.key}_sentences"

    @property
    def records(self) -> str:
        """Its records."""
        return f"{self.prefix}_{self.key}_records"

    @property
    def all(self) -> tuple[str, ...]:
        """All of its collections."""
        return self.passages, self.sentences, self.records, self.articles


def identity(embedder: Embedder) -> dict[str, str]:
    """Return what an index is searched by: one of another identity can't be."""
    return identity_of(embedder, FORMAT_VERSION)


def build_of(prefix: str, embedder: Embedder) -> Build:
    """Return the build of an identity."""
    described = json.dumps(identity(embedder), sort_keys=True)
    return Build(prefix, hashlib.sha256(described.encode()).hexdigest()[:12])


def visible(generation: int) -> str:
    """Return the condition that a row is part of a generation."""
    return f"born <= {generation} and died > {generation}"


def create(engine: Engine, build: Build, dimension: int) -> None:
    """Create a build's collections, as far as they aren't there."""
    there = set(engine.collections())
    missing = [name for name in build.all if name not in there]
    if not missing:
        return
    parts = {
        build.articles: _articles(engine),
        build.passages: _searched(engine, dimension, words=engine.has_words),
        build.sentences: _searched(engine, dimension, words=False),
        build.records: _records(engine),
    }
    # Each takes seconds of waiting.
    with ThreadPoolExecutor(len(parts)) as threads:
        list(threads.map(lambda name: engine.create(name, *parts[name]), missing))


def drop_others(engine: Engine, build: Build) -> None:
    """Drop the collections of all other builds with this prefix."""
    of_a_build = re.compile(rf"{re.escape(build.prefix)}_[0-9a-f]{{12}}_[a-z]+")
    for name in engine.collections():
        if of_a_build.fullmatch(name) and name not in build.all:
            engine.drop(name)


def read_versions(engine: Engine, build: Build, condition: str) -> Iterator[ArticleVersion]:
    """Read the articles for which a condition holds, in the order of slugs."""
    fields = ("slug", "url", "content_hash", "file_digest")
    # Sorted here, since Milvus sorts by nothing but keys; a database without a name is on the disk
    # as far as it is large.
    with closing(sqlite3.connect("")) as versions:
        versions.execute("CREATE TABLE versions (slug, url, content_hash, file_digest)")
        for page in engine.pages(build.articles, "version", condition, fields):
            rows = [tuple(row[field] for field in fields) for row in page]
            versions.executemany("INSERT INTO versions VALUES (?, ?, ?, ?)", rows)
        for row in versions.execute("SELECT * FROM versions ORDER BY slug"):
            slug, url, content_hash, digest = row
            yield ArticleVersion(slug, url, content_hash, None if digest == NO_DIGEST else digest)


def delete_versions(engine: Engine, build: Build, versions: list[int]) -> None:
    """Delete all rows of versions of articles; what tells of them goes last."""
    for collection in build.all:
        engine.delete(collection, is_any("version", versions))


_Parts = tuple["CollectionSchema", Mapping[str, Mapping[str, Any]], Mapping[str, str]]


def _articles(engine: Engine) -> _Parts:
    from pymilvus import DataType

    schema = engine.new_schema()
    schema.add_field("version", DataType.INT64, is_primary=True)
    schema.add_field("slug", DataType.VARCHAR, max_length=_LONGEST_SLUG)
    schema.add_field("content_hash", DataType.VARCHAR, max_length=64)
    schema.add_field("file_digest", DataType.VARCHAR, max_length=64)
    schema.add_field("url", DataType.VARCHAR, max_length=LONGEST_TEXT)
    schema.add_field("staged", DataType.BOOL)
    for name in ("article", "day", "month", "passages", "born", "died"):
        schema.add_field(name, DataType.INT64)
    return _without_vectors(schema)


def _searched(engine: Engine, dimension: int, *, words: bool) -> _Parts:
    from pymilvus import DataType

    schema = engine.new_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("language", DataType.VARCHAR, max_length=16)
    for name in ("passage", "version", "article", "day", "month", "born", "died"):
        schema.add_field(name, DataType.INT64)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dimension)
    indexes: dict[str, Mapping[str, Any]] = {"embedding": _GRAPH}
    for name in SPARSE if words else ():
        schema.add_field(name, DataType.SPARSE_FLOAT_VECTOR)
        indexes[name] = _WORDS
    return schema, indexes, {}


def _records(engine: Engine) -> _Parts:
    from pymilvus import DataType

    schema = engine.new_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("version", DataType.INT64)
    schema.add_field("text", DataType.VARCHAR, max_length=LONGEST_TEXT)
    return _without_vectors(schema)


def _without_vectors(schema: "CollectionSchema") -> _Parts:
    """Return a collection that is never searched; Milvus wants a vector in each all the same.

    It is mapped from files where the server can do that: it is most of the index, and little of
    it is read.
    """
    from pymilvus import DataType

    schema.add_field("nothing", DataType.FLOAT_VECTOR, dim=2)
    return schema, {"nothing": _NO_INDEX}, {"mmap.enabled": "true"}
