"""The synthetic fleet is deterministic, physically closed and looks healthy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orbitwin import catalogue, layout, profile
from orbitwin.physics.sgp4_batch import Sgp4Orbit
from orbitwin.trajectory import Real
from producers.truth import Truth

NOVEMBER_US = 1_795_219_200_000_000  # 2026-11-21: the dusk orbit sees no eclipse
JUNE_US = 1_813_536_000_000_000  # 2027-06-21: its longest eclipses
SECOND_US = 1_000_000
SAMPLE = Path(__file__).parents[1] / "data" / "starlink_omm_sample.json"


@pytest.fixture(scope="module")
def suncatcher():
    return profile.load("suncatcher_81")


def test_columns_are_those_of_the_vehicle_within_their_ranges(suncatcher):
    vehicle = catalogue.load("odc")
    truth = Truth(suncatcher, 81, seed=3, t0_us=JUNE_US)
    for seconds in range(0, 6000, 300):
        measured = truth.advance(JUNE_US + seconds * SECOND_US)
        assert set(measured) == set(vehicle.parameters)
        for packet in vehicle.packets.values():
            for column in packet.columns:
                values = measured[column.name]
                assert values.dtype == np.float32
                assert values.shape == (81,)
                assert (values >= column.low).all(), column.name
                assert (values <= column.high).all(), column.name


def test_same_seed_same_fleet(suncatcher):
    one, two = (Truth(suncatcher, 500, seed=7, t0_us=NOVEMBER_US) for _ in range(2))
    other = Truth(suncatcher, 500, seed=8, t0_us=NOVEMBER_US)
    for k in (1, 2, 2, 60):
        t_us = NOVEMBER_US + k * SECOND_US
        first, second, third = one.advance(t_us), two.advance(t_us), other.advance(t_us)
        assert all(np.array_equal(first[name], second[name]) for name in first)
        assert not np.array_equal(first["array_a"], third["array_a"])


def test_packets_asked_for_do_not_change_the_values(suncatcher):
    one, two = (Truth(suncatcher, 5, seed=7, t0_us=NOVEMBER_US) for _ in range(2))
    all_of_it, fast = (
        one.advance(NOVEMBER_US + SECOND_US),
        two.advance(NOVEMBER_US + SECOND_US, ("fast",)),
    )
    assert "x_m" not in fast
    assert all(np.array_equal(all_of_it[name], values) for name, values in fast.items())


def test_rows_asked_for_do_not_change_the_values(suncatcher, monkeypatch):
    """Of a staggered packet only the rows that are due: the same values, over edges of blocks."""
    monkeypatch.setattr("orbitwin.physics.orbit.BLOCK_ROWS", 16)
    slow = catalogue.load("odc").packets["slow"].by_name
    whole, part, one, two = (Truth(suncatcher, 81, seed=7, t0_us=NOVEMBER_US) for _ in range(4))
    assert len(whole.blocks) > 4
    for second, rows in enumerate(([0, 14, 15, 16, 40, 80], [3], [*range(17, 33)]), 1):
        t_us = NOVEMBER_US + second * SECOND_US
        due = {"fast": None, "slow": np.array(rows)}
        all_of_it, some = whole.true_values(t_us), part.true_values(t_us, due)
        for name, values in some.items():
            expected = all_of_it[name]
            assert np.array_equal(expected[rows] if name in slow else expected, values), name
        measured, repeated = one.advance(t_us, due), two.advance(t_us, due)
        for name, values in measured.items():
            assert np.array_equal(values, repeated[name], equal_nan=True), name
            unknown = np.delete(np.arange(81), rows) if name in slow else []
            assert np.flatnonzero(np.isnan(values)).tolist() == list(unknown), name


@pytest.mark.parametrize("start_us", [NOVEMBER_US, JUNE_US])
def test_a_restart_measures_what_would_have_been_measured(suncatcher, start_us):
    running = Truth(suncatcher, 81, seed=5, t0_us=start_us)
    for minute in range(1, 121):
        before = running.advance(start_us + minute * 60 * SECOND_US)
    after = Truth(suncatcher, 81, seed=5, t0_us=start_us + 7200 * SECOND_US).advance(
        start_us + 7200 * SECOND_US
    )
    for name, tolerance in {
        "battery_v": 0.4,
        "radiator_t_degc": 0.2,
        "chip_max_t_degc": 0.2,
        "array_a": 3.0,
        "battery_t_degc": 0.5,
        "rx_min_dbm": 1e-4,
        "links_up": 0,
        "checkpoint_age_s": 0,
        "resets_count": 0,
        "work_done_tops": 1,
    }.items():
        assert np.abs(before[name] - after[name]).max() <= tolerance, name


def test_a_jump_back_is_a_restart(suncatcher):
    truth = Truth(suncatcher, 20, seed=5, t0_us=NOVEMBER_US)
    truth.advance(NOVEMBER_US + 500 * SECOND_US)
    again = truth.advance(NOVEMBER_US)
    fresh = Truth(suncatcher, 20, seed=5, t0_us=NOVEMBER_US).advance(NOVEMBER_US)
    assert all(np.array_equal(again[name], fresh[name]) for name in fresh)


def test_a_fleet_that_is_not_run_up_starts_charged(suncatcher):
    truth = Truth(suncatcher, 20, seed=5, t0_us=JUNE_US, spin_up_s=0)
    assert (truth.state("energy_wh") > 0.98 * truth.own["full_wh"]).all()


def test_a_healthy_fleet_looks_healthy(suncatcher):
    measured = Truth(suncatcher, 500, seed=1, t0_us=NOVEMBER_US).advance(NOVEMBER_US + SECOND_US)
    constants = suncatcher.nominals[0].numbers
    margin_w = (
        measured["array_v"] * measured["array_a"] * constants["regulator_ratio"]
        - measured["load_w"]
    )
    assert (margin_w > 2000).all()
    assert measured["sunlit"].all()
    assert (measured["chip_max_t_degc"] < constants["chip_limit_degc"] - 5).all()
    link_margin_db = measured["rx_min_dbm"] - constants["sensitivity_dbm"]
    assert link_margin_db.min() > 2.5
    assert 4 < np.median(link_margin_db) < 6
    goodput = (
        measured["work_done_tops"] * (1 - measured["work_redone_ratio"]) / constants["rated_tops"]
    )
    assert goodput.min() > 0.8 and goodput.max() < 1
    assert goodput.mean() == pytest.approx(0.89, abs=0.03)
    assert (measured["links_up"] >= 2).all()
    # satellites differ by more than their noise
    assert measured["array_a"].std() > 3 * suncatcher.noise["array_a"]
    assert measured["chip_mean_t_degc"].std() > 3 * suncatcher.noise["chip_mean_t_degc"]


def test_an_orbit_in_eclipse_season_closes_its_energy(suncatcher):
    """19.7 minutes of shadow (PHYSICS: dusk orbit at 650 km), and the charge comes back."""
    truth = Truth(suncatcher, 81, seed=2, t0_us=JUNE_US)
    step_s, period_s = 10, 5864
    lit, charge_wh, temperature = [], [], []
    for seconds in range(step_s, period_s, step_s):
        measured = truth.advance(JUNE_US + seconds * SECOND_US, ("fast",))
        lit.append(measured["sunlit"].mean())
        charge_wh.append(truth.state("energy_wh").copy())
        temperature.append(measured["chip_max_t_degc"].max())
        if measured["array_a"].max() < 2:  # in umbra
            assert (measured["battery_a"] < -100).all()
            assert (measured["sunlit"] == 0).all()
            assert (measured["mode"] == 2).all()
    dark_min = np.sum(1 - np.array(lit)) * step_s / 60
    assert dark_min == pytest.approx(19.7, abs=0.5)
    least = np.min(charge_wh, axis=0) / truth.own["full_wh"]
    assert least.min() > 0.65 and least.max() < 0.8
    assert charge_wh[-1] == pytest.approx(charge_wh[0], rel=0.02)
    assert np.median(charge_wh[-1] / charge_wh[0]) == pytest.approx(1, abs=0.01)
    assert max(temperature) < 80


def test_heat_in_is_heat_out(suncatcher):
    """In steady sunlight the radiator sheds the payload's heat and what it absorbs, to 1 %."""
    from orbitwin.physics import thermal

    truth = Truth(suncatcher, 81, seed=2, t0_us=NOVEMBER_US)
    measured = truth.advance(NOVEMBER_US + 60 * SECOND_US)
    own = truth.own
    shed_w = own["radiator_area_m2"] * thermal.emitted_w_m2(
        truth.state("radiator_degc"), own["radiator_emissivity"]
    )
    absorbed_w = own["radiator_area_m2"] * (
        237 * 2 * own["earth_view"] * own["radiator_emissivity"]
        + own["radiator_absorptivity"] * own["radiator_sun_cos"] * 1361
    )
    assert shed_w - absorbed_w == pytest.approx(measured["payload_w"], rel=0.03)


