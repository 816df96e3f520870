"""One file with all that can't be had again: the journal, the articles, drafts and sources.

A backup is a .zip with a manifest that has the SHA-256 of each file. It is made while the bot is
running, and has no token in it. The index isn't in it either, since a reindex makes it again.
"""

import contextlib
import hashlib
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import sqlalchemy as sa
from filelock import FileLock, Timeout
from pydantic import SecretStr, TypeAdapter, ValidationError

from bot.errors import BackupError
from bot.storage.database import JOURNAL_FILE, Database, replace_row
from bot.storage.key import FINGERPRINT, KEY_FILE, fingerprint, read_or_make_key
from bot.storage.moving import copy_rows, held, refuse_while_used
from bot.storage.private_files import TEMPORARY_FILES, writing
from bot.storage.schema import (
    ARTICLE_QUEUE,
    INBOX,
    JOBS,
    PACES,
    RECENT_QUESTIONS,
    STATE,
    TABLES,
)
from knowledge.changes import LOCK, TRASH

_MANIFEST = "manifest.json"
_SOURCES, _DRAFTS, _ARTICLES = "sources.yaml", "drafts", "articles"
_MOVED_ASIDE = "before-restore-"
_STAGED, _SCRATCH = ".restoring-", ".backing-up-"

_BLOCK = 1024 * 1024
# A manifest of 100,000 files; what is larger is none.
_LONGEST_MANIFEST = 32 * 1024 * 1024

# Nobody shall be answered again, when the backup is restored, what was answered since; and these
# hold nothing that anybody would miss.
_PASSING = (INBOX, RECENT_QUESTIONS, JOBS, PACES, ARTICLE_QUEUE)

# In seconds.
_PATIENCE = 10


@dataclass(frozen=True, slots=True)
class Places:
    """Where what is backed up lives."""

    data: Path
    """The folder of journal.db, journal.key, sources.yaml and drafts/."""
    articles: Path
    database: SecretStr | None = None
    """The server's database that the journal is in, in place of journal.db; see the settings."""


