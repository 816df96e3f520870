"""The local vector store: whole, of one identity, and readable while it is written."""

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from embeddings.errors import IndexBusy, IndexDamaged, IndexMissing, IndexUnusable
from embeddings.stores.contract import (
    EmbeddedArticle,
    EmbeddedPassage,
    LanguageMean,
    language_mean,
)
from embeddings.stores.sqlite import SqliteStore, known_articles, known_versions
from embeddings.stores.sqlite_writing import SqliteWriting
from knowledge.article import Article
from knowledge.corpus import ArticleVersion
from knowledge.passages import Passage
from knowledge.sentences import Span
from word_embedder import WordEmbedder

MakeArticle = Callable[..., Article]

EMBEDDER = WordEmbedder("glacier", "solar")

WORDS = np.array([7, 4_000_000_000], np.uint32)
NAMES = np.zeros(0, np.uint32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "index.db"


def embedded(article: Article, *bounds: tuple[int, int]) -> EmbeddedPassage:
    """Make a passage of the whole article with the given sentences."""
    return EmbeddedPassage(
        Passage(article, 0, len(article.body), tuple(Span(*bound) for bound in bounds)),
        np.array([1, 0, 0, 0, 0, 0], np.float32),
        np.eye(6, dtype=np.float32)[: len(bounds)],
        words=WORDS,
        names=NAMES,
        tokens=article.slug.encode(),
        sentence_tokens=tuple(range(len(bounds))),
    )


def language_mean_of(*values: float) -> LanguageMean:
    """A mean of which each part has one value throughout."""
    return LanguageMean(*(np.full(6, value, np.float32) for value in values))


def embedded_article(
    article: Article, *passages: EmbeddedPassage, digest: str | None = None
) -> EmbeddedArticle:
    """Make an article of these passages, or of one with two sentences."""
    return EmbeddedArticle(article, passages or (embedded(article, (0, 3), (4, 8)),), digest)


def version(embedded: EmbeddedArticle) -> ArticleVersion:
    article = embedded.article
    return ArticleVersion(article.slug, article.url, article.content_hash, embedded.file_digest)


def reindex(
    path: Path,
    *staged: EmbeddedArticle,
    removed: Sequence[str] = (),
    embedder: WordEmbedder = EMBEDDER,
) -> None:
    with SqliteWriting.open(path, embedder) as writing:
        if staged:
            writing.stage(staged)
        writing.switch(map(version, staged), removed, ())


def write(path: Path, *articles: Article) -> None:
    reindex(path, *map(embedded_article, articles))


def test_what_is_stored_is_read_back(path: Path, make_article: MakeArticle) -> None:
    """Articles, offsets, embeddings and words come back as they were, None for what was None."""
    first = make_article("first", "Ice. Melt", language="ru")
    second = make_article("second", "Sun. Heat", publisher=None, published=None)
    write(path, first, second)
    store = SqliteStore.open(path, EMBEDDER)
    assert (store.article_count, store.passage_count) == (2, 2)
    vectors = store.read_vectors()
    assert vectors.slugs.tolist() == ["first", "second"]
    assert vectors.languages.tolist() == ["ru", "en"]
    assert vectors.first_sentences.tolist() == [0, 2]
    assert vectors.passages.tolist() == [[1, 0, 0, 0, 0, 0]] * 2
    assert vectors.sentences.tolist() == np.eye(6)[:2].tolist() * 2
    assert vectors.sentence_tokens.tolist() == [0, 1, 0, 1]
    assert [words.tolist() for words in vectors.words] == [[7, 4_000_000_000]] * 2
    assert [names.tolist() for names in vectors.names] == [[], []]
    assert vectors.published == (date(2025, 6, 12), None)
    passages = store.read_passages(vectors.passage_ids.tolist()[::-1])
    assert passages == [
        Passage(second, 0, 9, (Span(0, 3), Span(4, 8))),
        Passage(first, 0, 9, (Span(0, 3), Span(4, 8))),
    ]


def test_an_article_replaces_what_had_its_slug(path: Path, make_article: MakeArticle) -> None:
    """Storing a slug again leaves one article, with the new text and none of the old passages."""
    write(path, make_article("first", "Ice. Melt"))
    write(path, make_article("first", "New. Text"))
    store = SqliteStore.open(path, EMBEDDER)
    assert (store.article_count, store.passage_count) == (1, 1)
    [passage] = store.read_passages(store.read_vectors().passage_ids.tolist())
    assert passage.text == "New. Text"
    assert len(store.read_vectors().sentences) == 2


def test_a_passage_is_found_by_what_it_holds(path: Path, make_article: MakeArticle) -> None:
    """The beginning of an article's content hash and a part of a passage name that passage."""
    first, second = make_article("first", "Ice. Melt"), make_article("second", "Ice. Melt")
    write(path, first, second)
    store = SqliteStore.open(path, EMBEDDER)
    found = store.find_passage(second.content_hash[:12], Span(4, 9))
    assert found == Passage(second, 0, 9, (Span(0, 3), Span(4, 8)))
    assert store.find_passage(second.content_hash[:12], Span(4, 10)) is None
    assert store.find_passage("0" * 12, Span(4, 9)) is None


def test_tokens_are_read_in_the_order_asked_for(path: Path, make_article: MakeArticle) -> None:
    """Tokens are read for the passages that need them; one that has gone is an error."""
    write(path, make_article("first", "Ice. Melt"), make_article("second", "Sun. Heat"))
    store = SqliteStore.open(path, EMBEDDER)
    first, second = store.read_vectors().passage_ids.tolist()
    assert store.read_tokens([second, first, second]) == [b"second", b"first", b"second"]
    assert store.read_tokens([]) == []
    with pytest.raises(IndexUnusable, match=f"Passage {second + 1} "):
        store.read_tokens([first, second + 1])


@pytest.mark.parametrize(
    ("options", "slugs"),
    [
        ({}, ["june-26", "b-june-25", "june-25", "may-25"]),
        ({"limit": 2}, ["june-26", "b-june-25"]),
        ({"year": 2025}, ["b-june-25", "june-25", "may-25"]),
        ({"month": 6}, ["june-26", "b-june-25", "june-25"]),
        ({"year": 2025, "month": 6}, ["b-june-25", "june-25"]),
        ({"year": 2025, "month": 6, "limit": 1}, ["b-june-25"]),
        ({"month": 12}, []),
        ({"year": 1990}, []),
    ],
)
def test_the_newest_articles_of_a_time(
    options: dict[str, int], slugs: list[str], path: Path, make_article: MakeArticle
) -> None:
    """Newest first, by slug on the same day; of one year, one month or both; none undated."""
    dates = {
        "june-25": date(2025, 6, 12),
        "b-june-25": date(2025, 6, 12),
        "undated": None,
        "june-26": date(2026, 6, 1),
        "may-25": date(2025, 5, 31),
    }
    articles = [make_article(slug, "Ice. Melt", published=day) for slug, day in dates.items()]
    write(path, *articles)
    found = SqliteStore.open(path, EMBEDDER).newest_articles(**({"limit": 9} | options))
    assert [article.slug for article in found] == slugs
    assert all(article in articles for article in found)


@pytest.fixture
def five_articles(path: Path, make_article: MakeArticle) -> dict[str, Article]:
    """An index of five articles, by slug, as they are stored."""
    dates = {
        "undated": None,
        "june-25": date(2025, 6, 12),
        "b-june-25": date(2025, 6, 12),
        "also-undated": None,
        "june-26": date(2026, 6, 1),
    }
    articles = {slug: make_article(slug, "Ice. Melt", published=dates[slug]) for slug in dates}
    write(path, *articles.values())
    return articles


@pytest.mark.parametrize(
    ("offset", "limit", "slugs"),
    [
        (0, 9, ["june-26", "b-june-25", "june-25", "also-undated", "undated"]),
        (0, 2, ["june-26", "b-june-25"]),
        (2, 2, ["june-25", "also-undated"]),
        (4, 2, ["undated"]),
        (5, 2, []),
    ],
)
def test_all_articles_are_listed(
    offset: int, limit: int, slugs: list[str], path: Path, five_articles: dict[str, Article]
) -> None:
    """Newest first, at the end those without a date, each time by slug; part by part."""
    found = SqliteStore.open(path, EMBEDDER).read_articles(offset, limit)
    assert found == [five_articles[slug] for slug in slugs]


def test_the_place_of_an_article_in_the_list(
    path: Path, five_articles: dict[str, Article]
) -> None:
    """As many articles are before it as the list says; before one that isn't there, none."""
    store = SqliteStore.open(path, EMBEDDER)
    for place, article in enumerate(store.read_articles(0, 9)):
        assert store.count_before(article.slug) == place
    assert store.count_before("gone") == 0
    assert len(five_articles) == 5


def test_an_article_is_found_by_the_beginning_of_its_content_hash(
    path: Path, five_articles: dict[str, Article]
) -> None:
    """Twelve digits name one article, and nothing else does."""
    store = SqliteStore.open(path, EMBEDDER)
    for article in five_articles.values():
        assert store.find_article(article.content_hash[:12]) == article
    assert store.find_article("0" * 12) is None
    assert store.find_article("' OR 1 --") is None


def test_the_passages_of_an_article_are_in_the_order_of_its_text(
    path: Path, make_article: MakeArticle
) -> None:
    """Whatever order they were stored in; an article that isn't there has none."""
    article, other = make_article("first", "Ice. Melt"), make_article("other", "Sun. Heat")
    late = replace(embedded(article, (0, 3)), passage=Passage(article, 5, 9, (Span(5, 9),)))
    early = replace(embedded(article, (0, 3)), passage=Passage(article, 0, 4, (Span(0, 4),)))
    reindex(
        path,
        embedded_article(other, embedded(other, (0, 3))),
        embedded_article(article, late, early),
    )
    store = SqliteStore.open(path, EMBEDDER)
    passages = store.read_passages(store.passage_ids("first"))
    assert [passage.text for passage in passages] == ["Ice.", "Melt"]
    assert store.passage_ids("gone") == []


def test_removing_an_unknown_article_is_no_error(path: Path, make_article: MakeArticle) -> None:
    """Removing takes the passages along; a slug that is not there is passed over."""
    write(path, make_article("first", "Ice. Melt"))
    reindex(path, removed=("first", "never-there"))
    store = SqliteStore.open(path, EMBEDDER)
    assert (store.article_count, store.passage_count) == (0, 0)
    assert store.read_vectors().passages.shape == (0, 6)


def read_ids(path: Path) -> list[int]:
    ids: list[int] = SqliteStore.open(path, EMBEDDER).all_passage_ids().tolist()
    return ids


def test_an_id_of_a_passage_is_never_given_to_another(
    path: Path, make_article: MakeArticle
) -> None:
    """New passages have higher ids than all before them, also when the last ones have gone."""
    write(path, make_article("first", "Ice. Melt"), make_article("second", "Sun. Heat"))
    before = read_ids(path)
    reindex(path, removed=["second"])
    write(path, make_article("third", "Sun. Heat"))
    [kept, new] = read_ids(path)
    assert kept == min(before)
    assert new > max(before)


def test_an_index_that_is_built_anew_has_other_ids(path: Path, make_article: MakeArticle) -> None:
    """Nobody who compares ids takes its passages for those of before."""
    article = make_article("first", "Ice. Melt")
    write(path, article)
    before = read_ids(path)
    reindex(path, embedder=WordEmbedder("wind"))
    write(path, article)
    assert not set(before) & set(read_ids(path))


def test_some_passages_can_be_read_alone(path: Path, make_article: MakeArticle) -> None:
    """Each with its own sentences, in the order of ids whatever order they are asked for in."""
    sizes = {"a": 1, "b": 3, "c": 2}
    stored = []
    for slug, size in sizes.items():
        article = make_article(slug, "Ice. Melt. Sun.")
        bounds = [(0, 4), (5, 10), (11, 15)][:size]
        stored.append(embedded_article(article, embedded(article, *bounds)))
    reindex(path, *stored)
    store = SqliteStore.open(path, EMBEDDER)
    first, second, third = store.all_passage_ids().tolist()
    vectors = store.read_vectors(np.array([third, second]))
    assert vectors.passage_ids.tolist() == [second, third]
    assert vectors.slugs.tolist() == ["b", "c"]
    assert vectors.first_sentences.tolist() == [0, 3]
    assert vectors.sentence_counts.tolist() == [3, 2]
    assert vectors.sentence_tokens.tolist() == [0, 1, 2, 0, 1]
    assert vectors.sentences.shape == (5, 6)
    assert store.read_vectors().sentence_counts.tolist() == [1, 3, 2]
    assert store.read_vectors(np.zeros(0, np.int64)).passages.shape == (0, 6)
    assert first < second


def test_what_tells_whether_an_article_is_still_the_same(
    path: Path, make_article: MakeArticle
) -> None:
    """The hash of its content, and the digest of its file if it came from one."""
    first, second = make_article("first", "Ice. Melt"), make_article("second", "Sun. Heat")
    reindex(path, embedded_article(second), embedded_article(first, digest="d1"))
    old = ArticleVersion("first", first.url, first.content_hash, "d1")
    new = ArticleVersion("first", first.url, first.content_hash, "d2")
    other = ArticleVersion("second", second.url, second.content_hash, None)
    with SqliteWriting.open(path, EMBEDDER) as writing:
        assert list(writing.article_versions()) == [old, other]
        writing.switch((), (), [new])
        assert list(writing.article_versions()) == [new, other]


def test_known_articles_need_no_embedder(path: Path, make_article: MakeArticle) -> None:
    """An index of whatever model gives back the articles that came from files."""
    first, second = make_article("first", "Ice."), make_article("second", "Sun.", published=None)
    third = make_article("third", "Wind.")
    stored = [
        embedded_article(first, digest="d1"),
        embedded_article(second, digest="d2"),
        embedded_article(third),
    ]
    reindex(path, *reversed(stored))
    assert list(known_articles(path)) == [(version(each), each.article) for each in stored]
    assert list(known_versions(path)) == [version(each) for each in stored]


@pytest.mark.parametrize("content", [None, b"", b"no database" * 100])
def test_nothing_is_known_without_an_index(content: bytes | None, path: Path) -> None:
    """Neither a missing nor a damaged file is an error, nor is it made or changed."""
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)
    assert list(known_articles(path)) == []
    assert list(known_versions(path)) == []
    assert (path.read_bytes() if path.exists() else None) == content


