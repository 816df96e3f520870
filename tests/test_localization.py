"""Localization: the same in four languages, and every text there before anybody needs it."""

import ast as python_ast
from datetime import date, timedelta
from pathlib import Path

import pytest
from babel import Locale
from fluent.syntax import FluentParser, ast
from fluent.syntax.visitor import Visitor

from bot import localization
from bot.answering import Outcome
from bot.drafts.details import Detail
from bot.localization import (
    duration,
    percent,
    reply_language,
    say,
    short_date,
    small_talk,
    supported,
    written_date,
    written_number,
)
from bot.profile import ADMIN_COMMANDS, GROUP_COMMANDS, PRIVATE_COMMANDS
from knowledge.changes import ChangeKind
from knowledge.errors import Problem
from knowledge.language import LANGUAGES

BOT = Path(localization.__file__).parent
SMALL_TALK = ("greeting", "thanks", "about", "goodbye", "okay")
MENUS = (GROUP_COMMANDS, PRIVATE_COMMANDS, ADMIN_COMMANDS)
VALUES: dict[str, str | float] = {
    "bot": "our_bot",
    "reason": "the disk is full",
    "names": "one, two",
    "count": 2,
    "seconds": 1.5,
    "articles": 3,
    "passages": 13,
    "words": 500,
    "shown": 8,
    "first": 9,
    "last": 16,
    "total": 23,
    "number": 2,
    "title": "A bridge",
    "days": 90,
    "name": "Uzbek",
    "interval": "6 hours",
    "time": "2 hours ago",
    "url": "https://example.org",
    "version": "0.1.0",
    "size": 1.5,
    "share": "87%",
    "helpful": 45,
    "verdicts": 52,
    "average": 13.7,
    "answered": "70%",
    "command": "stats",
    "trouble": "The disk is nearly full.",
    "free": "12",
    "file": "damaged-20260301-120000-journal.db",
    "hours": "26",
    "done": 250,
    "rate": 5,
    "left": "2:30",
    "percent": 25,
    "bar": "▓▓░░",
}


class _Placeholders(Visitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ast.VariableReference) -> None:  # noqa: N802 - fluent's
        self.names.add(node.id.name)


def placeholders(language: str) -> dict[str, set[str]]:
    """Each key of a language, with the placeholders in its text."""
    source = (BOT / "texts" / f"{language}.ftl").read_text(encoding="utf-8")
    keys = {}
    for entry in FluentParser().parse(source).body:
        assert not isinstance(entry, ast.Junk), f"{language}.ftl: {entry.content}"
        if isinstance(entry, ast.Message):
            assert entry.id.name not in keys, f"{language}.ftl has {entry.id.name} twice"
            visitor = _Placeholders()
            visitor.visit(entry)
            keys[entry.id.name] = visitor.names
    return keys


