"""The open loop: ticks are sent when they are due, whatever became of the one before.

A late tick does not shift later ones. A producer that has fallen far behind leaves ticks out,
counts them and says so, rather than chase a clock that it cannot reach.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from orbitwin import log as logs
from orbitwin.health import Health
from producers.schedule import SECOND_US, Schedule

MOST_BEHIND_US = 10 * SECOND_US  # of wall clock: further behind, ticks are left out
MOST_BEHIND_TICKS = 10  # but this many are always caught up
WAIT_S = 0.5  # a wait for the next tick is cut into pieces of this
STEP_US = 2 * SECOND_US  # a wall clock that jumps ahead by more is followed
RATE_WINDOW_S = 5.0

_log = logs.get("pace")


class WallClock:
    """UTC microseconds that never go back.

    Runs on the monotonic clock. A host whose clock is set ahead, or that slept, is followed;
    one whose clock is set back is not, because numbers of the past are spent.
    """

    def __init__(self) -> None:
        self._offset_us = _utc_us() - _monotonic_us()
        self._said_back = False

    def __call__(self) -> int:
        now_us = _monotonic_us() + self._offset_us
        ahead_us = _utc_us() - now_us
        if ahead_us > STEP_US:
            _log.warning(f"the host's clock jumped ahead by {ahead_us / SECOND_US:.1f} s: followed")
            self._offset_us += ahead_us
            return now_us + ahead_us
        if ahead_us < -STEP_US and not self._said_back:
            self._said_back = True
            _log.warning(
                f"the host's clock went back by {-ahead_us / SECOND_US:.1f} s: event time goes on"
            )
        return now_us


class Pace:
    """Waits until what is due is due, and counts it: due, late, left out."""

    def __init__(self, health: Health, wall_us: Callable[[], int] | None = None) -> None:
        self.ticks_due = 0
        self.ticks_late = 0
        self.ticks_missed = 0
        self.now_us = wall_us or WallClock()
        self._due_total = health.counter("ticks_due", "Ticks that were due")
        self._late_total = health.counter(
            "ticks_late", "Ticks begun more than a period late, or left out"
        )
        self._missed_total = health.counter("ticks_missed", "Ticks that were left out")

    def run(
        self,
        schedule: Schedule,
        stop: threading.Event,
        send: Callable[[int], bool],
        while_waiting: Callable[[], None],
        duration_s: float | None = None,
    ) -> None:
        """Send the ticks of a schedule from now on.

        Ends when `stop` is set, when `duration_s` of wall clock is over or when `send(tick)`
        says no. `while_waiting` is called at least twice a second and before each tick.
        """
        start_us = self.now_us()
        end_us = None if duration_s is None else start_us + int(duration_s * SECOND_US)
        tick = schedule.first_after(start_us)
        while not stop.is_set():
            due_us = schedule.wall_us(tick)
            if end_us is not None and due_us > end_us:
                self.until(end_us, stop, while_waiting)
                return
            if not self.until(due_us, stop, while_waiting):
                return
            behind_us = self.now_us() - due_us
            missed = _left_out(behind_us, schedule.wall_period_us)
            if missed:
                self.count(missed, late=missed, missed=missed)
                _log.warning(
                    f"{missed} ticks left out: {behind_us / SECOND_US:.1f} s behind; "
                    "fewer satellites or a lower rate would keep up"
                )
                tick += missed
                continue
            self.count(1, late=int(behind_us > schedule.wall_period_us))
            if not send(tick):
                return
            tick += 1

    def count(self, due: int, late: int = 0, missed: int = 0) -> None:
        self.ticks_due += due
        self.ticks_late += late
        self.ticks_missed += missed
        self._due_total.inc(due)
        self._late_total.inc(late)
        self._missed_total.inc(missed)

    def until(self, wall_us: int, stop: threading.Event, while_waiting: Callable[[], None]) -> bool:
        """Wait until a wall-clock time (UTC us); False when stopped before."""
        while not stop.is_set():
            while_waiting()
            left_s = (wall_us - self.now_us()) / SECOND_US
            if left_s <= 0:
                return True
            stop.wait(min(left_s, WAIT_S))
        return False


def _left_out(behind_us: int, period_us: float) -> int:
    """How many ticks to leave out, this far behind."""
    most_us = max(MOST_BEHIND_US, MOST_BEHIND_TICKS * period_us)
    return int(behind_us // period_us) if behind_us > most_us else 0


class Rate:
    """Something's rate over the last seconds, from its running total."""

    def __init__(self, window_s: float = RATE_WINDOW_S) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()

    def __call__(self, total: int, now_s: float | None = None) -> float:
        """Per second, with `total` as of now."""
        now_s = time.monotonic() if now_s is None else now_s
        self._seen.append((now_s, total))
        while len(self._seen) > 2 and now_s - self._seen[0][0] > self._window_s:
            self._seen.popleft()
        first_s, first = self._seen[0]
        return (total - first) / (now_s - first_s) if now_s > first_s else 0.0


def _utc_us() -> int:
    return time.time_ns() // 1000


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000
