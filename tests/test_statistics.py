"""What is known of all passages together, by which some of them can be judged alone."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from embeddings.dates import DateWish
from embeddings.indexing import reindex
from embeddings.lexical import Frequencies, idf
from embeddings.ranking import Asked, Ranked, Ranking, Search
from embeddings.statistics import Statistics, added_up, no_statistics
from embeddings.stores.contract import Vectors
from embeddings.stores.sqlite import SqliteStore
from knowledge.article import Article
from knowledge.corpus import Corpus
from knowledge.language import detect_language
from word_embedder import WordEmbedder

MakeArticle = Callable[..., Article]

EMBEDDER = WordEmbedder("glacier", "solar", "wind", "ледник", "мұздық", language_weight=0.3)
QUESTIONS = ("Where is the glacier of Kambarov?", "Где ледник?", "Мұздық қайда?", "solar 2021")


@pytest.fixture
def store(tmp_path: Path, make_article: MakeArticle) -> SqliteStore:
    articles = (
        make_article("a", "The glacier melts. The wind is solar."),
        make_article("b", "Solar wind, wind and solar.", published=date(2021, 6, 1)),
        make_article("c", "Камбаров измеряет ледник.", language="ru"),
        make_article("d", "Мұздық ериді. Solar.", language="kk"),
        make_article("e", "A bicycle."),
    )
    path = tmp_path / "index.db"
    reindex(Corpus(articles, ()), path, EMBEDDER)
    return SqliteStore.open(path, EMBEDDER)


def words(*numbers: int) -> npt.NDArray[np.uint32]:
    return np.array(numbers, np.uint32)


def search(text: str) -> Search:
    embedded = EMBEDDER.embed_questions([text])
    wish = DateWish()
    return Search(
        Asked(text, detect_language(text), embedded.embeddings[0], embedded.tokens[0], wish)
    )


def read(store: SqliteStore, ids: Sequence[int]) -> Vectors:
    return store.read_vectors(np.array(ids, np.int64))


def as_lists(statistics: Statistics) -> object:
    languages = {
        code: [
            (each.passages.count, each.passages.sum.tolist()),
            (each.sentences.count, each.sentences.sum.tolist()),
            (each.words.count, each.words.words.tolist(), each.words.texts.tolist()),
        ]
        for code, each in statistics.languages.items()
    }
    names = statistics.names
    return languages, names.count, names.words.tolist(), names.texts.tolist()


def test_a_few_passages_get_the_scores_that_they_have_among_all(store: SqliteStore) -> None:
    """With the statistics of the whole index, score and evidence are the same to the bit."""
    ids = store.all_passage_ids().tolist()
    of_all = Ranking.of(store.read_vectors())
    statistics = Statistics.of(store.read_vectors())

    def found(ranking: Ranking, question: str) -> dict[int, Ranked]:
        [ranked] = ranking.best([search(question)], 10, store.read_tokens)
        return {each.passage_id: each for each in ranked}

    for question in QUESTIONS:
        expected = found(of_all, question)
        assert set(expected) == set(ids)
        for few in (ids[:1], ids[1:3], ids[2:]):
            some = found(Ranking.of(read(store, few), statistics), question)
            assert some == {each: expected[each] for each in few}
    alone = found(Ranking.of(read(store, ids[:1])), QUESTIONS[0])
    assert alone[ids[0]].score != found(of_all, QUESTIONS[0])[ids[0]].score


def test_what_is_added_and_taken_off_leaves_what_is_counted_anew(store: SqliteStore) -> None:
    """Exactly, whatever the order; a language without passages is gone."""
    ids = store.all_passage_ids().tolist()
    parts = [Statistics.of(read(store, [each])) for each in ids]
    of_all = Statistics.of(store.read_vectors())
    assert as_lists(added_up(parts[::-1])) == as_lists(of_all)
    without_russian = of_all - parts[2]
    kept = Statistics.of(read(store, [*ids[:2], *ids[3:]]))
    assert as_lists(without_russian) == as_lists(kept)
    assert sorted(without_russian.languages) == ["en", "kk"]
    assert as_lists(of_all - of_all) == as_lists(no_statistics())


def test_frequencies_count_texts_and_not_occurrences() -> None:
    """Each text counts once for each of its words; what no text has has none."""
    frequencies = Frequencies.of([words(3, 7), words(7), words()])
    assert frequencies.count == 3
    assert frequencies.words.tolist() == [3, 7]
    assert frequencies.texts.tolist() == [1, 2]
    assert frequencies.find(words(1, 3, 7, 9)).tolist() == [0, 1, 2, 0]
    assert Frequencies.of(()).find(words(1)).tolist() == [0]
    left = frequencies - Frequencies.of([words(3, 7)])
    assert (left.count, left.words.tolist(), left.texts.tolist()) == (2, [7], [1])


def test_rare_words_weigh_more() -> None:
    """As in BM25: log(1 + (n - df + 0.5) / (df + 0.5))."""
    frequencies = Frequencies.of([words(3, 7), words(7), words()])
    expected = [np.log(1 + 2.5 / 1.5), np.log(1 + 1.5 / 2.5), np.log(1 + 3.5 / 0.5)]
    assert idf(frequencies, words(3, 7, 9)) == pytest.approx(expected)
