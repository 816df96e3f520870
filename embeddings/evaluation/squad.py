"""Reads data sets in SQuAD's format: documents, paragraphs, questions, answers with offsets."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation.question_sets import (
    Kind,
    KnownQuestion,
    QuestionSet,
    describe,
    read_text,
)
from knowledge.article import Article
from knowledge.language import detect_language
from knowledge.sentences import Span

SAME, ACROSS = "same language", "across languages"
"""Groups of a mixed set: asked in the language of the article that answers, or in the other."""

_PARAGRAPH_BREAK = "\n\n"


def read_mixed_set(first: Path, second: Path) -> QuestionSet:
    """Make the mixed set from two twin files: the same documents and questions, two languages.

    Of each document's twins the first file's is kept for even numbers (from 0), the second's for
    odd ones. Every question is asked in both languages.

    Raises:
        QuestionsUnreadable: A file cannot be read, or the two are not twins.
    """
    twins = [_read_documents(path) for path in (first, second)]
    if [_ids(document) for document in twins[0]] != [_ids(document) for document in twins[1]]:
        raise QuestionsUnreadable(
            f"{first} and {second} are not the same documents and questions in two languages. "
            "Give twin files, or one file at a time."
        )
    articles, questions = [], []
    for number, documents in enumerate(zip(*twins, strict=True)):
        kept = documents[number % 2]
        article = _article(number, kept)
        articles.append(article)
        gold = _gold(kept)
        questions += [
            KnownQuestion(
                id=f"{entry.id}/{file + 1}",
                text=entry.question,
                group=SAME if file == number % 2 else ACROSS,
                cluster=article.slug,
                article=article.slug,
                answers=gold[entry.id].answers,
                paragraph=gold[entry.id].paragraph,
            )
            for file, document in enumerate(documents)
            for entry in _entries(document)
        ]
    names = (first.name, second.name)
    return QuestionSet(Kind.MIXED, names, tuple(articles), tuple(questions))


def read_monolingual_set(path: Path) -> QuestionSet:
    """Read one file: its documents are the corpus, and its questions are asked as they are.

    Raises:
        QuestionsUnreadable: The file cannot be read.
    """
    documents = _read_documents(path)
    articles = [_article(number, document) for number, document in enumerate(documents)]
    questions = []
    for article, document in zip(articles, documents, strict=True):
        gold = _gold(document)
        questions += [
            KnownQuestion(
                id=entry.id,
                text=entry.question,
                group=None,
                # One document says nothing about how documents differ.
                cluster=article.slug if len(documents) > 1 else entry.id,
                article=article.slug,
                answers=gold[entry.id].answers,
                paragraph=gold[entry.id].paragraph,
            )
            for entry in _entries(document)
        ]
    return QuestionSet(Kind.MONOLINGUAL, (path.name,), tuple(articles), tuple(questions))


def _read_documents(path: Path) -> list["_Document"]:
    try:
        documents = TypeAdapter(_DataSet).validate_json(read_text(path)).data
    except ValidationError as error:
        reason = describe(error)
        raise QuestionsUnreadable(f"{path} is no data set in SQuAD's format: {reason}.") from error
    misplaced = [
        entry.id
        for document in documents
        for paragraph in document.paragraphs
        for entry in paragraph.qas
        for answer in entry.answers
        if not paragraph.context.startswith(answer.text, answer.answer_start)
    ]
    if misplaced:
        raise QuestionsUnreadable(
            f"{path}: an answer to the question {misplaced[0]} is not where its answer_start says."
        )
    return documents


def _ids(document: "_Document") -> list[list[str]]:
    return [[entry.id for entry in paragraph.qas] for paragraph in document.paragraphs]


def _entries(document: "_Document") -> list["_Entry"]:
    return [entry for paragraph in document.paragraphs for entry in paragraph.qas]


def _article(number: int, document: "_Document") -> Article:
    slug = f"document-{number:02}"
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


@dataclass(frozen=True, slots=True)
class _Gold:
    """Where a question is answered in its article's body."""

    answers: tuple[Span, ...]
    paragraph: Span


def _gold(document: "_Document") -> dict[str, _Gold]:
    """Return what answers each question, by the question's id."""
    lengths = [len(paragraph.context) for paragraph in document.paragraphs]
    steps = [length + len(_PARAGRAPH_BREAK) for length in lengths]
    return {
        entry.id: _Gold(
            answers=_spans(start, entry.answers), paragraph=Span(start, start + length)
        )
        for paragraph, start, length in zip(
            document.paragraphs, accumulate([0, *steps]), lengths, strict=False
        )
        for entry in paragraph.qas
    }


def _spans(start: int, answers: Sequence["_Answer"]) -> tuple[Span, ...]:
    """Return the answers to a question on the paragraph that starts there, each one once."""
    return tuple(
        dict.fromkeys(
            Span(start + answer.answer_start, start + answer.answer_start + len(answer.text))
            for answer in answers
        )
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    text: Annotated[str, Field(min_length=1)]
    answer_start: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    question: Annotated[str, Field(min_length=1)]
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