def test_articles_in_an_index_of_another_format_are_not_known(
    path: Path, make_article: MakeArticle
) -> None:
    """Its tables may hold something else."""
    article = make_article("first", "Ice.")
    reindex(path, embedded_article(article, digest="d1"))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE identity SET value = '2' WHERE name = 'format'")
    assert list(known_articles(path)) == []
    assert list(known_versions(path)) == []


def test_the_time_of_the_last_reindex(path: Path) -> None:
    """In UTC, and also when nothing changed; what was rolled back counts for nothing."""
    begun = datetime.now(UTC)
    write(path)
    store = SqliteStore.open(path, EMBEDDER)
    first = store.reindexed_at
    assert first is not None
    assert begun <= first <= datetime.now(UTC)
    assert first.utcoffset() == timedelta(0)
    write(path)
    second = store.reindexed_at
    assert second is not None
    assert second > first
    with pytest.raises(KeyError), SqliteWriting.open(path, EMBEDDER):
        raise KeyError
    assert store.reindexed_at == second


def test_where_nothing_changed_it_is_the_same_generation(
    path: Path, make_article: MakeArticle
) -> None:
    """So nobody reads anything anew."""
    write(path, make_article("first", "Ice. Melt"))
    reader = SqliteStore.open(path, EMBEDDER)
    with reader.snapshot() as before:
        pass
    write(path)
    with reader.snapshot() as after:
        assert after == before


