"""The journal: what it keeps, how long, for whom, and what it never holds. Real databases."""

import asyncio
import logging
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr

from bot.errors import JournalError, JournalUnusable
from bot.storage import sqlite
from bot.storage.database import Database
from bot.storage.journal import AskedQuestion, Journal
from bot.storage.schema import QUESTIONS, REPLIES, TABLES, VERDICTS
from bot.storage.sqlite import SqliteDatabase

ALICE, BAKYT = 700_000_001, 700_000_002
QUESTION = AskedQuestion(
    person=ALICE,
    text="How long is the bridge?",
    language="en",
    outcome="answered",
    article="bridge",
    confidence=0.9,
    chat_kind="private",
)


class Clock:
    """Says the time that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@contextmanager
def opened(folder: Path, days: int = 90, now: Clock | None = None) -> Iterator[Journal]:
    """A journal in a folder, closed again at the end."""
    with closing(
        Journal.open(folder, days, now) if now else Journal.open(folder, days)
    ) as journal:
        yield journal


@dataclass(frozen=True)
class Place:
    """Where a journal is: a file, or a database on a server."""

    folder: Path
    url: SecretStr | None

    @contextmanager
    def opened(self, days: int = 90, now: Clock | None = None) -> Iterator[Journal]:
        """The journal, closed again at the end."""
        time = now or (lambda: datetime.now(UTC))
        with closing(Journal.open(self.folder, days, time, self.url)) as journal:
            yield journal

    def rows(self, *columns: sa.Column[Any]) -> list[Any]:
        """What another program reads in it."""
        with closing(Database.open(self.folder, url=self.url)) as database:
            found = database.read_now(lambda each: each.execute(sa.select(*columns)).all())
        return sorted(tuple(row) for row in found)


@pytest.fixture
def place(tmp_path: Path, database_url: SecretStr | None) -> Place:
    """One where nothing is yet."""
    return Place(tmp_path, database_url)


def rows(folder: Path, query: str) -> list[Any]:
    """What another program reads in the file."""
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        return connection.execute(query).fetchall()


def stored_bytes(folder: Path) -> bytes:
    """All that the database's files hold, deleted rows included."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("journal.db*")))


async def ask(journal: Journal, **fields: object) -> int:
    """Record a question that is kept; returns its id."""
    question_id = await journal.record(replace(QUESTION, **fields))  # type: ignore[arg-type]
    assert question_id is not None
    return question_id


async def test_a_question_is_kept_with_how_it_went(place: Place, clock: Clock) -> None:
    """Everything but the person stands in the file as it was recorded."""
    with place.opened(now=clock) as journal:
        await ask(journal)
        await ask(journal, outcome="not-found", article=None, confidence=None, chat_kind="group")
    names = "asked_at", "text", "language", "outcome", "article", "confidence", "chat_kind"
    time, text = datetime(2026, 3, 1, 12), "How long is the bridge?"  # noqa: DTZ001 - no zone
    assert place.rows(*(QUESTIONS.c[name] for name in names)) == [
        (time, text, "en", "answered", "bridge", 0.9, "private"),
        (time, text, "en", "not-found", None, None, "group"),
    ]


async def test_times_are_utc(place: Place, clock: Clock) -> None:
    """Wherever the server's clock is, the file says UTC."""
    clock.time = datetime(2026, 3, 1, 3, tzinfo=timezone(timedelta(hours=6)))
    with place.opened(now=clock) as journal:
        await ask(journal)
    [(asked_at,)] = place.rows(QUESTIONS.c.asked_at)
    assert asked_at.isoformat() == "2026-02-28T21:00:00"


async def test_without_days_no_question_is_kept(place: Place) -> None:
    """JOURNAL_DAYS=0 keeps no question, and deletes those from before."""
    with place.opened() as journal:
        await ask(journal)
        await journal.choose_language(ALICE, "ky")
    with place.opened(days=0) as journal:
        assert await journal.record(QUESTION) is None
        assert await journal.chosen_language(ALICE) == "ky"
        await journal.remember_reply(1, 2, 3, ALICE)
        assert await journal.find_reply(1, 2) == 3
    assert place.rows(QUESTIONS.c.id) == []
    assert b"How long is the bridge?" not in stored_bytes(place.folder)


