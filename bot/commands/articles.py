"""Commands that add, edit and remove articles, and undo that; each is in the answers at once."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.commands import preparation
from bot.commands.options import AsJson
from bot.errors import JournalError, ReindexError

if TYPE_CHECKING:
    from bot.drafts.details import T
    from bot.drafts.reading import ReadDraft
    from bot.settings import Settings
    from knowledge.article import Article
    from knowledge.changes import Change, Changes
    from knowledge.drafts import Draft

# In characters; of an article's beginning.
_SHOWN = 600

Title = Annotated[str | None, typer.Option(help="Its title.")]
Link = Annotated[str | None, typer.Option("--url", help="The link under which it is published.")]
Day = Annotated[
    str | None,
    typer.Option("--date", help='When it was published, say 2025-06-12; "-" if unknown.'),
]
Publisher = Annotated[str | None, typer.Option(help='Who published it; "-" if unknown.')]
Which = Annotated[str, typer.Argument(help="Its link, or its file's name without .md.")]


def add(  # noqa: PLR0913 - an argument is an option of the command
    source: Annotated[
        str, typer.Argument(help="A link, or a file: .pdf, .docx, .md or .txt.", metavar="SOURCE")
    ],
    title: Title = None,
    url: Link = None,
    day: Day = None,
    publisher: Publisher = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask whether to save it.")] = False,
    draft_only: Annotated[
        bool, typer.Option("--draft", hidden=True, help="Only say what was read.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(hidden=True, help="What the file's author calls it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add an article from a link or a file, and answer from it at once."""
    if draft_only and as_json:
        _say_draft(source, name)
        return
    settings = preparation.start()
    from bot.drafts.reading import known

    read = _read(settings, source)
    draft = _with_details(read.draft, title, day, url, publisher)
    changes = _changes(settings)
    if draft.url:
        # Which may have been given with --url.
        read = replace(read, same_link=known(changes.find_by_link(draft.url)))
    console = Console(highlight=False)
    console.print(_described(read, draft), soft_wrap=not console.is_terminal)
    if draft_only:
        return
    for missing in draft.missing:
        raise typer.BadParameter(f"No {missing} was found: give one.", param_hint=f"--{missing}")
    if _is_asked() and not yes and not typer.confirm("Save it?", default=True):
        raise typer.Abort
    change = changes.save(draft)
    typer.echo(f"Saved as {change.slug}.md." if change else "It is there already, just so.")
    _reindex(settings)


def edit(
    article: Which,
    title: Title = None,
    url: Link = None,
    day: Day = None,
    publisher: Publisher = None,
) -> None:
    """Change an article's title, link, date or publisher."""
    settings = preparation.start()
    changes = _changes(settings)
    found = _find(changes, article)
    edited = _with_details(found, title, day, url, publisher)
    if edited == found:
        raise typer.BadParameter("Say what to change: --title, --url, --date or --publisher.")
    change = changes.replace(found.slug, edited)
    typer.echo(_told("Changed", change) if change else "It is so already.")
    _reindex(settings)


def remove(article: Which) -> None:
    """Remove an article; `undo` brings it back."""
    settings = preparation.start()
    changes = _changes(settings)
    typer.echo(_told("Removed", changes.remove(_find(changes, article).slug)))
    _reindex(settings)


def undo() -> None:
    """Undo the last change of an article that isn't undone yet; again for the one before."""
    settings = preparation.start()
    change = _changes(settings).undo()
    if change is None:
        typer.echo("There is nothing to undo.")
        return
    done = {"add": "adding", "replace": "changing", "remove": "removing"}[change.kind]
    typer.echo(_told(f"Undone: {done}", change))
    if change.by_hand:
        typer.echo("Somebody had changed the file since; that version is in the folder .trash.")
    _reindex(settings)


def _is_asked() -> bool:
    """Whether somebody sits at the terminal."""
    return sys.stdin.isatty()


