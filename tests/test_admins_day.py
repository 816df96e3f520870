"""The admin's day with the whole bot: its own processes, the real model, a site with news."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import knowledge
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from conversation import Message, buttons, data_of
from rights import open_to_others
from site_server import Site

PROJECT = Path(knowledge.__file__).parent.parent
ARTICLES = Path(knowledge.__file__).parent / "articles"
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<title>A wind farm for Balykchy</title>
<meta property="og:site_name" content="Issyk-Kul News">
<meta property="article:published_time" content="2026-03-01T09:00:00+06:00">
</head>
<body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<article>
<h1>A wind farm for Balykchy</h1>
<p>Balykchy opened a wind farm with twelve turbines on Monday. It serves nine thousand homes in
the town and in the villages along the northern shore of the lake.</p>
<p>The turbines were brought by rail and put up within a year. Forty people from Balykchy learned
how to keep them running, and eleven of them have found work at the farm.</p>
</article>
</body>
</html>
"""
QUESTION = "How many turbines does the wind farm in Balykchy have?"
# In seconds; the first to need the model loads it.
PATIENCE = 120


@pytest.fixture
def site() -> Iterator[Site]:
    """A site with an article."""
    with Site() as site:
        site.page("/wind", PAGE)
        yield site


async def become(chat: Chat, message: Message, beginning: str) -> Message:
    """A message of the bot, once it begins like this."""
    async with asyncio.timeout(PATIENCE):
        while not message["text"].startswith(beginning):
            edited = await chat.next_edit(within=PATIENCE)
            assert edited["message_id"] == message["message_id"]
            message = edited
    return message


def files(folder: Path) -> list[str]:
    """The names of the articles' files."""
    return sorted(path.name for path in folder.glob("*.md"))


async def ask(chat: Chat, person: Person) -> str:
    """What the bot answers."""
    question = await chat.send(person, QUESTION)
    text: str = (await chat.answer_to(question, within=PATIENCE))["text"]
    return text


async def test_the_admins_day(
    api: BotApiServer, tmp_path: Path, models_folder: Path, site: Site
) -> None:
    """Send a link, look at the draft, save it, ask, look at the figures, undo, ask again."""
    admin = api.user("Aida", language_code="en")
    chat = api.private_chat(admin)
    articles = Path(shutil.copytree(ARTICLES, tmp_path / "articles"))
    before = files(articles)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(models_folder)
    environment = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": api.token,
        "TELEGRAM_API_URL": api.url,
        "ADMIN_IDS": str(admin.id),
        "ARTICLES_DIR": str(articles),
        "DATA_DIR": str(tmp_path / "data"),
        "PRIVATE_HOSTS": site.host,
        "EMBEDDING_MODEL": "packaged",
        "PYTHONPATH": str(PROJECT),
    }
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "bot", "run"],
        cwd=tmp_path,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        assert "twelve turbines" not in await ask(chat, admin)

        sent = await chat.send(admin, site.url("/wind"))
        card = await chat.answer_to(sent, within=PATIENCE)
        card = await become(chat, card, "A new article, not saved yet:")
        assert "A wind farm for Balykchy\nIssyk-Kul News · 1 March 2026 · English" in card["text"]
        assert "About us" not in card["text"]
        assert buttons(card)[0] == ["Save"]

        await chat.press(card, data_of(card, "Save"))
        saved = await become(chat, card, "Saved: “A wind farm for Balykchy”.\n✅")
        assert set(files(articles)) - set(before) == {"2026-03-01-a-wind-farm-for-balykchy.md"}
        assert "twelve turbines" in await ask(chat, admin)
        assert buttons(saved) == [["Undo"]]

        command = await chat.send(admin, "/stats")
        figures = await chat.answer_to(command, within=PATIENCE)
        assert "Questions: 2" in figures["caption"]
        assert "Answered: 1 (50%)" in figures["caption"]

        undone = await chat.answer_to(await chat.send(admin, "/undo"), within=PATIENCE)
        undone = await become(
            chat,
            undone,
            "Undone: “A wind farm for Balykchy” is not among the articles any more.\n✅",
        )
        assert files(articles) == before
        assert "twelve turbines" not in await ask(chat, admin)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)
    assert process.returncode == 0
    # What others on the machine may read was there before, or isn't in the data folder.
    assert open_to_others(tmp_path / "data") == []
