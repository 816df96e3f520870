"""Groups and forums, in whole conversations."""

import pytest

from bot.application import Bot
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, TRIMMED_CARD, build, introduced
from fixed_retriever import FixedRetriever


@pytest.mark.parametrize(
    "text",
    [
        "@green_bot how long is the bridge?",
        "How long is the bridge, @Green_BOT?",
        "/ask how long is the bridge?",
        "/ask@green_bot how long is the bridge?",
        "🌱🌱 @green_bot how long is the bridge?",
    ],
)
async def test_who_is_addressed_in_a_group_answers(
    text: str, group: Chat, bakyt: Person, retriever: FixedRetriever
) -> None:
    """Mentions in any case and /ask are for us; the mention is not part of the question."""
    answer = await group.answer_to(await group.send(bakyt, text))
    assert answer["text"] == CARD
    assert "green_bot" not in retriever.batches[-1][0].lower()


@pytest.mark.parametrize(
    "text",
    [
        "How long is the bridge?",
        "@green_bot2 how long is the bridge?",
        "mail to me@green_bot.example about the bridge",
        "/ask@other_bot how long is the bridge?",
        "/start@other_bot",
        "/reindex",
    ],
)
async def test_who_is_not_addressed_in_a_group_is_silent(
    text: str, group: Chat, alice: Person
) -> None:
    """Nothing is said to what is not for us; the next question gets the next message."""
    await group.send(alice, text)
    addressed = await group.send(alice, "@green_bot how long is the bridge?")
    assert (await group.answer_to(addressed))["text"] == CARD
    assert group.unread == []


async def test_other_messages_in_a_group_are_not_for_us(
    api: BotApiServer, group: Chat, bakyt: Person
) -> None:
    """Photos, stickers, other bots and forwarded channel posts are passed over."""
    other_bot = api.user("Other", username="other_bot", is_bot=True)
    await group.send_photo(bakyt, "a bridge")
    await group.send_sticker(bakyt, "🌱")
    await group.send(other_bot, "@green_bot how long is the bridge?")
    await group.send(bakyt, "@green_bot the bridge", fields={"is_automatic_forward": True})
    addressed = await group.send(bakyt, "@green_bot how long is the bridge?")
    assert (await group.answer_to(addressed))["text"] == CARD
    assert group.unread == []


async def test_a_reply_to_the_bot_is_a_question(group: Chat, bakyt: Person) -> None:
    """In a group, people go on asking by replying to the bot's messages."""
    first = await group.answer_to(await group.send(bakyt, "/ask how long is the bridge?"))
    question = await group.send(bakyt, "and who opened the bridge?", reply_to=first)
    assert (await group.answer_to(question))["text"] == CARD


@pytest.mark.parametrize("text", ["👍", "ok", "Понятно!"])
async def test_a_nod_below_an_answer_in_a_group_is_no_question(
    text: str, group: Chat, bakyt: Person
) -> None:
    """Who merely nods at the bot's message gets no reply to that."""
    first = await group.answer_to(await group.send(bakyt, "/ask how long is the bridge?"))
    await group.send(bakyt, text, reply_to=first)
    question = await group.send(bakyt, "who opened the bridge?", reply_to=first)
    assert (await group.answer_to(question))["text"] == CARD


async def test_somebodys_question_can_be_handed_to_the_bot(
    group: Chat, alice: Person, bakyt: Person
) -> None:
    """/ask or a mention alone, in reply to a message, answers that message."""
    question = await group.send(bakyt, "How long is the bridge?")
    for text in ("/ask", "@green_bot"):
        handed = await group.send(alice, text, reply_to=question)
        assert (await group.answer_to(handed))["text"] == CARD


async def test_an_empty_mention_says_how_to_ask(group: Chat, bakyt: Person) -> None:
    """A bare mention gets a short how-to, in the person's language."""
    answer = await group.answer_to(await group.send(bakyt, "@green_bot"))
    assert answer["text"].startswith("Сурооңузду /ask деген сөздөн кийин жазыңыз")


async def test_an_anonymous_admin_is_answered_and_is_no_identity(
    group: Chat, alice: Person
) -> None:
    """Who writes as the group itself gets answers, and no admin's command."""
    question = await group.send(alice, "/ask how long is the bridge?", anonymous=True)
    assert (await group.answer_to(question))["text"] == CARD


async def test_a_forum_is_answered_in_its_topics(
    api: BotApiServer, bot: Bot, bakyt: Person
) -> None:
    """Replies go to the question's topic; what merely stands in a topic is not a reply to us."""
    forum = api.supergroup("Green forum", forum=True)
    topic = await forum.topic("Bridges")
    await forum.send(bakyt, "How long is the bridge?", message_thread_id=topic)
    in_topic = await forum.send(
        bakyt, "@green_bot how long is the bridge?", message_thread_id=topic
    )
    assert (await forum.answer_to(in_topic))["message_thread_id"] == topic
    in_general = await forum.send(bakyt, "@green_bot how long is the bridge?")
    assert "message_thread_id" not in await forum.answer_to(in_general)
    assert forum.unread == []


