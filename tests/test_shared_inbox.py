"""The inbox of replicas: whatever happens to one of them, each update is handled, and once."""

import asyncio
import json
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
import sqlalchemy as sa
from telegram import Update

import bot.transport.inbox
from bot.errors import JournalError, SettingsError
from bot.localization import say
from bot.monitoring import _not_ready
from bot.serving import running
from bot.storage.claims import Added, Place, SharedInboxRecords
from bot.storage.database import Database
from bot.storage.inbox import UpdateRecord, UpdateState
from bot.storage.journal import Journal
from bot.storage.schema import INBOX
from bot.transport.handling import mark_replying
from bot.transport.inbox import Inbox
from bot_api_chats import Person
from bot_api_server import BotApiServer
from conversation import CARD, build
from fixed_retriever import FixedRetriever
from inbox_updates import ADMIN, Handled, connected, handling, inline_query, message

ASK_AGAIN = say("ky", "inbox-ask-again")
QUESTION = "How long is the bridge?"


@pytest.fixture
def inboxes(replicas: Sequence[Database], monkeypatch: pytest.MonkeyPatch) -> list[Inbox]:
    """The inboxes of three replicas."""
    monkeypatch.setattr("bot.transport.claiming._LOOKS_EVERY", 0.1)
    return [connected(Inbox(Journal(database, 90))) for database in replicas]


@asynccontextmanager
async def at_work(*inboxes: Inbox) -> AsyncIterator[list[Handled]]:
    """Replicas that claim and handle as long as the context lasts."""
    async with AsyncExitStack() as stack:
        all_handled = []
        for inbox in inboxes:
            await inbox.open()
            stack.push_async_callback(inbox.close)
            all_handled.append(await stack.enter_async_context(handling(inbox)))
            inbox.claim()
        yield all_handled


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)


async def states(database: Database) -> list[tuple[int, str, bool]]:
    """What the table has: id, state, and whether a replica has a claim."""
    select = sa.select(INBOX.c.update_id, INBOX.c.state, INBOX.c.claimed_by.is_not(None))
    rows = await database.read(
        lambda connection: connection.execute(select.order_by(INBOX.c.update_id)).all()
    )
    return [tuple(row) for row in rows]


async def end_claims(database: Database) -> None:
    """Let time pass by: what was claimed is claimed no more."""
    past = INBOX.update().where(INBOX.c.claimed_by.is_not(None))
    past = past.values(claimed_until=sa.func.timezone("utc", sa.func.now()))
    await database.write(lambda connection: connection.execute(past))


async def test_a_burst_is_shared_out(inboxes: Sequence[Inbox], replicas: list[Database]) -> None:
    """Each update is handled once by one of three, in order within each chat."""
    order = defaultdict[int, list[int]](list)
    async with at_work(*inboxes) as all_handled:
        ids = all_handled[0].ids
        for handled in all_handled:
            # All write to the same list.
            handled.ids = ids
        for number in range(160):
            await inboxes[number % 3].put(message(number, 1000 + number % 40))
        await until(lambda: len(ids) >= 160 and not any(inbox.under_way for inbox in inboxes))
    for number in ids:
        order[number % 40].append(number)
    assert order == {chat: list(range(chat, 160, 40)) for chat in range(40)}
    assert {state for _, state, _ in await states(replicas[0])} == {"done"}


async def test_a_replica_claims_nothing_before_it_is_ready(
    inboxes: Sequence[Inbox],
) -> None:
    """While it loads its model, the others answer what comes to it."""
    ready, loading, _ = inboxes
    await loading.open()
    async with handling(loading) as idle, at_work(ready) as [busy]:
        await loading.put(message(1, 5))
        await until(lambda: busy.ids == [1])
        assert idle.ids == []
    await loading.close()


