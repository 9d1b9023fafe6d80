"""`orbitwin sql` on a stopped twin's files: a real DuckDB file, the same errors as the door's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orbitwin import log
from orbitwin.cli import app


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The data directory of a twin that has run and stored nothing."""
    from storage import database

    database.open_writer(tmp_path).close()
    return tmp_path


def test_tables_are_there_and_empty(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select count(*) as n from ingest_offset"
    assert app.run(["sql", "--json", query, "--data", str(stopped)]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 0}]


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("select nothing from nowhere", "42P01"),
        ("select nothing from satellite", "42703"),
        ("selec 1", "42601"),
        ("delete from satellite", "25006"),
        ("select * from read_text('x')", "42501"),
    ],
)
def test_errors_carry_their_sqlstate(
    statement: str, sqlstate: str, stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.configure("test")  # else there is no log that could get in between
    assert app.run(["sql", statement, "--data", str(stopped)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"orbitwin: {sqlstate}: ")


def test_json_keeps_columns_of_the_same_name_apart(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "select 1 as a, 2 as a, 1.50 as b, null as c, date '2026-01-31' as d"
    assert app.run(["sql", "--json", query, "--data", str(stopped)]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {"a": 1, "a_2": 2, "b": 1.5, "c": None, "d": "2026-01-31"}


def test_a_directory_without_history_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["sql", "select 1", "--data", str(tmp_path)]) == 2
    assert "hint:" in capsys.readouterr().err
