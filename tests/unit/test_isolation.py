"""Which fault explains the residuals: directions by hand, and the faults of a small vehicle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from processors.model.isolation import (
    SENSOR_BELIEF,
    SURE_Z,
    Faults,
    at_least_sure,
    choose,
    faults_of,
    scores,
)
from processors.model.residuals import DECISION
from tests.heater import HEATER, START_US, Truth, heaters
from tests.processing import SECOND_US, Bench, events

ALL3 = np.ones((3, 1), dtype=bool)
DIRECTIONS = np.array([[1, 1, 0], [0, 0, 1], [1, -1, 0]], dtype=np.float32)
FAULTS = Faults(("none", "a", "b", "c"), (0, 1, 1, 1), DIRECTIONS, np.arange(3))
SENSORS = np.array([[[1.0], [0.0], [2.0]]], dtype=np.float32)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, None]


def found(*z: float, counts: np.ndarray = ALL3, z2: np.ndarray | None = None) -> np.ndarray:
    mean_z = column(*z)
    squares = mean_z**2 if z2 is None else z2
    return scores(mean_z, squares, counts, ALL3, FAULTS, SENSORS, SENSORS)[0][:, 0]


def test_a_score_is_the_share_of_the_vector_along_the_direction() -> None:
    """cos^2 of the angle (Gertler 1998, ch. 7), of logarithms beyond what is noise."""
    assert found(5, 5, 0) == pytest.approx([1, 0, 0, 0], abs=1e-6)
    assert found(4, 0, 1) == pytest.approx([0.5, 0, 0.5, 0], abs=1e-6)
    # the error of the sensor that fits (0, 0, 7) best, 7 x 2 / 5 units, shows as 2.8 and 5.6
    one, two = np.log1p(2.8 - 1.5), np.log1p(5.6 - 1.5)
    share = two**2 / (one**2 + two**2)
    assert found(0, 0, 7) == pytest.approx([0, 1, 0, SENSOR_BELIEF * share], abs=1e-6)


def test_faults_have_a_sign_and_sensors_either() -> None:
    assert found(-5, -5, 0)[0] == 0
    assert found(-3, 0, -6)[3] == found(3, 0, 6)[3] == pytest.approx(SENSOR_BELIEF)


def test_channels_that_were_not_judged_do_not_count() -> None:
    seen = column(1, 0, 1).astype(bool)
    assert found(5, 99, 0, counts=seen)[0] == pytest.approx(1)  # half of it is seen
    only_third = column(0, 0, 1).astype(bool)
    assert found(5, 5, 3, counts=only_third) == pytest.approx([0, 1, 0, SENSOR_BELIEF])


def test_jumping_residuals_are_a_sensors_single_values() -> None:
    z2 = column(100, 1, 400)
    got = scores(column(1, 0, -1), z2, ALL3, ALL3, FAULTS, SENSORS, np.abs(SENSORS))
    assert got[1].all() and got[0][:3].max() == 0 and got[0][3, 0] > 0.97


def test_of_several_directions_of_a_fault_the_best_counts() -> None:
    two = Faults(("none", "a", "c"), (0, 1, 1), DIRECTIONS, np.array([0, 2]))
    z = column(0, 0, 7)
    got = scores(z, z**2, ALL3, ALL3, two, SENSORS, SENSORS)[0][:, 0]
    assert got[:2] == pytest.approx([1, 0])


def test_a_fault_that_is_over_is_not_taken_for_single_values() -> None:
    """The moving means of one step fall as those of a single value: what came lately tells."""
    z, z2 = column(16, 0, -4), column(800, 1, 60)
    over = np.zeros((3, 1), dtype=bool)
    assert scores(z, z2, ALL3, ALL3, FAULTS, SENSORS, SENSORS)[1].all()
    assert not scores(z, z2, ALL3, over, FAULTS, SENSORS, SENSORS)[1].any()


def test_a_decided_cusum_is_as_sure_as_a_large_residual() -> None:
    """On its own side only; what is farther off already stays so."""
    z = column(1.0, -1.0, 7.0, 1.0)
    up, down = column(DECISION, 0, DECISION, DECISION - 1), column(0, DECISION, 0, 0)
    assert at_least_sure(z, up, down)[:, 0].tolist() == [SURE_Z, -SURE_Z, 7.0, 1.0]


def test_the_size_of_a_sensors_error_does_not_grow_with_what_comes_into_sight() -> None:
    """z of one unit of it are 1 and 2 in the two channels that it shows in."""
    part = column(1, 1, 0).astype(bool)
    for counts in (ALL3, part):
        got = scores(column(5, 0, 10), column(25, 0, 100), counts, ALL3, FAULTS, SENSORS, SENSORS)
        assert got[3][0, 0] == pytest.approx(5)


def test_confidence_is_halved_when_two_explain_equally() -> None:
    """And the first of equals is named: a fault of the file before a sensor."""
    nobody = np.array([-1])
    best, sure = choose(column(0.9, 0.9, 0.1), nobody)
    assert best[0] == 0 and sure[0] == pytest.approx(0.45)
    best, sure = choose(column(0.0, 0.9, 0.0), nobody)
    assert best[0] == 1 and sure[0] == pytest.approx(0.9)
    assert choose(column(0.4, 0.3, 0.2), nobody)[0][0] == -1
    assert choose(np.zeros((0, 1), np.float32), nobody)[0][0] == -1


def test_what_was_named_stays_until_something_is_clearly_better() -> None:
    assert choose(column(0.95, 0.9), np.array([1]))[0][0] == 1
    assert choose(column(0.95, 0.7), np.array([1]))[0][0] == 0
    assert choose(column(0.55, 0.45), np.array([1]))[0][0] == 0  # too little to be named at all


def test_the_files_faults_come_before_those_of_sensors() -> None:
    faults = faults_of(HEATER)
    assert faults.names[:5] == ("none", "contact_loss", "sink_blocked", "leak", "sensor_stuck")
    assert faults.severity[1:4] == (3, 2, 1)
    assert faults.directions.shape == (3, len(HEATER.channels))


# --- a small vehicle, from packets to verdicts ---------------------------------------------------

AT = 300  # seconds after the start
Change = Callable[[int, dict[str, np.ndarray]], None]


def told(truth: Truth, seconds: int) -> list[dict[str, Any]]:
    """Events of kind fault."""
    bench = Bench(heaters(truth.rows))
    return [
        e
        for one in truth.frames(0, seconds)
        for e in events(bench.take(one))
        if e["kind"] == "fault"
    ]


def offset(name: str, satellite: int, size: Callable[[int], float]) -> Change:
    def change(second: int, values: dict[str, np.ndarray]) -> None:
        if second >= AT:
            values[name][satellite] += size(second - AT)

    return change


def test_each_fault_of_the_file_is_named_on_its_satellite_and_no_other() -> None:
    rows = 8

    class Breaking(Truth):
        def readings(self, second: int) -> dict[str, np.ndarray]:
            if second == AT:
                self.resistance_k_w = np.where(np.arange(rows) == 1, 0.06, 0.05)
                self.wall_k_w = np.where(np.arange(rows) == 3, 0.024, 0.02)
                self.leaks = np.where(np.arange(rows) == 5, 70.0, 20.0)
            return super().readings(second)

    got = told(Breaking(rows), AT + 240)
    raised = {e["sat_id"] - 100: e for e in got if e["state"] == "raised"}
    assert {s: e["parameter"] for s, e in raised.items()} == {
        1: "contact_loss",
        3: "sink_blocked",
        5: "leak",
    }
    assert len(got) == 3  # each is told once
    one = raised[3]
    assert one["severity"] == 2 and one["severity_before"] == 0
    assert 0.5 < one["value"] <= 1
    assert one["message"].startswith(f"sink_blocked, confidence {one['value']:.2f}: wall_degc +")
    assert one["message"].count("sigma") == 3
    assert one["t_event_us"] - START_US <= (AT + 80) * SECOND_US


SENSOR_FAULTS: list[tuple[str, Change]] = [
    ("sensor_bias of plate_degc", offset("plate_degc", 2, lambda _: -2.0)),
    ("sensor_bias of wall_degc", offset("wall_degc", 2, lambda _: 2.0)),
    ("sensor_bias of heater_w", offset("heater_w", 2, lambda _: -10.0)),
    ("sensor_spike of wall_degc", offset("wall_degc", 2, lambda s: 60.0 * (s % 23 == 0))),
]


@pytest.mark.parametrize(("want", "change"), SENSOR_FAULTS, ids=[s[0] for s in SENSOR_FAULTS])
def test_a_sensors_error_is_told_from_a_fault(want: str, change: Change) -> None:
    got = told(Truth(4, bias=[change]), AT + 300)
    raised = [e for e in got if e["state"] == "raised"]
    assert {e["sat_id"] for e in got} == {102}
    assert raised[-1]["message"].startswith(want)
    assert raised[-1]["parameter"] == want.split()[0] and raised[-1]["severity"] == 1
    assert len(raised) <= 2


def test_a_sensor_that_drifts_ends_up_as_that() -> None:
    got = told(Truth(2, bias=[offset("wall_degc", 1, lambda s: -8.0 * s / 3600)]), AT + 1200)
    raised = [e["message"].split(",")[0] for e in got if e["state"] == "raised"]
    assert raised[-1] == "sensor_drift of wall_degc"


def test_a_stuck_sensor_is_named_for_sure_and_let_go() -> None:
    kept: dict[str, float] = {}

    def stick(second: int, values: dict[str, np.ndarray]) -> None:
        if AT <= second < AT + 200:
            values["bus_v"][1] = kept.setdefault("v", float(values["bus_v"][1]))

    got = told(Truth(3, bias=[stick]), AT + 700)
    assert {e["sat_id"] for e in got} == {101}
    named = [e for e in got if e["parameter"] == "sensor_stuck"]
    assert named[0]["state"] == "raised" and named[0]["value"] == 1
    assert named[0]["message"].startswith("sensor_stuck of bus_v, confidence 1.00")
    assert got[-1]["state"] == "cleared"
