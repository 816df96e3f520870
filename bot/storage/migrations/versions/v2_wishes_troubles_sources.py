"""Wishes, troubles, and what is known of sources."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

# Not everywhere does an integer hold as large a number as in SQLite.
_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "wishes",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("person", sa.String(64), nullable=False, index=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("wished_at", sa.DateTime, nullable=False, index=True),
        sa.UniqueConstraint("person", "text"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "troubles",
        sa.Column("key", sa.String(255).with_variant(sa.Text(), "postgresql"), primary_key=True),
        sa.Column("text_key", sa.String(64), nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("began_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "sources",
        sa.Column("url", sa.Text, primary_key=True),
        sa.Column("kind", sa.String(16)),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("checked_at", sa.DateTime),
        sa.Column("read_at", sa.DateTime),
        sa.Column("found", sa.Integer, nullable=False),
        sa.Column("next_check_at", sa.DateTime),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failing_since", sa.DateTime),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("claimed_until", sa.DateTime),
        sa.Column("problem", sa.String(64)),
        sa.Column("detail", sa.Text),
    )
    op.create_table(
        "source_entries",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("link", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("published", sa.Date),
        sa.Column("seen_at", sa.DateTime, nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.DateTime),
        sa.Column("problem", sa.String(64)),
        sa.Column("detail", sa.Text),
    )
    op.create_table(
        "state",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
