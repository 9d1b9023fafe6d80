"""A fault given on the command line of a live twin, and what stands in its history afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.twin import orbitwin

FAULT = "radiator_area_loss:sat=7,at_s=30,severity=0.9"
SPEED, DURATION_S, SATELLITES = 20, 38, 20


def ask(data: Path, query: str) -> list[dict[str, Any]]:
    done = orbitwin("sql", "--json", query, data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_fault_of_a_live_twin_is_named_and_all_that_was_computed_is_stored(
    tmp_path: Path,
) -> None:
    """`up --fault`: the fault is named in `event`; residuals, estimates, forecasts are stored."""
    data = tmp_path / "twin"
    done = orbitwin(
        "up", "--satellites", str(SATELLITES), "--fault", FAULT, "--speed", str(SPEED),
        "--start-epoch", "2027-06-21T00:00:00Z", "--duration", str(DURATION_S), "--json",
        data=data, timeout_s=220,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["rows_lost"], summary["rows_duplicated"]) == (0, 0)
    assert summary["rows_stored"] == summary["rows_sent"] >= 0.9 * DURATION_S * SPEED * SATELLITES
    assert summary["dead_letters"] == 0
    query = "select count(*) as n, count(distinct (sat_id, packet, ts, seq)) as d from sat_raw"
    n = summary["rows_stored"]
    assert ask(data, query) == [{"n": n, "d": n}]

    named = ask(
        data,
        "select sat_id, state, parameter, value, message, epoch(ts) - epoch(timestamptz "
        "'2027-06-21 00:00:00+00') as at_s from event where kind = 'fault' order by ts",
    )
    assert {row["sat_id"] for row in named} == {7}
    (last,) = [row for row in named if row["state"] == "raised"][-1:]
    assert last["parameter"] == "radiator_area_loss"
    assert "radiator_area_loss, confidence" in last["message"]
    assert 0.25 < last["value"] <= 1
    assert last["at_s"] > 30

    minutes = DURATION_S * SPEED // 60 - 2
    forecasts = minutes - 1
    for table, key, times in (
        ("residual_1m", "parameter", minutes),
        ("estimate_1m", "name", minutes),
        ("forecast", "horizon_s", forecasts),
    ):
        (counted,) = ask(
            data,
            f"select count(*) as n, count(distinct (sat_id, ts, {key})) as d, "
            f"count(distinct sat_id) as sats, count(distinct ts) as times from {table}",
        )
        assert counted["n"] == counted["d"] > 0, table
        assert counted["sats"] == SATELLITES, table
        assert counted["times"] >= times, table
    (wrong,) = ask(
        data,
        "select count(*) as n from residual_1m where isnan(z) or isnan(nis) or sigma <= 0 "
        "or inside not between 0 and 1 or windows < 1",
    )
    assert wrong["n"] == 0
    (ill,) = ask(
        data,
        "select sat_id, max(abs(z)) as z from residual_1m where parameter like '%radiator%' "
        "group by 1 order by 2 desc limit 1",
    )
    assert ill["sat_id"] == 7
