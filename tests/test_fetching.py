"""Fetching links: what is fetched, what is refused, and what no site can do to us."""

import gzip
import ssl
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from knowledge.errors import FetchError, Problem
from knowledge.fetching import Fetched, Fetcher, FetchLimits, Resolve, unpacked
from site_server import Site

PUBLIC = "93.184.215.14"
HOUR = 3600


@pytest.fixture
def site() -> Iterator[Site]:
    """A site, which has no pages yet."""
    with Site() as site:
        yield site


@pytest.fixture
def fetcher(site: Site) -> Iterator[Fetcher]:
    """A fetcher that may visit the site."""
    with Fetcher("test-bot/1.0", private_hosts=frozenset({site.host})) as fetcher:
        yield fetcher


@pytest.fixture
def impatient(site: Site) -> Iterator[Fetcher]:
    """A fetcher with little time."""
    limits = FetchLimits(read_seconds=0.2, total_seconds=0.3)
    with Fetcher("test", private_hosts=frozenset({site.host}), limits=limits) as fetcher:
        yield fetcher


@pytest.fixture
def narrow(site: Site) -> Iterator[Fetcher]:
    """A fetcher with no room for more than 100,000 bytes."""
    limits = FetchLimits(max_bytes=100_000)
    with Fetcher("test", private_hosts=frozenset({site.host}), limits=limits) as fetcher:
        yield fetcher


