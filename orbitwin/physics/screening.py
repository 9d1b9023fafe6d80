"""Which satellites of a fleet come near one another: every pair, by cells instead of all pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orbitwin.physics.constants import (
    EARTH_MU_M3_S2,
    EARTH_RADIUS_M,
    MICROSECONDS_PER_SECOND,
)

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]
Positions = Callable[[int], NDArray[np.floating]]

STEP_US = 8_000_000  # between the times at which the fleet is sorted into cells
FARTHEST_M, FASTEST_M_S = 1e9, 12e3  # beyond is no satellite of the Earth's: SGP4 gone astray
CELLS_ACROSS = 2**20  # at most, so that a cell's key fits in 64 bits
PAIRS_AT_ONCE = 1_000_000  # bounds memory where a fleet stands close together
_OVERLAP = 1e-3  # of a step: windows overlap a little, so that none misses a nearest point
LEAST_RISE_M = 1e-6  # from a nearest point within half a step; less is rounding, not approach
_WINDOW = (-2, -1, 0, 1, 2)  # steps through whose positions the path is laid
_NEWTON_STEPS = 8
_HALF_OF_THE_NEIGHBOURS = ((1, 0), (-1, 1), (0, 1), (1, 1))  # (y, z); the other half sees us


@dataclass(frozen=True)
class Approaches:
    """Closest approaches, sorted by time; arrays of shape (M,), vectors (M, 3).

    `first` < `second` are rows of the fleet; the relative state is second minus first at TCA, in
    the frame of the positions.
    """

    first: Rows
    second: Rows
    tca_us: NDArray[np.int64]
    miss_m: Doubles
    relative_position_m: Doubles
    relative_velocity_m_s: Doubles

    def __len__(self) -> int:
        return len(self.first)


def screen(
    positions_m: Positions,
    start_us: int,
    span_s: float,
    miss_m: float,
    step_us: int = STEP_US,
    progress: Callable[[float], None] = lambda _: None,
) -> Approaches:
    """All closest approaches nearer than `miss_m` with TCA in [start_us, start_us + span_s).

    `positions_m(t_us)` gives inertial positions (3, N), m, of the fleet at UTC `t_us`; float64,
    as TCA and miss are no better than they are. Satellites with NaN take no part. A closest
    approach is a minimum of the distance: a pair that only nears until the span ends belongs to
    the next span.  `progress` is told which share (0..1) of the span is done.

    At every step the fleet is sorted into cubic cells as wide as a pair can close in half a step
    at the fleet's greatest speed; pairs of neighbouring cells go on whose straight line passes
    near enough; for these the nearest point is found on the polynomial through five steps, whose
    error in low orbits is below a millimetre. After the idea of Hoots, Crawford & Roehrich,
    Celestial Mechanics 33 (1984), with cells in place of their orbit filters.
    """
    if not (span_s >= 0 and np.isfinite(span_s)) or not (miss_m > 0 and np.isfinite(miss_m)):
        raise ValueError("a screening needs a span of at least 0 s and a miss distance above 0 m")
    end_us = start_us + round(span_s * MICROSECONDS_PER_SECOND)
    steps = -(-(end_us - start_us) // step_us) + 1

    def at(step: int) -> Doubles:
        return np.asarray(positions_m(start_us + step * step_us), dtype=float)

    window = [at(step) for step in _WINDOW[:-1]]
    found: list[tuple[Rows, Rows, Doubles, Doubles, Doubles]] = []
    for step in range(steps):
        window.append(at(step + _WINDOW[-1]))
        for first, second in _near_pairs(window, step_us / MICROSECONDS_PER_SECOND, miss_m):
            part = _nearest(window, first, second, step_us / MICROSECONDS_PER_SECOND, miss_m)
            found.append((*part[:2], part[2] + step, *part[3:]))
        window.pop(0)
        progress((step + 1) / steps)
    return _collected(found, start_us, end_us, step_us)


def _near_pairs(window: list[Doubles], step_s: float, miss_m: float) -> Iterator[tuple[Rows, Rows]]:
    """Pairs whose straight line passes near enough within half a step of the window's middle."""
    position = window[2]
    velocity = (window[3] - window[1]) / (2 * step_s)
    speed_m_s = np.sqrt((velocity**2).sum(axis=0))
    far_m = np.abs(position).max(axis=0)
    rows = np.flatnonzero((speed_m_s < FASTEST_M_S) & (far_m < FARTHEST_M))  # NaN is neither
    if len(rows) < 2:
        return
    position, velocity = position[:, rows], velocity[:, rows]
    reach_s = (0.5 + _OVERLAP) * step_s
    closing_m_s = 2 * float(speed_m_s[rows].max())
    cell_m = miss_m + reach_s * closing_m_s
    # Gravity differs between the two: how far that bends their line within half a step.
    bend_m = 3 * EARTH_MU_M3_S2 / EARTH_RADIUS_M**3 * cell_m * reach_s**2
    for i, j in pairs_in_neighbouring_cells(position, cell_m):
        r = position[:, j] - position[:, i]
        v = velocity[:, j] - velocity[:, i]
        speed2 = (v * v).sum(axis=0)
        at_s = -(r * v).sum(axis=0) / np.where(speed2 > 0, speed2, 1.0)
        nearest = r + v * np.clip(at_s, -reach_s, reach_s)
        near = (nearest * nearest).sum(axis=0) <= (miss_m + bend_m) ** 2
        yield rows[i[near]], rows[j[near]]


