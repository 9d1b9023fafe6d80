"""Faults: each does what it should and nothing else, grows, ends, and stays within physics."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orbitwin import catalogue, profile, scenario
from orbitwin.errors import UsageError
from orbitwin.faults import CREEPING_S, FAULTS, PASSING_S, SENSOR_FAULTS, TOLD_FAULTS
from orbitwin.fleet import Clock
from orbitwin.scenario import EVERY, LASTS_US, Fault, Scenario
from orbitwin.settings_source import load
from producers.faults import FaultField, effects
from producers.faults.asked import Asked
from producers.faults.sensors import sensors_of

T0_US = 1_813_536_000_000_000
S_US = 1_000_000
IDS = np.arange(101, 201)
ALL = slice(0, 100)
NOISE = {"array_a": 0.3, "battery_v": 0.05}
SENSORS = sensors_of(catalogue.load("odc"), NOISE)
KEYS = {
    "panel_dead": {"sections_lost"},
    "panel_degraded": {"array_ratio"},
    "array_short": {"array_v_ratio"},
    "cell_loss": {"cells_lost"},
    "battery_resistance_rise": {"cell_resistance_ohm"},
    "radiator_area_loss": {"radiator_ratio"},
    "pump_degraded": {"coolant_flow_kg_s"},
    "pump_stop": {"coolant_flow_kg_s"},
    "thermal_interface_ageing": {"chip_resistance_k_w"},
    "pointing_bias": {"pointing_bias_urad"},
    "jitter_rise": {"jitter_urad"},
    "transmitter_droop": {"transmit_ratio"},
    "terminal_loss": {"terminals_lost"},
    "reacquisition_storm": {"reacquisition_ratio"},
    "solar_storm": {"storm_ratio"},
    "hbm_error_burst": {"ce_ratio"},
    "straggler": {"work_ratio"},
    "hung_job": {"hung", "busy_ratio"},
    "safe_mode": {"forced_safe"},
}
ANY_LEVEL = {"hung_job", "safe_mode"}


def own(rows: int = 100) -> dict:
    spread = np.linspace(0.9, 1.1, rows, dtype=np.float32)
    return {
        "array_sections": 16.0,
        "cells": 28.0,
        "cell_resistance_ohm": 0.03 * spread,
        "coolant_flow_kg_s": 0.4 * spread,
        "chip_resistance_k_w": 0.06 * spread,
        "wavelength_nm": 1550.0,
        "aperture_m": 0.1,
        "jitter_urad": 1.0 * spread,
        "links": 4.0,
        "busy_ratio": 0.98 * spread / 1.1,
        "bus_w": 2000.0,
    }


def field(*faults: Fault, t0_us: int = T0_US, ids=IDS, **rest) -> FaultField:
    return FaultField(Scenario(faults), ids, 1, t0_us, sensors=SENSORS, **rest)


def one(name: str, severity: float = 0.5, **rest) -> Fault:
    if name in SENSOR_FAULTS:
        rest.setdefault("parameter", "array_a")
    return Fault(name=name, sat=117, severity=severity, **rest)


def test_every_fault_acts_on_the_satellite_or_on_what_it_tells():
    assert set(effects.EFFECTS) | set(TOLD_FAULTS) == set(FAULTS)
    assert not set(effects.EFFECTS) & set(TOLD_FAULTS)
    assert set(PASSING_S) | set(CREEPING_S) <= set(FAULTS)


@pytest.mark.parametrize("name", KEYS)
def test_a_fault_changes_what_it_should_and_nothing_else(name):
    before = own()
    after = field(one(name, at_s=60)).apply(before, ALL, T0_US + 60 * S_US)
    assert {k for k in after if k not in before or after[k] is not before[k]} == KEYS[name]
    for key in KEYS[name]:
        assert after[key].dtype == np.float32
        default = 1.0 if key in effects.ASSUMED_ONE else 0.0
        same = after[key] == np.broadcast_to(before.get(key, default), 100)
        assert np.flatnonzero(~same).tolist() == [16]
    assert before.keys() == own().keys()


@pytest.mark.parametrize("name", KEYS)
def test_no_severity_and_no_time_yet_change_nothing(name):
    before = own()
    assert field(one(name, 0.0)).apply(before, ALL, T0_US + S_US) is before
    assert field(one(name, at_s=60)).apply(before, ALL, T0_US + 59 * S_US) is before
    assert field(one(name)).apply(before, slice(0, 16), T0_US + S_US) is before


@pytest.mark.parametrize("name", KEYS)
def test_growth_is_monotonic_and_duration_ends_it(name):
    before = own()
    faults = field(one(name, 0.9, at_s=10, growth_s=100, duration_s=150))
    away = []
    for second in (10, 11, 30, 60, 90, 110, 111, 159):
        after = faults.apply(before, ALL, T0_US + second * S_US)
        key = min(KEYS[name])
        default = 1.0 if key in effects.ASSUMED_ONE else 0.0
        away.append(
            abs(
                float(np.broadcast_to(after.get(key, default), 100)[16])
                - float(np.broadcast_to(before.get(key, default), 100)[16])
            )
        )
    assert away[0] == 0 < away[-1]
    assert all(a <= b for a, b in pairwise(away))
    assert away[-1] == away[-2] == away[-3]
    if name not in ANY_LEVEL and not min(KEYS[name]).endswith("_lost"):
        assert away[2] < away[3] < away[4]
    assert faults.apply(before, ALL, T0_US + 160 * S_US) is before


@pytest.mark.parametrize(
    ("name", "key", "hardly", "grave"),
    [
        ("panel_dead", "sections_lost", 2, 16),
        ("panel_degraded", "array_ratio", 0.95, 0.5),
        ("cell_loss", "cells_lost", 1, 4),
        ("radiator_area_loss", "radiator_ratio", 0.95, 0.5),
        ("terminal_loss", "terminals_lost", 1, 4),
        ("solar_storm", "storm_ratio", 1.585, 100),
        ("transmitter_droop", "transmit_ratio", 0.871, 0.251),
        ("pointing_bias", "pointing_bias_urad", 0.93, 9.3),
        ("safe_mode", "forced_safe", 1, 1),
    ],
)
def test_amounts_are_those_of_the_table(name, key, hardly, grave):
    for severity, amount in ((0.1, hardly), (1.0, grave)):
        after = field(one(name, severity)).apply(own(), ALL, T0_US)
        assert after[key][16] == pytest.approx(amount, rel=1e-3)


def test_a_stopped_pump_moves_two_percent():
    after = field(one("pump_stop", 1.0)).apply(own(), ALL, T0_US)
    assert after["coolant_flow_kg_s"][16] == pytest.approx(0.02 * own()["coolant_flow_kg_s"][16])


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1), min_size=len(effects.EFFECTS), max_size=len(effects.EFFECTS)))
def test_all_faults_at_once_stay_within_physics(severities):
    faults = [
        Fault(name=name, share=1.0, severity=severity)
        for name, severity in zip(effects.EFFECTS, severities, strict=True)
    ]
    before = own()
    after = field(*faults).apply(before, ALL, T0_US)
    for key in set().union(*KEYS.values()):
        values = np.broadcast_to(after.get(key, 1.0 if key in effects.ASSUMED_ONE else 0), 100)
        assert np.isfinite(values).all(), key
        assert (values >= 0).all(), key
        if key in ("array_ratio", "array_v_ratio", "radiator_ratio", "transmit_ratio",
                   "work_ratio", "busy_ratio", "hung", "forced_safe"):  # fmt: skip
            assert (values <= 1).all(), key
        if key in ("array_ratio", "array_v_ratio", "radiator_ratio", "work_ratio", "busy_ratio",
                   "transmit_ratio", "coolant_flow_kg_s", "cell_resistance_ohm"):  # fmt: skip
            assert (values > 0).all(), key
    assert np.max(after.get("sections_lost", 0)) <= 16
    assert np.max(after.get("terminals_lost", 0)) <= 4
    assert np.max(after.get("cells_lost", 0)) < 28


def test_what_does_not_change_is_kept_and_what_changes_is_not():
    before = own()
    faults = field(one("panel_dead", at_s=10, duration_s=100), one("straggler", at_s=50))
    first = faults.apply(before, ALL, T0_US + 10 * S_US)
    assert faults.apply(before, ALL, T0_US + 49 * S_US) is first
    second = faults.apply(before, ALL, T0_US + 50 * S_US)
    assert second is not first and "work_ratio" in second
    third = faults.apply(before, ALL, T0_US + 110 * S_US)
    assert "sections_lost" not in third
    again = faults.apply(before, ALL, T0_US + 20 * S_US)  # time went back
    assert again.keys() == first.keys()
    assert faults.apply(own(), ALL, T0_US + 20 * S_US) is not again  # another fleet's numbers


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(KEYS)),
            st.integers(0, 50),
            st.integers(1, 100),
            st.one_of(st.just(0.0), st.floats(1e-6, 200)),
            st.booleans(),
        ),
        max_size=6,
    ),
    st.lists(st.integers(0, 200 * S_US), min_size=1, max_size=20),
)
def test_what_is_kept_is_what_would_be_worked_out_anew(rows, times_us):
    faults = tuple(
        Fault(name=name, at_s=at_s, duration_s=duration_s, growth_s=growth_s, severity=0.7,
              **({"share": 1.0} if everywhere else {"sat": 117}))
        for name, at_s, duration_s, growth_s, everywhere in rows
    )  # fmt: skip
    before, running = own(), field(*faults)
    for t_us in times_us:
        kept = running.apply(before, ALL, T0_US + t_us)
        anew = field(*faults).apply(before, ALL, T0_US + t_us)
        assert kept.keys() == anew.keys()
        assert all(np.array_equal(kept[key], anew[key]) for key in kept)


def test_of_two_alike_the_worse_counts_and_two_unlike_both():
    after = field(
        one("panel_degraded", 0.2), one("panel_degraded", 0.6),
        one("pump_degraded", 0.5), one("pump_stop", 0.5),
    ).apply(own(), ALL, T0_US)  # fmt: skip
    assert after["array_ratio"][16] == pytest.approx(0.7)
    ratio = after["coolant_flow_kg_s"][16] / own()["coolant_flow_kg_s"][16]
    assert ratio == pytest.approx(0.7 * 0.02**0.5)


def measured(value: float = 100.0) -> dict:
    return {name: np.full(100, value, np.float32) for name in ("array_a", "battery_v", "payload_w")}


def test_a_bias_is_twenty_sigma_or_a_share_of_the_range():
    values = measured()
    field(
        one("sensor_bias", 0.5),
        one("sensor_bias", 0.5, parameter="payload_w"),
    ).measure(values, T0_US)
    assert values["array_a"][16] == pytest.approx(100 + 0.5 * 20 * 0.3)
    assert values["payload_w"][16] == pytest.approx(100 + 0.5 * 0.05 * 150_000)
    others = np.arange(100) != 16
    assert all((v[others] == 100).all() for v in values.values())
    assert (values["battery_v"] == 100).all()


def test_a_drift_grows_with_every_hour_and_ends():
    faults = field(one("sensor_drift", 0.5, duration_s=7200))
    for hours, error in ((0, 0), (0.5, 1.5), (1, 3), (2, 0)):
        values = measured()
        faults.measure(values, T0_US + int(hours * 3600) * S_US)
        assert values["array_a"][16] == pytest.approx(100 + error)


def test_a_stuck_sensor_repeats_what_it_read_at_the_onset():
    faults = field(one("sensor_stuck", at_s=10, duration_s=20))
    for second, read in (
        (9, 9),
        (10, 10),
        (11, 10),
        (29, 10),
        (30, 30),
        (9, 9),
        (12, 12),
        (13, 12),
    ):
        values = measured(float(second))
        faults.measure(values, T0_US + second * S_US)
        assert values["array_a"].tolist() == [second] * 16 + [read] + [second] * 83
        assert (values["battery_v"] == second).all()


def test_a_tenth_of_the_readings_are_spikes_the_same_after_a_restart():
    runs = []
    for _ in range(2):
        faults = field(one("sensor_spike", 0.5))
        away = []
        for second in range(2000):
            values = measured()
            faults.measure(values, T0_US + second * S_US)
            away.append(values["array_a"][16] - 100)
        runs.append(np.array(away))
    assert np.array_equal(*runs)
    spikes = runs[0][runs[0] != 0]
    assert 150 < len(spikes) < 250  # 200, standard deviation 13
    assert sorted(set(np.round(np.abs(spikes), 2))) == [15.0]
    assert 0.3 < (spikes > 0).mean() < 0.7


@settings(max_examples=60)
@given(
    st.sampled_from(SENSOR_FAULTS),
    st.sampled_from(sorted(SENSORS)),
    st.floats(0, 1),
    st.integers(0, 10**9),
)
def test_readings_stay_within_the_range(name, parameter, severity, second):
    sensor = SENSORS[parameter]
    values = {parameter: np.linspace(sensor.low, sensor.high, 100).astype(np.float32)}
    before = values[parameter].copy()
    fault = Fault(name=name, share=1.0, severity=severity, parameter=parameter)
    field(fault).measure(values, T0_US + second * S_US)
    slack = 1e-6 * (sensor.high - sensor.low)
    assert (values[parameter] >= sensor.low - slack).all()
    assert (values[parameter] <= sensor.high + slack).all()
    if severity == 0:
        assert np.array_equal(values[parameter], before)


def test_a_satellite_that_tells_nothing_stays_silent():
    values = {"array_a": np.full(100, np.nan, np.float32)}
    field(*(one(name) for name in SENSOR_FAULTS)).measure(values, T0_US)
    assert np.isnan(values["array_a"]).all()


def test_a_skewed_clock():
    faults = field(one("clock_skew", 0.4, at_s=10, duration_s=10))
    assert faults.times(T0_US + 9 * S_US) is None
    assert faults.times(T0_US + 20 * S_US) is None
    times = faults.times(T0_US + 10 * S_US)
    assert times.dtype == np.int64
    assert times[16] - (T0_US + 10 * S_US) == pytest.approx(2_000_000, abs=1)
    assert (np.delete(times, 16) == T0_US + 10 * S_US).all()
    assert field(one("clock_skew", 0.0)).times(T0_US) is None


def test_counters_run_on_and_never_back():
    faults = field(one("solar_storm", 0.5, at_s=100, growth_s=50, duration_s=200))
    seconds = np.arange(0, 401)
    extra = np.array(
        [np.broadcast_to(faults.extra_s("storm", ALL, T0_US + s * S_US), 100) for s in seconds]
    )
    assert (extra[:, :16] == 0).all()
    assert (extra[:100, 16] == 0).all()
    assert (np.diff(extra[:, 16]) >= 0).all()
    assert (extra[300:, 16] == extra[300, 16]).all()
    fine = np.arange(0, 200, 0.01) + 0.005  # the integral by the midpoint rule
    level = 0.5 * np.minimum(fine / 50, 1)
    assert extra[400, 16] == pytest.approx(((100**level - 1) * 0.01).sum(), rel=1e-4)
    assert np.array_equal(faults.extra_s("ce", ALL, T0_US + 400 * S_US), 0.0)
    everywhere = field(Fault(name="hbm_error_burst", share=1, severity=1.0))
    assert np.allclose(everywhere.extra_s("ce", ALL, T0_US + 10 * S_US), 9990)


def test_labels_tell_who_has_what_now():
    faults = field(
        one("panel_dead", 0.3, at_s=10),
        one("sensor_bias", 0.6, at_s=20, duration_s=5),
        Fault(name="solar_storm", share=1, at_s=30),
    )
    now = faults.labels(T0_US + 22 * S_US)
    assert now.sat_id.tolist() == [117, 117]
    assert now.fault.tolist() == ["panel_dead", "sensor_bias"]
    assert now.parameter.tolist() == ["", "array_a"]
    assert now.onset_us.tolist() == [T0_US + 10 * S_US, T0_US + 20 * S_US]
    assert now.end_us.tolist() == [LASTS_US, T0_US + 25 * S_US]
    assert now.severity == pytest.approx([0.3, 0.6])
    assert len(faults.labels(T0_US).sat_id) == 0
    assert faults.labels().sat_id.tolist() == [117, 117, EVERY]


def test_random_faults_are_the_same_after_a_restart_and_however_time_runs():
    rates = {"panel_degraded": 20.0, "sensor_bias": 20.0, "solar_storm": 30.0, "clock_skew": 9.0}
    at_us = T0_US + 45 * 86_400 * S_US
    running, restarted = (field(rates_per_year=rates) for _ in range(2))
    for day in range(46):
        t_us = T0_US + day * 86_400 * S_US
        one_ = running.apply(own(), ALL, t_us)
        running.measure(measured(), t_us)
    two = restarted.apply(own(), ALL, at_us)
    assert one_.keys() == two.keys() and "array_ratio" in two
    assert all(np.array_equal(one_[k], two[k]) for k in one_)
    first, second = measured(), measured()
    running.measure(first, at_us)
    restarted.measure(second, at_us)
    assert all(np.array_equal(first[k], second[k]) for k in first)
    assert (first["array_a"] != 100).any() or (first["battery_v"] != 100).any()
    assert np.array_equal(running.times(at_us), restarted.times(at_us))


def test_a_million_healthy_satellites_cost_next_to_nothing():
    ids = np.arange(1, 1_000_001)
    faults = field(Fault(name="pump_stop", sat=500_000, at_s=1e6), ids=ids)
    blocks = [slice(low, min(low + 16_384, len(ids))) for low in range(0, len(ids), 16_384)]
    numbers = [own(0) for _ in blocks]
    for _ in range(2):
        began = time.perf_counter()
        assert all(
            faults.apply(o, block, T0_US) is o for o, block in zip(numbers, blocks, strict=True)
        )
        faults.measure({}, T0_US)
        assert faults.times(T0_US) is None
        took_s = time.perf_counter() - began
    assert took_s < 0.005  # 0.1 ms measured


def test_the_default_scenario_flies():
    faults = FaultField(scenario.load("default"), np.arange(1, 301), 1, T0_US, sensors=SENSORS)
    rows = slice(0, 300)
    assert faults.apply(own(300), rows, T0_US + 1199 * S_US).keys() == own().keys()
    after = faults.apply(own(300), rows, T0_US + 3700 * S_US)
    assert set().union(*KEYS.values()) <= after.keys()


def test_times_count_from_the_clocks_start_or_from_the_first_run(tmp_path: Path):
    path = tmp_path / "clock" / "x.faults.json"
    asked = Asked(Scenario((one("pump_stop", at_s=3),)), {}, SENSORS)

    def onset_us(clock: Clock, now_us: int, what: Asked = asked) -> int:
        return int(what.field(path, clock, now_us, IDS, 1).labels().onset_us[0]) - 3 * S_US

    assert onset_us(Clock("live", T0_US, 5, 10.0), T0_US + 77) == T0_US
    assert not path.exists()
    wall = Clock("live", 0, 0, 1.0)
    assert onset_us(wall, T0_US + 77) == T0_US + 77
    assert onset_us(wall, T0_US + 99) == T0_US + 77
    other = Asked(asked.scenario, {"panel_dead": 1.0}, SENSORS)
    assert onset_us(wall, T0_US + 111, other) == T0_US + 111
    path.write_text("nonsense")
    assert onset_us(wall, T0_US + 222) == T0_US + 222


def test_a_run_without_faults_has_no_field():
    found = profile.load("suncatcher_mvp")
    vehicle = catalogue.load("odc")

    def asked(**flags):
        chosen = load({f"producer.{k}": v for k, v in flags.items()}, environ={}).producer
        return Asked.of(chosen, found, vehicle, IDS)

    assert asked() is None
    assert asked(faults=("pump_stop:sat=101",)).scenario.faults[0].sat == 101
    assert asked(fault_rates=True).rates_per_year == found.fault_per_year
    with pytest.raises(UsageError, match="no satellite 17 in the fleet"):
        asked(faults=("pump_stop:sat=17",))