def failure(fetcher: Fetcher, url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(url)
    return caught.value


def problem(fetcher: Fetcher, url: str) -> Problem:
    return failure(fetcher, url).problem


def answering(*answers: Iterable[str]) -> Resolve:
    """Make a resolver that gives these answers in turn, whatever the name."""
    remaining = iter(answers)
    return lambda _host, _port: next(remaining)


def test_a_page_is_fetched(site: Site, fetcher: Fetcher) -> None:
    """What was fetched says where it was in the end, what it is, and how to ask for it again."""
    site.page(
        "/news?id=1",
        "Сәлем",
        content_type="Text/HTML; Charset=UTF-8",
        etag='"5"',
        last_modified="Wed, 05 Mar 2025 10:00:00 GMT",
    )
    assert fetcher.fetch(site.url("/news?id=1#top")) == Fetched(
        url=site.url("/news?id=1"),
        content_type="text/html",
        charset="utf-8",
        body="Сәлем".encode(),
        etag='"5"',
        last_modified="Wed, 05 Mar 2025 10:00:00 GMT",
        not_modified=False,
    )


def test_what_a_site_does_not_say_is_unknown(site: Site, fetcher: Fetcher) -> None:
    """No header is made up."""
    site.page("/news", "Hi", content_type=None)
    fetched = fetcher.fetch(site.url("/news"))
    assert (fetched.content_type, fetched.charset) == ("", None)
    assert (fetched.etag, fetched.last_modified) == (None, None)


def test_the_site_learns_who_asks(site: Site, fetcher: Fetcher) -> None:
    """The user agent is sent, and nothing that would tell visitors apart."""
    fetcher.fetch(site.page("/news", "Hi"))
    assert [request.path for request in site.requests] == ["/news"]
    assert site.requests[0].headers == {
        "host": site.host,
        "user-agent": "test-bot/1.0",
        "accept": "text/html, application/xhtml+xml, application/xml;q=0.9, application/pdf, "
        "*/*;q=0.8",
        "accept-encoding": "gzip, deflate",
        "connection": "keep-alive",
    }


@pytest.mark.parametrize(
    "known",
    [
        {"etag": '"5"'},
        {"last_modified": "Wed, 05 Mar 2025 10:00:00 GMT"},
        {"etag": '"5"', "last_modified": "Wed, 05 Mar 2025 10:00:00 GMT"},
    ],
)
def test_what_has_not_changed_is_not_sent(
    site: Site, fetcher: Fetcher, known: dict[str, str]
) -> None:
    """A site that still has what we know says so, and sends no body."""
    url = site.page("/feed", "Hi", **known)  # type: ignore[arg-type]
    fetched = fetcher.fetch(url, **known)
    assert fetched.not_modified
    assert fetched.body == b""
    assert fetched.etag == known.get("etag")


def test_what_has_changed_is_sent(site: Site, fetcher: Fetcher) -> None:
    """Another etag than the known one brings the new body."""
    fetched = fetcher.fetch(site.page("/feed", "New", etag='"6"'), etag='"5"')
    assert (fetched.not_modified, fetched.body, fetched.etag) == (False, b"New", '"6"')


def test_not_modified_without_being_asked_is_an_error(site: Site, fetcher: Fetcher) -> None:
    """A body that was never sent is not taken for an empty one."""
    assert problem(fetcher, site.page("/news", status=304)) is Problem.SERVER_ERROR


def test_an_etag_that_cannot_be_sent_back_is_dropped(site: Site, fetcher: Fetcher) -> None:
    """A header that breaks the rules must not break the next fetch."""
    site.page("/feed", "Hi", headers={"ETag": '"é"'})
    assert fetcher.fetch(site.url("/feed")).etag is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(site: Site, fetcher: Fetcher, status: int) -> None:
    """A link may lead to another, also without the site's name in it."""
    site.page("/new/place", "Hi")
    site.redirect("/old", "/new/place", status=status)
    fetched = fetcher.fetch(site.url("/old"))
    assert (fetched.url, fetched.body) == (site.url("/new/place"), b"Hi")


def test_redirects_end(site: Site, fetcher: Fetcher) -> None:
    """After five redirects we give up; five are followed."""
    site.page("/0", "Hi")
    for number in range(1, 7):
        site.redirect(f"/{number}", f"/{number - 1}")
    assert fetcher.fetch(site.url("/5")).body == b"Hi"
    assert problem(fetcher, site.url("/6")) is Problem.TOO_MANY_REDIRECTS
    site.redirect("/round", "/round")
    assert problem(fetcher, site.url("/round")) is Problem.TOO_MANY_REDIRECTS


def test_a_cookie_lives_for_one_fetch(site: Site, fetcher: Fetcher) -> None:
    """Sites that want their cookie back get it, but never at another visit."""
    site.page("/in", "Hi")
    site.page("/door", status=302, headers={"Location": "/in", "Set-Cookie": "seen=1; Path=/"})
    fetcher.fetch(site.url("/door"))
    fetcher.fetch(site.url("/in"))
    assert [request.headers.get("cookie") for request in site.requests] == [None, "seen=1", None]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Problem.REFUSED),
        (401, Problem.REFUSED),
        (403, Problem.REFUSED),
        (404, Problem.NOT_FOUND),
        (410, Problem.NOT_FOUND),
        (429, Problem.RATE_LIMITED),
        (451, Problem.REFUSED),
        (500, Problem.SERVER_ERROR),
        (503, Problem.SERVER_ERROR),
        (300, Problem.SERVER_ERROR),
    ],
)
def test_a_status_says_what_is_wrong(
    site: Site, fetcher: Fetcher, status: int, expected: Problem
) -> None:
    """What the site answers decides whether to check the link, to wait, or to give up."""
    error = failure(fetcher, site.page("/news", "Sorry", status=status))
    assert error.problem is expected
    assert error.detail.startswith(str(status))
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("header", "shortest", "longest"),
    [
        ("120", 120, 120),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 1, HOUR),
        ("Wed, 05 Mar 2025 10:00:00 GMT", 0, 0),
        ("Wed, 05 Mar 2025 10:00:00 -0000", 0, 0),
    ],
    ids=["seconds", "in an hour", "past", "past, of no zone"],
)
def test_a_site_may_say_when_to_come_back(
    site: Site, fetcher: Fetcher, header: str, shortest: int, longest: int
) -> None:
    """Retry-After holds seconds or a date, and becomes seconds."""
    url = site.page("/news", status=429, headers={"Retry-After": header})
    seconds = failure(fetcher, url).retry_after
    assert seconds is not None
    assert shortest <= seconds <= longest


