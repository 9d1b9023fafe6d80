"""What the twin adds to windows, against the physics functions sampled finely or by hand."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin import profile as profiles
from orbitwin.layout import scaled
from orbitwin.physics import eclipse, radiation, thermal
from orbitwin.physics.sun import sun_position_m
from orbitwin.spacecraft import derive, link_values
from orbitwin.spacecraft.links import received_dbm
from orbitwin.trajectory import Planned
from processors.model import charge, environment
from processors.model.charge import Pack

T0_US = 1_790_000_000_000_000
SECOND_US = 1_000_000
WIDTH_US = 10 * SECOND_US
SUNCATCHER = profiles.load("suncatcher_81")
_, ORBIT = scaled(profiles.load("starlink_v2"), 400)
WALKER = Planned(ORBIT.elements)
ALL = slice(0, 400)


def edge_window() -> int:
    """Middle of a window in which a satellite of the shell enters the shadow."""
    for second in range(0, 3600, 10):
        t_us = T0_US + second * SECOND_US
        found = environment.light(WALKER, ALL, np.full(400, t_us), WIDTH_US)
        if np.any((found["lit_ratio"] > 0.2) & (found["lit_ratio"] < 0.8)):
            return t_us
    raise AssertionError("no satellite meets the shadow")


def test_light_is_the_mean_of_the_cone_shadow_over_the_window() -> None:
    """Montenbruck & Gill's cone, every quarter of a second, against three samples."""
    mid_us = edge_window()
    found = environment.light(WALKER, ALL, np.full(400, mid_us), WIDTH_US)
    times = mid_us + (np.arange(-20, 20) * 250_000 + 125_000)
    fine = np.array(
        [eclipse.lit_fraction(WALKER.positions_m(int(t)), sun_position_m(int(t))) for t in times]
    )
    assert np.abs(found["lit_ratio"] - fine.mean(axis=0)).max() < 0.17  # half a third of a window
    steady = (fine == fine[0]).all(axis=0)
    assert np.array_equal(found["lit_ratio"][steady], fine[0][steady])
    assert found["edge"][~steady].all()
    assert (found["edge"] == 0).sum() > 350
    assert found["sun_w_m2"] == pytest.approx(1361, rel=0.035)
    h = np.linalg.norm(WALKER.positions_m(mid_us), axis=0) - 6378137.0
    assert found["earth_view"] == pytest.approx(thermal.vertical_view_factor(h), rel=1e-5)
    assert found["day_cos"].min() == 0 and 0.5 < found["day_cos"].max() <= 1


def test_satellites_at_different_times_are_each_seen_at_their_own() -> None:
    mids = T0_US + np.arange(3) * 40 * WIDTH_US
    rows = np.array([5, 100, 399])
    mixed = environment.light(WALKER, rows, mids, WIDTH_US)
    for n in range(3):
        alone = environment.light(WALKER, rows[n : n + 1], mids[n : n + 1], WIDTH_US)
        assert {k: v[n] for k, v in mixed.items()} == {k: v[0] for k, v in alone.items()}


def test_navigation_tells_along_above_and_beside() -> None:
    rows = np.arange(6)
    t_us = np.array([0, 0, 0, 10, 10, 3]) * SECOND_US + T0_US
    late_us = 20_000  # a clock 20 ms slow: the fix is of a place 20 ms further on
    fixes = []
    for row, t in zip(rows, t_us, strict=True):
        place = WALKER.positions_m(int(t))[:, row].astype(float)
        up = place / np.linalg.norm(place)
        ahead = WALKER.positions_m(int(t) + late_us)[:, row] - place
        fixes.append([place + ahead, place + 30 * up, place][row % 3])
    fixes[5] = fixes[5] + np.array([np.nan, 0, 0])
    found = environment.navigation(WALKER, rows, np.array(fixes).T, t_us)
    assert found["nav_along_s"][[0, 3]] == pytest.approx(0.02, abs=2e-4)
    assert found["nav_radial_m"][[1, 4]] == pytest.approx(30, abs=0.1)
    assert np.abs(found["nav_cross_m"][:5]).max() < 1.5
    assert np.isnan(found["nav_along_s"][5])
    normal = np.cross(
        WALKER.positions_m(T0_US)[:, 0].astype(float),
        (WALKER.positions_m(T0_US + SECOND_US) - WALKER.positions_m(T0_US))[:, 0].astype(float),
    )
    fix = WALKER.positions_m(T0_US)[:, :1] + 50 * (normal / np.linalg.norm(normal))[:, None]
    beside = environment.navigation(WALKER, rows[:1], fix, t_us[:1])
    assert beside["nav_cross_m"][0] == pytest.approx(50, abs=0.5)


