"""The store in Milvus: what is its own, beside what all stores have in common."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pymilvus import DataType, MilvusClient

from embeddings.errors import IndexUnavailable, IndexUnusable
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.statistics import Statistics
from embeddings.stores import milvus_engine, milvus_listing, milvus_ranking
from embeddings.stores.milvus import MilvusStore
from embeddings.stores.milvus_engine import Engine, Row
from embeddings.stores.milvus_records import Stored, StoredPassage, pack_statistics
from embeddings.stores.milvus_schema import build_of
from embeddings.stores.milvus_writing import MilvusWriting
from embeddings.stores.opening import MilvusAddress, known_versions
from embeddings.stores.sqlite import SqliteStore
from engine_stores import empty, lite_address
from knowledge.article import Article
from knowledge.corpus import Corpus
from milvus_server import milvus_server
from word_embedder import WordEmbedder

MakeArticle = Callable[..., Article]

EMBEDDER = WordEmbedder("glacier", "solar")

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> MilvusAddress:
    return lite_address(tmp_path_factory.mktemp("lite"), "own")


@pytest.fixture
def address(lite: MilvusAddress) -> MilvusAddress:
    """Where an index can be built that there is none of yet."""
    return empty(lite)


def corpus(*articles: Article) -> Corpus:
    return Corpus(tuple(sorted(articles, key=lambda article: article.slug)), ())


def found(address: MilvusAddress, question: str) -> list[str]:
    with closing(MilvusStore.open(address, EMBEDDER)) as store:
        hits = Retriever(store, EMBEDDER).search(question, limit=9)
        return [hit.passage.article.slug for hit in hits]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["_let_die", "_revive_others", "_write_state"])
def test_a_reindex_that_is_killed_while_it_switches_changes_nothing(
    address: MilvusAddress,
    make_article: MakeArticle,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """What it had let die lives on, for readers and for the next reindex, which does its own."""
    ice, sun, wind = (
        make_article(slug, f"The glacier {slug}.") for slug in ("ice", "sun", "wind")
    )
    reindex(corpus(ice, sun, wind), address, EMBEDDER)
    own = getattr(MilvusWriting, step)

    def killed(self: MilvusWriting, *given: object) -> None:
        if step == "_let_die":
            own(self, *given)
        raise Killed

    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(MilvusWriting, step, killed)
        reindex(corpus(make_article("ice", "The glacier new."), wind), address, EMBEDDER)
    assert found(address, "glacier") == ["ice", "sun", "wind"]
    reindex(corpus(ice, sun), address, EMBEDDER)
    assert found(address, "glacier") == ["ice", "sun"]


def test_statistics_are_those_of_all_that_is_in_the_index(
    address: MilvusAddress, tmp_path: Path, make_article: MakeArticle
) -> None:
    """Kept up by what is added and removed, to the bit as if they were counted anew."""
    before = [make_article(f"a{n}", f"The glacier {n}. Solar {n % 3}.") for n in range(9)]
    after = [
        *before[:4],
        make_article("a5", "Changed solar."),
        make_article("ru", "Это ледник, glacier.", language="ru"),
    ]
    for articles in (before, after):
        reindex(corpus(*articles), address, EMBEDDER)
    reindex(corpus(*after), tmp_path / "index.db", EMBEDDER)
    with closing(SqliteStore.open(tmp_path / "index.db", EMBEDDER)) as local:
        counted = Statistics.of(local.read_vectors())
    with closing(MilvusStore.open(address, EMBEDDER)) as store, store.snapshot():
        kept = store.read_statistics()
    assert sorted(kept.languages) == ["en", "ru"]
    assert pack_statistics(kept) == pack_statistics(counted)


def test_an_index_of_another_format_is_told_and_built_anew(
    address: MilvusAddress, make_article: MakeArticle
) -> None:
    """Whatever fields its collections have."""
    engine = Engine(address)
    schema = engine.new_schema()
    schema.add_field("name", DataType.VARCHAR, is_primary=True, max_length=9)
    schema.add_field("nothing", DataType.FLOAT_VECTOR, dim=2)
    engine.create("own_0123456789ab_records", schema, {"nothing": {"index_type": "FLAT"}}, {})
    engine.point(address.prefix, "own_0123456789ab_records")
    with pytest.raises(IndexUnusable, match="built with another format than"):
        MilvusStore.open(address, EMBEDDER)
    assert list(known_versions(address)) == []
    reindex(corpus(make_article("ice", "The glacier.")), address, EMBEDDER)
    assert found(address, "glacier") == ["ice"]
    assert "own_0123456789ab_records" not in engine.collections()
    engine.close()


def test_what_is_dead_is_deleted_by_the_reindex_after_the_next(
    address: MilvusAddress, make_article: MakeArticle
) -> None:
    """Who began to read before the last reindex finds all of it; nothing stays for ever."""
    reindex(corpus(make_article("ice", "The glacier.")), address, EMBEDDER)
    with closing(MilvusStore.open(address, EMBEDDER)) as store:
        with store.snapshot():
            ids = store.passage_ids("ice")
        for slug in ("sun", "wind"):
            reindex(corpus(make_article(slug, "Solar.")), address, EMBEDDER)
            assert store.read_embeddings(store.read_stored(ids))
        reindex(corpus(make_article("rain", "Solar.")), address, EMBEDDER)
        with pytest.raises(IndexUnusable, match="not in the index any more"):
            store.read_stored(ids)


def test_embeddings_are_read_of_the_best_passages_only(
    address: MilvusAddress, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most that the engine finds is left out for its words; who is left out is never the best."""
    monkeypatch.setattr(milvus_ranking, "_READ", 3)
    read: list[int] = []
    own = MilvusStore.read_embeddings

    def counting(self: MilvusStore, passages: Sequence[StoredPassage]) -> list[Stored]:
        read.append(len(passages))
        return own(self, passages)

    monkeypatch.setattr(MilvusStore, "read_embeddings", counting)
    articles = [make_article(f"a{n}", "The glacier.") for n in range(9)]
    articles.append(make_article("b", "The glacier of Kambarov."))
    reindex(corpus(*articles), address, EMBEDDER)
    assert found(address, "Whose glacier, Kambarov?")[0] == "b"
    assert read == [3]


