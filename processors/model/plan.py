"""What a chunk's model hangs on, taken apart once: its columns, packets and relations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson

from orbitwin.fleet import Chunk
from orbitwin.vehicle import BEFORE, RATE
from processors.model import environment, isolation
from processors.model.relations import NEVER_STUCK, Relations, relations, stuck_windows

VERSION = 3
"""Of the meaning of the arrays; grows when they mean something else."""

PREFIX = "model/"


@dataclass(frozen=True)
class Plan:
    """What a chunk's model hangs on, taken apart once."""

    chunk: Chunk
    width_us: int
    detailed: bool

    @cached_property
    def relations(self) -> Relations:
        return relations(self.chunk.vehicle, self._navigation, self.chunk.noise)

    @cached_property
    def faults(self) -> isolation.Faults:
        return isolation.faults_of(self.chunk.vehicle)

    @cached_property
    def _navigation(self) -> dict[str, str]:
        """The packet behind the quantities of navigation."""
        for packet in self.chunk.vehicle.packets.values():
            if packet.by_name.keys() >= set(environment.PLACE):
                return dict.fromkeys(environment.NAVIGATION, packet.name)
        return {}

    @cached_property
    def navigation_packet(self) -> str | None:
        wanted = set(self.relations.names) & set(environment.NAVIGATION)
        return next(iter(self._navigation.values()), None) if wanted else None

    @cached_property
    def summed(self) -> tuple[str, ...]:
        """Columns of the primary packet that are averaged."""
        names = {n.removesuffix(BEFORE) for n in self.relations.names}
        if self.counts_charge:
            names |= {"battery_v", "battery_a"}
        return tuple(n for n in self.chunk.vehicle.primary.by_name if n in names)

    @cached_property
    def before(self) -> tuple[str, ...]:
        """Those whose means of the window before are wanted too."""
        names = {n.removesuffix(BEFORE) for n in self.relations.names if n.endswith(BEFORE)}
        if self.counts_charge:
            names |= {"battery_v", "battery_a"}
        return tuple(n for n in self.summed if n in names)

    @cached_property
    def counts_charge(self) -> bool:
        """Whether the charge is asked for and the battery's telemetry is there."""
        wanted = {"charge_ratio", "rested_v", "rested_sigma_v"} & set(self.relations.names)
        return (
            bool(wanted) and {"battery_v", "battery_a"} <= self.chunk.vehicle.primary.by_name.keys()
        )

    @cached_property
    def others(self) -> tuple[tuple[str, str], ...]:
        """Parameters of other packets that are named, with their packet."""
        primary = self.chunk.vehicle.primary.name
        return tuple(
            (n, p.name)
            for n in self.relations.names
            for p in self.chunk.vehicle.packets.values()
            if p.name != primary and n in p.by_name
        )

    @cached_property
    def rates(self) -> tuple[tuple[str, str], ...]:
        """Parameters of other packets whose rates are named, with their packet."""
        primary = self.chunk.vehicle.primary.name
        return tuple(
            (n, p.name)
            for p in self.chunk.vehicle.packets.values()
            for n in p.by_name
            if p.name != primary and n + RATE in self.relations.names
        )

    @cached_property
    def waits_for(self) -> tuple[str, ...]:
        """Packets of which it matters whether a row is newer than what was judged before."""
        packets = (*self.relations.packet_of, *(p for _, p in (*self.rates, *self.stuck_rows)))
        return tuple(dict.fromkeys(p for p in packets if p is not None))

    @cached_property
    def stuck_after(self) -> dict[str, int]:
        """Windows of one sum, or rows of one code in other packets, after which a sensor is
        stuck.

        Not of those whose noise drowns in the digits of a single precision at the end of their
        range (a dose of years): there a healthy sensor repeats itself.
        """
        found = {}
        for packet in self.chunk.vehicle.packets.values():
            primary = packet.name == self.chunk.vehicle.primary.name
            samples = self.width_us / (self.chunk.period_s[packet.name] * 1e6) if primary else 1
            for name, column in packet.by_name.items():
                noise = self.chunk.noise.get(name, 0.0)
                digits = float(np.spacing(np.float32(max(abs(column.low), abs(column.high)))))
                if noise > 0.4 * digits and name in self.relations.parameters:
                    needed = stuck_windows(noise, column.resolution, samples)
                    if needed < NEVER_STUCK:
                        found[name] = needed
        return found

    @cached_property
    def settles(self) -> np.ndarray:
        """In how many windows an error of each sensor has settled in the moving means."""
        chunk, found = self.chunk, []
        packet_of = {n: p.name for p in chunk.vehicle.packets.values() for n in p.by_name}
        for name in self.relations.parameters:
            each = -(-round(chunk.period_s[packet_of[name]] * 1e6) // self.width_us)
            found.append(min(254, isolation.LONG_WINDOWS * max(1, each)))
        return np.array([*found, 0], dtype=np.uint8)

    @cached_property
    def stuck_rows(self) -> tuple[tuple[str, str], ...]:
        """Those of them that are in other packets, with their packet."""
        return tuple(
            (n, p.name)
            for p in self.chunk.vehicle.packets.values()
            for n in p.by_name
            if n in self.stuck_after and p.name != self.chunk.vehicle.primary.name
        )

    @cached_property
    def prefix(self) -> str:
        """Of the arrays' names: with another model or other nominal values they do not fit."""
        chunk = self.chunk
        meaning = orjson.dumps(
            [
                VERSION,
                chunk.vehicle.text,
                dict(chunk.common),
                {s: dict(v) for s, v in chunk.shell_constants.items()},
                list(chunk.ocv_v),
                dict(chunk.own_noise),
                dict(chunk.period_s),
            ],
            option=orjson.OPT_SORT_KEYS,
        )
        return f"{PREFIX}{self.width_us}/{hashlib.sha256(meaning).hexdigest()[:12]}/"
