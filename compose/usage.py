"""CPU time a tick and peak memory of a twin's parts, workers of one part together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from compose.supervisor import Usage
from orbitwin.parts import name_and_worker

TOTAL = "total"
COUNTED = ("producer", "broker", "processor", "historian")  # dashboards are the reader's


@dataclass
class Meter:
    """Fed with the supervisor's usage() every now and then."""

    rss_mb: dict[str, float] = field(default_factory=dict)  # at the last sample
    peak_rss_mb: dict[str, float] = field(default_factory=dict)  # total: of all at one moment
    _cpu_s: dict[str, float] = field(default_factory=dict)
    _base_s: dict[str, float] = field(default_factory=dict)

    def sample(self, usage: Mapping[str, Usage]) -> None:
        """Take a look; names of workers (processor-2) count under their part."""
        cpu_s: dict[str, float] = {}
        rss_mb: dict[str, float] = {}
        for worker, used in usage.items():
            name, _ = name_and_worker(worker)
            if name in COUNTED:
                cpu_s[name] = cpu_s.get(name, 0.0) + used.cpu_s
                rss_mb[name] = rss_mb.get(name, 0.0) + used.rss_bytes / 1e6
        self._cpu_s = cpu_s | {TOTAL: sum(cpu_s.values())}
        self.rss_mb = rss_mb | {TOTAL: sum(rss_mb.values())}
        for name, mb in self.rss_mb.items():
            self.peak_rss_mb[name] = max(mb, self.peak_rss_mb.get(name, 0.0))

    def cpu_s(self) -> dict[str, float]:
        """User and system time of each part and of all, s, since `start_counting`."""
        return {name: used - self._base_s.get(name, 0.0) for name, used in self._cpu_s.items()}

    def start_counting(self) -> None:
        """Leave out what was used until now: a start's imports are no part of a tick."""
        self._base_s = dict(self._cpu_s)

    def per_tick_ms(self, ticks: int) -> dict[str, float]:
        """Core-milliseconds a tick; {} before the first tick."""
        if ticks <= 0:
            return {}
        return {name: round(1e3 * used / ticks, 2) for name, used in self.cpu_s().items()}

    def peak(self) -> dict[str, float]:
        """Peak resident memory, MB."""
        return {name: round(mb, 1) for name, mb in self.peak_rss_mb.items()}
