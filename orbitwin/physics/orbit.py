"""Mean orbits with the secular effects of J2, for fleets that fly a plan.

Angles that grow for ever are kept as phases: unsigned 64-bit fractions of a turn, whose overflow
is exactly the wrap at 360 degrees.  Only their upper 32 bits become a float, so a float32 fleet
keeps its positions to 2 m after years, where a float32 angle would lose metres a day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from orbitwin.physics.arrays import Floats
from orbitwin.physics.constants import (
    EARTH_J2,
    EARTH_MU_M3_S2,
    EARTH_RADIUS_M,
    MICROSECONDS_PER_SECOND,
    TROPICAL_YEAR_S,
)

LARGEST_ECCENTRICITY = 0.1  # beyond it a series in e to third order is no orbit any more
BLOCK_ROWS = 16_384  # rows worked on at once: their arrays stay in the processor's cache
TURN_64 = 2.0**64
SUN_RATE_RAD_S = 2 * np.pi / TROPICAL_YEAR_S  # mean motion of the Sun along the equator


def mean_motion_rad_s(a_m: ArrayLike) -> Floats:
    """Unperturbed mean motion sqrt(mu/a^3), rad/s, of semi-major axes in m (Kepler)."""
    return np.sqrt(EARTH_MU_M3_S2 / np.asarray(a_m, dtype=float) ** 3)


def j2_rates_rad_s(
    a_m: ArrayLike, eccentricity: ArrayLike, inclination_rad: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Secular rates by J2 of node, argument of perigee and mean anomaly, rad/s.

    The last one comes on top of the unperturbed mean motion.  Arrays broadcast.
    Source: Curtis, Orbital Mechanics for Engineering Students, eqs. 4.52-4.53; Vallado,
    Fundamentals of Astrodynamics, ch. 9 (secular J2).
    """
    a_m, e, i = (np.asarray(x, dtype=float) for x in (a_m, eccentricity, inclination_rad))
    n = mean_motion_rad_s(a_m)
    factor = n * EARTH_J2 * (EARTH_RADIUS_M / (a_m * (1 - e**2))) ** 2
    cos2 = np.cos(i) ** 2
    node = -1.5 * factor * np.cos(i)
    perigee = 0.75 * factor * (5 * cos2 - 1)
    anomaly = 0.75 * factor * np.sqrt(1 - e**2) * (3 * cos2 - 1)
    return node, perigee, anomaly


def period_s(a_m: ArrayLike) -> Floats:
    """Keplerian period, s, of semi-major axes in m."""
    return 2 * np.pi / mean_motion_rad_s(a_m)


def sun_synchronous_inclination_rad(a_m: ArrayLike) -> Floats:
    """Inclination at which the node of a circular orbit follows the mean Sun, rad.

    Solves the node rate of `j2_rates_rad_s` for cos i (Curtis, sec. 4.7).  Raises ValueError
    above about 12,350 km of semi-major axis, where no inclination does it.
    """
    a_m = np.asarray(a_m, dtype=float)
    cosine = (
        -SUN_RATE_RAD_S / (1.5 * mean_motion_rad_s(a_m) * EARTH_J2) * (a_m / EARTH_RADIUS_M) ** 2
    )
    if np.any(np.abs(cosine) > 1):
        raise ValueError("no inclination makes an orbit of this altitude sun-synchronous")
    return np.arccos(cosine)


def to_phase(angle_rad: ArrayLike) -> NDArray[np.uint64]:
    """Angles (rad, any size) as 64-bit fractions of a turn."""
    turns = np.mod(np.asarray(angle_rad, dtype=float) / (2 * np.pi), 1.0)
    upper = np.floor(turns * 2.0**32)
    lower = np.floor((turns * 2.0**32 - upper) * 2.0**32)
    return (upper.astype(np.uint64) << np.uint64(32)) + lower.astype(np.uint64)


def to_phase_rate(rate_rad_s: ArrayLike) -> NDArray[np.int64]:
    """Angular rates (rad/s) as 64-bit fractions of a turn a microsecond."""
    scale = TURN_64 / (2 * np.pi * MICROSECONDS_PER_SECOND)
    return np.rint(np.asarray(rate_rad_s, dtype=float) * scale).astype(np.int64)


def phase_at(
    phase: NDArray[np.uint64], rate: NDArray[np.int64], elapsed_us: int
) -> NDArray[np.uint32]:
    """The phase after `elapsed_us` (positive or negative), its upper 32 bits; exact wrap."""
    grown = phase + rate.view(np.uint64) * np.uint64(elapsed_us % 2**64)
    return (grown >> np.uint64(32)).astype(np.uint32)


def angle_of(phase: NDArray[np.uint32], dtype: type[np.floating] = np.float32) -> Floats:
    """A 32-bit phase as an angle in -pi..pi, rad."""
    return phase.view(np.int32).astype(dtype) * dtype(2 * np.pi / 2**32)


