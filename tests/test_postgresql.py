"""The journal on a real PostgreSQL server: shared by replicas, through restarts and errors."""

import asyncio
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr

from bot.errors import JournalError, JournalUnusable
from bot.storage.database import Database, add_row, replace_row
from bot.storage.journal import AskedQuestion, Journal
from bot.storage.schema import LANGUAGES, QUESTIONS, STATE, TABLES, VERDICTS
from bot_api_server import BotApiServer
from conversation import build
from fixed_retriever import FixedRetriever
from postgres_server import ENCODED_PASSWORD, PASSWORD, PostgresServer

TOKEN = "root:Milvus"  # noqa: S105 - nobody's
SECRETS = (PASSWORD, ENCODED_PASSWORD)
QUESTION = AskedQuestion(1, "How long is the bridge?", "en", "answered", "bridge", 0.9, "private")


@pytest.fixture
def database(tmp_path: Path, postgres_url: SecretStr) -> Iterator[Database]:
    """A replica's."""
    with closing(Database.open(tmp_path, url=postgres_url)) as database:
        yield database


@pytest.fixture
def another(tmp_path: Path, database: Database, postgres_url: SecretStr) -> Iterator[Database]:
    """Another replica's, with the same key."""
    with closing(Database.open(tmp_path, url=postgres_url)) as another:
        yield another


def said(error: BaseException) -> str:
    """All that anybody may get to see of an error."""
    return "".join(traceback.format_exception(error))


def state(database: Database, name: str) -> str | None:
    """What is kept under a name."""
    return database.read_now(
        lambda connection: connection.scalar(sa.select(STATE.c.value).where(STATE.c.name == name))
    )


def write_state(name: str, value: str) -> Callable[[sa.Connection], bool]:
    """Keeps it."""
    return lambda connection: replace_row(connection, STATE, {"name": name}, {"value": value})


