"""Commands that measure how good the answers are, and fit the confidence."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.commands import preparation
from bot.commands.options import AsJson

# In characters; of an evaluation that is compared with another.
_WIDEST_TABLE = 120


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
    settings = preparation.start()
    from bot.answering import read_question
    from bot.tables import table
    from embeddings.evaluation import runs
    from embeddings.evaluation.question_files import read_question_sets

    earlier = runs.read_run(against) if against else None
    question_sets = read_question_sets(
        files, lambda: preparation.load_articles(settings, articles)
    )
    if earlier:
        runs.check_comparable(earlier, question_sets)
    if plot and not any(each.kind.asks_without for each in question_sets):
        raise typer.BadParameter("Only questions in SQuAD's format are drawn.", param_hint="plot")
    embedder = preparation.load_embedder(settings)
    calibration = preparation.load_calibration(settings, embedder)
    sets = []
    for each in question_sets:
        with preparation.status(
            f"Asking the {len(each.questions):,} questions of {each.files[0]}…"
        ):
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
    settings = preparation.start()
    from embeddings.calibration import fit
    from embeddings.evaluation.squad import read_mixed_set

    mixed_set = read_mixed_set(first, second)
    fitted_on = (
        f"{len(mixed_set.questions)} questions on {len(mixed_set.articles)} documents of "
        f"{first.name} and {second.name}, left in and left out"
    )
    with preparation.status("Asking every question, with its article and without…"):
        calibration = fit(mixed_set, preparation.load_embedder(settings), fitted_on)
    path = output or settings.calibration_path
    calibration.save(path)
    typer.echo(f"The confidence is fitted on {fitted_on}: {path}")


def _wide_console() -> Console:
    """Return a console for tables; wrapped lines are better than figures that are cut off."""
    console = Console(highlight=False)
    console.width = max(console.width, _WIDEST_TABLE)
    return console
