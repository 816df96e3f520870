"""Backups: made while others write, checked, and put back without losing what was there."""

import asyncio
import contextlib
import hashlib
import io
import json
import sqlite3
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from pydantic import SecretStr

from bot.errors import BackupError, JournalError, JournalNotMoved
from bot.storage import backup
from bot.storage.backup import Places, back_up, restore
from bot.storage.journal import AskedQuestion, Journal
from fixed_retriever import BRIDGE
from knowledge.article import format_article
from knowledge.corpus import load_corpus
from postgres_server import PostgresServer

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
QUESTION = AskedQuestion(1, "Кайда?", "ky", "answered", "bridge", 0.9, "private")
ASIDE = "before-restore-20260301-123000"


async def _ask(folder: Path, number: int, url: SecretStr | None = None) -> None:
    with closing(Journal.open(folder, 90, url=url)) as journal:
        for _ in range(number):
            await journal.record(QUESTION)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Where a bot has been at work: a journal, a source, a draft, two articles, one removed."""
    places = Places(tmp_path / "data", tmp_path / "articles")
    asyncio.run(_ask(places.data, 3))
    (places.data / "sources.yaml").write_text("- url: https://example.org/feed\n")
    (places.data / "drafts").mkdir()
    (places.data / "drafts" / "abcd1234.md").write_text("A draft")
    (places.data / "index.db").write_text("can be made again")
    places.articles.mkdir()
    (places.articles / "bridge.md").write_text(format_article(BRIDGE), "utf-8")
    (places.articles / "мост.md").write_text("No article")
    removed = places.articles / ".trash" / "20260228-1"
    removed.mkdir(parents=True)
    (removed / "ferry.md").write_text("Removed")
    (places.articles / ".trash" / "lock").touch()
    (places.articles / ".writing-1234").write_text("half")
    return places


@pytest.fixture
def elsewhere(tmp_path: Path) -> Places:
    """A machine with nothing on it."""
    return Places(tmp_path / "new" / "data", tmp_path / "new" / "articles")


@pytest.fixture
def made(places: Places, tmp_path: Path) -> Path:
    """A backup of those places."""
    back_up(places, tmp_path / "backup.zip", "0.1.0", NOW)
    return tmp_path / "backup.zip"


def rows(folder: Path) -> list[Any]:
    """All questions in a folder's journal."""
    with closing(sqlite3.connect(folder / "journal.db")) as connection:
        return connection.execute("SELECT * FROM questions ORDER BY id").fetchall()


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def changed(source: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A copy of a backup whose files were changed."""
    with zipfile.ZipFile(source) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    change(content)
    copy = source.with_name("changed.zip")
    with zipfile.ZipFile(copy, "w") as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return copy


def add_with_its_digest(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    """Add a file to a backup as if it had been in there from the first."""

    def add(files: dict[str, bytes]) -> None:
        files[name] = content
        manifest = json.loads(files["manifest.json"])
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"].append({"name": name, "size": len(content), "sha256": digest})
        files["manifest.json"] = json.dumps(manifest).encode()

    return add


def test_a_backup_holds_all_that_cannot_be_had_again(made: Path) -> None:
    """Journal, key, sources, drafts, articles and their trash; no index, lock or half a file."""
    with zipfile.ZipFile(made) as archive:
        assert sorted(archive.namelist()) == [
            "articles/.trash/20260228-1/ferry.md",
            "articles/bridge.md",
            "articles/мост.md",
            "drafts/abcd1234.md",
            "journal.db",
            "journal.key",
            "manifest.json",
            "sources.yaml",
        ]
        manifest = json.loads(archive.read("manifest.json"))
        ferry = archive.read("articles/.trash/20260228-1/ferry.md")
    assert ferry == b"Removed"
    assert manifest["version"] == "0.1.0"
    assert manifest["made_at"] == "2026-03-01T12:30:00Z"
    assert (manifest["questions"], manifest["articles"]) == (3, 2)
    assert {each["name"]: each["sha256"] for each in manifest["files"]}[
        "articles/.trash/20260228-1/ferry.md"
    ] == hashlib.sha256(b"Removed").hexdigest()
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_what_waits_in_the_inbox_is_left_out(places: Places, tmp_path: Path) -> None:
    """Restored later it would be answered a second time; nothing of its words is in the file."""
    inbox = (
        "INSERT INTO inbox (update_id, received_at, state, starts, person, payload)"
        " VALUES (1, '2026-03-01 12:00:00.000000', 'waiting', 0, 'a', ?)"
    )
    recent = "INSERT INTO recent_questions VALUES ('a', 'b', '2026-03-01 12:00:00.000000', ?)"
    with closing(sqlite3.connect(places.data / "journal.db")) as connection, connection:
        connection.execute(inbox, ("Where is the ferry?",))
        connection.execute(recent, ("Where is the ferry?",))
    back_up(places, tmp_path / "backup.zip", "0.1.0", NOW)
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        copied = archive.read("journal.db")
    assert b"Where is the ferry?" not in copied
    (tmp_path / "copied.db").write_bytes(copied)
    with closing(sqlite3.connect(tmp_path / "copied.db")) as connection:
        assert connection.execute("SELECT * FROM inbox").fetchall() == []
        assert connection.execute("SELECT * FROM recent_questions").fetchall() == []
    with closing(sqlite3.connect(places.data / "journal.db")) as connection:
        assert len(connection.execute("SELECT * FROM inbox").fetchall()) == 1


def test_restoring_elsewhere_gives_the_same(made: Path, places: Places, elsewhere: Places) -> None:
    """Every question and every file is as it was, and a bot can begin with them."""
    restored = restore(made, elsewhere, NOW)
    assert restored.moved_to == ()
    assert restored.manifest.questions == 3
    assert rows(elsewhere.data) == rows(places.data)
    expected = files(places.articles)
    del expected[".trash/lock"], expected[".writing-1234"]
    assert files(elsewhere.articles) == expected
    assert load_corpus(elsewhere.articles).articles == (BRIDGE,)
    assert (elsewhere.data / "journal.key").read_bytes() == (
        places.data / "journal.key"
    ).read_bytes()
    for name in ("journal.db", "journal.key"):
        assert stat.S_IMODE((elsewhere.data / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in elsewhere.data.iterdir()) == [
        "drafts",
        "journal.db",
        "journal.key",
        "sources.yaml",
    ]
    # The key is the right one: whose questions they are can still be told.
    with closing(Journal.open(elsewhere.data, 3650)) as journal:
        assert asyncio.run(journal.forget(1)) == 3


def test_a_backup_while_others_write(places: Places, tmp_path: Path, elsewhere: Places) -> None:
    """The journal is copied as it is at one moment, and nobody who writes is refused."""
    stopped, errors = threading.Event(), list[BaseException]()
    begun = threading.Event()

    async def keep_asking() -> None:
        with closing(Journal.open(places.data, 90)) as journal:
            while not stopped.is_set():
                question = await journal.record(QUESTION)
                assert question is not None
                assert await journal.rate(question, 1, helpful=True)
                begun.set()

    def write() -> None:
        try:
            asyncio.run(keep_asking())
        except BaseException as error:  # noqa: BLE001 - the test tells
            errors.append(error)
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(10)
        manifests = [
            back_up(places, tmp_path / f"{number}.zip", "0.1.0", NOW) for number in range(3)
        ]
    finally:
        stopped.set()
        writer.join()
    assert errors == []
    assert 3 < manifests[0].questions <= manifests[-1].questions <= len(rows(places.data))
    restore(tmp_path / "2.zip", elsewhere, NOW)
    kept = rows(elsewhere.data)
    assert kept == rows(places.data)[: manifests[-1].questions]


def test_a_backup_of_nothing_yet(tmp_path: Path, elsewhere: Places) -> None:
    """Where no bot has run there is no journal, which is no error."""
    manifest = back_up(elsewhere, tmp_path / "empty.zip", "0.1.0", NOW)
    assert (manifest.questions, manifest.files) == (0, ())
    restore(tmp_path / "empty.zip", elsewhere, NOW)


def test_an_existing_file_is_not_touched(places: Places, made: Path) -> None:
    """A backup never takes the place of another file."""
    before = made.read_bytes()
    with pytest.raises(BackupError, match=r"backup\.zip is there already: choose another name"):
        back_up(places, made, "0.1.0", NOW)
    assert made.read_bytes() == before


def test_a_damaged_journal_is_not_backed_up(places: Places, tmp_path: Path) -> None:
    """A backup that can't be used is none."""
    (places.data / "journal.db").write_bytes(b"No database. " * 1000)
    with pytest.raises(BackupError, match=r"journal\.db can't be copied .* restore an earlier"):
        back_up(places, tmp_path / "backup.zip", "0.1.0", NOW)
    assert not list(tmp_path.glob("*.zip"))


_BACK_UP = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.storage.backup import Places, back_up
from bot.errors import BackupError

data, articles, target, limit = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    back_up(Places(Path(data), Path(articles)), Path(target), "0.1.0", datetime.now(UTC))
except BackupError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        (20_000, "The journal {journal} can't be copied (disk I/O error): check the free space"),
        (400_000, "The backup {target} can't be written (File too large): check the free space"),
    ],
)
def test_a_full_disk_leaves_nothing(
    limit: int, error: str, places: Places, tmp_path: Path
) -> None:
    """What can't be written whole isn't there at all; the error says what to do."""
    # Nothing that a compressor makes smaller.
    noise = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(20_000))
    (places.articles / "large.md").write_bytes(noise)
    target = tmp_path / "small" / "backup.zip"
    target.parent.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _BACK_UP, places.data, places.articles, target, str(limit)],
        capture_output=True,
        text=True,
        check=True,
    )
    expected = error.format(journal=places.data / "journal.db", target=target)
    assert done.stdout.startswith(expected)
    assert list(target.parent.iterdir()) == []


