"""What the buttons below /unanswered carry."""

import re
from dataclasses import dataclass, replace

UNANSWERED_BUTTONS = re.compile("unanswered:")
"""How the data of these buttons begins, and of no others."""

# Anybody can send data that no button of ours has: every field is checked.
_PATTERN = re.compile(r"unanswered:(en|ru|kk|ky):(\d{1,4}):(\d{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpenUnanswered:
    """Shows a page of what the articles don't answer."""

    language: str
    days: int
    page: int = 1
    """From 1; the last one if there are fewer."""

    @property
    def data(self) -> str:
        """What the button carries."""
        return f"unanswered:{self.language}:{self.days}:{self.page}"

    def turned(self, pages: int) -> "OpenUnanswered":
        """So many pages further on, or back."""
        return replace(self, page=self.page + pages)


def read_unanswered_button(data: str | None) -> OpenUnanswered | None:
    """Which page was asked for, None if it is no button that this version knows."""
    match = _PATTERN.fullmatch(data or "")
    return OpenUnanswered(match[1], int(match[2]), int(match[3])) if match else None