def test_a_place_in_a_long_list_is_found_without_reading_all_of_it(
    address: MilvusAddress, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any part of the list is the same as when everything is sorted."""
    days = [None if n % 3 == 0 else date(2025, 1, 1) + timedelta(n % 7) for n in range(150)]
    articles = [
        make_article(f"{n * 37 % 150:03}", "Glacier.", published=day) for n, day in enumerate(days)
    ]
    reindex(corpus(*articles), address, EMBEDDER)
    in_order = sorted(
        articles, key=lambda each: (-(each.published or date.min).toordinal(), each.slug)
    )
    monkeypatch.setattr(milvus_listing, "_FEW", 30)
    read = []
    query = Engine.query

    def counted(
        self: Engine, collection: str, condition: str, fields: Sequence[str]
    ) -> list[dict[str, object]]:
        rows = query(self, collection, condition, fields)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(Engine, "query", counted)
    with closing(MilvusStore.open(address, EMBEDDER)) as store, store.snapshot():
        for offset in (0, 1, 70, 99, 100, 101, 145, 149, 150):
            assert store.read_articles(offset, 5) == in_order[offset : offset + 5]
        assert [store.count_before(in_order[n].slug) for n in (0, 77, 149)] == [0, 77, 149]
    assert max(read) < 100


def test_an_engine_that_is_away_is_told_by_its_url(tmp_path: Path) -> None:
    """The message names the settings to look at, and holds no token, whatever is wrong."""
    nobody = MilvusAddress("http://127.0.0.1:9", token="root:secret")
    with pytest.raises(IndexUnavailable) as told:
        MilvusStore.open(nobody, EMBEDDER)
    assert str(told.value) == (
        "The store at http://127.0.0.1:9 can't be reached: check STORE_URL, and STORE_CA if it "
        "begins with https, and whether Milvus runs there"
    )
    assert "secret" not in repr(nobody)
    certificate = tmp_path / "none.pem"
    with pytest.raises(IndexUnusable, match=r"none\.pem\): check STORE_CA"):
        MilvusStore.open(MilvusAddress("https://127.0.0.1:9", "", certificate), EMBEDDER)


def test_a_client_that_is_not_installed_is_told_by_its_extra(tmp_path: Path) -> None:
    """The message says what to install; and nothing is imported as long as no one asks for it."""
    code = (
        "import sys; sys.modules['pymilvus'] = None\n"
        "from embeddings.stores.opening import MilvusAddress, open_store\n"
        "from embeddings.errors import IndexUnusable\n"
        "from word_embedder import WordEmbedder\n"
        "try: open_store(MilvusAddress('http://127.0.0.1:9'), WordEmbedder('ice'))\n"
        "except IndexUnusable as error: print(error)\n"
    )
    assert run(code, tmp_path) == (
        "STORE_URL names Milvus, and what speaks to it is not installed: "
        "pip install 'green-initiatives-bot[milvus]'\n"
    )


def test_the_client_leaves_the_environment_and_the_terminal_alone(tmp_path: Path) -> None:
    """It would read .env into what child processes inherit, and write tracebacks itself."""
    (tmp_path / ".env").write_text("BOT_TOKEN=1:secret\n")
    code = (
        "import os\n"
        "before = dict(os.environ)\n"
        "import dotenv.main\n"
        "dotenv.main.find_dotenv = lambda *_, **__: '.env'\n"
        "from embeddings.stores.opening import MilvusAddress, open_store\n"
        "from embeddings.errors import IndexUnavailable\n"
        "from word_embedder import WordEmbedder\n"
        "try: open_store(MilvusAddress('http://127.0.0.1:9'), WordEmbedder('ice'))\n"
        "except IndexUnavailable: print(before == dict(os.environ))\n"
    )
    assert run(code, tmp_path) == "True\n"


def run(code: str, folder: Path) -> str:
    """Run code in a process of its own; return all that it writes."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for this machine, signed by itself, and its key; return both files."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, key


def test_a_server_is_known_by_its_certificate_and_asks_for_a_token(
    milvus_url: str, pytestconfig: pytest.Config, tmp_path: Path, make_article: MakeArticle
) -> None:
    """With both right it is used; else the message says which is wrong, and not what it was."""
    del milvus_url  # Its fixture has unpacked the programs, or skipped the test.
    certificate, key = write_certificate(tmp_path)
    settings = {
        "proxy.timeTickInterval": "20",
        "common.security.authorizationEnabled": "true",
        "common.security.tlsMode": "1",
        "tls.serverPemPath": str(certificate),
        "tls.serverKeyPath": str(key),
        "tls.caPemPath": str(certificate),
    }
    programs = pytestconfig.cache.mkdir("milvus")
    with milvus_server(tmp_path / "milvus", programs, settings) as url:
        secure = url.replace("http://", "https://")
        right = MilvusAddress(secure, "root:Milvus", certificate)
        reindex(corpus(make_article("ice", "The glacier.")), right, EMBEDDER)
        assert found(right, "glacier") == ["ice"]
        with pytest.raises(IndexUnusable, match="lets nobody in: check STORE_TOKEN") as told:
            MilvusStore.open(MilvusAddress(secure, "root:wrong", certificate), EMBEDDER)
        assert "wrong" not in str(told.value)
        with pytest.raises(IndexUnavailable, match="STORE_CA"):
            MilvusStore.open(MilvusAddress(secure, "root:Milvus"), EMBEDDER)


class Door:
    """What stands between a client and a server, open or shut."""

    def __init__(self, url: str) -> None:
        self._server = ("127.0.0.1", int(url.rpartition(":")[2]))
        self._address = ("127.0.0.1", 0)
        self._open: list[socket.socket] = []
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._address[1]}"

    def open(self) -> None:
        listener = socket.create_server(self._address)
        self._address = listener.getsockname()
        self._open = [listener]
        threading.Thread(target=self._let_in, args=[listener], daemon=True).start()

    def shut(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _let_in(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                inside, outside = listener.accept()[0], socket.create_connection(self._server)
                self._open += [inside, outside]
                for pair in ((inside, outside), (outside, inside)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)


def test_an_engine_that_finds_nothing_in_what_is_not_empty_is_asked_again(
    address: MilvusAddress, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person is not told that nobody knows; a month that there is nothing of stays empty."""
    reindex(corpus(make_article("ice", "The glacier.")), address, EMBEDDER)
    monkeypatch.setattr(milvus_ranking, "_PAUSES", [0.0, 0.0, 0.0])
    search: Callable[..., list[list[Row]]] = Engine.search
    empty_answers = 0

    def forgetful(
        self: Engine, collection: str, field: str, sought: Sequence[object], *rest: object
    ) -> list[list[Row]]:
        nonlocal empty_answers
        empty_answers -= 1
        if empty_answers >= 0:
            return [[] for _ in sought]
        return search(self, collection, field, sought, *rest)

    monkeypatch.setattr(Engine, "search", forgetful)
    with closing(MilvusStore.open(address, EMBEDDER)) as store:
        retriever = Retriever(store, EMBEDDER)
        assert len(retriever.search("What of the glacier in May 1999?")) == 1
        empty_answers = 2
        assert len(retriever.search("glacier")) == 1
        empty_answers = 100
        with pytest.raises(IndexUnavailable, match=r"_passages, partition en, which is not empty"):
            retriever.search("glacier")


def test_what_is_written_twice_is_found_once_and_goes_at_once(
    milvus_url: str, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a call is that is repeated since its answer got lost."""
    insert = Engine.insert

    def insert_twice(self: Engine, collection: str, rows: list[Row], partition: str = "") -> None:
        for _ in range(2):
            insert(self, collection, rows, partition)

    monkeypatch.setattr(Engine, "insert", insert_twice)
    address = empty(MilvusAddress(milvus_url, prefix="twice"))
    ice, sun = make_article("ice", "The glacier."), make_article("sun", "The glacier. Solar.")
    reindex(corpus(ice, sun), address, EMBEDDER)
    assert found(address, "glacier") == ["ice", "sun"]
    reindex(corpus(sun), address, EMBEDDER)
    assert found(address, "glacier") == ["sun"]


def test_a_reindex_waits_longer_than_a_person(
    milvus_url: str, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is busy with what was written answers late."""
    address = empty(MilvusAddress(milvus_url, prefix="late"))
    monkeypatch.setattr(milvus_engine, "_SECONDS", 1e-6)
    reindex(corpus(make_article("ice", "The glacier.")), address, EMBEDDER)
    with pytest.raises(IndexUnavailable):
        found(address, "glacier")


def test_a_server_that_has_not_loaded_the_index_is_not_ready(
    milvus_url: str, make_article: MakeArticle
) -> None:
    """As it is for some time after it was started: later it answers."""
    address = empty(MilvusAddress(milvus_url, prefix="unloaded"))
    reindex(corpus(make_article("ice", "The glacier.")), address, EMBEDDER)
    collections = build_of("unloaded", EMBEDDER).all
    with closing(MilvusStore.open(address, EMBEDDER)) as store:
        retriever = Retriever(store, EMBEDDER)
        client = MilvusClient(milvus_url)
        for each in collections:
            client.release_collection(each)
        with pytest.raises(IndexUnavailable, match=r"isn't ready .*not loaded"):
            retriever.search("glacier")
        for each in collections:
            client.load_collection(each)
        client.close()
        assert len(retriever.search("glacier")) == 1


def test_a_server_that_comes_back_is_used_again(
    milvus_url: str, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that can't be answered says so in time; the next one needs no restart."""
    door = Door(milvus_url)
    address = empty(MilvusAddress(door.url, prefix="away"))
    reindex(corpus(make_article("ice", "The glacier.")), address, EMBEDDER)
    with closing(MilvusStore.open(address, EMBEDDER)) as store:
        retriever = Retriever(store, EMBEDDER)
        assert len(retriever.search("glacier")) == 1
        monkeypatch.setattr(milvus_engine, "_SECONDS", 0.5)
        door.shut()
        with pytest.raises(IndexUnavailable, match="can't be reached"):
            retriever.search("glacier")
        monkeypatch.setattr(milvus_engine, "_SECONDS", 10.0)
        door.open()
        assert len(retriever.search("glacier")) == 1
    door.shut()
