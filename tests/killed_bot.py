"""Runs a bot that is killed: a light process forks one for each start, and kills it with -9.

It reads one order a line, "start" or "kill", and says "done" to each.
"""

import asyncio
import logging
import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from bot.answering import Answering
from bot.application import build_bot
from bot.localization import say
from bot.serving import serve
from bot.settings import Settings
from bot.storage.journal import Journal
from fixed_retriever import FixedRetriever
from knowledge.language import LANGUAGES, detect_language


def main() -> None:
    """Carry out the orders on stdin, with the settings of the environment."""
    settings = Settings()
    logging.basicConfig(filename=settings.data_dir / "log", level=logging.WARNING)
    # What takes long to load is loaded before the children are forked.
    Journal.open(settings.data_dir, 0).close()
    detect_language("How long is the bridge?")
    for language in LANGUAGES:
        say(language, "inbox-ask-again")
    child = 0
    for order in sys.stdin:
        if order.strip() == "start":
            child = os.fork()
            if not child:
                _run(settings)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        sys.stdout.write("done\n")
        sys.stdout.flush()


def _run(settings: Settings) -> NoReturn:
    try:
        with closing(Journal.open(Path(settings.data_dir), 0)) as journal:
            bot = build_bot(settings, Answering(FixedRetriever), journal)
            asyncio.run(serve(bot))
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
