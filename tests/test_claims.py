"""Claims: each update of an inbox that replicas share is one replica's, in order in each chat."""

import asyncio
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from bot.errors import JournalError
from bot.storage.claims import Added, Limits, Place, SharedInboxRecords
from bot.storage.database import Database
from bot.storage.inbox import UpdateRecord, UpdateState, forget_updates
from bot.storage.schema import INBOX

PRIVATE = "private"


@pytest.fixture
def three(replicas: list[Database]) -> list[SharedInboxRecords]:
    """The inbox as three replicas have it; their claims outlive a test."""
    names = ("one", "two", "three")
    return [
        SharedInboxRecords(database, name, 60)
        for name, database in zip(names, replicas, strict=True)
    ]


@pytest.fixture
def dying(replicas: list[Database]) -> SharedInboxRecords:
    """Another replica, whose claims end as soon as they are made."""
    return SharedInboxRecords(replicas[0], "dying", 0)


async def put(records: SharedInboxRecords, update_id: int, chat: int) -> None:
    """An update of a private chat comes."""
    added = await records.add_in_line(update_id, "{}", chat, Place(PRIVATE, chat), None)
    assert added is Added.NEW


async def claim(records: SharedInboxRecords, places: int = 10) -> list[int]:
    """The ids of what a replica gets, in the order of their turns or not."""
    return sorted(record.update_id for record in await records.claim([(PRIVATE, places)]))


async def test_whoever_claims_and_ends_each_update_is_handled_once_and_in_order(
    three: Sequence[SharedInboxRecords],
) -> None:
    """Three replicas at once, each over several connections, and more come meanwhile."""
    chats, each = 12, 8
    handled = defaultdict[int, list[int]](list)
    under_way = Counter[int]()
    coming = iter(range(chats * each))

    async def come(records: SharedInboxRecords) -> None:
        # A chat's next one comes once the one before is written, as from Telegram.
        for update_id in coming:
            await put(records, update_id, update_id % chats)

    async def handle(records: SharedInboxRecords) -> None:
        while sum(map(len, handled.values())) < chats * each:
            claimed = await claim(records, places=3)
            for update_id in claimed:
                under_way[update_id % chats] += 1
            assert max(under_way.values(), default=0) <= 1
            await records.renew(claimed)
            assert all([await records.mark(each, UpdateState.REPLYING) for each in claimed])
            for update_id in claimed:
                handled[update_id % chats].append(update_id)
                under_way[update_id % chats] -= 1
            await records.end(claimed)

    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(come(three[0]))
        for records in (*three, *three):
            tasks.create_task(handle(records))
    assert handled == {chat: list(range(chat, chats * each, chats)) for chat in range(chats)}
    assert await three[0].count() == 0


async def test_what_comes_again_is_known_to_all(three: Sequence[SharedInboxRecords]) -> None:
    """Waiting, claimed or done, at whichever replica it comes again."""
    await put(three[0], 1, 5)
    for _ in range(2):
        added = await three[1].add_in_line(1, "{}", 5, Place(PRIVATE, 5), None)
        assert added is Added.KNOWN
        assert not await three[1].add(1, None, None, UpdateState.DONE)
        for records in three:
            await records.end(await claim(records))


async def test_a_chat_waits_for_what_came_before(three: Sequence[SharedInboxRecords]) -> None:
    """Its next update is another replica's at once when the one before is done."""
    for update_id, chat in ((1, 5), (2, 5), (3, 6)):
        await put(three[0], update_id, chat)
    assert await claim(three[0]) == [1, 3]
    assert await claim(three[1]) == []
    await three[0].end([1])
    assert await claim(three[1]) == [2]


async def test_what_comes_late_waits_for_what_is_being_handled(
    three: Sequence[SharedInboxRecords],
) -> None:
    """Even if a lower number comes after a higher one, a chat has one claim at most."""
    await put(three[0], 7, 5)
    assert await claim(three[0]) == [7]
    await put(three[1], 6, 5)
    assert await claim(three[1]) == []
    second = INBOX.update().where(INBOX.c.update_id == 6).values(claimed_by="somebody")
    with pytest.raises(JournalError):
        await three[1]._database.write(lambda connection: connection.execute(second))
    await three[0].end([7])
    assert await claim(three[1]) == [6]


