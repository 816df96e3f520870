"""Questions that ask nearly the same are put together, whatever language they are in."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from embeddings.embedder import Embeddings, SentenceTransformerEmbedder
from embeddings.indexing import _language_means, reindex
from embeddings.question_groups import QuestionGroups, group_by_meaning
from embeddings.retriever import Retriever
from embeddings.stores.contract import LanguageMean
from embeddings.stores.sqlite import SqliteStore
from fixed_retriever import FixedRetriever
from knowledge.article import Article
from knowledge.corpus import Corpus
from word_embedder import WordEmbedder

EAST, NORTH = (1.0, 0.0), (0.0, 1.0)
BETWEEN = (0.7071, 0.7071)


def means(*question: float) -> dict[str, LanguageMean]:
    """Means of English and Russian that are the same."""
    mean = np.array(question, np.float32)
    return dict.fromkeys(("en", "ru"), LanguageMean(mean, mean, mean, mean))


def matrix(*rows: tuple[float, ...]) -> Embeddings:
    """Embeddings, a row each."""
    return np.array(rows, np.float32)


NOWHERE = means(0.0, 0.0)


@pytest.mark.parametrize(
    ("rows", "same_from", "groups"),
    [
        ([EAST], 0.5, [[0]]),
        ([EAST, NORTH], 0.5, [[0], [1]]),
        ([EAST, NORTH, EAST], 0.5, [[0, 2], [1]]),
        ([NORTH, EAST, EAST, NORTH], 0.5, [[0, 3], [1, 2]]),
        ([EAST, BETWEEN], 0.8, [[0], [1]]),
        ([EAST, EAST, EAST], 0.99, [[0, 1, 2]]),
    ],
)
def test_what_points_the_same_way_is_together(
    rows: list[tuple[float, float]], same_from: float, groups: list[list[int]]
) -> None:
    """Each question is in one group; the groups come in the order of their first ones."""
    # So many others around that the questions' own mean is near the general one.
    opposite = [(-x, -y) for x, y in rows]
    found = group_by_meaning(matrix(*rows, *opposite), ["en"] * 2 * len(rows), NOWHERE, same_from)
    ours = [[row for row in group if row < len(rows)] for group in found]
    assert [group for group in ours if group] == groups


def test_a_group_is_no_chain() -> None:
    """What is alike in the middle doesn't join two that aren't: all are like each other."""
    rows = [EAST, BETWEEN, NORTH]
    opposite = [(-x, -y) for x, y in rows]
    found = group_by_meaning(matrix(*rows, *opposite), ["en"] * 6, NOWHERE, 0.6)
    assert [0, 1, 2] not in found
    assert not any({0, 2} <= set(group) for group in found)


def test_the_mean_of_a_language_is_taken_off() -> None:
    """Questions in two languages are compared by what they ask, not by how each language lies."""
    russian = np.array([0.0, 0.0, 3.0], np.float32)
    mean = means(0.0, 0.0, 0.0) | {"ru": LanguageMean(*[russian] * 4)}
    rows = matrix((1, 0, 0), (0, 1, 0), (1, 0, 3), (0, 1, 3))
    assert group_by_meaning(rows, ["en", "en", "ru", "ru"], mean) == [[0, 2], [1, 3]]


def test_no_questions() -> None:
    """Nothing is in no group."""
    assert group_by_meaning(np.zeros((0, 2), np.float32), [], NOWHERE) == []
    assert QuestionGroups().groups(FixedRetriever()) == []


def test_batches_are_one() -> None:
    """Questions that were read apart come together."""
    index, reading = FixedRetriever(), QuestionGroups()
    reading.read(["What is a ticket?", "Where is the school?"], ["en", "en"], index)
    reading.read(["My ticket, please!"], ["en"], index)
    assert reading.groups(index) == [[0, 2], [1]]


def test_a_real_index(tmp_path: Path, make_article: Callable[..., Article]) -> None:
    """Its model reads the questions, and it knows the means of the languages."""
    embedder = WordEmbedder("ticket", "school", language_weight=1.0)
    article = make_article("ticket", "A ticket for the school bus.")
    reindex(Corpus((article,), ()), tmp_path / "index.db", embedder)
    with closing(SqliteStore.open(tmp_path / "index.db", embedder)) as store:
        index, reading = Retriever(store, embedder), QuestionGroups()
        state = index.state()
        assert (state.articles, state.passages) == (1, 1)
        assert state.reindexed_at is not None
        assert index.language_means().keys() == {"en", "ru", "kk", "ky"}
        reading.read(
            ["What is a ticket?", "Что это: ticket?", "Where is the school?"],
            ["en", "ru", "en"],
            index,
        )
        assert reading.groups(index) == [[0, 1], [2]]


def test_four_languages_with_the_real_model(
    packaged_embedder: SentenceTransformerEmbedder,
) -> None:
    """The same question in four languages is one group, and other questions aren't in it."""
    questions = {
        "How much does a bus ticket cost?": "en",
        "Сколько стоит билет на автобус?": "ru",
        "Автобусқа билет қанша тұрады?": "kk",
        "Автобус билети канча турат?": "ky",
        "Where can old batteries be handed in?": "en",
        "Кто мэр Бишкека?": "ru",
        "Көлдүн суусу эмнеге азайды?": "ky",
        "Ағаш отырғызу күні қашан болады?": "kk",
    }
    embeddings = packaged_embedder.embed_questions(list(questions)).embeddings
    groups = group_by_meaning(
        embeddings, list(questions.values()), _language_means(packaged_embedder)
    )
    assert groups == [[0, 1, 2, 3], [4], [5], [6], [7]]
