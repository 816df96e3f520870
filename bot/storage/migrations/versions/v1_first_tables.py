"""The first tables: questions, verdicts, replies, languages."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

# Not everywhere does an integer hold as large a number as in SQLite.
_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "questions",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("person", sa.String(64), index=True),
        sa.Column("asked_at", sa.DateTime, nullable=False, index=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("article", sa.Text),
        sa.Column("confidence", sa.Float),
        sa.Column("chat_kind", sa.String(16), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "verdicts",
        sa.Column(
            "question",
            _NUMBER,
            sa.ForeignKey("questions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("person", sa.String(64), primary_key=True, index=True),
        sa.Column("helpful", sa.Boolean, nullable=False),
    )
    op.create_table(
        "replies",
        sa.Column("message", sa.String(64), primary_key=True),
        sa.Column("reply_id", sa.Integer, nullable=False),
        sa.Column("person", sa.String(64), index=True),
        sa.Column("sent_at", sa.DateTime, nullable=False, index=True),
    )
    op.create_table(
        "languages",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("language", sa.String(2), nullable=False),
    )
