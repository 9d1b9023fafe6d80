"""Parts of a live twin are killed with -9: nothing is lost, nothing doubled, by the test's count.

Each test prints how long it took from the kill until a new row could be read (`pytest -s`).
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orbitwin.parts import is_alive
from tests.twin import (
    STORED,
    Twin,
    assert_the_same,
    orbitwin,
    sent,
    stored,
    stored_by_stopped,
    twin,
    until,
    until_time,
)

if TYPE_CHECKING:
    from compose.broker import LocalBroker

SATELLITES = 81
PRIMARY = "fast"  # the packet of `odc` that gives the state


def kill_and_wait(up: Twin, name: str, worker: int = 1) -> None:
    """kill -9 of a part, then until a new row can be read and the part runs again."""
    killed_us = time.time_ns() // 1000
    pid = up.kill(name, worker)
    took_s = up.wait_for_news(killed_us + 1_000_000 * (name != "producer"))
    print(f"  {name} killed: {took_s:.1f} s to a new row")
    until(lambda: up.part(name, worker).get("pid") not in (None, pid))
    until(lambda: up.part(name, worker)["state"] == "running")


@pytest.mark.slow
def test_kill_9_of_producer_processor_and_historian_twice_each(
    own_broker: LocalBroker, tmp_path: Path
) -> None:
    """kill -9 of producer, processor, historian, twice each: all rows of Kafka are stored once."""
    data = tmp_path / "twin"
    with twin(data, "--bootstrap", own_broker.bootstrap) as up:
        up.wait_for_news()
        for _ in range(2):
            for name in ("producer", "processor", "historian"):
                kill_and_wait(up, name)
        restarts = {p["name"]: p.get("restarts") for p in up.status()["parts"]}
        # That broker is not the twin's own.
        assert restarts == {"producer": 2, "broker": None, "processor": 2, "historian": 2}
        until(up.is_quiet)
        print(f"  stopped in {up.stop():.1f} s")
        assert " 0 lost, 0 doubled" in up.log()  # its own count says so too
    was_sent = sent(own_broker.bootstrap)
    assert len({row[0] for row in was_sent}) == SATELLITES
    assert_the_same(was_sent, stored_by_stopped(data))
    newest = {}
    for satellite, packet, t_us, seq in was_sent:
        if packet == PRIMARY:
            newest[satellite] = max(newest.get(satellite, (0, 0)), (t_us, seq))
    query = "select sat_id, epoch_us(t_event) as t_us, seq from latest"
    rows = json.loads(orbitwin("sql", "--json", query, data=data).stdout)
    assert {r["sat_id"]: (r["t_us"], r["seq"]) for r in rows} == newest


@pytest.mark.slow
def test_kill_9_of_the_broker_and_of_the_supervisor(tmp_path: Path) -> None:
    """kill -9 of Kafka, then of `up`: its parts end with it, the next `up` has all acknowledged."""
    data = tmp_path / "twin"
    with twin(data) as up:
        up.wait_for_news()
        kill_and_wait(up, "broker")
        assert up.part("broker")["restarts"] == 1
        pids = up.pids()
        up.process.kill()
        up.process.wait()
    acknowledged = [
        json.loads(line)
        for file in (data / "ledger").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert acknowledged
    with twin(data) as up:  # at once: a broker that is only just ending is not in its way
        until(lambda: not [pid for pid in pids if is_alive(pid)], timeout_s=10)
        up.wait_for_news()
        until(up.is_quiet)
        last_us = time.time_ns() // 1000 - 2_000_000
        was_sent = until_time(sent(up.status()["bootstrap"]), last_us)
        is_stored = until_time(stored(up.sql(STORED)), last_us)
        assert_the_same(was_sent, is_stored)
        frames = {(packet, t_us, seq) for _, packet, t_us, seq in is_stored}
        told = {(a["packet"], a["t_event_us"], a["seq"]) for a in acknowledged}
        assert told <= frames


@pytest.mark.slow
def test_one_of_two_workers_is_killed_under_load(own_broker: LocalBroker, tmp_path: Path) -> None:
    """20,000 satellites, two workers, one killed with -9: all rows of Kafka are stored once."""
    data = tmp_path / "twin"
    words = ("--bootstrap", own_broker.bootstrap, "--workers", "2", "--satellites", "20000")
    with twin(data, *words, env={"ORBITWIN_HISTORIAN__RAW_MAX_SATELLITES": "20000"}) as up:
        up.wait_for_news()
        assert [p.get("worker", 1) for p in up.status()["parts"] if p["name"] == "processor"] == [
            1, 2,
        ]  # fmt: skip
        for worker in (2, 1):
            kill_and_wait(up, "processor", worker)
        until(up.is_quiet)
        print(f"  stopped in {up.stop():.1f} s")
        assert " 0 lost, 0 doubled" in up.log()  # its own count says so too
    was_sent = sent(own_broker.bootstrap)
    assert len({row[0] for row in was_sent}) == 20_000
    assert_the_same(was_sent, stored_by_stopped(data))
