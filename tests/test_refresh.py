"""An open retriever follows the index: it reads what has changed, and knows all of the new."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from embeddings import ranking
from embeddings.confidence import Calibration
from embeddings.errors import IndexUnusable
from embeddings.indexing import reindex
from embeddings.retriever import Hit, Retriever
from embeddings.stores import sqlite_ranker
from embeddings.stores.contract import Vectors
from embeddings.stores.sqlite import SqliteStore
from knowledge.article import Article
from knowledge.corpus import Corpus
from word_embedder import WordEmbedder

MakeArticle = Callable[..., Article]

WORDS = ("glacier", "solar", "wind", "bicycle", "orchard", "ледник", "мұздық", "мөңгү")
EMBEDDER = WordEmbedder(*WORDS, language_weight=0.3)
SURE = Calibration(intercept=0.0, weights={"sentence_cosine": 3.0}, model="words", fitted_on="")
QUESTIONS = ("Where is the glacier?", "Где ледник?", "Мұздық қайда?", "solar wind", "What is new?")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


def index(path: Path, *articles: Article) -> None:
    reindex(Corpus(articles, ()), path, EMBEDDER)


def opened(path: Path) -> Retriever:
    return Retriever(SqliteStore.open(path, EMBEDDER), EMBEDDER, SURE)


def slugs(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.article.slug for hit in hits]


def reads_of(retriever: Retriever, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The slugs of the passages that are read from now on, one list for each time."""
    store = retriever._store
    assert isinstance(store, SqliteStore)
    reads: list[list[str]] = []
    read = store.read_vectors

    def read_vectors(passage_ids: npt.NDArray[np.int64] | None = None) -> Vectors:
        vectors = read(passage_ids)
        reads.append(vectors.slugs.tolist())
        return vectors

    monkeypatch.setattr(store, "read_vectors", read_vectors)
    return reads


def random_article(slug: str, chance: random.Random, make_article: MakeArticle) -> Article:
    """One to four paragraphs of a language's words, among them those of the embedder."""
    language = chance.choice(["en", "ru", "kk", "ky"])
    paragraphs = [
        ". ".join(
            " ".join(chance.choices([*WORDS, "and", "жана", "деген", "новый", "old"], k=8))
            for _ in range(chance.randint(1, 7))
        )
        for _ in range(chance.randint(1, 4))
    ]
    return make_article(slug, "\n\n".join(paragraphs), language=language)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_refreshed_is_as_what_is_loaded_anew(
    seed: int, path: Path, make_article: MakeArticle
) -> None:
    """After any sequence of articles added, changed and removed, all hits are the same."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    corpus: dict[str, Article] = {}
    index(path)
    retriever = opened(path)
    for _ in range(8):
        for _ in range(chance.choice([0, 1, 1, 2, 6])):
            slug = f"article-{chance.randrange(10)}"
            if slug in corpus and chance.random() < 0.4:
                del corpus[slug]
            else:
                corpus[slug] = random_article(slug, chance, make_article)
        if chance.random() < 0.1:
            corpus.clear()
        index(path, *(corpus[slug] for slug in sorted(corpus)))
        if chance.random() < 0.7:
            retriever.refresh()
        after = [None, None, None, "Where is the glacier?", None]
        refreshed = retriever.search_batch(QUESTIONS, 5, after=after)
        fresh = opened(path).search_batch(QUESTIONS, 5, after=after)
        for ours, theirs in zip(refreshed, fresh, strict=True):
            assert [(hit.passage, hit.quote, hit.highlight) for hit in ours] == [
                (hit.passage, hit.quote, hit.highlight) for hit in theirs
            ]
            for figure in ("score", "confidence"):
                assert [getattr(hit, figure) for hit in ours] == pytest.approx(
                    [getattr(hit, figure) for hit in theirs], abs=1e-6
                )


def test_only_what_changed_is_read(
    path: Path, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One article changed, one is new, one has gone: two are read, and found."""
    ice, sun = make_article("ice", "The glacier melts."), make_article("sun", "Solar power.")
    index(path, ice, sun, make_article("bike", "A bicycle."))
    retriever = opened(path)
    retriever.refresh()
    reads = reads_of(retriever, monkeypatch)
    changed, new = make_article("sun", "Solar wind."), make_article("tree", "An orchard.")
    index(path, ice, changed, new)
    assert retriever.refresh()
    assert reads == [["sun", "tree"]]
    assert sorted(slugs(retriever.search("glacier?", limit=5))) == ["ice", "sun", "tree"]
    assert retriever.search("wind?")[0].passage.article == changed


