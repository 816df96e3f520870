"""The inbox: what Telegram sends is written down before Telegram hears that we have it.

    Telegram -> put: written down -> in turn among chats -> get -> handlers -> done: forgotten

So a kill loses nothing. What had not come far by then is handled at the next start as if it had
just come; where a reply may have been on its way already, the person is asked to ask again, and
nobody gets an answer twice.

Replicas that share a database share the inbox. Then what is written down waits there until one of
them claims it (`bot.storage.claims`), and what one had that was killed is soon another's.
"""

import asyncio
import inspect
import json
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from telegram import Bot, Update
from telegram.error import TelegramError
from telegram.ext import BaseHandler, BaseUpdateProcessor

from bot import metrics
from bot.errors import JournalError
from bot.handlers.notices import tell_sender
from bot.metrics import Stage
from bot.storage.claims import Added, Limits, Place
from bot.storage.inbox import InboxRecords, UpdateRecord, UpdateState
from bot.storage.journal import Journal
from bot.transport.claiming import Claiming
from bot.transport.handling import Handling, handled
from bot.transport.patience import growing_pauses
from bot.transport.sending import reason_of, was_refused
from bot.transport.turns import Kind, Lane, Turns, Waiting
from bot.troubles import Troubles

logger = logging.getLogger(__name__)

Handler: TypeAlias = BaseHandler[Any, Any, Any]
Errand: TypeAlias = Callable[[], Awaitable[None]]

# Each of the lanes.
_PLACES = 64

_MOST_OF_A_PERSON = 30
_MOST_OF_A_CHAT = 200
_MOST_WAITING = 20_000
# Chats of a lane. Telegram takes 30 messages a second: who comes then waits for several seconds.
_MANY = 150

# An update that was there at so many starts may be what ends the bot each time.
_MOST_STARTS = 3

# In seconds: then Telegram takes no answer any more.
_OF_USE = {Kind.PRESS: 15.0, Kind.INLINE: 10.0}

