"""How the bot listens for HTTP: its own loop answers, so that an answer proves that it lives."""

import contextlib
import socket
from collections.abc import AsyncIterator

from tornado.httpserver import HTTPServer
from tornado.web import Application


def listen_at(host: str, port: int) -> socket.socket:
    """Take an address of this machine.

    Args:
        host: IPv4, IPv6 or a name.
        port: 0 for any that is free.

    Raises:
        OSError: The port is taken, or the address isn't this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    listener.settimeout(0)
    return listener


@contextlib.asynccontextmanager
async def answering_at(
    listener: socket.socket, application: Application, **limits: int
) -> AsyncIterator[None]:
    """Answer requests as long as the context lasts.

    Args:
        listener: From `listen_at`; it is closed at the end.
        application: Answers.
        limits: The server's own, such as max_body_size.
    """
    server = HTTPServer(application, **limits)
    server.add_socket(listener)
    try:
        yield
    finally:
        server.stop()
        await server.close_all_connections()
