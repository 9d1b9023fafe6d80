"""The score of an evaluation: evidence made by hand, and a small fleet that is really flown."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from compose.evaluation import score
from compose.evaluation.evidence import EVENTS, LABELS, RESIDUALS, Course, Evidence
from compose.evaluation.offline import Plan, fleet_and_truth, fly, labels_of
from compose.evaluation.report import report
from compose.evaluation.score import Target
from orbitwin import catalogue, scenario
from orbitwin import profile as profiles
from orbitwin.records import FORECAST_COLUMNS
from orbitwin.scenario import EVERY, LASTS_US, Fault, Scenario
from processors.record import Rules

S_US = 1_000_000
START_US = 1_800_000_000 * S_US
RUN_S = 10_000
SATELLITES = np.arange(1, 11)
ODC = catalogue.load("odc")


def at(second: float) -> int:
    return START_US + round(second * S_US)


def label(sat: int, fault: str, onset_s: float, end_s: float | None = None) -> dict[str, Any]:
    end_us = LASTS_US if end_s is None else at(end_s)
    return {
        "sat_id": sat, "fault": fault, "onset_us": at(onset_s), "end_us": end_us, "severity": 0.5,
    }  # fmt: skip


def event(sat: int, second: float, what: str, kind: str = "fault", **more: Any) -> dict[str, Any]:
    whole = {
        "sat_id": sat, "t_us": at(second), "kind": kind, "state": "raised", "parameter": what,
        "value": 0.9, "message": "",
    }  # fmt: skip
    return whole | more


def minute(sat: int, second: float, inside: float, windows: float = 6, nis: float = 1.0) -> dict:
    return {
        "sat_id": sat, "t_us": at(second), "channel": "array_a", "nis": nis, "inside": inside,
        "windows": windows,
    }  # fmt: skip


def forecast(sat: int, second: float, **values: float) -> dict[str, Any]:
    nothing = {column.name: float("nan") for column in FORECAST_COLUMNS}
    known = {
        "horizon_s": 3_000.0, "coasting": 0.0,
        "charge_min_ratio": 0.5, "charge_min_ratio_low": 0.45, "charge_min_ratio_high": 0.55,
        "chip_max_t_degc": 60.0, "chip_max_t_degc_low": 58.0, "chip_max_t_degc_high": 62.0,
        "link_margin_min_db": 3.0, "link_margin_min_db_low": 2.5, "link_margin_min_db_high": 3.5,
    }  # fmt: skip
    return {"sat_id": sat, "t_us": at(second), **nothing, **known, **values}


def course() -> Course:
    """Dark from 2,005 to 4,005 s; charge 0.5, 60 degC, 3 dB at 3,000 s, for everybody."""
    second = np.arange(0, RUN_S, 10)
    charge = np.where(second == 3_000, 0.5, 0.8)
    chip = np.where(second == 3_000, 60.0, 40.0)
    margin = np.where(second == 3_000, 3.0, 6.0)
    lit = (second <= 2_000) | (second > 4_000)

    def all_of(one: np.ndarray) -> np.ndarray:
        return np.repeat(one[:, None], len(SATELLITES), axis=1)

    t_us = START_US + second * S_US
    return Course(t_us, SATELLITES, *map(all_of, (charge, chip, margin, lit)))


def evidence(
    labels: Sequence[Mapping[str, Any]] = (),
    events: Sequence[Mapping[str, Any]] = (),
    residuals: Sequence[Mapping[str, Any]] = (),
    forecasts: Sequence[Mapping[str, Any]] = (),
) -> Evidence:
    return Evidence(
        START_US,
        at(RUN_S),
        SATELLITES,
        pl.DataFrame(labels, schema=LABELS),
        pl.DataFrame(events, schema=EVENTS),
        pl.DataFrame(residuals, schema=RESIDUALS),
        pl.DataFrame(forecasts) if forecasts else pl.DataFrame(),
        course(),
        {},
    )


def figures(found: Evidence, discrete: Sequence[str] = ()) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in score.figures(found, discrete)}


def met(found: Evidence) -> dict[str, bool | None]:
    return {figure.name: figure.met for figure in score.figures(found)}


# --- detection and isolation ---------------------------------------------------------------------


def test_a_fault_is_detected_by_the_first_alarm_and_named_by_the_last_verdict() -> None:
    found = evidence(
        [label(3, "panel_dead", 1_000)],
        [
            event(3, 1_060, "cell_loss"),
            event(3, 1_020, "array_a", kind="residual"),
            event(3, 1_200, "panel_dead", value=0.7),
            event(3, 1_300, "panel_dead", state="cleared", value=0.2),
            event(4, 1_400, "cell_loss"),
        ],
    )
    (row,) = score.faults(found).to_dicts()
    assert (row["detected"], row["delay_s"], row["named"]) == (True, 20.0, "panel_dead")
    assert row["confidence"] == 0.7
    (kind,) = score.by_fault(score.faults(found)).to_dicts()
    assert (kind["injected"], kind["named_ratio"], kind["taken_for"]) == (1, 1.0, [])


def test_the_last_verdict_counts_even_where_an_earlier_one_was_right() -> None:
    found = evidence(
        [label(3, "panel_dead", 1_000)],
        [event(3, 1_060, "panel_dead"), event(3, 1_900, "array_short")],
    )
    (kind,) = score.by_fault(score.faults(found)).to_dicts()
    assert (kind["detected_ratio"], kind["named_ratio"]) == (1.0, 0.0)
    assert kind["taken_for"] == ["array_short"]


@pytest.mark.parametrize(
    ("second", "detected"),
    [(999.9, False), (1_000, True), (2_000, True), (2_120, True), (2_120.1, False)],
)
def test_a_verdict_counts_from_the_onset_to_two_minutes_after_the_end(
    second: float, detected: bool
) -> None:
    found = evidence([label(3, "safe_mode", 1_000, 2_000)], [event(3, second, "safe_mode")])
    assert score.faults(found)["detected"].to_list() == [detected]


def test_a_fault_that_would_begin_after_the_run_is_none_of_it() -> None:
    assert figures(evidence([label(3, "panel_dead", RUN_S)]))["faults_injected"] == 0


def test_what_comes_after_the_run_is_not_counted() -> None:
    found = evidence([label(3, "panel_dead", 9_990)], [event(3, RUN_S + 60, "panel_dead")])
    assert score.faults(found)["detected"].to_list() == [False]


def test_a_fault_that_nobody_saw_has_neither_delay_nor_name() -> None:
    found = evidence([label(3, "panel_dead", 1_000), label(4, "panel_dead", 1_000)])
    assert score.faults(found)["delay_s"].to_list() == [None, None]
    (kind,) = score.by_fault(score.faults(found)).to_dicts()
    assert (kind["detected_ratio"], kind["median_delay_s"], kind["named_ratio"]) == (0, None, 0)
    values = figures(found)
    assert (values["detected_ratio"], values["named_ratio"]) == (0.0, 0.0)
    assert values["median_delay_s"] is None
    assert met(found)["detected_ratio"] is met(found)["named_ratio"] is False


def test_an_alarm_without_a_verdict_detects_and_names_nothing() -> None:
    found = evidence([label(3, "panel_dead", 1_000)], [event(3, 1_050, "array_a", kind="residual")])
    values = figures(found)
    assert (values["detected_ratio"], values["named_ratio"]) == (1.0, 0.0)
    assert values["median_delay_s"] == 50.0


def test_two_faults_of_one_satellite_are_counted_apart() -> None:
    found = evidence(
        [label(3, "safe_mode", 1_000, 1_500), label(3, "panel_dead", 3_000)],
        [event(3, 1_100, "safe_mode"), event(3, 3_100, "panel_dead")],
    )
    assert score.faults(found)["named"].to_list() == ["safe_mode", "panel_dead"]
    assert score.faults(found)["delay_s"].to_list() == [100.0, 100.0]


def test_a_fault_of_the_whole_fleet_is_one_of_every_satellite() -> None:
    faults = Scenario((Fault(name="solar_storm", share=1, at_s=100),))
    plan = Plan(profiles.load("suncatcher_81"), faults, 10, 1, START_US, 60)
    made = fleet_and_truth(plan)
    assert made.faults.labels().sat_id.tolist() == [EVERY]
    labels = labels_of(made)
    assert labels["sat_id"].to_list() == SATELLITES.tolist()
    assert labels["onset_us"].unique().to_list() == [at(100)]
    found = replace(
        evidence([], [event(2, 300, "solar_storm"), event(9, 400, "panel_dead")]), labels=labels
    )
    values = figures(found)
    assert (values["faults_injected"], values["detected_ratio"]) == (10, 0.2)
    assert (values["named_ratio"], values["false_alarms"]) == (0.1, 0)


# --- false alarms --------------------------------------------------------------------------------


def test_verdicts_on_healthy_satellites_and_before_an_onset_are_false() -> None:
    found = evidence(
        [label(3, "panel_dead", 1_000)],
        [
            event(3, 900, "panel_dead"),  # before
            event(3, 1_100, "array_short"),  # wrong, but not false
            event(5, 50, "cell_loss"),  # healthy
            event(5, 90, "cell_loss", state="cleared"),
            event(6, 50, "array_a", kind="residual"),  # an alarm is no verdict
        ],
    )
    false, months = score.false_alarms(found)
    assert false == 2
    healthy_s = 9 * RUN_S + 1_000
    assert months == pytest.approx(healthy_s / (30 * 86_400))
    assert figures(found)["false_alarms_per_satellite_month"] == pytest.approx(2 / months)
    assert met(found)["false_alarms_per_satellite_month"] is False


def test_of_several_faults_of_a_satellite_the_first_ends_its_health() -> None:
    found = evidence([label(3, "panel_dead", 5_000), label(3, "cell_loss", 2_000)])
    assert score.false_alarms(found)[1] * 30 * 86_400 == pytest.approx(9 * RUN_S + 2_000)


def test_a_fault_after_the_run_takes_no_health_away() -> None:
    found = evidence([label(3, "panel_dead", 2 * RUN_S)], [event(3, 500, "panel_dead")])
    false, months = score.false_alarms(found)
    assert (false, months * 30 * 86_400) == (1, pytest.approx(10 * RUN_S))


# --- consistency ---------------------------------------------------------------------------------


def test_shares_are_weighted_by_windows_and_of_healthy_satellites_alone() -> None:
    found = evidence(
        [label(3, "panel_dead", 5_000)],
        residuals=[
            minute(1, 700, 1.0, windows=6, nis=0.5),
            minute(2, 760, 0.5, windows=2, nis=4.5),
            minute(3, 700, 0.0),  # has a fault, later
            minute(1, 599, 0.0),  # the filters still settle
        ],
    )
    (row,) = score.consistency(found).to_dicts()
    assert (row["channel"], row["windows"]) == ("array_a", 8)
    assert row["inside_ratio"] == pytest.approx((6 * 1.0 + 2 * 0.5) / 8)
    assert row["nis"] == pytest.approx((6 * 0.5 + 2 * 4.5) / 8)
    assert figures(found)["nis_inside_ratio"] == pytest.approx(7 / 8)
    assert figures(found, ["array_a"])["nis_inside_ratio"] is None


@pytest.mark.parametrize(("inside", "well"), [(0.92, False), (0.95, True), (0.99, False)])
def test_too_narrow_and_too_wide_bands_both_miss_the_target(inside: float, well: bool) -> None:
    assert met(evidence(residuals=[minute(1, 700, inside)]))["nis_inside_ratio"] is well


# --- forecasts -----------------------------------------------------------------------------------


def test_forecasts_are_compared_with_what_came() -> None:
    ahead = forecast(
        1, 1_500, eclipse_entry_s=507.0, eclipse_exit_s=2_500.0, charge_min_ratio=0.52,
        chip_max_t_degc=59.0,
    )  # fmt: skip
    (row,) = score.forecasts(evidence(forecasts=[ahead])).to_dicts()
    assert row["entry_error_s"] == pytest.approx(2.0)  # 2,005 s is 505 s ahead
    assert row["exit_error_s"] == pytest.approx(-5.0)
    assert row["charge_error_ratio"] == pytest.approx(0.02)
    assert row["temperature_error_k"] == pytest.approx(-1.0)
    assert row["charge_inside"] and row["temperature_inside"]


def test_coverage_is_the_share_of_truths_within_their_intervals() -> None:
    narrow = {
        "charge_min_ratio_low": 0.51, "chip_max_t_degc_high": 59.9, "link_margin_min_db_low": 3.1
    }  # fmt: skip
    found = evidence(
        forecasts=[
            forecast(1, 1_500),
            forecast(2, 1_500, charge_min_ratio_low=0.51),
            forecast(3, 1_500, **narrow),
            forecast(4, 1_500),
        ]
    )
    values = figures(found)
    assert (values["forecasts"], values["interval_coverage_ratio"]) == (4, 8 / 12)
    assert (values["charge_coverage_ratio"], values["link_coverage_ratio"]) == (2 / 4, 3 / 4)
    assert met(found)["interval_coverage_ratio"] is False


def test_forecasts_that_cannot_be_judged_are_left_out() -> None:
    found = evidence(
        [label(7, "panel_dead", 9_000)],
        forecasts=[
            forecast(7, 1_500),  # of a satellite with a fault
            forecast(1, 500),  # the filters still settle
            forecast(2, 1_500, coasting=1.0),
            forecast(3, 8_000),  # its horizon ends after the run
            forecast(4, 1_500),
        ],
    )
    assert score.forecasts(found)["sat_id"].to_list() == [4]
    none = evidence(forecasts=[forecast(3, 8_000)])
    assert figures(none)["forecasts"] == 0
    assert "charge_error_ratio" not in figures(none)


def test_a_forecast_of_no_eclipse_where_there_is_none_has_no_error() -> None:
    """And no column of such errors keeps the others from being counted."""
    nothing = evidence(forecasts=[forecast(1, 5_000)])
    assert score.forecasts(nothing)["entry_error_s"].to_list() == [None]
    assert figures(nothing)["eclipse_error_s"] is None
    only_exit = evidence(forecasts=[forecast(1, 2_500, eclipse_exit_s=1_509.0)])
    assert figures(only_exit)["eclipse_error_s"] == pytest.approx(4.0)


def test_an_eclipse_after_many_forecasts_without_one_is_counted() -> None:
    quiet = [forecast(1, 5_000 + n) for n in range(150)]
    late = forecast(1, 1_500, eclipse_entry_s=515.0, eclipse_exit_s=2_515.0)
    assert figures(evidence(forecasts=[*quiet, late]))["eclipse_error_s"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("made", "entry_s", "exit_s"),
    [
        (forecast(1, 1_500), -3_000.0, -3_000.0),  # missed: 2,005 to 4,005 s
        (forecast(1, 5_000, eclipse_entry_s=900.0), 3_000.0, None),  # invented
        (forecast(1, 5_000, eclipse_entry_s=2_990.0), None, None),  # as well beyond the horizon
        (forecast(1, 1_500, horizon_s=520.0), None, None),
    ],
)
def test_a_missed_and_an_invented_eclipse_count_as_a_whole_horizon(
    made: dict[str, Any], entry_s: float | None, exit_s: float | None
) -> None:
    (row,) = score.forecasts(evidence(forecasts=[made])).to_dicts()
    assert (row["entry_error_s"], row["exit_error_s"]) == (entry_s, exit_s)


def test_an_interval_that_ends_on_a_full_battery_is_not_judged() -> None:
    """It was cut there: a battery that stays full would be inside whatever its width."""
    full = {"charge_min_ratio": 1.0, "charge_min_ratio_low": 0.99, "charge_min_ratio_high": 1.0}
    found = evidence(forecasts=[forecast(1, 5_000, **full), forecast(2, 1_500)])
    assert score.forecasts(found)["charge_inside"].to_list() == [None, True]
    assert figures(found)["charge_coverage_ratio"] == 1.0


# --- targets and the report ----------------------------------------------------------------------


def test_a_target_is_met_missed_or_has_nothing_to_judge() -> None:
    both = Target(0.85, 0.95)
    assert [both.met(v) for v in (0.84, 0.85, 0.95, 0.96)] == [False, True, True, False]
    assert both.met(None) is both.met(float("nan")) is both.met(float("inf")) is None
    assert [str(t) for t in (both, Target(least=1.0), Target(most=2.5))] == [
        "0.85 to 0.95",
        ">= 1",
        "<= 2.5",
    ]


def test_empty_evidence_has_nothing_to_judge_but_no_false_alarms() -> None:
    whole = report(evidence(), ODC)
    assert {f.name for f in whole.figures if f.met is not None} == {
        "false_alarms_per_satellite_month"
    }
    assert whole.met
    document = whole.document()
    assert (document["faults"], document["channels"]) == ([], [])
    assert document["figures"]["detected_ratio"]["value"] is None


def test_one_missed_target_is_enough_to_miss() -> None:
    found = evidence([label(3, "panel_dead", 1_000)])
    assert not report(found, ODC).met
    seen = replace(found, events=pl.DataFrame([event(3, 1_060, "panel_dead")], schema=EVENTS))
    assert report(seen, ODC).met


def test_the_document_of_a_full_report_is_plain_json() -> None:
    import json

    found = evidence(
        [label(3, "panel_dead", 1_000)],
        [event(3, 1_060, "panel_dead")],
        [minute(1, 700, 0.95)],
        [forecast(1, 1_500, eclipse_entry_s=505.0)],
    )
    document = report(replace(found, letters={"late: x": 3}), ODC).document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["dead_letters"] == {"late: x": 3}
    assert set(score.TARGETS) <= set(document["figures"])


# --- a small fleet, really flown -----------------------------------------------------------------

JUNE_US = int(datetime.datetime(2027, 6, 21, tzinfo=datetime.UTC).timestamp()) * S_US
CLEAR_FAULTS = """
fault = [
  {name = "panel_dead", sat = 3, at_s = 650, severity = 0.6},
  {name = "array_short", sat = 7, at_s = 700, severity = 0.8},
  {name = "cell_loss", sat = 11, at_s = 1000, severity = 0.8},
  {name = "radiator_area_loss", sat = 15, at_s = 1050, severity = 0.7},
  {name = "pump_degraded", sat = 19, at_s = 1150, severity = 0.8},
  {name = "thermal_interface_ageing", sat = 23, at_s = 1200, severity = 0.8},
  {name = "transmitter_droop", sat = 27, at_s = 1250, severity = 0.8},
  {name = "terminal_loss", sat = 31, at_s = 1300, severity = 0.6},
  {name = "straggler", sat = 35, at_s = 1350, severity = 0.6},
  {name = "hung_job", sat = 39, at_s = 1400, severity = 0.6},
]
"""


@cache
def flown(faults: Scenario, satellites: int, seed: int, duration_s: int) -> Evidence:
    plan = Plan(profiles.load("suncatcher_81"), faults, satellites, seed, JUNE_US, duration_s)
    return fly(plan, Rules())


def test_clear_faults_are_all_found_and_named_and_nobody_else_is(tmp_path: Path) -> None:
    """Forty satellites of the Suncatcher formation through an eclipse, ten of them with a fault."""
    path = tmp_path / "clear.toml"
    path.write_text(CLEAR_FAULTS)
    found = flown(scenario.load(path, ODC), 40, 1, 1_900)
    values = figures(found)
    assert (values["faults_injected"], values["detected_ratio"]) == (10, 1.0)
    assert values["named_ratio"] is not None and values["named_ratio"] >= 0.8
    assert values["false_alarms"] == 0
    assert values["median_delay_s"] is not None and 10 <= values["median_delay_s"] <= 120
    assert values["nis_inside_ratio"] == pytest.approx(0.95, abs=0.025)
    assert set(found.events["sat_id"].unique()) >= set(found.labels["sat_id"])
    assert found.letters == {}
    assert not found.course.lit.all()  # there was an eclipse
    assert np.isfinite(found.course.charge_ratio).all()


def test_where_nothing_is_injected_nothing_is_said() -> None:
    for seed in (2, 3):
        found = flown(Scenario(), 20, seed, 690)
        assert found.events.filter(pl.col("kind") == "fault").is_empty()
        assert found.labels.is_empty() and len(found.residuals)
        assert figures(found)["false_alarms"] == 0


def test_the_same_seed_is_the_same_document_and_another_seed_another() -> None:
    one, other = (flown(Scenario(), 20, seed, 690) for seed in (2, 3))
    two = flown.__wrapped__(Scenario(), 20, 2, 690)
    assert len(one.residuals) and len(one.forecasts)
    assert report(one, ODC).document() == report(two, ODC).document()
    assert one.events.equals(two.events) and one.residuals.equals(two.residuals)
    assert one.forecasts.equals(two.forecasts)
    assert report(one, ODC).document() != report(other, ODC).document()
    assert not one.residuals.equals(other.residuals)
