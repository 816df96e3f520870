"""`python -m bot`: its commands by their names, and how they end."""

import io
import logging
import os
import sys
from collections.abc import Sequence

import typer

from bot.commands import articles, backup, doctor, evaluation, index, journal, questions, sources
from bot.errors import (
    BotError,
    BotRunning,
    DataFolderUnusable,
    JournalUnusable,
    MonitoringUnavailable,
    SettingsError,
    TelegramUnavailable,
)
from embeddings.errors import EmbeddingsError, ModelUnavailable, StoreRefused
from knowledge.errors import CorpusError, KnowledgeError

logger = logging.getLogger(__name__)

app = typer.Typer(
    help="Answers questions with exact quotes from articles: in Telegram, or here.",
    epilog="Exit codes: 0 done, or stopped on request; 1 failed, which another try may mend; 2 "
    "wrong arguments; 78 only a person can mend it (a wrong setting, a refused token).",
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
    doctor.doctor,
    backup.backup,
    backup.restore,
    evaluation.evaluate,
    evaluation.calibrate,
):
    app.command()(command)
app.add_typer(journal.app, name="journal")
app.add_typer(sources.app, name="sources")


# What only a person can mend, so that starting again is of no use. Systemd and others can be told.
_EXIT_CONFIG = 78
_FOR_A_PERSON = (
    SettingsError,
    TelegramUnavailable,
    BotRunning,
    DataFolderUnusable,
    JournalUnusable,
    MonitoringUnavailable,
    ModelUnavailable,
    StoreRefused,
    CorpusError,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; whatever goes wrong ends in one line on stderr and an exit code.

    That is 78 (EX_CONFIG of sysexits.h) for what only a person can mend, 1 for everything else.
    """
    # Others on this machine have no business with what people ask, nor with the copies of it.
    os.umask(0o077)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        # A letter that a terminal or a pipe can't encode is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app(args=arguments, prog_name="python -m bot")
    except _FOR_A_PERSON as error:
        typer.echo(_one_line(error), err=True)
        sys.exit(_EXIT_CONFIG)
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
