"""A reindex brings the index up to date with the corpus, and does no more than that."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings import indexing
from embeddings.indexing import reindex
from embeddings.store import Store
from knowledge.article import Article
from knowledge.corpus import Corpus, Fault
from word_embedder import WordEmbedder

MakeArticle = Callable[..., Article]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.db"


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder("glacier", "solar")


def corpus(*articles: Article) -> Corpus:
    return Corpus(articles, ())


def test_a_first_reindex_adds_all(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """Everything is new; the report counts what is in the index, and hands on the faults."""
    fault = Fault("bad.md", "It has no title.")
    articles = (make_article("ice", "The glacier melts."), make_article("sun", "Solar power."))
    report = reindex(Corpus(articles, (fault,)), path, embedder)
    assert (report.added, report.changed, report.removed) == (("ice", "sun"), (), ())
    assert (report.unchanged, report.articles, report.passages) == (0, 2, 2)
    assert report.faults == (fault,)
    assert report.seconds > 0


def test_passages_are_embedded_with_their_title_and_sentences_without(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """The title helps to find a passage and is not part of what is quoted."""
    reindex(corpus(make_article("ice", "It melts. It is old.")), path, embedder)
    assert embedder.embedded[-3:] == ["Ice\nIt melts. It is old.", "It melts.", "It is old."]


def test_only_what_changed_is_embedded_again(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """One changed, one new, one removed, one untouched: two articles are embedded."""
    ice, sun = make_article("ice", "The glacier melts."), make_article("sun", "Solar power.")
    old = make_article("old", "Gone tomorrow.")
    reindex(corpus(ice, old, sun), path, embedder)
    embedder.embedded.clear()
    changed, new = make_article("sun", "More solar power."), make_article("wind", "Windy.")
    report = reindex(corpus(ice, changed, new), path, embedder)
    assert (report.added, report.changed, report.removed) == (("wind",), ("sun",), ("old",))
    assert (report.unchanged, report.articles) == (1, 3)
    assert sorted(embedder.embedded) == [
        "More solar power.",
        "Sun\nMore solar power.",
        "Wind\nWindy.",
        "Windy.",
    ]


def test_a_changed_date_is_a_change(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """What is shown beside the quote is kept up to date too."""
    reindex(corpus(make_article("ice", "The glacier melts.")), path, embedder)
    article = make_article("ice", "The glacier melts.", published=None)
    assert reindex(corpus(article), path, embedder).changed == ("ice",)


def test_an_article_without_passages_is_kept(path: Path, embedder: WordEmbedder) -> None:
    """An empty corpus makes an empty index, not an error."""
    report = reindex(corpus(), path, embedder)
    assert (report.articles, report.passages) == (0, 0)
    assert Store.open(path, embedder).read_vectors().passages.shape == (0, 6)


def test_another_model_rebuilds_all(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """After a change of model every article is embedded anew."""
    article = make_article("ice", "The glacier melts.")
    reindex(corpus(article), path, embedder)
    other = WordEmbedder("glacier")
    assert reindex(corpus(article), path, other).added == ("ice",)
    assert Store.open(path, other).article_count == 1


def test_progress_counts_passages_and_sentences(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """Progress tells how many texts of how many are embedded, up to all of them."""
    seen: list[tuple[int, int]] = []
    articles = corpus(make_article("ice", "It melts. It is old."), make_article("sun", "Solar."))
    reindex(articles, path, embedder, lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (5, 5)]


def test_many_articles_are_embedded_step_by_step(
    path: Path,
    embedder: WordEmbedder,
    make_article: MakeArticle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A large corpus is never held in memory as a whole: two articles of one passage a step."""
    monkeypatch.setattr(indexing, "_PASSAGES_PER_STEP", 2)
    steps: list[int] = []
    articles = [make_article(f"article-{i}", f"Text {i}.") for i in range(5)]
    reindex(corpus(*articles), path, embedder, lambda done, _: steps.append(done))
    assert steps == [2, 4, 6, 8, 9, 10]
    assert Store.open(path, embedder).article_count == 5


def test_language_samples_say_the_same_in_each_language() -> None:
    """The samples are parallel, so that their means differ by language and nothing else."""
    samples = json.loads(indexing._LANGUAGE_SAMPLES.read_text("utf-8"))
    assert {language: len(texts) for language, texts in samples.items()} == {
        "en": 16,
        "ru": 16,
        "kk": 16,
        "ky": 16,
    }
