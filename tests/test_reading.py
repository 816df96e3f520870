"""Reading links and files in a process of its own, which may take so much and no more."""

import asyncio
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest

from bot import limited_process
from bot.drafts.reading import Known, ReadDraft, Reading, ReadingProblem, to_json
from bot.errors import ReadingFailed
from knowledge.article import Article, format_article
from knowledge.drafts import Draft
from knowledge.errors import Problem, ReadingError
from site_server import Site

PROJECT = Path(limited_process.__file__).parent.parent
READ = ReadDraft(
    Draft("The canal", "https://example.org/canal", "Water.", None, "en", date(2025, 6, 12)),
    same_link=Known("canal", "The old canal"),
)


def script(code: str, **environment: str) -> Reading:
    """Run this in place of the command that reads."""
    return Reading([sys.executable, "-c", code], environment)


async def test_what_was_read() -> None:
    """The draft that the process prints is what comes, whatever it says on the way."""
    code = f"import sys; print('Hm', file=sys.stderr); print({to_json(READ)!r})"
    assert await script(code).read_link("https://example.org/canal") == READ


async def test_a_problem_comes_back() -> None:
    """Why nothing was read crosses from the process to here."""
    said = to_json(ReadingProblem(Problem.NOT_FOUND, "https://a.org", "404"))
    with pytest.raises(ReadingError) as caught:
        await script(f"print({said!r})").read_link("https://a.org")
    error = caught.value
    assert (error.problem, error.subject, error.detail) == ("not-found", "https://a.org", "404")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit('The articles are gone')", "The articles are gone"),
        ("import os; os._exit(3)", "exit code 3"),
        ("print('{}')", "exit code 0"),
    ],
)
async def test_a_failure(code: str, reason: str) -> None:
    """A process that fails is reported by its last word."""
    with pytest.raises(ReadingFailed, match=f"^{reason}$"):
        await script(code).read_link("https://a.org")


async def wait_for(path: Path) -> int:
    """The process id that a process writes into a file, once it is there."""
    async with asyncio.timeout(10):
        # The other process has no other way to tell us.
        while not (path.exists() and (text := path.read_text())):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0.01)
    return int(text)


HANGS = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open({path!r}, "w") as note:
    note.write(str(child.pid))
time.sleep(600)
"""


async def gone(pid: int) -> None:
    """Waits until there is no such process."""
    async with asyncio.timeout(10):
        # A process that has ended may wait for somebody to ask for its exit code.
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_cancelled_reading_leaves_no_process(tmp_path: Path) -> None:
    """The process is ended with all that it has started."""
    note = tmp_path / "pid"
    running = asyncio.create_task(script(HANGS.format(path=str(note))).read_link("https://a.org"))
    pid = await wait_for(note)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await gone(pid)


async def test_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that takes too long is given up, and said to take too long."""
    monkeypatch.setattr(limited_process, "SECONDS", 0.2)
    with pytest.raises(ReadingError) as caught:
        await script("import time; time.sleep(600)").read_link("https://a.org")
    assert caught.value.problem is Problem.TIMEOUT


async def test_two_at_once(tmp_path: Path) -> None:
    """A third one waits until one of the two is done."""
    code = (
        "import os, sys, time\n"
        f"folder = {str(tmp_path)!r}\n"
        "name = os.path.join(folder, sys.argv[-1])\n"
        "open(name, 'w').close()\n"
        "print(len(os.listdir(folder)), file=sys.stderr)\n"
        "deadline = time.monotonic() + 10\n"
        "while len(os.listdir(folder)) < 2 and time.monotonic() < deadline: time.sleep(0.01)\n"
        "time.sleep(0.1)\n"
        "os.remove(name)\n"
        "sys.exit(1)\n"
    )
    reading = script(code)
    attempts = [reading.read_link(name) for name in "abcd"]
    failures = await asyncio.gather(*attempts, return_exceptions=True)
    assert max(map(str, failures)) == "2"


LIMITED = """
from bot.limited_process import limit_this_process
limit_this_process()
{work}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit less")
@pytest.mark.parametrize(
    ("work", "ended"),
    [
        ("try: bytearray(2_000_000_000)\nexcept MemoryError: print('no')", "exit code 0"),
        ("import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 9))\nwhile True: pass", ""),
        ("import signal; signal.alarm(1)\nimport time; time.sleep(60)", ""),
    ],
)
async def test_limits(work: str, ended: str) -> None:
    """The process gets so much memory and time; taking more ends in a word about its size."""
    reading = script(LIMITED.format(work=work), PYTHONPATH=str(PROJECT))
    with pytest.raises((ReadingError, ReadingFailed)) as caught:
        await reading.read_link("https://a.org")
    if ended:
        assert str(caught.value) == ended
    else:
        assert isinstance(caught.value, ReadingError)
        assert caught.value.problem is Problem.TOO_LARGE


@pytest.fixture
def site() -> Iterator[Site]:
    """A web site with an article."""
    with Site() as site:
        paragraphs = "".join(f"<p>{line}</p>" for line in BODY.split("\n\n"))
        site.page(
            "/canal",
            "<html><head><title>The canal of Talas</title>"
            '<meta property="article:published_time" content="2025-06-12"></head>'
            f"<body><article><h1>The canal of Talas</h1>{paragraphs}</article></body></html>",
        )
        yield site


BODY = """\
The canal of Talas, which is 14 kilometres long, was opened on Monday by its builders.

It was dug by hand for the first three kilometres, and by two excavators for the rest.

Since then the water has come to every field of five villages by the end of May."""


@pytest.fixture
def real(tmp_path: Path, site: Site) -> Reading:
    """The real command, on a folder with an article."""
    folder = tmp_path / "articles"
    folder.mkdir()
    old = Article("old", "Old", "https://old.org/canal", BODY, None, "en", None)
    (folder / "old.md").write_text(format_article(old), "utf-8")
    environment = {
        "ARTICLES_DIR": str(folder),
        "DATA_DIR": str(tmp_path / "data"),
        "PRIVATE_HOSTS": site.host,
        "PYTHONPATH": str(PROJECT),
    }
    return Reading([sys.executable, "-m", "bot", "add", "--draft", "--json"], environment)


async def test_a_real_page(real: Reading, site: Site) -> None:
    """A link becomes a draft, and the same text under another link is recognised."""
    read = await real.read_link(site.url("/canal"))
    assert read.draft.title == "The canal of Talas"
    assert read.draft.published == date(2025, 6, 12)
    assert "14 kilometres" in read.draft.body
    assert (read.same_link, read.same_text) == (None, Known("old", "Old"))


async def test_a_real_problem(real: Reading, site: Site) -> None:
    """What went wrong comes back as what it is, with the link."""
    with pytest.raises(ReadingError) as caught:
        await real.read_link(site.url("/nothing"))
    assert caught.value.problem is Problem.NOT_FOUND
    assert caught.value.subject == site.url("/nothing")


async def test_a_real_file(real: Reading, tmp_path: Path) -> None:
    """A file is read under the name that its author gave it, be it what it may."""
    path = tmp_path / "download"
    path.write_text(f"# Canal\n\n{BODY}\n", "utf-8")
    read = await real.read_file(path, "--канал.md")
    assert (read.draft.title, read.draft.url) == ("Canal", None)
    path.write_bytes(os.urandom(2000))
    with pytest.raises(ReadingError) as caught:
        await real.read_file(path, "photo.jpg")
    assert caught.value.subject == "photo.jpg"
