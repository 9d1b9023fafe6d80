"""A whole twin as tests run it, and what was sent against what is stored, by identity.

The count is the test's own: telemetry is read from Kafka and decoded with pyarrow alone, stored
rows are read by SQL. Nothing of the product's own accounts has a part in it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition

from orbitwin.cli.status import read_status
from orbitwin.parts import is_alive

ROOT = Path(__file__).resolve().parents[1]
STARTS_WITHIN_S = 60.0
STOPS_WITHIN_S = 10.0
# Other twins may run on this machine: take any free ports.
ENVIRONMENT = {
    "ORBITWIN_BROKER__PORT": "0",
    "ORBITWIN_DOOR__PORT": "0",
    "ORBITWIN_GRAFANA__ENABLED": "false",
    "ORBITWIN_LOG__FORMAT": "json",
}

Identity = tuple[int, str, int, int]
"""sat_id, packet, event time (UTC us), sequence number."""


def orbitwin(*words: str, data: Path, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    """One verb, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "orbitwin", *words, "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
    )


@dataclass
class Twin:
    """An `orbitwin up` in the background."""

    data: Path
    process: subprocess.Popen[str]

    def status(self) -> dict[str, Any]:
        """The document of `orbitwin status --json`."""
        return read_status(self.data)

    def part(self, name: str, worker: int = 1) -> dict[str, Any]:
        """A part as `status` lists it, {} while it does not."""
        found = [p for p in self.status()["parts"] if p["name"] == name]
        return next((p for p in found if p.get("worker", 1) == worker), {})

    def kill(self, name: str, worker: int = 1) -> int:
        """kill -9; the pid it had."""
        pid = int(self.part(name, worker)["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def pids(self) -> list[int]:
        """The twin's own process and all that it started."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [self.process.pid, *(child.pid for child in children)]

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows through the door, as psycopg 3 gets them; [] while it is not open."""
        for door in self.status()["doors"]:
            if door["name"] != "sql":
                continue
            password = Path(door["password_file"]).read_text().strip()
            try:
                with psycopg.connect(door["url"], password=password, autocommit=True) as session:
                    return session.execute(query).fetchall()
            except psycopg.OperationalError:
                continue
        return []

    def newest_us(self) -> int:
        """The newest event time that can be read, UTC us; 0 while none can."""
        rows = self.sql("select epoch_us(max(t_event)) from latest where not stale")
        return int(rows[0][0] or 0) if rows else 0

    def wait_for_news(self, after_us: int | None = None, timeout_s: float = 60.0) -> float:
        """Until a row of an event time after that (default: now) can be read; in s."""
        began = time.monotonic()
        after_us = time.time_ns() // 1000 if after_us is None else after_us
        until(lambda: self.newest_us() > after_us, timeout_s)
        return time.monotonic() - began

    def is_quiet(self) -> bool:
        """Every part runs, and none lags."""
        parts = self.status()["parts"]
        lags = [p["lag"] for p in parts if p["name"] in ("processor", "historian")]
        return {p["state"] for p in parts} == {"running"} and lags == [0] * len(lags)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to end, as a user does; how long that took, s. It must say that all is well."""
        pids = self.pids()
        began = time.monotonic()
        self.process.send_signal(how)
        assert self.process.wait(timeout=3 * STOPS_WITHIN_S) == 0, self.log()
        took_s = time.monotonic() - began
        assert not [pid for pid in pids if is_alive(pid)]
        return took_s

    def log(self) -> str:
        return (self.data.parent / "up.log").read_text()


@contextmanager
def twin(data: Path, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Twin]:
    """`orbitwin up` in the background; stopped at the end, and no process of it is left."""
    with (data.parent / "up.log").open("a") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "orbitwin", "up", *words, "--data", str(data)],
            stdout=log,
            stderr=log,
            text=True,
            cwd=ROOT,
            env=os.environ | ENVIRONMENT | dict(env or {}),
            start_new_session=True,
        )
    running = Twin(data, child)
    try:
        yield running
    finally:
        pids = running.pids() if child.poll() is None else []
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(timeout=2 * STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for pid in pids:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)


def until(ask: Callable[[], Any], timeout_s: float = STARTS_WITHIN_S) -> Any:
    """The first answer that is not false."""
    deadline = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.1)
    return answer


def rows_in_latest(data: Path) -> int:
    """Satellites that are not stale, as `orbitwin sql` counts them; 0 where it cannot."""
    done = orbitwin("sql", "--json", "select count(*) as n from latest where not stale", data=data)
    return int(json.loads(done.stdout)[0]["n"]) if done.returncode == 0 else 0


# --- by identity ---------------------------------------------------------------------------------


def sent(bootstrap: str) -> Counter[Identity]:
    """Every row that stands in the telemetry topic now."""
    chunks: dict[tuple[str, int], list[int]] = {}
    for record in _records(bootstrap, "twin.fleet.v1"):
        table, meta = _decode(record.value)
        chunks[meta["fleet"], meta["chunk"]] = table["sat_id"].to_pylist()
    rows: Counter[Identity] = Counter()
    for record in _records(bootstrap, "twin.telemetry.v1"):
        if ("packet", b"tick") in record.headers:
            continue
        table, meta = _decode(record.value)
        first, count = meta["row0"], meta["rows"]
        assert table.num_rows == count
        assert not {"sat_id", "t_event_us", "seq"} & set(table.column_names)
        satellites = chunks[meta["fleet"], meta["chunk"]][first : first + count]
        rows.update((s, meta["packet"], meta["t_event_us"], meta["seq"]) for s in satellites)
    return rows


STORED = "select sat_id, packet, epoch_us(ts) as t_us, seq from sat_raw"


def stored(rows: Iterable[Iterable[Any]]) -> Counter[Identity]:
    """The answer to STORED, counted."""
    return Counter((int(s), str(p), int(t), int(q)) for s, p, t, q in rows)


def stored_by_stopped(data: Path) -> Counter[Identity]:
    """Every row of a stopped twin's history."""
    done = orbitwin("sql", "--json", STORED, data=data)
    assert done.returncode == 0, done.stderr
    return stored(row.values() for row in json.loads(done.stdout))


def assert_the_same(was_sent: Counter[Identity], is_stored: Counter[Identity]) -> None:
    """Nothing lost, nothing doubled, nothing that was never sent."""
    lost, more = was_sent - is_stored, is_stored - was_sent
    assert not lost, f"{lost.total()} rows lost, first {min(lost)}"
    assert not more, f"{more.total()} rows doubled or never sent, first {min(more)}"
    assert set(was_sent.values()) == {1}


def until_time(rows: Counter[Identity], last_us: int) -> Counter[Identity]:
    """The rows of event times up to then."""
    return Counter({row: count for row, count in rows.items() if row[2] <= last_us})


def _records(bootstrap: str, topic: str) -> Iterator[Any]:
    """What stands in a topic at the moment of the call."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    try:
        places = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        while any(consumer.position(place) < ends[place] for place in places):
            for place, records in consumer.poll(timeout_ms=500).items():
                yield from (r for r in records if r.offset < ends[place])
    finally:
        consumer.close()


def _decode(value: bytes) -> tuple[pa.Table, dict[str, Any]]:
    table = pa.ipc.open_stream(value).read_all()
    return table, json.loads(table.schema.metadata[b"orbitwin"])
