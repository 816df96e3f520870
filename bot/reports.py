"""What a reindex says: lines of JSON from its process to the bot, and text for people."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import TypeAdapter, ValidationError

from bot.localization import say
from embeddings.indexing import IndexReport

# So that the text always fits into one message. In characters.
_MAX_NAMES = 10
_MAX_NAME = 40
_MAX_FAULT = 200
# In characters; fits next to the time on a narrow phone.
_BAR = 16


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reindex is."""

    done: int
    """Texts that are embedded."""
    total: int
    """Texts to embed: passages and sentences."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a reindex ended without a report."""

    reason: str
    """One line, with the way out."""
    kind: Literal["busy", "cancelled", "failed"]
    """Busy if another process was writing to the index, cancelled if an admin stopped it from
    another replica."""


ReindexNews: TypeAlias = Progress | Failure | IndexReport
"""What the reindexing process writes, one a line; the last one is a report or a failure."""

_NEWS: TypeAdapter[ReindexNews] = TypeAdapter(ReindexNews)


def news_to_json(news: ReindexNews) -> str:
    """One line of JSON: the fields by their names."""
    return _NEWS.dump_json(news).decode()


def news_from_json(text: str) -> ReindexNews | None:
    """The inverse of `news_to_json`; None for a line that is something else."""
    with contextlib.suppress(ValidationError):
        return _NEWS.validate_json(text)
    return None


def progress_text(progress: Progress, seconds: float, language: str) -> str:
    """How far a reindex is, how fast it goes and how long it will take.

    Args:
        progress: How far it is.
        seconds: Since when it has been running.
        language: Of the person who reads it.
    """
    share = progress.done / max(1, progress.total)
    filled = round(share * _BAR)
    rate = progress.done / seconds if seconds else 0.0
    left = round((progress.total - progress.done) / rate) if rate else 0
    return say(
        language,
        "reindex-progress",
        percent=int(100 * share),
        bar="▓" * filled + "░" * (_BAR - filled),
        done=progress.done,
        total=progress.total,
        rate=round(rate),
        left=f"{left // 60}:{left % 60:02}",
    )


def report_text(report: IndexReport, language: str) -> str:
    """What a reindex did, in a person's language."""
    lines = [
        say(
            language,
            "reindex-done",
            seconds=round(report.seconds, 1),
            articles=report.articles,
            passages=report.passages,
        )
    ]
    unnamed = report.unnamed
    changes = {
        "added": (report.added, unnamed.added),
        "changed": (report.changed, unnamed.changed),
        "removed": (report.removed, unnamed.removed),
    }
    for kind, (slugs, more) in changes.items():
        if slugs:
            count = len(slugs) + more
            lines.append(say(language, f"reindex-{kind}", count=count, names=_names(slugs)))
    if not any(slugs for slugs, _ in changes.values()):
        lines.append(say(language, "reindex-nothing-new"))
    if report.faults:
        count = len(report.faults) + unnamed.faults
        lines.append(say(language, "reindex-faults", count=count))
        shown = report.faults[:_MAX_NAMES]
        lines += [_cut(f"{fault.file}: {fault.reason}", _MAX_FAULT) for fault in shown]
        lines += ["…"] if len(report.faults) > _MAX_NAMES else []
    return "\n".join(lines)


def _names(slugs: Sequence[str]) -> str:
    names = [_cut(slug, _MAX_NAME) for slug in slugs[:_MAX_NAMES]]
    return ", ".join([*names, "…"] if len(slugs) > _MAX_NAMES else names)


def _cut(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