@dataclass(frozen=True, slots=True)
class BackedUpFile:
    """A file in a backup."""

    name: str
    """With "/" between folders; the first part says where it belongs."""
    size: int
    """In bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup."""

    format: Literal[1]
    version: str
    """Of this program, when the backup was made."""
    made_at: datetime
    questions: int
    """How many the journal holds."""
    articles: int
    """How many files of articles there are, without those in the trash."""
    files: tuple[BackedUpFile, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored."""

    manifest: Manifest
    moved_to: tuple[Path, ...]
    """Folders with what was in the way."""


_TO_JSON = TypeAdapter(Manifest)
_ALL_TABLES = ", ".join(table.name for table in TABLES.sorted_tables)
_EMPTY = sa.text(f"TRUNCATE {_ALL_TABLES}")


def back_up(places: Places, target: Path, version: str, now: datetime) -> Manifest:
    """Write a backup; a file that is there already is never touched.

    Raises:
        BackupError: it can't be written or read again, or the journal is damaged; there is no file
            then.
    """
    if target.exists():
        raise BackupError(f"{target} is there already: choose another name.")
    try:
        with (
            tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=_SCRATCH) as folder,
            writing(target) as file,
        ):
            manifest = _write(places, Path(folder), file, version, now)
            _check(file)
            if target.exists():
                raise BackupError(f"{target} is there already: choose another name.")
    except OSError as error:
        raise BackupError(
            f"The backup {target} can't be written ({error.strerror or error}): check the free "
            "space and the rights of its folder and of what is backed up."
        ) from error
    return manifest


def restore(source: Path, places: Places, now: datetime, *, force: bool = False) -> Restored:
    """Put back what a backup holds, after all of it was checked.

    Args:
        source: The backup.
        places: Where it belongs.
        now: Names the folders of what is moved aside.
        force: Whether to move aside what is in the way, which nothing ever deletes.

    Raises:
        BackupError: it is damaged, something is in the way, or a bot is using the journal.
    """
    try:
        with source.open("rb") as file:
            manifest = _check(file)
            _refuse_while_running(places.data / JOURNAL_FILE)
            in_the_way = _in_the_way(places)
            names = [str(path) for path in in_the_way]
            if places.database and _is_held(places.database):
                names.insert(0, "the journal in PostgreSQL")
            if names and not force:
                raise BackupError(
                    f"There is something already: {', '.join(names[:3])}"
                    f"{', …' if names[3:] else ''}. With --force it is moved into a folder "
                    f"{_MOVED_ASIDE}… beside it."
                )
            return Restored(manifest, _put_in_place(file, manifest, places, in_the_way, now))
    except OSError as error:
        raise BackupError(
            f"{source} can't be restored ({error.strerror or error}): check that it is there, the "
            "free space, and the rights of DATA_DIR and ARTICLES_DIR."
        ) from error


def _write(
    places: Places, scratch: Path, target: BinaryIO, version: str, now: datetime
) -> Manifest:
    questions, files = 0, list[BackedUpFile]()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        copy = scratch / JOURNAL_FILE
        if places.database:
            _copy_from_server(places, scratch)
            questions = _finish_copy(copy)
        elif (places.data / JOURNAL_FILE).exists():
            questions = _copy_journal(places.data / JOURNAL_FILE, copy)
        if copy.exists():
            files.append(_add(archive, JOURNAL_FILE, copy, now))
        for name in (KEY_FILE, _SOURCES):
            if (places.data / name).exists():
                files.append(_add(archive, name, places.data / name, now))
        files += _add_folder(archive, _DRAFTS, places.data / _DRAFTS, now)
        with _unchanged(places.articles):
            articles = _add_folder(archive, _ARTICLES, places.articles, now)
        files += articles
        manifest = Manifest(
            format=1,
            version=version,
            made_at=now,
            questions=questions,
            articles=sum(PurePosixPath(each.name).match("articles/*.md") for each in articles),
            files=tuple(files),
        )
        archive.writestr(_entry(_MANIFEST, now), _TO_JSON.dump_json(manifest, indent=1))
    return manifest


def _copy_from_server(places: Places, scratch: Path) -> None:
    """Copy the journal as it is at one moment into a file such as SQLite's journal is."""
    with (
        contextlib.closing(Database.open(places.data, url=places.database)) as server,
        contextlib.closing(Database.open(scratch)) as file,
    ):
        server.read_now(
            lambda journal: file.write_now(lambda copied: copy_rows(journal, copied, _PASSING))
        )


def _copy_journal(path: Path, copy: Path) -> int:
    """Copy the journal as it is at one moment, whoever writes to it; return its questions."""
    try:
        with (
            contextlib.closing(sqlite3.connect(path, timeout=_PATIENCE)) as journal,
            contextlib.closing(sqlite3.connect(copy)) as copied,
        ):
            journal.backup(copied)
        return _finish_copy(copy)
    except sqlite3.Error as error:
        raise BackupError(
            f"The journal {path} can't be copied ({error}): check the free space; if it is "
            "damaged, restore an earlier backup."
        ) from error


def _finish_copy(copy: Path) -> int:
    """Leave out what passes, and check the rest; returns how many questions there are."""
    with contextlib.closing(sqlite3.connect(copy)) as copied:
        copied.execute("PRAGMA secure_delete = ON")
        there = {name for (name,) in copied.execute("SELECT name FROM sqlite_master")}
        for table in there.intersection(each.name for each in _PASSING):
            copied.execute(f"DELETE FROM {table}")  # noqa: S608 - a table of ours
        copied.commit()
        # One file, without a log beside it.
        copied.execute("PRAGMA journal_mode = DELETE")
        [(verdict,), *_] = copied.execute("PRAGMA integrity_check").fetchall()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        (questions,) = copied.execute("SELECT count(*) FROM questions").fetchone()
    return int(questions)


@contextlib.contextmanager
def _unchanged(articles: Path) -> Iterator[None]:
    """Keep the bot and others from changing articles meanwhile, if anything ever changed them."""
    trash = articles / TRASH
    if not trash.is_dir():
        yield
        return
    try:
        with FileLock(trash / LOCK, timeout=_PATIENCE):
            yield
    except Timeout as error:
        raise BackupError(
            f"The articles in {articles} are being changed: try again in a minute."
        ) from error


def _add_folder(
    archive: zipfile.ZipFile, name: str, folder: Path, now: datetime
) -> list[BackedUpFile]:
    files = []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        left_out = (
            inside.parts[0].startswith((_MOVED_ASIDE, _STAGED))
            or path.match(TEMPORARY_FILES)
            or inside.parts == (TRASH, LOCK)
        )
        if path.is_file() and not left_out:
            # A draft may have been saved or discarded just now.
            with contextlib.suppress(FileNotFoundError):
                files.append(_add(archive, f"{name}/{inside.as_posix()}", path, now))
    return files


def _add(archive: zipfile.ZipFile, name: str, path: Path, now: datetime) -> BackedUpFile:
    checksum, size = hashlib.sha256(), 0
    with (
        path.open("rb") as source,
        archive.open(_entry(name, now), "w", force_zip64=True) as entry,
    ):
        while block := source.read(_BLOCK):
            checksum.update(block)
            size += len(block)
            entry.write(block)
    return BackedUpFile(name, size, checksum.hexdigest())


def _entry(name: str, now: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, now.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


def _check(file: BinaryIO) -> Manifest:
    """Read all of a backup; nothing is written anywhere.

    Raises:
        BackupError: it is no backup, or not what it was when it was made.
    """
    with _opened(file) as archive:
        manifest = _read_manifest(archive)
        for each in manifest.files:
            for _block in _blocks(archive, each):
                pass
    return manifest


_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, RuntimeError)
"""All that a damaged file makes the library raise."""


@contextlib.contextmanager
def _opened(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except _DAMAGED as error:
        raise _damaged(str(error)) from error


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    if archive.getinfo(_MANIFEST).file_size > _LONGEST_MANIFEST:
        raise _damaged("its manifest is too long")
    try:
        manifest = _TO_JSON.validate_json(archive.read(_MANIFEST))
    except ValidationError as error:
        raise _damaged("its manifest is of another program or version") from error
    plain = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    if any(entry.compress_type not in plain for entry in archive.infolist()):
        raise _damaged("it isn't compressed as we do it")
    names = [each.name for each in manifest.files]
    if sorted([*names, _MANIFEST]) != sorted(archive.namelist()):
        raise _damaged("it doesn't hold the files that it says")
    wrong = next((name for name in names if not _is_ours(name)), None)
    if wrong is not None:
        raise _damaged(f"{wrong!r} is no file of this program")
    return manifest


def _is_ours(name: str) -> bool:
    """Whether a file belongs below one of our places, and nowhere else."""
    parts = name.split("/")
    # A backslash parts folders on Windows, and a colon comes behind a drive.
    if any(part in {"", ".", ".."} or set(part) & set("\\:\0") for part in parts):
        return False
    if parts[0] in {_DRAFTS, _ARTICLES}:
        return len(parts) > 1
    return name in {JOURNAL_FILE, KEY_FILE, _SOURCES}


def _blocks(archive: zipfile.ZipFile, file: BackedUpFile) -> Iterator[bytes]:
    """Read a file, no further than it should be long, and compare it with what it should be."""
    checksum, size = hashlib.sha256(), 0
    with archive.open(file.name) as entry:
        while size <= file.size and (block := entry.read(_BLOCK)):
            checksum.update(block)
            size += len(block)
            yield block
    if size != file.size or checksum.hexdigest() != file.sha256:
        raise _damaged(f"{file.name} isn't what it was when the backup was made")


def _refuse_while_running(journal: Path) -> None:
    """Raise if any program has the journal open: only without others can it leave WAL mode."""
    if not journal.exists():
        return
    with contextlib.closing(sqlite3.connect(journal, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            raise BackupError(
                f"The bot is running, or another program has {journal} open ({error}): stop it "
                "first."
            ) from error
        except sqlite3.DatabaseError:
            return  # a damaged one is a reason to restore another


def _in_the_way(places: Places) -> list[Path]:
    """What is where a backup's files belong."""
    own = (f"{JOURNAL_FILE}*", KEY_FILE, _SOURCES, _DRAFTS)
    found = [path for pattern in own for path in sorted(places.data.glob(pattern))]
    if places.articles.is_dir():
        found += [
            path
            for path in sorted(places.articles.iterdir())
            if not path.name.startswith((_MOVED_ASIDE, _STAGED))
        ]
    return found


def _put_in_place(
    file: BinaryIO, manifest: Manifest, places: Places, in_the_way: list[Path], now: datetime
) -> tuple[Path, ...]:
    """Unpack beside the places, then move: what fails, fails before anything is moved."""
    with contextlib.ExitStack() as staging:
        staged = {
            home: Path(
                staging.enter_context(tempfile.TemporaryDirectory(dir=_made(home), prefix=_STAGED))
            )
            for home in (places.data, places.articles)
        }
        with _opened(file) as archive:
            for each in manifest.files:
                home, inside = _home_of(each.name, places)
                target = staged[home] / inside
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch(0o600)
                with target.open("wb") as unpacked:
                    for block in _blocks(archive, each):
                        unpacked.write(block)
        moved_to: dict[Path, None] = {}
        if places.database and (staged[places.data] / JOURNAL_FILE).exists():
            aside = _aside(places.data, now)
            _load(places.database, staged[places.data], aside, now)
            moved_to |= {aside: None} if aside.exists() else {}
        moved_to |= dict.fromkeys(_move_aside(path, now) for path in in_the_way)
        for home, folder in staged.items():
            for path in sorted(folder.iterdir()):
                shutil.move(path, home / path.name)
    return tuple(moved_to)


def _is_held(url: SecretStr) -> bool:
    from bot.storage.postgresql import look

    return bool(look(url.get_secret_value(), held))


def _load(url: SecretStr, staged: Path, aside: Path, now: datetime) -> None:
    """Put a backup's journal into a server's database, and what was there into a file.

    Args:
        url: The database.
        staged: A folder with the backup's journal and key; the journal isn't in it afterwards.
        aside: A folder for what was in the database; it is made if anything was.
        now: The time.

    Raises:
        JournalNotMoved: a bot is using the database.
    """
    from bot.storage.postgresql import open_postgresql

    address = url.get_secret_value()
    with (
        contextlib.closing(Database.open(staged)) as file,
        contextlib.closing(
            open_postgresql(address, staged, lambda: now, with_any_key=True)
        ) as server,
    ):

        def load(backup: sa.Connection, journal: sa.Connection) -> None:
            journal.execute(_EMPTY)
            copy_rows(backup, journal)
            key = {"value": fingerprint(read_or_make_key(staged))}
            replace_row(journal, STATE, {"name": FINGERPRINT}, key)

        server.read_now(lambda journal: refuse_while_used(server, journal))
        if server.read_now(held):
            with contextlib.closing(Database.open(aside)) as old:
                server.read_now(
                    lambda journal: old.write_now(lambda copied: copy_rows(journal, copied))
                )
        file.read_now(lambda backup: server.write_now(lambda journal: load(backup, journal)))
    for path in staged.glob(f"{JOURNAL_FILE}*"):
        path.unlink()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _home_of(name: str, places: Places) -> tuple[Path, PurePosixPath]:
    """The folder that a file belongs to, and where in it."""
    path = PurePosixPath(name)
    if path.parts[0] == _ARTICLES:
        return places.articles, path.relative_to(_ARTICLES)
    return places.data, path


def _move_aside(path: Path, now: datetime) -> Path:
    """Move something into a folder beside it, and return that."""
    folder = _made(_aside(path.parent, now))
    path.rename(folder / path.name)
    return folder


def _aside(home: Path, now: datetime) -> Path:
    return home / f"{_MOVED_ASIDE}{now:%Y%m%d-%H%M%S}"


def _damaged(reason: str) -> BackupError:
    return BackupError(f"The backup is damaged ({reason}): restore another one.")