@dataclass(frozen=True)
class MeanElements:
    """Near-circular mean orbits, arrays of shape (N,), in the true equator of date at `epoch_us`.

    ex, ey = e cos w, e sin w: a pair that stays smooth at e = 0 (mean argument of latitude
    `phase` replaces the anomaly).  Positions are exact to third order in e: e <= 0.01 costs less
    than 10 m.  Members of a formation are orbits of equal a whose ex, ey differ: to first order
    that is the drift-free 2:1 ellipse of Hill, Clohessy and Wiltshire.
    """

    epoch_us: int
    a_m: Floats
    ex: Floats
    ey: Floats
    inclination_rad: Floats
    phase: NDArray[np.uint64]
    phase_rate: NDArray[np.int64]
    node: NDArray[np.uint64]
    node_rate: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.a_m)


def mean_elements(
    epoch_us: int,
    a_m: ArrayLike,
    inclination_rad: ArrayLike,
    raan_rad: ArrayLike,
    argument_of_latitude_rad: ArrayLike,
    ex: ArrayLike = 0.0,
    ey: ArrayLike = 0.0,
) -> MeanElements:
    """Mean elements (broadcast to a common (N,)) with their J2 rates, as float32 and phases.

    The rate of the argument of latitude is n + dM + dw of `j2_rates_rad_s`.  Raises ValueError
    above an eccentricity of 0.1: such orbits fly by SGP4.
    """
    a, i, raan, u, ex_, ey_ = np.broadcast_arrays(
        *(
            np.atleast_1d(np.asarray(x, dtype=float))
            for x in (a_m, inclination_rad, raan_rad, argument_of_latitude_rad, ex, ey)
        )
    )
    eccentricity = np.hypot(ex_, ey_)
    if np.any(eccentricity > LARGEST_ECCENTRICITY):
        raise ValueError(
            f"an eccentricity of {eccentricity.max():.3g} is more than the {LARGEST_ECCENTRICITY} "
            "of near-circular mean orbits"
        )
    node, perigee, anomaly = j2_rates_rad_s(a, eccentricity, i)
    return MeanElements(
        epoch_us=epoch_us,
        a_m=a.astype(np.float32),
        ex=ex_.astype(np.float32),
        ey=ey_.astype(np.float32),
        inclination_rad=i.astype(np.float32),
        phase=to_phase(u),
        phase_rate=to_phase_rate(mean_motion_rad_s(a) + anomaly + perigee),
        node=to_phase(raan),
        node_rate=to_phase_rate(node),
    )


class MeanOrbit:
    """Positions of mean elements at a time; holds what does not change between ticks."""

    def __init__(self, elements: MeanElements) -> None:
        self.elements = elements
        self._cos_i = np.cos(elements.inclination_rad)
        self._sin_i = np.sin(elements.inclination_rad)

    def positions_m(self, t_us: int) -> Floats:
        """Positions (3, N), m, float32, in the true equator and mean equinox of date.

        Kepler's equation expanded in e (Brouwer & Clemence, ch. 2): r = a (1 - e cos M
        + e^2 sin^2 M), u = l + 2 e sin M + 1.25 e^2 sin 2M with the mean argument of latitude l.
        """
        out = np.empty((3, len(self.elements)), dtype=np.float32)
        for low in range(0, out.shape[1], BLOCK_ROWS):
            rows = slice(low, low + BLOCK_ROWS)
            out[:, rows] = self._block(t_us, rows)
        return out

    def _block(self, t_us: int, rows: slice) -> tuple[Floats, Floats, Floats]:
        e = self.elements
        elapsed_us = t_us - e.epoch_us
        mean_u = angle_of(phase_at(e.phase[rows], e.phase_rate[rows], elapsed_us))
        node = angle_of(phase_at(e.node[rows], e.node_rate[rows], elapsed_us))
        cos_l, sin_l = np.cos(mean_u), np.sin(mean_u)
        ex, ey = e.ex[rows], e.ey[rows]
        e_cos_m = ex * cos_l + ey * sin_l
        e_sin_m = ex * sin_l - ey * cos_l
        r = e.a_m[rows] * (1 - e_cos_m + e_sin_m * e_sin_m)
        d = e_sin_m * (2 + 2.5 * e_cos_m)
        # sin and cos of l + d with d of the order of e, to third order in d
        cos_d = 1 - 0.5 * d * d
        sin_d = d * (1 - d * d * (1 / 6))
        cos_u = cos_l * cos_d - sin_l * sin_d
        sin_u = sin_l * cos_d + cos_l * sin_d
        cos_n, sin_n = np.cos(node), np.sin(node)
        along = r * cos_u
        across = r * sin_u
        level = across * self._cos_i[rows]
        return (
            along * cos_n - level * sin_n,
            along * sin_n + level * cos_n,
            across * self._sin_i[rows],
        )
