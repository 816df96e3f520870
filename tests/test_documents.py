"""Documents: PDF, Word, Markdown and plain text become drafts; the rest is refused."""

import functools
import io
import struct
import zipfile
from collections.abc import Callable, Sequence

import docx
import matplotlib as mpl
import numpy as np
import pypdf
import pytest
from docx.document import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from knowledge.documents import decode_text, read_document
from knowledge.errors import DocumentError, Problem
from knowledge.pdf import join_lines


def problem(name: str, content: bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read_document(name, content)
    return caught.value


def pdf(*pages: Sequence[str], picture: bool = False, **properties: str) -> bytes:
    """Make a PDF file of lines of text."""
    file = io.BytesIO()
    with mpl.rc_context({"pdf.fonttype": 42}), PdfPages(file, metadata=properties) as output:
        for lines in pages:
            page = Figure(figsize=(8.27, 11.69))
            if picture:
                page.figimage(np.zeros((20, 20)))
            for number, line in enumerate(lines):
                page.text(0.1, 0.95 - 0.025 * number, line, fontsize=10)
            output.savefig(page)
    return file.getvalue()


@functools.cache
def air_pdf() -> bytes:
    """A PDF file of one page, made once: to make one takes half a second."""
    return pdf(AIR)


def word(write: Callable[[Document], object]) -> bytes:
    """Make a Word file."""
    document = docx.Document()
    write(document)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def archive(**parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in parts.items():
            zipped.writestr(name, content)
    return file.getvalue()


AIR = [
    "Воздух в Бишкеке зимой",
    "Зимой воздух в городе бывает одним из самых грязных в мире. Эколо-",
    "гические службы измеряют его на семи станциях. Больше всего дыма дают",
    "уголь и свалка.",
    "Что делать жителям города",
    "• топить газом;",
    "• ездить на автобусах, которые не дымят, и не жечь мусор и листья во",
    "дворе.",
]


def test_a_pdf_is_read() -> None:
    """Lines become paragraphs, divided words whole, the first line the title, bullets a list."""
    draft = read_document("air.pdf", air_pdf())
    assert draft.title == "Воздух в Бишкеке зимой"
    assert draft.body == (
        "Зимой воздух в городе бывает одним из самых грязных в мире. Экологические службы "
        "измеряют его на семи станциях. Больше всего дыма дают уголь и свалка.\n\n"
        "Что делать жителям города\n\n"
        "• топить газом;\n"
        "• ездить на автобусах, которые не дымят, и не жечь мусор и листья во дворе."
    )
    assert (draft.url, draft.publisher, draft.published) == (None, None, None)
    assert draft.language == "ru"


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ("Зимой воздух в городе бывает одним", "Зимой воздух в городе бывает одним"),
        ("Приказ о стульях", "Воздух в Бишкеке зимой"),
        ("Microsoft Word - Воздух.doc", "Воздух в Бишкеке зимой"),
        ("", "Воздух в Бишкеке зимой"),
    ],
)
def test_a_told_title_must_be_in_the_text(told: str, title: str) -> None:
    """The properties of a file often tell the title of another, from which it was made."""
    assert read_document("air.pdf", pdf(AIR, Title=told)).title == title


