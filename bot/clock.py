"""Notices when the system's clock is set to another time.

What the bot does by itself is due at times of the wall clock: set back, it would wait for as
long; set forward, everything would seem old enough to be deleted. A clock that nobody can set
runs beside it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.troubles import CRASH, Troubles

if TYPE_CHECKING:
    from telegram.ext import ContextTypes, JobQueue

logger = logging.getLogger(__name__)

# In seconds. A clock that is kept right by a time server moves by less.
_LEAST_JUMP = 60
# In seconds. Forward by so much, things may seem old that aren't.
_DOUBTFUL_JUMP = 3600
# In seconds. Long enough for somebody to see what is wrong, and to set it right.
_DOUBTED_FOR = 24 * 3600
# In seconds.
_LOOKS_EVERY = 20


def steady_seconds() -> float:
    """Seconds of a clock that nobody sets; it goes on while a laptop sleeps, where it can."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Clock:
    """Compares the two clocks."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = steady_seconds,
        *,
        doubted: bool = False,
    ) -> None:
        """Begin to compare.

        Args:
            wall: Seconds of the clock that can be set.
            steady: Seconds of the clock that can't.
            doubted: Whether there is a reason already to doubt the time.
        """
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()
        self._doubted_until = steady() + _DOUBTED_FOR if doubted else None

    def jump(self) -> float:
        """By how many seconds the clock was set forward, or back, since this was last asked."""
        ahead = self._wall() - self._steady()
        jump = ahead - self._ahead
        if abs(jump) < _LEAST_JUMP:
            return 0
        self._ahead = ahead
        if abs(jump) >= _DOUBTFUL_JUMP:
            self._doubted_until = self._steady() + _DOUBTED_FOR
        return jump

    @property
    def doubted(self) -> bool:
        """Whether nothing should be deleted for its age: the clock jumped within the last day."""
        return self._doubted_until is not None and self._steady() < self._doubted_until


@dataclass(frozen=True, slots=True)
class ClockWatch:
    """Puts right what a jump of the clock would upset."""

    clock: Clock
    jobs: "JobQueue[ContextTypes.DEFAULT_TYPE]"
    troubles: Troubles

    async def run(self) -> None:
        """Look every now and then, until this is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOKS_EVERY)

    async def look(self) -> bool:
        """Look now; returns whether the time is to be doubted."""
        if jump := self.clock.jump():
            await self._put_right(timedelta(seconds=round(jump)))
        return self.clock.doubted

    async def _put_right(self, jump: timedelta) -> None:
        direction = "forward" if jump > timedelta() else "back"
        logger.warning("The system's clock was set %s by %s", direction, abs(jump))
        for job in self.jobs.scheduler.get_jobs():
            if job.next_run_time is not None:
                job.modify(next_run_time=job.next_run_time + jump)
        if self.clock.doubted:
            hours = str(round(abs(jump).total_seconds() / 3600))
            await self.troubles.begin(f"{CRASH}clock", "trouble-clock", hours=hours)
