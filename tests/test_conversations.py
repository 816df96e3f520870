"""Whole conversations: the real application, polling the strict local Bot API server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from bot.answering import RELATED_FROM, Answering
from bot.application import Bot, build_bot, polling
from bot.errors import TelegramUnavailable
from bot.settings import Settings
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from embeddings.confidence import UNSURE_FROM
from embeddings.errors import IndexUnusable
from fixed_retriever import BRIDGE, CANAL, CANAL_SENTENCES, FixedRetriever, passage_of

QUOTE = BRIDGE.body
HIGHLIGHT = "The bridge is 90 metres long."
CARD = f"{QUOTE}\nA bridge over the Naryn\nNaryn Times · 25 October 2021"
TRIMMED_CARD = f"{CANAL.body[:533]}\n…\nThe canal of Talas"
WHOLE_CARD = f"{CANAL.body}\nThe canal of Talas"

Message = dict[str, Any]


@pytest.fixture
def alice(api: BotApiServer) -> Person:
    """A person, and the bot's admin."""
    return api.user("Alice", language_code="en")


@pytest.fixture
def bakyt(api: BotApiServer) -> Person:
    """Another person."""
    return api.user("Bakyt", language_code="ky")


@pytest.fixture
def retriever() -> FixedRetriever:
    """Knows one passage, about a bridge."""
    return FixedRetriever()


def build(api: BotApiServer, retriever: FixedRetriever, **values: object) -> Bot:
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        telegram_bot_token=SecretStr(api.token),
        telegram_api_url=api.url,
        **values,  # type: ignore[arg-type]
    )
    return build_bot(settings, Answering(lambda: retriever))


@pytest.fixture
async def bot(api: BotApiServer, alice: Person, retriever: FixedRetriever) -> AsyncIterator[Bot]:
    """The bot, polling; its admin has written to it before."""
    api.private_chat(alice)
    bot = build(api, retriever, admin_ids=str(alice.id))
    async with polling(bot):
        yield bot


@pytest.fixture
def private(api: BotApiServer, alice: Person, bot: Bot) -> Chat:
    """Alice's chat with the bot."""
    return api.private_chat(alice)


@pytest.fixture
def group(api: BotApiServer, bot: Bot) -> Chat:
    """A group that the bot is a member of."""
    return api.group("Green Bishkek")


def entities(message: Message) -> list[tuple[str, str]]:
    """Return the types of a message's entities and the texts that they cover."""
    units = message["text"].encode("utf-16-le")
    return [
        (
            entity["type"],
            units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode(
                "utf-16-le"
            ),
        )
        for entity in message["entities"]
    ]


async def test_a_private_question_is_answered_with_a_quote(private: Chat, alice: Person) -> None:
    """The reply: the quote, the sentence that answers in bold, the linked title, who and when."""
    question = await private.send(alice, "How long is the bridge?")
    reply = await private.answer_to(question)
    assert reply["text"] == CARD
    assert entities(reply) == [
        ("blockquote", QUOTE),
        ("bold", HIGHLIGHT),
        ("text_link", "A bridge over the Naryn"),
    ]
    assert reply["entities"][2]["url"] == "https://example.org/bridge"
    assert reply["link_preview_options"] == {"is_disabled": True}


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("Who won the match yesterday?", "I couldn't find an answer to that in the articles. "),
        ("Кто выиграл вчерашний матч?", "В статьях не нашлось ответа на этот вопрос. "),
        ("Кешегі матчта кім жеңді?", "Мақалалардан бұл сұрақтың жауабын таппадым. "),
        ("Кечээки матчта ким жеңди?", "Макалалардан бул суроонун жообун тапкан жокмун. "),
    ],
)
async def test_not_found_is_said_in_the_questions_language(
    question: str, reply: str, private: Chat, alice: Person
) -> None:
    """What no article answers is refused, in the language that was asked in."""
    answer = await private.answer_to(await private.send(alice, question))
    assert answer["text"].startswith(reply)
    assert answer.get("entities", []) == []


