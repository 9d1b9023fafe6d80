"""Which packets are due when: a fixed grid in event time, so that numbers survive a restart.

Ticks stand at whole multiples of the primary packet's period since 1970, whenever a producer
happens to start. A packet's sequence number is its event time divided by its period. A producer
that was killed and starts again therefore gives no number to other data, and repeats none: it
goes on with the first tick after now. Everything here is a pure function of its arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from orbitwin.catalogue import Vehicle
from orbitwin.fleet import Clock

SECOND_US = 1_000_000


@dataclass(frozen=True)
class Due:
    """A packet due at a tick: rows [part * n // parts, (part + 1) * n // parts) of n rows."""

    packet: str
    seq: int
    part: int = 0
    parts: int = 1

    def rows(self, n: int) -> tuple[int, int]:
        """First row and the one after the last, of a chunk with n rows."""
        return self.part * n // self.parts, (self.part + 1) * n // self.parts

    def rows_of(self, size: int, chunk_rows: int) -> NDArray[np.intp] | None:
        """All rows that are due of a fleet of `size` in chunks, rising; None where all are."""
        if self.parts == 1:
            return None
        lows = range(0, size, chunk_rows)
        parts = [(low, *self.rows(min(chunk_rows, size - low))) for low in lows]
        return np.concatenate([np.arange(low + first, low + end) for low, first, end in parts])


@dataclass(frozen=True)
class Schedule:
    """When packets are due. `ticks_of[p]` is packet p's period in ticks of `tick_us`.

    A packet in `staggered` brings each satellite once a period, a part of the fleet at a time:
    a part each second of event time, or each tick where ticks are rarer.
    """

    clock: Clock
    tick_us: int
    ticks_of: Mapping[str, int]
    staggered: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        vehicle: Vehicle,
        clock: Clock,
        tick_us: int,
        period_s: Mapping[str, float] | None = None,
    ) -> Schedule:
        """The schedule of a vehicle's packets, the primary one at every tick.

        `period_s` replaces the vehicle's own periods; all become whole numbers of ticks.
        """
        periods = {p.name: p.period_s for p in vehicle.packets.values()} | dict(period_s or {})
        ticks = {p: max(1, round(s * SECOND_US / tick_us)) for p, s in periods.items()}
        ticks[vehicle.primary.name] = 1
        spread = frozenset(p.name for p in vehicle.packets.values() if p.staggered)
        return cls(clock, tick_us, ticks, spread)

    @cached_property
    def period_s(self) -> dict[str, float]:
        """Seconds of event time between packets of each kind, for the fleet's record."""
        return {p: ticks * self.tick_us / SECOND_US for p, ticks in self.ticks_of.items()}

    @property
    def wall_period_us(self) -> float:
        """Wall-clock time between ticks (us)."""
        return self.tick_us / self.clock.rate

    def first_after(self, wall_us: int) -> int:
        """Number of the first tick that is not yet due at a wall-clock time (UTC us)."""
        tick = self.clock.now_us(wall_us) // self.tick_us
        while self.wall_us(tick) <= wall_us:
            tick += 1
        return tick

    def event_us(self, tick: int) -> int:
        """Event time of a tick (UTC us)."""
        return tick * self.tick_us

    def wall_us(self, tick: int) -> int:
        """Wall-clock time at which a tick is due (UTC us)."""
        return self.clock.wall_at_us(self.event_us(tick))

    def due(self, tick: int) -> list[Due]:
        """The packets due at a tick, the primary one first."""
        found = []
        for packet, ticks in sorted(self.ticks_of.items(), key=lambda item: item[1]):
            seq, phase = divmod(tick, ticks)
            if packet not in self.staggered:
                if phase == 0:
                    found.append(Due(packet, seq))
                continue
            step = min(ticks, max(1, round(SECOND_US / self.tick_us)))
            if phase % step == 0:
                found.append(Due(packet, seq, phase // step, -(-ticks // step)))
        return found
