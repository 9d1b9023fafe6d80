"""Trapped protons, the dose that they leave and the upsets that they cause.

Fluxes are of protons above 60 MeV, about those that pass 10 mm of aluminium, by NASA's AP-8
(Sawyer & Vette, NSSDC/WDC-A-R&S 76-06), from a grid that `data/make_proton_flux.py` makes: an
expectation of a quiet year behind that shielding, good to about 30 % (docs/decisions/0080).
Electrons, thin shielding and the weather are not in it.  A storm is a scenario: a flux times a
factor within `STORM_RATIOS`.  Rates are expectations too: who wants counts draws them.

Altitudes are above a sphere of the equatorial radius, latitudes are geocentric: what a position
gives without an ellipsoid.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import (
    DAY_S,
    EARTH_RADIUS_M,
    J2000_JD,
    MICROSECONDS_PER_SECOND,
    UNIX_EPOCH_JD,
    YEAR_S,
)
from orbitwin.physics.sun import centuries_since_j2000

ANOMALY_CM2_S = 10.0  # the South Atlantic Anomaly begins here; at 2,000 km it is a belt
STORM_RATIOS = (5.0, 100.0)  # between which a scenario takes the factor of a storm; assumed

# Of one accelerator, in a beam of 67 MeV protons; arXiv 2511.19468
PROTONS_CM2_PER_RAD = 7.9e6
SDC_CM2 = 7.5e-9  # silent data corruption, 6 to 9e-9
UECC_CM2 = 2.9e-9  # uncorrectable error of its memory
SEFI_CM2 = 2e-11  # functional interrupt, the chip hangs; its 1 in 5 krad would be 2.5e-11
HOST_RAD_PER_RESET = 1 / (1 / 450 + 1 / 400)  # processor 1 in 450 rad, memory 1 in 400 rad

BLOCK_ROWS = 16_384  # rows worked on at once: their arrays stay in the processor's cache
ORBIT_SAMPLES = 16_384  # of an orbit and a node each: the mean is good to 0.3 %
_GOLDEN = (5**0.5 - 1) / 2
_POLE_RAD = np.radians(2004.19 / 3600)  # the pole's way to x in a century; IERS (2010), eq. 5.16


class Grid(NamedTuple):
    """Flux (A * B * C,), 1/(cm2 s), of A altitudes, B latitudes and C longitudes, evenly spaced.

    Latitudes go from pole to pole, longitudes once round from -180 degrees, ends included.
    """

    flux: NDArray[np.float32]
    shape: tuple[int, int, int]
    lowest_m: np.float32
    step_m: np.float32
    least_cm2_s: np.float32


@cache
def grid(solar: str) -> Grid:
    """The grid of solar "min" (the higher one) or "max"; read once.  ValueError for others."""
    if solar not in ("min", "max"):
        raise ValueError(f"solar activity is min or max, not {solar!r}")
    file = resources.files("orbitwin.physics") / "data" / "proton_flux.npz"
    with file.open("rb") as opened, np.load(opened) as stored:
        codes, altitude_km = stored[solar], stored["altitude_km"]
        least = float(stored["least_flux_cm2_s"])
        flux = least * 10 ** ((codes - 1.0) * float(stored["step_decades"]))
    flux[codes == 0] = 0
    step_km = altitude_km[1] - altitude_km[0]
    return Grid(
        flux=flux.astype(np.float32).ravel(),
        shape=codes.shape,
        lowest_m=np.float32(altitude_km[0] * 1e3),
        step_m=np.float32(step_km * 1e3),
        least_cm2_s=np.float32(least),
    )


def knows(altitude_m: Numbers, solar: str = "min") -> Any:
    """Whether the grid reaches an altitude, m; beyond, the flux is that of its nearest layer."""
    stored = grid(solar)
    highest_m = stored.lowest_m + stored.step_m * (stored.shape[0] - 1)
    return (altitude_m >= stored.lowest_m) & (altitude_m <= highest_m)


def earth_rotation_rad(t_us: int) -> float:
    """Earth rotation angle at UTC microseconds since 1970, rad, 0..2 pi.

    IERS Conventions (2010), eq. 5.15, with UTC for UT1: good to 0.9 s, 0.004 degrees.
    """
    days, rest_us = divmod(t_us, int(DAY_S) * MICROSECONDS_PER_SECOND)
    day = rest_us / (DAY_S * MICROSECONDS_PER_SECOND)
    # whole days give whole turns, which are left out
    elapsed = days + (UNIX_EPOCH_JD - J2000_JD) + day
    turns = 0.7790572732640 + 0.00273781191135448 * elapsed + day + (UNIX_EPOCH_JD - J2000_JD)
    return 2 * np.pi * (turns % 1.0)


def latitude_longitude_rad(position_m: Floats, t_us: int) -> tuple[Floats, Floats]:
    """Geocentric latitude (-pi/2..pi/2) and longitude east (-pi..pi) of positions (3, N), rad.

    Positions are in the GCRS (take those of SGP4 through `frames.teme_to_gcrs`), at one UTC time
    `t_us`.  Counts in the Earth's rotation and the precession of its pole, not nutation, polar
    motion or UT1: good to 0.01 degrees until 2040, where the grid needs 0.1.  NaN gives NaN.
    """
    x, y, z = position_m
    # the pole of date lies this much towards the x of J2000: 0.15 degrees in 2027
    tilt = x.dtype.type(_POLE_RAD * float(centuries_since_j2000(t_us)))
    x, z = x - tilt * z, z + tilt * x
    radius = np.sqrt(x * x + y * y + z * z)
    turn = earth_rotation_rad(t_us)
    cosine, sine = x.dtype.type(np.cos(turn)), x.dtype.type(np.sin(turn))
    latitude = np.arcsin(np.clip(z / radius, -1, 1))
    return latitude, np.arctan2(y * cosine - x * sine, x * cosine + y * sine)


def flux_cm2_s(position_m: Floats, t_us: int, solar: str = "min") -> Floats:
    """Flux of protons above 60 MeV at GCRS positions (3, N), m, at UTC `t_us`: (N,), 1/(cm2 s)."""
    out = np.empty(position_m.shape[1], dtype=np.result_type(position_m, np.float32))
    for low in range(0, len(out), BLOCK_ROWS):
        place = position_m[:, low : low + BLOCK_ROWS]
        latitude, longitude = latitude_longitude_rad(place, t_us)
        radius = np.sqrt(np.sum(place * place, axis=0))
        out[low : low + BLOCK_ROWS] = proton_flux_cm2_s(
            latitude, longitude, radius - radius.dtype.type(EARTH_RADIUS_M), solar
        )
    return out


def proton_flux_cm2_s(
    latitude_rad: ArrayLike, longitude_rad: ArrayLike, altitude_m: ArrayLike, solar: str = "min"
) -> Floats:
    """Flux of protons above 60 MeV, 1/(cm2 s), of the arguments' common shape and float type.

    Linear between the nearest four places of the grid (2.5 degrees apart), then linear in the
    logarithm between two altitudes (50 km apart).  The mean of an orbit is within 4 % of AP-8's
    from 300 km and 1.1 % from 500 km; a single place above 10 /cm2/s is 10 % off (rms), at the
    belt's steep edge a third.  Below 300 km the flux is that of 300 km (too high) and above
    2,000 km that of 2,000 km (too low).  Longitudes may have any number of turns.  NaN gives NaN.
    `solar` "min" is the higher case.
    """
    stored = grid(solar)
    args = (np.asarray(a) for a in (latitude_rad, longitude_rad, altitude_m))
    latitude, longitude, altitude = np.broadcast_arrays(*args)
    out = np.empty(latitude.shape, dtype=np.result_type(latitude, longitude, altitude, np.float32))
    rows = [a.ravel() for a in (latitude, longitude, altitude)]
    flat = out.reshape(-1)
    with np.errstate(invalid="ignore"):  # casts of NaN, to rows which mode="clip" keeps inside
        for low in range(0, out.size, BLOCK_ROWS):
            block = slice(low, low + BLOCK_ROWS)
            flat[block] = _interpolated(stored, *(a[block] for a in rows))
    return out


def _interpolated(stored: Grid, latitude: Floats, longitude: Floats, altitude: Floats) -> Floats:
    layers, parallels, meridians = stored.shape
    north = _steps(latitude / np.float32(np.pi) + np.float32(0.5), parallels)
    turns = longitude * np.float32(0.5 / np.pi) + np.float32(0.5)
    east = _steps(turns - np.floor(turns), meridians)
    up = _steps((altitude - stored.lowest_m) / (stored.step_m * np.float32(layers - 1)), layers)
    cell = ((up[0] * parallels + north[0]) * meridians + east[0]).astype(np.intp)

    def of_layer(first: int) -> Floats:
        corners = (first, first + 1, first + meridians, first + meridians + 1)
        sw, se, nw, ne = (stored.flux.take(cell + c, mode="clip") for c in corners)
        south = sw + (se - sw) * east[1]
        return south + (nw + (ne - nw) * east[1] - south) * north[1]

    below, above = of_layer(0), of_layer(parallels * meridians)
    some = below + above > 0
    below = np.maximum(below, stored.least_cm2_s)
    growth = np.maximum(above, stored.least_cm2_s) / below
    return some * (below * np.exp(np.log(growth) * up[1]))


def _steps(share: Floats, nodes: int) -> tuple[NDArray[np.int32], Floats]:
    """The node below a place (0..1 of the way over evenly spaced nodes), and the share beyond."""
    place = np.clip(share, 0, 1) * np.float32(nodes - 1)
    node = np.minimum(place, np.float32(nodes - 2)).astype(np.int32)
    return node, place - node.astype(np.float32)


# --- what a flux does ----------------------------------------------------------------------------


def in_anomaly(protons_cm2_s: Floats) -> NDArray[np.bool_]:
    """Whether a flux is one of the South Atlantic Anomaly; an unknown flux is not."""
    return protons_cm2_s > ANOMALY_CM2_S


def dose_rate_rad_s(
    protons_cm2_s: Numbers, protons_cm2_per_rad: Numbers = PROTONS_CM2_PER_RAD
) -> Numbers:
    """Ionising dose rate in silicon, rad/s, under a flux in 1/(cm2 s) (arXiv 2511.19468)."""
    return protons_cm2_s / protons_cm2_per_rad


def event_rate_per_s(
    protons_cm2_s: Numbers,
    cross_section_cm2: Numbers,
    chips: Numbers = 1.0,
    galactic_per_chip_s: Numbers = 0.0,
) -> Numbers:
    """Expected events a second of `chips` chips: chips (sigma flux + floor by cosmic rays).

    ECSS-E-ST-10-12C, sec. 9 (upsets by protons: cross-section times flux).  `cross_section_cm2`
    is of one chip, such as SDC_CM2, UECC_CM2 or SEFI_CM2.
    """
    return chips * (cross_section_cm2 * protons_cm2_s + galactic_per_chip_s)


def host_reset_rate_per_s(
    dose_rad_s: Numbers, host_rad_per_reset: Numbers = HOST_RAD_PER_RESET
) -> Numbers:
    """Expected resets a second of a host computer at a dose rate in rad/s (arXiv 2511.19468)."""
    return dose_rad_s / host_rad_per_reset


# --- a whole orbit -------------------------------------------------------------------------------


def orbit_flux_cm2_s(
    altitude_m: ArrayLike, inclination_rad: ArrayLike, solar: str = "min"
) -> Floats:
    """Flux at ORBIT_SAMPLES equally likely moments of circular orbits, (..., ORBIT_SAMPLES).

    Over months the node is at all longitudes alike and independent of the argument of latitude;
    both are taken evenly, by a golden-ratio lattice.  Altitude and inclination broadcast.
    """
    altitude = np.asarray(altitude_m, dtype=float)[..., None]
    inclination = np.asarray(inclination_rad, dtype=float)[..., None]
    k = np.arange(ORBIT_SAMPLES)
    u = (k + 0.5) * (2 * np.pi / ORBIT_SAMPLES)
    node = k * _GOLDEN % 1.0 * (2 * np.pi)
    latitude = np.arcsin(np.sin(inclination) * np.sin(u))
    longitude = node + np.arctan2(np.cos(inclination) * np.sin(u), np.cos(u))
    return proton_flux_cm2_s(latitude, longitude, altitude, solar)


def orbit_mean_flux_cm2_s(
    altitude_m: ArrayLike, inclination_rad: ArrayLike, solar: str = "min"
) -> Floats:
    """Mean flux over a circular orbit, 1/(cm2 s); arguments broadcast."""
    return orbit_flux_cm2_s(altitude_m, inclination_rad, solar).mean(axis=-1)


def anomaly_share_ratio(
    altitude_m: ArrayLike, inclination_rad: ArrayLike, solar: str = "min"
) -> Floats:
    """Share of its time that a circular orbit spends in the South Atlantic Anomaly, 0..1."""
    return in_anomaly(orbit_flux_cm2_s(altitude_m, inclination_rad, solar)).mean(axis=-1)


def dose_rad_per_year(
    altitude_m: ArrayLike, inclination_rad: ArrayLike, solar: str = "min"
) -> Floats:
    """Dose by trapped protons on a circular orbit, rad(Si) a year; arguments broadcast."""
    flux = orbit_mean_flux_cm2_s(altitude_m, inclination_rad, solar)
    return np.asarray(dose_rate_rad_s(flux)) * YEAR_S
