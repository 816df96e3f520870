"""What readers and reindexes rely on, whichever store keeps the index."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from embeddings import indexing
from embeddings.errors import IndexMissing, IndexUnusable, StagingDamaged
from embeddings.indexing import reindex
from embeddings.retriever import Hit, Retriever
from embeddings.stores import milvus_ranking
from embeddings.stores.contract import EmbeddedArticle, EmbeddedPassage, LanguageMean, Store
from embeddings.stores.opening import (
    MilvusAddress,
    StoreAddress,
    join_staging,
    known_versions,
    open_store,
    writing_to_store,
)
from engine_stores import empty, lite_address
from knowledge.article import Article
from knowledge.corpus import ArticleVersion, Corpus
from knowledge.passages import Passage
from knowledge.sentences import Span
from word_embedder import WordEmbedder

MakeArticle = Callable[..., Article]

EMBEDDER = WordEmbedder("glacier", "solar")
OTHER = WordEmbedder("glacier", "solar", name="other")

MEAN = LanguageMean(*(np.full(6, value, np.float32) for value in (0.5, 0.25, 0.125, 1)))


@pytest.fixture(scope="session")
def lite_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lite")


@pytest.fixture(params=["sqlite", "milvus-lite", "milvus"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> StoreAddress:
    """Where an index can be built that there is none of yet."""
    match request.param:
        case "sqlite":
            return tmp_path / "index.db"
        case "milvus-lite":
            return empty(lite_address(request.getfixturevalue("lite_folder"), "contract"))
        case _:
            return empty(MilvusAddress(request.getfixturevalue("milvus_url"), prefix="contract"))


def embedded(
    article: Article, *starts: int, digest: str | None = None, tokens: bytes = b"t"
) -> EmbeddedArticle:
    """Make an article of which each passage has two sentences of three letters."""
    return EmbeddedArticle(
        article,
        tuple(
            EmbeddedPassage(
                Passage(
                    article,
                    start,
                    start + 8,
                    (Span(start, start + 3), Span(start + 4, start + 7)),
                ),
                np.array([1, 0, 0, 0, 0, 0], np.float32),
                np.eye(6, dtype=np.float32)[:2],
                words=np.array([7, 4_294_967_295], np.uint32),
                names=np.zeros(0, np.uint32),
                tokens=tokens,
                sentence_tokens=(1, 0),
            )
            for start in starts or (0,)
        ),
        digest,
    )


def version(each: EmbeddedArticle) -> ArticleVersion:
    article = each.article
    return ArticleVersion(article.slug, article.url, article.content_hash, each.file_digest)


def write(address: StoreAddress, *articles: EmbeddedArticle, removed: Sequence[str] = ()) -> None:
    """Put articles into the index; their slugs ascend."""
    with writing_to_store(address, EMBEDDER) as writing:
        if not writing.has_language_means():
            writing.set_language_means({"en": MEAN})
        writing.stage(articles)
        writing.switch([version(each) for each in articles], removed, ())


def slugs(articles: Sequence[Article]) -> list[str]:
    return [article.slug for article in articles]


@pytest.fixture
def opened(address: StoreAddress) -> Iterator[Callable[[], Store]]:
    """Open the store as often as wanted; all are closed after the test."""
    stores: list[Store] = []

    def open_it() -> Store:
        stores.append(open_store(address, EMBEDDER))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


Opened = Callable[[], Store]


def test_there_is_no_index_at_first(address: StoreAddress) -> None:
    """Nothing can be opened before the first reindex, nor while that is only staging."""
    with pytest.raises(IndexMissing, match="python -m bot reindex"):
        open_store(address, EMBEDDER)
    assert list(known_versions(address)) == []
    with writing_to_store(address, EMBEDDER) as writing:
        writing.set_language_means({"en": MEAN})
        assert list(writing.article_versions()) == []
        with pytest.raises(IndexMissing):
            open_store(address, EMBEDDER)


def test_what_is_switched_in_is_read_back(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """Articles come back to the letter, whatever their slug, their length and what is unknown."""
    odd = 'it\'s "50%"_\\ ёж 😀\n'
    first = make_article(odd, "Лёд. Тает " * 20_000, language="ru", publisher=None)
    second = make_article("second", "Sun. Heat", published=None)
    before = datetime.now(UTC) - timedelta(seconds=1)
    write(address, embedded(first, 0, 100, tokens=bytes(range(256)) * 600), embedded(second))
    store = opened()
    with store.snapshot():
        assert (store.article_count, store.passage_count) == (2, 3)
        assert store.reindexed_at is not None
        assert before < store.reindexed_at < datetime.now(UTC) + timedelta(seconds=1)
        own, other = store.passage_ids(odd), store.passage_ids("second")
        assert (len(own), len(other)) == (2, 1)
        assert store.read_passages([own[1], other[0], own[1]]) == [
            Passage(first, 100, 108, (Span(100, 103), Span(104, 107))),
            Passage(second, 0, 8, (Span(0, 3), Span(4, 7))),
            Passage(first, 100, 108, (Span(100, 103), Span(104, 107))),
        ]
        assert store.read_passages([]) == []
        assert store.read_articles(0, 9) == [first, second]
        assert store.find_article(first.content_hash[:12]) == first
        assert store.find_passage(first.content_hash[:12], Span(100, 105)) is not None
        assert store.find_passage(first.content_hash[:12], Span(100, 109)) is None
        means = store.read_language_means()
        assert list(means) == ["en"]
        assert means["en"].question.tolist() == [0.5] * 6
        assert means["en"].passage_token.tolist() == [1] * 6
        with pytest.raises(IndexUnusable, match="Passage 77 "):
            store.read_passages([own[0], 77])


def test_what_is_not_there_is_not_found(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """Whatever people send instead of a content hash or a slug finds nothing."""
    write(address, embedded(make_article("ice", "Ice. Melt")))
    store = opened()
    with store.snapshot():
        for text in ("0" * 12, '" or "" == "', "%", "\\", "g"):
            assert store.find_article(text) is None
            assert store.find_passage(text, Span(0, 1)) is None
            assert store.passage_ids(text) == []
            assert store.count_before(text) == 0


def test_articles_are_listed_newest_first(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """By day, by slug on the same day, at the end those without; also those of a time only."""
    dates = {
        "a": None,
        "b": date(2024, 5, 31),
        "c": date(2025, 6, 1),
        "d": date(2025, 6, 30),
        "e": None,
        "f": date(2025, 6, 30),
        "g": date(1969, 12, 31),
        "h": date(2024, 6, 15),
    }
    write(
        address,
        *(embedded(make_article(slug, "Ice. Melt", published=day)) for slug, day in dates.items()),
    )
    store = opened()
    with store.snapshot():
        assert slugs(store.read_articles(0, 99)) == ["d", "f", "c", "h", "b", "g", "a", "e"]
        assert slugs(store.read_articles(1, 3)) == ["f", "c", "h"]
        assert slugs(store.read_articles(7, 3)) == ["e"]
        assert store.read_articles(8, 3) == []
        assert [store.count_before(slug) for slug in "dfae"] == [0, 1, 6, 7]
        assert slugs(store.newest_articles(2)) == ["d", "f"]
        assert slugs(store.newest_articles(9)) == ["d", "f", "c", "h", "b", "g"]
        assert slugs(store.newest_articles(9, 2024)) == ["h", "b"]
        assert slugs(store.newest_articles(9, 2025, 6)) == ["d", "f", "c"]
        assert slugs(store.newest_articles(9, month=6)) == ["d", "f", "c", "h"]
        assert store.newest_articles(9, 2025, 5) == []


def test_a_reindex_adds_replaces_and_removes_in_one_step(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """What has changed is there in its new form only, what was removed is not, the rest stays."""
    ice, sun, wind = (make_article(slug, "Ice. Melt") for slug in ("ice", "sun", "wind"))
    write(address, embedded(ice), embedded(sun, 0, 1), embedded(wind))
    new = make_article("sun", "New. Text.")
    write(address, embedded(make_article("rain", "Wet. Wet.")), embedded(new), removed=["ice"])
    store = opened()
    with store.snapshot():
        assert (store.article_count, store.passage_count) == (3, 3)
        assert sorted(slugs(store.read_articles(0, 9))) == ["rain", "sun", "wind"]
        [passage] = store.read_passages(store.passage_ids("sun"))
        assert passage.text == "New. Tex"
        assert store.passage_ids("ice") == []
        assert store.find_article(ice.content_hash) is None
        assert store.find_article(sun.content_hash) is None
        assert store.find_article(wind.content_hash) == wind


def test_only_another_content_is_another_generation(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """Who compares generations knows whether anything has changed; a reindex may change none."""
    write(address, embedded(make_article("ice", "Ice. Melt")))
    store = opened()
    with store.snapshot() as first:
        at = store.reindexed_at
    with writing_to_store(address, EMBEDDER) as writing:
        writing.switch((), (), ())
    with store.snapshot() as second:
        assert second == first
        assert store.reindexed_at is not None
        assert at is not None
        assert store.reindexed_at > at
        assert store.article_count == 1
    write(address, removed=["ice"])
    with store.snapshot() as third:
        assert third != first
        assert store.article_count == 0
        assert store.read_articles(0, 9) == []


def test_a_file_that_is_saved_anew_has_another_digest(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """Nothing else of its article changes."""
    article = make_article("ice", "Ice. Melt")
    write(address, embedded(article, digest="one"))
    resaved = replace(version(embedded(article)), file_digest="two")
    with writing_to_store(address, EMBEDDER) as writing:
        assert [each.file_digest for each in writing.article_versions()] == ["one"]
        writing.switch((), (), [resaved])
    assert list(known_versions(address)) == [resaved]
    store = opened()
    with store.snapshot():
        assert (store.article_count, store.passage_count) == (1, 1)
        assert store.read_articles(0, 9) == [article]


def test_a_reader_sees_one_generation_until_it_is_done(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """A reindex that ends meanwhile changes nothing of what is being read."""
    ice, sun = make_article("ice", "Ice. Melt"), make_article("sun", "Sun. Heat")
    write(address, embedded(ice), embedded(sun))
    store = opened()
    with store.snapshot():
        ids = store.passage_ids("ice")
        write(address, embedded(make_article("sun", "New. Text.")), removed=["ice"])
        assert store.passage_ids("ice") == ids
        assert store.read_passages(ids)[0].article == ice
        assert store.find_article(sun.content_hash) == sun
        assert slugs(store.read_articles(0, 9)) == ["ice", "sun"]
        assert store.article_count == 2
    with store.snapshot():
        assert slugs(store.read_articles(0, 9)) == ["sun"]


def test_what_is_staged_is_seen_by_reindexes_only(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """Readers don't see it, neither while it is staged nor when the reindex was killed then."""
    write(address, embedded(make_article("ice", "Ice. Melt")))
    store = opened()
    with writing_to_store(address, EMBEDDER) as writing:
        writing.stage([embedded(make_article("sun", "Sun. Heat"))])
        with store.snapshot():
            assert slugs(store.read_articles(0, 9)) == ["ice"]
    for reader in (store, opened()):
        with reader.snapshot():
            assert slugs(reader.read_articles(0, 9)) == ["ice"]
            assert reader.passage_ids("sun") == []


