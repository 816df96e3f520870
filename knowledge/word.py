"""The text of a Word file (.docx), by python-docx.

python-docx's own `Paragraph.text` leaves out what was inserted while changes were tracked, and
what stands in form fields: the words are collected here. Deleted words are left out.
"""

import io
import zipfile
from collections.abc import Iterator

import docx
from docx.document import Document
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.text.paragraph import Paragraph

from knowledge.cleaning import BULLET, one_line
from knowledge.errors import DocumentError, Problem

_MOST_UNPACKED_BYTES = 200_000_000
_MOST_PARTS = 10_000
_TEXT = "word/document.xml"
_PASSWORD = 0x1  # a flag of the ZIP format

# Word keeps what a text box shows twice, for itself and for older programs.
_LEFT_OUT = frozenset(
    (
        qn("w:moveFrom"),
        qn("w:del"),
        "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
    )
)


def read_word(name: str, content: bytes) -> tuple[list[str], str | None]:
    """Return the paragraphs, and the title that the file's properties tell.

    A list is one paragraph, and so is a table: a line for each row.

    Raises:
        DocumentError: it can't be read, or it is another kind of file.
    """
    try:
        return _read(name, content)
    except DocumentError:
        raise
    except Exception as error:  # damaged files give errors of all kinds
        raise DocumentError(Problem.DAMAGED, name, f"{type(error).__name__}: {error}") from error


def _read(name: str, content: bytes) -> tuple[list[str], str | None]:
    _check_parts(name, content)
    document = docx.Document(io.BytesIO(content))
    return list(_joined_lists(document)), document.core_properties.title


def _check_parts(name: str, content: bytes) -> None:
    """Refuse what must not be unpacked; zipfile itself never unpacks more than it announces."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
    if not any(part.filename == _TEXT for part in parts):
        raise DocumentError(Problem.NOT_READABLE, name, "it is not a Word document")
    if any(part.flag_bits & _PASSWORD for part in parts):
        raise DocumentError(Problem.ENCRYPTED, name)
    unpacked = sum(part.file_size for part in parts)
    if unpacked > _MOST_UNPACKED_BYTES or len(parts) > _MOST_PARTS:
        detail = f"{len(parts)} parts, {unpacked} bytes unpacked"
        raise DocumentError(Problem.TOO_LARGE, name, detail)


def _joined_lists(document: Document) -> Iterator[str]:
    """Yield the paragraphs in order, those of one list joined by line feeds."""
    items: list[str] = []
    for text, is_item in _blocks(document, document.element.body):
        if is_item:
            items.append(BULLET + one_line(text))
            continue
        if items:
            yield "\n".join(items)
        items = []
        yield text
    if items:
        yield "\n".join(items)


def _blocks(document: Document, parent: BaseOxmlElement) -> Iterator[tuple[str, bool]]:
    """Yield the text of paragraphs and tables, and whether it is an item of a list."""
    for element in parent:
        if element.tag == qn("w:p"):
            text = "\n".join(filter(None, map(one_line, _text(element).split("\n"))))
            if text:
                yield text, _is_item(document, element)
        elif element.tag == qn("w:tbl"):
            rows = [list(row.iterchildren(qn("w:tc"))) for row in element.iter(qn("w:tr"))]
            if all(len(cells) == 1 for cells in rows):  # A frame around text.
                for (cell,) in rows:
                    yield from _blocks(document, cell)
            else:
                lines = (" | ".join(filter(None, map(_cell_text, cells))) for cells in rows)
                yield "\n".join(filter(None, lines)), False
        elif element.tag == qn("w:sdt"):  # a field of a form, or a part made by Word
            for inner in element.iterchildren(qn("w:sdtContent")):
                yield from _blocks(document, inner)


def _cell_text(cell: BaseOxmlElement) -> str:
    return one_line(" ".join(map(_text, cell.iter(qn("w:p")))))


def _is_item(document: Document, element: BaseOxmlElement) -> bool:
    style = Paragraph(element, document).style
    name = (style.name if style else None) or ""
    numbered = element.find(f"{qn('w:pPr')}/{qn('w:numPr')}") is not None
    return name.startswith("List") or (numbered and not name.startswith("Heading"))


def _text(element: BaseOxmlElement) -> str:
    """Return the words of an element with line feeds where a line was broken."""
    parts = []
    for child in element:
        if child.tag in _LEFT_OUT:
            continue
        if child.tag == qn("w:t"):
            parts.append(child.text or "")
        elif child.tag == qn("w:tab"):
            parts.append(" ")
        elif child.tag in (qn("w:br"), qn("w:cr")):
            parts.append("\n")
        elif child.tag == qn("w:noBreakHyphen"):
            parts.append("-")
        else:
            parts.append(_text(child))
    return "".join(parts)
