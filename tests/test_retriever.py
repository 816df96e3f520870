"""Ranking: worked out by hand with a word embedder, and across languages with the real model."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from embeddings.confidence import Calibration, Verdict
from embeddings.embedder import Embedder, SentenceTransformerEmbedder, Tokens
from embeddings.indexing import reindex
from embeddings.retriever import ArticleList, Retriever, judge
from embeddings.stores.sqlite import SqliteStore
from knowledge.article import Article
from knowledge.corpus import Corpus
from knowledge.sentences import Span
from word_embedder import WordEmbedder

MakeArticle = Callable[..., Article]
MakeRetriever = Callable[..., Retriever]


@pytest.fixture
def make_retriever(tmp_path: Path) -> MakeRetriever:
    def make(embedder: Embedder, *articles: Article) -> Retriever:
        reindex(Corpus(articles, ()), tmp_path / "index.db", embedder)
        return Retriever(SqliteStore.open(tmp_path / "index.db", embedder), embedder)

    return make


def found(retriever: Retriever, question: str, **options: int) -> list[str]:
    return [hit.passage.article.slug for hit in retriever.search(question, **options)]


def test_the_closest_passage_comes_first(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """Hits are sorted by score, best first, and as many as asked for."""
    retriever = make_retriever(
        WordEmbedder("glacier", "solar", "melts"),
        make_article("a", "The solar panel."),
        make_article("b", "The glacier melts."),
        make_article("c", "The glacier is solar."),
    )
    assert found(retriever, "Which glacier melts?") == ["b", "c", "a"]
    assert found(retriever, "Which glacier melts?", limit=1) == ["b"]
    scores = [hit.score for hit in retriever.search("Which glacier melts?")]
    assert scores == sorted(scores, reverse=True)


def test_the_best_sentence_counts_and_is_highlighted(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """Of two passages with the same words, the one that has them in one sentence is first."""
    scattered = "Glacier wind. Solar wind."
    together = "Wind wind. Glacier solar."
    retriever = make_retriever(
        WordEmbedder("glacier", "solar", "wind"),
        make_article("scattered", scattered),
        make_article("together", together),
    )
    first, second = retriever.search("glacier solar", limit=2)
    assert first.passage.article.slug == "together"
    assert first.score > second.score
    assert together[first.highlight.start : first.highlight.end] == "Glacier solar."


def test_the_language_of_a_passage_does_not_decide(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """A question finds the passage that answers though another one speaks its language."""
    articles = [
        make_article("en-solar", "Solar solar.", language="en"),
        make_article("en-wind", "Wind wind.", language="en"),
        make_article("ru-glacier", "Это glacier, а не что другое.", language="ru"),
        make_article("ru-wind", "Это wind, а не что другое.", language="ru"),
    ]
    embedder = WordEmbedder("glacier", "solar", "wind", language_weight=1.0)
    [question] = embedder.embed_questions(["Where is the glacier?"]).embeddings
    raw = embedder.embed_sentences([article.body for article in articles]) @ question
    assert raw.argmax() in (0, 1), "without centring, the wrong passage would be first"
    assert found(make_retriever(embedder, *articles), "Where is the glacier?")[0] == "ru-glacier"


def test_words_put_no_passage_in_another_language_behind(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """What cannot share the question's words comes before what could and does not."""
    retriever = make_retriever(
        WordEmbedder("solar"),
        make_article("en-wind", "The wind blows here.", language="en"),
        make_article("ru-ice", "Это лёд, он тает.", language="ru"),
        make_article("en-ice", "The ice is old.", language="en"),
    )
    assert found(retriever, "How old is the ice?") == ["en-ice", "ru-ice", "en-wind"]


