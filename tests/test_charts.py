"""The picture of a run: that it is one, and what it is made from."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from embeddings.confidence import Verdict
from embeddings.evaluation.charts import draw
from embeddings.evaluation.measures import Outcome
from embeddings.evaluation.question_sets import Kind
from embeddings.evaluation.runs import Run, SetRun


def outcome(number: int, group: str | None, confidence: float, *, right: bool) -> Outcome:
    return Outcome(
        question=str(number),
        group=group,
        cluster=str(number),
        answerable=True,
        verdict=Verdict.ANSWER if confidence > 0.5 else Verdict.NOT_FOUND,
        confidence=confidence,
        rank=1 if right else None,
        right_article=right,
        in_quote=right,
        in_highlight=right,
    )


def set_run(kind: Kind, *groups: str | None) -> SetRun:
    return SetRun(
        kind=kind,
        files=("a.json", "b.json"),
        content_hash="",
        articles=1,
        passages=1,
        questions=10,
        figures=(),
        outcomes=tuple(
            outcome(number, group, number / 10, right=number % 3 == 0)
            for number in range(11)
            for group in groups
        ),
    )


def size(png: bytes) -> tuple[int, int]:
    """Width and height as PNG's header has them."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_each_set_with_questions_left_out_is_a_row() -> None:
    """The picture is 1,000 pixels wide; sets that say little about confidence aren't drawn."""
    mixed, single = set_run(Kind.MIXED, "same", "across"), set_run(Kind.MONOLINGUAL, None)
    run = Run(date(2026, 3, 1), "m", (mixed, set_run(Kind.GOLDEN, "en")))
    assert size(draw(run)) == (1000, 620)
    assert size(draw(replace(run, sets=(mixed, single)))) == (1000, 1240)


@pytest.mark.parametrize(
    "change",
    [
        lambda outcome: replace(outcome, confidence=outcome.confidence / 2),
        lambda outcome: replace(outcome, verdict=Verdict.ANSWER),
        lambda outcome: replace(outcome, rank=1),
    ],
    ids=["confidence", "verdict", "rank"],
)
def test_the_picture_shows_how_questions_went(change: Callable[[Outcome], Outcome]) -> None:
    """Another run is another picture, and the same run the same."""
    mixed = set_run(Kind.MIXED, "same", "across")
    other = replace(mixed, outcomes=tuple(map(change, mixed.outcomes)))
    run = Run(date(2026, 3, 1), "m", (mixed,))
    assert draw(run) == draw(run)
    assert draw(run) != draw(replace(run, sets=(other,)))


def test_nothing_is_shown_without_any_answer() -> None:
    """A run that finds everything or nothing is drawn, too."""
    mixed = set_run(Kind.MIXED, "same")
    refused = tuple(
        replace(each, confidence=0.0, verdict=Verdict.NOT_FOUND) for each in mixed.outcomes
    )
    assert size(draw(Run(date(2026, 3, 1), "m", (replace(mixed, outcomes=refused),))))


def test_the_drawing_library_is_loaded_only_to_draw() -> None:
    """It takes a second that only --plot should cost; its global state is never made."""
    code = (
        "import sys, embeddings.evaluation.charts as charts; from test_charts import *; "
        "before = 'matplotlib' in sys.modules; "
        "draw(Run(date(2026, 3, 1), 'm', (set_run(Kind.MIXED, 'same'),))); "
        "print(before, 'matplotlib' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env={"PYTHONPATH": f"{Path(__file__).parent.parent}", "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == ["False", "True", "False"]
