"""Changes of the corpus: undone in any order that makes sense, and never half done."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from filelock import FileLock

import knowledge
from knowledge import changes as changes_module
from knowledge.article import Article, format_article
from knowledge.changes import ChangeKind, Changes
from knowledge.corpus import load_corpus
from knowledge.drafts import Draft
from knowledge.errors import ArticleError, ChangeError, ChangeRefused, LinkTaken

PROJECT = Path(knowledge.__file__).parent.parent
CANAL = Article("canal", "The canal", "https://example.org/canal", "Water.", None, "en", None)
DAM = Article("dam", "The dam", "https://example.org/dam", "Stone.", None, "en", None)
LONGER = replace(CANAL, body="More water.")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus with one article."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "canal.md").write_text(format_article(CANAL), "utf-8")
    return folder


@pytest.fixture
def changes(folder: Path) -> Changes:
    """Its changes, one a minute."""
    times = (datetime(2025, 6, 12, 14, n, tzinfo=UTC) for n in range(60))
    return Changes(folder, lambda: next(times))


def articles(folder: Path) -> list[Article]:
    """The corpus, which must be without faults."""
    corpus = load_corpus(folder)
    assert corpus.faults == ()
    return list(corpus.articles)


def trash(folder: Path) -> list[str]:
    """What is in the trash, but for the lock."""
    return sorted(path.name for path in (folder / ".trash").iterdir() if path.name != "lock")


def test_add_replace_remove(folder: Path, changes: Changes) -> None:
    """Each change is in the folder at once, and in the trash is what undoes it."""
    added = changes.add(DAM)
    assert (added.kind, added.slug, added.title) == (ChangeKind.ADD, "dam", "The dam")
    replaced = changes.replace("canal", LONGER)
    assert replaced
    assert articles(folder) == [LONGER, DAM]
    removed = changes.remove("dam")
    assert articles(folder) == [LONGER]
    assert changes.last() == removed
    assert trash(folder) == [
        "20250612-140000-000000-add-dam",
        "20250612-140100-000000-replace-canal",
        "20250612-140200-000000-remove-dam",
    ]
    record = folder / ".trash" / "20250612-140100-000000-replace-canal"
    assert (record / "before.md").read_text("utf-8") == format_article(CANAL)
    assert (record / "after.md").read_text("utf-8") == format_article(LONGER)


def test_undo_goes_back_step_by_step(folder: Path, changes: Changes) -> None:
    """The last change first, until none is left; what was undone stays in the trash."""
    changes.add(DAM)
    changes.replace("canal", LONGER)
    changes.remove("dam")
    undone = changes.undo()
    assert undone
    assert (undone.kind, undone.title, undone.by_hand) == (ChangeKind.REMOVE, "The dam", False)
    assert articles(folder) == [LONGER, DAM]
    changes.undo()
    assert articles(folder) == [CANAL, DAM]
    changes.undo()
    assert articles(folder) == [CANAL]
    assert changes.undo() is None
    assert changes.last() is None
    assert all(name.startswith("undone-") for name in trash(folder))
    after = folder / ".trash" / "undone-20250612-140000-000000-add-dam" / "after.md"
    assert after.read_text("utf-8") == format_article(DAM)


def test_undo_a_change_by_its_id(folder: Path, changes: Changes) -> None:
    """An earlier change can be undone if none of the same article came behind it; but once."""
    added = changes.add(DAM)
    longer = changes.replace("canal", LONGER)
    assert longer
    changes.replace("canal", replace(CANAL, body="Most water."))
    with pytest.raises(ChangeRefused, match="canal was changed again"):
        changes.undo(longer.id)
    undone = changes.undo(added.id)
    assert undone
    assert undone.slug == "dam"
    assert changes.undo(added.id) is None
    assert changes.undo("20250101-000000-000000") is None
    assert [article.slug for article in articles(folder)] == ["canal"]


def test_undo_makes_no_twins(folder: Path, changes: Changes) -> None:
    """An article does not come back while another one has its link."""
    removed = changes.remove("canal")
    changes.add(replace(CANAL, slug="canal-again", url="http://example.org/canal#top"))
    with pytest.raises(ChangeRefused):
        changes.undo(removed.id)
    assert [article.slug for article in articles(folder)] == ["canal-again"]


@pytest.mark.parametrize("written", ["Written by hand.", None])
def test_undo_after_a_change_by_hand(written: str | None, folder: Path, changes: Changes) -> None:
    """It is undone all the same and says so; what was written by hand stays in the trash."""
    changes.replace("canal", LONGER)
    path = folder / "canal.md"
    if written is None:
        path.unlink()
    else:
        path.write_text(written, "utf-8")
    undone = changes.undo()
    assert undone
    assert undone.by_hand
    assert articles(folder) == [CANAL]
    by_hand = folder / ".trash" / "undone-20250612-140000-000000-replace-canal" / "by-hand.md"
    assert (by_hand.read_text("utf-8") if by_hand.exists() else None) == written


def test_nothing_to_change(folder: Path, changes: Changes) -> None:
    """What is there just so is no change; what is not there can't be changed."""
    assert changes.replace("canal", CANAL) is None
    with pytest.raises(ChangeRefused, match="no article dam"):
        changes.replace("dam", DAM)
    with pytest.raises(ChangeRefused, match="no article dam"):
        changes.remove("dam")
    with pytest.raises(ChangeRefused, match="canal already"):
        changes.add(CANAL)
    assert articles(folder) == [CANAL]
    assert trash(folder) == []


