"""The whole bot as its owner starts it: its own process, the real model, the real articles."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

import knowledge
from bot_api_server import BotApiServer

PROJECT = Path(__file__).parent.parent
ARTICLES = Path(knowledge.__file__).parent / "articles"
NEW_ARTICLE = """\
---
title: A wind farm for Balykchy
url: https://example.org/wind
publisher: Issyk-Kul News
published: 2026-03-01
---

Balykchy opened a wind farm with twelve turbines on Monday. It serves nine thousand homes.
"""


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """A copy of the bot's own articles."""
    return Path(shutil.copytree(ARTICLES, tmp_path / "articles"))


async def test_the_owners_first_day(
    api: BotApiServer, articles: Path, tmp_path: Path, models_folder: Path
) -> None:
    """Start, ask in private and in a group, add an article and a faulty file, reindex, stop."""
    owner = api.user("Aida", language_code="en")
    chat = api.private_chat(owner)
    group = api.group("Green Bishkek")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(models_folder)
    environment = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": api.token,
        "TELEGRAM_API_URL": api.url,
        "ADMIN_IDS": str(owner.id),
        "ARTICLES_DIR": str(articles),
        "DATA_DIR": str(tmp_path / "data"),
        "EMBEDDING_MODEL": "packaged",
        "LOG_LEVEL": "INFO",
        "PYTHONPATH": str(PROJECT),
    }
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "bot", "run"],
            cwd=tmp_path,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stderr=stderr,
        )
        try:
            question = await chat.send(owner, "«Sauvons le climat» ұйымын кім басқарады?")
            answer = await chat.next_message(within=120)
            assert answer["reply_to_message"]["message_id"] == question["message_id"]
            assert "Claude Jeandron" in answer["text"]
            [link] = [entity["url"] for entity in answer["entities"] if "url" in entity]
            page = "https://greenold.climatehub.kg/en/meetings-of-green-alliance-kg-in-france/"
            assert link.startswith(f"{page}#:~:text=%E2%80%9CSauvons")

            question = await group.send(owner, "@green_bot сколько организаций в Альянсе?")
            answer = await group.answer_to(question)
            assert "26 организаций из 22 стран" in answer["text"]

            question = await chat.send(owner, "How many turbines does the wind farm have?")
            answer = await chat.answer_to(question)
            assert "twelve turbines" not in answer["text"]

            (articles / "wind.md").write_text(NEW_ARTICLE, "utf-8")
            (articles / "faulty.md").write_text("---\ntitle: No link\n---\n\nText.\n", "utf-8")
            command = await chat.send(owner, "/reindex")
            assert (await chat.answer_to(command))["text"].startswith("Reading the articles")
            report = await chat.next_message(within=120)
            assert "4 articles" in report["text"]
            assert "Added (1): wind" in report["text"]
            assert "faulty.md" in report["text"]

            question = await chat.send(owner, "How many turbines does the wind farm have?")
            answer = await chat.answer_to(question)
            assert "twelve turbines" in answer["text"]
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), 30)
    assert process.returncode == 0
    assert api.token not in log.read_text("utf-8")
