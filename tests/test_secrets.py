"""The token is nobody's business, nor are the bot's files: looked at from outside."""

import ast
import asyncio
import functools
import os
import subprocess
import sys
from pathlib import Path

import psutil

import knowledge
from bot_api_server import BotApiServer
from rights import open_to_others

PROJECT = Path(knowledge.__file__).parent.parent
SOURCES = sorted(
    path
    for package in ("benchmarks", "bot", "embeddings", "knowledge")
    for path in (PROJECT / package).rglob("*.py")
)
# The bot as it is started, but for the model.
WITHOUT_MODEL = """\
import os, sys
from bot import cli
from bot.commands import preparation
from fixed_retriever import FixedRetriever

os.umask(0o022)
preparation.open_retriever = lambda settings: FixedRetriever()
cli.main(sys.argv[1:])
"""


async def test_the_token_is_nowhere(api: BotApiServer, tmp_path: Path) -> None:
    """Not in the log, however much goes wrong, nor in replies, files and other processes.

    And nobody but their owner can read the files.
    """
    secret = api.token.partition(":")[2]
    admin = api.user("Alice", language_code="en")
    chat = api.private_chat(admin)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "tests")]),
        "TELEGRAM_BOT_TOKEN": api.token,
        "TELEGRAM_API_URL": api.url,
        "ADMIN_IDS": str(admin.id),
        "DATA_DIR": str(tmp_path / "data"),
        "LOG_LEVEL": "DEBUG",
        # Of the two it is the one that changes more of a text.
        "LOG_FORMAT": "json",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WITHOUT_MODEL, "run"),
        cwd=tmp_path,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = asyncio.create_task(process.communicate())
    said = []
    try:
        question = await chat.send(admin, "How long is the bridge?")
        said.append(await chat.answer_to(question, within=60))
        api.fail_next("getUpdates", status=502)
        api.fail_next("getUpdates", drop=True)
        api.fail_next("sendMessage", status=500)
        api.fail_next("sendMessage", status=400, description="Bad Request: odd")
        for text in ("How long is the bridge?", "How long is the canal?"):
            await chat.send(admin, text)
        sent = await chat.send_document(admin, "news.txt", b"A title\n\nA text of a few words.")
        bot = psutil.Process(process.pid)
        # The file is read by a process of its own, which takes a second or two.
        others = list[psutil.Process]()
        while not others:
            await asyncio.sleep(0.05)
            children = bot.children(recursive=True)
            # Between its fork and its start a child is a copy of the bot.
            others = [each for each in children if each.cmdline() != bot.cmdline()]
        for other in others:
            assert secret not in f"{other.environ()} {other.cmdline()}"
        card = {"reply_to_message": {"message_id": None}}
        while card.get("reply_to_message", {}).get("message_id") != sent["message_id"]:
            card = await chat.next_message(within=60)
            said.append(card)
        await chat.send(admin, "/status")
        while "Version" not in str(said[-1]) and "MB" not in str(said[-1]):
            said.append(await chat.next_message(within=60))
    finally:
        process.terminate()
        printed, _ = await asyncio.wait_for(output, 30)
    assert b"[token]" in printed  # what was there to be left out
    assert secret.encode() not in printed
    assert secret not in str(said)
    made = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert {"journal.db", "journal.key", "bot.lock"} <= {path.name for path in made}
    assert [path for path in made if secret.encode() in path.read_bytes()] == []
    assert open_to_others(tmp_path) == []
    api.refused.clear()


def test_env_is_ignored_by_git() -> None:
    """The file with the token can't be committed by mistake."""
    listed = (PROJECT / ".gitignore").read_text().splitlines()
    assert ".env" in listed
    assert "data/" in listed


def test_backups_are_private(tmp_path: Path) -> None:
    """They hold the journal and its key."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "DATA_DIR": str(tmp_path / "data")}
    script = "import os, sys; os.umask(0); from bot.cli import main; main(sys.argv[1:])"
    for arguments in (("sources",), ("backup", str(tmp_path / "backup.zip"))):
        subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=True,
        )
    assert (tmp_path / "backup.zip").exists()
    assert open_to_others(tmp_path) == []


@functools.cache
def nodes(path: Path) -> list[ast.AST]:
    """All that a file's code is made of."""
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


@functools.cache
def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """The calls in a file, with the names by which they are called."""
    return [(ast.unparse(node.func), node) for node in nodes(path) if isinstance(node, ast.Call)]


def imported(path: Path) -> set[str]:
    """The modules that a file imports."""
    found = set[str]()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{each.name}" for each in node.names}
    return found


def test_nothing_is_read_that_can_run_code() -> None:
    """No pickle, by whatever name; of YAML only texts; no code out of a text."""
    pickles = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for path in SOURCES:
        assert not pickles & {name.split(".")[0] for name in imported(path)}, path
        for name, call in calls(path):
            assert name not in {"eval", "exec", "compile", "__import__", "torch.load"}, path
            assert not name.endswith(("read_pickle", "unsafe_load", "full_load")), path
            given = {each.arg: ast.unparse(each.value) for each in call.keywords}
            assert given.get("allow_pickle", "False") == "False", path
            assert given.get("trust_remote_code", "False") == "False", path
            assert given.get("shell", "False") == "False", path
            if name in {"yaml.load", "yaml.compose"}:
                assert given["Loader"] in {"_TextLoader", "yaml.SafeLoader"}, path


def test_sql_is_made_of_our_own_words() -> None:
    """Values are parameters: what is put into an SQL text is one of the file's own names.

    Those are constants, whose names begin with a capital letter after the underscore, or names
    that the file itself has just read out of the database's own list of tables.
    """
    runs = {"execute", "executemany", "executescript", "exec_driver_sql"}
    own = {"table", "kind", "name"}
    for path in SOURCES:
        for name, call in calls(path):
            if name.rpartition(".")[2] not in runs and name != "sa.text":
                continue
            for node in call.args[:1]:
                for part in ast.walk(node):
                    if isinstance(part, ast.FormattedValue):
                        put_in = ast.unparse(part.value)
                        assert put_in.strip("_").isupper() or put_in in own, (path, put_in)
                    assert not isinstance(part, ast.Mod), path
