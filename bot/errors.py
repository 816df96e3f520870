"""What can go wrong in the bot itself, and what to do about it.

BotError
├── SettingsError           a setting is wrong: which one, and an example of a right one
├── QuoteError              a quote isn't what the article says: it is not sent
├── TelegramUnavailable     the bot can't begin: Telegram refuses the token or can't be reached
├── MonitoringUnavailable   the port on which the bot says how it is can't be had: why
├── BotRunning              another bot has this data folder
├── DataFolderUnusable      the data folder can't be made or written to: why
├── JournalUnusable         the journal can't be opened: why, and what to do
│   └── JournalDamaged      its file is broken
├── JournalError            the journal can't be read or written just now
├── JournalNotMoved         the journal can't be moved to another database: why
├── DraftsUnusable          the folder of drafts can't be read or written: why
├── DetailNotUnderstood     a title, date or link that somebody typed can't be one
├── ReadingFailed           what reads links and files for us ended without a draft
├── BackupError             a backup can't be made, or not be restored: why, and what to do
├── OutputUnwritable        a file that a command was told to write can't be written
└── ReindexError            a reindex ended without a report: why
    ├── ReindexRunning      one is running already
    ├── ReindexBusy         another process is writing to the index
    └── ReindexCancelled    somebody stopped it; the index is as it was
"""

_RIGHT = {
    "title": "write one line",
    "date": "write it such as 2025-06-12 or 12 June 2025, or - for none",
    "link": "write it whole, such as https://example.org/news/article",
    "publisher": "write one line, or - for none",
}


class BotError(Exception):
    """Base of all errors that this package raises on purpose; each message is one line."""


class SettingsError(BotError):
    """A setting is wrong; the message names it and never shows its value."""


class QuoteError(BotError):
    """A quote differs from the article that it is said to be from."""


class TelegramUnavailable(BotError):
    """Telegram refuses the token, or its server can't be reached."""


class MonitoringUnavailable(BotError):
    """The port on which the bot says how it is can't be listened on."""


class BotRunning(BotError):
    """Another bot is running with the same data folder."""


class DataFolderUnusable(BotError):
    """The data folder can't be made, or not be written to."""


class JournalUnusable(BotError):
    """The journal is damaged, can't be written, is of a newer version, or a server refuses us."""


class JournalDamaged(JournalUnusable):
    """The journal's file is no database any more, or a part of it is broken."""


class JournalError(BotError):
    """The journal can't be read or written just now: the disk is full, or the server away."""


class JournalNotMoved(BotError):
    """The journal can't be moved to another database; both are as they were."""


class DraftsUnusable(BotError):
    """The folder of drafts can't be read or written."""


class DetailNotUnderstood(BotError):
    """What somebody typed can't be the detail of an article that it is meant to be."""

    def __init__(self, detail: str, typed: str) -> None:
        self.detail = detail
        """A `bot.drafts.details.Detail`."""
        super().__init__(f"'{typed}' is not a {detail}: {_RIGHT[detail]}.")


class ReadingFailed(BotError):
    """The process that reads a link or a file ended in another way than it should."""


class BackupError(BotError):
    """A backup can't be made or is damaged, or something is in the way of restoring it."""


class OutputUnwritable(BotError):
    """A file that a command was told to write can't be written."""


class ReindexError(BotError):
    """A reindex ended without a report; the message is its own last word."""


class ReindexRunning(ReindexError):
    """Another reindex has not ended yet."""


class ReindexBusy(ReindexError):
    """Another process is writing to the index, such as `python -m bot reindex`."""


class ReindexCancelled(ReindexError):
    """Somebody stopped the reindex, and the index is as it was before."""
