"""Faults of a flying fleet: each shows where it should, nobody else measures anything else, and a
producer that starts again finds its satellites as ill as before."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin import catalogue, profile
from orbitwin.faults import FAULTS, SENSOR_FAULTS
from orbitwin.scenario import Fault, Scenario
from producers.faults import FaultField
from producers.faults.sensors import sensors_of
from producers.truth import Truth

JUNE_US = 1_813_536_000_000_000  # eclipse season
S_US = 1_000_000
NAMES = list(FAULTS)
ARRAY = {"array_v", "array_a"}
BATTERY = {"battery_v", "battery_a", "battery_t_degc", "battery_cell_least_v"}
LINKS = {"rx_min_dbm", "rx_mean_dbm", "links_up", "fec_ratio", "link_rate_gbps"}
HEAT = {f"{w}_t_degc" for w in ("coolant_in", "coolant_out", "chip_mean", "chip_max", "radiator")}
WORK = {"work_done_tops", "payload_w", "load_w", "clock_ratio", "step_s"}
SHOWS: dict[str, tuple[set[str], set[str]]] = {  # what must show, and what else may
    "panel_dead": ({"array_a", "array_sections_up"}, ARRAY | BATTERY),
    "panel_degraded": ({"array_a"}, ARRAY | BATTERY),
    "array_short": ({"array_v"}, ARRAY | BATTERY),
    "cell_loss": ({"battery_v", "battery_soh_ratio", "battery_cell_least_v"}, BATTERY),
    "battery_resistance_rise": ({"battery_v", "battery_t_degc"}, BATTERY),
    "radiator_area_loss": ({"radiator_t_degc"}, HEAT | WORK | BATTERY),
    "pump_degraded": ({"coolant_flow_kg_s", "coolant_out_t_degc"}, HEAT | WORK | BATTERY),
    "pump_stop": ({"coolant_flow_kg_s", "clock_ratio"}, HEAT | WORK | BATTERY),
    "thermal_interface_ageing": ({"chip_mean_t_degc"}, HEAT | WORK | BATTERY),
    "pointing_bias": ({"rx_mean_dbm", "pointing_urad"}, LINKS),
    "jitter_rise": ({"rx_mean_dbm", "jitter_urad"}, LINKS),
    "transmitter_droop": ({"rx_mean_dbm", "tx_dbm"}, LINKS),
    "terminal_loss": ({"links_up", "link_rate_gbps"}, LINKS),
    "reacquisition_storm": ({"links_up", "acquisitions_count"}, LINKS),
    "solar_storm": ({"dose_rad"}, {"ecc_ce_count", "ecc_ue_count", "resets_count", "sdc_count"}),
    "hbm_error_burst": ({"ecc_ce_count"}, set()),
    "straggler": ({"work_done_tops", "step_s"}, set()),
    "hung_job": ({"work_done_tops", "payload_w"}, HEAT | WORK | BATTERY),
    "safe_mode": ({"mode", "work_done_tops"}, HEAT | WORK | BATTERY | {"work_redone_ratio"}),
    "clock_skew": (set(), set()),
    **dict.fromkeys(SENSOR_FAULTS, ({"array_a"}, set())),
}


@pytest.fixture(scope="module")
def suncatcher():
    return profile.load("suncatcher_81")


def faults_of(found, severity: float, **when) -> FaultField:
    """Satellite i + 1 of 30 has the i-th fault of the library."""
    faults = tuple(
        Fault(
            name=name,
            sat=number + 1,
            severity=severity,
            parameter="array_a" if name in SENSOR_FAULTS else None,
            **when,
        )
        for number, name in enumerate(NAMES)
    )
    sensors = sensors_of(catalogue.load("odc"), found.noise)
    return FaultField(Scenario(faults), np.arange(1, 31), 1, JUNE_US, sensors=sensors)


def test_each_fault_shows_where_it_should_and_nowhere_else(suncatcher):
    healthy = Truth(suncatcher, 30, seed=1, t0_us=JUNE_US)
    faults = faults_of(suncatcher, 0.6, at_s=60)
    ill = Truth(suncatcher, 30, seed=1, t0_us=JUNE_US, faults=faults)
    seen: dict[str, set[str]] = {name: set() for name in NAMES}
    for second in (1, 59, *range(90, 6300, 90)):
        t_us = JUNE_US + second * S_US
        one, two = healthy.advance(t_us), ill.advance(t_us)
        for column in one:
            assert np.isfinite(two[column]).all(), column
            differs = np.flatnonzero(one[column] != two[column])
            assert second > 60 or not len(differs), column
            assert (differs < len(NAMES)).all(), column
            for row in differs:
                seen[NAMES[row]].add(column)
    for name, (must, may) in SHOWS.items():
        assert must <= seen[name] <= must | may, name
    times = ill.times(JUNE_US + 61 * S_US)
    assert times is not None
    assert np.flatnonzero(times != JUNE_US + 61 * S_US).tolist() == [NAMES.index("clock_skew")]


def test_rows_that_are_due_are_as_ill_as_ever_and_the_others_unknown(suncatcher):
    """A staggered packet of a fleet that is ill, also at a tick at which nobody's turn it is."""
    slow = catalogue.load("odc").packets["slow"].by_name
    whole, part = (
        Truth(suncatcher, 30, seed=1, t0_us=JUNE_US, faults=faults_of(suncatcher, 0.6))
        for _ in range(2)
    )
    for second, rows in ((100, list(range(30))), (101, [0, 7, 29]), (102, [])):
        t_us = JUNE_US + second * S_US
        due = {"fast": None, "slow": np.array(rows, np.intp)}
        all_of_it, some = whole.true_values(t_us), part.true_values(t_us, due)
        for name, values in some.items():
            expected = all_of_it[name]
            assert np.array_equal(expected[rows] if name in slow else expected, values), name
        for name, values in part.advance(t_us, due).items():
            here = rows if name in slow else range(30)
            assert np.flatnonzero(~np.isnan(values)).tolist() == list(here), name
        whole.advance(t_us)  # the same steps of the state


