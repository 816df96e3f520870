"""The text of a PDF file, by pypdf.

A PDF knows where letters stand on a page, and nothing of paragraphs: they are put together here
from the lines, by what the eye goes by. Headers, footers and page numbers go.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError

from knowledge.cleaning import BULLET, one_line
from knowledge.errors import DocumentError, Problem

_MOST_PAGES = 500
# With fewer letters a page, it is a picture, with perhaps a number below.
_FEWEST_LETTERS_OF_A_PAGE = 20
# Of all characters that are not spaces; fonts that don't say what their signs mean give less.
_FEWEST_READABLE = 0.6
_PUNCTUATION = frozenset(".,;:!?()«»“”\"'-–—…%№/")

# Fonts write these pairs of letters as one sign, and bullets as signs of their own.
_SIGNS = str.maketrans(
    {
        "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl",
        "\uf0b7": "•", "\uf0a7": "•", "\uf02d": "–", "\uf0d8": "•",
    }
)  # fmt: skip
_BULLET = re.compile(r"[•▪◦●‣■*]\s+(?=\S)")
# They may also stand in the middle of a sentence, where the line happened to end.
_DASH_OR_NUMBER = re.compile(r"(?:[-–—]|\d{1,3}[.)])\s")
_PAGE_NUMBER = re.compile(r"\W*\d{1,4}\W*")
_DIVIDED = re.compile(r"([^\W\d_]+)[-‐]$")
_COMPOUND = re.compile(r"\b([^\W\d_]{5,})[-‐](?=[^\W\d_])")
_LONGEST_WORD = 60
_ENDS = ".!?…:;»”)"
# A line that ends this far from the right margin ends for a reason.
_SHORT_LINE = 0.8
_RUNNING_HEAD_PAGES = 3


def read_pdf(name: str, content: bytes) -> tuple[list[str], str | None]:
    """Return the paragraphs, and the title that the file's properties tell.

    Raises:
        DocumentError: it can't be read, or there is no text in it.
    """
    try:
        return _read(name, content)
    except DocumentError:
        raise
    except (DependencyError, FileNotDecryptedError) as error:  # a password of a newer kind
        raise DocumentError(Problem.ENCRYPTED, name) from error
    except Exception as error:  # pypdf meets a damaged file with errors of all kinds
        raise DocumentError(Problem.DAMAGED, name, f"{type(error).__name__}: {error}") from error


def _read(name: str, content: bytes) -> tuple[list[str], str | None]:
    reader = pypdf.PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise DocumentError(Problem.ENCRYPTED, name)
    if len(reader.pages) > _MOST_PAGES:
        raise DocumentError(Problem.TOO_LARGE, name, f"{len(reader.pages)} pages")
    pages = [page.extract_text() for page in reader.pages]
    if not _is_text(pages) and any(page.images for page in reader.pages):
        raise DocumentError(Problem.SCANNED, name)
    title = reader.metadata.title if reader.metadata else None
    return list(join_lines(pages)), title


def _is_text(pages: Sequence[str]) -> bool:
    """Tell text from a few stray signs."""
    signs = [sign for page in pages for sign in page if not sign.isspace()]
    readable = sum(sign.isalnum() or sign in _PUNCTUATION for sign in signs)
    if readable < _FEWEST_READABLE * len(signs):
        return False
    return sum(map(str.isalpha, signs)) >= _FEWEST_LETTERS_OF_A_PAGE * len(pages)


def join_lines(pages: Sequence[str]) -> Iterator[str]:
    """Yield the paragraphs of pages that are given as lines; a list is one paragraph."""
    lines = [line for page in _without_running_heads(pages) for line in page]
    lengths = sorted(len(line) for line in lines if line)
    if not lengths:
        return
    width = lengths[int(0.9 * (len(lengths) - 1))]
    compounds = {first.casefold() for line in lines for first in _COMPOUND.findall(line)}
    items: list[str] = []
    paragraph = ""
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        paragraph = _joined(paragraph, line, compounds)
        if not paragraph or not _ends_paragraph(line, following, width):
            continue
        if _BULLET.match(paragraph) or _DASH_OR_NUMBER.match(paragraph):
            items.append(one_line(_BULLET.sub(BULLET, paragraph, count=1)))
        else:
            if items:
                yield "\n".join(items)
            items = []
            yield one_line(paragraph)
        paragraph = ""
    if items:
        yield "\n".join(items)


def _without_running_heads(pages: Sequence[str]) -> list[list[str]]:
    """Return the lines of each page without its number and what stands on most pages."""
    lines_of_pages = [
        [line.strip() for line in page.translate(_SIGNS).splitlines()] for page in pages
    ]
    outer = Counter(
        head
        for lines in lines_of_pages
        for head in {_without_number(line) for line in _outer(lines)}
    )
    most = max(_RUNNING_HEAD_PAGES, (len(pages) + 1) // 2)
    for lines in lines_of_pages:
        for end in (0, -1):
            while lines and (
                not lines[end]
                or _PAGE_NUMBER.fullmatch(lines[end])
                or outer[_without_number(lines[end])] >= most
            ):
                lines.pop(end)
    return lines_of_pages


def _outer(lines: Sequence[str]) -> list[str]:
    """Return the two first and the two last lines with text."""
    written = [line for line in lines if line]
    return written[:2] + written[-2:]


def _without_number(line: str) -> str:
    return re.sub(r"\d+", "", line)


def _joined(paragraph: str, line: str, compounds: set[str]) -> str:
    """Join a line to those before it, and a word that was divided between the two.

    A hyphen at a line's end divides a word, unless the part before it begins a compound word
    elsewhere: "социально-" does if there is "социально-культурный" within a line.
    """
    if paragraph.endswith("\u00ad"):
        return paragraph[:-1] + line
    divided = _DIVIDED.search(paragraph[-_LONGEST_WORD:])
    if divided and line[:1].islower():
        is_compound = divided[1].casefold() in compounds
        return (paragraph if is_compound else paragraph[:-1]) + line
    return f"{paragraph} {line}" if paragraph and line else paragraph + line


def _ends_paragraph(line: str, following: str, width: int) -> bool:
    if not following or not line:
        return True
    if _BULLET.match(following):
        return True
    if _DASH_OR_NUMBER.match(following) and line[-1] in _ENDS + ",":
        return True
    word = following.split(maxsplit=1)[0]
    is_short = len(line) + 1 + len(word) <= _SHORT_LINE * width
    return is_short and (line[-1] in _ENDS or following[0].isupper())
