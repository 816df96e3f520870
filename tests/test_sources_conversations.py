"""/sources: how admins add, look at, change and remove sources, and what they hear of checks."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from telegram.ext import CallbackContext

from bot.application import Bot
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import Message, build, buttons, data_of, entities
from fixed_retriever import FixedRetriever
from knowledge.sources import Approval, load_sources, save_sources
from site_server import Site
from source_world import Clock, World, open_world


@pytest.fixture
def site() -> Iterator[Site]:
    """A site with nothing on it."""
    with Site() as site:
        yield site


@pytest.fixture
def world(tmp_path: Path, site: Site, journal: Journal) -> Iterator[World]:
    """What the bot's checks work with; nobody waits."""
    with open_world(tmp_path, site, Clock(), journal.database) as world:
        yield world


@pytest.fixture
async def bot(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal, world: World
) -> AsyncIterator[Bot]:
    """The bot, polling; its checks read the site without processes of their own."""
    api.private_chat(alice)
    bot = build(api, retriever, journal, admin_ids=str(alice.id), data_dir=world.folder)
    bot.administration.sources.checks._tools = world.tools()
    bot.administration.sources.checks._jitter = lambda: 0.0
    async with running(bot):
        yield bot


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    """The folder of drafts."""
    return tmp_path / "drafts"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of sources."""
    return tmp_path / "sources.yaml"


async def press(chat: Chat, card: Message, text: str) -> Message:
    """Press a button, and return the card as it has become."""
    await chat.press(card, data_of(card, text))
    return await chat.next_edit()


def with_button(card: Message, data: str) -> Message:
    """A message as somebody's app may pretend that it is."""
    button = {"text": "A button", "callback_data": data}
    return {**card, "reply_markup": {"inline_keyboard": [[button]]}}


async def check_due(bot: Bot) -> None:
    """Let the time come at which sources are checked."""
    await bot.administration.sources.check_due(CallbackContext(bot.telegram))
    await asyncio.gather(*bot.administration.sources._running)


async def add(private: Chat, alice: Person, world: World) -> Message:
    """Add the site's feed as an admin does; returns its card."""
    world.publish("bridge", "canal")
    world.site.page(
        "/", '<html><head><link rel="alternate" type="application/rss+xml" href="/feed">'
    )
    await private.send(alice, f"/sources {world.site.url('/')}")
    await private.next_message()
    found = await private.next_edit()
    return await press(private, found, "Yes, check it")


async def test_adding(private: Chat, alice: Person, world: World, path: Path) -> None:
    """A site's link is enough: its feed is found, shown and, on a press, checked from now on."""
    await private.send(alice, "/sources")
    nothing = await private.next_message()
    assert nothing["text"].startswith("I don't check any sites yet. Send me /sources and the link")
    world.publish("bridge", "canal")
    world.site.page(
        "/", '<html><head><link rel="alternate" type="application/rss+xml" href="/feed">'
    )
    await private.send(alice, f"/sources add {world.site.url('/')}")
    looking = await private.next_message()
    assert looking["text"] == "I'm having a look at the site…"
    found = await private.next_edit()
    assert found["message_id"] == looking["message_id"]
    assert found["text"] == (
        "I found a feed with 2 articles:\n\nNews\n\nShall I check it every 6 hours? I will show "
        "you the newest articles first, and then each new one, before it is added."
    )
    assert entities(found) == [("text_link", "News")]
    assert load_sources(path) == ()
    added = await press(private, found, "Yes, check it")
    url = world.site.url("/feed")
    assert added["text"] == (
        "Done! The first check begins within a minute.\n\n"
        f"News\n{url}\n\nTime between checks: 6 hours\n"
        "New articles wait for your approval.\n\nThe next check is about to begin."
    )
    assert buttons(added) == [
        ["Check now"],
        ["Add without asking"],
        ["Pause", "Remove"],
        ["◀ All sources"],
    ]
    [source] = load_sources(path)
    assert (source.url, source.name, source.approval) == (url, "News", Approval.ASK)
    # The button still works after a restart, and adds nothing twice.
    await private.press(found, data_of(found, "Yes, check it"))
    await private.next_edit()
    assert load_sources(path) == (source,)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("nonsense", "This is not a link to a web page. Please copy the whole address"),
        ("add hello", "This is not a link to a web page. Please copy the whole address"),
    ],
)
async def test_no_link(private: Chat, alice: Person, words: str, text: str) -> None:
    """What is no link is told at once."""
    await private.send(alice, f"/sources {words}")
    assert (await private.next_message())["text"].startswith(text)


async def test_nothing_found(private: Chat, alice: Person, world: World) -> None:
    """A site without a feed is no source, and the admin hears what to look for."""
    await private.send(alice, f"/sources {world.site.page('/', '<p>Hello')}")
    await private.next_message()
    assert (await private.next_edit())["text"].startswith("I found no list of new articles there")


