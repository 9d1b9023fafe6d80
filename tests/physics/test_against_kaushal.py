"""Geometry of optical links against Kaushal & Kaddoum (2017) and Vallado's line of sight."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import links
from orbitwin.physics.constants import EARTH_RADIUS_M


def test_point_ahead_exceeds_the_beam():
    found = links.point_ahead_rad(np.array([7.5e3, 15e3])) * 1e6
    assert found == pytest.approx([50, 100], rel=1e-3)
    assert (found > 20).all()


def test_doppler_at_15_km_a_second():
    assert links.doppler_hz(15e3, 1550e-9) / 1e9 == pytest.approx(9.7, abs=0.03)
    assert links.doppler_hz(-15e3, 1550e-9) < 0


@pytest.mark.parametrize(
    ("km", "longest_km"), [(500, 4733), (650, 5545), (1000, 7136), (2000, 10674)]
)
def test_longest_line_of_sight_grazing_80_km(km, longest_km):
    found = links.longest_sight_m(km * 1e3, km * 1e3)
    assert found / 1e3 == pytest.approx(longest_km, abs=1)
    # two satellites that far apart see each other along a line that grazes at 80 km
    r = EARTH_RADIUS_M + km * 1e3
    half = np.arcsin(found / 2 / r)
    pair = [r * np.array([[np.cos(x)], [np.sin(x)], [0.0]]) for x in (-half, half)]
    assert links.sight_altitude_m(*pair)[0] == pytest.approx(80e3, abs=1)


def test_lowest_point_of_a_line_may_be_its_end():
    r = EARTH_RADIUS_M + np.array([500e3, 700e3])
    low, high = np.array([[r[0]], [0], [0]]), np.array([[r[1]], [0], [0]])
    assert links.sight_altitude_m(low, high) == pytest.approx([500e3])
    assert links.sight_altitude_m(low, -low) == pytest.approx([-EARTH_RADIUS_M])
    assert links.sight_altitude_m(low, low) == pytest.approx([500e3])
    assert np.isnan(links.longest_sight_m(50e3, 500e3))
