"""Questions with known answers -> figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from embeddings.errors import QuestionsUnreadable
from embeddings.retriever import Hit

Text: TypeAlias = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question and what must answer it.

    Attributes:
        question: What is asked.
        language: The language it is asked in, ISO 639-1.
        article: Slug of the article that answers, or None if none does.
        quote_contains: The quote must hold one of these; None if the right article is enough.
    """

    question: Text
    language: Text
    article: Text | None
    quote_contains: tuple[Text, ...] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a question got: the hits, and whether the first was shown as the answer."""

    answered: bool
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """How well a set of questions was answered: shares from 0 to 1, None if nothing was asked.

    Attributes:
        answerable: How many questions have an answer.
        unanswerable: How many have none.
        answer_at_1: Answerable questions whose first quote holds what it must. A refused one
            counts as wrong.
        article_at_1: Answerable questions whose first quote is of the right article, likewise.
        retrieval_at_1: Answerable questions whose first hit holds what it must, refused or not.
        false_answers: Unanswerable questions that were answered.
        false_refusals: Answerable questions that were refused.
    """

    answerable: int
    unanswerable: int
    answer_at_1: float | None
    article_at_1: float | None
    retrieval_at_1: float | None
    false_answers: float | None
    false_refusals: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of all questions, and of each language's."""

    overall: Figures
    by_language: dict[str, Figures]


def read_questions(path: Path) -> list[KnownQuestion]:
    """Read questions with known answers, one JSON object a line.

    Raises:
        QuestionsUnreadable: The file cannot be read, or a line is not such an object.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = describe(error)
        raise QuestionsUnreadable(f"The questions in {path} cannot be read: {reason}.") from error
    parser = TypeAdapter(KnownQuestion)
    questions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            questions.append(parser.validate_json(line))
        except ValidationError as error:
            raise QuestionsUnreadable(
                f"Line {number} of {path} is no question with a known answer: {describe(error)}. "
                'It reads {"question": "...", "language": "en", "article": "slug" or null, '
                '"quote_contains": ["..."] or null}.'
            ) from error
    if not questions:
        raise QuestionsUnreadable(f"There are no questions in {path}.")
    return questions


def describe(error: OSError | UnicodeDecodeError | ValidationError) -> str:
    """Say in one line what is wrong with a file, and where in it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def evaluate(questions: Sequence[KnownQuestion], outcomes: Sequence[Outcome]) -> Evaluation:
    """Compare what the questions got with what they should have got."""
    pairs = list(zip(questions, outcomes, strict=True))
    languages = sorted({question.language for question in questions})
    return Evaluation(
        overall=_figures(pairs),
        by_language={
            language: _figures([pair for pair in pairs if pair[0].language == language])
            for language in languages
        },
    )


def _figures(pairs: Sequence[tuple[KnownQuestion, Outcome]]) -> Figures:
    answerable = [pair for pair in pairs if pair[0].article is not None]
    unanswerable = [outcome for question, outcome in pairs if question.article is None]
    return Figures(
        answerable=len(answerable),
        unanswerable=len(unanswerable),
        answer_at_1=_share([o.answered and _is_right(q, o) for q, o in answerable]),
        article_at_1=_share([o.answered and _is_right_article(q, o) for q, o in answerable]),
        retrieval_at_1=_share([_is_right(q, o) for q, o in answerable]),
        false_answers=_share([outcome.answered for outcome in unanswerable]),
        false_refusals=_share([not outcome.answered for _, outcome in answerable]),
    )


def _share(successes: Sequence[bool]) -> float | None:
    return sum(successes) / len(successes) if successes else None


def _is_right_article(question: KnownQuestion, outcome: Outcome) -> bool:
    return bool(outcome.hits) and outcome.hits[0].passage.article.slug == question.article


def _is_right(question: KnownQuestion, outcome: Outcome) -> bool:
    if not _is_right_article(question, outcome):
        return False
    quote = outcome.hits[0].passage.text
    return question.quote_contains is None or any(
        part in quote for part in question.quote_contains
    )