def test_a_password_for_changes_only_does_not_keep_us_out() -> None:
    """Many PDF files may be read by all and changed by few."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(air_pdf()))
    writer.encrypt(user_password="", owner_password="secret", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    assert read_document("air.pdf", file.getvalue()).title == "Воздух в Бишкеке зимой"


def test_a_pdf_with_a_password_is_refused() -> None:
    """Nobody is asked for a password."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(air_pdf()))
    writer.encrypt(user_password="secret", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    error = problem("air.pdf", file.getvalue())
    assert error.problem is Problem.ENCRYPTED
    assert str(error) == "air.pdf is protected by a password; save it without one."


def test_a_pdf_with_a_password_of_a_newer_kind_is_refused() -> None:
    """AES needs a library that we do without."""
    key, code = b"<" + b"00" * 48 + b">", b"<" + b"00" * 32 + b">"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [] /Count 0 >>",
        b"<< /Filter /Standard /V 5 /R 6 /Length 256 /P -4 /StmF /StdCF /StrF /StdCF"
        b" /CF << /StdCF << /CFM /AESV3 /Length 32 >> >>"
        b" /O %b /U %b /OE %b /UE %b /Perms <%b> >>" % (key, key, code, code, b"00" * 16),
    ]
    content = b"%PDF-1.7\n"
    for number, written in enumerate(objects, start=1):
        content += b"%d 0 obj\n%b\nendobj\n" % (number, written)
    # Without a table of its objects, pypdf finds them itself.
    content += b"trailer\n<< /Size 4 /Root 1 0 R /Encrypt 3 0 R /ID [<00><00>] >>\n"
    content += b"startxref\n0\n%%EOF\n"
    assert problem("a.pdf", content).problem is Problem.ENCRYPTED


def test_a_scan_is_named_as_one() -> None:
    """Pages that are pictures need other help than pages that are empty."""
    assert problem("scan.pdf", pdf([], [], picture=True)).problem is Problem.SCANNED
    assert problem("scan.pdf", pdf(["12"], picture=True)).problem is Problem.SCANNED
    assert problem("empty.pdf", pdf([], [])).problem is Problem.EMPTY


def test_a_pdf_of_too_many_pages_is_refused() -> None:
    """A book is no article; 501 pages are not even looked at."""
    writer = pypdf.PdfWriter()
    for _ in range(501):
        writer.add_blank_page(200, 200)
    file = io.BytesIO()
    writer.write(file)
    error = problem("book.pdf", file.getvalue())
    assert (error.problem, error.detail) == (Problem.TOO_LARGE, "501 pages")


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\n" + b"\xff\x00garbage" * 100,
        air_pdf()[:700],
    ],
)
def test_a_damaged_pdf_is_refused(content: bytes) -> None:
    """Whatever pypdf makes of half a file, people hear that it is damaged."""
    assert problem("air.pdf", content).problem is Problem.DAMAGED


@pytest.mark.parametrize(
    ("pages", "paragraphs"),
    [
        ([], []),
        ([""], []),
        (["One line."], ["One line."]),
        # A soft hyphen always divides; a real one not where the word is a compound elsewhere.
        (["эколо\u00ad\nгия"], ["экология"]),
        (
            ["Она социально-бытовая, то есть для всех людей; а также социально-\nкультурная."],
            ["Она социально-бытовая, то есть для всех людей; а также социально-культурная."],
        ),
        (["Города Алма-\nАта и Бишкек."], ["Города Алма- Ата и Бишкек."]),
        # A dash or a number at the beginning of a line is no list in the middle of a sentence.
        (
            ["Этот большой город с парками и горами\n— столица страны уже много лет подряд."],
            ["Этот большой город с парками и горами — столица страны уже много лет подряд."],
        ),
        (
            ["Надо сделать вот что:\n1) топить газом;\n2) сажать деревья."],
            ["Надо сделать вот что:", "1) топить газом;\n2) сажать деревья."],
        ),
        # A paragraph goes on over the end of a page; blank lines end one.
        (["Дым идёт от печей и\n7", "от машин.\n8"], ["Дым идёт от печей и от машин."]),
        (["Первый абзац\n\nвторой абзац"], ["Первый абзац", "второй абзац"]),
        # Signs of fonts are letters.
        (["\uf0b7 ветер"], ["• ветер"]),
    ],
)
def test_lines_become_paragraphs(pages: list[str], paragraphs: list[str]) -> None:
    """What the eye takes for a paragraph is one."""
    assert list(join_lines(pages)) == paragraphs


