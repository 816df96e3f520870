"""The commands of `python -m bot`: they make settings and services and hand them to each other.

Results go to stdout; everything else (progress, hints, errors) to stderr. What takes long to
import is imported where it is needed, so that `--help` is there at once.
"""

import contextlib
import io
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bot.errors import BotError
from embeddings.errors import EmbeddingsError, IndexUnusable
from knowledge.errors import KnowledgeError

if TYPE_CHECKING:
    from bot.answering import Answer
    from bot.settings import Settings
    from embeddings.embedder import Embedder
    from embeddings.evaluation import Evaluation
    from embeddings.indexing import IndexReport
    from embeddings.retriever import Retriever
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

    bot = build_bot(settings, Answering(_prepare(settings)))
    asyncio.run(serve(bot))


@app.command()
def chat() -> None:
    """Ask questions in the terminal, one a line; Ctrl-D ends it."""
    _chat(_start())


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Answer one question, with the passage that answers it and its link."""
    settings = _start()
    from bot.answering import answer_questions, read_question

    retriever = _prepare(settings)()
    [answer] = answer_questions(retriever, [read_question(question)])
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
def evaluate(
    questions: Annotated[
        Path, typer.Argument(help="Questions with known answers, one JSON object a line.")
    ],
    articles: Annotated[
        Path | None,
        typer.Option(help="The folder of articles to ask about, instead of the bot's own."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Measure how well questions with known answers are answered.

    A line of the file: {"question": "…", "language": "en", "article": "its-slug" or null,
    "quote_contains": ["…"] or null}.
    """
    settings = _start()
    from bot.answering import read_question
    from embeddings.evaluation import Outcome, read_questions
    from embeddings.evaluation import evaluate as compare
    from embeddings.retriever import is_answer

    known = read_questions(questions)
    with _retriever_over(articles, settings) as retriever:
        found = retriever.search_batch([each.question for each in known])
    outcomes = [
        # Greetings and the like are never answered with a quote, as in the bot.
        Outcome(read_question(each.question).outcome is None and is_answer(hits), tuple(hits))
        for each, hits in zip(known, found, strict=True)
    ]
    evaluation = compare(known, outcomes)
    if as_json:
        figures = asdict(evaluation)
        _print_json({**figures["overall"], "by_language": figures["by_language"]})
    else:
        _print_evaluation(evaluation)


@app.command()
def calibrate(
    first: Annotated[
        Path, typer.Argument(help="Questions and paragraphs in SQuAD's format, in one language.")
    ],
    second: Annotated[Path, typer.Argument(help="The same ones in another language.")],
) -> None:
    """Fit the confidence anew, after a change of what is embedded or how.

    The two files are twins, such as XQuAD's: the same documents and questions in two languages.
    """
    settings = _start()
    from embeddings.calibration import fit
    from embeddings.squad import read_mixed_set

    mixed_set = read_mixed_set(first, second)
    fitted_on = (
        f"{len(mixed_set.questions)} questions on {len(mixed_set.articles)} documents of "
        f"{first.name} and {second.name}, left in and left out"
    )
    with _status("Asking every question, with its article and without…"):
        calibration = fit(mixed_set, _load_embedder(settings), fitted_on)
    calibration.save()
    typer.echo(f"The confidence is fitted on {fitted_on}.")


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


def _prepare(
    settings: "Settings", articles: Path | None = None, index: Path | None = None
) -> "Callable[[], Retriever]":
    """Load the model and build the index if there is none to use; what is left is to open it."""
    from embeddings.retriever import Retriever
    from embeddings.store import Store

    path = index or settings.index_path
    embedder = _load_embedder(settings)
    try:
        Store.open(path, embedder).close()
    except IndexUnusable:
        report = _index(_load_corpus(settings, articles), path, embedder)
        for fault in report.faults:
            logger.warning("%s: %s", fault.file, fault.reason)
    return lambda: Retriever(Store.open(path, embedder), embedder)


@contextlib.contextmanager
def _retriever_over(articles: Path | None, settings: "Settings") -> "Iterator[Retriever]":
    """Search the bot's own articles, or those of another folder in an index of their own."""
    if articles is None or articles.resolve() == settings.articles_dir.resolve():
        yield _prepare(settings)()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _prepare(settings, articles, Path(folder) / "index.db")()


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
        _stderr().print("Ask a question. Ctrl-D ends the chat.")
    for line in _typed_lines() if interactive else sys.stdin:
        if line.strip():
            [answer] = answer_questions(retriever, [read_question(line)])
            _print_answer(answer)
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
    return {
        "question": answer.question,
        "language": answer.language,
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
                "highlight": quote.article.body[quote.highlight.start : quote.highlight.end],
                "start": quote.start,
                "end": quote.end,
                "score": quote.score,
            }
            for quote in answer.quotes
        ],
    }


def _print_answer(answer: "Answer") -> None:
    from bot.cards import terminal_card

    console = Console(highlight=False)
    framed = console.is_terminal
    console.print(terminal_card(answer, framed=framed), soft_wrap=not framed)


def _print_report(report: "IndexReport") -> None:
    from bot.reports import report_text

    typer.echo(report_text(report, "en"))


def _print_evaluation(evaluation: "Evaluation") -> None:
    table = Table("", "all", *evaluation.by_language)
    columns = [asdict(evaluation.overall), *map(asdict, evaluation.by_language.values())]
    for figure in columns[0]:
        table.add_row(figure, *(_written(column[figure]) for column in columns))
    Console().print(table)


def _written(figure: float | None) -> str:
    if figure is None:
        return "–"
    return f"{figure:.2f}" if isinstance(figure, float) else str(figure)


def _print_json(fields: dict[str, Any]) -> None:
    typer.echo(json.dumps(fields, ensure_ascii=False))


def _stderr() -> Console:
    return Console(stderr=True, highlight=False)


def _status(message: str) -> contextlib.AbstractContextManager[object]:
    console = _stderr()
    return console.status(message) if console.is_terminal else contextlib.nullcontext()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
