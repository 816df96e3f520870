"""The transcripts in docs/: Markdown and a picture show what was said as it was said."""

from collections.abc import Callable
from typing import Any

import pytest

import admin_day
from bot.localization import say
from bot_api_chats import Chat, Person
from bot_api_rules import utf16_length
from bot_api_server import BotApiServer
from chat_picture import Screen, picture
from chat_record import Event, Joined, Pressed, Said, Stage, Told
from conversation import Message
from knowledge.language import LANGUAGES
from message_blocks import Block, Run, blocks_of
from transcript_markdown import escaped, transcript
from transcript_scripts import SCRIPTS
from transcripts import DOCS

TEXT = "🌍 I'm not sure:\n\n…\n**Ann** leads it. It is [big].\n…\nThe fund\nhttps://a.kz/a_b"


def entity(type_: str, part: str, text: str = TEXT, **fields: str) -> dict[str, Any]:
    """A MessageEntity that covers this part of the text."""
    offset = utf16_length(text[: text.index(part)])
    return {"type": type_, "offset": offset, "length": utf16_length(part), **fields}


def message(text: str = TEXT, *entities: dict[str, Any], **fields: object) -> Message:
    """A message of the bot in a private chat."""
    return {
        "message_id": 2,
        "from": {"id": 1, "is_bot": True, "first_name": "Green"},
        "chat": {"id": 7, "type": "private"},
        "text": text,
        "entities": list(entities),
        **fields,
    }


CARD = message(
    TEXT,
    entity("blockquote", "**Ann** leads it. It is [big]."),
    entity("bold", "**Ann** leads it."),
    entity("text_link", "The fund", url="https://a.kz/x#:~:text=(Ann)"),
    entity("url", "https://a.kz/a_b"),
    reply_markup={
        "inline_keyboard": [
            [{"text": "More", "callback_data": "m"}, {"text": "Whole", "callback_data": "w"}],
            [{"text": "Share", "url": "https://t.me/share/url?url=https://a.kz"}],
        ]
    },
)
QUESTION = message("Who leads *it*?") | {
    "message_id": 1,
    "from": {"id": 7, "is_bot": False, "first_name": "Ann_a"},
}


def test_blocks() -> None:
    """A quote is a block of its own; entities count UTF-16 units, and nest."""
    assert blocks_of(CARD) == [
        Block(((Run("🌍 I'm not sure:"),), (), (Run("…"),))),
        Block(((Run("**Ann** leads it.", bold=True), Run(" It is [big].")),), quoted=True),
        Block(
            (
                (Run("…"),),
                (Run("The fund", link="https://a.kz/x#:~:text=(Ann)"),),
                (Run("https://a.kz/a_b", link="https://a.kz/a_b"),),
            )
        ),
    ]


def test_a_bare_link_leads_somewhere() -> None:
    """Telegram opens a link that is written without a scheme, and so do these pages."""
    said = message("See a.kz/x", entity("url", "a.kz/x", "See a.kz/x"))
    assert blocks_of(said) == [Block(((Run("See "), Run("a.kz/x", link="http://a.kz/x")),))]
    assert transcript([Said(said)], "en") == "**Green**: See [a.kz/x](http://a.kz/x)\n"


def test_neighbouring_quotes_are_two_blocks() -> None:
    """Quotes side by side stay apart, and a bold piece across lines is bold in both."""
    text = "a\nb\nc d\n"
    two = message(
        text,
        entity("expandable_blockquote", "a\nb", text),
        entity("blockquote", "c d", text),
        entity("bold", "b\nc", text),
    )
    assert blocks_of(two) == [
        Block(((Run("a"),), (Run("b", bold=True),)), quoted=True, folded=True),
        Block(((Run("c", bold=True), Run(" d")),), quoted=True),
    ]


def test_an_entity_that_is_not_shown_is_an_error() -> None:
    """What the bot sends some day and these pages can't show doesn't get lost in silence."""
    with pytest.raises(ValueError, match="spoiler"):
        blocks_of(message("abc", entity("spoiler", "abc", "abc")))


