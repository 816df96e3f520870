"""Opens the journal for the bot, which must begin to answer though its journal is damaged."""

import logging
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from pydantic import SecretStr

from bot.errors import DataFolderUnusable, JournalDamaged
from bot.storage.database import JOURNAL_FILE
from bot.storage.journal import Journal
from bot.storage.schema import LANGUAGES, QUESTIONS, WISHES

logger = logging.getLogger(__name__)


def open_journal(folder: Path, days: int, url: SecretStr | None = None) -> Journal:
    """Open the journal; a damaged file is set aside, and a new one begun.

    Args:
        folder: The data folder.
        days: How long questions are kept; 0 if they aren't.
        url: See `Database.open`.

    Raises:
        JournalUnusable: as `Journal.open` does, but not for damage.
        JournalError: the disk is full, the file is locked, or the server is away.
    """
    try:
        journal = Journal.open(folder, days, url=url)
    except JournalDamaged as error:
        damage = str(error)
    else:
        journal.key_is_lost = _key_is_lost(journal, folder)
        return journal
    set_aside = _set_aside(folder)
    logger.error("%s It is kept as %s, and a new one is begun.", damage, set_aside)
    journal = Journal.open(folder, days)
    journal.set_aside = set_aside
    return journal


def _key_is_lost(journal: Journal, folder: Path) -> bool:
    if not journal.database.key_is_new or not journal.database.read_now(_knows_people):
        return False
    logger.error(
        "journal.key was missing in %s, so a new one was made: what is in the journal belongs to "
        "nobody now. To undo that, stop the bot and restore journal.key from a backup.",
        folder,
    )
    return True


def _set_aside(folder: Path) -> Path:
    """Rename the journal's files; returns the new name of the first."""
    stamp = f"damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}-"
    try:
        for path in sorted(folder.glob(f"{JOURNAL_FILE}*")):
            path.rename(folder / f"{stamp}{path.name}")
    except OSError as error:
        raise DataFolderUnusable(
            f"The damaged journal in {folder} can't be renamed ({error.strerror}): move it away."
        ) from error
    return folder / f"{stamp}{JOURNAL_FILE}"


def _knows_people(connection: sa.Connection) -> bool:
    return any(
        connection.scalar(sa.select(sa.exists().where(table.c.person.is_not(None))))
        for table in (QUESTIONS, LANGUAGES, WISHES)
    )
