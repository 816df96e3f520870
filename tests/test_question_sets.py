"""Which passages answer a question, and which sets are the same."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from embeddings.evaluation.question_sets import Kind, KnownQuestion, QuestionSet
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

QUESTION = KnownQuestion(
    id="q",
    text="?",
    group=None,
    cluster="c",
    article="ice",
    answers=(Span(30, 40), Span(70, 75)),
    paragraph=Span(20, 60),
)


@pytest.fixture
def ice(make_article: Callable[..., Article]) -> Article:
    return make_article("ice", "x" * 100)


@pytest.mark.parametrize(
    ("start", "end", "right"),
    [
        (30, 40, True),  # the answer and nothing else
        (0, 100, True),  # the paragraph joined with others holds the answer
        (65, 80, True),  # another answer, outside the paragraph
        (31, 60, True),  # cuts the answer, but lies in the paragraph
        (45, 73, True),  # 15 of its 28 characters are of the paragraph
        (46, 74, False),  # 14 of 28, and cuts the other answer
        (59, 74, False),  # cuts one answer, holds no other
        (61, 70, False),
        (0, 20, False),
    ],
)
def test_a_passage_is_right_if_it_answers_or_is_of_the_paragraph(
    start: int, end: int, *, right: bool, ice: Article
) -> None:
    """It holds a whole answer, or more than half of it lies in the paragraph asked on."""
    assert QUESTION.is_right(Passage(ice, start, end, (Span(start, end),))) is right


def test_another_article_is_never_right(make_article: Callable[..., Article]) -> None:
    """The same offsets in another article are something else."""
    sun = make_article("sun", "x" * 100)
    assert not QUESTION.is_right(Passage(sun, 30, 40, (Span(30, 40),)))


def test_without_paragraph_only_the_answer_counts(ice: Article) -> None:
    """Where the paragraph isn't known, a passage must hold an answer."""
    question = replace(QUESTION, paragraph=None)
    assert question.is_right(Passage(ice, 30, 41, ()))
    assert not question.is_right(Passage(ice, 31, 60, ()))


def test_where_nothing_in_particular_answers_the_article_does(ice: Article) -> None:
    """None is the whole article; no span at all is nothing."""
    passage = Passage(ice, 0, 5, ())
    assert replace(QUESTION, answers=None, paragraph=None).is_right(passage)
    assert not replace(QUESTION, answers=(), paragraph=None).is_right(passage)


def test_only_equal_sets_have_the_same_hash(
    ice: Article, make_article: Callable[..., Article]
) -> None:
    """Another text of an article, another question or another answer is other data."""
    question_set = QuestionSet(Kind.MIXED, ("a", "b"), (ice,), (QUESTION,))
    others = [
        replace(question_set, articles=(make_article("ice", "y" * 100),)),
        replace(question_set, questions=(replace(QUESTION, text="What?"),)),
        replace(question_set, questions=(replace(QUESTION, answers=(Span(30, 41),)),)),
        replace(question_set, questions=(replace(QUESTION, after="Who?"),)),
    ]
    assert replace(question_set, files=("c", "d")).content_hash == question_set.content_hash
    assert len({question_set.content_hash, *(other.content_hash for other in others)}) == 5


def test_questions_without_one_before_hash_as_ever(ice: Article) -> None:
    """Runs that were saved before `after` was known can still be compared with."""
    answers = [{"start": 30, "end": 40}, {"start": 70, "end": 75}]
    question = {
        "id": "q",
        "text": "?",
        "group": None,
        "cluster": "c",
        "article": "ice",
        "answers": answers,
        "paragraph": {"start": 20, "end": 60},
    }
    content = json.dumps([[ice.content_hash], [question]])
    question_set = QuestionSet(Kind.MIXED, ("a", "b"), (ice,), (QUESTION,))
    assert question_set.content_hash == hashlib.sha256(content.encode()).hexdigest()
