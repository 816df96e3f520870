"""Questions whose answers are known, and the articles that hold the answers."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from embeddings.errors import QuestionsUnreadable
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

_Line = TypeVar("_Line")


class Kind(StrEnum):
    """What a set of questions is made from, and so what can be measured on it."""

    GOLDEN = "golden"
    """Questions on articles that are somewhere else; some have no answer there."""
    MIXED = "mixed"
    """Two twin files in SQuAD's format: a corpus in two languages, all questions in both."""
    MONOLINGUAL = "monolingual"
    """One file in SQuAD's format."""
    KAZQAD = "kazqad"
    """Kazakh questions on contexts, a file in KazQAD's format."""

    @property
    def asks_without(self) -> bool:
        """Whether each question is also asked with its article left out, so that none answers.

        KazQAD's contexts come from longer texts, of which another context may answer as well.
        """
        return self in (Kind.MIXED, Kind.MONOLINGUAL)


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question and what answers it.

    Attributes:
        id: Unique within its set, and the same in every run.
        text: What is asked.
        group: Questions of a group have figures of their own; None in a set without groups.
        cluster: What it shares with other questions, such as their document: those of one
            cluster are not independent of each other.
        article: Slug of the article that answers, None if none does.
        answers: Spans of that article's body that each answer; None if the whole article does.
        paragraph: The paragraph that it was asked on, as a span of the body; None if not known.
        after: The question that the same person asked before, None if there is none.
    """

    id: str
    text: str
    group: str | None
    cluster: str
    article: str | None
    answers: tuple[Span, ...] | None
    paragraph: Span | None
    after: str | None = None

    def is_right(self, passage: Passage) -> bool:
        """Tell whether a passage answers.

        It does if it holds one of the answers; or if more than half of it lies in the paragraph
        that was asked on, which the splitter may have joined with others, or split.
        """
        if passage.article.slug != self.article:
            return False
        if self.is_answered_within(Span(passage.start, passage.end)):
            return True
        if self.paragraph is None:
            return False
        start = max(passage.start, self.paragraph.start)
        end = min(passage.end, self.paragraph.end)
        return 2 * (end - start) > passage.end - passage.start

    def is_answered_within(self, span: Span) -> bool:
        """Tell whether a span of the right article's body holds one of the answers."""
        return self.answers is None or any(
            span.start <= answer.start and answer.end <= span.end for answer in self.answers
        )


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions, and the corpus that they are asked about.

    Attributes:
        kind: What it is made from.
        files: Names of the files that it is made from.
        articles: The corpus.
        questions: At least one; no two have the same id.
    """

    kind: Kind
    files: tuple[str, ...]
    articles: tuple[Article, ...]
    questions: tuple[KnownQuestion, ...]

    def __post_init__(self) -> None:
        names = " and ".join(self.files)
        if not self.questions:
            raise QuestionsUnreadable(f"There are no questions in {names}.")
        ids = set()
        for question in self.questions:
            if question.id in ids:
                raise QuestionsUnreadable(f"Two questions in {names} have the id {question.id}.")
            ids.add(question.id)

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) over the corpus and the questions: only equal ones can be compared."""
        content = [
            [article.content_hash for article in self.articles],
            [_content(question) for question in self.questions],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _content(question: KnownQuestion) -> dict[str, object]:
    content = asdict(question)
    if question.after is None:
        # Runs that were saved before there was such a thing can still be compared with.
        del content["after"]
    return content


def read_lines(path: Path, line_type: type[_Line], example: str) -> Iterator[tuple[int, _Line]]:
    """Read a file of JSON objects, one a line; yields each with its number, from 1.

    Raises:
        QuestionsUnreadable: The file cannot be read, or a line is no such object; the message
            shows the example of one.
    """
    parser = TypeAdapter(line_type)
    # splitlines() would also split at U+2028, which JSON allows within a text.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, parser.validate_json(line)
        except ValidationError as error:
            raise QuestionsUnreadable(
                f"Line {number} of {path} is no question with a known answer: {describe(error)}. "
                f"It reads {example}."
            ) from error


def read_text(path: Path) -> str:
    """Read a file of questions.

    Raises:
        QuestionsUnreadable: The file is missing, may not be read, or is no text.
    """
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = describe(error)
        raise QuestionsUnreadable(f"The questions in {path} cannot be read: {reason}.") from error


def describe(error: OSError | UnicodeDecodeError | ValidationError) -> str:
    """Say in one line what is wrong with a file, and where in it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
