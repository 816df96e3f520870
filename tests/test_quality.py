"""The real model's answers to questions of our own: quality must not fall.

The first questions are about the bot's own articles, the second about invented ones in all four
languages, which are in the index together with the bot's. Each is about another detail than the
others, most are asked in another language than the article's, many with a name in another script.
The last come after another question, in two files: follow-ups to it, and changes of the topic.
Hard ones stay though they fail: as many may fail as did when it was last measured, and one more.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from embeddings.confidence import Verdict
from embeddings.evaluation.golden import read_golden
from embeddings.evaluation.question_sets import KnownQuestion
from embeddings.retriever import Hit, Retriever, judge
from knowledge.passages import split_article
from quality_corpora import CHANGES_OF_TOPIC, FOLLOW_UPS, MIXED, OWN, RealRetriever, join_corpora


def ask(questions: Sequence[KnownQuestion], retriever: Retriever) -> list[list[Hit]]:
    return retriever.search_batch(
        [question.text for question in questions], after=[question.after for question in questions]
    )


def faults(question: KnownQuestion, hits: Sequence[Hit]) -> Iterator[str]:
    """Tell what went wrong with a question, each fault by its name."""
    verdict = judge(hits)
    if question.article is None:
        if verdict is Verdict.ANSWER:
            yield "false answer"
        return
    right_article = hits[0].passage.article.slug == question.article
    if not right_article:
        yield "wrong article"
    if not question.is_right(hits[0].passage):
        yield "wrong passage"
    if not (right_article and question.is_answered_within(hits[0].quote)):
        yield "wrong quote"
    if verdict is Verdict.NOT_FOUND:
        yield "false refusal"


@pytest.mark.parametrize(
    ("folders", "path", "allowed"),
    [
        (
            *OWN,
            {
                "wrong article": 2,
                "wrong passage": 4,
                "wrong quote": 4,
                "false answer": 3,
                "false refusal": 3,
            },
        ),
        (
            *MIXED,
            {
                "wrong article": 3,
                "wrong passage": 3,
                "wrong quote": 3,
                "false answer": 3,
                "false refusal": 6,
            },
        ),
        (
            *FOLLOW_UPS,
            {
                "wrong article": 10,
                "wrong passage": 11,
                "wrong quote": 13,
                "false answer": 5,
                "false refusal": 18,
            },
        ),
        (
            *CHANGES_OF_TOPIC,
            {
                "wrong article": 1,
                "wrong passage": 1,
                "wrong quote": 1,
                "false answer": 0,
                "false refusal": 5,
            },
        ),
    ],
    ids=["own articles", "mixed languages", "follow-ups", "changes of topic"],
)
def test_quality_does_not_fall(
    folders: Sequence[Path],
    path: Path,
    allowed: dict[str, int],
    real_retriever: RealRetriever,
) -> None:
    """No more questions fail in one way than are allowed to."""
    failed: dict[str, list[str]] = {name: [] for name in allowed}
    questions = read_golden(path, join_corpora(folders).articles).questions
    hits = ask(questions, real_retriever(tuple(folders)))
    for question, of_one in zip(questions, hits, strict=True):
        for fault in faults(question, of_one):
            failed[fault].append(question.text)
    worse = {name: texts for name, texts in failed.items() if len(texts) > allowed[name]}
    assert worse == {}


@pytest.mark.parametrize(
    ("folders", "path"),
    [OWN, MIXED, FOLLOW_UPS, CHANGES_OF_TOPIC],
    ids=["own articles", "mixed languages", "follow-ups", "changes of topic"],
)
def test_questions_can_be_answered(folders: Sequence[Path], path: Path) -> None:
    """What a quote must hold stands in a passage of the article, to the letter."""
    articles = join_corpora(folders).articles
    passages = {article.slug: split_article(article) for article in articles}
    for question in read_golden(path, articles).questions:
        if question.article is not None:
            assert any(map(question.is_right, passages[question.article])), question.text