async def test_what_another_replica_is_just_claiming_keeps_nobody_waiting(
    three: Sequence[SharedInboxRecords], replicas: list[Database]
) -> None:
    """What is locked at the moment is passed over."""
    for update_id in (1, 2):
        await put(three[0], update_id, update_id)
    is_held, may_end = threading.Event(), threading.Event()

    def hold(connection: sa.Connection) -> None:
        first = sa.select(INBOX.c.update_id).where(INBOX.c.update_id == 1)
        connection.execute(first.with_for_update())
        is_held.set()
        assert may_end.wait(20)

    holding = asyncio.create_task(replicas[0].write(hold))
    await asyncio.to_thread(is_held.wait, 20)
    assert await claim(three[1]) == [2]
    may_end.set()
    await holding
    assert await claim(three[1]) == [1]


async def test_chats_take_turns(three: Sequence[SharedInboxRecords]) -> None:
    """Who has sent many waits behind who has sent one, whichever replicas handle them."""
    for update_id in range(4):
        await put(three[0], update_id, 5)
    for update_id in (10, 11):
        await put(three[0], update_id, update_id)
    order = []
    for records in (*three, *three):
        claimed = await claim(records, places=1)
        order += claimed
        await records.end(claimed)
    assert order == [0, 10, 11, 1, 2, 3]


async def test_each_lane_has_places_of_its_own(three: Sequence[SharedInboxRecords]) -> None:
    """A chat's press doesn't wait for its question, nor for the places of questions."""
    await put(three[0], 1, 5)
    await three[0].add_in_line(2, "{}", None, Place("private press", 5), None)
    both = await three[1].claim([(PRIVATE, 0), ("private press", 1)])
    assert [record.update_id for record in both] == [2]
    assert await claim(three[1]) == [1]


async def test_what_a_dead_replica_had_is_another_one_s(
    dying: SharedInboxRecords, three: Sequence[SharedInboxRecords]
) -> None:
    """As it left it, with the number of those that have died of it; one that lives keeps its."""
    await put(dying, 1, 5)
    await put(dying, 2, 6)
    assert await claim(dying, places=1) == [1]
    assert await claim(dying) == [1, 2]
    assert await dying.mark(2, UpdateState.REPLYING)
    records = await three[0].claim([(PRIVATE, 10)])
    assert sorted(record._replace(age=0) for record in records) == [
        UpdateRecord(1, UpdateState.WAITING, 0, 2, "{}"),
        UpdateRecord(2, UpdateState.REPLYING, 0, 1, "{}"),
    ]
    assert all(0 <= record.age < 60 for record in records)
    assert await claim(three[1]) == []


async def test_a_claim_that_is_renewed_stays(replicas: Sequence[Database]) -> None:
    """Only that of who has it: a replica that was away too long gets nothing back so."""
    short = SharedInboxRecords(replicas[0], "one", 0)
    long = SharedInboxRecords(replicas[0], "one", 60)
    other = SharedInboxRecords(replicas[1], "two", 60)
    for update_id in (1, 2):
        await put(short, update_id, update_id)
    assert await claim(short) == [1, 2]
    await long.renew([1])
    assert await claim(other) == [2]
    await short.renew([2])
    await long.renew([])
    assert await claim(SharedInboxRecords(replicas[2], "three", 60)) == []


async def test_what_was_lost_can_be_neither_marked_nor_ended(
    dying: SharedInboxRecords, three: Sequence[SharedInboxRecords]
) -> None:
    """So nothing is shown by a replica whose claim is another's by now."""
    await put(dying, 1, 5)
    assert await claim(dying) == [1]
    # Nobody else has it yet.
    assert await dying.mark(1, UpdateState.BEGUN)
    [record] = await three[0].claim([(PRIVATE, 1)])
    assert record.state is UpdateState.BEGUN
    assert not await dying.mark(1, UpdateState.REPLYING)
    await dying.end([1])
    await dying.give_back()
    assert await three[0].mark(1, UpdateState.REPLYING)


