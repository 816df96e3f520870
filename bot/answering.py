"""Question -> Answer: what was asked, what the articles say, and the proof that they say it."""

import asyncio
import contextlib
import logging
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import TypeVar

from bot import metrics
from bot.errors import QuoteError
from bot.localization import reply_language, small_talk
from bot.metrics import Stage
from embeddings.confidence import Verdict
from embeddings.dates import asks_for_latest
from embeddings.errors import IndexDamaged
from embeddings.retriever import Hit, Retriever, judge
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Nobody asks in more than this many characters; the model reads some 500 tokens anyway.
MAX_QUESTION = 1_000
# One batch of 32 takes as long as four single questions; a larger one would hold up the next.
_MAX_BATCH = 32

_FIRST_QUESTION = "Is everything ready for the first question?"

RELATED_FROM = 0.02
"""From this confidence on a passage is shown after the first one, or its article as related."""
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


SEARCHED = frozenset({Outcome.ANSWERED, Outcome.UNSURE, Outcome.NOT_FOUND, Outcome.ARTICLES})
"""Outcomes of what was a question; the others are small talk, or nothing that can be asked."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked."""

    text: str
    """Without doubled spaces and line breaks."""
    language: str
    """The language to reply in."""
    asked_in: str
    """The language that it is in."""
    outcome: Outcome | None
    """Settled without a look at the articles (a greeting), None where they must be searched."""
    earlier: str | None = None
    """The question that the person asked before, with which this one may have to be read."""
    within: str | None = None
    """The slug of the one article to search; None for all."""


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
    def highlighted(self) -> str:
        """The sentence that answers, or the two."""
        return self.article.body[self.highlight.start : self.highlight.end]

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

    question: Question
    outcome: Outcome
    quotes: tuple[Quote, ...] = ()
    """Best first; empty unless answered or unsure."""
    articles: tuple[Article, ...] = ()
    """Related ones if nothing was found, best first; those of the time that was asked for."""
    follow_up: bool = False
    """Whether the question was read after the one before it."""
    needed_context: bool = False
    """Whether by itself it would have been answered with something else, or less surely."""

    @property
    def language(self) -> str:
        """The language to reply in."""
        return self.question.language

    @property
    def answered(self) -> bool:
        """Whether there is a quote that answers."""
        return self.outcome is Outcome.ANSWERED

    @property
    def context(self) -> str | None:
        """What the next question may have to be read after; None if this was no question."""
        if self.outcome not in SEARCHED or self.question.within:
            return None
        # One follow-up after the other is about the same thing.
        return self.question.earlier if self.follow_up else self.question.text

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


def read_question(
    text: str,
    language_code: str | None = None,
    *,
    chosen_language: str | None = None,
    earlier: str | None = None,
    within: str | None = None,
) -> Question:
    """Tidy up what a person wrote, and settle what needs no search.

    Args:
        text: The message, as it came.
        language_code: Telegram's language of the person's app, for texts too short to tell.
        chosen_language: The language that the person wants to be replied to in, if any.
        earlier: What the person asked before, in case this can't stand alone.
        within: The slug of the one article that the question is about, if any.
    """
    # Half of an emoji (a lone surrogate) is legal in JSON, but no tokenizer takes it.
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    outcome, asked_in = None, None
    if talk := small_talk(text, language_code):
        outcome, asked_in = Outcome(talk[0]), talk[1]
    elif not any(character.isalnum() for character in text):
        outcome = Outcome.NO_QUESTION
    elif len(text) > MAX_QUESTION:
        outcome = Outcome.TOO_LONG
    asked_in = asked_in or reply_language(text, language_code)
    # What is about one article needs no other context.
    earlier = None if within else earlier
    return Question(text, chosen_language or asked_in, asked_in, outcome, earlier, within)


def answer_questions(retriever: Retriever, questions: Sequence[Question]) -> list[Answer]:
    """Answer questions as one batch, in their order."""
    answers = [_answer_at_once(retriever, question) for question in questions]
    searched = [
        question for question, answer in zip(questions, answers, strict=True) if answer is None
    ]
    found = iter(_search(retriever, searched) if searched else [])
    return [
        answer or _answer(question, next(found))
        for question, answer in zip(questions, answers, strict=True)
    ]


def _search(retriever: Retriever, questions: Sequence[Question]) -> list[list[Hit]]:
    return retriever.search_batch(
        [question.text for question in questions],
        _MAX_HITS,
        within=[question.within for question in questions],
        after=[question.earlier for question in questions],
    )


def _answer_at_once(retriever: Retriever, question: Question) -> Answer | None:
    """Answer what needs no search for passages; None for what does."""
    if question.outcome is not None:
        return Answer(question, question.outcome)
    if question.within is not None:
        return None
    articles = tuple(retriever.list_articles(question.text, _MAX_ARTICLES, question.earlier))
    return Answer(question, Outcome.ARTICLES, articles=articles) if articles else None


