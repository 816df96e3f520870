"""The folder of drafts: nothing that waits is lost, and nothing damaged is in the way."""

import errno
import os
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot.drafts.waiting import DRAFT_ID, ArticleDrafts, Origin
from bot.errors import DraftsUnusable
from knowledge.drafts import Draft

CANAL = Draft(
    title="The canal",
    url="https://example.org/canal",
    body="Water.\n\n---\n\nMore water.",
    publisher="Talas Times",
    language="en",
    published=date(2025, 6, 12),
)
NAMELESS = Draft(None, None, "Stone.", None, "ru", None)
BY_ADMIN = Origin(admin_id=7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where drafts are kept; it is not there yet."""
    return tmp_path / "data" / "drafts"


@pytest.fixture
def drafts(folder: Path) -> ArticleDrafts:
    """The folder of drafts."""
    return ArticleDrafts(folder)


def test_a_draft_survives_a_restart(drafts: ArticleDrafts, folder: Path) -> None:
    """All of it, with where it came from."""
    source = Origin(source="Talas --> Times")
    ids = [drafts.add(CANAL, source, "The --> canal"), drafts.add(NAMELESS, BY_ADMIN)]
    assert all(re.fullmatch(DRAFT_ID, draft_id) for draft_id in ids)
    waiting = ArticleDrafts(folder).waiting()
    assert [(each.id, each.draft, each.origin) for each in waiting.drafts] == [
        (ids[0], CANAL, source),
        (ids[1], NAMELESS, BY_ADMIN),
    ]
    assert [each.same_text for each in waiting.drafts] == ["The --> canal", None]
    assert waiting.faults == ()
    assert drafts.get(ids[0]) == waiting.drafts[0]


def test_replace(drafts: ArticleDrafts) -> None:
    """An edited draft keeps its id and its place in the row."""
    first, second = drafts.add(NAMELESS, BY_ADMIN), drafts.add(CANAL, BY_ADMIN)
    assert drafts.replace(first, replace(NAMELESS, title="The dam"))
    assert [(each.id, each.draft.title) for each in drafts.waiting().drafts] == [
        (first, "The dam"),
        (second, "The canal"),
    ]


def test_discard(drafts: ArticleDrafts) -> None:
    """A draft that is gone can't be got, replaced or discarded again."""
    draft_id = drafts.add(CANAL, BY_ADMIN)
    assert drafts.discard(draft_id)
    assert not drafts.discard(draft_id)
    assert not drafts.replace(draft_id, CANAL)
    assert drafts.get(draft_id) is None
    assert drafts.waiting().drafts == ()


def test_bring_back(drafts: ArticleDrafts) -> None:
    """What was discarded isn't lost: it can wait again, once."""
    draft_id = drafts.add(CANAL, BY_ADMIN)
    assert not drafts.bring_back(draft_id)
    drafts.discard(draft_id)
    assert drafts.bring_back(draft_id)
    waiting = drafts.get(draft_id)
    assert waiting is not None
    assert (waiting.draft, waiting.origin) == (CANAL, BY_ADMIN)
    assert not drafts.bring_back(draft_id)


def test_the_same_link_waits_once(drafts: ArticleDrafts) -> None:
    """Sent twice, an article is looked at once, as it was read the last time."""
    first = drafts.add(CANAL, BY_ADMIN)
    again = replace(CANAL, url="http://www.example.org/canal/", body="Even more water.")
    assert drafts.add(again, Origin(admin_id=8)) == first
    assert drafts.add(NAMELESS, BY_ADMIN) != drafts.add(NAMELESS, BY_ADMIN)
    assert [each.draft.body for each in drafts.waiting().drafts] == [
        "Even more water.",
        "Stone.",
        "Stone.",
    ]


@pytest.mark.parametrize("draft_id", ["", "../../etc", "ABCDEFGH", "abcdefgh9", "x" * 8])
def test_ids_that_are_none(draft_id: str, drafts: ArticleDrafts) -> None:
    """What comes back from a button is never taken for a path."""
    assert drafts.get(draft_id) is None
    assert not drafts.discard(draft_id)
    assert not drafts.bring_back(draft_id)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"no comment", b"<!-- {} -->\n---\n", b"<!-- {\n"]
)
def test_damaged_files_are_reported(content: bytes, drafts: ArticleDrafts, folder: Path) -> None:
    """One that can't be read is named, and the others are seen."""
    draft_id = drafts.add(CANAL, BY_ADMIN)
    (folder / "damaged1.md").write_bytes(content)
    (folder / "notes.md").write_text("Not ours.", "utf-8")
    (folder / ".writing-0123456789abcdef").write_bytes(b"left by a kill")
    waiting = drafts.waiting()
    assert [each.id for each in waiting.drafts] == [draft_id]
    assert [fault.file for fault in waiting.faults] == ["damaged1.md", "notes.md"]
    assert drafts.get("damaged1") is None


def test_a_full_disk(drafts: ArticleDrafts, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do; the draft is as it was."""
    draft_id = drafts.add(CANAL, BY_ADMIN)

    def fail(_number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DraftsUnusable, match=r"No space left on device.*free some space"):
        drafts.replace(draft_id, NAMELESS)
    waiting = drafts.get(draft_id)
    assert waiting
    assert waiting.draft == CANAL
    assert [path.name for path in folder.iterdir()] == [f"{draft_id}.md"]
