"""The inbox: nothing that is accepted is lost or answered twice, and nobody waits for a flood."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from telegram import Update

import bot.transport.inbox
from bot.application import Bot
from bot.errors import JournalError
from bot.localization import say
from bot.serving import running
from bot.storage.inbox import InboxRecords, UpdateState
from bot.storage.journal import Journal
from bot.storage.schema import INBOX
from bot.transport.handling import mark_replying, mark_uncertain
from bot.transport.inbox import Inbox
from bot.transport.turns import Lane
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, build
from fixed_retriever import FixedRetriever
from inbox_updates import ADMIN, connected, handling, inline_query, message, press

ASK_AGAIN = say("en", "inbox-ask-again")
QUESTION = "How long is the bridge?"

Json = dict[str, Any]


class Clock:
    """Tells the seconds that a test wants."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The inbox's clock."""
    return Clock()


@pytest.fixture
def inbox(journal: Journal, clock: Clock) -> Inbox:
    """An inbox whose handlers take everything; person 7 is an admin, as handlers know."""
    return connected(Inbox(journal, clock))


def rows(journal: Journal) -> list[tuple[int, str, bool]]:
    """What the disk has: id, state, and whether anything else is left of it."""
    select = sa.select(INBOX.c.update_id, INBOX.c.state, INBOX.c.payload, INBOX.c.person)
    found = journal.database.read_now(
        lambda connection: connection.execute(select.order_by(INBOX.c.update_id)).all()
    )
    return [(row[0], row[1], row.payload is not None or row.person is not None) for row in found]


async def keep(journal: Journal, update: Json, state: UpdateState, **values: object) -> None:
    """Leave an update as a bot that was killed would have left it."""
    records = InboxRecords(journal.database)
    number = update["update_id"]
    assert await records.add(number, json.dumps(update), person=None, state=state)
    if values:
        change = INBOX.update().where(INBOX.c.update_id == number).values(values)
        await journal.database.write(lambda connection: connection.execute(change))


async def test_an_update_is_on_the_disk_before_put_returns(inbox: Inbox, journal: Journal) -> None:
    """Telegram is told that we have it after that, so that a kill loses nothing."""
    await inbox.put(message(1, 5))
    assert rows(journal) == [(1, "waiting", True)]


async def test_nothing_but_the_id_is_left_of_what_is_done(inbox: Inbox, journal: Journal) -> None:
    """What somebody wrote is kept no longer than until it was answered."""
    async with handling(inbox) as handled:
        await inbox.put(message(1, 5))
        await handled.settle()
        assert handled.ids == [1]
    assert rows(journal) == [(1, "done", False)]


@pytest.mark.parametrize("days", [0, 90])
async def test_no_word_stays_in_the_files(tmp_path: Path, days: int) -> None:
    """What is done is overwritten, in the database's log too."""
    with closing(Journal.open(tmp_path / "other", days)) as journal:
        inbox = connected(Inbox(journal))
        await inbox.open()
        async with handling(inbox) as handled:
            await inbox.put(message(1, 5))
            assert any(b"Where?" in path.read_bytes() for path in (tmp_path / "other").iterdir())
            await handled.settle()
        await inbox.close()
        for path in (tmp_path / "other").iterdir():
            assert b"Where?" not in path.read_bytes()
            assert b"Alice" not in path.read_bytes()


@pytest.mark.parametrize("make", [message, press, inline_query])
async def test_an_update_that_comes_again_is_dropped(
    make: Callable[[int, int], Update], journal: Journal
) -> None:
    """Whether it waits, is under way, is done, or was done before a restart."""
    first = connected(Inbox(journal))
    async with handling(first) as handled:
        handled.may_end.clear()
        for number in (1, 2):
            await first.put(make(number, 5))
            await first.put(make(number, 5))
        await handled.settle()
        handled.may_end.set()
        await handled.settle()
        await first.put(make(1, 5))
        await handled.settle()
        assert handled.ids == [1, 2]
    second = connected(Inbox(journal))
    await second.open()
    async with handling(second) as handled:
        await second.put(make(1, 5))
        await second.put(make(3, 5))
        await handled.settle()
        assert handled.ids == [3]
    await second.close()


