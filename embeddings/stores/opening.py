"""Opens the store that an address names: an SQLite file or an engine."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from embeddings.embedder import Embedder
from embeddings.stores import sqlite
from embeddings.stores.contract import Staging, Store, Writing
from embeddings.stores.sqlite import SqliteStore
from embeddings.stores.sqlite_writing import SqliteStaging, SqliteWriting
from knowledge.corpus import ArticleVersion


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """Where Milvus is.

    Attributes:
        url: ``http(s)://host:port``, with ``/database`` or without; or the path of a Milvus Lite
            file.
        token: ``user:password`` or an API key; empty for none.
        certificate: The authority's certificate that the server's is checked with; None for those
            that the system trusts.
        prefix: What the names of its collections begin with.
    """

    url: str
    token: str = field(default="", repr=False)
    certificate: Path | None = None
    prefix: str = "green_initiatives"


StoreAddress: TypeAlias = Path | MilvusAddress
"""The path of an SQLite file, or where Milvus is."""


def open_store(address: StoreAddress, embedder: Embedder) -> Store:
    """Open an index for reading.

    Raises:
        IndexMissing: There is none.
        IndexUnusable: It is of another embedding model, splitter or format, or can't be read.
    """
    if isinstance(address, Path):
        return SqliteStore.open(address, embedder)
    from embeddings.stores.milvus import MilvusStore

    return MilvusStore.open(address, embedder)


def writing_to_store(address: StoreAddress, embedder: Embedder) -> AbstractContextManager[Writing]:
    """Lock an index for a reindex until the context ends; `Writing.switch` changes it.

    An index of another model, splitter or format counts as empty.

    Raises:
        IndexBusy: Another process is writing to it.
        IndexUnusable: It cannot be written.
    """
    if isinstance(address, Path):
        return SqliteWriting.open(address, embedder)
    from embeddings.stores.milvus_writing import writing_to_milvus

    return writing_to_milvus(address, embedder)


def join_staging(address: StoreAddress, embedder: Embedder) -> AbstractContextManager[Staging]:
    """Stage articles for a reindex that another process does.

    Raises:
        IndexMissing: There is none under way.
        IndexUnusable: It is of another embedding model, splitter or format.
    """
    if isinstance(address, Path):
        return SqliteStaging.join(address, embedder)
    from embeddings.stores.milvus_writing import staging_in_milvus

    return staging_in_milvus(address, embedder)


def known_versions(address: StoreAddress) -> Iterator[ArticleVersion]:
    """Read what tells the articles of an index from others, whatever model it is of, by slugs.

    There is nothing if there is no index, or none that this program knows.
    """
    if isinstance(address, Path):
        return sqlite.known_versions(address)
    from embeddings.stores.milvus import known_versions_in_milvus

    return known_versions_in_milvus(address)
