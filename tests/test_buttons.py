"""Buttons below a quote, in whole conversations."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.answering import Quote
from bot.links import passage_link
from bot.places import place_of
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, TRIMMED_CARD, WHOLE_CARD, build, buttons, data_of, entities
from embeddings.confidence import UNSURE_FROM
from embeddings.errors import IndexUnavailable, IndexUnusable
from fixed_retriever import CANAL, CANAL_SENTENCES, FixedRetriever, passage_of


async def test_the_rest_of_a_passage_is_one_button_away(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """Pressing "Whole passage" shows it in the same message, and the button goes."""
    question = await private.send(alice, "How long is the canal?")
    reply = await private.answer_to(question)
    assert reply["text"] == TRIMMED_CARD
    assert buttons(reply) == [["Whole passage"], ["Helpful", "Not helpful", "Share"]]
    await private.press(reply, data_of(reply, "Whole passage"))
    edited = await private.next_edit()
    assert edited["message_id"] == reply["message_id"]
    assert edited["text"] == WHOLE_CARD
    assert entities(edited) == [
        ("blockquote", CANAL.body[:533]),
        ("bold", "The canal, which was dug in the following autumn, is 14 km long."),
        ("expandable_blockquote", CANAL.body[534:]),
        ("text_link", "The canal of Talas"),
        ("url", "https://example.org/canal"),
    ]
    assert edited["link_preview_options"] == {"is_disabled": True}
    assert buttons(edited) == [["Helpful", "Not helpful", "Share"]]
    answered = await api.next_request("answerCallbackQuery")
    assert "text" not in answered


async def test_other_passages_are_shown_in_the_same_message(
    private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """The button "More passages" leads to the next one, and from there another back."""
    retriever.confidence = UNSURE_FROM
    reply = await private.answer_to(await private.send(alice, "How long are bridge and canal?"))
    assert buttons(reply)[0] == ["More passages"]
    await private.press(reply, data_of(reply, "More passages"))
    second = await private.next_edit()
    assert second["message_id"] == reply["message_id"]
    assert second["text"] == f"Passage 2 of 2, which may help as well:\n\n{TRIMMED_CARD}"
    assert buttons(second)[0] == ["◀ Back", "Whole passage"]
    await private.press(second, data_of(second, "Whole passage"))
    whole = await private.next_edit()
    assert whole["text"] == f"Passage 2 of 2, which may help as well:\n\n{WHOLE_CARD}"
    await private.press(whole, data_of(whole, "◀ Back"))
    first = await private.next_edit()
    assert (first["text"], buttons(first)) == (reply["text"], buttons(reply))


@pytest.mark.parametrize(("label", "helpful"), [("Helpful", True), ("Not helpful", False)])
async def test_an_answer_can_be_rated_once(
    label: str,
    helpful: bool,  # noqa: FBT001 - pytest hands it over
    api: BotApiServer,
    private: Chat,
    tmp_path: Path,
) -> None:
    """A verdict goes into the journal, is thanked for in passing, and its buttons go."""
    reply = await private.answer_to(await private.send(private.owner, "How long is the canal?"))
    await private.press(reply, data_of(reply, label))
    edited = await private.next_edit()
    assert edited["text"] == reply["text"]
    assert buttons(edited) == [["Whole passage"], ["Share"]]
    answered = await api.next_request("answerCallbackQuery")
    assert answered["text"] == "Thank you, noted!"
    assert not answered.get("show_alert")
    await private.press(reply, data_of(reply, label))
    assert (await api.next_request("answerCallbackQuery"))["text"] == "Thank you, noted!"
    with closing(sqlite3.connect(tmp_path / "journal.db")) as connection:
        assert connection.execute("SELECT helpful FROM verdicts").fetchall() == [(helpful,)]
    after = await private.send(private.owner, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert "message is not modified" in api.refused.pop().description


async def test_a_question_that_is_not_kept_any_more_is_rated_in_vain(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """Who rates an answer too late is thanked and told, and the buttons go."""
    reply = await private.answer_to(await private.send(alice, "Сколько ждать canal?"))
    await journal.forget(alice.id)
    await private.press(reply, data_of(reply, "Помогло"))
    assert (await api.next_request("answerCallbackQuery"))["text"] == (
        "Спасибо! Но этот вопрос у меня уже не хранится."
    )
    assert buttons(await private.next_edit()) == [["Весь отрывок"], ["Поделиться"]]


async def test_without_a_journal_nothing_is_rated(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, tmp_path: Path
) -> None:
    """Where no questions are kept there are no buttons to rate by."""
    with closing(Journal.open(tmp_path / "other", days=0)) as journal:
        async with running(build(api, retriever, journal)):
            chat = api.private_chat(alice)
            reply = await chat.answer_to(await chat.send(alice, "How long is the bridge?"))
            assert buttons(reply) == [["Share"]]


async def test_a_card_in_a_group_is_not_rated(group: Chat, alice: Person) -> None:
    """Below somebody's message in a group stands no poll; the passages can be read there."""
    reply = await group.answer_to(await group.send(alice, "/ask How long is the canal?"))
    assert buttons(reply) == [["Whole passage"], ["Share"]]


