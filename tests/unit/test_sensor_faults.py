"""Errors of sensors that no second sensor tells of, and what tells of them all the same."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from compose.evaluation.offline import Plan, fly
from compose.evaluation.score import false_alarms, faults
from orbitwin import profile as profiles
from orbitwin.layout import scaled
from orbitwin.scenario import Fault, Scenario
from orbitwin.trajectory import Planned
from processors.model import environment, warmth
from processors.model.isolation import BACK_Z, returning
from processors.record import Rules

BATTERY = {"heat_capacity_j_k": 90_000.0, "conductance_w_k": 40.0, "mount_degc": 15.0}
START_US = int(datetime(2027, 6, 21, tzinfo=UTC).timestamp()) * 1_000_000


def one(value: float) -> np.ndarray:
    return np.array([value], dtype=np.float32)


def test_the_battery_warms_as_a_single_node_does() -> None:
    """C dT/dt = I^2 R - G (T - mount), integrated in steps of a tenth of a second."""
    seconds, ohm, window_s = 3000, 0.021, 10
    times = np.arange(0, seconds, 0.1)
    amps = 100 * np.sin(times / 900)
    degc, followed = 21.0, []
    for count, a in enumerate(amps):
        if count % (window_s * 10) == 0:
            followed.append((degc, a))
        warmth_w = a * a * ohm - BATTERY["conductance_w_k"] * (degc - BATTERY["mount_degc"])
        degc += 0.1 * warmth_w / BATTERY["heat_capacity_j_k"]
    kept = {"battery_unheated_degc": one(21.0), "battery_heated_k": one(0.0)}
    for (_, before), (wanted, now) in pairwise(followed):
        kept = warmth.step(BATTERY, ohm, kept, one(before), one(now), one(window_s))
        found = kept["battery_unheated_degc"] + kept["battery_heated_k"]
        assert found[0] == pytest.approx(wanted, abs=0.01)
    assert kept["battery_heated_k"][0] > 1


def test_what_the_current_warms_is_proportional_to_the_resistance() -> None:
    kept = {"battery_unheated_degc": one(21.0), "battery_heated_k": one(0.5)}
    small, large = (warmth.step(BATTERY, r, kept, one(50), one(60), one(10)) for r in (0.0, 0.02))
    assert small["battery_unheated_degc"] == large["battery_unheated_degc"]
    twice = warmth.step(BATTERY, 0.04, kept, one(50), one(60), one(10))
    cold, warm, hot = (float(k["battery_heated_k"][0]) for k in (small, large, twice))
    assert hot - cold == pytest.approx(2 * (warm - cold), rel=1e-3) and warm > cold


def test_after_a_long_gap_nothing_is_known_of_the_battery() -> None:
    kept = {"battery_unheated_degc": one(21.0), "battery_heated_k": one(0.5)}
    found = warmth.step(BATTERY, 0.02, kept, one(50), one(60), one(warmth.LONGEST_S + 1))
    assert all(np.isnan(found[name]).all() for name in warmth.KEPT)


def test_navigation_changes_with_each_coordinate_as_it_says() -> None:
    """Against the difference of two fixes 50 m apart."""
    _, orbit = scaled(profiles.load("suncatcher_81"), 8)
    trajectory = Planned(orbit.elements)
    rows, t_us = np.arange(8), np.full(8, START_US)
    place = trajectory.positions_m(START_US).astype(np.float64)
    at = environment.navigation(trajectory, rows, place, t_us)
    for axis, name in enumerate(environment.PLACE):
        moved = place.copy()
        moved[axis] += 50.0
        then = environment.navigation(trajectory, rows, moved, t_us)
        for quantity in environment.NAVIGATION:
            change = (then[quantity] - at[quantity]) / 50.0
            assert at[environment.by(quantity, name)] == pytest.approx(change, rel=1e-3, abs=1e-6)


def test_a_residual_far_off_whose_newest_window_is_not_is_on_its_way_back() -> None:
    mean_z = np.array([[BACK_Z + 1, BACK_Z + 1, BACK_Z - 1]], dtype=np.float32)
    beyond = np.array([[0b1110, 0b1111, 0b1110]], dtype=np.uint16)
    counts = np.ones((1, 3), dtype=bool)
    assert returning(mean_z, beyond, counts).tolist() == [True, False, False]
    assert not returning(mean_z, beyond, ~counts).any()


WRONG = (
    ("sensor_bias", "battery_t_degc"),
    ("sensor_bias", "y_m"),
    ("sensor_stuck", "z_m"),
    ("sensor_stuck", "tx_dbm"),
    ("sensor_stuck", "battery_soh_ratio"),
)


def test_errors_of_thermometer_fixes_and_slow_readings_are_named() -> None:
    """The scenario is the authority; one satellite each, as many again are healthy."""
    profile = profiles.load("suncatcher_81")
    sat_id = np.sort(scaled(profile, 2 * len(WRONG))[0].sat_id)
    wrong = tuple(
        Fault(name=name, sat=int(sat), at_s=600, severity=0.5, parameter=parameter)
        for (name, parameter), sat in zip(WRONG, sat_id, strict=False)
    )
    plan = Plan(profile, Scenario(wrong), 2 * len(WRONG), 41, START_US, 1500)
    evidence = fly(plan, Rules(forecast_max_satellites=0))
    found = faults(evidence)
    assert found.filter(pl.col("named") != pl.col("fault")).is_empty()
    assert found["named"].null_count() == 0
    assert false_alarms(evidence)[0] == 0
