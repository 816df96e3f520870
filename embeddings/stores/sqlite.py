"""The local store: one SQLite file with articles, passages, sentences and embeddings.

A reindex is one transaction, so a reader sees the old index or the new one and never half of
each, and a kill at any moment loses nothing. The file holds its identity; an index of another
model, splitter or format is refused and has to be built anew. Embeddings are kept as float16.
The id of a passage is never given to another one, so that a reader who compares ids knows what has
changed.
"""

import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.errors import IndexBusy, IndexDamaged, IndexMissing, IndexUnusable
from embeddings.stores.contract import (
    ArticleVersion,
    EmbeddedPassage,
    LanguageMean,
    Ranker,
    Vectors,
)
from embeddings.stores.sqlite_ranker import SqliteRanker
from knowledge.article import Article
from knowledge.passages import SPLITTER_VERSION, Passage
from knowledge.sentences import Span

logger = logging.getLogger(__name__)

_Read = TypeVar("_Read")

FORMAT_VERSION = 3
"""Raised whenever the tables below change or hold something else."""

_BUSY_TIMEOUT = 5.0
"""Seconds that a reader waits for a lock; in WAL mode only a moment at opening needs one."""

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

_ARTICLE = "slug, title, url, body, publisher, language, published"
# No date is less than any date, so articles without one are last.
_NEWEST_FIRST = "ORDER BY published DESC, slug"
# "g" comes after every digit of a hash.
_HASH_BEGINS = "content_hash BETWEEN ?1 AND ?1 || 'g'"


