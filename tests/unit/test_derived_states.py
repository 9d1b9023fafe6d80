"""The derived states against their published definitions, on values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from processors.derived.columns import SUNLIT, UNKNOWN, derive, isolate
from processors.derived.jobs import goodput_ratio, job_throughput_tops
from processors.derived.links import link_health_ratio
from processors.derived.power import power_margin_w, state_of_charge_ratio
from processors.derived.thermal import thermal_headroom_k
from tests.processing import BIRDS, ODC, frame


def of(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_power_margin_is_available_less_demanded() -> None:
    assert power_margin_w(of(30_000, 0), of(20_000, 5_000)).tolist() == [10_000, -5_000]


def test_state_of_charge_takes_the_drop_over_the_resistance_out() -> None:
    # OCV = V - I R: a cell that charges shows more than its rested voltage (Patel, ch. 9).
    battery = ODC.battery
    assert battery is not None and battery.resistance_ohm == 0.03
    got = state_of_charge_ratio(of(3.69, 3.69 + 0.03, 3.69 - 0.06), of(0, 1, -2), battery)
    assert got == pytest.approx([0.5, 0.5, 0.5], abs=1e-4)


def test_state_of_charge_stays_within_0_and_1() -> None:
    assert ODC.battery is not None
    assert state_of_charge_ratio(of(2.0, 5.0), of(0, 0), ODC.battery).tolist() == [0, 1]


def test_thermal_headroom_is_the_least_and_unknown_if_any_is() -> None:
    got = thermal_headroom_k(of(10, 10, np.nan), of(3, 30, 1))
    assert got[:2].tolist() == [3, 10] and np.isnan(got[2])


def test_link_health_is_half_at_no_margin_and_95_percent_at_3_db() -> None:
    # The 3 dB rule of ECSS-E-ST-50-05C.
    got = link_health_ratio(of(0, 3), of(0, 0), of(1, 1))
    assert got == pytest.approx([0.5, 0.95], abs=1e-6)


def test_link_health_counts_corrections_and_terminals() -> None:
    got = link_health_ratio(of(3, 3, 3), of(0.5, 2.0, 0), of(1, 1, 0.5))
    assert got == pytest.approx([0.475, 0, 0.475], abs=1e-6)


def test_link_health_is_nothing_without_a_link_and_unknown_without_a_margin() -> None:
    got = link_health_ratio(of(np.nan, np.nan), of(np.nan, 0), of(0, 1))
    assert got[0] == 0 and np.isnan(got[1])


def test_throughput_and_goodput() -> None:
    useful = job_throughput_tops(of(900, 900), of(0.1, 0))
    assert useful == pytest.approx([810, 900])
    got = goodput_ratio(useful, of(1000, 0))
    assert got[0] == pytest.approx(0.81) and np.isnan(got[1])


def test_odc_row_worked_out_by_hand() -> None:
    got = derive(ODC, ODC.constants, frame(1, rows=2).codes, 2)
    values = {c.name: float(c.decode(got.codes[c.name])[0]) for c in ODC.derived}
    assert values["power_margin_w"] == pytest.approx(120 * 300 * 0.95 - 20_000, abs=2)
    assert values["state_of_charge_ratio"] == pytest.approx(0.8, abs=2e-3)
    assert values["thermal_headroom_k"] == pytest.approx(25, abs=0.02)  # battery: 45 - 20
    assert values["link_margin_db"] == pytest.approx(3, abs=0.01)
    assert values["link_health_ratio"] == pytest.approx(0.95 * 0.9, abs=1e-3)
    assert values["job_throughput_tops"] == pytest.approx(810, abs=0.5)
    assert values["goodput_ratio"] == pytest.approx(0.81, abs=1e-3)
    assert got.sunlit.tolist() == [SUNLIT, SUNLIT]


def test_a_vehicle_without_links_has_no_link_health_rather_than_none() -> None:
    values = {"battery_v": 3.9, "battery_t_degc": 20.0}
    got = derive(BIRDS, BIRDS.constants, frame(1, 1, "eps", values, BIRDS).codes, 1)
    derived = {c.name: c for c in BIRDS.derived}
    for name in ("link_health_ratio", "link_margin_db", "goodput_ratio", "job_throughput_tops"):
        assert derived[name].is_missing(got.codes[name]).all()
    assert not derived["state_of_charge_ratio"].is_missing(got.codes["state_of_charge_ratio"]).any()


def test_a_missing_measurement_makes_missing_what_follows_from_it() -> None:
    codes = dict(frame(1, rows=2, values={"sunlit": [1, np.nan], "load_w": [np.nan, 1]}).codes)
    got = derive(ODC, ODC.constants, codes, 2)
    margin = ODC.derived[0]
    assert margin.is_missing(got.codes["power_margin_w"]).tolist() == [True, False]
    assert got.sunlit.tolist() == [SUNLIT, UNKNOWN]


def test_no_rows() -> None:
    got = derive(ODC, ODC.constants, frame(1, rows=0).codes, 0)
    assert all(len(c) == 0 for c in got.codes.values())


@pytest.mark.parametrize("bad", [[], [0], [7], [3, 4], [0, 1, 2, 5, 7], list(range(8))])
def test_isolate_finds_the_rows_that_fail(bad: list[int]) -> None:
    def work(index: np.ndarray | None) -> np.ndarray:
        rows = np.arange(8) if index is None else index
        if np.isin(rows, bad).any():
            raise ZeroDivisionError("a model failed")
        return rows

    got, kept, error = isolate(8, work)  # type: ignore[arg-type]
    good = [i for i in range(8) if i not in bad]
    assert got.tolist() == good  # type: ignore[attr-defined]
    assert (kept is None) == (not bad)
    assert ("a model failed" in error) == bool(bad)