@pytest.mark.parametrize("header", ["soon", "-5", "1e3", "²", "Wed, 99 Foo"])
def test_a_senseless_time_to_come_back_is_none(site: Site, fetcher: Fetcher, header: str) -> None:
    """A header that says nothing is as good as none."""
    url = site.page(
        "/news", status=503, headers={"Retry-After": header.encode().decode("latin-1")}
    )
    assert failure(fetcher, url).retry_after is None


@pytest.mark.parametrize(
    "link",
    [
        "",
        "news",
        "example.org/news",
        "ftp://example.org/news",
        "file:///etc/passwd",
        "gopher://example.org/",
        "data:text/html,Hi",
        "javascript:alert(1)",
        "http://",
        "http:///news",
        "http:example.org",
        "https://exa mple.org/",
        "http://exa%6dple.org/",
        "http://example.org:port/",
        "http://[::1",
        "http://0177.0.0.1/",
        "http://example.org/\x00",
        "http://\ud800.org/",
        "http://user@example.org/",
        "http://user:word@example.org/",
        "http://example.org@127.0.0.1/",
        "http://example.org\\@127.0.0.1/",
        "http://" + "a" * 70_000,
    ],
)
def test_only_web_links_are_links(link: str) -> None:
    """Nothing but http and https with a host, and no name or password, is even looked at."""
    with Fetcher("test", resolve=answering()) as fetcher:
        assert problem(fetcher, link) is Problem.NOT_A_LINK


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "data:text/html,Hi",
        "http://user:word@example.org/",
    ],
)
def test_a_redirect_must_be_to_a_web_link(site: Site, fetcher: Fetcher, target: str) -> None:
    """What a link may not be, a redirect may not be either."""
    assert problem(fetcher, site.redirect("/news", target)) is Problem.NOT_A_LINK


PRIVATE_LINKS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://127。0。0。1/",
    "http://localhost/",
    "http://LocalHost/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://10.0.0.1:8080/",
    "http://172.16.0.1/",
    "https://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
]


@pytest.mark.parametrize("link", PRIVATE_LINKS)
def test_private_addresses_are_refused(link: str) -> None:
    """However it is spelled, an address that is not public is never connected to."""
    with Fetcher("test") as fetcher:
        assert problem(fetcher, link) is Problem.PRIVATE_ADDRESS


@pytest.mark.parametrize("link", PRIVATE_LINKS)
def test_redirects_to_private_addresses_are_refused(
    site: Site, fetcher: Fetcher, link: str
) -> None:
    """A site that may be visited can't send us to one that may not."""
    site.redirect("/news", link.replace("。", "."))
    assert problem(fetcher, site.url("/news")) is Problem.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "239.255.255.250",
        "::1",
        "::",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:a00:1::",
        "2001:0:102:304::f5ff:fffe",
        "2001:db8::1",
        "fc00::1",
        "fe80::1%lo",
        "fec0::1",
        "ff02::1",
        "100::1",
        "5f00::1",
    ],
)
def test_a_name_of_a_private_address_is_refused(address: str) -> None:
    """A public name may lead into a private network; what counts is where it leads."""
    with Fetcher("test", resolve=answering([address])) as fetcher:
        error = failure(fetcher, "http://news.example/")
    assert (error.problem, error.subject) == (Problem.PRIVATE_ADDRESS, "news.example")


