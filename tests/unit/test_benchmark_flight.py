"""The Flight door's benchmark proves its output, and says FAILED where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from benchmarks import flight_sql
from benchmarks.harness import WrongOutput


def test_it_passes_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flight_sql, "QUIET_S", 0.2)
    path = tmp_path / "flight.json"
    code = flight_sql.main(["--rows", "70001", "--repeat", "1", "--json", str(path)])
    text = capsys.readouterr().out
    assert code == 0 and "FAILED" not in text, text
    assert "70,001 rows of three columns" in text and "a commit beside readers" in text
    report = json.loads(path.read_text())
    assert any("rows/s with pyarrow" in fact for fact in report["facts"])


def test_a_lost_and_a_changed_row_are_found() -> None:
    table = duckdb.sql(f"FROM ({flight_sql.MAKE.format(rows=3_000).partition(' AS ')[2]})")
    made = table.to_arrow_table()
    flight_sql.prove(made, 3_000)
    with pytest.raises(WrongOutput, match="2999 rows"):
        flight_sql.prove(made.slice(1), 3_000)
    for number, name in enumerate(made.column_names):
        doubled = pa.concat_tables([made.slice(0, 1), made.slice(0, 1), made.slice(2)])
        changed = made.set_column(number, made.field(name), doubled[name])
        with pytest.raises(WrongOutput, match=name):
            flight_sql.prove(changed, 3_000)
