"""An index on a bad disk: it is told from other troubles, built anew, and seen at once."""

import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from damage import damage_table
from embeddings.errors import IndexDamaged, IndexMissing
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore
from embeddings.stores.sqlite_file import discard_index
from embeddings.stores.sqlite_writing import SqliteWriting
from knowledge.article import Article
from knowledge.corpus import Corpus
from word_embedder import WordEmbedder

EMBEDDER = WordEmbedder("glacier", "solar")
ARTICLE = Article(
    slug="ice",
    title="Ice",
    url="https://example.org/ice",
    body="The glacier melts. It is old.",
    publisher=None,
    language="en",
    published=date(2025, 6, 12),
)
CORPUS = Corpus((ARTICLE,), (), {"ice": "digest"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An index of one article."""
    path = tmp_path / "index.db"
    reindex(CORPUS, path, EMBEDDER)
    return path


def open_index(path: Path) -> Retriever:
    return Retriever(SqliteStore.open(path, EMBEDDER), EMBEDDER)


@pytest.mark.parametrize("table", ["passages", "sentences"])
def test_what_is_broken_inside_is_found_when_it_is_read(path: Path, table: str) -> None:
    """The message names the file and the way out, and says so again until it is mended."""
    damage_table(path, table)
    retriever = open_index(path)
    for look in (lambda: retriever.search("glacier"), retriever.refresh):
        with pytest.raises(IndexDamaged, match=r"index\.db is damaged .* reindex"):
            look()


def test_what_is_not_broken_is_read_all_the_same(path: Path) -> None:
    """A list of articles needs no embeddings."""
    damage_table(path, "sentences")
    retriever = open_index(path)
    with pytest.raises(IndexDamaged):
        retriever.search("glacier")
    assert retriever.list_page(1, 5).articles == (ARTICLE,)


@pytest.mark.parametrize("table", ["articles", "passages", "language_means"])
def test_a_reindex_replaces_what_is_broken(
    path: Path, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As far as it has to read it; the log says so."""
    damage_table(path, table)
    changed = replace(ARTICLE, body="The glacier is gone.")
    report = reindex(Corpus((changed,), (), {"ice": "other"}), path, EMBEDDER)
    assert report.articles == 1
    assert "is replaced by a new one" in caplog.text
    assert open_index(path).search("glacier")[0].passage.article == changed


def test_an_open_index_follows_the_file(path: Path) -> None:
    """What takes the place of a damaged file is searched without a restart."""
    damage_table(path, "sentences")
    retriever = open_index(path)
    with pytest.raises(IndexDamaged):
        retriever.refresh()
    discard_index(path)
    reindex(CORPUS, path, EMBEDDER)
    assert retriever.refresh()
    assert retriever.search("glacier")[0].passage.article == ARTICLE


def test_a_file_that_is_gone_is_searched_on(path: Path) -> None:
    """And so it is while another one is being filled in its place."""
    retriever = open_index(path)
    discard_index(path)
    assert retriever.search("glacier")[0].passage.article == ARTICLE
    with SqliteWriting.open(path, EMBEDDER) as writing:
        assert retriever.search("glacier")[0].passage.article == ARTICLE
        writing.switch((), (), ())
    assert retriever.search("glacier") == []


def test_what_is_gone_cannot_be_opened(path: Path) -> None:
    """To discard twice is no error."""
    for _ in range(2):
        discard_index(path)
    with pytest.raises(IndexMissing):
        open_index(path)


def test_another_error_is_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of ours in the SQL must not throw an index away."""

    def fail(*_: object) -> None:
        raise sqlite3.ProgrammingError("no such parameter")

    monkeypatch.setattr("embeddings.indexing.Plan.note_staged", fail)
    with pytest.raises(sqlite3.ProgrammingError):
        reindex(CORPUS, path, EMBEDDER)
    assert path.exists()
