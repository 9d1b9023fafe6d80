"""A Grafana that is installed: found, bound to loopback, with our files; its program is faked."""

from __future__ import annotations

import json
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from compose import grafana
from compose.part import Stage
from compose.twin import Twin
from dashboards.provisioning import PASSWORD_VARIABLE
from orbitwin import catalogue, log
from orbitwin.cli.app import run
from orbitwin.cli.live import addresses
from orbitwin.cli.status import read_status
from orbitwin.health import Health
from orbitwin.settings_source import load

FLIGHT = {"name": "flight", "url": "grpc://127.0.0.1:5498", "port": 5498}
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
    assert grafana.find(home / "bin" / program) == (home / "bin" / program, home)
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert grafana.find() == (home / "bin" / program, home)


def test_a_program_without_a_home_or_of_another_name_is_none(tmp_path: Path) -> None:
    home = installed(tmp_path / "g", "grafana")
    assert grafana.find(home / "conf" / "defaults.ini") is None
    (home / "bin" / "grafana").chmod(0o644)
    assert grafana.find(home / "bin" / "grafana") is None
    (home / "bin" / "grafana").chmod(0o755)
    (home / "conf" / "defaults.ini").unlink()
    assert grafana.find(home / "bin" / "grafana") is None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--grafana", "there/is/none"], "there/is/none is no Grafana"),
        (["--grafana", sys.executable], "is no Grafana"),
        (["--grafana", "x", "--no-grafana"], "exclude each other"),
    ],
)
def test_up_says_what_to_do_before_anything_starts(
    flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up", *flags, "--data", str(tmp_path / "data")]) == 2
    assert said in (err := capsys.readouterr().err) and "hint: " in err
    assert not (tmp_path / "data").exists()


SERVES_HEALTH = """#!{python}
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
address = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""


def test_its_address_is_shown_by_up_and_by_status(tmp_path: Path) -> None:
    home = installed(tmp_path / "g", "grafana")
    (home / "bin" / "grafana").write_text(SERVES_HEALTH.format(python=sys.executable))
    data = tmp_path / "data"
    data.mkdir()
    flags = {"data": data, "grafana.home": home / "bin" / "grafana", "grafana.port": 0}
    settings = load(flags | {"door.password": "s3cret"}, environ={})
    twin = Twin(settings, log.get("test"), threading.Event())
    with twin, Health("historian", settings.run_dir) as historian:
        assert "grafana" not in dict(addresses(twin))
        historian.ready()
        historian.progress(rate=1.0, lag=0, doors=[FLIGHT, DOOR])
        deadline = time.monotonic() + 20.0
        twin.look()
        while twin.supervisor.state("grafana") != "running" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert twin.supervisor.state("grafana") == "running"
        url = dict(addresses(twin))["grafana"]
        assert url.startswith("http://127.0.0.1:")
        assert {"name": "grafana", "url": url} in read_status(data)["doors"]
        assert twin.summary(None)["grafana"] == url


@pytest.mark.parametrize(
    ("host", "url", "tls"),
    [("127.0.0.1", "127.0.0.1:5499", "disable"), ("::1", "[::1]:5499", "disable"),
     ("0.0.0.0", "127.0.0.1:5499", "require"), ("10.0.0.7", "10.0.0.7:5499", "require")],
)  # fmt: skip
def test_it_reads_the_door_where_that_is_open(
    host: str, url: str, tls: str, tmp_path: Path
) -> None:
    """Beyond loopback the door takes nobody without TLS; PostgreSQL's sslmode `require`."""
    home = installed(tmp_path / "g", "grafana")
    local = grafana.LocalGrafana(home / "bin" / "grafana", home, tmp_path / "data", port=0)
    (tmp_path / "data").mkdir()
    local.part(DOOR | {"host": host}, "s3cret", [])
    text = (local.dir / "provisioning" / "datasources" / "orbitwin.yaml").read_text()
    (source,) = yaml.safe_load(text)["datasources"]
    assert (source["url"], source["jsonData"]["sslmode"]) == (url, tls)


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
    alerting = json.loads((written / "alerting" / "orbitwin.json").read_text())
    assert alerting["groups"]
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != local.password_file:
            assert "s3cret" not in path.read_text()
    assert stat.S_IMODE(local.password_file.stat().st_mode) == 0o600
    assert part.env["GF_SECURITY_ADMIN_PASSWORD"] == local.password_file.read_text().strip()
    assert not local.serves()