def test_links_are_those_of_a_nominal_satellite() -> None:
    """The forward model itself, without bias, loss or wobble."""
    numbers = SUNCATCHER.nominals[0].numbers
    _, orbit = scaled(SUNCATCHER, 81)
    planned = Planned(orbit.elements)
    own = environment.linked(numbers, 81)
    found = environment.received(own, planned, slice(0, 81), np.full(81, T0_US), 81)
    nominal: dict[str, object] = dict(numbers)
    derive(nominal)
    want = link_values(nominal, planned.argument_of_latitude_rad(T0_US), 0.0)
    assert found["rx_least_dbm"] == pytest.approx(want["rx_min_dbm"], abs=1e-4)
    assert found["rx_average_dbm"] == pytest.approx(want["rx_mean_dbm"], abs=1e-4)
    assert environment.linked({"links": 4.0}, 81) == []


def test_links_that_cannot_close_are_not_expected() -> None:
    """Between the weakest and the strongest of its terminals, then above them all."""
    numbers = profiles.load("starlink_v2").nominals[0].numbers

    def received(sensitivity_dbm: float) -> dict[str, np.ndarray]:
        terminals = environment.linked({**numbers, "sensitivity_dbm": sensitivity_dbm}, 400)
        return environment.received(terminals, WALKER, ALL, np.full(400, T0_US), 400)

    own: dict[str, object] = dict(numbers)
    derive(own)
    powers = np.stack(received_dbm(own, WALKER.argument_of_latitude_rad(T0_US), 0.0))
    between = float(np.median(powers))
    closed = powers >= between
    found = received(between)
    assert 0 < closed.sum() < closed.size
    assert found["links_closed"].tolist() == closed.sum(axis=0).tolist()
    some = closed.any(axis=0)
    least = np.where(closed, powers, np.inf).min(axis=0)
    assert found["rx_least_dbm"][some] == pytest.approx(least[some], abs=1e-4)
    nothing = received(float(powers.max()) + 1)
    assert not nothing["links_closed"].any() and np.isnan(nothing["rx_average_dbm"]).all()


def test_links_of_shells_that_have_unequal_numbers_of_them() -> None:
    """Of 5 and 6 links, at two times: the forward model of each shell by itself."""
    own = profiles.load("three_tier")
    layout, orbit = scaled(own, 120)
    planned = Planned(orbit.elements)
    numbers = [nominal.numbers for nominal in own.nominals]
    shell = layout.shell_index
    assert len({n["links"] for n in numbers}) > 1
    nothing = np.float32(np.nan)
    constants = {
        name: np.array([n.get(name, nothing) for n in numbers], np.float32)[shell]
        for name in dict.fromkeys(name for n in numbers for name in n)
    }
    mid_us = np.where(np.arange(120) % 2, T0_US, T0_US + WIDTH_US)
    terminals = environment.linked(constants, 120)
    found = environment.received(terminals, planned, slice(0, 120), mid_us, 120)
    for number, nominal in enumerate(numbers):
        derived: dict[str, object] = dict(nominal)
        derive(derived)
        for t_us in np.unique(mid_us):
            some = np.flatnonzero((shell == number) & (mid_us == t_us))
            want = link_values(derived, planned.argument_of_latitude_rad(int(t_us))[some], 0.0)
            assert found["rx_least_dbm"][some] == pytest.approx(want["rx_min_dbm"], abs=1e-3)
            assert found["rx_average_dbm"][some] == pytest.approx(want["rx_mean_dbm"], abs=1e-3)


def test_protons_are_those_of_the_grid_at_the_satellites_place() -> None:
    found = environment.protons(WALKER, ALL, np.full(400, T0_US))
    assert (found >= 0).all() and found.max() > 10 * np.median(found)
    row = int(np.argmax(found))
    x, y, z = WALKER.positions_m(T0_US)[:, row].astype(float)
    radius = np.sqrt(x * x + y * y + z * z)
    longitude = np.arctan2(y, x) - radiation.earth_rotation_rad(T0_US)
    place = [np.array([v]) for v in (np.arcsin(z / radius), longitude, radius - 6378137.0)]
    # without the precession of the pole, 0.15 degrees
    assert found[row] == pytest.approx(radiation.proton_flux_cm2_s(*place)[0], rel=0.1)
    degrees = np.degrees((longitude + np.pi) % (2 * np.pi) - np.pi)
    assert -100 < degrees < 30  # the South Atlantic anomaly