def _answer(question: Question, hits: Sequence[Hit]) -> Answer:
    verdict = judge(hits)
    related = _related(hits)
    if question.within is not None and related and verdict is Verdict.NOT_FOUND:
        # Who asks about one article asks shortly ("Who leads it?"), which makes no hit confident.
        verdict = Verdict.UNSURE
    asks_for_articles = question.within is None and asks_for_latest(question.text)
    if related and asks_for_articles and verdict is not Verdict.ANSWER:
        # News of something is what an article tells, not a sentence of it.
        newest = tuple(sorted(related, key=_day, reverse=True))
        return Answer(question, Outcome.ARTICLES, articles=newest)
    follow_up = bool(hits) and hits[0].follow_up
    if verdict is Verdict.NOT_FOUND:
        return Answer(question, Outcome.NOT_FOUND, articles=related, follow_up=follow_up)
    outcome = Outcome.ANSWERED if verdict is Verdict.ANSWER else Outcome.UNSURE
    quotes = tuple(_quote(hit) for hit in hits if hit.confidence >= RELATED_FROM)
    needed_context = follow_up and not hits[0].found_alone
    return Answer(question, outcome, quotes, follow_up=follow_up, needed_context=needed_context)


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


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A question that nobody has begun to answer yet."""

    question: Question
    answer: Future[Answer]
    since: float
    """As `time.monotonic` has it."""


class Answering:
    """Answers for many people at once, with one thread.

    That thread alone touches the retriever: tokenizers and SQLite connections belong to one.
    Whoever asks while it is busy waits, and all who wait are answered as one batch. Its first work
    is to open the retriever, so that whoever asks before is answered late rather than never.
    """

    def __init__(self, open_retriever: Callable[[], Retriever]) -> None:
        """Take what opens the retriever, which may take long; the thread that uses it calls it."""
        self._open_retriever = open_retriever
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="answering")
        self._opening: Future[Retriever] | None = None
        self._at_work_since: float | None = None

    async def initialize(self) -> None:
        """Begin to open the retriever; it is not open yet when this returns."""
        self._opening = self._thread.submit(self._open)

    async def opened(self) -> None:
        """Wait until the retriever is open.

        Raises:
            EmbeddingsError: if there is no model or no index to answer from.
        """
        # Who waits may give up, and the retriever is opened all the same.
        await asyncio.shield(asyncio.wrap_future(self._begun()))

    @property
    def is_open(self) -> bool:
        """Whether questions are answered at once; before, they wait for the model."""
        opening = self._opening
        return opening is not None and opening.done() and opening.exception() is None

    async def shutdown(self) -> None:
        """Answer who still waits, and end the thread."""
        await asyncio.to_thread(self._thread.shutdown)

    async def answer(self, question: Question) -> Answer:
        """Answer what a person asked.

        Raises:
            EmbeddingsError: if the index can't be searched, or not even opened.
        """
        if question.outcome is not None:
            # Small talk waits neither for the model nor for other questions.
            return Answer(question, question.outcome)
        answer: Future[Answer] = Future()
        self._waiting.put(_Waiting(question, answer, time.monotonic()))
        # Each question brings a run of its own; a run that finds none waiting came too late
        # for its question, which an earlier run took along, and does nothing.
        self._thread.submit(self._answer_waiting)
        return await asyncio.wrap_future(answer)

    async def look_up(self, look: Callable[[Retriever], T]) -> T:
        """What a function finds in the index; it is called in the retriever's thread.

        Raises:
            EmbeddingsError: if the index can't be read.
        """
        loop = asyncio.get_running_loop()

        def look_now() -> T:
            with self._at_work():
                return look(self._begun().result())

        return await loop.run_in_executor(self._thread, look_now)

    @property
    def waiting(self) -> int:
        """How many questions nobody has begun to answer yet."""
        return self._waiting.qsize()

    @property
    def at_work_for(self) -> float:
        """For how many seconds the thread has been at the same thing; 0 if it is idle."""
        since = self._at_work_since
        return 0 if since is None else time.monotonic() - since

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        self._at_work_since = time.monotonic()
        try:
            yield
        finally:
            self._at_work_since = None

    def _answer_waiting(self) -> None:
        batch: list[_Waiting] = []
        while len(batch) < _MAX_BATCH and not self._waiting.empty():
            waiting = self._waiting.get()
            # False if whoever asked has gone meanwhile.
            if waiting.answer.set_running_or_notify_cancel():
                batch.append(waiting)
                metrics.observe(Stage.MODEL, time.monotonic() - waiting.since)
        if not batch:
            return
        try:
            with self._at_work(), metrics.timed(Stage.ANSWERING):
                retriever = self._begun().result()
                answers = answer_questions(retriever, [waiting.question for waiting in batch])
        except Exception as error:  # noqa: BLE001 - each who waits must hear of it
            for waiting in batch:
                waiting.answer.set_exception(error)
        else:
            for waiting, answer in zip(batch, answers, strict=True):
                waiting.answer.set_result(answer)

    def _open(self) -> Retriever:
        retriever = self._open_retriever()
        if self._waiting.empty():
            # For warmth: a first question takes a second longer.
            try:
                answer_questions(retriever, [read_question(_FIRST_QUESTION)])
            except IndexDamaged as error:
                # Other questions may find what they need, until `bot.upkeep` has mended it.
                logger.warning("%s", error)
        return retriever

    def _begun(self) -> Future[Retriever]:
        if self._opening is None:
            raise RuntimeError("Answering.initialize() comes first.")
        return self._opening