def pairs_in_neighbouring_cells(position_m: Doubles, cell_m: float) -> Iterator[tuple[Rows, Rows]]:
    """Pairs (i, j) of points (3, N) in the same or touching cubes of side `cell_m`, in blocks.

    Every pair comes once; all pairs nearer than `cell_m` are among them.
    """
    from_corner_m = position_m - position_m.min(axis=1, keepdims=True)
    side_m = max(cell_m, float(from_corner_m.max()) / CELLS_ACROSS)
    cell = (from_corner_m / side_m).astype(np.int64)
    nx, ny, _ = (int(axis.max()) + 3 for axis in cell)
    key = cell[0] + nx * (cell[1] + ny * cell[2])  # cells that touch in x have consecutive keys
    order = np.argsort(key, kind="stable")
    key = key[order]
    place = np.arange(len(key))
    # The own cell and the next one in x, then rows of three cells in x.
    low = [place + 1]
    high = [np.searchsorted(key, key + 1, side="right")]
    for y, z in _HALF_OF_THE_NEIGHBOURS:
        row = key + nx * (y + ny * z)
        low.append(np.searchsorted(key, row - 1, side="left"))
        high.append(np.searchsorted(key, row + 1, side="right"))
    begin = np.concatenate(low)
    count = np.maximum(np.concatenate(high) - begin, 0)
    mine = np.tile(place, len(low))
    some = count > 0
    begin, count, mine = begin[some], count[some], mine[some]
    total = np.cumsum(count)
    at = 0
    while at < len(count):
        before = total[at] - count[at]
        end = max(at + 1, int(np.searchsorted(total, before + PAIRS_AT_ONCE, side="right")))
        block = slice(at, end)
        owner = np.repeat(np.arange(at, end), count[block])
        offset = np.arange(len(owner)) - (total[owner] - count[owner] - before)
        a, b = order[mine[owner]], order[begin[owner] + offset]
        yield np.minimum(a, b), np.maximum(a, b)
        at = end


def _nearest(
    window: list[Doubles], first: Rows, second: Rows, step_s: float, miss_m: float
) -> tuple[Rows, Rows, Doubles, Doubles, Doubles]:
    """Minima of the distance within half a step: rows, time in steps, position, velocity a step."""
    relative = np.stack([p[:, second] - p[:, first] for p in window])  # (5, 3, M)
    coefficient = np.tensordot(_POLYNOMIAL, relative, axes=1)  # of 1, s, s^2, ... with s in steps
    edge = 0.5 + _OVERLAP
    opens = _slope(coefficient, np.full(len(first), -edge))[0] <= 0
    closes = _slope(coefficient, np.full(len(first), edge))[0] >= 0
    keep = opens & closes  # the distance falls, then grows: a minimum in between
    coefficient, first, second = coefficient[:, :, keep], first[keep], second[keep]
    low, high = np.full(len(first), -edge), np.full(len(first), edge)
    s = np.zeros(len(first))
    for _ in range(_NEWTON_STEPS):
        slope, bend = _slope(coefficient, s)
        low, high = np.where(slope <= 0, s, low), np.where(slope <= 0, high, s)
        newton = s - slope / np.where(bend > 0, bend, np.inf)
        inside = (newton >= low) & (newton <= high) & (bend > 0)
        s = np.where(inside, newton, (low + high) / 2)
    position, velocity = _path(coefficient, s)[:2]
    distance = np.sqrt((position * position).sum(axis=0))
    rise = _slope(coefficient, s)[1] / 8  # times the distance
    near = (distance <= miss_m) & (rise > LEAST_RISE_M * distance)
    return first[near], second[near], s[near], position[:, near].T, velocity[:, near].T / step_s


def _path(coefficient: Doubles, s: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Position, velocity and acceleration (3, M), in steps, of the polynomials at `s` (M,)."""
    c = coefficient
    position = c[0] + s * (c[1] + s * (c[2] + s * (c[3] + s * c[4])))
    velocity = c[1] + s * (2 * c[2] + s * (3 * c[3] + s * 4 * c[4]))
    acceleration = 2 * c[2] + s * (6 * c[3] + s * 12 * c[4])
    return position, velocity, acceleration


def _slope(coefficient: Doubles, s: Doubles) -> tuple[Doubles, Doubles]:
    """First and second derivative of half the distance squared."""
    r, v, a = _path(coefficient, s)
    return (r * v).sum(axis=0), (v * v).sum(axis=0) + (r * a).sum(axis=0)


_POLYNOMIAL = np.linalg.inv(np.vander(np.array(_WINDOW, dtype=float), increasing=True))


def _collected(
    found: list[tuple[Rows, Rows, Doubles, Doubles, Doubles]],
    start_us: int,
    end_us: int,
    step_us: int,
) -> Approaches:
    """One set of arrays, by time; what two windows saw where they overlap is one approach."""
    first, second, s, position, velocity = (
        np.concatenate(parts) if found else np.empty(shape)
        for parts, shape in zip(
            zip(*found, strict=True) if found else ((),) * 5,
            ((0,), (0,), (0,), (0, 3), (0, 3)),
            strict=True,
        )
    )
    tca_us = start_us + np.rint(s * step_us).astype(np.int64)
    order = np.lexsort((tca_us, second, first))
    a, b, t = first[order], second[order], tca_us[order]
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (np.diff(a) == 0) & (np.diff(b) == 0) & (np.diff(t) < 4 * _OVERLAP * step_us)
    kept = order[~again & (t >= start_us) & (t < end_us)]
    kept = kept[np.argsort(tca_us[kept], kind="stable")]
    return Approaches(
        first=first[kept].astype(np.int64),
        second=second[kept].astype(np.int64),
        tca_us=tca_us[kept],
        miss_m=np.linalg.norm(position[kept], axis=1),
        relative_position_m=position[kept],
        relative_velocity_m_s=velocity[kept],
    )
