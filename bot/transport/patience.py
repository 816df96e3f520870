"""How long the bot waits for Telegram: for an answer, before it tries again, and when it stops."""

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """All in seconds."""

    connect: float = 10
    """For a connection."""
    answer: float = 20
    """For the answer to a request, once it is sent. Short, it would leave us more often in doubt
    whether a message has arrived; long, whoever asked would hear of it late."""
    poll: float = 10
    """How long Telegram holds a request for updates when there are none."""
    first_pause: float = 0.5
    """Before the second try of what went wrong."""
    longest_pause: float = 15
    """Before any further one: Telegram may have been back for so long."""
    message: float = 600
    """How long to try to send what somebody waits for. An outage may last minutes."""
    press: float = 15
    """The same for an answer to a pressed button or to an inline query: Telegram takes it so
    long."""
    conflict: float = 60
    """For how long another copy of the bot may get in our way before the admins are told."""
    webhook_check: float = 300
    """Between two looks whether Telegram can deliver to our webhook."""
    menus: float = 60
    """Before the second try to set the command menus; the pauses grow from there."""
    stop: float = 7
    """For what is under way when the bot is told to stop; all in all it takes at most 10."""

    def pauses(self) -> Iterator[float]:
        """What to wait before each further try: longer each time, and by chance not quite as long.

        So those who lost the connection at the same moment don't all come back at the same.
        """
        return growing_pauses(self.first_pause, self.longest_pause)


def growing_pauses(first: float, longest: float) -> Iterator[float]:
    """Pauses that double from `first` to `longest` seconds, each shortened by up to a half."""
    pause = first
    while True:
        yield pause * random.uniform(0.5, 1)  # noqa: S311 - a pause is no secret
        pause = min(longest, 2 * pause)
