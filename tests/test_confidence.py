"""Confidence: a probability from evidence, and the cut that decides."""

import math
from pathlib import Path

import pytest

from embeddings.confidence import (
    MINIMUM_CONFIDENCE,
    Calibration,
    Evidence,
    load_calibration,
)
from embeddings.retriever import Hit, is_answer
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

CALIBRATION = Calibration(
    intercept=-2.0, passage_cosine=3.0, sentence_cosine=5.0, model="m", fitted_on="data"
)


def hit(confidence: float) -> Hit:
    article = Article("a", "A", "https://example.org", "Text.", None, "en", None)
    passage = Passage(article, 0, 5, (Span(0, 5),))
    return Hit(passage, Span(0, 5), 1.0, Evidence(0.5, 0.5), confidence)


@pytest.mark.parametrize(
    ("evidence", "log_odds"),
    [
        (Evidence(0, 0), -2.0),
        (Evidence(1, 0), 1.0),
        (Evidence(0, 1), 3.0),
        (Evidence(0.5, 0.1), 0.0),
    ],
)
def test_probability_is_the_logistic_of_the_weighted_evidence(
    evidence: Evidence, log_odds: float
) -> None:
    """Each piece of evidence counts with its own weight."""
    assert CALIBRATION.probability(evidence) == pytest.approx(1 / (1 + math.exp(-log_odds)))


def test_a_calibration_survives_saving(tmp_path: Path) -> None:
    """What a person reads in the file is what the program uses."""
    CALIBRATION.save(tmp_path / "calibration.json")
    assert load_calibration(tmp_path / "calibration.json") == CALIBRATION


def test_no_hits_are_no_answer() -> None:
    """Nothing found is not an answer."""
    assert not is_answer([])


def test_the_first_hit_decides() -> None:
    """A later hit never makes an answer of a first one that is none."""
    assert is_answer([hit(MINIMUM_CONFIDENCE), hit(0.0)])
    assert not is_answer([hit(MINIMUM_CONFIDENCE - 0.01), hit(1.0)])
