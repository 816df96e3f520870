"""Wishes: who asked to be told gets the answer once there is one, and once only."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.answering import Answering
from bot.application import Bot
from bot.localization import say
from bot.serving import running
from bot.storage.database import Database
from bot.storage.journal import AskedQuestion, Journal
from bot.storage.schema import WISHES
from bot.wish_buttons import MakeWish, TakeBackWish, read_wish_button
from bot.wishes import MOST_WISHES, WISHES_KEPT, Wish, Wishes
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, Message, build, buttons, data_of
from embeddings.errors import IndexUnusable
from fixed_retriever import FixedRetriever
from postgres_server import on_both_databases

WISH = "🔔 Tell me when there is an answer"
NO_WISH = "🔕 Don't tell me after all"
HEADING = "You wanted to know when I have an answer to this. Here it is:"
QUESTION = "How long is the bridge?"
TOO_LATE = "I can't keep that in mind any more. Please ask the question again."

Reindex = Callable[[], Awaitable[None]]


@pytest.fixture
def reindex(bot: Bot, retriever: FixedRetriever) -> Reindex:
    """What the bot does after a reindex that found the answer."""

    async def reindex() -> None:
        retriever.confidence = 1.0
        retriever.generation = (retriever.generation or 0) + 1
        await notice_new_index(bot)

    return reindex


async def notice_new_index(bot: Bot) -> None:
    assert bot.telegram.job_queue is not None
    [job] = bot.telegram.job_queue.get_jobs_by_name("notice_new_index")
    await job.run(bot.telegram)


async def not_found(
    retriever: FixedRetriever, chat: Chat, person: Person, question: str = QUESTION
) -> Message:
    """The reply to a question that nothing answers yet."""
    retriever.confidence = 0.0
    return await chat.answer_to(await chat.send(person, question))


async def make_wish(chat: Chat, reply: Message) -> Message:
    """Press the button; gives the message as it is then."""
    await chat.press(reply, data_of(reply, WISH))
    return await chat.next_edit()


async def wished(journal: Journal) -> int:
    count = sa.select(sa.func.count()).select_from(WISHES)
    return await journal.database.read(lambda connection: connection.scalar(count)) or 0


async def toast(api: BotApiServer) -> str | None:
    text = (await api.next_request("answerCallbackQuery")).get("text")
    return None if text is None else str(text)


@on_both_databases
async def test_told_when_there_is_an_answer(  # noqa: PLR0913, PLR0917 - fixtures
    api: BotApiServer,
    private: Chat,
    alice: Person,
    retriever: FixedRetriever,
    journal: Journal,
    reindex: Reindex,
) -> None:
    """The answer comes as a reply to what found nothing, with its quote, and only once."""
    reply = await not_found(retriever, private, alice)
    assert buttons(reply) == [[WISH]]
    pressed = await make_wish(private, reply)
    assert await toast(api) == "I will write to you as soon as an article answers this."
    assert buttons(pressed) == [[NO_WISH]]
    assert pressed["text"] == reply["text"]
    await reindex()
    answer = await private.next_message()
    assert answer["text"] == f"{HEADING}\n\n{CARD}"
    assert answer["reply_to_message"]["message_id"] == reply["message_id"]
    kinds = [entity["type"] for entity in answer["entities"]]
    assert kinds == ["blockquote", "bold", "text_link", "url"]
    assert answer["entities"][0]["offset"] == len(HEADING) + 2
    await reindex()
    assert private.unread == []
    assert await wished(journal) == 0


async def test_nothing_is_told_without_an_answer(
    private: Chat, alice: Person, bot: Bot, retriever: FixedRetriever, journal: Journal
) -> None:
    """A reindex that answers nothing, or unsurely, leaves the wish; no index is asked twice."""
    reply = await not_found(retriever, private, alice)
    await make_wish(private, reply)
    retriever.confidence, retriever.generation = 0.5, 2
    await notice_new_index(bot)
    asked = len(retriever.batches)
    await notice_new_index(bot)
    assert len(retriever.batches) == asked
    assert private.unread == []
    assert await wished(journal) == 1


@on_both_databases
async def test_taken_back(
    api: BotApiServer, private: Chat, alice: Person, retriever: FixedRetriever, reindex: Reindex
) -> None:
    """Who doesn't want to be told after all isn't, and can change their mind again."""
    reply = await not_found(retriever, private, alice)
    pressed = await make_wish(private, reply)
    await toast(api)
    await private.press(pressed, data_of(pressed, NO_WISH))
    pressed = await private.next_edit()
    assert await toast(api) == "All right, I won't write."
    assert buttons(pressed) == [[WISH]]
    await reindex()
    assert private.unread == []


@on_both_databases
async def test_the_same_question_is_answered_once(
    private: Chat, alice: Person, retriever: FixedRetriever, reindex: Reindex
) -> None:
    """Who wishes twice for the same is told once, below the last one."""
    for _ in range(2):
        reply = await not_found(retriever, private, alice)
        await make_wish(private, reply)
    await reindex()
    answer = await private.next_message()
    assert answer["reply_to_message"]["message_id"] == reply["message_id"]
    assert private.unread == []


async def test_a_wish_survives_a_restart(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """What was wished before is told of after, also if the reindex was in between."""
    private = api.private_chat(alice)
    bot = build(api, retriever, journal)
    async with running(bot):
        await make_wish(private, await not_found(retriever, private, alice))
        await notice_new_index(bot)
    knowing = FixedRetriever()
    knowing.generation = 7
    async with running(build(api, knowing, journal)):
        assert (await private.next_message())["text"] == f"{HEADING}\n\n{CARD}"


async def test_in_groups_there_is_no_button(
    group: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """The answer would come to the group, long after anybody asked."""
    assert buttons(await not_found(retriever, group, alice, f"/ask {QUESTION}")) == []


async def test_forged_wishes(
    api: BotApiServer, private: Chat, alice: Person, bakyt: Person, retriever: FixedRetriever
) -> None:
    """Nobody can be told of somebody else's question, whatever number they press."""
    reply = await not_found(retriever, private, alice)
    other = api.private_chat(bakyt)
    theirs = await not_found(retriever, other, bakyt, "Көпүрөнүн узундугу канча?")
    for data in (data_of(reply, WISH), "wish:en:999", "wish:xx:1", "unwish:en:1"):
        theirs["reply_markup"] = {"inline_keyboard": [[{"text": WISH, "callback_data": data}]]}
        await other.press(theirs, data)
        assert await toast(api) in {TOO_LATE, say("ky", "wish-too-late")}


