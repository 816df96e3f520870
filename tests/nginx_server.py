"""A real nginx on this machine, in front of several ports."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from services import missing

# What a replica doesn't answer is passed to another one, also a POST: updates may come twice.
_CONFIGURATION = """\
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream replicas {
%(servers)s
    }
    server {
        listen 127.0.0.1:%(port)d;
        location / {
            proxy_pass http://replicas;
            proxy_connect_timeout 2s;
            proxy_read_timeout 20s;
            proxy_next_upstream error timeout http_503 non_idempotent;
        }
    }
}
"""


@asynccontextmanager
async def nginx(folder: Path, port: int, addresses: Sequence[str]) -> AsyncIterator[None]:
    """Pass what comes to a port on to one of some addresses, as long as the context lasts."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        missing("nginx")
    servers = "\n".join(
        f"        server {address} max_fails=1 fail_timeout=1s;" for address in addresses
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION % {"servers": servers, "port": port}, "utf-8")
    process = await asyncio.create_subprocess_exec(
        program, "-p", str(folder), "-e", "nginx.log", "-c", str(configuration)
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()
    assert "[emerg]" not in (folder / "nginx.log").read_text("utf-8")
