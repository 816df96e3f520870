"""What was compared, as a picture: one small chart for each measure."""

import io
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.orders import AT_ONCE, Indexed
from benchmarks.real_bot import p95
from benchmarks.vector_search import METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchmarks.compare import Compared

_OURS, _PEER = "#2a7f4f", "#9aa5b1"
_LINES = ("#2a7f4f", "#4c566a", "#d08770", "#5e81ac", "#b48ead", "#c9a227")
_FONT = 8


def draw(compared: "Compared") -> bytes:
    """Return the picture as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 6.6), dpi=130, layout="constrained")
    axes = figure.subplots(2, 4)
    count = compared.scale.passages
    indexed, opened = compared.indexed, compared.opened

    def of(measure: Callable[[Indexed], float]) -> dict[str, float]:
        return {name: measure(one) for name, one in indexed.items()}

    _bars(axes[0, 0], "Passages indexed a second", of(lambda one: count / one.seconds))
    _bars(
        axes[0, 1],
        "One question, ms (line: p95)",
        of(lambda one: 1000 * median(one.questions)),
        of(lambda one: 1000 * p95(one.questions)),
    )
    _bars(axes[0, 2], "Questions a second, 64 at once", of(lambda one: AT_ONCE / one.burst))
    _right(axes[0, 3], compared)
    _bars(axes[1, 0], "Memory while answering, MB", {n: one.memory for n, one in opened.items()})
    _bars(
        axes[1, 1],
        "Start to first answer, s",
        {name: one.first_answer for name, one in opened.items()},
    )
    _bot(axes[1, 2], compared)
    _vectors(axes[1, 3], compared)
    machine = compared.machine
    figure.suptitle(
        f"{count:,} passages, the same model for all; {compared.date}, {machine.processor}, "
        f"{machine.cores} cores",
        fontsize=_FONT + 2,
    )
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _bars(
    axes: "Axes", title: str, values: dict[str, float], whiskers: dict[str, float] | None = None
) -> None:
    """Draw a bar for each system, from zero, with its number."""
    names = list(values)
    colors = [_OURS if name == "ours" else _PEER for name in names]
    axes.barh(names, list(values.values()), color=colors)
    ends = [max(value, (whiskers or {}).get(name, 0)) for name, value in values.items()]
    for row, (name, value) in enumerate(values.items()):
        if whiskers:
            axes.plot([value, whiskers[name]], [row, row], color="black", linewidth=1)
        axes.annotate(
            _number(value),
            (ends[row], row),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=_FONT,
        )
    axes.set_xlim(0, 1.22 * max(ends, default=1))
    _finish(axes, title)
    axes.invert_yaxis()


def _right(axes: "Axes", compared: "Compared") -> None:
    """Draw the shares of right first hits: all, same language, across languages."""
    names = list(compared.indexed)
    groups = (("all", 0.0, 1.0), ("same language", 0.27, 0.65), ("across languages", 0.54, 0.35))
    for label, shift, opacity in groups:
        for row, name in enumerate(names):
            one = compared.indexed[name]
            value = {"all": one.right, "same language": one.right_same}.get(
                label, one.right_across
            )
            color = _OURS if name == "ours" else _PEER
            axes.barh(row + shift - 0.27, value or 0.0, height=0.25, color=color, alpha=opacity)
            if value is not None:
                axes.annotate(
                    f"{value:.2f} {label if row == 0 else ''}",
                    (value, row + shift - 0.27),
                    (3, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=_FONT - 1.5,
                )
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, 1.6)
    axes.set_xticks([0, 0.5, 1])
    _finish(axes, "R@1: all, same language, across")
    axes.invert_yaxis()


def _bot(axes: "Axes", compared: "Compared") -> None:
    """Draw how questions to the running bot are spread, idle and during a reindex."""
    _finish(axes, "The bot: questions answered within … ms")
    if compared.bot is None:
        return
    for label, times, color in (
        ("idle", compared.bot.idle, _OURS),
        ("during a reindex", compared.bot.reindexing, _LINES[2]),
    ):
        milliseconds = sorted(1000 * each for each in times)
        shares = [(number + 1) / len(milliseconds) for number in range(len(milliseconds))]
        axes.plot(milliseconds, shares, color=color, label=label)
    axes.axhline(0.95, color="black", linewidth=0.5, linestyle=":")
    axes.set_ylim(0, 1.02)
    # A few outliers would press all else to the left.
    axes.set_xlim(0, 2 * max(p95(compared.bot.idle), p95(compared.bot.reindexing)) * 1000)
    axes.set_ylabel("share of questions (dotted: 0.95)", fontsize=_FONT)
    axes.legend(fontsize=_FONT, frameon=False, loc="lower right")


def _vectors(axes: "Axes", compared: "Compared") -> None:
    """Draw how the time of a question grows with the vectors."""
    _finish(axes, "Vector search alone, ms a question")
    if not compared.vectors:
        return
    for method, color in zip(METHODS, _LINES, strict=True):
        points = [
            (count, 1000 * found[method].question)
            for count, found in compared.vectors.items()
            if method in found
        ]
        if points:
            counts, times = zip(*points, strict=True)
            axes.plot(
                counts,
                times,
                color=color,
                marker="o",
                markersize=3,
                label=method,
                linewidth=2 if color == _OURS else 1,
                linestyle="--" if "HNSW" in method else "-",
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("vectors", fontsize=_FONT)
    axes.set_ylim(top=100 * axes.get_ylim()[1])  # room for the legend
    axes.legend(fontsize=_FONT - 1.5, frameon=False, loc="upper left")


def _finish(axes: "Axes", title: str) -> None:
    axes.set_title(title, fontsize=_FONT + 1, loc="left")
    axes.tick_params(labelsize=_FONT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _number(value: float) -> str:
    if value >= 100:  # noqa: PLR2004 - three digits are enough
        return f"{value:,.0f}"
    return f"{value:.1f}"
