"""Metrics: what is counted and timed, and that no label can grow without end."""

import asyncio
import sys
from datetime import UTC, datetime

import pytest
from telegram.error import RetryAfter, TimedOut

from bot import metrics
from bot.answering import Outcome
from bot.errors import ReindexBusy, ReindexCancelled, ReindexError
from bot.metrics import REGISTRY, Stage
from bot.reindexing import Reindexing
from bot.upkeep import _refresh
from bot_api_chats import Chat, Person
from embeddings.retriever import IndexState
from fixed_retriever import FixedRetriever


def value(name: str, **labels: str) -> float:
    """A metric's value; 0 if nothing was counted yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_question_is_counted(private: Chat, alice: Person) -> None:
    """By how it went and its language, whatever the person's app speaks."""
    labels = {"outcome": "answered", "language": "en"}
    before = value("bot_questions_total", **labels)
    greetings = value("bot_questions_total", outcome="greeting", language="ky")
    await private.answer_to(await private.send(alice, "How long is the bridge?"))
    await private.answer_to(await private.send(alice, "Салам!"))
    assert value("bot_questions_total", **labels) == before + 1
    assert value("bot_questions_total", outcome="greeting", language="ky") == greetings + 1


async def test_labels_hold_no_text_and_no_person(private: Chat, alice: Person) -> None:
    """Only words that were known beforehand."""
    await private.answer_to(await private.send(alice, "How long is the bridge?"))
    known: dict[str, set[str]] = {
        "outcome": set(map(str, Outcome)),
        "language": {"en", "ru", "kk", "ky"},
        "stage": set(map(str, Stage)),
        "result": {"done", "failed", "busy", "cancelled"},
    }
    for family in REGISTRY.collect():
        for sample in family.samples:
            if family.name.startswith("bot_"):
                assert sample.labels.keys() <= {*known, "kind", "le"}
                for label, words in known.items():
                    assert sample.labels.get(label, next(iter(words))) in words


def test_a_stage_is_timed() -> None:
    """Also one that fails; each falls into the bucket of its length."""
    labels = {"stage": "sending"}
    count = value("bot_stage_duration_seconds_count", **labels)
    quick = value("bot_stage_duration_seconds_bucket", **labels, le="0.1")
    with metrics.timed(Stage.SENDING):
        pass
    with pytest.raises(ValueError, match="no"), metrics.timed(Stage.SENDING):
        raise ValueError("no")
    metrics.observe(Stage.SENDING, 7)
    metrics.observe(Stage.SENDING, -7)
    assert value("bot_stage_duration_seconds_count", **labels) == count + 4
    assert value("bot_stage_duration_seconds_bucket", **labels, le="0.1") == quick + 3


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "done"),
        (ReindexError("broken"), "failed"),
        (ReindexBusy("another"), "busy"),
        (ReindexCancelled("stopped"), "cancelled"),
        (asyncio.CancelledError(), "cancelled"),
    ],
    ids=["done", "failed", "busy", "stopped", "the-bot-ends"],
)
def test_a_reindex(error: BaseException | None, result: str) -> None:
    """It is shown while it runs, and counted by how it ended."""
    before = value("bot_reindexes_total", result=result)
    try:
        with metrics.reindexing():
            assert value("bot_reindex_running") == 1
            if error:
                raise error
    except (ReindexError, asyncio.CancelledError) as raised:
        assert raised is error  # noqa: PT017 - it must get through, and only that one
    assert value("bot_reindex_running") == 0
    assert value("bot_reindexes_total", result=result) == before + 1


def test_the_index() -> None:
    """What it holds and when that was brought up to date, in seconds since 1970."""
    metrics.show_index(IndexState(3, 25, datetime(2026, 1, 1, tzinfo=UTC)))
    assert value("bot_index_articles") == 3
    assert value("bot_index_passages") == 25
    assert value("bot_reindex_last_success_timestamp_seconds") == 1767225600
    metrics.show_index(IndexState(0, 0, None))
    assert value("bot_reindex_last_success_timestamp_seconds") == 0


def test_what_waits_is_counted_when_somebody_looks() -> None:
    """The number is never an old one."""
    waiting = [1, 2]
    metrics.watch_updates_waiting(lambda: len(waiting))
    assert value("bot_updates_waiting") == 2
    waiting.clear()
    assert value("bot_updates_waiting") == 0


def test_errors_of_telegram() -> None:
    """They are counted by kind, without what they say."""
    before = value("bot_telegram_errors_total", kind="RetryAfter")
    metrics.count_telegram_error(RetryAfter(5))
    metrics.count_telegram_error(TimedOut("https://example.org/bot123:secret"))
    assert value("bot_telegram_errors_total", kind="RetryAfter") == before + 1
    assert "secret" not in str([family.samples for family in REGISTRY.collect()])


async def test_the_bots_own_reindex_is_counted() -> None:
    """However it was started."""
    before = value("bot_reindexes_total", result="failed")
    reindexing = Reindexing([sys.executable, "-c", "raise SystemExit('broken')"], {})
    for reindex in (reindexing.run, reindexing.run_soon):
        with pytest.raises(ReindexError):
            await reindex()
    await reindexing.shutdown()
    assert value("bot_reindexes_total", result="failed") == before + 2


def test_upkeep_shows_the_index(retriever: FixedRetriever) -> None:
    """Each time that it looks whether there is a new one."""
    metrics.show_index(IndexState(0, 0, None))
    _refresh(retriever)
    state = retriever.state()
    assert value("bot_index_articles") == state.articles > 0
    assert value("bot_index_passages") == state.passages > 0
