"""Where the sentences of a text begin and end.

The library sentencex proposes the ends of sentences. It was chosen over pysbd and razdel, which
serve fewer of our languages; what it gets wrong for us is mended here:

- It never ends a sentence inside quotation marks or at "…": it is asked about the text without
  the marks, and with "!" for "…".
- It takes initials and many abbreviations for ends: such pieces are joined again. Its own Russian
  and Kazakh rules are not used: they never end a sentence at "2025 г.", or before a digit.
- A heading, or a line of a list, has no full stop: the line break ends it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sentencex import get_sentence_boundaries  # type: ignore[import-untyped]


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_ENDS = ".!?…"
_CLOSING = "»”›)]"
_OPENING = "«„‟‹"
_QUOTES = frozenset("«»“”„‟‹›‘’‚‛「」\"'")

# sentencex's English rules for all: they know no Cyrillic abbreviation, so each full stop is an
# end until the tables below say otherwise.
_RULES = "en"

_RUSSIAN_ALWAYS = _words(
    "г-н г-на г-ну г-ном г-не г-жа г-жи г-же г-жу г-жой гг гр тов проф акад доц чл.-корр дж "
    "и.о врио зам ген т.е т.к т.н напр см ср св им ул пр просп пер пл пос оз р о обл "
    "р-н р-на д-р д-ра"
)
# Abbreviations that a sentence goes on after, whatever follows: titles before names, kinds of
# places before their names, "that is". Without the last full stop, in small letters.
_ALWAYS: Mapping[str, frozenset[str]] = {
    "en": _words(
        "mr mrs ms dr prof sen gen gov rep rev hon capt col lt sgt st mt messrs vs e.g i.e cf "
        "approx"
    ),
    "ru": _RUSSIAN_ALWAYS | {"г"},
    "kk": _RUSSIAN_ALWAYS | _words("қ көш ауд орт мыс т.ғ.к т.ғ.д ф.ғ.д э.ғ.д қ-сы шағ"),
    "ky": _RUSSIAN_ALWAYS | _words("ш көч айм мис т.и.к т.и.д"),
}

_RUSSIAN_BEFORE_NUMBER = _words(
    "№ п пп ст стр с д кв к корп оф рис табл гл ч т тел ок прибл тыс млн млрд трлн"
)
# Abbreviations that a sentence goes on after when a number follows.
_BEFORE_NUMBER: Mapping[str, frozenset[str]] = {
    "en": _words(
        "no nos p pp vol fig figs ch sec art al c ca tel jan feb mar apr jun jul aug sep sept oct "
        "nov dec"
    ),
    "ru": _RUSSIAN_BEFORE_NUMBER,
    "kk": _RUSSIAN_BEFORE_NUMBER | _words("бет б үй шам мың б.з.д б.з.б б.э.б"),
    "ky": _RUSSIAN_BEFORE_NUMBER | _words("бет б үй болж миң б.з б.з.ч"),
}

# "2025 г.", "2024-ж.", "XX ғ.": a date may open a sentence or close it. Followed by a number, or
# as the whole of a short piece ("В 2025 г. Казахстан ..."), it opens one.
_DATE_UNITS = _words("г гг в вв ж жж ғ ғғ к")
_WORDS_OF_A_DATE = 4
_NUMERAL = re.compile(r"[\dIVXLC][\dIVXLC.–—-]*")

# Initials go on before a surname, but "the U.S. The ..." does not.
_INITIALS_OF_TWO_LETTERS = _words("Zh Sh Ch Kh Yu Ya Ye Ts Дж Дз")
_NO_SURNAMES = _words(
    "The A An In On At It Its He She They We You This That These Those But And As For From With "
    "If When While After However "
    "Он Она Оно Они Мы Вы Это Эти Этот На Но Для При После Также Однако "
    "Ол Олар Біз Бұл Осы Сондай Сондықтан Алайда Ал Алар Биз Бул Ошол Бирок Ошондуктан"
)

# "1." and "а)" number what follows; so short a piece may also be no more than an emoji.
_LONGEST_LABEL = 12
_LABEL = re.compile(r"\W*(?:\d{1,3}|[IVXLC]{1,5}|[^\W\d_])[.)]")
_BULLET = re.compile(r"(?:[-–—*•·▪◦●‣]|\d{1,3}[.)]|[^\W\d_]\))\s")
# Lines are wrapped at 60 characters or more; shorter ones were broken on purpose.
_NARROWEST_WRAP = 60
_FIRST_WORD = re.compile(r"\W*(\w+)")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text, as offsets in code points: `text[start:end]`."""

    start: int
    end: int


def split_sentences(text: str, language: str) -> list[Span]:
    """Return the sentences of a text in order, without the whitespace around them.

    They hold all of the text but whitespace. A blank line always ends one, a line break does where
    a heading or a line of a list ends. A language other than en, ru, kk and ky is split without
    regard to its abbreviations. Empty text gives [].
    """
    return [
        sentence
        for paragraph in split_paragraphs(text)
        for run in _runs(text, paragraph)
        for sentence in _split_run(text, run, language)
    ]


def split_paragraphs(text: str) -> list[Span]:
    """Return the paragraphs, which blank lines separate, without the whitespace around them."""
    paragraphs: list[Span] = []
    ended = True
    for line in _lines(text, Span(0, len(text))):
        span = strip_span(text, line.start, line.end)
        if span is None:
            ended = True
        elif ended:
            paragraphs.append(span)
            ended = False
        else:
            paragraphs[-1] = Span(paragraphs[-1].start, span.end)
    return paragraphs


