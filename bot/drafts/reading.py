"""Links and files -> drafts, read by a process of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import TypeAdapter

from bot.limited_process import LimitedProcess
from knowledge.article import Article
from knowledge.drafts import Draft
from knowledge.errors import Problem, ReadingError


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


class Reading:
    """Reads links and files, each in a process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Take what is run.

        Args:
            command: Reads what is named behind it, and says what it read as `to_json` has it.
            environment: What to set in its environment.
        """
        self._process = LimitedProcess(command, environment)

    async def read_link(self, url: str) -> ReadDraft:
        """Read what a link leads to.

        Raises:
            ReadingError: it did not become a draft.
            ReadingFailed: the process failed.
        """
        return _read(await self._process.ask(_SAID, [], url, url))

    async def read_file(self, path: Path, name: str) -> ReadDraft:
        """Read a file.

        Args:
            path: Where it is.
            name: What its author calls it.

        Raises:
            ReadingError: it did not become a draft.
            ReadingFailed: the process failed.
        """
        return _read(await self._process.ask(_SAID, ["--name", name], str(path), name))


def _read(said: _Said) -> ReadDraft:
    if isinstance(said, ReadingProblem):
        raise ReadingError(said.problem, said.subject, said.detail)
    return said
