"""Writes the measured figures into docs/scaling.md, so that nobody copies numbers by hand.

`python -m benchmarks.scaling_tables` reads docs/scaling.json. What it writes stands between marks
in the document; a test compares the two.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from benchmarks.capacity import HEADINGS, Limits, Prices, plans, rows, unit_costs
from benchmarks.real_bot import p95
from benchmarks.scale_figures import AT_ONCE, LOCAL, MILVUS, STORES, Point, Scaled, load
from benchmarks.scale_plot import bot_memory, burst_ms, crossing, opening, question_ms, rounded

_DOCS = Path(__file__).parents[1] / "docs"
DOCUMENT, FIGURES = _DOCS / "scaling.md", _DOCS / "scaling.json"


def written(document: str, scaled: Scaled) -> str:
    """Return the document with those tables that it has a place for, as the figures give them."""
    for name, make in _PARTS.items():
        before, mark, rest = document.partition(f"<!-- {name} -->\n")
        if not mark:
            continue
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise SystemExit(f"{DOCUMENT} doesn't say where '{name}' ends")
        document = f"{before}{mark}\n{make(scaled)}\n\n{end}{after}"
    return document


def _machine(scaled: Scaled) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in scaled.versions.items())
    database = f", PostgreSQL {scaled.database.version}" if scaled.database else ""
    return (
        f"Measured on {scaled.date}: {scaled.processor}, {scaled.cores} cores, "
        f"{scaled.memory:.0f} GB; {versions}{database}."
    )


def _asking(scaled: Scaled) -> str:
    return _table(
        (
            "passages",
            "store",
            "bot, MB",
            "server, MB",
            "opening, s",
            "question, ms",
            "p95, ms",
            f"{AT_ONCE} at once, ms",
            "questions/s a core",
        ),
        [
            (
                *_names(point),
                f"{bot_memory(point):,.0f}",
                f"{point.server:,.0f}" if point.server else "",
                f"{point.asked.opening:.1f}",
                f"{1000 * statistics.median(point.asked.questions):.0f}",
                f"{1000 * p95(point.asked.questions):.0f}",
                f"{1000 * point.asked.burst:,.0f}",
                f"{AT_ONCE / (point.asked.burst_cores + point.asked.burst_server_cores):,.0f}",
            )
            for point in scaled.points
        ],
    )


def _building(scaled: Scaled) -> str:
    return _table(
        (
            "passages",
            "store",
            "passages/s",
            "then graphs, s",
            "disk, MB",
            "indexer, MB",
            "server at most, MB",
            "one article, s",
            "refresh, s",
        ),
        [
            (
                *_names(point),
                f"{point.passages / point.built.seconds:,.0f}",
                f"{point.built.settling:,.0f}" if point.server else "",
                f"{point.disk:,.0f}",
                f"{point.built.peak:,.0f}",
                f"{point.server_peak:,.0f}" if point.server else "",
                f"{point.asked.change:.1f}",
                f"{point.asked.refresh:.2f}",
            )
            for point in scaled.points
        ],
    )


def _recall(scaled: Scaled) -> str:
    return _table(
        ("passages", "recall@10, passages", "recall@10, sentences", "first hit as local"),
        [
            (
                _names(point)[0],
                _share(point.asked.recall_passages),
                _share(point.asked.recall_sentences),
                _share(point.agreement),
            )
            for point in scaled.points
            if point.store == MILVUS
        ],
    )


def _crossings(scaled: Scaled) -> str:
    lines = []
    measures: tuple[tuple[str, Callable[[Point], float]], ...] = (
        ("the memory of each bot", bot_memory),
        ("the time of one question", question_ms),
        (f"the time of {AT_ONCE} questions at once", burst_ms),
        ("the time until the first answer", opening),
    )
    for name, measure in measures:
        size = crossing(scaled, measure)
        if size is not None:
            lines.append(f"- {name}: Milvus needs less from {rounded(size)} passages on")
        elif _is_always_less(scaled, measure):
            lines.append(f"- {name}: Milvus needs less at all sizes")
        else:
            lines.append(f"- {name}: the local store needs less at all sizes")
    lines += [f"- {store} ends there: {why}" for store, why in scaled.ends.items()]
    return "\n".join(lines)


def _is_always_less(scaled: Scaled, measure: Callable[[Point], float]) -> bool:
    local = {point.passages: measure(point) for point in scaled.of(LOCAL)}
    both = [point for point in scaled.of(MILVUS) if point.passages in local]
    return bool(both) and all(measure(point) < local[point.passages] for point in both)


def _units(scaled: Scaled) -> str:
    local, milvus = (unit_costs(scaled, store) for store in STORES)
    lines = _table(
        ("for passages of real size", *STORES),
        [
            (
                "memory of each bot, beside the model: MB",
                *(f"{1e3 * each.fixed:,.0f}" for each in (local, milvus)),
            ),
            (
                "and for each million passages: GB",
                *(f"{each.memory:.1f}" for each in (local, milvus)),
            ),
            (
                "memory of the server: MB",
                "",
                f"{1e3 * milvus.server_fixed:,.0f}",
            ),
            ("and for each million passages: GB", "", f"{milvus.server_memory:.1f}"),
            (
                "disk for each million passages: GB",
                *(f"{each.disk:,.0f}" for each in (local, milvus)),
            ),
            (
                "a question keeps a core of the bot busy for: ms",
                *(f"{1e3 * each.cores:.1f}" for each in (local, milvus)),
            ),
            (
                "and for each million passages: ms",
                *(f"{1e3 * each.cores_a_million:.1f}" for each in (local, milvus)),
            ),
            ("a core of the server for: ms", "", f"{1e3 * milvus.server_cores:.1f}"),
            (
                "and for each million passages: ms",
                "",
                f"{1e3 * milvus.server_cores_a_million:.1f}",
            ),
        ],
    )
    more = []
    if scaled.model:
        model = scaled.model
        more.append(
            f"The model, which every bot has: {model.memory:,.0f} MB with its libraries; a "
            f"question takes {1e3 * model.question:.0f} ms alone and "
            f"{1e3 * model.question_cores:.0f} ms of a core when {AT_ONCE} come at once, a "
            f"passage of {model.sentences:.1f} sentences {1e3 * model.passage_cores:.0f} ms of a "
            "core, once."
        )
    if scaled.database:
        database = scaled.database
        more.append(
            f"PostgreSQL took {database.writes:,.0f} transactions a second from "
            f"{database.replicas} processes, each of which waits for its own; one kept a core of "
            f"the server busy for {1e3 * database.server_cores:.2f} ms."
        )
    return "\n\n".join([lines, *more])


def _capacity(scaled: Scaled) -> str:
    return _table(HEADINGS, rows(plans(scaled)))


def _assumed(_: Scaled) -> str:
    described = {
        "core": "money for a core a month",
        "gigabyte_of_memory": "money for a gigabyte of memory a month",
        "gigabyte_of_disk": "money for a gigabyte of disk a month",
        "bot_cores": "cores of each bot",
        "node_cores": "cores of each query node",
        "machine_memory": "gigabytes of memory of each machine",
        "busy": "share of the cores that may be busy",
        "full": "share of the memory that the index may take",
        "messages": "messages a second that Telegram takes from one bot",
        "writes_a_question": "transactions for each question",
        "index_days": "days that the first index may take",
    }
    assumed = [
        f"{described[one.name]} {getattr(each, one.name):g}"
        for each in (Prices(), Limits())
        for one in fields(each)
    ]
    return f"Assumed: {', '.join(assumed)}."


def _names(point: Point) -> tuple[str, str]:
    return f"{point.passages:,}{' of real size' if point.scale.is_real else ''}", point.store


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        [
            f"| {' | '.join(headings)} |",
            f"|{'---|' * len(headings)}",
            *(f"| {' | '.join(line)} |" for line in lines),
        ]
    )


_PARTS: dict[str, Callable[[Scaled], str]] = {
    "machine": _machine,
    "asking": _asking,
    "building": _building,
    "recall": _recall,
    "crossings": _crossings,
    "units": _units,
    "capacity": _capacity,
    "assumed": _assumed,
}


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text("utf-8"), load(FIGURES)), "utf-8")
