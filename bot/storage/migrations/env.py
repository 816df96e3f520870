"""What Alembic runs to bring a journal up to date; `bot.database` hands it the connection."""

from alembic import context

from bot.schema import TABLES

context.configure(connection=context.config.attributes["connection"], target_metadata=TABLES)
with context.begin_transaction():
    context.run_migrations()
