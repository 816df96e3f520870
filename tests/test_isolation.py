"""What works beside the bot doesn't hold up its answers."""

import subprocess
import sys

import pytest

from bot.limited_process import at_low_priority

_SCHEDULER = (
    "import os, subprocess, sys; "
    "from bot.limited_process import compute_when_nobody_else_does; "
    "compute_when_nobody_else_does(); "
    "child = 'import os; print(os.sched_getscheduler(0) == os.SCHED_IDLE)'; "
    "print(os.sched_getscheduler(0) == os.SCHED_IDLE); sys.stdout.flush(); "
    "subprocess.run([sys.executable, '-c', child], check=True)"
)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has SCHED_IDLE")
def test_a_reindex_computes_when_nobody_else_does() -> None:
    """The process has a core only while no other wants it, and so has what it starts."""
    done = subprocess.run(
        [sys.executable, "-c", _SCHEDULER], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["True", "True"]


def test_what_the_bot_starts_is_behind_it() -> None:
    """The lowest priority that there is, since people wait for the bot."""
    command = [sys.executable, "-c", "import os; print(os.nice(0))"]
    done = subprocess.run(
        at_low_priority(command), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "19"
