"""Reads KazQAD's format: a question, a context and its answers a line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field

from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation.question_sets import Kind, KnownQuestion, QuestionSet, read_lines
from knowledge.article import Article
from knowledge.sentences import Span, strip_span

_EXAMPLE = (
    '{"id": "...", "title": "...", "context": "...", "question": "...", '
    '"answers": {"text": ["..."], "answer_start": [0]}}'
)

_Text: TypeAlias = Annotated[str, Field(min_length=1)]


def read_kazqad(path: Path) -> QuestionSet:
    """Read Kazakh questions; each context becomes an article, identical ones the same.

    Some questions are asked on more than one context. As in the data, each time only that
    context is right, so that not all of them can be answered by the first hit.

    Raises:
        QuestionsUnreadable: The file cannot be read, or a line is not such a record.
    """
    articles: dict[str, Article] = {}
    questions = []
    for number, line in read_lines(path, _Line, _EXAMPLE):
        inner = strip_span(line.context, 0, len(line.context))
        if inner is None or not _answers_fit(line):
            raise QuestionsUnreadable(
                f"Line {number} of {path}: an answer is not where its answer_start says."
            )
        body = line.context[inner.start : inner.end]
        slug = f"context-{len(articles):04}"
        article = articles.setdefault(body, _article(slug, line.title, body))
        starts = [start - inner.start for start in line.answers.answer_start]
        questions.append(
            KnownQuestion(
                id=line.id,
                text=line.question,
                group=None,
                cluster=line.title,
                article=article.slug,
                answers=tuple(
                    Span(start, start + len(text))
                    for start, text in zip(starts, line.answers.text, strict=True)
                ),
                paragraph=Span(0, len(body)),
            )
        )
    return QuestionSet(Kind.KAZQAD, (path.name,), tuple(articles.values()), tuple(questions))


def _answers_fit(line: "_Line") -> bool:
    texts, starts = line.answers.text, line.answers.answer_start
    return len(texts) == len(starts) and all(
        line.context.startswith(text, start) for text, start in zip(texts, starts, strict=True)
    )


def _article(slug: str, title: str, body: str) -> Article:
    return Article(
        slug=slug,
        title=" ".join(title.split()),
        url=f"https://example.org/{slug}",
        body=body,
        publisher=None,
        language="kk",
        published=None,
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    text: Annotated[list[_Text], Field(min_length=1)]
    answer_start: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Line:
    id: _Text
    title: _Text
    context: _Text
    question: _Text
    answers: _Answers
