"""Health over real HTTP; the metrics are read by Prometheus's own parser."""

from __future__ import annotations

import http.client
import json
import os
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from orbitwin import parts
from orbitwin.errors import BusyError, UsageError
from orbitwin.health import Health


def get(health: Health, path: str, method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", health.port, timeout=5)
    connection.request(method, path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], text


def test_alive_at_once_ready_only_when_said_so(tmp_path: Path) -> None:
    with Health("processor", tmp_path) as health:
        assert get(health, "/healthz")[0] == 200
        code, kind, text = get(health, "/readyz")
        assert (code, kind) == (503, "application/json")
        assert json.loads(text) == {"ready": False, "reason": "starting"}
        health.not_ready("waiting for the broker at 127.0.0.1:1")
        assert get(health, "/healthz")[0] == 200
        assert "waiting for the broker" in get(health, "/readyz")[2]
        assert health.state == "waiting"
        health.ready()
        assert get(health, "/readyz")[0] == 200
        assert health.state == "running"


def test_a_part_that_lives_without_progress_is_not_ready(tmp_path: Path) -> None:
    with Health("processor", tmp_path, progress_timeout_s=0.05) as health:
        health.ready()
        time.sleep(0.1)
        code, _, text = get(health, "/readyz")
        assert code == 503
        assert "no progress" in text
        assert health.state == "stalled"
        assert get(health, "/healthz")[0] == 200
        health.progress(rows_applied=5)
        assert get(health, "/readyz")[0] == 200


def test_metrics_are_prometheus_text_with_our_prefix(tmp_path: Path) -> None:
    with Health("processor", tmp_path) as health:
        health.counter("rows_applied", "Rows applied").inc(7)
        health.gauge("lag_records", "Records behind", ["topic"]).labels("twin.state.v1").set(3)
        health.histogram("latency_seconds", "Due to readable").observe(0.2)
        _, kind, text = get(health, "/metrics")
        assert kind.startswith("text/plain")
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert families["orbitwin_rows_applied"].samples[0].value == 7
        assert families["orbitwin_lag_records"].samples[0].labels == {"topic": "twin.state.v1"}
        assert "orbitwin_latency_seconds" in families
        assert {n.split("_")[0] for n in families} <= {"orbitwin", "process"}


def test_status_is_what_the_part_filled_in(tmp_path: Path) -> None:
    with Health("historian", tmp_path) as health:
        health.ready()
        health.progress(rate=81.0, lag=0)
        health.update(latency_s={"p50": 0.2})
        status = json.loads(get(health, "/status")[2])
        assert (status["name"], status["pid"]) == ("historian", os.getpid())
        assert (status["state"], status["rate"], status["lag"]) == ("running", 81.0, 0)
        assert status["latency_s"] == {"p50": 0.2}
        assert status["rss_mb"] > 1
        assert status["cpu_s"] > 0
        health.progress(finished=True)
        assert health.state == "finished"
        health.stopping()
        assert health.state == "stopping"


def test_nothing_can_be_posted_and_other_paths_are_not_found(tmp_path: Path) -> None:
    with Health("producer", tmp_path) as health:
        assert get(health, "/status", "POST")[0] == 501
        assert get(health, "/")[0] == 404


def test_it_listens_on_loopback_and_its_run_file_comes_and_goes(tmp_path: Path) -> None:
    file = tmp_path / "run" / "producer.json"
    health = Health("producer", file.parent)
    assert not file.exists()
    with health:
        assert health._server is not None
        assert health._server.server_address[0] == "127.0.0.1"
        run = json.loads(file.read_text())
        assert run["pid"] == os.getpid()
        assert run["health_port"] == health.port
        assert abs(run["started_us"] / 1e6 - time.time()) < 60
        health.progress(rows_sent=7)
    assert not file.exists()
    assert not list(file.parent.glob("*.*"))
    last = json.loads((file.parent / "last" / "producer.json").read_text())
    assert (last["pid"], last["rows_sent"]) == (os.getpid(), 7)
    assert parts.last_statuses(file.parent, since_us=health.started_us) == [last]
    assert parts.last_statuses(file.parent, since_us=health.started_us + 1) == []


def test_a_stopping_part_leaves_its_successors_file_alone(tmp_path: Path) -> None:
    with Health("producer", tmp_path):
        (tmp_path / "producer.json").write_text('{"pid": 1}')
    assert (tmp_path / "producer.json").exists()


def test_a_taken_port_and_an_unwritable_directory_are_clear_errors(tmp_path: Path) -> None:
    with (
        Health("one", tmp_path) as one,
        pytest.raises(BusyError, match=rf"health port 127.0.0.1:{one.port} cannot be opened"),
    ):
        Health("two", tmp_path, port=one.port).start()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write"):
        Health("three", tmp_path / "file").start()


def test_living_parts_are_read_over_loopback_in_the_order_of_the_data(tmp_path: Path) -> None:
    with (
        Health("historian", tmp_path) as historian,
        Health("processor-2", tmp_path) as second,
        Health("processor", tmp_path) as first,
    ):
        for health in (historian, second, first):
            health.ready()
        historian.progress(doors=[{"name": "sql", "port": 5433}])
        (tmp_path / "producer.json").write_text(
            f'{{"pid": 999999999, "health_port": {first.port}, "started_us": 1}}'
        )
        (tmp_path / "broken.json").write_text("{")
        found = parts.living_parts(tmp_path)
        assert [p.file_name for p in found] == [
            "producer", "processor", "processor-2", "historian",
        ]  # fmt: skip
        assert [p.name for p in found] == ["producer", "processor", "processor", "historian"]
        assert [p.state for p in found] == ["dead", "running", "running", "running"]
        assert list(parts.doors(found)) == [{"name": "sql", "port": 5433}]


def test_the_twins_file_counts_only_while_its_process_lives(tmp_path: Path) -> None:
    assert parts.read_twin(tmp_path) == {}
    parts.write_twin(tmp_path, {"profile": "suncatcher_81"})
    assert parts.read_twin(tmp_path)["profile"] == "suncatcher_81"
    parts.write_twin(tmp_path, {"pid": 999999999})
    assert parts.read_twin(tmp_path) == {}
