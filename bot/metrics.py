"""What is counted and timed while the bot runs, for `/metrics`.

The names follow Prometheus's conventions. Labels take few values, all known beforehand: never a
person, a chat or a text.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from enum import StrEnum

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from bot.errors import ReindexBusy, ReindexCancelled
from embeddings.retriever import IndexState

REGISTRY = CollectorRegistry(auto_describe=True)
"""Ours alone; the library's own one is shared by all that use it."""

# When each series began is of no use to us and would double their number.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Stage(StrEnum):
    """What happens to a question one after the other."""

    INBOX = "waiting_in_inbox"
    """Accepted, and not begun."""
    MODEL = "waiting_for_model"
    """Begun, and the thread that owns the model is busy or still loading it."""
    ANSWERING = "answering"
    """Searched for, by itself or as one batch with others."""
    SENDING = "sending"
    """On the way to Telegram, waits for its limits included."""


_QUESTIONS = Counter(
    "bot_questions",
    "Questions, by how they went and the language that they are in.",
    ("outcome", "language"),
    registry=REGISTRY,
)
_STAGES = Histogram(
    "bot_stage_duration_seconds",
    "How long each stage of a question took.",
    ("stage",),
    registry=REGISTRY,
    # One question takes some 30 ms; who waits in an inbox that has filled up may wait minutes.
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
_UPDATES_WAITING = Gauge(
    "bot_updates_waiting", "Updates that are accepted and not yet done.", registry=REGISTRY
)
_REINDEX_RUNNING = Gauge(
    "bot_reindex_running", "1 while the bot reindexes, otherwise 0.", registry=REGISTRY
)
_REINDEXES = Counter(
    "bot_reindexes",
    "Reindexes of the bot that have ended: done, failed, busy or cancelled.",
    ("result",),
    registry=REGISTRY,
)
_REINDEX_SECONDS = Gauge(
    "bot_reindex_last_duration_seconds",
    "How long the last reindex took that the bot did.",
    registry=REGISTRY,
)
_REINDEXED_AT = Gauge(
    "bot_reindex_last_success_timestamp_seconds",
    "When a reindex last ended well, whoever started it; 0 if none did.",
    registry=REGISTRY,
)
_ARTICLES = Gauge("bot_index_articles", "Articles in the index.", registry=REGISTRY)
_PASSAGES = Gauge("bot_index_passages", "Passages in the index.", registry=REGISTRY)
_TELEGRAM_ERRORS = Counter(
    "bot_telegram_errors",
    "Requests that Telegram refused or did not confirm, by the library's name of the error.",
    ("kind",),
    registry=REGISTRY,
)
_READY = Gauge(
    "bot_ready", "1 if questions can be received and answered, otherwise 0.", registry=REGISTRY
)

ProcessCollector(registry=REGISTRY)

# Counters that begin at 0 show their first event as an increase; those that begin at 1 don't.
for _stage in Stage:
    _STAGES.labels(_stage)
for _result in ("done", "failed", "busy", "cancelled"):
    _REINDEXES.labels(_result)


def count_question(outcome: str, language: str) -> None:
    """Count a question that was settled.

    Args:
        outcome: A `bot.answering.Outcome`.
        language: The one that it is in; one of those that the bot speaks.
    """
    _QUESTIONS.labels(outcome, language).inc()


def observe(stage: Stage, seconds: float) -> None:
    """Note how long a stage took; may be called in any thread."""
    # A clock that was set back must not make a negative one.
    _STAGES.labels(stage).observe(max(0.0, seconds))


@contextlib.contextmanager
def timed(stage: Stage) -> Iterator[None]:
    """Note how long a stage takes, whether it ends well or not; it may await."""
    began = time.monotonic()
    try:
        yield
    finally:
        observe(stage, time.monotonic() - began)


def watch_updates_waiting(count: Callable[[], int]) -> None:
    """Take what tells how many updates wait; it is called for each look at the metrics."""
    _UPDATES_WAITING.set_function(count)


def watch_ready(ready: Callable[[], bool]) -> None:
    """Take what tells whether the bot is ready; it is called for each look at the metrics."""
    _READY.set_function(ready)


def count_telegram_error(error: Exception) -> None:
    """Count a `telegram.error.TelegramError`."""
    _TELEGRAM_ERRORS.labels(type(error).__name__).inc()


def show_index(state: IndexState) -> None:
    """Show what the index holds, and when it was last brought up to date."""
    _ARTICLES.set(state.articles)
    _PASSAGES.set(state.passages)
    _REINDEXED_AT.set(state.reindexed_at.timestamp() if state.reindexed_at else 0)


@contextlib.contextmanager
def reindexing() -> Iterator[None]:
    """Show that a reindex is running, and how it ended."""
    began = time.monotonic()
    _REINDEX_RUNNING.set(1)
    result = "failed"
    try:
        yield
        result = "done"
    except (ReindexCancelled, asyncio.CancelledError):
        result = "cancelled"
        raise
    except ReindexBusy:
        result = "busy"
        raise
    finally:
        _REINDEX_RUNNING.set(0)
        _REINDEX_SECONDS.set(time.monotonic() - began)
        _REINDEXES.labels(result).inc()