def test_migrations_make_the_tables_that_the_code_knows(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """They are the same as SQLite's; ids have room for all questions that will ever be asked."""
    logging.getLogger("alembic").setLevel(logging.NOTSET)
    assert (
        database.read_now(
            lambda connection: compare_metadata(MigrationContext.configure(connection), TABLES)
        )
        == []
    )
    assert caplog.records == []
    big = database.read_now(
        lambda connection: [
            (table, column["name"])
            for table in ("questions", "verdicts", "wishes", "inbox")
            for column in sa.inspect(connection).get_columns(table)
            if isinstance(column["type"], sa.BigInteger)
        ]
    )
    assert {
        ("questions", "id"),
        ("verdicts", "question"),
        ("wishes", "id"),
        ("inbox", "update_id"),
    } < set(big)


async def test_several_are_under_way_at_once(database: Database, another: Database) -> None:
    """Who waits for a row that another replica holds keeps nobody else waiting."""
    for name in ("held", "free"):
        await database.write(write_state(name, "before"))
    begun, let_go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(connection: sa.Connection) -> None:
        write_state("held", "first")(connection)
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(let_go.wait(), loop).result()

    holding = asyncio.create_task(another.write(hold))
    await begun.wait()
    waiting = asyncio.create_task(database.write(write_state("held", "second")))
    await database.write(write_state("free", "after"))
    assert await database.read(lambda each: each.scalar(sa.select(sa.func.count(STATE.c.name))))
    assert not waiting.done()
    let_go.set()
    await asyncio.gather(holding, waiting)
    assert (state(database, "held"), state(database, "free")) == ("second", "after")


async def test_a_write_ends_though_nobody_waits_for_it(
    database: Database, another: Database
) -> None:
    """As it does in SQLite: a handler that is cut off leaves no half-used connection."""
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def write(connection: sa.Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        write_state("name", "written")(connection)

    writing = asyncio.create_task(database.write(write))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    # This waits for what is under way; nothing can be begun then.
    database.close()
    with pytest.raises(RuntimeError):
        await database.read(lambda _: None)
    assert state(another, "name") == "written"


async def test_what_a_function_reads_is_of_one_moment(
    database: Database, another: Database
) -> None:
    """Counts that belong together fit, whoever writes between them; who reads writes nothing."""
    count = sa.select(sa.func.count()).select_from(STATE)

    def read(connection: sa.Connection) -> tuple[int | None, int | None]:
        before = connection.scalar(count)
        another.write_now(write_state("new", "row"))
        return before, connection.scalar(count)

    before, after = await database.read(read)
    assert before == after
    with pytest.raises(JournalError, match="read-only transaction"):
        await database.read(write_state("new", "value"))


async def test_of_several_one_is_first(database: Database, another: Database) -> None:
    """A row is put in place once, and replaced by all of them without an error."""
    row = {"name": "key", "value": "value"}
    replicas = [database, another] * 10
    added = await asyncio.gather(
        *(each.write(lambda connection: add_row(connection, STATE, row)) for each in replicas)
    )
    assert sorted(added) == [False] * 19 + [True]
    replaced = await asyncio.gather(*(each.write(write_state("key", "new")) for each in replicas))
    assert all(replaced)


async def test_a_verdict_on_what_is_just_forgotten(database: Database, another: Database) -> None:
    """Whoever is first, nobody gets an error."""
    first, second = Journal(database, 90), Journal(another, 90)
    for _ in range(10):
        question = await first.record(QUESTION) or 0
        kept, forgotten = await asyncio.gather(
            first.rate(question, 2, helpful=True), second.forget(1)
        )
        assert (forgotten, kept in {True, False}) == (1, True)
    verdicts = sa.select(sa.func.count()).select_from(VERDICTS)
    assert database.read_now(lambda connection: connection.scalar(verdicts)) == 0


def test_of_a_deadlock_both_get_their_way(database: Database, another: Database) -> None:
    """The server ends one of them, which is tried again."""
    for name in ("one", "two"):
        database.write_now(write_state(name, ""))
    both_hold_one = Barrier(2, timeout=30)
    tries = []

    def write(names: tuple[str, str]) -> Callable[[sa.Connection], None]:
        def write(connection: sa.Connection) -> None:
            tries.append(names)
            write_state(names[0], "-".join(names))(connection)
            if tries.count(names) == 1:
                both_hold_one.wait()
            write_state(names[1], "-".join(names))(connection)

        return write

    with ThreadPoolExecutor(1) as thread:
        other = thread.submit(another.write_now, write(("two", "one")))
        database.write_now(write(("one", "two")))
        other.result()
    assert len(tries) == 3
    assert state(database, "one") == state(database, "two")


@pytest.mark.parametrize("times", [1, 2])
def test_a_connection_that_breaks_in_the_middle(times: int, database: Database) -> None:
    """Nothing of it counts, so it is tried once more, and not for ever."""
    tries = []

    def write(connection: sa.Connection) -> None:
        tries.append(1)
        write_state("name", f"{len(tries)}")(connection)
        if len(tries) <= times:
            connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    if times == 1:
        database.write_now(write)
        assert state(database, "name") == "2"
    else:
        with pytest.raises(JournalError):
            database.write_now(write)
        assert state(database, "name") is None
    assert len(tries) == 2


async def test_a_restart_of_the_server_is_survived(
    database: Database, postgres_server: PostgresServer
) -> None:
    """While it is away that is said, without the password; then all goes on."""

    async def write_many(value: str) -> None:
        names = map(str, range(8))
        await asyncio.gather(*(database.write(write_state(name, value)) for name in names))

    # Over several connections, all of which break.
    await write_many("before")
    postgres_server.stop()
    try:
        for _ in range(2):
            with pytest.raises(JournalError) as caught:
                await database.write(write_state("1", "meanwhile"))
            with pytest.raises(JournalError), database.alone_now("reindex"):
                pass
    finally:
        postgres_server.start()
    assert state(database, "1") == "before"
    await write_many("after")
    # Nobody has noticed this one.
    postgres_server.stop()
    postgres_server.start()
    await write_many("again")
    assert [state(database, name) for name in "0123"] == ["again"] * 4
    assert str(caught.value).startswith("The journal on 127.0.0.1:")
    assert str(caught.value).endswith(" can't be used now: Connection refused.")
    assert not any(secret in said(caught.value) for secret in SECRETS)


@pytest.mark.parametrize(
    ("change", "error", "way_out"),
    [
        (
            ("owner:", "nobody:"),
            JournalUnusable,
            "it refuses the user or the password: correct them",
        ),
        (("/journal", "/another"), JournalUnusable, "no such database: make it with CREATE"),
        (("127.0.0.1", "127.0.0.2"), JournalError, "check that the server runs, and DATABASE_URL"),
        (("?", "?ssl=require"), JournalError, "rejected SSL upgrade"),
        (("?", "?ssl=verify-full"), JournalUnusable, "the file that PGSSLROOTCERT names"),
    ],
    ids=["password", "database", "address", "tls", "certificate"],
)
def test_a_wrong_address(  # noqa: PLR0913, PLR0917 - what is wrong, and what is needed
    change: tuple[str, str],
    error: type[Exception],
    way_out: str,
    tmp_path: Path,
    postgres_url: SecretStr,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is said what is wrong with it, and the password isn't."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    url = SecretStr(f"{postgres_url.get_secret_value()}?".replace(*change))
    with pytest.raises(error) as caught:
        Database.open(tmp_path, url=url)
    assert way_out in str(caught.value)
    assert str(caught.value).startswith("The journal on 127.0.0.")
    assert not any(secret in said(caught.value) for secret in SECRETS)


def test_who_may_not_make_tables_is_told(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """The way out is said, too."""
    postgres_server.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    with postgres_server.database(empty=True) as name:
        url = postgres_server.url(name).get_secret_value()
        url = url.replace(f"owner:{ENCODED_PASSWORD}", "guest:guest")
        with pytest.raises(JournalUnusable, match="make it the owner of the database"):
            Database.open(tmp_path, url=SecretStr(url))
    postgres_server.execute("DROP ROLE guest")


def test_newer_tables_are_refused(
    database: Database, tmp_path: Path, postgres_url: SecretStr
) -> None:
    """An older program doesn't touch them."""
    database.write_now(
        lambda connection: connection.exec_driver_sql(
            "UPDATE alembic_version SET version_num = 99"
        )
    )
    with pytest.raises(JournalUnusable, match="newer version of this program: install that one"):
        Database.open(tmp_path, url=postgres_url)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"language": "kyrgyz"}, "StringDataRightTruncationError"),
        ({"id": 1}, "UniqueViolationError"),
        ({"id": "The bridge?"}, "DataError"),
        ({"text": None}, "NotNullViolationError"),
        ({"text": "\ud800"}, "DataError"),
    ],
)
def test_errors_have_nothing_of_what_people_write(
    row: dict[str, object], reason: str, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The server and the driver quote it; the log of this program doesn't."""
    caplog.set_level(logging.DEBUG)
    question = {
        "asked_at": datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None),
        "text": "The bridge?",
        "language": "en",
        "outcome": "answered",
        "chat_kind": "private",
    }
    add = QUESTIONS.insert()
    database.write_now(lambda connection: connection.execute(add, question | {"id": 1}))
    with pytest.raises(JournalError) as caught:
        database.write_now(lambda connection: connection.execute(add, {"id": 2} | question | row))
    assert str(caught.value).endswith(f"can't be used now: {reason}.")
    assert "bridge" not in f"{said(caught.value)}{caplog.text}"


