"""How the journal came to have the tables that it has: each step a file under versions/."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

_FOLDER = "bot.storage:migrations"


def upgrade(connection: sa.Connection) -> None:
    """Bring the tables up to date; whoever calls it lets nobody else do so at the same time.

    Raises:
        CommandError: they are of a newer version.
    """
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def table_versions() -> list[str]:
    """The versions that the tables may have, the newest first."""
    script = ScriptDirectory.from_config(_config())
    return [each.revision for each in script.walk_revisions()]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", _FOLDER)
    return config
