"""Where satellites will be over the next orbit, and what follows from that alone.

Shadow and anomaly by the planned orbits: positions on a grid of times, and between them
polynomials through four of its points. Pure; all arrays have rows of satellites last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from orbitwin.physics import radiation
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.physics.sun import sun_position_m
from orbitwin.trajectory import Trajectory
from processors.selection import Rows

HALVINGS = 14
"""Of a step of the grid: 60 s become 4 ms."""


@dataclass(frozen=True)
class Path:
    """Positions (T, 3, N), m, GCRS, at UTC `t_us` (T,), `step_s` apart; the Sun's (T, 3), m."""

    t_us: np.ndarray
    step_s: float
    place_m: np.ndarray
    sun_m: np.ndarray

    @cached_property
    def edge_m(self) -> np.ndarray:
        """Distance from the edge of the Earth's shadow (T, N), m, negative inside it."""
        units = self.sun_m / np.linalg.norm(self.sun_m, axis=1)[:, None]
        return np.stack([edge_m(p, s) for p, s in zip(self.place_m, units, strict=True)])

    @cached_property
    def lit_ratio(self) -> np.ndarray:
        """Share of each step in which the Sun is seen (T - 1, N)."""
        high = np.maximum(self.edge_m[:-1], self.edge_m[1:])
        low = np.minimum(self.edge_m[:-1], self.edge_m[1:])
        light = np.maximum(high, 0)
        return light / np.maximum(light - np.minimum(low, 0), np.float32(1e-3))


def path(trajectory: Trajectory, rows: Rows, t_us: int, steps: int, step_s: float) -> Path:
    """The way of satellites `rows` from UTC `t_us` on, over `steps` steps."""
    times = t_us + np.arange(steps + 1) * int(step_s * 1e6)
    place = np.stack([trajectory.positions_m(int(t))[:, rows].astype(np.float32) for t in times])
    return Path(times, step_s, place, np.stack([sun_position_m(int(t)) for t in times]))


def edge_m(place_m: np.ndarray, sun_unit: np.ndarray) -> np.ndarray:
    """Distance (N,) of places (3, N) from the edge of the cylindrical shadow, m, < 0 inside.

    Before the Earth's terminator plane it is that from its surface, so that it has no jump.
    Vallado, sec. 5.3.2.
    """
    x, y, z = place_m
    sx, sy, sz = (float(s) for s in sun_unit)
    along = np.minimum(x * sx + y * sy + z * sz, 0)
    across = np.sqrt(np.maximum(x * x + y * y + z * z - along * along, 0))
    found: np.ndarray = across - np.float32(EARTH_RADIUS_M)
    return found


# --- the shadow --------------------------------------------------------------------------------


def eclipse_s(way: Path) -> tuple[np.ndarray, np.ndarray]:
    """Seconds from the beginning until the shadow is entered and left next, each (N,).

    NaN: not within the path. A satellite that is in the dark leaves before it enters. Eclipses
    that are shorter than a step may be missed.
    """
    dark = way.edge_m < 0
    return (
        _crossing_s(way, ~dark[:-1] & dark[1:]),
        _crossing_s(way, dark[:-1] & ~dark[1:]),
    )


def _crossing_s(way: Path, changes: np.ndarray) -> np.ndarray:
    """When the edge is crossed in the first step (of (T - 1, N)) in which it is."""
    found = np.full(changes.shape[1], np.nan)
    some = np.flatnonzero(changes.any(axis=0))
    if not len(some):
        return found
    step = changes[:, some].argmax(axis=0)
    first = np.clip(step - 1, 0, len(way.t_us) - 4)
    nodes = way.place_m[first + np.arange(4)[:, None], :, some].astype(np.float64)  # (4, M, 3)
    units = way.sun_m[step] / np.linalg.norm(way.sun_m[step], axis=1)[:, None]
    low = (step - first).astype(np.float64)
    high, enters = low + 1, way.edge_m[step, some] >= 0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        is_lit = _edge_between(nodes, middle, units) >= 0
        before = is_lit == enters
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    found[some] = (first + 0.5 * (low + high)) * way.step_s
    return found


def _edge_between(nodes: np.ndarray, at: np.ndarray, units: np.ndarray) -> np.ndarray:
    """`edge_m` (M,) at `at` steps from the first of four nodes (4, M, 3); Sun's `units` (M, 3).

    Lagrange's cubic: a position of a low orbit is within 30 m from nodes a minute apart.
    """
    place = np.zeros(nodes.shape[1:])
    for i in range(4):
        weight = np.ones(len(at))
        for j in range(4):
            if j != i:
                weight = weight * (at - j) / (i - j)
        place += weight[:, None] * nodes[i]
    along = np.minimum(np.sum(place * units, axis=1), 0)
    across: np.ndarray = np.sqrt(np.sum(place * place, axis=1) - along * along)
    return across - EARTH_RADIUS_M


# --- the anomaly -------------------------------------------------------------------------------


def anomaly_s(way: Path, solar: str = "min") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds until the South Atlantic Anomaly is entered and left next, and the fluence of
    protons above 60 MeV over the path, 1/cm2, each (N,). NaN: not within the path."""
    flux = np.stack(
        [
            radiation.flux_cm2_s(place, int(t), solar)
            for place, t in zip(way.place_m, way.t_us, strict=True)
        ]
    )
    # the flux grows by decades: it is straight in its logarithm
    level = np.log(np.maximum(flux, np.float32(1e-3)) / np.float32(radiation.ANOMALY_CM2_S))
    inside = level >= 0
    fluence = (0.5 * (flux[0] + flux[-1]) + flux[1:-1].sum(axis=0)) * way.step_s
    return (
        first_s(level, ~inside[:-1] & inside[1:], way.step_s),
        first_s(level, inside[:-1] & ~inside[1:], way.step_s),
        fluence,
    )


def first_s(value: np.ndarray, changes: np.ndarray, step_s: float) -> np.ndarray:
    """When `value` (T, N) passes zero in the first step (of (T - 1, N)) in which it does (N,)."""
    rows = np.arange(value.shape[1])
    step = changes.argmax(axis=0)
    before, after = value[step, rows], value[step + 1, rows]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (step + before / (before - after)) * step_s
    return np.where(changes.any(axis=0), found, np.nan)
