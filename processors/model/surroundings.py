"""What the environment of windows keeps from one to the next: light, panel, charge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orbitwin.fleet import Chunk
from orbitwin.vehicle import SIGMA
from processors.model import charge, environment, warmth
from processors.model.environment import Constants
from processors.model.windows import Closed
from processors.packet import PacketState
from processors.selection import indices

RESISTANCE = "battery_resistance_ratio"
"""Learnt name of a battery's resistance over its nominal one."""

UNKNOWN = np.float32(-1e9)
"""In the state, in place of NaN: equal states have equal arrays."""


@dataclass
class Surroundings:
    """Arrays (rows,), float32, UNKNOWN where nothing is known: light and temperature of the panels
    in the window before, charge and its variance at its middle, warmth.KEPT. Only
    those that are `wanted`."""

    chunk: Chunk
    wanted: frozenset[str]
    kept: dict[str, np.ndarray]

    @classmethod
    def empty(cls, chunk: Chunk, names: tuple[str, ...], counts_charge: bool) -> Surroundings:
        """`names` are those of the channels' expressions."""
        kinds = ["watched_s"] if "watched_s" in names else []
        if chunk.trajectory is not None:
            kinds += [n for n in ("lit_before_ratio", "panel_degc") if n in names]
            if "panel_degc" in names:
                kinds.insert(0, "lit_before_ratio")
        if counts_charge:
            kinds += ["charge_ratio", "charge_variance"]
            if set(warmth.KEPT) <= set(names) and all(n in chunk.constants for n in warmth.NEEDS):
                kinds += warmth.KEPT
        kept = {n: np.full(chunk.rows, UNKNOWN) for n in dict.fromkeys(kinds)}
        return cls(chunk, frozenset(names), kept)

    def arrays(self) -> Iterator[tuple[str, np.ndarray]]:
        yield from self.kept.items()

    @cached_property
    def _links(self) -> list[environment.Linked]:
        return environment.linked(self.chunk.constants, self.chunk.rows)

    def step(
        self, chunk: Chunk, closed: Closed, constants: Constants, fixes: PacketState | None
    ) -> dict[str, np.ndarray]:
        """The environment of windows that closed, by the names of vehicle.ENVIRONMENT."""
        rows, mid_us = closed.rows, closed.mid_us
        found: dict[str, np.ndarray] = {
            "dt_s": closed.dt_s,
            "samples": closed.count.astype(np.float32),
        }
        if "watched_s" in self.kept:
            follows = closed.number_before == closed.number - 1
            before = np.where(follows, np.nan_to_num(self._get("watched_s", closed)), 0)
            found["watched_s"] = before + np.nan_to_num(closed.dt_s) * follows
            self._put("watched_s", closed, found["watched_s"])
        if self._wants("links_closed"):
            found["links_closed"] = np.full_like(closed.dt_s, np.nan)
            found["links_closed"][:] = constants.get("links", np.nan)
        if chunk.trajectory is not None:
            if self._wants(*environment.LIGHT, "lit_before_ratio", "panel_degc"):
                found |= environment.light(chunk.trajectory, rows, mid_us, closed.width_us)
                self._before(closed, found)
                self._panel(chunk, closed, constants, found)
            if self._wants(*environment.LINKS) and self._links:
                found |= environment.received(
                    self._links, chunk.trajectory, rows, mid_us, chunk.rows
                )
            if self._wants("protons_cm2_s"):
                found["protons_cm2_s"] = environment.protons(chunk.trajectory, rows, mid_us)
            if fixes is not None:
                found |= environment.navigation(chunk.trajectory, rows, *_fix(fixes, closed))
        if "charge_ratio" in self.kept:
            self._charge(closed, constants, found)
        if warmth.KEPT[0] in self.kept:
            self._warmth(closed, constants, found)
        return {n: v for n, v in found.items() if n in self.wanted}

    def charge(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """State of charge of `rows` and its sigma, NaN where unknown; None if it is not counted."""
        if "charge_ratio" not in self.kept:
            return None
        ratio, variance = (self.kept[n][rows] for n in ("charge_ratio", "charge_variance"))
        known = ratio != UNKNOWN
        nothing = np.float32(np.nan)
        sigma = np.sqrt(np.where(known, variance, nothing))
        return np.where(known, ratio, nothing), sigma

    def _get(self, name: str, closed: Closed) -> np.ndarray:
        value = self.kept[name][closed.rows]
        return np.where(value == UNKNOWN, np.float32(np.nan), value)

    def _put(self, name: str, closed: Closed, value: np.ndarray) -> None:
        self.kept[name][closed.rows] = np.where(np.isnan(value), UNKNOWN, value)

    def _wants(self, *names: str) -> bool:
        return not self.wanted.isdisjoint(names)

    def _before(self, closed: Closed, found: dict[str, np.ndarray]) -> None:
        if "lit_before_ratio" not in self.kept:
            return
        follows = closed.number_before == closed.number - 1
        before = self._get("lit_before_ratio", closed)
        found["lit_before_ratio"] = np.where(follows, before, np.float32(np.nan))
        self._put("lit_before_ratio", closed, found["lit_ratio"])

    def _panel(
        self,
        chunk: Chunk,
        closed: Closed,
        constants: Constants,
        found: dict[str, np.ndarray],
    ) -> None:
        if "panel_degc" not in self.kept or not environment.has_panel(constants):
            return
        assert chunk.trajectory is not None
        before = found["lit_before_ratio"]
        lit = np.where(np.isnan(before), found["lit_ratio"], 0.5 * (before + found["lit_ratio"]))
        around = {**found, "lit_ratio": lit}
        panel = environment.panel_step_degc(
            constants, self._get("panel_degc", closed), around, closed.dt_s
        )
        long = closed.dt_s > environment.PANEL_LONGEST_S
        lost = np.flatnonzero((np.isnan(panel) | long) & np.isfinite(found["lit_ratio"]))
        if len(lost):
            at = indices(closed.rows)[lost]
            panel[lost] = environment.settled_panel_degc(
                chunk.constants_of(at), chunk.trajectory, at, closed.mid_us[lost]
            )
        self._put("panel_degc", closed, panel)
        found["panel_degc"] = panel.astype(np.float32)

    def _charge(self, closed: Closed, constants: Constants, found: dict[str, np.ndarray]) -> None:
        pack = pack_of(self.chunk, constants)
        if pack is None:
            return
        ratio, variance = (
            self._get(n, closed).astype(np.float64) for n in ("charge_ratio", "charge_variance")
        )
        v, a = (closed.means[n].astype(np.float64) for n in ("battery_v", "battery_a"))
        v0, a0 = (closed.means_before[n].astype(np.float64) for n in ("battery_v", "battery_a"))
        with np.errstate(invalid="ignore"):
            now = charge.step(pack, ratio, variance, v, a, v0 * a0, closed.dt_s.astype(np.float64))
        self._put("charge_ratio", closed, now.next_ratio)
        self._put("charge_variance", closed, now.next_variance)
        found["charge_ratio"] = now.ratio.astype(np.float32)
        found["rested_v"] = now.rested_v.astype(np.float32)
        found["rested_sigma_v"] = now.rested_sigma_v.astype(np.float32)
        found["rested_step_v"] = now.rested_step_v.astype(np.float32)

    def _warmth(self, closed: Closed, constants: Constants, found: dict[str, np.ndarray]) -> None:
        pack = pack_of(self.chunk, constants)
        if pack is None:
            return
        now = warmth.step(
            constants,
            pack.resistance_ohm / constants.get(RESISTANCE, 1.0),
            {n: self._get(n, closed) for n in warmth.KEPT},
            closed.means_before["battery_a"],
            closed.means["battery_a"],
            closed.dt_s,
        )
        found |= now
        begin = {"battery_unheated_degc": closed.means["battery_t_degc"]}
        for name, value in now.items():
            first = begin.get(name, np.float32(0))
            self._put(name, closed, np.where(np.isnan(value), first, value))


def _fix(fixes: PacketState, closed: Closed) -> tuple[np.ndarray, np.ndarray]:
    """The newest navigation fixes (3, N), m, and their times (N,)."""
    columns = fixes.packet.by_name
    rows = closed.rows
    place = [columns[n].decode(fixes.codes[n][rows]).astype(np.float64) for n in environment.PLACE]
    return np.stack(place), fixes.t_event_us[rows]


def pack_of(chunk: Chunk, constants: Mapping[str, float | np.ndarray]) -> charge.Pack | None:
    """The battery of some rows, its resistance as learnt under RESISTANCE if a channel does so;
    None where the constants do not tell of one."""
    c, own = constants, chunk.vehicle.battery
    cells = c.get("cells", c.get("battery_cells"))
    strings = c.get("strings", c.get("battery_strings"))
    cell_ohm = c.get("cell_resistance_ohm", own.resistance_ohm if own else None)
    if cells is None or strings is None or cell_ohm is None or "capacity_wh" not in c:
        return None
    if len(chunk.ocv_v) > 1:
        ocv_v = np.array(chunk.ocv_v)
        soc_ratio = np.linspace(0, 1, len(ocv_v))
    elif own is not None:
        soc_ratio, ocv_v = own.soc_ratio, own.ocv_v
    else:
        return None
    return charge.Pack(
        cells,
        c["capacity_wh"] * c.get("health_ratio", 1.0),
        cell_ohm * cells / strings * c.get(RESISTANCE, 1.0),
        c.get("charge_efficiency_ratio", 1.0),
        c.get("discharge_efficiency_ratio", 1.0),
        c.get(f"{RESISTANCE}{SIGMA}", charge.RESISTANCE_SIGMA_RATIO),
        soc_ratio,
        ocv_v,
    )
