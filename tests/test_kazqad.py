"""KazQAD's format: contexts as articles, and the questions on them."""

import json
from pathlib import Path

import pytest

from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation.kazqad import read_kazqad
from embeddings.evaluation.question_sets import Kind, KnownQuestion
from knowledge.sentences import Span


def record(id_: str, context: str, question: str, *answers: tuple[str, int]) -> str:
    texts, starts = [text for text, _ in answers], [start for _, start in answers]
    return json.dumps(
        {
            "id": id_,
            "title": "Күн энергиясы",
            "context": context,
            "question": question,
            "answers": {"text": texts, "answer_start": starts},
        }
    )


def write(folder: Path, *records: str) -> Path:
    path = folder / "kk.jsonl"
    path.write_text("\n".join(records), "utf-8")
    return path


def test_contexts_become_articles(tmp_path: Path) -> None:
    """Blank ends of a context are cut off, and the answers' offsets moved along."""
    question_set = read_kazqad(
        write(tmp_path, record("a", "\n\nКүн жарық. Күн ыстық.\n", "Күн қандай?", ("ыстық", 17)))
    )
    assert question_set.kind is Kind.KAZQAD
    [article] = question_set.articles
    assert (article.title, article.body, article.language) == (
        "Күн энергиясы",
        "Күн жарық. Күн ыстық.",
        "kk",
    )
    assert question_set.questions == (
        KnownQuestion(
            id="a",
            text="Күн қандай?",
            group=None,
            cluster="Күн энергиясы",
            article=article.slug,
            answers=(Span(15, 20),),
            paragraph=Span(0, 21),
        ),
    )


def test_identical_contexts_are_one_article(tmp_path: Path) -> None:
    """Two questions on one context have the same article, a third on another has its own."""
    question_set = read_kazqad(
        write(
            tmp_path,
            record("a", "Жел күшті.", "Жел қандай?", ("күшті", 4)),
            "",
            record("b", "Жел күшті. ", "Не күшті?", ("Жел", 0), ("күшті", 4)),
            record("c", "Су таза.", "Су қандай?", ("таза", 3)),
        )
    )
    assert [article.body for article in question_set.articles] == ["Жел күшті.", "Су таза."]
    first, second, third = question_set.questions
    assert first.article == second.article != third.article
    assert second.answers == (Span(0, 3), Span(4, 9))


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        '{"id": "a"}',
        record("a", "Су таза.", "Су қандай?", ("таза", 2)),
        record("a", "   ", "Су қандай?", (" ", 0)),
        record("a", "Су таза.", "Су қандай?"),
        record("a", "Су таза.", "Су қандай?", ("таза", -1)),
        record("a", "Су таза.", "Су қандай?", ("таза", 3)).replace("[3]", "[3, 4]"),
    ],
)
def test_a_faulty_line_is_named(line: str, tmp_path: Path) -> None:
    """The message names the line and the file."""
    path = write(tmp_path, record("first", "Су таза.", "Су қандай?", ("таза", 3)), line)
    with pytest.raises(QuestionsUnreadable, match=r"Line 2 of .*kk\.jsonl"):
        read_kazqad(path)
