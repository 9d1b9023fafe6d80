"""What a running twin has done so far, from its parts' /status; restarts of a part included.

A part that is started again counts from zero. Its counters are therefore kept by process, and
the totals are sums over all processes that a part has had.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from orbitwin.parts import Part, name_and_worker

SETTLED_S = 1.0  # nothing may lag for this long before a twin counts as drained


@dataclass
class Watch:
    """Collects what parts say. Give it every look at them with `observe`."""

    parts: list[Part] = field(default_factory=list)
    _status: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    _idle_since: float | None = None

    def observe(self, parts: Iterable[Part], now_s: float | None = None) -> None:
        """Take a look at all parts; `now_s` is a monotonic time."""
        now_s = time.monotonic() if now_s is None else now_s
        self.parts = list(parts)
        for part in self.parts:
            if part.status.get("name"):  # it answered
                self._status[part.name, part.pid] = part.status
        if not self._is_idle():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now_s

    def conclude(self, statuses: Iterable[dict[str, Any]]) -> None:
        """Take in what parts that have stopped said last."""
        for status in statuses:
            name, _ = name_and_worker(str(status["name"]))
            self._status[name, int(status["pid"])] = status

    def settled(self, now_s: float | None = None) -> bool:
        """Whether processors and historian have lagged behind nothing for a while."""
        now_s = time.monotonic() if now_s is None else now_s
        return self._idle_since is not None and now_s - self._idle_since >= SETTLED_S

    def restart_settling(self) -> None:
        """Forget how long nothing lagged: the last frames have only now been sent."""
        self._idle_since = None

    def total(self, name: str, key: str) -> int:
        """Sum of a counter over every process that the part `name` has had."""
        found = (status.get(key) for (part, _), status in self._status.items() if part == name)
        return sum(int(value) for value in found if value is not None)

    def newest(self, name: str) -> dict[str, Any]:
        """The last status of the part `name`: of its newest process, {} if it never answered."""
        found = [status for (part, _), status in self._status.items() if part == name]
        return max(found, key=lambda status: int(status.get("started_us", 0)), default={})

    def now(self, name: str, key: str) -> float | None:
        """Sum of a rate or lag over the workers of `name` that answer now; None if none does."""
        found = [
            part.status[key]
            for part in self.parts
            if part.name == name and isinstance(part.status.get(key), (int, float))
        ]
        return float(sum(found)) if found else None

    def finished(self, name: str = "producer") -> bool:
        """Whether the part has said that it has done all it had to (a replay at its end)."""
        return bool(self.newest(name).get("finished"))

    def _is_idle(self) -> bool:
        """Every worker and the historian say that they lag by nothing."""
        lags = [
            part.status.get("lag") for part in self.parts if part.name in ("processor", "historian")
        ]
        return bool(lags) and all(lag == 0 for lag in lags)
