"""A Grafana that is installed: found, bound to loopback, with our files; its program is faked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from compose import grafana
from compose.part import Stage
from dashboards.provisioning import PASSWORD_VARIABLE
from orbitwin import catalogue

DOOR = {"name": "sql", "host": "127.0.0.1", "port": 5499, "user": "orbitwin", "database": "twin"}


def installed(home: Path, program: str) -> Path:
    """A directory that looks like Grafana's home."""
    (home / "conf").mkdir(parents=True)
    (home / "conf" / "defaults.ini").touch()
    (home / "bin").mkdir()
    (home / "bin" / program).touch(mode=0o755)
    return home


@pytest.mark.parametrize("program", grafana.PROGRAMS)
def test_it_is_found_on_path_and_by_setting(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = installed(tmp_path / "g", program)
    assert grafana.find(home) == (home / "bin" / program, home)
    assert grafana.find(tmp_path / "none") is None
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert grafana.find() == (home / "bin" / program, home)


def test_it_gets_our_files_and_speaks_on_loopback_alone(tmp_path: Path) -> None:
    home = installed(tmp_path / "g", "grafana")
    local = grafana.LocalGrafana(home / "bin" / "grafana", home, tmp_path / "data", port=0)
    (tmp_path / "data").mkdir()
    part = local.part(DOOR, "s3cret", [catalogue.load("odc")])
    assert part.argv == [str(home / "bin" / "grafana"), "server", "--homepath", str(home)]
    assert part.stage == Stage.DASHBOARDS
    assert part.env["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert part.env["GF_SERVER_HTTP_PORT"] == str(local.port)
    assert part.env[PASSWORD_VARIABLE] == "s3cret"
    written = Path(part.env["GF_PATHS_PROVISIONING"])
    source = yaml.safe_load((written / "datasources" / "orbitwin.yaml").read_text())
    assert source["datasources"][0]["url"] == "127.0.0.1:5499"
    provider = yaml.safe_load((written / "dashboards" / "orbitwin.yaml").read_text())
    folder = Path(provider["providers"][0]["options"]["path"])
    assert list(folder.glob("*.json"))
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != local.password_file:
            assert "s3cret" not in path.read_text()
    assert stat.S_IMODE(local.password_file.stat().st_mode) == 0o600
    assert part.env["GF_SECURITY_ADMIN_PASSWORD"] == local.password_file.read_text().strip()
    assert not local.serves()
