"""Troubles: admins hear once that something keeps failing, and once that it works again."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from telegram import Bot as TelegramBot
from telegram.request import HTTPXRequest

from bot.admins import Admins
from bot.application import Bot
from bot.storage.database import Database
from bot.storage.journal import Journal
from bot.troubles import CRASH, Troubles
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from fixed_retriever import FixedRetriever

DISK = "The disk is nearly full: 12 MB are left. Nothing new can be added soon."


@pytest.fixture
async def telegram_bot(api: BotApiServer) -> AsyncIterator[TelegramBot]:
    """What sends the messages."""
    request = HTTPXRequest(httpx_kwargs={"trust_env": False})
    async with TelegramBot(api.token, f"{api.url}/bot", request=request) as bot:
        yield bot


@pytest.fixture
def troubles(telegram_bot: TelegramBot, alice: Person, journal: Journal) -> Troubles:
    """Of a bot whose admin is Alice."""
    return Troubles(journal.database, Admins(telegram_bot, {alice.id}, journal))


@pytest.fixture
def chat(api: BotApiServer, alice: Person) -> Chat:
    """Alice's, who has written to the bot before."""
    return api.private_chat(alice)


async def begin(troubles: Troubles) -> None:
    await troubles.begin("disk", "trouble-disk", free="12")


async def test_told_once_when_it_begins_and_once_when_it_is_over(
    troubles: Troubles, chat: Chat
) -> None:
    """What fails every hour is no news every hour."""
    for _ in range(3):
        await begin(troubles)
    assert (await chat.next_message())["text"] == DISK
    [current] = await troubles.current()
    assert (current.key, current.text("en")) == ("disk", DISK)
    for _ in range(2):
        await troubles.end("disk")
    assert (await chat.next_message())["text"] == f"This works again:\n{DISK}"
    assert await troubles.current() == []
    await begin(troubles)
    assert (await chat.next_message())["text"] == DISK
    assert chat.unread == []


async def test_a_restart_is_no_news(
    troubles: Troubles, chat: Chat, telegram_bot: TelegramBot, alice: Person, journal: Journal
) -> None:
    """What admins were told before a restart they aren't told after it, but that it is over."""
    await begin(troubles)
    await chat.next_message()
    restarted = Troubles(journal.database, Admins(telegram_bot, {alice.id}, journal))
    await begin(restarted)
    assert chat.unread == []
    await restarted.end("disk")
    assert (await chat.next_message())["text"] == f"This works again:\n{DISK}"


async def test_each_admin_in_their_language(
    api: BotApiServer, telegram_bot: TelegramBot, alice: Person, bakyt: Person, journal: Journal
) -> None:
    """One who has blocked the bot, or has never written to it, keeps nobody from being told."""
    stranger = api.user("Cholpon", language_code="ru")
    chats = [api.private_chat(person) for person in (alice, bakyt)]
    await journal.choose_language(bakyt.id, "ky")
    admins = Admins(telegram_bot, {stranger.id, alice.id, bakyt.id}, journal)
    await begin(Troubles(journal.database, admins))
    assert (await chats[0].next_message())["text"] == DISK
    assert (await chats[1].next_message())["text"].startswith("Дискте орун аз калды: 12 МБ.")
    api.refused.clear()  # the message to Cholpon


async def test_an_admins_app_tells_the_language(
    api: BotApiServer, telegram_bot: TelegramBot, journal: Journal
) -> None:
    """As long as they haven't chosen one; it is known after a restart, too."""
    dana = api.user("Dana", language_code="kk")
    chat = api.private_chat(dana)
    met = SimpleNamespace(effective_user=SimpleNamespace(id=dana.id, language_code="kk"))
    admins = Admins(telegram_bot, {dana.id}, journal)
    await admins.meet(met, None)  # type: ignore[arg-type]
    restarted = Admins(telegram_bot, {dana.id}, journal)
    await begin(Troubles(journal.database, restarted))
    assert (await chat.next_message())["text"].startswith("Дискіде орын аз қалды: 12 МБ.")


async def test_without_the_journal(troubles: Troubles, chat: Chat, journal: Journal) -> None:
    """The journal itself may be what fails: admins are told all the same, and once."""
    await journal.database.write(
        lambda connection: connection.exec_driver_sql("DROP TABLE troubles")
    )
    for _ in range(2):
        await begin(troubles)
    assert (await chat.next_message())["text"] == DISK
    assert [each.key for each in await troubles.current()] == ["disk"]
    await troubles.end("disk")
    assert (await chat.next_message())["text"] == f"This works again:\n{DISK}"
    assert chat.unread == []


