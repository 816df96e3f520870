"""A reindex's report: as JSON for another process, and as text for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from bot.errors import ReindexError
from bot.localization import say
from embeddings.indexing import IndexReport
from knowledge.corpus import Fault

# So that the text always fits into one message. In characters.
_MAX_NAMES = 10
_MAX_NAME = 40
_MAX_FAULT = 200


def report_to_json(report: IndexReport) -> str:
    """What `python -m bot reindex --json` prints: the report's fields by their names."""
    return json.dumps(asdict(report), ensure_ascii=False)


def report_from_json(text: str) -> IndexReport:
    """The inverse of `report_to_json`.

    Raises:
        ReindexError: if the text is something else.
    """
    try:
        fields = json.loads(text)
        return IndexReport(
            added=tuple(fields["added"]),
            changed=tuple(fields["changed"]),
            removed=tuple(fields["removed"]),
            unchanged=fields["unchanged"],
            articles=fields["articles"],
            passages=fields["passages"],
            faults=tuple(Fault(**fault) for fault in fields["faults"]),
            seconds=fields["seconds"],
        )
    except (ValueError, KeyError, TypeError) as error:
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
