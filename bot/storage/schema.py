"""The tables of the bot's own database, as the migrations leave them.

In all of them: "person" is a keyed hash, None of somebody without an identity; times are UTC.
Who changes a table here writes a migration as well (bot/storage/migrations/versions).
"""

import sqlalchemy as sa

TABLES = sa.MetaData()

# Not everywhere does an integer hold as large a number as in SQLite.
_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")

QUESTIONS = sa.Table(
    "questions",
    TABLES,
    sa.Column("id", _NUMBER, primary_key=True),
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
        _NUMBER,
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
    sa.Column("id", _NUMBER, primary_key=True),
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
    # SQLite takes it however long it is, and a link may be longer.
    sa.Column("key", sa.String(255).with_variant(sa.Text(), "postgresql"), primary_key=True),
    sa.Column("text_key", sa.String(64), nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("began_at", sa.DateTime, nullable=False),
    # When a replica has said for the last time that it goes on.
    sa.Column("seen_at", sa.DateTime),
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
    sa.Column("update_id", _NUMBER, primary_key=True, autoincrement=False),
    sa.Column("received_at", sa.DateTime, nullable=False),
    # See `bot.storage.inbox.UpdateState`.
    sa.Column("state", sa.String(16), nullable=False),
    # How often the bot was started while this waited.
    sa.Column("starts", sa.Integer, nullable=False),
    # These two are there until it is done. The payload is what Telegram sent, with names and ids.
    sa.Column("person", sa.String(64)),
    sa.Column("payload", sa.Text),
    # These five are for replicas, and as long there. A keyed hash of the chat and its lane (see
    # `bot.transport.turns`), in which the order is kept; since when its turn is due; which replica
    # handles it, and until when unless that one says so again.
    sa.Column("line", sa.String(64)),
    sa.Column("lane", sa.String(16)),
    sa.Column("turn_at", sa.DateTime),
    sa.Column("claimed_by", sa.String(64)),
    sa.Column("claimed_until", sa.DateTime),
)
# What is done is in none of these, so they are no larger than what waits.
_LEFT = INBOX.c.payload.is_not(None)
_CLAIMED = INBOX.c.claimed_by.is_not(None)
sa.Index(
    "ix_inbox_line",
    INBOX.c.line,
    INBOX.c.update_id,
    sqlite_where=_LEFT,
    postgresql_where=_LEFT,
)
sa.Index(
    "ix_inbox_turn", INBOX.c.lane, INBOX.c.turn_at, sqlite_where=_LEFT, postgresql_where=_LEFT
)
sa.Index("ix_inbox_person", INBOX.c.person, sqlite_where=_LEFT, postgresql_where=_LEFT)
# Whatever replicas do at the same moment: of each line one update at most is being handled.
sa.Index(
    "ix_inbox_claim",
    INBOX.c.line,
    unique=True,
    sqlite_where=_CLAIMED,
    postgresql_where=_CLAIMED,
)
JOBS = sa.Table(
    "jobs",
    TABLES,
    # Regular work that one of the replicas does, and when it is due.
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("next_at", sa.DateTime, nullable=False),
)
PACES = sa.Table(
    "paces",
    TABLES,
    # What all replicas together may do only so often, and from when on it is free again.
    sa.Column("name", sa.String(80), primary_key=True),
    sa.Column("free_at", sa.DateTime, nullable=False),
)
RECENT_QUESTIONS = sa.Table(
    "recent_questions",
    TABLES,
    # What people asked last, for some minutes. The key is a keyed hash of chat and person.
    sa.Column("asker", sa.String(64), primary_key=True),
    sa.Column("person", sa.String(64), nullable=False, index=True),
    sa.Column("asked_at", sa.DateTime, nullable=False, index=True),
    sa.Column("text", sa.Text, nullable=False),
)
ARTICLE_QUEUE = sa.Table(
    "article_queue",
    TABLES,
    # Articles that a reindex has to embed; processes that help take them from here. Those that
    # are done are gone. The key is that of `embeddings.stores.contract.Staging`.
    sa.Column("staging", sa.String(64), primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
    # See `knowledge.corpus.file_digest`.
    sa.Column("digest", sa.String(64)),
    # How many passages and sentences it has.
    sa.Column("texts", sa.Integer, nullable=False),
    sa.Column("claimed_by", sa.String(64)),
    # From then on anybody may take it.
    sa.Column("free_at", sa.DateTime, nullable=False),
)
STATE = sa.Table(
    "state",
    TABLES,
    # What one module must know after a restart; each name is used in one place.
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
