"""The model of a chunk's satellites beside their telemetry: windows, residuals, verdicts.

It is state like all the rest: what the log up to now says, and nothing else. A vehicle type
without channels has none, nor has a fleet that is larger than the settings allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from orbitwin.fleet import Chunk
from orbitwin.vehicle import BEFORE, ENVIRONMENT, SIGMA
from processors.events import Events
from processors.model import minutes, verdicts, windows
from processors.model.minutes import Minutes, Told
from processors.model.newest import Newest
from processors.model.plan import PREFIX, Plan
from processors.model.relations import look
from processors.model.residuals import GAP_WINDOWS, Memory, judge
from processors.model.surroundings import Surroundings
from processors.model.verdicts import Verdicts
from processors.model.windows import Closed, Windows
from processors.packet import PacketState
from processors.record import Rules
from processors.selection import Rows, indices


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
