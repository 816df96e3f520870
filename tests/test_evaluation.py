"""Evaluation: the figures, worked out by hand."""

from pathlib import Path

import pytest

from embeddings.confidence import Evidence
from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation import (
    Figures,
    KnownQuestion,
    Outcome,
    evaluate,
    read_questions,
)
from embeddings.retriever import Hit
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span


def outcome(slug: str | None, text: str = "", *, answered: bool) -> Outcome:
    if slug is None:
        return Outcome(answered, ())
    article = Article(slug, slug, "https://example.org", text, None, "en", None)
    span = Span(0, len(text))
    hit = Hit(Passage(article, 0, len(text), (span,)), span, 1.0, Evidence(0, 0), 0.5)
    return Outcome(answered, (hit,))


def known(
    article: str | None, contains: tuple[str, ...] | None = None, language: str = "en"
) -> KnownQuestion:
    return KnownQuestion("?", language, article, contains)


def test_figures_count_what_they_say() -> None:
    """Each question counts where its definition says: a refusal is wrong for answer_at_1 only."""
    questions_and_outcomes = [
        (known("ice", ("11 metres", "eleven")), outcome("ice", "It lost eleven", answered=True)),
        (known("ice", ("11 metres",)), outcome("ice", "Other words", answered=True)),
        (known("ice", ("11 metres",)), outcome("sun", "11 metres", answered=True)),
        (known("ice", ("11 metres",)), outcome("ice", "11 metres", answered=False)),
        (known("ice"), outcome("ice", "Anything", answered=True)),
        (known(None), outcome("ice", "Anything", answered=True)),
        (known(None), outcome("ice", "Anything", answered=False)),
        (known(None), outcome(None, answered=False)),
    ]
    questions, outcomes = zip(*questions_and_outcomes, strict=True)
    assert evaluate(questions, outcomes).overall == Figures(
        answerable=5,
        unanswerable=3,
        answer_at_1=2 / 5,
        article_at_1=3 / 5,
        retrieval_at_1=3 / 5,
        false_answers=1 / 3,
        false_refusals=1 / 5,
    )


def test_figures_are_also_given_by_language() -> None:
    """A language has its own figures; None where nothing of the kind was asked in it."""
    evaluation = evaluate(
        [known("ice", language="kk"), known(None, language="ky")],
        [outcome("ice", "x", answered=True), outcome("ice", "x", answered=True)],
    )
    assert evaluation.by_language["kk"] == Figures(1, 0, 1.0, 1.0, 1.0, None, 0.0)
    assert evaluation.by_language["ky"] == Figures(0, 1, None, None, None, 1.0, None)


def test_questions_are_read_line_by_line(tmp_path: Path) -> None:
    """Blank lines are passed over; null means what the README of the format says."""
    path = tmp_path / "questions.jsonl"
    path.write_text(
        '{"question": "Қанша?", "language": "kk", "article": "ice", "quote_contains": ["11"]}\n'
        "\n"
        '{"question": "hi", "language": "en", "article": null, "quote_contains": null}\n',
        "utf-8",
    )
    assert read_questions(path) == [
        KnownQuestion("Қанша?", "kk", "ice", ("11",)),
        KnownQuestion("hi", "en", None, None),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"question": "Q"}',
        '{"question": "Q", "language": "en", "article": 3, "quote_contains": null}',
        '{"question": "Q", "language": "en", "article": "a", "quote_contains": "text"}',
        '{"question": "", "language": "en", "article": null, "quote_contains": null}',
    ],
)
def test_a_wrong_line_is_named(line: str, tmp_path: Path) -> None:
    """The message names the line and the file, and shows what a good line looks like."""
    path = tmp_path / "questions.jsonl"
    path.write_text(
        '{"question": "Q", "language": "en", "article": null, "quote_contains": null}\n' + line
    )
    with pytest.raises(QuestionsUnreadable, match=r'Line 2 of .*questions\.jsonl.*"language"'):
        read_questions(path)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe"])
def test_a_file_without_questions_is_refused(content: bytes, tmp_path: Path) -> None:
    """An empty file, or one that is not text, is an error and not a perfect score."""
    path = tmp_path / "questions.jsonl"
    path.write_bytes(content)
    with pytest.raises(QuestionsUnreadable, match="questions"):
        read_questions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that does not exist ends in one sentence."""
    with pytest.raises(QuestionsUnreadable, match=r"nowhere\.jsonl"):
        read_questions(tmp_path / "nowhere.jsonl")
