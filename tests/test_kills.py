"""Killed at any moment, a reindex leaves the old index or the new one, and nothing to repair."""

import functools
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import pytest

from embeddings.errors import IndexMissing
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.stores.sqlite import SqliteStore, known_versions
from killed_reindexes import (
    CORPORA,
    Order,
    PlainEmbedder,
    make_corpus,
    make_embedder,
    to_line,
)

SEEDED = pytest.mark.parametrize("seed", [20_260_105])

Content: TypeAlias = list[tuple[object, ...]]
Kill: TypeAlias = Callable[[Order], str]
Expect: TypeAlias = Callable[[int, str], Content]


@pytest.fixture(scope="module")
def kill() -> Iterator[Kill]:
    """Carries out an order; gives the stage at which the reindex died."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OPENBLAS_NUM_THREADS": "1",  # threads don't outlive a fork
    }
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("killed_reindexes.py"))],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        orders, answers = process.stdin, process.stdout
        assert orders is not None
        assert answers is not None

        def kill(order: Order) -> str:
            orders.write(to_line(order))
            orders.flush()
            return answers.readline().strip()

        yield kill


@pytest.fixture(scope="module")
def expect(tmp_path_factory: pytest.TempPathFactory) -> Expect:
    """What an index of a corpus holds that was never disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")

    @functools.cache
    def expect(corpus: int, model: str) -> Content:
        path = folder / f"{corpus} {model}.db"
        reindex(make_corpus(corpus), path, make_embedder(model))
        return content(path)

    return expect


def content(path: Path) -> Content:
    """All that is in an index but the numbers of its rows, which depend on what was before."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        passages = connection.execute(
            "SELECT slug, title, url, publisher, language, published, content_hash, file_digest, "
            'body, start, "end", embedding, words, names, tokens, (SELECT group_concat(start || '
            "' ' || \"end\" || ' ' || hex(embedding) || ' ' || tokens) FROM sentences "
            "WHERE passage_id = passages.id) "
            "FROM articles LEFT JOIN passages ON article_id = articles.id ORDER BY slug, start"
        ).fetchall()
        means = connection.execute("SELECT * FROM language_means ORDER BY language").fetchall()
        identity = connection.execute("SELECT * FROM identity ORDER BY name").fetchall()
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM passages), (SELECT count(*) FROM sentences)"
        ).fetchall()
    return [*passages, *means, *identity, *counts]


def orders(chance: random.Random, number: int) -> Iterator[tuple[str, float, int | None]]:
    """When to kill, anew each time: before a statement, or some time after a mark."""
    for _ in range(number):
        kind = chance.randrange(10)
        if kind == 0:
            yield "e", 0.0, chance.randrange(4)
        elif kind < 5:
            yield "e", 0.0, chance.randrange(200)
        elif kind < 6:
            yield "s", chance.uniform(0, 0.01), None
        elif kind < 8:
            yield "b", chance.uniform(0, 0.02), None
        else:
            yield "c", chance.uniform(0, 0.003), None


@SEEDED
def test_the_index_outlives_kills(seed: int, tmp_path: Path, kill: Kill, expect: Expect) -> None:
    """140 kills: it holds the old corpus or the new one, readers go on, the next reindex works.

    What was staged is not embedded once more.
    """
    chance = random.Random(seed)  # noqa: S311 - the same each time
    path, embedder = tmp_path / "index.db", make_embedder("one")
    now = 0
    reindex(make_corpus(now), path, embedder)
    reader = Retriever(SqliteStore.open(path, embedder), embedder)
    stages: Counter[str] = Counter()
    kept = 0
    for mark, delay, statement in orders(chance, 140):
        new = chance.choice([corpus for corpus in range(CORPORA) if corpus != now])
        stage = kill(Order(str(path), new, "one", mark, delay, statement))
        stages[stage] += 1
        found = content(path)
        if stage in {"before", "inside"}:
            assert found == expect(now, "one")
        elif stage == "after":
            assert found == expect(new, "one")
        else:
            assert found in (expect(now, "one"), expect(new, "one"))
        held = make_corpus(now if found == expect(now, "one") else new)
        assert all(hit.passage.article in held.articles for hit in reader.search("glacier", 9))
        # Two in three leave it as the kill did, so that one kill comes upon another's traces.
        if chance.randrange(3) == 0:
            staged = staged_slugs(path, new)
            kept += len(staged)
            embedder.embedded.clear()
            reindex(make_corpus(new), path, embedder)
            assert content(path) == expect(new, "one")
            assert not staged & embedded_slugs(embedder)
            now = new
        elif found == expect(new, "one"):
            now = new
    assert set(stages) <= {"before", "inside", "committing", "after"}
    assert stages["before"] >= 5
    assert stages["inside"] >= 40
    assert stages["committing"] + stages["after"] >= 20
    assert kept >= 20


def staged_slugs(path: Path, corpus: int) -> set[str]:
    """The articles of a corpus that a reindex has left staged as they are."""
    hashes = {article.slug: article.content_hash for article in make_corpus(corpus).articles}
    staged = known_versions(path.with_name("index.staged.db"))
    return {each.slug for each in staged if hashes.get(each.slug) == each.content_hash}


def embedded_slugs(embedder: PlainEmbedder) -> set[str]:
    return {text.partition("\n")[0].lower() for text in embedder.embedded if "\n" in text}


@SEEDED
def test_an_index_that_is_being_made_outlives_kills(
    seed: int, tmp_path: Path, kill: Kill, expect: Expect
) -> None:
    """40 kills: there is no index yet, or all of it; a reindex makes it in either case."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    embedder = make_embedder("one")
    stages: Counter[str] = Counter()
    for number, (mark, delay, statement) in enumerate(orders(chance, 40)):
        path = tmp_path / str(number) / "index.db"
        stage = kill(Order(str(path), 0, "one", mark, delay, statement))
        stages[stage] += 1
        try:
            SqliteStore.open(path, embedder).close()
        except IndexMissing:
            assert stage in {"before", "inside", "committing"}
        else:
            assert stage in {"committing", "after"}
            assert content(path) == expect(0, "one")
        reindex(make_corpus(0), path, embedder)
        assert content(path) == expect(0, "one")
    assert stages["inside"] >= 10
    assert stages["committing"] + stages["after"] >= 5
    assert "failed" not in stages


@SEEDED
def test_an_index_that_is_built_anew_outlives_kills(
    seed: int, tmp_path: Path, kill: Kill, expect: Expect
) -> None:
    """20 kills amid a change of the model: it is all of the old model or all of the new one."""
    chance = random.Random(seed)  # noqa: S311 - the same each time
    path = tmp_path / "index.db"
    stages: Counter[str] = Counter()
    for mark, delay, statement in orders(chance, 20):
        reindex(make_corpus(0), path, make_embedder("one"))
        stage = kill(Order(str(path), 1, "two", mark, delay, statement))
        stages[stage] += 1
        found = content(path)
        if stage in {"before", "inside"}:
            assert found == expect(0, "one")
        else:
            assert found in (expect(0, "one"), expect(1, "two"))
        reindex(make_corpus(1), path, make_embedder("two"))
        assert content(path) == expect(1, "two")
    assert stages["inside"] >= 5
    assert "failed" not in stages
