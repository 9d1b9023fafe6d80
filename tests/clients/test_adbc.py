"""ADBC's PostgreSQL driver, which sends every query as binary COPY, and polars by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import adbc_driver_postgresql.dbapi as adbc
import polars as pl
import pyarrow as pa
import pytest

from storage import tables
from tests.clients.conftest import Served


@pytest.fixture(scope="module")
def client(history_door: Served) -> Iterator[adbc.Connection]:
    with adbc.connect(history_door.uri, autocommit=True) as connection:
        yield connection


def asked(client: adbc.Connection, sql: str, parameters: object = None) -> pa.Table:
    with client.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetch_arrow_table()


def test_arrow_types(client: adbc.Connection) -> None:
    table = asked(
        client,
        "SELECT 1::int2 AS a, 2::int4 AS b, 3::int8 AS c, 1.5::float4 AS d, 2.5::float8 AS e,"
        " true AS f, 'x' AS g, '\\x01'::bytea AS h, date '2026-02-03' AS i, time '01:02:03' AS j,"
        " timestamp '2026-02-03 04:05:06' AS k, timestamptz '2026-02-03 04:05:06+00' AS l,"
        " [1, 2, NULL]::int[] AS m, NULL::int8 AS n, 12.50::decimal(10,2) AS o, '{}'::json AS p,"
        " interval '1 day' AS q, uuid '00000000-0000-0000-0000-000000000001' AS r",
    )
    assert [str(kind) for kind in table.schema.types[:14]] == [
        "int16", "int32", "int64", "float", "double", "bool", "string", "binary", "date32[day]",
        "time64[us]", "timestamp[us]", "timestamp[us, tz=UTC]", "list<item: int32>", "int64",
    ]  # fmt: skip
    row = table.to_pylist()[0]
    assert (row["a"], row["d"], row["f"], row["g"], row["h"]) == (1, 1.5, True, "x", b"\x01")
    assert row["i"] == dt.date(2026, 2, 3) and row["l"].utctimetuple().tm_hour == 4
    assert row["m"] == [1, 2, None] and row["n"] is None
    assert row["o"] in ("12.50", b"12.50") and row["p"] == "{}"


def test_whole_tables_as_they_are(client: adbc.Connection) -> None:
    latest = asked(client, "SELECT * FROM latest")
    assert latest.num_rows == 42
    assert asked(client, "SELECT * FROM event").num_rows > 10
    assert asked(client, "SELECT count(*) AS n FROM sat_raw").to_pylist()[0]["n"] > 1000
    assert asked(client, "SELECT * FROM parameter").num_rows > 10


def test_parameters(client: adbc.Connection) -> None:
    table = asked(
        client, "SELECT name FROM satellite WHERE sat_id = $1::int8 AND fleet = $2", (1004, "cloud")
    )
    assert table.to_pylist() == [{"name": "ODC-4"}]


def test_objects_and_schemas_of_tables(client: adbc.Connection) -> None:
    told = (
        client.adbc_get_objects(
            depth="all", db_schema_filter="public", table_name_filter="satellite"
        )
        .read_all()
        .to_pylist()
    )
    (catalog,) = [one for one in told if one["catalog_name"] == "twin"]
    found = {
        one["db_schema_name"]: {t["table_name"]: t for t in one["db_schema_tables"]}
        for one in catalog["catalog_db_schemas"]
    }
    satellite = found["public"]["satellite"]
    assert satellite["table_type"] == "table"
    columns = sorted(satellite["table_columns"], key=lambda c: c["ordinal_position"])
    assert [(c["column_name"], c["remarks"]) for c in columns] == [
        (f.name, f.comment) for f in tables.SATELLITE.fields
    ]
    schema = client.adbc_get_table_schema("satellite")
    assert schema.field("sat_id").type == pa.int64() and schema.field("name").type == pa.string()
    assert "table" in client.adbc_get_table_types()
    assert client.adbc_get_info()["vendor_name"] == "PostgreSQL"


def test_polars_reads_by_adbc(history_door: Served) -> None:
    frame = pl.read_database_uri(
        "SELECT sat_id, t_event, power_margin_w FROM latest ORDER BY 1",
        history_door.uri,
        engine="adbc",
    )
    assert frame.height == 42 and frame["sat_id"][0] == 1000
    assert frame.schema["t_event"] == pl.Datetime("us", "UTC")
    assert frame.schema["power_margin_w"] in (pl.Float32, pl.Float64)


def test_writing_is_refused(client: adbc.Connection) -> None:
    with pytest.raises(Exception, match=r"read-only|reader's"), client.cursor() as cursor:
        cursor.adbc_ingest("mine", pa.table({"a": [1]}), mode="create")
    assert asked(client, "SELECT 1 AS a").num_rows == 1
