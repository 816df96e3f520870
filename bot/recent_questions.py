"""What each person asked last in each chat, so that "and who leads it?" can be understood."""

import time
from collections import OrderedDict
from collections.abc import Callable

# A conversation goes on within minutes; after that "it" means something else. In seconds.
_KEPT = 600.0
_MOST = 10_000


class RecentQuestions:
    """The last question that stands alone, by chat and person: in memory, for ten minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock that tells seconds and never goes back."""
        self._clock = clock
        self._asked: OrderedDict[tuple[int, int], tuple[float, str]] = OrderedDict()

    def last(self, chat: int, person: int | None) -> str | None:
        """What a person asked last in a chat; None if they didn't, or too long ago."""
        asked_at, question = self._asked.get((chat, person or 0), (0.0, None))
        return question if self._clock() - asked_at < _KEPT else None

    def remember(self, chat: int, person: int | None, question: str) -> None:
        """Keep a question; who has no identity (None) has no question before."""
        if person is None:
            return
        self._asked[chat, person] = self._clock(), question
        self._asked.move_to_end((chat, person))
        while len(self._asked) > _MOST:
            self._asked.popitem(last=False)

    def forget(self, person: int) -> None:
        """Drop all that a person has asked."""
        for key in [key for key in self._asked if key[1] == person]:
            del self._asked[key]