def _say_draft(source: str, name: str | None) -> None:
    """Print what was read, for `bot.drafts.reading.Reading` in another process."""
    from bot.drafts.reading import ReadDraft, ReadingProblem, known, to_json
    from bot.limited_process import limit_this_process

    limit_this_process()
    settings = preparation.start()
    from embeddings.stores.sqlite import known_articles
    from knowledge.corpus import ArticleFolder, Findings
    from knowledge.duplicates import find_same
    from knowledge.errors import Problem, ReadingError

    try:
        draft = _read_here(settings, source, name)
        folder = ArticleFolder(settings.articles_dir)
        articles = folder.articles(known_articles(settings.index_path), Findings())
        same = find_same(draft, articles)
    except ReadingError as error:
        typer.echo(to_json(ReadingProblem(error.problem, error.subject, error.detail)))
    except MemoryError:
        typer.echo(to_json(ReadingProblem(Problem.TOO_LARGE, name or source, "out of memory")))
    else:
        typer.echo(to_json(ReadDraft(draft, known(same.by_link), known(same.by_text))))


def _read_here(settings: "Settings", source: str, name: str | None) -> "Draft":
    from knowledge.documents import read_document
    from knowledge.web import read_page

    path = Path(source)
    if path.is_file():
        return read_document(name or path.name, path.read_bytes())
    with preparation.open_fetcher(settings) as fetcher:
        return read_page(fetcher.fetch(source))


def _read(settings: "Settings", source: str) -> "ReadDraft":
    from bot.drafts.details import as_link
    from bot.drafts.reading import Reading

    command = [sys.executable, "-m", "bot", "add", "--draft", "--json"]
    reading = Reading(command, settings.environment())
    path = Path(source).expanduser()
    if path.is_file():
        return asyncio.run(reading.read_file(path.resolve(), path.name))
    link = as_link(source)
    if link is None:
        raise typer.BadParameter(f"{source} is neither a link nor a file.", param_hint="SOURCE")
    with preparation.status(f"Reading {link}…"):
        return asyncio.run(reading.read_link(link))


def _with_details(
    thing: "T", title: str | None, day: str | None, url: str | None, publisher: str | None
) -> "T":
    from bot.drafts.details import Detail, with_detail

    typed = {
        Detail.TITLE: title,
        Detail.DATE: day,
        Detail.LINK: url,
        Detail.PUBLISHER: publisher,
    }
    for detail, text in typed.items():
        if text is not None:
            thing = with_detail(thing, detail, text)
    return thing


def _described(read: "ReadDraft", draft: "Draft") -> str:
    """What is shown of a draft before it is saved."""
    from bot.localization import language_name, written_date

    published = written_date(draft.published, "en") if draft.published else "(no date found)"
    lines = [
        draft.title or "(no title found: give one with --title)",
        draft.url or "(no link found: give one with --url)",
        f"{draft.publisher or '(no publisher found)'} · {published} · "
        f"{language_name(draft.language, 'en')} · {len(draft.body.split()):,} words",
        "",
        f"{draft.body[:_SHOWN].strip()}…" if len(draft.body) > _SHOWN else draft.body,
        "",
    ]
    if read.same_link:
        lines.append(f"This link is known: {read.same_link.title} ({read.same_link.slug}).")
        lines.append("Saving puts the new text in its place.")
    elif read.same_text:
        known = read.same_text
        lines.append(f"This text is known under another link: {known.title} ({known.slug}).")
    return "\n".join(lines)


def _find(changes: "Changes", which: str) -> "Article":
    found = changes.read(which) or changes.find_by_link(which)
    if found is None:
        raise typer.BadParameter(
            f"There is no article {which}: write its link, or its file's name without .md.",
            param_hint="ARTICLE",
        )
    return found


def _changes(settings: "Settings") -> "Changes":
    from knowledge.changes import Changes

    return Changes(settings.articles_dir)


def _reindex(settings: "Settings") -> None:
    from bot.one_reindex import only_reindex
    from bot.reports import report_text
    from embeddings.errors import EmbeddingsError

    try:
        with only_reindex(settings.data_dir, settings.database_url) as look:
            folder = preparation.article_folder(settings)
            embedder = preparation.load_embedder(settings)
            report = preparation.index_articles(folder, settings, embedder, look)
    except (EmbeddingsError, JournalError) as error:
        raise ReindexError(
            f"{error} The article's file is as you wanted it; `python -m bot reindex` brings it "
            "into the answers."
        ) from error
    typer.echo(report_text(report, "en"))


def _told(done: str, change: "Change") -> str:
    return f"{done}: {change.title} ({change.slug})."
