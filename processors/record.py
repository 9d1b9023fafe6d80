"""What goes into processing and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from orbitwin.settings import Settings


@dataclass(frozen=True)
class Record:
    """A record of the telemetry topic; `t_append_us` is when the broker took it (UTC us)."""

    partition: int
    offset: int
    t_append_us: int
    key: bytes
    value: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Output:
    """A record to publish, on the partition of the record that it follows from."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass
class Counts:
    """What happened, for counters; sums over records."""

    frames: int = 0
    ticks: int = 0
    rows_applied: int = 0
    rows_late: int = 0
    rows_duplicate: int = 0
    rows_invalid: int = 0
    rows_dead: int = 0
    rows_missed: int = 0
    dead_letters: int = 0
    events: int = 0
    records_seen_before: int = 0

    def add(self, other: Counts) -> None:
        for f in fields(self):
            setattr(self, f.name, getattr(self, f.name) + getattr(other, f.name))


@dataclass(frozen=True)
class Rules:
    """Settings that processing hangs on."""

    stale_after_periods: float = 3.0
    future_tolerance_s: float = 5.0
    raw_max_satellites: int = 10_000
    window_s: float = 10.0
    model_max_satellites: int = 100_000
    forecast_max_satellites: int = 10_000
    forecast_interval_s: float = 60.0

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """The rules that settings give."""
        chosen = settings.processor
        return cls(
            stale_after_periods=chosen.stale_after_periods,
            future_tolerance_s=chosen.future_tolerance_s,
            raw_max_satellites=settings.historian.raw_max_satellites,
            window_s=chosen.window_s,
            model_max_satellites=chosen.model_max_satellites,
            forecast_max_satellites=chosen.forecast_max_satellites,
            forecast_interval_s=chosen.forecast_interval_s,
        )
