"""Thermal models against Gilmore, ECSS-E-HB-31-01, closed forms and Starcloud's white paper."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import thermal
from orbitwin.physics.constants import STEFAN_BOLTZMANN_W_M2_K4 as SIGMA
from orbitwin.physics.constants import ZERO_CELSIUS_K


def test_starcloud_radiator():
    emitted = thermal.emitted_w_m2(20.0, 0.92)
    assert emitted == pytest.approx(770.5, rel=1e-3)
    assert emitted - 137 == pytest.approx(633.5, rel=1e-3)


@pytest.mark.parametrize(("eps", "degc"), [(0.92, 67), (0.85, 74)])
def test_ai1_radiator_of_1400_w_m2(eps, degc):
    assert thermal.equilibrium_degc(1400, eps) == pytest.approx(degc, abs=0.6)


@pytest.mark.parametrize(("kw", "degc"), [(120, 55.7), (150, 73.1)])
def test_ai1_radiator_edge_on_at_650_km(kw, degc):
    view = thermal.vertical_view_factor(650e3)
    absorbed = thermal.absorbed_w_m2(0, 0, 237, 0, view, 0.15, 0.9)
    assert thermal.equilibrium_degc(kw * 1e3 / 110 + absorbed, 0.9) == pytest.approx(degc, abs=0.2)


@pytest.mark.parametrize(
    ("km", "nadir", "vertical"),
    [(500, 0.86, 0.267), (650, 0.82, 0.241), (1000, 0.75, 0.194), (2000, 0.58, 0.118)],
)
def test_view_factors(km, nadir, vertical):
    assert thermal.nadir_view_factor(km * 1e3) == pytest.approx(nadir, abs=0.006)
    assert thermal.vertical_view_factor(km * 1e3) == pytest.approx(vertical, abs=5e-4)


def test_plates_and_sphere_at_one_astronomical_unit():
    kelvin = [
        thermal.equilibrium_degc(1361, 1.0, faces=1) + ZERO_CELSIUS_K,
        thermal.equilibrium_degc(1361, 1.0, faces=2) + ZERO_CELSIUS_K,
        thermal.equilibrium_degc(1361 / 4, 1.0, faces=1) + ZERO_CELSIUS_K,
    ]
    assert kelvin == pytest.approx([393.6, 331.0, 278.3], abs=0.1)


def test_cool_down_of_a_radiating_lump():
    """t = m c / (3 eps sigma A) (T1^-3 - T0^-3): 100 kg, 350 to 280 K in 6534 s."""
    capacity = 100 * 900.0
    expected_s = capacity / (3 * 0.9 * SIGMA * 2) * (280.0**-3 - 350.0**-3)
    assert expected_s == pytest.approx(6534.05, rel=1e-3)
    t = np.array([350.0]) - ZERO_CELSIUS_K
    dt = expected_s / 2000
    for _ in range(2000):
        t = thermal.radiating_step_degc(t, 0.0, 2.0, 0.9, capacity, dt, faces=1)
    assert t[0] + ZERO_CELSIUS_K == pytest.approx(280, abs=0.05)


def test_a_step_is_stable_at_any_length():
    t = np.array([80.0])
    for _ in range(50):
        t = thermal.radiating_step_degc(t, 30e3, 40.0, 0.9, 1e5, 1e5)
    assert t[0] == pytest.approx(thermal.equilibrium_degc(30e3 / 40, 0.9), abs=0.5)


def test_coolant_loop_is_in_balance():
    into, out = thermal.coolant_loop_degc(np.array([60.0]), np.array([40.0]), 0.9, 0.8)
    assert out - into == pytest.approx(0.9 * (60.0 - into))
    assert out - into == pytest.approx(0.8 * (out - 40.0))
    assert 40 < into[0] < out[0] < 60


def test_headroom_in_watts_is_zero_at_the_limit():
    steady_w = 30.0 * (thermal.emitted_w_m2(60.0, 0.9) - 100)
    assert thermal.headroom_w(60.0, 30.0, 0.9, 100, steady_w) == pytest.approx(0)


@pytest.mark.parametrize(("m2", "degc"), [(25, 63.7), (30, 50.1), (40, 30.2)])
def test_radiator_of_a_30_kw_satellite_at_500_km(m2, degc):
    view = thermal.vertical_view_factor(500e3)
    absorbed = thermal.absorbed_w_m2(0, 0, 237, 0, view, 0.15, 0.9)
    assert thermal.equilibrium_degc(30e3 / m2 + absorbed, 0.9) == pytest.approx(degc, abs=0.1)


def test_radiator_of_the_space_station():
    """EATCS: 70 kW from about 156 m2 is 449 W/m2, the order of two faces near freezing."""
    net_w_m2 = 70e3 / 156
    assert net_w_m2 == pytest.approx(449, abs=1)
    assert -20 < thermal.equilibrium_degc(net_w_m2, 0.9) < 0
    # the real loop is warmer: it also takes up sunlight and earthshine
    absorbed = thermal.absorbed_w_m2(1361, 0.1, 237, 100, 0.28, 0.2, 0.9)
    assert 0 < thermal.equilibrium_degc(net_w_m2 + absorbed, 0.9) < 15


@pytest.mark.parametrize(("cell_ratio", "degc"), [(0.22, 44.8), (0.044, 62.6)])
def test_panel_whose_dark_side_radiates(cell_ratio, degc):
    """500 m2, alpha 0.9, eps 0.85 on both faces, 60 W/m2 of payload heat brought to it."""
    heat_w_m2 = 1361 * (0.9 - cell_ratio) + 60
    assert thermal.equilibrium_degc(heat_w_m2, 0.85) == pytest.approx(degc, abs=0.1)


@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
def test_radiator_in_series_rejects_what_its_panels_radiate(nodes):
    inlet = np.array([20.0, 60.0, 90.0])
    heat, panels, outlet = thermal.series_radiator(inlet, 1360.0, 4000.0, 30.0, 0.9, 150.0, nodes)
    radiated = (thermal.emitted_w_m2(panels, 0.9) - 150.0).sum(axis=0) * 30.0 / nodes
    assert heat == pytest.approx(radiated, rel=1e-6)
    assert heat == pytest.approx(1360.0 * (inlet - outlet))
    assert panels.shape == (nodes, 3)
    assert (np.diff(panels, axis=0) < 0).all()


def test_a_radiator_in_series_ends_at_the_temperature_of_its_surroundings():
    """Endless area: nothing leaves colder than the panel that only balances what it absorbs."""
    _, panels, outlet = thermal.series_radiator(np.array([80.0]), 500.0, 1e5, 1e4, 0.9, 300.0, 4)
    assert outlet == pytest.approx(thermal.equilibrium_degc(300.0, 0.9), abs=0.1)
    assert panels.min() >= thermal.equilibrium_degc(300.0, 0.9) - 1e-6


def test_headroom_in_kelvin_and_time_to_limit():
    """10 K, 90 kJ/K, 3 kW of surplus: 300 s; for ever without a surplus, 0 above the limit."""
    assert thermal.headroom_k(85.0, 75.0) == 10
    now = np.array([75.0, 75.0, 75.0, 90.0, np.nan, 90.0])
    net = np.array([3e3, 0.0, -1.0, 3e3, 3e3, -1.0])
    found = thermal.time_to_limit_s(now, 85.0, net, 90e3)
    assert found == pytest.approx([300, np.inf, np.inf, 0, np.nan, 0], nan_ok=True)
    with_store = thermal.time_to_limit_s(now[:1], 85.0, net[:1], 90e3, store_j=6e5)
    assert with_store == pytest.approx([500])
