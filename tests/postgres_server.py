"""A real PostgreSQL server, from the programs that the package pgserver brings."""

import asyncio
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from bot.storage.database import Database
from services import missing

PASSWORD = "p@ss w:rd/ü"  # noqa: S105 - of a server that nobody else reaches
"""Of the user that owns everything; has all that a URL must have encoded."""

ENCODED_PASSWORD = "p%40ss%20w%3Ard%2F%C3%BC"  # noqa: S105 - likewise
on_both_databases = pytest.mark.parametrize("journal", ["sqlite", "postgresql"], indirect=True)
"""Has a test, whose journal is the fixture's, run on a file and on a server."""

_TEMPLATE = "journal_template"

# The server runs as long as the shell's standard input is open, so until we end, however we do.
_WATCHED = '"$@" & cat; kill -INT $!; wait $!'

_PLACE = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
_FAST = {
    # What is in it needn't outlive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
    "autovacuum": "off",
    # How long two wait for each other before it is called a deadlock.
    "deadlock_timeout": "20ms",
}


class PostgresServer:
    """A server on this machine; make one with `running_server`."""

    def __init__(
        self, programs: Path, folder: Path, user: str | None, settings: Mapping[str, str]
    ) -> None:
        """Take where the programs are, a folder that is the server's alone, and who runs it."""
        self._programs = programs
        self._settings = _PLACE | dict(settings)
        self._data = folder / "data"
        self._log = folder / "log"
        self._user = user
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def begin(self) -> None:
        """Make the server's files, and a database with our tables, which others are copies of."""
        password = self._data.parent / "password"
        password.write_text(PASSWORD, "utf-8")
        password.chmod(0o644)
        made = subprocess.run(
            [
                str(self._programs / "initdb"),
                *("-D", str(self._data), "-U", "owner", "-E", "UTF8", "--locale=C"),
                *("-A", "scram-sha-256", "--pwfile", str(password), "--no-sync"),
                # Python takes 10 ms for the usual number.
                *("-c", "scram_iterations=1"),
            ],
            check=False,
            capture_output=True,
            user=self._user,
            cwd=self._data.parent,
        )
        assert made.returncode == 0, made.stderr.decode()
        self.start()
        self.execute(f"CREATE DATABASE {_TEMPLATE}")
        with tempfile.TemporaryDirectory() as folder:
            Database.open(Path(folder), url=self.url(_TEMPLATE)).close()
        # Each copy may have a key of its own.
        self.execute("DELETE FROM state", _TEMPLATE)

    def start(self) -> None:
        """Start the server, and wait until it lets us in."""
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        server = [str(self._programs / "postgres"), "-D", str(self._data), f"-p{self._port}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHED, "sh", *server, *settings],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                user=self._user,
                cwd=self._data.parent,
                # Ctrl-C in a terminal is meant for us.
                start_new_session=True,
            )
        for _ in range(600):
            if self._is_ready() or self._process.poll() is not None:
                break
        assert self._is_ready(), self._log.read_text("utf-8", "replace")

    def stop(self) -> None:
        """Stop the server; who is connected is cut off."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()

    def url(self, database: str, password: str = ENCODED_PASSWORD) -> SecretStr:
        """What DATABASE_URL says of a database."""
        return SecretStr(
            f"postgresql+asyncpg://owner:{password}@127.0.0.1:{self._port}/{database}"
        )

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """What another program does and sees; returns rows."""

        async def execute() -> list[Any]:
            url = self.url(database).get_secret_value()
            engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                result = await connection.exec_driver_sql(statement)
                return [tuple(row) for row in result] if result.returns_rows else []

        # There may be an event loop in this thread.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, execute()).result()

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """A new database with our tables, or with nothing at all; gives its name."""
        self._made += 1
        name = f"journal_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {'template1' if empty else _TEMPLATE}")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _is_ready(self) -> bool:
        asked = subprocess.run(
            [str(self._programs / "pg_isready"), "-h127.0.0.1", f"-p{self._port}", "-t1", "-q"],
            check=False,
            user=self._user,
            cwd=self._data.parent,
        )
        return asked.returncode == 0


@contextmanager
def running_server(settings: Mapping[str, str] = _FAST) -> Iterator[PostgresServer]:
    """A server, with nothing but a template in it; nothing of it is left at the end."""
    found = importlib.util.find_spec("pgserver")
    if found is None or found.origin is None:
        missing("The package pgserver")
    programs = Path(found.origin).parent / "pginstall"
    # PostgreSQL refuses to run as root.
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if user:
        shutil.chown(folder, user)
    server = None
    try:
        if not _may_run(programs / "bin" / "postgres", user):
            # They look for their libraries where these are beside them.
            site = programs.parent.parent
            for part in ("pgserver/pginstall", "pgserver.libs"):
                shutil.copytree(site / part, folder / part, symlinks=True)
            programs = folder / "pgserver" / "pginstall"
        server = PostgresServer(programs / "bin", folder, user, settings)
        server.begin()
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder)


def _may_run(program: Path, user: str | None) -> bool:
    try:
        subprocess.run([str(program), "--version"], check=True, capture_output=True, user=user)
    except PermissionError:
        return False
    return True


def _free_port() -> int:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