class SqliteStore:
    """An open index. For one thread at a time; other processes may read and write meanwhile."""

    def __init__(self, connection: sqlite3.Connection, path: Path, embedder: Embedder) -> None:
        self._connection = connection
        self._path = path
        self._embedder = embedder
        self._file = _file_at(path)
        self._damage: IndexDamaged | None = None

    @classmethod
    def open(cls, path: Path, embedder: Embedder) -> Self:
        """Open an index for reading.

        Raises:
            IndexMissing: There is none at this path.
            IndexDamaged: It is broken, as far as can be seen without reading all of it.
            IndexUnusable: It is of another embedding model, splitter or format, or can't be read.
        """
        if not path.is_file():
            raise IndexMissing(f"There is no index at {path} yet. Build it: python -m bot reindex")
        connection = _connect(path)
        try:
            connection.execute("PRAGMA query_only = ON")
            _check_identity(connection, path, embedder)
        except IndexUnusable:
            connection.close()
            raise
        except sqlite3.DatabaseError as error:
            connection.close()
            raise _cannot_read(path, error) from error
        return cls(connection, path, embedder)

    @classmethod
    @contextmanager
    def writing(cls, path: Path, embedder: Embedder) -> Iterator[Self]:
        """Open an index for writing, in one transaction that ends with the context.

        Leaving the context commits, an exception rolls back. An index of another identity is
        emptied first, within the same transaction; a damaged file is replaced. It is another
        generation of the index then, unless nothing was changed in it.

        Raises:
            IndexBusy: Another process is writing to it.
            IndexDamaged: A part of it that had to be read is broken.
            IndexUnusable: The file or its folder cannot be written.
        """
        connection = _connect_for_writing(path)
        try:
            # Another reindex may take an hour: say so rather than wait for it.
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("BEGIN IMMEDIATE")
            if _read_identity(connection) != _identity(embedder):
                _create_tables(connection, embedder)
            before = connection.total_changes
            yield cls(connection, path, embedder)
            changed = connection.total_changes != before
            connection.execute(
                "UPDATE state SET generation = generation + ?, reindexed_at = ?",
                (int(changed), datetime.now(UTC).isoformat()),
            )
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise _cannot_write(path, error) from error
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            raise _cannot_read(path, error) from error
        finally:
            _close_writing(connection)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    @property
    def article_count(self) -> int:
        """Articles in the index."""
        return self._count("articles")

    @property
    def passage_count(self) -> int:
        """Passages in the index."""
        return self._count("passages")

    @property
    def reindexed_at(self) -> datetime | None:
        """When the last reindex ended, in UTC, whether it changed anything or not."""
        (at,) = self._connection.execute("SELECT reindexed_at FROM state").fetchone()
        return at and datetime.fromisoformat(at)

    @contextmanager
    def snapshot(self) -> Iterator[int]:
        """See one and the same generation until the context ends; gives its number.

        Raises:
            IndexDamaged: A part of the file that was read meanwhile is broken.
            IndexUnusable: A reindex with another model has replaced what was opened.
        """
        self._follow_file()
        try:
            self._connection.execute("BEGIN")
            try:
                _check_identity(self._connection, self._path, self._embedder)
                (generation,) = self._connection.execute("SELECT generation FROM state").fetchone()
                yield int(generation)
            finally:
                self._connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            unreadable = _cannot_read(self._path, error)
            if isinstance(unreadable, IndexDamaged):
                self._damage = unreadable
            raise unreadable from error

    def check(self) -> None:
        """Make sure that nothing was broken of what has been read so far.

        Raises:
            IndexDamaged: something was; questions that don't need it are answered all the same.
        """
        if self._damage is not None:
            raise self._damage

    def _follow_file(self) -> None:
        """Go on with the file that has taken the place of ours; one that is gone stays open."""
        file = _file_at(self._path)
        if file is None or file == self._file:
            return
        connection = _connect(self._path)
        try:
            connection.execute("PRAGMA query_only = ON")
            built = bool(_read_identity(connection))
        except sqlite3.DatabaseError:
            built = False
        if not built:
            connection.close()  # a reindex is still filling it
            return
        self._connection.close()
        self._connection, self._file, self._damage = connection, file, None

    def ranker(self) -> Ranker:
        """Return what ranks the passages; it keeps their embeddings in memory."""
        return SqliteRanker(self)

    def article_versions(self) -> dict[str, ArticleVersion]:
        """Tell which articles there are, by their slugs, and how they were stored."""
        rows = self._connection.execute("SELECT slug, content_hash, file_digest FROM articles")
        return {slug: ArticleVersion(*version) for slug, *version in rows}

    def has_language_means(self) -> bool:
        """Tell whether `set_language_means` has been called since the index was created."""
        return self._count("language_means") > 0

    def set_language_means(self, means: dict[str, LanguageMean]) -> None:
        """Replace the language means."""
        self._connection.execute("DELETE FROM language_means")
        self._connection.executemany(
            "INSERT INTO language_means VALUES (?, ?, ?, ?, ?)",
            [
                (
                    language,
                    mean.question.tobytes(),
                    mean.passage.tobytes(),
                    mean.question_token.tobytes(),
                    mean.passage_token.tobytes(),
                )
                for language, mean in means.items()
            ],
        )

    def read_language_means(self) -> dict[str, LanguageMean]:
        """Read what `set_language_means` has stored."""
        rows = self._connection.execute(
            "SELECT language, question, passage, question_token, passage_token FROM language_means"
        )
        return {
            language: LanguageMean(*(np.frombuffer(blob, np.float32) for blob in blobs))
            for language, *blobs in rows
        }

    def replace_article(
        self,
        article: Article,
        passages: Sequence[EmbeddedPassage],
        file_digest: str | None = None,
    ) -> None:
        """Store an article with its passages, in place of what was stored under its slug."""
        self.remove_article(article.slug)
        row = self._connection.execute(
            "INSERT INTO articles (slug, title, url, publisher, language, published, body, "
            "content_hash, file_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                article.slug,
                article.title,
                article.url,
                article.publisher,
                article.language,
                article.published.isoformat() if article.published else None,
                article.body,
                article.content_hash,
                file_digest,
            ),
        )
        for embedded in passages:
            self._insert_passage(row.lastrowid, embedded)

    def _insert_passage(self, article_id: int | None, embedded: EmbeddedPassage) -> None:
        passage = embedded.passage
        row = self._connection.execute(
            'INSERT INTO passages (article_id, start, "end", embedding, words, names, tokens) '
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                article_id,
                passage.start,
                passage.end,
                _to_blob(embedded.embedding),
                embedded.words.tobytes(),
                embedded.names.tobytes(),
                embedded.tokens,
            ),
        )
        self._connection.executemany(
            'INSERT INTO sentences (passage_id, start, "end", embedding, tokens) '
            "VALUES (?, ?, ?, ?, ?)",
            [
                (row.lastrowid, sentence.start, sentence.end, _to_blob(embedding), tokens)
                for sentence, embedding, tokens in zip(
                    passage.sentences,
                    embedded.sentence_embeddings,
                    embedded.sentence_tokens,
                    strict=True,
                )
            ],
        )

    def set_file_digest(self, slug: str, file_digest: str | None) -> None:
        """Note that an article stayed the same though its file is another one."""
        self._connection.execute(
            "UPDATE articles SET file_digest = ? WHERE slug = ?", (file_digest, slug)
        )

    def remove_article(self, slug: str) -> None:
        """Remove an article with its passages; an unknown slug is no error."""
        self._connection.execute("DELETE FROM articles WHERE slug = ?", (slug,))

    def all_passage_ids(self) -> npt.NDArray[np.int64]:
        """Return the ids of all passages, in ascending order, shape (n,)."""
        # Not sorted by SQLite, which would then go through the table, embeddings and all.
        rows = self._connection.execute("SELECT id FROM passages").fetchall()
        return np.sort(np.array([row[0] for row in rows], np.int64))

    def read_vectors(self, passage_ids: npt.NDArray[np.int64] | None = None) -> Vectors:
        """Read the embeddings of some passages, or of all of them, in ascending order of ids."""
        if passage_ids is None:
            passage_ids = self.all_passage_ids()
        chosen = (json.dumps(passage_ids.tolist()),)
        passages = self._connection.execute(
            "SELECT passages.id, slug, language, embedding, "
            "(SELECT count(*) FROM sentences WHERE passage_id = passages.id), "
            "words, names, published "
            "FROM passages JOIN articles ON articles.id = article_id "
            "WHERE passages.id IN (SELECT value FROM json_each(?)) ORDER BY passages.id",
            chosen,
        ).fetchall()
        sentences = self._connection.execute(
            "SELECT embedding, tokens FROM sentences "
            "WHERE passage_id IN (SELECT value FROM json_each(?)) ORDER BY passage_id, id",
            chosen,
        ).fetchall()
        counts = np.array([row[4] for row in passages], np.int64)
        return Vectors(
            passage_ids=np.array([row[0] for row in passages], np.int64),
            slugs=np.array([row[1] for row in passages], np.str_),
            languages=np.array([row[2] for row in passages], np.str_),
            passages=self._to_matrix([row[3] for row in passages]),
            sentences=self._to_matrix([row[0] for row in sentences]),
            sentence_tokens=np.array([row[1] for row in sentences], np.int64),
            first_sentences=np.cumsum(counts) - counts,
            words=tuple(np.frombuffer(row[5], np.uint32) for row in passages),
            names=tuple(np.frombuffer(row[6], np.uint32) for row in passages),
            published=tuple(row[7] and date.fromisoformat(row[7]) for row in passages),
            language_means=self.read_language_means(),
        )

    def read_tokens(self, passage_ids: Sequence[int]) -> list[bytes]:
        """Read the packed tokens of passages, in the order of the ids.

        Raises:
            IndexUnusable: An id is not in the index (any more).
        """
        rows = self._connection.execute(
            "SELECT id, tokens FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(passage_ids)),),
        )
        return _in_order(dict(rows), passage_ids)

    def read_passages(self, passage_ids: Sequence[int]) -> list[Passage]:
        """Read passages with their articles, in the order of the ids.

        Raises:
            IndexUnusable: An id is not in the index (any more).
        """
        chosen = (json.dumps(list(passage_ids)),)
        sentences: dict[int, list[Span]] = {}
        for passage_id, *span in self._connection.execute(
            'SELECT passage_id, start, "end" FROM sentences '
            "WHERE passage_id IN (SELECT value FROM json_each(?)) ORDER BY id",
            chosen,
        ):
            sentences.setdefault(passage_id, []).append(Span(*span))
        rows = self._connection.execute(
            f'SELECT passages.id, start, "end", {_ARTICLE} '  # noqa: S608 - names from this file only
            "FROM passages JOIN articles ON articles.id = article_id "
            "WHERE passages.id IN (SELECT value FROM json_each(?))",
            chosen,
        )
        passages = {
            passage_id: Passage(_to_article(article), start, end, tuple(sentences[passage_id]))
            for passage_id, start, end, *article in rows
        }
        return _in_order(passages, passage_ids)

    def find_passage(self, content_hash: str, part: Span) -> Passage | None:
        """Read the passage that holds a part of an article; None if there is none (any more).

        Args:
            content_hash: The beginning of the article's content hash.
            part: What the passage holds, as a span of the article's body.
        """
        row = self._connection.execute(
            "SELECT passages.id "  # noqa: S608 - names from this file only
            "FROM passages JOIN articles ON articles.id = article_id "
            f'WHERE {_HASH_BEGINS} AND start <= ?2 AND "end" >= ?3',
            (content_hash, part.start, part.end),
        ).fetchone()
        return self.read_passages(row)[0] if row else None

    def read_articles(self, offset: int, limit: int) -> list[Article]:
        """Read a part of the list of all articles.

        They are newest first, by slug on the same day; at the end those without a date.

        Args:
            offset: How many to leave out at the beginning.
            limit: How many to read at most.
        """
        rows = self._connection.execute(
            # Sorted by ids first: sorting with their texts, 20,000 articles would take a second.
            f"SELECT {_ARTICLE} FROM articles WHERE id IN "  # noqa: S608 - names from this file only
            f"(SELECT id FROM articles {_NEWEST_FIRST} LIMIT ? OFFSET ?) {_NEWEST_FIRST}",
            (limit, offset),
        )
        return [_to_article(row) for row in rows]

    def count_before(self, slug: str) -> int:
        """Count the articles that come before one in the list of all; 0 if it isn't there."""
        row = self._connection.execute(
            "SELECT place - 1 "  # noqa: S608 - names from this file only
            f"FROM (SELECT slug, row_number() OVER ({_NEWEST_FIRST}) AS place FROM articles) "
            "WHERE slug = ?",
            (slug,),
        ).fetchone()
        return row[0] if row else 0

    def find_article(self, content_hash: str) -> Article | None:
        """Read the article with this content; None if there is none (any more).

        Args:
            content_hash: The beginning of the article's content hash.
        """
        row = self._connection.execute(
            f"SELECT {_ARTICLE} FROM articles WHERE {_HASH_BEGINS}",  # noqa: S608 - names from this file only
            (content_hash,),
        ).fetchone()
        return _to_article(row) if row else None

    def passage_ids(self, slug: str) -> list[int]:
        """Return the ids of an article's passages, in the order of its text."""
        rows = self._connection.execute(
            "SELECT passages.id FROM passages JOIN articles ON articles.id = article_id "
            "WHERE slug = ? ORDER BY start",
            (slug,),
        )
        return [row[0] for row in rows]

    def newest_articles(
        self, limit: int, year: int | None = None, month: int | None = None
    ) -> list[Article]:
        """Read the newest articles with a date, newest first.

        Args:
            limit: How many at most.
            year: The year that they must be of; None for any.
            month: The month that they must be of, 1 to 12; None for any.
        """
        day = f"{year or '____'}-{f'{month:02}' if month else '__'}-__"
        rows = self._connection.execute(
            f"SELECT {_ARTICLE} FROM articles WHERE published LIKE ? "  # noqa: S608 - no one's words
            f"{_NEWEST_FIRST} LIMIT ?",
            (day, limit),
        )
        return [_to_article(row) for row in rows]

    def _to_matrix(self, blobs: Sequence[bytes]) -> npt.NDArray[np.float16]:
        flat = np.frombuffer(b"".join(blobs), np.float16)
        return flat.reshape(len(blobs), self._embedder.dimension)

    def _count(self, table: str) -> int:
        (count,) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - names from this file only
        return int(count)