def test_names_are_found_in_another_script(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """A name that the model doesn't know is found by how it is spelt."""
    retriever = make_retriever(
        WordEmbedder("solar"),
        make_article("a", "Парк открыл Умаров.", language="ru"),
        make_article("b", "Парк открыл Бауыржан Камбаров.", language="ru"),
        make_article("c", "Паркті Қалқаманов ашты.", language="kk"),
    )
    assert found(retriever, "What did Bauyrzhan Kambarov open?")[0] == "b"
    assert found(retriever, "What did Saken Kalkamanov open?")[0] == "c"


def test_a_kazakh_word_is_found_under_its_suffixes(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """A question about a project finds "of its projects", which the model doesn't know."""
    retriever = make_retriever(
        WordEmbedder("solar"),
        make_article("a", "Мұздықтар жыл сайын еріп жатыр.", language="kk"),
        make_article("b", "Ауылдың жобаларының саны көбейді.", language="kk"),
    )
    assert found(retriever, "Бұл қандай жоба?")[0] == "b"


def test_the_same_text_twice_is_one_hit(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """Of an article that two sites carry one is shown, and its translation beside it."""
    text = "The glacier lost eleven metres of ice in ten years, as scientists found out."
    retriever = make_retriever(
        WordEmbedder("glacier", "ледник"),
        make_article("one", text, title="Ice"),
        make_article("two", f"{text} Today.", title="Ice"),
        make_article("ru", "За десять лет ледник потерял одиннадцать метров.", language="ru"),
        make_article("other", "A glacier is made of snow."),
    )
    slugs = found(retriever, "How many metres did the glacier lose?", limit=4)
    assert len(slugs) == 3
    assert {"ru", "other"} < set(slugs)


@pytest.mark.parametrize("question", ["", "   ", "?!", "🌱", "19", "а"])
def test_a_question_of_no_words_is_no_error(
    question: str, make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """Without tokens, words or both there are hits all the same, none of them sure."""
    articles = [make_article("ice", "The glacier melts."), make_article("sun", "Solar power.")]
    retriever = make_retriever(WordEmbedder("glacier", "solar"), *articles)
    assert sorted(found(retriever, question)) == ["ice", "sun"]
    assert judge(retriever.search(question)) is not Verdict.ANSWER


def test_a_model_without_tokens_finds_by_the_rest(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """Embeddings and words suffice for a ranking."""

    class WithoutTokens(WordEmbedder):
        def _tokens(self, text: str) -> Tokens:  # noqa: ARG002 - as in WordEmbedder
            return Tokens(np.zeros((0, self.dimension), np.float32), np.zeros(0, np.int64))

    articles = [make_article("ice", "The glacier melts."), make_article("sun", "Solar power.")]
    retriever = make_retriever(WithoutTokens("glacier", "solar"), *articles)
    assert found(retriever, "solar?") == ["sun", "ice"]
    assert [hit.evidence.tokens for hit in retriever.search("solar?")] == [0, 0]


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Does the glacier melt?", "old"),
        ("What is the latest news about the glacier?", "newest"),
        ("What happened to the glacier in 2025?", "new"),
        ("What happened to the glacier last year?", "new"),
        ("What happened to the glacier in 2023?", "old"),
        ("What happened to the glacier this year?", "newest"),
        ("Что случилось с glacier в июне?", "new"),
    ],
)
def test_dates_count_when_they_are_asked_for(
    question: str, first: str, tmp_path: Path, make_article: MakeArticle
) -> None:
    """Of articles that answer equally well the one from the time that is asked for is first."""
    articles = [
        make_article("old", "The glacier melts.", title="Ice", published=date(2023, 3, 1)),
        make_article("new", "Glacier: it melts!", title="A", published=date(2025, 6, 12)),
        make_article("newest", "A glacier melts.", title="Water", published=date(2026, 1, 7)),
    ]
    embedder = WordEmbedder("glacier")
    reindex(Corpus(tuple(articles), ()), tmp_path / "index.db", embedder)
    store = SqliteStore.open(tmp_path / "index.db", embedder)
    retriever = Retriever(store, embedder, today=lambda: date(2026, 2, 1))
    assert found(retriever, question)[0] == first


@pytest.mark.parametrize(
    ("question", "slugs"),
    [
        ("What is the latest news?", ["newest", "new"]),
        ("Какие последние новости?", ["newest", "new"]),
        ("What happened in 2025?", ["new", "spring"]),
        ("What happened in June 2025?", ["new"]),
        ("What happened last year?", ["new", "spring"]),
        ("Что произошло в этом месяце?", []),
        ("What happened in 2019?", []),
        ("What is the latest news about the glacier?", []),
        ("How does the glacier melt?", []),
        ("What is that?", []),
        ("", []),
    ],
)
def test_articles_of_a_time_are_listed_unless_a_topic_is_named(
    question: str, slugs: list[str], tmp_path: Path, make_article: MakeArticle
) -> None:
    """Newest first and no more than asked for; what names a topic or no time is for a search."""
    dates = {
        "undated": None,
        "spring": date(2025, 3, 1),
        "newest": date(2026, 1, 7),
        "new": date(2025, 6, 12),
    }
    articles = [make_article(slug, "Ice.", published=day) for slug, day in dates.items()]
    embedder = WordEmbedder("glacier")
    reindex(Corpus(tuple(articles), ()), tmp_path / "index.db", embedder)
    store = SqliteStore.open(tmp_path / "index.db", embedder)
    retriever = Retriever(store, embedder, today=lambda: date(2026, 2, 1))
    listed = retriever.list_articles(question, limit=2)
    assert [article.slug for article in listed] == slugs
    assert all(article in articles for article in listed)


def test_a_calibration_for_another_model_makes_no_hit_sure(
    tmp_path: Path, make_article: MakeArticle
) -> None:
    """The same evidence is an answer with the model that it was fitted for, else unsure."""
    embedder = WordEmbedder("glacier", name="one")
    article = make_article("ice", "The glacier melts.")
    reindex(Corpus((article,), ()), tmp_path / "index.db", embedder)
    store = SqliteStore.open(tmp_path / "index.db", embedder)
    own = Calibration(intercept=5.0, weights={}, model="one", fitted_on="data")
    other = replace(own, model="two")
    fitted, foreign = Retriever(store, embedder, own), Retriever(store, embedder, other)
    assert fitted.calibrated
    assert not foreign.calibrated
    assert judge(fitted.search("glacier?")) is Verdict.ANSWER
    assert judge(foreign.search("glacier?")) is Verdict.UNSURE


def test_an_empty_index_has_no_hits(make_retriever: MakeRetriever) -> None:
    """No passages, no hits; no questions, no lists."""
    retriever = make_retriever(WordEmbedder("glacier"))
    assert retriever.search("glacier?") == []
    assert retriever.search_batch([]) == []
    assert retriever.list_articles("What is the latest news?", limit=3) == []


def test_a_batch_gives_what_single_questions_give(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """Questions that are searched together do not disturb each other."""
    retriever = make_retriever(
        WordEmbedder("glacier", "solar"),
        make_article("ice", "The glacier melts."),
        make_article("sun", "Solar power."),
    )
    questions = ["glacier?", "solar?", "glacier?"]
    batch = retriever.search_batch(questions)
    assert batch == [retriever.search(question) for question in questions]
    assert [hits[0].passage.article.slug for hits in batch] == ["ice", "sun", "ice"]


def test_an_article_can_be_left_out(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """`without` passes over one article for one question, also when nothing else is left."""
    retriever = make_retriever(
        WordEmbedder("glacier", "solar"), make_article("ice", "The glacier melts.")
    )
    left_in, left_out = retriever.search_batch(["glacier?"] * 2, without=[None, "ice"])
    assert [hit.passage.article.slug for hit in left_in] == ["ice"]
    assert left_out == []


def test_one_article_alone_can_be_searched(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """`within` keeps one question to one article; the others of the batch go on as they do."""
    retriever = make_retriever(
        WordEmbedder("glacier", "solar"),
        make_article("ice", "The glacier melts."),
        make_article("sun", "Solar power."),
    )
    anywhere, in_sun, in_none = retriever.search_batch(
        ["glacier?"] * 3, within=[None, "sun", "gone"]
    )
    assert [hit.passage.article.slug for hit in anywhere] == ["ice", "sun"]
    assert in_sun == anywhere[1:]
    assert in_none == []


def test_a_quote_is_trimmed(make_retriever: MakeRetriever, make_article: MakeArticle) -> None:
    """A hit's quote is of whole sentences around the one that answers, not a long passage."""
    wind = "The wind wind wind. " * 20
    article = make_article("ice", f"{wind}The glacier melts. {wind}".strip())
    [hit] = make_retriever(WordEmbedder("glacier", "wind"), article).search("glacier?")
    assert hit.passage.text == article.body
    quote = article.body[hit.quote.start : hit.quote.end]
    assert quote.startswith("The wind")
    assert "The glacier melts." in quote
    assert 600 <= len(quote) <= 700


def test_a_passage_is_found_again_as_long_as_its_article_is_the_same(
    tmp_path: Path, make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """What a button names means the same passage after a reindex, and none once it has changed."""
    embedder = WordEmbedder("glacier", "solar")
    paragraphs = [f"The glacier melts. {word} " + "It is white. " * 30 for word in ("Oh.", "Ah.")]
    ice = make_article("ice", "\n\n".join(map(str.strip, paragraphs)))
    retriever = make_retriever(embedder, make_article("sun", "Solar power."), ice)
    second = ice.body.rindex("The glacier melts.")
    part = Span(second, second + 18)
    passage = retriever.passage_at(ice.content_hash[:12], part)
    assert passage is not None
    assert (passage.article, passage.start, passage.end) == (ice, second, len(ice.body))

    reindex(Corpus((ice,), ()), tmp_path / "index.db", embedder)
    assert retriever.passage_at(ice.content_hash[:12], part) == passage
    assert retriever.passage_at("0" * 12, part) is None
    assert retriever.passage_at(ice.content_hash[:12], Span(second - 1, second + 1)) is None

    changed = make_article("ice", ice.body + " It melted.")
    reindex(Corpus((changed,), ()), tmp_path / "index.db", embedder)
    assert retriever.passage_at(ice.content_hash[:12], part) is None


def test_the_list_of_all_articles_is_paged(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """Page by page, newest first; a number beyond the last page means the last page."""
    days = {f"day-{day}": date(2025, 1, day) for day in (5, 4, 3, 2)} | {"undated": None}
    articles = {slug: make_article(slug, "Ice.", published=day) for slug, day in days.items()}
    retriever = make_retriever(WordEmbedder("glacier"), *reversed(articles.values()))
    first, second, third = (retriever.list_page(page, 2) for page in (1, 2, 3))
    assert first == ArticleList((articles["day-5"], articles["day-4"]), 1, 0, 5)
    assert second == ArticleList((articles["day-3"], articles["day-2"]), 2, 2, 5)
    assert third == ArticleList((articles["undated"],), 3, 4, 5)
    assert retriever.list_page(4, 2) == retriever.list_page(10**6, 2) == third
    assert retriever.list_page(0, 2) == first
    # A page that is just full is the last one.
    assert retriever.list_page(2, 5).page == 1


def test_an_empty_index_lists_nothing(make_retriever: MakeRetriever) -> None:
    """Its list is one empty page."""
    retriever = make_retriever(WordEmbedder("glacier"))
    assert retriever.list_page(3, 8) == ArticleList((), 1, 0, 0)
    assert retriever.openings(3) == []
    assert retriever.find_article("0" * 12) is None
    assert retriever.article_page("0" * 12, 1) is None


def test_openings_are_the_first_passages_of_the_newest_articles(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """One for each article, in the order of the list, as many as asked for."""
    rest = "\n\n" + "It is white. " * 40
    articles = [
        make_article(
            f"day-{day}", f"Of day {day}. {rest * 2}".strip(), published=date(2025, 1, day)
        )
        for day in (1, 2, 3, 4)
    ]
    retriever = make_retriever(WordEmbedder("glacier"), *articles)
    openings = retriever.openings(2)
    assert [(each.article, each.start) for each in openings] == [
        (articles[3], 0),
        (articles[2], 0),
    ]
    assert [each.article for each in retriever.openings(9, offset=3)] == [articles[0]]


def test_the_pages_of_an_article_hold_all_of_it(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """From the first passage to the last nothing is left out but the space between them."""
    paragraphs = [f"Paragraph {number}. " + "It is white. " * 35 for number in range(1, 5)]
    article = make_article("ice", "\n\n".join(map(str.strip, paragraphs)))
    newer = make_article("newer", "Snow.", published=date(2026, 1, 1))
    retriever = make_retriever(WordEmbedder("glacier"), article, newer)
    reference = article.content_hash[:12]
    pages = [retriever.article_page(reference, number) for number in range(1, 5)]
    shown = [page.passage.text for page in pages if page]
    assert "".join("".join(shown).split()) == "".join(article.body.split())
    assert [(page.number, page.total, page.before) for page in pages if page] == [
        (1, 4, 1),
        (2, 4, 1),
        (3, 4, 1),
        (4, 4, 1),
    ]
    assert (
        retriever.article_page(reference, 5) == retriever.article_page(reference, 99) == pages[3]
    )
    assert retriever.article_page(reference, 0) == pages[0]
    assert retriever.find_article(reference) == article
    assert retriever.article_page("0" * 12, 1) is None
    assert retriever.find_article("0" * 12) is None


def test_a_reindex_is_seen_at_the_next_question(
    tmp_path: Path, make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """An open retriever answers from the new index without being told."""
    embedder = WordEmbedder("glacier", "solar")
    retriever = make_retriever(embedder, make_article("ice", "The glacier melts."))
    assert found(retriever, "solar?") == ["ice"]
    articles = (make_article("sun", "Solar power."),)
    reindex(Corpus(articles, ()), tmp_path / "index.db", embedder)
    assert found(retriever, "solar?") == ["sun"]


def test_every_hit_is_a_slice_of_its_article(
    make_retriever: MakeRetriever, make_article: MakeArticle
) -> None:
    """Passage and highlight are slices of the stored body."""
    body = "🌱 The glacier melts.\n\n" + "Solar power grows every year. " * 40
    retriever = make_retriever(WordEmbedder("glacier", "solar"), make_article("ice", body.strip()))
    for hit in retriever.search("solar glacier", limit=10):
        stored = hit.passage.article.body
        assert stored == body.strip()
        assert stored[hit.passage.start : hit.passage.end] == hit.passage.text
        assert hit.passage.start <= hit.highlight.start < hit.highlight.end <= hit.passage.end


ARTICLES = {
    "glaciers": (
        "en",
        "Scientists measured the Ak-Sai glacier near Bishkek for ten years. It lost eleven metres "
        "of ice, which is why the rivers carry less water in August.",
    ),
    "school": (
        "ru",
        "Школьники города Нарын посадили триста ёлок у школы. Саженцы подарил местный лесхоз, "
        "а полив взяли на себя родители.",
    ),
    "bus": (
        "en",
        "Astana bought one hundred electric buses. They are charged at night.",
    ),
    "waste": (
        "ru",
        "В Алматы открыли завод по переработке пластика. Он принимает сорок тонн бутылок в день.",
    ),
}


@pytest.fixture(scope="module")
def real_retriever(
    tmp_path_factory: pytest.TempPathFactory, packaged_embedder: SentenceTransformerEmbedder
) -> Retriever:
    articles = [
        Article(slug, "News", f"https://example.org/{slug}", body, None, language, None)
        for slug, (language, body) in ARTICLES.items()
    ]
    path = tmp_path_factory.mktemp("real") / "index.db"
    reindex(Corpus(tuple(articles), ()), path, packaged_embedder)
    return Retriever(SqliteStore.open(path, packaged_embedder), packaged_embedder)


@pytest.mark.parametrize(
    ("question", "slug"),
    [
        ("How many metres of ice did the glacier lose?", "glaciers"),
        ("Сколько метров льда потерял ледник?", "glaciers"),
        ("Мұздық қанша метр мұз жоғалтты?", "glaciers"),
        ("Мөңгү канча метр музун жоготту?", "glaciers"),
        ("Who gave the school its fir trees?", "school"),
        ("Мектепке шыршаларды кім сыйлады?", "school"),
        ("Мектепке карагайларды ким белек кылды?", "school"),
        ("Когда заряжают электробусы?", "bus"),
        ("Электр автобустар қашан қуатталады?", "bus"),
        ("How much plastic does the plant take in a day?", "waste"),
        ("Зауыт күніне қанша бөтелке қабылдайды?", "waste"),
        ("Завод күнүнө канча бөтөлкө кабыл алат?", "waste"),
    ],
)
def test_questions_find_articles_across_languages(
    question: str, slug: str, real_retriever: Retriever
) -> None:
    """With the packaged model, each language finds English and Russian articles."""
    assert found(real_retriever, question)[0] == slug
