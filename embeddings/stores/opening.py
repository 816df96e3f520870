"""Opens the store that an address names: an SQLite file or an engine."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from embeddings.embedder import Embedder
from embeddings.stores.contract import Store
from embeddings.stores.sqlite import SqliteStore


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
    raise NotImplementedError


def writing_to_store(
    address: StoreAddress, embedder: Embedder
) -> AbstractContextManager[SqliteStore]:
    """Open an index for a reindex, see `SqliteStore.writing`."""
    if isinstance(address, Path):
        return SqliteStore.writing(address, embedder)
    raise NotImplementedError
