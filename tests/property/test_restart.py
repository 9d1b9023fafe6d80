"""A producer stopped and started at any moments sends each (packet, number, time) at most once,
and sends the same ones as a producer that was never stopped, but for those due while it was down.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orbitwin import catalogue
from orbitwin.fleet import Clock
from producers.schedule import SECOND_US, Schedule

ODC = catalogue.load("odc")
START_US = 1_800_000_000_000_000


def sent(schedule: Schedule, from_us: int, to_us: int) -> list[tuple[str, int, int, int, int]]:
    """What a producer sends that starts at `from_us` and ends at `to_us` (wall clock)."""
    found = []
    tick = schedule.first_after(from_us)
    while schedule.wall_us(tick) <= to_us:
        for due in schedule.due(tick):
            found.append((due.packet, due.seq, schedule.event_us(tick), *due.rows(81)))
        tick += 1
    return found


@given(
    rate=st.sampled_from([0.5, 1.0, 3.0, 10.0]),
    tick_us=st.sampled_from([100_000, 333_333, 1_000_000, 7_000_000]),
    epoch_us=st.integers(0, 4_000_000_000_000_000),
    stops=st.lists(st.integers(0, 120 * SECOND_US), min_size=2, max_size=8),
)
def test_any_restart(rate: float, tick_us: int, epoch_us: int, stops: list[int]) -> None:
    schedule = Schedule.of(ODC, Clock("live", epoch_us, START_US, rate), tick_us)
    times = [START_US, *(START_US + s for s in sorted(stops))]
    runs = [sent(schedule, a, b) for a, b in pairwise(times)]
    together = [row for run in runs for row in run]
    assert len(set(together)) == len(together)
    assert together == sent(schedule, times[0], times[-1])
    numbered = [(packet, seq, low) for packet, seq, _, low, high in together if high > low]
    assert len(set(numbered)) == len(numbered)


@given(up_us=st.integers(0, 60 * SECOND_US), down_us=st.integers(0, 60 * SECOND_US))
def test_what_was_due_while_down_is_left_out(up_us: int, down_us: int) -> None:
    schedule = Schedule.of(ODC, Clock("live", 0, 0, 1.0), SECOND_US)
    before = sent(schedule, START_US, START_US + up_us)
    after = sent(schedule, START_US + up_us + down_us, START_US + up_us + down_us + SECOND_US)
    assert not set(before) & set(after)
    assert all(t > START_US + up_us + down_us for _, _, t, _, _ in after)
