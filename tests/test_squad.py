"""SQuAD's format: the mixed set made from twin files, and the set made from one."""

import json
from pathlib import Path

import pytest

from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation.question_sets import Kind, KnownQuestion
from embeddings.evaluation.squad import read_mixed_set, read_monolingual_set
from knowledge.sentences import Span
from squad_files import document, write, write_twins


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    return write_twins(tmp_path)


def test_documents_alternate_between_the_languages(twins: tuple[Path, Path]) -> None:
    """The first document is English, the second Russian; titles lose their underscores."""
    mixed_set = read_mixed_set(*twins)
    assert mixed_set.kind is Kind.MIXED
    assert mixed_set.files == ("en.json", "ru.json")
    assert [(article.title, article.language) for article in mixed_set.articles] == [
        ("Big Ice", "en"),
        ("Sun", "ru"),
    ]
    assert mixed_set.articles[0].body == "The ice is old.\n\nThe glacier lost 11 metres."


def test_every_question_is_asked_in_both_languages(twins: tuple[Path, Path]) -> None:
    """Its answer is that of the twin in the corpus; the other twin's language is across."""
    same, across = "same language", "across languages"
    zero, one = "document-00", "document-01"
    old, metres, warm = (Span(11, 14),), (Span(34, 43),), (Span(4, 10),)
    first, second, only = Span(0, 15), Span(17, 44), Span(0, 18)
    assert read_mixed_set(*twins).questions == (
        KnownQuestion("Big_Ice-0/1", "How is the ice?", same, zero, zero, old, first),
        KnownQuestion("Big_Ice-1/1", "How much did it lose?", same, zero, zero, metres, second),
        KnownQuestion("Big_Ice-0/2", "Какой лёд?", across, zero, zero, old, first),
        KnownQuestion("Big_Ice-1/2", "Сколько он потерял?", across, zero, zero, metres, second),
        KnownQuestion("Sun-0/1", "How is the sun?", across, one, one, warm, only),
        KnownQuestion("Sun-0/2", "Какое солнце?", same, one, one, warm, only),
    )


def test_one_file_is_asked_as_it_is(twins: tuple[Path, Path]) -> None:
    """All of its documents are the corpus, and all of its questions are asked, without groups."""
    question_set = read_monolingual_set(twins[1])
    assert question_set.kind is Kind.MONOLINGUAL
    assert [article.language for article in question_set.articles] == ["ru", "ru"]
    assert [(each.id, each.text, each.group) for each in question_set.questions] == [
        ("Big_Ice-0", "Какой лёд?", None),
        ("Big_Ice-1", "Сколько он потерял?", None),
        ("Sun-0", "Какое солнце?", None),
    ]
    [*_, last] = question_set.questions
    assert (last.article, last.answers, last.paragraph) == (
        "document-01",
        (Span(4, 10),),
        Span(0, 18),
    )


def test_questions_on_one_document_only_are_their_own_clusters(tmp_path: Path) -> None:
    """With a single document there is no other one to tell by how much documents differ."""
    one = write(
        tmp_path / "one.json", document("Sun", ("Warm.", "How?", "Warm"), ("X.", "Y?", "X"))
    )
    assert [each.cluster for each in read_monolingual_set(one).questions] == ["Sun-0", "Sun-1"]


def test_an_answer_given_twice_counts_once(tmp_path: Path) -> None:
    """Several people's answers each answer; equal ones are one."""
    sun = document("Sun", ("The sun is warm.", "How is the sun?", "warm"))
    answers = [
        {"text": "warm", "answer_start": 11},
        {"text": "warm", "answer_start": 11},
        {"text": "is warm", "answer_start": 8},
    ]
    sun["paragraphs"][0]["qas"][0]["answers"] = answers  # type: ignore[index]
    [question] = read_monolingual_set(write(tmp_path / "sun.json", sun)).questions
    assert question.answers == (Span(11, 15), Span(8, 15))


@pytest.mark.parametrize("content", ["no json", "{}", "[]", '{"data": [{}, {}]}'])
def test_another_format_is_refused(content: str, twins: tuple[Path, Path], tmp_path: Path) -> None:
    """A file that is not of SQuAD's format is named."""
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(QuestionsUnreadable, match=r"other\.json"):
        read_mixed_set(tmp_path / "other.json", twins[1])


def test_a_misplaced_answer_is_refused(twins: tuple[Path, Path]) -> None:
    """An offset that doesn't lead to the answer would make all figures wrong."""
    content = json.loads(twins[0].read_text("utf-8"))
    content["data"][1]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] = 3
    twins[0].write_text(json.dumps(content), "utf-8")
    with pytest.raises(QuestionsUnreadable, match=r"en\.json: an answer to the question Sun-0"):
        read_monolingual_set(twins[0])


@pytest.mark.parametrize(
    "documents",
    [
        [document("Sun", ("Warm.", "How?", "Warm"))],
        [
            document("Big_Ice", ("Old.", "How?", "Old")),
            document("Sun", ("Warm.", "How?", "Warm")),
        ],
    ],
    ids=["fewer documents", "fewer questions"],
)
def test_files_that_are_no_twins_are_refused(
    documents: list[dict[str, object]], twins: tuple[Path, Path], tmp_path: Path
) -> None:
    """Different questions cannot be asked in each other's language."""
    other = write(tmp_path / "other.json", *documents)
    with pytest.raises(QuestionsUnreadable, match="not the same documents and questions"):
        read_mixed_set(twins[0], other)


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([], r"no questions in empty\.json"),
        ([document("Sun", ("X.", "Y?", "X"))] * 2, r"Two questions in empty\.json .* id Sun-0"),
    ],
)
def test_questions_must_be_there_and_be_distinct(
    documents: list[dict[str, object]], message: str, tmp_path: Path
) -> None:
    """An empty set is no perfect score, and a run tells questions apart by their ids."""
    with pytest.raises(QuestionsUnreadable, match=message):
        read_monolingual_set(write(tmp_path / "empty.json", *documents))
