"""How much of everything a number of passages and of questions a second takes.

Plain arithmetic on what `make bench-scale` measured: `python -m benchmarks.capacity FIGURES`
prints it as a table; `python -m benchmarks.scaling_tables` writes it into docs/scaling.md. What
was not measured is named in `Prices` and `Limits`, and is anyone's to change.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scale_figures import AT_ONCE, LOCAL, MILVUS, DatabaseCost, ModelCost, Point, Scaled
from benchmarks.scale_figures import load as load_figures

_Measure: TypeAlias = Callable[[Point], float]

STEPS: tuple[tuple[int, float], ...] = (
    (10_000, 0.1),
    (100_000, 1),
    (1_000_000, 10),
    (10_000_000, 100),
    (100_000_000, 1_000),
    (1_000_000_000, 10_000),
)
"""Passages, and questions a second at the busiest time."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What is paid a month, in whatever money; the defaults are examples, not offers."""

    core: float = 20.0
    gigabyte_of_memory: float = 3.0
    gigabyte_of_disk: float = 0.1


@dataclass(frozen=True, slots=True)
class Limits:
    """What machines and others allow.

    Attributes:
        bot_cores: Of each bot; the model gains little from more.
        node_cores: Of the machine that each of Milvus's query nodes has.
        machine_memory: The gigabytes of a machine, whether of a bot or of a query node.
        busy: Share of the cores that may be at work at the busiest time, so that nobody waits.
        full: Share of the memory that the index may take.
        messages: That Telegram takes from one bot in a second, without paying for more.
        writes_a_question: Transactions in the database for an update that is a question: stored,
            claimed, marked twice, ended, the question, the reply, and a turn in the pace.
        index_days: How long a first index may take; so many cores embed meanwhile.
    """

    bot_cores: int = 2
    node_cores: int = 16
    machine_memory: float = 64.0
    busy: float = 0.6
    full: float = 0.7
    messages: float = 30.0
    writes_a_question: int = 8
    index_days: float = 3.0


