"""Several processes take articles from one queue: each gets others, and none is lost."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest
from pydantic import SecretStr

from bot.errors import JournalError
from bot.storage import article_queue
from bot.storage.article_queue import DatabaseQueue
from bot.storage.database import Database
from embeddings.plan import QueuedArticle
from server_clock import server_time

ICE, SUN, WIND = (QueuedArticle(slug, f"{slug}-digest", 10) for slug in ("ice", "sun", "wind"))


class Clock:
    """Goes on while somebody waits."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as the database has it

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


OpenQueue: TypeAlias = Callable[..., DatabaseQueue]


@pytest.fixture
def open_queue(
    tmp_path: Path, database_url: SecretStr | None, clock: Clock
) -> Iterator[OpenQueue]:
    """Opens the queue as another process does."""
    with ExitStack() as opened:

        def open_queue(key: str = "one") -> DatabaseQueue:
            database = Database.open(tmp_path, url=database_url)
            opened.enter_context(closing(database))
            return DatabaseQueue(database, key, clock.sleep, server_time(lambda: clock.now))

        yield open_queue


def test_each_article_is_taken_once(open_queue: OpenQueue) -> None:
    """As many as are needed for so many texts, but one at least; what is done is gone."""
    first, second = open_queue(), open_queue()
    first.fill(iter((SUN, ICE, WIND)))
    assert (first.left(), second.left()) == (30, 30)
    assert first.take(11) == [ICE, SUN]
    assert second.take(1) == [WIND]
    first.done([ICE, SUN])
    assert second.left() == 10
    second.done([WIND])
    assert (first.take(1), second.take(1), first.left()) == ([], [], 0)


def test_who_finds_nothing_free_waits(open_queue: OpenQueue, clock: Clock) -> None:
    """What another process held and did not do comes back after two minutes without a word."""
    dead, alive = open_queue(), open_queue()
    dead.fill(iter((ICE, SUN)))
    assert dead.take(10) == [ICE]
    assert alive.take(20) == [SUN]
    alive.done([SUN])
    begun = clock.now
    assert alive.take(20) == [ICE]
    assert timedelta(seconds=119) <= clock.now - begun <= timedelta(seconds=121)


def test_who_goes_on_keeps_what_it_has(
    open_queue: OpenQueue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes, if it says so every now and then."""
    slow, other = open_queue(), open_queue()
    monkeypatch.setattr(article_queue, "_HELD_AGAIN_AFTER", 0)
    slow.fill(iter((ICE,)))
    assert slow.take(1) == [ICE]
    clock.sleep(100)
    slow.hold()
    begun = clock.now
    assert other.take(1) == [ICE]
    assert clock.now - begun >= timedelta(seconds=119)


def test_what_was_done_late_is_done(open_queue: OpenQueue, clock: Clock) -> None:
    """Whoever has it by then: it is staged, and that is what counts."""
    late, other = open_queue(), open_queue()
    late.fill(iter((ICE,)))
    late.take(1)
    clock.sleep(121)
    assert other.take(1) == [ICE]
    late.done([ICE])
    assert other.left() == 0
    other.done([ICE])


def test_each_reindex_has_its_own_queue(open_queue: OpenQueue) -> None:
    """Filling it again replaces what is in it, and touches no other's."""
    one, two = open_queue(), open_queue("two")
    one.fill(iter((ICE, SUN)))
    two.fill(iter((WIND,)))
    one.take(1)
    one.fill(iter((SUN,)))
    assert one.take(100) == [SUN]
    assert two.take(100) == [WIND]


def test_what_nobody_will_ever_do_is_forgotten(open_queue: OpenQueue, clock: Clock) -> None:
    """A month after a reindex was killed, another one takes its rows away."""
    left, new = open_queue("left"), open_queue("new")
    left.fill(iter((ICE,)))
    clock.sleep(29 * 86400)
    new.fill(iter((SUN,)))
    assert left.left() == 10
    clock.sleep(2 * 86400)
    new.fill(iter((SUN,)))
    assert left.left() == 0


def test_a_database_that_is_away_for_a_while(
    open_queue: OpenQueue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of a reindex is lost if it comes back within a minute."""
    queue = open_queue()
    queue.fill(iter((ICE,)))
    write_now = queue._database.write_now
    back_at = clock.now + timedelta(seconds=50)

    def fail_at_first(work: Callable[..., object]) -> object:
        if clock.now < back_at:
            raise JournalError("It is away.")
        return write_now(work)

    monkeypatch.setattr(queue._database, "write_now", fail_at_first)
    assert queue.take(1) == [ICE]
    back_at = clock.now + timedelta(seconds=70)
    with pytest.raises(JournalError, match="away"):
        queue.left()
