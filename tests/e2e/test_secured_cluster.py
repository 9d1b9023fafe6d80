"""A cluster that asks for a login: the settings reach all three Kafka clients of a twin."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose import broker as broker_module
from compose.broker import LocalBroker
from orbitwin.kafka import ensure_topics
from orbitwin.topics import TOPICS
from tests.e2e.test_up import ENVIRONMENT, ROOT

USER, PASSWORD = "twin", "orbit-17"
LOGIN = (
    f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
)


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a broker's listener that takes SASL PLAIN logins only."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    plain = broker_module._properties

    def with_login(log_dir: Path, port: int, controller_port: int) -> str:
        lines = []
        for line in plain(log_dir, port, controller_port).splitlines():
            name, _, value = line.partition("=")
            if name in ("listeners", "advertised.listeners"):
                value += f",GUARDED://{address}"
            elif name == "listener.security.protocol.map":
                value += ",GUARDED:SASL_PLAINTEXT"
            lines.append(f"{name}={value}")
        lines += ["sasl.enabled.mechanisms=PLAIN"]
        lines += [f"listener.name.guarded.plain.sasl.jaas.config={LOGIN}"]
        return "\n".join(lines) + "\n"

    monkeypatch.setattr(broker_module, "_properties", with_login)
    local = LocalBroker(tmp_path / "broker", port=0)
    try:
        ensure_topics(local.start(), TOPICS)
        yield address
    finally:
        local.stop()


def up(address: str, password: str, data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    secured = {
        "ORBITWIN_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "ORBITWIN_KAFKA__SASL_MECHANISM": "PLAIN",
        "ORBITWIN_KAFKA__SASL_USERNAME": USER,
        "ORBITWIN_KAFKA__SASL_PASSWORD": password,
    }
    return subprocess.run(
        [sys.executable, "-m", "orbitwin", *more, "--bootstrap", address, "--data", str(data)],
        capture_output=True, text=True, timeout=120, cwd=ROOT,
        env=os.environ | ENVIRONMENT | secured,
    )  # fmt: skip


@pytest.mark.slow
def test_a_twin_logs_in_and_a_wrong_password_is_told(guarded: str, tmp_path: Path) -> None:
    """SASL PLAIN: a twin runs with the right password; with a wrong one `check` says so."""
    done = up(guarded, PASSWORD, tmp_path / "twin", "up", "--duration", "5", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["rows_sent"] == summary["rows_stored"] > 0
    assert (summary["rows_lost"], summary["rows_duplicated"]) == (0, 0)
    assert PASSWORD not in done.stderr
    refused = up(guarded, "wrong", tmp_path / "other", "check")
    assert refused.returncode != 0
    assert "authentication" in (refused.stdout + refused.stderr).lower()
    assert "Traceback" not in refused.stderr
