"""Latitude and longitude below a satellite against skyfield's Earth (IERS Conventions 2010)."""

from __future__ import annotations

import numpy as np
import pytest
from skyfield.framelib import itrs

from orbitwin.physics import radiation
from orbitwin.physics.frames import skyfield_time

DAYS_2015_2040 = range(16436, 25567, 331)


def directions(count: int = 500) -> np.ndarray:
    """Unit vectors (3, N) all over the sphere."""
    random = np.random.default_rng(7)
    vectors = random.normal(size=(3, count))
    return vectors / np.linalg.norm(vectors, axis=0)


@pytest.mark.parametrize(("dtype", "limit_deg"), [(np.float64, 0.01), (np.float32, 0.01)])
def test_latitude_and_longitude(dtype, limit_deg):
    worst_deg = 0.0
    for day in DAYS_2015_2040:
        t_us = (day * 86_400 + day % 86_400) * 1_000_000
        place_m = directions() * 7.0e6
        latitude, longitude = radiation.latitude_longitude_rad(place_m.astype(dtype), t_us)
        assert latitude.dtype == longitude.dtype == dtype
        ours = np.array(
            [
                np.cos(latitude) * np.cos(longitude),
                np.cos(latitude) * np.sin(longitude),
                np.sin(latitude),
            ]
        )
        theirs = itrs.rotation_at(skyfield_time(t_us)) @ place_m / 7.0e6
        chord = np.linalg.norm(ours - theirs, axis=0).max()
        worst_deg = max(worst_deg, float(np.degrees(chord)))
    assert worst_deg < limit_deg


def test_earth_rotation_is_the_sidereal_rate():
    """7.2921159e-5 rad/s, also across midnight."""
    t_us = 1_800_057_600_000_000 - 500_000
    step = radiation.earth_rotation_rad(t_us + 1_000_000) - radiation.earth_rotation_rad(t_us)
    assert step % (2 * np.pi) == pytest.approx(7.2921159e-5, abs=1e-11)