async def test_who_asks_without_an_identity_has_no_key(place: Place) -> None:
    """Anonymous admins and channels are nobody, so nothing of theirs can be mixed up."""
    with place.opened() as journal:
        await ask(journal, person=None)
        await journal.remember_reply(-100, 2, 3, None)
        assert await journal.chosen_language(None) is None
        assert await journal.find_reply(-100, 2) == 3
    assert place.rows(QUESTIONS.c.person) == [(None,)]
    assert place.rows(REPLIES.c.person) == [(None,)]


async def test_the_last_verdict_of_each_person_counts(place: Place) -> None:
    """A double tap adds nothing, and who thinks again is believed."""
    with place.opened() as journal:
        question = await ask(journal)
        assert await journal.rate(question, ALICE, helpful=True)
        assert await journal.rate(question, ALICE, helpful=True)
        assert await journal.rate(question, BAKYT, helpful=True)
        assert await journal.rate(question, ALICE, helpful=False)
    assert place.rows(VERDICTS.c.question, VERDICTS.c.helpful) == [
        (question, False),
        (question, True),
    ]


async def test_a_question_that_is_gone_is_not_rated(place: Place) -> None:
    """A verdict on what isn't kept is no error, and said not to be kept either."""
    with place.opened() as journal:
        assert not await journal.rate(1, ALICE, helpful=True)
        question = await ask(journal)
        await journal.forget(ALICE)
        assert not await journal.rate(question, BAKYT, helpful=True)


async def test_no_id_is_given_twice(place: Place) -> None:
    """The button of a question that was deleted can't rate a newer one."""
    with place.opened() as journal:
        deleted = await ask(journal)
        await journal.forget(ALICE)
    with place.opened() as journal:
        assert await ask(journal) > deleted


async def test_the_reply_to_a_message_is_found_again(place: Place) -> None:
    """Also after a restart; the last reply counts; chats don't mix."""
    with place.opened() as journal:
        await journal.remember_reply(ALICE, 10, 11, ALICE)
        await journal.remember_reply(-100, 10, 12, ALICE)
        await journal.remember_reply(-100, 10, 13, ALICE)
    with place.opened() as journal:
        assert await journal.find_reply(ALICE, 10) == 11
        assert await journal.find_reply(-100, 10) == 13
        assert await journal.find_reply(-100, 11) is None
        # Chat and message are told apart: 1 and 23 are not 12 and 3.
        await journal.remember_reply(1, 23, 99, None)
        assert await journal.find_reply(12, 3) is None


async def test_a_language_is_chosen_until_it_is_changed(place: Place, clock: Clock) -> None:
    """A choice outlives restarts and years, and can be taken back."""
    with place.opened(now=clock) as journal:
        assert await journal.chosen_language(ALICE) is None
        await journal.choose_language(ALICE, "ru")
        await journal.choose_language(ALICE, "kk")
    clock.time += timedelta(days=5000)
    with place.opened(now=clock) as journal:
        assert await journal.chosen_language(ALICE) == "kk"
        assert await journal.chosen_language(BAKYT) is None
        await journal.choose_language(ALICE, None)
        assert await journal.chosen_language(ALICE) is None
        await journal.choose_language(ALICE, None)


async def test_forgetting_deletes_all_of_one_person(place: Place) -> None:
    """Questions with others' verdicts, own verdicts, replies, language: and nobody else's."""
    with place.opened() as journal:
        alices, bakyts = await ask(journal), await ask(journal, person=BAKYT)
        await ask(journal)
        for person in (ALICE, BAKYT):
            await journal.choose_language(person, "ky")
            await journal.remember_reply(person, 1, 2, person)
            await journal.rate(alices, person, helpful=True)
            await journal.rate(bakyts, person, helpful=True)
        assert await journal.forget(ALICE) == 2
        assert await journal.chosen_language(ALICE) is None
        assert await journal.find_reply(ALICE, 1) is None
        assert await journal.chosen_language(BAKYT) == "ky"
        assert await journal.find_reply(BAKYT, 1) == 2
        assert await journal.forget(ALICE) == 0
    assert place.rows(QUESTIONS.c.id) == [(bakyts,)]
    assert place.rows(VERDICTS.c.question) == [(bakyts,)]


