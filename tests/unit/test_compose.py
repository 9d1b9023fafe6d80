"""compose/compose.yaml without an engine: its form, and that all it names is there.

The form is that of the Compose Specification's own JSON schema (tests/data/README.md).
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from dashboards.panels import DATASOURCE
from dashboards.provisioning import DASHBOARD_DIR, PASSWORD_VARIABLE
from orbitwin import topics
from orbitwin.cli.app import app
from orbitwin.settings_groups import DOOR_PORT, GRAFANA_PORT
from orbitwin.settings_source import load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "compose"
ENVIRONMENT = {
    "ORBITWIN_DOOR__PASSWORD": "a long one",
    "GRAFANA_ADMIN_PASSWORD": "another",
    "ORBITWIN_PRODUCER__PROFILE": "suncatcher_81",
}
VARIABLE = re.compile(r"\$\{(\w+)(?::(-|\?)([^}]*))?\}")
OWN = "orbitwin"  # the image of our parts


def filled_in(text: str) -> str:
    return VARIABLE.sub(lambda m: ENVIRONMENT[m[1]], text)


TEXT = (FOLDER / "compose.yaml").read_text("utf-8")
COMPOSE = yaml.safe_load(filled_in(TEXT))
SERVICES: dict[str, Any] = COMPOSE["services"]
PARTS = {n: s for n, s in SERVICES.items() if s["image"] == OWN and "entrypoint" not in s}


def test_against_the_compose_specification() -> None:
    schema = json.loads((ROOT / "tests/data/compose-spec.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)
    broken = {**COMPOSE, "services": {"x": {"image": "y", "comand": []}}}
    with pytest.raises(jsonschema.ValidationError, match="comand"):
        jsonschema.Draft202012Validator(schema).validate(broken)


def test_variables_are_those_of_the_example_file() -> None:
    lines = (FOLDER / "env.example").read_text("utf-8").splitlines()
    example = dict(x.split("=", 1) for x in lines if x and not x.startswith("#"))
    assert {m[1] for m in VARIABLE.finditer(TEXT)} == set(example) == set(ENVIRONMENT)
    for m in VARIABLE.finditer(TEXT):
        if example[m[1]] == "":  # to be chosen by the user: then compose must insist on it
            assert m[2] == "?", m[0]


@pytest.mark.parametrize("name", PARTS)
def test_command_exists_with_its_options(name: str) -> None:
    command = PARTS[name]["command"]
    verb = [w for w in command if not w.startswith("-")]
    verb = verb[: 2 if verb[0] in ("produce", "topics") else 1]
    shown = CliRunner().invoke(app, [*verb, "--help"])
    assert shown.exit_code == 0, shown.output
    for option in (w for w in command if w.startswith("--")):
        assert re.search(rf"^ +{option}\b", shown.output, re.M), option


@pytest.mark.parametrize("name", PARTS)
def test_environment_is_made_of_settings(name: str, tmp_path: Path) -> None:
    environment = {k: str(v) for k, v in PARTS[name]["environment"].items()}
    settings = load({"data": tmp_path}, environ=environment)
    assert settings.kafka.bootstrap == "kafka:9092"
    assert settings.door.host == "127.0.0.1"  # without TLS any other address is refused


def test_profile_exists() -> None:
    shown = CliRunner().invoke(app, ["profiles", "--json"])
    assert shown.exit_code == 0, shown.output
    assert ENVIRONMENT["ORBITWIN_PRODUCER__PROFILE"] in shown.output


def test_paths_exist() -> None:
    for service in SERVICES.values():
        if "build" in service:
            context = (FOLDER / service["build"]["context"]).resolve()
            assert context == ROOT and (context / service["build"]["dockerfile"]).is_file()
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (FOLDER / source).is_dir() and volume.endswith(":ro"), volume
            else:
                assert source in COMPOSE["volumes"], volume


def test_image_holds_every_package_and_runs_the_command() -> None:
    lines = (FOLDER / "Dockerfile").read_text("utf-8").splitlines()
    copied = [w for line in lines if line.startswith("COPY ") for w in line.split()[1:-1]]
    assert all((ROOT / path).exists() for path in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = {p.rstrip("*") for p in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert packages <= set(copied)
    assert {project["project"]["readme"], *project["project"]["license-files"]} <= set(copied)
    assert 'ENTRYPOINT ["orbitwin"]' in lines and "orbitwin" in project["project"]["scripts"]
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert {f"!{path}" for path in copied} <= set(ignored)
    base = next(line for line in lines if line.startswith("FROM "))
    assert "python:3.11-" in base and project["project"]["requires-python"] == ">=3.11"


def test_parts_are_asked_for_progress_where_they_answer() -> None:
    for name, service in PARTS.items():
        check = service["healthcheck"]
        if check.get("disable"):
            assert name == "topics"  # runs once
            continue
        port = service["environment"]["ORBITWIN_HEALTH__PORT"]
        assert f"http://127.0.0.1:{port}/readyz" in check["test"][-1]
        compile(check["test"][-1], "healthcheck", "exec")


def test_workers_are_numbered_and_share_the_partitions() -> None:
    commands = [s["command"] for n, s in SERVICES.items() if n.startswith("processor-")]
    numbers = sorted(int(c[c.index("--worker") + 1]) for c in commands)
    assert numbers == list(range(1, len(commands) + 1))
    assert {int(c[c.index("--workers") + 1]) for c in commands} == {len(commands)}
    assert len(commands) <= topics.PARTITIONS


def test_kafka_is_ours_in_version_bounds_and_address() -> None:
    kafka = SERVICES["kafka"]
    image, version = kafka["image"].split(":")
    assert image == "apache/kafka"
    assert f"org.apache.kafka:kafka_2.13:{version} " in (FOLDER / "kafka.lock").read_text("utf-8")
    environment = kafka["environment"]
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert environment["KAFKA_MESSAGE_MAX_BYTES"] == topics.MAX_MESSAGE_BYTES
    assert environment["KAFKA_REPLICA_FETCH_MAX_BYTES"] == topics.MAX_MESSAGE_BYTES
    assert environment["KAFKA_LOG_SEGMENT_BYTES"] == topics.SEGMENT_BYTES
    assert environment["KAFKA_LOG_RETENTION_BYTES"] == topics.RETENTION_BYTES
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://kafka:9092"
    assert "PLAINTEXT://:9092" in environment["KAFKA_LISTENERS"].split(",")
    assert any(v.endswith(":" + environment["KAFKA_LOG_DIRS"]) for v in kafka["volumes"])


def test_grafana_reads_the_door_on_loopback() -> None:
    grafana, historian = SERVICES["grafana"], SERVICES["historian"]
    assert grafana["network_mode"] == historian["network_mode"] == "service:front"
    source = yaml.safe_load(
        (ROOT / "dashboards/generated/provisioning/datasources/orbitwin.yaml").read_text("utf-8")
    )["datasources"][0]
    assert source["url"] == f"127.0.0.1:{DOOR_PORT}" and source["uid"] == DATASOURCE["uid"]
    for service in (grafana, historian):
        assert service["environment"][PASSWORD_VARIABLE] == ENVIRONMENT[PASSWORD_VARIABLE]
    mounts = dict(v.split(":")[:2] for v in grafana["volumes"])
    assert mounts["../dashboards/generated/dashboards"] == DASHBOARD_DIR
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(DASHBOARD_DIR)
    assert (ROOT / "dashboards/generated/dashboards" / home.rsplit("/", 1)[1]).is_file()
    for kind in ("datasources", "dashboards", "alerting"):
        path = f"../dashboards/generated/provisioning/{kind}"
        assert mounts[path] == f"/etc/grafana/provisioning/{kind}"
        assert list((FOLDER / path).glob("orbitwin.*"))
    assert grafana["environment"]["GF_SERVER_HTTP_PORT"] == GRAFANA_PORT
    assert SERVICES["front"]["ports"] == [f"127.0.0.1:{GRAFANA_PORT}:{GRAFANA_PORT}"]
    version = grafana["image"].removeprefix("grafana/grafana:")
    assert re.fullmatch(r"1[23]\.\d+\.\d+", version) and version not in ("13.2.0", "13.2.1")


def test_order_of_start_can_be_met() -> None:
    waits = {
        n: s["depends_on"] | {s["network_mode"].split(":")[1]: {}}
        if "network_mode" in s
        else s.get("depends_on", {})
        for n, s in SERVICES.items()
    }
    for conditions in waits.values():
        for other, how in conditions.items():
            if how.get("condition") == "service_healthy":
                assert not SERVICES[other]["healthcheck"].get("disable")
            if how.get("condition") == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "on-failure"
    started: set[str] = set()
    while len(started) < len(SERVICES):
        ready = {n for n, on in waits.items() if n not in started and set(on) <= started}
        assert ready, f"these wait for each other: {set(SERVICES) - started}"
        started |= ready


def test_only_loopback_is_published() -> None:
    for service in SERVICES.values():
        assert all(p.startswith("127.0.0.1:") for p in service.get("ports", ()))
