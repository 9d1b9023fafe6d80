"""Eclipse, power sizing and shadow geometry against Larson & Wertz, SMAD, and geometry."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import eclipse, orbit, power, sun
from orbitwin.physics.constants import EARTH_RADIUS_M

SUN_M = np.array([1.496e11, 0.0, 0.0])


@pytest.mark.parametrize(
    ("km", "fraction", "minutes", "beta_deg"),
    [
        (500, 0.3779, 35.75, 68.0),
        (650, 0.3620, 35.38, 65.2),
        (800, 0.3483, 35.13, 62.7),
        (1000, 0.3323, 34.94, 59.8),
        (1400, 0.306, 34.8, 55.1),
        (2000, 0.2754, 35.03, 49.6),
    ],
)
def test_eclipse_of_circular_orbits(km, fraction, minutes, beta_deg):
    found = eclipse.eclipse_fraction(km * 1e3, 0.0)
    assert found == pytest.approx(fraction, abs=5e-4)
    assert found * orbit.period_s(EARTH_RADIUS_M + km * 1e3) / 60 == pytest.approx(
        minutes, abs=0.05
    )
    beta = eclipse.critical_beta_rad(km * 1e3)
    assert np.degrees(beta) == pytest.approx(beta_deg, abs=0.05)
    assert eclipse.eclipse_fraction(km * 1e3, beta + 1e-9) == 0
    assert eclipse.eclipse_fraction(km * 1e3, np.pi / 2) == 0


def test_space_station():
    assert np.degrees(eclipse.critical_beta_rad(420e3)) == pytest.approx(69.8, abs=0.1)
    minutes = eclipse.eclipse_fraction(420e3, 0) * orbit.period_s(EARTH_RADIUS_M + 420e3) / 60
    assert minutes == pytest.approx(36, abs=0.2)


@pytest.mark.parametrize("beta_deg", [0.0, 30.0, 60.0, 66.0])
def test_cylinder_agrees_with_the_closed_form(beta_deg):
    a_m = EARTH_RADIUS_M + 500e3
    u = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    beta = np.radians(beta_deg)
    plane = a_m * np.stack([np.cos(u) * np.cos(beta), np.sin(u), np.cos(u) * np.sin(beta)])
    dark = eclipse.in_cylinder(plane, [1, 0, 0])
    assert dark.mean() == pytest.approx(eclipse.eclipse_fraction(500e3, beta), abs=2e-5)


def test_penumbra_lasts_8_seconds_at_500_km():
    """Montenbruck & Gill 3.4.2: about 8.4 s at 500 km and beta 0."""
    a_m = EARTH_RADIUS_M + 500e3
    u = np.linspace(np.pi / 2, np.pi, 100_000)
    circle = a_m * np.stack([np.cos(u), np.sin(u), np.zeros_like(u)])
    lit = eclipse.lit_fraction(circle, SUN_M)
    seconds = orbit.period_s(a_m) * (u[1] - u[0]) / (2 * np.pi)
    assert ((lit > 0) & (lit < 1)).sum() * seconds == pytest.approx(8.4, abs=0.2)
    assert lit[0] == 1 and lit[-1] == 0
    assert (np.diff(lit) <= 1e-9).all()


def test_shadow_is_symmetric_about_the_sun_line():
    rng = np.random.default_rng(2)
    p = rng.normal(size=(3, 2000)) * 5e6
    p *= np.maximum(1, 6.6e6 / np.linalg.norm(p, axis=0))
    mirrored = p * np.array([[1], [-1], [1]])
    assert np.allclose(eclipse.lit_fraction(p, SUN_M), eclipse.lit_fraction(mirrored, SUN_M))
    single = eclipse.lit_fraction(p.astype(np.float32), SUN_M)
    assert single.dtype == np.float32
    assert np.mean(np.abs(single - eclipse.lit_fraction(p, SUN_M)) > 0.01) < 0.01


@pytest.mark.parametrize(
    ("km", "days", "minutes", "sunlit_percent"),
    [
        (500, (102, 106), 22.7, (94.6, 94.4)),
        (650, (87, 91), 19.7, (96.2, 96.0)),
        (800, (73, 76), 16.9, (97.3, 97.2)),
        (1000, (55, 57), 13.0, (98.5, 98.5)),
    ],
)
def test_eclipse_season_of_a_dawn_dusk_orbit(km, days, minutes, sunlit_percent):
    a_m = EARTH_RADIUS_M + km * 1e3
    inclination = orbit.sun_synchronous_inclination_rad(a_m)
    t_us = 1_798_761_600_000_000 + np.arange(0, 365, 0.25) * 86_400e6  # 2027
    unit = sun.sun_position_m(t_us)
    unit /= np.linalg.norm(unit, axis=0)
    for dawn_or_dusk, ltan_h in enumerate((6.0, 18.0)):
        node = sun.raan_of_local_time_rad(ltan_h, t_us)
        beta = sun.beta_angle_rad(inclination, node, unit)
        dark = eclipse.eclipse_fraction(km * 1e3, beta)
        assert (dark > 0).mean() * 365 == pytest.approx(days[dawn_or_dusk], abs=2)
        worst = dark.max() * orbit.period_s(a_m) / 60
        assert worst == pytest.approx(minutes, abs=0.3)
        sunlit = 100 * (1 - dark.mean())
        assert sunlit == pytest.approx(sunlit_percent[dawn_or_dusk], abs=0.1)


def test_no_eclipse_at_1400_km():
    a_m = EARTH_RADIUS_M + 1400e3
    t_us = 1_798_761_600_000_000 + np.arange(0, 365, 1.0) * 86_400e6
    unit = sun.sun_position_m(t_us)
    unit /= np.linalg.norm(unit, axis=0)
    beta = sun.beta_angle_rad(
        orbit.sun_synchronous_inclination_rad(a_m), sun.raan_of_local_time_rad(6.0, t_us), unit
    )
    assert eclipse.eclipse_fraction(1400e3, beta).max() < 0.02


@pytest.mark.parametrize(
    ("eclipse_path", "day_path", "expected_w"), [(0.65, 0.85, 63.3e3), (0.60, 0.80, 67.9e3)]
)
def test_array_sizing(eclipse_path, day_path, expected_w):
    """30 kW at 500 km, beta 0: direct energy transfer and peak-power tracking."""
    period = orbit.period_s(EARTH_RADIUS_M + 500e3)
    dark = eclipse.eclipse_fraction(500e3, 0) * period
    found = power.array_size_w(30e3, 30e3, dark, period - dark, eclipse_path, day_path)
    assert found == pytest.approx(expected_w, rel=2e-3)


def test_remaining_factor_after_five_years_of_gallium_arsenide():
    """SMAD ch. 11: 2.75 % a year gives 87 % after five years."""
    assert power.remaining_factor(0.0275, 5) == pytest.approx(0.87, abs=0.005)
