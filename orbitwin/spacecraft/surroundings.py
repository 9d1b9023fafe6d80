"""What surrounds satellites at a time: light, day and night below them, slow waves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orbitwin.physics import eclipse
from orbitwin.physics.constants import EARTH_ALBEDO_RATIO
from orbitwin.spacecraft.own import Array

ANYWHERE_M = 7e6  # for satellites without a position: their values are not reported
NOON_H = 12.0


@dataclass(frozen=True)
class Surroundings:
    """Arrays (N,), the Sun's flux a number; `place_m` (3, N) and `sun_m` (3,) in the GCRS."""

    place_m: Array
    sun_m: NDArray[np.floating]
    flux_w_m2: float
    lit_ratio: Array  # share of the Sun's disc that is seen
    day_cos: Array  # cosine of the Sun's zenith angle below the satellite, 0 at night
    load_wave: Array | float  # slow waves of load and of attitude, about -1..1
    attitude_wave: Array | float

    @property
    def sunlight_w_m2(self) -> Array:
        return self.lit_ratio * self.flux_w_m2

    @property
    def albedo_w_m2(self) -> Array:
        """Sunlight that the Earth below throws back."""
        return self.day_cos * (EARTH_ALBEDO_RATIO * self.flux_w_m2)


def hour_cos(place_m: Array, sun_m: NDArray[np.floating], peak_h: float) -> Array:
    """Cosine of the local solar time below places (3, N), GCRS, from `peak_h`, -1..1 (N,)."""
    x, y, _ = place_m
    angle = np.arctan2(float(sun_m[1]), float(sun_m[0])) + (peak_h - NOON_H) * (np.pi / 12)
    east = x * float(np.cos(angle)) + y * float(np.sin(angle))
    return east / np.sqrt(np.maximum(x * x + y * y, 1))


def surroundings(
    positions_m: NDArray[np.floating],
    sun_m: NDArray[np.floating],
    flux_w_m2: float,
    load_wave: Array | float = 0.0,
    attitude_wave: Array | float = 0.0,
) -> Surroundings:
    """Light at positions (3, N), m, GCRS; `sun_m` (3,).  Rows of NaN count as anywhere."""
    place = positions_m.astype(np.float32, copy=False)
    if np.isnan(place[0]).any():
        place = np.nan_to_num(place, nan=ANYWHERE_M)
    unit = sun_m / np.linalg.norm(sun_m)
    x, y, z = place
    up = x * float(unit[0]) + y * float(unit[1]) + z * float(unit[2])
    day_cos = np.maximum(up, 0) / np.sqrt(x * x + y * y + z * z)
    lit = eclipse.lit_fraction(place, sun_m)
    waves = (np.asarray(wave, np.float32)[()] for wave in (load_wave, attitude_wave))
    return Surroundings(place, sun_m, flux_w_m2, lit, day_cos, *waves)
