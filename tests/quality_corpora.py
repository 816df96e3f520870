"""The articles and questions by which the real model's answers are watched."""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import knowledge
from embeddings.retriever import Retriever
from knowledge.corpus import Corpus, load_corpus

RealRetriever: TypeAlias = Callable[[tuple[Path, ...]], Retriever]
"""Opens an index of the articles in these folders, with the real model."""

TESTS = Path(__file__).parent
OWN_ARTICLES = Path(knowledge.__file__).parent / "articles"
INVENTED_ARTICLES = TESTS / "quality_articles"
OWN = ((OWN_ARTICLES,), TESTS / "regression_questions.jsonl")
MIXED = ((OWN_ARTICLES, INVENTED_ARTICLES), TESTS / "mixed_corpus_questions.jsonl")
FOLLOW_UPS = (MIXED[0], TESTS / "follow_up_questions.jsonl")
CHANGES_OF_TOPIC = (MIXED[0], TESTS / "change_of_topic_questions.jsonl")


def join_corpora(folders: Sequence[Path]) -> Corpus:
    """The articles of several folders as one corpus."""
    corpora = [load_corpus(folder) for folder in folders]
    return Corpus(tuple(chain.from_iterable(corpus.articles for corpus in corpora)), ())