async def test_known_already(private: Chat, alice: Person, world: World) -> None:
    """A source that is there already is shown instead."""
    await add(private, alice, world)
    await private.send(alice, f"/sources {world.site.url('/feed')}")
    await private.next_message()
    assert (await private.next_edit())["text"].startswith("I check this one already.\n\nNews\n")


async def test_check_by_hand(private: Chat, alice: Person, world: World) -> None:
    """An admin who asks for a check hears what it found, or that there is nothing new."""
    card = await add(private, alice, world)
    await private.press(card, data_of(card, "Check now"))
    report = await private.next_message()
    assert report["text"] == (
        "2 new articles from “News” wait for your approval:\n– Bridge\n– Canal\n\n"
        "/drafts shows them."
    )
    assert world.offered() == ["Bridge", "Canal"]
    shown = await press(private, report, "Show the source")
    assert "\nA feed\n" in shown["text"]
    assert "new articles: 2." in shown["text"]
    assert "Next check in 6 hours." in shown["text"]
    await private.press(shown, data_of(shown, "Check now"))
    assert (await private.next_message())["text"] == "Nothing new from “News”."


async def test_check_that_fails(private: Chat, alice: Person, world: World) -> None:
    """An admin who asks for a check hears why it failed."""
    card = await add(private, alice, world)
    world.site.page("/feed", status=500)
    await private.press(card, data_of(card, "Check now"))
    report = await private.next_message()
    assert report["text"] == (
        "“News” can't be read:\nSomething is out of order at the site. Please try again later."
    )
    shown = await press(private, report, "Show the source")
    assert (
        "Failed checks in a row: 1.\nSomething is out of order at the site. Please try again "
        "later.\nNext check in 12 hours."
    ) in shown["text"]
    listed = await press(private, shown, "◀ All sources")
    assert "News – can't be read\n" in listed["text"]


async def test_articles_that_fail(private: Chat, alice: Person, world: World) -> None:
    """Which articles couldn't be read, why, and when they are tried again, is on the card."""
    card = await add(private, alice, world)
    world.site.page("/canal", status=404)
    await private.press(card, data_of(card, "Check now"))
    report = await private.next_message()
    assert report["text"] == (
        "1 new article from “News” waits for your approval:\n– Bridge\n\n/drafts shows them.\n"
        "1 article could not be read; the button below shows why."
    )
    shown = await press(private, report, "Show the source")
    assert shown["text"].endswith(
        "Articles I couldn't read:\n– canal: There is no such page on the site, or not any more. "
        "Please check the link. (Next try in 1 hour.)"
    )
    assert ("text_link", "canal") in entities(shown)


async def test_scheduled_check(bot: Bot, private: Chat, alice: Person, world: World) -> None:
    """Of a check that nobody waits for admins hear only if there is something new, once."""
    await add(private, alice, world)
    await check_due(bot)
    report = await private.next_message()
    assert report["text"].startswith("2 new articles from “News” wait for your approval:")
    await check_due(bot)
    assert world.asked().count("/feed") == 2
    await private.send(alice, "/sources")
    assert "News – checked " in (await private.next_message())["text"]


async def test_taken_at_once(
    bot: Bot, private: Chat, alice: Person, world: World, path: Path
) -> None:
    """An admin may let new articles in without being asked, and takes that back."""
    card = await add(private, alice, world)
    card = await press(private, card, "Add without asking")
    assert "New articles are added at once." in card["text"]
    assert load_sources(path)[0].approval is Approval.AUTOMATIC
    await check_due(bot)
    report = await private.next_message()
    assert report["text"] == "I added 2 new articles from “News”:\n– Bridge\n– Canal"
    assert world.reindexed == 1
    card = await press(private, card, "Ask me before adding")
    assert load_sources(path)[0].approval is Approval.ASK


async def test_pause_and_resume(bot: Bot, private: Chat, alice: Person, world: World) -> None:
    """A paused source is not checked until it is resumed."""
    card = await add(private, alice, world)
    card = await press(private, card, "Pause")
    assert "Paused: nothing is checked until you press “Resume”." in card["text"]
    world.site.requests.clear()
    await check_due(bot)
    assert world.asked() == []
    card = await press(private, card, "Resume")
    assert "The next check is about to begin." in card["text"]
    await check_due(bot)
    assert "/feed" in world.asked()


async def test_paused_for_good(bot: Bot, private: Chat, alice: Person, world: World) -> None:
    """Admins are told when a source is gone, and can look why."""
    await add(private, alice, world)
    world.site.page("/feed", status=410)
    await check_due(bot)
    told = await private.next_message()
    assert told["text"].startswith("I have stopped checking “News”: it is gone, or could not be")
    shown = await press(private, told, "Show the source")
    assert "There is no such page on the site, or not any more." in shown["text"]
    assert ["Resume", "Remove"] in buttons(shown)


