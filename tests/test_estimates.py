"""Figures and their intervals, worked out by hand."""

from collections.abc import Sequence
from math import isnan

import numpy as np
import pytest

from embeddings.evaluation.estimates import (
    Bin,
    Interval,
    Sample,
    auroc,
    calibration_error,
    design_effect,
    difference_interval,
    interval,
    mean,
    reliability,
    risk_by_coverage,
    share,
    wilson,
)


def sample(*rows: tuple[float, float], clusters: Sequence[object] | None = None) -> Sample:
    """Make a sample from (confidence, value), each question a cluster if none are given."""
    names = range(len(rows)) if clusters is None else clusters
    return Sample(
        confidences=np.array([confidence for confidence, _ in rows], np.float64),
        values=np.array([value for _, value in rows], np.float64),
        clusters=np.array([str(name) for name in names], np.str_),
    )


def test_mean() -> None:
    """The values count, whatever their confidence."""
    assert mean(sample((0.9, 1), (0.1, 0.5), (0.5, 0))) == 0.5


def test_auroc_counts_pairs() -> None:
    """Of 4 pairs of a 1 and a 0 three are in order and one is a tie, which counts one half."""
    assert auroc(sample((0.9, 1), (0.4, 1), (0.4, 0), (0.1, 0))) == 3.5 / 4


def test_calibration_error_is_weighted_by_bin() -> None:
    """At 0.9 one half is right (0.4 apart), at 0.2 too (0.3 apart), at 1.0 all of it."""
    rows = [(0.92, 1), (0.92, 0), (0.2, 0), (0.2, 1)]
    assert calibration_error(sample(*rows)) == pytest.approx((0.42 + 0.3) / 2)
    # 1.0 belongs to the tenth bin, as 0.9 does: confidences 1.9, right 1.
    assert calibration_error(sample((1.0, 0), (0.9, 1))) == pytest.approx(0.9 / 2)
    assert calibration_error(sample((1.0, 1))) == 0
    assert calibration_error(sample((0.0, 0))) == 0


@pytest.mark.parametrize("statistic", [mean, share, auroc, calibration_error])
def test_nothing_gives_no_figure(statistic: object) -> None:
    """Where no question counts there is no number, and no warning either."""
    assert callable(statistic)
    assert isnan(statistic(sample()))
    assert isnan(interval(sample(), statistic).low)


def test_auroc_needs_both() -> None:
    """Ones alone can't be told from zeros."""
    assert isnan(auroc(sample((0.9, 1), (0.1, 1))))


@pytest.mark.parametrize(
    ("observed", "n", "low", "high"),
    [
        (0.8, 10, 0.4902, 0.9433),
        (0.0, 10, 0.0, 0.2775),
        (1.0, 10, 0.7225, 1.0),
        (0.5, 100, 0.4038, 0.5962),
    ],
)
def test_wilson(observed: float, n: int, low: float, high: float) -> None:
    """Known values; with nothing seen, 3.8415 / 13.8415 of ten are still possible."""
    found = wilson(observed, n)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(
    ("values", "clusters", "effect"),
    [
        # Residuals 1 and -1: 2/1 * (1 + 1) / 4**2 = 1/4, three times 0.5 * 0.5 / 3.
        ([1, 1, 0, 0], "aabb", 3),
        # Independent ones: 4/3 * 4 * 0.5**2 / 4**2 = 1/12, just 0.5 * 0.5 / 3.
        ([1, 1, 0, 0], "abcd", 1),
        # No difference between the clusters; that they vary less than by chance is ignored.
        ([1, 0, 1, 0], "aabb", 1),
        ([1, 1, 1, 1], "aabb", 1),
        ([1, 1, 0, 0], "aaaa", 1),
    ],
)
def test_design_effect(values: list[int], clusters: str, effect: float) -> None:
    """Questions that go alike within their document are worth fewer independent ones."""
    found = design_effect(sample(*((0, value) for value in values), clusters=clusters))
    assert found == pytest.approx(effect)


def test_a_share_of_clustered_questions_is_less_certain() -> None:
    """Eight questions with a design effect of 7 are worth little more than one."""
    rows = [(0.0, 1.0)] * 4 + [(0.0, 0.0)] * 4
    # Residuals 2 and -2: 2/1 * (4 + 4) / 8**2 = 1/4, seven times 0.5 * 0.5 / 7.
    assert interval(sample(*rows, clusters="aaaabbbb"), share) == wilson(0.5, 8 / 7)


def test_whole_clusters_are_drawn() -> None:
    """Clusters of the same mean have that mean in each resample, whatever is within them."""
    rows = sample((0, 0), (0, 1), (0, 0), (0, 1), clusters="aabb")
    assert interval(rows, mean) == Interval(0.5, 0.5)


def test_two_clusters_resample_to_either_or_both() -> None:
    """One quarter of the resamples has the first twice, one quarter the second."""
    assert interval(sample((0, 0), (0, 1), clusters="ab"), mean) == Interval(0, 1)


def test_an_interval_holds_its_figure() -> None:
    """Resamples of what is perfectly calibrated are all a little off, it is not."""
    rows = [(0.5, 1), (0.5, 0)] * 20 + [(0.75, 1), (0.75, 1), (0.75, 1), (0.75, 0)] * 10
    found = interval(sample(*rows), calibration_error)
    assert found.low == 0
    assert found.high > 0


def test_an_interval_is_the_same_each_time() -> None:
    """The seed is fixed: a table can be made again."""
    rows = sample(*((0.1 * i, i % 2) for i in range(10)))
    assert interval(rows, auroc) == interval(rows, auroc)


def test_a_difference_is_of_the_same_questions() -> None:
    """What is hard for both runs cancels out: here each document gained exactly one quarter."""
    old = sample((0, 0), (0, 0.25), (0, 0.5), (0, 0.75), clusters="abcd")
    new = sample((0, 0.25), (0, 0.5), (0, 0.75), (0, 1), clusters="abcd")
    assert difference_interval(new, old, mean) == Interval(0.25, 0.25)


def test_a_difference_may_be_of_other_rows() -> None:
    """Of right hits there may be more in one run than in the other; documents pair them."""
    old = sample((0, 0), clusters="a")
    new = sample((0, 1), (0, 1), clusters="aa")
    assert difference_interval(new, old, share) == Interval(1, 1)


def test_reliability_leaves_empty_bins_out() -> None:
    """Each bin has the mean confidence of its questions, how many are right, and their number."""
    assert reliability(sample((0.75, 1), (0.78125, 0), (0.125, 0))) == [
        Bin(confidence=0.125, share=0, interval=wilson(0, 1), count=1),
        Bin(confidence=0.765625, share=0.5, interval=wilson(0.5, 2), count=2),
    ]


def test_risk_by_coverage() -> None:
    """Equal confidences come at once; the whole sample's risk is the last."""
    coverage, risk = risk_by_coverage(sample((0.8, 0), (0.1, 0), (0.9, 1), (0.8, 1)))
    assert coverage.tolist() == [0.25, 0.75, 1]
    assert risk.tolist() == [0, pytest.approx(1 / 3), 0.5]