def test_a_backup_waits_for_a_change_of_articles(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is being moved to the trash just now would be missing from both places."""
    monkeypatch.setattr(backup, "_PATIENCE", 0)
    with (
        FileLock(places.articles / ".trash" / "lock"),
        pytest.raises(BackupError, match="are being changed: try again"),
    ):
        back_up(places, tmp_path / "backup.zip", "0.1.0", NOW)
    back_up(places, tmp_path / "backup.zip", "0.1.0", NOW)


def test_a_draft_that_goes_away_meanwhile(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An admin may decide on a draft while the backup is made: it is just not in there."""
    add = backup._add

    def discard_first(
        archive: zipfile.ZipFile, name: str, path: Path, now: datetime
    ) -> backup.BackedUpFile:
        if name == "drafts/abcd1234.md":
            path.unlink()
        return add(archive, name, path, now)

    monkeypatch.setattr(backup, "_add", discard_first)
    (places.data / "drafts" / "0000.md").write_text("Another draft")
    manifest = back_up(places, tmp_path / "backup.zip", "0.1.0", NOW)
    drafts = [each.name for each in manifest.files if each.name.startswith("drafts")]
    assert drafts == ["drafts/0000.md"]
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        assert "drafts/abcd1234.md" not in archive.namelist()


def test_what_is_there_is_not_overwritten(made: Path, places: Places) -> None:
    """Without --force nothing is touched, and the error names what is in the way."""
    before = files(places.data), files(places.articles)
    with pytest.raises(BackupError, match=r"There is something already: .*journal\.db.*--force"):
        restore(made, places, NOW)
    assert (files(places.data).keys(), files(places.articles)) == (before[0].keys(), before[1])


def test_force_moves_aside_what_is_there(made: Path, places: Places) -> None:
    """Nothing is deleted: what was there is in folders beside it, whole."""
    (places.articles / "newer.md").write_text("Newer")
    asyncio.run(_ask(places.data, 2))
    restored = restore(made, places, NOW, force=True)
    assert restored.moved_to == (places.data / ASIDE, places.articles / ASIDE)
    assert len(rows(places.data)) == 3
    assert len(rows(places.data / ASIDE)) == 5
    assert not (places.articles / "newer.md").exists()
    assert (places.articles / ASIDE / "newer.md").read_text() == "Newer"
    assert (places.data / "index.db").exists()
    # What was moved aside is in no later backup.
    again = back_up(places, made.with_name("again.zip"), "0.1.0", NOW)
    assert not any(ASIDE in each.name for each in again.files)


def test_a_running_bot_is_noticed(made: Path, places: Places) -> None:
    """Its journal is not taken away from below it, not even with --force."""
    with (
        closing(Journal.open(places.data, 90)),
        pytest.raises(BackupError, match=r"The bot is running.*stop it first"),
    ):
        restore(made, places, NOW, force=True)
    assert len(rows(places.data)) == 3
    restore(made, places, NOW, force=True)


def test_a_damaged_journal_can_be_replaced(made: Path, places: Places) -> None:
    """That is what a backup is for."""
    (places.data / "journal.db").write_bytes(b"No database. " * 1000)
    restore(made, places, NOW, force=True)
    assert len(rows(places.data)) == 3


@contextlib.contextmanager
def refused(elsewhere: Places, reason: str) -> Iterator[None]:
    """Restoring is refused for this reason, and nothing was written."""
    with pytest.raises(BackupError, match=reason):
        yield
    assert not list(elsewhere.data.glob("*")) + list(elsewhere.articles.glob("*"))


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_a_backup_that_was_cut_off(cut: int, made: Path, elsewhere: Places) -> None:
    """A download that broke off is no backup."""
    made.write_bytes(made.read_bytes()[:-cut])
    with refused(elsewhere, "The backup is damaged"):
        restore(made, elsewhere, NOW)


def test_any_flipped_byte_is_noticed(made: Path, elsewhere: Places) -> None:
    """Wherever it is among the files' contents."""
    content = made.read_bytes()
    with zipfile.ZipFile(made) as archive:
        last = archive.getinfo("manifest.json").header_offset
    for place in range(60, last, last // 25):
        made.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            restored = restore(made, elsewhere, NOW)
        except BackupError:
            assert not list(elsewhere.data.glob("*")) + list(elsewhere.articles.glob("*"))
        else:
            # It was in a field that says nothing, such as a time; then all is as it was.
            assert restored.manifest.questions == 3
            assert len(rows(elsewhere.data)) == 3
            elsewhere = Places(elsewhere.data / str(place), elsewhere.articles / str(place))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files: files.update({"journal.db": b"another"}), "journal.db isn't what it was"),
        (lambda files: files.update({"journal.key": bytes(32)}), "journal.key isn't what it was"),
        (lambda files: files.pop("journal.key"), "doesn't hold the files that it says"),
        (lambda files: files.update({"more.txt": b""}), "doesn't hold the files that it says"),
        (lambda files: files.pop("manifest.json"), "manifest.json"),
        (lambda files: files.update({"manifest.json": b"{}"}), "of another program or version"),
        (lambda files: files.update({"manifest.json": b"\xff"}), "of another program or version"),
    ],
)
def test_a_backup_that_was_changed(
    change: Callable[[dict[str, bytes]], None], reason: str, made: Path, elsewhere: Places
) -> None:
    """What isn't what the manifest says is not restored, nothing of it."""
    with refused(elsewhere, reason):
        restore(changed(made, change), elsewhere, NOW)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.md",
        "articles/../../outside.md",
        "/outside.md",
        "articles//x.md",
        "articles/./x.md",
        "articles\\..\\x.md",
        "C:/outside.md",
        "articles",
        ".env",
        "index.db",
        "data/journal.db",
    ],
)
def test_nothing_is_written_anywhere_else(name: str, made: Path, elsewhere: Places) -> None:
    """Names that lead out of our folders, or to files that aren't ours, are refused."""
    hostile = changed(made, add_with_its_digest(name, b"hostile"))
    with refused(elsewhere, "is no file of this program|doesn't hold the files"):
        restore(hostile, elsewhere, NOW)
    assert not list(elsewhere.data.parent.parent.rglob("outside.md"))


