"""The tables of the bot's own database, as the migrations leave them.

In all of them: "person" is a keyed hash, None of somebody without an identity; times are UTC.
Who changes a table here writes a migration as well (bot/storage/migrations/versions).
"""

import sqlalchemy as sa

TABLES = sa.MetaData()

QUESTIONS = sa.Table(
    "questions",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.String(64), index=True),
    sa.Column("asked_at", sa.DateTime, nullable=False, index=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("language", sa.String(2), nullable=False),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("article", sa.Text),
    sa.Column("confidence", sa.Float),
    sa.Column("chat_kind", sa.String(16), nullable=False),
    # An old button must never rate a newer question, so no id is given twice.
    sqlite_autoincrement=True,
)
VERDICTS = sa.Table(
    "verdicts",
    TABLES,
    sa.Column(
        "question",
        sa.Integer,
        sa.ForeignKey(QUESTIONS.c.id, ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("person", sa.String(64), primary_key=True, index=True),
    sa.Column("helpful", sa.Boolean, nullable=False),
)
REPLIES = sa.Table(
    "replies",
    TABLES,
    # A keyed hash of chat and message: the id of a private chat is the person's.
    sa.Column("message", sa.String(64), primary_key=True),
    sa.Column("reply_id", sa.Integer, nullable=False),
    sa.Column("person", sa.String(64), index=True),
    sa.Column("sent_at", sa.DateTime, nullable=False, index=True),
)
LANGUAGES = sa.Table(
    "languages",
    TABLES,
    sa.Column("person", sa.String(64), primary_key=True),
    sa.Column("language", sa.String(2), nullable=False),
)
WISHES = sa.Table(
    "wishes",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("person", sa.String(64), nullable=False, index=True),
    # The id itself, without which nobody could be told; it goes with the wish.
    sa.Column("chat_id", sa.BigInteger, nullable=False),
    # Our message that found nothing, which the answer will reply to.
    sa.Column("message_id", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("language", sa.String(2), nullable=False),
    sa.Column("wished_at", sa.DateTime, nullable=False, index=True),
    sa.UniqueConstraint("person", "text"),
    sqlite_autoincrement=True,
)
TROUBLES = sa.Table(
    "troubles",
    TABLES,
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("text_key", sa.String(64), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("began_at", sa.DateTime, nullable=False),
)
SOURCES = sa.Table(
    "sources",
    TABLES,
    sa.Column("url", sa.Text, primary_key=True),
    sa.Column("kind", sa.String(16)),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("checked_at", sa.DateTime),
    # The listing was read for the last time, and how many new entries were in it.
    sa.Column("read_at", sa.DateTime),
    sa.Column("found", sa.Integer, nullable=False),
    sa.Column("next_check_at", sa.DateTime),
    # Checks that failed since the last one that didn't, and why the last one did.
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("failing_since", sa.DateTime),
    # No check until an admin says so.
    sa.Column("paused", sa.Boolean, nullable=False),
    # A process that checks it now claims it until then, and again as it goes on.
    sa.Column("claimed_until", sa.DateTime),
    sa.Column("problem", sa.String(64)),
    sa.Column("detail", sa.Text),
)
SOURCE_ENTRIES = sa.Table(
    "source_entries",
    TABLES,
    sa.Column("source", sa.Text, primary_key=True),
    # See `knowledge.duplicates.link_key`.
    sa.Column("link", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("title", sa.Text),
    sa.Column("published", sa.Date),
    sa.Column("seen_at", sa.DateTime, nullable=False, index=True),
    # Among those that were new with it, from 0.
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("next_try_at", sa.DateTime),
    sa.Column("problem", sa.String(64)),
    sa.Column("detail", sa.Text),
)
INBOX = sa.Table(
    "inbox",
    TABLES,
    # Telegram's own number; the row stays a few days longer than the rest of it, so that an update
    # that comes again is known.
    sa.Column("update_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("received_at", sa.DateTime, nullable=False),
    # See `bot.storage.inbox.UpdateState`.
    sa.Column("state", sa.String(16), nullable=False),
    # How often the bot was started while this waited.
    sa.Column("starts", sa.Integer, nullable=False),
    # These two are there until it is done. The payload is what Telegram sent, with names and ids.
    sa.Column("person", sa.String(64)),
    sa.Column("payload", sa.Text),
)
STATE = sa.Table(
    "state",
    TABLES,
    # What one module must know after a restart; each name is used in one place.
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
