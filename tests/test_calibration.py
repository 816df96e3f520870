"""The calibration that is fitted on a mixed set."""

from dataclasses import fields
from pathlib import Path

from embeddings.calibration import fit
from embeddings.confidence import Evidence
from embeddings.evaluation.squad import read_mixed_set
from squad_files import document, write
from word_embedder import WordEmbedder

WORDS = ("glacier", "solar", "wind", "forest", "river", "waste", "ледник", "солнце")


def evidence(like: float) -> Evidence:
    """A passage in the question's language, which is like it in all other ways or in none."""
    return Evidence(sentence_cosine=like, tokens=like, words=like, own_language=1.0, names=0.0)


def test_the_fit_trusts_what_comes_with_answers(tmp_path: Path) -> None:
    """Hits close to the question become likely answers, distant ones unlikely ones."""
    texts = [
        document(
            word,
            *(
                (f"The {word} number {i} is {word}.", f"Which {word} is {word}?", word)
                for i in range(3)
            ),
        )
        for word in WORDS[:6]
    ]
    path = write(tmp_path / "words.json", *texts)
    calibration = fit(read_mixed_set(path, path), WordEmbedder(*WORDS), "words")
    assert calibration.fitted_on == "words"
    assert calibration.model == WordEmbedder(*WORDS).model
    assert calibration.weights.keys() == {field.name for field in fields(Evidence)}
    assert calibration.probability(evidence(like=1.0)) > 0.8
    assert calibration.probability(evidence(like=0.0)) < 0.2
