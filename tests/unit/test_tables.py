"""The tables as DuckDB makes them, for both shipped vehicle types; their reference page."""

from __future__ import annotations

from pathlib import Path

import pytest

from orbitwin import catalogue
from storage import ddl, quoting, reference, tables
from storage.measured import Measured, measured_type
from tests import history

ROOT = Path(__file__).resolve().parents[2]
VEHICLES = [catalogue.load(name) for name in catalogue.shipped()]


def test_the_page_is_what_the_definitions_say() -> None:
    page = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert page == reference.page(VEHICLES), "run `make docs`"
    for table in (*tables.PLAIN, *tables.RINGS, tables.LATEST):
        assert f"## `{table.name}`" in page


def test_every_table_and_column_has_a_comment_and_its_type(tmp_path: Path) -> None:
    writer = history.open_writer(tmp_path)
    connection = writer.database.connection
    found = connection.execute(
        "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() "
        "WHERE schema_name = 'main' AND NOT internal"
    ).fetchall()
    mute = [(t, c) for t, c, _, comment in found if not comment]
    there = {(t, c): kind for t, c, kind, _ in found}
    told = connection.execute(
        "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'main' UNION ALL "
        "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    history.shut(writer)
    assert mute == []
    names = {name for name, comment in told if comment}
    for table in (*tables.PLAIN, *tables.RINGS, tables.LATEST):
        assert table.name in names
        for field in table.fields:
            kind = there[table.name, field.name]
            wanted = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}.get(field.type, field.type)
            assert kind == wanted or (wanted == "severity" and kind.startswith("ENUM")), field
    for vehicle in VEHICLES:
        for column in vehicle.parameters.values():
            assert there["sat_raw", column.name] == measured_type(column)


def test_units_are_in_the_comments() -> None:
    commented = " ".join(ddl.comments(tables.LATEST, "VIEW"))
    for unit in ("[W]", "[K]", "[dB]", "[TOPS]", "[km]"):
        assert unit in commented


def test_a_name_with_another_unit_gets_a_column_of_its_own() -> None:
    odc = history.ODC
    other = catalogue.loads(
        odc.text.replace('name = "odc"', 'name = "twin_of_odc"', 1).replace(
            'unit = "V"\nresolution = 0.01', 'unit = "mV"\nresolution = 0.01', 1
        )
    )
    measured = Measured()
    measured.add(odc)
    new = measured.add(other)
    assert [(f.name, f.unit) for f in new] == [("array_v_twin_of_odc", "mV")]
    assert measured.column("twin_of_odc", "array_v") == "array_v_twin_of_odc"
    assert measured.column("odc", "array_v") == "array_v"
    assert measured.column("twin_of_odc", "array_a") == "array_a"


@pytest.mark.parametrize("text", ['a "b"', "it's", "\\n;--"])
def test_names_and_texts_are_quoted(text: str) -> None:
    import duckdb

    connection = duckdb.connect()
    ((got,),) = connection.execute(
        f"SELECT {quoting.literal(text)} AS {quoting.name(text)}"
    ).fetchall()
    assert got == text
    assert connection.execute(f"SELECT 1 AS {quoting.name(text)}").description[0][0] == text
