"""What a reindex has to do: kept on the disk, since it may be more than fits into the memory."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from knowledge.corpus import ArticleVersion, Difference
from knowledge.passages import split_article

Kind = Literal["added", "changed", "removed", "resaved"]

_NAMED = 100
_PAGE = 500
_TO_EMBED = "kind IN ('added', 'changed') AND NOT is_staged"

_TABLE = """
CREATE TABLE articles (
    slug TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    url TEXT,
    content_hash TEXT,
    digest TEXT,
    texts INTEGER NOT NULL,
    is_staged INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class QueuedArticle:
    """An article that is to be embedded."""

    slug: str
    digest: str | None
    """`knowledge.corpus.file_digest` of its file; None if it comes from none."""
    texts: int
    """How many texts it has: passages and sentences."""


class Plan:
    """The differences between the corpus and the index, and what is staged of them."""

    def __init__(self) -> None:
        # Without a name it is a temporary file, which SQLite makes when 2 MB are not enough.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute(_TABLE)
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Remove the file."""
        self._connection.close()

    def add(self, difference: Difference) -> None:
        """Plan what has to be done about a difference."""
        kind, found, texts = _kind(difference), difference.found, 0
        if kind in {"added", "changed"} and difference.article:
            passages = split_article(difference.article)
            texts = len(passages) + sum(len(passage.sentences) for passage in passages)
        version = (found.url, found.content_hash, found.file_digest) if found else (None,) * 3
        self._connection.execute(
            "INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?, 0)",
            (difference.slug, kind, *version, texts),
        )

    def note_staged(self, staged: Iterable[ArticleVersion]) -> None:
        """Note which articles are staged as they are wanted, and that the others are not."""
        self._connection.execute("UPDATE articles SET is_staged = 0")
        self._connection.executemany(
            "UPDATE articles SET is_staged = 1 WHERE slug = ? AND content_hash = ?",
            ((each.slug, each.content_hash) for each in staged),
        )

    def leave_out(self, slug: str) -> None:
        """Do nothing about an article; the index keeps what it has of it."""
        self._connection.execute("DELETE FROM articles WHERE slug = ?", (slug,))

    def texts(self) -> int:
        """Count the texts of the articles that are to be embedded."""
        query = f"SELECT coalesce(sum(texts), 0) FROM articles WHERE {_TO_EMBED}"  # noqa: S608 - names from this file only
        return int(self._connection.execute(query).fetchone()[0])

    def to_embed(self) -> Iterator[QueuedArticle]:
        """Give the articles that are not staged by now, in the order of slugs."""
        for slug, digest, texts in self._pages("slug, digest, texts", _TO_EMBED):
            yield QueuedArticle(slug, digest, texts)

    def embedded(self) -> Iterator[ArticleVersion]:
        """Give what was added or changed, in the order of slugs."""
        return self._versions("kind IN ('added', 'changed')")

    def resaved(self) -> Iterator[ArticleVersion]:
        """Give the articles whose file is another one and says the same, likewise."""
        return self._versions("kind = 'resaved'")

    def removed(self) -> Iterator[str]:
        """Give the slugs of the articles that are not in the corpus any more, likewise."""
        return (slug for (slug,) in self._pages("slug", "kind = 'removed'"))

    def first(self, kind: Kind) -> tuple[str, ...]:
        """Name the first articles of a kind; a message has no room for more."""
        query = "SELECT slug FROM articles WHERE kind = ? ORDER BY slug LIMIT ?"
        return tuple(slug for (slug,) in self._connection.execute(query, (kind, _NAMED)))

    def counts(self) -> Counter[str]:
        """Count the articles of each kind."""
        query = "SELECT kind, count(*) FROM articles GROUP BY kind"
        return Counter(dict(self._connection.execute(query)))

    def _versions(self, condition: str) -> Iterator[ArticleVersion]:
        for row in self._pages("slug, url, content_hash, digest", condition):
            yield ArticleVersion(*row)

    def _pages(self, columns: str, condition: str) -> Iterator[tuple[Any, ...]]:
        """Read row by row what may change meanwhile."""
        query = f"SELECT {columns} FROM articles WHERE slug > ? AND {condition} "  # noqa: S608 - names from this file only
        query += "ORDER BY slug LIMIT ?"
        slug = ""
        while rows := self._connection.execute(query, (slug, _PAGE)).fetchall():
            yield from rows
            slug = rows[-1][0]


def _kind(difference: Difference) -> Kind:
    known, found = difference.known, difference.found
    if known is None:
        return "added"
    if found is None:
        return "removed"
    return "resaved" if known.content_hash == found.content_hash else "changed"