def test_markdown() -> None:
    """The Markdown shows quote, bold, links and buttons, and no text acts as markup."""
    assert transcript([Said(QUESTION), Said(CARD)], "en") == (
        "**Ann\\_a**: Who leads \\*it\\*?\n"
        "\n"
        "**Green**: 🌍 I'm not sure:\n"
        "\n"
        "…\n"
        "\n"
        "> **\\*\\*Ann\\*\\* leads it.** It is \\[big\\].\n"
        "\n"
        "…\\\n"
        "[The fund](https://a.kz/x#:~:text=%28Ann%29)\\\n"
        "<https://a.kz/a_b>\n"
        "\n"
        "`More` `Whole`\n"
        "\n"
        "`Share`\n"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# a", "\\# a"),
        ("1. a", "1\\. a"),
        ("- a", "\\- a"),
        ("a\n    b", "a\\\nb"),
        ("a\n> b <i> & c | ~d~ `e`", "a\\\n\\> b \\<i\\> \\& c \\| \\~d\\~ \\`e\\`"),
        ("a\\b @green_bot /ask", "a\\\\b @green\\_bot /ask"),
    ],
)
def test_plain_text_stays_plain(text: str, shown: str) -> None:
    """Neither within a line nor at its beginning does a text become markup."""
    said = Said(message(text, *([entity("bot_command", "/ask", text)] if "/ask" in text else [])))
    assert transcript([said], "en") == f"**Green**: {shown}\n"


def test_what_happens_between_messages() -> None:
    """Presses, words on the screen, edits, and who replies to whom are told in the language."""
    other_buttons = {"inline_keyboard": [[{"text": "More", "callback_data": "m"}]]}
    in_group = {"chat": {"id": -5, "type": "group"}}
    events: list[Event] = [
        Joined("Ann", "Green"),
        Said(QUESTION | in_group),
        Said(message("Ann", reply_to_message=QUESTION) | in_group),
        Pressed("Ann", "Helpful"),
        Told("Thank you!"),
        Said(message("Ann", reply_markup=other_buttons) | in_group, edited=True),
        Said(QUESTION | in_group | {"text": "Who?"}, edited=True),
        Said(message("Bob") | in_group, edited=True),
    ]
    assert transcript(events, "en") == (
        "*Ann adds Green to the group.*\n"
        "\n"
        "**Ann\\_a**: Who leads \\*it\\*?\n"
        "\n"
        "**Green** → Ann\\_a: Ann\n"
        "\n"
        "*Ann presses “Helpful”.*\n"
        "\n"
        "*On the screen: “Thank you!”*\n"
        "\n"
        "**Green** (the same message):\n"
        "\n"
        "`More`\n"
        "\n"
        "**Ann\\_a** (edited): Who?\n"
        "\n"
        "**Green** (the same message): Bob\n"
    )
    assert transcript(events[:1], "kk") == "*Ann топқа Green ботын қосады.*\n"


def test_files_pictures_and_forwards() -> None:
    """A file is named, a picture told of, above what is said to it; a forward has its author."""
    person = {"from": QUESTION["from"]}
    file = message("") | person | {"document": {"file_name": "a_b.pdf"}}
    chart = {name: value for name, value in message("").items() if name != "text"}
    chart |= {"photo": [{}], "caption": "This week\n5 questions"}
    channel = {"type": "channel", "chat": {"title": "Green *News*"}}
    bob = {"type": "user", "sender_user": {"first_name": "Bob"}}
    group = {"type": "chat", "sender_chat": {"title": "Osh"}}
    hidden = {"type": "hidden_user", "sender_user_name": "Cem"}
    events: list[Event] = [Said(file), Said(chart)]
    events += [
        Said(message("Rain") | person | {"message_id": number, "forward_origin": origin})
        for number, origin in enumerate((channel, bob, group, hidden), 3)
    ]
    assert transcript(events, "en") == (
        "**Ann\\_a**: *the file a\\_b.pdf*\n"
        "\n"
        "**Green**: *a picture*\n"
        "\n"
        "This week\\\n"
        "5 questions\n"
        "\n"
        "**Ann\\_a** (forwarded from Green \\*News\\*): Rain\n"
        "\n"
        "**Ann\\_a** (forwarded from Bob): Rain\n"
        "\n"
        "**Ann\\_a** (forwarded from Osh): Rain\n"
        "\n"
        "**Ann\\_a** (forwarded from Cem): Rain\n"
    )


async def test_a_conversation_is_written_down(
    api: BotApiServer, private: Chat, alice: Person
) -> None:
    """What is asked, answered, pressed and edited is heard in its order."""
    stage = Stage(api, private)
    answer = await stage.ask(alice, "How long is the canal?", scene="canal")
    await stage.press(alice, answer, "Whole passage")
    await stage.hear_edit()
    await stage.edit(answer["reply_to_message"], "How long is the bridge?")
    texts = [event.message["text"][:20] for event in stage.events if isinstance(event, Said)]
    assert texts == [
        "How long is the canal?"[:20],
        "In the spring the vi",
        "In the spring the vi",
        "How long is the brid",
        "Spring came late. Th",
    ]
    assert stage.events[2] == Pressed("Alice", "Whole passage")
    assert [said.message["text"][:20] for said in stage.scenes["canal"]] == texts[:2]
    assert "The canal, which was dug in the following autumn" in transcript(stage.events, "en")
    image = picture([Screen("Green", "bot", stage.scenes["canal"])])
    assert image.height > 800