def test_no_two_articles_get_the_same_link(folder: Path, changes: Changes) -> None:
    """Of two files with the same link only one would be read."""
    changes.add(DAM)
    for twin in (replace(DAM, slug="twin"), replace(CANAL, url="https://www.example.org/dam/")):
        with pytest.raises(LinkTaken, match="article dam has the link"):
            changes.add(twin) if twin.slug == "twin" else changes.replace("canal", twin)
    assert articles(folder) == [CANAL, DAM]


def test_a_clock_that_is_set_back(folder: Path) -> None:
    """Changes are undone in the order in which they were made, whatever the clock said."""
    times = iter([datetime(2025, 6, 12, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)])
    changes = Changes(folder, lambda: next(times))
    changes.add(DAM)
    later = changes.remove("canal")
    assert later.id == "20250612-000000-000001"
    assert changes.last() == later


def draft(**fields: object) -> Draft:
    """A draft about the dam."""
    values: dict[str, object] = {
        "title": "The dam of Toktogul",
        "url": "https://example.org/toktogul",
        "body": "It is high.",
        "publisher": None,
        "language": "en",
        "published": date(2025, 6, 12),
    }
    return Draft(**(values | fields))  # type: ignore[arg-type]


def test_a_draft_becomes_an_article(folder: Path, changes: Changes) -> None:
    """Its slug tells date and title; two articles of one name get two files."""
    first = changes.save(draft())
    second = changes.save(draft(url="https://example.org/2"))
    assert first
    assert second
    assert first.slug == "2025-06-12-the-dam-of-toktogul"
    assert second.slug == "2025-06-12-the-dam-of-toktogul-2"
    assert changes.read(first.slug) == draft().to_article(first.slug)


def test_the_same_link_is_replaced(folder: Path, changes: Changes) -> None:
    """Saved under a link that is known, it takes that article's place; saved twice, once."""
    again = draft(url="http://www.example.org/canal/?utm_source=tg")
    change = changes.save(again)
    assert change
    assert (change.kind, change.slug) == (ChangeKind.REPLACE, "canal")
    assert changes.save(again) is None
    assert articles(folder) == [again.to_article("canal")]


@pytest.mark.parametrize("missing", ["title", "url"])
def test_half_a_draft_is_not_saved(missing: str, folder: Path, changes: Changes) -> None:
    """What lacks a title or a link can't become an article."""
    with pytest.raises(ArticleError):
        changes.save(draft(**{missing: None}))
    assert articles(folder) == [CANAL]


def test_find_by_link(folder: Path, changes: Changes) -> None:
    """However the link is written in the file, and however long its front matter is."""
    note = f"note: {'x' * 5000}"
    (folder / "far.md").write_text(
        f"---\n{note}\ntitle: Far\nurl: https://example.org/far\n---\n\nText.\n", "utf-8"
    )
    (folder / "quoted.md").write_text(
        '---\ntitle: Quoted\nurl: "https://example.org/quoted"\n---\n\nText.\n', "utf-8"
    )
    (folder / "faulty.md").write_bytes(b"\xff no article")
    for slug in ("canal", "far", "quoted"):
        found = changes.find_by_link(f"https://www.example.org/{slug}/")
        assert found
        assert found.slug == slug
    assert changes.find_by_link("https://example.org/dam") is None
    assert changes.read("faulty") is None
    assert changes.read("dam") is None


def test_long_names_that_people_gave(folder: Path, changes: Changes) -> None:
    """A file's name may be as long as the file system takes."""
    slug = "ж" * 120
    changes.add(replace(DAM, slug=slug))
    changes.remove(slug)
    changes.undo()
    assert [article.slug for article in articles(folder)] == ["canal", slug]


