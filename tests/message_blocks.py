"""A Telegram message as people see it: blocks, their lines, and runs of one look."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_QUOTES = {"blockquote", "expandable_blockquote"}


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line that looks the same throughout."""

    text: str
    bold: bool = False
    link: str | None = None
    """Where it leads: of a link behind a text or one that is written out."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that stand together: a quote, or what is between quotes."""

    lines: tuple[tuple[Run, ...], ...]
    quoted: bool = False
    folded: bool = False
    """Of a quote: Telegram shows three lines of it, the rest on a tap."""


def blocks_of(message: Mapping[str, Any]) -> list[Block]:
    """The blocks of a message or of its caption, as the Bot API gives them.

    Raises:
        ValueError: There is an entity of a type that this doesn't show.
    """
    text = message.get("text") or message.get("caption") or ""
    entities = message.get("entities") or message.get("caption_entities") or []
    units = text.encode("utf-16-le")
    quotes = sorted(
        (each for each in entities if each["type"] in _QUOTES), key=lambda each: each["offset"]
    )
    blocks, done = [], 0
    for quote in quotes:
        start, end = quote["offset"], quote["offset"] + quote["length"]
        folded = quote["type"] == "expandable_blockquote"
        blocks.append(Block(_lines(units, done, start, entities)))
        blocks.append(Block(_lines(units, start, end, entities), quoted=True, folded=folded))
        done = end
    blocks.append(Block(_lines(units, done, len(units) // 2, entities)))
    return [block for block in blocks if block.lines]


def _lines(
    units: bytes, start: int, end: int, entities: list[dict[str, Any]]
) -> tuple[tuple[Run, ...], ...]:
    """The lines between two places, without those that are empty at the beginning and the end.

    A quote begins on a line of its own anyway: the line break next to it shows nothing more.
    """
    text = units[2 * start : 2 * end].decode("utf-16-le")
    if not text.strip():
        return ()
    start += len(text) - len(text.lstrip("\n"))
    lines = []
    for line in re.split("\n", text.strip("\n")):
        length = len(line.encode("utf-16-le")) // 2
        lines.append(tuple(_runs(units, start, start + length, entities)))
        start += length + 1
    return tuple(lines)


def _runs(units: bytes, start: int, end: int, entities: list[dict[str, Any]]) -> Iterator[Run]:
    spans = [(each["offset"], each["offset"] + each["length"], each) for each in entities]
    edges = {edge for span in spans for edge in span[:2] if start < edge < end}
    places = sorted({start, end, *edges})
    for begin, until in itertools.pairwise(places):
        text = units[2 * begin : 2 * until].decode("utf-16-le")
        looks = [each for first, last, each in spans if first <= begin and until <= last]
        link = None
        for look in looks:
            match look["type"]:
                case "text_link":
                    link = look["url"]
                case "url":
                    first, last = look["offset"], look["offset"] + look["length"]
                    link = units[2 * first : 2 * last].decode("utf-16-le")
                    # Telegram opens a bare "a.kz" with this, too.
                    link = link if "://" in link else f"http://{link}"
                case "bold" | "mention" | "bot_command" | "hashtag" | "email":
                    pass
                case type_ if type_ not in _QUOTES:
                    raise ValueError(f"entities of type {type_} are not shown here")
        yield Run(text, bold=any(look["type"] == "bold" for look in looks), link=link)
