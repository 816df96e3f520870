"""Whatever articles hold and people write: no request of the bot's is refused.

Each example is a whole conversation with the real application; the server refuses what Telegram
would refuse or drop in silence.
"""

import asyncio
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.serving import running
from bot.storage.journal import Journal
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import Message, build
from embeddings.retriever import Hit
from fixed_retriever import FixedRetriever, hit
from knowledge.article import Article
from knowledge.language import LANGUAGES
from knowledge.passages import split_article

# Two UTF-16 units, right to left, combining, what looks like markup, a link, a name or a command.
PIECES = st.sampled_from(
    [
        *"aЖіҢ., \n",
        "🌉",
        "👨\u200d👩\u200d👧",
        "שלום",
        "عربي",
        "é",
        "\u200f",
        "\u202e",
        "<b>",
        "*_[`",
        "](http://x.y)",
        "https://example.org/?a=b&c#d",
        "@green_bot",
        "@other_bot",
        "/ask",
        "/start pAAAA",
        "#tag",
        "Who built it? ",
        "Ал эми бул качан болду? ",
        "word " * 90,
        "\x00",
    ]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=40).map("".join).map("Я{}".format)
LINES = TEXTS.map(lambda text: " ".join(text.split()))
ARTICLES = st.builds(
    Article,
    slug=st.uuids().map(str),
    title=LINES,
    url=st.sampled_from(
        ["https://example.org/a", "https://example.org/" + "ж" * 90, "https://xn--j1a.kz/a?b=ж#ж"]
    ),
    body=st.lists(TEXTS.map(str.strip).map("{}.".format), min_size=1, max_size=30).map(
        "\n\n".join
    ),
    publisher=st.none() | LINES,
    language=st.sampled_from([*LANGUAGES, "uz"]),
    published=st.none() | st.dates(date(1990, 1, 1), date(2030, 1, 1)),
)


class AnyRetriever(FixedRetriever):
    """Finds every passage, as confident as it is told to be."""

    def __init__(self, articles: list[Article], confidence: float) -> None:
        super().__init__()
        self.confidence = confidence
        self.passages = {
            f"{article.slug} {number}": passage
            for article in articles
            for number, passage in enumerate(split_article(article))
        }

    def find(self, question: str) -> list[Hit]:  # noqa: ARG002 - as in FixedRetriever
        return [
            hit(passage, passage.sentences[-1], self.confidence)
            for passage in self.passages.values()
        ][:10]


@pytest.mark.usefixtures("_menus_are_known")
@settings(
    derandomize=True, deadline=None, max_examples=15, suppress_health_check=list(HealthCheck)
)
@given(
    st.lists(ARTICLES, min_size=1, max_size=3, unique_by=lambda article: article.slug),
    st.lists(TEXTS, min_size=1, max_size=3),
    st.sampled_from(LANGUAGES),
    st.sampled_from([0.01, 0.05, 0.2, 0.9]),
)
def test_nothing_is_refused(
    articles: list[Article], texts: list[str], language: str, confidence: float
) -> None:
    """Questions, edits, buttons, lists and inline queries, in private and in a group."""
    asyncio.run(converse(AnyRetriever(articles, confidence), texts, language))


async def converse(retriever: FixedRetriever, texts: list[str], language: str) -> None:
    """Say all of it, press every button once, and see what was refused."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Journal.open(Path(folder), 90)) as journal,
    ):
        async with BotApiServer() as api, running(build(api, retriever, journal)):
            person = api.user("Alice", language_code=language)
            private, group = api.private_chat(person), api.group("Green")
            for text in texts:
                await talk(private, person, text[:4000])
                await talk(group, person, f"/ask {text}"[:4000])
                query = await api.inline_query(person, text[:200])
                answer = await api.inline_answer(query)
                for result in answer["results"]:
                    await group.send_inline_result(person, result)
            for command in ("/articles", "/latest", "/help", "/privacy", "/language"):
                await talk(private, person, command)
            last = await private.send(person, "/ask")
            await private.answer_to(last)
            assert api.unanswered_presses == []
            refused = {refusal.description for refusal in api.refused}
            assert all("message is not modified" in each for each in refused), refused


async def talk(chat: Chat, person: Person, text: str) -> None:
    """Write, press every button below the answer, and write something else instead."""
    sent = await chat.send(person, text)
    reply = await chat.answer_to(sent)
    for data in callback_data(reply):
        await chat.press(reply, data, by=person)
        await chat._messenger.wait_until(
            lambda: not chat._messenger.open_presses or None, "answer to a press", 10
        )
    await chat.edit(sent, f"{text} "[:100])
    # What comes before the reply to this has been handled then.
    last = await chat.send(person, "/ask")
    answered = None
    while answered != last["message_id"]:
        answered = (await chat.next_message()).get("reply_to_message", {}).get("message_id")


def callback_data(message: Message) -> list[str]:
    """What the buttons below a message carry, but not the one that prompts a question."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]
