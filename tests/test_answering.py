"""Answering: what a question is, what answers it, and many who ask at once."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest

from bot.answering import (
    RELATED_FROM,
    Answer,
    Answering,
    Outcome,
    Question,
    Quote,
    answer_questions,
    read_question,
    verify,
)
from bot.errors import QuoteError
from embeddings.confidence import ANSWER_FROM, UNSURE_FROM
from embeddings.errors import IndexUnusable
from embeddings.retriever import Hit
from fixed_retriever import (
    BRIDGE,
    BRIDGE_SENTENCES,
    CANAL,
    CANAL_SENTENCES,
    FixedRetriever,
    hit,
    passage_of,
)
from knowledge.article import Article
from knowledge.sentences import Span

QUOTE = Quote(
    passage=passage_of(BRIDGE, BRIDGE_SENTENCES),
    text="The bridge is 90 metres long.",
    start=18,
    end=47,
    highlight=Span(18, 47),
)


def test_a_true_quote_passes() -> None:
    """A quote that is a slice of its article may be sent."""
    verify(QUOTE)


@pytest.mark.parametrize(
    "quote",
    [
        replace(QUOTE, text="The bridge is 91 metres long."),
        replace(QUOTE, start=17, end=46),
        replace(QUOTE, end=48),
        replace(QUOTE, start=-62, end=-33),
        replace(QUOTE, highlight=Span(17, 47)),
        replace(QUOTE, highlight=Span(18, 48)),
        replace(QUOTE, highlight=Span(20, 20)),
        replace(
            QUOTE,
            passage=passage_of(
                replace(BRIDGE, body=BRIDGE.body.replace("90", "95")), BRIDGE_SENTENCES
            ),
        ),
        replace(QUOTE, passage=passage_of(BRIDGE, BRIDGE_SENTENCES[2:])).whole(),
    ],
)
def test_a_false_quote_is_caught(quote: Quote) -> None:
    """One letter or offset off, and the quote must not be sent."""
    with pytest.raises(QuoteError, match="bridge"):
        verify(quote)


@pytest.mark.parametrize(
    ("text", "tidy", "language", "outcome"),
    [
        ("  Who \n built\tit? ", "Who built it?", "en", None),
        ("2021?", "2021?", "ru", None),
        ("", "", "ru", Outcome.NO_QUESTION),
        ("👍🏽 !?", "👍🏽 !?", "ru", Outcome.NO_QUESTION),
        ("Thank you!", "Thank you!", "en", Outcome.THANKS),
        ("Салам", "Салам", "ky", Outcome.GREETING),
        ("OK!", "OK!", "ru", Outcome.OKAY),
        ("Кто ты?", "Кто ты?", "ru", Outcome.ABOUT),
        ("Bye", "Bye", "en", Outcome.GOODBYE),
        ("why " * 250, ("why " * 250).strip(), "en", None),
        ("why " * 251, ("why " * 251).strip(), "en", Outcome.TOO_LONG),
        ("Who built\ud83d it?", "Who built? it?", "en", None),
    ],
)
def test_read_question(text: str, tidy: str, language: str, outcome: Outcome | None) -> None:
    """A question is tidied up; what is none is settled without a search."""
    assert read_question(text, "ru") == Question(tidy, language, language, outcome)


@pytest.mark.parametrize("text", ["Who built it?", "Thank you!", "2021?", "..."])
def test_a_chosen_language_comes_first(text: str) -> None:
    """Who has chosen a language gets replies in it, whatever the question's own is."""
    own = read_question(text, "ru")
    chosen = read_question(text, "ru", chosen_language="kk")
    assert chosen == replace(own, language="kk")


@pytest.mark.parametrize(
    ("text", "follow_up", "article"),
    [
        ("And how long is it?", True, CANAL),
        ("How long is the bridge?", False, BRIDGE),
    ],
)
def test_a_question_is_read_after_the_one_before(
    text: str, article: Article, *, follow_up: bool
) -> None:
    """The search hears what was asked before, and the answer tells whether it was needed."""
    question = read_question(text, earlier="Where is the canal of Talas?")
    retriever = FixedRetriever()
    [answer] = answer_questions(retriever, [question])
    assert retriever.batches == [[text]]
    assert retriever.after == [["Where is the canal of Talas?"]]
    assert answer.follow_up is follow_up
    assert answer.needed_context is follow_up
    assert answer.quotes[0].article == article


def test_what_is_not_found_may_be_a_follow_up_as_well() -> None:
    """So that the next one, too, is read after the question that stands alone."""
    retriever = FixedRetriever()
    retriever.confidence = UNSURE_FROM - 0.01
    [answer] = answer_questions(retriever, [read_question("And why?", earlier="Which canal?")])
    assert answer.outcome is Outcome.NOT_FOUND
    assert answer.follow_up


