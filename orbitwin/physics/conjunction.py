"""Probability that two objects collide in a short encounter, from states and covariances at TCA.

Conjunctions are rows: vectors (..., 3), matrices (..., 3, 3), numbers (...); all broadcast. The
relative motion through the encounter is taken as a straight line and the covariances as constant,
which fits crossings of seconds, not neighbours that fly along for hours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]

NODES = 16  # of Gauss-Legendre in each of the panels below
LEAST_SIGMA_RATIO = 1e-9  # of the hard-body radius: what is certain has this sigma
LEAST_RADIUS_M = 1e-100  # below, a radius counts as 0
CLIPPED_RATIO = 1e-12  # an eigenvalue below minus this share of the greatest is no rounding
PRINTED_RATIO = 1e-3  # of a correlation: what four printed digits leave open
_SPREAD = 9.0  # sigmas from the middle; 2e-19 of a normal distribution lies outside
_erfc = np.frompyfunc(math.erfc, 1, 1)


@dataclass(frozen=True)
class Encounter:
    """The encounter plane of conjunctions, arrays of shape (...).

    `miss_m` is the distance at the nearest point of the straight line. The combined error is a
    normal distribution with standard deviations `major_m` >= `minor_m` along its principal axes,
    about the point (`along_major_m`, `along_minor_m`). `clipped` tells that the covariance was
    not positive semi-definite in the plane and its negative part was set to 0.
    """

    miss_m: Doubles
    along_major_m: Doubles
    along_minor_m: Doubles
    major_m: Doubles
    minor_m: Doubles
    clipped: NDArray[np.bool_]


def rtn_axes(position_m: ArrayLike, velocity_m_s: ArrayLike) -> Doubles:
    """Rotation (..., 3, 3) from RTN to the inertial frame of the state; its columns are R, T, N.

    R points away from the Earth, N along the angular momentum, T = N x R (CCSDS 508.0-B-1,
    annex E). Raises ValueError where position and velocity span no plane.
    """
    r, v = (np.asarray(vector, dtype=float) for vector in (position_m, velocity_m_s))
    normal = np.cross(r, v)
    if not np.all(_length(normal) > 0):  # NaN too
        raise ValueError("position and velocity span no orbit plane, so RTN has no direction")
    radial, normal = r / _length(r)[..., None], normal / _length(normal)[..., None]
    return np.stack([radial, np.cross(normal, radial), normal], axis=-1)


def inertial_covariance(
    covariance_rtn: ArrayLike, position_m: ArrayLike, velocity_m_s: ArrayLike
) -> Doubles:
    """A position covariance (..., 3, 3) in RTN, turned into the inertial frame of the state."""
    axes = rtn_axes(position_m, velocity_m_s)
    return axes @ np.asarray(covariance_rtn, dtype=float) @ np.swapaxes(axes, -1, -2)


def is_covariance(matrix: ArrayLike) -> NDArray[np.bool_]:
    """Whether matrices (..., n, n) can be covariances: (...), bool.

    No variance is negative, and the correlations are those of something real: their matrix has
    no eigenvalue below what numbers of four digits, as messages print them, bring by rounding.
    """
    matrix = np.asarray(matrix, dtype=float)
    variance = np.diagonal(matrix, axis1=-2, axis2=-1)
    sigma = np.sqrt(np.where(variance > 0, variance, 1.0))
    correlation = matrix / (sigma[..., None] * sigma[..., None, :])
    least = np.linalg.eigvalsh(correlation)[..., 0]
    real: NDArray[np.bool_] = (variance >= 0).all(axis=-1) & (least >= -PRINTED_RATIO)
    return real


def encounter(
    relative_position_m: ArrayLike, relative_velocity_m_s: ArrayLike, covariance_m2: ArrayLike
) -> Encounter:
    """Projection on the plane across the relative velocity (Foster & Estes, JSC-25898, 1992).

    `covariance_m2` is the sum of both objects' inertial position covariances. Raises ValueError,
    naming which and what, for values that are not finite and a relative velocity of zero.
    """
    r, v, covariance = (
        np.asarray(value, dtype=float)
        for value in (relative_position_m, relative_velocity_m_s, covariance_m2)
    )
    for name, value, width in (
        ("relative position", r, 3),
        ("relative velocity", v, 3),
        ("covariance", covariance, 9),
    ):
        finite = np.isfinite(value).reshape(-1, width).all(axis=1)
        if not finite.all():
            at = int(np.argmin(finite))
            raise ValueError(f"{name} number {at} holds a value that is not finite")
    speed = _length(v)
    if not np.all(speed > 0):
        at = int(np.argmin(np.ravel(speed)))
        raise ValueError(f"relative velocity number {at} is zero: there is no encounter plane")
    plane = _across(v / speed[..., None])
    flat = plane @ covariance @ np.swapaxes(plane, -1, -2)
    variance, axes = np.linalg.eigh((flat + np.swapaxes(flat, -1, -2)) / 2)
    point = np.einsum("...ki,...kj,...j->...i", axes, plane, r)
    clipped = variance[..., 0] < -CLIPPED_RATIO * np.abs(variance).max(axis=-1)
    sigma = np.sqrt(np.maximum(variance, 0.0))
    return Encounter(
        miss_m=_length(point),
        along_major_m=point[..., 1],
        along_minor_m=point[..., 0],
        major_m=sigma[..., 1],
        minor_m=sigma[..., 0],
        clipped=clipped,
    )


def probability_of_collision(at: Encounter, hard_body_radius_m: ArrayLike) -> Doubles:
    """Probability (...) that the miss is less than the combined hard-body radius.

    Integral of the plane's normal distribution over the disc (Foster & Estes 1992): closed by erf
    across the major axis, by Gauss-Legendre along it. The angle of u = h sin(angle) is cut where
    the integrand bends (the middle and the ends of the distribution, and where the disc's edge
    passes it), so that errors far smaller than the disc are met as well as far larger ones. A
    radius of 0 gives 0; without any error the probability is 0 or 1. Raises ValueError for a
    radius that is negative or not finite.
    """
    h, u, v, major, minor = np.broadcast_arrays(
        np.asarray(hard_body_radius_m, dtype=float),
        at.along_major_m,
        np.abs(at.along_minor_m),
        at.major_m,
        at.minor_m,
    )
    if not np.all((h >= 0) & np.isfinite(h)):
        raise ValueError("a hard-body radius must be a number of at least 0 m")
    some = h > LEAST_RADIUS_M
    scale = np.where(some, h, 1.0)  # lengths in hard-body radii from here on
    u, v = u / scale, v / scale
    major, minor = (np.maximum(s / scale, LEAST_SIGMA_RATIO) for s in (major, minor))

    middle = np.clip(u, -1, 1)  # where in the disc the distribution along u is densest
    cuts = [middle + k * major for k in (-_SPREAD, -3.0, 0.0, 3.0, _SPREAD)]
    for k in (-_SPREAD, 0.0, _SPREAD):  # where the edge of the disc is k sigmas from v
        edge = np.sqrt(np.clip(1 - np.clip(v + k * minor, 0, 1) ** 2, 0, 1))
        cuts += [edge, -edge]
    first, last = np.clip(cuts[0], -1, 1), np.clip(cuts[4], -1, 1)
    angle = np.arcsin(np.clip(np.stack([*cuts, np.zeros_like(u)]), first, last))
    angle.sort(axis=0)

    node, weight = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(angle, axis=0)[..., None] / 2  # (panels, ..., 1)
    theta = angle[:-1, ..., None] + half * (1 + node)
    reach = np.cos(theta)  # half the chord of the disc
    root = np.sqrt(2) * minor[..., None]
    near = _erfc((v[..., None] - reach) / root).astype(float)
    far = _erfc((v[..., None] + reach) / root).astype(float)
    with np.errstate(over="ignore", under="ignore"):  # farther than a float can say: exp gives 0
        density = np.exp(-0.5 * ((np.sin(theta) - u[..., None]) / major[..., None]) ** 2)
    density /= np.sqrt(2 * np.pi) * major[..., None]
    share = density * 0.5 * (near - far) * reach
    total = np.sum(share * weight * half, axis=(0, -1))
    return np.where(some, np.clip(total, 0.0, 1.0), 0.0)


def _length(vector: Doubles) -> Doubles:
    length: Doubles = np.linalg.norm(vector, axis=-1)
    return length


def _across(direction: Doubles) -> Doubles:
    """Two unit vectors (..., 2, 3) across a unit vector (..., 3)."""
    least = np.eye(3)[np.argmin(np.abs(direction), axis=-1)]
    first = np.cross(direction, least)
    first = first / _length(first)[..., None]
    return np.stack([first, np.cross(direction, first)], axis=-2)