async def test_after_a_kill_what_waited_is_handled_in_order(journal: Journal) -> None:
    """Each chat's messages come as they came."""
    killed = connected(Inbox(journal))
    for number, chat in enumerate([5, 5, 6, 5]):
        await killed.put(message(number, chat))
    again = connected(Inbox(journal))
    await again.open()
    async with handling(again) as handled:
        await handled.settle()
        assert handled.ids == [0, 2, 1, 3]
    await again.close()
    assert {state for _, state, _ in rows(journal)} == {"done"}


async def test_a_flood_keeps_no_other_chat_waiting(inbox: Inbox) -> None:
    """The first question of a chat comes next, however many of another one wait."""
    inbox._lanes[Lane.PRIVATE]._places = 1
    async with handling(inbox) as handled:
        handled.may_end.clear()
        for number in range(25):
            await inbox.put(message(number, 5))
        await inbox.put(message(100, 6))
        handled.may_end.set()
        await handled.settle()
        assert handled.ids[:3] == [0, 100, 1]


async def test_groups_leave_private_chats_their_places(inbox: Inbox) -> None:
    """Groups that wait for Telegram's leave to write occupy their own places only."""
    async with handling(inbox) as handled:
        handled.may_end.clear()
        for number in range(70):
            await inbox.put(message(number, -100 - number))
        await inbox.put(message(200, 5))
        await inbox.put(press(201, 6))
        await handled.settle()
        assert len(handled.ids) == 66
        assert {200, 201} < set(handled.ids)


@pytest.mark.parametrize(
    ("make", "late", "handled_late"),
    [
        (message, 3600, True),
        (press, 14, True),
        (press, 16, False),
        (inline_query, 9, True),
        (inline_query, 11, False),
    ],
)
async def test_what_is_of_no_use_late_is_dropped(  # noqa: PLR0913 - fixtures
    make: Callable[[int, int], Update],
    late: float,
    inbox: Inbox,
    clock: Clock,
    journal: Journal,
    *,
    handled_late: bool,
) -> None:
    """Telegram takes no answer to a press after 15 seconds, to an inline query after ten."""
    await inbox.put(make(1, 5))
    clock.now = late
    async with handling(inbox) as handled:
        # What has a place when the library stops is still handled.
        await handled.settle()
        assert handled.ids == ([1] if handled_late else [])
    assert rows(journal) == [(1, "done", False)]


async def test_a_press_from_before_a_restart_is_late_as_well(journal: Journal) -> None:
    """How long it waits is counted from when it came."""
    await keep(journal, press(1, 5).to_dict(), UpdateState.WAITING)
    hour_ago = journal.database.time() - timedelta(hours=1)
    update = press(2, 6).to_dict()
    await keep(journal, update, UpdateState.WAITING, received_at=hour_ago)
    inbox = connected(Inbox(journal))
    await inbox.open()
    async with handling(inbox) as handled:
        await handled.settle()
        assert handled.ids == [1]
    await inbox.close()


async def test_what_only_admins_can_do_is_begun_once(inbox: Inbox, journal: Journal) -> None:
    """It is marked before its handler runs; what others send isn't."""
    async with handling(inbox) as handled:
        handled.may_end.clear()
        await inbox.put(message(1, ADMIN))
        await inbox.put(message(2, 5))
        await handled.settle()
        assert rows(journal) == [(1, "begun", True), (2, "waiting", True)]


async def test_a_reply_is_marked_before_it_goes(inbox: Inbox, journal: Journal) -> None:
    """From the first reply on an update is never handled again, nor marked again when done."""
    seen = []

    async def answer() -> None:
        await mark_replying()
        seen.append(rows(journal))
        late.append(asyncio.create_task(speak_late()))

    async def speak_late() -> None:
        await may_speak.wait()
        await mark_replying()
        await mark_uncertain()

    may_speak, late = asyncio.Event(), list[asyncio.Task[None]]()
    await inbox.put(message(1, 5))
    update = await inbox.get()
    await asyncio.create_task(inbox.handle(update, answer()))
    inbox.task_done()
    may_speak.set()
    await asyncio.gather(*late)
    assert seen == [[(1, "replying", True)]]
    assert rows(journal) == [(1, "done", False)]


async def test_outside_an_update_nothing_is_marked(journal: Journal) -> None:
    """What the bot does by itself isn't an answer to anybody."""
    await mark_replying()
    await mark_uncertain()
    assert rows(journal) == []


