"""Question -> hits: which passages answer it, best first, whatever language they are in."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from threadpoolctl import ThreadpoolController

from embeddings.confidence import (
    ANSWER_FROM,
    UNSURE_FROM,
    Calibration,
    Evidence,
    Verdict,
    load_calibration,
)
from embeddings.dates import changes_time_only, read_date_wish
from embeddings.embedder import Embedder, Embeddings
from embeddings.follow_ups import in_one, is_surer, read_after
from embeddings.quoting import quote_around
from embeddings.ranking import Asked, Ranked, Search
from embeddings.stores.contract import LanguageMean, Store
from knowledge.article import Article
from knowledge.language import detect_language
from knowledge.passages import Passage
from knowledge.sentences import Span


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its score.

    Attributes:
        passage: The passage, with its article.
        quote: The whole sentences around the one that answers, as a span of
            ``passage.article.body`` within the passage; what is shown first.
        highlight: The sentence that answers, as a span of ``passage.article.body``.
        score: Higher is better; comparable within one question only.
        evidence: What speaks for it.
        confidence: Probability that this hit answers the question.
        follow_up: Whether the question was read after the one before it.
        found_alone: Whether the question by itself has this as its first hit, with the same
            verdict.
    """

    passage: Passage
    quote: Span
    highlight: Span
    score: float
    evidence: Evidence
    confidence: float
    follow_up: bool = False
    found_alone: bool = True


@dataclass(frozen=True, slots=True)
class ArticleList:
    """One page of the list of all articles: newest first, at the end those without a date.

    Attributes:
        articles: The articles on this page; none if the index is empty.
        page: Which page it is, from 1.
        before: Articles on the pages before it.
        total: Articles on all pages.
    """

    articles: tuple[Article, ...]
    page: int
    before: int
    total: int


@dataclass(frozen=True, slots=True)
class IndexState:
    """What is in the index.

    Attributes:
        articles: How many articles.
        passages: How many passages.
        reindexed_at: When it was last brought up to date; None if nobody knows.
    """

    articles: int
    passages: int
    reindexed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """An article, opened at one of its passages; one after the other they hold all of it.

    Attributes:
        passage: The passage, with its article.
        number: Which of the article's passages it is, from 1.
        total: How many passages the article has.
        before: Articles that come before this one in the list of all.
    """

    passage: Passage
    number: int
    total: int
    before: int


def judge(hits: Sequence[Hit]) -> Verdict:
    """Tell what the first hit is good for."""
    confidence = hits[0].confidence if hits else 0.0
    if confidence >= ANSWER_FROM:
        return Verdict.ANSWER
    return Verdict.UNSURE if confidence >= UNSURE_FROM else Verdict.NOT_FOUND


