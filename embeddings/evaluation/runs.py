"""Asks questions whose answers are known, and keeps how they went as a run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter, ValidationError

from embeddings.confidence import Calibration
from embeddings.embedder import Embedder
from embeddings.errors import RunUnusable
from embeddings.evaluation.measures import Figure, Outcome, figures
from embeddings.evaluation.question_sets import Kind, KnownQuestion, QuestionSet, describe
from embeddings.indexing import reindex
from embeddings.retriever import Hit, Retriever, judge
from embeddings.stores.sqlite import SqliteStore
from knowledge.article import Article
from knowledge.corpus import Corpus

_RANKS = 10
"""The right passage is looked for among so many hits."""


@dataclass(frozen=True, slots=True)
class SetRun:
    """How the questions of a set went.

    Attributes:
        kind: As in `QuestionSet`.
        files: As in `QuestionSet`.
        content_hash: Of the set.
        articles: How many articles there were.
        passages: How many passages they were split into.
        questions: How many different questions were asked.
        figures: What all of it comes to.
        outcomes: Question by question; those also asked without their article come twice.
    """

    kind: Kind
    files: tuple[str, ...]
    content_hash: str
    articles: int
    passages: int
    questions: int
    figures: tuple[Figure, ...]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """An evaluation, as it is saved and compared with.

    Attributes:
        date: When it was made.
        model: Identity of the embedder.
        sets: One for each set of questions.
    """

    date: date
    model: str
    sets: tuple[SetRun, ...]


def evaluate_set(
    question_set: QuestionSet,
    embedder: Embedder,
    calibration: Calibration,
    is_searched: Callable[[str], bool],
    earlier: Run | None = None,
) -> SetRun:
    """Ask all questions of a set, in an index of its own.

    Args:
        question_set: The questions and their corpus.
        embedder: The model that is measured.
        calibration: Of its confidence.
        is_searched: Tells a question from a greeting and the like, which the bot gives no hits.
        earlier: A run to compare with, as far as it is of the same questions and corpus.
    """
    with _index(question_set.articles, embedder) as store:
        outcomes = _ask(question_set, Retriever(store, embedder, calibration), is_searched)
        passages = store.passage_count
    before = _find(earlier, question_set.content_hash) if earlier else None
    return SetRun(
        kind=question_set.kind,
        files=question_set.files,
        content_hash=question_set.content_hash,
        articles=len(question_set.articles),
        passages=passages,
        questions=len(question_set.questions),
        figures=tuple(figures(question_set.kind, outcomes, before.outcomes if before else None)),
        outcomes=tuple(outcomes),
    )


def check_comparable(earlier: Run, question_sets: Sequence[QuestionSet]) -> None:
    """Make sure that at least one of the sets can be compared with an earlier run.

    Raises:
        RunUnusable: The run is of other questions or another corpus.
    """
    if not any(_find(earlier, each.content_hash) for each in question_sets):
        files = ", ".join(name for each in earlier.sets for name in each.files)
        raise RunUnusable(
            f"The earlier run of {earlier.date} ({files}) is of other questions or another "
            "corpus, so that there is nothing to compare. Leave --against out."
        )


def read_run(path: Path) -> Run:
    """Read a saved run.

    Raises:
        RunUnusable: The file is missing or no run.
    """
    try:
        return TypeAdapter(Run).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunUnusable(f"{path} is no saved evaluation: {describe(error)}.") from error


def run_to_json(run: Run) -> bytes:
    """Write a run as `read_run` reads it."""
    return TypeAdapter(Run).dump_json(run)


def save(content: bytes, path: Path) -> None:
    """Write a file whole or not at all; its folder is made if missing.

    Raises:
        RunUnusable: It cannot be written.
    """
    beside = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise RunUnusable(f"{path} cannot be written: {describe(error)}.") from error


@contextmanager
def _index(articles: Sequence[Article], embedder: Embedder) -> Iterator[SqliteStore]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        reindex(Corpus(tuple(articles), ()), path, embedder)
        store = SqliteStore.open(path, embedder)
        try:
            yield store
        finally:
            store.close()


def _ask(
    question_set: QuestionSet, retriever: Retriever, is_searched: Callable[[str], bool]
) -> list[Outcome]:
    """Ask all questions at once, in a set that says so also without the article that answers."""
    asked = [(question, question.article is not None) for question in question_set.questions]
    without: list[str | None] = [None] * len(asked)
    if question_set.kind.asks_without:
        asked += [(question, False) for question in question_set.questions]
        without += [question.article for question in question_set.questions]
    found = retriever.search_batch(
        [question.text for question, _ in asked],
        _RANKS,
        without,
        after=[question.after for question, _ in asked],
    )
    return [
        _outcome(question, hits if is_searched(question.text) else [], answerable=answerable)
        for (question, answerable), hits in zip(asked, found, strict=True)
    ]


def _outcome(question: KnownQuestion, hits: Sequence[Hit], *, answerable: bool) -> Outcome:
    ranks = (rank for rank, hit in enumerate(hits, start=1) if question.is_right(hit.passage))
    rank = next(ranks, None)
    right = rank == 1
    return Outcome(
        question=question.id,
        group=question.group,
        cluster=question.cluster,
        answerable=answerable,
        verdict=judge(hits),
        confidence=hits[0].confidence if hits else 0.0,
        rank=rank,
        right_article=bool(hits) and hits[0].passage.article.slug == question.article,
        in_quote=right and question.is_answered_within(hits[0].quote),
        in_highlight=right and question.is_answered_within(hits[0].highlight),
    )


def _find(run: Run, content_hash: str) -> SetRun | None:
    return next((each for each in run.sets if each.content_hash == content_hash), None)
