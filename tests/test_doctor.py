"""`python -m bot doctor`: what it finds in sound and in broken installations."""

import asyncio
import json
import re
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from aiohttp import web

from bot.commands import preparation
from bot.insight import checks
from bot.monitoring import Signs, listening
from bot.one_bot import only_bot
from bot.storage.journal import Journal
from bot_api_chats import Person
from bot_api_server import BotApiServer
from embeddings.errors import ModelUnavailable
from embeddings.indexing import reindex
from fixed_retriever import BRIDGE, CANAL
from knowledge.article import format_article
from knowledge.corpus import load_corpus
from postgres_server import ENCODED_PASSWORD, PASSWORD, PostgresServer
from terminal import Terminal
from word_embedder import WordEmbedder

TOKEN = "123456789:AAE-_secretsecretsecretsecretsecret"  # noqa: S105 - nobody's


@pytest.fixture
def installation(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A sound one, in the current folder: articles, index, journal; the model is of words."""
    articles = tmp_path / "articles"
    articles.mkdir()
    for article in (BRIDGE, CANAL):
        text = format_article(article)
        (articles / f"{article.slug}.md").write_text(text, encoding="utf-8")
    monkeypatch.setenv("ARTICLES_DIR", str(articles))
    reindex(load_corpus(articles), tmp_path / "data" / "index.db", WordEmbedder("bridge"))
    Journal.open(tmp_path / "data", days=90).close()
    return tmp_path


@pytest.fixture
def online(installation: Path, api: BotApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The installation's token is the one of a bot."""
    monkeypatch.setenv("TELEGRAM_API_URL", api.url)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", api.token)


def examine(terminal: Terminal) -> dict[str, list[tuple[str, str]]]:
    """What the doctor finds: signs and sentences by check; the exit code must fit."""
    code = terminal.run("doctor", "--json")
    assert "Traceback" not in terminal.out + terminal.err
    report: dict[str, Any] = json.loads(terminal.out)
    found: dict[str, list[tuple[str, str]]] = {}
    for each in report["findings"]:
        sentences = f"{each['found']} {each['advice']}".strip()
        found.setdefault(each["check"], []).append((each["sign"], sentences))
    signs = [sign for findings in found.values() for sign, _ in findings]
    assert report["problems"] == signs.count("problem")
    assert report["warnings"] == signs.count("warning")
    assert code == (1 if report["problems"] else 0)
    return found


async def examine_online(terminal: Terminal) -> dict[str, list[tuple[str, str]]]:
    """The same while this test's loop answers as Telegram."""
    return await asyncio.to_thread(examine, terminal)


def test_a_sound_installation(terminal: Terminal, installation: Path) -> None:
    """Without a token all but that is well, and nothing is changed."""
    before = {path: path.stat().st_mtime_ns for path in installation.rglob("*")}
    found = examine(terminal)
    assert {name: [sign for sign, _ in found[name]] for name in found} == {
        "settings": ["ok"],
        "secrets": ["ok"],
        "folders": ["ok", "ok"],
        "disk": ["ok"],
        "memory": ["ok"],
        "token": ["warning"],
        "journal": ["ok"],
        "articles": ["ok"],
        "model": ["ok"],
        "index": ["ok"],
        "running": ["ok"],
    }
    assert "2 articles, 2 passages, generation " in found["index"][0][1]
    assert found["articles"] == [
        ("ok", f"2 can be read in {installation / 'articles'}, and the index has them all.")
    ]
    assert found["journal"] == [("ok", "It is whole and holds 0 questions.")]
    after = {path: path.stat().st_mtime_ns for path in installation.rglob("*") if path.is_file()}
    assert after.items() <= before.items()


def test_as_text(terminal: Terminal, installation: Path) -> None:
    """One line for each check: a sign, what was looked at, what was found and what to do."""
    (installation / ".env").write_text("ADMIN_IDS=1\n", encoding="utf-8")
    (installation / ".env").chmod(0o644)
    assert terminal.run("doctor") == 0
    lines = terminal.out.splitlines()
    assert lines[0] == "ok      settings  All of them can be taken."
    assert lines[1] == ("warning secrets   Others on this machine may read .env. chmod 600 .env")
    assert lines[-1] == "No problems; 2 warnings."
    assert all(re.match(r"(ok|warning|problem) +[a-z]+ +\S", line) for line in lines[:-1])
    assert terminal.err == ""


def test_an_empty_folder(terminal: Terminal) -> None:
    """Before the first start nothing is there, which is no problem."""
    found = examine(terminal)
    assert found["folders"][0] == ("ok", "DATA_DIR, data, isn't there yet; `run` makes it.")
    assert found["journal"] == [("ok", "There is none in data yet; `run` begins one.")]
    assert found["index"] == [
        (
            "warning",
            "There is none at data/index.db yet. `run` builds it, and so does `python -m bot "
            "reindex`.",
        )
    ]
    assert not Path("data").exists()


def test_wrong_settings(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is named, and its value isn't said."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456789: AAE-secret")
    monkeypatch.setenv("JOURNAL_DAYS", "ninety")
    found = examine(terminal)
    [(sign, sentences)] = found["settings"]
    assert sign == "problem"
    assert "TELEGRAM_BOT_TOKEN is wrong" in sentences
    assert "JOURNAL_DAYS is wrong" in sentences
    assert "secret" not in terminal.out


async def test_the_bot_at_telegram(
    terminal: Terminal,
    online: None,
    api: BotApiServer,
    alice: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its name, what it sees in groups, how it is reached, and whom it may tell of troubles."""
    api.private_chat(alice)
    monkeypatch.setenv("ADMIN_IDS", str(alice.id))
    found = await examine_online(terminal)
    assert found["token"] == [("ok", "It is of @green_bot, Green (id 123456789).")]
    assert found["clock"] == [("ok", "It agrees with Telegram's.")]
    assert found["privacy"] == [
        ("ok", "Privacy mode is off: in groups the bot sees when it is mentioned.")
    ]
    assert found["modes"] == [("ok", "Inline mode is on, guest mode is on.")]
    assert found["updates"] == [
        ("ok", "The bot asks for them, and no webhook is set; 0 updates wait at Telegram.")
    ]
    assert found["admins"] == [("ok", "1 is set, and the bot can write to each.")]
    assert api.polls == 0, "it would take updates from the bot that runs"
    assert api.token not in terminal.out


async def test_what_its_owner_may_not_expect(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Privacy mode, inline mode that is off, an admin who never wrote, a foreign webhook."""
    async with BotApiServer(privacy_mode=True, inline_mode=False) as api:
        monkeypatch.setenv("TELEGRAM_API_URL", api.url)
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", api.token)
        monkeypatch.setenv("ADMIN_IDS", "77")
        api.webhook = {"url": "https://other.example.org/a-secret-path"}
        found = await examine_online(terminal)
    assert found["privacy"][0][1].startswith("Privacy mode is on: ")
    assert "/setprivacy" in found["privacy"][0][1]
    assert found["modes"][0][1].startswith("Inline mode is off, guest mode is on. @BotFather ")
    [(sign, sentences)] = found["admins"]
    assert (sign, sentences.partition(".")[0]) == (
        "warning",
        "1 is set; the bot can't write to 77",
    )
    [(sign, sentences)] = found["updates"]
    assert sign == "warning"
    assert "A webhook at other.example.org is set, but no WEBHOOK_URL here" in sentences
    assert "a-secret-path" not in terminal.out


async def test_a_webhook_that_is_not_ours(
    terminal: Terminal, online: None, api: BotApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is compared with the setting."""
    monkeypatch.setenv("WEBHOOK_URL", "https://bot.example.org/telegram")
    for url, sign, said in (
        ("", "warning", "The webhook is not set yet"),
        ("https://old.example.org/x", "warning", "at old.example.org, not at WEBHOOK_URL"),
        ("https://bot.example.org/telegram", "ok", "posts them to the webhook at bot.example.org"),
    ):
        api.webhook = {"url": url}
        [found] = (await examine_online(terminal))["updates"]
        assert found[0] == sign
        assert said in found[1]


async def test_a_refused_token(
    terminal: Terminal, online: None, api: BotApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a problem, and the rest is checked all the same."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    found = await examine_online(terminal)
    [(sign, sentences)] = found["token"]
    assert (sign, sentences.partition(".")[0]) == (
        "problem",
        "Telegram refuses the token (Unauthorized)",
    )
    assert found["index"][0][0] == "ok"
    assert "secretsecret" not in terminal.out
    api.refused.clear()


def test_offline(terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, without the address that holds the token."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("TELEGRAM_API_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    [(sign, sentences)] = examine(terminal)["telegram"]
    assert sign == "problem"
    assert f"can't be reached at http://127.0.0.1:{port} (ConnectError)" in sentences
    assert "secretsecret" not in terminal.out + terminal.err


@pytest.fixture
async def odd_server() -> AsyncIterator[str]:
    """A server that is no Bot API: a proxy's page, say; its clock is of 2001."""

    async def answer(_: web.Request) -> web.Response:
        date = {"Date": "Sun, 09 Sep 2001 01:46:40 GMT"}
        return web.Response(status=502, text="<h1>Bad gateway</h1>", headers=date)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_server_that_is_not_telegram(
    terminal: Terminal, installation: Path, odd_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it answers is not taken for an answer."""
    monkeypatch.setenv("TELEGRAM_API_URL", odd_server)
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    [(sign, sentences)] = (await examine_online(terminal))["telegram"]
    assert sign == "problem"
    assert "(what answered with 502 is no Bot API server)" in sentences


async def test_a_wrong_clock(
    terminal: Terminal, online: None, api: BotApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told by Telegram's own time."""
    monkeypatch.setattr(
        "bot.insight.telegram_checks.parsedate_to_datetime",
        lambda date: parsedate_to_datetime(date) + timedelta(hours=1),
    )
    [(sign, sentences)] = (await examine_online(terminal))["clock"]
    assert sign == "warning"
    assert re.match(r"It is 3,(599|600) seconds behind Telegram's\. Set it", sentences)


@pytest.mark.parametrize("name", ["journal", "index"])
def test_a_damaged_file(name: str, terminal: Terminal, installation: Path) -> None:
    """It is found, whether its beginning or its middle is broken."""
    path = installation / "data" / f"{name}.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    half = len(content) // 2
    for broken in (
        b"This is no database. " * 500,
        content[:4096] + b"\xff" * 4096 + content[8192:],
        content[:half],
    ):
        path.write_bytes(broken)
        [(sign, sentences)] = examine(terminal)[name]
        assert sign in {"problem", "warning"}
        assert str(path) in sentences or f"data/{name}.db" in sentences


def test_a_journal_of_a_newer_version(terminal: Terminal, installation: Path) -> None:
    """It must not be touched by this one."""
    path = installation / "data" / "journal.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '999'")
    [(sign, sentences)] = examine(terminal)["journal"]
    assert (sign, "newer version of this program" in sentences) == ("problem", True)


def test_a_journal_without_its_key(terminal: Terminal, installation: Path) -> None:
    """What is in it would be nobody's."""
    (installation / "data" / "journal.key").unlink()
    [(sign, sentences)] = examine(terminal)["journal"]
    assert (sign, sentences.startswith("Its key journal.key is missing")) == ("problem", True)


def test_an_index_of_another_model(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is built anew by itself."""
    monkeypatch.setattr(preparation, "load_embedder", lambda _: WordEmbedder("canal"))
    [(sign, sentences)] = examine(terminal)["index"]
    assert sign == "warning"
    assert "another model than the one in use" in sentences


@pytest.mark.parametrize(
    ("name", "value"), [("STORE_TOKEN", "bot:its-password"), ("STORE_CA", "ca.pem")]
)
def test_a_setting_that_is_not_used(
    name: str,
    value: str,
    terminal: Terminal,
    installation: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who has set half of what a store takes hears that it isn't used."""
    monkeypatch.setenv(name, value)
    assert examine(terminal)["settings"] == [
        (
            "warning",
            "STORE_TOKEN or STORE_CA is set, and STORE_URL isn't: the index is in DATA_DIR. Set "
            "STORE_URL to the address of the Milvus server, or leave all of them empty.",
        )
    ]


def test_a_store_that_is_away(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs it isn't known; the certificate isn't used without https."""
    monkeypatch.setenv("STORE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("STORE_CA", "ca.pem")
    found = examine(terminal)
    assert found["settings"] == [
        (
            "warning",
            "STORE_CA is set, and STORE_URL doesn't begin with https: nothing is encrypted. "
            "Correct STORE_URL, or leave STORE_CA empty.",
        )
    ]
    [(sign, sentences)] = found["articles"]
    assert sign == "problem"
    assert sentences.startswith("Whether the index has them all isn't known. The store at http")
    [(sign, sentences)] = found["index"]
    assert sign == "problem"
    assert sentences.startswith("The store at http://127.0.0.1:9 can't be reached: check STORE_")


def test_a_model_that_cannot_be_loaded(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a problem in the model's own words; the index can't be checked without it."""

    def fail(_: object) -> None:
        raise ModelUnavailable("The embedding model 'x' cannot be loaded.")

    monkeypatch.setattr(preparation, "load_embedder", fail)
    found = examine(terminal)
    assert found["model"] == [("problem", "The embedding model 'x' cannot be loaded.")]
    assert "index" not in found


def test_something_that_nobody_has_thought_of(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a finding as well, and the rest is checked."""

    def fail(_: object) -> None:
        raise RuntimeError(TOKEN)

    monkeypatch.setattr(preparation, "load_embedder", fail)
    found = examine(terminal)
    assert found["model"] == [
        ("problem", "It can't be checked (RuntimeError). LOG_LEVEL=DEBUG shows where.")
    ]
    assert "running" in found
    assert TOKEN not in terminal.out


def test_articles_that_changed_and_one_that_is_none(
    terminal: Terminal, installation: Path
) -> None:
    """Both are said, with the reason."""
    articles = installation / "articles"
    (articles / "canal.md").unlink()
    (articles / "broken.md").write_text("No front matter.", encoding="utf-8")
    (articles / "new.md").write_text(
        format_article(CANAL).replace("example.org/canal", "example.org/new"), encoding="utf-8"
    )
    changed, fault = examine(terminal)["articles"]
    assert changed[0] == "warning"
    assert "; 2 are not in the index as they are. " in changed[1]
    assert fault[1].startswith("1 file is left out. broken.md: ")


def test_articles_that_are_not_there(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is missing, and one that is empty."""
    monkeypatch.setenv("ARTICLES_DIR", str(installation / "nowhere"))
    [(sign, sentences)] = examine(terminal)["articles"]
    assert (sign, "does not exist" in sentences) == ("problem", True)
    empty = installation / "empty"
    empty.mkdir()
    monkeypatch.setenv("ARTICLES_DIR", str(empty))
    [(sign, sentences)] = examine(terminal)["articles"]
    assert (sign, "There are none in" in sentences) == ("problem", True)


def test_a_folder_of_somebody_else(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What root makes in it, the bot's own user can't read."""
    me = (installation / "data").stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: me + 1)
    for sign, sentences in examine(terminal)["folders"]:
        assert sign == "warning"
        assert f"belongs to user {me}, and you are {me + 1}" in sentences


def test_a_data_folder_that_is_a_file(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be written there."""
    (installation / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("DATA_DIR", "file")
    assert examine(terminal)["folders"][0][0] == "problem"
    monkeypatch.setenv("DATA_DIR", "file/data")
    assert examine(terminal)["folders"][0][0] == "problem"


@pytest.mark.parametrize(
    ("free", "sign"),
    [(299 * 1024**2, "problem"), (599 * 1024**2, "warning"), (700 * 1024**2, "ok")],
    ids=["full", "little", "enough"],
)
def test_disk(
    free: int,
    sign: str,
    terminal: Terminal,
    installation: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full reindex needs room for a second index."""
    monkeypatch.setattr(checks, "read_machine", lambda _: SimpleNamespace(free_disk=free))
    assert examine(terminal)["disk"][0][0] == sign


@pytest.mark.parametrize(
    ("gigabytes", "sign"),
    [(1, "problem"), (2, "warning"), (3, "ok")],
    ids=["too-little", "little", "enough"],
)
def test_memory(
    gigabytes: int,
    sign: str,
    terminal: Terminal,
    installation: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bot and a reindex must both find room."""
    memory = SimpleNamespace(total=gigabytes * 1024**3)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert examine(terminal)["memory"][0][0] == sign


async def test_a_bot_that_runs(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked by itself, where it may be."""
    data = installation / "data"
    assert examine(terminal)["running"] == [("ok", "No bot is running with this data folder.")]
    with only_bot(data):
        [(sign, sentences)] = examine(terminal)["running"]
        assert (sign, sentences.startswith("The bot runs. ")) == ("ok", True)
        missing = ["the model is being loaded"]
        async with listening("127.0.0.1", 0, Signs(lambda: 0, lambda: missing)) as port:
            monkeypatch.setenv("MONITORING_PORT", str(port))
            # What listens on all addresses can be reached at this one.
            monkeypatch.setenv("MONITORING_HOST", "0.0.0.0")  # noqa: S104 - it is only asked there
            [(sign, sentences)] = (await examine_online(terminal))["running"]
            assert sign == "warning"
            assert "isn't ready: the model is being loaded" in sentences
            missing.clear()
            assert (await examine_online(terminal))["running"] == [
                ("ok", "The bot runs, and is ready.")
            ]
        [(sign, sentences)] = (await examine_online(terminal))["running"]
        assert (sign, "doesn't answer on port" in sentences) == ("warning", True)
    # The doctor's look has left the lock to the next one.
    with only_bot(data):
        pass


@pytest.mark.parametrize(
    ("used", "fast", "sign"),
    [
        ("bfloat16", True, "ok"),
        ("float32", False, "ok"),
        ("bfloat16", False, "warning"),
        ("float32", True, "warning"),
    ],
)
def test_the_models_number_type(  # noqa: PLR0913 - three of them are fixtures
    *,
    used: str,
    fast: bool,
    sign: str,
    terminal: Terminal,
    installation: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It should be the one that the processor is fast in."""
    embedder = WordEmbedder("bridge", name=used)
    monkeypatch.setattr(preparation, "load_embedder", lambda _: embedder)
    monkeypatch.setattr(checks, "has_bfloat16", lambda: fast)
    [(found, sentences)] = examine(terminal)["model"]
    assert found == sign
    assert f"computes in {used}" in sentences
    assert ("EMBEDDING_DTYPE=auto" in sentences) == (sign == "warning")


def test_another_users_folder(
    terminal: Terminal, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may not be read is said, and as whom to look."""

    def fail(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    # Root may read everything, so it can't be had by rights alone.
    monkeypatch.setattr(checks, "read_machine", fail)
    assert examine(terminal)["disk"] == [
        (
            "problem",
            "data can't be read (Permission denied). Run this as the user that runs the bot, or "
            "check the rights.",
        )
    ]


def on_server(terminal: Terminal) -> tuple[str, str]:
    """What the doctor says of the journal, and nothing of a password."""
    [found] = examine(terminal)["journal"]
    assert not any(each in terminal.out + terminal.err for each in (PASSWORD, ENCODED_PASSWORD))
    return found


def test_a_journal_on_a_server(
    installation: Path,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
    postgres_server: PostgresServer,
) -> None:
    """Looked at as it is, from a database that is empty to one that another key began."""
    with postgres_server.database(empty=True) as name:
        url = postgres_server.url(name)
        monkeypatch.setenv("DATABASE_URL", url.get_secret_value())
        assert on_server(terminal) == (
            "ok",
            "The PostgreSQL database has none yet; `run` begins one.",
        )
        assert (
            postgres_server.execute("SELECT * FROM pg_tables WHERE schemaname='public'", name)
            == []
        )
        Journal.open(installation / "data", 90, url=url).close()
        assert on_server(terminal) == ("ok", "PostgreSQL holds 0 questions.")
        (installation / "data" / "journal.key").write_bytes(b"k" * 32)
        assert on_server(terminal) == (
            "problem",
            "data/journal.key isn't the key that the journal in PostgreSQL was begun with. Copy "
            "the journal.key of another replica, or of a backup.",
        )
        postgres_server.execute("UPDATE alembic_version SET version_num = '99'", name)
        assert on_server(terminal) == (
            "problem",
            "The one in PostgreSQL was written by a newer version of this program. Install that "
            "one.",
        )
        monkeypatch.setenv("DATABASE_URL", postgres_server.url("none").get_secret_value())
        sign, sentence = on_server(terminal)
        assert (sign, "it has no such database: make it" in sentence) == ("problem", True)
