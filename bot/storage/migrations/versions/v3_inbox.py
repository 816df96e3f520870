"""The inbox."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "inbox",
        sa.Column("update_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("received_at", sa.DateTime, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("person", sa.String(64)),
        sa.Column("payload", sa.Text),
    )
