"""Is this hit an answer? A probability, fitted on questions with known answers.

No cut on a raw cosine can tell: those of the packaged model all lie between 0.76 and 0.87, and
the right cut differs by language pair. What is judged here are cosines from which the language has
been taken off on both sides, and what they say about an answer was fitted by logistic regression
(`embeddings.calibration`) on questions whose article was in the index or left out.
"""

import json
import math
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from embeddings.errors import CalibrationUnusable

ANSWER_FROM = 0.75
"""From this confidence on a hit is shown as the answer."""

UNSURE_FROM = 0.1
"""From here on a hit is shown as the closest passage, with the words that it may not answer."""

PACKAGED_CALIBRATION = Path(__file__).with_name("calibration.json")


class Verdict(StrEnum):
    """What the first hit is shown as."""

    ANSWER = "answer"
    UNSURE = "unsure"
    NOT_FOUND = "not-found"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a hit; the language is taken off all that is compared.

    Attributes:
        sentence_cosine: Of the question and the passage's closest sentence, -1 to 1.
        tokens: Mean over the question's tokens of the cosine with the passage's likest token.
        words: Share of the question's words in the passage, 0 across languages.
        own_language: 1 if the passage is in the question's language, else 0.
        names: Share of the question's words that the passage has spelt alike, 0 within a language.
    """

    sentence_cosine: float
    tokens: float
    words: float
    own_language: float
    names: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression on `Evidence`.

    Attributes:
        intercept: Log-odds where all evidence is 0.
        weights: Log-odds for each unit of the evidence of that name.
        model: `Embedder.model` of what the evidence came from.
        fitted_on: The data, for people.
    """

    intercept: float
    weights: dict[str, float]
    model: str
    fitted_on: str

    def probability(self, evidence: Evidence) -> float:
        """Return the probability that a hit with this evidence answers."""
        log_odds = self.intercept + sum(
            weight * getattr(evidence, name) for name, weight in self.weights.items()
        )
        return 1 / (1 + math.exp(-log_odds))

    def cautious(self, evidence: Evidence) -> float:
        """Return a probability for a model that this was not fitted for: never sure of a hit.

        Cosines of other models lie elsewhere; what is found is shown, but as unsure.
        """
        return min(self.probability(evidence), math.nextafter(ANSWER_FROM, 0))

    def save(self, path: Path) -> None:
        """Write it where `load_calibration` reads it.

        Raises:
            CalibrationUnusable: The file cannot be written.
        """
        beside = path.with_name(f"{path.name}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")
            beside.replace(path)
        except OSError as error:
            raise CalibrationUnusable(f"{path} cannot be written: {error.strerror}.") from error


def load_calibration(path: Path = PACKAGED_CALIBRATION) -> Calibration:
    """Read a calibration, by default the one that this package ships.

    Raises:
        CalibrationUnusable: The file cannot be read, or is none of this version.
    """
    try:
        calibration = TypeAdapter(Calibration).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise CalibrationUnusable(
            f"The calibration {path} cannot be read. Remove it, or fit it anew: "
            "python -m bot calibrate FIRST.json SECOND.json"
        ) from error
    if calibration.weights.keys() != {field.name for field in fields(Evidence)}:
        raise CalibrationUnusable(
            f"The calibration {path} is of another version. Remove it, or fit it anew: "
            "python -m bot calibrate FIRST.json SECOND.json"
        )
    return calibration
