"""A reindex's report: as JSON for another process, and as text for people."""

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from bot.errors import ReindexError
from bot.localization import say
from embeddings.indexing import IndexReport

# So that the text always fits into one message. In characters.
_MAX_NAMES = 10
_MAX_NAME = 40
_MAX_FAULT = 200

_REPORT = TypeAdapter(IndexReport)


def report_to_json(report: IndexReport) -> str:
    """What `python -m bot reindex --json` prints: the report's fields by their names."""
    return _REPORT.dump_json(report).decode()


def report_from_json(text: str) -> IndexReport:
    """The inverse of `report_to_json`.

    Raises:
        ReindexError: if the text is something else.
    """
    try:
        return _REPORT.validate_json(text)
    except ValidationError as error:
        raise ReindexError("The reindex ended without a report; see the bot's log.") from error


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
    changes = {"added": report.added, "changed": report.changed, "removed": report.removed}
    for kind, slugs in changes.items():
        if slugs:
            lines.append(say(language, f"reindex-{kind}", count=len(slugs), names=_names(slugs)))
    if not any(changes.values()):
        lines.append(say(language, "reindex-nothing-new"))
    if report.faults:
        lines.append(say(language, "reindex-faults", count=len(report.faults)))
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
