"""The grid of ticks, and which packets are due on it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from orbitwin import catalogue
from orbitwin.fleet import Clock
from orbitwin.health import Health
from producers import pace as paces
from producers.clock_file import Wish, continued
from producers.pace import Pace, Rate
from producers.schedule import SECOND_US, Schedule

NOW_US = 1_800_000_000_123_456


def schedule(tick_us: int = SECOND_US, rate: float = 1.0) -> Schedule:
    clock = Clock("live", NOW_US, NOW_US, rate)
    return Schedule.of(catalogue.load("odc"), clock, tick_us)


def test_a_minute_of_the_compute_satellite() -> None:
    plan = schedule()
    first = 1_800_000_000  # a whole minute
    due = [plan.due(first + second) for second in range(60)]
    assert [d.packet for d in due[0]] == ["fast", "nav", "slow"]
    assert sum(d.packet == "nav" for tick in due for d in tick) == 6
    slow = [d for tick in due for d in tick if d.packet == "slow"]
    assert {d.seq for d in slow} == {first // 60}
    rows = [row for d in slow for row in range(*d.rows(1000))]
    assert rows == list(range(1000))  # each satellite once, in order
    assert [d.seq for tick in due for d in tick if d.packet == "fast"] == list(
        range(first, first + 60)
    )


@pytest.mark.parametrize(("size", "chunk_rows"), [(1000, 300), (81, 1024), (7, 2)])
def test_rows_of_a_fleet_are_those_of_its_chunks(size: int, chunk_rows: int) -> None:
    plan, seen = schedule(), []
    for second in range(60):
        due = plan.due(1_800_000_000 + second)
        assert due[0].rows_of(size, chunk_rows) is None  # the fast packet: all
        rows = due[-1].rows_of(size, chunk_rows)
        assert rows is not None and (np.diff(rows) > 0).all()
        low, high = due[-1].rows(min(chunk_rows, size))
        assert rows[rows < chunk_rows].tolist() == [*range(low, high)]
        seen += rows.tolist()
    assert sorted(seen) == list(range(size))


def test_ten_ticks_a_second_keep_the_stagger_by_the_second() -> None:
    plan = schedule(SECOND_US // 10)
    assert plan.period_s == {"fast": 0.1, "nav": 10.0, "slow": 60.0}
    slow = [d for tick in range(600) for d in plan.due(tick) if d.packet == "slow"]
    assert len(slow) == 60
    assert [row for d in slow for row in range(*d.rows(7))] == list(range(7))


def test_ticks_rarer_than_a_packet_carry_it_each_time() -> None:
    plan = schedule(120 * SECOND_US)
    assert [d.packet for d in plan.due(17)] == ["fast", "nav", "slow"]
    assert plan.due(17)[2].rows(81) == (0, 81)


def test_the_first_tick_is_strictly_after_now() -> None:
    plan = schedule()
    tick = plan.first_after(NOW_US)
    assert plan.wall_us(tick) > NOW_US >= plan.wall_us(tick - 1)
    assert plan.first_after(plan.wall_us(tick)) == tick + 1


def test_a_clock_ten_times_as_fast() -> None:
    plan = schedule(rate=10.0)
    tick = plan.first_after(NOW_US)
    assert plan.wall_us(tick + 10) - plan.wall_us(tick) == SECOND_US


class FakeWall:
    """A clock that only moves when someone waits; `lost_us` is spent in each send."""

    def __init__(self) -> None:
        self.us = NOW_US

    def __call__(self) -> int:
        self.us += 1
        return self.us


class FakeStop(threading.Event):
    def __init__(self, wall: FakeWall) -> None:
        super().__init__()
        self.wall = wall

    def wait(self, timeout: float | None = None) -> bool:
        self.wall.us += int((timeout or 0) * SECOND_US) + 1
        return self.is_set()


def run(lost_us: dict[int, int], ticks: int) -> tuple[Pace, list[int]]:
    """Ticks sent, counted from the first, when sending tick k takes `lost_us[k]`."""
    wall = FakeWall()
    stop, plan = FakeStop(wall), schedule()
    pace, sent = Pace(Health("producer"), wall), []
    first = plan.first_after(wall.us)

    def send(tick: int) -> bool:
        sent.append(tick - first)
        wall.us += lost_us.get(tick - first, 0)
        return tick - first < ticks - 1

    pace.run(plan, stop, send, lambda: None)
    return pace, sent


def test_a_late_tick_does_not_shift_the_next() -> None:
    pace, sent = run({2: 3 * SECOND_US}, 10)
    assert sent == list(range(10))
    # Tick 3 is begun 2 s after it was due, tick 4 1 s after it: one period late is not late.
    assert (pace.ticks_due, pace.ticks_late, pace.ticks_missed) == (10, 2, 0)


def test_far_behind_ticks_are_left_out_and_counted() -> None:
    pace, sent = run({1: 30 * SECOND_US}, 40)
    assert sent[:2] == [0, 1]
    assert sent[2] > 20
    missed = sent[2] - 2
    assert pace.ticks_missed == missed
    assert pace.ticks_due == len(sent) + missed
    assert pace.ticks_late >= missed


def test_it_ends_after_its_duration() -> None:
    wall = FakeWall()
    pace, sent = Pace(Health("producer"), wall), []
    pace.run(schedule(), FakeStop(wall), lambda t: not sent.append(t), lambda: None, 5.0)
    assert len(sent) == 5
    assert wall.us - NOW_US == pytest.approx(5 * SECOND_US, abs=0.6 * SECOND_US)


def test_a_clock_runs_on_after_a_restart(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "clock" / "x.json"
    first = continued(path, Wish(5.0, 1_000_000), NOW_US)
    assert first.now_us(NOW_US + 2 * SECOND_US) == 1_000_000 + 10 * SECOND_US
    assert continued(path, Wish(5.0, 1_000_000), NOW_US + 99 * SECOND_US) == first
    assert continued(path, Wish(6.0, 1_000_000), NOW_US + 99 * SECOND_US) != first
    path.write_text("{")
    assert continued(path, Wish(6.0, 1_000_000), NOW_US).wall_us == NOW_US


def test_real_time_needs_no_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    clock = continued(tmp_path / "clock" / "x.json", Wish(1.0), NOW_US)
    assert clock.now_us(NOW_US) == NOW_US
    assert not (tmp_path / "clock").exists()


def test_the_wall_clock_follows_a_jump_ahead_and_no_jump_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    utc, mono = [NOW_US], [5_000_000]
    monkeypatch.setattr(paces, "_utc_us", lambda: utc[0])
    monkeypatch.setattr(paces, "_monotonic_us", lambda: mono[0])
    wall = paces.WallClock()
    utc[0] += 3600 * SECOND_US
    assert wall() == NOW_US + 3600 * SECOND_US
    utc[0] -= 1800 * SECOND_US
    mono[0] += SECOND_US
    assert wall() == NOW_US + 3601 * SECOND_US


def test_rate_over_the_last_seconds() -> None:
    rate = Rate(5.0)
    assert rate(0, 100.0) == 0
    assert rate(100, 101.0) == 100
    for second in range(2, 20):
        last = rate(100 + 10 * (second - 1), 100.0 + second)
    assert last == pytest.approx(10)
