"""Commands for the bot's state and its journal: status, stats, unanswered, journal."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer
from rich.console import Console

from bot.commands import preparation
from bot.commands.options import AsJson

if TYPE_CHECKING:
    from rich.table import Table

    from bot.answering import Answer
    from bot.insight.stats import Stats
    from bot.insight.status import Kept
    from bot.insight.unanswered import QuestionGroup
    from bot.settings import Settings
    from bot.storage.database import Database
    from embeddings.retriever import IndexState

Days = Annotated[int, typer.Option("--days", min=1, max=3650, help="How many days.")]

app = typer.Typer(no_args_is_help=True, help="What people asked.")


def status(*, as_json: AsJson = False) -> None:
    """Show how the bot is: what it knows, what waits, what it uses of the machine."""
    settings = preparation.start()
    from bot.drafts.waiting import ArticleDrafts
    from bot.insight.cards import status_text
    from bot.insight.status import (
        Status,
        Waiting,
        count_drafts,
        installed_version,
        read_machine,
        status_fields,
    )

    # Before the model takes its memory: what the running bot has is its own.
    machine = read_machine(settings.data_dir)
    found = Status(
        version=installed_version(),
        model=settings.embedding_model,
        index=_index_state(settings),
        kept=_kept(settings),
        waiting=Waiting(count_drafts(ArticleDrafts(settings.drafts_dir)), None),
        machine=machine,
        now=datetime.now(UTC),
    )
    typer.echo(_json(status_fields(found)) if as_json else status_text(found, None, "en"))


def stats(
    days: Days = 30,
    plot: Annotated[Path | None, typer.Option(help="Where to draw them, as PNG.")] = None,
    language: Annotated[str, typer.Option(help="Of the picture: en, ru, kk or ky.")] = "en",
    *,
    as_json: AsJson = False,
) -> None:
    """Count the questions of some days, and how they went."""
    settings = preparation.start()
    from bot.insight.stats import read_stats, stats_fields
    from bot.localization import supported

    spoken = supported(language)
    if spoken is None:
        raise typer.BadParameter("It takes en, ru, kk or ky.", param_hint="--language")
    with _opened(settings) as database:
        counted = database.read_now(
            lambda connection: read_stats(connection, database.time(), days, settings.journal_days)
        )
    if plot:
        from bot.insight.charts import draw

        if not counted.questions:
            raise typer.BadParameter("Nobody has asked anything then.", param_hint="--plot")
        with _written(plot) as file:
            file.write(draw(counted, spoken))
    if as_json:
        typer.echo(_json(stats_fields(counted)))
    else:
        Console(highlight=False).print(_stats_table(counted))


def unanswered(days: Days = 30, *, as_json: AsJson = False) -> None:
    """List what people ask and the articles don't answer, grouped by meaning."""
    settings = preparation.start()
    from bot.answering import answer_questions
    from bot.insight.unanswered import batches, rank, read_wordings
    from embeddings.question_groups import QuestionGroups

    with _opened(settings) as database:
        wordings = database.read_now(
            lambda connection: read_wordings(connection, database.time(), days)
        )
    groups: list[QuestionGroup] = []
    answers: list[Answer] = []
    if wordings:
        retriever = preparation.open_retriever(settings)
        reading = QuestionGroups()
        for texts, languages in batches(wordings):
            reading.read(texts, languages, retriever)
        groups = rank(wordings, reading.groups(retriever))
        answers = answer_questions(retriever, [group.question for group in groups])
    if as_json:
        typer.echo(_json({"days": days, "groups": _group_fields(groups, answers)}))
        return
    if not groups:
        typer.echo("No question is without an answer.")
    for group, answer in zip(groups, answers, strict=True):
        now = f", answered now: {answer.quotes[0].article.title}" if answer.answered else ""
        unsure = f", {group.unsure} not sure" if group.unsure else ""
        asked_in = " ".join(group.languages)
        typer.echo(f"{group.not_found} not found{unsure} ({asked_in}): {group.text}{now}")


@app.command()
def export(
    output: Annotated[
        Path | None, typer.Option(help="The file to write, instead of the standard output.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Only the last days; all that is kept, if not set.")
    ] = None,
) -> None:
    """Write the questions as a table (CSV in UTF-8) that spreadsheets open; times are in UTC.

    "person" is a number for each person in this table alone. "confidence" is of the first quote.
    """
    settings = preparation.start()
    from bot.storage.export import write_csv

    with (
        _opened(settings) as database,
        _written(output) if output else contextlib.nullcontext(sys.stdout.buffer) as target,
        # Excel takes a file for UTF-8 if it begins with a byte order mark.
        _as_text(target, "utf-8-sig") as text,
    ):
        since = database.time() - timedelta(days=days) if days else None
        database.read_now(lambda connection: write_csv(connection, text, since))


