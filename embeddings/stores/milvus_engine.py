"""Calls to Milvus: each with a time-out, each error in words for the one who runs the bot.

pymilvus speaks to Milvus Lite (a file), to a standalone server and to a cluster alike; a channel
that broke is opened again at the next call.
"""

import logging
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from embeddings.errors import IndexMissing, IndexUnavailable, IndexUnusable, StoreRefused
from embeddings.stores.opening import MilvusAddress

if TYPE_CHECKING:
    from pymilvus import CollectionSchema, MilvusClient

Row: TypeAlias = dict[str, Any]

_SECONDS = 10.0
"""For a call that reads; who is away may come back as long."""

_SECONDS_TO_WRITE = 60.0
"""For a call of those who write: a server makes them wait if they are too fast for it."""

_SECONDS_TO_CONNECT = 5.0

_SECONDS_TO_CREATE = 120.0
"""For a collection to be created and loaded; 3 s each on a server that has nothing else to do."""

_BYTES_AT_ONCE = 4 * 1024 * 1024
"""Rows are written in pieces of about this size: what a server takes in one message is limited."""

_ROW_OVERHEAD = 200

_LOOKED_AT = 16
"""Rows of a graph that are looked at for each that is found. The more, the more surely the nearest
are found: of 100,000 made-up passages 2 find 0.75 of the ten nearest, 4 find 0.88, 10 find 0.975
and 16 find 0.994, in hardly more time."""

_PAGE = 5000
"""Rows that are read at a time where all of them have to be looked at."""

_REFUSED = re.compile(r"unauthenticated|auth check failed|permission denied", re.IGNORECASE)

_NOT_READY = re.compile(
    r"not (fully )?loaded|not available|no available|not ready|offline|recovering", re.IGNORECASE
)
"""What a server says that has just been started, or has lost a part of itself."""

_LITE = ("milvus_lite", "grpc._server")
"""What logs in this process if the engine is in it, too."""

_ABSENT = (100, 1600)
"""Milvus's codes for a collection and for an alias that there is none of."""


