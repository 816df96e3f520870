"""An evaluation's figures as tables for a terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from embeddings.evaluation.estimates import Interval
from embeddings.evaluation.measures import Figure
from embeddings.evaluation.runs import SetRun


def table(set_run: SetRun, *, compared: bool) -> Table:
    """Write the figures of one set of questions.

    Args:
        set_run: The set.
        compared: Whether there is an earlier run; it may yet be of other data.
    """
    of_other_data = compared and all(figure.earlier is None for figure in set_run.figures)
    compared = compared and not of_other_data
    columns = ["", "value", "95 % interval", "questions"]
    made = Table(
        *columns,
        *(["earlier", "difference"] if compared else []),
        title=_title(set_run) + of_other_data * "\nThe earlier run is of other data here.",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for column in made.columns:
        column.no_wrap = True
    for column in made.columns[1:]:
        column.justify = "right"
    for figure in set_run.figures:
        made.add_row(
            f"  {figure.group}" if figure.group else figure.measure,
            _number(figure.value),
            _interval(figure.interval, ".3f"),
            f"{figure.n:,}",
            *([_number(figure.earlier), _difference(figure)] if compared else []),
        )
    return made


def _title(set_run: SetRun) -> str:
    return (
        f"{' and '.join(set_run.files)} ({set_run.kind}): {set_run.articles:,} articles, "
        f"{set_run.passages:,} passages, {set_run.questions:,} questions"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(interval: Interval | None, form: str) -> str:
    return f"{interval.low:{form}} to {interval.high:{form}}" if interval else ""


def _difference(figure: Figure) -> str:
    if figure.value is None or figure.earlier is None:
        return ""
    return f"{figure.value - figure.earlier:+.3f} ({_interval(figure.difference, '+.3f')})"