def test_an_empty_battery_brings_safe_mode_and_charge_ends_it(suncatcher):
    truth = Truth(suncatcher, 5, seed=2, t0_us=NOVEMBER_US)
    truth.state("energy_wh")[:] = 0.1 * truth.own["full_wh"]
    t_us = NOVEMBER_US
    for _ in range(3):
        t_us += SECOND_US
        measured = truth.advance(t_us, ("fast",))
    assert (measured["mode"] == 4).all()
    assert (measured["work_done_tops"] < 400).all()
    for _ in range(100):
        t_us += 60 * SECOND_US
        measured = truth.advance(t_us, ("fast",))
    assert (measured["mode"] == 2).all()


def test_real_satellites_with_synthetic_subsystems(suncatcher):
    elements = json.loads(SAMPLE.read_text())
    orbit = Sgp4Orbit(elements)
    rows = layout.catalogued(suncatcher, orbit.sat_id, orbit.name, ["starlink"] * len(orbit))
    t_us = 1_748_131_200_000_000
    truth = Truth(suncatcher, t0_us=t_us, orbit=Real(elements), layout=rows)
    measured = truth.advance(t_us)
    assert len(measured["sunlit"]) == 40
    assert 0.4 < measured["sunlit"].mean() < 0.9
    place_m = np.stack([measured[f"{axis}_m"] for axis in "xyz"])
    assert np.abs(place_m - orbit.positions_m(t_us)).max() < 12  # receiver noise of 2 m
    assert rows.name[0] == "STARLINK-1008"


def test_a_satellite_that_came_down_reports_nothing(suncatcher):
    class Gone:
        def __init__(self, orbit):
            self.orbit = orbit

        def positions_m(self, t_us):
            place_m = self.orbit.positions_m(t_us)
            place_m[:, 2] = np.nan
            return place_m

        def argument_of_latitude_rad(self, t_us):
            return self.orbit.argument_of_latitude_rad(t_us)

    rows, orbit = layout.scaled(suncatcher, 5)
    truth = Truth(suncatcher, t0_us=NOVEMBER_US, orbit=Gone(orbit), layout=rows)
    measured = truth.advance(NOVEMBER_US + SECOND_US)
    for values in measured.values():
        assert np.isnan(values).tolist() == [False, False, True, False, False]