def test_running_heads_go() -> None:
    """What stands above or below most pages, and page numbers, are no part of the text."""
    pages = [
        f"Годовой отчёт\nСтраница номер {word} говорит о воде и о воздухе.\nФонд «Вода» | {number}"
        for number, word in enumerate(("один", "два", "три", "четыре"), start=1)
    ]
    assert list(join_lines(pages)) == [
        "Страница номер один говорит о воде и о воздухе. "
        "Страница номер два говорит о воде и о воздухе. "
        "Страница номер три говорит о воде и о воздухе. "
        "Страница номер четыре говорит о воде и о воздухе."
    ]


def write_report(document: Document) -> None:
    document.add_heading("Көлдүн суусу азайып жатат", level=0)
    document.add_paragraph("Быйыл көлдүн деңгээли он сантиметрге төмөндөдү.")
    document.add_heading("Себептери", level=1)
    document.add_paragraph("мөңгүлөр эрийт;", style="List Bullet")
    document.add_paragraph("талааларга суу көп алынат.", style="List Number")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ["Жыл", "Деңгээл", "2024", "1606 м"], strict=True):
        cell.text = text
    document.add_paragraph("Окумуштуулар көлдү жыл сайын өлчөйт.")


def test_a_word_file_is_read() -> None:
    """Headings are paragraphs, lists and tables have a line for each item and row."""
    draft = read_document("report.docx", word(write_report))
    assert draft.title == "Көлдүн суусу азайып жатат"
    assert draft.body == (
        "Быйыл көлдүн деңгээли он сантиметрге төмөндөдү.\n\n"
        "Себептери\n\n"
        "• мөңгүлөр эрийт;\n• талааларга суу көп алынат.\n\n"
        "Жыл | Деңгээл\n2024 | 1606 м\n\n"
        "Окумуштуулар көлдү жыл сайын өлчөйт."
    )
    assert draft.language == "ky"


def test_tracked_changes_are_read_as_accepted() -> None:
    """What was inserted is text, what was deleted is not."""

    def write(document: Document) -> None:
        document.add_paragraph("Отчёт фонда")
        paragraph = document.add_paragraph("Вода ")
        paragraph._p.append(
            parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>чистая</w:t></w:r></w:ins>")
        )
        paragraph._p.append(
            parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>грязная</w:delText></w:r></w:del>")
        )

    assert read_document("a.docx", word(write)).body == "Вода чистая"


def test_words_in_fields_and_frames_are_read() -> None:
    """A form's field and a table of one column, as a frame around text, hold text as well."""

    def write(document: Document) -> None:
        document.add_paragraph("Отчёт фонда")
        document.element.body.insert(
            1,
            parse_xml(
                f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>Поле формы.</w:t></w:r>"
                "</w:p></w:sdtContent></w:sdt>"
            ),
        )
        document.add_table(rows=1, cols=1).cell(0, 0).text = "Первый абзац.\nЕго строка."
        document.add_paragraph("Строка\tс отступом\nи переносом\u00a0тут.")

    assert read_document("a.docx", word(write)).body == (
        "Поле формы.\n\nПервый абзац.\nЕго строка.\n\nСтрока с отступом\nи переносом тут."
    )


def test_a_word_file_without_text_is_empty() -> None:
    """Pictures alone are no article."""
    assert problem("a.docx", word(lambda _document: None)).problem is Problem.EMPTY


def test_a_zip_bomb_is_not_unpacked() -> None:
    """What would unpack to more than 200 million bytes, or has too many parts, is refused."""
    bomb = archive(**{"word/document.xml": b"0" * 200_000_001})
    assert len(bomb) < 300_000
    assert problem("a.docx", bomb).problem is Problem.TOO_LARGE
    many = archive(**{"word/document.xml": b""} | {f"{number}": b"" for number in range(10_000)})
    error = problem("a.docx", many)
    assert (error.problem, error.detail) == (Problem.TOO_LARGE, "10001 parts, 0 bytes unpacked")


def test_a_bomb_that_lies_about_its_size_is_damaged() -> None:
    """No more is unpacked than the archive announces."""
    bomb = bytearray(archive(**{"word/document.xml": b"0" * 1_000_000}))
    size = struct.pack("<I", 1_000_000)
    while size in bomb:
        bomb[bomb.index(size) : bomb.index(size) + 4] = struct.pack("<I", 10)
    assert problem("a.docx", bytes(bomb)).problem is Problem.DAMAGED