def test_a_question_about_one_article() -> None:
    """It is searched in that article alone, and needs no question before, nor the news."""
    retriever = FixedRetriever()
    question = read_question("How long is it?", earlier="Where is the bridge?", within="canal")
    answer_questions(retriever, [question, read_question("What is the news?", within="canal")])
    assert retriever.batches == [["How long is it?", "What is the news?"]]
    assert retriever.within == [["canal", "canal"]]
    assert retriever.after == [[None, None]]


@pytest.mark.parametrize(
    ("confidence", "outcome"),
    [
        (ANSWER_FROM, Outcome.ANSWERED),
        (RELATED_FROM, Outcome.UNSURE),
        (RELATED_FROM - 0.001, Outcome.NOT_FOUND),
    ],
)
def test_in_one_article_the_closest_is_shown(confidence: float, outcome: Outcome) -> None:
    """Who asks about one article asks shortly, which makes no passage of it confident."""
    retriever = FixedRetriever()
    retriever.confidence = confidence
    question = read_question("How long is the canal?", within="canal")
    [answer] = answer_questions(retriever, [question])
    assert answer.outcome is outcome


def test_answers_come_in_order_from_one_search() -> None:
    """Only questions are searched for, all at once, and each gets its own answer."""
    retriever = FixedRetriever()
    texts = ["How long is the bridge?", "Hello", "Who cooks plov?", "🌉"]
    answers = answer_questions(retriever, [read_question(text) for text in texts])
    assert [answer.question.text for answer in answers] == texts
    assert [answer.outcome for answer in answers] == [
        Outcome.ANSWERED,
        Outcome.GREETING,
        Outcome.NOT_FOUND,
        Outcome.NO_QUESTION,
    ]
    assert retriever.batches == [["How long is the bridge?", "Who cooks plov?"]]


def test_a_quote_is_a_part_of_its_passage() -> None:
    """An answer quotes the sentences around the one that answers, and knows the whole passage."""
    [answer] = answer_questions(FixedRetriever(), [read_question("How long is the canal?")])
    [quote] = answer.quotes
    verify(quote)
    assert quote.text == CANAL.body[:533]
    assert quote.highlight == CANAL_SENTENCES[1]
    assert quote.trimmed
    assert (quote.score, quote.confidence) == (2.0, 1.0)
    [whole] = answer.whole().quotes
    verify(whole)
    assert whole.text == CANAL.body
    assert whole.highlight == CANAL_SENTENCES[1]
    assert not whole.trimmed


@pytest.mark.parametrize(
    ("confidence", "outcome"),
    [
        (ANSWER_FROM, Outcome.ANSWERED),
        (ANSWER_FROM - 0.01, Outcome.UNSURE),
        (UNSURE_FROM, Outcome.UNSURE),
        (UNSURE_FROM - 0.01, Outcome.NOT_FOUND),
    ],
)
def test_three_outcomes(confidence: float, outcome: Outcome) -> None:
    """Only what is surely an answer counts as one; the closest is shown when it may be one."""
    retriever = FixedRetriever()
    retriever.confidence = confidence
    [answer] = answer_questions(retriever, [read_question("How long is the bridge?")])
    assert answer.outcome is outcome
    assert answer.answered is (outcome is Outcome.ANSWERED)
    assert bool(answer.quotes) is (outcome is not Outcome.NOT_FOUND)
    assert bool(answer.articles) is (outcome is Outcome.NOT_FOUND)


class ManyHits(FixedRetriever):
    """Finds a passage of the bridge's article for each confidence, in articles of these slugs."""

    def __init__(self, *found: tuple[str, float]) -> None:
        super().__init__()
        self.found = found
        self.published: dict[str, date | None] = {}

    def find(self, question: str) -> list[Hit]:  # noqa: ARG002 - as in FixedRetriever
        articles = [
            replace(BRIDGE, slug=slug, published=self.published.get(slug))
            for slug, _ in self.found
        ]
        return [
            hit(passage_of(article, BRIDGE_SENTENCES), Span(0, 17), confidence)
            for article, (_, confidence) in zip(articles, self.found, strict=True)
        ]


def test_all_that_may_help_is_quoted() -> None:
    """After the best passage come those that may answer as well, but none that is far off."""
    found = [("a", 1.0), ("b", RELATED_FROM), ("c", RELATED_FROM - 0.001), ("d", RELATED_FROM)]
    [answer] = answer_questions(ManyHits(*found), [read_question("How long is it?")])
    assert [quote.article.slug for quote in answer.quotes] == ["a", "b", "d"]
    assert answer.articles == ()


