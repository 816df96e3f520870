"""/language and /privacy: whole conversations with the real application and a real journal."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.application import Bot
from bot.localization import say
from bot.serving import running
from bot.storage.journal import AskedQuestion, Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import build, buttons, introduced
from fixed_retriever import FixedRetriever

CHOICES = [["English", "Русский"], ["Қазақша", "Кыргызча"]]


@pytest.fixture
def journal_of_no_days(tmp_path: Path) -> Iterator[Journal]:
    """The journal of an owner who keeps no questions."""
    with closing(Journal.open(tmp_path, days=0)) as journal:
        yield journal


async def toast(api: BotApiServer) -> str:
    """What the next press is answered with, without an alert."""
    answer = await api.next_request("answerCallbackQuery")
    assert not answer.get("show_alert")
    return str(answer.get("text", ""))


async def alert(api: BotApiServer) -> str:
    """What the next press is answered with, as an alert."""
    answer = await api.next_request("answerCallbackQuery")
    assert answer["show_alert"] is True
    return str(answer["text"])


async def record(journal: Journal, person: Person) -> None:
    """Keep a question of somebody's."""
    asked = AskedQuestion(person.id, "How long is it?", "en", "answered", None, None, "private")
    assert await journal.record(asked)


async def kept_of(journal: Journal, person: Person) -> int:
    """How many questions of somebody are kept; none any more afterwards."""
    return await journal.forget(person.id)


@pytest.mark.parametrize(
    ("code", "text", "automatic"),
    [
        ("en", "Which language shall I talk to you in?", "Automatic"),
        ("ru", "На каком языке мне с вами говорить?", "Автоматически"),
        ("kk", "Сізбен қай тілде сөйлесейін?", "Автоматты"),
        ("ky", "Сиз менен кайсы тилде сүйлөшөйүн?", "Автоматтык"),
    ],
)
async def test_languages_are_offered_by_their_own_names(
    code: str, text: str, automatic: str, api: BotApiServer, bot: Bot
) -> None:
    """/language asks in the person's language; who has not chosen has "automatic" marked."""
    person = api.user("Somebody", language_code=code)
    chat = api.private_chat(person)
    offer = await chat.answer_to(await chat.send(person, "/language"))
    assert offer["text"].startswith(text)
    assert buttons(offer) == [*CHOICES, [f"✓ {automatic}"]]


@pytest.mark.parametrize(
    ("choice", "said", "marked", "text"),
    [
        ("en", "From now on I'll talk to you in English.", "✓ English", "Which language shall"),
        ("ru", "Теперь буду говорить с вами по-русски.", "✓ Русский", "На каком языке мне"),
        ("kk", "Енді сізбен қазақша сөйлесемін.", "✓ Қазақша", "Сізбен қай тілде"),
        ("ky", "Эми сиз менен кыргызча сүйлөшөм.", "✓ Кыргызча", "Сиз менен кайсы тилде"),
    ],
)
async def test_a_choice_is_confirmed_in_the_chosen_language(  # noqa: PLR0913 - a table's columns
    choice: str, said: str, marked: str, text: str, *, api: BotApiServer, bot: Bot
) -> None:
    """Text, mark and every later word are in it, whatever the language of the app."""
    person = api.user("Somebody", language_code="de")
    chat = api.private_chat(person)
    offer = await chat.answer_to(await chat.send(person, "/language"))
    await chat.press(offer, f"language:{choice}")
    assert await toast(api) == said
    edited = await chat.next_edit()
    assert edited["text"].startswith(text)
    assert [text for row in buttons(edited) for text in row if "✓" in text] == [marked]
    help_text = await chat.answer_to(await chat.send(person, "/help"))
    assert help_text["text"].startswith(say(choice, "help", bot="green_bot"))
    photo = await chat.answer_to(await chat.send_photo(person))
    assert photo["text"] == say(choice, "only-text")