# Does the same in each folder; in the n-th one it is killed when it touches a file the n-th time.
# Forks, since starting Python takes longer than all the rest.
KILLED = """
import os, sys
from pathlib import Path
from knowledge.article import Article
from knowledge.changes import Changes

work, *folders = sys.argv[1:]
TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}
DAM = Article("dam", "The dam", "https://example.org/dam", "Stone.", None, "en", None)
LONGER = Article("canal", "C", "https://example.org/canal", "More water.", None, "en", None)


def do_work(changes):
    match work:
        case "add":
            changes.add(DAM)
        case "replace":
            changes.replace("canal", LONGER)
        case "remove":
            changes.remove("canal")
        case "undo":
            changes.undo()


for step, folder in enumerate(folders, 1):
    if os.fork() == 0:
        left = step

        def kill_sometime(event, arguments):
            global left
            if event in TOUCHES and str(arguments[0]).startswith(folder):
                left -= 1
                if left == 0:
                    os._exit(9)

        sys.addaudithook(kill_sometime)
        do_work(Changes(Path(folder)))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
STEPS = 60
OLD_AND_NEW = {
    "add": ({"canal": "Water."}, {"canal": "Water.", "dam": "Stone."}),
    "replace": ({"canal": "Water."}, {"canal": "More water."}),
    "remove": ({"canal": "Water."}, {}),
    "undo": ({"canal": "More water."}, {"canal": "Water."}),
}


@pytest.mark.parametrize("work", OLD_AND_NEW)
def test_a_kill_at_any_step(work: str, tmp_path: Path) -> None:
    """There is the old corpus or the new one; the next use clears up, and all can be undone."""
    old, new = OLD_AND_NEW[work]
    folders = [tmp_path / str(step) for step in range(1, STEPS)]
    for folder in folders:
        folder.mkdir()
        (folder / "canal.md").write_text(format_article(CANAL), "utf-8")
        if work == "undo":
            Changes(folder).replace("canal", LONGER)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, work, *map(str, folders)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    codes = list(map(int, killed.stdout.split()))
    steps = codes.count(9)
    assert codes == [9] * steps + [0] * (len(folders) - steps)
    assert 10 < steps < len(folders)
    seen = []
    for folder in folders:
        bodies = {article.slug: article.body for article in articles(folder)}
        assert bodies in (old, new)
        seen.append(bodies)
        changes = Changes(folder)
        last = changes.last()
        assert {article.slug: article.body for article in articles(folder)} == bodies
        assert [path.name for path in folder.iterdir() if path.suffix != ".md"] == [".trash"]
        assert not [name for name in trash(folder) if not name.startswith(("2", "undone-"))]
        # A change that was made can be undone, and one that was not made is not in the way.
        assert (last is None) == (bodies == {"canal": "Water."})
        if last:
            changes.undo()
        assert articles(folder) == [CANAL]
    assert seen == sorted(seen, key=lambda bodies: bodies == new)
    assert seen[0] == old
    assert seen[-1] == new


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the n-th file that is written be the one that the disk has no room for."""

    def fill(after: int) -> None:
        count = iter(range(100))
        sync = os.fsync

        def fail(number: int) -> None:
            if next(count) == after:
                raise OSError(errno.ENOSPC, "No space left on device")
            sync(number)

        monkeypatch.setattr(os, "fsync", fail)

    return fill


@pytest.mark.parametrize("after", [0, 2, 4, 7])
def test_a_full_disk(
    after: int, folder: Path, changes: Changes, full_disk: Callable[[int], None]
) -> None:
    """The error says what to do; nothing is changed, and nothing half-written is left."""
    full_disk(after)
    with pytest.raises(ChangeError, match=r"No space left on device.*free some space"):
        changes.replace("canal", LONGER)
    assert articles(folder) == [CANAL]
    assert trash(folder) == []
    assert [path.name for path in folder.glob(".*")] == [".trash"]
    changes.replace("canal", LONGER)
    assert articles(folder) == [LONGER]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A wrong setting is told by its name, not by a traceback."""
    changes = Changes(tmp_path / "nowhere")
    for attempt in (changes.last, changes.slugs, lambda: changes.find_by_link("https://a.org")):
        with pytest.raises(ChangeError, match="nowhere can't be changed"):
            attempt()


def test_one_process_at_a_time(
    folder: Path, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes second waits, and is told if that takes too long."""
    changes.last()
    with FileLock(folder / ".trash" / "lock"):
        monkeypatch.setattr(changes_module, "_PATIENCE", 0)
        # A lock is held by a thread; another one stands for the other process.
        errors: list[Exception] = []

        def add() -> None:
            try:
                changes.add(DAM)
            except ChangeError as error:
                errors.append(error)

        other = threading.Thread(target=add)
        other.start()
        other.join()
    assert "Another process is changing the articles" in str(errors[0])
    assert articles(folder) == [CANAL]


def test_many_at_once(folder: Path) -> None:
    """Of several who save the same draft at once one does, and all changes are kept."""
    threads = [
        threading.Thread(target=Changes(folder).save, args=[draft(url=f"https://a.org/{n // 2}")])
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(articles(folder)) == 5
    assert len(trash(folder)) == 4


def test_a_damaged_record_is_passed_over(folder: Path, changes: Changes) -> None:
    """Somebody who rummages in the trash loses a record, not the rest."""
    changes.add(DAM)
    changes.remove("canal")
    record = folder / ".trash" / "20250612-140100-000000-remove-canal"
    (record / "change.json").write_text("{", "utf-8")
    undone = changes.undo()
    assert undone
    assert undone.slug == "dam"
    assert (record / "before.md").exists()
