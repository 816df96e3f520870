"""How much PostgreSQL writes for the journal, asked by several processes at once."""

import multiprocessing
import tempfile
import time
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psutil
from pydantic import SecretStr

from benchmarks.scale_figures import DatabaseCost

REPLICAS = 4
_WRITES = 1_000
"""Of each replica."""

_PATIENCE = 300.0
"""Seconds that the processes wait for each other."""


def measure_database() -> DatabaseCost | None:
    """Start a server, write to it, and stop it; None where there is no PostgreSQL."""
    try:
        import pgserver  # noqa: F401 - where the server comes from
    except ImportError:
        return None
    # In tests/, like the other servers.
    from postgres_server import running_server

    # As it is set up when it is new: what is written outlives a power cut.
    # They share the folder of the key, as replicas do.
    with (
        running_server({}) as server,
        server.database() as name,
        tempfile.TemporaryDirectory() as folder,
    ):
        [[version]] = server.execute("SHOW server_version")
        url = server.url(name)
        context = multiprocessing.get_context("spawn")
        begin = context.Barrier(REPLICAS + 1, timeout=_PATIENCE)
        end = context.Barrier(REPLICAS + 1, timeout=_PATIENCE)
        replicas = [
            context.Process(
                target=_replica, args=(url.get_secret_value(), Path(folder), begin, end)
            )
            for _ in range(REPLICAS)
        ]
        for replica in replicas:
            replica.start()
        begin.wait()
        used, begun = _cores_of_servers(), time.perf_counter()
        end.wait()
        seconds, used = time.perf_counter() - begun, _cores_of_servers() - used
        end.wait()
        for replica in replicas:
            replica.join()
    writes = REPLICAS * _WRITES
    return DatabaseCost(REPLICAS, writes / seconds, used / writes, str(version))


def _replica(url: str, folder: Path, begin: Barrier, end: Barrier) -> None:
    """Write questions to the journal, one transaction after the other."""
    from bot.storage.database import Database
    from bot.storage.schema import QUESTIONS

    with closing(Database.open(folder, url=SecretStr(url))) as database:
        row = {
            "person": database.person(1),
            "asked_at": database.time(),
            "text": "How many trees were planted by the river last spring?",
            "language": "en",
            "outcome": "answer",
            "article": "article-000001",
            "confidence": 0.9,
            "chat_kind": "private",
        }
        insert = QUESTIONS.insert().values(row)
        database.write_now(lambda connection: connection.execute(insert).rowcount)
        begin.wait()
        for _ in range(_WRITES):
            database.write_now(lambda connection: connection.execute(insert).rowcount)
        end.wait()
        # What the server used for us can be told as long as we are connected.
        end.wait()


def _cores_of_servers() -> float:
    """Return the seconds of a core that PostgreSQL's processes have used."""
    return sum(
        sum(each.cpu_times()[:2])
        for each in psutil.Process().children(recursive=True)
        if each.name().startswith("postgres")
    )
