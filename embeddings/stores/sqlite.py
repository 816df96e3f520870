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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.errors import IndexDamaged, IndexMissing, IndexUnusable
from embeddings.stores.contract import LanguageMean, Ranker, Vectors
from embeddings.stores.sqlite_file import (
    ARTICLE_COLUMNS,
    FORMAT_VERSION,
    cannot_read,
    check_identity,
    connect,
    read_identity,
    read_language_means,
    read_versions,
    to_article,
)
from embeddings.stores.sqlite_ranker import SqliteRanker
from knowledge.article import Article
from knowledge.corpus import ArticleVersion
from knowledge.passages import Passage
from knowledge.sentences import Span

logger = logging.getLogger(__name__)

_Read = TypeVar("_Read")

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
        connection = connect(path)
        try:
            connection.execute("PRAGMA query_only = ON")
            check_identity(connection, path, embedder)
        except IndexUnusable:
            connection.close()
            raise
        except sqlite3.DatabaseError as error:
            connection.close()
            raise cannot_read(path, error) from error
        return cls(connection, path, embedder)

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
                check_identity(self._connection, self._path, self._embedder)
                (generation,) = self._connection.execute("SELECT generation FROM state").fetchone()
                yield int(generation)
            finally:
                self._connection.execute("ROLLBACK")
        except sqlite3.DatabaseError as error:
            unreadable = cannot_read(self._path, error)
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
        connection = connect(self._path)
        try:
            connection.execute("PRAGMA query_only = ON")
            built = bool(read_identity(connection))
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

    def read_language_means(self) -> dict[str, LanguageMean]:
        """Read the means of the languages that the model has been asked about."""
        return read_language_means(self._connection)

    def all_passage_ids(self) -> npt.NDArray[np.int64]:
        """Return the ids of all passages, in ascending order, shape (n,)."""
        # Not sorted by SQLite, which would then go through the table, embeddings and all.
        rows = self._connection.execute("SELECT id FROM passages")
        return np.sort(np.fromiter((row[0] for row in rows), np.int64))

    def read_vectors(self, passage_ids: npt.NDArray[np.int64] | None = None) -> Vectors:
        """Read the embeddings of some passages, or of all of them, in ascending order of ids.

        A large index is read part by part: what this returns is all in memory.
        """
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
            f'SELECT passages.id, start, "end", {ARTICLE_COLUMNS} '  # noqa: S608 - names from this file only
            "FROM passages JOIN articles ON articles.id = article_id "
            "WHERE passages.id IN (SELECT value FROM json_each(?))",
            chosen,
        )
        passages = {
            passage_id: Passage(to_article(article), start, end, tuple(sentences[passage_id]))
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
            f"SELECT {ARTICLE_COLUMNS} FROM articles WHERE id IN "  # noqa: S608 - names from this file only
            f"(SELECT id FROM articles {_NEWEST_FIRST} LIMIT ? OFFSET ?) {_NEWEST_FIRST}",
            (limit, offset),
        )
        return [to_article(row) for row in rows]

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
            f"SELECT {ARTICLE_COLUMNS} FROM articles WHERE {_HASH_BEGINS}",  # noqa: S608 - names from this file only
            (content_hash,),
        ).fetchone()
        return to_article(row) if row else None

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
            f"SELECT {ARTICLE_COLUMNS} FROM articles WHERE published LIKE ? "  # noqa: S608 - no one's words
            f"{_NEWEST_FIRST} LIMIT ?",
            (day, limit),
        )
        return [to_article(row) for row in rows]

    def _to_matrix(self, blobs: Sequence[bytes]) -> npt.NDArray[np.float16]:
        flat = np.frombuffer(b"".join(blobs), np.float16)
        return flat.reshape(len(blobs), self._embedder.dimension)

    def _count(self, table: str) -> int:
        (count,) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - names from this file only
        return int(count)


def known_versions(path: Path) -> Iterator[ArticleVersion]:
    """Read what tells the articles of an index from others, whatever model it is of, by slugs.

    There is nothing in a file that is no index of this format: the next reindex builds it anew.
    """
    return _read_whatever_model(path, read_versions)


def known_articles(path: Path) -> Iterator[tuple[ArticleVersion, Article]]:
    """Read the articles of an index, likewise."""
    return _read_whatever_model(path, _articles_by_slug)


def _articles_by_slug(connection: sqlite3.Connection) -> Iterator[tuple[ArticleVersion, Article]]:
    for slug, content_hash, digest, *row in connection.execute(
        f"SELECT slug, content_hash, file_digest, {ARTICLE_COLUMNS} FROM articles ORDER BY slug"  # noqa: S608 - names from this file only
    ):
        article = to_article(row)
        yield ArticleVersion(slug, article.url, content_hash, digest), article


def _read_whatever_model(
    path: Path, read: Callable[[sqlite3.Connection], Iterator[_Read]]
) -> Iterator[_Read]:
    if not path.is_file():
        return
    with closing(connect(path)) as connection:
        try:
            if read_identity(connection).get("format") == str(FORMAT_VERSION):
                yield from read(connection)
        except sqlite3.DatabaseError as error:
            logger.warning("the index %s cannot be read: %s", path, error)


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one at the same path; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _in_order(found: Mapping[int, _Read], passage_ids: Sequence[int]) -> list[_Read]:
    for passage_id in passage_ids:
        if passage_id not in found:
            raise IndexUnusable(f"Passage {passage_id} is not in the index any more.")
    return [found[passage_id] for passage_id in passage_ids]