class Connections(httpcore.MockBackend):
    """Stands for the internet: notes what is connected to, and answers each the same."""

    def __init__(self) -> None:
        super().__init__([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHi"])
        self.addresses: list[str] = []

    def connect_tcp(self, host: str, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:  # noqa: ANN401 - the library's
        self.addresses.append(host)
        return super().connect_tcp(host, *args, **kwargs)


@pytest.mark.parametrize(
    ("answer", "connected"),
    [
        (["127.0.0.1", "93.184.215.14"], "93.184.215.14"),
        (["::1", "10.0.0.1", "2606:4700::1111", "93.184.215.14"], "2606:4700::1111"),
        (["::ffff:93.184.215.14"], "::ffff:93.184.215.14"),
        (["64:ff9b::5db8:d70e"], "64:ff9b::5db8:d70e"),
    ],
)
def test_what_was_checked_is_what_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, answer: list[str], connected: str
) -> None:
    """The connection is made to the first public address, never to a name that is asked again."""
    connections = Connections()
    with Fetcher("test", resolve=answering(answer)) as fetcher:
        monkeypatch.setattr(fetcher._network, "_network", connections)
        assert fetcher.fetch("http://news.example/").body == b"Hi"
    assert connections.addresses == [connected]


def test_a_second_answer_cannot_lead_astray(site: Site) -> None:
    """Each connection asks once, and connects to what was checked, not to a name again."""
    site.page("/news", "Hi")
    site.redirect("/again", "http://other.example/")
    host = f"news.example:{site.port}"
    resolve = answering(["127.0.0.1"], ["10.0.0.1"])
    with Fetcher("test", resolve=resolve, private_hosts=frozenset({host})) as fetcher:
        assert fetcher.fetch(site.url("/news", host="news.example")).body == b"Hi"
        # Over the open connection; then the redirect's host is asked for, and refused.
        assert problem(fetcher, site.url("/again", host="news.example")) is Problem.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ("127.0.0.1:{port}", None),
        ("127.0.0.1", None),
        ("127.0.0.1:1", Problem.PRIVATE_ADDRESS),
        ("127.0.0.2", Problem.PRIVATE_ADDRESS),
        ("localhost", Problem.PRIVATE_ADDRESS),
    ],
)
def test_private_hosts_are_exceptions(site: Site, allowed: str, expected: Problem | None) -> None:
    """A host may be allowed by the name in the link, on one port or on all."""
    url = site.page("/news", "Hi")
    hosts = frozenset({allowed.format(port=site.port)})
    with Fetcher("test", private_hosts=hosts) as fetcher:
        if expected is None:
            assert fetcher.fetch(url).body == b"Hi"
        else:
            assert problem(fetcher, url) is expected