async def test_the_closest_passage_is_shown_as_such(
    private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """What may not be the answer is said to be so, above the same card."""
    retriever.confidence = UNSURE_FROM
    reply = await private.answer_to(await private.send(alice, "How long is the bridge?"))
    assert (
        reply["text"] == f"I'm not sure this answers your question; the closest I found:\n\n{CARD}"
    )
    assert entities(reply) == [
        ("blockquote", QUOTE),
        ("bold", HIGHLIGHT),
        ("text_link", "A bridge over the Naryn"),
    ]


async def test_not_found_names_related_articles(
    private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """Where nothing answers, the titles that may help are linked."""
    retriever.confidence = RELATED_FROM
    question = await private.send(alice, "Does the bridge cross the canal?")
    reply = await private.answer_to(question)
    assert reply["text"].endswith(
        "\n\nPerhaps related:\n"
        "• A bridge over the Naryn · Naryn Times · 25 October 2021\n"
        "• The canal of Talas"
    )
    assert entities(reply) == [
        ("text_link", "A bridge over the Naryn"),
        ("text_link", "The canal of Talas"),
    ]
    assert reply["link_preview_options"] == {"is_disabled": True}


def button(message: Message) -> tuple[str, str]:
    """The text and the data of a message's only button."""
    [[only]] = message["reply_markup"]["inline_keyboard"]
    return only["text"], only["callback_data"]


async def test_the_rest_of_a_passage_is_one_button_away(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """Pressing "Whole passage" shows it in the same message, and the button goes."""
    question = await private.send(alice, "How long is the canal?")
    reply = await private.answer_to(question)
    assert reply["text"] == TRIMMED_CARD
    text, data = button(reply)
    assert text == "Whole passage"
    await private.press(reply, data)
    edited = await private.next_edit()
    assert edited["message_id"] == reply["message_id"]
    assert edited["text"] == WHOLE_CARD
    assert entities(edited) == [
        ("blockquote", CANAL.body),
        ("bold", "The canal, which was dug in the following autumn, is 14 km long."),
        ("text_link", "The canal of Talas"),
    ]
    assert edited["link_preview_options"] == {"is_disabled": True}
    assert "reply_markup" not in edited
    answered = await api.next_request("answerCallbackQuery")
    assert "text" not in answered


async def test_a_button_keeps_its_cards_language_and_first_line(
    group: Chat, alice: Person, bakyt: Person, retriever: FixedRetriever
) -> None:
    """Whoever presses in a group, the card stays what it was."""
    retriever.confidence = UNSURE_FROM
    reply = await group.answer_to(await group.send(bakyt, "/ask Узундугу канча: canal?"))
    first_line = "Бул сурооңуздун жообу экенине ишене албайм; табылгандын эң жакыны:\n\n"
    assert reply["text"] == first_line + TRIMMED_CARD
    text, data = button(reply)
    assert text == "Үзүндүнү толук көрсөтүү"
    await group.press(reply, data, by=alice)
    assert (await group.next_edit())["text"] == first_line + WHOLE_CARD


async def test_pressing_twice_does_no_harm(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """The second press changes nothing, and both are answered."""
    reply = await private.answer_to(await private.send(alice, "How long is the canal?"))
    for _ in range(2):
        await private.press(reply, button(reply)[1])
    assert (await private.next_edit())["text"] == WHOLE_CARD
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert api.unanswered_presses == []
    assert len(api.refused) == 1
    assert "message is not modified" in api.refused.pop().description


async def test_a_button_outlives_a_restart(
    api: BotApiServer, alice: Person, retriever: FixedRetriever
) -> None:
    """A press that comes to another process, of another index with the same article, works."""
    chat = api.private_chat(alice)
    async with polling(build(api, retriever)):
        reply = await chat.answer_to(await chat.send(alice, "How long is the canal?"))
    async with polling(build(api, FixedRetriever())):
        await chat.press(reply, button(reply)[1])
        assert (await chat.next_edit())["text"] == WHOLE_CARD


@pytest.mark.parametrize("gone", [True, False])
async def test_a_button_of_a_changed_article_says_so(
    gone: bool,  # noqa: FBT001 - pytest hands it over
    api: BotApiServer,
    private: Chat,
    alice: Person,
    retriever: FixedRetriever,
) -> None:
    """What the article doesn't say any more is not shown: the press is answered, no edit made."""
    reply = await private.answer_to(await private.send(alice, "Насколько длинный этот canal?"))
    if gone:
        del retriever.passages["canal"]
    else:
        changed = replace(CANAL, body=CANAL.body.replace("14 km", "15 km"))
        retriever.passages["canal"] = passage_of(changed, CANAL_SENTENCES)
    await private.press(reply, button(reply)[1])
    answered = await api.next_request("answerCallbackQuery")
    assert answered["text"].startswith("Эта статья с тех пор изменилась.")
    assert answered["show_alert"] is True
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert private.unread == []


async def test_a_button_below_a_deleted_message_is_answered(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """A press whose message Telegram doesn't have any more is answered; nobody sees an edit."""
    reply = await private.answer_to(await private.send(alice, "How long is the canal?"))
    await private.delete(reply)
    await private.press(reply, button(reply)[1])
    assert "text" not in await api.next_request("answerCallbackQuery")
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert len(api.refused) == 1
    assert "message to edit not found" in api.refused.pop().description


async def test_a_press_that_waited_too_long_still_shows_the_passage(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """A press from when the bot was away can't be answered any more, but edits its message."""
    reply = await private.answer_to(await private.send(alice, "How long is the canal?"))
    api.fail_next(
        "answerCallbackQuery",
        status=400,
        description="Bad Request: query is too old and response timeout expired or query ID is "
        "invalid",
    )
    await private.press(reply, button(reply)[1])
    assert (await private.next_edit())["text"] == WHOLE_CARD


async def test_a_button_of_another_version_is_answered(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """Data that this version doesn't know ends in a kind word, not in silence."""
    reply = await private.answer_to(await private.send(alice, "How long is the canal?"))
    reply["reply_markup"]["inline_keyboard"][0][0]["callback_data"] = "whole:1234"
    await private.press(reply, "whole:1234")
    answered = await api.next_request("answerCallbackQuery")
    assert answered["text"] == "This article has changed since. Please ask again."


async def test_an_error_at_a_press_is_apologised_for(
    api: BotApiServer, private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """What goes wrong inside ends in an alert; the message stays as it is."""
    reply = await private.answer_to(await private.send(alice, "How long is the canal?"))
    retriever.error = IndexUnusable("The index is of another model.")
    await private.press(reply, button(reply)[1])
    answered = await api.next_request("answerCallbackQuery")
    assert answered["text"] == "Sorry, something went wrong. Please try again a little later."
    retriever.error = None
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert private.unread == []


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("/start", "Hello! Ask me a question"),
        ("/start some_payload", "Hello! Ask me a question"),
        ("/help", "Just write your question."),
        ("/ask", "Write your question after /ask"),
        ("/ask How long is the bridge?", QUOTE),
        ("/nonsense", "I don't know that command."),
        ("hi", "Hello! Ask me about what the articles say"),
        ("Спасибо!", "Пожалуйста! Спрашивайте и дальше"),
        ("Сен кімсің?", "Мен ботпын. Сұрақтарға өзім білетін мақалалардан"),
        ("Кош болуңуз!", "Кош болуңуз! Макалаларда айтылгандар жөнүндө"),
        ("ok", "Good! If you have another question"),
        ("🌱🌱🌱", "Please write your question in words."),
        ("...", "Please write your question in words."),
        ("bridge " * 571, "That's too long for me."),
    ],
)
async def test_what_people_write_in_private(
    text: str, reply: str, private: Chat, alice: Person
) -> None:
    """Each kind of message gets one fitting reply."""
    answer = await private.answer_to(await private.send(alice, text))
    assert answer["text"].startswith(reply)


async def test_what_is_no_text_in_private(private: Chat, alice: Person) -> None:
    """Photos, stickers, voices and files get a short reply; a caption is a question."""
    for sent in (
        await private.send_photo(alice),
        await private.send_sticker(alice, "🌱"),
        await private.send_voice(alice),
        await private.send_document(alice),
    ):
        reply = await private.answer_to(sent)
        assert reply["text"] == "I only understand text. Please write your question in words."
    photo = await private.send_photo(alice, "How long is this bridge?")
    assert (await private.answer_to(photo))["text"] == CARD


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


async def test_a_question_that_was_deleted_is_still_answered(
    private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """A reply to a message that is gone becomes a message of its own."""
    retriever.may_go_on.clear()
    question = await private.send(alice, "How long is the bridge?")
    await asyncio.to_thread(retriever.busy.wait, 10)
    await private.delete(question)
    retriever.may_go_on.set()
    reply = await private.next_message()
    assert reply["text"] == CARD
    assert "reply_to_message" not in reply


async def test_answers_keep_the_order_of_the_questions(private: Chat, alice: Person) -> None:
    """Many questions at once in one chat are answered one after the other."""
    questions = [await private.send(alice, f"Bridge, question {i}?") for i in range(10)]
    for question in questions:
        assert (await private.answer_to(question))["text"] == CARD


async def test_many_people_at_once_are_answered_together(
    api: BotApiServer, bot: Bot, retriever: FixedRetriever
) -> None:
    """Questions that wait for the model are searched as one batch."""
    people = [api.user(f"Person {i}") for i in range(20)]
    chats = [api.private_chat(person) for person in people]
    retriever.batches.clear()
    retriever.busy.clear()
    retriever.may_go_on.clear()
    first = await chats[0].send(people[0], "First bridge?")
    await asyncio.to_thread(retriever.busy.wait, 10)
    questions = [first] + [
        await chat.send(person, "How long is the bridge?")
        for chat, person in zip(chats[1:], people[1:], strict=True)
    ]
    await api.confirmed(questions[-1])
    retriever.may_go_on.set()
    for chat, question in zip(chats, questions, strict=True):
        assert (await chat.answer_to(question))["text"] == CARD
    assert len(retriever.batches) < 10


async def test_when_telegram_says_wait_the_bot_waits(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """After a 429 the reply is sent once more, and arrives once."""
    api.fail_next("sendMessage", status=429, retry_after=1)
    question = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(question))["text"] == CARD
    assert private.unread == []


async def test_a_reply_that_may_have_arrived_is_not_sent_again(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """A send whose confirmation is lost is never repeated blindly."""
    api.fail_next("sendMessage", drop=True, takes_effect=True)
    first = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(first))["text"] == CARD
    second = await private.send(alice, "And how long is the bridge now?")
    assert (await private.answer_to(second))["text"] == CARD
    assert private.unread == []


async def test_a_topic_that_is_gone_is_left_out(
    api: BotApiServer, bot: Bot, bakyt: Person
) -> None:
    """If Telegram does not find the topic, the reply is sent once more without one."""
    forum = api.supergroup("Green forum", forum=True)
    topic = await forum.topic("Bridges")
    api.fail_next("sendMessage", status=400, description="Bad Request: message thread not found")
    await forum.send(bakyt, "@green_bot how long is the bridge?", message_thread_id=topic)
    assert (await forum.next_message())["text"] == CARD


async def test_who_blocks_the_bot_disturbs_nobody(
    api: BotApiServer, alice: Person, private: Chat, bakyt: Person
) -> None:
    """A reply that cannot be delivered is an everyday event: the others get theirs."""
    api.fail_next("sendMessage", status=403, description="Forbidden: bot was blocked by the user")
    await private.send(alice, "How long is the bridge?")
    other = api.private_chat(bakyt)
    question = await other.send(bakyt, "How long is the bridge?")
    again = await private.send(alice, "How long is the bridge?")
    replies = {(await other.next_message())["text"], (await private.next_message())["text"]}
    assert CARD in replies
    assert question["message_id"] <= again["message_id"]


async def test_an_error_is_apologised_for_in_the_persons_language(
    api: BotApiServer, bot: Bot, bakyt: Person, retriever: FixedRetriever
) -> None:
    """What goes wrong inside ends in an apology, not in silence, and the bot goes on."""
    chat = api.private_chat(bakyt)
    retriever.error = RuntimeError("the disk is gone")
    question = await chat.send(bakyt, "How long is the bridge?")
    assert (await chat.answer_to(question))["text"].startswith("Кечиресиз")
    retriever.error = None
    question = await chat.send(bakyt, "How long is the bridge?")
    assert (await chat.answer_to(question))["text"] == CARD


async def test_reindex_is_unknown_to_strangers(api: BotApiServer, bot: Bot, bakyt: Person) -> None:
    """To anybody but an admin /reindex is a command that does not exist."""
    chat = api.private_chat(bakyt)
    reply = await chat.answer_to(await chat.send(bakyt, "/reindex"))
    assert reply["text"].startswith("Андай буйрукту билбейм.")


async def test_without_admins_nobody_is_one(
    api: BotApiServer, alice: Person, retriever: FixedRetriever
) -> None:
    """Empty ADMIN_IDS means that nobody may reindex."""
    async with polling(build(api, retriever)):
        chat = api.private_chat(alice)
        reply = await chat.answer_to(await chat.send(alice, "/reindex"))
        assert reply["text"].startswith("I don't know that command.")


async def test_a_group_is_told_how_to_ask(api: BotApiServer, bot: Bot, bakyt: Person) -> None:
    """On being added the bot says once how to ask, in the language of who added it."""
    group = api.group("Green Naryn", bot_is_member=False)
    await group.add_bot(by=bakyt)
    assert (await group.next_message())["text"].startswith("Салам! Мен суроолорго макалалардан")
    question = await group.send(bakyt, "/ask how long is the bridge?")
    assert (await group.answer_to(question))["text"] == CARD


async def test_commands_are_set_for_each_scope_and_language(
    api: BotApiServer, bot: Bot, alice: Person
) -> None:
    """Everybody sees /ask and /help; /reindex is in the menu of admins only."""
    for scope in ("all_private_chats", "all_group_chats"):
        for language in ("", "ru", "kk", "ky"):
            names = [command["command"] for command in api.commands[scope, language]]
            assert names == ["ask", "help"]
    admins = api.commands[f"chat:{alice.id}", "ru"]
    assert [command["command"] for command in admins] == ["ask", "help", "reindex"]
    assert admins[0]["description"] == "Задать вопрос"


async def test_questions_that_came_while_the_bot_was_away_are_answered(
    api: BotApiServer, alice: Person, retriever: FixedRetriever
) -> None:
    """What waits at the start is not dropped."""
    chat = api.private_chat(alice)
    question = await chat.send(alice, "How long is the bridge?")
    async with polling(build(api, retriever)):
        assert (await chat.answer_to(question))["text"] == CARD


async def test_a_refused_token_is_one_clear_sentence(retriever: FixedRetriever) -> None:
    """A wrong token names the setting and never itself."""
    async with BotApiServer() as api:
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            telegram_bot_token=SecretStr("1:wrong"),
            telegram_api_url=api.url,
        )
        with pytest.raises(TelegramUnavailable, match="TELEGRAM_BOT_TOKEN") as raised:
            async with polling(build_bot(settings, Answering(lambda: retriever))):
                pass
        assert "1:wrong" not in str(raised.value)


async def test_an_unreachable_server_is_one_clear_sentence(retriever: FixedRetriever) -> None:
    """A server that does not answer names the setting."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        telegram_bot_token=SecretStr("1:token"),
        telegram_api_url="http://127.0.0.1:9",
    )
    with pytest.raises(TelegramUnavailable, match="TELEGRAM_API_URL"):
        async with polling(build_bot(settings, Answering(lambda: retriever))):
            pass
