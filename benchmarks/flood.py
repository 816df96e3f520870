"""A minute of 10,000 updates from 1,000 chats: what the inbox takes for it; `make flood`.

The handlers only mark that a reply is on its way, since Telegram itself would take no more than 30
replies a second. Updates come as fast as they are taken, the first half while nothing is handled.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import psutil
import typer
from rich.console import Console
from telegram import Bot, Update
from telegram.error import Forbidden
from telegram.ext import ContextTypes, TypeHandler

from bot.storage.journal import Journal
from bot.transport.handling import mark_replying
from bot.transport.inbox import Inbox
from bot.troubles import Troubles

_QUESTION = "How long is the bridge over the Naryn, and when was it opened?"


class _Unheard(Bot):
    """Speaks to nobody: who waits long would be told so."""

    async def send_message(self, *_: object, **__: object) -> NoReturn:
        """Send nothing."""
        raise Forbidden("There is nobody.")


_BOT = _Unheard("1:unheard")


class _NoTroubles(Troubles):
    """Nothing may fail here."""

    def __init__(self) -> None:
        pass

    async def begin(self, key: str, text_key: str, **arguments: str) -> None:
        """End the run."""
        sys.exit(f"{key}: {text_key} {arguments}")


def flood(updates: int = 10_000, chats: int = 1_000) -> None:
    """Send so many updates from so many chats, and see to it that each is handled once."""
    asyncio.run(_flood(updates, chats))


async def _flood(updates: int, chats: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Journal.open(Path(folder), days=0)) as journal,
    ):
        inbox = Inbox(journal)
        handled = Counter[int]()
        may_begin, all_handled = asyncio.Event(), asyncio.Event()

        async def handle(update: Update) -> None:
            await may_begin.wait()
            await mark_replying()
            handled[update.update_id] += 1
            if len(handled) == updates:
                all_handled.set()

        async def process(update: Update) -> None:
            await inbox.processor.process_update(update, handle(update))
            inbox.task_done()

        async def work() -> None:
            async with asyncio.TaskGroup() as tasks:
                while isinstance(update := await inbox.get(), Update):
                    tasks.create_task(process(update))
            inbox.task_done()

        async def nothing(*_: object) -> None:
            raise AssertionError

        takes_all: TypeHandler[Update, ContextTypes.DEFAULT_TYPE, None]
        takes_all = TypeHandler(Update, nothing)
        inbox.connect(
            _BOT, _NoTroubles(), handlers=[takes_all], by_admins=[], admin_ids=frozenset()
        )
        await inbox.open()
        working = asyncio.create_task(work())
        before = _memory()
        begun = time.perf_counter()
        for number in range(updates):
            if number == updates // 2:
                most, waiting = _memory(), inbox.waiting
                may_begin.set()
            await inbox.put(Update.de_json(_update(number, 10_000 + number % chats), _BOT))
        taken = time.perf_counter() - begun
        await all_handled.wait()
        done = time.perf_counter() - begun
        await inbox.put("stop")
        await working
        await inbox.close()
        once = sum(times == 1 for times in handled.values())
        Console().print(
            f"{updates:,} updates from {chats:,} chats: all taken after {taken:.1f} s and handled "
            f"after {done:.1f} s, {once:,} of them exactly once\n"
            f"memory {before:.0f} MB before, {most:.0f} MB with {waiting:,} waiting, "
            f"{_memory():.0f} MB at the end"
        )
        if once != updates:
            sys.exit(1)


def _update(number: int, chat: int) -> dict[str, Any]:
    person = {"id": chat, "is_bot": False, "first_name": "Alice", "language_code": "en"}
    place = {"id": chat, "type": "private", "first_name": "Alice"}
    message = {"message_id": number + 1, "date": 0, "chat": place, "from": person}
    return {"update_id": number, "message": {**message, "text": _QUESTION}}


def _memory() -> float:
    """Resident memory of this process, in megabytes."""
    return float(psutil.Process().memory_info().rss / 1e6)


if __name__ == "__main__":
    typer.run(flood)
