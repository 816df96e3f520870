"""What we want to reach, and whether a run has reached it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.orders import AT_ONCE
from benchmarks.real_bot import p95

if TYPE_CHECKING:
    from benchmarks.compare import Compared

_SHARE_OF_FORWARD = 0.9
_TIMES_LANGCHAIN, _TIMES_LANGCHAIN_WITHOUT_BFLOAT16 = 3, 1
_OVERHEAD = 3
"""Milliseconds."""
_A_SECOND = 400
_MEMORY = 850
"""Megabytes."""
_FIRST_ANSWER = 7
"""Seconds."""
_TIMES_IDLE = 3


@dataclass(frozen=True, slots=True)
class Target:
    """One of them.

    Attributes:
        name: What it is about, with the limit.
        value: What was measured.
        met: Whether it was reached.
    """

    name: str
    value: str
    met: bool


def targets(compared: "Compared") -> list[Target]:
    """Check the targets, as far as what they need was measured."""
    return [*_of_indexing(compared), *_of_questions(compared), *_of_the_bot(compared)]


def _of_indexing(compared: "Compared") -> Iterator[Target]:
    if own := compared.own:
        share = own.forward / own.indexing
        yield Target(
            f"indexing: at least {_SHARE_OF_FORWARD:.0%} of the bare forward passes' speed",
            f"{share:.0%}",
            share >= _SHARE_OF_FORWARD,
        )
    if {"ours", "LangChain"} <= compared.indexed.keys():
        ratio = compared.indexed["LangChain"].seconds / compared.indexed["ours"].seconds
        bfloat16 = compared.machine.bfloat16
        least = _TIMES_LANGCHAIN if bfloat16 else _TIMES_LANGCHAIN_WITHOUT_BFLOAT16
        yield Target(
            f"indexing: at least {least} x LangChain's speed", f"{ratio:.1f} x", ratio >= least
        )


def _of_questions(compared: "Compared") -> Iterator[Target]:
    if own := compared.own:
        largest = own.sizes[-1]
        overhead = 1000 * (largest.question - largest.forward)
        yield Target(
            f"a question beside its forward pass, {largest.passages:,} passages: "
            f"at most {_OVERHEAD} ms",
            f"{overhead:.1f} ms",
            overhead <= _OVERHEAD,
        )
    if ours := compared.indexed.get("ours"):
        speed = AT_ONCE / ours.burst
        yield Target(
            f"64 questions at once: at least {_A_SECOND} a second",
            f"{speed:.0f} a second",
            speed >= _A_SECOND,
        )


def _of_the_bot(compared: "Compared") -> Iterator[Target]:
    if bot := compared.bot:
        yield Target(
            f"the bot's memory: at most {_MEMORY} MB",
            f"{bot.memory:.0f} MB",
            bot.memory <= _MEMORY,
        )
        yield Target(
            f"the bot's first answer: within {_FIRST_ANSWER} s of its start",
            f"{bot.first_answer:.1f} s",
            bot.first_answer <= _FIRST_ANSWER,
        )
        ratio = p95(bot.reindexing) / p95(bot.idle)
        yield Target(
            f"p95 of questions during a reindex: at most {_TIMES_IDLE} x idle",
            f"{ratio:.1f} x ({1000 * p95(bot.reindexing):.0f} against "
            f"{1000 * p95(bot.idle):.0f} ms)",
            ratio <= _TIMES_IDLE,
        )