def test_a_zero_byte_is_left_out(database: Database) -> None:
    """A page's title may have one, and PostgreSQL's texts can't; one row and many."""
    database.write_now(write_state("na\0me", "val\0ue"))
    rows = [{"person": f"{number}\0", "language": "k\0y"} for number in range(2)]
    database.write_now(lambda connection: connection.execute(LANGUAGES.insert(), rows))
    assert state(database, "name") == state(database, "na\0me") == "value"
    kept = database.read_now(lambda connection: connection.execute(sa.select(LANGUAGES)).all())
    assert sorted(map(tuple, kept)) == [("0", "ky"), ("1", "ky")]


async def test_replicas_that_begin_at_the_same_moment(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """One makes the tables and the key, the others wait for it and find them."""
    with postgres_server.database(empty=True) as name:
        url = postgres_server.url(name)
        opening = [asyncio.to_thread(Journal.open, tmp_path, 90, url=url) for _ in range(4)]
        journals = await asyncio.gather(*opening)
        assert len({journal.database.person(1) for journal in journals}) == 1
        for journal in journals:
            journal.close()


def test_another_key_is_refused(
    database: Database, tmp_path: Path, postgres_url: SecretStr
) -> None:
    """With two keys a person would be two, of whom one can't be forgotten."""
    missing = tmp_path / "new"
    with pytest.raises(JournalUnusable) as caught:
        Database.open(missing, url=postgres_url)
    assert str(caught.value) == (
        f"{missing}/journal.key is missing, and the journal on the server was begun with one of "
        f"its own: copy the journal.key of another replica, or of a backup, to {missing}. If it "
        "is lost for good, delete the row 'journal-key' of the table state: a new key is made, "
        "and what is in the journal then belongs to nobody."
    )
    assert list(missing.iterdir()) == []
    (missing / "journal.key").write_bytes(b"k" * 32)
    with pytest.raises(JournalUnusable, match=r"journal\.key is another, and the journal on"):
        Database.open(missing, url=postgres_url)
    (missing / "journal.key").write_bytes((tmp_path / "journal.key").read_bytes())
    with closing(Database.open(missing, url=postgres_url)) as replica:
        assert replica.person(1) == database.person(1)
    # The key itself is nowhere on the server.
    kept = state(database, "journal-key") or ""
    assert (tmp_path / "journal.key").read_bytes().hex() not in kept


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path, postgres_url: SecretStr) -> None:
    """A wrong DATA_DIR is named, since the key must be there."""
    (tmp_path / "data").touch()
    with pytest.raises(JournalUnusable, match="check the free space and the rights of DATA_DIR"):
        Database.open(tmp_path / "data", url=postgres_url)


