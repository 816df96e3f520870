"""What admins see of the journal and of the bot itself, as messages."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, User
from telegram.constants import MessageEntityType

from bot.answering import Answer
from bot.cards import shortened_line
from bot.formatting import Card, FormattedText
from bot.insight.buttons import OpenUnanswered
from bot.insight.stats import Stats
from bot.insight.unanswered import QuestionGroup
from bot.localization import (
    duration,
    language_name,
    percent,
    say,
    short_date,
    written_number,
)

if TYPE_CHECKING:
    from bot.insight.status import Kept, Status

GROUPS_ON_A_PAGE = 8

# So that the text always fits into one message. In characters.
_MAX_QUESTION = 110
_MAX_TITLE = 70
_MAX_WARNING = 160
_MAX_SOURCES = 5
_MAX_TROUBLES = 5
_MAX_TROUBLE = 200
_MAX_URL = 60

_MB, _GB = 1024**2, 1024**3


def stats_text(stats: Stats, language: str) -> str:
    """The numbers of some days, short enough for a picture's caption."""
    outcomes, totals, count = stats.totals.outcomes, stats.totals, len(stats.days)
    lines = [
        say(language, "stats-heading", days=count),
        _span(stats, language),
        "",
        say(language, "stats-questions", count=outcomes.total),
        say(language, "stats-people", count=totals.people),
        say(language, "stats-a-day", average=round(outcomes.total / count, 1)),
    ]
    if stats.before:
        before = stats.before.outcomes
        answered = percent(before.share(before.answered), language)
        lines.append(say(language, "stats-before", count=before.total, answered=answered))
    lines.append("")
    for label, number in outcome_counts(stats, language):
        share = percent(outcomes.share(number), language)
        lines.append(f"{label}: {written_number(number, language)} ({share})")
    lines.append("")
    if totals.helpful_share is None:
        lines.append(say(language, "stats-no-verdicts"))
    else:
        helpful, verdicts = totals.helpful, totals.helpful + totals.not_helpful
        share = percent(totals.helpful_share, language)
        lines.append(
            say(language, "stats-helpful", helpful=helpful, verdicts=verdicts, share=share)
        )
    lines += ["", _shares(language_counts(stats, language), outcomes.total, language)]
    kinds = [(say(language, f"stats-{kind}"), number) for kind, number in stats.chat_kinds]
    lines.append(_shares(kinds, outcomes.total, language))
    return "\n".join(lines)


def outcome_counts(stats: Stats, language: str) -> list[tuple[str, int]]:
    """What each outcome is called, and how often it was."""
    keys = ("stats-answered", "stats-unsure", "stats-not-found", "stats-articles")
    names = (say(language, key) for key in keys)
    return list(zip(names, stats.totals.outcomes.in_order, strict=True))


def language_counts(stats: Stats, language: str) -> list[tuple[str, int]]:
    """What each language is called, and how many questions were in it."""
    return [
        (_capitalised(language_name(code, language)), count) for code, count in stats.languages
    ]


def no_questions_text(days: int, language: str) -> str:
    """What to say where there is nothing to count.

    Args:
        days: How long questions are kept, or were looked for.
        language: The admin's.
    """
    return say(language, "stats-none" if days else "stats-not-kept", days=days)