@app.command()
def move(
    *,
    to_postgresql: Annotated[
        bool, typer.Option("--to-postgresql", help="From DATA_DIR to the server.")
    ] = False,
    to_sqlite: Annotated[
        bool, typer.Option("--to-sqlite", help="From the server to DATA_DIR.")
    ] = False,
) -> None:
    """Copy the journal to the PostgreSQL server of DATABASE_URL, or back; stop the bot first.

    Where it comes from nothing is changed. Where it goes to there must be nothing yet.
    """
    settings = preparation.start()
    if to_postgresql == to_sqlite:
        raise typer.BadParameter("Say either --to-postgresql or --to-sqlite.")
    from bot.errors import SettingsError
    from bot.one_bot import only_bot
    from bot.storage.database import JOURNAL_FILE, Database
    from bot.storage.moving import move as copy

    folder = settings.data_dir
    if settings.database_url is None:
        raise SettingsError("Set DATABASE_URL to the PostgreSQL database, whichever the way is.")
    if to_postgresql:
        _refuse_missing(folder)
    with (
        only_bot(folder),
        contextlib.closing(Database.open(folder, url=settings.database_url)) as server,
        contextlib.closing(Database.open(folder)) as file,
    ):
        numbers = copy(file, server) if to_postgresql else copy(server, file)
    typer.echo(
        f"{numbers['questions']:,} questions and {sum(numbers.values()):,} rows in all are now in "
        "both, and were compared."
    )
    path = folder / JOURNAL_FILE
    if to_postgresql:
        typer.echo(
            f"The bot uses the server as long as DATABASE_URL is set. {path} is as it was: delete "
            f"it once all is well, since it holds what people asked. Keep {folder}/journal.key."
        )
    else:
        typer.echo(
            f"The bot uses {path} once DATABASE_URL is empty. The database on the server is as it "
            "was: delete it once all is well, since it holds what people asked."
        )


@contextlib.contextmanager
def _opened(settings: "Settings") -> Iterator["Database"]:
    """Open the journal that there is; no file is made."""
    from bot.storage.database import Database

    if settings.database_url is None:
        _refuse_missing(settings.data_dir)
    opened = Database.open(settings.data_dir, url=settings.database_url)
    with contextlib.closing(opened) as database:
        yield database


def _refuse_missing(folder: Path) -> None:
    from bot.errors import JournalUnusable
    from bot.storage.database import JOURNAL_FILE

    if not (folder / JOURNAL_FILE).exists():
        raise JournalUnusable(
            f"There is no journal in {folder} yet: `python -m bot run` begins one. "
            "Or set DATA_DIR to the folder that has it."
        )


@contextlib.contextmanager
def _written(path: Path) -> Iterator[BinaryIO]:
    """A file that is there only once it is whole."""
    from bot.errors import OutputUnwritable
    from bot.storage.private_files import writing

    try:
        with writing(path) as file:
            yield file
    except OSError as error:
        raise OutputUnwritable(
            f"{path} can't be written ({error.strerror}): check the free space and the folder."
        ) from error


@contextlib.contextmanager
def _as_text(file: BinaryIO, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Write text to a file of bytes, and leave that open."""
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield text
    finally:
        text.detach()


def _index_state(settings: "Settings") -> "IndexState | None":
    from embeddings.errors import IndexUnusable
    from embeddings.retriever import Retriever
    from embeddings.stores.opening import open_store

    embedder = preparation.load_embedder(settings)
    try:
        with contextlib.closing(open_store(settings.store_address, embedder)) as store:
            return Retriever(store, embedder).state()
    except IndexUnusable as error:
        preparation.stderr_console().print(str(error), markup=False, soft_wrap=True)
        return None


def _kept(settings: "Settings") -> "Kept | None":
    from bot.errors import JournalError, JournalUnusable
    from bot.insight.status import read_kept

    try:
        with _opened(settings) as database:
            return database.read_now(
                lambda connection: read_kept(
                    connection, database.size(connection), settings.journal_days
                )
            )
    except (JournalError, JournalUnusable) as error:
        preparation.stderr_console().print(str(error), markup=False, soft_wrap=True)
        return None


def _stats_table(stats: "Stats") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    totals = stats.totals
    share = "–" if totals.helpful_share is None else f"{totals.helpful_share:.0%}"
    made = Table(
        *("day (UTC)", "questions", "answered", "not sure", "not found", "lists", "people"),
        title=f"{stats.questions:,} questions in {len(stats.days)} days; helpful: {share} of "
        f"{totals.helpful + totals.not_helpful:,} ratings",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for column in made.columns[1:]:
        column.justify = "right"
    for each in stats.days:
        numbers = (each.outcomes.total, *each.outcomes.in_order, each.people)
        made.add_row(each.day.isoformat(), *(f"{number:,}" for number in numbers))
    numbers = (stats.questions, *totals.outcomes.in_order, totals.people)
    made.add_section()
    made.add_row("together", *(f"{number:,}" for number in numbers))
    return made


def _group_fields(
    groups: Sequence["QuestionGroup"], answers: Sequence["Answer"]
) -> list[dict[str, Any]]:
    return [
        {
            "question": group.text,
            "not_found": group.not_found,
            "unsure": group.unsure,
            "people": group.people,
            "languages": list(group.languages),
            "answered_now": answer.quotes[0].article.slug if answer.answered else None,
        }
        for group, answer in zip(groups, answers, strict=True)
    ]


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, default=str)
