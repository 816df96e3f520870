"""One reindex at a time, aside: in a process of its own, so that questions stay fast meanwhile.

Loading the model takes longer than a small reindex. So the process stays for a while when it is
done, and can be started ahead, when an admin looks at what will soon be added.
"""

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from bot import metrics
from bot.errors import ReindexBusy, ReindexCancelled, ReindexError, ReindexRunning
from bot.limited_process import at_low_priority
from bot.reports import Failure, Progress, news_from_json
from embeddings.indexing import IndexReport

logger = logging.getLogger(__name__)

# In seconds. It holds the model in memory, and so some 900 MB.
_STAYS_FOR = 120
# In seconds. After a SIGTERM the process rolls back and goes; one that hangs is killed.
_GRACE = 5
# In seconds; what to wait between tries while another process writes to the index.
_TRIES = (1, 2, 4, 8, 15, 30, 60, 120, 240, 480)
# In bytes. A report names up to a hundred articles and files of each kind, all in one line.
_LONGEST_LINE = 2**22
_LINES_OF_STDERR = 20

_ERRORS = {"busy": ReindexBusy, "cancelled": ReindexCancelled, "failed": ReindexError}


class Reindexing:
    """Runs the reindex command; the bot sees the new index by itself."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        when_done: Callable[[], object] | None = None,
    ) -> None:
        """Take what is run and what follows.

        Args:
            command: Reindexes for each line on its stdin; it says how that goes as
                `bot.reports` has it, and ends with its stdin.
            environment: What to set in its environment.
            when_done: Called after each reindex that ended well.
        """
        # The embedder takes all cores it can get.
        self._command = at_low_priority(command)
        self._environment = environment
        self._when_done = when_done
        self._lock = asyncio.Lock()
        self._worker: _Worker | None = None
        self._next: asyncio.Task[IndexReport] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._cancelled = False

    @property
    def running(self) -> bool:
        """Whether a reindex is running."""
        return self._lock.locked()

    async def run(self, progress: Callable[[Progress], None] | None = None) -> IndexReport:
        """Run a reindex to its end; cancelling this ends the process.

        Raises:
            ReindexRunning: if another has not ended yet.
            ReindexBusy: if another process is writing to the index.
            ReindexCancelled: if it was stopped by `cancel` or `shutdown`.
            ReindexError: if it failed, with its own last word.
        """
        if self.running:
            raise ReindexRunning("A reindex is running already.")
        async with self._lock:
            with metrics.reindexing():
                report = await self._run(progress)
        if self._when_done:
            self._when_done()
        return report

    async def run_soon(self) -> IndexReport:
        """Bring what is in the folder now into the index, whatever else is going on.

        Waits for a reindex that is running, which may have begun too early, and for another
        process that is writing. All who wait get the report of one and the same reindex.

        Raises:
            ReindexCancelled: if it was stopped by `cancel` or `shutdown`.
            ReindexError: if it failed, with its own last word.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._run_next())
        # One of several who wait may give up.
        return await asyncio.shield(self._next)

    async def warm(self) -> None:
        """Start the process ahead, since somebody is likely to need it soon."""
        if not self.running and (self._worker is None or self._worker.ended):
            try:
                self._worker = await self._start()
            except ReindexError as error:
                # Who needs it hears of it then.
                logger.warning("%s", error)
            else:
                self._leave_later()

    def cancel(self) -> bool:
        """Stop the reindex that is running; returns whether there was one."""
        if not self.running:
            return False
        self._cancelled = True
        if self._worker and not self._worker.ended:
            self._worker.cancel()
        return True

    async def shutdown(self) -> None:
        """End what is running."""
        if self._next:
            self._next.cancel()
        if self._leaving:
            self._leaving.cancel()
        if self._worker:
            self._cancelled = True
            await self._worker.end()

    async def _run_next(self) -> IndexReport:
        for pause in (*_TRIES, None):
            async with self._lock:
                # Who asks from here on has changed something that this one may not see.
                self._next = None
                try:
                    with metrics.reindexing():
                        report = await self._run(None)
                    break
                except ReindexBusy:
                    if pause is None:
                        raise
            await asyncio.sleep(pause)
        if self._when_done:
            self._when_done()
        return report

    async def _run(self, progress: Callable[[Progress], None] | None) -> IndexReport:
        if self._leaving:
            self._leaving.cancel()
        self._cancelled = False
        if self._worker is None or self._worker.ended:
            self._worker = await self._start()
            if self._cancelled:
                self._worker.cancel()
        try:
            report = await self._worker.reindex(progress)
        except ReindexBusy:
            self._leave_later()
            raise
        except BaseException as error:
            await self._worker.end()
            if self._cancelled and isinstance(error, ReindexError):
                raise ReindexCancelled("The reindex was stopped.") from None
            raise
        self._leave_later()
        return report

    async def _start(self) -> "_Worker":
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                env={**os.environ, **self._environment},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_LONGEST_LINE,
            )
        except OSError as error:
            reason = f"The reindex can't be started ({error.strerror})."
            raise ReindexError(reason) from error
        return _Worker(process)

    def _leave_later(self) -> None:
        if self._leaving:
            self._leaving.cancel()
        if self._worker:
            loop = asyncio.get_running_loop()
            self._leaving = loop.call_later(_STAYS_FOR, self._worker.let_go)


class _Worker:
    """The process that reindexes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise TypeError("The process was started without pipes.")
        self._process = process
        self._orders, self._news = process.stdin, process.stdout
        self._complaints: deque[str] = deque(maxlen=_LINES_OF_STDERR)
        self._listening = asyncio.create_task(self._listen(process.stderr))

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None or self._orders.is_closing()

    async def reindex(self, progress: Callable[[Progress], None] | None) -> IndexReport:
        # One that has ended at once can't take the order, and its last word says why.
        with contextlib.suppress(ConnectionError):
            self._orders.write(b"reindex\n")
            await self._orders.drain()
        async for line in self._news:
            match news_from_json(line.decode(errors="replace")):
                case Progress() as news:
                    if progress:
                        progress(news)
                case Failure(reason, kind):
                    raise _ERRORS[kind](reason)
                case IndexReport() as report:
                    return report
        code = await self._process.wait()
        await self._listening
        last = self._complaints[-1] if self._complaints else f"It ended with exit code {code}."
        raise ReindexError(last)

    def cancel(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        asyncio.get_running_loop().call_later(_GRACE, self._kill)

    def let_go(self) -> None:
        """Let the process end by itself: it has nothing to do."""
        self._orders.close()

    async def end(self) -> None:
        self._kill()
        await self._process.wait()
        self._listening.cancel()
        self._orders.close()

    def _kill(self) -> None:
        # A transaction that is under way never was, then.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _listen(self, stderr: asyncio.StreamReader) -> None:
        async for line in stderr:
            if text := line.decode(errors="replace").strip():
                self._complaints.append(text)
