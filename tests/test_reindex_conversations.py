"""/reindex and /cancel in an admin's chat, with a scripted process in place of the real one."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.application import Bot
from bot.handlers import reindexes
from bot.localization import say
from bot.reports import Failure, Progress, ReindexNews, news_to_json, report_text
from bot_api_chats import Chat, Person
from bot_api_server import BotApiServer
from embeddings.indexing import IndexReport

REPORT = IndexReport(("bridge",), (), (), 1, 2, 5, (), 1.26)

Script = Callable[..., None]


@pytest.fixture
def script(bot: Bot, tmp_path: Path) -> Script:
    """Let the reindexing process say this, and wait for a file "go" in between."""

    def script(*news: ReindexNews) -> None:
        waiting = f"    while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n"
        says = [f"    print({news_to_json(each)!r}, flush=True)\n" for each in news]
        code = f"import os, sys, time\nfor order in sys.stdin:\n{waiting.join(says)}"
        bot.administration.reindexing._command = [sys.executable, "-c", code]

    return script


@pytest.fixture
def go(tmp_path: Path) -> Callable[[], None]:
    """Let the process go on to the end."""
    return (tmp_path / "go").touch


async def test_progress_is_one_message(  # noqa: PLR0913, PLR0917 - fixtures
    api: BotApiServer,
    private: Chat,
    alice: Person,
    script: Script,
    go: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is edited while the reindex runs, and makes room for the report."""
    monkeypatch.setattr(reindexes, "_SHOWN_EVERY", 0.01)
    script(Progress(5, 20), REPORT)
    begun = await private.answer_to(await private.send(alice, "/reindex"))
    assert begun["text"] == say("en", "reindex-started")
    shown = await private.next_edit()
    assert shown["message_id"] == begun["message_id"]
    assert shown["text"].startswith("Reading the articles: 25 %\n▓▓▓▓░░░░░░░░░░░░\n5 of 20 ")
    go()
    assert (await private.next_message())["text"] == report_text(REPORT, "en")
    deleted = await api.next_request("deleteMessage")
    assert deleted["message_id"] == begun["message_id"]


async def test_progress_is_shown_every_two_seconds(
    api: BotApiServer, private: Chat, alice: Person, script: Script, go: Callable[[], None]
) -> None:
    """Telegram takes about one message a second in a chat, edits included."""
    script(*(Progress(done, 9) for done in range(9)), REPORT)
    go()
    begun = await private.answer_to(await private.send(alice, "/reindex"))
    assert (await private.next_message())["text"] == report_text(REPORT, "en")
    assert api.gaps("editMessageText", message_id=begun["message_id"]) == []
    assert reindexes._SHOWN_EVERY == 2


async def test_cancel(private: Chat, alice: Person, script: Script) -> None:
    """/cancel ends the reindex, and who had started it hears that."""
    script(Progress(5, 20), REPORT)
    await private.answer_to(await private.send(alice, "/reindex"))
    await private.send(alice, "/cancel")
    assert (await private.next_message())["text"] == say("en", "reindex-cancelled")
    nothing = await private.answer_to(await private.send(alice, "/cancel"))
    assert nothing["text"] == say("en", "cancel-nothing")


async def test_a_second_reindex_is_told_so(
    private: Chat, alice: Person, script: Script, go: Callable[[], None]
) -> None:
    """One runs at a time; the second's sender is told, and the first one goes on."""
    script(Progress(5, 20), REPORT)
    await private.answer_to(await private.send(alice, "/reindex"))
    second = await private.answer_to(await private.send(alice, "/reindex"))
    assert second["text"] == say("en", "reindex-running")
    go()
    assert (await private.next_message())["text"] == report_text(REPORT, "en")


@pytest.mark.parametrize("kind", ["busy", "failed"])
async def test_a_failure_is_told(private: Chat, alice: Person, script: Script, kind: str) -> None:
    """Why it could not be done, such as since another process is at it, is said in its words."""
    script(Failure("Another reindex is writing to data/index.db.", kind))  # type: ignore[arg-type]
    await private.answer_to(await private.send(alice, "/reindex"))
    assert (await private.next_message())["text"] == (
        "The reindex failed: Another reindex is writing to data/index.db."
    )


@pytest.mark.parametrize("command", ["/reindex", "/cancel"])
async def test_strangers_have_no_such_command(
    api: BotApiServer, bot: Bot, bakyt: Person, command: str
) -> None:
    """To anybody but an admin it doesn't exist."""
    chat = api.private_chat(bakyt)
    reply = await chat.answer_to(await chat.send(bakyt, command))
    assert reply["text"].startswith(say("ky", "unknown-command")[:10])
