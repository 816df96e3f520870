"""Reads questions about one's own articles, and what their quotes must hold."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field

from embeddings.evaluation.question_sets import Kind, KnownQuestion, QuestionSet, read_lines
from knowledge.article import Article
from knowledge.sentences import Span

logger = logging.getLogger(__name__)

_EXAMPLE = (
    '{"question": "...", "language": "en", "article": "slug" or null, '
    '"quote_contains": ["..."] or null}'
)

_Text: TypeAlias = Annotated[str, Field(min_length=1)]


def read_golden(path: Path, articles: Sequence[Article]) -> QuestionSet:
    """Read questions with known answers, one JSON object a line.

    ``article`` is null where the bot must not answer; ``quote_contains`` lists texts of which the
    quote must hold one, and is null where the right article is enough. What the articles do not
    hold can't be found: such a question counts as wrong, with a warning. ``after`` may be there:
    the question that the same person asked before.

    Args:
        path: The file.
        articles: The corpus that the questions are about.

    Raises:
        QuestionsUnreadable: The file cannot be read, or a line is not such an object.
    """
    bodies = {article.slug: article.body for article in articles}
    questions = [
        _known_question(path, number, line, bodies)
        for number, line in read_lines(path, _Line, _EXAMPLE)
    ]
    return QuestionSet(Kind.GOLDEN, (path.name,), tuple(articles), tuple(questions))


@dataclass(frozen=True, slots=True)
class _Line:
    question: _Text
    language: _Text
    article: _Text | None
    quote_contains: tuple[_Text, ...] | None
    after: _Text | None = None


def _known_question(path: Path, number: int, line: _Line, bodies: dict[str, str]) -> KnownQuestion:
    answers = None
    if line.article is not None and line.quote_contains is not None:
        body = bodies.get(line.article, "")
        answers = tuple(span for part in line.quote_contains for span in _occurrences(part, body))
    if (line.article is not None and line.article not in bodies) or answers == ():
        logger.warning(
            "line %s of %s cannot be answered: no article %s holds what the quote must",
            *(number, path.name, line.article),
        )
    return KnownQuestion(
        id=f"line {number}",
        text=line.question,
        group=line.language,
        # Many are on one article, but three articles are too few to be the unit of an interval.
        cluster=f"line {number}",
        article=line.article,
        answers=answers,
        paragraph=None,
        after=line.after,
    )


def _occurrences(part: str, body: str) -> Iterator[Span]:
    start = body.find(part)
    while start >= 0:
        yield Span(start, start + len(part))
        start = body.find(part, start + 1)