def test_a_reindex_goes_on_from_what_a_killed_one_has_staged(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """Nothing is embedded twice; and what nobody wants any more is forgotten for good."""
    write(address, embedded(make_article("ice", "Ice. Melt")))
    sun, wind = (
        embedded(make_article("sun", "Sun. Heat")),
        embedded(make_article("wind", "Blows.")),
    )
    with writing_to_store(address, EMBEDDER) as writing:
        key = writing.key
        writing.stage([sun, wind])
    with writing_to_store(address, EMBEDDER) as writing:
        assert writing.key == key
        assert list(writing.staged_versions()) == [version(sun), version(wind)]
        writing.switch([version(sun)], (), ())
        assert (writing.article_count, writing.passage_count) == (2, 2)
    with writing_to_store(address, EMBEDDER) as writing:
        assert writing.key != key
        assert list(writing.staged_versions()) == []
        assert [each.slug for each in writing.article_versions()] == ["ice", "sun"]
        writing.switch((), ["ice"], ())
    store = opened()
    with store.snapshot():
        assert slugs(store.read_articles(0, 9)) == ["sun"]


def test_an_interrupted_reindex_is_gone_on_with(
    address: StoreAddress, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has embedded is not embedded once more, and is in the index at the end."""
    monkeypatch.setattr(indexing, "_TEXTS_PER_STEP", 1)
    embedder = WordEmbedder("glacier", "solar")
    articles = Corpus(tuple(make_article(slug, f"{slug} melts.") for slug in "abcde"), ())

    def interrupt(done: int, _total: int) -> None:
        # Each article has two texts.
        if done > 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindex(articles, address, embedder, interrupt)
    embedder.embedded.clear()
    report = reindex(articles, address, embedder)
    titled = [text for text in embedder.embedded if "\n" in text]
    assert titled == ["D\nd melts.", "E\ne melts."]
    assert (report.added, report.articles, report.passages) == (("a", "b", "c", "d", "e"), 5, 5)
    with closing(open_store(address, embedder)) as store:
        assert {each.slug for each in store.read_articles(0, 9)} == set("abcde")


def test_of_an_article_that_is_staged_again_the_last_one_counts(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """However often and by whomever it is staged, there is one of it."""
    write(address, embedded(make_article("ice", "Ice. Melt")))
    last = embedded(make_article("sun", "Sun. Heat"), digest="new")
    with writing_to_store(address, EMBEDDER) as writing:
        writing.stage([embedded(make_article("sun", "Sun. Cold"), 0, 1)])
        with join_staging(address, EMBEDDER) as staging:
            assert staging.key == writing.key
            assert list(staging.read_language_means()) == ["en"]
            staging.stage([replace(last, file_digest="old")])
            staging.stage([last])
        assert list(writing.staged_versions()) == [version(last)]
        writing.switch(writing.staged_versions(), (), ())
    store = opened()
    with store.snapshot():
        assert store.passage_count == 2
        assert store.find_article(last.article.content_hash) == last.article
    assert version(last) in list(known_versions(address))


def test_what_is_not_staged_does_not_get_into_the_index(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """A switch to something that is staged no more, or in another form, changes nothing."""
    write(address, embedded(make_article("ice", "Ice. Melt")))
    staged, wanted = (embedded(make_article("sun", body)) for body in ("Sun. Heat", "Sun. Cold"))
    with writing_to_store(address, EMBEDDER) as writing:
        writing.stage([staged])
        with pytest.raises(StagingDamaged):
            writing.switch([version(wanted)], ["ice"], ())
    store = opened()
    with store.snapshot():
        assert slugs(store.read_articles(0, 9)) == ["ice"]


def test_nobody_stages_for_a_reindex_that_has_ended(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """Whether or not who is late is told so: nothing of it is seen, now or later."""
    write(address, embedded(make_article("ice", "Ice. Melt")))
    with writing_to_store(address, EMBEDDER) as writing:
        writing.stage([embedded(make_article("sun", "Sun. Heat"))])
        with join_staging(address, EMBEDDER) as late:
            writing.switch(writing.staged_versions(), (), ())
            with suppress(IndexUnusable):
                late.stage([embedded(make_article("wind", "Blows."))])
    write(address, embedded(make_article("rain", "Wet. Wet.")))
    store = opened()
    with store.snapshot():
        assert slugs(store.read_articles(0, 9)) == ["ice", "rain", "sun"]


def test_an_index_of_another_model_is_built_beside(
    address: StoreAddress, opened: Opened, make_article: MakeArticle
) -> None:
    """It counts as empty for a reindex, and is searched until that is done, and then no more."""
    ice = embedded(make_article("ice", "Ice. Melt"))
    write(address, ice)
    store = opened()
    with pytest.raises(IndexUnusable, match="another model"):
        open_store(address, OTHER)
    assert list(known_versions(address)) == [version(ice)]
    with writing_to_store(address, OTHER) as writing:
        assert not writing.has_language_means()
        assert list(writing.article_versions()) == []
        writing.set_language_means({"en": MEAN})
        sun = embedded(make_article("sun", "Sun. Heat"))
        writing.stage([sun])
        with store.snapshot():
            assert slugs(store.read_articles(0, 9)) == ["ice"]
        writing.switch([version(sun)], (), ())
    with pytest.raises(IndexUnusable, match="another model"), store.snapshot():
        pass
    with closing(open_store(address, OTHER)) as other, other.snapshot():
        assert slugs(other.read_articles(0, 9)) == ["sun"]
    assert list(known_versions(address)) == [version(sun)]


CORPUS_EMBEDDER = WordEmbedder(
    "glacier", "ice", "solar", "wind", "water", "forest", "ледник", "лес", language_weight=0.2
)

TEXTS = (
    ("en-ice", "en", date(2021, 3, 1), "The glacier melts. Its ice becomes water in summer."),
    ("en-sun", "en", date(2025, 6, 12), "Solar power grows. Kambarov built a solar plant here."),
    ("en-wind", "en", None, "Wind is strong in the hills.\n\nNobody counts the wind."),
    ("en-twin", "en", date(2025, 6, 1), "Solar power grows. Kambarov built a solar plant there."),
    ("kk-water", "kk", date(2025, 5, 2), "Қазақстанда су аз. Мұз, glacier, water керек."),
    ("ky-forest", "ky", date(2024, 6, 30), "Кыргызстанда токой көп. Бул forest, ice эмес."),
    ("ru-ice", "ru", date(2021, 4, 5), "Этот ледник тает быстро. Камбаров измерил, сколько воды."),
    ("ru-wood", "ru", date(2023, 1, 9), "Это лес, а не сад. Здесь растут деревья и forest."),
)
QUESTIONS = (
    "Which glacier melts?",
    "Какой ледник тает?",
    "Where did Kambarov build a solar plant?",
    "What happened with ice in March 2021?",
    "Latest news about solar power",
    "Қазақстанда су қанша?",
    "токой жөнүндө айтып бер",
    "forest in June",
    "nothing of it",
)


def corpus(texts: Sequence[tuple[str, str, date | None, str]]) -> Corpus:
    return Corpus(
        tuple(
            Article(slug, slug.title(), f"https://example.org/{slug}", body, None, language, day)
            for slug, language, day, body in texts
        ),
        (),
    )


@pytest.fixture
def local_hits(tmp_path: Path) -> Callable[[], Retriever]:
    """What the local store finds in the corpus as it is after two reindexes."""

    def make() -> Retriever:
        path = tmp_path / "local.db"
        index(path)
        return Retriever(open_store(path, CORPUS_EMBEDDER), CORPUS_EMBEDDER, today=today)

    return make


def today() -> date:
    return date(2025, 7, 1)


def index(address: StoreAddress) -> None:
    """Build an index of something else first, so that statistics have to be kept up to date."""
    before = (("gone", "en", date(2025, 6, 30), "The glacier is ice."), *TEXTS[1:])
    reindex(
        corpus([(*each[:3], f"Old ice. {each[3]}") for each in before]), address, CORPUS_EMBEDDER
    )
    reindex(corpus(TEXTS), address, CORPUS_EMBEDDER)


def told(hits: Sequence[Hit]) -> list[object]:
    """What a hit tells but for the ids."""
    return [
        (hit.passage, hit.quote, hit.highlight, hit.score, hit.evidence, hit.confidence)
        for hit in hits
    ]


def test_all_stores_find_the_same(
    address: StoreAddress,
    local_hits: Callable[[], Retriever],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same passages with the same scores, evidence and marks, whatever is asked.

    In four languages, from a time, after another question, within an article and without one.
    """
    # Of these eight passages some are left out before their embeddings are read.
    monkeypatch.setattr(milvus_ranking, "_READ", 5)
    index(address)
    local = local_hits()
    retriever = Retriever(open_store(address, CORPUS_EMBEDDER), CORPUS_EMBEDDER, today=today)
    nothing = [None] * len(QUESTIONS)
    for options in (
        {},
        {"without": ["en-ice"] * len(QUESTIONS)},
        {"within": ["en-sun"] * len(QUESTIONS)},
        {"after": [*QUESTIONS[1:], QUESTIONS[0]]},
        {"without": [None, "ru-ice", *nothing[2:]], "within": ["en-ice", *nothing[1:]]},
    ):
        expected = local.search_batch(QUESTIONS, 3, **options)
        found = retriever.search_batch(QUESTIONS, 3, **options)
        assert list(map(told, found)) == list(map(told, expected))
    assert retriever.search("Which glacier melts?")[0].passage.article.slug == "en-ice"


def test_a_question_is_answered_the_same_alone(address: StoreAddress) -> None:
    """What else is asked at the same time changes no score."""
    index(address)
    retriever = Retriever(open_store(address, CORPUS_EMBEDDER), CORPUS_EMBEDDER, today=today)
    together = retriever.search_batch(QUESTIONS)
    assert [told(retriever.search(each)) for each in QUESTIONS] == list(map(told, together))


def test_a_reindex_is_seen_at_the_next_question(address: StoreAddress) -> None:
    """A retriever that is open goes on with the new index; also with an empty one."""
    index(address)
    retriever = Retriever(open_store(address, CORPUS_EMBEDDER), CORPUS_EMBEDDER, today=today)
    assert retriever.search("Which glacier melts?")[0].passage.article.slug == "en-ice"
    reindex(corpus(TEXTS[1:]), address, CORPUS_EMBEDDER)
    assert retriever.refresh()
    assert retriever.search("Which glacier melts?")[0].passage.article.slug == "kk-water"
    reindex(corpus(()), address, CORPUS_EMBEDDER)
    assert retriever.search("Which glacier melts?") == []
    assert retriever.list_page(1, 5).total == 0


def test_what_a_server_maps_from_files_is_found(
    milvus_url: str, local_hits: Callable[[], Retriever]
) -> None:
    """A server does that once it has flushed what was written, which it may do at any time."""
    address = empty(MilvusAddress(milvus_url, prefix="contract"))
    index(address)
    flush_and_map(address)
    local = local_hits()
    expected = [told(local.search(each)) for each in QUESTIONS]
    store = open_store(address, CORPUS_EMBEDDER)
    retriever = Retriever(store, CORPUS_EMBEDDER, today=today)
    assert [told(retriever.search(each)) for each in QUESTIONS] == expected
    with store.snapshot():
        assert store.count_before("ru-wood") == 4
        [ice] = store.read_articles(6, 1)
        assert store.find_passage(ice.content_hash, Span(3, 9))
    # What has been mapped is replaced all the same.
    reindex(corpus(TEXTS[1:]), address, CORPUS_EMBEDDER)
    assert len(list(known_versions(address))) == 7
    assert retriever.search("Which glacier melts?")[0].passage.article.slug == "kk-water"


def flush_and_map(address: MilvusAddress) -> None:
    from pymilvus import MilvusClient

    with closing(MilvusClient(address.url, dedicated=True)) as client:

        def flush(name: str) -> None:
            client.flush(name)
            client.release_collection(name)
            client.load_collection(name)

        names = [name for name in client.list_collections() if name.startswith(address.prefix)]
        with ThreadPoolExecutor(len(names)) as threads:
            list(threads.map(flush, names))
