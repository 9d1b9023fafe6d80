"""Orbits against Curtis, Orbital Mechanics for Engineering Students (3rd ed.)."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import orbit
from orbitwin.physics.constants import DAY_S, EARTH_MU_M3_S2, EARTH_RADIUS_M

DEG_PER_DAY = np.degrees(1) * DAY_S


def test_example_4_7_node_and_perigee_rates():
    perigee_m, apogee_m = EARTH_RADIUS_M + 280e3, EARTH_RADIUS_M + 400e3
    a_m = (perigee_m + apogee_m) / 2
    e = (apogee_m - perigee_m) / (apogee_m + perigee_m)
    node, perigee, _ = orbit.j2_rates_rad_s(a_m, e, np.radians(51.43))
    assert node * DEG_PER_DAY == pytest.approx(-5.181, rel=1e-3)
    assert perigee * DEG_PER_DAY == pytest.approx(3.920, rel=1e-3)


def test_example_4_8_sun_synchronous_orbit_of_100_minutes():
    a_m = (EARTH_MU_M3_S2 * (100 * 60 / (2 * np.pi)) ** 2) ** (1 / 3)
    # the book rounds the Earth's radius to 6378 km
    assert a_m / 1e3 - 6378 == pytest.approx(758.63, abs=0.02)
    inclination = orbit.sun_synchronous_inclination_rad(a_m)
    assert np.degrees(inclination) == pytest.approx(98.43, abs=0.02)


def test_sun_synchronous_orbit_of_suncatcher():
    a_m = EARTH_RADIUS_M + 650e3
    assert np.degrees(orbit.sun_synchronous_inclination_rad(a_m)) == pytest.approx(97.99, abs=0.01)
    assert orbit.period_s(a_m) / 60 == pytest.approx(97.73, abs=0.01)


def test_no_sun_synchronous_orbit_in_geostationary_height():
    with pytest.raises(ValueError, match="sun-synchronous"):
        orbit.sun_synchronous_inclination_rad(42_164e3)
