"""What is counted of which questions, on outcomes written by hand."""

from typing import Any

from embeddings.confidence import Verdict
from embeddings.evaluation.measures import Figure, Outcome, figures
from embeddings.evaluation.question_sets import Kind

ANSWER, UNSURE, NOT_FOUND = Verdict.ANSWER, Verdict.UNSURE, Verdict.NOT_FOUND
DEFAULTS: dict[str, Any] = {
    "group": None,
    "cluster": "c",
    "answerable": True,
    "verdict": ANSWER,
    "confidence": 0.5,
    "rank": None,
    "right_article": False,
    "in_quote": False,
    "in_highlight": False,
}


def outcomes(*fields: dict[str, Any]) -> list[Outcome]:
    """Make outcomes of which only some fields matter."""
    return [
        Outcome(question=str(number), **(DEFAULTS | each)) for number, each in enumerate(fields)
    ]


def values(kind: Kind, *fields: dict[str, Any]) -> dict[str, tuple[float | None, int]]:
    """Each measure's value over all questions, and how many it is of."""
    return {
        figure.measure: (figure.value, figure.n)
        for figure in figures(kind, outcomes(*fields))
        if figure.group is None
    }


def test_ranking_counts_answerable_questions() -> None:
    """A right hit counts by its rank; left out, a question has nothing to find."""
    found = values(
        Kind.MIXED,
        {"rank": 1, "in_quote": True, "in_highlight": True},
        {"rank": 1, "in_quote": True},
        {"rank": 2},
        {"rank": 4},
        {},
        {"answerable": False},
    )
    assert found["right passage first (R@1)"] == (2 / 5, 5)
    assert found["right passage in three (R@3)"] == (3 / 5, 5)
    assert found["reciprocal rank (MRR@10)"] == ((1 + 1 + 1 / 2 + 1 / 4) / 5, 5)
    assert found["right first: marked sentence answers"] == (1 / 2, 2)
    assert found["right first: quote answers"] == (1, 2)


def test_confidence_counts_all_questions() -> None:
    """AUROC tells left in from left out; calibration is about right first hits."""
    found = values(
        Kind.MONOLINGUAL,
        {"rank": 1, "confidence": 1.0},
        {"rank": 2, "confidence": 0.0},
        {"answerable": False, "confidence": 0.0, "verdict": NOT_FOUND},
        {"answerable": False, "confidence": 0.0, "verdict": UNSURE},
    )
    # Pairs: 1.0 over both, 0.0 tied with both.
    assert found["left in told from left out (AUROC)"] == (3 / 4, 4)
    assert found["calibration error (ECE)"] == (0, 4)
    assert found["right first: answer"] == (1, 1)
    assert found["wrong first: answer"] == (1, 1)
    assert found["left out: answer"] == (0, 2)
    assert found["left out: unsure"] == (1 / 2, 2)
    assert found["left out: not found"] == (1 / 2, 2)


def test_golden_counts_what_people_see() -> None:
    """Of a refused question nobody sees the quote; "unsure" shows it."""
    right = {"rank": 1, "right_article": True, "in_quote": True}
    found = values(
        Kind.GOLDEN,
        right,
        right | {"verdict": UNSURE},
        right | {"verdict": NOT_FOUND},
        right | {"in_quote": False},
        {"right_article": True},
        {"answerable": False},
        {"answerable": False, "verdict": UNSURE},
        {"answerable": False, "verdict": NOT_FOUND},
        {"answerable": False, "verdict": NOT_FOUND},
    )
    assert found == {
        "right quote first": (2 / 5, 5),
        "right article first": (4 / 5, 5),
        "right quote first, shown or refused": (3 / 5, 5),
        "right passage first, shown or refused": (4 / 5, 5),
        "answerable: unsure": (1 / 5, 5),
        "answerable: not found (false refusals)": (1 / 5, 5),
        "unanswerable: answer (false answers)": (1 / 4, 4),
        "unanswerable: unsure": (1 / 4, 4),
    }


def test_kazqad_has_no_questions_without_answer() -> None:
    """There only ranking and marking can be measured."""
    assert list(values(Kind.KAZQAD, {"rank": 1})) == [
        "right passage first (R@1)",
        "right passage in three (R@3)",
        "reciprocal rank (MRR@10)",
        "right first: marked sentence answers",
        "right first: quote answers",
    ]


def test_groups_have_figures_of_their_own() -> None:
    """They come in the order of their first question, and only where they have questions."""
    found = figures(
        Kind.GOLDEN,
        outcomes(
            {"group": "ru", "rank": 1, "in_quote": True},
            {"group": "en"},
            {"group": "kk", "answerable": False},
        ),
    )
    first = [each for each in found if each.measure == "right quote first"]
    assert [(each.group, each.value, each.n) for each in first] == [
        (None, 0.5, 2),
        ("ru", 1, 1),
        ("en", 0, 1),
    ]


def test_a_figure_of_nothing_is_none() -> None:
    """Where all are answerable there is no share of false answers, neither 0 nor 1."""
    [found] = [
        each
        for each in figures(Kind.GOLDEN, outcomes({}), outcomes({}))
        if each.measure == "unanswerable: unsure"
    ]
    assert found == Figure("unanswerable: unsure", None, None, None, 0)


def test_an_earlier_run_is_compared_with() -> None:
    """Its figure is worked out anew, and the difference has an interval of its own."""
    now = outcomes({"rank": 1}, {"rank": 1})
    before = outcomes({"rank": 1}, {})
    found = figures(Kind.KAZQAD, now, before)[0]
    assert (found.value, found.earlier) == (1, 0.5)
    assert found.difference is not None
    # All questions are of one cluster here, so each resample is the sample.
    assert (found.difference.low, found.difference.high) == (0.5, 0.5)


def test_what_was_not_to_be_had_earlier_is_not_compared() -> None:
    """If no first hit was right before, there is no quote to compare with."""
    found = figures(Kind.KAZQAD, outcomes({"rank": 1}), outcomes({}))[-1]
    assert found.value == 0
    assert found.earlier is None
    assert found.difference is None
