"""Checks of an installation, as far as this machine knows it; none of them changes anything."""

import logging
import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import sqlalchemy as sa
from filelock import FileLock, Timeout
from pydantic import SecretStr

from bot.errors import BotError, JournalError, JournalUnusable
from bot.insight.findings import Finding, ok, problem, warning
from bot.insight.status import FULL_DISK, read_machine
from bot.one_bot import LOCK_FILE
from bot.settings import Settings
from bot.storage.database import JOURNAL_FILE
from bot.storage.key import KEY_FILE, fingerprint, known_fingerprint
from bot.storage.migrations import table_versions
from bot.storage.schema import QUESTIONS
from embeddings.embedder import Embedder, has_bfloat16
from embeddings.errors import EmbeddingsError, IndexMissing, IndexUnavailable, IndexUnusable
from embeddings.stores.opening import known_versions, open_store
from knowledge.corpus import ArticleFolder, Findings
from knowledge.errors import CorpusError, KnowledgeError

logger = logging.getLogger(__name__)

_GB = 1024**3
# The model takes 260 MB once unpacked.
_LITTLE_SPACE = 2 * FULL_DISK
# What the bot takes, and a reindex besides; see README.
_ENOUGH_MEMORY = int(2.2 * _GB)
_LITTLE_MEMORY = int(1.2 * _GB)

_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))

_FAULTS_SHOWN = 3
# In seconds.
_PATIENCE = 5

Check = Callable[[], Iterator[Finding]]


def carefully(name: str, check: Check) -> Iterator[Finding]:
    """Do a check that may meet anything: what nobody has thought of is a finding, too."""
    try:
        yield from check()
    except (KnowledgeError, EmbeddingsError, BotError) as error:
        yield problem(name, str(error), "")
    except OSError as error:
        yield problem(
            name,
            f"{error.filename or 'A file'} can't be read ({error.strerror}).",
            "Run this as the user that runs the bot, or check the rights.",
        )
    except Exception as error:
        # Whoever asks wants to hear of all the rest as well.
        logger.debug("The check of %s failed", name, exc_info=True)
        yield problem(
            name,
            f"It can't be checked ({type(error).__name__}).",
            "LOG_LEVEL=DEBUG shows where.",
        )


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Check that what was set is used; that each of them can be taken is known by now."""
    if not settings.store_url and (settings.store_token or settings.store_ca):
        yield warning(
            "settings",
            "STORE_TOKEN or STORE_CA is set, and STORE_URL isn't: the index is in DATA_DIR.",
            "Set STORE_URL to the address of the Milvus server, or leave all of them empty.",
        )
    elif settings.store_ca and not settings.store_url.startswith("https:"):
        yield warning(
            "settings",
            "STORE_CA is set, and STORE_URL doesn't begin with https: nothing is encrypted.",
            "Correct STORE_URL, or leave STORE_CA empty.",
        )
    else:
        yield ok("settings", "All of them can be taken.")


def check_private_files(settings: Settings) -> Iterator[Finding]:
    """Check that nobody else reads what is secret."""
    data = settings.data_dir
    secret = [Path(".env"), data / JOURNAL_FILE, data / KEY_FILE]
    there = [path for path in secret if path.exists()]
    open_to_others = [
        path for path in there if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]
    names = ", ".join(map(str, open_to_others))
    if open_to_others:
        yield warning(
            "secrets",
            f"Others on this machine may read {names}.",
            f"chmod 600 {' '.join(map(str, open_to_others))}",
        )
    else:
        yield ok("secrets", "Nobody else on this machine may read .env and the journal.")


def check_folders(settings: Settings) -> Iterator[Finding]:
    """Check that the bot can write where it must."""
    for variable, folder in (
        ("DATA_DIR", settings.data_dir),
        ("ARTICLES_DIR", settings.articles_dir),
    ):
        if not folder.exists():
            # That of the articles has a check of its own.
            if variable == "DATA_DIR":
                yield _folder_to_be_made(folder)
            continue
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield problem(
                "folders",
                f"{variable}, {folder}, can't be written ({error.strerror}).",
                "Give the user that runs the bot the right to, or set another folder.",
            )
        else:
            yield _folder_of_ours(variable, folder)


def _folder_of_ours(variable: str, folder: Path) -> Finding:
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        return warning(
            "folders",
            f"{variable}, {folder}, belongs to user {owner}, and you are {os.geteuid()}.",
            "Run commands as the user that runs the bot, who else can't read what they write.",
        )
    return ok("folders", f"{variable}, {folder}, can be written.")


def _folder_to_be_made(folder: Path) -> Finding:
    parent = next(each for each in folder.absolute().parents if each.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return ok("folders", f"DATA_DIR, {folder}, isn't there yet; `run` makes it.")
    return problem(
        "folders",
        f"DATA_DIR, {folder}, isn't there and can't be made in {parent}.",
        "Make it for the user that runs the bot, or set another.",
    )


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Check that there is room for a full reindex."""
    free = read_machine(settings.data_dir).free_disk
    index = settings.store_address
    # Until a full reindex has committed, the new index is there twice beside the old one: staged,
    # and in the log.
    wanted = _LITTLE_SPACE + 2 * (_size_of(index) if isinstance(index, Path) else 0)
    found = f"{free / _GB:,.1f} GB are free where DATA_DIR is"
    if free < FULL_DISK:
        yield problem("disk", f"Only {found}.", "Make room, or set DATA_DIR to another disk.")
    elif free < wanted:
        yield warning(
            "disk", f"Only {found}.", f"A full reindex may take {wanted / _GB:,.1f} GB: make room."
        )
    else:
        yield ok("disk", f"{found}.")