@pytest.mark.parametrize("fails", [False, True])
def test_the_log_beside_the_file_stays_small(
    path: Path, *, fails: bool, make_article: MakeArticle
) -> None:
    """A reader keeps it in being; a large reindex leaves nothing in it, cancelled or not."""
    write(path)
    reader = SqliteStore.open(path, EMBEDDER)
    articles = [make_article(str(number), "Ice. " * 2000) for number in range(500)]
    wal = path.with_name("index.db-wal")

    def look_at_log() -> Iterator[ArticleVersion]:
        """Comes after what is added."""
        assert wal.stat().st_size > 1_000_000
        if fails:
            raise KeyboardInterrupt
        yield from ()

    with contextlib.suppress(KeyboardInterrupt), SqliteWriting.open(path, EMBEDDER) as writing:
        staged = [embedded_article(article) for article in articles]
        writing.stage(staged)
        writing.switch(map(version, staged), (), look_at_log())
    assert wal.stat().st_size == 0
    assert reader.article_count == (0 if fails else 500)


def test_language_means_are_kept(path: Path) -> None:
    """Language means come back to the last bit."""
    mean = language_mean_of(0.1, 0.3, 0.7, 0.9)
    with SqliteWriting.open(path, EMBEDDER) as writing:
        assert not writing.has_language_means()
        writing.set_language_means({"kk": mean})
        assert writing.has_language_means()
        while_writing = writing.read_language_means()
        writing.switch((), (), ())
    for means in (while_writing, SqliteStore.open(path, EMBEDDER).read_vectors().language_means):
        assert means.keys() == {"kk"}
        assert np.array_equal(astuple(means["kk"]), astuple(mean))


