"""The command that brings the index up to date with the articles."""

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
) -> None:
    """Bring the index up to date with the articles; only what changed is read again."""
    settings = preparation.start()
    from bot.limited_process import compute_when_nobody_else_does

    compute_when_nobody_else_does()
    # As on Ctrl-C: what was begun is rolled back, and the file is closed.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    from bot.reports import news_to_json, report_text

    if worker:
        _work(settings)
        return
    corpus = preparation.load_corpus(settings)  # a wrong folder is noticed before the model loads
    embedder = preparation.load_embedder(settings)
    report = preparation.index_articles(corpus, settings.index_path, embedder)
    typer.echo(news_to_json(report) if as_json else report_text(report, "en"))


def _work(settings: "Settings") -> None:
    from bot.reports import Failure, Progress
    from embeddings.indexing import reindex

    embedder = preparation.load_embedder(settings)
    said_at = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= _NEWS_EVERY or done == total:
            said_at = time.monotonic()
            _say(Progress(done, total))

    for _order in sys.stdin:
        try:
            corpus = preparation.load_corpus(settings)
            _say(reindex(corpus, settings.index_path, embedder, progress))
        except IndexBusy as error:
            _say(Failure(str(error), "busy"))
        except (KnowledgeError, EmbeddingsError, BotError) as error:
            _say(Failure(str(error), "failed"))


def _say(news: "ReindexNews") -> None:
    from bot.reports import news_to_json

    typer.echo(news_to_json(news))
