"""A reindex brings the index up to date with the corpus, and does no more than that."""

import json
import math
import sqlite3
import weakref
from collections.abc import Callable
from contextlib import closing
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from embeddings import indexing
from embeddings.embedder import Tokens
from embeddings.indexing import Unnamed, reindex
from embeddings.late_interaction import products
from embeddings.lexical import read_names, read_words
from embeddings.stores.sqlite import SqliteStore, known_versions
from knowledge.article import Article, parse_article
from knowledge.corpus import ArticleFolder, Corpus, Fault
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


class ShortSighted(WordEmbedder):
    """Reads only the beginning of a text, as models with room for so many tokens do."""

    def __init__(self, *words: str, reads: int) -> None:
        super().__init__(*words)
        self._reads = reads

    def _tokens(self, text: str) -> Tokens:
        tokens = super()._tokens(text)
        return Tokens(tokens.embeddings[: self._reads], tokens.ends[: self._reads])


def stored_tokens(path: Path, embedder: WordEmbedder) -> tuple[list[str], list[int]]:
    """The word of each token in the index, and how many of them each sentence has."""
    words = list(embedder._axes)
    store = SqliteStore.open(path, embedder)
    vectors = store.read_vectors()
    packed = store.read_tokens(vectors.passage_ids.tolist())
    axes = np.eye(embedder.dimension, dtype=np.float32)
    tokens = [words[row.argmax()] for each in packed for row in products(each, axes)]
    return tokens, vectors.sentence_tokens.tolist()


def test_tokens_are_kept_by_sentence_and_without_the_title(
    path: Path, make_article: MakeArticle
) -> None:
    """A token belongs to the sentence that it stands in; those of the title belong to none."""
    embedder = WordEmbedder("fox", "hare", "owl")
    body = "The fox saw a hare. Nobody else did. Owl!\n\nFox (hare, owl)"
    reindex(corpus(make_article("a", body, title="Owl, hare, fox")), path, embedder)
    assert stored_tokens(path, embedder) == (
        ["fox", "hare", "owl", "fox", "hare", "owl"],
        [2, 0, 1, 3],
    )


def test_tokens_of_later_passages(path: Path, make_article: MakeArticle) -> None:
    """Also where a passage does not begin with its article's body."""
    embedder = WordEmbedder("fox", "hare", "owl")
    filler = "Nothing happened that anybody would have told the others about. " * 12
    body = f"The fox slept. {filler}\n\nThen an owl came. {filler}\n\nA hare ran. {filler}"
    reindex(corpus(make_article("a", body.strip(), title="The hare")), path, embedder)
    assert SqliteStore.open(path, embedder).passage_count == 3
    assert stored_tokens(path, embedder) == (
        ["fox", "owl", "hare"],
        [1, *[0] * 12] * 3,
    )


@pytest.mark.parametrize(
    ("reads", "tokens", "counts"),
    [
        (5, ["fox", "hare", "owl"], [1, 1, 1]),
        (4, ["fox", "hare"], [1, 1, 0]),
        (3, ["fox"], [1, 0, 0]),
        (2, [], [0, 0, 0]),
        (1, [], [0, 0, 0]),
        (0, [], [0, 0, 0]),
    ],
)
def test_sentences_that_the_model_has_no_room_for_have_no_tokens(
    reads: int, tokens: list[str], counts: list[int], path: Path, make_article: MakeArticle
) -> None:
    """What is cut off is missing at the end, even if only a part of the title is read."""
    embedder = ShortSighted("fox", "hare", "owl", reads=reads)
    article = make_article("a", "One fox. One hare. One owl.", title="Hare and owl")
    reindex(corpus(article), path, embedder)
    assert stored_tokens(path, embedder) == (tokens, counts)


