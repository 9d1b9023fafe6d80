"""`orbitwin dashboards write`: the files, what is said of them, and where they cannot go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.files import GENERATED
from orbitwin.cli.app import run
from orbitwin.health import Health
from tests.unit.test_grafana import DOOR


@pytest.fixture
def write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    monkeypatch.setenv("ORBITWIN_DATA", str(tmp_path / "data"))

    def writing(directory: Path, *flags: str) -> tuple[int, str, str]:
        code = run(["dashboards", "write", str(directory), *flags])
        said = capsys.readouterr()
        return code, said.out, said.err

    return writing


def states(out: str) -> dict[str, str]:
    return {Path(entry["file"]).name: entry["state"] for entry in json.loads(out)["files"]}


def source(directory: Path) -> dict[str, Any]:
    text = (directory / "provisioning/datasources/orbitwin.yaml").read_text()
    (found,) = yaml.safe_load(text)["datasources"]
    assert isinstance(found, dict)
    return found


def test_it_writes_what_is_committed_and_tells_what_is_new(write: Any, tmp_path: Path) -> None:
    code, out, err = write(tmp_path / "g", "--json")
    assert code == 0 and not err and set(states(out).values()) == {"new"}
    for path in (p for p in GENERATED.rglob("*") if p.is_file()):
        assert (tmp_path / "g" / path.relative_to(GENERATED)).read_text() == path.read_text()
    mounts = json.loads(out)["mounts"]
    assert mounts[str(tmp_path / "g/provisioning/alerting")] == "/etc/grafana/provisioning/alerting"

    fleet = tmp_path / "g/dashboards/fleet.json"
    fleet.write_text("{}")
    (tmp_path / "g/dashboards/mine.json").write_text("{}")
    _, out, _ = write(tmp_path / "g", "--json")
    said = states(out)
    assert said.pop("fleet.json") == "changed" and json.loads(fleet.read_text())["panels"]
    assert "not ours" in said.pop("mine.json")
    assert set(said.values()) == {"unchanged"}
    _, out, _ = write(tmp_path / "g")
    assert "unchanged" in out and "-> /etc/grafana/dashboards" in out


def test_the_door_is_that_of_the_flags_else_of_the_running_twin(write: Any, tmp_path: Path) -> None:
    with Health("historian", tmp_path / "data" / "run") as historian:
        historian.ready()
        historian.progress(doors=[DOOR])
        write(tmp_path / "g")
        assert source(tmp_path / "g")["url"] == f"127.0.0.1:{DOOR['port']}"
        write(tmp_path / "g", "--door-host", "10.0.0.7")
        assert source(tmp_path / "g")["url"] == f"10.0.0.7:{DOOR['port']}"
        assert source(tmp_path / "g")["jsonData"]["sslmode"] == "require"
        # One that listens everywhere is called on this machine; it takes nobody without TLS.
        historian.progress(doors=[DOOR | {"host": "::"}])
        write(tmp_path / "g")
        assert source(tmp_path / "g")["url"] == f"[::1]:{DOOR['port']}"
        assert source(tmp_path / "g")["jsonData"]["sslmode"] == "require"


def test_where_files_cannot_go(write: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, out, err = write(tmp_path / "file")
    assert code == 2 and not out and "is a file" in err
    code, out, err = write(tmp_path / "file" / "below")
    assert code == 2 and not out and "cannot write to" in err
    code, out, err = write(tmp_path / "g", "--vehicle", "no_such")
    assert code == 2 and "no_such" in err and not (tmp_path / "g").exists()
