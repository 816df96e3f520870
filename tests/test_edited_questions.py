"""Edited questions, in whole conversations: the answer changes with them."""

import pytest

from bot.application import Bot
from bot.errors import JournalError
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, TRIMMED_CARD, build, buttons
from fixed_retriever import FixedRetriever


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("How long is the bridge?", "How long is the canal?"),
        ("Who won the match?", "How long is the canal?"),
        ("hello", "How long is the canal?"),
    ],
)
async def test_the_answer_to_an_edited_question_is_edited(
    before: str, after: str, private: Chat, alice: Person
) -> None:
    """Who corrects a question finds the new answer in the place of the old one."""
    question = await private.send(alice, before)
    reply = await private.answer_to(question)
    await private.edit(question, after)
    edited = await private.next_edit()
    assert edited["message_id"] == reply["message_id"]
    assert edited["text"] == TRIMMED_CARD
    assert buttons(edited) == [["Whole passage"], ["Helpful", "Not helpful", "Share"]]
    assert private.unread == []


async def test_in_a_group_only_what_is_for_us_is_followed(
    group: Chat, bakyt: Person, alice: Person
) -> None:
    """A mention that is added by an edit asks; what people edit otherwise is none of ours."""
    chatter = await group.send(alice, "How long is the bridge?")
    await group.edit(chatter, "How long is that bridge?")
    late = await group.send(bakyt, "How long is the canal?")
    await group.edit(late, "@green_bot How long is the canal?")
    assert (await group.answer_to(late))["text"] == TRIMMED_CARD
    await group.edit(late, "@green_bot How long is the bridge?")
    assert (await group.next_edit())["text"] == CARD
    assert group.unread == []


async def test_an_edited_caption_is_an_edited_question(private: Chat, alice: Person) -> None:
    """The caption of a photo is a question like any other."""
    photo = await private.send_photo(alice, "How long is this canal?")
    await private.answer_to(photo)
    await private.edit(photo, "How long is this bridge?")
    assert (await private.next_edit())["text"] == CARD


async def test_an_edit_that_changes_no_answer_is_no_error(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """A corrected typo may leave the answer as it is; only the question's number in it moves."""
    question = await private.send(alice, "/ask thanks")
    await private.answer_to(question)
    await private.edit(question, "/ask thank you")
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert "message is not modified" in api.refused.pop().description


async def test_an_edit_is_followed_after_a_restart(
    api: BotApiServer, alice: Person, journal: Journal
) -> None:
    """Another process knows which of the bot's messages answers the question."""
    chat = api.private_chat(alice)
    async with running(build(api, FixedRetriever(), journal)):
        question = await chat.send(alice, "How long is the bridge?")
        reply = await chat.answer_to(question)
    await chat.edit(question, "How long is the canal?")
    async with running(build(api, FixedRetriever(), journal)):
        edited = await chat.next_edit()
    assert (edited["message_id"], edited["text"]) == (reply["message_id"], TRIMMED_CARD)


async def test_an_edit_whose_answer_was_deleted_is_let_go(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """Who has deleted the answer doesn't want another one."""
    question = await private.send(alice, "How long is the bridge?")
    await private.delete(await private.answer_to(question))
    await private.edit(question, "How long is the canal?")
    after = await private.send(alice, "How long is the bridge?")
    assert (await private.answer_to(after))["text"] == CARD
    assert "message to edit not found" in api.refused.pop().description


async def test_an_edit_that_is_no_question_any_more_leaves_the_answer(
    group: Chat, bakyt: Person
) -> None:
    """Where the mention is taken out of a message the answer stays as it was."""
    question = await group.send(bakyt, "@green_bot How long is the bridge?")
    await group.answer_to(question)
    await group.edit(question, "How long is the canal?")
    after = await group.send(bakyt, "/ask How long is the bridge?")
    assert (await group.answer_to(after))["text"] == CARD
    assert group.unread == []


async def test_questions_are_answered_though_the_journal_fails(
    bot: Bot,
    private: Chat,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With a full disk there are no verdicts and no edits, but answers, and a line in the log."""

    async def fail(*_: object) -> None:
        raise JournalError("The journal can't be written: the disk is full.")

    for method in ("record", "remember_reply", "find_reply", "chosen_language"):
        monkeypatch.setattr(bot.journal, method, fail)
    question = await private.send(alice, "How long is the bridge?")
    reply = await private.answer_to(question)
    assert (reply["text"], buttons(reply)) == (CARD, [["Share"]])
    await private.edit(question, "How long is the canal?")
    assert (await private.answer_to(question))["text"] == TRIMMED_CARD
    assert "the disk is full" in caplog.text