async def test_what_is_forgotten_is_not_in_the_files(tmp_path: Path) -> None:
    """Deleted text is overwritten, in the file and in the log beside it, while the bot runs."""
    with opened(tmp_path) as journal:
        await ask(journal)
        assert b"How long is the bridge?" in stored_bytes(tmp_path)
        await journal.forget(ALICE)
        assert b"How long is the bridge?" not in stored_bytes(tmp_path)


async def test_old_questions_and_replies_are_pruned(place: Place, clock: Clock) -> None:
    """Questions go after JOURNAL_DAYS, with their verdicts; replies after two days."""
    with place.opened(days=30, now=clock) as journal:
        old = await ask(journal, text="An old question")
        await journal.rate(old, BAKYT, helpful=True)
        await journal.remember_reply(1, 1, 2, ALICE)
        clock.time += timedelta(days=2) - timedelta(seconds=1)
        await ask(journal, text="A newer question")
        await journal.prune()
        assert await journal.find_reply(1, 1) == 2
        clock.time += timedelta(seconds=1)
        await journal.prune()
        assert await journal.find_reply(1, 1) is None
        assert await journal.rate(old, ALICE, helpful=True)
        clock.time += timedelta(days=28)
        await journal.prune()
        assert not await journal.rate(old, ALICE, helpful=True)
        assert b"An old question" not in stored_bytes(place.folder)
    assert place.rows(QUESTIONS.c.text) == [("A newer question",)]
    assert place.rows(VERDICTS.c.question) == []


async def test_opening_prunes(place: Place, clock: Clock) -> None:
    """What grew too old while the bot was away is gone at once, also if fewer days are set."""
    with place.opened(days=30, now=clock) as journal:
        await ask(journal)
    clock.time += timedelta(days=7)
    with place.opened(days=7, now=clock):
        assert place.rows(QUESTIONS.c.id) == []


async def test_no_identity_is_in_the_files(tmp_path: Path) -> None:
    """Neither ids of people and chats nor the key stand anywhere in the database's bytes."""
    with opened(tmp_path) as journal:
        question = await ask(journal)
        await journal.rate(question, ALICE, helpful=True)
        await journal.remember_reply(ALICE, 1, 2, ALICE)
        await journal.choose_language(ALICE, "ky")
        stored = stored_bytes(tmp_path)
    key = (tmp_path / "journal.key").read_bytes()
    assert len(key) == 32
    number = ALICE.to_bytes(4, "big")
    for secret in (str(ALICE).encode(), number, number[::-1], key, key.hex().encode()):
        assert secret not in stored


async def test_a_lost_key_leaves_records_that_are_nobodys(tmp_path: Path) -> None:
    """Without its key the journal opens; whose the old records were, nobody can tell."""
    with opened(tmp_path) as journal:
        await ask(journal)
        await journal.choose_language(ALICE, "ky")
    (tmp_path / "journal.key").unlink()
    with opened(tmp_path) as journal:
        assert await journal.chosen_language(ALICE) is None
        assert await journal.forget(ALICE) == 0
    assert len(rows(tmp_path, "SELECT * FROM questions")) == 1


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    """The database, what SQLite puts beside it, and the key have mode 0600."""
    with opened(tmp_path):
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("journal.*")
        }
    assert modes == dict.fromkeys(
        ["journal.db", "journal.db-wal", "journal.db-shm", "journal.key"], 0o600
    )


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    """So does a folder that isn't there yet."""
    (tmp_path / "journal.db").touch()
    with opened(tmp_path), opened(tmp_path / "new" / "folder"):
        pass
    for folder in (tmp_path, tmp_path / "new" / "folder"):
        assert rows(folder, "SELECT version_num FROM alembic_version") == [("4",)]
        assert rows(folder, "PRAGMA journal_mode") == [("wal",)]


