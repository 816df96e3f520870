"""Questions that go on about what was asked before, such as "And who is its president?".

That a question can't stand alone is not told by its words. It is searched both by itself and read
after the question before it, and what is surer counts (`Retriever.search_batch`): after a question
on something else, one that stands alone hardly ever is. On pairs of questions in four languages
this shows as many right quotes as lists of pronouns and question words did, and it disturbs none
of the other questions.

To search for both as one text will not do: that finds the answer to the first question once more,
and is sure of it. What looks for the answer are the tokens of the second question alone, as the
model makes them in the light of the first.
"""

import re
from dataclasses import replace

import numpy as np

from embeddings.embedder import Tokens
from embeddings.ranking import Asked

_WORD = re.compile(r"\w+")

_LEANING = 3
"""Words. A question of so many counts for half, the one text of both for the other half: "Why?"
says next to nothing by itself, a longer question needs less of the one before it."""

_ELSEWHERE = 4
"""Times the odds. To find another passage than the question by itself, which may well stand alone,
a reading must be much surer: of the Kazakh tuning questions 1 in 50 then finds another one after a
question on something else. With 1 it is 1 in 15, and 64 of 75 follow-ups have the right quote
first instead of 63."""


def in_one(question: str, earlier: str) -> str:
    """Return a question behind the one before it, as one text."""
    return f"{earlier} {question}"


def read_after(question: Asked, both: Asked) -> Asked:
    """Return a question as it reads after the one before it.

    Args:
        question: By itself.
        both: The two of them, `in_one` text.
    """
    words = len(_WORD.findall(question.text))
    by_itself = words / (words + _LEANING)
    embedding = by_itself * question.embedding + (1 - by_itself) * both.embedding
    own = both.tokens.ends > len(both.text) - len(question.text)
    return replace(
        both,
        embedding=embedding / np.linalg.norm(embedding),
        tokens=Tokens(both.tokens.embeddings[own], both.tokens.ends[own]),
        # "What happened in 2023?", "And in 2024?" is about one year.
        wish=question.wish if question.wish.names_time else both.wish,
        follow_up=True,
    )


def is_surer(alone: float, after: float, *, elsewhere: bool) -> bool:
    """Tell whether the reading after the question before counts, and not the one by itself.

    Args:
        alone: Confidence of the first hit of the question by itself.
        after: Likewise as it reads after the one before it.
        elsewhere: Whether that is another passage.
    """
    times = _ELSEWHERE if elsewhere else 1
    # Odds, with both sides multiplied out: a confidence may be 1.
    return after * (1 - alone) > times * alone * (1 - after)
