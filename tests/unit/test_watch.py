"""What a twin has done: totals over restarts, drained or not, CPU a tick and memory."""

from __future__ import annotations

from typing import Any

from compose.supervisor import Usage
from compose.usage import TOTAL, Meter
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
    watch.conclude([{"name": "producer", "pid": 2, "started_us": 20, "rows_sent": 31}])
    assert watch.total("producer", "rows_sent") == 181


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


def test_usage_counts_workers_under_their_part_and_leaves_the_start_out() -> None:
    meter = Meter()
    assert meter.per_tick_ms(10) == {}
    meter.sample({"processor": Usage(1.0, 100_000_000), "processor-2": Usage(1.0, 50_000_000)})
    meter.start_counting()
    meter.sample(
        {
            "processor": Usage(1.5, 80_000_000),
            "processor-2": Usage(1.25, 40_000_000),
            "broker": Usage(0.25, 300_000_000),
            "grafana": Usage(9.0, 900_000_000),
        }
    )
    assert meter.per_tick_ms(0) == {}
    assert meter.per_tick_ms(10) == {"processor": 75.0, "broker": 25.0, TOTAL: 100.0}
    assert meter.peak() == {"processor": 150.0, "broker": 300.0, TOTAL: 420.0}
