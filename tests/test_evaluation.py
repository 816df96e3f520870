"""Questions are asked, and what came of it is kept as a run."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from embeddings.confidence import load_calibration
from embeddings.errors import RunUnusable
from embeddings.evaluation.question_sets import Kind, KnownQuestion, QuestionSet
from embeddings.evaluation.runs import (
    Run,
    check_comparable,
    evaluate_set,
    read_run,
    run_to_json,
    save,
)
from knowledge.article import Article
from knowledge.sentences import Span
from word_embedder import WordEmbedder

GLACIER = "The glacier is long. The glacier lost ice."
SOLAR = "The solar panels are new. Nobody counted them."
EMBEDDER = WordEmbedder("glacier", "solar", "wind")
CALIBRATION = load_calibration()


def always(_: str) -> bool:
    return True


def question(id_: str, text: str, article: str | None, *answers: Span) -> KnownQuestion:
    return KnownQuestion(id_, text, None, id_, article, answers, None)


@pytest.fixture
def question_set(make_article: Callable[..., Article]) -> QuestionSet:
    """Two articles; the question on the wind is none that a word embedder can answer."""
    return QuestionSet(
        kind=Kind.MONOLINGUAL,
        files=("words.json",),
        articles=(make_article("glacier", GLACIER), make_article("solar", SOLAR)),
        questions=(
            question("a", "Which glacier is long?", "glacier", Span(0, 20)),
            question("b", "Where is solar power?", "solar", Span(0, 10)),
            question("c", "How is the glacier?", "solar", Span(0, 10)),
        ),
    )


@pytest.fixture
def run(question_set: QuestionSet) -> Run:
    return Run(
        date(2026, 3, 1), "words", (evaluate_set(question_set, EMBEDDER, CALIBRATION, always),)
    )


def test_each_question_is_asked_with_its_article_and_without(question_set: QuestionSet) -> None:
    """The right passage has its rank; left out, it has none and the question no answer."""
    outcomes = evaluate_set(question_set, EMBEDDER, CALIBRATION, always).outcomes
    asked = [(each.question, each.answerable, each.rank, each.right_article) for each in outcomes]
    assert asked == [
        ("a", True, 1, True),
        ("b", True, 1, True),
        ("c", True, 2, False),
        ("a", False, None, False),
        ("b", False, None, False),
        ("c", False, None, False),
    ]
    assert all(0 <= each.confidence <= 1 for each in outcomes)
    assert outcomes[0].confidence > outcomes[3].confidence


def test_quote_and_highlight_must_hold_the_answer(
    question_set: QuestionSet, make_article: Callable[..., Article]
) -> None:
    """An answer in another sentence is in no highlight; one of a wrong hit doesn't count."""
    questions = (
        question("inside", "How long is the glacier?", "glacier", Span(4, 11)),
        question("outside", "How long is the glacier?", "glacier", Span(21, 32)),
        question("wrong", "How long is the glacier?", "solar", Span(0, 1)),
    )
    body = "The glacier is long. Ice is cold. The moon is far."
    articles = (make_article("glacier", body), make_article("solar", SOLAR))
    kazqad = replace(question_set, kind=Kind.KAZQAD, articles=articles, questions=questions)
    found = evaluate_set(kazqad, EMBEDDER, CALIBRATION, always).outcomes
    assert [(each.in_quote, each.in_highlight) for each in found] == [
        (True, True),
        (True, False),
        (False, False),
    ]


def test_a_greeting_gets_no_hits(question_set: QuestionSet) -> None:
    """What the bot doesn't search for is not found, though the words would be."""
    golden = replace(question_set, kind=Kind.GOLDEN)
    first, second, _ = evaluate_set(
        golden, EMBEDDER, CALIBRATION, lambda text: "solar" not in text
    ).outcomes
    assert first.rank == 1
    assert (second.rank, second.confidence, second.verdict) == (None, 0.0, "not-found")


def test_a_question_without_answer_is_asked_once(question_set: QuestionSet) -> None:
    """Only sets that say so are asked with their articles left out."""
    questions = (*question_set.questions, question("d", "Which glacier is it?", None))
    golden = replace(question_set, kind=Kind.GOLDEN, questions=questions)
    assert [
        each.answerable for each in evaluate_set(golden, EMBEDDER, CALIBRATION, always).outcomes
    ] == [
        *(True, True, True),
        False,
    ]


def test_a_question_is_asked_after_the_one_before_it(question_set: QuestionSet) -> None:
    """What can't stand alone is found with the question that the same person asked before."""
    alone = question("alone", "How is it?", "solar", Span(0, 10))
    after = replace(alone, id="after", after="What is solar power?")
    golden = replace(question_set, kind=Kind.GOLDEN, questions=(alone, after))
    first, second = evaluate_set(golden, EMBEDDER, CALIBRATION, always).outcomes
    assert (first.rank, second.rank) == (2, 1)


def test_a_run_tells_its_sizes(run: Run) -> None:
    """How large the corpus was is part of what a figure means."""
    [found] = run.sets
    assert (found.articles, found.passages, found.questions) == (2, 2, 3)
    assert found.files == ("words.json",)
    first = found.figures[0]
    assert (first.measure, first.value, first.n) == ("right passage first (R@1)", 2 / 3, 3)


def test_a_saved_run_can_be_read(run: Run, tmp_path: Path) -> None:
    """All of it comes back; what people read in the file are plain names and numbers."""
    path = tmp_path / "new" / "run.json"
    save(run_to_json(run), path)
    assert read_run(path) == run
    assert [file.name for file in path.parent.iterdir()] == ["run.json"]
    fields = json.loads(path.read_text("utf-8"))
    assert (fields["date"], fields["model"]) == ("2026-03-01", "words")
    assert fields["sets"][0]["outcomes"][0]["verdict"] in {"answer", "unsure", "not-found"}


def test_a_run_of_the_same_questions_is_compared_with(question_set: QuestionSet, run: Run) -> None:
    """Against itself nothing differs; another set of questions has nothing to compare with."""
    again = evaluate_set(question_set, EMBEDDER, CALIBRATION, always, run)
    assert again.figures[0].earlier == again.figures[0].value
    assert again.figures[0].difference is not None
    assert again.figures[0].difference.low == again.figures[0].difference.high == 0
    other = replace(question_set, questions=question_set.questions[:2])
    assert evaluate_set(other, EMBEDDER, CALIBRATION, always, run).figures[0].earlier is None
    check_comparable(run, [other, question_set])
    with pytest.raises(RunUnusable, match=r"2026-03-01 \(words\.json\) is of other questions"):
        check_comparable(run, [other])


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff"])
def test_what_is_no_run_is_named(content: bytes, tmp_path: Path) -> None:
    """Another file ends in one sentence."""
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(RunUnusable, match=r"run\.json is no saved evaluation"):
        read_run(path)
    with pytest.raises(RunUnusable, match="No such file"):
        read_run(tmp_path / "nowhere.json")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where a folder is in the way, one sentence says so and nothing is left behind."""
    (tmp_path / "run.json").mkdir()
    with pytest.raises(RunUnusable, match=r"run\.json cannot be written"):
        save(b"content", tmp_path / "run.json")
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RunUnusable, match="cannot be written"):
        save(b"content", tmp_path / "file" / "run.json")
