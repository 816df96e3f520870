"""What `make bench-scale` measures, as it is saved; megabytes are millions of bytes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.synthetic_passages import Scale

LOCAL, MILVUS = "local", "milvus"
STORES = (LOCAL, MILVUS)

AT_ONCE = 32
"""Questions in a burst; the bot looks for so many together."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a process is told to do.

    Attributes:
        store: Which store.
        address: Its file, or the server's URL.
        servers: Ids of the server's processes; none of a local store.
        scale: The corpus.
        questions: How many are asked one by one.
    """

    store: str
    address: str
    servers: tuple[int, ...]
    scale: Scale
    questions: int


@dataclass(frozen=True, slots=True)
class Built:
    """What building an index took, once the passages were embedded.

    Attributes:
        seconds: What the store took, until all of it may be searched.
        making: Seconds beside these, in which the passages were made up.
        settling: Seconds after these, until the engine has made its graphs of what was written.
        peak: The most memory of the process that built it, in megabytes.
    """

    seconds: float
    making: float
    settling: float
    peak: float


@dataclass(frozen=True, slots=True)
class Asked:
    """What questions took; times in seconds, memory in megabytes, none of it the model's.

    Attributes:
        before: Memory before the store was opened: Python and its libraries.
        opening: From opening to the first answer.
        memory: After all questions.
        peak: The most until then.
        questions: Each of those that were asked one by one.
        burst: 32 at once, the median.
        burst_cores: Seconds of a core that the bot's process took for a burst.
        burst_server_cores: The same, of the server.
        change: Replacing one article, until the new index may be read.
        refresh: Reading the change.
        change_peak: The most memory with these two.
        right: Share of the questions whose first hit is the passage that they were made from.
        recall_passages: Share of the ten nearest passages that the engine's index finds; None of a
            store that looks at all.
        recall_sentences: The same, of sentences.
        first_hits: The first hit of each question: the article and where its passage begins.
    """

    before: float
    opening: float
    memory: float
    peak: float
    questions: tuple[float, ...]
    burst: float
    burst_cores: float
    burst_server_cores: float
    change: float
    refresh: float
    change_peak: float
    right: float
    recall_passages: float | None
    recall_sentences: float | None
    first_hits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One store with one corpus.

    Attributes:
        store: Which store.
        scale: The corpus.
        disk: What the index takes, in megabytes.
        server: Memory of the server after all questions, in megabytes, without what it maps from
            files; 0 where there is none.
        server_empty: The same, before anything was stored.
        server_peak: The most, with what building needs.
        seconds: What all of it took.
        built: How it was built.
        asked: How it answered.
        agreement: Share of the questions whose first hit is the local store's; None of that one.
    """

    store: str
    scale: Scale
    disk: float
    server: float
    server_empty: float
    server_peak: float
    seconds: float
    built: Built
    asked: Asked
    agreement: float | None

    @property
    def passages(self) -> int:
        """How many."""
        return self.scale.passages


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What the real model takes, whatever the store.

    Attributes:
        memory: Of a process that has it loaded, in megabytes.
        question: Seconds of one question alone.
        question_cores: Seconds of a core for each question of 32 that come at once.
        passage_cores: Seconds of a core for embedding a passage and its sentences.
        passages: How many passages that was measured on.
        sentences: How many sentences each of them had on average.
    """

    memory: float
    question: float
    question_cores: float
    passage_cores: float
    passages: int
    sentences: float


@dataclass(frozen=True, slots=True)
class DatabaseCost:
    """What PostgreSQL does with the journal's tables, as it is set up when it is new.

    Attributes:
        replicas: Processes that wrote at the same time.
        writes: What they wrote in a second together, each in a transaction of its own.
        server_cores: Seconds of a core of the server for a write.
        version: Of PostgreSQL.
    """

    replicas: int
    writes: float
    server_cores: float
    version: str


@dataclass(slots=True)
class Scaled:
    """All that was measured.

    Attributes:
        date: When.
        processor: Of the machine.
        cores: Likewise.
        memory: Likewise, in gigabytes.
        versions: Of what the figures depend on.
        points: The smallest corpora first, however they were measured; see `add`.
        ends: For each store, why no larger corpus was measured.
        model: The real model; None where it could not be measured.
        database: PostgreSQL, likewise.
    """

    date: str
    processor: str
    cores: int
    memory: float
    versions: dict[str, str]
    points: list[Point] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    model: ModelCost | None = None
    database: DatabaseCost | None = None

    def add(self, point: Point) -> None:
        """Add what was measured last."""
        self.points.append(point)
        self.points.sort(key=lambda one: (one.passages, one.scale.is_real, one.store))

    def point(self, store: str, scale: Scale) -> Point | None:
        """Return what was measured with a store and a corpus; None if nothing was."""
        own = (p for p in self.points if (p.store, p.scale) == (store, scale))
        return next(own, None)

    def of(self, store: str) -> list[Point]:
        """Return what was measured with a store, the smallest corpus first.

        Without what has passages of real size: that was measured for comparison.
        """
        own = [p for p in self.points if p.store == store and not p.scale.is_real]
        return sorted(own, key=lambda point: point.passages)

    def real(self, store: str) -> Point | None:
        """Return what was measured with passages of real size; None if nothing was."""
        return next((p for p in self.points if p.store == store and p.scale.is_real), None)


def load(path: Path) -> Scaled:
    """Read what was saved."""
    return TypeAdapter(Scaled).validate_json(path.read_bytes())


def to_json(figures: Any) -> bytes:  # noqa: ANN401 - any of the dataclasses above
    """Write figures for people and programs to read."""
    return TypeAdapter(type(figures)).dump_json(figures, indent=1)
