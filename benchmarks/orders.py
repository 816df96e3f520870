"""What the processes that are measured are told, and what they tell; as JSON in files.

This imports nothing of the bot: peers run where it isn't installed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

Told = TypeVar("Told")

HITS = 3
"""How many texts are asked for; what the bot shows at first."""

AT_ONCE = 64
"""How many questions come at once in a burst."""


@dataclass(frozen=True, slots=True)
class Text:
    """A passage, as every system gets it."""

    title: str
    body: str
    language: str

    @property
    def titled(self) -> str:
        """What is embedded, also by a system that knows no titles."""
        return f"{self.title}\n{self.body}"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question.

    Attributes:
        text: What is asked.
        right: Numbers of the texts that answer it.
        across: Whether it is in another language than these.
    """

    text: str
    right: tuple[int, ...]
    across: bool


@dataclass(frozen=True, slots=True)
class Orders:
    """What a system shall do.

    Attributes:
        model: The model's folder.
        texts: What is indexed for the times.
        asked: What is asked for the times; at least 64.
        known_texts: What is indexed for R@1.
        known: Questions about these.
    """

    model: Path
    texts: tuple[Text, ...]
    asked: tuple[str, ...]
    known_texts: tuple[Text, ...]
    known: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Indexed:
    """What indexing took, and the questions after it; times in seconds, memory in megabytes.

    Attributes:
        versions: Of the packages that the system is made of.
        prompts: As in `benchmarks.systems.System`.
        many: As in `benchmarks.systems.System`.
        seconds: Of indexing.
        peak: The most memory until indexing was done.
        questions: Of each single question.
        burst: Of 64 questions at once, the median of several bursts.
        right: Share of the known questions whose first hit is right.
        right_same: The same, of those in the language of the answer; None if there are none.
        right_across: The same, of the others.
    """

    versions: dict[str, str]
    prompts: str
    many: str
    seconds: float
    peak: float
    questions: tuple[float, ...]
    burst: float
    right: float | None
    right_same: float | None
    right_across: float | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What it took to answer from an index that is there; seconds and megabytes.

    Attributes:
        first_answer: From the start of the process to the first answer.
        memory: Resident after all questions.
        peak: The most memory that the process has had.
    """

    first_answer: float
    memory: float
    peak: float


def write(told: object, path: Path) -> None:
    """Write what one process tells another."""
    path.write_bytes(TypeAdapter(type(told)).dump_json(told))


def read(kind: type[Told], path: Path) -> Told:
    """Read what `write` has written."""
    return TypeAdapter(kind).validate_json(path.read_bytes())
