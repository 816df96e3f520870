"""Questions about one's own articles, one JSON object a line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation.golden import read_golden
from embeddings.evaluation.question_sets import Kind, KnownQuestion
from knowledge.article import Article
from knowledge.sentences import Span


def write(folder: Path, *lines: tuple[str, str, str | None, list[str] | None]) -> Path:
    names = ("question", "language", "article", "quote_contains")
    path = folder / "questions.jsonl"
    path.write_text(
        "\n\n".join(json.dumps(dict(zip(names, line, strict=True))) for line in lines), "utf-8"
    )
    return path


@pytest.fixture
def ice(make_article: Callable[..., Article]) -> Article:
    return make_article("ice", "It lost 11 metres. Yes, 11 metres, or eleven.")


def test_questions_are_read_line_by_line(ice: Article, tmp_path: Path) -> None:
    """Each place where the article holds one of the texts is an answer; null is the whole one."""
    path = write(
        tmp_path,
        ("Қанша?", "kk", "ice", ["11 metres", "eleven"]),
        ("What about the ice?", "en", "ice", None),
        ("hi", "en", None, None),
    )
    question_set = read_golden(path, [ice])
    assert question_set.kind is Kind.GOLDEN
    assert question_set.articles == (ice,)
    eleven = (Span(8, 17), Span(24, 33), Span(38, 44))
    assert question_set.questions == (
        KnownQuestion("line 1", "Қанша?", "kk", "line 1", "ice", eleven, None),
        KnownQuestion("line 3", "What about the ice?", "en", "line 3", "ice", None, None),
        KnownQuestion("line 5", "hi", "en", "line 5", None, None, None),
    )


def test_a_question_may_come_after_another(tmp_path: Path) -> None:
    """`after` is what the same person asked before; most lines have none."""
    path = tmp_path / "questions.jsonl"
    path.write_text(
        '{"after": "Who?", "question": "Why?", "language": "en", "article": null, '
        '"quote_contains": null}\n'
        '{"question": "Who?", "language": "en", "article": null, "quote_contains": null}\n'
    )
    assert [each.after for each in read_golden(path, []).questions] == ["Who?", None]


def test_a_line_ends_at_a_line_feed_only(tmp_path: Path) -> None:
    """JSON may hold other separators of lines within a text."""
    path = tmp_path / "questions.jsonl"
    path.write_text(
        '{"question": "Who\u2028knows?", "language": "en", "article": null, '
        '"quote_contains": null}\r\n',
        "utf-8",
    )
    assert [each.text for each in read_golden(path, []).questions] == ["Who\u2028knows?"]


@pytest.mark.parametrize(
    ("article", "contains"), [("ice", ["12 metres"]), ("sun", ["11 metres"]), ("sun", None)]
)
def test_what_no_article_holds_is_a_warning(
    article: str,
    contains: list[str] | None,
    ice: Article,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Such a question stays and counts as wrong: an article that is gone can't be found."""
    path = write(tmp_path, ("How much?", "en", article, contains))
    [question] = read_golden(path, [ice]).questions
    assert question.article == article
    assert question.answers == (() if contains else None)
    [record] = caplog.records
    assert "line 1 of questions.jsonl" in record.getMessage()
    assert article in record.getMessage()


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"question": "Q"}',
        '{"question": "Q", "language": "en", "article": 3, "quote_contains": null}',
        '{"question": "Q", "language": "en", "article": "a", "quote_contains": "text"}',
        '{"question": "", "language": "en", "article": null, "quote_contains": null}',
        '{"after": "", "question": "Q", "language": "en", "article": null, '
        '"quote_contains": null}',
    ],
)
def test_a_wrong_line_is_named(line: str, tmp_path: Path) -> None:
    """The message names the line and the file, and shows what a good line looks like."""
    path = tmp_path / "questions.jsonl"
    path.write_text(
        '{"question": "Q", "language": "en", "article": null, "quote_contains": null}\n' + line
    )
    with pytest.raises(QuestionsUnreadable, match=r'Line 2 of .*questions\.jsonl.*"language"'):
        read_golden(path, [])
