"""The commands of `python -m bot`: they make settings and services and hand them to each other.

Results go to stdout; everything else (progress, hints, errors) to stderr. What takes long to
import is imported where it is needed, so that `--help` is there at once.
"""

import contextlib
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bot.errors import BotError
from embeddings.errors import EmbeddingsError, IndexUnusable
from knowledge.errors import KnowledgeError

if TYPE_CHECKING:
    from bot.answering import Answer
    from bot.settings import Settings
    from embeddings.confidence import Calibration
    from embeddings.embedder import Embedder
    from embeddings.indexing import IndexReport
    from embeddings.retriever import Retriever
    from knowledge.article import Article
    from knowledge.corpus import Corpus

logger = logging.getLogger(__name__)

app = typer.Typer(
    help="Answers questions with exact quotes from articles: in Telegram, or here.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]

_WITHOUT_TELEGRAM = """\
There is no TELEGRAM_BOT_TOKEN, so questions are answered here in the terminal.
For a bot in Telegram: write /newbot to https://t.me/BotFather, put the token that it gives you
into the file .env as TELEGRAM_BOT_TOKEN=…, and start again.
"""
_UNCALIBRATED = (
    "The confidence is not calibrated for this embedding model; answers are shown as unsure. "
    "Calibrate it: python -m bot calibrate FIRST.json SECOND.json"
)
# In characters; of an evaluation that is compared with another.
_WIDEST_TABLE = 120
# What is typed in the chat to see the rest of the last answer's passage.
_MORE = "more"


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


@app.command()
def run() -> None:
    """Run the Telegram bot; without a token, chat in the terminal instead.

    The token comes from the environment or the file .env: TELEGRAM_BOT_TOKEN.
    """
    settings = _start()
    if settings.telegram_bot_token is None:
        _stderr().print(_WITHOUT_TELEGRAM, markup=False, soft_wrap=True)
        _chat(settings)
        return
    _configure_log(settings, settings.log_level)

    import asyncio

    from bot.answering import Answering
    from bot.application import build_bot, serve
    from bot.journal import Journal

    with contextlib.closing(Journal.open(settings.data_dir, settings.journal_days)) as journal:
        bot = build_bot(settings, Answering(_prepare(settings)), journal)
        asyncio.run(serve(bot))


@app.command()
def chat() -> None:
    """Ask questions in the terminal, one a line; Ctrl-D ends it."""
    _chat(_start())


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    *,
    whole: Annotated[bool, typer.Option("--whole", help="Quote the whole passage.")] = False,
    as_json: AsJson = False,
) -> None:
    """Answer one question, with a quote that answers it and its link."""
    settings = _start()
    from bot.answering import answer_questions, read_question

    retriever = _prepare(settings)()
    [answer] = answer_questions(retriever, [read_question(question)])
    if whole:
        answer = answer.whole()
    if as_json:
        _print_json(_answer_fields(answer))
    else:
        _print_answer(answer)


@app.command()
def reindex(*, as_json: AsJson = False) -> None:
    """Bring the index up to date with the articles; only what changed is read again."""
    settings = _start()
    from bot.reports import report_to_json

    corpus = _load_corpus(settings)  # a wrong folder is noticed before the model loads
    report = _index(corpus, settings.index_path, _load_embedder(settings))
    if as_json:
        typer.echo(report_to_json(report))
    else:
        _print_report(report)


