"""What people ask and the articles don't answer, grouped and ranked."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.answering import Answering
from bot.insight.buttons import OpenUnanswered, read_unanswered_button
from bot.insight.cards import GROUPS_ON_A_PAGE, unanswered_card
from bot.insight.unanswered import (
    MOST_WORDINGS,
    QuestionGroup,
    Wording,
    answers_now,
    group_wordings,
    rank,
    read_wordings,
)
from bot.storage.journal import AskedQuestion, Journal
from fixed_retriever import FixedRetriever

ALICE, BAKYT, CHOLPON = 1, 2, 3
QUESTION = AskedQuestion(ALICE, "A ticket?", "en", "not-found", None, None, "private")
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Clock:
    """Says the time that a test sets."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock, database_url: SecretStr | None) -> Iterator[Journal]:
    """A journal on that clock."""
    with closing(Journal.open(tmp_path, 90, clock, database_url)) as journal:
        yield journal


async def ask(journal: Journal, text: str, **fields: object) -> None:
    """Somebody asks; who and how it went is as in QUESTION, unless said."""
    await journal.record(replace(QUESTION, text=text, **fields))  # type: ignore[arg-type]


def wordings_of(journal: Journal, days: int = 30) -> list[tuple[str, int, int, int]]:
    """The texts, how often nothing was found, how often something unsure, how many people."""
    time = journal.database.time()
    read = journal.database.read_now(lambda each: read_wordings(each, time, days))
    return [(each.text, each.not_found, each.unsure, len(each.people)) for each in read]


async def test_only_what_was_not_surely_answered_is_read(journal: Journal) -> None:
    """The newest first."""
    await ask(journal, "One?")
    await ask(journal, "Two?", outcome="unsure")
    await ask(journal, "Three?", outcome="answered")
    await ask(journal, "Four?", outcome="articles")
    assert wordings_of(journal) == [("Two?", 0, 1, 1), ("One?", 1, 0, 1)]


async def test_case_and_punctuation_make_no_other_wording(journal: Journal) -> None:
    """It is shown as it was written last; each person counts once, who has no identity never."""
    await ask(journal, "How much is a ticket")
    await ask(journal, "how much is a TICKET??", person=BAKYT)
    await ask(journal, "How much: is a ticket?", outcome="unsure", person=None)
    await ask(journal, "How much is a ticket!", person=BAKYT)
    assert wordings_of(journal) == [("How much is a ticket!", 3, 1, 2)]


async def test_older_questions_are_left_out(journal: Journal, clock: Clock) -> None:
    """So many days back, to the second."""
    await ask(journal, "Old?")
    clock.time = NOW + timedelta(days=7)
    await ask(journal, "New?")
    assert wordings_of(journal, 7) == [("New?", 1, 0, 1), ("Old?", 1, 0, 1)]
    clock.time += timedelta(seconds=1)
    assert wordings_of(journal, 7) == [("New?", 1, 0, 1)]


async def test_of_too_many_wordings_the_oldest_are_left_out(journal: Journal) -> None:
    """What is read already still counts up."""
    for number in range(MOST_WORDINGS + 1):
        await ask(journal, f"Question {number}?")
    await ask(journal, f"Question {MOST_WORDINGS}!")
    read = wordings_of(journal)
    assert len(read) == MOST_WORDINGS
    assert read[0] == (f"Question {MOST_WORDINGS}!", 2, 0, 1)
    assert read[-1][0] == "Question 1?"


def wording(
    text: str, language: str = "en", not_found: int = 1, unsure: int = 0, people: str = ""
) -> Wording:
    """A wording; each letter is a person."""
    return Wording(text, language, not_found, unsure, set(people))


def test_a_group_adds_up_its_wordings() -> None:
    """It is shown by its commonest wording; somebody who asked in two ways is one person."""
    wordings = [
        wording("Билет?", "ru", not_found=1, unsure=1, people="ab"),
        wording("A ticket?", "en", not_found=3, people="bc"),
        wording("School?", "en", people="d"),
    ]
    assert rank(wordings, [[1, 0], [2]]) == [
        QuestionGroup("A ticket?", 4, 1, 3, ("en", "ru")),
        QuestionGroup("School?", 1, 0, 1, ("en",)),
    ]


def test_groups_are_ranked() -> None:
    """By how often nothing was found, then how often it was unsure; the newest first of equals."""
    wordings = [
        wording("Newest?"),
        wording("Unsure?", unsure=2),
        wording("Often?", not_found=2),
        wording("Oldest?"),
        wording("Only unsure?", not_found=0, unsure=9),
    ]
    ranked = rank(wordings, [[3], [4], [2], [1], [0]])
    assert [group.text for group in ranked] == ["Often?", "Unsure?", "Newest?", "Oldest?"]


async def test_groups_of_real_wordings() -> None:
    """They are read in the retriever's own thread, in several batches, and answered as now."""
    retriever = FixedRetriever()
    answering = Answering(lambda: retriever)
    await answering.initialize()
    wordings = [wording(f"Ticket number {number}?") for number in range(40)]
    wordings += [wording("How long is the bridge?"), wording("What does the school teach?")]
    groups = await group_wordings(wordings, answering)
    assert [(group.text, group.not_found) for group in groups] == [
        ("Ticket number 0?", 40),
        ("How long is the bridge?", 1),
        ("What does the school teach?", 1),
    ]
    answers = await answers_now(groups, answering)
    assert [answer.answered for answer in answers] == [False, True, False]
    assert len(retriever.threads) == 1
    await answering.shutdown()


async def test_a_page_always_fits_into_a_message() -> None:
    """However long questions are, and though each is answered now."""
    answering = Answering(FixedRetriever)
    await answering.initialize()
    group = QuestionGroup("🌉 bridge " * 100, 1000, 1000, 1000, ("en", "ru", "kk", "ky"))
    groups = [group] * (2 * GROUPS_ON_A_PAGE + 1)
    for language in ("en", "ru", "kk", "ky"):
        answers = await answers_now(groups[:GROUPS_ON_A_PAGE], answering)
        card = unanswered_card(groups, answers, OpenUnanswered(language, 90, 2))
        assert len(card.text.encode("utf-16-le")) // 2 <= 4096
    await answering.shutdown()


@pytest.mark.parametrize("shown", [OpenUnanswered("en", 30), OpenUnanswered("ky", 3650, 9999)])
def test_buttons_carry_a_page(shown: OpenUnanswered) -> None:
    """What a button carries fits into 64 bytes and can be read again."""
    assert len(shown.data.encode()) <= 64
    assert read_unanswered_button(shown.data) == shown


@pytest.mark.parametrize(
    "data",
    [None, "", "unanswered:", "unanswered:de:1:1", "unanswered:en:1", "unanswered:en:1:-1",
     "unanswered:en:99999:1", "unanswered:en:1:1:", "unanswered:en:١:1", "qunanswered:en:1:1"],
)  # fmt: skip
def test_forged_buttons(data: str | None) -> None:
    """Anybody can send any data; what isn't ours is no button."""
    assert read_unanswered_button(data) is None