def test_an_unknown_language_has_the_mean_of_all() -> None:
    """A language that no samples are there for is taken for the average of the known ones."""
    means = {"en": language_mean_of(1, 2, 3, 4), "ru": language_mean_of(3, 4, 5, 8)}
    assert language_mean(means, "ru") is means["ru"]
    unknown = language_mean(means, "uz")
    assert [each.tolist() for each in astuple(unknown)] == [[2] * 6, [3] * 6, [4] * 6, [6] * 6]
    assert unknown.passage.dtype == np.float32


def test_a_missing_index_says_how_to_build_one(path: Path) -> None:
    """Neither a missing nor an empty file is created or taken for an index."""
    with pytest.raises(IndexMissing, match="python -m bot reindex"):
        SqliteStore.open(path, EMBEDDER)
    assert not path.exists()
    path.parent.mkdir()
    path.touch()
    with pytest.raises(IndexMissing, match="python -m bot reindex"):
        SqliteStore.open(path, EMBEDDER)


def test_an_index_of_another_model_is_refused(path: Path, make_article: MakeArticle) -> None:
    """Embeddings of another model are never compared; the message says what differs."""
    write(path, make_article("first", "Ice. Melt"))
    with pytest.raises(IndexUnusable, match=r"another model and dimension .* reindex"):
        SqliteStore.open(path, WordEmbedder("glacier"))


