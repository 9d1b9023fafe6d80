"""Relative motion about a circular orbit, after Hill, Clohessy and Wiltshire (HCW).

Coordinates turn with the reference: x outwards, y along the track, z across, m; states are
(x, y, z, x', y', z'). Sources: Clohessy & Wiltshire, J. Aerospace Sci. 27 (1960); Curtis, Orbital
Mechanics for Engineering Students, sec. 7.4-7.5. The model leaves out J2 and the curvature of the
orbit: at 650 km that is tens of metres and 1.7 m an orbit, a km from the reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]

AXIS_RATIO = 2.0  # along the track to outwards, of a drift-free ellipse
# That of the cluster of arXiv 2511.19468, which lessens its drift by J2. It belongs to that orbit
# and its phase: from the node J2 asks for another correction than from the greatest latitude.
J2_AXIS_RATIO = 2.0 / 1.0037
DISTANCES_AT_ONCE = 4_000_000  # bounds memory of the distances between all members


def transition(mean_motion_rad_s: float, t_s: ArrayLike) -> Doubles:
    """Matrices (..., 6, 6) that take a state to its state `t_s` (...) later (Curtis, eq. 7.53)."""
    n = mean_motion_rad_s
    t = np.asarray(t_s, dtype=float)
    s, c = np.sin(n * t), np.cos(n * t)
    m = np.zeros((*t.shape, 6, 6))
    m[..., 0, 0] = 4 - 3 * c
    m[..., 0, 3] = s / n
    m[..., 0, 4] = 2 * (1 - c) / n
    m[..., 1, 0] = 6 * (s - n * t)
    m[..., 1, 1] = 1
    m[..., 1, 3] = -2 * (1 - c) / n
    m[..., 1, 4] = (4 * s - 3 * n * t) / n
    m[..., 2, 2] = m[..., 5, 5] = c
    m[..., 2, 5] = s / n
    m[..., 3, 0] = 3 * n * s
    m[..., 3, 3] = c
    m[..., 3, 4] = 2 * s
    m[..., 4, 0] = -6 * n * (1 - c)
    m[..., 4, 3] = -2 * s
    m[..., 4, 4] = 4 * c - 3
    m[..., 5, 2] = -n * s
    return m


def drift_m_per_orbit(
    mean_motion_rad_s: float, x_m: ArrayLike, along_velocity_m_s: ArrayLike
) -> Doubles:
    """How far a state wanders along the track in an orbit, m: -(6 n x + 3 y') 2 pi / n.

    It is 0 where y' = -2 n x, the condition of a formation.
    """
    n = mean_motion_rad_s
    drift: Doubles = -(6 * n * np.asarray(x_m) + 3 * np.asarray(along_velocity_m_s)) * 2 * np.pi / n
    return drift


def drift_free_state(
    mean_motion_rad_s: float, x_m: ArrayLike, y_m: ArrayLike, z_m: ArrayLike = 0.0
) -> Doubles:
    """States (..., 6) at these places that stay: y' = -2 n x, and x' = n y / 2.

    The second centres the 2:1 ellipse on the reference; z swings through its greatest value.
    """
    n = mean_motion_rad_s
    x, y, z = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (x_m, y_m, z_m)))
    return np.stack([x, y, z, n * y / 2, -2 * n * x, np.zeros_like(x)], axis=-1)


def lattice_m(
    i: ArrayLike, j: ArrayLike, pitch_m: float, axis_ratio: float = AXIS_RATIO
) -> tuple[Doubles, Doubles]:
    """Outward and along-track places (N,), m, of the lattice points of `orbitwin.layout.lattice`.

    The pitch is that along the track; outwards it is less by the axis ratio.
    """
    return np.asarray(i) * (pitch_m / axis_ratio), np.asarray(j) * float(pitch_m)


def ellipse_m(
    x_m: ArrayLike, y_m: ArrayLike, angle_rad: ArrayLike, axis_ratio: float = AXIS_RATIO
) -> tuple[Doubles, Doubles]:
    """Where members that start at (x, y) are when the reference has gone `angle_rad` = n t.

    x = x0 cos + (y0 / k) sin, y = y0 cos - k x0 sin with the axis ratio k; arrays broadcast.
    """
    x, y = np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float)
    s, c = np.sin(angle_rad), np.cos(angle_rad)
    return x * c + y / axis_ratio * s, y * c - axis_ratio * x * s


def nearest_neighbour_m(position_m: ArrayLike) -> Doubles:
    """Distance (N,), m, from each of N >= 2 positions (3, N) or (2, N) to its nearest neighbour."""
    position = np.asarray(position_m, dtype=float)
    count = position.shape[1]
    nearest = np.empty(count)
    rows = max(1, DISTANCES_AT_ONCE // count)
    for low in range(0, count, rows):
        part = slice(low, min(low + rows, count))
        square = np.zeros((part.stop - low, count))
        for axis in position:
            square += (axis[part, None] - axis) ** 2
        square[np.arange(part.stop - low), np.arange(low, part.stop)] = np.inf
        nearest[part] = np.sqrt(square.min(axis=1))
    return nearest


@dataclass(frozen=True)
class Separation:
    """Distance to the nearest neighbour over an orbit, m; (N,) each: a value for each member."""

    least_m: Doubles
    mean_m: Doubles
    most_m: Doubles


def separation(
    x_m: ArrayLike, y_m: ArrayLike, samples: int = 72, axis_ratio: float = AXIS_RATIO
) -> Separation:
    """Nearest-neighbour distances of members on their ellipses, at `samples` times of an orbit."""
    nearest = np.stack(
        [
            nearest_neighbour_m(np.stack(ellipse_m(x_m, y_m, angle, axis_ratio)))
            for angle in 2 * np.pi * np.arange(samples) / samples
        ]
    )
    return Separation(nearest.min(axis=0), nearest.mean(axis=0), nearest.max(axis=0))