class Retriever:
    """Searches an index. For one thread at a time.

    A reindex is seen at the next question, which waits until what has changed is read, or at
    `refresh`, so that no question has to wait.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        calibration: Calibration | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        """Take what is searched.

        Args:
            store: The index.
            embedder: The one that the index was built with.
            calibration: Of the confidence; None for the one that this package ships.
            today: Tells what "this year" means.
        """
        self._store = store
        self._embedder = embedder
        calibration = calibration or load_calibration()
        self.calibrated = calibration.model == embedder.model
        """Whether the confidence was fitted for this embedding model."""
        self._probability = calibration.probability if self.calibrated else calibration.cautious
        self._today = today
        # What a question needs beside the model is many small products: to share each out to two
        # threads takes longer than to do it, the more so where a reindex keeps the cores busy.
        self._threads = ThreadpoolController()
        self._ranker = store.ranker()
        self.generation: int | None = None
        """Of the index, as far as it has been read: another one after each reindex that changed
        anything. None before the first question and the first refresh."""

    def refresh(self) -> bool:
        """Read what a reindex has changed since the last time; tell whether there was anything.

        Raises:
            IndexDamaged: A part of the index is broken, maybe one that a question has read.
            IndexUnusable: A reindex with another model has replaced the index.
        """
        before = self.generation
        with self._store.snapshot() as generation:
            self._store.check()
            self._follow(generation)
        return generation != before

    def search(self, question: str, limit: int = 3) -> list[Hit]:
        """Return the closest passages, best first; none if the index is empty."""
        return self.search_batch([question], limit)[0]

    def search_batch(
        self,
        questions: Sequence[str],
        limit: int = 3,
        without: Sequence[str | None] | None = None,
        within: Sequence[str | None] | None = None,
        after: Sequence[str | None] | None = None,
    ) -> list[list[Hit]]:
        """Search for several questions at once, which costs less than one after the other.

        Args:
            questions: What people asked.
            limit: How many hits to return for each question at most.
            without: For each question the slug of an article to pass over, or None; this is how
                questions that have no answer are made from questions that have one.
            within: For each question the slug of the one article to search, or None for all.
            after: For each question the one that the person asked before, or None. It is then
                searched by itself and read after that one, which counts if it is surer.
        """
        if not questions:
            return []
        nothing = [None] * len(questions)
        asked = self._readings(questions, after or nothing)
        # Matrices and texts are of one generation, though a reindex may commit meanwhile.
        with (
            self._store.snapshot() as generation,
            self._threads.limit(limits=1, user_api="blas"),
        ):
            searches = [
                Search(reading, left_out, searched)
                for readings, left_out, searched in zip(
                    asked, without or nothing, within or nothing, strict=True
                )
                for reading in readings
            ]
            self._follow(generation)
            ranked = self._ranker.best(searches, limit)
            hits = iter(self._hits(searches, ranked))
        return [_surer([next(hits) for _ in readings]) for readings in asked]

    def _follow(self, generation: int) -> None:
        """Read what the generation has changed in whose snapshot we are."""
        self._ranker.follow(generation)
        self.generation = generation

    def _readings(
        self, questions: Sequence[str], after: Sequence[str | None]
    ) -> list[list[Asked]]:
        """Read each question by itself and, if there is one, after the one before it."""
        both = [
            in_one(question, earlier) if earlier else None
            for question, earlier in zip(questions, after, strict=True)
        ]
        today = self._today()
        texts = list(dict.fromkeys([*questions, *filter(None, both)]))
        embedded = self._embedder.embed_questions(texts)
        asked = {
            text: Asked(
                text, detect_language(text), embedding, tokens, read_date_wish(text, today)
            )
            for text, embedding, tokens in zip(
                texts, embedded.embeddings, embedded.tokens, strict=True
            )
        }
        return [
            [asked[question], read_after(asked[question], asked[text])]
            if text
            else [asked[question]]
            for question, text in zip(questions, both, strict=True)
        ]

    def list_articles(self, question: str, limit: int, after: str | None = None) -> list[Article]:
        """Return the articles that a question asks for by nothing but their time, newest first.

        "The latest news", "what happened in June 2025?": no passage answers that, articles do.
        None if the question names a topic, if it names no time, or if nothing is known from then.

        Args:
            question: What a person asked.
            limit: How many articles to return at most.
            after: What the person asked before, or None: "and in 2021?" goes on about its topic,
                if it has one, so that there are none either.
        """
        wish = read_date_wish(question, self._today())
        if wish.names_topic or not wish.names_time:
            return []
        if after and changes_time_only(question, after):
            return []
        with self._store.snapshot():
            return self._store.newest_articles(limit, wish.year, wish.month)

    def passage_at(self, content_hash: str, part: Span) -> Passage | None:
        """Return the passage that holds a part of an article, None if the article has changed.

        Args:
            content_hash: The beginning of the article's content hash.
            part: What the passage holds, as a span of the article's body.

        Raises:
            IndexUnusable: A reindex with another model has replaced the index.
        """
        with self._store.snapshot():
            return self._store.find_passage(content_hash, part)

    def list_page(self, page: int, size: int) -> ArticleList:
        """Return a page of the list of all articles, or the last one if there are fewer.

        Args:
            page: Which page, from 1.
            size: Articles on a page.

        Raises:
            IndexUnusable: A reindex with another model has replaced the index.
        """
        with self._store.snapshot():
            total = self._store.article_count
            page = _clamped(page, math.ceil(total / size))
            before = (page - 1) * size
            return ArticleList(tuple(self._store.read_articles(before, size)), page, before, total)

    def openings(self, limit: int, offset: int = 0) -> list[Passage]:
        """Return the first passages of the articles at a place in the list of all.

        Args:
            limit: How many articles at most.
            offset: How many articles to leave out at the beginning.

        Raises:
            IndexUnusable: A reindex with another model has replaced the index.
        """
        with self._store.snapshot():
            articles = self._store.read_articles(offset, limit)
            return self._store.read_passages(
                [first for each in articles for first in self._store.passage_ids(each.slug)[:1]]
            )

    def find_article(self, content_hash: str) -> Article | None:
        """Return an article, None if there is none with this content (any more).

        Args:
            content_hash: The beginning of the article's content hash.

        Raises:
            IndexUnusable: A reindex with another model has replaced the index.
        """
        with self._store.snapshot():
            return self._store.find_article(content_hash)

    def article_page(self, content_hash: str, number: int) -> ArticlePage | None:
        """Return a passage of an article by its number, or the last one if there are fewer.

        None if there is no article with this content (any more).

        Args:
            content_hash: The beginning of the article's content hash.
            number: Which of its passages, from 1.

        Raises:
            IndexUnusable: A reindex with another model has replaced the index.
        """
        with self._store.snapshot():
            article = self._store.find_article(content_hash)
            if article is None:
                return None
            ids = self._store.passage_ids(article.slug)
            number = _clamped(number, len(ids))
            [passage] = self._store.read_passages([ids[number - 1]])
            before = self._store.count_before(article.slug)
            return ArticlePage(passage, number, len(ids), before)

    def state(self) -> IndexState:
        """Return what is in the index.

        Raises:
            IndexUnusable: A reindex with another model has replaced the index.
        """
        with self._store.snapshot():
            store = self._store
            return IndexState(store.article_count, store.passage_count, store.reindexed_at)

    def embed_questions(self, questions: Sequence[str]) -> Embeddings:
        """Return one embedding of length 1 for each question."""
        return self._embedder.embed_questions(questions).embeddings

    def language_means(self) -> dict[str, LanguageMean]:
        """Return the general means of the languages that the model has been asked about.

        Raises:
            IndexUnusable: A reindex with another model has replaced the index.
        """
        with self._store.snapshot():
            return self._store.read_language_means()

    def _hits(
        self, searches: Sequence[Search], ranked: Sequence[Sequence[Ranked]]
    ) -> list[list[Hit]]:
        """Return the hits of each search, whose passages are all read at once."""
        ids = list({each.passage_id for of_one in ranked for each in of_one})
        passages = dict(zip(ids, self._store.read_passages(ids), strict=True))
        return [
            [
                _hit(
                    each,
                    passages[each.passage_id],
                    self._probability(each.evidence),
                    follow_up=search.question.follow_up,
                )
                for each in of_one
            ]
            for search, of_one in zip(searches, ranked, strict=True)
        ]


def _surer(readings: Sequence[list[Hit]]) -> list[Hit]:
    """Return the hits of a question's one reading, or of the surer of its two."""
    alone, after = readings[0], readings[-1]
    if not alone:
        return alone
    first, other = alone[0], after[0]
    elsewhere = first.passage != other.passage
    if not is_surer(first.confidence, other.confidence, elsewhere=elsewhere):
        return alone
    same = first.highlight == other.highlight and judge(alone) is judge(after)
    return [replace(other, found_alone=same and not elsewhere), *after[1:]]


def _clamped(number: int, last: int) -> int:
    """Return a number from 1 to the last one; 1 if there is none."""
    return max(1, min(number, last))


def _hit(ranked: Ranked, passage: Passage, confidence: float, *, follow_up: bool) -> Hit:
    first, last = ranked.highlight
    highlight = Span(passage.sentences[first].start, passage.sentences[last].end)
    return Hit(
        passage=passage,
        quote=quote_around(passage, highlight),
        highlight=highlight,
        score=ranked.score,
        evidence=ranked.evidence,
        confidence=confidence,
        follow_up=follow_up,
    )
