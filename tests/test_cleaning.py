"""Cleaning: what is no part of an article goes, and not a word more."""

import pytest

from knowledge.cleaning import clean_body, one_line

TEXT = "Станция принимает до сорока тонн отходов в день, и все их сортируют вручную."


def body(*paragraphs: str, title: str | None = None) -> str:
    return clean_body(paragraphs, title)


def test_paragraphs_are_separated_by_blank_lines() -> None:
    """Paragraphs and the lines within them stay as they are; empty ones go."""
    assert body("One  line.", "", "  Two\nlines.", " \n ") == "One  line.\n\n  Two\nlines."
    assert body() == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("  a \n\t b  ", "a b"),
        ("до\u00a040\u202fтонн", "до 40 тонн"),
        ("эко\u00adлог\u200bи\ufeff", "экологи"),
        ("“Quotes” — and 👩\u200d🌾", "“Quotes” — and 👩\u200d🌾"),
    ],
)
def test_one_line_is_what_a_browser_shows(text: str, line: str) -> None:
    """Spaces of all kinds are one space, invisible marks are nothing, the rest is kept."""
    assert one_line(text) == line


@pytest.mark.parametrize(
    "first", ["Станция открыта", "СТАНЦИЯ  ОТКРЫТА!", "«Станция открыта»", "Станция — открыта."]
)
def test_the_title_is_not_repeated(first: str) -> None:
    """The title above the text goes, however it is written there."""
    assert body(first, TEXT, title="Станция открыта") == TEXT
    assert body("5 марта", first, TEXT, title="Станция открыта") == f"5 марта\n\n{TEXT}"


def test_the_title_may_be_said_again_later() -> None:
    """Only at the beginning is it a heading; and a paragraph that goes on is text."""
    paragraphs = ("Один.", "Два.", "Три.", "Станция открыта")
    assert body(*paragraphs, title="Станция открыта") == "\n\n".join(paragraphs)
    assert body("Станция открыта вчера.", title="Станция открыта") == "Станция открыта вчера."


def test_a_repeated_paragraph_is_dropped() -> None:
    """Pages show their text twice for all kinds of reasons; short lines may be meant."""
    assert body(TEXT, "Да.", TEXT.upper(), "Да.") == f"{TEXT}\n\nДа.\n\nДа."


@pytest.mark.parametrize(
    "notice",
    [
        "Read also: A new station opens",
        "See also",
        "Related articles:",
        "Читайте также: Как сортировать дома",
        "ЧИТАЙТЕ ТАКЖЕ:",
        "Смотрите также – Как сортировать дома",
        "Тағы оқыңыз: Қоқысты қалай сұрыптау керек",
        "Дагы окуңуз: Таштандыны кантип иргөө керек",
        "• Читайте также: Как сортировать дома",
        "Share",
        "Share this article",
        "Поделиться:",
        "Поделиться в соцсетях",
        "Бөлісу",
        "Бөлүшүү",
        "• Telegram",
        "Версия для печати",
        "We use cookies to make this site better.",
        "Мы используем файлы cookie, чтобы сайт работал лучше.",
        "Подписывайтесь на наш Telegram-канал!",
        "Нашли ошибку? Выделите её и нажмите Ctrl+Enter.",
        "© 2024 Зелёный вестник. Все права защищены.",
        "Бардык укуктар корголгон.",
    ],
)
def test_notices_among_the_paragraphs_go(notice: str) -> None:
    """Links to other articles, buttons and banners are no text, in any of the four languages."""
    assert body(TEXT, notice, "Конец.") == f"{TEXT}\n\nКонец."
    assert body(f"{TEXT}\n{notice}", "Конец.") == f"{TEXT}\n\nКонец."


@pytest.mark.parametrize(
    "paragraph",
    [
        "Читайте также газету «Вестник», сказал он, и смотрите также наши фильмы.",
        "Read also what the law says about it.",
        "We share the water of this river with three countries.",
        "Share prices fell.",
        "Поделиться водой соседи не хотят.",
        "Telegram закрыли на два дня.",
        "Он сказал: читайте также: «Муму».",
        "Related articles of the law: 5 and 7.",
        "Читайте также: " + "все книги этого человека, " * 12,
        "Печать книги заняла год.",
    ],
)
def test_running_text_stays(paragraph: str) -> None:
    """Such words within a sentence are the article's own."""
    assert body(paragraph) == paragraph


def test_a_list_of_other_articles_goes_with_its_announcement() -> None:
    """After "Read also:", the list is what is to be read."""
    links = "• Как сортировать дома\n• Погода на неделю"
    assert body(TEXT, "Читайте также:", links, "Конец.") == f"{TEXT}\n\nКонец."
    assert body(TEXT, "Вот что надо:", links) == f"{TEXT}\n\nВот что надо:\n\n{links}"
    assert body(TEXT, "Читайте также:", "Конец.", links) == f"{TEXT}\n\nКонец.\n\n{links}"