@pytest.mark.parametrize(
    ("found", "related"),
    [
        ("aabacbd", "abc"),
        ("aaaa", "a"),
        ("", ""),
    ],
)
def test_related_articles(found: str, related: str) -> None:
    """Below "not found" up to three articles are named, the best first, each once."""
    retriever = ManyHits(*[(slug, RELATED_FROM) for slug in found])
    [answer] = answer_questions(retriever, [read_question("How long is it?")])
    assert answer.outcome is Outcome.NOT_FOUND
    assert [article.slug for article in answer.articles] == list(related)


def test_what_is_far_off_is_not_related() -> None:
    """An article that has next to nothing to do with the question is not named."""
    retriever = ManyHits(("a", RELATED_FROM), ("b", RELATED_FROM - 0.001), ("c", RELATED_FROM))
    [answer] = answer_questions(retriever, [read_question("How long is it?")])
    assert [article.slug for article in answer.articles] == ["a", "c"]


def test_what_asks_for_a_time_alone_gets_articles() -> None:
    """No passage is searched for the news; in a batch the other questions are."""
    retriever = FixedRetriever()
    questions = [read_question("What is the news?"), read_question("How long is the canal?")]
    news, canal = answer_questions(retriever, questions)
    assert (news.outcome, news.articles, news.quotes) == (Outcome.ARTICLES, (BRIDGE, CANAL), ())
    assert canal.outcome is Outcome.ANSWERED
    assert retriever.batches == [["How long is the canal?"]]


def test_a_time_alone_may_go_on_about_something() -> None:
    """Who has asked about a thing and then asks for the time alone gets no list of articles."""
    question = read_question("What is the news?", earlier="Where is the canal of Talas?")
    [answer] = answer_questions(FixedRetriever(), [question])
    assert (answer.outcome, answer.follow_up) == (Outcome.ANSWERED, True)


@pytest.mark.parametrize(
    ("text", "confidence", "outcome"),
    [
        ("What is the latest news on the bridge?", 1.0, Outcome.ANSWERED),
        ("What is the latest news on the bridge?", RELATED_FROM, Outcome.ARTICLES),
        ("What is the latest news on the bridge?", RELATED_FROM - 0.001, Outcome.NOT_FOUND),
        ("What do you know of the bridge?", RELATED_FROM, Outcome.NOT_FOUND),
    ],
)
def test_news_of_something_are_its_articles(
    text: str, confidence: float, outcome: Outcome
) -> None:
    """Who asks for the latest and gets no answer gets what is related, newest first."""
    retriever = ManyHits(*[(slug, confidence) for slug in "abc"])
    retriever.published = {"a": date(2024, 1, 1), "b": None, "c": date(2025, 1, 1)}
    [answer] = answer_questions(retriever, [read_question(text)])
    assert answer.outcome is outcome
    if outcome is Outcome.ARTICLES:
        assert [article.slug for article in answer.articles] == ["c", "a", "b"]


@pytest.fixture
def retriever() -> FixedRetriever:
    """What the service under test searches."""
    return FixedRetriever()


@pytest.fixture
async def answering(retriever: FixedRetriever) -> AsyncIterator[Answering]:
    """A service that is ready."""
    service = Answering(lambda: retriever)
    await service.initialize()
    await service.opened()
    retriever.batches.clear()
    yield service
    retriever.may_go_on.set()
    await service.shutdown()


async def begin(answering: Answering, retriever: FixedRetriever) -> asyncio.Future[Answer]:
    """Ask a question whose search doesn't end before `may_go_on`."""
    retriever.may_go_on.clear()
    retriever.busy.clear()
    first = asyncio.ensure_future(answering.answer(read_question("first bridge")))
    await asyncio.to_thread(retriever.busy.wait, 10)
    return first


async def test_who_waits_is_answered_in_one_batch(
    answering: Answering, retriever: FixedRetriever
) -> None:
    """All who ask while a search runs are answered by the next one, up to 32 of them."""
    first = await begin(answering, retriever)
    others = [
        asyncio.ensure_future(answering.answer(read_question(f"bridge {n}"))) for n in range(40)
    ]
    await asyncio.sleep(0)
    assert answering.waiting == 40
    retriever.may_go_on.set()
    answers = await asyncio.gather(first, *others)
    assert answering.waiting == 0
    assert [answer.question.text for answer in answers[1:]] == [f"bridge {n}" for n in range(40)]
    assert [len(batch) for batch in retriever.batches] == [1, 32, 8]
    assert len(retriever.threads) == 1


