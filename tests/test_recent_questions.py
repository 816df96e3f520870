"""What each person asked last in each chat."""

from bot.recent_questions import RecentQuestions


class Clock:
    """Tells the seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_person_in_each_chat_has_a_last_question() -> None:
    """Nobody's question is taken for somebody else's, nor for one from another chat."""
    recent = RecentQuestions()
    recent.remember(1, 7, "Who?")
    recent.remember(1, 8, "When?")
    recent.remember(2, 7, "Where?")
    assert [recent.last(1, 7), recent.last(1, 8), recent.last(2, 7)] == ["Who?", "When?", "Where?"]
    assert recent.last(2, 8) is None
    recent.remember(1, 7, "Why?")
    assert recent.last(1, 7) == "Why?"


def test_after_ten_minutes_it_is_forgotten() -> None:
    """A conversation ends when nobody goes on with it."""
    clock = Clock()
    recent = RecentQuestions(clock)
    recent.remember(1, 7, "Who?")
    clock.now += 599
    assert recent.last(1, 7) == "Who?"
    clock.now += 1
    assert recent.last(1, 7) is None


def test_who_has_no_identity_has_no_question_before() -> None:
    """Anonymous admins are many people under one name."""
    recent = RecentQuestions()
    recent.remember(1, None, "Who?")
    assert recent.last(1, None) is None


def test_who_wants_to_be_forgotten_is() -> None:
    """In all chats, and nobody else."""
    recent = RecentQuestions()
    for chat, person in ((1, 7), (2, 7), (1, 8)):
        recent.remember(chat, person, "Who?")
    recent.forget(7)
    assert [recent.last(1, 7), recent.last(2, 7), recent.last(1, 8)] == [None, None, "Who?"]


def test_memory_is_bounded() -> None:
    """Of more than ten thousand people the ones who have been silent longest are forgotten."""
    recent = RecentQuestions()
    for person in range(10_001):
        recent.remember(1, person, "Who?")
        recent.remember(1, 0, "Again?")
    assert recent.last(1, 0) == "Again?"
    assert recent.last(1, 1) is None
    assert recent.last(1, 2) == "Who?"
