"""What several replicas of the bot share: who handles an update, who does regular work."""

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Make the tables, and what the inbox and troubles need to be shared."""
    op.add_column("inbox", sa.Column("line", sa.String(64)))
    op.add_column("inbox", sa.Column("lane", sa.String(16)))
    op.add_column("inbox", sa.Column("turn_at", sa.DateTime))
    op.add_column("inbox", sa.Column("claimed_by", sa.String(64)))
    op.add_column("inbox", sa.Column("claimed_until", sa.DateTime))
    left, claimed = sa.text("payload IS NOT NULL"), sa.text("claimed_by IS NOT NULL")
    for name, columns, unique, where in (
        ("ix_inbox_line", ["line", "update_id"], False, left),
        ("ix_inbox_turn", ["lane", "turn_at"], False, left),
        ("ix_inbox_person", ["person"], False, left),
        ("ix_inbox_claim", ["line"], True, claimed),
    ):
        op.create_index(
            name, "inbox", columns, unique=unique, sqlite_where=where, postgresql_where=where
        )
    op.add_column("troubles", sa.Column("seen_at", sa.DateTime))
    op.create_table(
        "jobs",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("next_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "paces",
        sa.Column("name", sa.String(80), primary_key=True),
        sa.Column("free_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "recent_questions",
        sa.Column("asker", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(64), nullable=False, index=True),
        sa.Column("asked_at", sa.DateTime, nullable=False, index=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "article_queue",
        sa.Column("staging", sa.String(64), primary_key=True),
        sa.Column("slug", sa.Text, primary_key=True),
        sa.Column("digest", sa.String(64)),
        sa.Column("texts", sa.Integer, nullable=False),
        sa.Column("claimed_by", sa.String(64)),
        sa.Column("free_at", sa.DateTime, nullable=False),
    )
