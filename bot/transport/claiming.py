"""Has this replica claim what waits in an inbox that it shares, as it has places for it."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping

from bot.errors import JournalError
from bot.storage.claims import SharedInboxRecords
from bot.storage.database import Database
from bot.storage.inbox import UpdateRecord
from bot.transport.turns import Lane

logger = logging.getLogger(__name__)

# In seconds: after so long what a replica had that has died is another's.
_LEASE = 20.0
# How often a claim is renewed before it would end.
_RENEWALS = 4
# In seconds. What another replica has no place for, or gives back, waits no longer than this.
_LOOKS_EVERY = 1.0


class Claiming:
    """Claims updates, keeps the claims while they are needed, and gives back what is left."""

    def __init__(
        self,
        database: Database,
        free: Callable[[], Mapping[Lane, int]],
        take: Callable[[UpdateRecord], Awaitable[None]],
    ) -> None:
        """Take the database that is shared.

        Args:
            database: Where updates wait.
            free: How many places each lane has for more.
            take: Is called with each update that was claimed.
        """
        # Whoever looks into the table sees where to look for the process.
        name = f"{socket.gethostname()[:32]} {os.getpid()} {secrets.token_hex(4)}"
        self.records = SharedInboxRecords(database, name, _LEASE)
        self.waiting = 0
        """How many updates waited for a replica when this one looked last."""
        self._free = free
        self._take = take
        self._held = set[int]()
        self._unwanted = set[int]()
        self._due = set[Lane]()
        self._woken = asyncio.Event()
        self._is_open = False
        # A work that had nothing to ask the database for doesn't end an outage of another.
        self._failing = set[Callable[[], Awaitable[None]]]()

    def open(self) -> None:
        """Begin to claim."""
        self._is_open = True
        self.wake(*Lane)

    def stop(self) -> None:
        """Claim nothing more."""
        self._is_open = False

    def wake(self, *lanes: Lane) -> None:
        """Something may be there to claim in these lanes, or a place for it."""
        self._due.update(lanes)
        self._woken.set()

    def let_go(self, update_ids: Iterable[int]) -> None:
        """Renew these claims no more: they are done, or another's."""
        self._held.difference_update(update_ids)

    def give_back(self, update_id: int) -> None:
        """Let another replica have an update, of which nothing has been seen yet."""
        if update_id in self._held:
            self._held.remove(update_id)
            self._unwanted.add(update_id)
            self.wake()

    async def run(self) -> None:
        """Do all this until this is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._claim, self._woken.wait))
            tasks.create_task(self._repeat(self._look, lambda: asyncio.sleep(_LOOKS_EVERY)))
            tasks.create_task(self._repeat(self._renew, lambda: asyncio.sleep(_LEASE / _RENEWALS)))

    async def close(self) -> None:
        """Give back all that is ours, once nothing of it is being handled any more."""
        try:
            await self.records.give_back()
        except JournalError as error:
            logger.warning("Other replicas have to wait for what was claimed: %s", error)

    async def _repeat(
        self, work: Callable[[], Awaitable[None]], wait: Callable[[], Awaitable[object]]
    ) -> None:
        while True:
            await wait()
            try:
                await work()
            except JournalError as error:
                if not self._failing:
                    logger.warning("The inbox that replicas share is out of reach: %s", error)
                self._failing.add(work)
                await asyncio.sleep(_LOOKS_EVERY)
            except Exception:
                # Without this nothing would ever be claimed again.
                logger.exception("Claiming has failed")
                await asyncio.sleep(_LOOKS_EVERY)
            else:
                if self._failing == {work}:
                    logger.warning("The inbox that replicas share is there again")
                self._failing.discard(work)

    async def _claim(self) -> None:
        self._woken.clear()
        lanes, self._due = self._due, set()
        if unwanted := set(self._unwanted):
            await self.records.give_back(unwanted)
            self._unwanted -= unwanted
        if not self._is_open:
            return
        places = [(lane, free) for lane, free in self._free().items() if free and lane in lanes]
        for record in await self.records.claim(places) if places else []:
            if record.update_id in self._held:
                continue  # it had ended while we were frozen, and nobody else has taken it
            self._held.add(record.update_id)
            if self._is_open:
                await self._take(record)
            else:
                self.give_back(record.update_id)

    async def _look(self) -> None:
        self.waiting = await self.records.count()
        self.wake(*Lane)

    async def _renew(self) -> None:
        if self._held:
            await self.records.renew(self._held)
