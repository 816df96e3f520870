"""sources.yaml: what may stand in it, and what is said of what may not."""

from datetime import timedelta
from pathlib import Path

import pytest

from knowledge.errors import SourcesError
from knowledge.sources import Approval, Source, format_interval, load_sources, save_sources

FEED = "https://example.org/feed"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is, which isn't there yet."""
    return tmp_path / "sources.yaml"


def load(path: Path, text: str) -> tuple[Source, ...]:
    """What is read from a file with this text."""
    path.write_text(text, encoding="utf-8")
    return load_sources(path)


def test_no_file(path: Path) -> None:
    """Without a file there are no sources."""
    assert load_sources(path) == ()


@pytest.mark.parametrize("text", ["", "# only a comment\n", "[]"])
def test_nothing_in_it(path: Path, text: str) -> None:
    """A file may be empty."""
    assert load(path, text) == ()


def test_only_the_link_is_needed(path: Path) -> None:
    """Everything else has a default; the name is the site's."""
    [source] = load(path, "- url: https://www.example.org/feed\n")
    assert source == Source(
        url="https://www.example.org/feed",
        name="example.org",
        every=timedelta(hours=6),
        approval=Approval.ASK,
        language=None,
    )


def test_everything(path: Path) -> None:
    """All lines count, whatever their case and spaces; YAML's own types make no difference."""
    text = """\ufeff
# The news of our friends
- url: "https://example.org/feed"   # their feed
  name:  Зелёные   новости
  every: 90 M
  approval: Automatic
  language: RU
- url: http://example.org:8080/sitemap.xml
  name: 2024
  every: 1d
  language: no
"""
    assert load(path, text) == (
        Source(FEED, "Зелёные новости", timedelta(minutes=90), Approval.AUTOMATIC, "ru"),
        Source(
            "http://example.org:8080/sitemap.xml", "2024", timedelta(days=1), Approval.ASK, "no"
        ),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url: x", "Line 1 does not begin a list; write '- url: …'."),
        ("- https://example.org", "Line 1 is no source; write '- url: …'."),
        ("\n- name: x", "Line 2: the url '' is not a web link; write it whole"),
        ("- url: example.org", "Line 1: the url 'example.org' is not a web link; write it whole"),
        ("- url: ftp://example.org", "Line 1: the url 'ftp://example.org' is not a web link"),
        ("- url: http://[", "Line 1: the url 'http://[' is not a web link"),
        (
            f"- url: {FEED}\n  interval: 6h",
            "Line 2 has a key that is not known; there are url, name, every, approval, language.",
        ),
        (f"- url: {FEED}\n  url: {FEED}", "Line 2 has 'url' once more; delete one of them."),
        (f"- url: {FEED}\n  name: [a]", "Line 2: 'name' must be text on one line."),
        (
            f"- url: {FEED}\n  every: 14m",
            "Line 2: '14m' is not an interval from 15m to 365d; write minutes, hours or days, "
            "such as 30m, 6h or 1d.",
        ),
        (f"- url: {FEED}\n  every: 366d", "Line 2: '366d' is not an interval from 15m to 365d"),
        (f"- url: {FEED}\n  every: often", "Line 2: 'often' is not an interval from 15m to 365d"),
        (f"- url: {FEED}\n  every: 6", "Line 2: '6' is not an interval from 15m to 365d"),
        (
            f"- url: {FEED}\n  approval: yes",
            "Line 2: the approval 'yes' is neither ask nor automatic; write one.",
        ),
        (
            f"- url: {FEED}\n  language: Russian",
            "Line 2: the language 'Russian' is not a code of two or three letters",
        ),
        (
            f"- url: {FEED}\n- url: https://example.org\n- url: {FEED}",
            "Line 3 has the url of line 1 once more; delete one of the two.",
        ),
        ("- url: 'x\n  name: y", "Line 2 is not valid YAML"),
        ("- url: x\n name: y", "Line 2 is not valid YAML"),
        ("- url: x: y", "Line 1 is not valid YAML"),
        ("- url: \x00", "It is not valid YAML, probably for an invisible character"),
        ("[" * 5000, "It is not valid YAML"),
    ],
)
def test_what_is_wrong_is_named(path: Path, text: str, message: str) -> None:
    """The message names the file, the line, and what belongs there."""
    with pytest.raises(SourcesError) as caught:
        load(path, text)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_not_text(path: Path) -> None:
    """A file in another encoding is told from one with a slip."""
    path.write_bytes("- url: https://example.org\n  name: Новости".encode("cp1251"))
    with pytest.raises(SourcesError, match="is not UTF-8 text; save it as UTF-8"):
        load_sources(path)


def test_not_a_file(path: Path) -> None:
    """What can't be read is told, and so is what can't be written."""
    path.mkdir()
    with pytest.raises(SourcesError, match="can't be read"):
        load_sources(path)
    with pytest.raises(SourcesError, match="can't be written"):
        save_sources(path, [])


@pytest.mark.parametrize(
    "sources",
    [
        (),
        (Source(FEED, "Example"),),
        (
            Source(FEED, "'Зелёные': #1 - новости", timedelta(minutes=15), Approval.AUTOMATIC),
            Source("https://example.org/rss", "no", timedelta(days=2), language="no"),
        ),
    ],
)
def test_round_trip(path: Path, sources: tuple[Source, ...]) -> None:
    """What is saved is what is loaded, however odd the names."""
    save_sources(path, sources)
    assert load_sources(path) == sources


def test_the_file_explains_itself(path: Path) -> None:
    """Who opens the file reads what may stand in it, and that their comments will be lost."""
    save_sources(path, [Source(FEED, "Example")])
    text = path.read_text()
    assert "comments other than these are lost" in text
    assert text.endswith(f"- url: {FEED}\n  name: Example\n  every: 6h\n  approval: ask\n")


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (timedelta(minutes=15), "15m"),
        (timedelta(minutes=90), "90m"),
        (timedelta(hours=6), "6h"),
        (timedelta(hours=36), "36h"),
        (timedelta(days=1), "1d"),
    ],
)
def test_intervals(interval: timedelta, text: str) -> None:
    """An interval is written in the largest unit that fits."""
    assert format_interval(interval) == text
