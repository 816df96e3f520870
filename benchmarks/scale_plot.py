"""Time and memory against the size of the corpus, as a picture."""

import io
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.scale_figures import AT_ONCE, LOCAL, MILVUS, STORES, Point, Scaled
from benchmarks.synthetic_passages import Scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLORS = {LOCAL: "#2a7f4f", MILVUS: "#d08770"}
_NAMES = {LOCAL: "local: SQLite, ranked in memory", MILVUS: "Milvus standalone"}
_FONT = 8
_THIN = Scale(0)


def draw(scaled: Scaled) -> bytes:
    """Return the picture as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7), dpi=130, layout="constrained")
    axes = figure.subplots(2, 3)
    _lines(axes[0, 0], scaled, "One question, ms (thin: p95)", question_ms, p95_ms)
    _lines(axes[0, 1], scaled, f"{AT_ONCE} questions at once, ms", burst_ms)
    _lines(axes[0, 2], scaled, "Opening until the first answer, s", opening)
    _lines(
        axes[1, 0],
        scaled,
        "Memory of each bot, MB, without the model (thin: the server's)",
        bot_memory,
        server_memory,
    )
    _lines(axes[1, 1], scaled, "Building, passages a second", passages_a_second)
    _shares(axes[1, 2], scaled)
    if axes[0, 0].lines:
        axes[0, 0].legend(fontsize=_FONT, frameon=False, loc="upper left")
    for chart, measure in (
        (axes[0, 0], question_ms),
        (axes[0, 1], burst_ms),
        (axes[0, 2], opening),
        (axes[1, 0], bot_memory),
    ):
        _mark(chart, crossing(scaled, measure))
    figure.suptitle(
        f"Made-up passages of {_THIN.sentences} sentences and {_THIN.tokens} tokens; "
        f"{scaled.date}, {scaled.processor}, {scaled.cores} cores",
        fontsize=_FONT + 2,
    )
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def question_ms(point: Point) -> float:
    """Return the median of single questions."""
    ordered = sorted(point.asked.questions)
    return 1000 * ordered[len(ordered) // 2]


def p95_ms(point: Point) -> float:
    """Return what one question in twenty exceeds."""
    ordered = sorted(point.asked.questions)
    return 1000 * ordered[math.ceil(0.95 * len(ordered)) - 1]


def burst_ms(point: Point) -> float:
    """Return what 32 questions take that come at once."""
    return 1000 * point.asked.burst


def opening(point: Point) -> float:
    """Return the seconds until the first answer."""
    return point.asked.opening


def bot_memory(point: Point) -> float:
    """Return the megabytes that each bot needs at most, beside the model."""
    return point.asked.peak - point.asked.before


def server_memory(point: Point) -> float:
    """Return the megabytes of the server, that all bots share."""
    return point.server


def passages_a_second(point: Point) -> float:
    """Return how fast the store takes passages that are embedded."""
    return point.passages / point.built.seconds


def crossing(scaled: Scaled, measure: Callable[[Point], float]) -> float | None:
    """Return the size from which on Milvus has less of something than the local store.

    Between two sizes both are taken for straight lines of the logarithms. None if it has more at
    the largest size that both were measured at, or less at all of them.
    """
    local = {point.passages: measure(point) for point in scaled.of(LOCAL)}
    ratios = [
        (point.passages, math.log(max(measure(point), 1e-9) / max(local[point.passages], 1e-9)))
        for point in scaled.of(MILVUS)
        if point.passages in local
    ]
    crossed = None
    for (smaller, before), (larger, after) in pairwise(ratios):
        if before > 0 >= after:
            part = before / (before - after)
            crossed = smaller * (larger / smaller) ** part
    return crossed if ratios and ratios[-1][1] <= 0 else None


def _lines(
    axes: "Axes",
    scaled: Scaled,
    title: str,
    measure: Callable[[Point], float],
    thin: Callable[[Point], float] | None = None,
) -> None:
    for store in STORES:
        points = scaled.of(store)
        _line(axes, points, measure, store, label=_NAMES[store])
        if thin is not None and any(thin(point) > 0 for point in points):
            _line(axes, points, thin, store, linewidth=0.8)
    _finish(axes, title)
    if axes.lines:
        axes.set_xscale("log")
        axes.set_yscale("log")


def _line(
    axes: "Axes",
    points: Sequence[Point],
    measure: Callable[[Point], float],
    store: str,
    **style: object,
) -> None:
    if not points:
        return
    look = {"color": _COLORS[store], "marker": "o", "markersize": 3, "linewidth": 1.8} | style
    axes.plot([p.passages for p in points], [measure(p) for p in points], **look)  # type: ignore[arg-type]


def _shares(axes: "Axes", scaled: Scaled) -> None:
    """Draw what Milvus finds of what is nearest, and whether the answers are the local store's."""
    measures: tuple[tuple[str, str, Callable[[Point], float | None]], ...] = (
        ("recall@10, passages", "-", lambda point: point.asked.recall_passages),
        ("recall@10, sentences", "--", lambda point: point.asked.recall_sentences),
        ("first hit as local", ":", lambda point: point.agreement),
    )
    for name, style, measure in measures:
        shares = {point.passages: measure(point) for point in scaled.of(MILVUS)}
        known = {size: share for size, share in shares.items() if share is not None}
        if known:
            axes.plot(
                list(known),
                list(known.values()),
                color=_COLORS[MILVUS],
                linestyle=style,
                marker="o",
                markersize=3,
                label=name,
            )
            axes.legend(fontsize=_FONT, frameon=False, loc="lower left")
            axes.set_xscale("log")
    _finish(axes, "Milvus: shares")
    axes.set_ylim(0.5, 1.01)


def _mark(axes: "Axes", size: float | None) -> None:
    """Mark the size from which on Milvus has less."""
    if size is None:
        return
    axes.axvline(size, color="black", linewidth=0.6, linestyle="--")
    axes.annotate(
        f"Milvus has less\nfrom {rounded(size)} on",
        (size, 0.02),
        (3, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        fontsize=_FONT - 1,
    )


def rounded(size: float) -> str:
    """Write a size with two digits: it was measured at a few sizes only."""
    step = 10 ** (math.floor(math.log10(size)) - 1)
    return f"{round(size / step) * step:,}"


def _finish(axes: "Axes", title: str) -> None:
    axes.set_title(title, fontsize=_FONT + 1, loc="left")
    axes.set_xlabel("passages", fontsize=_FONT)
    axes.tick_params(labelsize=_FONT)
    axes.grid(visible=True, which="major", linewidth=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
