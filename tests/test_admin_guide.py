"""The guides for admins: whatever they quote, the bot really says, and they explain its troubles.

In a guide, quotation marks are kept for the bot's own words; "…" in them stands for what changes
from time to time, such as a title.
"""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fluent.syntax import FluentParser, ast

from bot import localization
from bot.profile import ADMIN_COMMANDS, PRIVATE_COMMANDS

GUIDES = {"en": "admin-guide.md", "ru": "admin-guide.ru.md"}
QUOTED = {"en": r"“([^“”]+)”", "ru": r"«([^«»]+)»"}
# How the keys begin of what the bot says where something fails.
FAILURES = (
    *("reading-", "trouble-", "draft-no-", "draft-not-", "file-too-large", "error"),
    *("change-failed", "change-link-taken", "change-not-in-answers", "change-refused"),
    *("reindex-failed", "reindex-faults", "reindex-running", "source-was-paused"),
    "sources-file-wrong",
)
# In characters. A word may be a part of many texts.
SHORTEST_EXPLAINED = 15
# Stands where a text has a placeholder; no text has it otherwise.
CHANGING = "\0"


def guide(language: str) -> str:
    """A language's guide in one line."""
    path = Path(__file__).parent.parent / "docs" / GUIDES[language]
    return " ".join(path.read_text("utf-8").split())


def texts(language: str) -> dict[str, list[str]]:
    """Each key of a language with all that its text can be."""
    path = Path(localization.__file__).parent / "texts" / f"{language}.ftl"
    return {
        entry.id.name: [" ".join(version.split()) for version in versions(entry.value)]
        for entry in FluentParser().parse(path.read_text("utf-8")).body
        if isinstance(entry, ast.Message) and entry.value is not None
    }


def versions(pattern: ast.Pattern) -> Iterator[str]:
    """What a text can be: one for each way through its choices, of numbers for instance."""
    for pieces in itertools.product(*map(_choices, pattern.elements)):
        yield "".join(pieces)


def _choices(element: ast.TextElement | ast.Placeable) -> list[str]:
    if isinstance(element, ast.TextElement):
        return [element.value]
    if isinstance(element.expression, ast.SelectExpression):
        return [text for each in element.expression.variants for text in versions(each.value)]
    if isinstance(element.expression, ast.StringLiteral):
        return [element.expression.parse()["value"]]
    return [CHANGING]


def says(text: str, quoted: str) -> bool:
    """Whether what is quoted is a part of the text, with "…" for what changes."""
    found = 0
    for piece in quoted.replace(CHANGING, "…").split("…"):
        found = text.find(piece.strip(), found)
        if found < 0:
            return False
        found += len(piece.strip())
    return True


@pytest.mark.parametrize(
    ("quoted", "is_said"),
    [
        ("Done in … s.", True),
        ("The index has … articles", True),
        ("The index has … article and", True),
        ("Done in 5 s.", False),
        ("and the index has", False),
        ("s. … Done", False),
    ],
)
def test_what_counts_as_said(quoted: str, *, is_said: bool) -> None:
    """A quote is a part of a text in one of its forms, in the text's order."""
    source = (
        "key =\n    Done in { $seconds } s. The index has { $articles ->\n"
        "        [one] { $articles } article\n       *[other] { $articles } articles\n    }\n"
        "    and more.\n"
    )
    (message,) = FluentParser().parse(source).body
    assert isinstance(message, ast.Message)
    assert message.value is not None
    said = [" ".join(version.split()) for version in versions(message.value)]
    assert any(says(text, quoted) for text in said) is is_said


@pytest.mark.parametrize("language", GUIDES)
def test_quotes_are_the_bots_words(language: str) -> None:
    """Who changes a text or the name of a button changes it in the guide as well."""
    said = [text for versions in texts(language).values() for text in versions]
    quotes = re.findall(QUOTED[language], guide(language))
    assert len(quotes) > 40
    assert [each for each in quotes if not any(says(text, each) for text in said)] == []


@pytest.mark.parametrize("language", GUIDES)
def test_every_failure_is_explained(language: str) -> None:
    """Whatever an admin is told of something that fails, the guide says what it means."""
    found = re.findall(QUOTED[language], guide(language))
    quotes = [each for each in found if len(each) >= SHORTEST_EXPLAINED]
    unexplained = [
        key
        for key, said in texts(language).items()
        if key.startswith(FAILURES)
        and not any(says(text, quoted) for text in said for quoted in quotes)
    ]
    assert unexplained == []


@pytest.mark.parametrize("language", GUIDES)
def test_commands(language: str) -> None:
    """The guide names all commands that are for admins, and none that isn't there."""
    named = set(re.findall(r"(?<![\w/.:])/([a-z]+)\b(?!/)", guide(language)))
    assert named >= set(ADMIN_COMMANDS) - set(PRIVATE_COMMANDS)
    assert named <= set(ADMIN_COMMANDS)
