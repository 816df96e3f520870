"""The sites that are checked for new articles, as they are written in sources.yaml.

- url: https://example.org/feed
  name: Example News                (may be left out, then it is the site's name)
  every: 6h                         (may be left out; 15m at least)
  approval: automatic               (may be left out, then an admin is asked)
  language: ru                      (may be left out, then it is detected)
"""

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from filelock import FileLock, Timeout

from knowledge.errors import SourcesError
from knowledge.files import write_file

SHORTEST_INTERVAL = timedelta(minutes=15)
DEFAULT_INTERVAL = timedelta(hours=6)
_LONGEST_INTERVAL = timedelta(days=365)

_HEADER = """\
# The sites that are checked for new articles, one entry each.
# /sources in Telegram and `python -m bot sources` change this file as well. They write it anew:
# comments other than these are lost then.
#
# - url: https://example.org/feed    a feed (RSS, Atom), a sitemap, or a page that names one;
#                                    the only line that must be there
#   name: Example News               what the bot calls it
#   every: 6h                        how often it is checked: 15m, 6h, 1d
#   approval: ask                    ask: an admin looks at new articles first;
#                                    automatic: they are taken at once
#   language: ru                     of its articles, if it is recognised wrongly

"""
_KEYS = ("url", "name", "every", "approval", "language")
_INTERVAL = re.compile(r"([1-9]\d{0,5})\s*([mhd])", re.ASCII | re.IGNORECASE)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")
_MAX_NAME = 100
# In seconds; a change takes a few milliseconds.
_PATIENCE = 5


class Approval(StrEnum):
    """What becomes of new articles."""

    ASK = "ask"
    """They wait for an admin's word."""
    AUTOMATIC = "automatic"
    """They are taken at once."""


@dataclass(frozen=True, slots=True)
class Source:
    """A site that is checked for new articles."""

    url: str
    """Of a feed, a sitemap or a page that names one; http or https; no two have the same."""
    name: str
    """One line that is not empty."""
    every: timedelta = DEFAULT_INTERVAL
    approval: Approval = Approval.ASK
    language: str | None = None
    """ISO 639 code of two or three small letters; None if it is to be detected."""


