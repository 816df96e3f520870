"""Inline and guest mode, in whole conversations: where the bot is no member of the chat."""

import pytest
from telegram.error import BadRequest

from bot.application import Bot
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, TRIMMED_CARD, WHOLE_CARD, build, buttons, data_of, entities
from embeddings.errors import IndexUnusable
from fixed_retriever import CANAL, FixedRetriever, passage_of
from knowledge.passages import Passage


@pytest.fixture
def elsewhere(api: BotApiServer, bot: Bot) -> Chat:
    """A group that the bot is no member of."""
    return api.group("Neighbours", bot_is_member=False)


async def test_passages_are_offered_and_sent(
    api: BotApiServer, bot: Bot, alice: Person, elsewhere: Chat
) -> None:
    """What is typed after the bot's name finds passages; the chosen one is sent as a card."""
    query = await api.inline_query(alice, "How long are the canal and the bridge?")
    answer = await api.inline_answer(query)
    bridge, canal = answer["results"]
    assert bridge["title"] == "A bridge over the Naryn"
    assert bridge["description"] == (
        "The bridge is 90 metres long. · Naryn Times · 25 October 2021"
    )
    assert canal["title"] == "The canal of Talas"
    assert answer["next_offset"] == ""
    sent = await elsewhere.send_inline_result(alice, canal)
    assert sent["text"] == TRIMMED_CARD
    assert buttons(sent) == [["Whole passage"], ["Share"]]
    await elsewhere.press(sent, data_of(sent, "Whole passage"), by=alice)
    edited = await elsewhere.next_edit()
    assert (edited["text"], buttons(edited)) == (WHOLE_CARD, [["Share"]])
    assert api.unanswered_presses == []


async def test_a_chosen_card_in_a_group_of_ours_is_no_question(
    api: BotApiServer, group: Chat, bakyt: Person
) -> None:
    """What people send via the bot is seen by it, and is not for it."""
    answer = await api.inline_answer(await api.inline_query(bakyt, "bridge"))
    await group.send_inline_result(bakyt, answer["results"][0])
    question = await group.send(bakyt, "/ask How long is the bridge?")
    assert (await group.answer_to(question))["text"] == CARD
    assert group.unread == []


async def test_nothing_typed_offers_the_newest_articles(
    api: BotApiServer, bot: Bot, bakyt: Person
) -> None:
    """Before anything is typed the articles' openings are offered, in the person's language."""
    answer = await api.inline_answer(await api.inline_query(bakyt, " "))
    assert [result["title"] for result in answer["results"]] == [
        "A bridge over the Naryn",
        "The canal of Talas",
    ]
    opening = answer["results"][0]
    assert opening["description"].startswith("Spring came late. · Naryn Times · 2021-ж.")
    assert ("bold", "Spring came late.") in entities(
        {
            "text": opening["input_message_content"]["message_text"],
            **opening["input_message_content"],
        }
    )


async def test_the_offer_goes_on_when_scrolled(
    api: BotApiServer, alice: Person, bot: Bot, retriever: FixedRetriever
) -> None:
    """Five at a time, by the offset that Telegram hands back, up to the last."""

    def numbered(number: int) -> Passage:
        article = CANAL.__class__(
            slug=f"canal-{number}",
            title=f"Canal {number}",
            url="https://example.org/canal",
            body="It is long.",
            publisher=None,
            language="en",
            published=None,
        )
        sentence = retriever.passages["bridge"].sentences[0].__class__(0, 11)
        return passage_of(article, [sentence])

    retriever.passages = {f"canal-{number}": numbered(number) for number in range(7)}
    titles, offset = [], ""
    for _ in range(2):
        query = await api.inline_query(alice, "", offset=offset)
        answer = await api.inline_answer(query)
        titles.append([result["title"] for result in answer["results"]])
        offset = answer["next_offset"]
    assert titles == [[f"Canal {n}" for n in range(5)], ["Canal 5", "Canal 6"]]
    assert offset == ""


@pytest.mark.parametrize("offset", ["x", "-5", "५", "1e9"])
async def test_a_strange_offset_is_the_beginning(
    offset: str, api: BotApiServer, bot: Bot, alice: Person
) -> None:
    """Offsets come from people's apps: what is no number counts as none."""
    query = await api.inline_query(alice, "bridge", offset=offset)
    assert len((await api.inline_answer(query))["results"]) == 1


@pytest.mark.parametrize("text", ["Who won the match?", "hello", "???"])
async def test_nothing_found_leads_to_the_chat(
    text: str, api: BotApiServer, bot: Bot, alice: Person
) -> None:
    """Where there is no quote nothing is offered but the way to the bot."""
    answer = await api.inline_answer(await api.inline_query(alice, text))
    assert answer["results"] == []
    assert answer["button"]["text"] == "Nothing found. Ask me in our chat"
    chat = api.private_chat(alice)
    started = await chat.send(alice, f"/start {answer['button']['start_parameter']}")
    assert (await chat.answer_to(started))["text"].startswith("Hello! Ask me a question")


async def test_an_offer_is_kept_for_the_person_alone(
    api: BotApiServer, bot: Bot, alice: Person, bakyt: Person, journal: Journal
) -> None:
    """Telegram may keep the answer for minutes, but gives it to nobody of another language."""
    await journal.choose_language(bakyt.id, "kk")
    for person, date in ((alice, "25 October 2021"), (bakyt, "2021 ж. 25 қазан")):
        answer = await api.inline_answer(await api.inline_query(person, "bridge"))
        assert answer["is_personal"] is True
        assert answer["cache_time"] == 300
        assert answer["results"][0]["description"].endswith(date)