@on_both_databases
async def test_forgotten_questions_have_no_wish(
    api: BotApiServer, private: Chat, alice: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """Who had their records deleted has no wish any more, and the old button says so."""
    reply = await not_found(retriever, private, alice)
    await make_wish(private, reply)
    await toast(api)
    await journal.forget(alice.id)
    assert await wished(journal) == 0
    await private.press(reply, data_of(reply, WISH))
    assert await toast(api) == TOO_LATE


@on_both_databases
async def test_a_person_has_so_many_wishes(
    api: BotApiServer, private: Chat, alice: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """Nobody can fill the disk, or make each reindex ask a thousand questions."""
    for number in range(MOST_WISHES):
        reply = await not_found(retriever, private, alice, f"How long is bridge {number}?")
        await make_wish(private, reply)
        await toast(api)
    reply = await not_found(retriever, private, alice)
    await private.press(reply, data_of(reply, WISH))
    assert await toast(api) == TOO_LATE
    assert await wished(journal) == MOST_WISHES == 20


async def test_who_has_blocked_the_bot_is_forgotten(  # noqa: PLR0913, PLR0917 - fixtures
    api: BotApiServer,
    private: Chat,
    alice: Person,
    retriever: FixedRetriever,
    journal: Journal,
    reindex: Reindex,
) -> None:
    """A wish that can't be told isn't kept."""
    reply = await not_found(retriever, private, alice)
    await make_wish(private, reply)
    api.fail_next("sendMessage", status=403, description="Forbidden: bot was blocked by the user")
    await reindex()
    assert await wished(journal) == 0


@on_both_databases
async def test_telegram_out_of_reach(  # noqa: PLR0913, PLR0917 - fixtures
    api: BotApiServer,
    private: Chat,
    alice: Person,
    bot: Bot,
    retriever: FixedRetriever,
    journal: Journal,
    reindex: Reindex,
) -> None:
    """What could not be sent is sent the next time, of the same index too."""
    reply = await not_found(retriever, private, alice)
    await make_wish(private, reply)
    api.fail_next("sendMessage", status=502)
    await reindex()
    assert await wished(journal) == 1
    await notice_new_index(bot)
    assert (await private.next_message())["text"] == f"{HEADING}\n\n{CARD}"
    assert await wished(journal) == 0


async def test_an_unreadable_index_is_a_trouble(
    private: Chat, bot: Bot, retriever: FixedRetriever, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Admins hear once that the index can't be read, and once that it can again."""

    def refuse() -> bool:
        raise IndexUnusable("The index is of another model.")

    with monkeypatch.context() as broken:
        broken.setattr(retriever, "refresh", refuse)
        for _ in range(3):
            await notice_new_index(bot)
    told = "I can't read the index: The index is of another model."
    assert (await private.next_message())["text"] == told
    for _ in range(2):
        await notice_new_index(bot)
    assert (await private.next_message())["text"] == f"This works again:\n{told}"
    assert private.unread == []


async def test_old_wishes_go(tmp_path: Path) -> None:
    """After half a year nobody waits any more."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with closing(Journal.open(tmp_path, 90, lambda: now)) as journal:
        wishes = Wishes(journal.database, Answering(FixedRetriever))
        await wishes.put_back(Wish(1, "a" * 64, 700, 3, QUESTION, "en"))
        now += WISHES_KEPT - timedelta(days=1)
        await wishes.prune()
        assert await wished(journal) == 1
        now += timedelta(days=1)
        await wishes.prune()
        assert await wished(journal) == 0


@pytest.mark.parametrize("button", [MakeWish("ky", 12), TakeBackWish("kk", 3, 10**17)])
def test_what_a_button_carries(button: MakeWish | TakeBackWish) -> None:
    """It fits into Telegram's 64 bytes and comes back as it was."""
    assert len(button.data.encode()) <= 64
    assert read_wish_button(button.data) == button


@pytest.mark.parametrize(
    "data", ["", "wish:", "wish:en:", "wish:en:x", "wish:en:1:2", "unwish:en:1", "wish:en:٣", None]
)
def test_what_no_button_carries(data: str | None) -> None:
    """Anything else is none of ours."""
    assert read_wish_button(data) is None


@pytest.mark.parametrize("replicas_meet_at", ["make", "put back"])
async def test_a_wish_is_kept_once(
    replicas_meet_at: str, replicas: list[Database], retriever: FixedRetriever
) -> None:
    """However often a button is pressed, and whoever puts a wish back that was made again."""
    journal = Journal(replicas[0], 90)
    # In letters of two bytes, and longer than what fits into an index.
    question = AskedQuestion(1, "Көпүрө? " * 500, "ky", "not-found", None, None, "private")
    question_id = await journal.record(question) or 0
    wishes = [Wishes(database, Answering(lambda: retriever)) for database in replicas]
    if replicas_meet_at == "put back":
        made = await wishes[0].make(1, 1, 2, question_id, "ky")
        text = question.text[:1_200]
        old = Wish((made or 0) + 1, str(replicas[0].person(1)), 1, 2, text, "ky")
        await asyncio.gather(*(each.put_back(old) for each in wishes))
    else:
        pressed = (each.make(1, 1, 2, question_id, "ky") for each in wishes * 3)
        assert all(await asyncio.gather(*pressed))
    assert await wished(journal) == 1