async def test_one_replica_at_a_time(database: Database, another: Database) -> None:
    """What one does no other begins, until it is done or that one is gone; nobody waits."""
    async with database.alone("reindex") as first, another.alone("reindex") as second:
        assert (first, second) == (True, False)
        with another.alone_now("reindex") as now, another.alone_now("tidy") as other:
            assert (now, other) == (False, True)
        async with database.alone("reindex") as twice:
            assert not twice
    async with another.alone("reindex") as second:
        assert second
        with pytest.raises(ZeroDivisionError), database.alone_now("tidy"):
            raise ZeroDivisionError
    with database.alone_now("tidy") as again:
        assert again


def test_a_replica_that_dies_holds_nothing(
    database: Database, another: Database, postgres_server: PostgresServer
) -> None:
    """Its connection breaks, by which the server knows."""
    end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
    with database.alone_now("reindex") as held:
        assert held
        postgres_server.execute(end)
        with another.alone_now("reindex") as taken:
            assert taken


async def test_who_gives_up_waiting_holds_nothing(database: Database, another: Database) -> None:
    """Whenever the task is cancelled that wants to be alone."""

    async def be_alone() -> None:
        async with database.alone("reindex"):
            await asyncio.Event().wait()

    for turns in range(3):
        task = asyncio.create_task(be_alone())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    async with another.alone("reindex") as ours:
        assert ours


async def test_in_a_file_everybody_is_alone(tmp_path: Path) -> None:
    """There is one bot only."""
    with closing(Database.open(tmp_path)) as database:
        async with database.alone("reindex") as ours:
            assert ours
        with database.alone_now("reindex") as ours:
            assert ours


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver comes with an extra; without it a file is opened as ever."""
    monkeypatch.delitem(sys.modules, "bot.storage.postgresql")
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    url = SecretStr("postgresql+asyncpg://bot@127.0.0.1/bot")
    with pytest.raises(
        JournalUnusable, match=r"pip install 'green-initiatives-bot\[postgresql\]'"
    ):
        Database.open(tmp_path, url=url)
    Database.open(tmp_path).close()


async def test_who_reads_what_strangers_wrote_gets_no_password(
    api: BotApiServer, retriever: FixedRetriever, journal: Journal, postgres_url: SecretStr
) -> None:
    """Only processes that need the journal or the index can reach the servers."""
    bot = build(api, retriever, journal, database_url=postgres_url, store_token=TOKEN)
    administration = bot.administration
    for environment in (
        administration.reindexing._environment,
        administration.insight.environment,
    ):
        assert environment["DATABASE_URL"] == postgres_url.get_secret_value()
        assert environment["STORE_TOKEN"] == TOKEN
    environment = administration.drafts.reading._process._environment
    assert (environment["DATABASE_URL"], environment["STORE_TOKEN"]) == ("", "")
