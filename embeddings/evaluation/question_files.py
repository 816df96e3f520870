"""Tells by their content what files of questions are, and reads them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from embeddings.errors import QuestionsUnreadable
from embeddings.evaluation.golden import read_golden
from embeddings.evaluation.kazqad import read_kazqad
from embeddings.evaluation.question_sets import Kind, QuestionSet, read_text
from embeddings.evaluation.squad import read_mixed_set, read_monolingual_set
from knowledge.article import Article

_TWINS = 2


def read_question_sets(
    paths: Sequence[Path], load_articles: Callable[[], Sequence[Article]]
) -> list[QuestionSet]:
    """Read files of questions with known answers; two in SQuAD's format make one mixed set.

    Args:
        paths: The files, of whatever kinds.
        load_articles: Gives the corpus for questions that bring none; called if there are such.

    Raises:
        QuestionsUnreadable: A file is of no known kind or faulty, or does not go with the others.
    """
    kinds = {path: _kind(path) for path in paths}
    squad = [path for path, kind in kinds.items() if kind is Kind.MONOLINGUAL]
    if len(squad) > _TWINS:
        names = ", ".join(map(str, squad))
        raise QuestionsUnreadable(
            f"{names} are all in SQuAD's format. Give two, which are twins, or one at a time."
        )
    sets = []
    if len(squad) == _TWINS:
        sets.append(read_mixed_set(*squad))
    elif squad:
        sets.append(read_monolingual_set(*squad))
    sets += [read_kazqad(path) for path, kind in kinds.items() if kind is Kind.KAZQAD]
    sets += [
        read_golden(path, load_articles()) for path, kind in kinds.items() if kind is Kind.GOLDEN
    ]
    return sets


def _kind(path: Path) -> Kind:
    text = read_text(path)
    if not text.strip():
        raise QuestionsUnreadable(f"There are no questions in {path}: it is empty.")
    keys = _keys(text.lstrip().split("\n")[0]) or _keys(text)
    if "data" in keys:
        return Kind.MONOLINGUAL
    if {"context", "question", "answers"} <= keys:
        return Kind.KAZQAD
    if {"question", "article"} <= keys:
        return Kind.GOLDEN
    raise QuestionsUnreadable(
        f"{path} is of no kind that is known here: neither JSON in SQuAD's format, "
        '{"data": [...]}, nor lines of JSON such as {"question": "...", "language": "en", '
        '"article": "slug" or null, "quote_contains": ["..."] or null} or KazQAD\'s '
        '{"id": "...", "title": "...", "context": "...", "question": "...", "answers": {...}}.'
    )


def _keys(text: str) -> set[str]:
    """Return the keys of a JSON object; of anything else, none."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return set()
    return set(value) if isinstance(value, dict) else set()
