"""The mixed set made from twin files, and the calibration that is fitted on it."""

import json
from pathlib import Path

import pytest

from embeddings.calibration import fit
from embeddings.confidence import Evidence
from embeddings.errors import QuestionsUnreadable
from embeddings.squad import MixedQuestion, read_mixed_set
from word_embedder import WordEmbedder

WORDS = ("glacier", "solar", "wind", "forest", "river", "waste", "ледник", "солнце")


def document(title: str, *paragraphs: tuple[str, str, str]) -> dict[str, object]:
    """Make a document of SQuAD's format from (context, question, answer)."""
    return {
        "title": title,
        "paragraphs": [
            {
                "context": context,
                "qas": [
                    {
                        "id": f"{title}-{number}",
                        "question": question,
                        "answers": [{"text": answer, "answer_start": context.index(answer)}],
                    }
                ],
            }
            for number, (context, question, answer) in enumerate(paragraphs)
        ],
    }


def write(path: Path, *documents: dict[str, object]) -> Path:
    path.write_text(json.dumps({"data": documents}), "utf-8")
    return path


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    english = [
        document(
            "Big_Ice",
            ("The ice is old.", "How is the ice?", "old"),
            ("The glacier lost 11 metres.", "How much did it lose?", "11 metres"),
        ),
        document("Sun", ("The sun is warm.", "How is the sun?", "warm")),
    ]
    russian = [
        document(
            "Big_Ice",
            ("Это старый лёд.", "Какой лёд?", "старый"),
            ("Ледник потерял 11 метров.", "Сколько он потерял?", "11 метров"),
        ),
        document("Sun", ("Это тёплое солнце.", "Какое солнце?", "тёплое")),
    ]
    return write(tmp_path / "en.json", *english), write(tmp_path / "ru.json", *russian)


def test_documents_alternate_between_the_languages(twins: tuple[Path, Path]) -> None:
    """The first document is English, the second Russian; titles lose their underscores."""
    articles = read_mixed_set(*twins).articles
    assert [(article.title, article.language) for article in articles] == [
        ("Big Ice", "en"),
        ("Sun", "ru"),
    ]
    assert articles[0].body == "The ice is old.\n\nThe glacier lost 11 metres."


def test_every_question_is_asked_in_both_languages(twins: tuple[Path, Path]) -> None:
    """Its answer is that of the twin in the corpus, with the offset in the article's body."""
    mixed_set = read_mixed_set(*twins)
    assert mixed_set.questions == (
        MixedQuestion("How is the ice?", "document-00", 11, "old"),
        MixedQuestion("How much did it lose?", "document-00", 34, "11 metres"),
        MixedQuestion("Какой лёд?", "document-00", 11, "old"),
        MixedQuestion("Сколько он потерял?", "document-00", 34, "11 metres"),
        MixedQuestion("How is the sun?", "document-01", 4, "тёплое"),
        MixedQuestion("Какое солнце?", "document-01", 4, "тёплое"),
    )
    bodies = {article.slug: article.body for article in mixed_set.articles}
    for question in mixed_set.questions:
        end = question.answer_start + len(question.answer)
        assert bodies[question.article][question.answer_start : end] == question.answer


@pytest.mark.parametrize("content", ["no json", "{}", "[]", '{"data": [{}, {}]}'])
def test_another_format_is_refused(content: str, twins: tuple[Path, Path], tmp_path: Path) -> None:
    """A file that is not of SQuAD's format is named."""
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(QuestionsUnreadable, match=r"other\.json"):
        read_mixed_set(tmp_path / "other.json", twins[1])


def test_files_that_are_no_twins_are_refused(twins: tuple[Path, Path], tmp_path: Path) -> None:
    """Different documents cannot be asked in each other's language."""
    other = write(tmp_path / "other.json", document("Sun", ("Warm.", "How?", "Warm")))
    with pytest.raises(QuestionsUnreadable, match="not the same documents"):
        read_mixed_set(twins[0], other)


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
    assert calibration.model == WordEmbedder(*WORDS).identity
    assert calibration.probability(Evidence(1, 1)) > 0.8
    assert calibration.probability(Evidence(0, 0)) < 0.2