@app.command()
def evaluate(  # noqa: PLR0913 - an argument is an option of the command
    files: Annotated[list[Path], typer.Argument(help="Questions with known answers.")],
    articles: Annotated[
        Path | None,
        typer.Option(help="The folder of articles to ask about, instead of the bot's own."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="A saved run over the same questions to compare with.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Where to save this run, as JSON.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Where to draw how far the confidence is right, as PNG.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Measure how well questions with known answers are answered.

    A file is recognised by its content. Lines of {"question": "…", "language": "en", "article":
    "its-slug" or null, "quote_contains": ["…"] or null} are asked about the articles; one with
    "after": "…" is asked after that question, by the same person. Files in SQuAD's format (two are
    twins in two languages) and KazQAD's bring articles of their own.
    """
    settings = _start()
    from bot.answering import read_question
    from bot.tables import table
    from embeddings.evaluation import runs
    from embeddings.evaluation.question_files import read_question_sets

    earlier = runs.read_run(against) if against else None
    question_sets = read_question_sets(files, lambda: _load_articles(settings, articles))
    if earlier:
        runs.check_comparable(earlier, question_sets)
    if plot and not any(each.kind.asks_without for each in question_sets):
        raise typer.BadParameter("Only questions in SQuAD's format are drawn.", param_hint="plot")
    embedder = _load_embedder(settings)
    calibration = _load_calibration(settings, embedder)
    sets = []
    for each in question_sets:
        with _status(f"Asking the {len(each.questions):,} questions of {each.files[0]}…"):
            # Greetings and the like are never answered with a quote, as in the bot.
            sets.append(
                runs.evaluate_set(
                    each,
                    embedder,
                    calibration,
                    lambda text: read_question(text).outcome is None,
                    earlier,
                )
            )
    run = runs.Run(datetime.now(UTC).date(), embedder.identity, tuple(sets))
    if as_json:
        typer.echo(runs.run_to_json(run))
    else:
        for set_run in sets:
            _wide_console().print(table(set_run, compared=earlier is not None))
    if save:
        runs.save(runs.run_to_json(run), save)
    if plot:
        from embeddings.evaluation.charts import draw

        runs.save(draw(run), plot)


@app.command()
def calibrate(
    first: Annotated[
        Path, typer.Argument(help="Questions and paragraphs in SQuAD's format, in one language.")
    ],
    second: Annotated[Path, typer.Argument(help="The same ones in another language.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Where to write it, instead of the data folder, where the bot looks."),
    ] = None,
) -> None:
    """Fit the confidence to the embedding model that is set.

    The two files are twins, such as XQuAD's: the same documents and questions in two languages.
    """
    settings = _start()
    from embeddings.calibration import fit
    from embeddings.evaluation.squad import read_mixed_set

    mixed_set = read_mixed_set(first, second)
    fitted_on = (
        f"{len(mixed_set.questions)} questions on {len(mixed_set.articles)} documents of "
        f"{first.name} and {second.name}, left in and left out"
    )
    with _status("Asking every question, with its article and without…"):
        calibration = fit(mixed_set, _load_embedder(settings), fitted_on)
    path = output or settings.calibration_path
    calibration.save(path)
    typer.echo(f"The confidence is fitted on {fitted_on}: {path}")


def _start() -> "Settings":
    """Read the settings and set up the log, for a command whose results go to the terminal."""
    from bot.settings import load_settings

    settings = load_settings()
    # Somebody who waits for an answer wants to see trouble, not the everyday.
    _configure_log(settings, "WARNING" if settings.log_level == "INFO" else settings.log_level)
    return settings


def _configure_log(settings: "Settings", level: str) -> None:
    from bot.logs import configure_logging

    token = settings.telegram_bot_token
    configure_logging(level, token.get_secret_value() if token else None)


def _prepare(settings: "Settings") -> "Callable[[], Retriever]":
    """Load the model and build the index if there is none to use; what is left is to open it."""
    from embeddings.retriever import Retriever
    from embeddings.store import Store

    path = settings.index_path
    embedder = _load_embedder(settings)
    try:
        Store.open(path, embedder).close()
    except IndexUnusable:
        corpus = _load_corpus(settings)
        _warn_of_faults(corpus)
        _index(corpus, path, embedder)

    calibration = _load_calibration(settings, embedder)
    return lambda: Retriever(Store.open(path, embedder), embedder, calibration)


def _load_calibration(settings: "Settings", embedder: "Embedder") -> "Calibration":
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


def _load_corpus(settings: "Settings", articles: Path | None = None) -> "Corpus":
    from bot.errors import SettingsError
    from knowledge.corpus import load_corpus
    from knowledge.errors import CorpusError

    try:
        return load_corpus(articles or settings.articles_dir)
    except CorpusError as error:
        if articles:
            raise
        raise SettingsError(f"{error} Set ARTICLES_DIR to the folder of the articles.") from error


def _load_articles(settings: "Settings", folder: Path | None) -> "Sequence[Article]":
    corpus = _load_corpus(settings, folder)
    _warn_of_faults(corpus)
    return corpus.articles


def _warn_of_faults(corpus: "Corpus") -> None:
    for fault in corpus.faults:
        logger.warning("%s: %s", fault.file, fault.reason)


def _load_embedder(settings: "Settings") -> "Embedder":
    with _status("Loading the embedding model (a first start unpacks it)…"):
        from embeddings.embedder import load_embedder

        return load_embedder(settings.embedding_model, settings.models_dir)


def _index(corpus: "Corpus", path: Path, embedder: "Embedder") -> "IndexReport":
    from rich.progress import Progress

    from embeddings.indexing import reindex

    console = _stderr()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Indexing the articles", total=None)
        return reindex(
            corpus,
            path,
            embedder,
            lambda done, total: progress.update(task, completed=done, total=total),
        )


def _chat(settings: "Settings") -> None:
    from bot.answering import answer_questions, read_question

    retriever = _prepare(settings)()
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if interactive:
        _stderr().print(
            f'Ask a question. "{_MORE}" shows the whole passage of the last answer, Ctrl-D ends '
            "the chat."
        )
    last: Answer | None = None
    context: str | None = None
    for line in _typed_lines() if interactive else sys.stdin:
        if not line.strip():
            continue
        if last and last.quotes and line.strip().casefold() == _MORE:
            last = last.whole()
        else:
            [last] = answer_questions(retriever, [read_question(line, earlier=context)])
            context = last.context or context
        _print_answer(last)
        typer.echo()


def _typed_lines() -> Iterator[str]:
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 - gives input() its arrow keys; some builds lack it
    with contextlib.suppress(EOFError):
        while True:
            yield input("> ")


def _answer_fields(answer: "Answer") -> dict[str, Any]:
    from bot.answering import verify

    for quote in answer.quotes:
        verify(quote)
        verify(quote.whole())
    return {
        "question": answer.question.text,
        "language": answer.language,
        "outcome": answer.outcome,
        "answered": answer.answered,
        "passages": [
            {
                "article": quote.article.slug,
                "title": quote.article.title,
                "url": quote.article.url,
                "publisher": quote.article.publisher,
                "published": quote.article.published and quote.article.published.isoformat(),
                "language": quote.article.language,
                "quote": quote.text,
                "highlight": quote.highlighted,
                "start": quote.start,
                "end": quote.end,
                "passage": {
                    "text": quote.passage.text,
                    "start": quote.passage.start,
                    "end": quote.passage.end,
                },
                "score": quote.score,
                "confidence": quote.confidence,
            }
            for quote in answer.quotes
        ],
        "articles": [
            {"article": article.slug, "title": article.title, "url": article.url}
            for article in answer.articles
        ],
    }


def _print_answer(answer: "Answer") -> None:
    from bot.terminal_cards import terminal_card

    console = Console(highlight=False)
    framed = console.is_terminal
    console.print(terminal_card(answer, framed=framed), soft_wrap=not framed)


def _print_report(report: "IndexReport") -> None:
    from bot.reports import report_text

    typer.echo(report_text(report, "en"))


def _wide_console() -> Console:
    """Return a console for tables; wrapped lines are better than figures that are cut off."""
    console = Console(highlight=False)
    console.width = max(console.width, _WIDEST_TABLE)
    return console


def _print_json(fields: dict[str, Any]) -> None:
    typer.echo(json.dumps(fields, ensure_ascii=False))


def _stderr() -> Console:
    return Console(stderr=True, highlight=False)


def _status(message: str) -> contextlib.AbstractContextManager[object]:
    console = _stderr()
    return console.status(message) if console.is_terminal else contextlib.nullcontext()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
