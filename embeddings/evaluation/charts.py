"""Draws how far a run's confidence can be trusted: calibration, and risk by coverage."""

import io
from typing import TYPE_CHECKING

from embeddings.confidence import Verdict
from embeddings.evaluation.estimates import BINS, calibration_error, reliability, risk_by_coverage
from embeddings.evaluation.measures import Outcome, confidence_sample
from embeddings.evaluation.runs import Run, SetRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's blue and vermilion, which colour-blind people tell apart; markers and strokes
# differ, too.
_COLOURS = ("#0072B2", "#D55E00")
_MARKERS = ("o", "s")
_STROKES = ("-", "--")
_GREY = "#767676"

_SIZE = (10.0, 6.2)
"""Width and height of one set's row in inches of a hundred dots."""


def draw(run: Run) -> bytes:
    """Draw a run as a PNG, 1,000 pixels wide, with a row for each set that tells about confidence.

    Those are the ones whose questions were asked with their article and without; there must be
    one. matplotlib is imported here, since it takes a second.
    """
    # Not matplotlib.pyplot, which keeps global state: a Figure draws by itself, with Agg.
    from matplotlib.figure import Figure

    sets = [each for each in run.sets if each.kind.asks_without]
    width, height = _SIZE
    figure = Figure(figsize=(width, height * len(sets)), dpi=100, layout="constrained")
    rows = figure.subfigures(len(sets), squeeze=False)[:, 0]
    for set_run, row in zip(sets, rows, strict=True):
        files = " and ".join(set_run.files)
        row.suptitle(f"{files}, {run.date}: each question with its article and without")
        axes = row.subplot_mosaic(
            [["calibration", "risk"], ["histogram", "risk"]], height_ratios=[3, 1]
        )
        lines = _lines(set_run)
        _draw_calibration(axes["calibration"], lines)
        _draw_histogram(axes["histogram"], lines)
        _draw_risk(axes["risk"], lines)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _lines(set_run: SetRun) -> dict[str, list[Outcome]]:
    """Return the outcomes that get a line of their own, by its name."""
    lines: dict[str, list[Outcome]] = {}
    for outcome in set_run.outcomes:
        name = outcome.group or "all questions"
        lines.setdefault(name, []).append(outcome)
    return lines


def _draw_calibration(axes: "Axes", lines: dict[str, list[Outcome]]) -> None:
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", label="as it should be")
    for number, (name, outcomes) in enumerate(lines.items()):
        sample = confidence_sample(outcomes)
        bins = reliability(sample)
        axes.errorbar(
            x=[each.confidence for each in bins],
            y=[each.share for each in bins],
            yerr=[
                [each.share - each.interval.low for each in bins],
                [each.interval.high - each.share for each in bins],
            ],
            label=f"{name}, error {calibration_error(sample):.3f}",
            color=_COLOURS[number],
            marker=_MARKERS[number],
            linestyle=_STROKES[number],
            capsize=3,
        )
    axes.set(
        title="Calibration, with 95 % intervals",
        ylabel="first hits that answer (share)",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.tick_params(labelbottom=False)
    axes.legend(loc="best")
    axes.grid(alpha=0.3)


def _draw_histogram(axes: "Axes", lines: dict[str, list[Outcome]]) -> None:
    axes.hist(
        [[outcome.confidence for outcome in outcomes] for outcomes in lines.values()],
        bins=[edge / BINS for edge in range(BINS + 1)],
        color=_COLOURS[: len(lines)],
    )
    axes.set(xlabel="confidence of the first hit", ylabel="questions", xlim=(0, 1))
    axes.grid(alpha=0.3)


def _draw_risk(axes: "Axes", lines: dict[str, list[Outcome]]) -> None:
    from matplotlib.ticker import PercentFormatter

    for number, (name, outcomes) in enumerate(lines.items()):
        colour, marker = _COLOURS[number], _MARKERS[number]
        coverage, risk = risk_by_coverage(confidence_sample(outcomes))
        axes.plot(coverage, risk, color=colour, linestyle=_STROKES[number], label=name)
        for hidden, size in (((Verdict.UNSURE, Verdict.NOT_FOUND), 10), ((Verdict.NOT_FOUND,), 5)):
            shown = [outcome for outcome in outcomes if outcome.verdict not in hidden]
            if shown:
                wrong = sum(not outcome.right for outcome in shown)
                at = (len(shown) / len(outcomes), wrong / len(shown))
                axes.plot(*at, color=colour, marker=marker, markersize=size)
    for label, size in (("shown as an answer", 10), ("… or as unsure", 5)):
        axes.plot([], [], color=_GREY, marker="o", markersize=size, linestyle="", label=label)
    axes.set(
        title="Risk by coverage",
        xlabel="of all questions, how many get an answer",
        ylabel="of these answers, how many are wrong",
        xlim=(0, 1),
        ylim=(0, None),
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