@dataclass(frozen=True, slots=True)
class Store:
    """What a store takes, as measured, for passages of real size.

    Attributes:
        fixed: Gigabytes of memory in each bot, however few the passages.
        memory: Gigabytes of memory in each bot for a million passages beside these.
        server_fixed: Gigabytes of the server likewise.
        server_memory: Gigabytes of the server for a million passages.
        disk: Gigabytes of disk for a million passages.
        cores: Seconds of a core of the bot for a question, whatever the corpus.
        cores_a_million: Seconds of a core of the bot for a question and each million passages.
        server_cores: Seconds of a core of the server for a question, whatever the corpus.
        server_cores_a_million: The same for each million passages.
        largest: Passages of the largest corpus that was measured; beyond, all is extrapolated.
    """

    fixed: float
    memory: float
    server_fixed: float
    server_memory: float
    disk: float
    cores: float
    cores_a_million: float
    server_cores: float
    server_cores_a_million: float
    largest: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a number of passages and of questions a second takes.

    Attributes:
        passages: How many.
        questions: A second, at the busiest time.
        store: Where the passages are.
        bots: How many replicas.
        bot_memory: Gigabytes of each.
        query_nodes: How many machines hold the index; 0 with the local store.
        disk: Gigabytes of the index.
        writes: Transactions a second in the database.
        database_cores: What these keep busy.
        index_cores: How many cores embed the first index within the time that it may take.
        cores: Of bots, query nodes and database together.
        memory: Gigabytes of these.
        cost: A month.
        breaks: What breaks first if the step before is not changed, and the figure that says so.
    """

    passages: int
    questions: float
    store: str
    bots: int
    bot_memory: float
    query_nodes: int
    disk: float
    writes: float
    database_cores: float
    index_cores: int
    cores: float
    memory: float
    cost: float
    breaks: str


_MOST_NAMED = 2
_SMALL = 10
_PRICES, _LIMITS = Prices(), Limits()


def unit_costs(scaled: Scaled, store: str) -> Store:
    """Read what a store takes off the two largest corpora, for passages of real size."""
    points = scaled.of(store)
    if len(points) < 2:  # noqa: PLR2004 - a line needs two
        raise typer.BadParameter(f"There are no two sizes of the store '{store}' in these figures")
    smaller, larger = points[-2:]
    real = scaled.real(store)
    thin = next((p for p in points if real and p.passages == real.passages), None)

    def line(value: _Measure) -> tuple[float, float]:
        """Return what is fixed and what each million adds."""
        step = (larger.passages - smaller.passages) / 1e6
        slope = max(0.0, (value(larger) - value(smaller)) / step)
        return max(0.0, value(larger) - slope * larger.passages / 1e6), slope

    def as_real(value: _Measure) -> float:
        """Return how many times as much a passage of real size takes."""
        if real is None or thin is None:
            return 1.0
        fixed = line(value)[0]
        return max(1.0, (value(real) - fixed) / max(value(thin) - fixed, 1e-9))

    def of_a_bot(value: _Measure) -> tuple[float, float]:
        """Do the same for a bot, which with Milvus ranks as many passages of any corpus."""
        if store == LOCAL:
            own, slope = line(value)
            return own, slope * as_real(value)
        times = value(real) / value(thin) if real and thin else 1.0
        return value(larger) * max(1.0, times), 0.0

    fixed, memory = of_a_bot(_bot_memory)
    cores, cores_a_million = of_a_bot(_bot_cores)
    server_fixed, server_memory = line(_server_memory)
    server_cores, server_cores_a_million = line(_server_cores)
    return Store(
        fixed=fixed,
        memory=memory,
        server_fixed=server_fixed,
        server_memory=server_memory * as_real(_server_memory),
        disk=larger.disk / 1e3 / (larger.passages / 1e6) * as_real(_disk),
        cores=cores,
        cores_a_million=cores_a_million,
        server_cores=server_cores,
        server_cores_a_million=server_cores_a_million * as_real(_server_cores),
        largest=larger.passages,
    )


def plan(  # noqa: PLR0913, PLR0917 - most are left as they are
    passages: int,
    questions: float,
    scaled: Scaled,
    prices: Prices = _PRICES,
    limits: Limits = _LIMITS,
    before: Plan | None = None,
) -> Plan:
    """Tell what a number of passages and of questions a second takes.

    The local store is one machine's: it is taken as long as that holds the index and one bot
    answers all questions.

    Args:
        passages: How many.
        questions: A second, at the busiest time.
        scaled: What was measured; with the model and PostgreSQL.
        prices: What is paid.
        limits: What machines and others allow.
        before: The plan of the step before, which is asked what breaks in it.
    """
    model, database = _costs(scaled)
    millions = passages / 1e6
    needs = {store: _needs(millions, questions, scaled, store) for store in (LOCAL, MILVUS)}
    local = needs[LOCAL]
    alone = local.bot_memory <= limits.full * limits.machine_memory and (
        local.bot_cores <= limits.busy * limits.bot_cores
    )
    store = LOCAL if alone else MILVUS
    need = needs[store]
    bots = 1 if alone else max(3, math.ceil(need.bot_cores / (limits.busy * limits.bot_cores)))
    # Each group of nodes holds all of the index; so many groups as the questions keep busy.
    holding = math.ceil(need.server_memory / (limits.full * limits.machine_memory))
    busy = math.ceil(need.server_cores / (limits.busy * limits.node_cores))
    nodes = holding * math.ceil(busy / holding) if holding and busy else holding
    writes = questions * limits.writes_a_question
    database_cores = writes * database.server_cores
    index_cores = math.ceil(passages * model.passage_cores / (limits.index_days * 86_400))
    cores = bots * limits.bot_cores + nodes * limits.node_cores + math.ceil(database_cores)
    memory = bots * need.bot_memory + nodes * limits.machine_memory
    disk = unit_costs(scaled, store).disk * millions
    return Plan(
        passages=passages,
        questions=questions,
        store=store,
        bots=bots,
        bot_memory=need.bot_memory,
        query_nodes=nodes,
        disk=disk,
        writes=writes,
        database_cores=database_cores,
        index_cores=index_cores,
        cores=cores,
        memory=memory,
        cost=cores * prices.core
        + memory * prices.gigabyte_of_memory
        + disk * prices.gigabyte_of_disk,
        breaks="" if before is None else _first_to_break(before, needs, writes, scaled, limits),
    )


def plans(
    scaled: Scaled,
    steps: Sequence[tuple[int, float]] = STEPS,
    prices: Prices = _PRICES,
    limits: Limits = _LIMITS,
) -> list[Plan]:
    """Return the plans of growing steps, each telling what breaks in the one before."""
    made: list[Plan] = []
    for passages, questions in steps:
        before = made[-1] if made else None
        made.append(plan(passages, questions, scaled, prices, limits, before))
    return made


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a store needs for passages and questions, all bots or all nodes together but one."""

    bot_memory: float
    """Of each bot."""
    bot_cores: float
    server_memory: float
    server_cores: float


def _needs(millions: float, questions: float, scaled: Scaled, store: str) -> _Needs:
    model, _ = _costs(scaled)
    unit = unit_costs(scaled, store)
    question = model.question_cores + unit.cores + unit.cores_a_million * millions
    server = unit.server_cores + unit.server_cores_a_million * millions
    return _Needs(
        bot_memory=model.memory / 1e3 + unit.fixed + unit.memory * millions,
        bot_cores=questions * question,
        server_memory=unit.server_fixed + unit.server_memory * millions if store == MILVUS else 0,
        server_cores=questions * server,
    )


