"""The command that checks an installation."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from bot.commands import preparation
from bot.commands.options import AsJson
from bot.errors import SettingsError
from bot.insight.findings import Sign

if TYPE_CHECKING:
    from bot.insight.findings import Finding
    from bot.settings import Settings

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}
_WIDEST_NAME = 9


def doctor(*, as_json: AsJson = False) -> None:
    """Check this installation, and say what to do.

    Nothing is changed, but the model is unpacked if it isn't yet. Exit code 0 means that there is
    no problem; there may be warnings.
    """
    console = Console(highlight=False)
    findings = []
    for finding in _findings():
        findings.append(finding)
        if not as_json:
            console.print(_line(finding, marked=console.is_terminal), soft_wrap=True)
    counts = Counter(finding.sign for finding in findings)
    problems, warnings = counts[Sign.PROBLEM], counts[Sign.WARNING]
    if as_json:
        report = {"problems": problems, "warnings": warnings, "findings": findings}
        typer.echo(json.dumps(report, ensure_ascii=False, default=asdict))
    else:
        console.print(f"{_count(problems, 'problem')}; {_count(warnings, 'warning').lower()}.")
    raise typer.Exit(1 if problems else 0)


def _findings() -> Iterator["Finding"]:
    from bot.insight import checks
    from bot.insight.findings import problem
    from bot.insight.telegram_checks import check_telegram

    try:
        settings = preparation.start()
    except SettingsError as error:
        yield problem("settings", str(error), "The rest is checked once they are right.")
        return
    except OSError as error:
        yield problem("settings", f".env can't be read ({error.strerror}).", "Check its rights.")
        return
    for name, check in (
        ("settings", lambda: checks.check_settings(settings)),
        ("secrets", lambda: checks.check_private_files(settings)),
        ("folders", lambda: checks.check_folders(settings)),
        ("disk", lambda: checks.check_disk(settings)),
        ("memory", checks.check_memory),
        ("telegram", lambda: check_telegram(settings)),
        ("journal", lambda: checks.check_journal(settings)),
        ("articles", lambda: checks.check_articles(settings)),
        ("model", lambda: _model_and_index(settings)),
        ("running", lambda: checks.check_running(settings)),
    ):
        yield from checks.carefully(name, check)


def _model_and_index(settings: "Settings") -> Iterator["Finding"]:
    from bot.insight import checks
    from bot.insight.findings import problem
    from embeddings.errors import ModelUnavailable

    try:
        embedder = preparation.load_embedder(settings)
    except ModelUnavailable as error:
        yield problem("model", str(error), "")
        return
    yield checks.number_type(settings, embedder)
    yield from checks.carefully("index", lambda: checks.check_index(settings, embedder))


def _line(finding: "Finding", *, marked: bool) -> Text:
    mark, colour = _MARKS[finding.sign]
    sign = mark if marked else f"{finding.sign:<7}"
    rest = " ".join(f"{finding.found} {finding.advice}".split())
    return Text.assemble((sign, colour), f" {finding.check:<{_WIDEST_NAME}} ", rest)


def _count(number: int, name: str) -> str:
    return f"{number or 'No'} {name}{'' if number == 1 else 's'}"