def test_an_index_of_another_number_type_is_refused(path: Path, make_article: MakeArticle) -> None:
    """The message names both number types and the setting, in place of a hash of the model."""
    embedder = WordEmbedder("ice")
    embedder.identity = "bfloat16 sha256:1"
    reindex(path, embedder=embedder)
    embedder.identity = "float32 sha256:1"
    with pytest.raises(
        IndexUnusable,
        match=r"another number type \(bfloat16, now float32; see EMBEDDING_DTYPE\) .* reindex",
    ):
        SqliteStore.open(path, embedder)


def test_writing_with_another_model_starts_anew(path: Path, make_article: MakeArticle) -> None:
    """A reindex with another model drops the old content, and only when it commits."""
    write(path, make_article("first", "Ice. Melt"))
    other = WordEmbedder("glacier", "wind")
    with SqliteWriting.open(path, other) as writing:
        assert list(writing.article_versions()) == []
        assert SqliteStore.open(path, EMBEDDER).article_count == 1
        writing.switch((), (), ())
    assert SqliteStore.open(path, other).article_count == 0


def test_an_index_of_an_older_format_is_built_anew(path: Path, make_article: MakeArticle) -> None:
    """Whatever tables it has: reading refuses it, and a reindex leaves none of them."""
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
            "INSERT INTO identity VALUES ('format', '2');"
            "CREATE TABLE generation (number INTEGER NOT NULL);"
            "CREATE TABLE articles (id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT);"
            "INSERT INTO articles (slug) VALUES ('old');"
        )
    with pytest.raises(IndexUnusable, match=r"another format .* reindex"):
        SqliteStore.open(path, EMBEDDER)
    write(path, make_article("first", "Ice. Melt"))
    store = SqliteStore.open(path, EMBEDDER)
    assert (store.article_count, store.passage_count) == (1, 1)
    tables = store._connection.execute("SELECT name FROM sqlite_schema WHERE name = 'generation'")
    assert tables.fetchall() == []


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_refused_and_replaced(
    path: Path, content: bytes, make_article: MakeArticle
) -> None:
    """Reading names the file and the way out; that way, a reindex, works."""
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(IndexDamaged, match=r"index\.db is damaged .* reindex"):
        SqliteStore.open(path, EMBEDDER)
    write(path, make_article("first", "Ice. Melt"))
    assert SqliteStore.open(path, EMBEDDER).article_count == 1


