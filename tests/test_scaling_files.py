"""What runs several bots (compose, nginx, Kubernetes, Helm values, docs) is true to the code."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lightkube import codecs

from benchmarks.scale import MILVUS_SETTINGS
from bot import cli
from bot.settings import Settings
from bot.transport.patience import Patience
from services import missing

PROJECT = Path(__file__).parent.parent
SCALING = (PROJECT / "docs/scaling.md").read_text(encoding="utf-8")
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
NGINX = (PROJECT / "deploy/scale/nginx.conf").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((PROJECT / "deploy/scale/compose.yaml").read_text(encoding="utf-8"))
KUBERNETES = PROJECT / "deploy/kubernetes"
MILVUS = yaml.safe_load((PROJECT / "deploy/milvus-values.yaml").read_text(encoding="utf-8"))
SETTINGS = {name.upper() for name in Settings.model_fields}
BOTS = [COMPOSE["services"][f"bot-{number}"] for number in (1, 2, 3)]
# Given to compose for engines and images, and what they are called there.
FOREIGN = {
    "CERTIFICATES",
    "EXTRAS",
    "MILVUS_MEMORY",
    "MILVUS_PASSWORD",
    "MINIO_PASSWORD",
    "PIP_EXTRA_INDEX_URL",
    "POSTGRES_PASSWORD",
}


def objects() -> list[tuple[str, dict[str, Any]]]:
    """All Kubernetes objects, with the names of their files; without the kustomization."""
    return [
        (path.name, found)
        for path in sorted(KUBERNETES.glob("*.yaml"))
        for found in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if found["kind"] != "Kustomization"
    ]


def one(kind: str) -> dict[str, Any]:
    """The one object of a kind."""
    [found] = [each for _, each in objects() if each["kind"] == kind]
    return found


def pods() -> dict[str, dict[str, Any]]:
    """What runs in the cluster, by the kinds of the objects that say so."""
    return {
        "Deployment": one("Deployment")["spec"]["template"]["spec"],
        "CronJob": one("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        "Job": one("Job")["spec"]["template"]["spec"],
    }


def settings_in_kubernetes() -> dict[str, str]:
    """What a replica is told there; secrets are made up."""
    secrets = {
        "TELEGRAM_BOT_TOKEN": "123456789:AAE-made-up-for-a-test",
        "WEBHOOK_SECRET": "made-up",
        "DATABASE_URL": "postgresql+asyncpg://bot:made-up@postgresql/bot",
        "STORE_TOKEN": "root:made-up",
    }
    assert one("Secret")["stringData"].keys() == secrets.keys()
    plain: dict[str, str] = one("ConfigMap")["data"]
    return plain | secrets


def settings_in_compose() -> dict[str, str]:
    """The same, with compose's own way to say where a value comes from resolved."""
    given: dict[str, str] = {
        "TELEGRAM_BOT_TOKEN": "123456789:AAE-made-up-for-a-test",
        "WEBHOOK_URL": "https://bot.example.org/telegram",
    }
    return {
        name: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: given.get(found[1], "madeup"), value)
        for name, value in BOTS[0]["environment"].items()
        if name != "ADMIN_IDS"
    }


def test_kubernetes_would_take_it() -> None:
    """Every field is one that the API has, with a value of its kind."""
    assert len(objects()) == 12
    for _, found in objects():
        understood = codecs.from_dict(found).to_dict()  # type: ignore[no-untyped-call]
        assert as_texts(understood) == as_texts(found)


def as_texts(given: Any) -> Any:  # noqa: ANN401 - whatever YAML has
    """Quantities and ports may be numbers or texts."""
    if isinstance(given, dict):
        return {key: as_texts(value) for key, value in given.items() if value is not None}
    return [as_texts(each) for each in given] if isinstance(given, list) else str(given)


def test_what_is_applied_is_there() -> None:
    """All files but those that somebody fills in, or that are run by hand."""
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text("utf-8"))
    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    by_hand = {"secret.example.yaml", "reindex-join.yaml"}
    assert set(kustomization["resources"]) == files - by_hand
    assert {each["metadata"]["namespace"] for name, each in objects() if name in by_hand} == {
        kustomization["namespace"]
    }
    [image] = kustomization["images"]
    assert pods()["Job"]["containers"][0]["image"] == f"{image['newName']}:{image['newTag']}"
    assert {pods()[kind]["containers"][0]["image"] for kind in ("Deployment", "CronJob")} == {
        image["name"]
    }


