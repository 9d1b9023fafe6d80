"""F01, F08, F10, F13: processors that are killed, join, leave and wait, on a real Kafka.

What counts is counted by identity: every telemetry record must be the source of exactly one state
record, by the rule that readers go by (keep the newest source of each partition, pass over what
is not newer), and a source that was published again must have been published as the same bytes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from compose.broker import LocalBroker
from orbitwin import contract, fleet
from orbitwin.fleet import Clock
from orbitwin.parts import ask, living_parts
from orbitwin.records import COMPUTED, state_columns_of
from orbitwin.topics import DEAD_LETTERS, FLEET, STATE, TELEMETRY
from tests.processing import ODC, PARTITIONS, fleet_of, frame, value_of

ROOT = Path(__file__).parents[2]
CHUNKS = 16  # two on each partition
ROWS = 50
COLUMNS = state_columns_of({"odc": ODC})


class Workers:
    """Processor processes of this test; none outlives it."""

    def __init__(self, bootstrap: str, data: Path) -> None:
        self.bootstrap = bootstrap
        self.data = data
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, number: int) -> None:
        command = [sys.executable, "-m", "orbitwin", "process", "--worker", str(number)]
        command += ["--workers", "3", "--bootstrap", self.bootstrap, "--data", str(self.data)]
        log = (self.data / f"worker-{number}.log").open("ab")
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self.running[number] = subprocess.Popen(command, stderr=log, env=environment, cwd=ROOT)

    def status(self, number: int) -> dict[str, Any]:
        pid = self.running[number].pid
        for part in living_parts(self.data / "run"):
            if part.pid == pid:
                return part.status
        return {}

    def wait_ready(self, number: int, timeout_s: float = 40.0) -> float:
        """Until the worker has caught up; gives how long that took, s."""
        start = time.monotonic()
        while time.monotonic() - start < timeout_s:
            status = self.status(number)
            if status.get("state") == "running" and status.get("lag", 99) <= PARTITIONS:
                return time.monotonic() - start
            time.sleep(0.05)
        raise AssertionError(f"worker {number} is not ready: {self.log(number)}")

    def end(self, number: int, how: int) -> int:
        worker = self.running.pop(number)
        worker.send_signal(how)
        return worker.wait(15)

    def log(self, number: int) -> str:
        return (self.data / f"worker-{number}.log").read_text()[-3000:]


@contextmanager
def workers(broker: LocalBroker, tmp_path: Path) -> Iterator[Workers]:
    some = Workers(broker.bootstrap, tmp_path)
    try:
        yield some
    finally:
        for worker in some.running.values():
            worker.kill()
            worker.wait()


class Load(threading.Thread):
    """Frames of all chunks, ten times a second, until told to stop."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(daemon=True)
        from kafka import KafkaProducer

        self.producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
        own = fleet_of(ROWS * CHUNKS, chunk_rows=ROWS, clock=Clock("recorded"))
        for chunk in own.chunks():
            self.producer.send(FLEET.name, key=chunk.key, value=fleet.encode(chunk), partition=0)
        self.producer.flush()
        self.done = threading.Event()
        self.frames = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        second = 0
        try:
            while not self.done.wait(0.1):
                second += 1
                for chunk in range(CHUNKS):
                    one = frame(second, ROWS, chunk=chunk)
                    self.producer.send(
                        TELEMETRY.name,
                        key=one.key,
                        value=value_of(one),
                        headers=contract.headers(one),
                        partition=fleet.partition_of("f", chunk, PARTITIONS),
                    )
                    self.frames += 1
            self.producer.flush()
        except BaseException as error:
            self.error = error

    def stop(self) -> int:
        self.done.set()
        self.join(30)
        assert self.error is None
        return self.frames


