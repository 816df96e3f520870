"""Which language a text is in."""

import subprocess
import sys
from pathlib import Path

import pytest

from knowledge.language import LANGUAGES, detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Who is the honorable president of Sauvons le climat?", "en"),
        ("How many countries are in the alliance?", "en"),
        ("Air in Bishkek", "en"),
        ("Кто почётный президент организации «Sauvons le climat»?", "ru"),
        ("Сколько стран входит в альянс?", "ru"),
        ("Воздух в Бишкеке", "ru"),
        ("Альянсқа қанша ел кіреді?", "kk"),
        ("Көміртегі ізін азайту туралы не айтылды?", "kk"),
        ("Агроценоз деген не?", "kk"),
        ("Альянска канча өлкө кирет?", "ky"),
        ("Бишкектин абасы жөнүндө эмне айтылды?", "ky"),
        ("Элчи менен жолугушууда эмне талкууланды?", "ky"),
        ("Таштанды полигону шаардын четинде күйүп жатат.", "ky"),
    ],
)
def test_questions(text: str, language: str) -> None:
    """A question is recognised in each of the four languages."""
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("hi", "en"),
        ("thanks", "en"),
        ("да", "ru"),
        ("Кто?", "ru"),
        ("Где?", "ru"),
        ("спасибо", "ru"),
        ("Привет!", "ru"),
        ("Рахмет", "kk"),
        ("Сәлем", "kk"),
        ("Салем", "kk"),
        ("жоқ", "kk"),
        ("климат деген не?", "kk"),
        ("Салам", "ky"),
        ("Саламатсызбы?", "ky"),
        ("Рахмат", "ky"),
        ("чоң рахмат", "ky"),
        ("ооба", "ky"),
        ("жок", "ky"),
        ("Эмне?", "ky"),
        ("климат деген эмне?", "ky"),
    ],
)
def test_greetings_and_single_words(text: str, language: str) -> None:
    """Words that only one of the languages has decide where the model has too little to go by."""
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["", "  \n", "2020", "?!", "😀", "50 %"])
def test_text_without_letters_counts_as_english(text: str) -> None:
    """There is an answer for everything, and English is it where nothing tells."""
    assert detect_language(text) == "en"


@pytest.mark.parametrize("text", ["Wie geht es dir?", "你好", "مرحبا", "ÆØÅ", "\ud800"])
def test_other_languages_get_one_of_the_four(text: str) -> None:
    """A text in another language is no error; it gets the language that is most like it."""
    assert detect_language(text) in LANGUAGES


def test_capitals_do_not_matter() -> None:
    """A shouted question is in the language it is in."""
    assert detect_language("СКОЛЬКО СТРАН ВХОДИТ В АЛЬЯНС?") == "ru"
    assert detect_language("РАХМАТ") == "ky"


def test_nothing_heavy_is_loaded_at_import() -> None:
    """A command that only shows its help must not wait for the language model."""
    code = (
        "import sys, knowledge.corpus, knowledge.language; "
        "print(sorted({'numpy', 'py3langid'} & set(sys.modules)))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
