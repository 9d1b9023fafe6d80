"""Battery: closed-form balance of Patel, Spacecraft Power Systems, and its own energy books."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbitwin.physics import battery

GRID = np.array([3.0, 3.45, 3.55, 3.6, 3.64, 3.69, 3.77, 3.87, 3.97, 4.07, 4.2])


def test_closed_orbit_conserves_energy():
    """Charge that makes up for a discharge with both losses brings the energy back to 1e-6."""
    energy = np.array([20_000.0])
    start = energy.copy()
    for _ in range(1200):
        energy = battery.step_wh(energy, np.array([-15e3]), 30e3, 0.96, 0.95, 1.0)
    back_w = 15e3 * 1200 / (0.96 * 0.95) / 4500
    for _ in range(4500):
        energy = battery.step_wh(energy, np.array([back_w]), 30e3, 0.96, 0.95, 1.0)
    assert energy == pytest.approx(start, rel=1e-6)


@given(st.floats(-5e4, 5e4), st.floats(0, 3e4), st.floats(0.1, 600))
def test_charge_is_monotonic_and_bounded(net_w, energy_wh, dt_s):
    after = battery.step_wh(np.array([energy_wh]), np.array([net_w]), 3e4, 0.96, 0.95, dt_s)[0]
    assert 0 <= after <= 3e4
    assert (after - energy_wh) * net_w >= 0


@given(st.floats(-4e4, 4e4))
def test_terminal_current_gives_the_power_back(power_w):
    ocv, resistance = np.array([103.0]), 0.02
    amps = battery.terminal_current_a(np.array([power_w]), ocv, resistance)
    volts = ocv + amps * resistance
    assert volts * amps == pytest.approx(power_w, rel=1e-6, abs=1e-3)


def test_open_circuit_voltage_and_back():
    charge = np.linspace(0, 1, 41)
    volts = battery.on_uniform_grid(charge, GRID)
    assert volts[[0, 20, 40]] == pytest.approx([3.0, 3.69, 4.2])
    assert (np.diff(volts) > 0).all()
    back = battery.state_of_charge(volts, np.linspace(0, 1, 11), GRID)
    assert back == pytest.approx(charge, abs=1e-12)


def test_charger_tapers():
    found = battery.charge_limit_w(np.array([0.5, 0.9, 0.95, 1.0]), 30e3, 0.5, 0.9)
    assert found == pytest.approx([15e3, 15e3, 7.5e3, 0])


def test_cycle_life_and_fade():
    """A depth of 20 to 30 % for five years in low orbit (27,800 cycles) ends near 80 % health."""
    lives = battery.life_cycles(np.array([0.2, 0.25, 0.3]))
    assert lives[0] > 27_800 > lives[2]
    assert lives[1] == pytest.approx(27_800, rel=0.02)
    faded = battery.faded_health_ratio(np.array([1.0]), 0.25, lives[1])
    assert faded == pytest.approx(battery.END_OF_LIFE_RATIO)
    # two depths add up in a straight line, in any order (Miner 1945)
    there = battery.faded_health_ratio(battery.faded_health_ratio(1.0, 0.2, 1000), 0.3, 500)
    back = battery.faded_health_ratio(battery.faded_health_ratio(1.0, 0.3, 500), 0.2, 1000)
    assert there == pytest.approx(back, abs=1e-12)


def test_eclipse_floor():
    """14.4 kW for 19.7 minutes of 20.3 kWh takes 24 %."""
    found = battery.eclipse_floor_ratio(np.array([0.95, 0.1]), 14.4e3, 19.7 * 60, 20.3e3, 0.97)
    assert found == pytest.approx([0.71, 0], abs=0.005)
