"""The model of a chunk's satellites beside their telemetry: windows, residuals, verdicts.

It is state like all the rest: what the log up to now says, and nothing else. A vehicle type
without channels has none, nor has a fleet that is larger than the settings allow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson

from orbitwin.fleet import Chunk
from orbitwin.vehicle import BEFORE, ENVIRONMENT, RATE, SIGMA
from processors.events import Events
from processors.model import environment, isolation, minutes, verdicts, windows
from processors.model.minutes import Minutes, Told
from processors.model.newest import Newest
from processors.model.relations import NEVER_STUCK, Relations, look, relations, stuck_windows
from processors.model.residuals import GAP_WINDOWS, Memory, judge
from processors.model.surroundings import Surroundings
from processors.model.verdicts import Verdicts
from processors.model.windows import Closed, Windows
from processors.packet import PacketState
from processors.record import Rules
from processors.selection import Rows, indices

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


@dataclass
class ModelState:
    """State of a chunk's model; every array has a row a satellite.

    `repeats[parameter]`: windows in which its sum, or rows in which its code stood still.
    """

    plan: Plan
    windows: Windows
    memory: Memory
    surroundings: Surroundings
    verdicts: Verdicts
    minutes: Minutes
    newest: Newest
    repeats: dict[str, np.ndarray]

    @classmethod
    def empty(cls, plan: Plan) -> ModelState:
        rows = plan.chunk.rows
        primary = plan.chunk.vehicle.primary.by_name
        own = plan.relations
        return cls(
            plan,
            Windows.empty(
                plan.width_us,
                tuple(primary[n] for n in plan.summed),
                rows,
                plan.before,
                tuple(n for n in plan.stuck_after if n in primary),
            ),
            Memory.empty(own, rows),
            Surroundings.empty(plan.chunk, own.names, plan.counts_charge),
            Verdicts.empty(rows),
            Minutes.empty(len(own.channels), rows, plan.detailed),
            Newest.empty(plan.chunk.vehicle, plan.waits_for, plan.rates, plan.stuck_rows, rows),
            {n: np.zeros(rows, dtype=np.uint8) for n in plan.stuck_after},
        )

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every array (rows,) by a name that also says what it hangs on."""
        prefix = self.plan.prefix
        names = [c.name for c in self.plan.relations.channels]
        for part, arrays in (
            ("window", self.windows.arrays()),
            ("channel", self.memory.arrays(self.plan.relations)),
            ("around", self.surroundings.arrays()),
            ("verdict", self.verdicts.arrays()),
            ("minute", self.minutes.arrays(names)),
            ("newest", self.newest.arrays()),
            ("repeats", self.repeats.items()),
        ):
            for name, array in arrays:
                yield f"{prefix}{part}/{name}", array


def shaped_as(chunk: Chunk, arrays: Mapping[str, np.ndarray]) -> ModelState | None:
    """An empty model for the arrays of a snapshot; None if it has none that fit the chunk."""
    own = [name for name in arrays if name.startswith(PREFIX)]
    if not own or not chunk.vehicle.channels:
        return None
    width_us = int(own[0].split("/")[1])
    detailed = any(f"/minute/{minutes.SUMMED}/" in name for name in own)
    plan = Plan(chunk, width_us, detailed)
    return ModelState.empty(plan) if own[0].startswith(plan.prefix) else None


def prepared(old: ModelState | None, chunk: Chunk, rules: Rules) -> ModelState | None:
    """The model that a chunk has under the rules: the old one where it still fits."""
    vehicle = chunk.vehicle
    if not vehicle.channels or chunk.size > rules.model_max_satellites:
        return None
    width_us = windows.width_us(rules.window_s, chunk.period_s[vehicle.primary.name])
    detailed = chunk.size <= rules.raw_max_satellites
    if old is not None:
        plan = old.plan
        if plan.chunk is chunk and (plan.width_us, plan.detailed) == (width_us, detailed):
            return old
    new = ModelState.empty(Plan(chunk, width_us, detailed))
    if old is not None and old.plan.chunk.rows == chunk.rows:
        kept = dict(old.arrays())
        for name, array in new.arrays():
            if name in kept:
                array[:] = kept[name]
    return new


def take(
    model: ModelState,
    packets: Mapping[str, PacketState],
    rows: Rows,
    t_event_us: np.ndarray,
    codes: dict[str, np.ndarray],
    events: Events,
) -> list[Told]:
    """Take rows of distinct satellites of the primary packet, arrays (N,), none of them seen
    before; adds to `events`, gives what residual records are to tell."""
    found = []
    for closed in model.windows.take(rows, t_event_us, codes):
        told = _window(model, packets, closed, events)
        if told is not None and len(told.rows):
            found.append(told)
    return found