async def test_removing(api: BotApiServer, private: Chat, alice: Person, world: World) -> None:
    """A source is removed when the admin has confirmed it; its old buttons then do nothing."""
    card = await add(private, alice, world)
    path = world.folder / "sources.yaml"
    asked = await press(private, card, "Remove")
    assert asked["text"] == ("Stop checking “News” for good? The articles that came from it stay.")
    kept = await press(private, asked, "No, keep it")
    assert kept["text"].startswith("News\n")
    assert len(load_sources(path)) == 1
    removed = await press(private, asked, "Yes, remove it")
    assert removed["text"] == "Done, it is not checked any more."
    assert load_sources(path) == ()
    for _ in range(4):
        await api.next_request("answerCallbackQuery")
    await private.press(card, data_of(card, "Check now"))
    answer = await api.next_request("answerCallbackQuery")
    assert answer["text"] == "This button no longer works. Please send /sources."


@pytest.fixture
def wrong_file(path: Path) -> Path:
    """A file with a slip in it."""
    path.write_text("- url: nonsense")
    return path


async def test_a_wrong_file(private: Chat, alice: Person, wrong_file: Path, bot: Bot) -> None:
    """What is wrong in the file is told: to who asks, and once to all admins."""
    await private.send(alice, "/sources")
    told = await private.next_message()
    assert told["text"].startswith(
        f"I can't read the list of sources, so nothing is checked. {wrong_file}: Line 1: the url "
        "'nonsense' is not a web link"
    )
    await check_due(bot)
    assert "so no site is checked for new articles." in (await private.next_message())["text"]
    await check_due(bot)
    save_sources(wrong_file, [])
    await check_due(bot)
    over = await private.next_message()
    assert over["text"] != told["text"]


async def test_nobody_else(
    api: BotApiServer, private: Chat, alice: Person, bakyt: Person, world: World
) -> None:
    """To others the command doesn't exist, and the buttons do nothing."""
    card = await add(private, alice, world)
    chat = api.private_chat(bakyt)
    await chat.send(bakyt, "/sources https://example.org")
    assert "/help" in (await chat.next_message())["text"]
    data = data_of(card, "Remove").replace("remove", "forget")
    asked = len(world.site.requests)
    reply = await chat.answer_to(await chat.send(bakyt, "How long is the bridge?"))
    await api.next_request("answerCallbackQuery")
    await chat.press(with_button(reply, data), data)
    await api.next_request("answerCallbackQuery")
    assert len(load_sources(world.folder / "sources.yaml")) == 1
    assert len(world.site.requests) == asked


async def test_nothing_can_be_kept(
    bot: Bot, private: Chat, alice: Person, world: World, drafts: Path
) -> None:
    """If new articles can't be kept, admins are told once, and they are read again later."""
    await add(private, alice, world)
    drafts.touch()  # noqa: ASYNC240 - nothing else is to go on meanwhile
    await check_due(bot)
    told = await private.next_message()
    assert told["text"].startswith(
        f"I can't keep the new articles that I find. The folder of drafts {drafts} cannot be used"
    )
    drafts.unlink()  # noqa: ASYNC240 - likewise
    await private.send(alice, "/sources")
    card = await press(private, await private.next_message(), "News")
    await private.press(card, data_of(card, "Check now"))
    over, report = await private.next_message(), await private.next_message()
    assert "I can't keep the new articles" in over["text"]
    assert report["text"].startswith("2 new articles from “News” wait for your approval:")


@pytest.mark.parametrize(
    "data", ["source:", "source:list:0123456789ab", "source:open", "source:x:0123456789ab"]
)
async def test_unknown_buttons(
    api: BotApiServer, private: Chat, alice: Person, world: World, data: str
) -> None:
    """Data that no button of ours has is answered all the same."""
    card = await add(private, alice, world)
    await api.next_request("answerCallbackQuery")
    await private.press(with_button(card, data), data)
    answer = await api.next_request("answerCallbackQuery")
    assert answer["text"] == "This button no longer works. Please send /sources."


async def test_shutdown(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal, world: World
) -> None:
    """A check that is under way doesn't keep the bot from stopping, nor from going on later."""
    source = world.publish("bridge")
    begun = asyncio.Event()

    async def hang(url: str) -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    world.robots = hang  # type: ignore[method-assign]
    private = api.private_chat(alice)
    bot = build(api, retriever, journal, admin_ids=str(alice.id), data_dir=world.folder)
    bot.administration.sources.checks._tools = world.tools()
    bot.administration.sources.checks.add(source)
    async with running(bot):
        await private.send(alice, "/sources")
        card = await press(private, await private.next_message(), "Green News")
        await private.press(card, data_of(card, "Check now"))
        await begun.wait()
    assert await bot.administration.sources.checks.due() == (source,)
