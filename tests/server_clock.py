"""The time of a database server, as a test has it."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa


def server_time(now: Callable[[], datetime]) -> sa.ColumnElement[object]:
    """What stands in for `bot.storage.server_time.SERVER_TIME`: UTC, without a time zone."""
    return sa.bindparam("now", callable_=now, type_=sa.DateTime)