async def test_what_was_cut_off_stays_as_it_is(inbox: Inbox, journal: Journal) -> None:
    """What hangs when the bot stops is cancelled; the next start sees to its update."""
    await inbox.put(message(1, 5))
    update = await inbox.get()
    begun = asyncio.Event()

    async def hang() -> None:
        await mark_replying()
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(inbox.handle(update, hang()))
    await begun.wait()
    assert await inbox.cut_off(within=10) == 1
    with suppress(asyncio.CancelledError):
        await task
    assert await inbox.cut_off(within=10) == 0
    assert rows(journal) == [(1, "replying", True)]


async def test_a_handler_that_fails_is_not_called_again(inbox: Inbox, journal: Journal) -> None:
    """What fails once fails again."""

    async def fail() -> None:
        raise ZeroDivisionError

    await inbox.put(message(1, 5))
    with pytest.raises(ZeroDivisionError):
        await inbox.handle(await inbox.get(), fail())
    assert rows(journal) == [(1, "done", False)]


async def test_a_stop_leaves_what_waits_for_the_next_start(inbox: Inbox, journal: Journal) -> None:
    """The library waits only for what is under way."""
    async with handling(inbox) as handled:
        handled.may_end.clear()
        await inbox.put(message(1, 5))
        await inbox.put(message(2, 5))
        await handled.settle()
        await inbox.put("stop")
        handled.may_end.set()
        await inbox.join()
        await handled.settle()
        assert handled.ids == [1]
    assert rows(journal) == [(1, "done", False), (2, "waiting", True)]


async def test_a_stop_leaves_what_is_just_being_read(inbox: Inbox, journal: Journal) -> None:
    """The library doesn't wait for what it is given after it was told to stop."""
    await keep(journal, message(1, 5).to_dict(), UpdateState.WAITING)
    await inbox.open()
    reads = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    await inbox.put("stop")
    assert await reads == "stop"
    await inbox.close()
    assert rows(journal) == [(1, "waiting", True)]


async def test_a_burst_from_a_hundred_chats(inbox: Inbox, journal: Journal) -> None:
    """All are handled, in order within each chat; the memory holds what is under way."""
    order = defaultdict[int, list[int]](list)
    async with handling(inbox) as handled:
        handled.may_end.clear()
        for number in range(400):
            await inbox.put(message(number, 1000 + number % 100))
        await handled.settle()
        assert (inbox.waiting, inbox.under_way, len(inbox._unwritten)) == (336, 64, 0)
        handled.may_end.set()
        await handled.settle()
        assert inbox.waiting == 0
    for number in handled.ids:
        order[number % 100].append(number)
    assert order == {chat: list(range(chat, 400, 100)) for chat in range(100)}
    assert {state for _, state, _ in rows(journal)} == {"done"}