def test_the_languages_mean_is_taken_off_the_tokens(
    path: Path, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tokens of a language share is no part of what is kept."""
    samples = path.with_name("samples.json")
    samples.write_text(json.dumps({"en": ["A fox.", "A fox, fox and hare."]}))
    monkeypatch.setattr(indexing, "_LANGUAGE_SAMPLES", samples)
    embedder = WordEmbedder("fox", "hare", name="few")
    reindex(corpus(make_article("a", "A hare.")), path, embedder)
    store = SqliteStore.open(path, embedder)
    mean = store.read_language_means()["en"]
    for tokens in (mean.question_token, mean.passage_token):
        assert tokens[:2].tolist() == [0.75, 0.25]
    [packed] = store.read_tokens(store.read_vectors().passage_ids.tolist())
    # (0, 1) less (0.75, 0.25) at length 1, in steps of 0.146.
    expected = [-math.sqrt(0.5), math.sqrt(0.5), 0, 0, 0, 0]
    assert products(packed, np.eye(6, dtype=np.float32)).tolist() == [
        pytest.approx(expected, abs=0.073)
    ]


def test_a_model_without_tokens_is_indexed(path: Path, make_article: MakeArticle) -> None:
    """Its passages have none, and the means of its tokens are 0."""
    embedder = ShortSighted("fox", reads=0)
    reindex(corpus(make_article("a", "One fox.")), path, embedder)
    store = SqliteStore.open(path, embedder)
    assert store.read_tokens(store.read_vectors().passage_ids.tolist()) == [b""]
    means = store.read_language_means()
    assert means.keys() == {"en", "ru", "kk", "ky"}
    for mean in means.values():
        assert not mean.question_token.any()
        assert not mean.passage_token.any()


def test_words_and_names_are_those_of_title_and_passage(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """A passage is found by the words of its title, too, each compared as its language demands."""
    article = make_article("a", "Они тают.", title="Ледники Кумтора", language="ru")
    reindex(corpus(article), path, embedder)
    vectors = SqliteStore.open(path, embedder).read_vectors()
    text = "Ледники Кумтора\nОни тают."
    assert vectors.words[0].tolist() == read_words(text, "ru").tolist()
    assert vectors.names[0].tolist() == read_names(text).tolist()


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
    assert SqliteStore.open(path, embedder).read_vectors().passages.shape == (0, 6)


def test_another_model_rebuilds_all(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """After a change of model every article is embedded anew."""
    article = make_article("ice", "The glacier melts.")
    reindex(corpus(article), path, embedder)
    other = WordEmbedder("glacier")
    assert reindex(corpus(article), path, other).added == ("ice",)
    assert SqliteStore.open(path, other).article_count == 1


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
    monkeypatch.setattr(indexing, "_TEXTS_PER_STEP", 4)
    steps: list[int] = []
    articles = [make_article(f"article-{i}", f"Text {i}.") for i in range(5)]
    reindex(corpus(*articles), path, embedder, lambda done, _: steps.append(done))
    assert steps == [2, 4, 6, 8, 9, 10]
    assert SqliteStore.open(path, embedder).article_count == 5


def test_an_unchanged_file_is_not_even_compared(
    path: Path,
    embedder: WordEmbedder,
    make_article: MakeArticle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its digest is enough, which at 10,000 articles saves a third of a second."""
    article = make_article("ice", "The glacier melts.")
    of_file = Corpus((article,), (), {"ice": "d1"})
    reindex(of_file, path, embedder)
    hashed: list[str] = []
    monkeypatch.setattr(Article, "content_hash", property(lambda each: hashed.append(each.slug)))
    assert reindex(of_file, path, embedder).unchanged == 1
    assert hashed == []


def test_a_file_that_says_the_same_is_not_embedded_again(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """Another order of its front matter is no change; its new digest is kept."""
    article = make_article("ice", "The glacier melts.")
    reindex(Corpus((article,), (), {"ice": "d1"}), path, embedder)
    embedder.embedded.clear()
    report = reindex(Corpus((article,), (), {"ice": "d2"}), path, embedder)
    assert (report.changed, report.unchanged) == ((), 1)
    assert embedder.embedded == []
    [version] = known_versions(path)
    assert (version.slug, version.file_digest) == ("ice", "d2")


def test_an_article_with_another_digest_and_content_is_changed(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """And an index whose articles came from no files takes what comes from files."""
    reindex(corpus(make_article("ice", "The glacier melts.")), path, embedder)
    article = make_article("ice", "The glacier grows.")
    assert reindex(Corpus((article,), (), {"ice": "d1"}), path, embedder).changed == ("ice",)
    [version] = known_versions(path)
    assert (version.content_hash, version.file_digest) == (article.content_hash, "d1")


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_interrupted_reindex_changes_nothing(
    after: int,
    path: Path,
    embedder: WordEmbedder,
    make_article: MakeArticle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl+C wherever it comes: readers go on as before, and the next reindex works."""
    monkeypatch.setattr(indexing, "_TEXTS_PER_STEP", 1)
    ice, sun = make_article("ice", "The glacier melts."), make_article("sun", "Solar power.")
    reindex(corpus(ice, sun), path, embedder)
    reader = SqliteStore.open(path, embedder)
    with reader.snapshot() as before:
        ids = reader.all_passage_ids().tolist()
    changed = corpus(make_article("ice", "Ice."), make_article("wind", "Windy."))
    calls = 0

    def progress(_done: int, _total: int) -> None:
        nonlocal calls
        if calls == after:
            raise KeyboardInterrupt
        calls += 1

    with pytest.raises(KeyboardInterrupt):
        reindex(changed, path, embedder, progress)
    with reader.snapshot() as generation:
        assert generation == before
        assert reader.all_passage_ids().tolist() == ids
    report = reindex(changed, path, embedder)
    assert (report.added, report.changed, report.removed) == (("wind",), ("ice",), ("sun",))


def test_language_samples_say_the_same_in_each_language() -> None:
    """The samples are parallel, so that their means differ by language and nothing else."""
    samples = json.loads(indexing._LANGUAGE_SAMPLES.read_text("utf-8"))
    assert {language: len(texts) for language, texts in samples.items()} == {
        "en": 16,
        "ru": 16,
        "kk": 16,
        "ky": 16,
    }


def interrupt_after(count: int) -> Callable[[int, int], None]:
    """Interrupts a reindex when so many steps have been staged, of two texts each."""

    def progress(done: int, _total: int) -> None:
        if done > 2 * count:
            raise KeyboardInterrupt

    return progress


def interrupt(articles: Corpus, path: Path, embedder: WordEmbedder, after: int) -> None:
    """Reindex until so many articles are staged, and forget what the embedder was asked."""
    with pytest.raises(KeyboardInterrupt):
        reindex(articles, path, embedder, interrupt_after(after))
    embedder.embedded.clear()


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each article is a step of its own."""
    monkeypatch.setattr(indexing, "_TEXTS_PER_STEP", 1)


@pytest.mark.usefixtures("one_at_a_time")
def test_what_differs_from_what_was_staged_is_embedded_anew(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """Of two articles that were staged one has changed since, and the other is gone."""
    ice, sun = make_article("ice", "The glacier melts."), make_article("sun", "Solar power.")
    bike, wind = make_article("bike", "A bicycle."), make_article("wind", "Windy.")
    interrupt(corpus(bike, ice, sun, wind), path, embedder, after=3)
    ice = make_article("ice", "The glacier grows.")
    report = reindex(corpus(ice, sun, wind), path, embedder)
    titled = [text for text in embedder.embedded if "\n" in text]
    assert titled == ["Ice\nThe glacier grows.", "Wind\nWindy."]
    assert report.added == ("ice", "sun", "wind")
    store = SqliteStore.open(path, embedder)
    assert store.read_articles(0, 9) == [ice, sun, wind]
    assert not path.with_name("index.staged.db").exists()


@pytest.mark.usefixtures("one_at_a_time")
def test_nothing_is_taken_from_another_models_reindex(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """What it has staged is embedded anew."""
    articles = corpus(make_article("ice", "The glacier."), make_article("sun", "Solar."))
    interrupt(articles, path, embedder, after=1)
    other = WordEmbedder("glacier")
    reindex(articles, path, other)
    assert other.embedded[-4:] == ["Ice\nThe glacier.", "The glacier.", "Sun\nSolar.", "Solar."]


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
@pytest.mark.usefixtures("one_at_a_time")
def test_what_was_staged_and_is_broken_is_embedded_anew(
    content: bytes, path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """The index itself stays."""
    old = make_article("old", "Old.")
    reindex(corpus(old), path, embedder)
    articles = corpus(old, make_article("sun", "Solar."), make_article("wind", "Windy."))
    interrupt(articles, path, embedder, after=1)
    path.with_name("index.staged.db").write_bytes(content)
    report = reindex(articles, path, embedder)
    assert (report.added, report.unchanged) == (("sun", "wind"), 1)
    assert embedder.embedded == ["Sun\nSolar.", "Solar.", "Wind\nWindy.", "Windy."]


@pytest.mark.usefixtures("one_at_a_time")
def test_what_breaks_while_it_is_staged_is_embedded_again(
    path: Path, embedder: WordEmbedder, make_article: MakeArticle
) -> None:
    """The reindex begins anew, and ends."""
    articles = corpus(*(make_article(slug, "Text. " * 500) for slug in ("a", "b", "c")))
    staged = path.with_name("index.staged.db")

    def damage(done: int, total: int) -> None:
        if done == total and staged.exists() and not embedder.embedded.count("broken"):
            embedder.embedded.append("broken")
            with closing(sqlite3.connect(staged)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with staged.open("r+b") as file:
                file.seek(4096)
                file.write(b"\xff" * (staged.stat().st_size - 4096))

    assert reindex(articles, path, embedder, damage).articles == 3


def write_file(folder: Path, slug: str, body: str) -> Path:
    file = folder / f"{slug}.md"
    text = f"---\ntitle: {slug}\nurl: https://example.org/{slug}\nlanguage: en\n---\n\n{body}\n"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    return folder


@pytest.mark.usefixtures("one_at_a_time")
def test_what_is_changed_meanwhile_stays_as_it_was(
    path: Path, embedder: WordEmbedder, folder: Path
) -> None:
    """The report names it, and the next reindex takes it."""
    for slug in ("changed", "gone", "new"):
        write_file(folder, slug, "Old text.")
    reindex(ArticleFolder(folder), path, embedder)
    for slug in ("added", "changed", "gone", "new"):
        write_file(folder, slug, "Text.")

    def change(_done: int, _total: int) -> None:
        write_file(folder, "changed", "New text.")
        (folder / "gone.md").unlink(missing_ok=True)

    report = reindex(ArticleFolder(folder), path, embedder, change)
    assert (report.added, report.changed, report.removed) == (("added",), ("new",), ())
    assert report.unchanged == 2
    assert [fault.file for fault in report.faults] == ["changed.md", "gone.md"]
    assert "the next reindex takes it" in report.faults[0].reason
    store = SqliteStore.open(path, embedder)
    bodies = {article.slug: article.body for article in store.read_articles(0, 9)}
    old = "Old text."
    assert bodies == {"added": "Text.", "changed": old, "gone": old, "new": "Text."}
    report = reindex(ArticleFolder(folder), path, embedder)
    assert (report.changed, report.removed, report.faults) == (("changed",), ("gone",), ())


def test_the_first_of_many_are_named(path: Path, embedder: WordEmbedder, folder: Path) -> None:
    """The others are counted: a report stays short however much was done."""
    for number in range(102):
        write_file(folder, f"a{number:03}", "Text.")
        (folder / f"b{number:03}.md").write_text("Just text")
    report = reindex(ArticleFolder(folder), path, embedder)
    assert report.added == tuple(f"a{number:03}" for number in range(100))
    assert [fault.file for fault in report.faults] == [f"b{n:03}.md" for n in range(100)]
    assert report.unnamed == Unnamed(added=2, faults=2)
    for number in range(102):
        write_file(folder, f"a{number:03}", "Other text.")
    report = reindex(ArticleFolder(folder), path, embedder)
    assert (len(report.changed), report.unnamed) == (100, Unnamed(changed=2, faults=2))
    for file in folder.iterdir():
        file.unlink()
    report = reindex(ArticleFolder(folder), path, embedder)
    assert (len(report.removed), report.unnamed) == (100, Unnamed(removed=2))


class TracedArticle(Article):
    """One of which can be told whether it is still in memory."""

    __slots__ = ("__weakref__",)


def test_a_few_articles_are_in_memory_at_once(
    path: Path, embedder: WordEmbedder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: those of a step, new or changed."""
    monkeypatch.setattr(indexing, "_TEXTS_PER_STEP", 6)  # three articles
    known: list[weakref.ref[Article]] = []
    most = 0

    def parse(slug: str, text: str) -> Article:
        nonlocal most
        traced = TracedArticle(*astuple(parse_article(slug, text)))
        known.append(weakref.ref(traced))
        most = max(most, sum(each() is not None for each in known))
        return traced

    monkeypatch.setattr("knowledge.corpus.parse_article", parse)
    for text in ("Text.", "Other text."):
        for number in range(30):
            write_file(folder, f"{number:02}", text)
        report = reindex(ArticleFolder(folder), path, embedder)
    assert len(report.changed) == 30
    # Each is understood once to be compared, and once to be embedded.
    assert len(known) == 120
    assert most <= 4