_WIPED_EVERY = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class Inbox(asyncio.Queue[object]):
    """The library's update queue.

    What is in the queue as such has got a place and is about to be handled; all else waits in
    line, of which the memory holds numbers only. `processor` must be the application's.
    """

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where updates are kept, and a clock that tells seconds and never goes back."""
        super().__init__()
        self.processor = InboxProcessor(self)
        self._journal = journal
        self._records = InboxRecords(journal.database)
        self._claiming: Claiming | None = None
        if journal.database.is_shared:
            self._claiming = Claiming(journal.database, self._free_places, self._take_on)
            self._records = self._claiming.records
        self._clock = clock
        self._lanes = {lane: Turns(_PLACES) for lane in Lane}
        self._of_people: Counter[int] = Counter()
        self._under_way: dict[int, Waiting] = {}
        self._handlings = set[asyncio.Task[Any]]()
        # What got a place at once, or was claimed, and needn't be read again.
        self._at_hand: dict[int, Update] = {}
        # What isn't on the disk: inline queries, and all while the disk can't be written.
        self._unwritten: dict[int, Update] = {}
        self._unwritten_ids: deque[int] = deque(maxlen=_MOST_WAITING)
        # What the disk doesn't know yet to be done.
        self._ended: set[int] = set()
        self._ending = asyncio.Lock()
        self._to_wipe = False
        self._stopping = False
        self._told: dict[int, set[str]] = {}
        self._is_failing = False
        # Groups wait for Telegram's leave much longer than private chats.
        self._errands: dict[bool, asyncio.Queue[Errand]] = {
            is_group: asyncio.Queue() for is_group in (False, True)
        }
        self._tasks: list[asyncio.Task[None]] = []
        self._bot: Bot | None = None
        self._troubles: Troubles | None = None
        self._handlers: Sequence[Handler] = ()
        self._by_admins: Sequence[Handler] = ()
        self._admin_ids: frozenset[int] = frozenset()

    def connect(
        self,
        bot: Bot,
        troubles: Troubles,
        *,
        handlers: Sequence[Handler],
        by_admins: Sequence[Handler],
        admin_ids: frozenset[int],
    ) -> None:
        """Take what is there only after the application was built with this.

        Args:
            bot: Who replies.
            troubles: Hear if nothing can be written.
            handlers: Take updates; what none of them takes is kept nowhere.
            by_admins: Those of them that must not take the same update twice.
            admin_ids: May send as much as they like.
        """
        self._bot = bot
        self._troubles = troubles
        self._handlers = handlers
        self._by_admins = by_admins
        self._admin_ids = admin_ids

    @property
    def waiting(self) -> int:
        """How many updates wait for their turn, of all replicas."""
        waiting = sum(map(len, self._lanes.values()))
        return waiting + self._claiming.waiting if self._claiming else waiting

    @property
    def under_way(self) -> int:
        """How many updates are being handled."""
        return len(self._under_way)

    @property
    def is_stopping(self) -> bool:
        """Whether nothing more is begun here."""
        return self._stopping

    async def put(self, item: object) -> None:
        """Write an update down and let it wait for its turn; what came before is dropped.

        Raises:
            JournalError: if it can't be written where replicas share the inbox. Telegram sends it
                again then; kept in memory, it might be another replica's as well.
        """
        if not isinstance(item, Update):
            # The library's sign to stop: what still waits is for the next start.
            self.stop()
            await super().put(item)
            return
        if not any(_takes(handler, item) for handler in self._handlers):
            return
        waiting = self._describe(item)
        if self._claiming and waiting.kind is not Kind.INLINE:
            await self._put_in_line(item, waiting, self._claiming)
        elif (refusal := self._refusal(waiting)) is not None:
            self._tell(refusal, waiting, partial(self._say, refusal, item))
        elif await self._write_down(item, waiting):
            self._line_up(waiting)
            if waiting.update_id in self._under_way:
                self._at_hand[waiting.update_id] = item
            elif waiting.kind is Kind.MESSAGE and self._is_busy(waiting):
                self._tell("inbox-busy", waiting, partial(self._say_busy, item, waiting))

    async def get(self) -> object:
        """The next update that has a place, or the library's sign to stop."""
        while True:
            item = await super().get()
            if not isinstance(item, Waiting):
                return item
            # Once it is to stop, the library waits for no update that it gets.
            update = None if self._stopping else await self._read(item)
            if update is not None and not self._stopping:
                metrics.observe(Stage.INBOX, self._clock() - item.since)
                return update
            self._leave(item)
            if self._claiming:
                self._claiming.give_back(item.update_id)
            self.task_done()

    async def handle(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Let the handlers do their work on an update, and forget it.

        If it is cancelled the update stays as it is for the next start.
        """
        waiting = self._under_way.get(update.update_id) if isinstance(update, Update) else None
        if waiting is None or not isinstance(update, Update):
            await coroutine
            return
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine is always run by one
        self._handlings.add(task)
        is_written = waiting.update_id not in self._unwritten
        handling = Handling(self._records if is_written else None, waiting.update_id)
        end = partial(self._end, waiting.update_id)
        # Each update has a task, so a context, of its own.
        handled.set(handling)
        try:
            if self._must_not_run_twice(update):
                await handling.mark(UpdateState.BEGUN)
            try:
                await coroutine
            except Exception:
                # What fails once fails again.
                await handling.end(end)
                raise
            if handling.state is UpdateState.UNCERTAIN:
                self._ask_again_later(waiting, update)
            else:
                await handling.end(end)
        except asyncio.CancelledError:
            if inspect.iscoroutine(coroutine):
                coroutine.close()
            if not handling.is_lost:
                raise
            logger.warning("Update %s is another replica's by now", waiting.update_id)
            if self._claiming:
                self._claiming.let_go([waiting.update_id])
        finally:
            handling.state = UpdateState.DONE
            self._handlings.discard(task)
            self._leave(waiting)

    def claim(self) -> None:
        """Take what waits where replicas share the inbox; call it once all is ready to handle it.

        Until then others have it. Without replicas it does nothing.
        """
        if self._claiming and not self._stopping:
            self._claiming.open()

    def stop(self) -> None:
        """Begin nothing more; what is being handled goes on."""
        self._stopping = True
        if self._claiming:
            self._claiming.stop()

    async def cut_off(self, within: float) -> int:
        """Cancel what is being handled, which stays for the next start.

        Args:
            within: For how many seconds to wait until all of it has ended.

        Returns:
            How many updates it was.
        """
        cut_off = set(self._handlings)
        for task in cut_off:
            task.cancel()
        if cut_off:
            await asyncio.wait(cut_off, timeout=within)
        return len(cut_off)

    async def open(self) -> None:
        """Line up what was not done when the bot ended; with replicas it waits for `claim`."""
        if self._tasks:
            return
        self._tasks = [
            asyncio.create_task(self._run_errands(queue)) for queue in self._errands.values()
        ]
        self._tasks.append(asyncio.create_task(self._wipe_regularly()))
        try:
            if self._claiming:
                self._tasks.append(asyncio.create_task(self._claiming.run()))
                await self._claiming.records.adopt(self._place_of)
                return
            left = await self._records.begin(
                lambda record: self._recall(record, self._parse(record.payload))
            )
        except JournalError as error:
            logger.warning("What waits in the inbox waits for the next start: %s", error)
            return
        for waiting, may_be_handled in left:
            if may_be_handled:
                self._line_up(waiting)
            else:
                self._ask_again_later(waiting)
        if left:
            logger.info("%s updates were not done when the bot ended", len(left))

    async def close(self) -> None:
        """Tell nobody anything any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._claiming:
            await self._write_ended()
            await self._claiming.close()
        await self._wipe()

    def _describe(self, update: Update) -> Waiting:
        person, chat = update.effective_user, update.effective_chat
        source = chat or person
        kind = Kind.MESSAGE
        if update.inline_query is not None:
            kind = Kind.INLINE
        elif update.callback_query is not None:
            kind = Kind.PRESS
        return Waiting(
            update.update_id,
            kind,
            source.id if source else 0,
            person.id if person and not person.is_bot else None,
            self._clock(),
        )

    def _refusal(self, waiting: Waiting) -> str | None:
        """The text that says why an update can't wait; None if it can."""
        if self.waiting >= _MOST_WAITING:
            return "inbox-full"
        if waiting.person in self._admin_ids:
            return None
        of_person = self._of_people[waiting.person] if waiting.person is not None else 0
        of_chat = self._lanes[waiting.lane].waiting_in(waiting.chat)
        if of_person >= _MOST_OF_A_PERSON or of_chat >= _MOST_OF_A_CHAT:
            return "inbox-too-many"
        return None

    def _is_busy(self, waiting: Waiting) -> bool:
        return self._lanes[waiting.lane].chats_waiting > _MANY

    def _free_places(self) -> dict[Lane, int]:
        return {name: lane.free for name, lane in self._lanes.items()}

    async def _put_in_line(self, update: Update, waiting: Waiting, claiming: Claiming) -> None:
        """Write an update down for the replica that will claim it; says if it must wait."""
        word: str | None
        if claiming.waiting >= _MOST_WAITING:
            word = "inbox-full"
        else:
            is_admin = waiting.person in self._admin_ids
            limits = None if is_admin else Limits(_MOST_OF_A_PERSON, _MOST_OF_A_CHAT)
            try:
                added = await claiming.records.add_in_line(
                    waiting.update_id,
                    update.to_json(),
                    waiting.person if waiting.kind is Kind.MESSAGE else None,
                    Place(waiting.lane, waiting.chat),
                    limits,
                )
            except JournalError as error:
                self._note_failure(error)
                raise
            if added is Added.KNOWN:
                return
            word = "inbox-too-many" if added is Added.TOO_MANY else None
        if word is None:
            claiming.wake(waiting.lane)
            if waiting.kind is Kind.MESSAGE and not self._lanes[waiting.lane].free:
                word = "inbox-busy"
        if word is not None:
            say = partial(self._say_once, word, update, waiting, claiming)
            self._errands[waiting.chat < 0].put_nowait(say)

    async def _write_down(self, update: Update, waiting: Waiting) -> bool:
        """Keep an update until it is done; returns whether it is new."""
        number = waiting.update_id
        if number in self._unwritten_ids:
            return False
        # What is of no use after a restart needn't be on the disk.
        late_is_never = waiting.kind is Kind.INLINE
        state = UpdateState.DONE if late_is_never else UpdateState.WAITING
        payload = None if late_is_never else update.to_json()
        # Who has all that is kept of them deleted may have pressed twice: that press gets an
        # answer as well.
        owner = waiting.person if waiting.kind is Kind.MESSAGE else None
        try:
            is_new = await self._records.add(number, payload, owner, state)
        except JournalError as error:
            self._note_failure(error)
            self._unwritten[number] = update
            self._unwritten_ids.append(number)
            return True
        self._note_success()
        if is_new and late_is_never:
            self._unwritten[number] = update
        return is_new

    def _line_up(self, waiting: Waiting) -> None:
        self._lanes[waiting.lane].add(waiting)
        if waiting.person is not None:
            self._of_people[waiting.person] += 1
        self._give_places()

    def _give_places(self) -> None:
        for lane in self._lanes.values():
            while not self._stopping and (waiting := lane.take()) is not None:
                self._under_way[waiting.update_id] = waiting
                if waiting.person is not None:
                    self._of_people[waiting.person] -= 1
                    if not self._of_people[waiting.person]:
                        del self._of_people[waiting.person]
                self.put_nowait(waiting)

    def _leave(self, waiting: Waiting) -> None:
        """Give a place to another."""
        self._under_way.pop(waiting.update_id, None)
        self._unwritten.pop(waiting.update_id, None)
        self._at_hand.pop(waiting.update_id, None)
        lane = self._lanes[waiting.lane]
        lane.end(waiting.chat)
        if not lane.waiting_in(waiting.chat):
            self._told.pop(waiting.chat, None)
        self._give_places()
        if self._claiming:
            self._claiming.wake(waiting.lane)

    async def _read(self, waiting: Waiting) -> Update | None:
        """What waited; None if it isn't to be handled any more."""
        if self._clock() - waiting.since > _OF_USE.get(waiting.kind, float("inf")):
            await self._end(waiting.update_id)
            return None
        update = self._unwritten.get(waiting.update_id) or self._at_hand.get(waiting.update_id)
        return update or await self._read_written(waiting)

    async def _read_written(self, waiting: Waiting) -> Update | None:
        try:
            payload = await self._records.read(waiting.update_id)
        except JournalError as error:
            logger.warning("Update %s waits for the next start: %s", waiting.update_id, error)
            return None
        return None if payload is None else self._parse(payload)

    def _must_not_run_twice(self, update: Update) -> bool:
        sender = update.effective_user
        if sender is None or sender.id not in self._admin_ids:
            return False
        return any(_takes(handler, update) for handler in self._by_admins)

    async def _end(self, update_id: int) -> None:
        """Forget an update, and those of which it could not be written that they are done."""
        if update_id in self._unwritten:
            return
        self._ended.add(update_id)
        await self._write_ended()

    async def _write_ended(self) -> None:
        # Those who wait here find that what comes next has written theirs with its own.
        async with self._ending:
            if not self._ended:
                return
            ended = set(self._ended)
            try:
                await self._records.end(ended)
            except JournalError as error:
                self._note_failure(error)
                return
            self._ended -= ended
            self._to_wipe = True
            if self._claiming:
                self._claiming.let_go(ended)

    async def _take_on(self, record: UpdateRecord) -> None:
        """Line up what this replica has claimed, perhaps from another that has died."""
        try:
            update = self._parse(record.payload)
            waiting, may_be_handled = self._recall(record, update)
        except Exception as error:  # noqa: BLE001 - whatever the library makes of it
            logger.error(  # noqa: TRY400 - the traceback would hold what people wrote
                "Update %s can't be read and is left out (%s)",
                record.update_id,
                type(error).__name__,
            )
            await self._end(record.update_id)
            return
        if not may_be_handled:
            self._ask_again_later(waiting, update)
            return
        self._at_hand[waiting.update_id] = update
        self._line_up(waiting)

    def _recall(self, record: UpdateRecord, update: Update) -> tuple[Waiting, bool]:
        """What was not done when a bot ended, and whether it may be handled now."""
        waiting = replace(self._describe(update), since=self._clock() - record.age)
        may_be_handled = record.state is UpdateState.WAITING and record.starts < _MOST_STARTS
        return waiting, may_be_handled

    def _parse(self, payload: str) -> Update:
        return Update.de_json(json.loads(payload), self._bot)

    def _place_of(self, payload: str) -> Place:
        waiting = self._describe(self._parse(payload))
        return Place(waiting.lane, waiting.chat)

    def _tell(self, key: str, waiting: Waiting, errand: Errand) -> None:
        """Have a chat told something, once until nothing of it waits any more."""
        told = self._told.setdefault(waiting.chat, set())
        if key not in told:
            told.add(key)
            self._errands[waiting.chat < 0].put_nowait(errand)

    async def _say(self, key: str, update: Update) -> None:
        try:
            await tell_sender(update, key, self._journal)
        except TelegramError as error:
            logger.info("Not told %s: %s", key, error)

    async def _say_busy(self, update: Update, waiting: Waiting) -> None:
        # By now it may have been answered.
        if self._lanes[waiting.lane].waiting_in(waiting.chat):
            await self._say("inbox-busy", update)

    async def _say_once(
        self, key: str, update: Update, waiting: Waiting, claiming: Claiming
    ) -> None:
        """Tell a chat something, unless a replica has done so a moment ago, or it isn't so."""
        records = claiming.records
        try:
            if key == "inbox-busy" and not (
                await records.is_waiting(waiting.update_id)
                and await records.count_lines(waiting.lane) > _MANY
            ):
                return
            if not await records.may_tell(key, waiting.chat):
                return
        except JournalError as error:
            logger.info("Not told %s: %s", key, error)
            return
        await self._say(key, update)

    def _ask_again_later(self, waiting: Waiting, update: Update | None = None) -> None:
        """Have somebody asked to ask again, as soon as Telegram can be reached."""
        errand = partial(self._ask_again, waiting, update)
        self._errands[waiting.chat < 0].put_nowait(errand)

    async def _ask_again(self, waiting: Waiting, update: Update | None) -> None:
        update = update or await self._read_written(waiting)
        if update is None:
            return
        # Telling twice does no harm; untold, whoever got no answer would never know.
        for pause in growing_pauses(_FIRST_PAUSE, _LONGEST_PAUSE):
            await self._wait_for_telegram()
            try:
                await tell_sender(update, "inbox-ask-again", self._journal)
                break
            except TelegramError as error:
                if was_refused(error):
                    logger.info("Not asked to ask again: %s", reason_of(error))
                    break
            await asyncio.sleep(pause)
        await self._end(waiting.update_id)

    async def _wait_for_telegram(self) -> None:
        if self._bot is None:
            return
        for pause in growing_pauses(_FIRST_PAUSE, _LONGEST_PAUSE):
            try:
                await self._bot.get_me()
            except TelegramError:
                await asyncio.sleep(pause)
            else:
                return

    async def _run_errands(self, errands: asyncio.Queue[Errand]) -> None:
        while True:
            errand = await errands.get()
            try:
                await errand()
            except Exception:
                # The others are to be told all the same.
                logger.exception("Somebody was not told something about the inbox")

    def _note_failure(self, error: JournalError) -> None:
        if self._claiming:
            # What isn't there in memory only isn't lost either.
            logger.warning("The inbox that replicas share can't be written: %s", error)
            return
        logger.warning("The inbox is in memory only: %s", error)
        if not self._is_failing and self._troubles is not None:
            begin = partial(self._troubles.begin, "inbox", "trouble-inbox", reason=str(error))
            self._errands[False].put_nowait(begin)
        self._is_failing = True

    def _note_success(self) -> None:
        if self._is_failing and self._troubles is not None:
            self._errands[False].put_nowait(partial(self._troubles.end, "inbox"))
        self._is_failing = False

    async def _wipe_regularly(self) -> None:
        while True:
            await asyncio.sleep(_WIPED_EVERY)
            await self._write_ended()
            await self._wipe()

    async def _wipe(self) -> None:
        """Leave nothing on the disk of what is done."""
        if self._to_wipe:
            self._to_wipe = False
            try:
                await self._records.wipe()
            except JournalError as error:
                logger.warning("What is done stays in the journal's log for now: %s", error)


class InboxProcessor(BaseUpdateProcessor):
    """Tells the inbox what becomes of its updates."""

    __slots__ = ("_inbox",)

    def __init__(self, inbox: Inbox) -> None:
        """Handle as many updates at once as the inbox gives places to."""
        super().__init__(4 * _PLACES)
        self._inbox = inbox

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        """Handle an update."""
        await self._inbox.handle(update, coroutine)

    async def initialize(self) -> None:
        """Line up what was not done when the bot ended."""
        await self._inbox.open()

    async def shutdown(self) -> None:
        """Tell nobody anything any more."""
        await self._inbox.close()


def _takes(handler: Handler, update: Update) -> bool:
    taken = handler.check_update(update)
    return taken is not None and taken is not False
