"""A bot in a process of its own, for tests that stop it.

    python stopped_bot.py URL TOKEN FOLDER SECONDS [hang]

It gives what is under way SECONDS to end. With "hang" its model is never loaded.
"""

import asyncio
import logging
import sys
import time
from contextlib import closing
from pathlib import Path

from pydantic import SecretStr

from bot.answering import Answering
from bot.application import build_bot
from bot.serving import serve
from bot.settings import Settings
from bot.storage.journal import Journal
from bot.transport.patience import Patience
from embeddings.retriever import Retriever
from fixed_retriever import FixedRetriever


def load() -> Retriever:
    """What loads the model."""
    if "hang" in sys.argv:
        time.sleep(600)
    return FixedRetriever()


def main() -> None:
    """Run it."""
    url, token, folder, seconds = sys.argv[1:5]
    logging.basicConfig(level="INFO")
    logging.getLogger("httpx").setLevel("WARNING")
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        telegram_bot_token=SecretStr(token),
        telegram_api_url=url,
        data_dir=Path(folder),
    )
    with closing(Journal.open(settings.data_dir, days=90)) as journal:
        patience = Patience(stop=float(seconds))
        asyncio.run(serve(build_bot(settings, Answering(load), journal, patience)))


if __name__ == "__main__":
    main()