async def test_what_a_replica_has_no_place_for_is_another_one_s(
    inboxes: Sequence[Inbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is full claims nothing more."""
    full, other, _ = inboxes
    async with at_work(full) as [busy]:
        busy.may_end.clear()
        for number in range(66):
            await full.put(message(number, 1000 + number))
        await until(lambda: len(busy.ids) == 64)
        await until(lambda: full.waiting == 2)
        async with at_work(other) as [helping]:
            await until(lambda: len(helping.ids) == 2)
        assert len(busy.ids) == 64


async def test_a_stop_gives_back_what_was_not_begun(
    inboxes: Sequence[Inbox], replicas: list[Database]
) -> None:
    """The others have it at once, and what is under way comes to its end."""
    stopping, other, _ = inboxes
    await stopping.put(message(1, 5))
    await stopping.put(message(2, 6))
    await stopping.open()
    stopping.claim()
    await until(lambda: stopping.under_way == 2)
    begun = await stopping.get()
    stopping.stop()
    assert stopping.is_stopping
    await stopping.put("stop")
    assert await stopping.get() == "stop"
    async with at_work(other) as [handled]:
        await until(lambda: handled.ids == [2])
        assert (1, "waiting", True) in await states(replicas[0])
    await stopping.handle(begun, asyncio.sleep(0))
    await stopping.close()
    assert await states(replicas[0]) == [(1, "done", False), (2, "done", False)]


async def test_what_hangs_at_a_stop_is_given_back(
    inboxes: Sequence[Inbox], replicas: list[Database]
) -> None:
    """Cut off without a reply, it is another one's."""
    stopping, other, _ = inboxes
    await stopping.put(message(1, 5))
    await stopping.open()
    stopping.claim()
    task = asyncio.create_task(stopping.handle(await stopping.get(), asyncio.Event().wait()))
    await asyncio.sleep(0)
    stopping.stop()
    assert await stopping.cut_off(within=10) == 1
    with suppress(asyncio.CancelledError):
        await task
    await stopping.close()
    assert await states(replicas[0]) == [(1, "waiting", False)]
    async with at_work(other) as [handled]:
        await until(lambda: handled.ids == [1])


@pytest.mark.parametrize(
    # What admins do is marked before it begins.
    ("sender", "begun_before"),
    [(5, True), (5, False), (ADMIN, True), (ADMIN, False)],
)
async def test_who_has_lost_its_claim_shows_nothing(
    sender: int, inboxes: Sequence[Inbox], replicas: list[Database], *, begun_before: bool
) -> None:
    """A replica that was frozen goes on as if nothing had happened; another has the update."""
    frozen = inboxes[0]
    shown = []
    begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def answer() -> None:
        begun.set()
        await may_go_on.wait()
        await asyncio.create_task(mark_replying())
        shown.append("an answer")

    await frozen.put(message(1, sender))
    await frozen.open()
    frozen.claim()
    update = await frozen.get()
    if begun_before:
        task = asyncio.create_task(frozen.handle(update, answer()))
        await begun.wait()
    taken = SharedInboxRecords(replicas[1], "other", 60)
    claimed: list[UpdateRecord] = []
    # It isn't frozen really, and may be the faster one.
    while not claimed:
        await end_claims(replicas[0])
        claimed = await taken.claim([("private", 1)])
    may_go_on.set()
    if not begun_before:
        task = asyncio.create_task(frozen.handle(update, answer()))
    await task
    assert shown == []
    assert frozen.under_way == 0
    await frozen.close()
    assert await states(replicas[0]) == [(1, claimed[0].state, True)]
    assert await taken.mark(1, UpdateState.REPLYING)


async def test_who_is_cut_off_from_the_database_shows_nothing(
    inboxes: Sequence[Inbox], replicas: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claims may be others' by now; once they have ended they are."""
    cut_off, other, _ = inboxes
    shown = []

    async def answer() -> None:
        await mark_replying()
        shown.append("an answer")

    async def fail(*_: object, **__: object) -> None:
        raise JournalError("The server is away.")

    await cut_off.put(message(1, 5))
    await cut_off.open()
    cut_off.claim()
    update = await cut_off.get()
    with monkeypatch.context() as patch:
        patch.setattr(replicas[0], "write", fail)
        await asyncio.create_task(cut_off.handle(update, answer()))
        with pytest.raises(JournalError):
            await cut_off.put(message(2, 5))
    assert shown == []
    cut_off.stop()
    claiming = cut_off._claiming
    assert claiming is not None
    await claiming._renew()
    await end_claims(replicas[1])
    async with at_work(other) as [handled]:
        await until(lambda: handled.ids == [1])
    await cut_off.close()


async def test_what_goes_on_beside_a_handler_may_speak_when_it_has_ended(
    inboxes: Sequence[Inbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However close together they are: an update that is done is not another replica's."""
    inbox = inboxes[0]
    ended = asyncio.Event()
    end = inbox._records.end
    beside: list[asyncio.Task[None]] = []

    async def end_slowly(update_ids: Collection[int]) -> None:
        await end(update_ids)
        ended.set()
        await inbox._records.read(1)

    async def speak() -> None:
        await ended.wait()
        await mark_replying()

    async def answer() -> None:
        beside.append(asyncio.create_task(speak()))

    monkeypatch.setattr(inbox._records, "end", end_slowly)
    await inbox.put(message(1, 5))
    await inbox.open()
    inbox.claim()
    await asyncio.create_task(inbox.handle(await inbox.get(), answer()))
    await asyncio.wait(beside)
    assert not beside[0].cancelled()
    await inbox.close()


async def test_an_outage_of_the_database_is_told_of_once(
    inboxes: Sequence[Inbox],
    replicas: list[Database],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And its end, though some of the work that goes on needs nothing of the database."""
    monkeypatch.setattr("bot.transport.claiming._LEASE", 0.1)
    failed = []

    async def fail(*_: object, **__: object) -> None:
        failed.append(1)
        raise JournalError("The server is away.")

    async with at_work(inboxes[0]):
        with monkeypatch.context() as patch:
            patch.setattr(replicas[0], "write", fail)
            patch.setattr(replicas[0], "read", fail)
            await until(lambda: len(failed) >= 8)
        await until(lambda: "there again" in caplog.text)
    assert [record.getMessage() for record in caplog.records] == [
        "The inbox that replicas share is out of reach: The server is away.",
        "The inbox that replicas share is there again",
    ]


async def test_claims_are_renewed_as_long_as_they_are_needed(
    replicas: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a handler takes, its update stays its replica's."""
    monkeypatch.setattr("bot.transport.claiming._LEASE", 0.4)
    slow, other = [connected(Inbox(Journal(database, 90))) for database in replicas[:2]]
    ends = sa.select(INBOX.c.claimed_until)
    seen = set[object]()
    async with at_work(slow) as [handled]:
        handled.may_end.clear()
        await slow.put(message(1, 5))
        await until(lambda: handled.ids == [1])
        async with at_work(other) as [idle], asyncio.timeout(20):
            # Longer than the claim would last by itself.
            while len(seen) < 6:
                seen.add(await replicas[2].read(lambda connection: connection.scalar(ends)))
        assert idle.ids == []
    assert await states(replicas[0]) == [(1, "done", False)]


async def test_what_could_not_be_ended_stays_claimed_until_it_is(
    inboxes: Sequence[Inbox], replicas: list[Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever got an answer isn't asked to ask again because the server was away after it."""
    inbox = inboxes[0]

    async def fail(*_: object) -> None:
        raise JournalError("The server is away.")

    with monkeypatch.context() as patch:
        patch.setattr(SharedInboxRecords, "end", fail)
        async with at_work(inbox) as [handled]:
            await inbox.put(message(1, 5))
            await until(lambda: handled.ids == [1] and not inbox.under_way)
            claiming = inbox._claiming
            assert claiming is not None
            assert claiming._held == {1}
            assert await states(replicas[0]) == [(1, "waiting", True)]
            patch.undo()
    assert await states(replicas[0]) == [(1, "done", False)]


async def test_what_nobody_can_read_holds_up_nothing(
    inboxes: Sequence[Inbox], replicas: list[Database]
) -> None:
    """As when another version of the library wrote it."""
    records = SharedInboxRecords(replicas[1], "other", 60)
    await records.add_in_line(1, '{"update_id": 1, "message": 5}', None, Place("private", 5), None)
    async with at_work(inboxes[0]) as [handled]:
        await inboxes[0].put(message(2, 5))
        await until(lambda: handled.ids == [2])


async def test_inline_queries_are_handled_where_they_come(
    inboxes: Sequence[Inbox], replicas: list[Database]
) -> None:
    """They are of no use to another replica, but are known to all if they come again."""
    async with at_work(*inboxes[:2]) as [first, second]:
        await inboxes[0].put(inline_query(1, 5))
        await inboxes[1].put(inline_query(1, 5))
        await inboxes[1].put(inline_query(2, 5))
        await until(lambda: (first.ids, second.ids) == ([1], [2]))
    assert await states(replicas[0]) == [(1, "done", False), (2, "done", False)]


@pytest.mark.parametrize(
    ("limit", "most", "word"),
    [
        ("_MOST_OF_A_PERSON", 1, "inbox-too-many"),
        ("_MOST_OF_A_CHAT", 2, "inbox-too-many"),
        ("_MOST_WAITING", 0, "inbox-full"),
        ("_MANY", 0, "inbox-busy"),
        ("_MANY", 1, None),
    ],
)
async def test_a_chat_is_told_once_that_too_much_is_waiting(
    limit: str,
    most: int,
    word: str | None,
    replicas: list[Database],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever replica its messages come to."""
    words = []

    async def tell(update: Update, key: str, _: Journal) -> None:
        words.append((update.update_id > 2, key))

    monkeypatch.setattr("bot.transport.inbox.tell_sender", tell)
    monkeypatch.setattr("bot.transport.inbox._PLACES", 1)
    pair = [connected(Inbox(Journal(database, 90))) for database in replicas[:2]]
    async with at_work(*pair) as both:
        for inbox, handled in zip(pair, both, strict=True):
            handled.may_end.clear()
            number = pair.index(inbox) + 1
            await inbox.put(message(number, number))
        await until(lambda: all(inbox.under_way for inbox in pair))
        monkeypatch.setattr(bot.transport.inbox, limit, most)
        for number in range(3, 9):
            await pair[number % 2].put(message(number, 8))
        for inbox in pair:
            told = asyncio.Event()
            inbox._errands[False].put_nowait(_sign(told))
            await told.wait()
    assert words == ([(True, word)] if word else [])


def _sign(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def sign() -> None:
        event.set()

    return sign


# Whole conversations, with the real bot.


@pytest.fixture
def shared(replicas: Sequence[Database]) -> Journal:
    """A journal on a server."""
    return Journal(replicas[0], 90)


def fail_once(monkeypatch: pytest.MonkeyPatch) -> list[JournalError]:
    """What comes can't be written down once; gives the failures that are to come yet."""
    add = SharedInboxRecords.add_in_line
    failures = [JournalError("The server is away.")]

    async def fail(*arguments: Any) -> Added:  # noqa: ANN401 - as it is called
        if failures:
            raise failures.pop()
        return await add(*arguments)

    monkeypatch.setattr(SharedInboxRecords, "add_in_line", fail)
    return failures


async def test_a_single_bot_may_keep_its_inbox_on_a_server(
    api: BotApiServer,
    bakyt: Person,
    retriever: FixedRetriever,
    shared: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It asks for updates as ever; what it can't write down comes again."""
    failures = fail_once(monkeypatch)
    chat = api.private_chat(bakyt)
    questions = [await chat.send(bakyt, QUESTION) for _ in range(3)]
    bot = build(api, retriever, shared)
    async with running(bot):
        for question in questions:
            assert (await chat.answer_to(question))["text"] == CARD
        assert failures == []
        assert _not_ready(bot) == []
        bot.inbox.stop()
        assert _not_ready(bot) == ["the bot is being stopped"]


@pytest.mark.parametrize(
    ("state", "starts", "reply"),
    [
        ("waiting", 1, CARD),
        # It may be what has ended each of the replicas.
        ("waiting", 2, ASK_AGAIN),
        ("begun", 0, ASK_AGAIN),
        ("replying", 0, ASK_AGAIN),
        ("uncertain", 0, ASK_AGAIN),
    ],
)
async def test_what_a_dead_replica_had_is_seen_to_once(  # noqa: PLR0913, PLR0917 - fixtures
    state: str,
    starts: int,
    reply: str,
    api: BotApiServer,
    bakyt: Person,
    retriever: FixedRetriever,
    replicas: list[Database],
) -> None:
    """It is answered if nobody can have seen a reply; else its person is asked to ask again."""
    chat = api.private_chat(bakyt)
    question, after = [await chat.send(bakyt, QUESTION) for _ in range(2)]
    dead = SharedInboxRecords(replicas[2], "dead", 0)
    for asked in (question, after):
        update = api.update_of(asked)
        place = Place("private", bakyt.id)
        await dead.add_in_line(update["update_id"], json.dumps(update), bakyt.id, place, None)
        # Telegram was told so.
        api.confirm(update["update_id"] + 1)
    [record] = await dead.claim([("private", 9)])
    change = INBOX.update().where(INBOX.c.update_id == record.update_id)
    values = change.values(state=state, starts=starts)
    await replicas[2].write(lambda connection: connection.execute(values))
    journals = [Journal(database, 90) for database in replicas[:2]]
    hook: dict[str, Any] = {
        "webhook_url": "https://bot.example.org/telegram",
        "webhook_secret": "one-for-all",
        "webhook_listen": "127.0.0.1:0",
    }
    async with AsyncExitStack() as stack:
        for journal in journals:
            bot = build(api, retriever, journal, **hook)
            await stack.enter_async_context(running(bot))
        assert (await chat.answer_to(question))["text"] == reply
        assert (await chat.answer_to(after))["text"] == CARD
    assert chat.unread == []


async def test_replicas_need_a_secret_of_their_own(
    api: BotApiServer, retriever: FixedRetriever, shared: Journal
) -> None:
    """Telegram knows one, and each of them must know that one."""
    values: dict[str, Any] = {
        "webhook_url": "https://bot.example.org/telegram",
        "database_url": "postgresql+asyncpg://bot:word@localhost/bot",
    }
    with pytest.raises(SettingsError, match="WEBHOOK_SECRET"):
        build(api, retriever, shared, **values)


async def test_what_cannot_be_written_down_is_posted_again(
    api: BotApiServer,
    bakyt: Person,
    retriever: FixedRetriever,
    shared: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Telegram hears 503, and nothing of it is answered before it is in the database."""
    failures = fail_once(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    hook: dict[str, Any] = {
        "webhook_url": f"http://{address}/telegram",
        "webhook_listen": address,
    }
    chat = api.private_chat(bakyt)
    async with running(build(api, retriever, shared, **hook)):
        question = await chat.send(bakyt, QUESTION)
        assert (await chat.answer_to(question))["text"] == CARD
    assert [status for _, status in api.posts] == [503, 200]
    assert failures == []
    assert chat.unread == []
