"""What was compared, as tables for the terminal."""

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.orders import AT_ONCE
from benchmarks.real_bot import p95
from benchmarks.vector_search import METHODS

if TYPE_CHECKING:
    from benchmarks.compare import Compared


def print_tables(compared: "Compared", console: Console) -> None:
    """Print everything."""
    machine = compared.machine
    number_type = f", ours computes in {compared.own.number_type}" if compared.own else ""
    console.print(
        f"{compared.date}; {machine.processor}, {machine.cores} cores, "
        f"{machine.memory:.0f} GB, {' '.join(machine.bfloat16) or 'no bfloat16 in hardware'}; "
        f"{machine.system}; "
        + ", ".join(f"{name} {number}" for name, number in machine.versions.items())
        + f"; peers compute in float32{number_type}; took {compared.seconds / 60:.0f} min"
    )
    console.print(_systems(compared))
    console.print(
        f"R@1: the share of {compared.known_questions:,} questions whose first hit answers; of "
        f"{compared.known}. Ours embeds each passage and each of its sentences, peers each "
        "passage. One question and 64 at once are asked of the index of "
        f"{compared.scale.passages:,} generated passages."
    )
    for name, one in compared.indexed.items():
        versions = ", ".join(f"{package} {number}" for package, number in one.versions.items())
        console.print(f"  {name}: {versions}; prompts: {one.prompts}; 64 at once: {one.many}")
    if compared.own:
        console.print(_own(compared))
    if compared.bot:
        console.print(_bot(compared))
    if compared.vectors:
        console.print(_vectors(compared))
        console.print(
            "Random vectors of length 1 (384 numbers), the ten nearest: the hardest for graphs "
            "(HNSW), since nothing lies close together."
        )
    console.print(_targets(compared))
    for name, reason in compared.left_out.items():
        console.print(f"Left out: {name}: {reason}")


def _systems(compared: "Compared") -> Table:
    table = _table(
        f"{compared.scale.passages:,} passages indexed, the same model folder",
        [
            "",
            "passages/s",
            "question ms",
            "p95 ms",
            "64 at once /s",
            "R@1 all",
            "same",
            "across",
            "MB at most",
            "MB in use",
            "start to answer s",
        ],
    )
    for name, one in compared.indexed.items():
        opened = compared.opened[name]
        table.add_row(
            name,
            f"{compared.scale.passages / one.seconds:.0f}",
            f"{1000 * median(one.questions):.1f}",
            f"{1000 * p95(one.questions):.1f}",
            f"{AT_ONCE / one.burst:.0f}",
            *(_share(each) for each in (one.right, one.right_same, one.right_across)),
            f"{one.peak:,.0f}",
            f"{opened.memory:,.0f}",
            f"{opened.first_answer:.1f}",
        )
    return table


def _own(compared: "Compared") -> Table:
    own = compared.own
    assert own is not None  # noqa: S101 - the caller looked
    table = _table(
        f"Ours beside bare forward passes in {own.number_type}; indexing takes "
        f"{own.indexing:.1f} s, its forward passes alone {own.forward:.1f} s "
        f"({own.forward / own.indexing:.0%})",
        [
            "passages (made up)",
            "one question ms",
            "forward pass ms",
            "the rest ms",
            "64 at once /s",
            "opening s",
        ],
    )
    for each in own.sizes:
        table.add_row(
            f"{each.passages:,}",
            f"{1000 * each.question:.1f}",
            f"{1000 * each.forward:.1f}",
            f"{1000 * (each.question - each.forward):.1f}",
            f"{AT_ONCE / each.burst:.0f}",
            f"{each.opening:.1f}",
        )
    table.caption = (
        "The embeddings of these indexes are jittered copies of real ones; all else is real. The "
        f"forward pass alone would allow {AT_ONCE / own.burst_forward:.0f} questions a second."
    )
    return table


def _bot(compared: "Compared") -> Table:
    bot = compared.bot
    assert bot is not None  # noqa: S101 - the caller looked
    table = _table(
        f"The running bot, asked through Telegram's protocol; {len(bot.idle)} questions, then "
        f"{len(bot.reindexing)} during a reindex of {bot.reindexed:,} articles in "
        f"{bot.reindex_seconds:.0f} s",
        [
            "start to answer s",
            "memory MB",
            "peak MB",
            "median idle ms",
            "p95 idle ms",
            "median reindexing ms",
            "p95 reindexing ms",
        ],
    )
    table.add_row(
        f"{bot.first_answer:.1f}",
        f"{bot.memory:,.0f}",
        f"{bot.peak:,.0f}",
        *(
            f"{1000 * figure:.0f}"
            for times in (bot.idle, bot.reindexing)
            for figure in (median(times), p95(times))
        ),
    )
    return table


def _vectors(compared: "Compared") -> Table:
    table = _table(
        "Vector search alone: ms a question / seconds to build / MB / recall of ten",
        ["", *(f"{count:,}" for count in compared.vectors)],
    )
    for method in METHODS:
        cells = []
        for count, found in compared.vectors.items():
            if one := found.get(method):
                question = 1000 * one.question
                cells.append(
                    f"{question:.3g} / {one.build:.1f} / {one.memory:,.0f} / {one.recall:.2f}"
                )
            else:
                cells.append(compared.left_out.get(f"{method} at {count:,}", ""))
        if any(cells):
            table.add_row(method, *cells)
    return table


def _targets(compared: "Compared") -> Table:
    table = _table("Targets", ["", "measured", ""])
    for target in compared.targets:
        table.add_row(target.name, target.value, "met" if target.met else "missed")
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title)
    table.add_column(columns[0], no_wrap=True)
    for column in columns[1:]:
        table.add_column(column, justify="right", overflow="fold")
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