async def test_a_choice_can_be_taken_back(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """After "automatic" the app's language counts again, and that is marked."""
    await journal.choose_language(alice.id, "ky")
    offer = await private.answer_to(await private.send(alice, "/language"))
    assert offer["text"].startswith("Сиз менен кайсы тилде")
    assert buttons(offer) == [["English", "Русский"], ["Қазақша", "✓ Кыргызча"], ["Автоматтык"]]
    await private.press(offer, "language:auto")
    assert await toast(api) == "From now on I'll answer in the language of your question."
    assert buttons(await private.next_edit()) == [*CHOICES, ["✓ Automatic"]]
    assert await journal.chosen_language(alice.id) is None


async def test_a_double_tap_on_a_language_does_no_harm(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """Both presses are answered; that the second changes nothing is no error."""
    offer = await private.answer_to(await private.send(alice, "/language"))
    for _ in range(2):
        await private.press(offer, "language:ru")
    for _ in range(2):
        assert await toast(api) == "Теперь буду говорить с вами по-русски."
    await private.next_edit()
    await private.answer_to(await private.send(alice, "/help"))
    await api.wait_until(lambda: api.refused or None, "refusal", 30)
    assert "message is not modified" in api.refused.pop().description


async def test_a_language_below_a_deleted_message_is_kept(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """A press counts though there is no message to edit any more."""
    offer = await private.answer_to(await private.send(alice, "/language"))
    await private.delete(offer)
    await private.press(offer, "language:kk")
    assert await toast(api) == "Енді сізбен қазақша сөйлесемін."
    await private.answer_to(await private.send(alice, "/help"))
    assert await journal.chosen_language(alice.id) == "kk"
    await api.wait_until(lambda: api.refused or None, "refusal", 30)
    assert "message to edit not found" in api.refused.pop().description


async def test_a_language_below_an_old_message_is_kept(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """A press counts though Telegram lets nobody edit the message any more."""
    offer = await private.answer_to(await private.send(alice, "/language"))
    words = "Bad Request: message can't be edited"
    api.fail_next("editMessageText", status=400, description=words)
    await private.press(offer, "language:kk")
    assert await toast(api) == "Енді сізбен қазақша сөйлесемін."
    help_text = await private.answer_to(await private.send(alice, "/help"))
    assert help_text["text"].startswith(say("kk", "help", bot="green_bot"))


async def test_in_a_group_everybody_chooses_for_themselves(
    api: BotApiServer, group: Chat, alice: Person, bakyt: Person, journal: Journal
) -> None:
    """A press counts for who presses, is confirmed to them alone, and edits nobody's message."""
    offer = await group.answer_to(await group.send(alice, "/language"))
    await group.press(offer, "language:ru", by=bakyt)
    assert await toast(api) == "Теперь буду говорить с вами по-русски."
    how_to = await group.answer_to(await group.send(bakyt, "/ask"))
    assert how_to["text"] == say("ru", "ask-how-to", bot="green_bot")
    how_to = await group.answer_to(await group.send(alice, "/ask"))
    assert how_to["text"] == say("en", "ask-how-to", bot="green_bot")
    assert await journal.chosen_language(alice.id) is None
    assert group.unread == []


async def test_a_choice_outlives_a_restart(
    api: BotApiServer, alice: Person, tmp_path: Path
) -> None:
    """What was chosen, and the buttons below an old message, are known to the next process."""
    chat = api.private_chat(alice)
    with closing(Journal.open(tmp_path, 90)) as journal:
        async with running(build(api, FixedRetriever(), journal)):
            offer = await chat.answer_to(await chat.send(alice, "/language"))
            await chat.press(offer, "language:ky")
            await chat.next_edit()
            privacy = await chat.answer_to(await chat.send(alice, "/privacy"))
    with closing(Journal.open(tmp_path, 90)) as journal:
        async with running(build(api, FixedRetriever(), journal)):
            start = await chat.answer_to(await chat.send(alice, "/start"))
            assert start["text"] == say("ky", "start")
            await chat.press(privacy, "forget:ask")
            assert (await chat.next_edit())["text"] == say("ky", "forget-ask")
            await chat.press(offer, "language:ru")
            assert "✓ Русский" in buttons(await chat.next_edit())[0]


async def test_an_error_is_apologised_for_in_the_chosen_language(
    private: Chat, alice: Person, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also who hears of a fault hears it in their language."""
    await journal.choose_language(alice.id, "kk")
    monkeypatch.setattr(FixedRetriever, "find", None)
    apology = await private.answer_to(await private.send(alice, "How long is the bridge?"))
    assert apology["text"].startswith("Кешіріңіз, бірдеңе дұрыс болмады.")


async def test_without_the_journal_the_app_tells_the_language(
    private: Chat, alice: Person, journal: Journal
) -> None:
    """A choice that can't be read just now costs nobody an answer."""
    await journal.choose_language(alice.id, "kk")
    journal.database.write_now(lambda each: each.exec_driver_sql("DROP TABLE languages"))
    reply = await private.answer_to(await private.send(alice, "/help"))
    assert reply["text"].startswith(say("en", "help", bot="green_bot"))


async def test_a_choice_that_cannot_be_kept_is_apologised_for(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """Nobody is told that something is kept which isn't."""
    offer = await private.answer_to(await private.send(alice, "/language"))
    journal.database.write_now(lambda each: each.exec_driver_sql("DROP TABLE languages"))
    await private.press(offer, "language:ky")
    assert await alert(api) == "Sorry, something went wrong. Please try again a little later."


@pytest.mark.parametrize(
    ("code", "questions", "rest", "button"),
    [
        (
            "en",
            "I store your questions for 90 days, so",
            "I never store names",
            "Delete my records",
        ),
        ("ru", "Я храню ваши вопросы 90 дней, чтобы", "имён я не храню", "Удалить мои записи"),
        ("kk", "сұрақтарыңызды 90 күн сақтаймын", "есімдерді сақтамаймын", "Жазбаларымды өшіру"),
        ("ky", "суроолоруңузду 90 күн сактайм", "ысымдарды сактабайм", "Жазууларымды өчүрүү"),
    ],
)
async def test_privacy_says_what_is_kept_and_how_long(  # noqa: PLR0913 - a table's columns
    code: str, questions: str, rest: str, button: str, *, api: BotApiServer, bot: Bot
) -> None:
    """In the person's language, with a button that deletes it."""
    person = api.user("Somebody", language_code=code)
    chat = api.private_chat(person)
    privacy = await chat.answer_to(await chat.send(person, "/privacy"))
    assert questions in privacy["text"]
    assert rest in privacy["text"]
    assert buttons(privacy) == [[button]]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "I don't store your questions;"),
        ("ru", "Ваши вопросы я не храню,"),
        ("kk", "Сұрақтарыңызды сақтамаймын,"),
        ("ky", "Суроолоруңузду сактабайм,"),
    ],
)
async def test_privacy_where_no_questions_are_kept(
    code: str, text: str, api: BotApiServer, journal_of_no_days: Journal
) -> None:
    """JOURNAL_DAYS=0 has words of its own; the rest is the same."""
    person = api.user("Somebody", language_code=code)
    chat = api.private_chat(person)
    async with running(build(api, FixedRetriever(), journal_of_no_days)):
        privacy = await chat.answer_to(await chat.send(person, "/privacy"))
    assert privacy["text"].startswith(text)
    assert privacy["text"].endswith(say(code, "privacy"))


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [
        ("en", 0, "Done: I store nothing about you any more."),
        ("en", 1, "Done: I deleted 1 question of yours and all else I had stored about you."),
        ("en", 2, "Done: I deleted 2 questions of yours and all else I had stored about you."),
        ("ru", 0, "Готово: о вас больше ничего не хранится."),
        ("ru", 21, "Готово: удалён 21 ваш вопрос и всё остальное, что я о вас хранил."),
        ("ru", 2, "Готово: удалены 2 ваших вопроса и всё остальное, что я о вас хранил."),
        ("ru", 5, "Готово: удалены 5 ваших вопросов и всё остальное, что я о вас хранил."),
        ("kk", 0, "Дайын: сіз туралы енді ештеңе сақталмайды."),
        ("kk", 1, "Дайын: 1 сұрағыңыз және сіз туралы сақталған қалғанның бәрі өшірілді."),
        ("ky", 0, "Даяр: сиз жөнүндө эми эч нерсе сакталбайт."),
        ("ky", 7, "Даяр: 7 сурооңуз жана сиз жөнүндө сакталган калгандын баары өчүрүлдү."),
    ],
)
def test_how_many_questions_were_deleted(language: str, count: int, text: str) -> None:
    """The number and the words after it agree; Telegram shows 200 characters."""
    assert say(language, "forgotten", count=count) == text
    assert len(text) <= 200


@pytest.mark.parametrize(
    ("language", "days", "text"),
    [
        ("en", 1, "for 1 day, so"),
        ("ru", 1, "вопросы 1 день, чтобы"),
        ("ru", 3, "вопросы 3 дня, чтобы"),
        ("ru", 30, "вопросы 30 дней, чтобы"),
    ],
)
def test_how_many_days_questions_are_kept(language: str, days: int, text: str) -> None:
    """The number and the word after it agree."""
    assert text in say(language, "privacy-questions", days=days)


async def test_records_are_deleted_after_a_second_question(
    api: BotApiServer, private: Chat, alice: Person, bakyt: Person, journal: Journal
) -> None:
    """One button asks, the next deletes and says how much; only the presser's own."""
    for person in (alice, alice, bakyt):
        await record(journal, person)
    await journal.choose_language(alice.id, "ru")
    privacy = await private.answer_to(await private.send(alice, "/privacy"))
    await private.press(privacy, "forget:ask")
    assert await toast(api) == ""
    asked = await private.next_edit()
    assert asked["text"].startswith("Удалить всё, что я о вас храню:")
    assert buttons(asked) == [["Да, удалить всё"], ["Нет, оставить"]]
    await private.press(asked, "forget:yes")
    assert (
        await alert(api) == "Готово: удалены 2 ваших вопроса и всё остальное, что я о вас хранил."
    )
    done = await private.next_edit()
    assert done["text"] == "Всё, что я о вас хранил, удалено."
    assert "reply_markup" not in done
    assert await journal.chosen_language(alice.id) is None
    assert await kept_of(journal, alice) == 0
    assert await kept_of(journal, bakyt) == 1


async def test_who_says_no_keeps_everything(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """The text of /privacy comes back."""
    await record(journal, alice)
    privacy = await private.answer_to(await private.send(alice, "/privacy"))
    await private.press(privacy, "forget:ask")
    await private.press(await private.next_edit(), "forget:no")
    back = await private.next_edit()
    assert back["text"] == privacy["text"]
    assert buttons(back) == [["Delete my records"]]
    assert await kept_of(journal, alice) == 1


async def test_a_double_tap_on_yes_does_no_harm(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """The first press says how much went, the second that nothing is left."""
    await record(journal, alice)
    privacy = await private.answer_to(await private.send(alice, "/privacy"))
    await private.press(privacy, "forget:ask")
    assert await toast(api) == ""
    asked = await private.next_edit()
    for _ in range(2):
        await private.press(asked, "forget:yes")
    assert (
        await alert(api)
        == "Done: I deleted 1 question of yours and all else I had stored about you."
    )
    assert await alert(api) == "Done: I store nothing about you any more."
    assert (await private.next_edit())[
        "text"
    ] == "I have deleted everything I had stored about you."
    await private.answer_to(await private.send(alice, "/help"))
    await api.wait_until(lambda: api.refused or None, "refusal", 30)
    assert "message is not modified" in api.refused.pop().description


async def test_a_groups_privacy_leads_to_a_private_chat(
    api: BotApiServer, group: Chat, private: Chat, alice: Person
) -> None:
    """In a group nobody deletes by mistake: the button is a link, whose start is /privacy."""
    privacy = await group.answer_to(await group.send(alice, "/privacy"))
    assert privacy["text"].startswith("I store your questions for 90 days")
    [[button]] = privacy["reply_markup"]["inline_keyboard"]
    assert button == {
        "text": "Delete my records",
        "url": "https://t.me/green_bot?start=privacy",
    }
    started = await private.answer_to(await private.send(alice, "/start privacy"))
    assert started["text"] == privacy["text"]
    [[button]] = started["reply_markup"]["inline_keyboard"]
    assert button == {"text": "Delete my records", "callback_data": "forget:ask"}


async def test_anonymous_admins_are_answered(group: Chat, alice: Person) -> None:
    """Who writes as the group itself gets both texts; nobody's choice is marked."""
    offer = await group.answer_to(await group.send(alice, "/language", anonymous=True))
    assert buttons(offer) == [*CHOICES, ["✓ Automatic"]]
    privacy = await group.answer_to(await group.send(alice, "/privacy", anonymous=True))
    assert privacy["text"].startswith("I store your questions for 90 days")


async def test_a_choice_of_another_version_is_answered(
    api: BotApiServer, private: Chat, alice: Person, journal: Journal
) -> None:
    """Data that this version doesn't know is nobody's choice, and no silence."""
    offer = await private.answer_to(await private.send(alice, "/language"))
    offer["reply_markup"]["inline_keyboard"][0][0]["callback_data"] = "language:tlh"
    await private.press(offer, "language:tlh")
    assert await alert(api)
    assert await journal.chosen_language(alice.id) is None


async def test_both_commands_are_in_the_private_menus(
    api: BotApiServer, introducing_bot: Bot
) -> None:
    """Each menu names them in its language; a group's is short."""
    await introduced()
    menus = {
        language: {
            command["command"]: command["description"]
            for command in api.commands["all_private_chats", language]
        }
        for language in ("", "ru", "kk", "ky")
    }
    assert [(menu["language"], menu["privacy"]) for menu in menus.values()] == [
        ("Choose the language", "What I store about you"),
        ("Выбрать язык", "Что я о вас храню"),
        ("Тілді таңдау", "Сіз туралы не сақтаймын"),
        ("Тилди тандоо", "Сиз жөнүндө эмне сактайм"),
    ]
    in_groups = {command["command"] for command in api.commands["all_group_chats", "ru"]}
    assert not in_groups & {"language", "privacy"}


async def test_the_bot_is_described_in_each_language(
    api: BotApiServer, introducing_bot: Bot, journal: Journal
) -> None:
    """In its profile and in the empty chat."""
    await introduced()
    for code, language in (("", "en"), ("ru", "ru"), ("kk", "kk"), ("ky", "ky")):
        assert api.card["description", code] == say(language, "bot-description")
        assert api.card["short_description", code] == say(language, "bot-short-description")


async def test_descriptions_are_not_set_again(api: BotApiServer, journal: Journal) -> None:
    """A restart changes nothing, since Telegram allows few changes."""
    async with running(build(api, FixedRetriever(), journal)):
        await introduced()
    api.card["description", "ru"] = "Что-то старое"
    before = len(setting(api))
    async with running(build(api, FixedRetriever(), journal)):
        await introduced()
    assert [request.params["language_code"] for request in setting(api)[before:]] == ["ru"]


def setting(api: BotApiServer) -> list[Any]:
    """The requests that described the bot."""
    methods = {"setMyDescription", "setMyShortDescription"}
    return [request for request in api.requests if request.method in methods]


async def test_descriptions_that_have_to_wait_hold_nobody_up(
    api: BotApiServer, journal: Journal, alice: Person
) -> None:
    """If Telegram wants hours until the next change, the bot answers without it."""
    api.fail_next("setMyDescription", status=429, retry_after=3600)
    async with running(build(api, FixedRetriever(), journal)):
        chat = api.private_chat(alice)
        assert (await chat.answer_to(await chat.send(alice, "/start")))["text"]
        last = "short_description", "ky"
        await api.wait_until(lambda: api.card.get(last), "last description", 10)
    assert ("description", "") not in api.card
    assert api.card["description", "ru"] == say("ru", "bot-description")


async def test_old_questions_go_while_the_bot_runs(
    api: BotApiServer, alice: Person, tmp_path: Path
) -> None:
    """The journal is pruned every hour, without a restart."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with closing(Journal.open(tmp_path, 7, lambda: now)) as journal:
        await record(journal, alice)
        bot = build(api, FixedRetriever(), journal)
        async with running(bot):
            now += timedelta(days=7)
            assert bot.telegram.job_queue is not None
            [job] = bot.telegram.job_queue.get_jobs_by_name("tidy")
            assert str(job.job.trigger) == "interval[1:00:00]"
            await job.run(bot.telegram)
        assert await kept_of(journal, alice) == 0
