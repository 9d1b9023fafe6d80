"""What a twin has done: totals over restarts, drained or not, CPU and memory of real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from compose.usage import TOTAL, Usage
from compose.watch import SETTLED_S, Watch
from orbitwin.parts import Part


def part(name: str, pid: int, started_us: int = 0, **status: Any) -> Part:
    own = {"name": name, "pid": pid, "started_us": started_us, "state": "running"}
    return Part(name, name, pid, 0, started_us, {**own, **status} if status else {"state": "dead"})


def test_a_restarted_parts_counters_add_up() -> None:
    watch = Watch()
    watch.observe([part("producer", 1, 10, rows_sent=100)])
    watch.observe([part("producer", 1, 10, rows_sent=150)])
    watch.observe([part("producer", 1)])  # killed
    watch.observe([part("producer", 2, 20, rows_sent=30, finished=True)])
    assert watch.total("producer", "rows_sent") == 180
    assert watch.newest("producer")["rows_sent"] == 30
    assert watch.finished()


def test_rates_are_those_of_the_workers_that_answer_now() -> None:
    watch = Watch()
    assert watch.now("processor", "rate") is None
    watch.observe([part("processor", 1, rate=40.0), part("processor", 2, rate=41.0)])
    watch.observe([part("processor", 1), part("processor", 2, rate=41.0)])
    assert watch.now("processor", "rate") == 41.0


def test_drained_is_no_lag_for_a_while() -> None:
    watch = Watch()
    idle = [part("processor", 1, lag=0), part("historian", 2, lag=0)]
    watch.observe(idle, now_s=0.0)
    assert not watch.settled(now_s=0.0)
    assert watch.settled(now_s=SETTLED_S)
    watch.observe([part("processor", 1, lag=0), part("historian", 2, lag=3)], now_s=2.0)
    assert not watch.settled(now_s=10.0)
    watch.observe(idle, now_s=11.0)
    watch.restart_settling()
    watch.observe(idle, now_s=12.0)
    assert not watch.settled(now_s=12.5)
    assert watch.settled(now_s=13.0)
    assert not Watch().settled()


def test_usage_of_real_processes_outlives_them() -> None:
    code = "sum(i * i for i in range(2_000_000)); print(flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    usage = Usage()
    try:
        assert child.stdout is not None
        child.stdout.readline()
        usage.sample({"producer": [child.pid], "historian": [os.getpid()]})
    finally:
        child.communicate(b"\n")
    usage.sample({"producer": [child.pid], "historian": [os.getpid()]})
    assert usage.cpu_s()["producer"] > 0.01
    assert usage.peak_rss_mb["producer"] > 1
    assert usage.peak_rss_mb[TOTAL] > usage.peak_rss_mb["historian"]
    assert usage.per_tick_ms(0) == {}
    assert usage.per_tick_ms(10)["producer"] > 1
    usage.start_counting()
    assert usage.cpu_s()["producer"] == 0.0
