"""What corpora of a thousand to a million passages cost in each store; run by `make bench-scale`.

Each size and store is measured in processes of its own, Milvus by a standalone server that is
started for it alone and asked over the network. Sizes are measured in ascending order, until the
time is up or a size would not fit into memory or onto the disk; which of it, is said.
"""

import shutil
import subprocess  # our own modules are started  # nosec B404
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event, Thread
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.compare import describe_machine
from benchmarks.orders import Told, read, write
from benchmarks.real_bot import p95
from benchmarks.scale_database import measure_database
from benchmarks.scale_figures import (
    AT_ONCE,
    LOCAL,
    MILVUS,
    STORES,
    Asked,
    Built,
    ModelCost,
    Point,
    Scaled,
    Step,
    load,
    to_json,
)
from benchmarks.synthetic_passages import REAL_SENTENCES, REAL_TOKENS, SEED, Scale

_PROJECT = Path(__file__).parents[1]
SIZES = (1_000, 10_000, 100_000, 1_000_000)
QUICK = (300, 1_000)
_REAL_SIZE = 10_000
"""Of the largest corpus that is also measured with passages of real size."""

_VECTOR, _TOKEN, _REST = 0.77e-3, 0.19e-3, 2e-3
"""Megabytes of an embedding, of a token, of all else of a passage, as they are written."""

_MEMORY = {LOCAL: 4e-3, MILVUS: 6e-3}
"""Megabytes an embedding that have to be free before a corpus is begun."""

_DISK = {LOCAL: 4.0, MILVUS: 6.0}
"""Likewise, times what is written: it is staged, logged and merged before it is the index."""

_TELLING = 10_000
"""Passages from which on the time that a corpus took tells what a larger one will take."""

MILVUS_SETTINGS = {
    "dataCoord.segment.maxSize": "256",
    "queryNode.segcore.interimIndex.enableIndex": "false",
}
"""As deploy/scale/compose.yaml has them, where the reasons are."""

_THIN = Scale(0)
_SAMPLED_EVERY = 0.2
"""Seconds."""


class _Failed(Exception):
    """A size could not be measured; the last words of its process."""


def bench(  # noqa: PLR0913, PLR0917 - each is an option
    sizes: Annotated[list[int] | None, typer.Argument(help="Passages, ascending.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the figures to this PNG file.")] = None,
    store: Annotated[
        list[str] | None, typer.Option(help="Measure this store only; may be repeated.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where indexes are made; they are removed again.")
    ] = None,
    minutes: Annotated[
        float, typer.Option(help="Begin no size after these, or that would outlast them.")
    ] = 120,
    questions: Annotated[int, typer.Option(help="Asked one by one.")] = 200,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small corpora, without the model and PostgreSQL.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Keep what the file has that is saved to.")
    ] = False,
) -> None:
    """Measure both stores with ever larger corpora."""
    from embeddings.evaluation.runs import save as save_file

    console = Console(width=150, highlight=False)
    scales = scales_of(sizes or (QUICK if quick else SIZES))
    scaled = _begun(save if go_on else None)

    def keep() -> None:
        # Each time: what comes next may take hours.
        if save:
            save_file(to_json(scaled), save)

    with tempfile.TemporaryDirectory(dir=folder, prefix="scale-") as name:
        if not quick and scaled.model is None:
            _say("the real model, and PostgreSQL")
            scaled.model = _measure_model(Path(name))
            scaled.database = measure_database()
        for _ in measure(scaled, scales, store or STORES, Path(name), minutes, questions, _say):
            keep()
    keep()
    if plot:
        from benchmarks.scale_plot import draw

        save_file(draw(scaled), plot)
    print_tables(scaled, console)


def measure(  # noqa: PLR0913, PLR0917 - each is one option
    scaled: Scaled,
    scales: Sequence[Scale],
    stores: Sequence[str],
    folder: Path,
    minutes: float,
    questions: int,
    say: Callable[[str], None],
) -> Iterator[Point]:
    """Measure each size in each store, the smallest first; yields what is new.

    Args:
        scaled: What is measured already; what is new is added.
        scales: The corpora.
        stores: The stores.
        folder: Where indexes are made, one after the other.
        minutes: No size is begun after these, or that would outlast them as far as can be told.
        questions: How many are asked one by one.
        say: Told what is being done.
    """
    begun = time.perf_counter()
    scaled.ends.clear()
    for scale in scales:
        for store in stores:
            if store in scaled.ends or scaled.point(store, scale):
                continue
            left = 60 * minutes - (time.perf_counter() - begun)
            end = _end(store, scale, scaled.of(store), folder, left)
            if end is None:
                say(f"{_described(scale)}, {store}")
                try:
                    point = _measure_point(store, scale, folder, questions)
                except _Failed as error:
                    end = str(error)
                else:
                    compared = _compared(point, scaled.point(LOCAL, scale))
                    scaled.add(compared)
                    yield compared
            if end is not None:
                ended = f"{store}, real size" if scale.is_real else store
                scaled.ends[ended] = f"{_described(scale)}: {end}"
                say(f"{_described(scale)}, {store}: {end}")


