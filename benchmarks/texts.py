"""What all systems are given alike: passages to index, and questions about them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generated_articles import generate_articles
from benchmarks.orders import Asked, Text
from embeddings.evaluation.golden import read_golden
from embeddings.evaluation.question_sets import KnownQuestion, QuestionSet
from embeddings.evaluation.squad import ACROSS, SAME, read_mixed_set
from knowledge.article import Article
from knowledge.corpus import load_corpus
from knowledge.passages import split_article

_TWINS = ("xquad.en.json", "xquad.ru.json")
_PROJECT = Path(__file__).parents[1]
_OWN_QUESTIONS = _PROJECT / "tests" / "regression_questions.jsonl"
_OWN_ARTICLES = _PROJECT / "knowledge" / "articles"
_OTHER_ARTICLES = _PROJECT / "tests" / "quality_articles"


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts, and questions about them.

    Attributes:
        name: What they are, for people.
        texts: What is indexed.
        questions: What is asked; every one of them has an answer.
    """

    name: str
    texts: tuple[Text, ...]
    questions: tuple[Asked, ...]


def generated_texts(count: int) -> tuple[Text, ...]:
    """Make up so many passages in four languages."""
    passages = (text for article in generate_articles(count) for text in _texts([article]))
    return tuple(itertools.islice(passages, count))


def known_texts(folder: Path | None) -> Texts:
    """Read the mixed set from a folder, or if it isn't there take our own questions.

    Raises:
        QuestionsUnreadable: The files in the folder are not what they should be.
    """
    if folder is None or not all((folder / name).is_file() for name in _TWINS):
        return _own_texts()
    return _known(
        "the mixed set: XQuAD's documents, half in English and half in Russian, each asked about "
        "in both languages",
        read_mixed_set(*(folder / name for name in _TWINS)),
    )


def own_questions() -> list[str]:
    """Read the questions about the bot's own articles, in four languages."""
    articles = load_corpus(_OWN_ARTICLES).articles
    return [each.text for each in read_golden(_OWN_QUESTIONS, articles).questions]


def _own_texts() -> Texts:
    articles = [
        article
        for folder in (_OWN_ARTICLES, _OTHER_ARTICLES)
        for article in load_corpus(folder).articles
    ]
    return _known("our own questions on our own articles", read_golden(_OWN_QUESTIONS, articles))


def _known(name: str, question_set: QuestionSet) -> Texts:
    articles = question_set.articles
    passages = [passage for article in articles for passage in split_article(article)]
    languages = {article.slug: article.language for article in articles}
    questions = []
    for question in question_set.questions:
        right = tuple(n for n, passage in enumerate(passages) if question.is_right(passage))
        # A follow-up can't be asked of a system that answers each question by itself.
        if right and question.article and not question.after:
            across = _is_across(question, languages[question.article])
            questions.append(Asked(question.text, right, across))
    return Texts(name, tuple(_texts(articles)), tuple(questions))


def _is_across(question: KnownQuestion, language: str) -> bool:
    # The groups of our own questions are their languages.
    return (
        question.group == ACROSS
        if question.group in {SAME, ACROSS}
        else (question.group != language)
    )


def _texts(articles: Sequence[Article]) -> list[Text]:
    return [
        Text(article.title, passage.text, article.language)
        for article in articles
        for passage in split_article(article)
    ]
