"""Connections to Kafka as configuration, and waiting for one that is not there."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from orbitwin.connection import Connection
from orbitwin.errors import OrbitwinError, UsageError
from orbitwin.kafka import assert_fast_crc, wait_for_broker, why_not
from orbitwin.settings_groups import KafkaSettings

SASL = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "twin",
    "sasl.password": "very-secret",
}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_secrets_are_masked() -> None:
    shown = repr(Connection("kafka:9093", SASL | {"ssl.key.password": "also-secret"}))
    assert "secret" not in shown
    assert "SCRAM-SHA-512" in shown and "kafka:9093" in shown


def test_each_client_gets_its_own_names() -> None:
    connection = Connection("a:9093, b:9093", SASL)
    config = connection.client_config()
    assert config["bootstrap_servers"] == ["a:9093", "b:9093"]
    assert config["security_protocol"] == "SASL_SSL"
    assert config["sasl_mechanism"] == "SCRAM-SHA-512"
    assert config["sasl_plain_username"] == "twin"
    assert config["sasl_plain_password"] == "very-secret"
    assert isinstance(config["ssl_context"], ssl.SSLContext)
    faust = connection.faust_config()
    assert faust["broker"] == ["aiokafka://a:9093", "aiokafka://b:9093"]
    assert faust["broker_credentials"].mechanism.value == "SCRAM-SHA-512"
    assert faust["broker_credentials"].protocol.value == "SASL_SSL"


def test_plain_needs_nothing() -> None:
    assert Connection("127.0.0.1:9092").client_config() == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "security_protocol": "PLAINTEXT",
    }
    assert Connection("127.0.0.1:9092").faust_config() == {"broker": ["aiokafka://127.0.0.1:9092"]}


def test_host_names_are_checked_unless_that_is_switched_off() -> None:
    checked = Connection("a:1", {"security.protocol": "SSL"}).ssl_context()
    loose = Connection(
        "a:1", {"security.protocol": "SSL", "ssl.endpoint.identification.algorithm": "none"}
    ).ssl_context()
    assert checked is not None and checked.check_hostname
    assert loose is not None and not loose.check_hostname
    assert loose.verify_mode == ssl.CERT_REQUIRED


def test_settings_become_a_connection() -> None:
    settings = KafkaSettings.model_validate(
        {
            "bootstrap": "a:9093",
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_username": "twin",
            "sasl_password": "very-secret",
        }
    )
    config = Connection.from_settings(settings).client_config()
    assert config["sasl_plain_password"] == "very-secret"
    assert Connection.from_settings(settings, "b:1").servers == ["b:1"]


@pytest.mark.parametrize(
    ("bootstrap", "security", "said"),
    [
        ("nowhere", {}, "not the address of a Kafka broker"),
        ("a:port", {}, "not the address of a Kafka broker"),
        ("a:1", {"sasl.pasword": "x"}, "did you mean sasl.password?"),
        ("a:1", {"security.protocol": "TLS"}, "security.protocol TLS is not one of"),
        ("a:1", {"security.protocol": "SASL_SSL"}, "needs sasl.username and sasl.password"),
        ("a:1", SASL | {"sasl.mechanism": "GSSAPI"}, "sasl.mechanism GSSAPI is not one of"),
    ],
)
def test_what_cannot_work_is_told(bootstrap: str, security: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        Connection(bootstrap, security)


def test_a_missing_certificate_file_is_told(tmp_path: Path) -> None:
    connection = Connection(
        "a:1", {"security.protocol": "SSL", "ssl.ca.location": str(tmp_path / "absent.pem")}
    )
    with pytest.raises(UsageError, match="TLS files cannot be used"):
        connection.client_config()


def test_waiting_for_an_absent_broker_says_so_once_and_ends_when_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop = threading.Event()
    threading.Timer(3.0, stop.set).start()
    conn = Connection(f"127.0.0.1:{closed_port()}")
    began = time.monotonic()
    assert wait_for_broker(conn, stop, logging.getLogger("waits")) is False
    assert 2.9 < time.monotonic() - began < 12.0
    said = [r.getMessage() for r in caplog.records if r.name == "waits"]
    assert len(said) == 1
    assert f"Kafka at {conn.bootstrap} does not answer (connection refused)" in said[0]


def test_a_port_of_something_else_is_no_broker_and_leaves_no_thread() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        before = threading.active_count()
        reason = why_not(Connection(f"127.0.0.1:{server.getsockname()[1]}"), timeout_s=0.5)
        assert reason is not None and "no Kafka answers" in reason
        assert threading.active_count() == before


def test_slow_checksums_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_fast_crc()
    monkeypatch.setattr("kafka.record.util.crc32c_c", None)
    with pytest.raises(OrbitwinError, match=r"pip install 'kafka-python\[crc32c\]'"):
        assert_fast_crc()