def _first_to_break(
    before: Plan,
    needs: dict[str, _Needs],
    writes: float,
    scaled: Scaled,
    limits: Limits,
) -> str:
    """Tell what the plan before has too little of: what it has least of, it runs out of first."""
    _, database = _costs(scaled)
    need = needs[before.store]
    questions = writes / limits.writes_a_question
    held = limits.full * limits.machine_memory
    bots_have = limits.busy * limits.bot_cores * before.bots
    nodes_have = limits.busy * limits.node_cores * before.query_nodes
    nodes_hold = held * before.query_nodes
    candidates = [
        (
            need.bot_memory / held,
            f"memory of a bot: {need.bot_memory:,.1f} GB, a machine has {held:,.0f} for it",
        ),
        (
            need.bot_cores / bots_have,
            f"answering: {_short(need.bot_cores)} cores busy, {_bots(before.bots)} may have "
            f"{_short(bots_have)}",
        ),
        (
            questions / limits.messages,
            f"Telegram: {_short(questions)} answers a second, one bot may send "
            f"{limits.messages:.0f}",
        ),
        (
            writes / database.writes,
            f"PostgreSQL: {_short(writes)} writes a second, it was measured with "
            f"{_short(database.writes)}",
        ),
    ]
    if before.query_nodes:
        candidates += [
            (
                need.server_memory / nodes_hold,
                f"memory of the engine: {need.server_memory:,.0f} GB, "
                f"{_nodes(before.query_nodes)} may hold {nodes_hold:,.0f}",
            ),
            (
                need.server_cores / nodes_have,
                f"searching: {_short(need.server_cores)} cores busy, "
                f"{_nodes(before.query_nodes)} may have {_short(nodes_have)}",
            ),
        ]
    broken = sorted((each for each in candidates if each[0] > 1), reverse=True)
    return "; then ".join(what for _, what in broken[:_MOST_NAMED]) or "nothing"


def _bots(count: int) -> str:
    return "one bot" if count == 1 else f"{count:,} bots"


def _nodes(count: int) -> str:
    return "one node" if count == 1 else f"{count:,} nodes"


def _short(number: float) -> str:
    """Write a number with two digits that count, or whole where it has more before the point."""
    if number >= _SMALL:
        return f"{number:,.0f}"
    return f"{number:.2g}"


def _costs(scaled: Scaled) -> tuple[ModelCost, DatabaseCost]:
    if scaled.model is None or scaled.database is None:
        raise typer.BadParameter("The model or PostgreSQL is missing in these figures")
    return scaled.model, scaled.database


def _bot_memory(point: Point) -> float:
    return (point.asked.memory - point.asked.before) / 1e3


def _server_memory(point: Point) -> float:
    return point.server / 1e3


def _disk(point: Point) -> float:
    return point.disk / 1e3


def _bot_cores(point: Point) -> float:
    return point.asked.burst_cores / AT_ONCE


def _server_cores(point: Point) -> float:
    return point.asked.burst_server_cores / AT_ONCE


HEADINGS = (
    "passages",
    "questions/s",
    "store",
    "bots",
    "GB each",
    "query nodes",
    "disk, GB",
    "writes/s",
    "cores to index",
    "cost",
    "what breaks first on the way here",
)


def rows(made: Sequence[Plan]) -> list[tuple[str, ...]]:
    """Return the plans as texts, below `HEADINGS`."""
    return [
        (
            f"{each.passages:,}",
            f"{each.questions:,g}",
            each.store,
            f"{each.bots:,}",
            f"{each.bot_memory:,.1f}",
            f"{each.query_nodes:,}" if each.query_nodes else "",
            f"{each.disk:,.1f}" if each.disk < _SMALL else f"{each.disk:,.0f}",
            f"{each.writes:,.0f}" if each.writes >= 1 else f"{each.writes:.1f}",
            f"{each.index_cores:,}",
            f"{each.cost:,.0f}",
            each.breaks,
        )
        for each in made
    ]


def main(
    figures: Annotated[Path, typer.Argument(help="What make bench-scale has saved.")],
    core: Annotated[float, typer.Option(help="Money for a core a month.")] = _PRICES.core,
    memory: Annotated[
        float, typer.Option(help="Money for a gigabyte of memory a month.")
    ] = _PRICES.gigabyte_of_memory,
    disk: Annotated[
        float, typer.Option(help="Money for a gigabyte of disk a month.")
    ] = _PRICES.gigabyte_of_disk,
) -> None:
    """Print what ever more passages and questions take."""
    table = Table(title="Cost a month, in the money that the prices are in")
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    made = plans(load_figures(figures), prices=Prices(core, memory, disk))
    for row in rows(made):
        table.add_row(*row)
    Console(width=150, highlight=False).print(table)


if __name__ == "__main__":
    typer.run(main)