def load_sources(path: Path) -> tuple[Source, ...]:
    """Read sources.yaml, in its order; there are no sources if there is no file.

    Raises:
        SourcesError: it can't be read; the message names the line and what belongs there.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        raise SourcesError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise SourcesError(
            f"{path} can't be read ({error.strerror}); check the rights of the file."
        ) from error
    try:
        return _parse(text)
    except SourcesError as error:
        raise SourcesError(f"{path}: {error}") from error


@contextlib.contextmanager
def changing_sources(path: Path) -> Iterator[None]:
    """Let no other process change sources.yaml between its reading and its writing.

    Raises:
        SourcesError: another process is at it for long, or the folder can't be written to.
    """
    try:
        lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=_PATIENCE)
        lock.acquire()
    except Timeout as error:
        raise SourcesError(
            f"Another process is changing {path}; try again when it is done."
        ) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def save_sources(path: Path, sources: Iterable[Source]) -> None:
    """Write sources.yaml anew, whole or not at all.

    Raises:
        SourcesError: it can't be written.
    """
    entries = [_fields(source) for source in sources]
    lines = yaml.safe_dump(entries, allow_unicode=True, sort_keys=False) if entries else ""
    try:
        write_file(path, (_HEADER + lines).encode())
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> SourcesError:
    return SourcesError(
        f"{path} can't be written ({error.strerror}); check the free space and its rights."
    )


def format_interval(interval: timedelta) -> str:
    """Write an interval in the largest unit that has no rest: "90m", "6h", "1d"."""
    unit = next(
        (letter for letter in "dh" if not interval % _UNITS[letter]),
        "m",
    )
    return f"{interval // _UNITS[unit]}{unit}"


def read_interval(text: str) -> timedelta | None:
    """Read an interval such as 6h; None if it is none that a source may have."""
    match = _INTERVAL.fullmatch(text.strip())
    interval = int(match[1]) * _UNITS[match[2].lower()] if match else timedelta(0)
    return interval if SHORTEST_INTERVAL <= interval <= _LONGEST_INTERVAL else None


def site_name(url: str) -> str:
    """What a source is called for want of a name: its host."""
    return (urlsplit(url).hostname or url).removeprefix("www.")


def _fields(source: Source) -> dict[str, str]:
    fields = {
        "url": source.url,
        "name": source.name,
        "every": format_interval(source.every),
        "approval": str(source.approval),
    }
    return fields | ({"language": source.language} if source.language else {})


def _parse(text: str) -> tuple[Source, ...]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"Line {mark.line + 1}" if mark else "A line"
        raise SourcesError(
            f"{place} is not valid YAML ({error.problem}); write each source as '- url: …' with "
            "its other lines below, set in by two spaces."
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise SourcesError(
            "It is not valid YAML, probably for an invisible character; type its lines anew."
        ) from error
    if root is None:
        return ()
    if not isinstance(root, yaml.SequenceNode):
        raise SourcesError(f"{_line(root)} does not begin a list; write '- url: …'.")
    sources = [_source(node) for node in root.value]
    seen: dict[str, int] = {}
    for source, node in zip(sources, root.value, strict=True):
        first = seen.setdefault(source.url, node.start_mark.line + 1)
        if first != node.start_mark.line + 1:
            raise SourcesError(
                f"{_line(node)} has the url of line {first} once more; delete one of the two."
            )
    return tuple(sources)


def _source(node: yaml.Node) -> Source:
    if not isinstance(node, yaml.MappingNode):
        raise SourcesError(f"{_line(node)} is no source; write '- url: …'.")
    values: dict[str, tuple[str, yaml.Node]] = {}
    for key, value in node.value:
        if key.value not in _KEYS:
            raise SourcesError(
                f"{_line(key)} has a key that is not known; there are {', '.join(_KEYS)}."
            )
        if key.value in values:
            raise SourcesError(f"{_line(key)} has '{key.value}' once more; delete one of them.")
        if not isinstance(value, yaml.ScalarNode):
            raise SourcesError(f"{_line(value)}: '{key.value}' must be text on one line.")
        values[key.value] = value.value.strip(), value
    url, place = values.get("url", ("", node))
    if not _is_web_link(url):
        raise SourcesError(
            f"{_line(place)}: the url '{url}' is not a web link; write it whole, such as "
            "https://example.org/feed."
        )
    name = " ".join(values.get("name", ("", node))[0].split())[:_MAX_NAME]
    return Source(
        url=url,
        name=name or site_name(url),
        every=_interval(*values.get("every", ("", node))),
        approval=_approval(*values.get("approval", ("", node))),
        language=_language(*values.get("language", ("", node))),
    )


def _interval(text: str, node: yaml.Node) -> timedelta:
    if not text:
        return DEFAULT_INTERVAL
    interval = read_interval(text)
    if interval is None:
        raise SourcesError(
            f"{_line(node)}: '{text}' is not an interval from 15m to 365d; write minutes, hours "
            "or days, such as 30m, 6h or 1d."
        )
    return interval


def _approval(text: str, node: yaml.Node) -> Approval:
    try:
        return Approval(text.lower() or Approval.ASK)
    except ValueError as error:
        raise SourcesError(
            f"{_line(node)}: the approval '{text}' is neither ask nor automatic; write one."
        ) from error


def _language(text: str, node: yaml.Node) -> str | None:
    if text and not _LANGUAGE_CODE.fullmatch(text.lower()):
        raise SourcesError(
            f"{_line(node)}: the language '{text}' is not a code of two or three letters; write "
            "en, ru, kk or ky, or leave the line out."
        )
    return text.lower() or None


def _is_web_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as http://[
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", url)


def _line(node: yaml.Node) -> str:
    return f"Line {node.start_mark.line + 1}"