async def test_silence_where_an_answer_was_expected(
    api: BotApiServer, group: Chat, alice: Person
) -> None:
    """An answer to another message than the one asked about is no answer."""
    stage = Stage(api, group)
    await stage.remark(alice, "@green_bot how long is the bridge?")
    with pytest.raises(AssertionError, match="expected an answer to message"):
        await stage.ask(alice, "@green_bot how long is the canal?")


def test_picture() -> None:
    """Two columns of 784 pixels, screens 32 pixels apart; both are as high as the higher one."""
    one = Screen("Green", "bot", (Said(QUESTION), Said(CARD)))
    image = picture([one, one, one])
    single = picture([one])
    assert 500 < single.height < 800
    assert image.size == (1600, 2 * single.height + 32)
    assert len(single.convert("RGB").getcolors(100_000) or ()) > 20


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        (lambda: CARD | {"entities": CARD["entities"][1:]}, True),
        (lambda: CARD | {"entities": [*CARD["entities"][:1], *CARD["entities"][2:]]}, True),
        (lambda: CARD | {"entities": [*CARD["entities"][:2], *CARD["entities"][3:]]}, True),
        (lambda: CARD | {"reply_markup": {"inline_keyboard": []}}, True),
        (lambda: CARD | {"reply_to_message": QUESTION}, True),
        (lambda: CARD | {"text": TEXT.replace("🌍", "🍀")}, False),
    ],
    ids=["quote", "bold", "link", "buttons", "reply", "emoji"],
)
def test_the_picture_shows(changed: Callable[[], Message], *, differs: bool) -> None:
    """Everything that a phone shows is drawn; an emoji, which the font lacks, is left out."""
    drawn = picture([Screen("Green", "bot", (Said(CARD),))]).convert("RGB")
    other = picture([Screen("Green", "bot", (Said(changed()),))]).convert("RGB")
    assert (drawn.tobytes() != other.tobytes()) is differs


def test_a_folded_quote_shows_three_lines() -> None:
    """Of a long expandable quote the picture shows the beginning, as a phone does."""
    text = "word " * 200
    folded = message(text, {"type": "expandable_blockquote", "offset": 0, "length": 999})
    plain = message(text, {"type": "blockquote", "offset": 0, "length": 999})
    heights = [picture([Screen("G", "bot", (Said(m),))]).height for m in (folded, plain)]
    assert heights[0] < 350
    assert heights[1] > 800


def test_a_word_wider_than_the_bubble_is_broken() -> None:
    """A long link goes over several lines and not out of its bubble."""
    link = f"https://a.kz/{'x' * 300}"
    long = message(link, entity("url", link, link))
    image = picture([Screen("G", "bot", (Said(long),))]).convert("RGB")
    # The wall beside the bubble is untouched.
    assert {image.getpixel((740, y)) for y in range(130, image.height - 30)} == {(207, 223, 196)}


def test_every_language_has_a_script() -> None:
    """The four languages, each with its own words."""
    assert SCRIPTS.keys() == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_docs_are_up_to_date(language: str) -> None:
    """Who changes what is said, by people or by the bot, runs `make transcripts`."""
    page = (DOCS / "transcripts" / f"{language}.md").read_text("utf-8")
    script = SCRIPTS[language]
    for words in (script.greeting, script.follow_up, script.edited_mention, script.group_thanks):
        assert escaped(words) in page
    for key in ("start", "greeting", "thanks", "language", "privacy", "group-hello"):
        for line in say(language, key, bot="green_bot").splitlines():
            assert escaped(line) in page
    for key in ("button-whole", "button-more", "button-helpful", "button-share"):
        assert f"`{say(language, key)}`" in page


@pytest.mark.parametrize("language", admin_day.SCRIPTS)
def test_an_admins_day_is_up_to_date(language: str) -> None:
    """The same for what only admins see; no address of the machine that wrote it is in there."""
    page = (DOCS / "transcripts" / f"admin.{language}.md").read_text("utf-8")
    script = admin_day.SCRIPTS[language]
    assert "127.0.0.1" not in page
    for words in (script.headline, script.question, script.unanswered):
        assert escaped(words) in page
    for key in ("draft-reading", "draft-new", "change-on-its-way", "change-out-of-answers"):
        assert escaped(say(language, key)) in page
    for key in ("button-save", "button-discard", "button-title", "button-date", "button-link"):
        assert f"`{say(language, key)}`" in page
