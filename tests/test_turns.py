"""In which order updates are handled: in turn among chats, one after the other in each."""

from dataclasses import replace

import pytest

from bot.transport.turns import Kind, Lane, Turns, Waiting


def message(update_id: int, chat: int) -> Waiting:
    """A message that waits."""
    return Waiting(update_id, Kind.MESSAGE, chat, None, 0.0)


def handle_all(turns: Turns) -> list[int]:
    """Handle all that waits, one at a time; the ids in that order."""
    handled = []
    while (waiting := turns.take()) is not None:
        handled.append(waiting.update_id)
        turns.end(waiting.chat)
    return handled


@pytest.mark.parametrize(
    ("chats", "order"),
    [
        ([], []),
        # The n-th update is of the n-th chat here.
        ([1, 1, 1], [0, 1, 2]),
        ([1, 2, 1, 2], [0, 1, 2, 3]),
        ([1, 1, 1, 2], [0, 3, 1, 2]),
        ([1, 1, 1, 2, 2, 3], [0, 3, 5, 1, 4, 2]),
    ],
)
def test_chats_take_turns(chats: list[int], order: list[int]) -> None:
    """Who has sent more waits for those who have sent less; a chat's own order stays."""
    turns = Turns(places=10)
    for update_id, chat in enumerate(chats):
        turns.add(message(update_id, chat))
    assert len(turns) == len(chats)
    assert handle_all(turns) == order
    assert len(turns) == 0


def test_one_at_a_time_in_each_chat() -> None:
    """What a chat sends waits until the one before has ended; other chats don't."""
    turns = Turns(places=10)
    for update_id, chat in enumerate([1, 1, 2]):
        turns.add(message(update_id, chat))
    taken = [turns.take(), turns.take(), turns.take()]
    assert taken == [message(0, 1), message(2, 2), None]
    turns.add(message(3, 2))
    assert turns.take() is None
    turns.end(1)
    assert turns.take() == message(1, 1)
    turns.end(2)
    assert turns.take() == message(3, 2)


def test_no_more_at_once_than_there_are_places() -> None:
    """A place is free again once what had it has ended."""
    turns = Turns(places=2)
    for chat in (1, 2, 3):
        turns.add(message(chat, chat))
    assert [turns.take(), turns.take(), turns.take()] == [message(1, 1), message(2, 2), None]
    turns.end(1)
    assert turns.take() == message(3, 3)


def test_places_are_free_until_something_has_or_waits_for_them() -> None:
    """So many updates of other chats get a place at once."""
    turns = Turns(places=3)
    free = [turns.free]
    turns.add(message(1, 1))
    turns.take()
    free.append(turns.free)
    for update_id in (2, 3, 4):
        turns.add(message(update_id, 1))
        free.append(turns.free)
    turns.end(1)
    turns.take()
    free.append(turns.free)
    assert free == [3, 2, 1, 0, 0, 0]


def test_a_chat_with_500_waiting_delays_nobody() -> None:
    """Whoever comes while a chat's hundreds wait is next but one at most."""
    turns = Turns(places=1)
    for update_id in range(500):
        turns.add(message(update_id, 1))
    first = turns.take()
    assert first == message(0, 1)
    turns.add(message(500, 2))
    turns.end(1)
    assert handle_all(turns)[:3] == [500, 1, 2]


def test_what_waits_is_counted() -> None:
    """Counts are of what waits, in all and of a chat, and of chats; not of what is under way."""
    turns = Turns(places=1)
    for update_id, chat in enumerate([1, 1, 2]):
        turns.add(message(update_id, chat))
    assert (len(turns), turns.waiting_in(1), turns.chats_waiting) == (3, 2, 2)
    turns.take()
    assert (len(turns), turns.waiting_in(1), turns.chats_waiting) == (2, 1, 1)
    assert turns.waiting_in(3) == 0


@pytest.mark.parametrize(
    ("kind", "chat", "lane"),
    [
        (Kind.MESSAGE, 7, Lane.PRIVATE),
        (Kind.MESSAGE, -7, Lane.GROUP),
        (Kind.PRESS, 7, Lane.PRIVATE_PRESS),
        (Kind.PRESS, -7, Lane.GROUP_PRESS),
        (Kind.INLINE, 7, Lane.PRIVATE_PRESS),
    ],
)
def test_lanes(kind: Kind, chat: int, lane: Lane) -> None:
    """Presses and inline queries don't wait for questions, nor private chats for groups."""
    assert replace(message(1, chat), kind=kind).lane == lane
