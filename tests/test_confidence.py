"""Confidence: a probability from evidence, and the cut that decides."""

import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from embeddings.confidence import (
    ANSWER_FROM,
    UNSURE_FROM,
    Calibration,
    Evidence,
    Verdict,
    load_calibration,
)
from embeddings.errors import CalibrationUnusable
from embeddings.retriever import Hit, judge
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

WEIGHTS = {"sentence_cosine": 3.0, "tokens": 5.0, "words": 2.0, "own_language": -1.0, "names": 4.0}
CALIBRATION = Calibration(intercept=-2.0, weights=WEIGHTS, model="m", fitted_on="data")
NONE = Evidence(sentence_cosine=0.0, tokens=0.0, words=0.0, own_language=0.0, names=0.0)


def hit(confidence: float) -> Hit:
    article = Article("a", "A", "https://example.org", "Text.", None, "en", None)
    passage = Passage(article, 0, 5, (Span(0, 5),))
    return Hit(passage, Span(0, 5), Span(0, 5), 1.0, NONE, confidence)


@pytest.mark.parametrize(
    ("evidence", "log_odds"),
    [
        (NONE, -2.0),
        (replace(NONE, sentence_cosine=1.0), 1.0),
        (replace(NONE, tokens=1.0), 3.0),
        (replace(NONE, words=1.0), 0.0),
        (replace(NONE, own_language=1.0), -3.0),
        (replace(NONE, names=1.0), 2.0),
        (replace(NONE, sentence_cosine=0.5, words=0.5), 0.5),
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


def test_another_models_evidence_is_never_sure() -> None:
    """What would be an answer is just below it; what is unsure or worse stays as it is."""
    sure, unsure = replace(NONE, tokens=1.0), replace(NONE, sentence_cosine=0.2)
    assert CALIBRATION.probability(sure) > ANSWER_FROM
    assert CALIBRATION.cautious(sure) < ANSWER_FROM
    assert judge([hit(CALIBRATION.cautious(sure))]) is Verdict.UNSURE
    assert CALIBRATION.cautious(unsure) == CALIBRATION.probability(unsure) < ANSWER_FROM
    assert CALIBRATION.cautious(NONE) == CALIBRATION.probability(NONE)


def test_the_packaged_calibration_weighs_all_evidence() -> None:
    """No part of the evidence is left out, and being like the question speaks for a hit."""
    weights = load_calibration().weights
    assert weights.keys() == asdict(NONE).keys()
    assert min(weights["sentence_cosine"], weights["tokens"], weights["words"]) > 0


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"intercept": 1}', "\xff"])
def test_a_file_that_is_no_calibration_is_named(text: str, tmp_path: Path) -> None:
    """The message names the file and the way out."""
    path = tmp_path / "calibration.json"
    path.write_text(text, "latin-1")
    with pytest.raises(CalibrationUnusable, match=r"calibration\.json .*python -m bot calibrate"):
        load_calibration(path)


def test_a_missing_calibration_is_named(tmp_path: Path) -> None:
    """A file that is not there is said to be unreadable."""
    with pytest.raises(CalibrationUnusable, match=r"none\.json cannot be read"):
        load_calibration(tmp_path / "none.json")


@pytest.mark.parametrize("weights", [{}, WEIGHTS | {"smell": 1.0}, {"words": 1.0}])
def test_a_calibration_of_other_evidence_is_refused(
    weights: dict[str, float], tmp_path: Path
) -> None:
    """One that was fitted by another version would leave evidence out, or ask for more."""
    replace(CALIBRATION, weights=weights).save(tmp_path / "calibration.json")
    with pytest.raises(CalibrationUnusable, match="of another version"):
        load_calibration(tmp_path / "calibration.json")


def test_a_calibration_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder that is a file ends in a message with the path."""
    (tmp_path / "folder").write_text("")
    with pytest.raises(CalibrationUnusable, match=r"calibration\.json cannot be written"):
        CALIBRATION.save(tmp_path / "folder" / "calibration.json")


def test_no_hits_are_no_answer() -> None:
    """Nothing found is not an answer."""
    assert judge([]) is Verdict.NOT_FOUND


@pytest.mark.parametrize(
    ("first", "verdict"),
    [
        (1.0, Verdict.ANSWER),
        (ANSWER_FROM, Verdict.ANSWER),
        (ANSWER_FROM - 0.01, Verdict.UNSURE),
        (UNSURE_FROM, Verdict.UNSURE),
        (UNSURE_FROM - 0.01, Verdict.NOT_FOUND),
    ],
)
def test_the_first_hit_decides(first: float, verdict: Verdict) -> None:
    """A later hit never makes an answer of a first one that is none."""
    assert judge([hit(first), hit(1.0)]) is verdict