async def test_what_is_given_back_is_another_one_s_at_once(
    three: Sequence[SharedInboxRecords],
) -> None:
    """One by one or all; whoever gives it back has not died."""
    for update_id in (1, 2, 3):
        await put(three[0], update_id, update_id)
    assert await claim(three[0]) == [1, 2, 3]
    await three[0].give_back([2])
    assert await claim(three[1]) == [2]
    await three[0].give_back()
    records = await three[2].claim([(PRIVATE, 10)])
    assert sorted((record.update_id, record.starts) for record in records) == [(1, 0), (3, 0)]


async def test_limits_hold_over_all_replicas(three: Sequence[SharedInboxRecords]) -> None:
    """What waits is counted, by person and by chat; what is under way isn't."""
    limits = Limits(of_person=2, of_line=3)

    async def add(update_id: int, person: int, chat: int, most: Limits | None = limits) -> Added:
        records = three[update_id % 3]
        return await records.add_in_line(update_id, "{}", person, Place(PRIVATE, chat), most)

    assert [await add(update_id, 5, -1) for update_id in (1, 2, 3)] == [
        Added.NEW,
        Added.NEW,
        Added.TOO_MANY,
    ]
    assert await add(4, 6, -1) is Added.NEW
    assert await add(5, 7, -1) is Added.TOO_MANY
    assert await add(6, 7, -2) is Added.NEW
    assert await add(7, 7, -1, None) is Added.NEW
    assert (await three[0].count(), await three[0].count_lines(PRIVATE)) == (5, 2)
    assert await three[0].count_lines("group") == 0
    assert await claim(three[2], places=1) == [1]
    assert (await three[0].is_waiting(1), await three[0].is_waiting(2)) == (False, True)
    assert await add(3, 5, -1) is Added.TOO_MANY
    assert await add(3, 5, -3) is Added.NEW


async def test_nothing_is_left_of_who_wants_to_be_forgotten(
    three: Sequence[SharedInboxRecords],
) -> None:
    """What waits is nobody's any more; who handles the rest ends that in peace."""
    for update_id in (1, 2):
        await put(three[0], update_id, 5)
    assert await claim(three[0]) == [1]
    database = three[0]._database
    person = database.person(5)
    assert person is not None
    await database.write(lambda connection: forget_updates(connection, person))
    assert await claim(three[1]) == []
    assert await three[0].mark(1, UpdateState.REPLYING)
    await three[0].end([1])
    columns = [INBOX.c[name] for name in ("person", "payload", "line", "lane", "claimed_by")]
    rows = await database.read(lambda connection: connection.execute(sa.select(*columns)).all())
    assert [tuple(row) for row in rows] == [(None,) * 5] * 2


async def test_a_word_is_for_one_replica_to_say(three: Sequence[SharedInboxRecords]) -> None:
    """A chat that sends too much hears so once in a while."""
    said = await asyncio.gather(*[records.may_tell("inbox-busy", 5) for records in three])
    assert sorted(said) == [False, False, True]
    assert await three[0].may_tell("inbox-full", 5)
    assert await three[0].may_tell("inbox-busy", 6)


async def test_what_a_single_bot_has_left_waits_in_its_chat(
    replicas: Sequence[Database], three: Sequence[SharedInboxRecords]
) -> None:
    """As after its journal was moved to a server."""
    for update_id, chat in ((1, 5), (2, 5), (3, 6)):
        assert await three[0].add(update_id, json.dumps(chat), chat)
    assert await claim(three[0]) == []
    await three[0].adopt(lambda payload: Place(PRIVATE, json.loads(payload)))
    assert await claim(three[0]) == [1, 3]
    await put(three[1], 4, 6)
    assert await claim(three[1]) == []
