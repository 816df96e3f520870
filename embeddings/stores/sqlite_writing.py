"""Writes the local store: articles are staged in a file beside the index, and then switched in.

The index is locked for other reindexes as long as one is at work, and written to at its end only,
in one transaction. Any number of processes of this machine may stage meanwhile. The file of what
is staged has the tables of an index; it goes when all of it is in the index, and after a kill the
next reindex finds it as it was.
"""

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from embeddings.embedder import Embedder
from embeddings.errors import IndexMissing, StagingDamaged
from embeddings.stores.contract import EmbeddedArticle, EmbeddedPassage, LanguageMean
from embeddings.stores.sqlite_file import (
    cannot_read,
    cannot_write,
    check_identity,
    close_writing,
    connect,
    connect_for_writing,
    create_tables,
    discard_index,
    identity,
    is_damage,
    read_identity,
    read_language_means,
    read_versions,
)
from knowledge.corpus import ArticleVersion

_KEY = "key"
# In milliseconds; others store some hundred passages in a second or two.
_PATIENCE = 60_000

_MEANS = (
    "SELECT language, question, passage, question_token, passage_token FROM language_means "
    "ORDER BY language"
)
_ADD_MEAN = "INSERT INTO language_means VALUES (?, ?, ?, ?, ?)"

# What of all that is staged goes into the index, and the digests that it has there.
_WANTED = """
CREATE TEMP TABLE wanted (
    slug TEXT PRIMARY KEY, content_hash TEXT NOT NULL, wanted_digest TEXT
) WITHOUT ROWID
"""
_WANTED_SLUGS = "SELECT slug FROM wanted"
_WANTED_ARTICLES = """
SELECT id + :article, slug, title, url, publisher, language, published, content_hash,
    wanted_digest, body
FROM articles JOIN wanted USING (slug, content_hash) ORDER BY id
"""
_WANTED_PASSAGES = """
SELECT passages.id + :passage, article_id + :article, start, "end", embedding, words, names, tokens
FROM passages JOIN articles ON articles.id = article_id JOIN wanted USING (slug, content_hash)
ORDER BY passages.id
"""
_WANTED_SENTENCES = """
SELECT passage_id + :passage, sentences.start, sentences."end", sentences.embedding,
    sentences.tokens
FROM sentences JOIN passages ON passages.id = passage_id JOIN articles ON articles.id = article_id
    JOIN wanted USING (slug, content_hash)
ORDER BY sentences.id
"""
_ADD_ARTICLE = "INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_PASSAGE = "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_SENTENCE = (
    'INSERT INTO sentences (passage_id, start, "end", embedding, tokens) VALUES (?, ?, ?, ?, ?)'
)


