"""What comes from strangers is read by a process of its own: a hostile page can't hurt the bot.

The process may take so much memory and time and no more, and is ended with all that it started.
"""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.errors import ReadingFailed
from knowledge.errors import Problem, ReadingError

SECONDS = 60
"""How long the reading of one link or file may take."""
MAX_BYTES = 1_500_000_000
"""Of memory that the process may ask for."""

# Each takes a core and up to MAX_BYTES.
_AT_ONCE = 2
# In seconds; the process ends itself a little later, should the bot be gone by then.
_GRACE = 10
_ENDED_FOR_WHAT_IT_TOOK = {-signal.SIGXCPU, -signal.SIGALRM}

Said = TypeVar("Said")


def limit_this_process() -> None:
    """Let the system end this process when it takes too much memory or time.

    macOS doesn't limit memory so; there the time limit is left.
    """
    for kind, most in (
        (resource.RLIMIT_AS, MAX_BYTES),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
    signal.alarm(SECONDS + _GRACE)


def at_low_priority(command: Sequence[str]) -> list[str]:
    """The same command, behind the bot, whose answers people wait for."""
    return [*(["nice", "-n", "19"] if shutil.which("nice") else []), *command]


def compute_when_nobody_else_does() -> None:
    """Let this process and its threads to come have a core only while nobody else wants it.

    A question then takes the core at once, where it would have to wait for its turn among equals.
    Where the system knows no such thing, nothing happens.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class LimitedProcess:
    """Asks a command of ours, which calls `limit_this_process`; at most two at once."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Take what is run.

        Args:
            command: Prints one JSON document on what is named behind it.
            environment: What to set in its environment.
        """
        self._command = at_low_priority(command)
        # Each thread of these libraries takes address space, and there may be a hundred.
        one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._environment = {**environment, **one_thread}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(
        self, understand: TypeAdapter[Said], options: Sequence[str], subject: str, name: str
    ) -> Said:
        """What the command says of something.

        Args:
            understand: Reads what the command prints.
            options: For the command.
            subject: A link or a path.
            name: What to call it in an error.

        Raises:
            ReadingError: it took too long or too much memory.
            ReadingFailed: the process failed.
        """
        async with self._turns:
            # Behind "--" a file that begins with a dash is a file.
            output, complaints, code = await self._run([*options, "--", subject], name)
        try:
            return understand.validate_json(output)
        except ValidationError as error:
            lines = complaints.decode(errors="replace").strip().splitlines()
            raise ReadingFailed(lines[-1] if lines else f"exit code {code}") from error

    async def _run(self, arguments: Sequence[str], name: str) -> tuple[bytes, bytes, int]:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            env={**os.environ, **self._environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS):
                output, complaints = await process.communicate()
        except TimeoutError as error:
            raise ReadingError(Problem.TIMEOUT, name) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        code = process.returncode or 0
        if code in _ENDED_FOR_WHAT_IT_TOOK:
            raise ReadingError(Problem.TOO_LARGE, name, f"the process ended with {code}")
        return output, complaints, code
