"""Reindexing: one at a time, in a process of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot import reindexing as reindexing_module
from bot.errors import ReindexBusy, ReindexCancelled, ReindexError, ReindexRunning
from bot.reindexing import Reindexing
from bot.reports import (
    Failure,
    Progress,
    ReindexNews,
    news_from_json,
    news_to_json,
    progress_text,
    report_text,
)
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


# What a child does that is told to reindex: it says that it is at work, and waits.
AT_WORK = (
    "import os, sys, time\n"
    "for order in sys.stdin:\n"
    "    open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n"
)


class Children:
    """Reindexings whose process runs code of a test; all are ended with the test."""

    def __init__(self, folder: Path) -> None:
        self.note = folder / "note"
        self._all: list[Reindexing] = []

    def script(self, code: str, **environment: str) -> Reindexing:
        """Run this in place of the reindex command; its argument is the path of a note."""
        command = [sys.executable, "-c", code, str(self.note)]
        self._all.append(Reindexing(command, environment))
        return self._all[-1]

    async def noted(self, lines: int) -> list[str]:
        """What the process has noted, as soon as it is that many lines."""
        async with asyncio.timeout(10):
            # The other process has no other way to tell us.
            while not self.note.exists() or self.note.read_text().count("\n") < lines:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return self.note.read_text().split()

    async def shutdown(self) -> None:
        for reindexing in self._all:
            await reindexing.shutdown()


@pytest.fixture
async def children(tmp_path: Path) -> AsyncIterator[Children]:
    children = Children(tmp_path)
    yield children
    await children.shutdown()


def saying(*news: ReindexNews | str) -> str:
    """Code that says this for each order."""
    lines = [each if isinstance(each, str) else news_to_json(each) for each in news]
    return AT_WORK + "".join(f"    print({line!r}, flush=True)\n" for line in lines)


def is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


async def test_report(children: Children) -> None:
    """The report that the process prints is what `run` gives, whatever it says on the way."""
    code = saying("Loading…", Progress(1, 3), "{}", Progress(3, 3), REPORT)
    seen: list[Progress] = []
    assert await children.script(code).run(seen.append) == REPORT
    assert seen == [Progress(1, 3), Progress(3, 3)]


@pytest.mark.parametrize("news", [REPORT, Progress(0, 9), Failure("Full.", "busy")])
def test_news_survive_json(news: ReindexNews) -> None:
    """What the process says can be written in a line and read again."""
    assert news_from_json(news_to_json(news)) == news
    assert "\n" not in news_to_json(news)


@pytest.mark.parametrize("text", ["", "done", "[]", "{}", '{"added": 1}', "null"])
def test_no_news(text: str) -> None:
    """A line that is something else, such as a library's, is passed over."""
    assert news_from_json(text) is None


async def test_a_report_of_ten_thousand_articles(children: Children) -> None:
    """A first reindex names every article in one line."""
    report = replace(REPORT, added=tuple(f"{n}-{'slug' * 20}" for n in range(10_000)))
    long = children.note.with_name("report")
    long.write_text(news_to_json(report))
    code = f"{AT_WORK}    print(open({str(long)!r}).read(), flush=True)\n"
    assert await children.script(code).run() == report


async def test_a_process_that_cannot_be_started(children: Children) -> None:
    """Such as on a machine without memory for another."""
    with pytest.raises(ReindexError, match=r"^The reindex can't be started \(.* too long\)\.$"):
        await children.script("pass", LONG="x" * 2**22).run()


async def test_the_process_stays_for_the_next_one(children: Children) -> None:
    """Loading the model takes long, so it is loaded once for several reindexes."""
    reindexing = children.script(saying(REPORT))
    await reindexing.run()
    await reindexing.run()
    first, second = await children.noted(2)
    assert first == second