async def test_crashes_are_told_of_once_a_day(
    telegram_bot: TelegramBot, api: BotApiServer, alice: Person, tmp_path: Path
) -> None:
    """A crash has no end that could be seen; so the next day's is news again."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    chat = api.private_chat(alice)
    with closing(Journal.open(tmp_path / "own", 90, lambda: now)) as journal:
        troubles = Troubles(journal.database, Admins(telegram_bot, {alice.id}, journal))
        for _ in range(2):
            await troubles.begin(f"{CRASH}KeyError", "trouble-error", name="KeyError")
        assert "(KeyError)" in (await chat.next_message())["text"]
        await troubles.forget(CRASH, timedelta(days=1))
        assert len(await troubles.current()) == 1
        now += timedelta(days=1)
        await troubles.forget(CRASH, timedelta(days=1))
        assert await troubles.current() == []
        await troubles.begin(f"{CRASH}KeyError", "trouble-error", name="KeyError")
        assert "(KeyError)" in (await chat.next_message())["text"]
        assert chat.unread == []


async def test_a_crash_of_a_handler_is_told(
    private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """Who asked hears an apology, and admins that there is something to look at."""
    retriever.error = KeyError("x")
    for _ in range(2):
        await private.send(alice, "How long is the bridge?")
    texts = [(await private.next_message())["text"] for _ in range(3)]
    assert sum(text.startswith("Sorry, something went wrong.") for text in texts) == 2
    assert sum("(KeyError)" in text for text in texts) == 1


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the disk have so many megabytes free."""

    def free(megabytes: int) -> None:
        usage = SimpleNamespace(free=megabytes * 1024**2)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    return free


async def test_a_full_disk_is_told(bot: Bot, private: Chat, disk: Callable[[int], None]) -> None:
    """Before it is full; and that there is room again, once there is some to spare."""
    assert bot.telegram.job_queue is not None
    [look] = bot.telegram.job_queue.get_jobs_by_name("look_at_disk")
    for megabytes in (5_000, 12, 11, 301):
        disk(megabytes)
        await look.run(bot.telegram)
    assert (await private.next_message())["text"] == DISK
    assert private.unread == []
    disk(5_000)
    await look.run(bot.telegram)
    assert (await private.next_message())["text"] == f"This works again:\n{DISK}"


@pytest.fixture
def of_replicas(
    telegram_bot: TelegramBot, alice: Person, replicas: list[Database]
) -> list[Troubles]:
    """The troubles of each replica, whose admin is Alice."""
    return [
        Troubles(each, Admins(telegram_bot, {alice.id}, Journal(each, 90))) for each in replicas
    ]


async def test_replicas_tell_once(of_replicas: list[Troubles], chat: Chat) -> None:
    """Whoever notices it: that it fails, that it works again, and that it fails anew."""
    one, other, _ = of_replicas
    for _ in range(2):
        await asyncio.gather(*(each.begin("reindex", "trouble-reindex") for each in of_replicas))
        assert "bring what I know up to date" in (await chat.next_message())["text"]
        await asyncio.gather(one.end("reindex"), other.end("reindex"))
        assert (await chat.next_message())["text"].startswith("This works again:")
    assert [await each.current() for each in of_replicas] == [[], [], []]
    assert chat.unread == []


async def test_what_one_replica_has_the_others_do_not_end(
    telegram_bot: TelegramBot, alice: Person, chat: Chat, postgres_url: SecretStr, tmp_path: Path
) -> None:
    """One's disk is full while there is room on the others'; when it is gone, they may say so."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with ExitStack() as opened:
        one, other = (
            Troubles(database, Admins(telegram_bot, {alice.id}, Journal(database, 90)))
            for database in [
                opened.enter_context(closing(Database.open(tmp_path, lambda: now, postgres_url)))
                for _ in range(2)
            ]
        )
        for _ in range(2):
            await begin(one)
            await other.end("disk")
            now += timedelta(minutes=9)
        assert (await chat.next_message())["text"] == DISK
        assert chat.unread == []
        now += timedelta(minutes=1)
        await other.end("disk")
        assert (await chat.next_message())["text"] == f"This works again:\n{DISK}"
        await begin(one)
        assert (await chat.next_message())["text"] == DISK
        await one.end("disk")
        assert (await chat.next_message())["text"] == f"This works again:\n{DISK}"


async def test_replicas_without_the_database(
    of_replicas: list[Troubles], replicas: list[Database], chat: Chat
) -> None:
    """What a replica has told of while it was away isn't told once more when it is back."""
    await replicas[0].write(
        lambda connection: connection.exec_driver_sql("ALTER TABLE troubles RENAME TO gone")
    )
    for _ in range(2):
        await begin(of_replicas[0])
    assert (await chat.next_message())["text"] == DISK
    await replicas[0].write(
        lambda connection: connection.exec_driver_sql("ALTER TABLE gone RENAME TO troubles")
    )
    await begin(of_replicas[0])
    await begin(of_replicas[1])
    assert chat.unread == []