@pytest.mark.parametrize("language", LANGUAGES)
def test_same_keys_and_placeholders(language: str) -> None:
    """A language has every text that English has, with the same placeholders, and no other."""
    assert placeholders(language) == placeholders("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_can_be_said(language: str, caplog: pytest.LogCaptureFixture) -> None:
    """No text has a fault that shows only when it is said."""
    for key, names in placeholders(language).items():
        text = say(language, key, **{name: VALUES[name] for name in names})
        assert text.strip()
        assert "{" not in text
    assert not caplog.records


def test_every_key_in_the_code_has_a_text() -> None:
    """What the code says is written down, and nothing is written down that it never says."""
    known = placeholders("en").keys()
    said: set[str] = set()
    named: set[str] = set(Outcome)
    for path in BOT.rglob("*.py"):
        for node in python_ast.walk(python_ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, python_ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            if isinstance(node, python_ast.Call) and python_ast.unparse(node.func) == "say":
                key = node.args[1]
                if isinstance(key, python_ast.Constant):
                    said.add(str(key.value))
    assert said <= known
    made_up = {f"reindex-{change}" for change in ("added", "changed", "removed")}
    made_up |= {f"command-{name}" for names in MENUS for name in names}
    made_up |= {f"{talk}-phrases" for talk in SMALL_TALK}
    made_up |= {f"question-in-{language}" for language in LANGUAGES}
    made_up |= {f"source-in-{language}" for language in LANGUAGES}
    made_up |= {f"reading-{problem}" for problem in Problem}
    made_up |= {f"{asked}-{detail}" for asked in ("ask", "button") for detail in Detail}
    made_up |= {
        f"{said}-{kind}" for said in ("change", "undone", "undo-next") for kind in ChangeKind
    }
    made_up |= {"edit-which", "remove-which", "draft-no-title", "draft-no-url"}
    source_buttons = {"add", "check", "ask", "take", "pause", "resume", "remove", "forget"}
    made_up |= {f"button-source-{action}" for action in source_buttons}
    made_up |= {f"stats-{kind}" for kind in ("private", "group", "guest")}
    assert made_up <= known
    assert known <= named | made_up


class _PluralForms(Visitor):
    def __init__(self) -> None:
        self.forms: dict[str, set[str]] = {}

    def visit_SelectExpression(self, node: ast.SelectExpression) -> None:  # noqa: N802 - fluent's
        keys = [variant.key for variant in node.variants if not variant.default]
        names = {key.name for key in keys if isinstance(key, ast.Identifier)}
        if isinstance(node.selector, ast.VariableReference) and names:
            self.forms[node.selector.id.name] = names
        self.generic_visit(node)


def plural_forms(language: str) -> dict[str, dict[str, set[str]]]:
    """Each key whose text depends on numbers, with the forms beside the last one of each."""
    source = (BOT / "texts" / f"{language}.ftl").read_text(encoding="utf-8")
    keys = {}
    for entry in FluentParser().parse(source).body:
        if isinstance(entry, ast.Message):
            visitor = _PluralForms()
            visitor.visit(entry)
            keys[entry.id.name] = visitor.forms
    return keys


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_plural_form_is_missing(language: str) -> None:
    """Where words change after numbers, a text has a form for each kind of number there is."""
    plural = Locale.parse(language).plural_form
    categories = {plural(number) for number in range(1000)}
    for key, numbers in plural_forms(language).items():
        for name, forms in numbers.items():
            # One kind of number has the last form, which stands for all the rest.
            assert len(categories - forms) == 1, f"{key}, {name}"
            assert forms < categories, f"{key}, {name}"


def test_words_that_change_in_english_change_in_russian() -> None:
    """In Kazakh and Kyrgyz words stay as they are after numbers; in Russian they don't."""
    russian = plural_forms("ru")
    for key, numbers in plural_forms("en").items():
        assert russian[key].keys() == numbers.keys(), key


@pytest.mark.parametrize(
    ("language", "articles", "passages", "text"),
    [
        ("en", 1, 1, "Done in 1.5 s. The index has 1 article and 1 passage."),
        ("en", 3, 1234, "Done in 1.5 s. The index has 3 articles and 1,234 passages."),
        ("ru", 1, 21, "Готово за 1,5 с. В индексе 1 статья и 21 отрывок."),
        ("ru", 3, 14, "Готово за 1,5 с. В индексе 3 статьи и 14 отрывков."),
        ("ru", 5, 22, "Готово за 1,5 с. В индексе 5 статей и 22 отрывка."),
        ("kk", 5, 1, "Дайын, 1,5 с кетті. Индексте 5 мақала мен 1 үзінді бар."),
        ("ky", 1, 5, "Даяр, 1,5 с кетти. Индексте 1 макала жана 5 үзүндү бар."),
    ],
)
def test_plurals(language: str, articles: int, passages: int, text: str) -> None:
    """Numbers and the words after them agree as the language wants it."""
    said = say(language, "reindex-done", seconds=1.5, articles=articles, passages=passages)
    assert said == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "25 October 2021"),
        ("ru", "25 октября 2021\u00a0г."),
        ("kk", "2021\u00a0ж. 25 қазан"),
        ("ky", "2021-ж., 25-октябрь"),
    ],
)
def test_dates(language: str, text: str) -> None:
    """A date is written as people write it."""
    assert written_date(date(2021, 10, 25), language) == text


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["25 Oct", "2 days", "5 minutes ago", "12%", "1,234.5"]),
        ("ru", ["25 окт.", "2 дня", "5 минут назад", "12\u00a0%", "1\u00a0234,5"]),
        ("kk", ["25 қаз.", "2 күн", "5 минут бұрын", "12%", "1\u00a0234,5"]),
        ("ky", ["25-окт.", "2 күн", "5 мүнөт мурун", "12%", "1\u00a0234,5"]),
    ],
)
def test_short_dates_times_and_numbers(language: str, texts: list[str]) -> None:
    """Each language has its own order, signs and words."""
    assert [
        short_date(date(2021, 10, 25), language),
        duration(timedelta(days=2), language),
        duration(timedelta(minutes=5), language, ago=True),
        percent(0.12, language),
        written_number(1234.5, language),
    ] == texts


