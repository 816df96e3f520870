"""What commands need before they can begin: settings, the log, the model, the articles, the index.

Results go to stdout; everything else (progress, hints, errors) to stderr. What takes long to
import is imported where it is needed, so that `--help` is there at once.
"""

import contextlib
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from embeddings.errors import (
    IndexBusy,
    IndexDamaged,
    IndexMissing,
    IndexUnavailable,
    IndexUnusable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bot.settings import Settings
    from embeddings.confidence import Calibration
    from embeddings.embedder import Embedder
    from embeddings.indexing import IndexReport, Progress, ShareQueue
    from embeddings.retriever import Retriever
    from embeddings.stores.contract import Store
    from knowledge.article import Article
    from knowledge.corpus import ArticleFolder, Fault
    from knowledge.fetching import Fetcher

logger = logging.getLogger(__name__)

# In seconds, from one look to the next while another process builds the index.
_BUSY_PAUSE = 5

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
    from embeddings.stores.sqlite_file import discard_index

    embedder = load_embedder(settings)
    calibration = load_calibration(settings, embedder)
    retriever = Retriever(_open_store(settings, embedder), embedder, calibration)
    try:
        retriever.refresh()
    except IndexDamaged as error:
        logger.warning("%s (It is built anew now.)", error)
        if isinstance(settings.store_address, Path):
            discard_index(settings.store_address)
        retriever = Retriever(_open_store(settings, embedder), embedder, calibration)
    return retriever


def _open_store(settings: "Settings", embedder: "Embedder") -> "Store":
    from embeddings.stores.opening import open_store

    try:
        return open_store(settings.store_address, embedder)
    except IndexUnavailable:
        raise
    except IndexMissing:
        logger.info("There is no index yet; it is built now")
    except IndexUnusable as error:
        logger.warning("%s (It is built anew now.)", error)
    _build_index(settings, embedder)
    return open_store(settings.store_address, embedder)


def _build_index(settings: "Settings", embedder: "Embedder") -> None:
    from bot.one_reindex import only_reindex

    while True:
        try:
            with only_reindex(settings.data_dir, settings.database_url):
                folder = article_folder(settings)
                # After another replica there is nothing left to do.
                report = index_articles(folder, settings, embedder)
                warn_of_faults(report.faults)
        except IndexBusy:
            if settings.database_url is None:
                raise
            logger.info("Another process builds the index; this one waits for it")
            time.sleep(_BUSY_PAUSE)
        else:
            return


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


def article_folder(settings: "Settings") -> "ArticleFolder":
    """Find the folder of articles that is set."""
    from bot.errors import SettingsError
    from knowledge.corpus import ArticleFolder
    from knowledge.errors import CorpusError

    try:
        return ArticleFolder(settings.articles_dir)
    except CorpusError as error:
        raise SettingsError(f"{error} Set ARTICLES_DIR to the folder of the articles.") from error


def load_articles(settings: "Settings", folder: Path | None) -> "Sequence[Article]":
    """Read the sound articles of a folder, or of the one that is set, and warn of the others."""
    from knowledge.corpus import load_corpus

    corpus = load_corpus(folder or article_folder(settings).path)
    warn_of_faults(corpus.faults)
    return corpus.articles


def warn_of_faults(faults: "Sequence[Fault]") -> None:
    """Say in the log which files are not articles, and why."""
    for fault in faults:
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


def index_articles(
    folder: "ArticleFolder",
    settings: "Settings",
    embedder: "Embedder",
    look: "Callable[[], object]" = lambda: None,
) -> "IndexReport":
    """Reindex, and show how far it is, how fast it goes and how long it will take.

    Args:
        folder: What the index shall hold.
        settings: Where it is, and the database through which others may help.
        embedder: Embeds what is new.
        look: Called every now and then; see `bot.one_reindex`.
    """
    from embeddings.indexing import reindex

    with article_queues(settings) as share, show_progress(look) as advance:
        return reindex(folder, settings.store_address, embedder, advance, share)


@contextlib.contextmanager
def article_queues(settings: "Settings") -> "Iterator[ShareQueue]":
    """Open, if need be, the queue from which other processes take articles of a reindex."""
    from bot.errors import JournalError, JournalUnusable
    from bot.storage.article_queue import DatabaseQueue
    from bot.storage.database import Database

    with contextlib.ExitStack() as opened:

        def share(key: str) -> DatabaseQueue | None:
            try:
                database = Database.open(settings.data_dir, url=settings.database_url)
            except (JournalError, JournalUnusable) as error:
                logger.warning("Nobody can help to reindex: %s", error)
                return None
            opened.callback(database.close)
            return DatabaseQueue(database, key)

        yield share


@contextlib.contextmanager
def show_progress(look: "Callable[[], object]" = lambda: None) -> "Iterator[Progress]":
    """Show how far a reindex is, if somebody looks at it."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

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
            look()
            progress.update(task, completed=done, total=total, rate=rate)

        yield advance


def stderr_console() -> Console:
    """Return what prints for people; results go to stdout."""
    return Console(stderr=True, highlight=False)


def status(message: str) -> contextlib.AbstractContextManager[object]:
    """Say what is being done as long as the context lasts, if somebody looks at it."""
    console = stderr_console()
    return console.status(message) if console.is_terminal else contextlib.nullcontext()
