"""The live twin from one command: real Kafka, Faust and DuckDB, every part a process."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orbitwin.parts import is_alive

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN_S = 60.0
STOPS_WITHIN_S = 10.0
# Other twins may run on this machine: take any free ports.
ENVIRONMENT = {
    "ORBITWIN_BROKER__PORT": "0",
    "ORBITWIN_DOOR__PORT": "0",
    "ORBITWIN_GRAFANA__ENABLED": "false",
    "ORBITWIN_LOG__FORMAT": "json",
}
SUMMARY_KEYS = {
    "profile", "satellites", "ticks_due", "ticks_late", "rows_sent", "rows_stored", "rows_lost",
    "rows_duplicated", "dead_letters", "latency_s", "cpu_core_ms_per_tick", "rss_mb",
}  # fmt: skip
COUNTED = {"producer", "broker", "processor", "historian", "total"}


def orbitwin(*words: str, data: Path, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orbitwin", *words, "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
    )


@contextmanager
def twin(data: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`orbitwin up` in the background; killed at the end, and its parts with it."""
    with (data.parent / "up.log").open("a") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "orbitwin", "up", *words, "--data", str(data)],
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(timeout=2 * STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def until(ask: Callable[[], Any], timeout_s: float = STARTS_WITHIN_S) -> Any:
    """The first answer that is not false."""
    deadline = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.2)
    return answer


def rows_in_latest(data: Path) -> int:
    done = orbitwin("sql", "--json", "select count(*) as n from latest where not stale", data=data)
    return int(json.loads(done.stdout)[0]["n"]) if done.returncode == 0 else 0


@pytest.mark.slow
def test_a_twin_ends_by_itself_with_one_json_object(tmp_path: Path) -> None:
    """`up --duration 10 --json`: nothing lost or doubled by identity, and no process is left."""
    data = tmp_path / "twin"
    done = orbitwin("up", "--duration", "10", "--json", data=data, timeout_s=150)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert set(summary) >= SUMMARY_KEYS
    assert (summary["profile"], summary["satellites"]) == ("suncatcher_81", 81)
    assert summary["ticks_due"] >= 9
    assert summary["rows_sent"] >= 9 * 81
    assert summary["rows_stored"] == summary["rows_sent"]
    assert (summary["rows_lost"], summary["rows_duplicated"]) == (0, 0)
    assert summary["dead_letters"] == 0
    assert set(summary["latency_s"]) == {"p50", "p95", "p99", "max"}
    assert all(summary["latency_s"].values())
    assert set(summary["cpu_core_ms_per_tick"]) == set(summary["rss_mb"]) == COUNTED
    assert orbitwin("status", "--json", data=data).returncode == 1
    assert not list((data / "run").glob("*.json"))


@pytest.mark.slow
def test_ctrl_c_stops_all_in_time_and_history_stays_readable(tmp_path: Path) -> None:
    """SIGINT ends every process within 10 s; SQL works before and after; a second start goes on."""
    data = tmp_path / "twin"
    with twin(data) as up:
        until(lambda: rows_in_latest(data) == 81)
        status = json.loads(orbitwin("status", "--json", data=data).stdout)
        assert [p["name"] for p in status["parts"]] == [
            "producer", "broker", "processor", "historian",
        ]  # fmt: skip
        assert {p["state"] for p in status["parts"]} == {"running"}
        pids = [p["pid"] for p in status["parts"]]
        (door,) = status["doors"]
        assert oct(Path(door["password_file"]).stat().st_mode & 0o777) == "0o600"
        assert "psql" in orbitwin("status", data=data).stdout
        began = time.monotonic()
        up.send_signal(signal.SIGINT)
        assert up.wait(timeout=30) == 0
        assert time.monotonic() - began < STOPS_WITHIN_S
        assert not [pid for pid in pids if is_alive(pid)]
    query = "select count(*) as n, max(seq) as seq from frame"
    stopped = orbitwin("sql", "--csv", query, data=data)
    assert stopped.returncode == 0, stopped.stderr
    (before,) = csv.DictReader(io.StringIO(stopped.stdout))
    assert int(before["n"]) > 0
    with twin(data):
        until(lambda: rows_in_latest(data) == 81)
        running = json.loads(orbitwin("sql", "--json", query, data=data).stdout)[0]
        assert int(running["n"]) > int(before["n"])


@pytest.mark.slow
def test_s05_no_secret_in_arguments_logs_or_run_files(tmp_path: Path) -> None:
    """A password given by the environment opens the door and stands nowhere else."""
    import psutil

    secret = "correct-horse-battery-staple"
    data = tmp_path / "twin"
    os.environ["ORBITWIN_DOOR__PASSWORD"] = secret
    try:
        with twin(data) as up:
            until(lambda: rows_in_latest(data) == 81)
            children = psutil.Process(up.pid).children(recursive=True)
            assert len(children) >= 4
            assert not [c for c in children if secret in " ".join(c.cmdline())]
            shown = orbitwin("status", data=data).stdout + orbitwin("check", data=data).stdout
            assert secret not in shown
    finally:
        del os.environ["ORBITWIN_DOOR__PASSWORD"]
    places = [data / "logs", data / "run", tmp_path / "up.log"]
    files = [f for place in places for f in (place.rglob("*") if place.is_dir() else [place])]
    assert [f for f in files if f.is_file()]
    assert not [f for f in files if f.is_file() and secret.encode() in f.read_bytes()]


@pytest.mark.slow
def test_sql_on_a_live_twin_in_every_form(tmp_path: Path) -> None:
    """Table, JSON, CSV, stdin and errors with SQLSTATE, through the door of a running twin."""
    data = tmp_path / "twin"
    with twin(data):
        until(lambda: rows_in_latest(data) == 81)
        query = "select name, t_event, power_margin_w, stale, null as nothing from latest limit 2"
        rows = json.loads(orbitwin("sql", "--json", query, data=data).stdout)
        assert len(rows) == 2
        assert list(rows[0]) == ["name", "t_event", "power_margin_w", "stale", "nothing"]
        assert isinstance(rows[0]["power_margin_w"], float)
        assert (rows[0]["stale"], rows[0]["nothing"]) == (False, None)
        text = orbitwin("sql", "--csv", query, data=data).stdout
        table = list(csv.reader(io.StringIO(text)))
        assert (len(table), table[0][0], table[1][3], table[1][4]) == (3, "name", "false", "")
        shown = orbitwin("sql", query, data=data)
        assert "power_margin_w" in shown.stdout
        assert "2 rows" in shown.stderr
        twice = orbitwin("sql", "--json", "select 1 as a; select ';' as b", data=data).stdout
        assert [json.loads(line) for line in twice.splitlines()] == [[{"a": 1}], [{"b": ";"}]]
        wrong = orbitwin("sql", "select nothing from nowhere", data=data)
        assert wrong.returncode == 1
        assert wrong.stderr.startswith("orbitwin: 42P01: ")
        refused = orbitwin("sql", "drop table event", data=data)
        assert refused.returncode == 1
        assert refused.stderr.startswith("orbitwin: 25006: ")
        assert "Traceback" not in wrong.stderr + refused.stderr
