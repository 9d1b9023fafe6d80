"""`orbitwin dashboards push` by the real grafana-client, against Grafana's documented HTTP API.

No Grafana server was to be had: tests/grafana_api.py says what stands for it.
"""

from __future__ import annotations

import builtins
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orbitwin.cli.app import run
from orbitwin.settings import DEFAULT_VEHICLE
from tests.grafana_api import TOKEN, GrafanaApi, GrafanaServer

pytest.importorskip("grafana_client", reason="the test lock has it: make lint installs it")

PASSWORD = "the-door's-own-secret"
OPENSSL = shutil.which("openssl")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GrafanaServer]:
    monkeypatch.setenv("ORBITWIN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ORBITWIN_GRAFANA__TOKEN", TOKEN)
    monkeypatch.setenv("ORBITWIN_DOOR__PASSWORD", PASSWORD)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with GrafanaServer() as server:
        yield server


@pytest.fixture
def push(server: GrafanaServer, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run it; exit code, stdout and stderr, in which no secret may ever stand."""

    def pushing(*flags: str, url: str = "") -> tuple[int, str, str]:
        code = run(["dashboards", "push", "--url", url or server.url, *flags])
        said = capsys.readouterr()
        for secret in (TOKEN, PASSWORD):
            assert secret not in said.out + said.err
        return code, said.out, said.err

    return pushing


def test_what_is_pushed_is_there_and_a_second_push_changes_nothing(
    push: Any, server: GrafanaServer
) -> None:
    api = server.api
    code, out, err = push("--dry-run")
    assert code == 0 and not api.writes, err
    assert "to change in Grafana 13.1.3" in out

    code, out, err = push()
    assert code == 0, err
    assert api.folders["orbitwin"]["title"] == "Orbitwin"
    assert api.passwords == {"orbitwin": PASSWORD}
    assert "orbitwin-satellite-odc" in api.dashboards
    assert {page["meta"]["folderUid"] for page in api.dashboards.values()} == {"orbitwin"}
    assert len(api.rules) > 10 and {rule["provenance"] for rule in api.rules} == {"api"}
    assert len(err.splitlines()) == len(api.writes) and err.startswith("created   folder Orbitwin")
    assert f"{len(api.writes)} created, 0 updated, 0 deleted in Grafana 13.1.3" in out

    api.writes.clear()
    code, out, err = push()
    assert code == 0 and not api.writes
    assert "nothing to change" in out and "created" not in err
    code, out, _ = push("--json")
    document = json.loads(out)
    assert {c["action"] for c in document["changes"]} == {"keep"} and document["error"] is None


def test_an_edited_dashboard_is_shown_and_set_right_and_all_else_left(
    push: Any, server: GrafanaServer
) -> None:
    api = server.api
    push()
    api.dashboards["orbitwin-fleet"]["dashboard"]["title"] = "My fleet"
    theirs = {"dashboard": {"uid": "theirs", "title": "Theirs", "tags": [], "version": 1},
              "meta": {"folderUid": "orbitwin"}}  # fmt: skip
    api.dashboards["theirs"] = theirs
    api.writes.clear()
    code, out, _ = push("--prune")
    assert code == 0 and api.writes == ["POST /api/dashboards/db"]
    assert '- "title": "My fleet",' in out and '+ "title": "Fleet",' in out
    assert api.dashboards["orbitwin-fleet"]["dashboard"]["title"] == "Fleet"
    assert api.dashboards["theirs"] == theirs


def test_what_is_no_longer_made_stays_until_it_is_pruned(push: Any, server: GrafanaServer) -> None:
    api = server.api
    assert DEFAULT_VEHICLE == "odc"
    push("--vehicle", "odc", "--vehicle", "birds3")
    code, out, err = push()
    assert code == 0 and "orbitwin-satellite-birds3" in api.dashboards
    assert "left      dashboard" in err and "--prune deletes it" in err
    code, out, err = push("--prune")
    assert code == 0 and "orbitwin-satellite-birds3" not in api.dashboards
    assert "1 deleted" in out


def test_one_refusal_and_nothing_is_changed(push: Any, server: GrafanaServer) -> None:
    api = server.api
    page = {"dashboard": {"uid": "orbitwin-fleet", "title": "Theirs", "tags": [], "version": 1},
            "meta": {"folderUid": "theirs", "folderTitle": "Their folder"}}  # fmt: skip
    api.dashboards["orbitwin-fleet"] = page
    code, out, err = push()
    assert code == 2 and not api.writes
    assert "in the folder Their folder" in err and "hint: move it" in err and "REFUSED" in out


def test_one_who_edits_meanwhile_is_not_written_over(push: Any, server: GrafanaServer) -> None:
    api = server.api
    push()
    for uid in ("orbitwin-fleet", "orbitwin-power"):
        api.dashboards[uid]["dashboard"]["title"] = "Edited"

    def edit(method: str, path: str) -> None:
        if method == "POST" and api.dashboards["orbitwin-fleet"]["dashboard"]["title"] == "Fleet":
            api.dashboards["orbitwin-power"]["dashboard"]["version"] = 99

    api.before = edit
    code, out, err = push()
    assert code == 1 and api.dashboards["orbitwin-power"]["dashboard"]["title"] == "Edited"
    assert "updated   dashboard Fleet" in err  # what was done is told
    assert "refused (412), update dashboard" in err and "hint: somebody has changed it" in err
    assert "0 created, 1 updated, 0 deleted, 1 not done" in out


def test_a_push_that_breaks_off_tells_what_is_done_and_the_next_goes_on(
    push: Any, server: GrafanaServer
) -> None:
    api = server.api
    api.before = lambda method, path: (
        (500, {"message": "database is locked"}) if (method, "power" in path) == ("PUT", True)
        else None
    )  # fmt: skip
    code, out, _ = push("--json")
    document = json.loads(out)
    assert code == 1 and "database is locked" in document["error"]
    done = {c["kind"] for c in document["changes"] if c["done"]}
    assert done == {"folder", "data source", "dashboard"}
    api.before = lambda method, path: None
    code, out, _ = push()
    assert code == 0 and "0 updated" in out
    assert len(api.writes) == len(document["changes"])  # each once


@pytest.mark.parametrize(
    ("answer", "said", "hint"),
    [
        ((401, {"message": "Invalid"}), "does not accept the token (401)", "service account"),
        ((401, {"message": "API key has expired"}), "accept the token (401)", "past its end"),
        ((403, {"message": "no right"}), "may not do this", "role Admin"),
        ((200, "<html><title>Log in</title></html>"), "not as Grafana does", "a proxy"),
        ((404, "<html>nothing here</html>"), "not as Grafana does", "path of the URL"),
        ((502, "<html>bad gateway</html>"), "refused (502)", "own log"),
        ((200, {"buildInfo": {"version": "11.4.0"}}), "version 11.4.0, which is too old", "12 or"),
    ],
)
def test_each_answer_that_is_wrong_is_one_line_and_a_hint(
    push: Any, server: GrafanaServer, answer: tuple[int, Any], said: str, hint: str
) -> None:
    server.api.before = lambda method, path: answer
    code, out, err = push()
    lines = err.splitlines()
    assert code in (1, 2) and not out and len(lines) == 2, err
    assert lines[0].startswith("orbitwin: ") and said in lines[0] and "<" not in lines[0]
    assert lines[1].startswith("  hint: ") and hint in lines[1]
    assert not server.api.writes


def test_below_a_path_and_nowhere_else(push: Any, server: GrafanaServer) -> None:
    """As behind a proxy: `root_url` with a path, `serve_from_sub_path` on."""
    server.api.root = "/tools/grafana"
    code, _, err = push(url=server.url + "tools/")
    assert code == 2 and "path of the URL" in err and not server.api.writes
    code, out, err = push(url=server.url + "tools/grafana")
    assert code == 0 and server.api.dashboards and "/tools/grafana/" in out, err


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_told_and_never_followed(
    push: Any, server: GrafanaServer, status: int
) -> None:
    """RFC 9110, 15.4: after 301 and 302 a client may send a POST on as a GET, and it is lost."""
    elsewhere = "https://grafana.example/login"
    asked: list[str] = []

    def redirect(method: str, path: str) -> tuple[int, str]:
        asked.append(f"{method} {path}")
        return status, elsewhere

    server.api.before = redirect
    code, out, err = push()
    lines = err.splitlines()
    assert code == 2 and not out and len(lines) == 2 and len(asked) == 1, err
    assert elsewhere in lines[0] and "--url" in lines[1]


def test_a_name_that_another_has_is_told(push: Any, server: GrafanaServer) -> None:
    api = server.api
    api.folders["theirs"] = {"uid": "theirs", "title": "Orbitwin"}
    code, out, err = push()
    assert code == 2 and not api.dashboards and not api.sources
    assert "create folder 'Orbitwin'" in err and "same name" in err and "hint: something" in err
    api.folders["theirs"]["title"] = "Theirs"
    api.sources["theirs"] = {"uid": "theirs", "name": "Orbitwin", "type": "mysql"}
    code, out, err = push()
    assert code == 2 and not api.dashboards and api.sources.keys() == {"theirs"}
    assert "create data source 'Orbitwin'" in err and "rename that one" in err
    assert "1 created" in out  # the folder
    api.sources["theirs"]["name"] = "Theirs"
    assert push()[0] == 0 and api.sources["theirs"]["type"] == "mysql"


def test_an_address_of_ipv6_keeps_its_brackets() -> None:
    """RFC 3986, 3.2.2: without them the port cannot be told from the address."""
    from dashboards.push import _client

    assert _client("http://[::1]:3000/", "t").client.url == "http://[::1]:3000/api"


def test_an_address_without_a_grafana(push: Any) -> None:
    code, _, err = push(url="http://127.0.0.1:1/")
    assert code == 1 and "cannot be reached" in err and "hint: check that it runs" in err
    code, _, err = push(url="http://admin:pw@127.0.0.1:3000/")
    assert code == 2 and "user or password" in err and "pw" not in err.replace("password", "")
    for wrong in ("grafana", "ftp://127.0.0.1/", "http://127.0.0.1:port/", "http://g/?verify=no"):
        code, _, err = push(url=wrong)
        assert code == 2 and "is no address of a Grafana" in err


def test_what_is_missing_is_named(
    push: Any, server: GrafanaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORBITWIN_DOOR__PASSWORD")
    code, _, err = push()
    assert code == 2 and "needs the door's password" in err and not server.api.writes
    monkeypatch.delenv("ORBITWIN_GRAFANA__TOKEN")
    code, _, err = push()
    assert code == 2 and "no token" in err and "ORBITWIN_GRAFANA__TOKEN" in err


def test_without_the_client_the_command_that_installs_it_is_told(
    push: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("grafana_client"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    code, _, err = push()
    assert code == 2 and "pip install 'orbitwin[grafana]'" in err


@pytest.mark.skipif(OPENSSL is None, reason="no openssl to make a certificate")
def test_a_certificate_is_checked(
    push: Any, server: GrafanaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
         "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", str(key),
         "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http:", "https:")
    code, _, err = push(url=url)
    assert code == 2 and "certificate of https" in err and "REQUESTS_CA_BUNDLE" in err
    assert not server.api.writes
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    code, out, err = push(url=url)
    assert code == 0 and "0 updated" in out, err


def test_the_api_that_the_tests_ask_refuses_what_grafana_refuses() -> None:
    api = GrafanaApi()
    assert api.answer("GET", "/api/folders/x", "", None)[0] == 401
    token = f"Bearer {TOKEN}"
    assert api.answer("GET", "/api/nothing", token, None)[0] == 404
    body = {"dashboard": {"uid": "a", "id": None, "version": 0}, "folderUid": "f"}
    assert api.answer("POST", "/api/dashboards/db", token, body)[0] == 400
    api.answer("POST", "/api/folders", token, {"uid": "f", "title": "F"})
    assert api.answer("POST", "/api/folders", token, {"uid": "f", "title": "F"})[0] == 409
    assert api.answer("POST", "/api/dashboards/db", token, body)[0] == 200
    assert api.answer("POST", "/api/dashboards/db", token, body)[0] == 412
