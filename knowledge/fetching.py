"""Fetches what a link leads to, without trusting the link or the site.

Links come from admins, from feeds and from redirects, so any of them may be a trap:

- Only http and https. A name may only lead to public addresses, else a link could make the bot
  read its own network, or the keys that cloud machines offer at 169.254.169.254. What is checked
  is the very address that is then connected to: a name that is asked twice may answer twice.
- A body is unpacked here piece by piece, and cut at a limit. httpx would unpack each piece whole,
  a thousand times its size, and more when a site says that it was packed twice.
- One time limit holds for all of it, so that a site can't keep us by sending a byte now and then.

Any port is taken, and https may redirect to http: a page is public, so nothing is given away.
"""

import ipaddress
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self

import httpcore
import httpx

from knowledge.errors import FetchError, Problem

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ACCEPTED = "text/html, application/xhtml+xml, application/xml;q=0.9, application/pdf, */*;q=0.8"
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
# httpcore reads 64 KiB at a time, and it can't be asked for less.
_UNPACKED_AT_ONCE = 256 * 1024

Resolve = Callable[[str, int], Iterable[str]]
"""All addresses of a host, given its name and the port; raises OSError when there are none."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much of a site's time and data one fetch may take."""

    max_bytes: int = 20_000_000
    """Of the body, unpacked."""
    connect_seconds: float = 10
    read_seconds: float = 15
    """How long a site may be silent."""
    total_seconds: float = 60
    """For everything but asking for the addresses of names, which the system limits."""
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a link leads to."""

    url: str
    """After redirects, without a fragment."""
    content_type: str
    """In small letters without parameters, such as text/html; "" when the site names none."""
    charset: str | None
    """As the site names it, in small letters; it need not exist, nor be right."""
    body: bytes
    """Unpacked; b"" when `not_modified`."""
    etag: str | None
    last_modified: str | None
    """Both as sent, to be given back at the next fetch."""
    not_modified: bool
    """It is still what the given etag or date belong to."""


class Fetcher:
    """Fetches links, one at a time; keeps connections open until it is closed."""

    def __init__(
        self,
        user_agent: str,
        *,
        private_hosts: frozenset[str] = frozenset(),
        limits: FetchLimits = FetchLimits(),
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare to fetch.

        Args:
            user_agent: who we say we are; a polite one names a way to reach its owner.
            private_hosts: "host" or "host:port" that may have private addresses.
            limits: what one fetch may take.
            resolve: asks for a host's addresses, the system's resolver by default.
            tls: whose certificates to trust, those that certifi lists by default.
        """
        self._limits = limits
        self._network = _PublicNetwork(private_hosts, resolve or _system_addresses)
        self._client = httpx.Client(
            transport=_Transport(self._network, tls or httpx.create_ssl_context(trust_env=False)),
            headers={
                "User-Agent": user_agent,
                "Accept": _ACCEPTED,
                "Accept-Encoding": "gzip, deflate",
            },
            timeout=httpx.Timeout(limits.read_seconds, connect=limits.connect_seconds),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are open."""
        self._client.close()

    def fetch(
        self, url: str, *, etag: str | None = None, last_modified: str | None = None
    ) -> Fetched:
        """Fetch what a link leads to, following redirects.

        Args:
            url: http or https.
            etag: of what is known already; if the site still has the same, it sends no body.
            last_modified: likewise, its date as the site sent it.

        Raises:
            FetchError: it could not be fetched; the message names the given link, or the host
                that could not be connected to.
        """
        conditions = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        self._network.deadline = time.monotonic() + self._limits.total_seconds
        # A site may want its cookie back within one fetch, never in the next.
        self._client.cookies.clear()
        try:
            request = self._client.build_request(
                "GET", url, headers={name: value for name, value in conditions.items() if value}
            )
            return self._follow(url, request)
        except (httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: broken letters
            raise FetchError(Problem.NOT_A_LINK, url, str(error)) from error
        except httpx.TimeoutException as error:
            raise FetchError(Problem.TIMEOUT, url) from error
        except httpx.TransportError as error:
            raise FetchError(Problem.NO_CONNECTION, url, str(error)) from error

    def _follow(self, url: str, request: httpx.Request) -> Fetched:
        for _ in range(self._limits.max_redirects + 1):
            _check_link(url, request.url)
            response = self._client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return self._read(url, response)
            finally:
                response.close()
            request = response.next_request
        raise FetchError(Problem.TOO_MANY_REDIRECTS, url)

    def _read(self, url: str, response: httpx.Response) -> Fetched:
        headers = response.headers
        asked = {"If-None-Match", "If-Modified-Since"} & {
            *map(str.title, response.request.headers)
        }
        not_modified = response.status_code == HTTPStatus.NOT_MODIFIED and bool(asked)
        if not (response.is_success or not_modified):
            raise _refusal(url, response)
        return Fetched(
            url=str(response.url.copy_with(fragment=None)),
            content_type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
            charset=response.charset_encoding,
            body=b"" if not_modified else self._body(url, response),
            etag=_ascii(headers.get("ETag")),
            last_modified=_ascii(headers.get("Last-Modified")),
            not_modified=not_modified,
        )

    def _body(self, url: str, response: httpx.Response) -> bytes:
        length = response.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._limits.max_bytes:
            raise FetchError(Problem.TOO_LARGE, url, f"{length} bytes")
        packing = response.headers.get("Content-Encoding", "identity").strip().lower()
        pieces: Iterable[bytes] = response.iter_raw()
        if packing in ("gzip", "x-gzip", "deflate"):
            pieces = unpacked(pieces)
        elif packing != "identity":
            raise FetchError(Problem.NOT_READABLE, url, f"Content-Encoding: {packing}")
        body = bytearray()
        try:
            for piece in pieces:
                body += piece
                if len(body) > self._limits.max_bytes:
                    detail = f"more than {self._limits.max_bytes} bytes"
                    raise FetchError(Problem.TOO_LARGE, url, detail)
        except zlib.error as error:
            raise FetchError(Problem.DAMAGED, url, str(error)) from error
        return bytes(body)


def unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack gzip or zlib data in small pieces, so that the caller can stop at a limit.

    What follows the end of the packed data is left out.

    Raises:
        zlib.error: it is no such data, or it ends too early.
    """
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    for piece in pieces:
        packed = piece
        while packed and not unpacker.eof:
            yield unpacker.decompress(packed, _UNPACKED_AT_ONCE)
            packed = unpacker.unconsumed_tail
    while not unpacker.eof:
        rest = unpacker.decompress(unpacker.unconsumed_tail, _UNPACKED_AT_ONCE)
        if not rest:
            raise zlib.error("the packed data ends too early")
        yield rest


def _ascii(header: str | None) -> str | None:
    """Return a header that can be sent back; others break the rules and can't be."""
    return header if header and header.isascii() else None


def _check_link(asked: str, link: httpx.URL) -> None:
    """Refuse all but plain web links, before each request."""
    if link.scheme not in ("http", "https") or not link.host or "%" in link.host:
        detail = "" if asked == str(link) else f"it leads to {link}"
        raise FetchError(Problem.NOT_A_LINK, asked, detail)
    if link.userinfo:
        raise FetchError(Problem.NOT_A_LINK, asked, "it holds a name or a password before an @")


def _refusal(url: str, response: httpx.Response) -> FetchError:
    match response.status_code:
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            problem = Problem.NOT_FOUND
        case HTTPStatus.TOO_MANY_REQUESTS:
            problem = Problem.RATE_LIMITED
        case status if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            problem = Problem.REFUSED
        case _:
            problem = Problem.SERVER_ERROR
    detail = f"{response.status_code} {response.reason_phrase}".strip()
    return FetchError(problem, url, detail, _seconds(response.headers.get("Retry-After")))


def _seconds(retry_after: str | None) -> int | None:
    """Read a Retry-After header, which holds seconds or a date; None when it holds neither."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdecimal():
        return int(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if moment.tzinfo is None:  # It says -0000, which means UTC here.
        moment = moment.replace(tzinfo=UTC)
    return max(0, round((moment - datetime.now(UTC)).total_seconds()))


def _system_addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved)
    inner = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return _is_public(inner)
    # is_global alone is also true of site-local, multicast and addresses that nobody has.
    return address in _GLOBAL_UNICAST and address.is_global


class _PublicNetwork(httpcore.NetworkBackend):
    """Connects to public addresses only, and lets nothing take longer than until `deadline`."""

    def __init__(self, private_hosts: frozenset[str], resolve: Resolve) -> None:
        self.deadline = float("inf")
        """When all must be over, by time.monotonic()."""
        self._private_hosts = private_hosts
        self._resolve = resolve
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        for address in self._allowed_addresses(host, port):
            try:
                stream = self._network.connect_tcp(
                    address, port, self.time_left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def time_left(self, timeout: float | None) -> float:
        """Return how many seconds the next step may take.

        Raises:
            httpcore.TimeoutException: none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole took too long")
        return left if timeout is None else min(timeout, left)

    def _allowed_addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(self._resolve(host, port))
        except (OSError, UnicodeError) as error:  # UnicodeError: a label of over 63 letters
            raise FetchError(Problem.UNKNOWN_HOST, host) from error
        if host in self._private_hosts or f"{host}:{port}" in self._private_hosts:
            return addresses
        public = [address for address in addresses if _is_public(ipaddress.ip_address(address))]
        if not public:
            raise FetchError(Problem.PRIVATE_ADDRESS, host)
        return public


class _TimedStream(httpcore.NetworkStream):
    """A connection each step of which must be over by the network's deadline."""

    def __init__(self, stream: httpcore.NetworkStream, network: _PublicNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.time_left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.time_left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            stream = self._stream.start_tls(
                ssl_context, server_hostname, self._network.time_left(timeout)
            )
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise FetchError(Problem.INSECURE, server_hostname or "", str(error)) from error
            raise
        return _TimedStream(stream, self._network)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over our network; httpx has no setting for it."""

    def __init__(self, network: _PublicNetwork, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls, network_backend=network, max_keepalive_connections=5
        )
