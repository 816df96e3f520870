"""One reindex at a time, aside: in a process of its own, so that questions stay fast meanwhile."""

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence

from bot.errors import ReindexError, ReindexRunning
from bot.reports import report_from_json
from embeddings.indexing import IndexReport


class Reindexing:
    """Runs the reindex command; the bot sees the new index by itself."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Take the command, which prints a report as JSON, and what to set in its environment."""
        # The embedder takes all cores it can get; people's questions come first.
        lowest = ["nice", "-n", "10"] if shutil.which("nice") else []
        self._command = [*lowest, *command]
        self._environment = environment
        self._lock = asyncio.Lock()

    @property
    def running(self) -> bool:
        """Whether a reindex is running."""
        return self._lock.locked()

    async def run(self) -> IndexReport:
        """Run a reindex to its end; cancelling it ends the process.

        Raises:
            ReindexRunning: if another has not ended yet.
            ReindexError: with the last line that the process wrote to stderr.
        """
        if self.running:
            raise ReindexRunning("A reindex is running already.")
        async with self._lock:
            return await self._run()

    async def _run(self) -> IndexReport:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            env={**os.environ, **self._environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            output, complaints = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            lines = complaints.decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"It ended with exit code {process.returncode}."
            raise ReindexError(reason)
        return report_from_json(output.decode(errors="replace"))
