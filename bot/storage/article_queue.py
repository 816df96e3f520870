"""The queue from which several processes, on one machine or many, take articles of a reindex.

Who takes articles holds them for some minutes, and says so again as long as its work goes on; what
nobody holds any more is free for the others. Times are the database server's.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar, cast

import sqlalchemy as sa

from bot.errors import JournalError
from bot.storage.database import Database, add_rows
from bot.storage.schema import ARTICLE_QUEUE
from bot.storage.server_time import SERVER_TIME
from embeddings.plan import QueuedArticle

_HELD_FOR = timedelta(minutes=2)
_HELD_AGAIN_AFTER = 20.0
"""Seconds."""
_PAUSE = 1.0
"""Seconds between two looks whether others have given something back, or the database is back."""
_TRIES = 60
_AT_ONCE = 500
"""Rows that are added, or looked through, at once."""
_FORGOTTEN_AFTER = timedelta(days=30)
"""A reindex that was killed and never gone on with leaves its rows."""

_COLUMNS = (ARTICLE_QUEUE.c.slug, ARTICLE_QUEUE.c.digest, ARTICLE_QUEUE.c.texts)

Result = TypeVar("Result")


class DatabaseQueue:
    """The articles of one reindex; an `embeddings.indexing.SharedQueue`.

    Each method raises JournalError if the database is away for a minute.
    """

    def __init__(
        self,
        database: Database,
        key: str,
        sleep: Callable[[float], object] = time.sleep,
        now: sa.ColumnElement[object] | None = None,
    ) -> None:
        """Take a database.

        Args:
            database: Where the queue is.
            key: Of the staging that the queue is for.
            sleep: Waits some seconds.
            now: The time, for tests; without it that of the server, or of the machine that the
                file is on.
        """
        self._database = database
        self._key = key
        self._sleep = sleep
        self._server_time = SERVER_TIME if now is None and database.is_shared else now
        self._name = secrets.token_hex(8)
        self._held_at = 0.0
        self._ours = ARTICLE_QUEUE.c.staging == key

    def fill(self, articles: Iterator[QueuedArticle]) -> None:
        """Put articles in the place of all that is in it."""
        some = list(islice(articles, _AT_ONCE))
        self._write(lambda connection: self._begin(connection, some))
        while some := list(islice(articles, _AT_ONCE)):
            self._write(partial(self._add, articles=some))

    def take(self, texts: int) -> list[QueuedArticle]:
        """See `ArticleQueue`."""
        while True:
            taken, is_empty = self._write(lambda connection: self._take(connection, texts))
            if taken or is_empty:
                self._held_at = time.monotonic()
                return taken
            self._sleep(_PAUSE)

    def hold(self) -> None:
        """See `ArticleQueue`."""
        if time.monotonic() - self._held_at < _HELD_AGAIN_AFTER:
            return
        held = ARTICLE_QUEUE.c.claimed_by == self._name
        self._write(
            lambda connection: connection.execute(
                ARTICLE_QUEUE.update()
                .where(self._ours, held)
                .values(free_at=self._now(connection) + _HELD_FOR)
            )
        )
        self._held_at = time.monotonic()

    def done(self, articles: Sequence[QueuedArticle]) -> None:
        """See `ArticleQueue`."""
        slugs = [article.slug for article in articles]
        self._write(
            lambda connection: connection.execute(
                ARTICLE_QUEUE.delete().where(self._ours, ARTICLE_QUEUE.c.slug.in_(slugs))
            )
        )

    def left(self) -> int:
        """See `ArticleQueue`."""
        query = sa.select(sa.func.coalesce(sa.func.sum(ARTICLE_QUEUE.c.texts), 0))
        return int(self._write(lambda connection: connection.scalar(query.where(self._ours))) or 0)

    def _begin(self, connection: sa.Connection, articles: Sequence[QueuedArticle]) -> None:
        forgotten = ARTICLE_QUEUE.c.free_at < self._now(connection) - _FORGOTTEN_AFTER
        connection.execute(ARTICLE_QUEUE.delete().where(sa.or_(self._ours, forgotten)))
        self._add(connection, articles)

    def _add(self, connection: sa.Connection, articles: Sequence[QueuedArticle]) -> None:
        now = self._now(connection)
        rows = [
            {
                "staging": self._key,
                "slug": article.slug,
                "digest": article.digest,
                "texts": article.texts,
                "free_at": now,
            }
            for article in articles
        ]
        # Another try, after a connection broke while it committed, finds them there.
        add_rows(connection, ARTICLE_QUEUE, rows)

    def _take(self, connection: sa.Connection, texts: int) -> tuple[list[QueuedArticle], bool]:
        now = self._now(connection)
        rows = connection.execute(
            sa.select(*_COLUMNS)
            .where(self._ours, ARTICLE_QUEUE.c.free_at <= now)
            .order_by(ARTICLE_QUEUE.c.slug)
            .limit(_AT_ONCE)
            # Of several who look at the same moment each sees others.
            .with_for_update(skip_locked=True)
        )
        taken: list[QueuedArticle] = []
        for row in rows:
            taken.append(QueuedArticle(*row))
            texts -= row.texts
            if texts <= 0:
                break
        if not taken:
            return [], not connection.scalar(sa.select(sa.exists().where(self._ours)))
        slugs = [article.slug for article in taken]
        connection.execute(
            ARTICLE_QUEUE.update()
            .where(self._ours, ARTICLE_QUEUE.c.slug.in_(slugs))
            .values(claimed_by=self._name, free_at=now + _HELD_FOR)
        )
        return taken, False

    def _now(self, connection: sa.Connection) -> datetime:
        if self._server_time is None:
            return self._database.time()
        now = connection.execute(sa.select(self._server_time)).scalar_one()
        return cast("datetime", now)

    def _write(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Do what a reindex of many hours shouldn't fail at, because a server is restarted."""
        for _ in range(_TRIES):
            try:
                return self._database.write_now(work)
            except JournalError:
                self._sleep(_PAUSE)
        return self._database.write_now(work)
