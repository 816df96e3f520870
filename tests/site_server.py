"""A web site on this machine, for tests of what fetches and reads pages.

It runs in threads of its own, so that synchronous and asynchronous tests can use it:

    with Site() as site:
        site.page("/news", "<p>Hello</p>")
        fetcher.fetch(site.url("/news"))

It is well-behaved unless a route is told not to be.
"""

import gzip
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

HTML = "text/html; charset=utf-8"
# How long a slow route rests between two bytes; tests set time limits of some hundred of these.
_PAUSE_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Request:
    """A request that the site has got."""

    path: str
    """With the query."""
    headers: Mapping[str, str]
    """By names in small letters."""


class _Visit(BaseHTTPRequestHandler):
    """One connection of a visitor, in a thread of its own."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        site = self.server.site
        headers = {name.lower(): value for name, value in self.headers.items()}
        site.requests.append(Request(self.path, headers))
        route = site.routes.get(self.path)
        if route is None:
            self.answer(HTTPStatus.NOT_FOUND, {"Content-Type": HTML}, b"<p>There is no such page.")
        else:
            route(self)

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.begin(status, {**headers, "Content-Length": str(len(body))})
        self.wfile.write(body)

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def rest(self) -> bool:
        """Wait a moment; tells whether the site is still open."""
        return not self.server.site.closed.wait(_PAUSE_SECONDS)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing on the terminal."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    site: "Site"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a visitor goes away in the middle of a page, which many tests want."""


Route = Callable[[_Visit], None]


class Site:
    """The site; give it pages, then look at `requests`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.routes: dict[str, Route] = {}
        """By path with query; set one here for what the methods below can't do."""
        self.closed = threading.Event()
        self._scheme = "https" if tls else "http"
        self._server = _Server(("127.0.0.1", 0), _Visit)
        self._server.site = self
        self.port: int = self._server.server_address[1]
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """Host and port, as a fetcher's `private_hosts` wants them."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Return the link to a page, under another name for the site if given."""
        return f"{self._scheme}://{host}:{self.port}{path}"

    def page(  # noqa: PLR0913 - each is a thing that sites do
        self,
        path: str,
        body: str | bytes = "",
        *,
        content_type: str | None = HTML,
        status: int = HTTPStatus.OK,
        etag: str | None = None,
        last_modified: str | None = None,
        packed: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Serve a page, and return its link.

        With `etag` or `last_modified`, a visitor who knows it gets 304 and no body; `packed` pages
        are sent in gzip.
        """
        content = body.encode() if isinstance(body, str) else body
        if packed:
            content = gzip.compress(content)
        sent = {
            "Content-Type": content_type,
            "ETag": etag,
            "Last-Modified": last_modified,
            "Content-Encoding": "gzip" if packed else None,
            **(headers or {}),
        }
        given = {name: value for name, value in sent.items() if value is not None}

        def route(visit: _Visit) -> None:
            known = visit.headers.get("If-None-Match"), visit.headers.get("If-Modified-Since")
            if any(known) and known in {
                (etag, None),
                (None, last_modified),
                (etag, last_modified),
            }:
                visit.begin(HTTPStatus.NOT_MODIFIED, given)
            else:
                visit.answer(status, given, content)

        self.routes[path] = route
        return self.url(path)

    def redirect(self, path: str, to: str, status: int = HTTPStatus.FOUND) -> str:
        """Send visitors of a path to another link."""
        return self.page(path, status=status, headers={"Location": to})

    def endless(self, path: str, headers: Mapping[str, str] | None = None) -> str:
        """Serve a body that never ends, as fast as it is taken."""

        def route(visit: _Visit) -> None:
            visit.begin(HTTPStatus.OK, {"Content-Type": HTML, **(headers or {})})
            while not self.closed.is_set():
                visit.wfile.write(b"<p>And so on." * 1000)

        self.routes[path] = route
        return self.url(path)

    def slow(self, path: str) -> str:
        """Serve a body that drips byte by byte."""

        def route(visit: _Visit) -> None:
            visit.begin(HTTPStatus.OK, {"Content-Type": HTML, "Content-Length": "1000000"})
            while visit.rest():
                visit.wfile.write(b" ")

        self.routes[path] = route
        return self.url(path)

    def slow_headers(self, path: str) -> str:
        """Send headers that drip byte by byte and never end."""

        def route(visit: _Visit) -> None:
            visit.wfile.write(b"HTTP/1.1 200 OK\r\nX-Patience: ")
            while visit.rest():
                visit.wfile.write(b"z")

        self.routes[path] = route
        return self.url(path)

    def silent(self, path: str) -> str:
        """Take the request and never answer."""

        def route(visit: _Visit) -> None:
            while visit.rest():
                pass

        self.routes[path] = route
        return self.url(path)

    def dropped(self, path: str) -> str:
        """Hang up in the middle of a page."""

        def route(visit: _Visit) -> None:
            visit.begin(HTTPStatus.OK, {"Content-Type": HTML, "Content-Length": "1000"})
            visit.wfile.write(b"<p>The beginning")
            visit.close_connection = True

        self.routes[path] = route
        return self.url(path)