async def test_an_offer_that_comes_too_late_is_no_error(
    api: BotApiServer, private: Chat, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """Who has typed on doesn't wait any more; other refusals are errors."""
    api.fail_next(
        "answerInlineQuery",
        status=400,
        description="Bad Request: query is too old and response timeout expired or query ID is "
        "invalid",
    )
    await api.inline_query(alice, "bridge")
    question = await private.send(alice, "How long is the bridge?")
    await private.answer_to(question)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    api.fail_next("answerInlineQuery", status=400, description="Bad Request: RESULT_ID_INVALID")
    await api.inline_query(alice, "bridge")
    await api.inline_answer(await api.inline_query(alice, "canal"))
    errors = [record.exc_info for record in caplog.records if record.levelname == "ERROR"]
    assert [info and info[0] for info in errors] == [BadRequest]


async def test_a_guest_answers_where_it_is_mentioned(
    api: BotApiServer, elsewhere: Chat, bakyt: Person
) -> None:
    """In a chat that the bot is no member of, a mention is answered once, with a card."""
    await elsewhere.send_as_guest(bakyt, "@green_bot How long is the canal?")
    answer = await elsewhere.next_message()
    assert answer["text"] == TRIMMED_CARD
    assert buttons(answer) == [["Whole passage"], ["Share"]]
    await elsewhere.press(answer, data_of(answer, "Whole passage"), by=bakyt)
    assert (await elsewhere.next_edit())["text"] == WHOLE_CARD
    assert api.unanswered_presses == []


async def test_a_guest_answers_in_a_chat_of_two_people(
    api: BotApiServer, bot: Bot, alice: Person, bakyt: Person
) -> None:
    """The mention is no part of the question; without one the bot says how to ask."""
    chat = api.group("Two of us", bot_is_member=False)
    await chat.send_as_guest(alice, "@green_bot")
    assert (await chat.next_message())["text"].startswith("Write your question after /ask")
    await chat.send_as_guest(alice, "Who won the match, @Green_Bot?")
    assert (await chat.next_message())["text"].startswith("I couldn't find an answer")


async def test_what_goes_wrong_for_a_guest_is_apologised_for(
    api: BotApiServer, elsewhere: Chat, bakyt: Person, retriever: FixedRetriever
) -> None:
    """A guest has one answer; if all fails it is an apology."""
    retriever.error = IndexUnusable("The index is of another model.")
    await elsewhere.send_as_guest(bakyt, "@green_bot How long is the canal?")
    assert (await elsewhere.next_message())["text"].startswith("Кечиресиз")


async def test_another_process_knows_the_buttons_of_a_sent_card(
    api: BotApiServer, alice: Person, journal: Journal
) -> None:
    """After a restart the buttons below cards in other chats work as before."""
    chat = api.group("Neighbours", bot_is_member=False)
    async with running(build(api, FixedRetriever(), journal)):
        answer = await api.inline_answer(await api.inline_query(alice, "canal"))
        sent = await chat.send_inline_result(alice, answer["results"][0])
    async with running(build(api, FixedRetriever(), journal)):
        await chat.press(sent, data_of(sent, "Whole passage"), by=alice)
        assert (await chat.next_edit())["text"] == WHOLE_CARD


@pytest.mark.parametrize("text", ["/start@green_bot", "/articles@green_bot"])
async def test_a_guest_takes_no_commands(
    text: str, api: BotApiServer, elsewhere: Chat, private: Chat, bakyt: Person
) -> None:
    """Where the bot is a guest only questions are answered; commands there fail nowhere."""
    await elsewhere.send_as_guest(bakyt, text)
    question = await private.send(private.owner, "How long is the bridge?")
    assert (await private.answer_to(question))["text"] == CARD
    assert elsewhere.unread == []


async def test_a_card_that_is_gone_is_not_edited(
    api: BotApiServer, alice: Person, bakyt: Person, elsewhere: Chat, private: Chat
) -> None:
    """A press below a sent card that was deleted meanwhile is answered, without an apology."""
    answer = await api.inline_answer(await api.inline_query(alice, "canal"))
    sent = await elsewhere.send_inline_result(alice, answer["results"][0])
    api.fail_next("editMessageText", status=400, description="Bad Request: MESSAGE_ID_INVALID")
    await elsewhere.press(sent, data_of(sent, "Whole passage"), by=bakyt)
    assert "text" not in await api.next_request("answerCallbackQuery")
    question = await private.send(private.owner, "How long is the bridge?")
    assert (await private.answer_to(question))["text"] == CARD
    assert api.unanswered_presses == []


async def test_what_is_sent_via_the_bot_in_its_own_chat_is_no_question(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """A card that a person sends to the bot itself is left alone."""
    answer = await api.inline_answer(await api.inline_query(alice, "canal", chat_type="sender"))
    await private.send_inline_result(alice, answer["results"][0])
    question = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(question))["text"] == CARD
    assert private.unread == []


@pytest.mark.parametrize("switched_on", [True, False])
async def test_what_is_switched_off_is_not_promised(
    switched_on: bool,  # noqa: FBT001 - pytest hands it over
    retriever: FixedRetriever,
    journal: Journal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without inline mode /help doesn't speak of it, and the log tells the owner of both modes."""
    caplog.set_level("INFO")
    server = BotApiServer(inline_mode=switched_on, guest_mode=switched_on)
    async with server as api, running(build(api, retriever, journal)):
        alice = api.user("Alice", language_code="en")
        chat = api.private_chat(alice)
        told = (await chat.answer_to(await chat.send(alice, "/help")))["text"]
    assert ("In any other chat, type @green_bot" in told) is switched_on
    assert told.endswith("I will say so.")
    assert ("Inline mode is off" in caplog.text) is not switched_on
    assert ("Guest mode is off" in caplog.text) is not switched_on
