"""What can go wrong in the bot itself, and what to do about it.

BotError
├── SettingsError           a setting is wrong: which one, and an example of a right one
├── QuoteError              a quote isn't what the article says: it is not sent
├── TelegramUnavailable     the bot can't begin: Telegram refuses the token or can't be reached
├── JournalUnusable         the journal can't be opened: why, and what to do
├── JournalError            the journal can't be read or written just now
└── ReindexError            a reindex ended without a report: why
    └── ReindexRunning      one is running already
"""


class BotError(Exception):
    """Base of all errors that this package raises on purpose; each message is one line."""


class SettingsError(BotError):
    """A setting is wrong; the message names it and never shows its value."""


class QuoteError(BotError):
    """A quote differs from the article that it is said to be from."""


class TelegramUnavailable(BotError):
    """Telegram refuses the token, or its server can't be reached."""


class JournalUnusable(BotError):
    """The journal is damaged, can't be written, or is of a newer version."""


class JournalError(BotError):
    """The journal can't be read or written just now, since the disk is full or it is locked."""


class ReindexError(BotError):
    """A reindex ended without a report; the message is its own last word."""


class ReindexRunning(ReindexError):
    """Another reindex has not ended yet."""