def scales_of(sizes: Sequence[int]) -> list[Scale]:
    """Return the corpora to measure; one of them once more with passages of real size."""
    scales = [Scale(size) for size in sorted(sizes)]
    small = [size for size in sizes if size <= _REAL_SIZE]
    if small:
        scales.insert(len(small), Scale(max(small), sentences=REAL_SENTENCES, tokens=REAL_TOKENS))
    return scales


def _described(scale: Scale) -> str:
    return f"{scale.passages:,} passages{' of real size' if scale.is_real else ''}"


def _vectors(scale: Scale) -> int:
    return scale.passages * (1 + scale.sentences)


def _begun(saved: Path | None) -> Scaled:
    """Return what is to be gone on with, of this machine and these versions; else nothing yet."""
    machine = describe_machine()
    versions = {"numpy": version("numpy"), "torch": version("torch")}
    for name in ("pymilvus", "milvus"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    nothing = Scaled(
        date=datetime.now(UTC).date().isoformat(),
        processor=machine.processor,
        cores=machine.cores,
        memory=machine.memory,
        versions=versions,
    )
    if saved is None or not saved.exists():
        return nothing
    kept = load(saved)
    if (kept.processor, kept.cores, kept.versions) != (
        nothing.processor,
        nothing.cores,
        nothing.versions,
    ):
        raise typer.BadParameter(f"{saved} was measured on another machine or with other versions")
    kept.date = nothing.date
    return kept


def _end(
    store: str, scale: Scale, smaller: Sequence[Point], folder: Path, seconds: float
) -> str | None:
    """Tell why a corpus cannot be measured; None if it can, as far as is known.

    Args:
        store: In which store.
        scale: The corpus.
        smaller: What was measured with this store before.
        folder: Where it would be.
        seconds: How many are left.
    """
    vectors = _vectors(scale)
    raw = vectors * _VECTOR + scale.passages * (_REST + scale.tokens * _TOKEN)
    memory, disk = _MEMORY[store] * vectors, _DISK[store] * raw
    needed = 0.0
    if smaller:
        last = smaller[-1]
        more = vectors / _vectors(last.scale)
        memory = min(memory, more * max(last.asked.peak, last.built.peak, last.server_peak))
        if last.passages >= _TELLING:
            needed = more * last.seconds
    free_memory = psutil.virtual_memory().available / 1e6
    free_disk = shutil.disk_usage(folder).free / 1e6
    if memory > free_memory:
        return f"needs some {memory / 1000:.1f} GB of memory, {free_memory / 1000:.1f} are free"
    if disk > free_disk:
        return f"needs some {disk / 1000:.1f} GB of disk, {free_disk / 1000:.1f} are free"
    if needed >= seconds:
        left = max(0.0, seconds) / 60
        return f"would take some {needed / 60:.0f} min, {left:.0f} are left"
    return None


def _measure_point(store: str, scale: Scale, folder: Path, questions: int) -> Point:
    own = folder / f"{store}-{scale.passages}"
    own.mkdir()
    try:
        if store == LOCAL:
            step = Step(store, str(own / "index.db"), (), scale, questions)
            return _run_both(step, own, own)
        with _milvus(own / "server") as address:
            servers = tuple(_milvus_processes())
            return _run_both(Step(store, address, servers, scale, questions), own, own / "server")
    finally:
        shutil.rmtree(own)


def _run_both(step: Step, folder: Path, index: Path) -> Point:
    write(step, folder / "step.json")
    empty, begun = _resident(step.servers), time.perf_counter()
    with _peak_of(step.servers) as peak:
        built = _run("build", folder, Built)
        asked = _run("ask", folder, Asked)
        server = _resident(step.servers)
    return Point(
        store=step.store,
        scale=step.scale,
        # Without links: a server's programs are there once for all sizes.
        disk=sum(each.lstat().st_blocks * 512 for each in index.rglob("*")) / 1e6,
        server=server,
        server_empty=empty,
        server_peak=max(peak, default=0.0),
        seconds=time.perf_counter() - begun,
        built=built,
        asked=asked,
        agreement=None,
    )


def _measure_model(folder: Path) -> ModelCost | None:
    """Measure the model that the bot ships with; None where it can't be unpacked."""
    from bot.settings import load_settings

    try:
        return _run("model", folder, ModelCost, load_settings().models_dir)
    except _Failed as error:
        _say(f"the real model: {error}")
        return None


def _run(what: str, folder: Path, kind: type[Told], told: Path | None = None) -> Told:
    result = folder / f"{what}.json"
    done = subprocess.run(  # noqa: S603 - our own module  # nosec B603
        [
            sys.executable,
            "-m",
            "benchmarks.scale_steps",
            what,
            str((told or folder / "step.json").absolute()),
            str(result),
        ],
        cwd=_PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        # The kernel ends what takes more memory than there is, without a word.
        raise _Failed(lines[-1] if lines else f"ended with {done.returncode} at '{what}'")
    return read(kind, result)


def _compared(point: Point, local: Point | None) -> Point:
    """Compare the first hits with the local store's."""
    if local is None or point.store == LOCAL:
        return point
    own, theirs = point.asked.first_hits, local.asked.first_hits
    return replace(point, agreement=sum(map(str.__eq__, own, theirs)) / len(own))


@contextmanager
def _milvus(folder: Path) -> Iterator[str]:
    # In tests/, like the Bot API server that other benchmarks use.
    from milvus_server import milvus_server

    mapped = {"queryNode.mmapDirPath": str(folder.absolute() / "mapped")}
    programs = folder.parent.parent / "milvus"
    with milvus_server(folder, programs, MILVUS_SETTINGS | mapped) as address:
        yield address


def _milvus_processes() -> list[int]:
    return [
        each.pid
        for each in psutil.Process().children(recursive=True)
        if each.name().startswith("milvus")
    ]


@contextmanager
def _peak_of(processes: Sequence[int]) -> Iterator[list[float]]:
    """Look at the memory of processes again and again; gives what was seen."""
    seen: list[float] = []
    if not processes:
        yield seen
        return
    done = Event()

    def look() -> None:
        while not done.wait(_SAMPLED_EVERY):
            seen.append(_resident(processes))

    looking = Thread(target=look, daemon=True)
    looking.start()
    try:
        yield seen
    finally:
        done.set()
        looking.join()


def _resident(processes: Sequence[int]) -> float:
    """Return the memory of processes in megabytes; one that has ended has none.

    Without what is mapped from files, which the kernel takes back when somebody needs it.
    """
    total = 0
    for pid in processes:
        try:
            memory = psutil.Process(pid).memory_info()
            total += memory.rss - memory.shared
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def print_tables(scaled: Scaled, console: Console) -> None:
    """Print the figures for people."""
    versions = ", ".join(f"{name} {number}" for name, number in scaled.versions.items())
    console.print(
        f"{scaled.date}; {scaled.processor}, {scaled.cores} cores, {scaled.memory:.0f} GB; "
        f"{versions}; seed {SEED}"
    )
    console.print(
        f"Made-up passages of {_THIN.sentences} sentences and {_THIN.tokens} tokens, those of "
        f"real size of {REAL_SENTENCES} and {REAL_TOKENS}. Memory of the bot's process is that "
        "of the store, without the model."
    )
    building = _table(
        "Building and changing",
        "passages/s",
        "then graphs s",
        "disk MB",
        "indexer MB at most",
        "server MB at most",
        "server MB",
        "one article s",
        "refresh s",
    )
    asking = _table(
        "Asking",
        "bot MB",
        "at most",
        "opening s",
        "question ms",
        "p95 ms",
        f"{AT_ONCE} at once ms",
        "questions/s a core",
        "recall passages",
        "sentences",
        "right first",
        "as local",
    )
    for point in scaled.points:
        built, asked = point.built, point.asked
        names = (f"{point.passages:,}{' real' if point.scale.is_real else ''}", point.store)
        building.add_row(
            *names,
            f"{point.passages / built.seconds:,.0f}",
            f"{built.settling:,.0f}",
            f"{point.disk:,.0f}",
            f"{built.peak:,.0f}",
            f"{point.server_peak:,.0f}",
            f"{point.server:,.0f}",
            f"{asked.change:.2f}",
            f"{asked.refresh:.2f}",
        )
        asking.add_row(
            *names,
            f"{asked.memory - asked.before:,.0f}",
            f"{asked.peak - asked.before:,.0f}",
            f"{asked.opening:.2f}",
            f"{1000 * median_of(asked):.1f}",
            f"{1000 * p95(asked.questions):.1f}",
            f"{1000 * asked.burst:.0f}",
            f"{AT_ONCE / (asked.burst_cores + asked.burst_server_cores):,.0f}",
            _share(asked.recall_passages),
            _share(asked.recall_sentences),
            _share(asked.right),
            _share(point.agreement),
        )
    console.print(building)
    console.print(asking)
    for store, end in scaled.ends.items():
        console.print(f"Where {store} ends: {end}")
    if scaled.model:
        model = scaled.model
        console.print(
            f"The model: {model.memory:,.0f} MB with it, {1000 * model.question:.1f} ms a "
            f"question, {1000 * model.question_cores:.1f} ms of a core each of {AT_ONCE} at once, "
            f"{1000 * model.passage_cores:.0f} ms of a core a passage of {model.sentences:.1f} "
            "sentences"
        )
    if scaled.database:
        database = scaled.database
        console.print(
            f"PostgreSQL {database.version}: {database.writes:,.0f} writes a second from "
            f"{database.replicas} processes, {1000 * database.server_cores:.2f} ms of a core each"
        )


def median_of(asked: Asked) -> float:
    """Return the median time of the questions that were asked one by one."""
    return sorted(asked.questions)[len(asked.questions) // 2]


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    table.add_column("passages", justify="right", no_wrap=True)
    table.add_column("store", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _say(what: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {what}\n")


if __name__ == "__main__":
    typer.run(bench)