def test_entities_are_not_expanded() -> None:
    """XML that multiplies itself, or names files of ours, gives nothing of either."""
    content = word(lambda document: document.add_paragraph("Отчёт фонда за год"))
    source = zipfile.ZipFile(io.BytesIO(content))
    parts = {name: source.read(name) for name in source.namelist()}
    for entity in ("SYSTEM 'file:///etc/passwd'", "'secret'"):
        text = parts["word/document.xml"].decode()
        head, body = text.split("?>", 1)
        body = body.replace("<w:t>", "<w:t>&e;</w:t></w:r><w:r><w:t>")
        hostile = f"{head}?><!DOCTYPE d [<!ENTITY e {entity}>]>{body}"
        draft = read_document("a.docx", archive(**parts | {"word/document.xml": hostile.encode()}))
        assert draft.body == "Отчёт фонда за год"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"PK\x03\x04 and no archive", Problem.DAMAGED),
        (word(write_report)[:5000], Problem.DAMAGED),
        (archive(**{"word/document.xml": b"<not closed"}), Problem.DAMAGED),
        (archive(**{"xl/workbook.xml": b"<workbook/>"}), Problem.NOT_READABLE),
        (archive(**{"content.xml": b"<office/>"}), Problem.NOT_READABLE),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000), Problem.NOT_READABLE),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"),
            Problem.ENCRYPTED,
        ),
        (b"{\\rtf1 Text}", Problem.NOT_READABLE),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", Problem.NOT_READABLE),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", Problem.NOT_READABLE),
        (b"<!DOCTYPE html><p>Text", Problem.NOT_READABLE),
        (b"", Problem.EMPTY),
        (b" \n\n ", Problem.EMPTY),
        (b"12345\n---\n", Problem.EMPTY),
        (b"a " * 25_000_001, Problem.TOO_LARGE),
        (b"Long.\n\n" + b"word " * 400_001, Problem.TOO_LARGE),
    ],
)
@pytest.mark.parametrize("name", ["a.docx", "a.txt", ""])
def test_what_cannot_be_read_is_refused(content: bytes, expected: Problem, name: str) -> None:
    """The content tells what a file is, whatever it is called."""
    assert problem(name, content).problem is expected


