"""Batch positions of mean elements against a float64 solution of Kepler's equation."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import orbit
from orbitwin.physics.constants import EARTH_RADIUS_M

EPOCH_US = 1_798_761_600_000_000  # 2027-01-01
YEAR_US = 365 * 86_400_000_000


def kepler_position_m(a, e, i, node, perigee, mean_anomaly):
    anomaly = mean_anomaly
    for _ in range(50):
        anomaly = mean_anomaly + e * np.sin(anomaly)
    r = a * (1 - e * np.cos(anomaly))
    true = 2 * np.arctan2(
        np.sqrt(1 + e) * np.sin(anomaly / 2), np.sqrt(1 - e) * np.cos(anomaly / 2)
    )
    u = perigee + true
    return r * np.stack(
        [
            np.cos(node) * np.cos(u) - np.sin(node) * np.sin(u) * np.cos(i),
            np.sin(node) * np.cos(u) + np.cos(node) * np.sin(u) * np.cos(i),
            np.sin(u) * np.sin(i),
        ]
    )


@pytest.mark.parametrize(("e", "tolerance_m"), [(0.0, 2.5), (1e-4, 2.5), (1e-3, 3.0), (1e-2, 12.0)])
@pytest.mark.parametrize("elapsed_us", [0, 5_000_000_123, -86_400_000_000, 5 * YEAR_US])
def test_positions(e, tolerance_m, elapsed_us):
    rng = np.random.default_rng(1)
    n = 500
    a = EARTH_RADIUS_M + rng.uniform(400e3, 2000e3, n)
    a = a.astype(np.float32).astype(float)  # what a float32 fleet can say
    i, node, perigee, u = rng.uniform(0.1, 3.0, (4, n))
    elements = orbit.mean_elements(
        EPOCH_US, a, i, node, u, e * np.cos(perigee), e * np.sin(perigee)
    )
    found = orbit.MeanOrbit(elements).positions_m(EPOCH_US + elapsed_us)

    node_rate, perigee_rate, anomaly_rate = orbit.j2_rates_rad_s(a, e, i)
    rate = orbit.mean_motion_rad_s(a) + anomaly_rate + perigee_rate
    seconds = elapsed_us / 1e6
    node, u = node + node_rate * seconds, u + rate * seconds
    # perigee is held in the mean elements: a formation keeps its shape
    expected = kepler_position_m(a, e, i, node, perigee, u - perigee)
    drift_m = abs(seconds) * 2e-17 * 1e6 * 2 * np.pi * 8.4e6  # rounding of a 64-bit rate
    assert np.abs(found - expected).max() < tolerance_m + 2 * drift_m + abs(seconds) * 1e-6
    assert found.dtype == np.float32


def test_phases_wrap_exactly():
    phase = orbit.to_phase([0.0, -np.pi / 2, 2 * np.pi, 7.0])
    angles = orbit.angle_of((phase >> np.uint64(32)).astype(np.uint32), np.float64)
    assert angles == pytest.approx([0, -np.pi / 2, 0, 7.0 - 2 * np.pi], abs=1e-8)
    rate = orbit.to_phase_rate(2 * np.pi / 100.0)
    after = orbit.phase_at(phase[:1], np.atleast_1d(rate), 100_000_000 * 50)
    assert abs(orbit.angle_of(after, np.float64)[0]) < 1e-6


def test_formation_keeps_the_shape_of_hill_clohessy_wiltshire():
    """Two orbits with different eccentricity vectors: 2:1 ellipse, 100 to 200 m apart."""
    a_m = EARTH_RADIUS_M + 650e3
    period_us = int(orbit.period_s(a_m) * 1e6)
    step = 100 / a_m
    pair = orbit.mean_elements(EPOCH_US, a_m, 1.71, 1.0, 0.3, np.array([0, step]), 0.0)
    mean_orbit = orbit.MeanOrbit(pair)
    apart = []
    for k in range(16):
        p = mean_orbit.positions_m(EPOCH_US + k * period_us // 16).astype(float)
        apart.append(np.linalg.norm(p[:, 1] - p[:, 0]))
    assert min(apart) == pytest.approx(100, abs=2)
    assert max(apart) == pytest.approx(200, abs=2)