def check_memory() -> Iterator[Finding]:
    """Check that there is memory for the bot and a reindex, within a container's limit."""
    memory = psutil.virtual_memory().total
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        memory = min(memory, int(text))
    found = f"{memory / _GB:,.1f} GB"
    advice = "The bot takes up to 1.2 GB, and while it reindexes another process takes 1 GB."
    if memory < _LITTLE_MEMORY:
        yield problem("memory", f"There is only {found}.", advice)
    elif memory < _ENOUGH_MEMORY:
        yield warning("memory", f"There is only {found}.", advice)
    else:
        yield ok("memory", f"There is {found}.")


def check_articles(settings: Settings) -> Iterator[Finding]:
    """Check that the articles can be read, and whether the index has them all."""
    known, findings = known_versions(settings.store_address), Findings()
    try:
        folder = ArticleFolder(settings.articles_dir)
        different = sum(1 for _ in folder.differences(known, findings))
    except CorpusError as error:
        yield problem("articles", str(error), "Set ARTICLES_DIR to the folder of the articles.")
        return
    except IndexUnusable as error:
        yield problem("articles", "Whether the index has them all isn't known.", str(error))
        return
    found = f"{findings.articles:,} can be read in {settings.articles_dir}"
    if not findings.articles:
        yield problem(
            "articles",
            f"There are none in {settings.articles_dir}.",
            "Add some with `python -m bot add LINK`, or set ARTICLES_DIR.",
        )
    elif findings.known and different:
        yield warning(
            "articles",
            f"{found}; {different:,} are not in the index as they are.",
            "The bot sees to it within an hour; `python -m bot reindex` does so at once.",
        )
    else:
        yield ok("articles", f"{found}{', and the index has them all' if findings.known else ''}.")
    if findings.faults:
        shown = " ".join(f"{each.file}: {each.reason}" for each in findings.faults[:_FAULTS_SHOWN])
        number = findings.fault_count
        left_out = "1 file is left out" if number == 1 else f"{number:,} files are left out"
        yield warning("articles", f"{left_out}.", shown)


def check_journal(settings: Settings) -> Iterator[Finding]:
    """Check that the journal is whole, and of a version that this program knows."""
    if settings.database_url:
        yield _journal_on_server(settings.database_url, settings.data_dir)
    else:
        yield from _journal_in_file(settings.data_dir)


def _journal_in_file(folder: Path) -> Iterator[Finding]:
    path = folder / JOURNAL_FILE
    if not path.exists():
        yield ok("journal", f"There is none in {folder} yet; `run` begins one.")
        return
    restore = "Restore a backup with `python -m bot restore`, or move it away to begin a new one."
    try:
        with closing(_opened(path)) as connection:
            if fault := _fault(connection):
                yield problem("journal", f"{path} is damaged ({fault}).", restore)
                return
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            questions = connection.execute("SELECT count(*) FROM questions").fetchone()[0]
    except sqlite3.OperationalError as error:
        yield problem("journal", f"{path} can't be opened ({error}).", "Check the rights of it.")
        return
    except sqlite3.DatabaseError as error:
        yield problem("journal", f"{path} is damaged ({error}).", restore)
        return
    if not (folder / KEY_FILE).is_file():
        yield problem("journal", f"Its key {KEY_FILE} is missing.", restore)
        return
    newest, *_ = versions = table_versions()
    if row is None or row[0] not in versions:
        yield problem(
            "journal",
            f"{path} was written by a newer version of this program.",
            "Install that one, or set another DATA_DIR.",
        )
        return
    upgrade = "" if row[0] == newest else "; `run` brings its tables up to date"
    yield ok("journal", f"It is whole and holds {questions:,} questions{upgrade}.")


