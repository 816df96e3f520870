"""Settings: what is taken, what is refused, and that nothing secret is said about it."""

import logging
import re
import traceback
from itertools import pairwise
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.logs import RedactingFormatter
from bot.settings import Settings, load_settings

PROJECT = Path(__file__).parent.parent
TOKEN = "123456789:AAE-_secretsecretsecretsecretsecret"  # noqa: S105 - nobody's
DATABASE = "postgresql+asyncpg://bot:p%40ss%2f%c3%bc@db.example.org/bot"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_defaults() -> None:
    """Without any setting the bot answers from its own articles, and nobody is an admin."""
    settings = load_settings()
    assert settings.telegram_bot_token is None
    assert settings.admin_ids == frozenset()
    assert settings.articles_dir == PROJECT / "knowledge" / "articles"
    assert settings.index_path == Path("data/index.db")
    assert settings.models_dir == Path("data/models")
    assert settings.embedding_model == "packaged"
    assert settings.journal_days == 90
    assert settings.log_level == "INFO"
    assert settings.bot_base_url == "https://api.telegram.org/bot"
    assert settings.bot_file_url == "https://api.telegram.org/file/bot"


@pytest.mark.parametrize("name", ["TELEGRAM_BOT_TOKEN", "ADMIN_IDS", "JOURNAL_DAYS", "LOG_LEVEL"])
def test_blank_is_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that is left blank counts as not set."""
    monkeypatch.setenv(name, "  ")
    assert load_settings() == Settings()


def test_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file .env is read; the environment wins; other programs' keys don't matter."""
    text = "\ufeffADMIN_IDS=1, 22,\nLOG_LEVEL=debug\nPOSTGRES_PASSWORD=x\nDATA_DIR=there\n"
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    monkeypatch.setenv("DATA_DIR", "here")
    settings = load_settings()
    assert settings.admin_ids == {1, 22}
    assert settings.log_level == "DEBUG"
    assert settings.data_dir == Path("here")


def test_blank_environment_hides_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty variable switches off what .env says."""
    (tmp_path / ".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\n", encoding="utf-8")
    assert load_settings().telegram_bot_token is not None
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "")
    assert load_settings().telegram_bot_token is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ADMIN_IDS", "abc"),
        ("ADMIN_IDS", "12,@alice"),
        ("ADMIN_IDS", "-100123"),
        ("ADMIN_IDS", "1,0"),
        ("ADMIN_IDS", "1_000"),
        ("ADMIN_IDS", "[1]"),
        ("TELEGRAM_BOT_TOKEN", "AAE-without-a-number"),
        ("TELEGRAM_BOT_TOKEN", "123456789: AAE-secret"),
        ("TELEGRAM_API_URL", "my-server:8081"),
        ("TELEGRAM_API_URL", "http://:80"),
        ("TELEGRAM_API_URL", "http://my-server:port"),
        ("WEBHOOK_URL", "http://bot.example.org/telegram"),
        ("WEBHOOK_URL", "elsewhere.example.com"),
        ("WEBHOOK_URL", "https://:443/"),
        ("WEBHOOK_URL", "https://bot.example.org/?secret=1"),
        ("WEBHOOK_URL", "https://me:secret@bot.example.org/"),
        ("WEBHOOK_SECRET", "with a space"),
        ("WEBHOOK_SECRET", "ё"),
        ("WEBHOOK_SECRET", "x" * 257),
        ("WEBHOOK_LISTEN", "9999"),
        ("WEBHOOK_LISTEN", "10.0.0.1"),
        ("WEBHOOK_LISTEN", "127.0.0.1:port"),
        ("WEBHOOK_LISTEN", "127.0.0.1:8081/path"),
        ("STORE_URL", "milvus:19530"),
        ("STORE_URL", "tcp://localhost:19530"),
        ("STORE_URL", "http://localhost:19530/one/two"),
        ("STORE_URL", "http://bot:secret@localhost:19530"),
        ("STORE_URL", "milvus-lite:data/milvus"),
        ("DATABASE_URL", "postgresql://bot:secret@localhost/bot"),
        ("DATABASE_URL", "sqlite+aiosqlite:///journal.db"),
        ("DATABASE_URL", "postgresql+asyncpg://bot:sec/ret@localhost"),
        ("DATABASE_URL", "postgresql+asyncpg://bot:secret@localhost:port/bot"),
        ("DATABASE_URL", "postgresql+asyncpg://bot:secret@/bot"),
        ("DATABASE_URL", "postgresql+asyncpg://bot:se@secret@localhost/bot"),
        ("DATABASE_URL", "postgresql+asyncpg://bot:se@sec/secret@localhost/bot"),
        ("DATABASE_URL", "postgresql+asyncpg://bot:secret@localhost/bot?sslmode=require"),
        ("DATABASE_URL", "postgresql+asyncpg://bot:secret@localhost/bot?ssl=true"),
        ("LOG_LEVEL", "loud"),
        ("JOURNAL_DAYS", "-1"),
        ("JOURNAL_DAYS", "3651"),
        ("JOURNAL_DAYS", "1.5"),
        ("JOURNAL_DAYS", "ninety"),
    ],
)
def test_wrong_value_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong setting is refused by its name, with an example and without its value."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"{name} is wrong: ")
    assert f"for example {name}=" in message
    assert "\n" not in message
    assert value not in "".join(traceback.format_exception(caught.value))


def test_all_wrong_values_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who made three mistakes hears of three, not of one after the other."""
    names = ["TELEGRAM_BOT_TOKEN", "ADMIN_IDS", "LOG_LEVEL"]
    for name in names:
        monkeypatch.setenv(name, "?!")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert all(f"{name} is wrong" in str(caught.value) for name in names)


