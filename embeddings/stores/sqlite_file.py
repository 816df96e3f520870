"""The SQLite file that an index is kept in, and what may be wrong with it."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.embedder import Embedder
from embeddings.errors import IndexBusy, IndexDamaged, IndexMissing, IndexUnusable
from embeddings.stores.contract import LanguageMean
from embeddings.stores.identity import identity_of, refuse_another
from knowledge.article import Article
from knowledge.corpus import ArticleVersion

logger = logging.getLogger(__name__)

FORMAT_VERSION = 3
"""Raised whenever the tables below change or hold something else."""

_BUSY_TIMEOUT = 5.0
"""Seconds that a reader waits for a lock; in WAL mode only a moment at opening needs one."""

_PAGE = 500
"""Articles that are read at once where all of them are gone through."""

_WAL_SIZE = 4 * 1024 * 1024
"""Bytes that the log beside the file may keep; a reindex writes all of its changes there."""

# The numbers begin anywhere, since an index that is built anew must not look like the one before.
_TABLES = """
CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE state (generation INTEGER NOT NULL, reindexed_at TEXT);
INSERT INTO state (generation) VALUES (abs(random() % 1000000000));
CREATE TABLE articles (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    publisher TEXT,
    language TEXT NOT NULL,
    published TEXT,
    content_hash TEXT NOT NULL,
    file_digest TEXT,
    body TEXT NOT NULL
);
CREATE INDEX articles_by_content ON articles (content_hash);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    article_id INTEGER NOT NULL REFERENCES articles ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    embedding BLOB NOT NULL,
    words BLOB NOT NULL,
    names BLOB NOT NULL,
    tokens BLOB NOT NULL
);
INSERT INTO sqlite_sequence VALUES ('passages', abs(random() % 1000000000000));
CREATE INDEX passages_by_article ON passages (article_id);
CREATE TABLE sentences (
    id INTEGER PRIMARY KEY,
    passage_id INTEGER NOT NULL REFERENCES passages ON DELETE CASCADE,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    embedding BLOB NOT NULL,
    tokens INTEGER NOT NULL
);
CREATE INDEX sentences_by_passage ON sentences (passage_id);
CREATE TABLE language_means (
    language TEXT PRIMARY KEY,
    question BLOB NOT NULL,
    passage BLOB NOT NULL,
    question_token BLOB NOT NULL,
    passage_token BLOB NOT NULL
) WITHOUT ROWID;
"""

ARTICLE_COLUMNS = "slug, title, url, body, publisher, language, published"


def identity(embedder: Embedder) -> dict[str, str]:
    """Return what must be the same, or an index is of no use."""
    return identity_of(embedder, FORMAT_VERSION)


def read_identity(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the identity in the file, empty for a file without tables."""
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE name = 'identity'")
    if tables.fetchone() is None:
        return {}
    return dict(connection.execute("SELECT name, value FROM identity"))


def check_identity(connection: sqlite3.Connection, path: Path, embedder: Embedder) -> None:
    """Make sure that what is in a file can be compared with an embedder's embeddings.

    Raises:
        IndexMissing: There is nothing in it.
        IndexUnusable: It can't be.
    """
    found = read_identity(connection)
    if not found:
        raise IndexMissing(f"The index {path} is empty. Build it: python -m bot reindex")
    refuse_another(f"The index {path}", found, identity(embedder))


def create_tables(connection: sqlite3.Connection, embedder: Embedder) -> None:
    """Empty a file for an embedder, within the transaction that is under way."""
    for kind, name in connection.execute(
        "SELECT type, name FROM sqlite_schema "
        "WHERE sql IS NOT NULL AND name <> 'sqlite_sequence' ORDER BY type = 'table'"
    ).fetchall():
        connection.execute(f'DROP {kind} "{name}"')
    # executescript would commit the transaction that this is a part of.
    for statement in filter(str.strip, _TABLES.split(";")):
        connection.execute(statement)
    connection.executemany("INSERT INTO identity VALUES (?, ?)", identity(embedder).items())


def connect(path: Path) -> sqlite3.Connection:
    """Open a file; it is made if there is none."""
    # isolation_level=None: transactions are begun and ended here and nowhere else.
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def connect_for_writing(path: Path) -> sqlite3.Connection:
    """Open a file for writing; one that is no database is replaced.

    Raises:
        IndexBusy: Another process is just making it.
        IndexUnusable: It or its folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise cannot_write(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_SIZE}")
        read_identity(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        raise cannot_write(path, error) from error
    except sqlite3.DatabaseError:
        logger.warning("the index %s is damaged and is replaced", path)
        connection.close()
        discard_index(path)
        return connect_for_writing(path)
    return connection


def close_writing(connection: sqlite3.Connection) -> None:
    """Roll back what was not committed, and cut the log that a reader may keep in being."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        # Tells that it could not, rather than wait, where a reader is just looking at the log.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        # What was committed is safe in the log; the next reindex tries again.
        logger.warning("the log of the index could not be emptied: %s", error)
    finally:
        connection.close()


def discard_index(path: Path) -> None:
    """Remove a file that is damaged: everything in it can be had again from the articles.

    Raises:
        IndexUnusable: It can't be removed.
    """
    try:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def read_versions(connection: sqlite3.Connection) -> Iterator[ArticleVersion]:
    """Read which articles there are, in the order of slugs; no transaction lasts meanwhile."""
    slug = ""
    while rows := connection.execute(
        "SELECT slug, url, content_hash, file_digest FROM articles WHERE slug > ? "
        "ORDER BY slug LIMIT ?",
        (slug, _PAGE),
    ).fetchall():
        for row in rows:
            yield ArticleVersion(*row)
        slug = rows[-1][0]


def read_language_means(connection: sqlite3.Connection) -> dict[str, LanguageMean]:
    """Read the means of the languages that the model has been asked about."""
    rows = connection.execute(
        "SELECT language, question, passage, question_token, passage_token FROM language_means"
    )
    return {
        language: LanguageMean(*(np.frombuffer(blob, np.float32) for blob in blobs))
        for language, *blobs in rows
    }


def to_article(row: Sequence[Any]) -> Article:
    """Make an article of the columns that `ARTICLE_COLUMNS` names."""
    slug, title, url, body, publisher, language, published = row
    return Article(
        slug=slug,
        title=title,
        url=url,
        body=body,
        publisher=publisher,
        language=language,
        published=date.fromisoformat(published) if published else None,
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether the file is broken."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def cannot_read(path: Path, error: sqlite3.Error) -> IndexUnusable:
    """Say why a file can't be read, and the way out."""
    if is_damage(error):
        return IndexDamaged(
            f"The index {path} is damaged ({error}). Build it anew: python -m bot reindex"
        )
    return IndexUnusable(
        f"The index {path} cannot be read ({error}). Check the rights of DATA_DIR; if it stays "
        "so, build it anew: python -m bot reindex"
    )


def cannot_write(path: Path, error: Exception) -> IndexBusy | IndexUnusable:
    """Say why a file can't be written, and the way out."""
    if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return IndexBusy(f"Another reindex is writing to {path}. Wait until it is done.")
    return IndexUnusable(
        f"The index {path} cannot be written ({error}). Check the folder's rights and the free "
        "space, or set DATA_DIR to another folder."
    )