def _journal_on_server(url: SecretStr, folder: Path) -> Finding:
    from bot.storage.postgresql import look

    def find(connection: sa.Connection) -> tuple[str | None, str | None, int]:
        if not sa.inspect(connection).has_table(_VERSION.name):
            return None, None, 0
        count = sa.select(sa.func.count()).select_from(QUESTIONS)
        version = connection.scalar(sa.select(_VERSION.c.version_num))
        return version, known_fingerprint(connection), connection.scalar(count) or 0

    try:
        version, known, questions = look(url.get_secret_value(), find)
    except (JournalUnusable, JournalError) as error:
        return problem("journal", str(error), "")
    newest, *_ = versions = table_versions()
    if version is None:
        return ok("journal", "The PostgreSQL database has none yet; `run` begins one.")
    if version not in versions:
        return problem(
            "journal",
            "The one in PostgreSQL was written by a newer version of this program.",
            "Install that one.",
        )
    key = folder / KEY_FILE
    if known and not (key.is_file() and fingerprint(key.read_bytes()) == known):
        return problem(
            "journal",
            f"{key} isn't the key that the journal in PostgreSQL was begun with.",
            f"Copy the {KEY_FILE} of another replica, or of a backup.",
        )
    upgrade = "" if version == newest else "; `run` brings its tables up to date"
    return ok("journal", f"PostgreSQL holds {questions:,} questions{upgrade}.")


def number_type(settings: Settings, embedder: Embedder) -> Finding:
    """Tell that a model was loaded, and whether it computes as fast as it could here."""
    used, fast = embedder.identity.split()[0], has_bfloat16()
    found = f"{settings.embedding_model} loads, and computes in {used}"
    if used == "bfloat16" and not fast:
        return warning(
            "model",
            f"{found}, which this processor has not in hardware.",
            "Set EMBEDDING_DTYPE=auto, which is faster here.",
        )
    if used == "float32" and fast:
        return warning(
            "model",
            f"{found}; this processor is faster in bfloat16.",
            "Set EMBEDDING_DTYPE=auto, unless the index must be the same on another machine.",
        )
    return ok("model", f"{found}, the fastest that this processor has.")


def check_index(settings: Settings, embedder: Embedder) -> Iterator[Finding]:
    """Check that the index is there, whole and of this model."""
    address = settings.store_address
    try:
        with closing(open_store(address, embedder)) as store, store.snapshot() as generation:
            found = f"{store.article_count:,} articles, {store.passage_count:,} passages"
            reindexed_at = store.reindexed_at
        fault = _fault_of_file(address) if isinstance(address, Path) else None
    except IndexMissing:
        place = settings.store_url or settings.index_path
        rebuilt = "`run` builds it, and so does `python -m bot reindex`."
        yield warning("index", f"There is none at {place} yet.", rebuilt)
        return
    except IndexUnavailable as error:
        yield problem("index", str(error), "")
        return
    except IndexUnusable as error:
        yield warning("index", str(error), "")
        return
    if fault:
        yield problem(
            "index",
            f"{address} is damaged ({fault}).",
            "Delete it; `python -m bot reindex` builds it anew.",
        )
        return
    when = f", brought up to date {reindexed_at:%Y-%m-%d %H:%M} UTC" if reindexed_at else ""
    # Whether nothing of it is broken only an engine itself can tell.
    state = "whole" if isinstance(address, Path) else "there"
    yield ok("index", f"It is {state}: {found}, generation {generation}{when}.")


def check_running(settings: Settings) -> Iterator[Finding]:
    """Ask the bot itself, if it tells how it is."""
    if not _bot_runs(settings.data_dir):
        yield ok("running", "No bot is running with this data folder.")
        return
    if settings.monitoring_address is None:
        yield ok("running", "The bot runs. With MONITORING_PORT set it would say how it is.")
        return
    host, port = settings.monitoring_address
    # What listens everywhere is reached here, too.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not for binding
    host = f"[{host}]" if ":" in host else host
    try:
        answer = httpx.get(f"http://{host}:{port}/readyz", timeout=_PATIENCE, trust_env=False)
        missing = [str(each) for each in answer.json()]
    except (httpx.HTTPError, ValueError, TypeError) as error:
        yield warning(
            "running",
            f"The bot runs, but doesn't answer on port {port} ({type(error).__name__}).",
            "It is starting, hangs, or was started with another MONITORING_PORT: see its log.",
        )
        return
    if missing:
        yield warning(
            "running", f"The bot runs, but isn't ready: {', '.join(missing)}.", "Look at its log."
        )
    else:
        yield ok("running", "The bot runs, and is ready.")


def _bot_runs(folder: Path) -> bool:
    lock = folder / LOCK_FILE
    if not lock.exists():
        return False
    try:
        # A bot that starts at this moment waits longer than that.
        with FileLock(lock, timeout=0, mode=0o600):
            return False
    except Timeout:
        return True


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _fault_of_file(path: Path) -> str | None:
    """What SQLite finds wrong with an index; None if it is whole."""
    try:
        with closing(_opened(path)) as connection:
            return _fault(connection)
    except sqlite3.DatabaseError as error:
        return str(error)


def _opened(path: Path) -> sqlite3.Connection:
    # With mode=ro SQLite would leave its own files beside this one.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _fault(connection: sqlite3.Connection) -> str | None:
    """What SQLite finds wrong with a file; None if it is whole."""
    ((verdict,), *_) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    return None if verdict == "ok" else str(verdict).splitlines()[0]