def test_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing the settings doesn't print the token."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    settings = load_settings()
    assert settings.telegram_bot_token is not None
    assert settings.telegram_bot_token.get_secret_value() == TOKEN
    assert "secretsecret" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize(
    ("url", "base_url", "file_url", "on_this_machine"),
    [
        ("http://localhost:81/", "http://localhost:81/bot", "http://localhost:81/file/bot", True),
        ("http://127.0.0.2", "http://127.0.0.2/bot", "http://127.0.0.2/file/bot", True),
        ("http://[::1]:81", "http://[::1]:81/bot", "http://[::1]:81/file/bot", True),
        ("https://tg.org/api//", "https://tg.org/api/bot", "https://tg.org/api/file/bot", False),
        ("http://10.0.0.1", "http://10.0.0.1/bot", "http://10.0.0.1/file/bot", False),
    ],
)
def test_api_url(
    *,
    url: str,
    base_url: str,
    file_url: str,
    on_this_machine: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Slashes at the end don't matter; a server on this machine is known as such."""
    monkeypatch.setenv("TELEGRAM_API_URL", url)
    settings = load_settings()
    assert settings.bot_base_url == base_url
    assert settings.bot_file_url == file_url
    assert settings.api_is_on_this_machine is on_this_machine


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:8081", ("127.0.0.1", 8081)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:9000", ("localhost", 9000)),
    ],
)
def test_where_the_webhook_is_listened_for(
    listen: str, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host and a port; one of IPv6 stands in brackets."""
    monkeypatch.setenv("WEBHOOK_LISTEN", listen)
    assert load_settings().webhook_address == address


@pytest.mark.parametrize("engines", [False, True])
def test_environment_passes_everything_but_the_token(
    *, engines: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process with `environment()` has the same settings; passwords if it needs the engines."""
    engine_secrets = {"store_token": "bot:secret", "database_url": DATABASE}
    settings = Settings.model_validate(
        engine_secrets
        | {
            "telegram_bot_token": TOKEN,
            "admin_ids": "2,1",
            "data_dir": "x",
            "store_url": "https://milvus.example.org:19530/bot",
            "store_ca": "ca.pem",
            "journal_days": "0",
            "log_level": "ERROR",
        }
    )
    for name, value in settings.environment(engines=engines).items():
        monkeypatch.setenv(name, value)
    left_out = ["telegram_bot_token", *([] if engines else engine_secrets)]
    assert load_settings() == settings.model_copy(update=dict.fromkeys(left_out))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost:19530",
        "https://milvus.example.org/bot",
        "milvus-lite:data/milvus.db",
    ],
)
def test_where_the_passages_are(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with a database or without, a file, or nothing."""
    monkeypatch.setenv("STORE_URL", url)
    assert load_settings().store_url == url


@pytest.mark.parametrize(
    "url",
    [
        DATABASE,
        "postgresql+asyncpg://bot@10.0.0.1:6432/bot?ssl=verify-full",
        "postgresql+asyncpg://bot@/bot?host=/run/postgresql",
        "postgresql+asyncpg://bot@/bot?host=a:5432&host=b:5432&target_session_attrs=read-write",
    ],
)
def test_where_the_journal_is(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server over the network or on this machine, or several of them."""
    monkeypatch.setenv("DATABASE_URL", url)
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == url


def test_passwords_of_engines_are_secrets() -> None:
    """Whole, by themselves, and however they are encoded, they are kept out of the log."""
    settings = Settings.model_validate({"database_url": DATABASE, "store_token": "bot:läng"})
    formatter = RedactingFormatter(settings.secrets, "%(message)s")
    for text in (DATABASE, "bot:läng", "p@ss/ü", "p%40ss%2F%C3%BC", "p%40ss%2f%c3%bc", "läng"):
        record = logging.LogRecord("", logging.INFO, "", 0, f"with {text}!", None, None)
        assert formatter.format(record) == "with [token]!"
    assert DATABASE not in f"{settings!r} {settings} {settings.model_dump()}"
    unencoded = {"database_url": "postgresql+asyncpg://bot:pass/word@localhost/bot"}
    assert "pass/word" in Settings.model_validate(unencoded).secrets


def test_env_example_documents_every_setting() -> None:
    """.env.example names each setting once, with its default and a comment above."""
    lines = (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    documented = {}
    for above, line in pairwise(lines):
        if match := re.fullmatch(r"(?:# )?([A-Z_]+)=(.*)", line):
            assert above.startswith("# ")
            assert match[1] not in documented
            documented[match[1]] = match[2]
    defaults = Settings().environment() | {"ARTICLES_DIR": "knowledge/articles"}
    assert documented == defaults
