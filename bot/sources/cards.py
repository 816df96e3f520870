"""Sources and how their checks went, as messages for admins."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from babel.dates import format_timedelta
from babel.units import format_unit
from telegram import InlineKeyboardButton
from telegram.constants import MessageEntityType

from bot.formatting import Card, FormattedText
from bot.localization import say
from bot.sources.buttons import SourceAction, SourceButton
from bot.sources.checks import CheckReport
from bot.sources.records import EntryRecord, EntryState, SourceRecord, source_id
from bot.sources.visiting import FoundListing
from knowledge.feeds import ListingKind
from knowledge.sources import Approval, Source

FAILING_SHOWN = 5
"""Articles that couldn't be read which a source's card lists."""

# A message holds 4,096 characters and a hundred buttons.
_LISTED = 30
_MAX_NAME = 60
_MAX_REPORTED = 10
_MAX_REASON = 500
_EN = "en_GB"
_UNITS = (
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)


def list_card(
    sources: Sequence[Source], records: Mapping[str, SourceRecord], now: datetime, language: str
) -> Card:
    """All sources, with a button for each.

    Args:
        sources: In their order.
        records: What is known of them, by their links.
        now: UTC without a time zone.
        language: To say it in.
    """
    if not sources:
        return Card(say(language, "sources-none"))
    text = FormattedText(say(language, "sources", count=len(sources)) + "\n")
    rows = []
    for source in sources[:_LISTED]:
        record = records.get(source.url, SourceRecord(source.url))
        text.add("\n")
        text.add(_short(source.name), url=source.url)
        text.add(f" – {_state(record, now, language)}")
        rows.append([_button(_short(source.name), SourceAction.OPEN, source)])
    if len(sources) > _LISTED:
        text.add("\n" + say(language, "sources-more", count=len(sources) - _LISTED))
    text.add("\n\n" + say(language, "sources-how-to"))
    return text.card(*rows)


def source_card(
    source: Source,
    record: SourceRecord,
    failing: Sequence[EntryRecord],
    now: datetime,
    language: str,
) -> Card:
    """One source, with what can be done about it.

    Args:
        source: Which.
        record: How its checks went.
        failing: Its articles that couldn't be read.
        now: UTC without a time zone.
        language: To say it in.
    """
    text = FormattedText()
    text.add(_short(source.name), MessageEntityType.BOLD)
    text.add("\n")
    text.add(source.url, url=source.url)
    text.add("\n\n")
    lines = [
        say(language, _kind_key(record.kind)) if record.kind else None,
        say(language, "source-interval", interval=_interval(source.every, language)),
        say(
            language,
            "source-takes" if source.approval is Approval.AUTOMATIC else "source-asks",
        ),
        "",
        *_how_it_goes(record, now, language),
    ]
    text.add("\n".join(line for line in lines if line is not None))
    if failing:
        text.add("\n\n" + say(language, "source-unreadable"))
    for entry in failing:
        text.add("\n– ")
        text.add(_short(entry.title or entry.url), url=entry.url)
        again = (
            say(language, "source-next-try", time=_relative(entry.next_try_at - now, language))
            if entry.state is EntryState.WAITING and entry.next_try_at
            else say(language, "source-given-up")
        )
        text.add(f": {say(language, f'reading-{entry.problem}')} {again}")
    automatic = source.approval is Approval.AUTOMATIC
    approval = SourceAction.ASK if automatic else SourceAction.TAKE
    pause = SourceAction.RESUME if record.paused else SourceAction.PAUSE
    return text.card(
        [_named_button(SourceAction.CHECK, source, language)],
        [_named_button(approval, source, language)],
        [
            _named_button(pause, source, language),
            _named_button(SourceAction.REMOVE, source, language),
        ],
        [_list_button(language)],
    )


def remove_card(source: Source, language: str) -> Card:
    """Asks whether to remove a source."""
    text = FormattedText(say(language, "source-remove-ask", name=_short(source.name)))
    return text.card(
        [_named_button(SourceAction.FORGET, source, language)],
        [
            InlineKeyboardButton(
                say(language, "button-source-keep"),
                callback_data=SourceButton(SourceAction.OPEN, source_id(source.url)).data,
            )
        ],
    )


def removed_card(language: str) -> Card:
    """Says that a source was removed."""
    return FormattedText(say(language, "source-removed")).card([_list_button(language)])


def found_card(found: FoundListing, language: str) -> Card:
    """Offers to add what was found; `offered_source` reads it back from the message."""
    text = FormattedText(say(language, _found_key(found.kind), count=found.articles) + "\n\n")
    source = Source(found.url, found.name)
    # The first link of the message is what the button adds.
    text.add(_short(found.name), url=found.url)
    text.add("\n\n" + say(language, "source-offer"))
    return text.card([_named_button(SourceAction.ADD, source, language)])


def report_card(report: CheckReport, language: str) -> Card | None:
    """What admins hear of a check that nobody waits for; None if there is nothing to tell."""
    lines = _news(report, language)
    return _lines_card(report, lines, language) if lines else None


def check_card(report: CheckReport, language: str) -> Card:
    """What an admin hears of a check that they asked for."""
    lines = _news(report, language)
    if report.problem and not report.paused:
        lines.append(say(language, "source-problem", name=_short(report.source.name)))
        lines.append(say(language, f"reading-{report.problem}"))
    elif report.failed:
        lines.append(say(language, "source-failed-articles", count=report.failed))
    if not lines:
        lines.append(say(language, "source-nothing-new", name=_short(report.source.name)))
    return _lines_card(report, lines, language)


def _lines_card(report: CheckReport, lines: Sequence[str], language: str) -> Card:
    source = SourceButton(SourceAction.OPEN, source_id(report.source.url))
    button = InlineKeyboardButton(say(language, "button-source"), callback_data=source.data)
    return FormattedText("\n".join(lines)).card([button])


def _news(report: CheckReport, language: str) -> list[str]:
    name = _short(report.source.name)
    lines = []
    for key, titles in (("source-offered", report.offered), ("source-taken", report.taken)):
        if titles:
            lines.append(say(language, key, count=len(titles), name=name))
            lines += [f"– {_short(title)}" for title in titles[:_MAX_REPORTED]]
    if report.offered:
        lines += ["", say(language, "source-see-drafts")]
    if report.reindex_problem:
        reason = report.reindex_problem[:_MAX_REASON]
        lines += ["", say(language, "source-not-indexed", reason=reason)]
    if report.paused:
        lines.append(say(language, "source-was-paused", name=name))
    return lines


def _how_it_goes(record: SourceRecord, now: datetime, language: str) -> list[str]:
    lines = []
    if record.read_at:
        ago = _relative(record.read_at - now, language)
        lines.append(say(language, "source-read", time=ago, count=record.found))
    if record.problem:
        lines.append(say(language, "source-failures", count=record.failures))
        lines.append(say(language, f"reading-{record.problem}"))
    if record.paused:
        lines.append(say(language, "source-paused"))
    elif record.next_check_at and record.next_check_at > now:
        ahead = _relative(record.next_check_at - now, language)
        lines.append(say(language, "source-next-check", time=ahead))
    else:
        lines.append(say(language, "source-next-check-soon"))
    return lines


def _state(record: SourceRecord, now: datetime, language: str) -> str:
    """In a few words."""
    if record.paused:
        return say(language, "source-state-paused")
    if record.problem:
        return say(language, "source-state-failing")
    if record.read_at is None:
        return say(language, "source-state-new")
    ago = _relative(record.read_at - now, language)
    return say(language, "source-state-read", time=ago)


def _kind_key(kind: ListingKind) -> str:
    return "source-feed" if kind is ListingKind.FEED else "source-sitemap"


def _found_key(kind: ListingKind) -> str:
    return "source-found-feed" if kind is ListingKind.FEED else "source-found-sitemap"


def _relative(distance: timedelta, language: str) -> str:
    """How long ago something was, or how soon it will be: "2 hours ago", "in 5 minutes"."""
    locale = _EN if language == "en" else language
    return format_timedelta(distance, locale=locale, add_direction=True)


def _interval(interval: timedelta, language: str) -> str:
    """An interval to the minute: "6 hours", "90 minutes"."""
    length, name = next(unit for unit in _UNITS if not interval % unit[0])
    locale = _EN if language == "en" else language
    return format_unit(interval // length, f"duration-{name}", locale=locale)


def _button(text: str, action: SourceAction, source: Source) -> InlineKeyboardButton:
    data = SourceButton(action, source_id(source.url)).data
    return InlineKeyboardButton(text, callback_data=data)


def _named_button(action: SourceAction, source: Source, language: str) -> InlineKeyboardButton:
    return _button(say(language, f"button-source-{action}"), action, source)


def _list_button(language: str) -> InlineKeyboardButton:
    data = SourceButton(SourceAction.LIST).data
    return InlineKeyboardButton(say(language, "button-sources"), callback_data=data)


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1].rstrip()}…"