async def test_the_process_goes_when_it_is_not_needed(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds memory, so it doesn't stay for long; the next reindex starts another."""
    monkeypatch.setattr(reindexing_module, "_STAYS_FOR", 0)
    reindexing = children.script(saying(REPORT))
    await reindexing.run()
    [first] = await children.noted(1)
    async with asyncio.timeout(10):
        while is_running(first):  # noqa: ASYNC110 - it has no other way to tell us
            await asyncio.sleep(0.01)
    assert await reindexing.run() == REPORT


async def test_warm(children: Children) -> None:
    """The process can be started ahead; it does nothing until it is told to."""
    code = "import os, sys\nopen(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n" + saying(REPORT)
    reindexing = children.script(code)
    await reindexing.warm()
    await reindexing.warm()
    [started] = await children.noted(1)
    assert not reindexing.running
    await reindexing.run()
    assert await children.noted(2) == [started, started]


async def test_failure_is_the_last_line_of_stderr(children: Children) -> None:
    """Of a process that fails the admin hears its own last word."""
    reindexing = children.script(
        "import sys; sys.stderr.write('A warning\\n'); sys.exit('The disk is full')"
    )
    with pytest.raises(ReindexError, match=r"^The disk is full$"):
        await reindexing.run()
    assert not reindexing.running


async def test_failure_of_one_order(children: Children) -> None:
    """A process that says why it couldn't is believed."""
    reindexing = children.script(saying(Failure("There is no such folder.", "failed")))
    with pytest.raises(ReindexError, match=r"^There is no such folder\.$"):
        await reindexing.run()


async def test_stopped_from_another_replica(children: Children) -> None:
    """An admin's /cancel may have reached another one; then the process itself says so."""
    reindexing = children.script(saying(Failure("The reindex was stopped.", "cancelled")))
    with pytest.raises(ReindexCancelled):
        await reindexing.run()


async def test_silent_failure(children: Children) -> None:
    """A process that dies without a word is reported by its exit code."""
    with pytest.raises(ReindexError, match="exit code 3"):
        await children.script("import os; os._exit(3)").run()


async def test_environment(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process inherits the environment, with what differs; so it gets no token."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123:secret")
    code = "import os, sys; sys.exit(os.environ['TELEGRAM_BOT_TOKEN'] + os.environ['PATH'])"
    with pytest.raises(ReindexError) as caught:
        await children.script(code, TELEGRAM_BOT_TOKEN="").run()
    assert str(caught.value) == os.environ["PATH"]


async def test_low_priority(children: Children) -> None:
    """The process stands back behind the bot."""
    with pytest.raises(ReindexError, match=r"^1[0-9]$"):
        await children.script("import os, sys; sys.exit(str(os.nice(0)))").run()


async def test_one_at_a_time_and_none_after_a_cancelled_task(children: Children) -> None:
    """A second reindex is refused while one runs; ending its task ends its process."""
    reindexing = children.script(f"{AT_WORK}    time.sleep(60)")
    running = asyncio.create_task(reindexing.run())
    [pid] = await children.noted(1)
    assert reindexing.running
    with pytest.raises(ReindexRunning):
        await reindexing.run()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not reindexing.running
    assert not is_running(pid)


async def test_cancel(children: Children) -> None:
    """A reindex can be stopped; whoever waits for it hears that it was."""
    reindexing = children.script(f"{AT_WORK}    time.sleep(60)")
    assert not reindexing.cancel()
    running = asyncio.create_task(reindexing.run())
    [pid] = await children.noted(1)
    assert reindexing.cancel()
    with pytest.raises(ReindexCancelled):
        await running
    assert not is_running(pid)
    assert not reindexing.cancel()


async def test_a_process_that_does_not_stop_is_killed(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a moment to roll back, no more."""
    monkeypatch.setattr(reindexing_module, "_GRACE", 0.1)
    reindexing = children.script(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"{AT_WORK}    time.sleep(60)"
    )
    running = asyncio.create_task(reindexing.run())
    [pid] = await children.noted(1)
    reindexing.cancel()
    with pytest.raises(ReindexCancelled):
        await running
    assert not is_running(pid)


async def test_who_comes_while_one_runs_gets_another(children: Children) -> None:
    """A reindex that has begun may not see a file that was added since; all later ones share."""
    reindexing = children.script(
        f"{AT_WORK}    while not os.path.exists(sys.argv[1] + '-go'): time.sleep(0.01)\n"
        f"    print({news_to_json(REPORT)!r}, flush=True)\n"
    )
    first = asyncio.create_task(reindexing.run())
    await children.noted(1)
    others = [asyncio.create_task(reindexing.run_soon()) for _ in range(3)]
    await asyncio.sleep(0)  # so that they wait
    Path(f"{children.note}-go").touch()  # noqa: ASYNC240
    assert await asyncio.gather(first, *others) == [REPORT] * 4
    assert len(await children.noted(2)) == 2


async def test_another_process_is_waited_for(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody reindexes in a terminal the bot tries again, and gives up in the end."""
    monkeypatch.setattr(reindexing_module, "_TRIES", (0.01, 0.01))
    busy, done = news_to_json(Failure("Another reindex.", "busy")), news_to_json(REPORT)
    code = f"said = iter([{busy!r}, {busy!r}, {done!r}, {busy!r}, {busy!r}, {busy!r}])\n"
    reindexing = children.script(f"{code}{AT_WORK}    print(next(said), flush=True)\n")
    assert await reindexing.run_soon() == REPORT
    with pytest.raises(ReindexBusy):
        await reindexing.run_soon()
    assert len(await children.noted(6)) == 6


async def test_who_waits_may_give_up(children: Children) -> None:
    """One of several who wait for the same reindex doesn't take it from the others."""
    reindexing = children.script(saying(REPORT))
    impatient = asyncio.create_task(reindexing.run_soon())
    patient = asyncio.create_task(reindexing.run_soon())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == REPORT


def test_progress_text() -> None:
    """An admin sees how far it is, how fast it goes, and how long it will take."""
    assert progress_text(Progress(250, 1000), 50.0, "en").splitlines() == [
        "Reading the articles: 25 %",
        "▓▓▓▓░░░░░░░░░░░░",
        "250 of 1,000 passages and sentences, 5 a second, about 2:30 left",
        "/cancel stops it",
    ]
    assert "0 %" in progress_text(Progress(0, 0), 0.0, "ky")


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
