"""Eclipse, power sizing and shadow geometry against Larson & Wertz, SMAD, and geometry."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.layout import PlannedOrbit
from orbitwin.physics import battery, eclipse, orbit, power, season, sun
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.physics.frames import teme_to_gcrs

SUN_M = np.array([1.496e11, 0.0, 0.0])
YEAR_2027_US = 1_798_761_600_000_000


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


@pytest.mark.parametrize(("dawn_or_dusk", "ltan_h", "month"), [(0, 6.0, 12), (1, 18.0, 6)])
def test_eclipse_season_of_a_dawn_dusk_orbit(dawn_or_dusk, ltan_h, month):
    """Days a year, longest eclipse and sunlit share; none at 1,400 and 2,000 km."""
    km = np.array([500, 650, 800, 1000, 1400, 2000])
    days = ([102, 87, 73, 55, 0, 0], [106, 91, 76, 57, 0, 0])[dawn_or_dusk]
    sunlit = ([94.6, 96.2, 97.3, 98.5, 100, 100], [94.4, 96.0, 97.2, 98.5, 100, 100])[dawn_or_dusk]
    found = season.eclipse_season(km * 1e3, ltan_h, YEAR_2027_US)
    assert found.eclipse_days == pytest.approx(days, abs=1)
    assert found.longest_s / 60 == pytest.approx([22.7, 19.7, 16.9, 13.0, 0, 0], abs=0.1)
    assert 100 * found.sunlit_ratio == pytest.approx(sunlit, abs=0.1)
    # dawn orbits are dark about the December solstice, dusk orbits about that of June
    dates = (found.longest_at_us[:4] / 1e6).astype("datetime64[s]").astype("datetime64[M]")
    assert (dates == np.datetime64(f"2027-{month:02d}")).all()


def test_season_of_one_orbit_and_of_none():
    single = season.eclipse_season(650e3, 6.0, YEAR_2027_US)
    assert single.eclipse_days.shape == ()
    assert season.eclipse_season(np.empty(0), 6.0, YEAR_2027_US).longest_s.shape == (0,)


@pytest.mark.parametrize(
    ("eclipse_path", "day_path", "expected_w"), [(0.65, 0.85, 63.3e3), (0.60, 0.80, 67.9e3)]
)
def test_array_sizing(eclipse_path, day_path, expected_w):
    """30 kW at 500 km, beta 0: direct energy transfer and peak-power tracking."""
    period = orbit.period_s(EARTH_RADIUS_M + 500e3)
    dark = eclipse.eclipse_fraction(500e3, 0) * period
    found = power.array_size_w(30e3, 30e3, dark, period - dark, eclipse_path, day_path)
    assert found == pytest.approx(expected_w, rel=2e-3)


@pytest.mark.parametrize(("loss", "left"), [(0.0275, 0.87), (0.0375, 0.826)])
def test_remaining_factor_after_five_years(loss, left):
    """SMAD ch. 11: 2.75 % a year of gallium arsenide gives 87 %, 3.75 % of silicon 83 %."""
    assert power.remaining_factor(loss, 5) == pytest.approx(left, abs=0.005)


@pytest.mark.parametrize(("per_k", "left"), [(0.0025, 0.92), (0.0040, 0.872)])
def test_a_panel_at_60_degrees_gives_less(per_k, left):
    """32 K above the reference: III-V cells 0.25 % a kelvin, silicon 0.40 %."""
    warm = power.array_power_w(1361.0, 1.0, 0.3, 0.9, 1.0, 60.0, per_k)
    assert warm / power.array_power_w(1361.0, 1.0, 0.3, 0.9, 1.0, 28.0, per_k) == pytest.approx(
        left
    )


def test_battery_of_a_30_kw_satellite():
    """C = Pe Te / (DoD N n): 30 kW for 35.75 minutes at 25 % from two batteries."""
    found = battery.size_wh(30e3, 35.75 * 60, 0.25, 0.9, batteries=2)
    assert found == pytest.approx(30e3 * 35.75 / 60 / (0.25 * 0.9 * 2))
    assert battery.depth_of_discharge_ratio(30e3, 35.75 * 60, 2 * found, 0.9) == pytest.approx(0.25)


def test_cycles_of_five_years():
    """500 km, 30 degrees, dark on every orbit: 27,800 cycles."""
    period = orbit.period_s(EARTH_RADIUS_M + 500e3)
    assert battery.cycles(5, period) == pytest.approx(27_800, rel=1e-3)


@pytest.mark.parametrize("ltan_h", [10.0, 12.0, 16.0])
def test_next_eclipse_in_closed_form_is_the_one_found_by_halving(ltan_h):
    """All around the orbit, before, in and after the shadow; Sun and plane hardly move."""
    a_m = EARTH_RADIUS_M + 650e3
    inclination = orbit.sun_synchronous_inclination_rad(a_m)
    node = sun.raan_of_local_time_rad(ltan_h, YEAR_2027_US)
    latitude = np.linspace(-np.pi, np.pi, 9)
    flight = PlannedOrbit(orbit.mean_elements(YEAR_2027_US, a_m, inclination, node, latitude))
    period = orbit.period_s(a_m)
    found = eclipse.found_eclipse_s(
        flight.positions_m, YEAR_2027_US, YEAR_2027_US + int(2 * period * 1e6)
    )
    # the elements are of date: by 2027 the equinox has moved on by 0.38 degrees, 6 s of an orbit
    unit = teme_to_gcrs(YEAR_2027_US).T @ sun.sun_position_m(YEAR_2027_US)
    unit /= np.linalg.norm(unit)
    deepest = eclipse.anti_sun_latitude_rad(inclination, node, unit)
    _, perigee_rate, anomaly_rate = orbit.j2_rates_rad_s(a_m, 0.0, inclination)
    rate = orbit.mean_motion_rad_s(a_m) + perigee_rate + anomaly_rate
    beta = sun.beta_angle_rad(inclination, node, unit)
    told = eclipse.next_eclipse_s(650e3, beta, latitude - deepest, rate)
    dark_now = told[0] < 0
    assert 1 <= dark_now.sum() <= 4
    assert np.array_equal(np.isnan(found[0]), dark_now)
    assert found[0][~dark_now] == pytest.approx(told[0][~dark_now], abs=1.5)
    assert found[1] == pytest.approx(told[1], abs=1.5)


def test_no_next_eclipse_where_there_is_none():
    altitude, beta = np.full(3, 650e3, np.float32), np.radians(np.float32([0, 66, 90]))
    entry, leave = eclipse.next_eclipse_s(altitude, beta, np.float32(0.1), np.float32(1e-3))
    assert entry.dtype == leave.dtype == np.float32
    assert np.isnan(entry).tolist() == np.isnan(leave).tolist() == [False, True, True]
    assert eclipse.next_eclipse_s(np.empty(0), np.empty(0), np.empty(0), 1e-3)[0].shape == (0,)


def test_the_sun_over_the_year():
    """1,317 to 1,408 W/m2 between aphelion and perihelion (ECSS-E-ST-10-04)."""
    distance = np.linalg.norm(sun.sun_position_m(YEAR_2027_US + np.arange(365) * 86_400e6), axis=0)
    flux = power.sun_flux_w_m2(distance)
    assert [flux.min(), flux.max()] == pytest.approx([1317, 1408], abs=1)


def test_net_power_margin_and_energy_of_an_orbit():
    """Sun for 60 minutes, dark for 36: 5.9 kW net by day feeds 9 kW by night with losses."""
    assert power.net_power_w(10e3, 0.95, 4e3) == pytest.approx(5.5e3)
    assert power.margin_w(12e3, 10e3) == 2e3
    assert power.margin_pct(np.array([12e3, 5.0]), np.array([10e3, 0.0])) == pytest.approx(
        [20, np.nan], nan_ok=True
    )
    net_w = np.concatenate([np.full((60, 1), 5.9e3), np.full((36, 1), -9e3)])
    assert power.energy_balance_wh(net_w, 60.0) == pytest.approx(5.9e3 - 9e3 * 0.6)


def test_load_by_mode():
    """Bus and payload: all on, payload idle, safe."""
    duty = np.array([[1, 1], [1, 0.25], [0.5, 0]])
    parts = np.array([[2e3] * 3, [14e3] * 3], dtype=np.float32)
    found = power.mode_load_w(np.array([0, 1, 2]), duty, parts)
    assert found.tolist() == [16e3, 5.5e3, 1e3]
    assert found.dtype == np.float32


def test_array_of_a_120_kw_satellite():
    """AI1 at 250 W/m2 at the bus needs 480 m2; SMAD's cos and heat terms bring 1,361 down."""
    per_m2 = power.array_power_w(1361.0, 1.0, 0.22, 0.9, 1.0, 60.0, 0.0023)
    assert per_m2 == pytest.approx(250, rel=0.01)
    assert 120e3 / 250 == 480
    assert power.array_power_w(1361.0, 1.0, 0.22, 0.9, -0.5, 28.0, 0.0023) == 0