def test_a_bomb_is_not_unpacked(made: Path, elsewhere: Places) -> None:
    """A file that is longer than the manifest says is read no further than that."""

    def blow_up(files: dict[str, bytes]) -> None:
        files["articles/bridge.md"] = bytes(64 * 1024 * 1024)

    with refused(elsewhere, "bridge.md isn't what it was"):
        restore(changed(made, blow_up), elsewhere, NOW)


@pytest.mark.parametrize("content", [b"", b"no zip", io.BytesIO().getvalue()])
def test_what_is_no_backup(content: bytes, tmp_path: Path, elsewhere: Places) -> None:
    """Any other file is refused in one line."""
    (tmp_path / "note.txt").write_bytes(content)
    with refused(elsewhere, "The backup is damaged"):
        restore(tmp_path / "note.txt", elsewhere, NOW)


def test_a_missing_backup(tmp_path: Path, elsewhere: Places) -> None:
    """A wrong path is named."""
    with refused(elsewhere, r"none\.zip can't be restored \(No such file or directory\)"):
        restore(tmp_path / "none.zip", elsewhere, NOW)


@pytest.fixture
def on_server(places: Places, postgres_url: SecretStr) -> Places:
    """The same, with the journal in PostgreSQL."""
    for path in places.data.glob("journal.*"):
        path.unlink()
    asyncio.run(_ask(places.data, 3, postgres_url))
    assert not (places.data / "journal.db").exists()
    return replace(places, database=postgres_url)