class Engine:
    """A connection to Milvus.

    Attributes:
        since: What was written up to this time is seen by whatever is read: Milvus's own time, or
            None for all that was written before the call, which on a server waits 0.2 s.
        is_lite: Whether it is Milvus Lite, in this process.
        has_words: Whether it searches sparse vectors.
    """

    def __init__(self, address: MilvusAddress, *, is_patient: bool = False) -> None:
        """Connect.

        Args:
            address: Where.
            is_patient: Whether there is nobody who waits for an answer, as while indexing.

        Raises:
            IndexUnavailable: It can't be reached.
            StoreRefused: It lets nobody in, or a file or pymilvus isn't there.
        """
        self.name = _name(address)
        self.since: int | None = None
        self._address = address
        self._is_patient = is_patient
        self._errors = _import_errors()
        self._lock = threading.Lock()
        self._connection: MilvusClient | None = None
        with self._in_our_words():
            version = str(self._client.get_server_version(timeout=_SECONDS_TO_CONNECT))
        self.is_lite = "lite" in version and not version.startswith("v")
        self.has_words = self.is_lite or _number(version) >= (2, 4)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection:
            connection.close()

    @property
    def _seconds(self) -> float:
        return _SECONDS_TO_WRITE if self._is_patient else _SECONDS

    @property
    def _client(self) -> "MilvusClient":
        """What speaks to the engine; a new one if the last one has found nobody."""
        with self._lock:
            if self._connection is None:
                self._connection = _connect(self._address)
            return self._connection

    def query(
        self, collection: str, condition: str, fields: Sequence[str], limit: int | None = None
    ) -> list[Row]:
        """Return the rows for which a condition holds, in no order; each with its key."""
        options = {} if limit is None else {"limit": limit}
        with self._in_our_words():
            found = self._client.query(
                collection,
                filter=condition,
                output_fields=list(fields),
                timeout=self._seconds,
                **options,
                **self._consistency(),
            )
        return [dict(row) for row in found]

    def count(self, collection: str, condition: str) -> int:
        """Count the rows for which a condition holds."""
        [row] = self.query(collection, condition, ["count(*)"])
        return int(row["count(*)"])

    def pages(
        self, collection: str, key: str, condition: str, fields: Sequence[str], size: int = _PAGE
    ) -> Iterator[list[Row]]:
        """Yield the rows for which a condition holds, page by page, by their keys in order.

        Args:
            collection: Where.
            key: The name of its key, a number of at least 0.
            condition: Which.
            fields: Of each row; the key is always there.
            size: Rows on a page.
        """
        if self.is_lite:
            # It gives any rows where a server gives those with the lowest keys.
            rows = sorted(self.query(collection, condition, fields), key=lambda row: row[key])
            yield from (rows[at : at + size] for at in range(0, len(rows), size))
            return
        last = -1
        while rows := self.query(collection, f"{condition} and {key} > {last}", fields, size):
            rows.sort(key=lambda row: row[key])
            yield rows
            last = rows[-1][key]

    def search(  # noqa: PLR0913, PLR0917 - what an engine has to be told
        self,
        collection: str,
        field: str,
        sought: Sequence[Any],
        condition: str,
        limit: int,
        output: Sequence[str],
        partition: str = "",
    ) -> list[list[Row]]:
        """Return for each vector the rows with the highest inner products, the highest first."""
        looked_at = {} if field in SPARSE else {"ef": _LOOKED_AT * limit}
        params = {"metric_type": "IP", "params": looked_at}
        with self._in_our_words():
            found = self._client.search(
                collection,
                data=list(sought),
                anns_field=field,
                filter=condition,
                limit=limit,
                output_fields=list(output),
                search_params=params,
                partition_names=[partition] if partition else None,
                timeout=self._seconds,
                **self._consistency(),
            )
        return [[dict(hit["entity"], **_key_of(hit)) for hit in hits] for hits in found]

    def add_partition(self, collection: str, partition: str) -> None:
        """Add a part of a collection that is searched by itself, unless it is there."""
        with self._in_our_words():
            if not self._client.has_partition(collection, partition, timeout=self._seconds):
                self._client.create_partition(collection, partition, timeout=_SECONDS_TO_CREATE)

    def insert(self, collection: str, rows: Iterable[Row], partition: str = "") -> None:
        """Write rows whose keys are new: `upsert` deletes first, and so has graphs made twice."""
        for some in _in_pieces(rows):
            with self._in_our_words():
                self._client.insert(
                    collection, some, timeout=_SECONDS_TO_WRITE, partition_name=partition
                )

    def upsert(self, collection: str, rows: Iterable[Row], partition: str = "") -> None:
        """Write rows, each in place of the one with its key in the same partition."""
        for some in _in_pieces(rows):
            with self._in_our_words():
                self._client.upsert(
                    collection, some, timeout=_SECONDS_TO_WRITE, partition_name=partition
                )

    def delete(self, collection: str, condition: str) -> None:
        """Delete the rows for which a condition holds."""
        with self._in_our_words():
            self._client.delete(collection, filter=condition, timeout=_SECONDS_TO_WRITE)

    def written_at(self, collection: str) -> int:
        """Return the engine's time of what this process has written last to a collection."""
        from pymilvus.client.ts_utils import get_collection_ts

        handler = self._client._handler  # noqa: SLF001 - nothing public tells it
        return int(get_collection_ts(collection, handler.server_address, ""))

    def collections(self) -> list[str]:
        """Return the names of all collections."""
        with self._in_our_words():
            return [str(name) for name in self._client.list_collections(timeout=self._seconds)]

    def new_schema(self) -> "CollectionSchema":
        """Return a schema to which fields are added."""
        return self._client.create_schema(auto_id=False, enable_dynamic_field=False)

    def create(
        self,
        collection: str,
        schema: "CollectionSchema",
        indexes: Mapping[str, Mapping[str, Any]],
        properties: Mapping[str, str],
    ) -> None:
        """Create a collection and load it; nothing happens if it is there.

        Args:
            collection: Its name.
            schema: Its fields.
            indexes: By the names of the vector fields.
            properties: Of the collection.
        """
        params = self._client.prepare_index_params()
        for name, index in indexes.items():
            params.add_index(name, metric_type="IP", **index)
        with self._in_our_words():
            self._client.create_collection(
                collection,
                schema=schema,
                index_params=params,
                properties=dict(properties),
                timeout=_SECONDS_TO_CREATE,
            )

    def drop(self, collection: str) -> None:
        """Drop a collection."""
        with self._in_our_words():
            self._client.drop_collection(collection, timeout=_SECONDS_TO_CREATE)

    def target(self, alias: str) -> str | None:
        """Return the collection that an alias names; None if there is no such alias."""
        try:
            with self._in_our_words():
                return str(
                    self._client.describe_alias(alias, timeout=self._seconds)["collection_name"]
                )
        except IndexMissing:
            return None

    def point(self, alias: str, collection: str) -> None:
        """Make an alias name a collection, in one step."""
        target = self.target(alias)
        if target == collection:
            return
        with self._in_our_words():
            if target is None:
                self._client.create_alias(collection, alias, timeout=self._seconds)
            else:
                self._client.alter_alias(collection, alias, timeout=self._seconds)

    def _consistency(self) -> Mapping[str, Any]:
        if self.since is None:
            return {"consistency_level": "Strong"}
        return {"consistency_level": "Customized", "guarantee_timestamp": max(1, self.since)}

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            told = self._told(error)
            if isinstance(told, IndexUnavailable):
                # Its channel may be closed for good.
                self.close()
            raise told from error

    def _told(self, error: Exception) -> IndexUnusable:
        said = f"{getattr(error, 'message', '')} {error}"
        if isinstance(error, OSError):
            return StoreRefused(
                f"The store at {self.name} can't be opened ({error.strerror}: {error.filename}): "
                "check STORE_CA, or the folder that STORE_URL names"
            )
        if getattr(error, "code", None) in _ABSENT:
            return IndexMissing(
                f"There is no index in the store at {self.name} yet. Build it: python -m bot "
                "reindex"
            )
        if _REFUSED.search(said) or _code_name(error.__cause__) == "UNAUTHENTICATED":
            return StoreRefused(f"The store at {self.name} lets nobody in: check STORE_TOKEN")
        if _is_unreachable(error):
            return IndexUnavailable(
                f"The store at {self.name} can't be reached: check STORE_URL, and STORE_CA if it "
                "begins with https, and whether Milvus runs there"
            )
        if _NOT_READY.search(said):
            return IndexUnavailable(
                f"The store at {self.name} isn't ready ({_short(error)}): if it was not just "
                "started, look into what Milvus logs"
            )
        return IndexUnusable(f"The store at {self.name} can't do what it should ({_short(error)})")


