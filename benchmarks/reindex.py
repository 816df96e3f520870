"""What a large corpus costs: a full index, a change, a removal, memory.

A process with the model loaded reindexes, another one has the index open and answers questions.
A change counts from the order to reindex until a question finds it.
"""

import functools
import json
import multiprocessing
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.generated_articles import SEED, write_articles
from benchmarks.processes import Answered, LoadEmbedder, Reindexed, run_indexer, run_reader

_PAINTERS = ("Zhenishbek Qurmanov", "Ulukman Tazhiev", "Perizat Ongarova")
"""Nobody else has these names, and nobody else paints a gate."""


@dataclass(frozen=True, slots=True)
class Step:
    """One reindex and, if there was a question, the answer after it; times in seconds.

    Attributes:
        name: What it was.
        seconds: From the order to the end of the reindex or, if there was a question, to the
            answer.
        embedding: Of that, embedding.
        forward: Of the embedding, the model's own forward passes; None where it isn't known.
        texts: How many texts were embedded.
        changes: How many articles were added, changed or removed.
        refresh: Of the time, reading what has changed, in the process that answers.
        question: Of the time, answering.
    """

    name: str
    seconds: float
    embedding: float
    forward: float | None
    texts: int
    changes: int
    refresh: float = 0.0
    question: float = 0.0


@dataclass(slots=True)
class Measured:
    """All that was measured; memory and sizes in megabytes."""

    articles: int
    passages: int = 0
    seed: int = SEED
    machine: str = f"{platform.machine()}, {os.cpu_count()} cores"
    steps: list[Step] = field(default_factory=list)
    index_size: float = 0.0
    log_size: float = 0.0
    opening: float = 0.0
    indexer_peak: float = 0.0
    reader_peak_opened: float = 0.0
    reader_peak: float = 0.0


class WrongAnswer(Exception):
    """A question did not find what it should, so the times say nothing."""


