"""What Alembic runs to bring a journal up to date; the database hands it the connection."""

from alembic import context

from bot.storage.schema import TABLES

context.configure(connection=context.config.attributes["connection"], target_metadata=TABLES)
with context.begin_transaction():
    context.run_migrations()
