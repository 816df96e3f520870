"""The time as a database server tells it, which is the same for all replicas."""

import sqlalchemy as sa

SERVER_TIME: sa.ColumnElement[object] = sa.func.timezone("utc", sa.func.now(), type_=sa.DateTime)
"""UTC, without a time zone: when the transaction began. Only for a database that is shared."""
