"""Is this hit an answer? A probability, fitted on questions with known answers.

No cut on a raw cosine can tell: those of the packaged model all lie between 0.76 and 0.87, and
the right cut differs by language pair. What is judged here are cosines from which the language has
been taken off on both sides, and what they say about an answer was fitted by logistic regression
(`embeddings.calibration`) on questions whose article was in the index or left out.
"""

import json
import math
from dataclasses import asdict, astuple, dataclass, fields
from functools import cache
from pathlib import Path

MINIMUM_CONFIDENCE = 0.15
"""From here on a hit is shown as an answer.

Far below one half on purpose: refusing what is known fails a person for certain, while a quote
that answers a neighbouring question is still true, sourced, and read in ten seconds.
"""

_CALIBRATION_FILE = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a hit: cosines from which the language is taken off on both sides.

    Attributes:
        passage_cosine: Of the question and the passage with its title, -1 to 1.
        sentence_cosine: Of the question and the passage's closest sentence, -1 to 1.
    """

    passage_cosine: float
    sentence_cosine: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights of a logistic regression on `Evidence`.

    Attributes:
        intercept: Log-odds where all evidence is 0.
        passage_cosine: Log-odds for each unit of that evidence.
        sentence_cosine: Log-odds for each unit of that evidence.
        model: Identity of the embedder that the evidence came from.
        fitted_on: The data, for people.
    """

    intercept: float
    passage_cosine: float
    sentence_cosine: float
    model: str
    fitted_on: str

    def probability(self, evidence: Evidence) -> float:
        """Return the probability that a hit with this evidence answers."""
        weights = (getattr(self, field.name) for field in fields(evidence))
        log_odds = self.intercept + sum(
            weight * value for weight, value in zip(weights, astuple(evidence), strict=True)
        )
        return 1 / (1 + math.exp(-log_odds))

    def save(self, path: Path = _CALIBRATION_FILE) -> None:
        """Write it where `load_calibration` reads it."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")


@cache
def load_calibration(path: Path = _CALIBRATION_FILE) -> Calibration:
    """Read the calibration that this package ships."""
    return Calibration(**json.loads(path.read_text("utf-8")))
