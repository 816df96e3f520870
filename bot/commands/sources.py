"""Commands about the sites that are checked for new articles."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import preparation
from bot.commands.options import AsJson

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.sources.checks import CheckReport, SourceChecks
    from knowledge.feeds import Listing
    from knowledge.sources import Source

app = typer.Typer(help="The sites that are checked for new articles.", invoke_without_command=True)

Url = Annotated[str, typer.Argument(help="A feed, a sitemap, or a site's page that names one.")]


@app.callback()
def sources(context: typer.Context) -> None:
    """List the sites that are checked for new articles."""
    if context.invoked_subcommand is None:
        settings = preparation.start()
        asyncio.run(_list(settings))


@app.command()
def add(
    url: Url,
    *,
    every: Annotated[str, typer.Option(help="Time between checks: 15m, 6h, 1d.")] = "6h",
    automatic: Annotated[
        bool, typer.Option("--automatic", help="Take new articles without asking.")
    ] = False,
) -> None:
    """Find the feed or sitemap of a site, and check it from now on."""
    settings = preparation.start()
    from bot.drafts.details import as_link
    from knowledge.sources import Approval, Source, read_interval

    link = as_link(url)
    if link is None:
        raise typer.BadParameter(f"{url} is not a link to a web page.", param_hint="URL")
    interval = read_interval(every)
    if interval is None:
        raise typer.BadParameter(
            f"{every} is not an interval from 15m to 365d.", param_hint="--every"
        )

    async def find_and_add() -> None:
        async with _open(settings) as checks:
            with preparation.status(f"Looking at {link}…"):
                found = await checks.find(link)
            approval = Approval.AUTOMATIC if automatic else Approval.ASK
            source = Source(found.url, found.name, interval, approval)
            what = "is checked from now on" if checks.add(source) else "is a source already"
            typer.echo(f"{found.name} ({found.url}), with {found.articles} entries, {what}.")

    asyncio.run(find_and_add())


@app.command()
def check(
    url: Annotated[
        str | None, typer.Argument(help="One source's link; without it, all that are due.")
    ] = None,
) -> None:
    """Look for new articles now."""
    settings = preparation.start()

    async def check_and_print() -> None:
        async with _open(settings) as checks:
            if url is None:
                chosen = await checks.due()
            else:
                chosen = tuple(source for source in checks.sources() if source.url == url)
                if not chosen:
                    raise typer.BadParameter(f"{url} is no source.", param_hint="URL")
            if not chosen:
                typer.echo("No source is due.")
            for source in chosen:
                with preparation.status(f"Checking {source.name}…"):
                    report = await checks.check(source)
                typer.echo(_report_text(source, report))

    asyncio.run(check_and_print())


@app.command(hidden=True)
def read(
    url: Url,
    etag: Annotated[str | None, typer.Option(help="Of the listing as it is known.")] = None,
    last_modified: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    *,
    robots: Annotated[bool, typer.Option("--robots", help="Read its robots.txt.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is in a feed or sitemap; `bot.sources.listings.Listings` does it with --json."""
    from bot.limited_process import limit_this_process

    limit_this_process()
    settings = preparation.start()
    from bot.sources.listings import answer, visit

    with preparation.open_fetcher(settings) as fetcher:
        if as_json:
            typer.echo(answer(fetcher, url, etag, last_modified, robots=robots))
        else:
            visited = visit(fetcher, url, etag, last_modified)
            # A page may name listings, and one that has not changed says nothing.
            named = "\n".join(visited.named)
            typer.echo(_listing_text(visited.listing) if visited.listing else named)


async def _list(settings: "Settings") -> None:
    from bot.localization import duration
    from bot.sources.records import SourceRecord
    from knowledge.sources import format_interval

    async with _open(settings) as checks:
        records, now = await checks.records.all(), checks.records.database.time()
        if not checks.sources():
            typer.echo("There are no sources; add one: python -m bot sources add URL")
        for source in checks.sources():
            record = records.get(source.url, SourceRecord(source.url))
            typer.echo(f"{source.name} ({source.url})")
            state = "not checked yet"
            if record.read_at:
                ago = duration(now - record.read_at, "en", ago=True)
                state = f"checked {ago}, new articles: {record.found}"
            lines = [f"every {format_interval(source.every)}, {source.approval}", state]
            if record.problem:
                detail = f" ({record.detail})" if record.detail else ""
                lines.append(f"failed {record.failures} times: {record.problem}{detail}")
            if record.paused:
                lines.append("paused")
            typer.echo("".join(f"    {line}\n" for line in lines), nl=False)


@contextlib.asynccontextmanager
async def _open(settings: "Settings") -> AsyncIterator["SourceChecks"]:
    """The checks, with all that they need, as long as the context lasts."""
    from bot.drafts.reading import Reading
    from bot.reindexing import Reindexing
    from bot.sources.checks import build_checks
    from bot.storage.database import Database

    python = [sys.executable, "-m", "bot"]
    reading = Reading([*python, "add", "--draft", "--json"], settings.environment())
    reindexing = Reindexing([*python, "reindex", "--worker"], settings.environment(engines=True))
    opened = Database.open(settings.data_dir, url=settings.database_url)
    with contextlib.closing(opened) as database:
        try:
            yield build_checks(settings, database, None, reading, reindexing.run_soon)
        finally:
            await reindexing.shutdown()


def _report_text(source: "Source", report: "CheckReport | None") -> str:
    from knowledge.errors import ReadingError

    if report is None:
        return f"{source.name} is being checked by another process."
    if report.problem:
        return str(ReadingError(report.problem, source.url))
    lines = [f"{source.name}: {report.found} new"]
    lines += [f"    waits for approval: {title}" for title in report.offered]
    lines += [f"    added: {title}" for title in report.taken]
    if report.failed:
        lines.append(f"    could not be read: {report.failed} (tried again later)")
    if report.reindex_problem:
        lines.append(f"    not in the index yet: {report.reindex_problem}")
    return "\n".join(lines)


def _listing_text(listing: "Listing") -> str:
    lines = [f"{listing.title or 'Without a name'} ({listing.kind})"]
    lines += [
        " ".join(filter(None, [str(entry.published or ""), entry.title, entry.url]))
        for entry in listing.entries
    ]
    return "\n".join(lines)