def test_proxies_of_the_environment_are_not_used(
    site: Site, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would connect for us, unchecked."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetcher.fetch(site.page("/news", "Hi")).body == b"Hi"


def test_a_name_in_our_letters_is_asked_for_as_the_network_knows_it() -> None:
    """A host of Cyrillic letters is a name like any other."""
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["10.0.0.1"]

    with Fetcher("test", resolve=resolve) as fetcher:
        assert problem(fetcher, "https://жаңылык.кг/жер") is Problem.PRIVATE_ADDRESS
    assert asked == [("xn--80alnd3fb72d.xn--c1an", 443)]


@pytest.mark.parametrize("error", [OSError("no such name"), UnicodeError("label too long")])
def test_a_site_that_does_not_exist(error: Exception) -> None:
    """A name without an address is named in the message."""

    def resolve(_host: str, _port: int) -> list[str]:
        raise error

    with Fetcher("test", resolve=resolve) as fetcher:
        raised = failure(fetcher, "http://nosuch.example/a")
    assert raised.problem is Problem.UNKNOWN_HOST
    assert str(raised) == "nosuch.example is not a site that exists; check the link for slips."


def test_a_site_that_is_not_there() -> None:
    """A port on which nothing listens is no connection."""
    with Site() as site:
        pass
    with Fetcher("test", private_hosts=frozenset({"127.0.0.1"})) as fetcher:
        assert problem(fetcher, site.url("/")) is Problem.NO_CONNECTION


def test_a_site_that_hangs_up(site: Site, fetcher: Fetcher) -> None:
    """Half a page is no page."""
    assert problem(fetcher, site.dropped("/news")) is Problem.NO_CONNECTION


def test_a_packed_page_is_unpacked(site: Site, fetcher: Fetcher) -> None:
    """Gzip is undone."""
    assert fetcher.fetch(site.page("/news", "Hi " * 1000, packed=True)).body == b"Hi " * 1000


def test_deflate_is_undone(site: Site, fetcher: Fetcher) -> None:
    """The other packing that we say we accept works too."""
    headers = {"Content-Encoding": "deflate"}
    url = site.page("/news", zlib.compress(b"Hi " * 1000), headers=headers)
    assert fetcher.fetch(url).body == b"Hi " * 1000


def test_a_body_may_be_as_long_as_the_limit(site: Site, narrow: Fetcher) -> None:
    """The limit itself is still allowed, packed or not; a byte more is not."""
    for packed in (False, True):
        assert len(narrow.fetch(site.page("/a", "x" * 100_000, packed=packed)).body) == 100_000
        assert problem(narrow, site.page("/b", "x" * 100_001, packed=packed)) is (
            Problem.TOO_LARGE
        )


def test_a_decompression_bomb_is_cut(site: Site, narrow: Fetcher) -> None:
    """What unpacks to a thousand times its size is not unpacked beyond the limit."""
    url = site.page("/bomb", "0" * 50_000_000, packed=True)
    assert problem(narrow, url) is Problem.TOO_LARGE


def test_a_bomb_is_unpacked_in_small_pieces() -> None:
    """No piece is larger than 256 KiB, so a limit can be kept however well it was packed."""
    packed = gzip.compress(b"0" * 20_000_000)
    sizes = [len(piece) for piece in unpacked([packed])]
    assert sum(sizes) == 20_000_000
    assert max(sizes) == 256 * 1024


def test_packing_twice_is_refused(site: Site, fetcher: Fetcher) -> None:
    """A bomb within a bomb is not even begun."""
    body = gzip.compress(gzip.compress(b"0" * 1_000_000))
    url = site.page("/bomb", body, headers={"Content-Encoding": "gzip, gzip"})
    error = failure(fetcher, url)
    assert (error.problem, error.detail) == (Problem.NOT_READABLE, "Content-Encoding: gzip, gzip")


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "nonsense"])
def test_unknown_packing_is_refused(site: Site, fetcher: Fetcher, encoding: str) -> None:
    """Bytes that we can't unpack are not taken for text."""
    url = site.page("/news", "Hi", headers={"Content-Encoding": encoding})
    assert problem(fetcher, url) is Problem.NOT_READABLE


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b"Hi " * 1000)[:-12], gzip.compress(b"Hi")[:-4], b""],
    ids=["no gzip", "cut", "without its length", "nothing"],
)
def test_badly_packed_bodies_are_damaged(site: Site, fetcher: Fetcher, body: bytes) -> None:
    """A packed page that is cut off is not taken for a whole one."""
    url = site.page("/news", body, headers={"Content-Encoding": "gzip"})
    assert problem(fetcher, url) is Problem.DAMAGED


def test_unpacking_gives_all_of_it_whatever_the_pieces() -> None:
    """Where the network cuts the packed data makes no difference."""
    text = bytes(range(256)) * 5000
    packed = gzip.compress(text)
    for size in (1000, 4096, len(packed)):
        pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
        assert b"".join(unpacked(pieces)) == text


def test_a_body_that_says_it_is_too_large_is_not_read(site: Site, narrow: Fetcher) -> None:
    """The length that a site announces is believed when it is too much."""
    url = site.endless("/news", {"Content-Length": "100001"})
    assert failure(narrow, url).detail == "100001 bytes"


