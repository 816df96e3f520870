"""Reading and reindexing without other processes, for conversations of admins."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.drafts.reading import ReadDraft, Reading
from bot.reindexing import Reindexing
from bot.reports import Progress
from embeddings.indexing import IndexReport, reindex
from knowledge.corpus import load_corpus
from knowledge.documents import read_document
from knowledge.errors import Problem, ReadingError
from word_embedder import WordEmbedder


class FixedReading(Reading):
    """Knows what some links lead to; files it reads as the real one does."""

    def __init__(self) -> None:
        super().__init__([], {})
        self.pages: dict[str, ReadDraft] = {}
        self.failure: Exception | None = None
        self.may_go_on = asyncio.Event()
        """Cleared, it lets readings wait."""
        self.may_go_on.set()

    async def read_link(self, url: str) -> ReadDraft:
        """What the link leads to; else it is not found."""
        await self.may_go_on.wait()
        if self.failure:
            raise self.failure
        if url not in self.pages:
            raise ReadingError(Problem.NOT_FOUND, url)
        return self.pages[url]

    async def read_file(self, path: Path, name: str) -> ReadDraft:
        """What the file says."""
        return ReadDraft(await asyncio.to_thread(lambda: read_document(name, path.read_bytes())))


class FolderReindexing(Reindexing):
    """Reindexes a folder with an embedder of words, in this process."""

    def __init__(self, folder: Path, index: Path, embedder: WordEmbedder) -> None:
        super().__init__([], {})
        self._folder, self._index, self._embedder = folder, index, embedder
        self.failure: Exception | None = None
        self.warmed = 0
        self.reports: list[IndexReport] = []

    async def run(self, progress: Callable[[Progress], None] | None = None) -> IndexReport:  # noqa: ARG002
        """Reindex."""
        return await self.run_soon()

    async def run_soon(self) -> IndexReport:
        """Reindex."""
        if self.failure:
            raise self.failure
        return await asyncio.to_thread(self._reindex)

    async def warm(self) -> None:
        """Only count that it was asked for."""
        self.warmed += 1

    def _reindex(self) -> IndexReport:
        report = reindex(load_corpus(self._folder), self._index, self._embedder)
        self.reports.append(report)
        return report
