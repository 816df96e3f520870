"""What a check of an installation has found."""

from dataclasses import dataclass
from enum import StrEnum


class Sign(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """The bot runs, but something will not be as its owner expects."""
    PROBLEM = "problem"
    """The bot doesn't run, or loses what it should keep."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has found."""

    check: str
    """What was looked at, in one word; the same in every run."""
    sign: Sign
    found: str
    """A sentence."""
    advice: str = ""
    """What to do, in a sentence or two; empty if there is nothing to do."""


def ok(check: str, found: str, advice: str = "") -> Finding:
    """Make a finding of something that is as it should be."""
    return Finding(check, Sign.OK, found, advice)


def warning(check: str, found: str, advice: str) -> Finding:
    """Make a finding of something that the bot can run with."""
    return Finding(check, Sign.WARNING, found, advice)


def problem(check: str, found: str, advice: str) -> Finding:
    """Make a finding of something that must be mended."""
    return Finding(check, Sign.PROBLEM, found, advice)
