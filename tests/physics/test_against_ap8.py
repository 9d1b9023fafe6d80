"""The flux grid against AP-8 itself (Sawyer & Vette 1976), as aep8 1.1 computes it.

Values are for protons above 60 MeV at geocentric places, none of them nodes of the grid.
"""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import orbit, radiation
from orbitwin.physics.constants import EARTH_RADIUS_M, YEAR_S

# latitude and longitude in degrees, altitude in km, flux at solar minimum and maximum
PLACES = np.array(
    [
        (-26.2, -38.7, 312, 67.154, 23.439),
        (-31.3, -51.2, 430, 246.11, 194.17),
        (-18.9, -22.4, 517, 165.21, 129.16),
        (-40.6, -3.3, 563, 49.172, 25.37),
        (-8.1, -61.9, 627, 6.7148, 8.9987),
        (-28.8, -47.3, 655, 1494.6, 1463.8),
        (-23.7, -71.1, 770, 1189.9, 808.46),
        (3.4, -33.9, 880, 708.14, 464.16),
        (-44.4, 11.7, 1010, 2.0356, 1.534),
        (12.3, -95.6, 1190, 55.218, 1.5559),
        (-1.2, 138.8, 1420, 182.82, 33.046),
        (21.1, -178.9, 1630, 3487.6, 2620.6),
        (-14.6, -44.4, 1875, 18692.0, 18461.0),
        (8.8, 63.3, 1990, 7205.7, 5559.1),
    ]
).T

# altitude in km, inclination in degrees, solar activity; mean flux and share of time above
# 10 /cm2/s of 15,000 places along the orbit, each asked of AP-8
ORBITS = [
    (325, 51.6, "min", 2.822, 0.0311),
    (425, 97.0, "min", 6.387, 0.0313),
    (425, 97.0, "max", 4.052, 0.0279),
    (500, 97.4, "min", 12.749, 0.0417),
    (500, 30.0, "min", 25.312, 0.0725),
    (560, 53.0, "min", 28.763, 0.0774),
    (560, 53.0, "max", 21.218, 0.0713),
    (650, 97.99, "min", 37.239, 0.0655),
    (650, 97.99, "max", 28.769, 0.0624),
    (800, 98.6, "min", 85.629, 0.0971),
    (1000, 99.48, "min", 201.116, 0.1586),
    (1000, 30.0, "min", 470.509, 0.3161),
    (1525, 30.0, "min", 2595.873, 0.8999),
    (2000, 104.89, "min", 2605.847, 0.4621),
    (2000, 30.0, "min", 5930.338, 0.9613),
    (2000, 30.0, "max", 5394.101, 0.9519),
]

# dose behind the payload's shielding by the design study: rad a year, SSO and 30 degrees
DOSES = [(500, 48, 97), (1000, 801, 1864), (2000, 10_400, 23_700)]

# the three tiers of it: altitude in km, satellites, chips; half fly SSO, half 30 degrees
TIERS = [(500, 800_000, 12), (1000, 300_000, 18), (2000, 118_000, 24)]


def sso_rad(altitude_km: float) -> float:
    return float(orbit.sun_synchronous_inclination_rad(EARTH_RADIUS_M + altitude_km * 1e3))


def tier_flux_cm2_s() -> np.ndarray:
    """Mean flux over the satellites of each tier."""
    return np.array(
        [
            radiation.orbit_mean_flux_cm2_s(km * 1e3, [sso_rad(km), np.radians(30)]).mean()
            for km, _, _ in TIERS
        ]
    )


@pytest.mark.parametrize(("solar", "column"), [("min", 3), ("max", 4)])
def test_places(solar, column):
    """13 % (rms) where there is flux to speak of; the belt's edge is steeper than the grid."""
    latitude, longitude, altitude_km = PLACES[:3]
    found = radiation.proton_flux_cm2_s(
        np.radians(latitude), np.radians(longitude), altitude_km * 1e3, solar
    )
    off = found / PLACES[column] - 1
    strong = PLACES[column] > 10
    assert np.abs(off[strong]).max() < 0.4
    assert np.sqrt(np.mean(off[strong] ** 2)) < 0.13
    assert np.abs(found - PLACES[column])[~strong].max() < 8


@pytest.mark.parametrize(("km", "inclination_deg", "solar", "flux", "share"), ORBITS)
def test_orbits(km, inclination_deg, solar, flux, share):
    inclination = np.radians(inclination_deg)
    found = radiation.orbit_mean_flux_cm2_s(km * 1e3, inclination, solar)
    assert found == pytest.approx(flux, rel=0.04 if km < 500 else 0.012)
    found = radiation.anomaly_share_ratio(km * 1e3, inclination, solar)
    assert found == pytest.approx(share, abs=0.005)


