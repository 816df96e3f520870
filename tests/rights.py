"""Who may read the files that the bot makes."""

from pathlib import Path


def open_to_others(folder: Path) -> list[str]:
    """The files and folders in a folder that others than their owner may read or write.

    Without the embedding model, which anybody can have.
    """
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if "models" not in path.parts and path.stat().st_mode & 0o077
    ]