def forgotten(folder: Path, url: SecretStr | None = None) -> int:
    """How many questions are known to be those of who asked them."""
    with closing(Journal.open(folder, 3650, url=url)) as journal:
        return asyncio.run(journal.forget(1))


def test_a_backup_of_a_server_is_one_of_a_file(
    on_server: Places, tmp_path: Path, elsewhere: Places
) -> None:
    """What is made of PostgreSQL is restored to SQLite, by any machine."""
    manifest = back_up(on_server, tmp_path / "backup.zip", "0.1.0", NOW)
    assert manifest.questions == 3
    assert {"journal.db", "journal.key"} < {each.name for each in manifest.files}
    assert restore(tmp_path / "backup.zip", elsewhere, NOW).manifest == manifest
    assert forgotten(elsewhere.data) == 3


def test_restoring_to_an_empty_server(
    made: Path, elsewhere: Places, postgres_server: PostgresServer
) -> None:
    """The journal goes where the bot will look for it, with its key, and nowhere else."""
    with postgres_server.database(empty=True) as name:
        url = postgres_server.url(name)
        assert restore(made, replace(elsewhere, database=url), NOW).moved_to == ()
        assert not list(elsewhere.data.glob("journal.db*"))
        assert forgotten(elsewhere.data, url) == 3


