"""Files of questions: what they are is told by their content."""

import json
from pathlib import Path

import pytest

from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation.question_files import read_question_sets
from knowledge.article import Article
from squad_files import write_twins

GOLDEN = '{"question": "Q", "language": "en", "article": null, "quote_contains": null}\n'
KAZQAD = json.dumps(
    {
        "id": "a",
        "title": "Су",
        "context": "Су таза.",
        "question": "Су қандай?",
        "answers": {"text": ["таза"], "answer_start": [3]},
    }
)


def no_articles() -> list[Article]:
    return []


def kinds(*paths: Path) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.kind.value, each.files) for each in read_question_sets(paths, no_articles)]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """One file of each kind, with names that tell nothing, and SQuAD's over many lines."""
    english, russian = write_twins(tmp_path)
    english.write_text(json.dumps(json.loads(english.read_text()), indent=2))
    (tmp_path / "b.txt").write_text(f"\n{KAZQAD}\n{KAZQAD.replace('a', 'b', 1)}", "utf-8")
    (tmp_path / "c.txt").write_text("\ufeff" + GOLDEN * 2, "utf-8")
    return {
        "en": english,
        "ru": russian,
        "kazqad": tmp_path / "b.txt",
        "golden": tmp_path / "c.txt",
    }


def test_each_kind_is_recognised(files: dict[str, Path]) -> None:
    """Two files in SQuAD's format are one set, wherever they stand among the others."""
    assert kinds(files["ru"], files["golden"], files["kazqad"], files["en"]) == [
        ("mixed", ("ru.json", "en.json")),
        ("kazqad", ("b.txt",)),
        ("golden", ("c.txt",)),
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("en", "monolingual"), ("kazqad", "kazqad"), ("golden", "golden")]
)
def test_a_file_may_come_alone(name: str, kind: str, files: dict[str, Path]) -> None:
    """One file is one set."""
    assert kinds(files[name]) == [(kind, (files[name].name,))]


def test_articles_are_loaded_only_if_needed(files: dict[str, Path]) -> None:
    """Sets that bring their own corpus don't ask for the bot's."""

    def refuse() -> list[Article]:
        raise AssertionError

    assert read_question_sets([files["kazqad"]], refuse)


def test_three_files_of_squads_format_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    """Which of them are twins can't be told."""
    third = tmp_path / "third.json"
    third.write_bytes(files["ru"].read_bytes())
    with pytest.raises(QuestionsUnreadable, match="Give two"):
        kinds(files["en"], files["ru"], third)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"Some words.", "SQuAD's format.*KazQAD's"),
        (b"[1, 2]", "no kind that is known"),
        (b'{"question": "Q", "answer": "A"}', "no kind that is known"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """The message names the file, and says what is expected."""
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(QuestionsUnreadable, match=rf"other\.json.*{message}"):
        kinds(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A path that does not exist ends in one sentence."""
    with pytest.raises(QuestionsUnreadable, match=r"nowhere\.jsonl cannot be read: No such file"):
        kinds(tmp_path / "nowhere.jsonl")