@pytest.mark.parametrize("given", [settings_in_kubernetes, settings_in_compose])
def test_the_values_can_be_taken(given: Any) -> None:  # noqa: ANN401 - either of two functions
    """As settings of a replica: webhook, shared engines, and a port that the probes reach."""
    told = given()
    assert told.keys() <= SETTINGS
    settings = Settings.model_validate(
        {name.lower(): value for name, value in told.items() if value}
    )
    assert settings.webhook_address == ("0.0.0.0", 8081)  # noqa: S104 - for whoever passes updates on
    assert settings.monitoring_address == ("0.0.0.0", 9464)  # noqa: S104 - for who asks
    assert settings.webhook_url == "https://bot.example.org/telegram"
    assert settings.webhook_secret is not None
    assert settings.database_url is not None
    assert settings.store_url.endswith(":19530")
    assert (settings.data_dir, settings.articles_dir) == (Path("/data"), Path("/articles"))


def test_the_ports_are_the_same_everywhere() -> None:
    """Of the container, the probes, the service, the ingress and nginx."""
    container = pods()["Deployment"]["containers"][0]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports == {"webhook": 8081, "monitoring": 9464}
    probes = {
        name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")
    }
    assert {each["port"] for each in probes.values()} == {"monitoring"}
    assert {name: each["path"] for name, each in probes.items()} == {
        "startup": "/healthz",
        "readiness": "/readyz",
        "liveness": "/healthz",
    }
    [port] = one("Service")["spec"]["ports"]
    assert port["targetPort"] == "webhook"
    [rule] = one("Ingress")["spec"]["rules"]
    [path] = rule["http"]["paths"]
    assert f"https://{rule['host']}{path['path']}" == one("ConfigMap")["data"]["WEBHOOK_URL"]
    assert path["backend"]["service"]["port"]["name"] == port["name"]
    assert one("Deployment")["spec"]["template"]["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "9464",
    }
    servers = re.findall(r"server (\S+):8081 ", NGINX)
    addresses = [bot["networks"]["inside"]["ipv4_address"] for bot in BOTS]
    assert servers == addresses
    assert all(port not in (bot.get("ports") or ()) for bot in BOTS)


def test_the_replicas_of_compose_differ_by_their_addresses_only() -> None:
    """What one is told and may do, all are and may."""
    first, *others = [{**bot, "networks": None} for bot in BOTS]
    assert others == [first, first]
    assert (first["read_only"], first["cap_drop"]) == (True, ["ALL"])
    assert first["build"]["args"]["EXTRAS"] == "milvus postgresql"


def test_every_service_of_compose_tells_how_it_is() -> None:
    """The bots by the image's own check; nothing but nginx is reached from outside."""
    services = COMPOSE["services"]
    for name, service in services.items():
        if not name.startswith("bot-"):
            assert "healthcheck" in service, name
        assert ("ports" in service) == (name == "nginx")
        assert service["restart"] == "unless-stopped"
        assert "mem_limit" in service
    assert "HEALTHCHECK" in DOCKERFILE