def test_restoring_to_a_server_that_holds_something(
    made: Path, on_server: Places, postgres_url: SecretStr
) -> None:
    """Nothing is ever deleted: what was there becomes a file, beside the key that it needs."""
    asyncio.run(_ask(on_server.data, 2, postgres_url))
    before = (on_server.data / "journal.key").read_bytes()
    with pytest.raises(BackupError, match="something already: the journal in PostgreSQL, "):
        restore(made, on_server, NOW)
    restored = restore(made, on_server, NOW, force=True)
    aside = on_server.data / ASIDE
    assert aside in restored.moved_to
    assert (aside / "journal.key").read_bytes() == before
    assert forgotten(on_server.data, postgres_url) == 3
    assert forgotten(aside) == 5


def test_restoring_waits_for_no_replica(
    made: Path, on_server: Places, postgres_url: SecretStr
) -> None:
    """A bot that is connected would go on with the other key; nothing is touched."""
    files = sorted(on_server.data.rglob("*"))
    with closing(Journal.open(on_server.data, 90, url=postgres_url)) as journal:
        with pytest.raises(JournalNotMoved, match="stop all replicas first"):
            restore(made, on_server, NOW, force=True)
        assert asyncio.run(journal.forget(1)) == 3
    assert sorted(on_server.data.rglob("*")) == files


def test_restoring_while_the_server_is_away(made: Path, elsewhere: Places) -> None:
    """It is said, and nothing is half restored."""
    url = SecretStr("postgresql+asyncpg://bot:secret@127.0.0.1:1/bot")
    with pytest.raises(JournalError, match=r"127\.0\.0\.1:1/bot can't be opened now"):
        restore(made, replace(elsewhere, database=url), NOW)
    assert not elsewhere.data.exists() or not list(elsewhere.data.iterdir())
