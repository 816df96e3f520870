"""Question -> hits: which passages answer it, best first, whatever language they are in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from threadpoolctl import ThreadpoolController

from embeddings.confidence import (
    ANSWER_FROM,
    UNSURE_FROM,
    Calibration,
    Evidence,
    Verdict,
    load_calibration,
)
from embeddings.dates import read_date_wish
from embeddings.embedder import Embedder
from embeddings.quoting import quote_around
from embeddings.ranking import Asked, Ranked, Ranking
from embeddings.store import Store
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
    """

    passage: Passage
    quote: Span
    highlight: Span
    score: float
    evidence: Evidence
    confidence: float


def judge(hits: Sequence[Hit]) -> Verdict:
    """Tell what the first hit is good for."""
    confidence = hits[0].confidence if hits else 0.0
    if confidence >= ANSWER_FROM:
        return Verdict.ANSWER
    return Verdict.UNSURE if confidence >= UNSURE_FROM else Verdict.NOT_FOUND


class Retriever:
    """Searches an index. For one thread at a time; sees a reindex at the next question."""

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
        # numpy's threads would wait for torch's and torch's for numpy's: with more than one, a
        # question takes twice as long on two cores.
        self._threads = ThreadpoolController()
        self._ranking: Ranking | None = None
        self._generation: int | None = None

    def search(self, question: str, limit: int = 3) -> list[Hit]:
        """Return the closest passages, best first; none if the index is empty."""
        return self.search_batch([question], limit)[0]

    def search_batch(
        self,
        questions: Sequence[str],
        limit: int = 3,
        without: Sequence[str | None] | None = None,
    ) -> list[list[Hit]]:
        """Search for several questions at once, which costs less than one after the other.

        Args:
            questions: What people asked.
            limit: How many hits to return for each question at most.
            without: For each question the slug of an article to pass over, or None; this is how
                questions that have no answer are made from questions that have one.
        """
        if not questions:
            return []
        today = self._today()
        texts = list(dict.fromkeys(questions))
        embedded = self._embedder.embed_questions(texts)
        asked = {
            text: Asked(
                text, detect_language(text), embedding, tokens, read_date_wish(text, today)
            )
            for text, embedding, tokens in zip(
                texts, embedded.embeddings, embedded.tokens, strict=True
            )
        }
        # Matrices and texts are of one generation, though a reindex may commit meanwhile.
        with (
            self._store.snapshot() as generation,
            self._threads.limit(limits=1, user_api="blas"),
        ):
            if self._ranking is None or generation != self._generation:
                self._ranking = Ranking(self._store.read_vectors())
                self._generation = generation
            return [
                self._hits(
                    self._ranking.best(asked[text], limit, self._store.read_tokens, left_out)
                )
                for text, left_out in zip(
                    questions, without or [None] * len(questions), strict=True
                )
            ]

    def list_articles(self, question: str, limit: int) -> list[Article]:
        """Return the articles that a question asks for by nothing but their time, newest first.

        "The latest news", "what happened in June 2025?": no passage answers that, articles do.
        None if the question names a topic, if it names no time, or if nothing is known from then.
        """
        wish = read_date_wish(question, self._today())
        if wish.names_topic or not wish.names_time:
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

    def _hits(self, ranked: Sequence[Ranked]) -> list[Hit]:
        passages = self._store.read_passages([each.passage_id for each in ranked])
        return [
            _hit(each, passage, self._probability(each.evidence))
            for each, passage in zip(ranked, passages, strict=True)
        ]


def _hit(ranked: Ranked, passage: Passage, confidence: float) -> Hit:
    first, last = ranked.highlight
    highlight = Span(passage.sentences[first].start, passage.sentences[last].end)
    return Hit(
        passage=passage,
        quote=quote_around(passage, highlight),
        highlight=highlight,
        score=ranked.score,
        evidence=ranked.evidence,
        confidence=confidence,
    )