@pytest.mark.parametrize(
    ("code", "language"),
    [("ru", "ru"), ("en-GB", "en"), ("KK", "kk"), ("ky", "ky"), ("de", None), (None, None)],
)
def test_supported(code: str | None, language: str | None) -> None:
    """Telegram's codes may carry a region; languages that the bot doesn't speak are None."""
    assert supported(code) == language


@pytest.mark.parametrize(
    ("text", "code", "language"),
    [
        ("Кто возглавляет организацию Sauvons le climat?", "en", "ru"),
        ("Төмен көміртекті технологиялар альянсы қанша ұйымды біріктіреді?", "ru", "kk"),
        ("Төмөн көмүртектүү технологиялар альянсына канча уюм кирет?", None, "ky"),
        ("Who leads it?", "ru", "en"),
        ("Бишкек", "ky", "ky"),
        ("Почему?", None, "ru"),
        ("2021", "kk", "kk"),
        ("2021", "de", "en"),
        ("", None, "en"),
    ],
)
def test_reply_language(text: str, code: str | None, language: str) -> None:
    """A reply is in the question's language, after a single word in the person's."""
    assert reply_language(text, code) == language


@pytest.mark.parametrize(
    ("text", "talk"),
    [
        ("Hi!", ("greeting", "en")),
        ("  СПАСИБО 🙏🙏", ("thanks", "ru")),
        ("Сәлеметсіз бе?", ("greeting", "kk")),
        ("Чоң рахмат...", ("thanks", "ky")),
        ("Who are you?", ("about", "en")),
        ("О чем тебя можно спросить?", ("about", "ru")),
        ("Сен не істей аласың?", ("about", "kk")),
        ("Сен ким болосуң? Эмне кыла аласың", None),
        ("Эмне кыла аласыз?", ("about", "ky")),
        ("Пока-пока!", ("goodbye", "ru")),
        ("Сау болыңыз", ("goodbye", "kk")),
        ("Макул", ("okay", "ky")),
        # Several phrases, of which the most telling one is answered.
        ("Hello, good morning! What can you do?", ("about", "en")),
        ("Ок, рахмет, сау болыңыз!", ("thanks", "kk")),
        ("good good", ("okay", "en")),
        # Languages share it: the person's decides, else the first.
        ("ok", ("okay", "ru")),
        ("Hi, who leads Sauvons le climat?", None),
        ("What's new?", None),
        ("Hello bridge", None),
        ("🙏", None),
        ("", None),
    ],
)
def test_small_talk(text: str, talk: tuple[str, str] | None) -> None:
    """Only a message that is small talk from end to end is answered as such."""
    assert small_talk(text, "ru") == talk


@pytest.mark.parametrize(
    ("code", "language"), [("ky", "ky"), ("ru-RU", "ru"), ("en", "ru"), ("de", "ru"), (None, "ru")]
)
def test_a_shared_phrase_is_answered_in_the_persons_language(
    code: str | None, language: str
) -> None:
    """Of the languages that have a phrase, the person's is spoken, or the first of them."""
    assert small_talk("Ок", code) == ("okay", language)


def test_a_phrase_means_the_same_in_all_languages() -> None:
    """No phrase is of two kinds, and no file has one twice."""
    kinds: dict[str, str] = {}
    for language in LANGUAGES:
        own = set()
        for kind in SMALL_TALK:
            for phrase in map(str.strip, say(language, f"{kind}-phrases").split(",")):
                assert phrase not in own, f"{language}.ftl has {phrase} twice"
                assert kinds.setdefault(phrase, kind) == kind, phrase
                own.add(phrase)