def unanswered_card(
    groups: Sequence[QuestionGroup], answers: Sequence[Answer], shown: OpenUnanswered
) -> Card:
    """A page of what people ask and the articles don't answer.

    Args:
        groups: All of them.
        answers: What those on the page would be answered with today.
        shown: Which page, of how many days, in which language.
    """
    language = shown.language
    made = FormattedText(say(language, "unanswered-heading", days=shown.days))
    first = (shown.page - 1) * GROUPS_ON_A_PAGE
    on_page = groups[first : first + GROUPS_ON_A_PAGE]
    for number, (group, answer) in enumerate(zip(on_page, answers, strict=True), first + 1):
        made.add(f"\n\n{number}. ")
        made.add(shortened_line(group.text, _MAX_QUESTION), MessageEntityType.BOLD)
        facts = [say(language, "unanswered-times", count=group.not_found)]
        if group.people:
            facts.append(say(language, "unanswered-people", count=group.people))
        facts += [language_name(code, language) for code in group.languages]
        made.add("\n" + " · ".join(facts))
        if group.unsure:
            made.add("\n" + say(language, "unanswered-unsure", count=group.unsure))
        if answer.answered:
            article = answer.quotes[0].article
            made.add(f"\n✓ {say(language, 'unanswered-now')} ")
            made.add(shortened_line(article.title, _MAX_TITLE), url=article.url)
    pages = -(-len(groups) // GROUPS_ON_A_PAGE)
    row = []
    if shown.page > 1:
        row.append(_turn(shown.turned(-1), "button-previous"))
    if shown.page < pages:
        row.append(_turn(shown.turned(1), "button-next"))
    if pages > 1:
        made.add("\n\n" + say(language, "article-page", number=shown.page, total=pages))
    return made.card(row)


def status_text(status: "Status", me: User | None, language: str) -> str:
    """How the bot is, in groups of lines.

    Args:
        status: What was found out.
        me: The bot as Telegram sees it, which knows how it is set up; None in the terminal.
        language: The admin's.
    """
    blocks = [
        _program_lines(status, language),
        _index_lines(status, language),
        _kept_lines(status.kept, language),
        _waiting_lines(status, language),
        _telegram_lines(me, language) if me else [],
        _failing_lines(status, language),
        _warning_lines(status, language) if status.running_since else [],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _program_lines(status: "Status", language: str) -> list[str]:
    machine = status.machine
    lines = [say(language, "status-version", version=status.version)]
    if status.running_for is not None:
        lines.append(say(language, "status-running", time=duration(status.running_for, language)))
        lines.append(say(language, "status-memory", size=round(machine.memory / _MB)))
    lines.append(say(language, "status-disk", size=round(machine.free_disk / _GB, 1)))
    return lines


def _index_lines(status: "Status", language: str) -> list[str]:
    index = status.index
    if index is None:
        return [say(language, "status-no-index")]
    lines = [say(language, "status-index", articles=index.articles, passages=index.passages)]
    if index.reindexed_at:
        ago = _ago(status.now, index.reindexed_at, language)
        lines.append(say(language, "status-reindexed", time=ago))
    return [*lines, say(language, "status-model", name=status.model)]


def _kept_lines(kept: "Kept | None", language: str) -> list[str]:
    if kept is None:
        return [say(language, "status-no-journal")]
    size = round(kept.bytes / _MB, 1)
    if kept.days:
        said = say(language, "status-journal", count=kept.questions, days=kept.days, size=size)
    else:
        said = say(language, "status-nothing-kept", size=size)
    return [said, say(language, "status-wishes", count=kept.wishes)]


def _waiting_lines(status: "Status", language: str) -> list[str]:
    waiting = status.waiting
    lines = []
    if waiting.questions is not None:
        lines.append(say(language, "status-waiting", count=waiting.questions))
    if waiting.drafts is None:
        return [*lines, say(language, "status-no-drafts")]
    return [*lines, say(language, "status-drafts", count=waiting.drafts)]


def _telegram_lines(me: User, language: str) -> list[str]:
    return [
        say(language, "status-groups-all" if me.can_read_all_group_messages else "status-groups"),
        say(language, "status-inline" if me.supports_inline_queries else "status-no-inline"),
        say(language, "status-guest" if me.supports_guest_queries else "status-no-guest"),
    ]


def _failing_lines(status: "Status", language: str) -> list[str]:
    lines = []
    if status.kept and status.kept.failing_sources:
        failing = status.kept.failing_sources
        lines.append(say(language, "status-failing-sources", count=len(failing)))
        lines += [
            f"• {shortened_line(source.url, _MAX_URL)} ({source.failures})"
            for source in failing[:_MAX_SOURCES]
        ]
        lines += ["…"] if len(failing) > _MAX_SOURCES else []
    if status.troubles:
        lines.append(say(language, "status-troubles"))
        lines += [
            f"• {shortened_line(trouble.text(language), _MAX_TROUBLE)}"
            for trouble in status.troubles[:_MAX_TROUBLES]
        ]
        lines += ["…"] if len(status.troubles) > _MAX_TROUBLES else []
    return lines


def _warning_lines(status: "Status", language: str) -> list[str]:
    if not status.warnings:
        return [say(language, "status-no-warnings")]
    lines = [say(language, "status-warnings")]
    for warning in status.warnings:
        said = f"{warning.level} {warning.logger}: {warning.line}"
        ago = _ago(status.now, warning.at, language)
        lines.append(f"• {ago}: {shortened_line(said, _MAX_WARNING)}")
    return lines


def _ago(now: datetime, then: datetime, language: str) -> str:
    return duration(now - then.astimezone(UTC), language, ago=True)


def _turn(target: OpenUnanswered, key: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(say(target.language, key), callback_data=target.data)


def _capitalised(name: str) -> str:
    """The name as it begins a line; in most languages a language's is in small letters."""
    return name[:1].upper() + name[1:]


def _span(stats: Stats, language: str) -> str:
    first, last = stats.days[0].day, stats.days[-1].day
    if first == last:
        return short_date(last, language)
    return f"{short_date(first, language)} – {short_date(last, language)}"


def _shares(counts: Sequence[tuple[str, int]], total: int, language: str) -> str:
    return " · ".join(f"{name} {percent(count / total, language)}" for name, count in counts)
