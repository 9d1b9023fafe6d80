"""The Earth's shadow: a cylinder for yes or no, a cone for the share of the Sun that is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import EARTH_RADIUS_M, SUN_RADIUS_M

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
    return lit


def _along_and_across(positions_m: Floats, sun_unit: ArrayLike) -> tuple[Floats, Floats]:
    """Distance towards the Sun (m) and the square of that from the Earth-Sun line (m2)."""
    x, y, z = positions_m
    sx, sy, sz = (float(s) for s in np.asarray(sun_unit))
    along = x * sx + y * sy + z * sz
    return along, x * x + y * y + z * z - along * along


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
