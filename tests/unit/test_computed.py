"""Residual and forecast records in DuckDB: which rows they make, and what they leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from orbitwin import fleet, records
from orbitwin.contract import Frame
from orbitwin.fleet import Chunk
from orbitwin.records import Source
from orbitwin.topics import STATE
from storage.intake import Record
from storage.writer import Writer
from tests import history

CHUNK: Chunk = next(iter(history.odc_fleet().chunks()))
T_US = 1_800_000_000_000_000 + 59_400_000  # 59.4 s into a minute
MINUTE = "2027-01-15 08:00:00+00"


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = history.open_writer(tmp_path)
    yield made
    history.shut(made)


def frame(packet: str, offset: int = 1, t_us: int = T_US, **given: float | list[float]) -> Frame:
    """A record of the chunk's first two satellites in which only `given` values are known."""
    columns = records.state_columns(CHUNK.vehicle, packet)
    codes = {c.name: c.encode(np.full(CHUNK.rows, np.nan)) for c in columns}
    for name, values in given.items():
        codes[name] = np.array(codes[name])
        codes[name][:2] = values
    empty = history.computed(CHUNK, packet, t_us, Source(0, offset))
    rows = np.arange(2)
    return replace(empty, rows=CHUNK.rows, codes=codes).take(rows, CHUNK.sat_id[rows])


def store(writer: Writer, *frames: Frame) -> None:
    for made in frames:
        value = history.encode(made, CHUNK.vehicle)
        writer.intake.take(Record(STATE.name, 0, made.extra["source"][1], T_US, value))
    writer.commit()


def rows(writer: Writer, sql: str) -> list[tuple]:
    return writer.database.connection.cursor().execute(sql).fetchall()


def residuals(**more: float | list[float]) -> Frame:
    nan = float("nan")
    channel = {
        "array_v/measured": [100.5, 1.0],
        "array_v/predicted": [100.0, 1.0],
        "array_v/sigma": [0.25, 1.0],
        "array_v/z": [2.0, 1.0],
        "array_v/nis": [nan, 1.0],
        "array_v/inside": [0.5, 1.0],
        "array_v/n": [6.0, 0.0],
    }
    return frame(records.RESIDUAL, **(channel | more))


def test_a_residual_is_a_row_for_each_channel_that_was_judged(writer: Writer) -> None:
    store(writer, residuals())
    assert rows(writer, "SELECT * REPLACE (ts::VARCHAR AS ts) FROM residual_1m") == [
        (MINUTE, 1000, "array_v", "V", 100.5, 100.0, 0.5, 0.25, 2.0, None, 0.5, 6)
    ]


def test_an_estimate_that_is_not_known_has_no_row(writer: Writer) -> None:
    nan = float("nan")
    learnt = {"array_ratio/estimate": [0.875, nan], "array_ratio/estimate_sigma": [nan, 1.0]}
    store(writer, residuals(**learnt))
    assert rows(writer, "SELECT sat_id, name, value, sigma FROM estimate_1m") == [
        (1000, "array_ratio", 0.875, None)
    ]


def test_times_of_a_forecast_count_from_when_it_was_made(writer: Writer) -> None:
    nan = float("nan")
    made = frame(records.FORECAST, eclipse_entry_s=[0.6, nan], dose_rad=[1.5, nan], coasting=[0, 1])
    store(writer, made)
    got = rows(
        writer,
        "SELECT sat_id, ts::VARCHAR, eclipse_entry::VARCHAR, saa_entry, dose_rad, coasting "
        "FROM forecast ORDER BY sat_id",
    )
    made_at = "2027-01-15 08:00:59.4+00"
    assert got == [
        (1000, made_at, "2027-01-15 08:01:00+00", None, 1.5, False),
        (1001, made_at, None, None, None, True),
    ]


def test_the_newest_forecast_of_each_satellite_is_shown(writer: Writer) -> None:
    first = frame(records.FORECAST, 1, dose_rad=[1.0, 2.0])
    second = frame(records.FORECAST, 2, T_US + 60_000_000, dose_rad=[3.0, 4.0])
    one = second.take(np.array([1]), second.sat_id[[1]])  # type: ignore[index]
    newest = "SELECT sat_id, dose_rad FROM forecast_latest ORDER BY sat_id"
    store(writer, first, one)
    assert rows(writer, newest) == [(1000, 1.0), (1001, 4.0)]
    third = frame(records.FORECAST, 3, T_US + 120_000_000, dose_rad=[5.0, 6.0])
    store(writer, third)
    assert rows(writer, newest) == [(1000, 5.0), (1001, 6.0)]
    assert rows(writer, "SELECT count(*) FROM forecast") == [(5,)]


def test_what_was_computed_is_no_measurement(writer: Writer) -> None:
    """Neither the ledger of frames nor the newest state nor a rollup knows of it."""
    store(writer, residuals(), frame(records.FORECAST, 2, dose_rad=1.0))
    for table in ("frame", "sat_raw", "sat_1m", "fleet_1s"):
        assert rows(writer, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert not writer.latest.states["cloud", 0].known.any()
    assert writer.intake.counts["rows_stored"] == 0


def test_a_forecast_that_comes_again_is_passed_over(writer: Writer) -> None:
    made = frame(records.FORECAST, dose_rad=1.0)
    store(writer, made)
    again = Record(STATE.name, 0, 9, T_US, history.encode(made, CHUNK.vehicle))
    writer.intake.take(again)
    writer.commit()
    assert rows(writer, "SELECT count(*) FROM forecast") == [(2,)]
    assert writer.intake.counts["records_repeated"] == 1


def test_satellites_that_are_not_known_are_left_out(writer: Writer) -> None:
    made = frame(records.FORECAST, dose_rad=1.0)
    store(writer, replace(made, sat_id=np.array([1000, 999_999])))
    assert rows(writer, "SELECT sat_id FROM forecast") == [(1000,)]


def test_forecasts_of_satellites_that_left_are_not_shown(writer: Writer) -> None:
    store(writer, frame(records.FORECAST, dose_rad=1.0))
    other = replace(CHUNK, sat_id=CHUNK.sat_id + 1, size=CHUNK.size)
    writer.register([fleet.encode(other)])
    assert rows(writer, "SELECT sat_id FROM forecast_latest") == [(1001,)]
    assert rows(writer, "SELECT count(*) FROM forecast") == [(2,)]