def known_articles(path: Path) -> dict[str, Article]:
    """Return the articles in an index by the digests of their files, whatever model it is of.

    `knowledge.corpus.load_corpus` need not read such a file's text again. There are none in a file
    that is no index of this format: the next reindex builds it anew.
    """
    if not path.is_file():
        return {}
    with closing(_connect(path)) as connection:
        try:
            if _read_identity(connection).get("format") != str(FORMAT_VERSION):
                return {}
            rows = connection.execute(
                f"SELECT file_digest, {_ARTICLE} FROM articles WHERE file_digest IS NOT NULL"  # noqa: S608 - names from this file only
            )
            return {digest: _to_article(row) for digest, *row in rows}
        except sqlite3.DatabaseError as error:
            logger.warning("the index %s cannot be read: %s", path, error)
            return {}


def discard_index(path: Path) -> None:
    """Remove a file that is damaged: everything in it can be had again from the articles.

    Raises:
        IndexUnusable: It can't be removed.
    """
    try:
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one at the same path; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _to_blob(embedding: npt.NDArray[np.float32]) -> bytes:
    return embedding.astype(np.float16).tobytes()


def _identity(embedder: Embedder) -> dict[str, str]:
    return {
        "format": str(FORMAT_VERSION),
        "splitter": str(SPLITTER_VERSION),
        "model": embedder.identity,
        "dimension": str(embedder.dimension),
    }