def test_migrations_make_the_tables_that_the_code_knows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who changes a table writes a migration; and migrating says nothing in the log."""
    logging.getLogger("alembic").setLevel(logging.NOTSET)
    with opened(tmp_path) as journal:
        differences = journal.database.read_now(
            lambda connection: compare_metadata(MigrationContext.configure(connection), TABLES)
        )
        assert differences == []
        [questions] = rows(tmp_path, "SELECT sql FROM sqlite_master WHERE name = 'questions'")
        assert "AUTOINCREMENT" in questions[0]
    assert caplog.records == []


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """What is no database is named, with the way out, and left as it is."""
    (tmp_path / "journal.db").write_bytes(b"This is no database. " * 500)
    with pytest.raises(JournalUnusable) as caught:
        Journal.open(tmp_path, 90)
    assert str(caught.value) == (
        f"The journal {tmp_path}/journal.db is damaged (file is not a database): restore it from "
        "a backup, or move it away to begin a new one."
    )
    assert (tmp_path / "journal.db").read_bytes() == b"This is no database. " * 500


def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    """A file that a newer version migrated is not touched by an older one."""
    with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '99'")
    with pytest.raises(JournalUnusable, match="newer version of this program: install that one"):
        Journal.open(tmp_path, 90)


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    """A key that isn't whole would make everybody a stranger, without a word."""
    (tmp_path / "journal.key").write_bytes(b"short")
    with pytest.raises(JournalUnusable, match=r"journal\.key is damaged: restore it"):
        Journal.open(tmp_path, 90)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A wrong DATA_DIR is named."""
    (tmp_path / "data").touch()
    with pytest.raises(JournalUnusable, match="check the free space and the rights"):
        Journal.open(tmp_path / "data", 90)


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Who may only read the file hears of it at the start, not at the first question."""
    (tmp_path / "journal.db").mkdir()  # which even root can't write to
    with pytest.raises(JournalUnusable, match=r"can't be opened \(unable to open database file\)"):
        Journal.open(tmp_path, 90)


async def test_two_journals_of_one_file(tmp_path: Path) -> None:
    """Two processes open, ask and forget at the same time; nothing is lost or refused."""
    with ExitStack() as stack:
        opening = [asyncio.to_thread(Journal.open, tmp_path, 90) for _ in range(4)]
        journals = await asyncio.gather(*opening)
        for journal in journals:
            stack.callback(journal.close)
        ids = await asyncio.gather(*(ask(journal) for journal in journals * 25))
        assert len(set(ids)) == 100
        assert await journals[0].forget(ALICE) == 100


async def test_who_begins_a_journal_with_others_waits_for_them(tmp_path: Path) -> None:
    """The bot and a command that are started at the same moment both find a journal."""
    for number in range(40):
        opening = [asyncio.to_thread(Journal.open, tmp_path / str(number), 90) for _ in range(4)]
        for journal in await asyncio.gather(*opening):
            journal.close()


async def test_a_locked_file_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While somebody else writes for long, writing fails in our own words, and reading works."""
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT", 0)
    caplog.set_level(logging.DEBUG)
    with opened(tmp_path) as journal:
        await journal.choose_language(ALICE, "ky")
        with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError) as caught:
                await journal.record(QUESTION)
            assert await journal.chosen_language(ALICE) == "ky"
        assert await ask(journal) == 1
    assert str(caught.value) == "The journal can't be used now: database is locked."
    assert "bridge" not in f"{caught.value.__cause__} {caplog.text}"


async def test_a_full_disk_is_an_error_without_the_question(tmp_path: Path) -> None:
    """What could not be written is in no message, nor in the driver's behind it."""
    with opened(tmp_path) as journal:
        assert isinstance(journal.database, SqliteDatabase)

        @sa.event.listens_for(journal.database._engine, "connect")
        def shrink(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA max_page_count = 1")

        journal.database._engine.dispose()
        with pytest.raises(JournalError) as caught:
            await journal.record(replace(QUESTION, text="bridge " * 10_000))
        assert str(caught.value) == "The journal can't be used now: database or disk is full."
        assert "bridge" not in str(caught.value.__cause__)
        assert await journal.chosen_language(ALICE) is None