def test_an_error_while_writing_changes_nothing(path: Path, make_article: MakeArticle) -> None:
    """What is raised while the index is switched rolls back all of it."""
    write(path, make_article("first", "Ice. Melt"))

    def fail() -> Iterator[ArticleVersion]:
        raise KeyError
        yield

    with pytest.raises(KeyError), SqliteWriting.open(path, EMBEDDER) as writing:
        writing.switch((), ["first"], fail())
    assert SqliteStore.open(path, EMBEDDER).article_count == 1


def test_a_reader_sees_the_old_index_until_the_commit(
    path: Path, make_article: MakeArticle
) -> None:
    """A reader is never shown half a reindex, and sees the whole of it without opening again."""
    write(path, make_article("first", "Ice. Melt"))
    reader = SqliteStore.open(path, EMBEDDER)
    with reader.snapshot() as before:
        pass

    def look() -> Iterator[ArticleVersion]:
        """Comes after what is removed."""
        with reader.snapshot() as during:
            assert (during, reader.article_count) == (before, 1)
        yield from ()

    with SqliteWriting.open(path, EMBEDDER) as writing:
        writing.switch((), ["first"], look())
    with reader.snapshot() as after:
        assert (after, reader.article_count) == (before + 1, 0)


def test_a_snapshot_stays_the_same_through_a_commit(path: Path, make_article: MakeArticle) -> None:
    """Passages found in a snapshot can be read in it, though a reindex removed them meanwhile."""
    write(path, make_article("first", "Ice. Melt"))
    reader = SqliteStore.open(path, EMBEDDER)
    with reader.snapshot():
        [passage_id] = reader.read_vectors().passage_ids.tolist()
        reindex(path, removed=["first"])
        assert reader.read_passages([passage_id])[0].text == "Ice. Melt"
    with pytest.raises(IndexUnusable):
        reader.read_passages([passage_id])


