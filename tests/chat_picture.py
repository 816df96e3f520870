"""A picture of conversations as a phone shows them, drawn from the messages themselves."""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from chat_record import Said
from conversation import Message
from message_blocks import Block, Run, blocks_of

# All sizes are in points; the picture has twice as many pixels, for screens that show them. It is
# drawn twice as large as that, since Pillow doesn't smooth the edges of what it draws.
_FINAL_SCALE = 2
_SCALE = 2 * _FINAL_SCALE
_COLUMN = 392.0
_GAP = 16.0
_HEADER = 50.0
_MARGIN = 8.0
_PADDING = 9.0
_BUBBLE = 336.0
_TEXT = 12.5
_SMALL = 10.0
_LINE = 17.5
_BUTTON = 33.0
_FOLDED_LINES = 3
_FIRST_MINUTE = 9 * 60 + 41

_WALL = "#cfdfc4"
_PAPER = "#ffffff"
_BAR = "#f1f4f1"
_OWN = "#e7fcd3"
_INK = "#101010"
_LINK = "#2481cc"
_GREY = "#8a9399"
_OWN_GREY = "#62a552"
_ACCENT = "#3e8ed0"
_OWN_ACCENT = "#4fa73f"
_QUOTE = "#ecf4fb"
_KEY = "#8aa67c"
_AVATAR = "#4c9a52"


@dataclass(frozen=True, slots=True)
class Screen:
    """What one phone shows: the bot's name and a part of a conversation with it."""

    title: str
    subtitle: str
    events: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class _Words:
    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float
    height: float
    colour: str
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class _Stroke:
    points: tuple[tuple[float, float], ...]
    colour: str


_Shape: TypeAlias = _Words | _Box | _Stroke


@dataclass(frozen=True, slots=True)
class _Sketch:
    """Shapes with the room that they take, from (0, 0)."""

    width: float
    height: float
    shapes: tuple[_Shape, ...]
    framed: bool = False
    """A quote or the message replied to, to be framed as wide as its bubble."""


def picture(screens: Sequence[Screen]) -> Image.Image:
    """The screens in two columns, each where there is more room, in their order."""
    columns: list[list[Screen]] = [[], []]
    for screen in screens:
        min(columns, key=_height).append(screen)
    height = max(map(_height, columns))
    width = 2 * _COLUMN + _GAP
    image = Image.new("RGB", (_pixels(width), _pixels(height)), "white")
    draw = ImageDraw.Draw(image)
    for number, column in enumerate(columns):
        y = 0.0
        missing = height - _height(column)
        for screen in column:
            # Both columns end at the same height: the last screen takes what is missing.
            sketch = _screen(screen, missing if screen is column[-1] else 0.0)
            for shape in _moved(sketch.shapes, number * (_COLUMN + _GAP), y):
                _draw(draw, shape)
            y += sketch.height + _GAP
    final = image.width * _FINAL_SCALE // _SCALE, image.height * _FINAL_SCALE // _SCALE
    # Few colours are in it; a palette makes the file a third as large.
    return image.resize(final, Image.Resampling.LANCZOS).quantize(dither=Image.Dither.NONE)


def _height(column: Sequence[Screen]) -> float:
    return sum(_screen(screen).height + _GAP for screen in column) - _GAP


def _screen(screen: Screen, empty: float = 0.0) -> _Sketch:
    """A screen, with so much empty room above the messages."""
    shapes: list[_Shape] = []
    y = _HEADER + _MARGIN + empty
    for minute, said in enumerate(screen.events):
        own = not said.message["from"]["is_bot"]
        bubble = _bubble(said.message, own=own, minute=minute)
        x = _COLUMN - _MARGIN - bubble.width if own else _MARGIN
        shapes += _moved(bubble.shapes, x, y)
        y += bubble.height + _MARGIN
    centre = _HEADER / 2
    initial = screen.title[0]
    header: list[_Shape] = [
        _Box(0, 0, _COLUMN, y, _WALL, 12),
        _Box(0, 0, _COLUMN, _HEADER, _BAR, 12),
        _Box(0, _HEADER / 2, _COLUMN, _HEADER / 2, _BAR),
        _Box(12, centre - 17, 34, 34, _AVATAR, 17),
        _Words(
            29 - _width(initial, 17, bold=True) / 2, centre - 11, initial, 17, _PAPER, bold=True
        ),
        _Words(56, centre - 17, screen.title, 13.5, _INK, bold=True),
        _Words(56, centre + 2, screen.subtitle, _SMALL + 0.5, _GREY),
    ]
    return _Sketch(_COLUMN, y, (*header, *shapes))