class SqliteStaging:
    """The file in which articles are staged. For one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self.key = read_identity(connection)[_KEY]

    @classmethod
    def begin(cls, path: Path, embedder: Embedder, index: sqlite3.Connection) -> Self:
        """Go on with what is staged for an index, or begin anew if none of it can be used."""
        staged = _staged_file(path)
        means = index.execute(_MEANS).fetchall()
        connection = _ready(connect_for_writing(staged))
        with _staging_errors(staged):
            if not _is_staging_of(connection, embedder, means):
                connection.close()
                # Not emptied: who still stages for an earlier reindex shall not stage for this.
                discard_index(staged)
                connection = _ready(connect_for_writing(staged))
                connection.execute("BEGIN IMMEDIATE")
                create_tables(connection, embedder)
                key = (_KEY, secrets.token_hex(16))
                connection.execute("INSERT INTO identity VALUES (?, ?)", key)
                connection.executemany(_ADD_MEAN, means)
                connection.execute("COMMIT")
            return cls(connection, staged)

    @classmethod
    @contextmanager
    def join(cls, path: Path, embedder: Embedder) -> Iterator[Self]:
        """Stage for a reindex that another process does.

        Raises:
            IndexMissing: There is none under way.
            IndexUnusable: It is of another embedding model, splitter or format.
        """
        staged = _staged_file(path)
        if not staged.is_file():
            raise _no_reindex(path)
        with closing(connect(staged)) as connection, _staging_errors(staged):
            if _KEY not in read_identity(connection):
                raise _no_reindex(path)
            check_identity(connection, staged, embedder)
            yield cls(_ready(connection), staged)

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def discard(self) -> None:
        """Remove the file: all of it is in the index, or none of it is of any use."""
        self._connection.close()
        discard_index(self._path)

    def read_language_means(self) -> dict[str, LanguageMean]:
        """See `Staging`."""
        with _staging_errors(self._path):
            return read_language_means(self._connection)

    def versions(self) -> Iterator[ArticleVersion]:
        """Read what is staged, page by page, in the order of slugs."""
        with _staging_errors(self._path):
            yield from read_versions(self._connection)

    def stage(self, articles: Sequence[EmbeddedArticle]) -> None:
        """See `Staging`."""
        with _staging_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for article in articles:
                    _replace_article(self._connection, article)
                self._connection.execute("COMMIT")
            finally:
                self._roll_back()

    def copy_into(self, index: sqlite3.Connection, wanted: Iterable[ArticleVersion]) -> None:
        """Put articles into an index, within its transaction.

        Raises:
            StagingDamaged: One of them is not staged as it is wanted.
        """
        # Nobody else changes anything as long as this transaction lasts.
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.execute(_WANTED)
            self._connection.executemany(
                "INSERT INTO wanted VALUES (?, ?, ?)",
                ((each.slug, each.content_hash, each.file_digest) for each in wanted),
            )
            index.executemany("DELETE FROM articles WHERE slug = ?", self._read(_WANTED_SLUGS))
            offsets = self._offsets(index)
            copied = index.executemany(_ADD_ARTICLE, self._read(_WANTED_ARTICLES, offsets))
            index.executemany(_ADD_PASSAGE, self._read(_WANTED_PASSAGES, offsets))
            index.executemany(_ADD_SENTENCE, self._read(_WANTED_SENTENCES, offsets))
            ((count,),) = self._read("SELECT count(*) FROM wanted")
        finally:
            self._roll_back()
        if count != max(0, copied.rowcount):
            raise StagingDamaged(f"Something in {self._path} was changed meanwhile.")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _offsets(self, index: sqlite3.Connection) -> dict[str, int]:
        """What is added to the ids that rows have here, so that none was ever in the index."""
        (article,) = index.execute("SELECT coalesce(max(id), 0) FROM articles").fetchone()
        (last,) = index.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'passages'"
        ).fetchone()
        ((first,),) = self._read("SELECT coalesce(min(id), 0) FROM passages")
        return {"article": article, "passage": last + 1 - first}

    def _read(self, query: str, values: Mapping[str, int] = MappingProxyType({})) -> Iterator[Any]:
        with _staging_errors(self._path):
            yield from self._connection.execute(query, dict(values))


class SqliteWriting:
    """A reindex of an SQLite file; make one with `SqliteWriting.open`."""

    def __init__(self, connection: sqlite3.Connection, path: Path, embedder: Embedder) -> None:
        self._connection = connection
        self._path = path
        self._embedder = embedder
        self._changes_before = connection.total_changes
        self._staging: SqliteStaging | None = None

    @classmethod
    @contextmanager
    def open(cls, path: Path, embedder: Embedder) -> Iterator[Self]:
        """Lock an index until the context ends; nothing is changed in it but by `switch`.

        An index of another identity counts as empty; a damaged file is replaced.

        Raises:
            IndexBusy: Another process is writing to it.
            IndexDamaged: A part of it that had to be read is broken.
            IndexUnusable: The file or its folder cannot be written.
        """
        connection = connect_for_writing(path)
        try:
            # Another reindex may take an hour: say so rather than wait for it.
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("BEGIN IMMEDIATE")
            if read_identity(connection) != identity(embedder):
                create_tables(connection, embedder)
            writing = cls(connection, path, embedder)
            try:
                yield writing
            finally:
                writing.close_staging()
        except sqlite3.OperationalError as error:
            raise cannot_write(path, error) from error
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            raise cannot_read(path, error) from error
        finally:
            close_writing(connection)

    @property
    def key(self) -> str:
        """See `Staging`."""
        return self._begun_staging().key

    @property
    def article_count(self) -> int:
        """See `Writing`."""
        return self._count("SELECT count(*) FROM articles")

    @property
    def passage_count(self) -> int:
        """See `Writing`."""
        return self._count("SELECT count(*) FROM passages")

    def has_language_means(self) -> bool:
        """See `Writing`."""
        return self._count("SELECT count(*) FROM language_means") > 0

    def set_language_means(self, means: dict[str, LanguageMean]) -> None:
        """See `Writing`."""
        self._connection.execute("DELETE FROM language_means")
        self._connection.executemany(
            _ADD_MEAN,
            [
                (language, *(part.tobytes() for part in astuple(mean)))
                for language, mean in means.items()
            ],
        )

    def read_language_means(self) -> dict[str, LanguageMean]:
        """See `Staging`."""
        return read_language_means(self._connection)

    def article_versions(self) -> Iterator[ArticleVersion]:
        """See `Writing`."""
        return read_versions(self._connection)

    def staged_versions(self) -> Iterator[ArticleVersion]:
        """See `Writing`."""
        # Most reindexes find nothing to embed and nothing staged: they need no file.
        if self._staging or _staged_file(self._path).is_file():
            yield from self._begun_staging().versions()

    def stage(self, articles: Sequence[EmbeddedArticle]) -> None:
        """See `Staging`."""
        self._begun_staging().stage(articles)

    def switch(
        self,
        staged: Iterable[ArticleVersion],
        removed: Iterable[str],
        resaved: Iterable[ArticleVersion],
    ) -> None:
        """See `Writing`."""
        index = self._connection
        index.executemany("DELETE FROM articles WHERE slug = ?", ((slug,) for slug in removed))
        if self._staging:
            self._staging.copy_into(index, staged)
        index.executemany(
            "UPDATE articles SET file_digest = ? WHERE slug = ?",
            ((each.file_digest, each.slug) for each in resaved),
        )
        changed = index.total_changes != self._changes_before
        index.execute(
            "UPDATE state SET generation = generation + ?, reindexed_at = ?",
            (int(changed), datetime.now(UTC).isoformat()),
        )
        index.execute("COMMIT")
        if self._staging:
            self._staging.discard()
            self._staging = None

    def close_staging(self) -> None:
        """Leave what is staged for the next reindex, where this one has not ended well."""
        if self._staging:
            self._staging.close()

    def _begun_staging(self) -> SqliteStaging:
        if self._staging is None:
            self._staging = SqliteStaging.begin(self._path, self._embedder, self._connection)
        return self._staging

    def _count(self, query: str) -> int:
        (count,) = self._connection.execute(query).fetchone()
        return int(count)


def _staged_file(path: Path) -> Path:
    return path.with_name(f"{path.stem}.staged{path.suffix}")


def _ready(connection: sqlite3.Connection) -> sqlite3.Connection:
    # What is lost in a power cut is embedded again; nothing waits for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
    return connection


def _no_reindex(path: Path) -> IndexMissing:
    return IndexMissing(
        f"No reindex is under way that embeds articles for {path}. Begin one: "
        "python -m bot reindex"
    )


def _is_staging_of(
    connection: sqlite3.Connection, embedder: Embedder, means: Sequence[Sequence[object]]
) -> bool:
    found = read_identity(connection)
    if not found.pop(_KEY, None) or found != identity(embedder):
        return False
    return connection.execute(_MEANS).fetchall() == means


@contextmanager
def _staging_errors(path: Path) -> Iterator[None]:
    """Say what is wrong with the file of what is staged; remove it if it is broken."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise cannot_write(path, error) from error
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        discard_index(path)
        raise StagingDamaged(f"{path} was damaged ({error}) and is begun anew.") from error


def _replace_article(connection: sqlite3.Connection, embedded: EmbeddedArticle) -> None:
    article = embedded.article
    connection.execute("DELETE FROM articles WHERE slug = ?", (article.slug,))
    row = connection.execute(
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
            embedded.file_digest,
        ),
    )
    for passage in embedded.passages:
        _insert_passage(connection, row.lastrowid, passage)


def _insert_passage(
    connection: sqlite3.Connection, article_id: int | None, embedded: EmbeddedPassage
) -> None:
    passage = embedded.passage
    row = connection.execute(
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
    connection.executemany(
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


def _to_blob(embedding: npt.NDArray[np.float32]) -> bytes:
    return embedding.astype(np.float16).tobytes()