def _window(
    model: ModelState, packets: Mapping[str, PacketState], closed: Closed, events: Events
) -> Told | None:
    plan, own, rows = model.plan, model.plan.relations, closed.rows
    over = model.minutes.turn(closed)
    told = None
    if plan.detailed and over.any():
        # Before anything of the new minute is known.
        before_us = closed.number_before * closed.width_us + closed.width_us // 2
        sums = model.minutes.take(rows, over)
        told = minutes.told(
            own,
            model.memory,
            model.verdicts,
            indices(rows)[over],
            before_us[over],
            sums,
            model.surroundings.charge(indices(rows)[over]),
        )
    columns = _columns(model, packets, closed)
    theta: list[np.ndarray | float] = [
        model.memory.theta[own.learnt[c]][rows] if c in own.learnt else channel.nominal
        for c, channel in enumerate(own.channels)
    ]
    shares = closed.shares() | model.newest.shares(packets, rows)
    seen = look(own, columns, theta, shares, len(closed))
    may = (closed.number - closed.number_before <= GAP_WINDOWS) | (
        closed.number_before == windows.EMPTY
    )
    fresh: dict[str | None, np.ndarray] = {None: may}
    for packet in plan.waits_for:
        fresh[packet] = may & model.newest.newer(packets[packet], rows)
    judged = judge(own, model.memory, rows, seen, closed.dt_s, [fresh[p] for p in own.packet_of])
    again = {
        name: model.newest.same(name, packets[packet], rows) for name, packet in plan.stuck_rows
    }
    model.newest.remember(packets, rows)
    sat_id, mid_us = plan.chunk.sat_id[rows], closed.mid_us
    verdicts.alarm_events(events, own, model.memory, sat_id, rows, mid_us, judged)
    verdicts.update(
        model.verdicts,
        events,
        plan.faults,
        own,
        model.memory,
        sat_id,
        rows,
        mid_us,
        seen,
        _stuck(model, packets, closed, closed.same | again, fresh),
        plan.settles,
    )
    if plan.detailed:
        model.minutes.add(judged)
    elif over.any():
        some = np.flatnonzero(over & (model.verdicts.waited[rows] > 0))
        sums = minutes.single(judged, len(closed), some)
        at = indices(rows)[some]
        told = minutes.told(
            own,
            model.memory,
            model.verdicts,
            at,
            mid_us[some],
            sums,
            model.surroundings.charge(at),
        )
    return told


def _columns(
    model: ModelState, packets: Mapping[str, PacketState], closed: Closed
) -> dict[str, np.ndarray | float]:
    """Every name that the channels' expressions use, for the windows (N,)."""
    plan, rows = model.plan, closed.rows
    names = plan.relations.names
    columns: dict[str, np.ndarray | float] = dict.fromkeys(names, np.nan)
    own = plan.chunk.constants_of(rows)
    for c, row in plan.relations.learnt.items():
        name = plan.relations.channels[c].learns
        own[f"{name}"] = model.memory.theta[row][rows]
        own[f"{name}{SIGMA}"] = np.sqrt(model.memory.variance[row][rows])
    columns |= {n: own[n] for n in names if n in own}
    columns |= {n: v for n, v in closed.means.items() if n in columns}
    for name, before in closed.means_before.items():
        if name + BEFORE in columns:
            columns[name + BEFORE] = before
    for name, packet in plan.others:
        column = packets[packet].packet.by_name[name]
        values = column.decode(packets[packet].codes[name][rows]).astype(np.float32, copy=False)
        columns[name] = values
    columns |= model.newest.rates(packets, rows)
    if set(names) & ENVIRONMENT.keys():
        fixes = None
        if plan.navigation_packet is not None:
            fixes = packets[plan.navigation_packet]
        columns |= model.surroundings.step(plan.chunk, closed, own, fixes)
    return columns


def _stuck(
    model: ModelState,
    packets: Mapping[str, PacketState],
    closed: Closed,
    same: Mapping[str, np.ndarray],
    fresh: Mapping[str | None, np.ndarray],
) -> np.ndarray:
    """Which sensors repeat themselves (bool, (parameters, N)).

    `same[parameter]`: who reads as before; a parameter of another packet counts with `fresh` rows.
    A reading at the very end of its range is counted only while a channel that it is in raises an
    alarm: there, noise is cut off, and a healthy sensor may well repeat itself.
    """
    own, rows = model.plan.relations, closed.rows
    packet_of = dict(model.plan.stuck_rows)
    alarm = model.memory.alarm[:, rows] != 0
    found = np.zeros((len(own.parameters), len(closed)), dtype=bool)
    for name, needed in model.plan.stuck_after.items():
        before = model.repeats[name][rows]
        again = same[name]
        if again.any():
            column = model.plan.chunk.vehicle.parameters[name]
            if name in packet_of:
                value = column.decode(packets[packet_of[name]].codes[name][rows])
            else:
                value = closed.means[name]
            free = (value > column.least + column.resolution) & (value < column.greatest)
            for c in own.channels_of.get(name, ()):
                free |= alarm[c]
            again = again & free
        now = np.where(again, np.minimum(before, 254) + np.uint8(1), 0)
        if name in packet_of:
            now = np.where(fresh[packet_of[name]], now, before)
        model.repeats[name][rows] = now
        found[own.parameters.index(name)] = now >= needed
    return found