async def test_a_topic_that_is_gone_is_left_out(
    api: BotApiServer, bot: Bot, bakyt: Person
) -> None:
    """If Telegram does not find the topic, the reply is sent once more without one."""
    forum = api.supergroup("Green forum", forum=True)
    topic = await forum.topic("Bridges")
    api.fail_next("sendMessage", status=400, description="Bad Request: message thread not found")
    await forum.send(bakyt, "@green_bot how long is the bridge?", message_thread_id=topic)
    assert (await forum.next_message())["text"] == CARD


async def test_a_group_is_told_how_to_ask(api: BotApiServer, bot: Bot, bakyt: Person) -> None:
    """On being added the bot says once how to ask, in the language of who added it."""
    group = api.group("Green Naryn", bot_is_member=False)
    await group.add_bot(by=bakyt)
    assert (await group.next_message())["text"].startswith("Салам! Мен суроолорго макалалардан")
    question = await group.send(bakyt, "/ask how long is the bridge?")
    assert (await group.answer_to(question))["text"] == CARD


async def test_a_caption_in_a_group_asks_like_a_text(group: Chat, bakyt: Person) -> None:
    """A mention below a photo is for us, in any case; a photo without one is not."""
    await group.send_photo(bakyt, "How long is the bridge?")
    photo = await group.send_photo(bakyt, "@Green_BOT how long is the bridge?")
    assert (await group.answer_to(photo))["text"] == CARD
    assert group.unread == []


async def test_an_anonymous_admin_is_nobody(
    api: BotApiServer, retriever: FixedRetriever, journal: Journal, alice: Person, bakyt: Person
) -> None:
    """All of them come under one id: it has no admin's rights and no question before."""
    async with running(build(api, retriever, journal, admin_ids="1087968824")):
        group = api.group("Green Bishkek")
        await group.send(alice, "/reindex", anonymous=True)
        first = await group.send(alice, "/ask Where is the canal of Talas?", anonymous=True)
        await group.answer_to(first)
        follow_up = await group.send(bakyt, "/ask And how long is it?", anonymous=True)
        assert (await group.answer_to(follow_up))["text"].startswith("I couldn't find an answer")
        assert group.unread == []
    api.refused.clear()  # the menu of an admin without a chat


async def test_a_chain_of_replies_is_no_topic(
    api: BotApiServer, bot: Bot, alice: Person, bakyt: Person
) -> None:
    """In a supergroup that is no forum, an answer to a reply goes to no thread."""
    supergroup = api.supergroup("Green Naryn")
    first = await supergroup.send(alice, "How long is the bridge?")
    question = await supergroup.send(bakyt, "@green_bot", reply_to=first)
    assert "message_thread_id" in question
    assert (await supergroup.answer_to(question))["text"] == CARD


@pytest.mark.parametrize("reads_all", [True, False])
async def test_privacy_mode_is_told_at_the_start(
    reads_all: bool,  # noqa: FBT001 - pytest hands it over
    retriever: FixedRetriever,
    journal: Journal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log says what the bot sees in groups, and how the owner changes that."""
    caplog.set_level("INFO")
    async with (
        BotApiServer(can_read_all_group_messages=reads_all) as api,
        running(build(api, retriever, journal)),
    ):
        await introduced()
        assert ("In groups it sees all messages" in caplog.text) is reads_all
        assert ("turn privacy mode off (@BotFather, /setprivacy)" in caplog.text) is not reads_all


async def test_privacy_mode_is_explained_in_a_new_group(
    retriever: FixedRetriever, journal: Journal
) -> None:
    """With the mode on a group hears what to do about mentions, unless the bot is its admin."""
    async with BotApiServer(privacy_mode=True) as api, running(build(api, retriever, journal)):
        alice = api.user("Alice", language_code="en")
        group = api.group("Green Naryn", bot_is_member=False)
        await group.add_bot(by=alice)
        assert "my owner can turn off privacy mode" in (await group.next_message())["text"]
        question = await group.send(alice, "/ask How long is the bridge?")
        answer = await group.answer_to(question)
        assert answer["text"] == CARD
        again = await group.send(alice, "How long is the canal?", reply_to=answer)
        assert (await group.answer_to(again))["text"] == TRIMMED_CARD
        assert api.refused == []


async def test_a_group_that_lets_the_bot_go_at_once_is_no_error(
    api: BotApiServer, bot: Bot, bakyt: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """The greeting may come too late."""
    group = api.group("Green Naryn", bot_is_member=False)
    api.fail_next(
        "sendMessage", status=403, description="Forbidden: bot was kicked from the group"
    )
    await group.add_bot(by=bakyt)
    question = await group.send(bakyt, "/ask How long is the bridge?")
    assert (await group.answer_to(question))["text"] == CARD
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
