"""The live twin from one command: real Kafka, Faust and DuckDB, every part a process."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from orbitwin.parts import is_alive
from tests.twin import (
    ENVIRONMENT,
    ROOT,
    STOPS_WITHIN_S,
    STORED,
    assert_the_same,
    orbitwin,
    rows_in_latest,
    sent,
    stored,
    twin,
    until,
    until_time,
)

SUMMARY_KEYS = [
    "profile", "satellites", "ticks_due", "ticks_late", "rows_sent", "rows_stored", "rows_lost",
    "rows_duplicated", "dead_letters", "latency_s", "cpu_core_ms_per_tick", "rss_mb",
]  # fmt: skip
COUNTED = {"producer", "broker", "processor", "historian", "total"}
PARTS = ["producer", "broker", "processor", "historian"]


@pytest.mark.slow
def test_a_twin_ends_by_itself_with_one_json_object(tmp_path: Path) -> None:
    """`up --duration 20 --json`: one object, nothing lost or doubled, no process is left."""
    data = tmp_path / "twin"
    done = orbitwin("up", "--duration", "20", "--json", data=data, timeout_s=150)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    summary = json.loads(done.stdout)
    assert [key for key in summary if key in SUMMARY_KEYS] == SUMMARY_KEYS
    assert (summary["profile"], summary["satellites"]) == ("suncatcher_81", 81)
    assert 20 <= summary["ticks_due"] <= 23
    assert summary["ticks_late"] <= summary["ticks_due"]
    assert summary["rows_sent"] >= summary["ticks_due"] * 81
    assert summary["rows_stored"] == summary["rows_sent"]
    assert (summary["rows_lost"], summary["rows_duplicated"]) == (0, 0)
    assert summary["dead_letters"] == 0
    latency_s = summary["latency_s"]
    assert list(latency_s) == ["p50", "p95", "p99", "max"]
    assert 0 < latency_s["p50"] <= latency_s["p95"] <= latency_s["p99"] <= latency_s["max"]
    for measured in (summary["cpu_core_ms_per_tick"], summary["rss_mb"]):
        assert set(measured) == COUNTED
        assert all(value > 0 for value in measured.values())
        assert max(measured.values()) == measured["total"]
    # SQL agrees with what it says: a row of `sat_raw` for each that was sent, a `frame` for each.
    query = "select count(*) as n, count(distinct (sat_id, packet, ts, seq)) as d from sat_raw"
    counted = json.loads(orbitwin("sql", "--json", query, data=data).stdout)
    assert counted == [{"n": summary["rows_stored"], "d": summary["rows_stored"]}]
    assert orbitwin("status", "--json", data=data).returncode == 1
    assert not list((data / "run").glob("*.json"))


@pytest.mark.slow
def test_a_clean_stop_and_a_start_again(tmp_path: Path) -> None:
    """SIGTERM ends all within 10 s; the next start goes on: nothing lost, doubled or set back."""
    data = tmp_path / "twin"
    with twin(data) as up:
        up.wait_for_news()
        took_s = up.stop()
        print(f"  stopped in {took_s:.1f} s")
        assert took_s < STOPS_WITHIN_S
    assert " 0 lost, 0 doubled" in up.log()
    query = "select sat_id, t_event from latest"
    stopped = orbitwin("sql", "--json", query, data=data)
    before = {row["sat_id"]: row["t_event"] for row in json.loads(stopped.stdout)}
    assert len(before) == 81
    with twin(data) as up:
        # From the first moment that SQL answers, `latest` is not older than it was.
        until(lambda: up.sql("select 1"))
        early = up.sql("select sat_id, to_json(t_event) from latest")
        assert len(early) == 81
        up.wait_for_news()
        until(up.is_quiet)
        bootstrap = up.status()["bootstrap"]
        last_us = time.time_ns() // 1000 - 2_000_000
        was_sent = until_time(sent(bootstrap), last_us)
        assert_the_same(was_sent, until_time(stored(up.sql(STORED)), last_us))
        again = orbitwin("sql", "--json", query, data=data)
        after = {row["sat_id"]: row["t_event"] for row in json.loads(again.stdout)}
        assert after.keys() == before.keys()
        assert all(after[satellite] > t for satellite, t in before.items())
        # Satellites were silent while the twin was down: that, and nothing else, is news.
        assert {kind for (kind,) in up.sql("select distinct kind from event")} <= {"stale", "gap"}


@pytest.mark.slow
def test_a_stop_in_the_middle_of_a_start(tmp_path: Path) -> None:
    """SIGTERM before Kafka serves, and before anyone flies: all ends well within 10 s."""
    data = tmp_path / "twin"
    for moment in ("historian", "producer"):
        with twin(data) as up:
            until(lambda: up.part(moment))  # noqa: B023 (asked at once)
            assert up.stop() < STOPS_WITHIN_S


@pytest.mark.slow
def test_ctrl_c_on_a_terminal(tmp_path: Path) -> None:
    """Ctrl-C at a terminal: the live table was shown, and all ends within 10 s."""
    data = tmp_path / "twin"
    ours, theirs = pty.openpty()
    up = subprocess.Popen(
        [sys.executable, "-m", "orbitwin", "up", "--data", str(data)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=os.environ | ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "160", "LINES": "50"},
        # A session of its own, with this as its terminal: then ^C is a signal to its foreground.
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(theirs)
    shown = bytearray()
    screen = threading.Thread(target=read_all, args=(ours, shown))
    screen.start()
    pids = []
    try:
        until(lambda: b"open alarms" in shown and b"goodput" in shown)
        pids = [p.pid for p in psutil.Process(up.pid).children(recursive=True)]
        began = time.monotonic()
        os.write(ours, b"\x03")
        assert up.wait(timeout=30) == 0
        took_s = time.monotonic() - began
        print(f"  stopped in {took_s:.1f} s")
        assert took_s < STOPS_WITHIN_S
        assert not [pid for pid in pids if is_alive(pid)]
    finally:
        if up.poll() is None:
            up.kill()
            up.wait()
        for pid in pids:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        screen.join(timeout=5)
        os.close(ours)
    text = shown.decode(errors="replace")
    assert "psql" in text and "Ctrl-C stops all" in text
    assert " 0 lost, 0 doubled" in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_status_and_two_clients(tmp_path: Path) -> None:
    """`status --json` has the shape that is promised; psql and psycopg 3 connect as it says."""
    data = tmp_path / "twin"
    with twin(data) as up:
        up.wait_for_news()
        status = json.loads(orbitwin("status", "--json", data=data).stdout)
        assert [p["name"] for p in status["parts"]] == PARTS
        for part in status["parts"]:
            assert list(part)[:5] == ["name", "pid", "state", "rate", "lag"]
            assert is_alive(part["pid"])
            assert part["restarts"] == 0
        until(lambda: {p["state"] for p in up.status()["parts"]} == {"running"})
        door, flight = status["doors"]
        assert (door["name"], flight["name"]) == ("sql", "flight")
        assert flight["url"] == f"grpc://127.0.0.1:{flight['port']}"
        assert oct(Path(door["password_file"]).stat().st_mode & 0o777) == "0o600"
        password = Path(door["password_file"]).read_text().strip()
        with psycopg.connect(door["url"], password=password) as session:
            assert session.execute("select count(*) from latest").fetchone() == (81,)
        told = orbitwin("status", data=data).stdout
        (line,) = [line.strip() for line in told.splitlines() if "psql " in line]
        assert password not in told
        if shutil.which("psql"):
            query = "select count(*) from latest where not stale"
            done = subprocess.run(
                ["sh", "-c", f"{line} -At -c {shlex.quote(query)}"],
                capture_output=True, text=True, timeout=20,
            )  # fmt: skip
            assert (done.stdout, done.returncode) == ("81\n", 0), done.stderr


def take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def read_all(terminal: int, into: bytearray) -> None:
    try:
        while piece := os.read(terminal, 65536):
            into += piece
    except OSError:  # the last of the other side has closed it
        pass


@pytest.mark.slow
def test_s05_no_secret_in_arguments_logs_or_run_files(tmp_path: Path) -> None:
    """A password given by the environment opens the door and stands nowhere else."""
    secret = "correct-horse-battery-staple"
    data = tmp_path / "twin"
    os.environ["ORBITWIN_DOOR__PASSWORD"] = secret
    try:
        with twin(data) as up:
            until(lambda: rows_in_latest(data) == 81)
            children = psutil.Process(up.process.pid).children(recursive=True)
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
