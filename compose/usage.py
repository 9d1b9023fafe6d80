"""CPU time and memory of a twin's parts, sampled from outside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psutil

TOTAL = "total"


@dataclass
class Usage:
    """Sums over every process a part has had, so that a restart loses nothing."""

    peak_rss_mb: dict[str, float] = field(default_factory=dict)  # and of all together
    rss_mb: dict[str, float] = field(default_factory=dict)  # at the last sample
    _cpu_s: dict[tuple[str, int], float] = field(default_factory=dict)
    _base_s: dict[str, float] = field(default_factory=dict)

    def sample(self, pids: Mapping[str, Iterable[int]]) -> None:
        """Look at the processes of each part; one that has ended keeps its last times."""
        now: dict[str, float] = {}
        for name, of_part in pids.items():
            for pid in of_part:
                try:
                    process = psutil.Process(pid)
                    with process.oneshot():
                        times = process.cpu_times()
                        rss_mb = process.memory_info().rss / 1e6
                except psutil.Error:
                    continue
                self._cpu_s[name, pid] = times.user + times.system
                now[name] = now.get(name, 0.0) + rss_mb
        now[TOTAL] = sum(now.values())
        self.rss_mb = now
        for name, rss_mb in now.items():
            self.peak_rss_mb[name] = max(rss_mb, self.peak_rss_mb.get(name, 0.0))

    def cpu_s(self) -> dict[str, float]:
        """User and system time of each part and of all, s, since `start_counting`."""
        sums: dict[str, float] = {}
        for (name, _), cpu_s in self._cpu_s.items():
            sums[name] = sums.get(name, 0.0) + cpu_s
        sums[TOTAL] = sum(sums.values())
        return {name: cpu_s - self._base_s.get(name, 0.0) for name, cpu_s in sums.items()}

    def start_counting(self) -> None:
        """Leave out what was used until now: a start's imports are no part of a tick."""
        self._base_s = {}
        self._base_s = self.cpu_s()

    def per_tick_ms(self, ticks: int) -> dict[str, float]:
        """Core-milliseconds a tick; {} before the first tick."""
        if ticks <= 0:
            return {}
        return {name: round(1e3 * cpu_s / ticks, 2) for name, cpu_s in self.cpu_s().items()}
