"""Commands that keep safe what can't be had again, and bring it back: backup, restore."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import preparation

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.storage.backup import Places


def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; by default a new file here.")
    ] = None,
) -> None:
    """Write journal, articles, drafts and sources into one file, while the bot is running.

    It holds people's questions: keep it where only you can read it, and no longer than you need
    it. Your settings (.env, with the token) are not in it.
    """
    settings = preparation.start()
    from bot.insight.status import installed_version
    from bot.storage.backup import back_up

    now = datetime.now(UTC)
    target = file or Path(f"green-initiatives-bot-{now:%Y%m%d-%H%M%S}.zip")
    manifest = back_up(_places(settings), target, installed_version(), now)
    typer.echo(
        f"{target}: {manifest.questions:,} questions, {manifest.articles:,} articles, "
        f"{len(manifest.files):,} files. Written and checked."
    )


def restore(
    file: Annotated[Path, typer.Argument(help="What `python -m bot backup` has written.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Move aside what is in the way; it isn't deleted.")
    ] = False,
) -> None:
    """Put back what a backup holds; stop the bot first."""
    settings = preparation.start()
    from bot.storage.backup import restore as put_back

    restored = put_back(file, _places(settings), datetime.now(UTC), force=force)
    for folder in restored.moved_to:
        typer.echo(f"What was there before is in {folder}")
    made = restored.manifest
    typer.echo(
        f"Restored as of {made.made_at:%Y-%m-%d %H:%M} UTC: {made.questions:,} questions, "
        f"{made.articles:,} articles. Next: python -m bot reindex"
    )


def _places(settings: "Settings") -> "Places":
    from bot.storage.backup import Places

    return Places(settings.data_dir, settings.articles_dir, settings.database_url)
