"""Runs replicas of a bot, each a process of its own.

A light process forks them, since what takes long to load is loaded once. It reads one order a
line, as JSON, and answers each by a line with a number when it is carried out:

    ["start", "0", {...}]   begin replica 0 with these environment variables; its process id
    ["kill", "0"]           end it with -9; minus nine
    ["stop", "0"]           ask it to stop, and wait until it has; its exit code
"""

import asyncio
import importlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import NoReturn

import bot.transport.claiming
from bot.answering import Answering
from bot.application import build_bot
from bot.localization import say
from bot.serving import serve
from bot.settings import Settings
from bot.storage.journal import Journal
from embeddings.confidence import Calibration
from embeddings.retriever import Hit, Retriever
from embeddings.stores.milvus_engine import _import_errors
from embeddings.stores.opening import open_store
from fixed_retriever import FixedRetriever
from knowledge.language import LANGUAGES, detect_language
from word_embedder import WordEmbedder

logger = logging.getLogger(__name__)

EMBEDDER = WordEmbedder("bridge", "long", "metres")
"""Of the index that STORE_URL names; without one there is a fixed retriever."""

# Of whatever is found it is sure.
_CALIBRATION = Calibration(5, {}, EMBEDDER.model, "nothing")
# In seconds.
_SEARCH = 0.05


class SlowRetriever(FixedRetriever):
    """Takes as long as a model does, so that much is under way at any moment."""

    def search_batch(
        self,
        questions: Sequence[str],
        limit: int = 3,
        without: Sequence[str | None] | None = None,
        within: Sequence[str | None] | None = None,
        after: Sequence[str | None] | None = None,
    ) -> list[list[Hit]]:
        """What its base finds, later."""
        time.sleep(_SEARCH)
        return super().search_batch(questions, limit, without, within, after)


def main() -> None:
    """Carry out the orders."""
    # What takes long to load is loaded before the children are forked.
    importlib.import_module("asyncpg")
    detect_language("How long is the bridge?")
    for language in LANGUAGES:
        say(language, "inbox-ask-again")
    children: dict[str, int] = {}
    for line in sys.stdin:
        order, number, *more = json.loads(line)
        if order == "start":
            if more[0]["STORE_URL"]:
                _import_errors()
                importlib.import_module("torch")
            children[number] = os.fork()
            if not children[number]:
                _run(*more)
            answer = children[number]
        else:
            child = children.pop(number)
            os.kill(child, signal.SIGKILL if order == "kill" else signal.SIGTERM)
            answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for child in children.values():
        os.kill(child, signal.SIGKILL)


def _run(environment: dict[str, str]) -> NoReturn:
    code = 1
    try:
        os.environ.update(environment)
        os.chdir(environment["FOLDER"])
        bot.transport.claiming._LEASE = float(environment["LEASE"])
        settings = Settings()
        logging.basicConfig(filename=f"log-{os.getpid()}", level=logging.WARNING)
        journal = Journal.open(settings.data_dir, 90, url=settings.database_url)
        answering = Answering(partial(_open_retriever, settings))
        with closing(journal):
            asyncio.run(serve(build_bot(settings, answering, journal)))
        code = 0
    except BaseException:
        logger.exception("The replica has failed")
    finally:
        logging.shutdown()
        os._exit(code)


def _open_retriever(settings: Settings) -> Retriever:
    if not settings.store_url:
        return SlowRetriever()
    return Retriever(open_store(settings.store_address, EMBEDDER), EMBEDDER, _CALIBRATION)


if __name__ == "__main__":
    main()
