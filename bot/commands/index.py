"""The command that brings the index up to date with the articles."""

import contextlib
import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import preparation
from bot.commands.options import AsJson
from bot.errors import BotError
from embeddings.errors import EmbeddingsError, IndexBusy
from knowledge.errors import KnowledgeError

if TYPE_CHECKING:
    from bot.reports import ReindexNews
    from bot.settings import Settings

# In seconds; between two lines of progress.
_NEWS_EVERY = 0.2


def reindex(
    *,
    as_json: AsJson = False,
    worker: Annotated[
        bool,
        typer.Option(
            "--worker",
            hidden=True,
            help="Load the model, then reindex for each line on stdin, and print lines of JSON.",
        ),
    ] = False,
    join: Annotated[
        bool,
        typer.Option(
            "--join",
            help="Help the reindex that is under way, here or on another machine that shares its "
            "database and index, until it has no articles left.",
        ),
    ] = False,
) -> None:
    """Bring the index up to date with the articles; only what changed is read again."""
    settings = preparation.start()
    from bot.limited_process import compute_when_nobody_else_does

    compute_when_nobody_else_does()
    # As on Ctrl-C: what was begun is rolled back, and the file is closed.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    from bot.one_reindex import only_reindex
    from bot.reports import news_to_json, report_text

    if worker:
        _work(settings)
        return
    if join:
        _join(settings)
        return
    with only_reindex(settings.data_dir, settings.database_url) as look:
        # A wrong folder is noticed before the model loads.
        folder = preparation.article_folder(settings)
        embedder = preparation.load_embedder(settings)
        report = preparation.index_articles(folder, settings, embedder, look)
    typer.echo(news_to_json(report) if as_json else report_text(report, "en"))


def _work(settings: "Settings") -> None:
    from bot.errors import ReindexCancelled
    from bot.one_reindex import only_reindex
    from bot.reports import Failure, Progress
    from embeddings.indexing import reindex

    embedder = preparation.load_embedder(settings)
    said_at = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal said_at
        look()
        if time.monotonic() - said_at >= _NEWS_EVERY or done == total:
            said_at = time.monotonic()
            _say(Progress(done, total))

    for _order in sys.stdin:
        try:
            with only_reindex(settings.data_dir, settings.database_url) as look:
                folder = preparation.article_folder(settings)
                with preparation.article_queues(settings) as share:
                    report = reindex(folder, settings.store_address, embedder, progress, share)
            _say(report)
        except IndexBusy as error:
            _say(Failure(str(error), "busy"))
        except ReindexCancelled as error:
            _say(Failure(str(error), "cancelled"))
        except (KnowledgeError, EmbeddingsError, BotError) as error:
            _say(Failure(str(error), "failed"))


def _join(settings: "Settings") -> None:
    from bot.storage.article_queue import DatabaseQueue
    from bot.storage.database import Database
    from embeddings.indexing import help_to_reindex

    folder = preparation.article_folder(settings)
    opened = Database.open(settings.data_dir, url=settings.database_url)
    with contextlib.closing(opened) as database, preparation.show_progress() as advance:
        count = help_to_reindex(
            folder,
            settings.store_address,
            preparation.load_embedder(settings),
            lambda key: DatabaseQueue(database, key),
            advance,
        )
    if count:
        typer.echo(f"Nothing is left to embed. Articles that were embedded here: {count:,}.")
    else:
        typer.echo(
            "There was nothing to embed: no reindex has left articles for others in this database "
            "(DATABASE_URL, DATA_DIR), or all of them are done."
        )


def _say(news: "ReindexNews") -> None:
    from bot.reports import news_to_json

    typer.echo(news_to_json(news))
