"""Whole conversations in private chats: the real application, polling the strict server."""

import asyncio

import pytest

from bot.answering import RELATED_FROM
from bot.application import Bot
from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import CARD, HIGHLIGHT, QUOTE, TRIMMED_CARD, build, buttons, entities, introduced
from embeddings.confidence import UNSURE_FROM
from fixed_retriever import FixedRetriever


async def test_a_private_question_is_answered_with_a_quote(private: Chat, alice: Person) -> None:
    """The reply: the quote, the sentence that answers in bold, the linked title, who and when."""
    question = await private.send(alice, "How long is the bridge?")
    reply = await private.answer_to(question)
    assert reply["text"] == CARD
    assert entities(reply) == [
        ("blockquote", QUOTE),
        ("bold", HIGHLIGHT),
        ("text_link", "A bridge over the Naryn"),
        ("url", "https://example.org/bridge"),
    ]
    sentence = "The%20bridge%20is%2090%20metres%20long."
    assert reply["entities"][2]["url"] == f"https://example.org/bridge#:~:text={sentence}"
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
        ("url", "https://example.org/bridge"),
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


async def test_what_is_no_text_in_private(api: BotApiServer, bot: Bot) -> None:
    """Photos, stickers, voices and files get a short reply; a caption is a question."""
    person = api.user("Carol", language_code="en")
    private = api.private_chat(person)
    for sent in (
        await private.send_photo(person),
        await private.send_sticker(person, "🌱"),
        await private.send_voice(person),
        await private.send_document(person),
    ):
        reply = await private.answer_to(sent)
        assert reply["text"] == "I only understand text. Please write your question in words."
    photo = await private.send_photo(person, "How long is this bridge?")
    assert (await private.answer_to(photo))["text"] == CARD


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
    while bot.answering._waiting.qsize() < 19:  # noqa: ASYNC110 - a queue of threads
        await asyncio.sleep(0.01)
    retriever.may_go_on.set()
    for chat, question in zip(chats, questions, strict=True):
        assert (await chat.answer_to(question))["text"] == CARD
    assert [len(batch) for batch in retriever.batches] == [1, 19]


async def test_reindex_is_unknown_to_strangers(api: BotApiServer, bot: Bot, bakyt: Person) -> None:
    """To anybody but an admin /reindex is a command that does not exist."""
    chat = api.private_chat(bakyt)
    reply = await chat.answer_to(await chat.send(bakyt, "/reindex"))
    assert reply["text"].startswith("Андай буйрукту билбейм.")


async def test_without_admins_nobody_is_one(
    api: BotApiServer, alice: Person, retriever: FixedRetriever, journal: Journal
) -> None:
    """Empty ADMIN_IDS means that nobody may reindex."""
    async with running(build(api, retriever, journal)):
        chat = api.private_chat(alice)
        reply = await chat.answer_to(await chat.send(alice, "/reindex"))
        assert reply["text"].startswith("I don't know that command.")


async def test_commands_are_set_for_each_scope_and_language(
    api: BotApiServer, introducing_bot: Bot, alice: Person
) -> None:
    """What is about a person is in private menus only, /reindex in those of admins."""
    await introduced()

    def menu(scope: str, language: str) -> list[str]:
        return [command["command"] for command in api.commands[scope, language]]

    everybodys, persons = ["ask", "articles", "latest", "help"], ["language", "privacy"]
    admins = ["add", "drafts", "edit", "remove", "undo", "reindex", "cancel", "status", "stats"]
    admins += ["unanswered", "sources"]
    for language in ("", "ru", "kk", "ky"):
        assert menu("all_group_chats", language) == everybodys
        assert menu("all_private_chats", language) == everybodys + persons
        assert menu(f"chat:{alice.id}", language) == [*everybodys, *persons, *admins]
    assert api.commands["all_group_chats", "ru"][0]["description"] == "Задать вопрос"


async def test_a_follow_up_is_understood_with_the_question_before(
    private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """What can't stand alone is searched with what the person asked before, and said to be."""
    await private.answer_to(await private.send(alice, "Where is the canal of Talas?"))
    reply = await private.answer_to(await private.send(alice, "And how long is it?"))
    assert retriever.after[-1] == ["Where is the canal of Talas?"]
    assert reply["text"] == f"I took this together with your question before it.\n\n{TRIMMED_CARD}"
    await private.answer_to(await private.send(alice, "And how deep is it?"))
    assert retriever.after[-1] == ["Where is the canal of Talas?"]


async def test_a_greeting_does_not_end_a_conversation(
    private: Chat, alice: Person, retriever: FixedRetriever
) -> None:
    """Thanks in between leave the question before as it is."""
    await private.answer_to(await private.send(alice, "Where is the canal of Talas?"))
    await private.answer_to(await private.send(alice, "Thank you!"))
    await private.answer_to(await private.send(alice, "And how long is it?"))
    assert retriever.after[-1] == ["Where is the canal of Talas?"]


async def test_somebody_elses_question_is_no_question_before(
    group: Chat, alice: Person, bakyt: Person, retriever: FixedRetriever
) -> None:
    """In a group each person's questions are a conversation of their own."""
    await group.answer_to(await group.send(alice, "/ask Where is the canal of Talas?"))
    await group.answer_to(await group.send(bakyt, "/ask And how long is it?"))
    assert retriever.after[-1] == [None]
    await group.answer_to(await group.send(alice, "/ask And how long is it?"))
    assert retriever.after[-1] == ["Where is the canal of Talas?"]


async def test_the_chosen_language_wins_over_the_questions(
    private: Chat, alice: Person, journal: Journal
) -> None:
    """Who has chosen Kazakh hears it to questions in any language, and to all else."""
    await journal.choose_language(alice.id, "kk")
    reply = await private.answer_to(await private.send(alice, "Кто выиграл вчерашний матч?"))
    assert reply["text"].startswith("Мақалалардан бұл сұрақтың жауабын таппадым.")
    reply = await private.answer_to(await private.send(alice, "How long is the bridge?"))
    assert "2021\u00a0ж. 25 қазан\n" in reply["text"]
    assert buttons(reply) == [["Көмектесті", "Көмектеспеді", "Бөлісу"]]
    reply = await private.answer_to(await private.send(alice, "/start"))
    assert reply["text"].startswith("Сәлем!")