def strip_span(text: str, start: int, end: int) -> Span | None:
    """Return the span without the whitespace at its ends, None when nothing else is in it."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end) if start < end else None


def _lines(text: str, span: Span) -> Iterator[Span]:
    """Yield the lines of a span without their line ends."""
    start = span.start
    while (end := text.find("\n", start, span.end)) >= 0:
        yield Span(start, end)
        start = end + 1
    yield Span(start, span.end)


def _runs(text: str, paragraph: Span) -> Iterator[Span]:
    """Yield the parts of a paragraph that read on over their line breaks."""
    lines = list(_lines(text, paragraph))
    width = max(line.end - line.start for line in lines)
    start = paragraph.start
    for line, following in pairwise(lines):
        if _line_ends_sentence(
            text[line.start : line.end].strip(), text[following.start : following.end], width
        ):
            yield Span(start, line.end)
            start = following.start
    yield Span(start, paragraph.end)


def _line_ends_sentence(line: str, following: str, width: int) -> bool:
    """Tell a heading or a line of a list from a line of wrapped text, `width` characters wide."""
    following = following.strip()
    if _BULLET.match(following):
        return True
    if line[-1] in _ENDS or line[-1] in _CLOSING:
        return False  # A full stop is sentencex's business.
    word = _FIRST_WORD.match(following)
    if line[-1] in ",;-–—" or word is None or not word[1][0].isupper():
        return False  # Pages break the line before a subscript too: "CO\n2".
    if line.startswith("#") or width < _NARROWEST_WRAP:
        return True
    return len(line) + 1 + len(following.split(maxsplit=1)[0]) <= width


def _split_run(text: str, run: Span, language: str) -> list[Span]:
    sentences: list[Span] = []
    start = run.start
    for cut in (*_proposed_cuts(text, run), run.end):
        piece = strip_span(text, start, cut)
        start = cut
        if piece is None:
            continue
        if sentences and _goes_on(text, sentences[-1], piece, language):
            sentences[-1] = Span(sentences[-1].start, piece.end)
        else:
            sentences.append(piece)
    return sentences


def _proposed_cuts(text: str, run: Span) -> Iterator[int]:
    """Yield where sentencex ends a sentence, always before whitespace."""
    source = text[run.start : run.end]
    if not any(mark in source for mark in _ENDS):
        return
    # Dropped, not blanked: 'said "No". Then' must not become 'said  No . Then'. Besides, unpaired
    # marks take sentencex quadratic time.
    kept = [index for index, character in enumerate(source) if character not in _QUOTES]
    plain = "".join(source[index] for index in kept).replace("…", "!")
    for boundary in get_sentence_boundaries(_RULES, plain):
        end: int = boundary["end_index"]
        if end >= len(plain):
            return
        piece = strip_span(plain, boundary["start_index"], end)
        if piece is None:
            continue
        cut = _after_closing_marks(source, kept[piece.end - 1] + 1, kept[end])
        if source[cut].isspace():
            yield run.start + cut


def _after_closing_marks(source: str, cut: int, limit: int) -> int:
    """Move a cut behind the quotation marks that close the sentence before it."""
    while True:
        while cut < limit and not source[cut].isspace() and source[cut] not in _OPENING:
            cut += 1
        beyond = cut
        while beyond < limit and source[beyond].isspace():
            beyond += 1
        if beyond == limit or source[beyond] not in _CLOSING:
            return cut
        cut = beyond


def _goes_on(text: str, before: Span, after: Span, language: str) -> bool:
    """Tell whether a sentence goes on from one piece to the next, against sentencex."""
    # Only the ends of the pieces are looked at: `before` may have grown to a megabyte.
    head = text[after.start : min(after.end, after.start + 40)]
    first = next((character for character in head if character.isalnum()), "")
    if not first and not any(character.isalnum() for character in text[after.start : after.end]):
        return True
    if first.islower() or head[0] in ",;:":
        return True
    if before.end - before.start <= _LONGEST_LABEL:
        piece = text[before.start : before.end]
        if _LABEL.fullmatch(piece) or not any(character.isalnum() for character in piece):
            return True
    tail = text[max(before.start, before.end - 60) : before.end]
    if not tail.endswith(".") or tail.endswith(".."):
        return False
    return _ends_in_abbreviation(tail, head, first, language)


def _ends_in_abbreviation(tail: str, head: str, first: str, language: str) -> bool:
    """Tell whether `tail` ends in an abbreviation that goes on with `head`."""
    words = tail.split()
    token = words[-1].rstrip(".").lstrip("«“„\"'’(‘[—–-")
    unit = token.lstrip("0123456789-–")
    dated = unit != token or (len(words) > 1 and _NUMERAL.fullmatch(words[-2]) is not None)
    if dated and unit.casefold() in _DATE_UNITS:
        return first.isdigit() or len(words) <= _WORDS_OF_A_DATE
    word = _FIRST_WORD.match(head)
    if _is_initials(token):
        return word is None or word[1] not in _NO_SURNAMES
    token = token.casefold()
    return token in _ALWAYS.get(language, ()) or (
        first.isdigit() and token in _BEFORE_NUMBER.get(language, ())
    )


def _is_initials(token: str) -> bool:
    return all(
        (len(part) == 1 and part.isupper()) or part in _INITIALS_OF_TWO_LETTERS
        for part in token.split(".")
    )
