"""In which order updates are handled: in turn among chats, and one at a time within each."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is waiting."""

    MESSAGE = "message"
    """Or anything else that is worth answering late."""
    PRESS = "press"
    """Of a button."""
    INLINE = "inline"
    """Somebody types in inline mode."""


class Lane(StrEnum):
    """Where an update waits: each has places of its own, so that none waits for another.

    Not a button for the questions of others, and no private chat for groups, to each of which
    Telegram takes no more than 20 messages a minute.
    """

    PRIVATE = "private"
    GROUP = "group"
    PRIVATE_PRESS = "private press"
    """Or anything else that is of no use when it is late."""
    GROUP_PRESS = "group press"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An update that waits for its turn. What it says stays on the disk."""

    update_id: int
    kind: Kind
    chat: int
    """Where it came from; the person, for what comes from no chat that we know of."""
    person: int | None
    since: float
    """Seconds of a clock that never goes back."""

    @property
    def lane(self) -> Lane:
        """Where it waits."""
        if self.kind is Kind.MESSAGE:
            return Lane.GROUP if self.chat < 0 else Lane.PRIVATE
        return Lane.GROUP_PRESS if self.chat < 0 else Lane.PRIVATE_PRESS


class Turns:
    """A lane: chats take turns, however much each of them has sent.

    So replies come in the order of a chat's questions, and one who has sent hundreds keeps nobody
    else waiting.
    """

    def __init__(self, places: int) -> None:
        """Take how many may be under way at once, each from another chat."""
        self._places = places
        # A chat has a line as long as something of it waits or is under way.
        self._lines: dict[int, deque[Waiting]] = {}
        self._ready: deque[int] = deque()
        self._under_way: set[int] = set()
        self._waiting = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting

    @property
    def free(self) -> int:
        """How many places nothing has, nor waits for."""
        return max(0, self._places - len(self._under_way) - self._waiting)

    @property
    def chats_waiting(self) -> int:
        """How many chats wait for their turn."""
        return len(self._ready)

    def waiting_in(self, chat: int) -> int:
        """How many of a chat wait."""
        return len(self._lines.get(chat, ()))

    def add(self, waiting: Waiting) -> None:
        """Put an update at the end of its chat's line."""
        line = self._lines.get(waiting.chat)
        if line is None:
            line = self._lines[waiting.chat] = deque()
            self._ready.append(waiting.chat)
        line.append(waiting)
        self._waiting += 1

    def take(self) -> Waiting | None:
        """The update whose turn it is; None if there is none, or no place for it.

        Nothing else of its chat is taken until `end`.
        """
        if not self._ready or len(self._under_way) >= self._places:
            return None
        chat = self._ready.popleft()
        self._under_way.add(chat)
        self._waiting -= 1
        return self._lines[chat].popleft()

    def end(self, chat: int) -> None:
        """Let a chat take another turn, after all others that wait for theirs."""
        self._under_way.remove(chat)
        if self._lines[chat]:
            self._ready.append(chat)
        else:
            del self._lines[chat]
