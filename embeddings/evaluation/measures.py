"""How questions went -> figures: what is counted, over which questions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isnan

import numpy as np

from embeddings.confidence import Verdict
from embeddings.evaluation.estimates import (
    Interval,
    Sample,
    Statistic,
    auroc,
    calibration_error,
    difference_interval,
    interval,
    mean,
    share,
)
from embeddings.evaluation.question_sets import Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one question went.

    Attributes:
        question: Its id.
        group: As in `KnownQuestion`.
        cluster: As in `KnownQuestion`.
        answerable: Whether the corpus held an answer when it was asked.
        verdict: What the first hit was shown as.
        confidence: Of the first hit; 0 without hits.
        rank: Of the first hit that is right, from 1; None if none of the first ten is.
        right_article: Whether the first hit is of the right article.
        in_quote: Whether the first hit is right and its quote holds an answer.
        in_highlight: Whether the first hit is right and its highlight holds an answer.
    """

    question: str
    group: str | None
    cluster: str
    answerable: bool
    verdict: Verdict
    confidence: float
    rank: int | None
    right_article: bool
    in_quote: bool
    in_highlight: bool

    @property
    def right(self) -> bool:
        """Whether the first hit answers."""
        return self.rank == 1


@dataclass(frozen=True, slots=True)
class Figure:
    """What a measure gave on a set, or on one group of its questions.

    Attributes:
        measure: Its name.
        group: The group, None for all questions.
        value: None if no question counts.
        interval: Where it probably is (95 %).
        n: How many questions it is of.
        earlier: What it was in the run that this one is compared with, if there is one.
        difference: Where value - earlier probably is (95 %, the same questions in both runs).
    """

    measure: str
    group: str | None
    value: float | None
    interval: Interval | None
    n: int
    earlier: float | None = None
    difference: Interval | None = None


@dataclass(frozen=True, slots=True)
class _Measure:
    """A figure's definition.

    Attributes:
        name: For people.
        counts: Which questions it is of.
        value: What is observed of each.
        statistic: What is made of it.
        by_group: Whether each group has a figure of its own.
    """

    name: str
    counts: Callable[[Outcome], bool]
    value: Callable[[Outcome], float]
    statistic: Statistic = share
    by_group: bool = False


def _always(_: Outcome) -> bool:
    return True


def _answerable(outcome: Outcome) -> bool:
    return outcome.answerable


def _unanswerable(outcome: Outcome) -> bool:
    return not outcome.answerable


def _right(outcome: Outcome) -> bool:
    return outcome.right


def _wrong(outcome: Outcome) -> bool:
    return outcome.answerable and not outcome.right


def _shown_as(verdict: Verdict) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.verdict is verdict


def _shown(outcome: Outcome) -> bool:
    return outcome.verdict is not Verdict.NOT_FOUND


_RANKING = (
    _Measure("right passage first (R@1)", _answerable, _right, by_group=True),
    _Measure(
        "right passage in three (R@3)",
        _answerable,
        lambda outcome: outcome.rank is not None and outcome.rank <= 3,  # noqa: PLR2004 - R@3
        by_group=True,
    ),
    _Measure(
        "reciprocal rank (MRR@10)",
        _answerable,
        lambda outcome: 1 / outcome.rank if outcome.rank else 0,
        mean,
        by_group=True,
    ),
    _Measure(
        "right first: marked sentence answers",
        _right,
        lambda outcome: outcome.in_highlight,
        by_group=True,
    ),
    _Measure(
        "right first: quote answers",
        _right,
        lambda outcome: outcome.in_quote,
        by_group=True,
    ),
)

_CONFIDENCE = (
    _Measure("left in told from left out (AUROC)", _always, _answerable, auroc, by_group=True),
    _Measure("calibration error (ECE)", _always, _right, calibration_error, by_group=True),
    *(
        _Measure(f"{whose}: {what}", counts, _shown_as(verdict))
        for whose, counts in [
            ("right first", _right),
            ("wrong first", _wrong),
            ("left out", _unanswerable),
        ]
        for what, verdict in [
            ("answer", Verdict.ANSWER),
            ("unsure", Verdict.UNSURE),
            ("not found", Verdict.NOT_FOUND),
        ]
    ),
)

_GOLDEN = (
    _Measure(
        # Of a refused question nobody sees a quote.
        "right quote first",
        _answerable,
        lambda outcome: _shown(outcome) and outcome.in_quote,
        by_group=True,
    ),
    _Measure("right article first", _answerable, lambda o: _shown(o) and o.right_article),
    _Measure("right quote first, shown or refused", _answerable, lambda o: o.in_quote),
    _Measure("right passage first, shown or refused", _answerable, _right),
    _Measure("answerable: unsure", _answerable, _shown_as(Verdict.UNSURE)),
    _Measure(
        "answerable: not found (false refusals)",
        _answerable,
        _shown_as(Verdict.NOT_FOUND),
        by_group=True,
    ),
    _Measure(
        "unanswerable: answer (false answers)",
        _unanswerable,
        _shown_as(Verdict.ANSWER),
        by_group=True,
    ),
    _Measure("unanswerable: unsure", _unanswerable, _shown_as(Verdict.UNSURE)),
)

_MEASURES = {
    Kind.GOLDEN: _GOLDEN,
    Kind.MIXED: _RANKING + _CONFIDENCE,
    Kind.MONOLINGUAL: _RANKING + _CONFIDENCE,
    Kind.KAZQAD: _RANKING,
}


def figures(
    kind: Kind, outcomes: Sequence[Outcome], earlier: Sequence[Outcome] | None = None
) -> list[Figure]:
    """Work out all figures of a set.

    Args:
        kind: What the set is made from decides what is measured.
        outcomes: How its questions went.
        earlier: How the same questions went in another run, to compare with.
    """
    groups = dict.fromkeys(outcome.group for outcome in outcomes if outcome.group)
    return [
        figure
        for measure in _MEASURES[kind]
        for group in [None, *(groups if measure.by_group else [])]
        if (figure := _figure(measure, group, outcomes, earlier)).n or group is None
    ]


def confidence_sample(outcomes: Sequence[Outcome], group: str | None = None) -> Sample:
    """Return the confidences that the first hit answers, and whether it does."""
    return _sample(_always, _right, outcomes, group)


def _figure(
    measure: _Measure,
    group: str | None,
    outcomes: Sequence[Outcome],
    earlier: Sequence[Outcome] | None,
) -> Figure:
    sample = _sample(measure.counts, measure.value, outcomes, group)
    value = measure.statistic(sample)
    figure = Figure(measure.name, group, None, None, len(sample.values))
    if isnan(value):
        return figure
    figure = replace(figure, value=value, interval=interval(sample, measure.statistic))
    if earlier is None:
        return figure
    other = _sample(measure.counts, measure.value, earlier, group)
    before = measure.statistic(other)
    if isnan(before):
        return figure
    difference = difference_interval(sample, other, measure.statistic)
    return replace(figure, earlier=before, difference=difference)


def _sample(
    counts: Callable[[Outcome], bool],
    value: Callable[[Outcome], float],
    outcomes: Sequence[Outcome],
    group: str | None,
) -> Sample:
    counted = [
        outcome
        for outcome in outcomes
        if counts(outcome) and (group is None or outcome.group == group)
    ]
    return Sample(
        confidences=np.array([outcome.confidence for outcome in counted], np.float64),
        values=np.array([value(outcome) for outcome in counted], np.float64),
        clusters=np.array([outcome.cluster for outcome in counted], np.str_),
    )