def _bubble(message: Message, *, own: bool, minute: int) -> _Sketch:
    """A message with its keyboard below."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    accent = _OWN_ACCENT if own else _ACCENT
    room = _BUBBLE - 2 * _PADDING
    parts = [_block(block, room, accent) for block in blocks_of(message)]
    if replied := message.get("reply_to_message"):
        parts.insert(0, _reply(replied, room, accent))
    time = _time(minute, own=own)
    last = parts[-1]
    # The time stands in the last line if there is room beside the words.
    words = [shape for shape in last.shapes if isinstance(shape, _Words)]
    end = max(
        shape.x + _width(shape.text, shape.size, bold=shape.bold)
        for shape in words
        if shape.y == words[-1].y
    )
    beside = end + 10 + time.width <= room
    width = max(*(part.width for part in parts), end + 10 + time.width if beside else time.width)
    width = room if rows else width
    shapes: list[_Shape] = []
    y = _PADDING - 2
    for part in parts:
        if part.framed:
            shapes += _moved(_frame(width, part.height - 3, accent), _PADDING, y)
        shapes += _moved(part.shapes, _PADDING, y)
        y += part.height + 3
    y += -3 if beside else _LINE - 8
    shapes += _moved(time.shapes, _PADDING + width - time.width, y - time.height - 1)
    height = y + _PADDING - 3
    width += 2 * _PADDING
    paper = _Box(0, 0, width, height, _OWN if own else _PAPER, 11)
    keys = _keyboard(rows, width)
    below = tuple(_moved(keys.shapes, 0, height + 4))
    return _Sketch(width, height + (keys.height + 4 if rows else 0), (paper, *shapes, *below))


def _reply(replied: Message, room: float, accent: str) -> _Sketch:
    """The message replied to, in two lines."""
    inner = room - 18
    name = replied["from"]["first_name"]
    text = _shortened(" ".join((replied.get("text") or "").split()), inner, _TEXT - 1)
    lines = (
        _Words(9, 3, name, _TEXT - 1, accent, bold=True),
        _Words(9, 18, text, _TEXT - 1, _INK),
    )
    width = 18 + max(_width(each.text, each.size, bold=each.bold) for each in lines)
    return _Sketch(width, 39, lines, framed=True)


def _block(block: Block, room: float, accent: str) -> _Sketch:
    inset = 10.0 if block.quoted else 0.0
    # The first line of a quote leaves room for the quotation mark.
    lines = list(_wrapped(block.lines, room - 2 * inset - (6 if block.quoted else 0)))
    folded = block.folded and len(lines) > _FOLDED_LINES
    lines = lines[:_FOLDED_LINES] if folded else lines
    shapes: list[_Shape] = []
    y, widest = 4.0 if block.quoted else 0.0, 0.0
    for line in lines:
        x = inset
        for run in line:
            colour = _LINK if run.link else _INK
            shapes.append(_Words(x, y, run.text, _TEXT, colour, bold=run.bold))
            x += _width(run.text, _TEXT, bold=run.bold)
        widest = max(widest, x)
        y += _LINE
    if not block.quoted:
        return _Sketch(widest, y, tuple(shapes))
    y += 4
    mark = _Words(room - 14, 1, "❞", 13, accent)
    if folded:
        x, top = room - 13, y - 11
        chevron = _Stroke(((x, top), (x + 4, top + 4), (x + 8, top)), accent)
        shapes.append(chevron)
    return _Sketch(room, y + 3, (mark, *shapes), framed=True)


def _frame(width: float, height: float, accent: str) -> tuple[_Box, ...]:
    """The tinted ground of a quote with the bar at its left."""
    return _Box(0, 0, width, height, _QUOTE, 4), _Box(0, 0, 3, height, accent, 1.5)


def _time(minute: int, *, own: bool) -> _Sketch:
    hours, minutes = divmod(_FIRST_MINUTE + minute // 2, 60)
    text = f"{hours}:{minutes:02}"
    colour = _OWN_GREY if own else _GREY
    width = _width(text, _SMALL)
    shapes: list[_Shape] = [_Words(0, 0, text, _SMALL, colour)]
    if own:
        # Two ticks: the bot has read it.
        shapes += (
            _Stroke(((x, 7.5), (x + 3, 10.5), (x + 9, 3.5)), colour)
            for x in (width + 5, width + 9.5)
        )
        width += 18
    return _Sketch(width, 13, tuple(shapes))


def _keyboard(rows: Sequence[Sequence[Message]], width: float) -> _Sketch:
    shapes: list[_Shape] = []
    y = 0.0
    for row in rows:
        each = (width - 4 * (len(row) - 1)) / len(row)
        for number, button in enumerate(row):
            x = number * (each + 4)
            label = _shortened(_drawable(button["text"]), each - 12, _TEXT - 1, bold=True)
            indent = (each - _width(label, _TEXT - 1, bold=True)) / 2
            shapes.append(_Box(x, y, each, _BUTTON, _KEY, 8))
            shapes.append(_Words(x + indent, y + 9, label, _TEXT - 1, _PAPER, bold=True))
            if "url" in button:
                right, top = x + each - 6, y + 6
                shapes.append(_Stroke(((right - 5, top + 5), (right, top)), _PAPER))
                shapes.append(_Stroke(((right - 4, top), (right, top), (right, top + 4)), _PAPER))
        y += _BUTTON + 4
    return _Sketch(width, y - 4, tuple(shapes))


def _wrapped(lines: Iterable[Sequence[Run]], room: float) -> Iterator[list[Run]]:
    """The lines, broken between words where they are too long, and within words that are."""
    for line in lines:
        current: list[Run] = []
        x = 0.0
        for run in line:
            for word in re.findall(r"\s+|\S+", _drawable(run.text)):
                for piece in _pieces(word, run, room):
                    width = _width(piece, _TEXT, bold=run.bold)
                    if x + width > room and current:
                        yield current
                        current, x = [], 0.0
                        if piece.isspace():
                            continue
                    current.append(replace(run, text=piece))
                    x += width
        yield current


def _pieces(word: str, run: Run, room: float) -> Iterator[str]:
    """A word, or if it is wider than the room (a link, say) what fits of it, line by line."""
    while _width(word, _TEXT, bold=run.bold) > room:
        fitting = next(
            length
            for length in itertools.count(len(word) - 1, -1)
            if _width(word[:length], _TEXT, bold=run.bold) <= room
        )
        yield word[:fitting]
        word = word[fitting:]
    yield word


def _shortened(text: str, room: float, size: float, *, bold: bool = False) -> str:
    text = _drawable(text)
    if _width(text, size, bold=bold) <= room:
        return text
    while text and _width(f"{text}…", size, bold=bold) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _drawable(text: str) -> str:
    """The text without what the font lacks, such as most emoji, which would show as boxes."""
    kept = "".join(c for c in text if c.isspace() or ord(c) in _glyphs())
    return kept if kept == text else re.sub(r"(\s)\s+", r"\1", kept)


def _moved(shapes: Iterable[_Shape], x: float, y: float) -> Iterator[_Shape]:
    for shape in shapes:
        if isinstance(shape, _Stroke):
            yield replace(shape, points=tuple((px + x, py + y) for px, py in shape.points))
        else:
            yield replace(shape, x=shape.x + x, y=shape.y + y)


def _draw(draw: ImageDraw.ImageDraw, shape: _Shape) -> None:
    match shape:
        case _Words():
            place = shape.x * _SCALE, shape.y * _SCALE
            font = _font(shape.size, bold=shape.bold)
            draw.text(place, shape.text, fill=shape.colour, font=font)
        case _Box():
            left, top = shape.x * _SCALE, shape.y * _SCALE
            right, bottom = left + shape.width * _SCALE, top + shape.height * _SCALE
            radius = shape.radius * _SCALE
            draw.rounded_rectangle(
                (round(left), round(top), round(right) - 1, round(bottom) - 1),
                radius,
                shape.colour,
            )
        case _Stroke():
            points = [(x * _SCALE, y * _SCALE) for x, y in shape.points]
            draw.line(points, fill=shape.colour, width=round(1.2 * _SCALE), joint="curve")


def _pixels(points: float) -> int:
    return round(points * _SCALE)


def _width(text: str, size: float, *, bold: bool = False) -> float:
    return _font(size, bold=bold).getlength(text) / _SCALE


@functools.cache
def _font(size: float, *, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_font_file(bold=bold), size * _SCALE)


@functools.cache
def _font_file(*, bold: bool) -> str:
    # It comes with matplotlib, so it is the same on every machine.
    weight = "bold" if bold else "normal"
    return str(findfont(FontProperties(family="DejaVu Sans", weight=weight)))


@functools.cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(_font_file(bold=False)).get_charmap()) & frozenset(
        FT2Font(_font_file(bold=True)).get_charmap()
    )