def test_an_endless_body_is_cut(site: Site, narrow: Fetcher) -> None:
    """A body without end, which announces nothing, is cut at the limit."""
    error = failure(narrow, site.endless("/news"))
    assert (error.problem, error.detail) == (Problem.TOO_LARGE, "more than 100000 bytes")


def test_slow_answers_end(site: Site, impatient: Fetcher) -> None:
    """No site keeps us, whether it is silent or drips, in its headers or in its body."""
    assert problem(impatient, site.silent("/silent")) is Problem.TIMEOUT
    assert problem(impatient, site.slow("/slow")) is Problem.TIMEOUT
    assert problem(impatient, site.slow_headers("/slow-headers")) is Problem.TIMEOUT


def test_redirects_share_one_time_limit(site: Site) -> None:
    """A site can't win time by sending us around; and the next fetch has its own time."""
    limits = FetchLimits(total_seconds=0.3, max_redirects=1_000_000)
    with Fetcher("test", private_hosts=frozenset({site.host}), limits=limits) as fetcher:
        site.redirect("/round", "/round")
        assert problem(fetcher, site.url("/round")) is Problem.TIMEOUT
        assert fetcher.fetch(site.page("/news", "Hi")).body == b"Hi"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for news.example with its key, signed by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "news.example")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("news.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        signed.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def secure_site(certificate: Path) -> Iterator[Site]:
    """A site with a certificate for news.example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Site(context) as site:
        site.page("/news", "Hi")
        yield site


def secure_fetcher(certificate: Path, *, trusting: bool) -> Fetcher:
    """Make a fetcher to which all names are the site's."""
    hosts = frozenset({"news.example", "other.example", "127.0.0.1"})
    trusted = ssl.create_default_context(cafile=certificate)
    return Fetcher(
        "test",
        private_hosts=hosts,
        resolve=lambda _host, _port: ["127.0.0.1"],
        tls=trusted if trusting else None,
    )


def test_a_certificate_is_checked_for_the_name_in_the_link(
    secure_site: Site, certificate: Path
) -> None:
    """We connect to an address, but the site must prove that it is the one that was named."""
    with secure_fetcher(certificate, trusting=True) as fetcher:
        assert fetcher.fetch(secure_site.url("/news", host="news.example")).body == b"Hi"
        for host in ("other.example", "127.0.0.1"):
            assert problem(fetcher, secure_site.url("/news", host=host)) is Problem.INSECURE


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure_site: Site, certificate: Path
) -> None:
    """Only certificates of known authorities are trusted."""
    with secure_fetcher(certificate, trusting=False) as fetcher:
        assert problem(fetcher, secure_site.url("/news", host="news.example")) is Problem.INSECURE


def test_a_site_that_does_not_speak_tls(site: Site, fetcher: Fetcher) -> None:
    """Https to a port that only knows http is refused as insecure."""
    assert problem(fetcher, site.url("/news").replace("http://", "https://")) is Problem.INSECURE


def test_https_may_redirect_to_http(site: Site, secure_site: Site, certificate: Path) -> None:
    """Pages are public, and many sites of our region still redirect so."""
    site.page("/news", "Hi")
    secure_site.redirect("/old", site.url("/news"))
    with secure_fetcher(certificate, trusting=True) as fetcher:
        assert fetcher.fetch(secure_site.url("/old", host="news.example")).body == b"Hi"


def test_messages_name_the_link_and_the_way_out(site: Site, fetcher: Fetcher) -> None:
    """The text of an error is one sentence for the terminal."""
    assert str(failure(fetcher, site.url("/gone"))) == (
        f"{site.url('/gone')} does not exist on the site (any more); check the link "
        "(404 Not Found)."
    )


@pytest.mark.parametrize("each", Problem)
def test_every_problem_has_an_english_sentence(each: Problem) -> None:
    """A sentence names what is concerned, and ends as sentences do."""
    message = str(FetchError(each, "https://a.example/", "404"))
    assert message.startswith("https://a.example/ ")
    assert message.endswith(" (404).")