async def test_a_shared_link_opens_the_passage(
    api: BotApiServer, private: Chat, alice: Person, bakyt: Person
) -> None:
    """The link that "Share" offers shows the same quote to whom it is sent, in their language."""
    reply = await private.answer_to(await private.send(alice, "How long is the canal?"))
    url = reply["reply_markup"]["inline_keyboard"][-1][-1]["url"]
    [link] = parse_qs(urlsplit(url).query)["url"]
    [payload] = parse_qs(urlsplit(link).query)["start"]
    assert link == f"https://t.me/green_bot?start={payload}"
    other = api.private_chat(bakyt)
    opened = await other.answer_to(await other.send(bakyt, f"/start {payload}"))
    assert opened["text"] == TRIMMED_CARD
    assert buttons(opened) == [["Үзүндүнү толук көрсөтүү"], ["Бөлүшүү"]]


async def test_a_shared_link_to_a_changed_article_says_so(
    api: BotApiServer, private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """What the article doesn't say any more is not shown."""
    link = passage_link(
        "green_bot", place_of(Quote(retriever.passages["canal"], "", 228, 292, CANAL_SENTENCES[1]))
    )
    assert link is not None
    del retriever.passages["canal"]
    question = await private.send(alice, f"/start {link.partition('=')[2]}")
    reply = await private.answer_to(question)
    assert reply["text"] == "This article has changed since. Please ask again."


async def test_a_button_keeps_its_cards_language_and_first_line(
    group: Chat, alice: Person, bakyt: Person, retriever: FixedRetriever
) -> None:
    """Whoever presses in a group, the card stays what it was."""
    retriever.confidence = UNSURE_FROM
    reply = await group.answer_to(await group.send(bakyt, "/ask Узундугу канча: canal?"))
    first_line = "Бул сурооңуздун жообу экенине ишене албайм; табылгандын эң жакыны:\n\n"
    languages = "суроо кыргыз тилинде, булак англис тилинде"
    assert reply["text"] == first_line + TRIMMED_CARD.replace("Talas\n", f"Talas\n{languages}\n")
    await group.press(reply, data_of(reply, "Үзүндүнү толук көрсөтүү"), by=alice)
    whole = WHOLE_CARD.replace("Talas\n", f"Talas\n{languages}\n")
    assert (await group.next_edit())["text"] == first_line + whole


async def test_pressing_twice_does_no_harm(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """The second press changes nothing, and both are answered."""
    reply = await private.answer_to(await private.send(alice, "How long is the canal?"))
    for _ in range(2):
        await private.press(reply, data_of(reply, "Whole passage"))
    assert (await private.next_edit())["text"] == WHOLE_CARD
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert api.unanswered_presses == []
    await api.wait_until(lambda: api.refused or None, "refusal", 30)
    assert "message is not modified" in api.refused.pop().description


async def test_a_button_outlives_a_restart(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """A press that comes to another process, of another index with the same article, works."""
    chat = api.private_chat(alice)
    async with running(build(api, retriever, journal)):
        reply = await chat.answer_to(await chat.send(alice, "How long is the canal?"))
    async with running(build(api, FixedRetriever(), journal)):
        await chat.press(reply, data_of(reply, "Whole passage"))
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
    await private.press(reply, data_of(reply, "Весь отрывок"))
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
    await private.press(reply, data_of(reply, "Whole passage"))
    assert "text" not in await api.next_request("answerCallbackQuery")
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    await api.wait_until(lambda: api.refused or None, "refusal", 30)
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
    await private.press(reply, data_of(reply, "Whole passage"))
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
    await private.press(reply, data_of(reply, "Whole passage"))
    answered = await api.next_request("answerCallbackQuery")
    assert answered["text"] == "Sorry, something went wrong. Please try again a little later."
    retriever.error = None
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert private.unread == []


async def test_an_engine_that_is_away_is_one_line_in_the_log(
    api: BotApiServer,
    private: Chat,
    alice: Person,
    retriever: FixedRetriever,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It comes with each question meanwhile; a traceback would tell nothing and bury the rest."""
    retriever.error = IndexUnavailable("The store at http://there can't be reached.")
    await private.answer_to(await private.send(alice, "How long is the canal?"))
    logged = [each for each in caplog.records if each.name == "bot.handlers.errors"]
    assert [(each.levelname, each.exc_info, each.getMessage()) for each in logged] == [
        (
            "WARNING",
            None,
            "A question was not answered: The store at http://there can't be reached.",
        )
    ]