def test_the_lattice_of_moments_is_dense_enough(monkeypatch):
    few = radiation.orbit_mean_flux_cm2_s(500e3, np.radians(97.4))
    monkeypatch.setattr(radiation, "ORBIT_SAMPLES", 500_000)
    assert few == pytest.approx(radiation.orbit_mean_flux_cm2_s(500e3, np.radians(97.4)), rel=3e-3)


@pytest.mark.parametrize(
    ("km", "peak_cm2_s"), [(500, 1560), (650, 2801), (1000, 6175), (2000, 21_289)]
)
def test_peak_of_the_anomaly(km, peak_cm2_s):
    latitude, longitude = np.meshgrid(np.arange(-90, 90.1), np.arange(-180, 180.1), indexing="ij")
    flux = radiation.proton_flux_cm2_s(np.radians(latitude), np.radians(longitude), km * 1e3)
    assert flux.max() == pytest.approx(peak_cm2_s, rel=0.02)
    place = np.unravel_index(flux.argmax(), flux.shape)
    assert -35 <= latitude[place] <= -15
    assert -45 <= longitude[place] <= -32.5


@pytest.mark.parametrize("km", [500, 650])
def test_centroid_of_the_anomaly(km):
    """Within 5 degrees of 25-35 S, 40-50 W; higher up the belt closes round the Earth."""
    latitude, longitude = np.radians(
        np.meshgrid(np.arange(-90, 90.1), np.arange(-180, 180), indexing="ij")
    )
    weight = radiation.proton_flux_cm2_s(latitude, longitude, km * 1e3) * np.cos(latitude)
    centre = np.degrees(np.sum(weight * latitude) / weight.sum())
    assert -40 <= centre <= -20
    centre = np.degrees(np.angle(np.sum(weight * np.exp(1j * longitude))))
    assert -55 <= centre <= -35


@pytest.mark.parametrize(
    ("km", "sso_pct", "low_pct"), [(500, 4, 7), (650, 6.5, None), (1000, 16, 32), (2000, 46, 96)]
)
def test_time_in_the_anomaly(km, sso_pct, low_pct):
    found = 100 * radiation.anomaly_share_ratio(km * 1e3, [sso_rad(km), np.radians(30)])
    assert found[0] == pytest.approx(sso_pct, abs=1)
    if low_pct is not None:
        assert found[1] == pytest.approx(low_pct, abs=1)


@pytest.mark.parametrize(("km", "sso", "low"), DOSES)
def test_dose_of_the_tiers(km, sso, low):
    """5 % more at 500 km than by a grid of geodetic heights: see decision 0080."""
    found = radiation.dose_rad_per_year(km * 1e3, [sso_rad(km), np.radians(30)])
    assert found == pytest.approx([sso, low], rel=0.06 if km == 500 else 0.01)


def test_events_of_a_fleet_of_three_tiers():
    flux = tier_flux_cm2_s()
    _, satellites, chips = np.array(TIERS, dtype=float).T
    silent = satellites * radiation.event_rate_per_s(flux, radiation.SDC_CM2, chips)
    assert silent == pytest.approx([1.3, 13.5, 90.6], rel=0.06)
    assert silent.sum() == pytest.approx(105, rel=0.01)
    assert silent[2] / silent.sum() == pytest.approx(0.86, abs=0.005)
    resets = satellites * radiation.host_reset_rate_per_s(radiation.dose_rate_rad_s(flux))
    assert resets == pytest.approx([0.009, 0.06, 0.30], rel=0.02)


def test_memory_at_2000_km_reaches_its_limit_in_weeks():
    """2 krad in 1 month (30 degrees) to 2.5 months (sun-synchronous)."""
    months = 12 * 2000 / radiation.dose_rad_per_year(2000e3, [np.radians(30), sso_rad(2000)])
    assert months == pytest.approx([1.0, 2.3], abs=0.2)


def test_solar_minimum_is_the_higher_case():
    altitude_m = np.arange(300e3, 2001e3, 100e3)
    low = radiation.dose_rad_per_year(altitude_m, np.radians(98), "max")
    assert (low < radiation.dose_rad_per_year(altitude_m, np.radians(98), "min")).all()


def test_flux_of_positions_is_that_of_their_orbit():
    """A shell in all planes and places, once by positions and once by sampling the orbit."""
    planes, places = np.divmod(np.arange(40_000), 200)
    elements = orbit.mean_elements(
        0,
        EARTH_RADIUS_M + 800e3,
        np.radians(98.6),
        planes * (2 * np.pi / 200),
        (places + planes * 0.618) * (2 * np.pi / 200),
    )
    t_us = 1_800_000_000_000_000
    flux = radiation.flux_cm2_s(orbit.MeanOrbit(elements).positions_m(t_us), t_us)
    assert flux.dtype == np.float32
    assert flux.mean() == pytest.approx(85.629, rel=0.015)
    dose = radiation.dose_rate_rad_s(flux).sum() * YEAR_S / len(flux)
    assert dose == pytest.approx(radiation.dose_rad_per_year(800e3, np.radians(98.6)), rel=0.01)