async def test_without_a_disk_it_goes_on_in_memory(
    inbox: Inbox, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Updates are handled once all the same; only a kill would lose them."""

    async def fail(*_: object, **__: object) -> None:
        raise JournalError("The disk is full.")

    async with handling(inbox) as handled:
        with monkeypatch.context() as patch:
            patch.setattr(journal.database, "write", fail)
            await inbox.put(message(1, 5))
            await inbox.put(message(1, 5))
            await inbox.put(message(2, 5))
            await handled.settle()
        await inbox.put(message(2, 5))
        await inbox.put(message(3, 5))
        await handled.settle()
        assert handled.ids == [1, 2, 3]
    assert rows(journal) == [(3, "done", False)]


async def test_what_is_done_is_written_as_soon_as_it_can_be(
    inbox: Inbox, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update whose end couldn't be written isn't handled again after the next start."""

    async def fail(*_: object, **__: object) -> None:
        raise JournalError("The disk is full.")

    async with handling(inbox) as handled:
        handled.may_end.clear()
        await inbox.put(message(1, 5))
        await handled.settle()
        with monkeypatch.context() as patch:
            patch.setattr(journal.database, "write", fail)
            handled.may_end.set()
            await handled.settle()
        assert rows(journal) == [(1, "waiting", True)]
        await inbox.put(message(2, 6))
        await handled.settle()
    assert rows(journal) == [(1, "done", False), (2, "done", False)]


async def test_who_wants_to_be_forgotten_is_forgotten_here_too(
    inbox: Inbox, journal: Journal
) -> None:
    """What somebody sent and what still waits isn't handled any more; what others sent is."""
    async with handling(inbox) as handled:
        handled.may_end.clear()
        for number, chat in enumerate([5, 5, 6, 6]):
            await inbox.put(message(number, chat))
        await handled.settle()
        await journal.forget(5)
        assert [left for *_, left in rows(journal)] == [False, False, True, True]
        handled.may_end.set()
        await handled.settle()
        assert handled.ids == [0, 2, 3]


async def test_ids_are_known_for_three_days(journal: Journal) -> None:
    """Telegram sends nothing again that late; what is not done stays however old it is."""
    now = journal.database.time()
    for number, state, days in ((1, "done", 2), (2, "done", 3), (3, "waiting", 30)):
        await keep(
            journal,
            message(number, 5).to_dict(),
            UpdateState(state),
            received_at=now - timedelta(days=days),
            **({"payload": None} if state == "done" else {}),
        )
    await journal.prune()
    assert [number for number, *_ in rows(journal)] == [1, 3]


# Whole conversations, with the real bot.


@pytest.mark.parametrize(
    ("state", "starts", "reply"),
    [
        ("waiting", 0, CARD),
        ("waiting", 1, CARD),
        # It may be what has ended the bot each time.
        ("waiting", 3, ASK_AGAIN),
        ("begun", 0, ASK_AGAIN),
        ("replying", 0, ASK_AGAIN),
        ("uncertain", 0, ASK_AGAIN),
    ],
)
async def test_who_waited_when_the_bot_was_killed_hears_once(  # noqa: PLR0913, PLR0917 - fixtures
    state: str,
    starts: int,
    reply: str,
    api: BotApiServer,
    alice: Person,
    retriever: FixedRetriever,
    journal: Journal,
) -> None:
    """An answer if there was none yet; where one may be on its way, a request to ask again."""
    chat = api.private_chat(alice)
    question = await chat.send(alice, QUESTION)
    await keep(journal, api.update_of(question), UpdateState(state), starts=starts)
    api.drop_updates()
    for _ in range(2):
        async with running(build(api, retriever, journal)):
            if reply:
                assert (await chat.answer_to(question))["text"] == reply
                reply = ""
            other = await chat.send(alice, QUESTION)
            assert (await chat.answer_to(other))["text"] == CARD
    assert chat.unread == []
    assert {state for _, state, _ in rows(journal)} == {"done"}


async def test_each_question_that_may_have_no_answer_is_told_of(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """Whoever hears of one of theirs doesn't know of the others."""
    chat = api.private_chat(alice)
    questions = [await chat.send(alice, QUESTION) for _ in range(3)]
    states = [(UpdateState.REPLYING, 0), (UpdateState.WAITING, 3), (UpdateState.WAITING, 3)]
    for question, (state, starts) in zip(questions, states, strict=True):
        await keep(journal, api.update_of(question), state, starts=starts)
    api.drop_updates()
    async with running(build(api, retriever, journal)):
        assert [(await chat.answer_to(question))["text"] for question in questions] == [
            ASK_AGAIN,
            ASK_AGAIN,
            ASK_AGAIN,
        ]
    assert chat.unread == []


async def test_a_guest_who_was_kept_waiting_is_told_in_the_only_reply(
    api: BotApiServer, bakyt: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """Where the bot is no member it can't write otherwise; Telegram takes one reply to each."""
    elsewhere = api.group("Others", bot_is_member=False)
    async with running(build(api, retriever, journal)):
        pass
    await elsewhere.send_as_guest(bakyt, f"@green_bot {QUESTION}")
    [update] = api.pending_updates
    await keep(journal, update, UpdateState.REPLYING)
    api.drop_updates()
    async with running(build(api, retriever, journal)):
        said = (await elsewhere.next_message())["text"]
    assert said == say("ky", "inbox-ask-again")


async def test_what_telegram_sends_again_is_answered_once(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """A repeated update_id is dropped."""
    question = await private.send(alice, QUESTION)
    assert (await private.answer_to(question))["text"] == CARD
    api.pending_updates.append(api.update_of(question))
    await api.announce()
    again = await private.send(alice, QUESTION)
    assert (await private.answer_to(again))["text"] == CARD
    assert private.unread == []


async def test_what_people_say_to_each_other_is_not_written_down(
    group: Chat, alice: Person, bakyt: Person, journal: Journal
) -> None:
    """Where the bot sees all of a group's messages, only those to it touch the disk."""
    for text in ("Good morning!", "Who has the key?", "/ask@other_bot Who?", "@alice has it"):
        await group.send(bakyt, text)
    await group.send_service(alice, {"new_chat_title": "Greener"})
    question = await group.send(bakyt, f"/ask {QUESTION}")
    assert (await group.answer_to(question))["text"] == CARD
    assert len(rows(journal)) == 1


@pytest.fixture
def busy(retriever: FixedRetriever) -> Iterator[FixedRetriever]:
    """Lets questions wait until `may_go_on` is set; a bot that is open already comes before it."""
    retriever.may_go_on.clear()
    yield retriever
    retriever.may_go_on.set()


async def test_who_sends_too_much_is_told_once(
    api: BotApiServer,
    bot: Bot,
    busy: FixedRetriever,
    bakyt: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is over the limit is not taken; it is said once, and again after an empty queue."""
    monkeypatch.setattr("bot.transport.inbox._MOST_OF_A_PERSON", 3)
    chat = api.private_chat(bakyt)
    for _ in range(2):
        questions = [await chat.send(bakyt, QUESTION) for _ in range(6)]
        said = await chat.next_message()
        assert said["text"] == say("ky", "inbox-too-many")
        assert said["reply_to_message"]["message_id"] == questions[4]["message_id"]
        busy.may_go_on.set()
        for question in questions[:4]:
            assert (await chat.answer_to(question))["text"] == CARD
        busy.may_go_on.clear()
        inbox = bot.telegram.update_queue
        assert isinstance(inbox, Inbox)
        async with asyncio.timeout(10):
            while inbox.under_way:
                await inbox._records.read(-1)
    assert chat.unread == []


async def test_admins_may_send_as_much_as_they_like(
    private: Chat,
    busy: FixedRetriever,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They forward a hundred posts at once."""
    monkeypatch.setattr("bot.transport.inbox._MOST_OF_A_PERSON", 1)
    questions = [await private.send(alice, QUESTION) for _ in range(4)]
    busy.may_go_on.set()
    for question in questions:
        assert (await private.answer_to(question))["text"] == CARD


@pytest.mark.parametrize(
    ("limit", "key", "answered"),
    [("_MANY", "inbox-busy", True), ("_MOST_WAITING", "inbox-full", False)],
)
async def test_when_many_wait_a_chat_hears_of_it_once(  # noqa: PLR0913, PLR0917 - fixtures
    limit: str,
    key: str,
    busy: FixedRetriever,
    api: BotApiServer,
    alice: Person,
    bakyt: Person,
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    *,
    answered: bool,
) -> None:
    """Who has to wait is told, and answered then; at the very worst nothing more is taken."""
    monkeypatch.setattr("bot.transport.inbox._PLACES", 1)
    monkeypatch.setattr(bot.transport.inbox, limit, 0)
    async with running(build(api, busy, journal)):
        first, second = api.private_chat(alice), api.private_chat(bakyt)
        waited_for = await first.send(alice, QUESTION) if answered else None
        questions = [await second.send(bakyt, QUESTION) for _ in range(2)]
        said = await second.next_message()
        assert said["text"] == say("ky", key)
        assert said["reply_to_message"]["message_id"] == questions[0]["message_id"]
        busy.may_go_on.set()
        if waited_for is not None:
            assert (await first.answer_to(waited_for))["text"] == CARD
            for question in questions:
                assert (await second.answer_to(question))["text"] == CARD
        monkeypatch.undo()
        last = await first.send(alice, QUESTION)
        assert (await first.answer_to(last))["text"] == CARD
        assert second.unread == []


async def test_admins_hear_when_nothing_can_be_written(
    api: BotApiServer, private: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions are answered all the same; the admins are told when it begins and when it ends."""

    async def fail(*_: object) -> bool:
        raise JournalError("The disk is full.")

    full = {CARD, say("en", "trouble-inbox", reason="The disk is full.")}
    with monkeypatch.context() as patch:
        patch.setattr(InboxRecords, "add", fail)
        await private.send(alice, QUESTION)
        assert {(await private.next_message())["text"] for _ in full} == full
    await private.send(alice, QUESTION)
    said = {(await private.next_message())["text"] for _ in full}
    assert CARD in said
    assert "The disk is full." in (said - {CARD}).pop()
    assert private.unread == []


async def test_a_reply_that_may_not_have_arrived_is_told_of_once(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """As soon as Telegram can be reached again; it is never sent again."""
    api.fail_next("sendMessage", drop=True)
    question = await private.send(alice, QUESTION)
    assert (await private.answer_to(question))["text"] == ASK_AGAIN
    again = await private.send(alice, QUESTION)
    assert (await private.answer_to(again))["text"] == CARD
    assert private.unread == []