def test_an_archive_with_a_password_is_refused() -> None:
    """It is named as what it is, not as damaged."""
    content = bytearray(archive(**{"word/document.xml": b"<w/>"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert problem("a.docx", bytes(content)).problem is Problem.ENCRYPTED


MARKDOWN = """\
# Вода в *реке* Чу

Воды **всё меньше**: [исследование](https://example.org/study) говорит,
что через 30 лет её будет `половина`.<br>

## Что делать

- чинить каналы
  и трубы;
- ![плотина](dam.png) строить;
    1. маленькие
    2. большие

> Вода — это жизнь.

| Год | Воды |
"""


def test_markdown_is_read_without_its_marks() -> None:
    """A quote is shown as plain text, in which stars and brackets would be noise."""
    draft = read_document("river.MD", MARKDOWN.encode())
    assert draft.title == "Вода в реке Чу"
    assert draft.body == (
        "Воды всё меньше: исследование говорит,\nчто через 30 лет её будет половина.\n\n"
        "Что делать\n\n"
        "• чинить каналы\nи трубы;\n• плотина строить;\n1. маленькие\n2. большие\n\n"
        "Вода — это жизнь.\n\n"
        "| Год | Воды |"
    )


def test_markdown_with_front_matter_is_as_our_own_files() -> None:
    """What the file says about itself is believed, and its text kept to the letter."""
    text = (
        "---\ntitle: River\nurl: https://example.org/river\npublished: 2025-06-12\n---\n\n"
        "Less *water*.\n"
    )
    draft = read_document("river.md", text.encode())
    assert (draft.title, draft.url) == ("River", "https://example.org/river")
    assert str(draft.published) == "2025-06-12"
    assert draft.body == "Less *water*."


def test_faulty_front_matter_is_named() -> None:
    """The detail says what is wrong in which line."""
    error = problem("river.md", b"---\npublished: soon\n---\n\nText.\n")
    assert error.problem is Problem.DAMAGED
    assert error.detail.startswith("The published date 'soon' is not a day of the calendar")


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("The river Chu\n\nIt is dry.", "The river Chu", "It is dry."),
        ("The river Chu\nIt is dry.", "The river Chu", "It is dry."),
        ("The river Chu is dry.\n\nIt was not.", None, "The river Chu is dry.\n\nIt was not."),
        ("Only one line without an end", None, "Only one line without an end"),
        ("x" * 201 + "\n\nMore.", None, "x" * 201 + "\n\nMore."),
        ("12.06.2025 / 5\n\nA text.", None, "12.06.2025 / 5\n\nA text."),
        ("• one\n• two\n\nA text.", None, "• one\n• two\n\nA text."),
        ("\r\nTitle\r\n\r\n  Two  spaces\r\nstay *so*. ", "Title", "  Two  spaces\nstay *so*."),
        ("A title\n\n\n \nOne.\n\nTwo.", "A title", "One.\n\nTwo."),
    ],
)
def test_plain_text_is_read(text: str, title: str | None, body: str) -> None:
    """The first line is the title where it looks like one; the rest stays to the letter."""
    draft = read_document("river.txt", text.encode())
    assert (draft.title, draft.body) == (title, body)


RUSSIAN = "Зелёный вестник пишет: «В Бишкеке посадили тысячу деревьев — дубы и вязы»."


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8_r", "cp866"])
def test_the_charset_of_a_file_is_found(charset: str) -> None:
    """Nobody need know in what a file was saved."""
    text = (
        RUSSIAN if charset != "cp866" else RUSSIAN.translate({ord("—"): "-", 171: '"', 187: '"'})
    )
    content = f"Новости недели\n\n{text}\n".encode(charset, errors="replace")
    draft = read_document("news.txt", content)
    assert draft.title == "Новости недели"
    assert draft.body == text.encode(charset, errors="replace").decode(charset)


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        ("«Вода»".encode("cp1251"), "windows-1251", "«Вода»"),
        ("«Вода»".encode("koi8_r", errors="replace"), "koi8-r", "?Вода?"),
        # What is UTF-8 can't be anything else, whatever is said.
        ("«Вода»".encode(), "windows-1251", "«Вода»"),
        # By Latin 1, sites mean Windows' own.
        (b"\x93caf\xe9\x94", "iso-8859-1", "“café”"),
        # One broken letter does not turn the rest into a guess.
        ("Вода".encode() + b"\xd0", "utf-8", "Вода\ufffd"),
        # A byte order mark tells more than any header.
        (b"\xff\xfe" + "Вода".encode("utf-16-le"), "utf-8", "Вода"),
        # These are no charsets of text.
        ("Жаңы китепканада суу жөнүндө китептер бар".encode(), "base64", None),
        (RUSSIAN.encode("cp1251"), "no-such", RUSSIAN),
        (RUSSIAN.encode("cp1251"), "zip", RUSSIAN),
    ],
)
def test_what_a_site_says_about_the_charset(
    content: bytes, charset: str, text: str | None
) -> None:
    """It is believed, unless the bytes themselves say otherwise or it makes no sense."""
    assert decode_text(content, charset) == (text or content.decode())


def test_a_page_may_name_its_charset_itself() -> None:
    """The header is asked first, then the page's head."""
    page = f'<html><head><meta charset="windows-1251"><body>{RUSSIAN}'.encode("cp1251")
    assert RUSSIAN in decode_text(page, html=True)
    old = '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">Вода'
    assert "Вода" in decode_text(old.encode("koi8_r"), html=True)
    assert "Вода" in decode_text(old.encode("cp1251"), "cp1251", html=True)
