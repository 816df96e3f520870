"""A real Milvus server on this machine: the standalone one that the package `milvus` brings.

The server belongs to a child process that ends when this process does, however that comes about.
Two servers can run at once. One is up in some 3 seconds; to unpack it takes another 8, so that is
done once for all that name the same folder of programs.

How Milvus gets its settings: `MilvusServer` writes milvus.yaml from the template in its package,
with free ports and with folders under its own; `server.config.set(name, value)` changes only what
that template names. The server reads its environment, too, and that wins: there, "log.level" is
LOG_LEVEL. `settings` go that way, those included that the template lacks, such as
"queryNode.mmapDirPath": a folder; what is loaded is then mapped from files in it.

Milvus 2.3 listens on all addresses of a machine; nothing can be set about that.
"""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

from filelock import FileLock

# The etcd within Milvus would always take ports 2379 and 2380; nobody needs to reach it.
_ETCD = "listen-peer-urls: unix://peer:1\nlisten-client-urls: unix://client:1\n"
_SECONDS_TO_START = 120


@contextmanager
def milvus_server(
    folder: Path, programs: Path, settings: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a server and give its URL, once it answers.

    Args:
        folder: Its data and its logs; what it kept there before is there again.
        programs: Where Milvus is unpacked, for this server and others.
        settings: By their names in milvus.yaml, joined by dots.
    """
    environment = {
        name.replace(".", "_").upper(): value for name, value in (settings or {}).items()
    }
    with subprocess.Popen(
        [sys.executable, __file__, folder.absolute(), programs.absolute()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        # Ctrl+C is meant for this process, which ends the server when it is done.
        start_new_session=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            url = child.stdout.readline().strip()
            assert url, f"Milvus did not start; what it said is in {folder / 'logs'}"
            yield url
        finally:
            child.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=20)
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


def _serve(folder: Path, programs: Path) -> None:
    """Run the server until stdin ends; say its URL when it is up."""
    # Here, so that whoever needs no server needs no Milvus.
    import milvus

    folder.mkdir(parents=True, exist_ok=True)
    programs.mkdir(parents=True, exist_ok=True)
    (folder / "etcd.yaml").write_text(_ETCD, encoding="utf-8")
    os.environ["ETCD_CONFIG_PATH"] = str(folder / "etcd.yaml")
    server = milvus.MilvusServer(wait_for_started=False, data_dir=str(folder))
    # It would be among those that systems give to outgoing connections.
    server.config.set("root_coord_port", 19540)
    try:
        # Free ports are taken only when the server listens; until then, others are not to look.
        with FileLock(programs / "start.lock"):
            milvus._initialize_data_files(str(programs))
            if not (folder / "bin").is_symlink():
                (folder / "bin").symlink_to(programs / "bin")
            server.start()
            _wait_until_healthy(server.server_proc, server.webservice_port)
        sys.stdout.write(f"http://127.0.0.1:{server.listen_port}\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        if server.running:
            server.server_proc.kill()
        server.stop()


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int) -> None:
    end = monotonic() + _SECONDS_TO_START
    while monotonic() < end and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/healthz")
            if connection.getresponse().read() == b"OK":
                return
        except OSError:
            pass
        sleep(0.05)
    sys.exit("Milvus does not become healthy")


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), Path(sys.argv[2]))
