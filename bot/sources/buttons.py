"""What the buttons below /sources carry; they do the same however old they are."""

import re
from dataclasses import dataclass
from enum import StrEnum

# Anybody can send data that no button of ours has: every field is checked.
_PATTERN = re.compile(r"source:([a-z]+)(?::([0-9a-f]{12}))?", re.ASCII)

SOURCE_BUTTONS = re.compile("source:")
"""How the data of these buttons begins, and of no others."""


class SourceAction(StrEnum):
    """What a button does."""

    LIST = "list"
    """Shows all sources; the only one that is about none of them."""
    OPEN = "open"
    ADD = "add"
    """Adds the source that the message tells of."""
    CHECK = "check"
    ASK = "ask"
    """From now on new articles wait for an admin's word."""
    TAKE = "take"
    """From now on they are taken at once."""
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"
    """Asks whether to."""
    FORGET = "forget"
    """Removes it."""


@dataclass(frozen=True, slots=True)
class SourceButton:
    """A button of an admin."""

    action: SourceAction
    source: str | None = None
    """See `records.source_id`."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"source:{self.action}:{self.source}" if self.source else f"source:{self.action}"


def read_source_button(data: str | None) -> SourceButton | None:
    """Which button was pressed, None if it is none that this version knows."""
    match = _PATTERN.fullmatch(data or "")
    if match is None or match[1] not in frozenset(SourceAction):
        return None
    action = SourceAction(match[1])
    if (match[2] is None) != (action is SourceAction.LIST):
        return None
    return SourceButton(action, match[2])