def _read_identity(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the identity in the file, empty for a file without tables."""
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE name = 'identity'")
    if tables.fetchone() is None:
        return {}
    return dict(connection.execute("SELECT name, value FROM identity"))


def _check_identity(connection: sqlite3.Connection, path: Path, embedder: Embedder) -> None:
    found, expected = _read_identity(connection), _identity(embedder)
    if not found:
        raise IndexMissing(f"The index {path} is empty. Build it: python -m bot reindex")
    different = [
        _difference(name, found.get(name, ""), expected[name])
        for name in expected
        if found.get(name) != expected[name]
    ]
    if different:
        raise IndexUnusable(
            f"The index {path} was built with another {' and '.join(different)} than the one in "
            "use, so its embeddings cannot be compared. Build it anew: python -m bot reindex"
        )


def _difference(name: str, found: str, expected: str) -> str:
    """What a person calls a part of the identity that differs."""
    number_type, _, model = found.partition(" ")
    now, _, model_now = expected.partition(" ")
    if name == "model" and model.startswith("sha256:") and model == model_now:
        return f"number type ({number_type}, now {now}; see EMBEDDING_DTYPE)"
    return name


def _create_tables(connection: sqlite3.Connection, embedder: Embedder) -> None:
    for kind, name in connection.execute(
        "SELECT type, name FROM sqlite_schema "
        "WHERE sql IS NOT NULL AND name <> 'sqlite_sequence' ORDER BY type = 'table'"
    ).fetchall():
        connection.execute(f'DROP {kind} "{name}"')
    # executescript would commit the transaction that this is a part of.
    for statement in filter(str.strip, _TABLES.split(";")):
        connection.execute(statement)
    connection.executemany("INSERT INTO identity VALUES (?, ?)", _identity(embedder).items())


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level=None: transactions are begun and ended here and nowhere else.
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _connect_for_writing(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise _cannot_write(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_SIZE}")
        _read_identity(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        raise _cannot_write(path, error) from error
    except sqlite3.DatabaseError:
        logger.warning("the index %s is damaged and is replaced", path)
        connection.close()
        discard_index(path)
        return _connect_for_writing(path)
    return connection


def _close_writing(connection: sqlite3.Connection) -> None:
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


def _to_article(row: Sequence[Any]) -> Article:
    """Make an article of the columns that `_ARTICLE` names."""
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


def _in_order(found: Mapping[int, _Read], passage_ids: Sequence[int]) -> list[_Read]:
    for passage_id in passage_ids:
        if passage_id not in found:
            raise IndexUnusable(f"Passage {passage_id} is not in the index any more.")
    return [found[passage_id] for passage_id in passage_ids]


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _cannot_read(path: Path, error: sqlite3.Error) -> IndexUnusable:
    if _is_damage(error):
        return IndexDamaged(
            f"The index {path} is damaged ({error}). Build it anew: python -m bot reindex"
        )
    return IndexUnusable(
        f"The index {path} cannot be read ({error}). Check the rights of DATA_DIR; if it stays "
        "so, build it anew: python -m bot reindex"
    )


def _cannot_write(path: Path, error: Exception) -> IndexBusy | IndexUnusable:
    if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return IndexBusy(f"Another reindex is writing to {path}. Wait until it is done.")
    return IndexUnusable(
        f"The index {path} cannot be written ({error}). Check the folder's rights and the free "
        "space, or set DATA_DIR to another folder."
    )
