"""Engines for tests, and a way to begin with nothing in them that takes no seconds."""

import importlib.util
from contextlib import closing
from pathlib import Path

from embeddings.stores.opening import MilvusAddress
from services import missing


def lite_address(folder: Path, prefix: str) -> MilvusAddress:
    """Return where an index can be built in a file, which stays open until the process ends."""
    if importlib.util.find_spec("milvus_lite") is None:
        missing("The package milvus-lite")
    return MilvusAddress(str(folder / "milvus.db"), prefix=prefix)


def empty(address: MilvusAddress) -> MilvusAddress:
    """Leave no index at an address; its collections stay, as it takes seconds to create them."""
    from pymilvus import MilvusClient

    with closing(MilvusClient(address.url, dedicated=True)) as client:
        for name in client.list_collections():
            if name.startswith(f"{address.prefix}_"):
                if address.prefix in client.list_aliases(name)["aliases"]:
                    client.drop_alias(address.prefix)
                client.delete(name, filter=f"version >= {-(2**62)}")
    return address
