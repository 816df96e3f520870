"""All settings, read in one place: from the environment, then from `.env`."""

import ipaddress
import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsError

if TYPE_CHECKING:
    from embeddings.stores.opening import StoreAddress

# Real tokens have 35 characters after the colon; self-hosted test servers hand out shorter ones.
_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
# What Telegram takes as a secret_token.
_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
# What may stand behind the "?" of DATABASE_URL.
_DATABASE_OPTIONS = {"host", "ssl", "target_session_attrs"}
_SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

MILVUS_LITE = "milvus-lite:"
"""How STORE_URL begins if it is a file of Milvus Lite."""


class Settings(BaseSettings):
    """What the owner decides; `.env.example` documents the same names and defaults.

    A description says what the setting takes and an example shows it: both end up in the
    message about a wrong value.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        # Notepad saves UTF-8 with a byte order mark.
        env_file_encoding="utf-8-sig",
        extra="ignore",
        hide_input_in_errors=True,
    )

    telegram_bot_token: SecretStr | None = Field(
        default=None,
        description="the token that @BotFather gave you",
        examples=["123456789:AAE-the-rest-of-your-token"],
    )
    telegram_api_url: str = Field(
        default="https://api.telegram.org",
        description="the address of a Bot API server",
        examples=["http://localhost:8081"],
    )
    webhook_url: str = Field(
        default="",
        description="a public https address without a query, at which Telegram reaches the bot",
        examples=["https://bot.example.org/telegram"],
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="1 to 256 letters, digits, _ and -",
        examples=["a-long-word-that-nobody-guesses"],
    )
    webhook_listen: str = Field(
        default="127.0.0.1:8081",
        description="an address of this machine and a port",
        examples=["127.0.0.1:8081"],
    )
    admin_ids: Annotated[frozenset[int], NoDecode] = Field(
        default=frozenset(),
        description="numeric Telegram user ids, separated by commas",
        examples=["123456789,987654321"],
    )
    articles_dir: Path = Field(
        default=Path(str(files("knowledge").joinpath("articles"))),
        description="a folder of articles, one Markdown file each",
        examples=["knowledge/articles"],
    )
    data_dir: Path = Field(
        default=Path("data"),
        description="a folder that the bot may write to",
        examples=["data"],
    )
    contact: str = Field(
        default="",
        pattern=r"^[!-'*-~]*$",
        description="a link or an e-mail address, in plain letters without spaces",
        examples=["mailto:office@example.org"],
    )
    private_hosts: Annotated[frozenset[str], NoDecode] = Field(
        default=frozenset(),
        description="names or addresses of sites, with a port or without, separated by commas",
        examples=["intranet.example.org,192.168.1.20:8080"],
    )
    store_url: str = Field(
        default="",
        description=f"the address of a Milvus server, or {MILVUS_LITE} with a file's path behind "
        "it that ends in .db",
        examples=["http://localhost:19530"],
    )
    store_token: SecretStr | None = Field(
        default=None,
        description="a user and a password with a colon between them, or an API key",
        examples=["bot:its-password"],
    )
    store_ca: Path | None = Field(
        default=None,
        description="the file of a CA certificate, for an https STORE_URL",
        examples=["ca.pem"],
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="the address of a PostgreSQL database, in which user and password have signs "
        "such as @ and / encoded (%40, %2F), with nothing but ?ssl=, ?host= or "
        "?target_session_attrs= behind it",
        examples=["postgresql+asyncpg://bot:its-password@localhost/bot?ssl=verify-full"],
    )
    embedding_model: str = Field(
        default="packaged",
        description="packaged, or the name or folder of a sentence-transformers model",
        examples=["packaged"],
    )
    embedding_dtype: Literal["auto", "bfloat16", "float32"] = Field(
        default="auto",
        description="auto, bfloat16 or float32",
        examples=["auto"],
    )
    journal_days: int = Field(
        default=90,
        ge=0,
        le=3650,
        description="a whole number of days from 0 to 3650",
        examples=["90"],
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO",
        description="DEBUG, INFO, WARNING or ERROR",
        examples=["INFO"],
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="text or json",
        examples=["json"],
    )
    monitoring_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="a port from 1 to 65535, or 0 for none",
        examples=["9464"],
    )
    monitoring_host: str = Field(
        default="127.0.0.1",
        pattern=r"^[0-9A-Za-z.:-]+$",
        description="the address of a network interface of this machine",
        examples=["127.0.0.1"],
    )

    @property
    def bot_base_url(self) -> str:
        """What python-telegram-bot puts the token behind."""
        return f"{self.telegram_api_url}/bot"

    @property
    def bot_file_url(self) -> str:
        """The same, for files."""
        return f"{self.telegram_api_url}/file/bot"

    @property
    def api_is_on_this_machine(self) -> bool:
        """Whether the Bot API server is reached over loopback, where no proxy belongs."""
        host = urlsplit(self.telegram_api_url).hostname or ""
        if host == "localhost":
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def webhook_address(self) -> tuple[str, int]:
        """The host and the port of `webhook_listen`."""
        host, _, port = self.webhook_listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def index_path(self) -> Path:
        """The index file, where there is no other store."""
        return self.data_dir / "index.db"

    @property
    def store_address(self) -> "StoreAddress":
        """Where the index is: the file, or an engine."""
        from embeddings.stores.opening import MilvusAddress

        if not self.store_url:
            return self.index_path
        url = self.store_url.removeprefix(MILVUS_LITE)
        return MilvusAddress(url, _told(self.store_token), self.store_ca)

    @property
    def calibration_path(self) -> Path:
        """Where `calibrate` writes, for an embedding model other than the packaged one."""
        return self.data_dir / "calibration.json"

    @property
    def sources_path(self) -> Path:
        """Where the sources are written down."""
        return self.data_dir / "sources.yaml"

    @property
    def drafts_dir(self) -> Path:
        """Where articles wait for an admin's word."""
        return self.data_dir / "drafts"

    @property
    def user_agent(self) -> str:
        """Who we say we are to the sites that we read; robots.txt may name us up to the "/"."""
        purpose = f"reads articles; {self.contact}" if self.contact else "reads articles"
        return f"GreenInitiativesBot/{version('green-initiatives-bot')} ({purpose})"

    @property
    def models_dir(self) -> Path:
        """Where the packaged model is unpacked."""
        return self.data_dir / "models"

    @property
    def monitoring_address(self) -> tuple[str, int] | None:
        """The host and the port that tell how the bot is; None if they are off."""
        return (self.monitoring_host, self.monitoring_port) if self.monitoring_port else None

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be in no log and no answer, however it is written; the longest first."""
        values = (getattr(self, name) for name in type(self).model_fields)
        found = {each.get_secret_value() for each in values if isinstance(each, SecretStr)}
        if self.store_token:
            found.add(self.store_token.get_secret_value().partition(":")[2])
        if self.database_url:
            found |= _passwords_of(self.database_url)
        spelt = {spelling for each in found if each for spelling in (each, quote(each, safe=""))}
        return tuple(sorted(spelt, key=len, reverse=True))

    def environment(self, *, engines: bool = False) -> dict[str, str]:
        """Environment variables that give another process these settings, without secrets.

        Its log is text, whatever ours is: the bot reads it, to say why the process failed.

        Args:
            engines: Whether it gets those secrets by which Milvus and PostgreSQL let us in; not
                for a process that reads what comes from strangers.
        """
        return {
            "TELEGRAM_BOT_TOKEN": "",
            "TELEGRAM_API_URL": self.telegram_api_url,
            "WEBHOOK_URL": self.webhook_url,
            "WEBHOOK_SECRET": "",
            "WEBHOOK_LISTEN": self.webhook_listen,
            "ADMIN_IDS": ",".join(map(str, sorted(self.admin_ids))),
            "ARTICLES_DIR": str(self.articles_dir),
            "DATA_DIR": str(self.data_dir),
            "CONTACT": self.contact,
            "PRIVATE_HOSTS": ",".join(sorted(self.private_hosts)),
            "STORE_URL": self.store_url,
            "STORE_TOKEN": _told(self.store_token) if engines else "",
            "STORE_CA": str(self.store_ca or ""),
            "DATABASE_URL": _told(self.database_url) if engines else "",
            "EMBEDDING_MODEL": self.embedding_model,
            "EMBEDDING_DTYPE": self.embedding_dtype,
            "JOURNAL_DAYS": str(self.journal_days),
            "LOG_LEVEL": self.log_level,
            "LOG_FORMAT": "text",
            "MONITORING_PORT": str(self.monitoring_port),
            "MONITORING_HOST": self.monitoring_host,
        }

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_default(cls, value: object, info: ValidationInfo) -> object:
        # Also how an empty variable switches off what `.env` says.
        if not isinstance(value, str) or info.field_name is None:
            return value
        return value.strip() or cls.model_fields[info.field_name].default

    @field_validator("telegram_bot_token")
    @classmethod
    def _token_is_well_formed(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("malformed")
        return value

    @field_validator("telegram_api_url")
    @classmethod
    def _url_is_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        # Reading the port raises ValueError for one that is no number.
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("not a web address")
        return value.rstrip("/")

    @field_validator("webhook_url")
    @classmethod
    def _webhook_is_public_or_on_this_machine(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        local = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost"}
        if not (parts.scheme == "https" or local) or not parts.hostname or parts.port == 0:
            raise ValueError("not a public https address")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("more than an address")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _secret_is_well_formed(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _WEBHOOK_SECRET.fullmatch(value.get_secret_value()):
            raise ValueError("malformed")
        return value

    @field_validator("webhook_listen")
    @classmethod
    def _listens_at_a_port(cls, value: str) -> str:
        parts = urlsplit(f"//{value}")
        if not parts.hostname or parts.port is None or parts.netloc != value or "@" in value:
            raise ValueError("not an address and a port")
        return value

    @field_validator("store_url")
    @classmethod
    def _store_is_known(cls, value: str) -> str:
        if value.startswith(MILVUS_LITE):
            if not value.endswith(".db"):
                raise ValueError("not a file of Milvus Lite")
            return value
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
            raise ValueError("not an address")
        # Who is let in is said by STORE_TOKEN, and what stands behind the "/" is a database.
        more = parts.query or parts.fragment or parts.username is not None
        if more or "/" in parts.path.strip("/"):
            raise ValueError("more than an address")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _database_is_on_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(value.get_secret_value())
        except (ArgumentError, ValueError):
            # Not from the error, which has the password.
            raise ValueError("not an address") from None
        if url.drivername != "postgresql+asyncpg" or not url.database:
            raise ValueError("not a PostgreSQL database")
        if set(url.query) - _DATABASE_OPTIONS or not (url.host or "host" in url.query):
            raise ValueError("not an address")
        # What follows an @ in a password would count as the host, which messages name.
        if value.get_secret_value().partition("?")[0].count("@") > 1:
            raise ValueError("a password whose signs aren't encoded")
        if url.query.get("ssl", "prefer") not in _SSL_MODES:
            raise ValueError("not a mode of TLS")
        return value

    @field_validator("articles_dir", "data_dir", "store_ca")
    @classmethod
    def _home_is_expanded(cls, value: Path | None) -> Path | None:
        return value and value.expanduser()

    @field_validator("admin_ids", mode="before")
    @classmethod
    def _ids_are_comma_separated(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",") if part.strip()]
        # int() alone would take "-5" (a group's id), "1_000" and digits of other scripts.
        if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
            raise ValueError("not numeric user ids")
        return frozenset(map(int, parts))

    @field_validator("private_hosts", mode="before")
    @classmethod
    def _hosts_are_comma_separated(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        hosts = frozenset(part.strip().lower() for part in value.split(",") if part.strip())
        if any(re.search(r"[/\s@]", host) for host in hosts):
            raise ValueError("not names or addresses")
        return hosts

    @field_validator("log_level", mode="before")
    @classmethod
    def _level_in_any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("log_format", mode="before")
    @classmethod
    def _format_in_any_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: naming each wrong setting, what it takes and an example, not its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = dict.fromkeys(str(detail["loc"][0]) for detail in error.errors())
    except UnicodeDecodeError:
        raise SettingsError("The file .env is not UTF-8 text; save it as UTF-8.") from None
    # Outside of the except block: pydantic's error carries the values, the token among them.
    raise SettingsError(" ".join(_what_is_right(name) for name in wrong))


def _told(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _passwords_of(url: SecretStr) -> set[str]:
    """The password as it is, and as it is written in the URL."""
    written = url.get_secret_value().rpartition("@")[0].partition("//")[2].partition(":")[2]
    return {written, unquote(written)}


def _what_is_right(name: str) -> str:
    field, variable = Settings.model_fields[name], name.upper()
    example = (field.examples or [""])[0]
    return f"{variable} is wrong: it takes {field.description}, for example {variable}={example}."