def test_a_second_writer_is_told_so(path: Path, make_article: MakeArticle) -> None:
    """Two reindexes at once: the second ends at once with an error, the first is not disturbed."""
    with SqliteWriting.open(path, EMBEDDER) as first:
        with pytest.raises(IndexBusy, match="Another reindex"):
            write(path)
        article = embedded_article(make_article("first", "Ice. Melt"))
        first.stage([article])
        first.switch([version(article)], (), ())
    assert SqliteStore.open(path, EMBEDDER).article_count == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A data folder that is a file ends in a message that names DATA_DIR."""
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(IndexUnusable, match="DATA_DIR"):
        write(tmp_path / "data" / "index.db")


def test_a_full_disk_leaves_the_old_index(path: Path, make_article: MakeArticle) -> None:
    """When the disk fills during a reindex, the old index stays and the message says why."""
    write(path, make_article("first", "Ice. Melt"))
    large = make_article("second", "Sun. " * 100_000)
    article = embedded_article(large)
    with pytest.raises(IndexUnusable, match="full"), SqliteWriting.open(path, EMBEDDER) as writing:
        (pages,) = writing._connection.execute("PRAGMA page_count").fetchone()
        writing._connection.execute(f"PRAGMA max_page_count = {pages}")
        writing.stage([article])
        writing.switch([version(article)], (), ())
    assert SqliteStore.open(path, EMBEDDER).article_count == 1


_WRITE_UNTIL_KILLED = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from word_embedder import WordEmbedder
from embeddings.stores.sqlite_writing import SqliteWriting
def wait():
    print("removed", flush=True)
    yield sys.stdin.read()
with SqliteWriting.open(Path({index!r}), WordEmbedder("glacier", "solar")) as writing:
    writing.switch((), ["first"], wait())
"""


def test_a_killed_writer_leaves_the_old_index(path: Path, make_article: MakeArticle) -> None:
    """After kill -9 amid a reindex the old index is there, and the next reindex works."""
    write(path, make_article("first", "Ice. Melt"))
    source = _WRITE_UNTIL_KILLED.format(path=sys.path, index=str(path))
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"removed\n"
        process.kill()
    assert SqliteStore.open(path, EMBEDDER).article_count == 1
    write(path, make_article("second", "Sun. Heat"))
    assert SqliteStore.open(path, EMBEDDER).article_count == 2


def test_an_open_index_is_checked_again(path: Path, make_article: MakeArticle) -> None:
    """An index that another model rebuilt while it was open is refused, never searched."""
    write(path, make_article("first", "Ice. Melt"))
    reader = SqliteStore.open(path, EMBEDDER)
    reindex(path, embedder=WordEmbedder("wind", "sun"))
    with pytest.raises(IndexUnusable, match="another model"), reader.snapshot():
        pass


def test_a_rebuilt_index_is_another_generation(path: Path) -> None:
    """An index that was built anew never looks like the one before it."""
    other = WordEmbedder("wind", "sun")
    generations = []
    for embedder in (EMBEDDER, other, EMBEDDER):
        reindex(path, embedder=embedder)
        with SqliteStore.open(path, embedder).snapshot() as generation:
            generations.append(generation)
    assert len(set(generations)) == 3


def test_text_of_an_article_is_never_sql(path: Path, make_article: MakeArticle) -> None:
    """Quotes and statements in an article are text like any other."""
    write(path, make_article("'; DROP TABLE articles; --", 'It\'s "x". Done', title="a'b\"c"))
    store = SqliteStore.open(path, EMBEDDER)
    [passage] = store.read_passages(store.read_vectors().passage_ids.tolist())
    assert passage.article.title == "a'b\"c"
    assert passage.article.slug == "'; DROP TABLE articles; --"
