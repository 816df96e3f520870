"""The command that brings the index up to date with the articles."""

from typing import TYPE_CHECKING

import typer

from bot.commands import preparation
from bot.commands.options import AsJson

if TYPE_CHECKING:
    from embeddings.indexing import IndexReport


def reindex(*, as_json: AsJson = False) -> None:
    """Bring the index up to date with the articles; only what changed is read again."""
    settings = preparation.start()
    from bot.reports import report_to_json

    corpus = preparation.load_corpus(settings)  # a wrong folder is noticed before the model loads
    report = preparation.index_articles(
        corpus, settings.index_path, preparation.load_embedder(settings)
    )
    if as_json:
        typer.echo(report_to_json(report))
    else:
        _print_report(report)


def _print_report(report: "IndexReport") -> None:
    from bot.reports import report_text

    typer.echo(report_text(report, "en"))
