"""The numbers of some days as a picture that can be read on a phone."""

import asyncio
import io
import logging
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from bot.insight.cards import language_counts, outcome_counts
from bot.insight.stats import Outcomes, Stats, added_up
from bot.localization import percent, say, short_date, written_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

logger = logging.getLogger(__name__)

# In seconds; it takes two or three.
_PATIENCE = 60

# In inches of 200 dots: 1,080 by 1,350 pixels, which phones show upright without cutting.
_SIZE = (5.4, 6.75)
_DPI = 200
_LEFT, _RIGHT = 0.07, 0.93
"""Where everything begins and ends, as parts of the width."""

# Okabe and Ito's, which colour-blind people tell apart, for the outcomes in their order.
_COLOURS = ("#009E73", "#E69F00", "#D55E00", "#56B4E9")
_INK, _GREY, _LINES = "#1F2933", "#616E7C", "#E4E7EB"
_LANGUAGE_COLOUR = "#3D6FB4"

# In points; a phone shows them at about two thirds.
_TITLE, _NUMBER, _TEXT, _SMALL = 15, 19, 9.5, 8.5

_MOST_LANGUAGES = 5
_WEEK = 7
_MOST_DAYS = 62
"""Of more than these each bar is a week, counted back from today; what is left over has no bar."""
_MOST_TICKS = 6
_LOWEST_TOP = 4
"""Where the scale of questions ends at least, so that one question doesn't look like many."""


def draw(stats: Stats, language: str) -> bytes:
    """Draw the numbers as a PNG.

    matplotlib is imported here, since it takes a second and 40 MB.

    Args:
        stats: What happened; at least one question.
        language: Of the words.
    """
    # Not matplotlib.pyplot, which keeps global state: a Figure draws by itself, with Agg.
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white")
    first, last = stats.days[0].day, stats.days[-1].day
    figure.text(
        _LEFT,
        0.945,
        say(language, "stats-heading", days=len(stats.days)),
        size=_TITLE,
        weight="bold",
        color=_INK,
    )
    span = dict.fromkeys([short_date(first, language), short_date(last, language)])
    figure.text(_LEFT, 0.917, f"{' – '.join(span)} {last.year}", size=_TEXT, color=_GREY)

    facts = _facts(stats, language)
    width = (_RIGHT - _LEFT) / len(facts)
    for number, (value, name) in enumerate(facts):
        left = _LEFT + number * width
        figure.text(left, 0.845, value, size=_NUMBER, weight="bold", color=_INK)
        figure.text(left, 0.820, name, size=_TEXT, color=_GREY)

    languages = language_counts(stats, language)[:_MOST_LANGUAGES]
    height = 0.038 * len(languages)
    bottom = 0.045
    _draw_languages(
        figure.add_axes((0.27, bottom, _RIGHT - 0.27, height)),
        languages,
        stats.questions,
        language,
    )
    figure.text(
        _LEFT,
        bottom + height + 0.018,
        say(language, "chart-languages"),
        size=_TEXT + 1,
        weight="bold",
        color=_INK,
    )

    lowest = bottom + height + 0.105
    figure.text(
        _LEFT,
        0.765,
        say(language, "chart-per-week" if _in_weeks(stats) else "chart-per-day"),
        size=_TEXT + 1,
        weight="bold",
        color=_INK,
    )
    axes = figure.add_axes((_LEFT + 0.04, lowest, _RIGHT - _LEFT - 0.04, 0.69 - lowest))
    _draw_bars(axes, stats, language)
    figure.legend(
        loc="upper left",
        bbox_to_anchor=(_LEFT - 0.016, 0.756),
        ncols=2,
        frameon=False,
        fontsize=_SMALL,
        labelcolor=_INK,
        handlelength=0.9,
        handleheight=0.9,
        handletextpad=0.5,
        columnspacing=2.5,
    )
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def _facts(stats: Stats, language: str) -> list[tuple[str, str]]:
    """Return the numbers above the bars, each with its name."""
    outcomes, totals = stats.totals.outcomes, stats.totals
    answered = percent(outcomes.share(outcomes.answered), language)
    facts = [
        (written_number(outcomes.total, language), say(language, "chart-questions")),
        (written_number(totals.people, language), say(language, "chart-people")),
        (answered, say(language, "chart-answered")),
    ]
    if totals.helpful_share is not None:
        helpful = percent(totals.helpful_share, language)
        facts.append((helpful, say(language, "chart-helpful")))
    return facts