def test_no_severity_is_a_healthy_fleet(suncatcher):
    healthy = Truth(suncatcher, 30, seed=1, t0_us=JUNE_US)
    ill = Truth(suncatcher, 30, seed=1, t0_us=JUNE_US, faults=faults_of(suncatcher, 0.0))
    for second in (1, 60, 600):
        one, two = (truth.advance(JUNE_US + second * S_US) for truth in (healthy, ill))
        assert all(np.array_equal(one[column], two[column]) for column in one)


@pytest.mark.parametrize("severity", [0.1, 1.0])
def test_values_stay_within_the_vehicles_ranges(suncatcher, severity):
    columns = catalogue.load("odc").parameters
    truth = Truth(suncatcher, 30, seed=1, t0_us=JUNE_US, faults=faults_of(suncatcher, severity))
    for second in range(60, 9000, 300):
        for name, values in truth.advance(JUNE_US + second * S_US).items():
            assert np.isfinite(values).all(), name
            assert (values >= columns[name].low).all(), name
            assert (values <= columns[name].high).all(), name


def test_a_restart_finds_the_same_faults(suncatcher):
    running = Truth(suncatcher, 30, seed=1, t0_us=JUNE_US, faults=faults_of(suncatcher, 0.5))
    for minute in range(1, 121):
        before = running.advance(JUNE_US + minute * 60 * S_US)
    at_us = JUNE_US + 7200 * S_US
    again = Truth(suncatcher, 30, seed=1, t0_us=at_us, faults=faults_of(suncatcher, 0.5))
    after = again.advance(at_us)
    stuck = NAMES.index("sensor_stuck")  # holds another value, as the docstring says
    for name, tolerance in {
        "array_v": 0.5,
        "array_sections_up": 0,
        "coolant_flow_kg_s": 1e-6,
        "links_up": 0,
        "mode": 0,
        "dose_rad": 0.1,  # a storm gives 0.3; what is past is reckoned at the mean flux
        "tx_dbm": 1e-4,
        "work_done_tops": 150,
    }.items():
        apart = np.delete(np.abs(before[name] - after[name]), stuck)
        assert apart.max() <= tolerance, name