def test_a_large_index_is_read_part_by_part(
    path: Path, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never more passages at once than fit, when it is opened and later; the hits are the same."""
    chance = random.Random(1)  # noqa: S311 - the same each time
    corpus = [random_article(f"article-{number}", chance, make_article) for number in range(9)]
    index(path)
    in_parts = opened(path)
    reads = reads_of(in_parts, monkeypatch)
    for articles in (corpus, [*corpus[3:], *(replace(each, title="New") for each in corpus[:3])]):
        index(path, *articles)
        expected = opened(path).search_batch(QUESTIONS, 5)
        with monkeypatch.context() as small:
            small.setattr(sqlite_ranker, "_PASSAGES_AT_ONCE", 2)
            small.setattr(ranking, "_PASSAGES_AT_ONCE", 2)
            in_parts.refresh()
            assert in_parts.search_batch(QUESTIONS, 5) == expected
    assert [len(read) for read in reads] == [2, 2, 2, 2, 1, 2, 1]


def test_a_question_after_a_refresh_reads_nothing(
    path: Path, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refresh was there so that nobody has to wait."""
    index(path, make_article("ice", "The glacier melts."))
    retriever = opened(path)
    reads = reads_of(retriever, monkeypatch)
    assert retriever.refresh()
    assert reads == [["ice"]]
    assert not retriever.refresh()
    retriever.search("glacier?")
    assert reads == [["ice"]]


def test_a_reindex_that_changed_nothing_is_not_read(
    path: Path, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generation stays the same, and a refresh says that there was nothing."""
    article = make_article("ice", "The glacier melts.")
    index(path, article)
    retriever = opened(path)
    assert retriever.generation is None
    retriever.refresh()
    before = retriever.generation
    reads = reads_of(retriever, monkeypatch)
    index(path, article)
    assert not retriever.refresh()
    assert retriever.generation == before is not None
    index(path)
    assert retriever.refresh()
    assert retriever.generation != before
    assert retriever.search("glacier?") == []
    assert len(reads) == 1


def test_an_index_that_is_built_anew_is_read_whole(
    path: Path, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other ids, other passages: nothing of the old index is taken for the new."""
    index(path, make_article("ice", "The glacier melts."), make_article("sun", "Solar power."))
    retriever = opened(path)
    retriever.refresh()
    reindex(Corpus((), ()), path, WordEmbedder("other"))
    with pytest.raises(IndexUnusable, match="another model"):
        retriever.refresh()
    index(path, make_article("wind", "Wind."), make_article("bike", "A bicycle."))
    reads = reads_of(retriever, monkeypatch)
    assert retriever.refresh()
    assert reads == [["bike", "wind"]]
    assert slugs(retriever.search("wind?")) == ["wind", "bike"]


def test_a_refresh_that_fails_leaves_what_was(
    path: Path, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an error interrupts is done again at the next question."""
    index(path, make_article("ice", "The glacier melts."))
    retriever = opened(path)
    retriever.refresh()
    index(path, make_article("ice", "The glacier grows."))
    with monkeypatch.context() as broken:
        broken.setattr(retriever._store, "read_vectors", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            retriever.refresh()
    assert retriever.search("glacier?")[0].passage.text == "The glacier grows."
