"""Question -> Answer: what was asked, what the articles say, and the proof that they say it."""

import asyncio
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from bot.errors import QuoteError
from bot.localization import reply_language, small_talk
from embeddings.confidence import Verdict
from embeddings.dates import asks_for_latest
from embeddings.retriever import Hit, Retriever, judge
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

# Nobody asks in more than this many characters; the model reads some 500 tokens anyway.
MAX_QUESTION = 1_000
# One batch of 32 takes as long as four single questions; a larger one would hold up the next.
_MAX_BATCH = 32
_MAX_QUOTES = 3

RELATED_FROM = 0.02
"""From this confidence on an article is named below "not found" as perhaps related."""
_MAX_ARTICLES = 3
# Several of the best passages may be of one article.
_MAX_HITS = 10


class Outcome(StrEnum):
    """How a question went; each but the first is also the key of what the bot says to it."""

    ANSWERED = "answered"
    UNSURE = "unsure"
    NOT_FOUND = "not-found"
    ARTICLES = "articles"
    GREETING = "greeting"
    THANKS = "thanks"
    ABOUT = "about"
    GOODBYE = "goodbye"
    OKAY = "okay"
    NO_QUESTION = "no-question"
    TOO_LONG = "too-long"


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked."""

    text: str
    """Without doubled spaces and line breaks."""
    language: str
    """The language to reply in."""
    outcome: Outcome | None
    """Settled without a look at the articles (a greeting), None where they must be searched."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A slice of a passage, with the sentence in it that answers."""

    passage: Passage
    text: str
    start: int
    """Offset into the article's body, as all of them."""
    end: int
    highlight: Span
    score: float | None = None
    """Higher is better; comparable within one question only. None where no question was asked."""
    confidence: float | None = None
    """Probability that it answers the question. None where no question was asked."""

    @property
    def article(self) -> Article:
        """What it is a quote from."""
        return self.passage.article

    @property
    def trimmed(self) -> bool:
        """Whether the passage says more."""
        return self.start > self.passage.start or self.end < self.passage.end

    def whole(self) -> "Quote":
        """The whole passage, with the same sentence in it."""
        passage = self.passage
        return replace(self, text=passage.text, start=passage.start, end=passage.end)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot replies to a question."""

    question: str
    language: str
    """The language to reply in."""
    outcome: Outcome
    quotes: tuple[Quote, ...] = ()
    """Best first; empty unless answered or unsure."""
    articles: tuple[Article, ...] = ()
    """Related ones if nothing was found, best first; those of the time that was asked for."""

    @property
    def answered(self) -> bool:
        """Whether there is a quote that answers."""
        return self.outcome is Outcome.ANSWERED

    def whole(self) -> "Answer":
        """The same with whole passages as quotes."""
        return replace(self, quotes=tuple(quote.whole() for quote in self.quotes))


def verify(quote: Quote) -> None:
    """Make sure that a quote is what its article says; called when it is about to be sent.

    Raises:
        QuoteError: if it is not, word for word.
    """
    inside = (
        0 <= quote.start <= quote.highlight.start < quote.highlight.end <= quote.end
        and quote.end - quote.start == len(quote.text)
    )
    if not inside or quote.article.body[quote.start : quote.end] != quote.text:
        raise QuoteError(
            f"The quote {quote.start}:{quote.end} is not what the article {quote.article.slug} "
            "says; run `python -m bot reindex`."
        )


def read_question(text: str, language_code: str | None = None) -> Question:
    """Tidy up what a person wrote, and settle what needs no search.

    Args:
        text: The message, as it came.
        language_code: Telegram's language of the person's app, for texts too short to tell.
    """
    # Half of an emoji (a lone surrogate) is legal in JSON, but no tokenizer takes it.
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    if talk := small_talk(text, language_code):
        kind, language = talk
        return Question(text, language, Outcome(kind))
    outcome = None
    if not any(character.isalnum() for character in text):
        outcome = Outcome.NO_QUESTION
    elif len(text) > MAX_QUESTION:
        outcome = Outcome.TOO_LONG
    return Question(text, reply_language(text, language_code), outcome)


def answer_questions(retriever: Retriever, questions: Sequence[Question]) -> list[Answer]:
    """Answer questions as one batch, in their order."""
    answers = [_answer_at_once(retriever, question) for question in questions]
    searched = [
        question.text
        for question, answer in zip(questions, answers, strict=True)
        if answer is None
    ]
    found = iter(retriever.search_batch(searched, _MAX_HITS) if searched else [])
    return [
        answer or _answer(question, next(found))
        for question, answer in zip(questions, answers, strict=True)
    ]


def _answer_at_once(retriever: Retriever, question: Question) -> Answer | None:
    """Answer what needs no search for passages; None for what does."""
    if question.outcome is not None:
        return Answer(question.text, question.language, question.outcome)
    articles = tuple(retriever.list_articles(question.text, _MAX_ARTICLES))
    if articles:
        return Answer(question.text, question.language, Outcome.ARTICLES, articles=articles)
    return None


def _answer(question: Question, hits: Sequence[Hit]) -> Answer:
    verdict = judge(hits)
    related = _related(hits)
    if related and verdict is not Verdict.ANSWER and asks_for_latest(question.text):
        # News of something is what an article tells, not a sentence of it.
        newest = tuple(sorted(related, key=_day, reverse=True))
        return Answer(question.text, question.language, Outcome.ARTICLES, articles=newest)
    if verdict is Verdict.NOT_FOUND:
        return Answer(question.text, question.language, Outcome.NOT_FOUND, articles=related)
    outcome = Outcome.ANSWERED if verdict is Verdict.ANSWER else Outcome.UNSURE
    quotes = tuple(map(_quote, hits[:_MAX_QUOTES]))
    return Answer(question.text, question.language, outcome, quotes)


def _related(hits: Sequence[Hit]) -> tuple[Article, ...]:
    articles = (hit.passage.article for hit in hits if hit.confidence >= RELATED_FROM)
    return tuple({article.slug: article for article in articles}.values())[:_MAX_ARTICLES]


def _day(article: Article) -> date:
    return article.published or date.min


def _quote(hit: Hit) -> Quote:
    start, end = hit.quote.start, hit.quote.end
    return Quote(
        passage=hit.passage,
        text=hit.passage.article.body[start:end],
        start=start,
        end=end,
        highlight=hit.highlight,
        score=hit.score,
        confidence=hit.confidence,
    )


class Answering:
    """Answers for many people at once, with one thread.

    That thread alone touches the retriever: tokenizers and SQLite connections belong to one.
    Whoever asks while it is busy waits, and all who wait are answered as one batch.
    """

    def __init__(self, open_retriever: Callable[[], Retriever]) -> None:
        """Take what opens the retriever; it is called in the thread that will use it."""
        self._open_retriever = open_retriever
        self._waiting: queue.SimpleQueue[tuple[str, str | None, Future[Answer]]]
        self._waiting = queue.SimpleQueue()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="answering")
        self._retriever: Retriever | None = None

    async def initialize(self) -> None:
        """Open the retriever and answer once for warmth: a first question takes a second longer.

        Raises:
            EmbeddingsError: if there is no model or no index to answer from.
        """
        loop = asyncio.get_running_loop()
        self._retriever = await loop.run_in_executor(self._thread, self._open_retriever)
        await self.answer("Is everything ready for the first question?")

    async def shutdown(self) -> None:
        """Answer who still waits, and end the thread."""
        await asyncio.to_thread(self._thread.shutdown)

    async def answer(self, text: str, language_code: str | None = None) -> Answer:
        """Answer what a person wrote; see `read_question` for the arguments.

        Raises:
            EmbeddingsError: if the index can't be searched.
        """
        answer: Future[Answer] = Future()
        self._waiting.put((text, language_code, answer))
        # Each question brings a run of its own; a run that finds none waiting came too late
        # for its question, which an earlier run took along, and does nothing.
        self._thread.submit(self._answer_waiting)
        return await asyncio.wrap_future(answer)

    async def whole_passage(self, content_hash: str, highlight: Span) -> Quote | None:
        """Quote the whole passage around a sentence, None if its article has changed.

        Args:
            content_hash: The beginning of the article's content hash.
            highlight: The sentence, as a span of the article's body.

        Raises:
            EmbeddingsError: if the index can't be read.
        """
        loop = asyncio.get_running_loop()
        passage = await loop.run_in_executor(
            self._thread, lambda: self._opened().passage_at(content_hash, highlight)
        )
        if passage is None:
            return None
        return Quote(passage, passage.text, passage.start, passage.end, highlight)

    def _answer_waiting(self) -> None:
        batch: list[tuple[str, str | None, Future[Answer]]] = []
        while len(batch) < _MAX_BATCH and not self._waiting.empty():
            waiting = self._waiting.get()
            # False if whoever asked has gone meanwhile.
            if waiting[-1].set_running_or_notify_cancel():
                batch.append(waiting)
        try:
            questions = [read_question(text, language_code) for text, language_code, _ in batch]
            answers = answer_questions(self._opened(), questions)
        except Exception as error:  # noqa: BLE001 - each who waits must hear of it
            for *_, future in batch:
                future.set_exception(error)
        else:
            for (*_, future), answer in zip(batch, answers, strict=True):
                future.set_result(answer)

    def _opened(self) -> Retriever:
        if self._retriever is None:
            raise RuntimeError("Answering.initialize() comes first.")
        return self._retriever
