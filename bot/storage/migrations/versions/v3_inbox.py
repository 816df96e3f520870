"""The inbox."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"

# Not everywhere does an integer hold as large a number as in SQLite.
_NUMBER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "inbox",
        sa.Column("update_id", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("person", sa.String(64)),
        sa.Column("payload", sa.Text),
    )
