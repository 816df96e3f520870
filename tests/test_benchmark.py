"""`make bench` measures what it says, shown with few articles and a light embedder."""

import functools
import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from knowledge.corpus import load_corpus
from word_embedder import WordEmbedder

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is not installed with the bot

from benchmarks.generated_articles import generate_articles, write_articles
from benchmarks.reindex import measure, print_table

LOAD = functools.partial(WordEmbedder, "solar", "painted", "gate")


def test_generated_articles_are_sound_and_differ(tmp_path: Path) -> None:
    """They are what is written to the files, the same each time, and all about something else."""
    articles = list(generate_articles(400))
    write_articles(tmp_path, 400)
    corpus = load_corpus(tmp_path)
    assert corpus.faults == ()
    assert list(corpus.articles) == articles == list(generate_articles(400))
    assert {article.language for article in articles} == {"en", "ru", "kk", "ky"}
    assert len({article.body for article in articles}) == 400
    assert list(generate_articles(4)) == articles[:4]
    assert all(100 < len(article.body.split()) < 320 for article in articles)


def test_one_change_embeds_one_article(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step embeds what it should, and its answer was seen; a kept index is used again."""
    measured = measure(20, tmp_path, LOAD)
    names = [step.name for step in measured.steps]
    assert names == [
        "full index",
        "nothing changed",
        *["one article changed"] * 3,
        "one article removed",
        "one article added",
        "two articles as before",
    ]
    full, nothing, *changed, removed, added, _ = measured.steps
    assert [step.changes for step in measured.steps] == [20, 0, 1, 1, 1, 1, 1, 2]
    assert nothing.texts == removed.texts == 0
    assert all(5 < step.texts < 40 for step in [*changed, added])
    assert full.texts > 20 * 10
    before = {path.name: path.read_text("utf-8") for path in (tmp_path / "articles").iterdir()}

    again = measure(20, tmp_path, LOAD)
    assert again.steps[0] == full
    assert again.steps[1].texts == 0
    assert before == {
        path.name: path.read_text("utf-8") for path in (tmp_path / "articles").iterdir()
    }
    json.dumps(asdict(again))
    print_table(again)
    assert "20 articles" in capsys.readouterr().out