async def test_an_error_reaches_everybody_who_waits(
    answering: Answering, retriever: FixedRetriever
) -> None:
    """Each of a batch hears of what went wrong, as it is; the next question is answered again."""
    first = await begin(answering, retriever)
    others = [
        asyncio.ensure_future(answering.answer(read_question(text))) for text in ("one", "two")
    ]
    await asyncio.sleep(0)
    retriever.error = error = IndexUnusable("The index is of another model.")
    retriever.may_go_on.set()
    assert await asyncio.gather(first, *others, return_exceptions=True) == [error] * 3
    retriever.error = None
    assert (await answering.answer(read_question("Which bridge?"))).answered


async def test_who_has_gone_is_passed_over(
    answering: Answering, retriever: FixedRetriever
) -> None:
    """A cancelled question is not searched for and holds nobody up."""
    first = await begin(answering, retriever)
    gone = asyncio.ensure_future(answering.answer(read_question("gone")))
    stays = asyncio.ensure_future(answering.answer(read_question("stays")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    retriever.may_go_on.set()
    await asyncio.gather(first, stays)
    assert retriever.batches == [["first bridge"], ["stays"]]


async def test_the_index_is_looked_up_in_the_retrievers_thread(
    answering: Answering, retriever: FixedRetriever
) -> None:
    """What else is read from the index is read where questions are answered."""
    found = await answering.look_up(
        lambda index: index.passage_at(CANAL.content_hash[:12], CANAL_SENTENCES[1])
    )
    assert found == passage_of(CANAL, CANAL_SENTENCES)
    assert len(retriever.threads) == 1
    assert "MainThread" not in retriever.threads


async def test_shutdown_answers_who_waits(answering: Answering, retriever: FixedRetriever) -> None:
    """Nobody who asked before the end is left without an answer."""
    first = await begin(answering, retriever)
    second = asyncio.ensure_future(answering.answer(read_question("second bridge")))
    await asyncio.sleep(0)
    retriever.may_go_on.set()
    await answering.shutdown()
    assert first.done()
    assert (await second).answered


async def test_who_asks_before_the_index_is_open_is_answered_late(
    retriever: FixedRetriever,
) -> None:
    """Nothing waits for the model but what needs it; then those who waited are one batch."""
    may_open = threading.Event()

    def open_late() -> FixedRetriever:
        may_open.wait(10)
        return retriever

    service = Answering(open_late)
    await service.initialize()
    waiting = [
        asyncio.ensure_future(service.answer(read_question(f"bridge {n}"))) for n in range(3)
    ]
    await asyncio.sleep(0)
    thanks = await service.answer(read_question("Thank you!"))
    assert thanks.outcome is Outcome.THANKS
    assert not service.is_open
    assert not any(question.done() for question in waiting)
    may_open.set()
    answers = await asyncio.gather(*waiting)
    assert service.is_open
    assert [answer.answered for answer in answers] == [True, True, True]
    assert retriever.batches == [["bridge 0", "bridge 1", "bridge 2"]]
    await service.shutdown()


async def test_the_first_question_is_not_the_first(retriever: FixedRetriever) -> None:
    """Where nobody waits, a question of the bot's own takes the time that a first one takes."""
    service = Answering(lambda: retriever)
    await service.initialize()
    await service.opened()
    assert [len(batch) for batch in retriever.batches] == [1]
    await service.shutdown()


async def test_who_gives_up_waiting_stops_nothing(retriever: FixedRetriever) -> None:
    """The index is opened also when those have gone who waited for that."""
    may_open = threading.Event()

    def open_late() -> FixedRetriever:
        may_open.wait(10)
        return retriever

    service = Answering(open_late)
    await service.initialize()
    waiting = asyncio.ensure_future(service.opened())
    await asyncio.sleep(0)
    waiting.cancel()
    may_open.set()
    await service.opened()
    assert service.is_open
    await service.shutdown()


async def test_a_retriever_that_cannot_be_opened() -> None:
    """Why the index can't be opened is heard by who waits for that, and by each who asks."""

    def fail() -> FixedRetriever:
        raise IndexUnusable("The index is damaged.")

    service = Answering(fail)
    await service.initialize()
    with pytest.raises(IndexUnusable, match="damaged"):
        await service.opened()
    with pytest.raises(IndexUnusable, match="damaged"):
        await service.answer(read_question("Which bridge?"))
    with pytest.raises(IndexUnusable, match="damaged"):
        await service.look_up(lambda index: index.state())
    assert not service.is_open
    await service.shutdown()
