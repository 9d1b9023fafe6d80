"""The Earth's shadow: a cylinder for yes or no, a cone for the share of the Sun that is seen."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import EARTH_RADIUS_M, MICROSECONDS_PER_SECOND, SUN_RADIUS_M
from orbitwin.physics.sun import sun_position_m

PENUMBRA_HALF_WIDTH_RATIO = 0.0049  # tangent of the Sun's radius, with 5 % to spare


def in_cylinder(positions_m: Floats, sun_unit: ArrayLike) -> NDArray[np.bool_]:
    """Whether satellites are in the cylindrical shadow: positions (3, N), m, to bool (N,).

    In shadow if r . s < 0 and |r - (r . s) s| < RE, `sun_unit` being the unit vector (3,) to the
    Sun in the frame of the positions.  Source: Vallado, sec. 5.3.2 (cylindrical model).
    """
    along, across2 = _along_and_across(positions_m, sun_unit)
    return (along < 0) & (across2 < EARTH_RADIUS_M**2)


def lit_fraction(positions_m: Floats, sun_m: ArrayLike) -> Floats:
    """Share of the Sun's disc that is seen, 0 in umbra to 1: positions (3, N), m, to (N,).

    `sun_m` is the Sun's geocentric position (3,), m.  Overlap of two discs by Montenbruck & Gill,
    Satellite Orbits, sec. 3.4.2 (conical shadow, spherical Earth); it is worked out only for the
    few satellites near the edge of the shadow.
    """
    sun = np.asarray(sun_m, dtype=float)
    along, across2 = _along_and_across(positions_m, sun / np.linalg.norm(sun))
    behind = along < 0
    half_width_m = PENUMBRA_HALF_WIDTH_RATIO * np.maximum(-along, 0)
    lit = (~(behind & (across2 < EARTH_RADIUS_M**2))).astype(positions_m.dtype)
    near = behind & (np.abs(np.sqrt(across2) - EARTH_RADIUS_M) < half_width_m + 1)
    if near.any():
        lit[near] = _disc_overlap(positions_m[:, near].astype(float), sun)
    lit[np.isnan(across2)] = np.nan
    return lit


def _along_and_across(positions_m: Floats, sun_unit: ArrayLike) -> tuple[Floats, Floats]:
    """Distance towards the Sun (m) and the square of that from the Earth-Sun line (m2)."""
    x, y, z = positions_m
    sx, sy, sz = (float(s) for s in np.asarray(sun_unit))
    along = x * sx + y * sy + z * sz
    # on the line itself rounding may leave less than nothing
    return along, np.maximum(x * x + y * y + z * z - along * along, 0)


def _disc_overlap(positions_m: Floats, sun: Floats) -> Floats:
    """Montenbruck & Gill eqs. 3.85-3.94: 1 - (hidden area of the Sun's disc) / (its area)."""
    to_sun = sun[:, None] - positions_m
    sun_range = np.linalg.norm(to_sun, axis=0)
    r = np.linalg.norm(positions_m, axis=0)
    a = np.arcsin(SUN_RADIUS_M / sun_range)
    b = np.arcsin(np.minimum(EARTH_RADIUS_M / r, 1))
    cosine = -np.sum(positions_m * to_sun, axis=0) / (r * sun_range)
    c = np.arccos(np.clip(cosine, -1, 1))
    apart = np.maximum(c, 1e-12)
    x = (c**2 + a**2 - b**2) / (2 * apart)
    y = np.sqrt(np.maximum(a**2 - x**2, 0))
    hidden = (
        a**2 * np.arccos(np.clip(x / a, -1, 1))
        + b**2 * np.arccos(np.clip((c - x) / b, -1, 1))
        - c * y
    )
    share = np.clip(1 - hidden / (np.pi * a**2), 0, 1)
    share = np.where(c >= a + b, 1.0, share)
    return np.where(c <= b - a, 0.0, share)


def eclipse_fraction(altitude_m: Numbers, beta_rad: Numbers) -> Floats:
    """Share of a circular orbit in the cylindrical shadow, 0..0.5; arrays broadcast.

    f = acos( sqrt(h^2 + 2 RE h) / ((RE + h) cos beta) ) / pi, 0 at |beta| >= asin(RE / (RE + h)).
    Source: Larson & Wertz, Space Mission Analysis and Design, sec. 5.1.
    """
    h = altitude_m
    limb = np.sqrt(h**2 + 2 * EARTH_RADIUS_M * h) / (EARTH_RADIUS_M + h)
    cosine = np.maximum(np.cos(beta_rad), 1e-12)
    return np.arccos(np.minimum(limb / cosine, 1.0)) / np.pi


def critical_beta_rad(altitude_m: Numbers) -> Floats:
    """|beta| from which a circular orbit sees no eclipse, rad: asin(RE / (RE + h))."""
    return np.arcsin(EARTH_RADIUS_M / (EARTH_RADIUS_M + altitude_m))


def anti_sun_latitude_rad(
    inclination_rad: Numbers, raan_rad: Numbers, sun_unit: ArrayLike
) -> Floats:
    """Argument of latitude of the point of an orbit that lies deepest in the shadow, rad (N,).

    The Sun's direction `sun_unit` (3,) laid into the orbital plane, plus half a turn: with P to
    the ascending node and Q a quarter ahead, u = atan2(s . Q, s . P) + pi (Vallado, sec. 5.3).
    """
    x, y, z = (float(s) for s in np.asarray(sun_unit))
    cos_n, sin_n = np.cos(raan_rad), np.sin(raan_rad)
    to_node = x * cos_n + y * sin_n
    ahead = (y * cos_n - x * sin_n) * np.cos(inclination_rad) + z * np.sin(inclination_rad)
    return np.arctan2(-ahead, -to_node)


def next_eclipse_s(
    altitude_m: Numbers, beta_rad: Numbers, past_anti_sun_rad: Numbers, rate_rad_s: Numbers
) -> tuple[Floats, Floats]:
    """Seconds until circular orbits enter and leave their running or next eclipse, each (N,).

    `past_anti_sun_rad` is the argument of latitude past that of `anti_sun_latitude_rad`, and
    `rate_rad_s` its rate.  In an eclipse the entry is negative: so long ago.  NaN where the orbit
    has no eclipse.  The shadow spans the angle 2 pi f of `eclipse_fraction` about the anti-Sun
    point; the Sun and the orbital plane are taken as at rest.
    """
    half_rad = np.pi * eclipse_fraction(altitude_m, beta_rad)
    leave_rad = np.mod(half_rad - past_anti_sun_rad, 2 * np.pi)
    # an orbit that only touches the shadow is not in it
    leave_rad = np.where(half_rad > 0, leave_rad, np.nan)
    return (leave_rad - 2 * half_rad) / rate_rad_s, leave_rad / rate_rad_s


def found_eclipse_s(
    positions_m: Callable[[int], Floats],
    from_us: int,
    until_us: int,
    step_us: int = 30 * MICROSECONDS_PER_SECOND,
    tolerance_us: int = 1000,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Entry and exit of the first eclipse of any orbit in a time span, s after `from_us`, (N,).

    `positions_m(t_us)` gives GCRS positions (3, N), m.  The cylindrical shadow is sampled every
    `step_us` and its edges are halved down to `tolerance_us`.  NaN where an edge is not in the
    span; an eclipse shorter than a step may be missed.  A satellite that starts in the dark has
    no entry, only an exit.  Every halving asks for the whole fleet at each distinct time: this
    is for up to some hundred satellites, or to check `next_eclipse_s`.
    """

    def dark_at(t_us: int) -> NDArray[np.bool_]:
        sun = sun_position_m(t_us)
        return in_cylinder(positions_m(t_us), sun / np.linalg.norm(sun))

    samples_us = np.arange(from_us, until_us + 1, step_us, dtype=np.int64)
    dark = np.array([dark_at(int(t)) for t in samples_us])
    enters = _first(~dark[:-1] & dark[1:])
    # the exit that belongs to the entry, or the first one of a satellite that starts in the dark
    leaves = dark[:-1] & ~dark[1:]
    leaves &= np.arange(len(leaves))[:, None] >= np.where(dark[0], 0, enters)
    enters = np.where(dark[0], -1, enters)
    entry_s, exit_s = (
        _halved_s(dark_at, samples_us, first, step_us, tolerance_us)
        for first in (enters, _first(leaves))
    )
    return entry_s, exit_s


def _first(is_edge: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Row of the first True of each column, -1 where there is none."""
    return np.where(is_edge.any(axis=0), is_edge.argmax(axis=0), -1)


def _halved_s(
    dark_at: Callable[[int], NDArray[np.bool_]],
    samples_us: NDArray[np.int64],
    first: NDArray[np.int64],
    step_us: int,
    tolerance_us: int,
) -> NDArray[np.float64]:
    """Times of the changes between sample `first` and the next, s after the first sample, (N,)."""
    known = first >= 0
    low = samples_us[np.maximum(first, 0)]
    high = low + step_us
    columns = np.arange(len(first))
    before = np.zeros(len(first), dtype=bool)
    for t in np.unique(low[known]):
        at = known & (low == t)
        before[at] = dark_at(int(t))[at]
    for _ in range(max(0, math.ceil(math.log2(step_us / tolerance_us)))):
        middle = (low + high) // 2
        now = np.zeros(len(first), dtype=bool)
        for t in np.unique(middle[known]):
            at = columns[known & (middle == t)]
            now[at] = dark_at(int(t))[at]
        low, high = np.where(now == before, middle, low), np.where(now == before, high, middle)
    return np.where(known, ((low + high) / 2 - samples_us[0]) / MICROSECONDS_PER_SECOND, np.nan)