def read_back(bootstrap: str, topic: str) -> list[Any]:
    """Every record of a topic, in the order of each partition."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        parts = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        found: list[Any] = []
        while any(consumer.position(p) < ends[p] for p in parts):
            for records in consumer.poll(timeout_ms=500).values():
                found += records
        return found
    finally:
        consumer.close()


def check(bootstrap: str, frames: int) -> int:
    """Every frame is the source of exactly one state record, and all that is published twice has
    the same bytes. Gives how many came again."""
    telemetry = read_back(bootstrap, TELEMETRY.name)
    want = {(r.partition, r.offset) for r in telemetry if r.value}
    assert len(want) == frames
    newest: dict[int, tuple[int, int]] = {}
    taken: dict[tuple[int, int, int], bytes] = {}
    states: set[tuple[int, int]] = set()
    again = 0
    for record in read_back(bootstrap, STATE.name):
        state = contract.decode(record.value, COLUMNS)
        partition, offset, part = state.extra["source"]
        assert partition == record.partition
        if state.packet == contract.TICK:
            continue
        assert state.rows == ROWS and not state.extra["rows_duplicate"]
        if state.packet not in COMPUTED:
            states.add((partition, offset))
        source = (offset, part)
        if source <= newest.get(partition, (-1, -1)):
            again += 1
            assert taken[partition, offset, part] == record.value
            continue
        newest[partition] = source
        taken[partition, offset, part] = record.value
    assert states == want
    dead = read_back(bootstrap, DEAD_LETTERS.name)
    assert not dead, dict(dead[0].headers)
    return again


def wait_for(what: Any, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def caught_up(some: Workers, frames: int) -> Any:
    def done() -> bool:
        found = [some.status(n) for n in some.running]
        held = sorted(p for s in found for p in s.get("partitions", ()))
        return held == list(range(PARTITIONS)) and all(s["lag"] <= PARTITIONS for s in found)

    return done


@pytest.mark.slow
def test_f10_kill_and_restart(own_broker: LocalBroker, tmp_path: Path) -> None:
    """A worker killed three times under load: each frame gives one state record, no more."""
    load = Load(own_broker.bootstrap)
    with workers(own_broker, tmp_path) as some:
        some.start(1)
        load.start()
        some.wait_ready(1)
        took = []
        for wait_s in (3.0, 6.5, 1.0):  # after, between and before snapshots
            time.sleep(wait_s)
            some.end(1, signal.SIGKILL)
            some.start(1)
            took.append(some.wait_ready(1))
        frames = load.stop()
        wait_for(caught_up(some, frames), 30)
        assert some.end(1, signal.SIGTERM) == 0
    again = check(own_broker.bootstrap, frames)
    print(
        f"\n  {frames} frames, {again} published again; from start to caught up "
        + ", ".join(f"{t:.1f} s" for t in took)
    )


@pytest.mark.slow
def test_f08_workers_join_and_leave(own_broker: LocalBroker, tmp_path: Path) -> None:
    """Workers that join, leave and are killed under load lose nothing and double nothing."""
    load = Load(own_broker.bootstrap)
    with workers(own_broker, tmp_path) as some:
        some.start(1)
        load.start()
        some.wait_ready(1)
        some.start(2)
        some.wait_ready(2)
        time.sleep(2)
        some.start(3)
        some.wait_ready(3)
        time.sleep(3)
        assert some.end(2, signal.SIGTERM) == 0
        time.sleep(1)
        some.end(3, signal.SIGKILL)
        time.sleep(2)
        some.start(3)
        time.sleep(8)  # worker 2's session ends meanwhile
        frames = load.stop()
        wait_for(caught_up(some, frames), 40)
        holes = sum(some.status(n)["holes"] for n in some.running)
        for number in list(some.running):
            assert some.end(number, signal.SIGTERM) == 0
    again = check(own_broker.bootstrap, frames)
    print(f"\n  {frames} frames, {again} published again, {holes} holes filled")


@pytest.mark.slow
def test_f01_f13_waits_for_a_broker_and_stops_on_sigterm(tmp_path: Path) -> None:
    """Without a broker a worker lives, is not ready, says why, and ends with 0 on SIGTERM."""
    some = Workers("127.0.0.1:9", tmp_path)
    some.start(1)
    try:
        wait_for(lambda: some.status(1).get("state") == "waiting", 30)
        status = some.status(1)
        assert status["reason"] == "waiting for Kafka at 127.0.0.1:9"
        port = next(p.health_port for p in living_parts(tmp_path / "run"))
        assert ask(port, "/healthz")["alive"] and not ask(port, "/readyz")["ready"]
        assert some.end(1, signal.SIGTERM) == 0
    finally:
        for worker in some.running.values():
            worker.kill()
            worker.wait()