SPARSE = ("words", "names")
"""The sparse vector fields."""


def quoted(text: str) -> str:
    """Write a text into a condition."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def is_any(field: str, values: Iterable[int | str]) -> str:
    """Return the condition that a field has one of some values."""
    listed = ", ".join(quoted(each) if isinstance(each, str) else str(each) for each in values)
    return f"{field} in [{listed}]"


def _import_errors() -> tuple[type[Exception], ...]:
    """Import pymilvus, quietly; return what it raises."""
    before = set(os.environ)
    # Each error comes back to us; gRPC would write it to the terminal, too.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        import pymilvus
        from grpc import FutureTimeoutError, RpcError
    except ImportError as error:
        raise StoreRefused(
            "STORE_URL names Milvus, and what speaks to it is not installed: "
            "pip install 'green-initiatives-bot[milvus]'"
        ) from error
    finally:
        # It reads the next best .env file into the environment, which child processes inherit.
        for name in set(os.environ) - before:
            del os.environ[name]
    # It writes each error to the terminal by itself, with a traceback; ours are told by whoever
    # catches them.
    for name in ("pymilvus", "pymilvus.milvus_client", "pymilvus.bulk_writer", *_LITE):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return (pymilvus.MilvusException, RpcError, FutureTimeoutError, OSError)


def _connect(address: MilvusAddress) -> "MilvusClient":
    from pymilvus import MilvusClient
    from pymilvus.client import entity_helper

    # It would look at each letter of a text by itself, for most of the time that writing takes.
    # Whether a text is too long the server looks all the same.
    entity_helper.CHECK_STR_ARRAY = False
    options: dict[str, Any] = {}
    if _is_file(address):
        Path(address.url).absolute().parent.mkdir(parents=True, exist_ok=True)
    if address.certificate:
        options["server_pem_path"] = str(address.certificate)
    # Without `dedicated` all clients of an address and a token share a channel, whatever their
    # certificate is, and the first that is closed closes it for all.
    return MilvusClient(
        address.url, token=address.token, timeout=_SECONDS_TO_CONNECT, dedicated=True, **options
    )


def _is_file(address: MilvusAddress) -> bool:
    return address.url.endswith(".db")


def _name(address: MilvusAddress) -> str:
    """What the store is called in messages: without what may stand before @."""
    if _is_file(address):
        return address.url
    parts = urlsplit(address.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _number(version: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return tuple(int(part) for part in found.groups()) if found else (0, 0)


def _is_unreachable(error: Exception) -> bool:
    return (
        _code_name(error) in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN")
        or type(error).__name__ in ("MilvusUnavailableException", "FutureTimeoutError")
        or "Fail connecting to server" in str(error)
        or "Retry timeout" in str(error)
    )


def _code_name(error: BaseException | None) -> str:
    """What gRPC calls an error; nothing if it isn't gRPC's."""
    code = getattr(error, "code", None)
    return str(getattr(code() if callable(code) else code, "name", ""))


def _short(error: Exception) -> str:
    message = str(getattr(error, "message", "") or type(error).__name__)
    return message.splitlines()[0][:200]


def _key_of(hit: Mapping[str, Any]) -> Row:
    return {name: hit[name] for name in ("id", "distance") if name in hit}


def _in_pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    piece: list[Row] = []
    size = 0
    for row in rows:
        piece.append(row)
        size += _ROW_OVERHEAD + sum(_size(value) for value in row.values())
        if size >= _BYTES_AT_ONCE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _size(value: object) -> int:
    """Bytes of a field in a message, or near to it."""
    if isinstance(value, str):
        return len(value)
    return 4 * len(value) if hasattr(value, "__len__") else 8
