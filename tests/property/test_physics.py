"""What holds of the physics whatever it is given: energy and order are kept, nothing crashes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from orbitwin.physics import battery, compute, eclipse, links, orbit, phase_change, power, thermal
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.physics.phase_change import DOCOSANE, EICOSANE

SUN_M = np.array([1.496e11, 0.0, 0.0])
CAPACITY_WH = 3e4
WATTS = st.floats(-5e4, 5e4)
TRACE_W = hnp.arrays(np.float64, st.integers(1, 30), elements=WATTS)


@given(TRACE_W, st.floats(0, CAPACITY_WH), st.floats(0.1, 600), st.floats(0.5, 1))
def test_a_battery_keeps_the_books(net_w, start_wh, dt_s, efficiency):
    """What is stored is what came in or went out, with the losses, within empty and full."""
    energy = np.array([start_wh])
    for w in net_w:
        path = efficiency if w > 0 else 1 / efficiency
        wanted = energy + w * path * dt_s / 3600
        after = battery.step_wh(energy, np.array([w]), CAPACITY_WH, efficiency, efficiency, dt_s)
        # it refuses only what would overfill or overdraw it
        assert after == pytest.approx(np.clip(wanted, 0, CAPACITY_WH), abs=1e-6)
        energy = after


@given(TRACE_W, st.floats(0, 1e4), st.floats(0, CAPACITY_WH), st.floats(0.1, 600))
def test_more_net_power_never_gives_less_charge(net_w, more_w, start_wh, dt_s):
    poor = rich = np.array([start_wh])
    for w in net_w:
        poor = battery.step_wh(poor, np.array([w]), CAPACITY_WH, 0.96, 0.95, dt_s)
        rich = battery.step_wh(rich, np.array([w + more_w]), CAPACITY_WH, 0.96, 0.95, dt_s)
        assert rich[0] >= poor[0] - 1e-9


@given(st.floats(0.01, 1), st.floats(0, 50_000), st.floats(0, 50_000))
def test_health_only_fades(depth, first, more):
    before = battery.faded_health_ratio(1.0, depth, first)
    assert 0 <= battery.faded_health_ratio(before, depth, more) <= before <= 1


@given(
    hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e5, 1e5)),
    st.floats(-3e7, 5e7),
    st.floats(0.1, 100),
    st.sampled_from([EICOSANE, DOCOSANE]),
)
def test_a_phase_change_store_keeps_every_joule(heat_w, start_j, dt_s, material):
    state = np.array([start_j])
    for w in heat_w:
        state, degc, melted = phase_change.pcm_step(state, w, dt_s, 100.0, material)
        back = phase_change.enthalpy_j(degc, 100.0, material, melted)
        assert back == pytest.approx(state, abs=1.0)
        assert 0 <= melted[0] <= 1
    assert state[0] == pytest.approx(start_j + heat_w.sum() * dt_s, rel=1e-9, abs=1e-3)


@given(st.floats(-3e7, 5e7), st.floats(1, 1e6), st.floats(-50, 150))
def test_a_warmer_store_holds_more_heat(start_j, more_j, limit_degc):
    cold, warm = (
        phase_change.temperature_degc(x, 100.0, EICOSANE) for x in (start_j, start_j + more_j)
    )
    assert warm >= cold
    room_j = phase_change.heat_to_j(start_j, limit_degc, 100.0, EICOSANE)
    reached = phase_change.temperature_degc(start_j + room_j, 100.0, EICOSANE)
    assert room_j >= 0
    assert reached == pytest.approx(max(limit_degc, cold), abs=1e-6) or room_j == 0


@given(st.floats(-80, 150), st.floats(-1e4, 1e5), st.floats(0.1, 1e4))
def test_a_radiator_step_keeps_the_books(degc, heat_w, dt_s):
    """Stored = brought - radiated, the latter by its slope over the step (Rosenbrock-Euler)."""
    area_m2, eps, capacity = 20.0, 0.9, 1e5
    after = thermal.radiating_step_degc(np.array([degc]), heat_w, area_m2, eps, capacity, dt_s)
    slope = 4 * area_m2 * thermal.emitted_w_m2(degc, eps) / (degc + 273.15)
    radiated_w = area_m2 * thermal.emitted_w_m2(degc, eps) + slope * (after[0] - degc)
    stored_j = capacity * (after[0] - degc)
    assert stored_j == pytest.approx(dt_s * (heat_w - radiated_w), rel=1e-6, abs=1e-2)


@given(st.floats(-50, 150), st.floats(100, 1e4), st.floats(10, 1e5), st.integers(1, 6))
def test_a_radiator_in_series_keeps_the_books(inlet, rate_w_k, conductance_w_k, nodes):
    heat, panels, outlet = thermal.series_radiator(
        np.array([inlet]), rate_w_k, conductance_w_k, 30.0, 0.9, 120.0, nodes
    )
    radiated = (thermal.emitted_w_m2(panels, 0.9) - 120.0).sum(axis=0) * 30.0 / nodes
    assert heat == pytest.approx(radiated, rel=1e-6, abs=1e-3)
    coldest = thermal.equilibrium_degc(120.0, 0.9)
    assert min(inlet, coldest) - 1e-6 <= outlet[0] <= max(inlet, coldest) + 1e-6


@given(
    hnp.arrays(np.float64, (3, 20), elements=st.floats(-8e6, 8e6)),
    st.floats(0, 2 * np.pi),
)
def test_the_shadow_mirrors_about_the_line_to_the_sun(position_m, plane_rad):
    """Any plane through the Earth-Sun line is a mirror."""
    c, s = np.cos(2 * plane_rad), np.sin(2 * plane_rad)
    mirror = np.array([[1, 0, 0], [0, c, s], [0, s, -c]])
    length = np.linalg.norm(position_m, axis=0)
    outside = length > EARTH_RADIUS_M
    position_m = position_m[:, outside]
    across = np.hypot(position_m[1], position_m[2])
    clear = np.abs(across - EARTH_RADIUS_M) > 1.0  # rounding decides within a metre of the edge
    there, back = position_m[:, clear], (mirror @ position_m)[:, clear]
    assert np.array_equal(
        eclipse.in_cylinder(there, [1, 0, 0]), eclipse.in_cylinder(back, [1, 0, 0])
    )
    assert eclipse.lit_fraction(there, SUN_M) == pytest.approx(
        eclipse.lit_fraction(back, SUN_M), abs=1e-4
    )


@given(st.floats(200e3, 4e7), st.floats(-np.pi / 2, np.pi / 2), st.floats(-20, 20))
def test_the_next_eclipse_is_ahead_and_as_long_as_its_share(altitude_m, beta, past_rad):
    entry, leave = eclipse.next_eclipse_s(altitude_m, beta, np.array([past_rad]), 1e-3)
    share = eclipse.eclipse_fraction(altitude_m, beta)
    assert eclipse.eclipse_fraction(altitude_m, -beta) == share
    if share == 0:
        assert np.isnan(entry[0]) and np.isnan(leave[0])
    else:
        assert leave[0] >= 0
        assert leave[0] - entry[0] == pytest.approx(share * 2 * np.pi / 1e-3, rel=1e-6, abs=1e-6)


@given(st.floats(0, 1e8), st.floats(0, 1e-4), st.floats(0, 1e-4))
def test_no_beam_brings_more_than_was_sent(range_m, bias, jitter):
    caught = links.gaussian_capture_ratio(0.1, 20e-6, 1550e-9, range_m)
    assert 0 < caught <= 1
    assert 0 <= links.pointing_loss_ratio(links.beam_gain_ratio(20e-6), bias, jitter) <= 1


def test_beta_of_90_degrees_is_all_sun():
    altitude, beta = np.array([1.0, 500e3, 2000e3]), np.array([np.pi / 2, -np.pi / 2, np.pi / 2])
    assert (eclipse.eclipse_fraction(altitude, beta) == 0).all()


def test_an_eccentricity_of_0_9_has_rates_and_is_refused_as_a_near_circle():
    rates = orbit.j2_rates_rad_s(EARTH_RADIUS_M + 60e6, 0.9, 1.1)
    assert np.isfinite(rates).all()
    with pytest.raises(ValueError, match="eccentricity"):
        orbit.mean_elements(0, EARTH_RADIUS_M + 60e6, 1.1, 0.0, 0.0, ex=0.9)


STEPS = {
    "battery step": lambda x: battery.step_wh(x, x, 3e4, 0.96, 0.95, 1.0),
    "charge limit": lambda x: battery.charge_limit_w(x, 3e4, 0.3, 0.9),
    "open circuit": lambda x: battery.on_uniform_grid(x, np.array([3.0, 3.5, 4.2])),
    "current": lambda x: battery.terminal_current_a(x, x, 0.02),
    "floor": lambda x: battery.eclipse_floor_ratio(x, 1e3, 600.0, 3e4, 0.95),
    "fade": lambda x: battery.faded_health_ratio(x, 0.2, 100.0),
    "array": lambda x: power.array_power_w(x, 100.0, 0.2, 0.9, x, x, 0.002),
    "margin": lambda x: power.margin_pct(x, x),
    "radiator": lambda x: thermal.radiating_step_degc(x, 1e3, 20.0, 0.9, 1e5, 1.0),
    "series": lambda x: thermal.series_radiator(x, 1e3 + x, 1e3 + x, 20.0, 0.9, 100.0)[0],
    "limit": lambda x: thermal.time_to_limit_s(x, 85.0, 1e3, 1e5),
    "limit of heat": lambda x: thermal.time_to_limit_s(0 * x, 85.0, x, 1e5),
    "melt": lambda x: phase_change.pcm_step(x, 1e3, 1.0, 10.0, EICOSANE)[1],
    "room": lambda x: phase_change.heat_to_j(x, 60.0, 10.0, EICOSANE),
    "ride": lambda x: phase_change.ride_through_s(x, 1e3, 10.0, EICOSANE),
    "eclipse": lambda x: eclipse.eclipse_fraction(x, x),
    "next": lambda x: eclipse.next_eclipse_s(x, x, x, 1e-3)[0],
    "lit": lambda x: eclipse.lit_fraction(np.stack([x, x, x]), SUN_M),
    "sight": lambda x: links.sight_altitude_m(np.stack([x, x, x]), np.stack([x, -x, x])),
    "capture": lambda x: links.gaussian_capture_ratio(0.1, 20e-6, 1550e-9, x),
    "health": lambda x: links.health_ratio(x, x),
    "clock": lambda x: compute.thermal_clock_ratio(x, 83.0, 91.0, 0.3),
    "goodput": lambda x: compute.goodput_ratio(x, x, x),
    "quality": lambda x: compute.quality_ratio(x, 0.0, 0.0),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_one_and_unknown(name, dtype):
    """No satellite, one, and one that is not known: its value is not known, the others' is."""
    function = STEPS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        none = function(np.empty(0, dtype))
        one = function(np.full(1, 0.5, dtype))
        some = function(np.array([0.5, np.nan, 0.5], dtype))
    assert none.shape == (0,)
    assert one.shape == (1,)
    assert np.isnan(some).tolist() == [np.isnan(one[0]), True, np.isnan(one[0])]
    assert none.dtype == one.dtype == some.dtype == dtype
