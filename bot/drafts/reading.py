"""Links and files -> drafts, by a process of its own: a hostile page or PDF can't hurt the bot.

The process may take so much memory and time and no more, and is ended with all that it started.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

from bot.errors import ReadingFailed
from knowledge.article import Article
from knowledge.drafts import Draft
from knowledge.errors import Problem, ReadingError

SECONDS = 60
"""How long the reading of one link or file may take."""
MAX_BYTES = 1_500_000_000
"""Of memory that the process may ask for."""

# Each takes a core and up to MAX_BYTES.
_AT_ONCE = 2
# In seconds; the process ends itself a little later, should the bot be gone by then.
_GRACE = 10


@dataclass(frozen=True, slots=True)
class Known:
    """An article that we have."""

    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class ReadDraft:
    """What was read, and what it repeats."""

    draft: Draft
    same_link: Known | None = None
    """The article with the same link."""
    same_text: Known | None = None
    """The article with the same text, and another link."""


@dataclass(frozen=True, slots=True)
class ReadingProblem:
    """Why nothing was read; see `knowledge.errors.ReadingError`."""

    problem: Problem
    subject: str
    detail: str


_Said: TypeAlias = ReadDraft | ReadingProblem
_SAID: TypeAdapter[_Said] = TypeAdapter(_Said)


def to_json(said: _Said) -> str:
    """What `python -m bot add --draft --json` prints."""
    return _SAID.dump_json(said).decode()


def known(article: Article | None) -> Known | None:
    """What is told of an article that a draft repeats."""
    return Known(article.slug, article.title) if article else None


def limit_this_process() -> None:
    """Let the system end this process when it takes too much memory or time.

    macOS doesn't limit memory so, and Windows nothing; there the time limit of `Reading` is left.
    """
    with contextlib.suppress(ImportError):
        import resource

        for kind, most in (
            (resource.RLIMIT_AS, MAX_BYTES),
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_CORE, 0),
        ):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
        signal.alarm(SECONDS + _GRACE)


class Reading:
    """Reads links and files, each in a process; at most two at once."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Take what is run.

        Args:
            command: Reads what is named behind it, and says what it read as `to_json` has it.
            environment: What to set in its environment.
        """
        lowest = ["nice", "-n", "10"] if shutil.which("nice") else []
        self._command = [*lowest, *command]
        # Each thread of these libraries takes address space, and there may be a hundred.
        one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._environment = {**environment, **one_thread}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def read_link(self, url: str) -> ReadDraft:
        """Read what a link leads to.

        Raises:
            ReadingError: it did not become a draft.
            ReadingFailed: the process failed.
        """
        return await self._read(url, url)

    async def read_file(self, path: Path, name: str) -> ReadDraft:
        """Read a file.

        Args:
            path: Where it is.
            name: What its author calls it.

        Raises:
            ReadingError: it did not become a draft.
            ReadingFailed: the process failed.
        """
        return await self._read(str(path), name, "--name", name)

    async def _read(self, source: str, subject: str, *options: str) -> ReadDraft:
        async with self._turns:
            # Behind "--" a file that begins with a dash is a file.
            output, complaints, code = await self._run([*options, "--", source], subject)
        try:
            said = _SAID.validate_json(output)
        except ValidationError as error:
            lines = complaints.decode(errors="replace").strip().splitlines()
            raise ReadingFailed(lines[-1] if lines else f"exit code {code}") from error
        if isinstance(said, ReadingProblem):
            raise ReadingError(said.problem, said.subject, said.detail)
        return said

    async def _run(self, arguments: Sequence[str], subject: str) -> tuple[bytes, bytes, int]:
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
            raise ReadingError(Problem.TIMEOUT, subject) from error
        finally:
            if process.returncode is None:
                _kill_with_its_children(process)
                await process.wait()
        code = process.returncode or 0
        if code in _ENDED_FOR_WHAT_IT_TOOK:
            raise ReadingError(Problem.TOO_LARGE, subject, f"the process ended with {code}")
        return output, complaints, code


def _kill_with_its_children(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


# Windows has no such limits, nor their signals.
_ENDED_FOR_WHAT_IT_TOOK = {
    -getattr(signal, name) for name in ("SIGXCPU", "SIGALRM") if hasattr(signal, name)
}