def test_a_panel_of_which_nothing_is_known_is_as_one_that_was_followed() -> None:
    """Two orbits in steps of 10 s, from the equilibrium, against 40 min in steps of 20 s."""
    numbers = profiles.load("starlink_v2").nominals[0].numbers
    rows = np.arange(0, 400, 20)
    start_us = T0_US - 11_400 * SECOND_US
    panel = np.full(len(rows), 20.0)
    for _ in range(0, 11_401, 10):
        around = environment.light(WALKER, rows, np.full(len(rows), start_us), WIDTH_US)
        panel = environment.panel_step_degc(numbers, panel, around, 10.0)
        start_us += WIDTH_US
    last_us = np.full(len(rows), T0_US)
    settled = environment.settled_panel_degc(numbers, WALKER, rows, last_us)
    assert np.ptp(settled) > 20  # some are in the dark
    assert np.abs(settled - panel).max() < 6


PACK = Pack(28.0, 20_000.0, 0.02, 0.97, 0.96, 0.3, np.linspace(0, 1, 11), np.linspace(3.0, 4.2, 11))


def test_charge_is_counted_as_it_flows_where_the_voltage_tells_nothing() -> None:
    """dE = P eta_c dt when charging, P dt / eta_d when not (Patel, ch. 9)."""
    soc, ocv_v = np.array([0.0, 1.0]), np.array([3.6, 3.6001])
    flat = Pack(28.0, 20_000.0, 0.02, 0.97, 0.96, 0.3, soc, ocv_v)
    ratio, variance = np.array([0.5, 0.5]), np.full(2, 1e-6)
    volts, amps = np.full(2, 100.8), np.array([50.0, -50.0])
    volts = volts + amps * 0.02
    for _ in range(90):
        got = charge.step(flat, ratio, variance, volts, amps, volts * amps, np.full(2, 10.0))
        ratio, variance = got.next_ratio, got.next_variance
    moved_wh = volts * amps * 900 / 3600
    want = 0.5 + moved_wh * np.array([0.97, 1 / 0.96]) / 20_000
    assert ratio == pytest.approx(want, abs=2e-3)


def test_a_wrong_charge_is_corrected_and_its_sigma_is_true() -> None:
    """Plett (2004): the filter finds the charge from the voltage, as surely as it says."""
    rng = np.random.default_rng(0)
    rows = 400
    true = rng.uniform(0.3, 0.8, rows)
    ratio = true + rng.normal(0, 0.1, rows)
    variance = np.full(rows, 0.01)
    offset = rng.normal(0, charge.CURVE_SIGMA_V, rows) * PACK.cells
    before = np.zeros(rows)
    for window in range(120):
        amps = np.full(rows, 40 * np.cos(window / 20))
        volts = PACK.rested_v(true) + amps * PACK.resistance_ohm
        power = volts * amps
        moved = 0.5 * (before + power)
        eta = np.where(moved > 0, 0.97, 1 / 0.96)
        true = true + moved * eta * 10 / 3600 / 20_000 * (window > 0)
        volts = PACK.rested_v(true) + amps * PACK.resistance_ohm + offset
        if window:
            got = charge.step(PACK, ratio, variance, volts, amps, before, np.full(rows, 10.0))
            ratio, variance = got.next_ratio, got.next_variance
        before = power
    assert np.abs(ratio - true).mean() < 0.02
    z = (got.rested_v - (PACK.rested_v(true) + offset)) / got.rested_sigma_v
    assert np.mean(np.abs(z) < 1.96) > 0.93  # what the curve may be off is within


def test_a_charge_of_which_nothing_is_known_comes_from_the_voltage() -> None:
    volts = PACK.rested_v(np.array([0.25, 0.75])) + 10 * PACK.resistance_ohm
    nothing = np.full(2, np.nan)
    got = charge.step(PACK, nothing, nothing, volts, np.full(2, 10.0), nothing, nothing)
    assert np.isnan(got.rested_v).all() and np.isnan(got.ratio).all()
    assert got.next_ratio == pytest.approx([0.25, 0.75], abs=1e-6)