def test_no_password_is_written_down() -> None:
    """Compose takes each from its environment, and won't start without."""
    text = (PROJECT / "deploy/scale/compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    assert asked <= SETTINGS | FOREIGN
    for name in ("POSTGRES_PASSWORD", "MILVUS_PASSWORD", "MINIO_PASSWORD", "WEBHOOK_SECRET"):
        assert re.findall(rf"\$\{{{name}([^}}]*)", text) == [":?"] * text.count(f"${{{name}")
    assert set(one("Secret")["stringData"].values()) == {""}


@pytest.mark.parametrize("kind", ["Deployment", "CronJob", "Job"])
def test_a_pod_is_the_image_s_user_and_writes_to_its_volumes_only(kind: str) -> None:
    """Nobody is root; the claims are those of storage.yaml, which several machines may mount."""
    pod = pods()[kind]
    user = pod["securityContext"]
    assert "useradd --uid 10001 --gid 10001" in DOCKERFILE
    assert (user["runAsUser"], user["runAsGroup"], user["fsGroup"]) == (10001, 10001, 10001)
    assert user["runAsNonRoot"] is True
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts == {"data": "/data", "articles": "/articles", "tmp": "/tmp"}  # noqa: S108
    claims = {
        each["metadata"]["name"]: each["spec"]["accessModes"]
        for _, each in objects()
        if each["kind"] == "PersistentVolumeClaim"
    }
    assert list(claims.values()) == [["ReadWriteMany"], ["ReadWriteMany"]]
    claimed = {
        each["persistentVolumeClaim"]["claimName"]
        for each in pod["volumes"]
        if "persistentVolumeClaim" in each
    }
    assert claimed == claims.keys()
    sources = [each.popitem()[1]["name"] for each in container["envFrom"]]
    assert sources == [one("ConfigMap")["metadata"]["name"], one("Secret")["metadata"]["name"]]


def test_a_pod_is_given_time_to_stop() -> None:
    """More than the wait before it and the bot take together."""
    pod = pods()["Deployment"]
    wait = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert wait == ["sleep", "5"]
    assert pod["terminationGracePeriodSeconds"] >= 5 + Patience().stop + 5
    assert all(bot["stop_grace_period"] == "15s" for bot in BOTS)


def certificate(folder: Path) -> None:
    """Write a certificate for nobody, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bot.example.org")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    """As it is, but for where the certificate is."""
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        missing("nginx")
    certificate(tmp_path)
    text = NGINX.replace("/etc/nginx/certificates", str(tmp_path))
    text = text.replace("/tmp/nginx.pid", str(tmp_path / "nginx.pid"))  # noqa: S108
    (tmp_path / "nginx.conf").write_text(text, encoding="utf-8")
    checked = subprocess.run(
        [nginx, "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_milvus_is_the_version_that_is_tested() -> None:
    """In compose, in the cluster, and among what the tests install."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [tested] = [
        each.partition("==")[2]
        for each in project["optional-dependencies"]["test"]
        if each.startswith("milvus==")
    ]
    assert MILVUS["image"]["all"]["tag"] == f"v{tested}"
    assert COMPOSE["services"]["milvus"]["image"] == f"milvusdb/milvus:v{tested}"


def test_milvus_is_a_cluster_that_lets_nobody_in_without_a_password() -> None:
    """What goes into its own settings is YAML, too; one process has all four coordinators."""
    assert MILVUS["cluster"]["enabled"] is True
    own = yaml.safe_load(MILVUS["extraConfigFiles"]["user.yaml"])
    assert own["common"]["security"]["authorizationEnabled"] is True
    assert own["queryNode"]["mmapDirPath"].startswith("/var/lib/milvus/")
    assert MILVUS["queryNode"]["replicas"] >= 2
    coordinators = ("root", "query", "index", "data", "mix")
    enabled = [each for each in coordinators if MILVUS[f"{each}Coordinator"]["enabled"]]
    assert enabled == ["mix"]
    environment = COMPOSE["services"]["milvus"]["environment"]
    assert environment["COMMON_SECURITY_AUTHORIZATIONENABLED"] == "true"
    assert environment["QUERYNODE_MMAPDIRPATH"].startswith("/var/lib/milvus/")
    measured = {name.replace(".", "_").upper(): to for name, to in MILVUS_SETTINGS.items()}
    assert measured.items() <= environment.items()


def test_the_image_installs_the_extras_that_are_asked_for() -> None:
    """The clients of both engines, beside what every bot needs."""
    [line] = re.findall(r"^RUN (python -c .*tomllib.*) \\$", DOCKERFILE, re.MULTILINE)
    named = subprocess.run(
        [sys.executable, "-c", shlex.split(line)[2]],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"EXTRAS": BOTS[0]["build"]["args"]["EXTRAS"]},
    ).stdout
    names = {re.split(r"[^A-Za-z0-9_-]", each)[0] for each in named.split("\n") if each}
    assert {"asyncpg", "greenlet", "pymilvus", "torch"} <= names


def test_the_document_names_what_there_is() -> None:
    """Settings, files, and commands with their options."""
    named = set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)=", SCALING))
    named |= set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", SCALING))
    assert named - FOREIGN <= SETTINGS
    assert {"STORE_URL", "DATABASE_URL", "WEBHOOK_SECRET"} <= named
    for link in re.findall(r"\]\(([^)#]+)\)", SCALING):
        assert (PROJECT / "docs" / link).exists(), link
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    called = re.findall(r"python -m bot ([a-z]+)(?: (move))?(?: (--[a-z-]+))?", SCALING)
    assert ("journal", "move", "--to-postgresql") in called
    for name, under, option in called:
        command = commands[name].commands[under] if under else commands[name]
        options = {each for parameter in command.params for each in parameter.opts}
        assert not option or option in options
