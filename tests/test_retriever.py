"""Ranking: worked out by hand with a word embedder, and across languages with the real model."""

from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings.embedder import Embedder, SentenceTransformerEmbedder
from embeddings.indexing import reindex
from embeddings.retriever import Retriever
from embeddings.store import Store
from knowledge.article import Article
from knowledge.corpus import Corpus
from word_embedder import WordEmbedder

MakeArticle = Callable[..., Article]
MakeRetriever = Callable[..., Retriever]


@pytest.fixture
def make_retriever(tmp_path: Path) -> MakeRetriever:
    def make(embedder: Embedder, *articles: Article) -> Retriever:
        reindex(Corpus(articles, ()), tmp_path / "index.db", embedder)
        return Retriever(Store.open(tmp_path / "index.db", embedder), embedder)

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
    question = embedder.embed_questions(["Where is the glacier?"])[0]
    raw = embedder.embed_passages([article.body for article in articles]) @ question
    assert raw.argmax() in (0, 1), "without centring, the wrong passage would be first"
    assert found(make_retriever(embedder, *articles), "Where is the glacier?")[0] == "ru-glacier"


def test_an_empty_index_has_no_hits(make_retriever: MakeRetriever) -> None:
    """No passages, no hits; no questions, no lists."""
    retriever = make_retriever(WordEmbedder("glacier"))
    assert retriever.search("glacier?") == []
    assert retriever.search_batch([]) == []


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
    return Retriever(Store.open(path, packaged_embedder), packaged_embedder)


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
