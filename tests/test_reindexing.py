"""Reindexing: one at a time, in a process of its own."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.errors import ReindexError, ReindexRunning
from bot.reindexing import Reindexing
from bot.reports import report_from_json, report_text, report_to_json
from embeddings.indexing import IndexReport
from knowledge.corpus import Fault

REPORT = IndexReport(
    added=("bridge",),
    changed=(),
    removed=("ferry", "ford"),
    unchanged=1,
    articles=2,
    passages=5,
    faults=(Fault("мост.md", "The title is missing; add one."),),
    seconds=1.26,
)


def script(code: str, **environment: str) -> Reindexing:
    """Run this in place of the reindex command."""
    return Reindexing([sys.executable, "-c", code], environment)


async def test_report() -> None:
    """The report that the process prints is what `run` gives, whatever it says on the way."""
    code = f"import sys; print('Loading…', file=sys.stderr); print({report_to_json(REPORT)!r})"
    assert await script(code).run() == REPORT


def test_report_survives_json() -> None:
    """A report can be written and read again."""
    assert report_from_json(report_to_json(REPORT)) == REPORT


@pytest.mark.parametrize("text", ["", "done", "[]", "{}", '{"added": 1}', "null"])
def test_no_report(text: str) -> None:
    """What is no report is an error."""
    with pytest.raises(ReindexError):
        report_from_json(text)


async def test_failure_is_the_last_line_of_stderr() -> None:
    """Of a process that fails the admin hears its own last word."""
    reindexing = script(
        "import sys; sys.stderr.write('A warning\\n'); sys.exit('The disk is full')"
    )
    with pytest.raises(ReindexError, match=r"^The disk is full$"):
        await reindexing.run()
    assert not reindexing.running


async def test_silent_failure() -> None:
    """A process that dies without a word is reported by its exit code."""
    with pytest.raises(ReindexError, match="exit code 3"):
        await script("import os; os._exit(3)").run()


async def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process inherits the environment, with what differs; so it gets no token."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:secret")
    code = "import os, sys; sys.exit(os.environ['TELEGRAM_BOT_TOKEN'] + os.environ['PATH'])"
    with pytest.raises(ReindexError) as caught:
        await script(code, TELEGRAM_BOT_TOKEN="").run()
    assert str(caught.value) == os.environ["PATH"]


async def wait_for(path: Path) -> str:
    """What a process writes into a file, once it is there."""
    async with asyncio.timeout(10):
        # The other process has no other way to tell us.
        while not (path.exists() and (text := path.read_text())):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)
    return text


async def test_one_at_a_time_and_none_after_a_cancel(tmp_path: Path) -> None:
    """A second reindex is refused while one runs; cancelling that one ends its process."""
    note = tmp_path / "pid"
    code = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    reindexing = script(code)
    running = asyncio.create_task(reindexing.run())
    pid = int(await wait_for(note))
    assert reindexing.running
    with pytest.raises(ReindexRunning):
        await reindexing.run()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not reindexing.running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_low_priority() -> None:
    """The process stands back behind the bot."""
    with pytest.raises(ReindexError, match=r"^1[0-9]$"):
        await script("import os, sys; sys.exit(str(os.nice(0)))").run()


def test_report_text() -> None:
    """An admin hears what is in the index, what changed, and which files are faulty and why."""
    assert report_text(REPORT, "en").splitlines() == [
        "Done in 1.3 s. The index has 2 articles and 5 passages.",
        "Added (1): bridge",
        "Removed (2): ferry, ford",
        "Files I couldn't use (1):",
        "мост.md: The title is missing; add one.",
    ]


def test_report_text_fits_a_message() -> None:
    """However much has changed, the report is one message."""
    slugs = tuple(f"{n}-{'slug' * 50}" for n in range(500))
    faults = tuple(Fault(f"{n}-{'name' * 50}", "reason " * 100) for n in range(500))
    report = IndexReport(slugs, slugs, slugs, 9, 9, 9, faults, 9.0)
    text = report_text(report, "ru")
    assert "Добавлено (500): 0-slugslug" in text
    assert text.endswith("\n…")
    assert len(text.encode("utf-16-le")) // 2 <= 4096


def test_report_text_without_changes() -> None:
    """A reindex that found nothing new says so."""
    report = IndexReport((), (), (), 2, 2, 5, (), 0.04)
    assert report_text(report, "ky").splitlines()[1:] == ["Эч нерсе өзгөргөн жок."]
