"""Articles of a few words, and a retriever whose hits can be told beforehand."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np

from embeddings.confidence import Evidence
from embeddings.embedder import Embedder, Embeddings
from embeddings.quoting import quote_around
from embeddings.retriever import ArticleList, ArticlePage, Hit, IndexState, Retriever
from embeddings.stores.contract import LanguageMean
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span
from word_embedder import WordEmbedder

BRIDGE = Article(
    slug="bridge",
    title="A bridge over the Naryn",
    url="https://example.org/bridge",
    body="Spring came late. The bridge is 90 metres long. It was opened by Asel Ibraimova.",
    publisher="Naryn Times",
    language="en",
    published=date(2021, 10, 25),
)
BRIDGE_SENTENCES = (Span(0, 17), Span(18, 47), Span(48, 80))

# Its passage is too long to be shown whole: the quote is the first three sentences.
CANAL = Article(
    slug="canal",
    title="The canal of Talas",
    url="https://example.org/canal",
    body=(
        "In the spring the villages along the river had met four times to talk about the water "
        "that their fields lacked in July, and each time they had gone home with nothing but a "
        "promise that somebody would come and measure the slope. "
        "The canal, which was dug in the following autumn, is 14 km long. "
        "It was dug by hand for the first three kilometres, where the bank is too soft for any "
        "machine, and by two borrowed excavators for the rest, of which one broke down in "
        "November and was repaired with the parts of an old tractor from Pokrovka. "
        "Since then the water has come to every field by the end of May, the poplars that were "
        "planted along the bank give shade to the road, and the school has a mill wheel that "
        "drives a small generator, which lights its library in the evenings of the winter."
    ),
    publisher=None,
    language="en",
    published=None,
)
CANAL_SENTENCES = (Span(0, 227), Span(228, 292), Span(293, 533), Span(534, 785))


def passage_of(article: Article, sentences: Sequence[Span]) -> Passage:
    """The passage that consists of these sentences."""
    return Passage(article, sentences[0].start, sentences[-1].end, tuple(sentences))


def hit(passage: Passage, highlight: Span, confidence: float = 1.0) -> Hit:
    """A hit with this confidence."""
    quote = quote_around(passage, highlight)
    evidence = Evidence(sentence_cosine=1.0, tokens=1.0, words=1.0, own_language=1.0, names=0.0)
    return Hit(passage, quote, highlight, 2.0, evidence, confidence)


class FixedRetriever(Retriever):
    """Knows about the bridge and the canal: a question with that word finds its length."""

    def __init__(self) -> None:
        self.passages = {
            "bridge": passage_of(BRIDGE, BRIDGE_SENTENCES),
            "canal": passage_of(CANAL, CANAL_SENTENCES),
        }
        self.calibrated = True
        self._embedder: Embedder = WordEmbedder("bridge", "canal", "ticket", "билет", "school")
        self.generation = 1
        self.confidence = 1.0
        """Of what is found; of all else it is 0."""
        self.batches: list[list[str]] = []
        self.within: list[list[str | None]] = []
        """For each batch the articles that were to be searched."""
        self.after: list[list[str | None]] = []
        """For each batch the questions before."""
        self.threads: set[str] = set()
        self.error: Exception | None = None
        self.busy = threading.Event()
        """Set while a search waits for `may_go_on`."""
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def list_articles(self, question: str, limit: int, after: str | None = None) -> list[Article]:
        """Both articles for the news; none if that goes on about something."""
        return [BRIDGE, CANAL][:limit] if question == "What is the news?" and not after else []

    def state(self) -> IndexState:
        """As the real one does."""
        return IndexState(2, 2, datetime(2026, 3, 1, 12, tzinfo=UTC))

    def embed_questions(self, questions: Sequence[str]) -> Embeddings:
        """By a few words; see `WordEmbedder`."""
        self.threads.add(threading.current_thread().name)
        return self._embedder.embed_questions(questions).embeddings

    def language_means(self) -> dict[str, LanguageMean]:
        """All alike."""
        mean = LanguageMean(*[np.zeros(self._embedder.dimension, np.float32)] * 4)
        return dict.fromkeys(("en", "ru", "kk", "ky"), mean)

    def refresh(self) -> bool:
        return False

    def search_batch(
        self,
        questions: Sequence[str],
        limit: int = 3,  # noqa: ARG002 - as in Retriever
        without: Sequence[str | None] | None = None,  # noqa: ARG002
        within: Sequence[str | None] | None = None,
        after: Sequence[str | None] | None = None,
    ) -> list[list[Hit]]:
        """The passage that each question speaks of, else the bridge's, which is no answer."""
        self.batches.append(list(questions))
        self.within.append(list(within or []))
        self.after.append(list(after or []))
        self.threads.add(threading.current_thread().name)
        self.busy.set()
        assert self.may_go_on.wait(10)
        if self.error:
            raise self.error
        nothing = [None] * len(questions)
        return [
            [
                hit
                for hit in self._read(question.lower(), (earlier or "").lower())
                if slug in {None, hit.passage.article.slug}
            ]
            for question, slug, earlier in zip(
                questions, within or nothing, after or nothing, strict=True
            )
        ]

    def _read(self, question: str, earlier: str) -> list[Hit]:
        """What the question speaks of, else what the one before it spoke of."""
        hits = self.find(question)
        if not earlier or not hits or hits[0].confidence:
            return hits
        return [
            replace(hit, follow_up=True, found_alone=False)
            for hit in self.find(earlier)
            if hit.confidence
        ] or hits

    def passage_at(self, content_hash: str, part: Span) -> Passage | None:
        """As the real one does, for the two passages."""
        self.threads.add(threading.current_thread().name)
        if self.error:
            raise self.error
        for passage in self.passages.values():
            inside = passage.start <= part.start and part.end <= passage.end
            if inside and passage.article.content_hash.startswith(content_hash):
                return passage
        return None

    def list_page(self, page: int, size: int) -> ArticleList:
        """As the real one does."""
        articles = [passage.article for passage in self.passages.values()]
        before = (min(page, -(-len(articles) // size)) - 1) * size
        shown = tuple(articles[before : before + size])
        return ArticleList(shown, before // size + 1, before, len(articles))

    def openings(self, limit: int, offset: int = 0) -> list[Passage]:
        """As the real one does."""
        return list(self.passages.values())[offset : offset + limit]

    def find_article(self, content_hash: str) -> Article | None:
        """As the real one does."""
        page = self.article_page(content_hash, 1)
        return page.passage.article if page else None

    def article_page(self, content_hash: str, number: int) -> ArticlePage | None:  # noqa: ARG002
        """As the real one does; both articles are of one passage."""
        for before, passage in enumerate(self.passages.values()):
            if passage.article.content_hash.startswith(content_hash):
                return ArticlePage(passage, 1, 1, before)
        return None

    def find(self, question: str) -> list[Hit]:
        """The hits of one question, which is in small letters."""
        found = [
            hit(passage, passage.sentences[1], self.confidence)
            for word, passage in self.passages.items()
            if word in question
        ]
        bridge = self.passages["bridge"]
        return found or [hit(bridge, bridge.sentences[1], 0.0)]
