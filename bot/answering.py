"""Question -> Answer: what was asked, what the articles say, and the proof that they say it."""

import asyncio
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import QuoteError
from bot.localization import reply_language, small_talk
from embeddings.retriever import Hit, Retriever, is_answer
from knowledge.article import Article
from knowledge.sentences import Span

# Nobody asks in more than this many characters; the model reads some 500 tokens anyway.
MAX_QUESTION = 1_000
# One batch of 32 takes as long as four single questions; a larger one would hold up the next.
_MAX_BATCH = 32


class Outcome(StrEnum):
    """How a question went; each but the first is also the key of what the bot says to it."""

    ANSWERED = "answered"
    NOT_FOUND = "not-found"
    GREETING = "greeting"
    THANKS = "thanks"
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
    """A slice of an article, with the sentence in it that answers."""

    article: Article
    text: str
    start: int
    end: int
    highlight: Span
    """Offsets into the article's body, as `start` and `end` are."""
    sentences: tuple[Span, ...]
    """Where the slice may be shortened; offsets into the article's body."""
    score: float
    """Higher is better; comparable within one question only."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot replies to a question."""

    question: str
    language: str
    """The language to reply in."""
    outcome: Outcome
    quotes: tuple[Quote, ...] = ()
    """Best first; empty unless answered."""

    @property
    def answered(self) -> bool:
        """Whether there is a quote that answers."""
        return self.outcome is Outcome.ANSWERED


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
    if talk := small_talk(text):
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
    searched = [question.text for question in questions if question.outcome is None]
    found = iter(retriever.search_batch(searched) if searched else [])
    return [
        _answer(question, next(found))
        if question.outcome is None
        else Answer(question.text, question.language, question.outcome)
        for question in questions
    ]


def _answer(question: Question, hits: Sequence[Hit]) -> Answer:
    if not is_answer(hits):
        return Answer(question.text, question.language, Outcome.NOT_FOUND)
    quotes = tuple(map(_quote, hits))
    return Answer(question.text, question.language, Outcome.ANSWERED, quotes)


def _quote(hit: Hit) -> Quote:
    passage = hit.passage
    return Quote(
        article=passage.article,
        text=passage.text,
        start=passage.start,
        end=passage.end,
        highlight=hit.highlight,
        sentences=passage.sentences,
        score=hit.score,
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
