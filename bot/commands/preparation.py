"""What commands need before they can begin: settings, the log, the model, the articles, the index.

Results go to stdout; everything else (progress, hints, errors) to stderr. What takes long to
import is imported where it is needed, so that `--help` is there at once.
"""

import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from embeddings.errors import IndexDamaged, IndexUnusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.settings import Settings
    from embeddings.confidence import Calibration
    from embeddings.embedder import Embedder
    from embeddings.indexing import IndexReport
    from embeddings.retriever import Retriever
    from embeddings.stores.sqlite import SqliteStore
    from knowledge.article import Article
    from knowledge.corpus import Corpus
    from knowledge.fetching import Fetcher

logger = logging.getLogger(__name__)

_UNCALIBRATED = (
    "The confidence is not calibrated for this embedding model; answers are shown as unsure. "
    "Calibrate it: python -m bot calibrate FIRST.json SECOND.json"
)


def start() -> "Settings":
    """Read the settings and set up the log, for a command whose results go to the terminal."""
    from bot.settings import load_settings

    settings = load_settings()
    # Somebody who waits for an answer wants to see trouble, not the everyday.
    configure_log(settings, "WARNING" if settings.log_level == "INFO" else settings.log_level)
    return settings


def configure_log(settings: "Settings", level: str) -> None:
    """Set up the log, without anything secret in it."""
    from bot.logs import configure_logging

    configure_logging(level, settings.secrets, settings.log_format)


def open_retriever(settings: "Settings") -> "Retriever":
    """Load the model, build the index if there is none to use, and open it."""
    from embeddings.retriever import Retriever
    from embeddings.stores.sqlite import discard_index

    embedder = load_embedder(settings)
    calibration = load_calibration(settings, embedder)
    retriever = Retriever(_open_store(settings, embedder), embedder, calibration)
    try:
        retriever.refresh()
    except IndexDamaged as error:
        logger.warning("%s (It is built anew now.)", error)
        discard_index(settings.index_path)
        retriever = Retriever(_open_store(settings, embedder), embedder, calibration)
    return retriever


def _open_store(settings: "Settings", embedder: "Embedder") -> "SqliteStore":
    from embeddings.stores.sqlite import SqliteStore

    path = settings.index_path
    try:
        return SqliteStore.open(path, embedder)
    except IndexUnusable as error:
        if path.exists():
            logger.warning("%s (It is built anew now.)", error)
        corpus = load_corpus(settings)
        warn_of_faults(corpus)
        index_articles(corpus, path, embedder)
    return SqliteStore.open(path, embedder)


def load_calibration(settings: "Settings", embedder: "Embedder") -> "Calibration":
    """Take the data folder's calibration if it is for this model, else the one that we ship."""
    from embeddings.confidence import load_calibration

    if settings.calibration_path.exists():
        own = load_calibration(settings.calibration_path)
        if own.model == embedder.model:
            return own
    calibration = load_calibration()
    if calibration.model != embedder.model:
        logger.warning(_UNCALIBRATED)
    return calibration


def load_corpus(settings: "Settings", articles: Path | None = None) -> "Corpus":
    """Read a folder of articles, or the one that is set."""
    from bot.errors import SettingsError
    from embeddings.stores.sqlite import known_articles
    from knowledge.corpus import load_corpus
    from knowledge.errors import CorpusError

    try:
        # Of thousands of files only those that have changed are read as articles.
        return load_corpus(articles or settings.articles_dir, known_articles(settings.index_path))
    except CorpusError as error:
        if articles:
            raise
        raise SettingsError(f"{error} Set ARTICLES_DIR to the folder of the articles.") from error


def load_articles(settings: "Settings", folder: Path | None) -> "Sequence[Article]":
    """Read the sound articles of a folder, and warn of the others."""
    corpus = load_corpus(settings, folder)
    warn_of_faults(corpus)
    return corpus.articles


def warn_of_faults(corpus: "Corpus") -> None:
    """Say in the log which files are not articles, and why."""
    for fault in corpus.faults:
        logger.warning("%s: %s", fault.file, fault.reason)


def open_fetcher(settings: "Settings") -> "Fetcher":
    """Prepare to fetch pages from the sites that may be visited; close it when done."""
    from knowledge.fetching import Fetcher

    return Fetcher(settings.user_agent, private_hosts=settings.private_hosts)


def load_embedder(settings: "Settings") -> "Embedder":
    """Load the embedding model that is set."""
    with status("Loading the embedding model (a first start unpacks it)…"):
        from embeddings.embedder import load_embedder

        return load_embedder(
            settings.embedding_model, settings.models_dir, settings.embedding_dtype
        )


def index_articles(corpus: "Corpus", path: Path, embedder: "Embedder") -> "IndexReport":
    """Reindex, and show how far it is, how fast it goes and how long it will take."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from embeddings.indexing import reindex

    console = stderr_console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("Reading the articles", total=None, rate="")

        def advance(done: int, total: int) -> None:
            speed = progress.tasks[0].speed
            rate = f"{speed:.0f} texts/s," if speed else ""
            progress.update(task, completed=done, total=total, rate=rate)

        return reindex(corpus, path, embedder, advance)


def stderr_console() -> Console:
    """Return what prints for people; results go to stdout."""
    return Console(stderr=True, highlight=False)


def status(message: str) -> contextlib.AbstractContextManager[object]:
    """Say what is being done as long as the context lasts, if somebody looks at it."""
    console = stderr_console()
    return console.status(message) if console.is_terminal else contextlib.nullcontext()
