"""What tests of whole conversations share: how the bot is built, and how its messages look."""

import asyncio
from typing import Any

from pydantic import SecretStr

from bot.answering import Answering
from bot.application import Bot, build_bot
from bot.settings import Settings
from bot.storage.journal import Journal
from bot.transport.patience import Patience
from bot_api_server import BotApiServer
from embeddings.retriever import Retriever
from fixed_retriever import BRIDGE, CANAL

Message = dict[str, Any]

QUOTE = BRIDGE.body
HIGHLIGHT = "The bridge is 90 metres long."
BRIDGE_SOURCE = (
    "A bridge over the Naryn\nNaryn Times · 25 October 2021\nhttps://example.org/bridge"
)
CANAL_SOURCE = "The canal of Talas\nhttps://example.org/canal"
CARD = f"{QUOTE}\n{BRIDGE_SOURCE}"
TRIMMED_CARD = f"{CANAL.body[:533]}\n…\n{CANAL_SOURCE}"
WHOLE_CARD = f"{CANAL.body[:533]}\n{CANAL.body[534:]}\n{CANAL_SOURCE}"


def build(
    api: BotApiServer,
    retriever: Retriever,
    journal: Journal,
    patience: Patience | None = None,
    **values: object,
) -> Bot:
    """The real bot, with these settings; it knows what the retriever knows."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        telegram_bot_token=SecretStr(api.token),
        telegram_api_url=api.url,
        **values,  # type: ignore[arg-type]
    )
    return build_bot(settings, Answering(lambda: retriever), journal, patience)


async def introduced() -> None:
    """Wait until the bot has told Telegram of its commands, which it does beside its work."""
    # The bot's work begins at the next turn of the loop.
    await asyncio.sleep(0)
    while tasks := [task for task in asyncio.all_tasks() if task.get_name() == "introducing"]:
        await asyncio.wait(tasks)


def entities(message: Message) -> list[tuple[str, str]]:
    """The types of a message's entities and the texts that they cover."""
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


def buttons(message: Message) -> list[list[str]]:
    """The texts of the buttons below a message, row by row."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [[button["text"] for button in row] for row in rows]


def data_of(message: Message, text: str) -> str:
    """What the button with this text carries."""
    for row in message["reply_markup"]["inline_keyboard"]:
        for button in row:
            if button["text"] == text:
                return str(button["callback_data"])
    raise AssertionError(f"no button {text!r} among {buttons(message)}")
