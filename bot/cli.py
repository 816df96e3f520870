"""`python -m bot`: its commands by their names, and how they end."""

import io
import logging
import sys
from collections.abc import Sequence

import typer

from bot.commands import articles, backup, evaluation, index, journal, questions, sources
from bot.errors import BotError
from embeddings.errors import EmbeddingsError
from knowledge.errors import KnowledgeError

logger = logging.getLogger(__name__)

app = typer.Typer(
    help="Answers questions with exact quotes from articles: in Telegram, or here.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    questions.run,
    questions.chat,
    questions.ask,
    articles.add,
    articles.edit,
    articles.remove,
    articles.undo,
    index.reindex,
    journal.status,
    journal.stats,
    journal.unanswered,
    backup.backup,
    backup.restore,
    evaluation.evaluate,
    evaluation.calibrate,
):
    app.command()(command)
app.add_typer(journal.app, name="journal")
app.add_typer(sources.app, name="sources")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; whatever goes wrong ends in one line on stderr and exit code 1."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A letter that a terminal or a pipe can't encode is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(args=arguments, prog_name="python -m bot")
    except (KnowledgeError, EmbeddingsError, BotError) as error:
        sys.exit(_one_line(error))
    except Exception as error:
        # The log leaves the token out, whatever a library put into its message.
        debugging = logger.isEnabledFor(logging.DEBUG)
        hint = "" if debugging else " (LOG_LEVEL=DEBUG shows where)"
        name = type(error).__name__
        logger.critical("%s: %s%s", name, _one_line(error), hint, exc_info=debugging)
        sys.exit(1)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