def bench(
    articles: Annotated[int, typer.Argument(min=3)] = 10_000,
    keep: Annotated[
        Path | None, typer.Option(help="Keep articles and index here; what is there is reused.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
) -> None:
    """Measure what an index of generated articles costs, with the model that is set."""
    from bot.settings import load_settings
    from embeddings.embedder import load_embedder

    settings = load_settings()
    load = functools.partial(load_embedder, settings.embedding_model, settings.models_dir)
    folder = keep or Path(tempfile.mkdtemp())
    try:
        measured = measure(articles, folder, load)
    finally:
        if not keep:
            shutil.rmtree(folder)
    if save:
        save.write_text(json.dumps(asdict(measured), indent=1), "utf-8")
    print_table(measured)


def measure(articles: int, folder: Path, load: LoadEmbedder) -> Measured:
    """Measure in a folder; an index that is there is brought up to date instead of made."""
    corpus, index = folder / "articles", folder / "index.db"
    full = folder / "full.json"
    write_articles(corpus, articles)
    measured = Measured(articles)
    with _process(run_indexer, corpus, index, load) as indexer:
        indexer.recv()  # The model is loaded.
        first = _reindex("full index", indexer, measured)
        if first.changes == articles:
            full.write_text(json.dumps(asdict(first)), "utf-8")
        elif full.exists():
            measured.steps[0] = Step(**json.loads(full.read_text("utf-8")))
        _reindex("nothing changed", indexer, measured)
        with _process(run_reader, index, load) as reader:
            opened = _ask(reader, "What is new?")
            measured.opening, measured.reader_peak_opened = opened.refresh, opened.peak
            _change(corpus, indexer, reader, measured)
            measured.log_size = index.with_name("index.db-wal").stat().st_size / 1e6
        measured.index_size = index.stat().st_size / 1e6
    return measured


def _change(corpus: Path, indexer: Connection, reader: Connection, measured: Measured) -> None:
    """Change, remove and add an article, and leave all as it was."""
    # English ones, from all over the index.
    paths = [corpus / f"article-{measured.articles * part // 12 * 4:06}.md" for part in range(3)]
    before = [path.read_text("utf-8") for path in paths]
    for path, text, painter in zip(paths, before, _PAINTERS, strict=True):
        path.write_text(f"{text}\nThe gate was painted by {painter} in one night.\n", "utf-8")
        question = f"What did {painter} paint?"
        answered = _reindex_and_ask("one article changed", question, indexer, reader, measured)
        _expect(answered, path, found=True)
    paths[-1].unlink()
    answered = _reindex_and_ask("one article removed", question, indexer, reader, measured)
    _expect(answered, paths[-1], found=False)
    paths[-1].write_text(before[-1], "utf-8")
    question = _title_of(before[-1])
    answered = _reindex_and_ask("one article added", question, indexer, reader, measured)
    _expect(answered, paths[-1], found=True)
    for path, text in zip(paths, before, strict=True):
        path.write_text(text, "utf-8")
    _reindex("two articles as before", indexer, measured)


def print_table(measured: Measured) -> None:
    """Print the figures for people."""
    console = Console(width=110)
    table = Table(
        title=f"{measured.articles:,} articles, {measured.passages:,} passages; "
        f"{measured.machine}; seed {measured.seed}"
    )
    table.add_column("")
    for name in ("seconds", "embedding", "the rest", "refresh", "question", "texts"):
        table.add_column(name, justify="right")
    for step in measured.steps:
        times = (
            step.seconds,
            step.embedding,
            step.seconds - step.embedding,
            step.refresh,
            step.question,
        )
        table.add_row(step.name, *(f"{each:,.2f}" for each in times), f"{step.texts:,}")
    console.print(table)
    full = measured.steps[0]
    if full.forward:
        console.print(
            f"Full index: {full.texts / full.seconds:.0f} texts a second; forward passes take "
            f"{full.forward / full.seconds:.1%} of the time"
        )
    changes = [step for step in measured.steps if step.name == "one article changed"]
    ratio = sum(step.seconds for step in changes) / sum(step.embedding for step in changes)
    console.print(f"One change takes {ratio:.1f} times as long as its own embedding")
    console.print(f"Index {measured.index_size:,.0f} MB, log {measured.log_size:,.0f} MB")
    console.print(f"Opening the index {measured.opening:.2f} s")
    console.print(
        f"Most memory: reindexing {measured.indexer_peak:,.0f} MB; answering "
        f"{measured.reader_peak_opened:,.0f} MB, with reindexes {measured.reader_peak:,.0f} MB"
    )


@contextmanager
def _process(run: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """Run a function in a process of its own; gives the connection to it."""
    # Not forked: its memory and its threads shall be its own.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run, args=(theirs, *arguments))
    process.start()
    theirs.close()
    try:
        yield ours
        ours.send(None)
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()
        process.close()
        ours.close()


def _reindex(name: str, indexer: Connection, measured: Measured) -> Step:
    """Reindex, and note what that took."""
    begun = time.perf_counter()
    indexer.send("reindex")
    done: Reindexed = indexer.recv()
    seconds = time.perf_counter() - begun
    report = done.report
    measured.passages = report.passages
    measured.indexer_peak = done.peak
    step = Step(
        name=name,
        seconds=seconds,
        embedding=done.embedding,
        forward=done.forward,
        texts=done.texts,
        changes=len(report.added) + len(report.changed) + len(report.removed),
    )
    measured.steps.append(step)
    return step


def _reindex_and_ask(
    name: str, question: str, indexer: Connection, reader: Connection, measured: Measured
) -> Answered:
    """Reindex and ask a question; the step ends with the answer."""
    begun = time.perf_counter()
    step = _reindex(name, indexer, measured)
    answered = _ask(reader, question)
    measured.steps[-1] = replace(
        step,
        seconds=time.perf_counter() - begun,
        refresh=answered.refresh,
        question=answered.question,
    )
    measured.reader_peak = answered.peak
    return answered


def _ask(reader: Connection, question: str) -> Answered:
    reader.send(question)
    answered: Answered = reader.recv()
    return answered


def _expect(answered: Answered, path: Path, *, found: bool) -> None:
    if (path.stem in answered.slugs) != found:
        raise WrongAnswer(f"{path.stem} is {'not ' if found else ''}among {answered}")


def _title_of(text: str) -> str:
    title = next(line for line in text.splitlines() if line.startswith("title: "))
    return str(json.loads(title.removeprefix("title: ")))


if __name__ == "__main__":
    typer.run(bench)