def _in_weeks(stats: Stats) -> bool:
    return len(stats.days) > _MOST_DAYS


def _bars(stats: Stats) -> list[tuple[date, Outcomes]]:
    """Return what each bar stands for, with its last day."""
    length = _WEEK if _in_weeks(stats) else 1
    ends = range(len(stats.days), length - 1, -length)
    return [
        (stats.days[end - 1].day, added_up(day.outcomes for day in stats.days[end - length : end]))
        for end in reversed(ends)
    ]


def _draw_bars(axes: "Axes", stats: Stats, language: str) -> None:
    """Draw a bar for each day or week, stacked by outcome."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    bars = _bars(stats)
    count = len(bars)
    below = [0] * count
    heights = zip(*(each.in_order for _, each in bars), strict=True)
    kinds = zip(outcome_counts(stats, language), heights, _COLOURS, strict=True)
    for (name, total), kind, colour in kinds:
        if total:
            axes.bar(range(count), kind, 0.82, bottom=below, color=colour, label=name)
            below = [low + height for low, height in zip(below, kind, strict=True)]
    # Few bars stay as narrow as those of a week, in the middle.
    room = max(0, _WEEK - count) / 2 + 0.6
    axes.set_xlim(-room, count - 1 + room)
    axes.set_ylim(0, max(_LOWEST_TOP, *below) * 1.05)
    # Counted from today back.
    ticks = range(count - 1, -1, -math.ceil(count / _MOST_TICKS))
    days = [short_date(bars[tick][0], language) for tick in ticks]
    axes.set_xticks(ticks, days, size=_SMALL, color=_GREY)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda at, _: written_number(at, language)))
    axes.tick_params(axis="y", labelsize=_SMALL, labelcolor=_GREY, length=0)
    axes.tick_params(axis="x", length=0, pad=5)
    axes.grid(axis="y", color=_LINES, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(_GREY)


def _draw_languages(
    axes: "Axes", languages: list[tuple[str, int]], questions: int, language: str
) -> None:
    """Draw a bar for each language, with its number at the end."""
    rows = range(len(languages))
    counts = [count for _, count in languages]
    axes.barh(rows, counts, 0.62, color=_LANGUAGE_COLOUR)
    for row, count in zip(rows, counts, strict=True):
        text = f"{written_number(count, language)} ({percent(count / questions, language)})"
        axes.annotate(
            text,
            (count, row),
            (5, 0),
            textcoords="offset points",
            va="center",
            size=_SMALL,
            color=_INK,
        )
    axes.set_yticks(rows, [name for name, _ in languages], size=_TEXT, color=_INK)
    axes.set_ylim(len(languages) - 0.5, -0.5)
    # Room for the numbers behind the longest bar.
    axes.set_xlim(0, max(counts) * 1.3)
    axes.tick_params(axis="y", length=0, pad=6)
    axes.set_xticks([])
    axes.spines[:].set_visible(False)


async def draw_aside(
    command: Sequence[str], environment: Mapping[str, str], days: int, language: str
) -> bytes | None:
    """Draw in a process of its own, so that the bot needs no memory for it.

    Args:
        command: Starts this program.
        environment: What to set for it.
        days: How many to draw.
        language: Of the words.

    Returns:
        The PNG; None, and a warning in the log, if there is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stats.png"
        process = await asyncio.create_subprocess_exec(
            *command,
            *("stats", "--days", str(days), "--plot", str(path), "--language", language),
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                _, complaints = await process.communicate()
            return await asyncio.to_thread(path.read_bytes)
        except TimeoutError:
            logger.warning("The picture of /stats was not drawn within %s s", _PATIENCE)
        except OSError:
            lines = complaints.decode(errors="replace").strip().splitlines()
            logger.warning("The picture of /stats was not drawn: %s", lines[-1:])
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return None
