"""Figures from samples, each with a 95 % confidence interval.

Questions on the same document are not independent: who has trouble with one probably has with the
next. So the unit of all intervals is the cluster: the interval of a share is Wilson's with as many
questions as the clustered ones are worth, those of all other figures are bootstrapped by drawing
whole clusters, with a fixed seed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Z = 1.959964
"""Of the normal distribution, 95 % lies within so many standard deviations of the mean."""

_RESAMPLES = 1000
_SEED = 0

BINS = 10
"""Of the confidence, each 0.1 wide."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was observed, one question a row; arrays of one length.

    Attributes:
        confidences: From 0 to 1, of the first hit.
        values: What the figure is about; 0 or 1 where it is a yes or no.
        clusters: Questions that share one are not independent.
    """

    confidences: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    clusters: npt.NDArray[np.str_]

    def take(self, rows: npt.NDArray[np.int64]) -> "Sample":
        """Return some of the rows, in this order."""
        return Sample(self.confidences[rows], self.values[rows], self.clusters[rows])


Statistic: TypeAlias = Callable[[Sample], float]
"""NaN where a sample does not determine it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a figure probably is, with 95 % confidence."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """The questions whose confidence lies in one tenth of its range."""

    confidence: float
    """Their mean confidence."""
    share: float
    """How many of them are right."""
    interval: Interval
    """Of the share."""
    count: int


def mean(sample: Sample) -> float:
    """Return the mean of the values."""
    return float(sample.values.mean()) if len(sample.values) else nan


def share(sample: Sample) -> float:
    """Return how many of the values are 1, from 0 to 1."""
    return mean(sample)


def auroc(sample: Sample) -> float:
    """Return how probably a 1 has a higher confidence than a 0; ties count one half."""
    positive = sample.confidences[sample.values == 1]
    negative = np.sort(sample.confidences[sample.values == 0])
    if not len(positive) or not len(negative):
        return nan
    lower = np.searchsorted(negative, positive, "left") + np.searchsorted(
        negative, positive, "right"
    )
    return float(lower.sum() / (2 * len(positive) * len(negative)))


def calibration_error(sample: Sample) -> float:
    """Return the expected calibration error: how far confidences and shares of 1 lie apart.

    The mean over ten bins of equal width, each weighted with its number of questions
    (Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning").
    """
    if not len(sample.values):
        return nan
    apart = np.bincount(_bins(sample), sample.confidences - sample.values, BINS)
    return float(np.abs(apart).sum() / len(sample.values))


def reliability(sample: Sample) -> list[Bin]:
    """Compare the confidences with the shares of 1, bin by bin; empty bins are left out."""
    bins = _bins(sample)
    found = []
    for number in np.unique(bins):
        within = sample.take(np.flatnonzero(bins == number))
        found.append(
            Bin(
                confidence=float(within.confidences.mean()),
                share=share(within),
                interval=interval(within, share),
                count=len(within.values),
            )
        )
    return found


def risk_by_coverage(sample: Sample) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what answering only from some confidence on would have given, highest cut first.

    Returns:
        The shares of all questions that are answered, and the shares of 0 among those; equal
        confidences come at once.
    """
    order = np.argsort(-sample.confidences, kind="stable")
    confidences, wrong = sample.confidences[order], 1 - sample.values[order]
    last = np.flatnonzero(np.diff(confidences, append=-1.0))
    answered = last + 1
    return answered / len(order), np.cumsum(wrong)[last] / answered


def interval(sample: Sample, statistic: Statistic) -> Interval:
    """Return where the statistic probably is; see the module for how.

    A resample of the calibration error is noisier than the sample, so its interval leans to higher
    errors; it is widened to hold the sample's own.
    """
    if statistic is share:
        return wilson(share(sample), len(sample.values) / design_effect(sample))
    value = statistic(sample)
    spread = _quantiles([statistic(resample) for [resample] in _resamples([sample])])
    return Interval(min(value, spread.low), max(value, spread.high))


def difference_interval(new: Sample, old: Sample, statistic: Statistic) -> Interval:
    """Return where the difference new - old probably is, for two runs over the same questions.

    Each resample draws the same clusters of both, so what is hard for both cancels out.
    """
    return _quantiles([statistic(one) - statistic(other) for one, other in _resamples([new, old])])


def wilson(observed: float, n: float) -> Interval:
    """Return Wilson's interval of a share observed over n independent questions."""
    if not n:
        return Interval(nan, nan)
    centre = (observed + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * sqrt(observed * (1 - observed) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def design_effect(sample: Sample) -> float:
    """Return by how much clusters make the variance of a share larger; at least 1.

    Rao & Scott 1992, "A simple method for the analysis of clustered binary data".
    """
    n, observed = len(sample.values), share(sample)
    names, cluster_of_row = np.unique(sample.clusters, return_inverse=True)
    if len(names) < 2 or observed in (0, 1):  # noqa: PLR2004 - one cluster has no variance
        return 1.0
    residuals = np.bincount(cluster_of_row, sample.values - observed)
    clustered = len(names) / (len(names) - 1) * (residuals**2).sum() / n**2
    independent = observed * (1 - observed) / (n - 1)
    return max(1.0, float(clustered / independent))


def _bins(sample: Sample) -> npt.NDArray[np.int64]:
    return np.minimum((sample.confidences * BINS).astype(np.int64), BINS - 1)


def _resamples(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Draw clusters with replacement, each time the same ones from all samples."""
    names = np.unique(np.concatenate([sample.clusters for sample in samples]))
    rows = [[np.flatnonzero(sample.clusters == name) for name in names] for sample in samples]
    random = np.random.default_rng(_SEED)
    for _ in range(_RESAMPLES if len(names) else 0):
        drawn = random.integers(len(names), size=len(names))
        yield [
            sample.take(np.concatenate([own[i] for i in drawn]))
            for sample, own in zip(samples, rows, strict=True)
        ]


def _quantiles(values: Sequence[float]) -> Interval:
    known = [value for value in values if not isnan(value)]
    if not known:
        return Interval(nan, nan)
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(float(low), float(high))
