"""Real input through the whole twin: recordings of two CubeSats, a catalogue of satellites."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest
from skyfield.api import EarthSatellite, load

from tests.twin import orbitwin

DATA = Path(__file__).parents[1] / "data"
BIRDS = DATA / "birds_eps"


def events(data: Path) -> list[dict[str, Any]]:
    done = orbitwin("sql", "--json", "select * from event order by ts", data=data)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_dead_panel_is_an_event_and_healthy_panels_are_none(tmp_path: Path) -> None:
    """BIRDS-3 replayed: RAAVANA's dead +Y panel is named, NEPALISAT's panels raise nothing."""
    data = tmp_path / "twin"
    done = orbitwin(
        "up", "--replay", str(BIRDS / "RAAVANA.xlsx"), str(BIRDS / "NEPALISAT.xlsx"),
        "--vehicle", "birds3", "--speed", "6000", "--json", data=data, timeout_s=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["rows_sent"] == summary["rows_stored"] == 2_159 + 3_040
    assert (summary["rows_lost"], summary["rows_duplicated"]) == (0, 0)
    found = {(e["name"], e["parameter"]) for e in events(data) if e["kind"] == "limit"}
    assert found == {("RAAVANA", "panel_py_mv")}
    (dead,) = [e for e in events(data) if e["kind"] == "limit"]
    assert (dead["severity"], dead["state"]) == ("distress", "raised")
    assert dead["ts"].startswith("2021-02-13")


@pytest.mark.slow
def test_a_spike_a_glitch_and_times_that_are_none(tmp_path: Path) -> None:
    """A battery at 6.44 V, one at -22.7 degC and two rows without time: events and dead letters."""
    sheet = fastexcel.read_excel(BIRDS / "NEPALISAT.xlsx").load_sheet(0).to_polars().head(200)
    sheet = sheet.with_row_index("row").with_columns(
        pl.when(pl.col("row") == 60).then(6.44).otherwise(pl.col("Vbat (V)")).alias("Vbat (V)"),
        pl.when(pl.col("row") == 90).then(-22.7).otherwise(pl.col("Tbatt (℃)")).alias("Tbatt (℃)"),
        pl.when(pl.col("row").is_in([120, 121])).then(None)
        .otherwise(pl.col("Time Stamp")).alias("Time Stamp"),
    )  # fmt: skip
    file = tmp_path / "UGUISU.csv"
    sheet.drop("row").write_csv(file)
    data = tmp_path / "twin"
    done = orbitwin(
        "up", "--replay", str(file), "--vehicle", "birds3", "--speed", "500",
        "--start-epoch", "2020-11-09T00:00:00Z", "--json", data=data, timeout_s=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["rows_sent"] == summary["rows_stored"] == 198
    assert summary["dead_letters"] == 2
    found = {
        (e["parameter"], e["severity"], round(e["value"], 2))
        for e in events(data)
        if e["kind"] == "limit" and e["state"] == "raised"
    }
    assert found == {("battery_v", "critical", 6.44), ("battery_t_degc", "critical", -22.7)}


@pytest.mark.slow
def test_a_real_catalogue_flies_where_skyfield_says(tmp_path: Path) -> None:
    """OMM through the whole twin: positions in `latest` agree with skyfield's SGP4 within 1 m."""
    data = tmp_path / "twin"
    source = DATA / "starlink_omm_sample.json"
    done = orbitwin(
        "up", "--ephemeris", str(source), "--start-epoch", "2025-05-25T06:00:00Z",
        "--duration", "8", "--json", data=data, timeout_s=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    elements = {e["NORAD_CAT_ID"]: e for e in json.loads(source.read_text())}
    assert summary["satellites"] == len(elements)
    assert (summary["rows_lost"], summary["rows_duplicated"]) == (0, 0)
    rows = json.loads(
        orbitwin(
            "sql", "--json",
            "select l.sat_id, name, x_km, y_km, z_km, epoch_us(r.ts) as at_us from latest l join "
            "(select sat_id, max(ts) as ts from sat_raw where packet = 'nav' group by sat_id) r "
            "on r.sat_id = l.sat_id",
            data=data,
        ).stdout
    )  # fmt: skip
    assert len(rows) == len(elements)
    timescale = load.timescale(builtin=True)
    for row in rows:
        satellite = EarthSatellite.from_omm(timescale, elements[row["sat_id"]])
        assert row["name"] == satellite.name
        day, rest_us = divmod(row["at_us"], 86_400_000_000)
        at = timescale.utc(1970, 1, 1 + day, 0, 0, rest_us / 1e6)
        x, y, z = satellite.at(at).position.km
        off_km = max(abs(row["x_km"] - x), abs(row["y_km"] - y), abs(row["z_km"] - z))
        assert off_km < 0.001, row["name"]
