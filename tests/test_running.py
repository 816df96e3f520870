"""What runs the bot on a server (image, compose file, units, alerts, docs) is true to the code."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from telegram.error import TimedOut

from bot import cli, metrics
from bot.errors import MonitoringUnavailable, SettingsError
from bot.monitoring import Signs, listening
from bot.settings import Settings
from bot.transport.patience import Patience

PROJECT = Path(__file__).parent.parent
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
RUNNING = (PROJECT / "docs" / "running.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((PROJECT / "compose.yaml").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((PROJECT / "deploy/prometheus-alerts.yaml").read_text(encoding="utf-8"))
UNITS = sorted(PROJECT.glob("deploy/*.service"))
SETTINGS = {name.upper() for name in Settings.model_fields}
# Variables of other programs.
FOREIGN = {
    "HF_HOME",
    "MPLCONFIGDIR",
    "PATH",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_EXTRA_INDEX_URL",
    "PIP_NO_CACHE_DIR",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
}
BOT = COMPOSE["services"]["bot"]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions: a word and what follows, in one line."""
    without_comments = "\n".join(
        line for line in DOCKERFILE.splitlines() if not line.lstrip().startswith("#")
    )
    joined = re.sub(r"\s*\\\n\s*", " ", without_comments)
    return [
        (word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def unit(path: Path) -> dict[str, list[str]]:
    """What a unit's section [Service] says; a name may be there several times."""
    found: dict[str, list[str]] = {}
    section = path.read_text(encoding="utf-8").partition("[Service]")[2]
    for line in section.partition("\n[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def environment_of_image() -> dict[str, str]:
    """What the last stage sets."""
    [*_, last] = [rest for word, rest in instructions() if word == "ENV" and "DATA_DIR" in rest]
    return dict(pair.split("=", 1) for pair in shlex.split(last))


def commands() -> set[str]:
    """All commands, those of groups as two words."""
    found = set()
    for name, command in typer.main.get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        found |= {name, *(f"{name} {each}" for each in getattr(command, "commands", ()))}
    return found


def test_every_variable_is_a_setting() -> None:
    """What is set in the image, by compose or in the docs is read by somebody."""
    named = environment_of_image().keys() | BOT["environment"].keys()
    named |= set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)=", RUNNING))
    named |= set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", RUNNING))
    for path in UNITS:
        named |= {each.partition("=")[0] for each in unit(path).get("Environment", ())}
    assert named - FOREIGN <= SETTINGS
    assert {"DATA_DIR", "ARTICLES_DIR", "MONITORING_PORT", "WEBHOOK_URL"} <= named


@pytest.mark.parametrize(
    "path", ["Dockerfile", "docs/running.md", *(f"deploy/{each.name}" for each in UNITS)]
)
def test_every_command_exists(path: str) -> None:
    """So does each option that it is called with."""
    text = (PROJECT / path).read_text(encoding="utf-8")
    called = set(re.findall(r"-m bot ([a-z]+)", text))
    assert called <= commands()
    if path == "Dockerfile":
        assert dict(instructions())["ENTRYPOINT"] == '["python", "-m", "bot"]'
        [command] = json.loads(dict(instructions())["CMD"])
        assert command in commands()


def test_the_values_of_the_image_can_be_taken() -> None:
    """As settings, those of compose on top of them."""
    image, compose = environment_of_image(), BOT["environment"]
    given = {name.lower(): value for name, value in (image | compose).items() if name in SETTINGS}
    settings = Settings.model_validate(given)
    assert settings.data_dir == Path("/data")
    assert settings.articles_dir == Path("/articles")
    assert settings.monitoring_address == ("0.0.0.0", 9464)  # noqa: S104 - compose's own network
    alone = Settings.model_validate({"monitoring_port": image["MONITORING_PORT"]})
    assert alone.monitoring_address == ("127.0.0.1", 9464)


def test_the_container_may_write_to_its_volumes_only() -> None:
    """Nobody is root in it, and all but the volumes and /tmp is read-only."""
    last_stage = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in last_stage
    assert "useradd --uid 10001 --gid 10001" in last_stage
    assert last_stage.count("--chown=10001:10001") == 2
    volumes = json.loads(dict(instructions())["VOLUME"])
    assert volumes == ["/data", "/articles"]
    assert [each.split(":")[1] for each in BOT["volumes"]] == volumes
    assert {each.split(":")[0] for each in BOT["volumes"]} == COMPOSE["volumes"].keys()
    assert (BOT["read_only"], BOT["tmpfs"], BOT["cap_drop"]) == (True, ["/tmp"], ["ALL"])  # noqa: S108
    assert BOT["security_opt"] == ["no-new-privileges:true"]
    assert "ports" not in BOT
    for name in ("MPLCONFIGDIR", "HF_HOME", "DATA_DIR"):
        assert environment_of_image()[name].startswith(("/tmp/", "/data"))  # noqa: S108
    assert "user 10001\n(`chown 10001:10001`)" in RUNNING


def test_no_secret_gets_into_the_image() -> None:
    """Only what is named is sent to be built, and that is what is copied."""
    lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        name
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for name in rest.split()[:-1]
    }
    assert copied == allowed
    assert all((PROJECT / name).exists() for name in allowed)
    assert BOT["env_file"] == ".env"


@pytest.fixture
async def healthy_port() -> AsyncIterator[int]:
    """The listener of a bot that is well."""
    async with listening("127.0.0.1", 0, Signs(lambda: 0, list)) as port:
        yield port


async def check_health(port: int) -> int | None:
    """Run the image's health check; gives its exit code."""
    command = json.loads(dict(instructions())["HEALTHCHECK"].partition("CMD ")[2])
    assert command[0] == "python"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command[1:],
        env={"MONITORING_PORT": str(port)},
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


async def test_the_health_check(healthy_port: int) -> None:
    """Docker takes 0 for healthy and 1 for anything else."""
    assert await check_health(healthy_port) == 0
    async with listening("127.0.0.1", 0, Signs(lambda: 1000, list)) as port:
        assert await check_health(port) == 1
    assert await check_health(port) == 1


def test_the_image_installs_what_the_package_needs() -> None:
    """The step before the code is copied names all dependencies and nothing else."""
    [install] = [rest for word, rest in instructions() if "tomllib" in rest and word == "RUN"]
    program = shlex.split(install)[2]
    named = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    assert "torch==2.13.0" in named
    assert any(each.startswith("prometheus-client") for each in named)
    assert not any(each.startswith("pytest") for each in named)


def test_the_bot_is_given_time_to_stop() -> None:
    """More than it takes at most."""
    [seconds] = unit(PROJECT / "deploy/green-initiatives-bot.service")["TimeoutStopSec"]
    assert int(seconds) >= Patience().stop + 5
    assert BOT["stop_grace_period"] == f"{seconds}s"


def test_systemd_does_not_restart_what_only_a_person_can_mend() -> None:
    """The unit has the exit code of wrong settings, and restarts after every other failure."""
    service = unit(PROJECT / "deploy/green-initiatives-bot.service")
    assert service["RestartPreventExitStatus"] == [str(cli._EXIT_CONFIG)] == ["78"]
    assert service["Restart"] == ["on-failure"]
    assert f"exit code {cli._EXIT_CONFIG}" in RUNNING
    assert {SettingsError, MonitoringUnavailable} <= set(cli._FOR_A_PERSON)


def test_the_units_agree_with_each_other_and_the_docs() -> None:
    """User, folders and the file of settings are the same everywhere."""
    for path in UNITS:
        service = unit(path)
        assert service["User"] == ["greenbot"]
        assert service["EnvironmentFile"] == ["/opt/green-initiatives-bot/.env"]
        assert service["ProtectSystem"] == ["strict"]
        assert service["UMask"] == ["0077"]
        assert "green-initiatives-bot" in service["StateDirectory"][0].split()
        assert service["ExecStart"][0].startswith("/opt/green-initiatives-bot/.venv/bin/python ")
    for said in (
        "useradd --system --home-dir /var/lib/green-initiatives-bot",
        "\nDATA_DIR=/var/lib/green-initiatives-bot\n",
        "\nARTICLES_DIR=/var/lib/green-initiatives-bot/articles\n",
        "/opt/green-initiatives-bot",
        "/var/lib/green-initiatives-bot-backups",
    ):
        assert said in RUNNING
    timer = RawConfigParser()
    timer.read(PROJECT / "deploy/green-initiatives-bot-backup.timer", encoding="utf-8")
    assert timer["Timer"]["OnCalendar"] == "*-*-* 03:30:00"


def metric_names(text: str) -> Iterator[str]:
    """Names of our metrics in an expression."""
    yield from re.findall(r"\bbot_[a-z_]+", text)


def test_alerts_ask_for_metrics_that_exist() -> None:
    """So do their labels' values."""
    rules: list[dict[str, Any]] = [each for group in ALERTS["groups"] for each in group["rules"]]
    assert len(rules) == 6
    metrics.count_telegram_error(TimedOut())
    known = {sample.name for family in metrics.REGISTRY.collect() for sample in family.samples}
    for rule in rules:
        assert set(metric_names(rule["expr"])) <= known
        assert rule["annotations"]["summary"].endswith(".")
    assert any('result="failed"' in rule["expr"] for rule in rules)
    assert (
        metrics.REGISTRY.get_sample_value("bot_reindexes_total", {"result": "failed"}) is not None
    )


def test_the_docs_link_to_what_is_there() -> None:
    """Files and headings."""
    headings = {
        re.sub(r"[^a-z -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in RUNNING.splitlines()
        if line.startswith("#")
    }
    links = re.findall(r"\]\(([^)]+)\)", RUNNING)
    assert links
    for link in links:
        if link.startswith("#"):
            assert link[1:] in headings
        else:
            assert (PROJECT / "docs" / link).exists()
    assert all(path in RUNNING for path in ("/healthz", "/readyz", "/metrics"))
