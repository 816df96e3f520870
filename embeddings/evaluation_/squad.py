"""Reads data sets in SQuAD's format: documents, paragraphs, questions, answers with offsets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation import describe
from knowledge.article import Article
from knowledge.language import detect_language

_PARAGRAPH_BREAK = "\n\n"


@dataclass(frozen=True, slots=True)
class MixedQuestion:
    """A question on a document of the mixed corpus.

    Attributes:
        text: The question.
        article: Slug of the document that it was asked on.
        answer_start: Where its answer starts in that article's body.
        answer: The answer, to the letter.
    """

    text: str
    article: str
    answer_start: int
    answer: str


@dataclass(frozen=True, slots=True)
class MixedSet:
    """A corpus of mixed languages, and questions on it in both languages."""

    articles: tuple[Article, ...]
    questions: tuple[MixedQuestion, ...]


def read_mixed_set(first: Path, second: Path) -> MixedSet:
    """Make the mixed set from two twin files in SQuAD's format.

    Of each document's twins the first file's is kept for even numbers, the second's for odd ones.

    Raises:
        QuestionsUnreadable: A file cannot be read, or the two are not twins.
    """
    articles, questions = [], []
    twins = [_read_documents(first), _read_documents(second)]
    if len(twins[0]) != len(twins[1]):
        raise QuestionsUnreadable(f"{first} and {second} are not the same documents.")
    for number, documents in enumerate(zip(*twins, strict=True)):
        kept = documents[number % 2]
        slug = f"document-{number:02}"
        articles.append(_article(slug, kept))
        answers = _answers(kept)
        questions += [
            MixedQuestion(entry.question, slug, *answers[entry.id])
            for document in documents
            for paragraph in document.paragraphs
            for entry in paragraph.qas
            if entry.id in answers
        ]
    return MixedSet(tuple(articles), tuple(questions))


def _read_documents(path: Path) -> list["_Document"]:
    try:
        return TypeAdapter(_DataSet).validate_json(path.read_bytes()).data
    except (OSError, ValidationError) as error:
        reason = describe(error)
        raise QuestionsUnreadable(f"{path} is no data set in SQuAD's format: {reason}.") from error


def _article(slug: str, document: "_Document") -> Article:
    body = _PARAGRAPH_BREAK.join(paragraph.context for paragraph in document.paragraphs)
    return Article(
        slug=slug,
        title=document.title.replace("_", " "),
        url=f"https://example.org/{slug}",
        body=body,
        publisher=None,
        language=detect_language(body),
        published=None,
    )


def _answers(document: "_Document") -> dict[str, tuple[int, str]]:
    """Return each question's answer by its id: where it starts in the article's body, and it."""
    answers = {}
    start = 0
    for paragraph in document.paragraphs:
        for entry in paragraph.qas:
            answer = entry.answers[0]
            answers[entry.id] = (start + answer.answer_start, answer.text)
        start += len(paragraph.context) + len(_PARAGRAPH_BREAK)
    return answers


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    answer_start: int


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    question: str
    answers: Annotated[list[_Answer], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Paragraph:
    context: str
    qas: list[_Entry]


@dataclass(frozen=True, slots=True)
class _Document:
    title: str
    paragraphs: list[_Paragraph]


@dataclass(frozen=True, slots=True)
class _DataSet:
    data: list[_Document]
