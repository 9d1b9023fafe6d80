"""Text output against PostgreSQL's own: each expected string is what PostgreSQL 15 prints."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from storage.pgwire import text, types
from storage.pgwire.binary import numeric
from storage.pgwire.types import ColumnType

CASES = [
    ("true", "t"), ("1::int2", "1"), ("1.50::decimal(10,2)", "1.50"),
    ("0.0000000001::decimal(20,10)", "0.0000000001"), ("sum(1)", "1"),
    ("1::float8", "1"), ("0.1::float8", "0.1"), ("0.1::float4", "0.1"), ("1e15::float8", "1e+15"),
    ("123456789012345::float8", "123456789012345"), ("1234567::float4", "1.234567e+06"),
    ("100000::float4", "100000"), ("1e-4::float8", "0.0001"), ("1e-5::float8", "1e-05"),
    ("1.5e-7::float8", "1.5e-07"), ("1e300::float8", "1e+300"), ("-0.0::float8", "-0"),
    ("5e-324::float8", "5e-324"), ("'nan'::float8", "NaN"), ("'inf'::float8", "Infinity"),
    ("'-inf'::float4", "-Infinity"),
    ("timestamp '2026-01-02 03:04:05'", "2026-01-02 03:04:05"),
    ("timestamp '2026-01-02 03:04:05.120'", "2026-01-02 03:04:05.12"),
    ("timestamp 'infinity'", "infinity"), ("timestamp '-infinity'", "-infinity"),
    ("timestamptz '2026-01-02 03:04:05+00'", "2026-01-02 03:04:05+00"),
    ("date '2026-01-02'", "2026-01-02"), ("date '0044-03-15 (BC)'", "0044-03-15 BC"),
    ("date 'infinity'", "infinity"), ("timestamp '12026-01-02 00:00:00'", "12026-01-02 00:00:00"),
    ("time '04:05:06.700'", "04:05:06.7"), ("time '24:00:00'", "24:00:00"),
    ("interval '0 seconds'", "00:00:00"), ("interval '1 day'", "1 day"),
    ("interval '14 months 3 days 4 hours'", "1 year 2 mons 3 days 04:00:00"),
    ("interval '-14 months 3 days -1 second'", "-1 years -2 mons +3 days -00:00:01"),
    ("interval '100 hours 0.5 seconds'", "100:00:00.5"),
    ("uuid '12345678-1234-5678-1234-567812345678'", "12345678-1234-5678-1234-567812345678"),
    ("'\\x00\\xff'::blob", "\\x00ff"), ("''::blob", "\\x"), ("'a'::enum('a', 'b')", "a"),
    ("[1, NULL, 3]", "{1,NULL,3}"), ("[]::int[]", "{}"), ("[[1, 2], [3, 4]]", "{{1,2},{3,4}}"),
    ("['a', 'b c', '', 'null', 'x\"y\\z', 'a,b', '{', NULL]",
     '{a,"b c","","null","x\\"y\\\\z","a,b","{",NULL}'),
    ("[true, false]", "{t,f}"), ("[timestamp '2026-01-02 03:04:05']", '{"2026-01-02 03:04:05"}'),
    ("[interval '1 day']", '{"1 day"}'), ("[1.5::float8, 1e20]", "{1.5,1e+20}"),
    ("NULL::int", None), ("NULL::timestamp", None), ("NULL::int[]", None), ("NULL", None),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), CASES)
def test_against_postgresql_15(expression: str, expected: str | None) -> None:
    relation = duckdb.sql(
        f"SELECT v FROM (SELECT 0 AS k, {expression} AS v UNION ALL SELECT 1, NULL) ORDER BY k"
    )
    kind = types.of(relation.types[0])
    column = relation.to_arrow_reader(10).read_all().column(0).combine_chunks()
    for part in (column, column.slice(0, 1)):  # with a NULL beside it, and alone
        printed = text.strings(part, kind)[0].as_py()
        assert printed == expected


def test_timestamptz_follows_the_zone_and_its_summer_time() -> None:
    relation = duckdb.sql(
        "SELECT unnest([timestamptz '2026-01-01 00:00:00+00',"
        " timestamptz '2026-07-01 00:00:00+00'])"
    )
    column = relation.to_arrow_reader(10).read_all().column(0).combine_chunks()
    kind = types.of(relation.types[0])
    assert text.strings(column, kind, "Europe/Berlin").to_pylist() == [
        "2026-01-01 01:00:00+01", "2026-07-01 02:00:00+02",
    ]  # fmt: skip
    assert text.strings(column, kind, "Asia/Kolkata").to_pylist()[0] == "2026-01-01 05:30:00+05:30"


def test_numeric_in_binary_as_numeric_send_writes_it() -> None:
    from decimal import Decimal

    assert numeric(Decimal("12345.678")).hex() == "0003000100000003" + "000109291a7c"
    assert numeric(Decimal("-0.0001")).hex() == "0001ffff40000004" + "0001"
    assert numeric(Decimal("0.00")).hex() == "0000000000000002"


@pytest.mark.parametrize("fractions_us", [(0,), (1, 999_999, 123_456), (0, 500_000, 1)])
@pytest.mark.parametrize("years", [(2026,), (1900, 2200)])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Kolkata"])
def test_times_of_one_width_and_of_several(
    fractions_us: tuple[int, ...], years: tuple[int, ...], zone: str | None
) -> None:
    """Both ways of printing a column give what Python's own calendar gives."""
    moments = [
        datetime(year, month, 28, hour, 59, 1, us, tzinfo=UTC)
        for year in years for month in (1, 2, 12) for hour in (0, 23) for us in fractions_us
    ]  # fmt: skip
    kind = ColumnType(types.TIMESTAMP if zone is None else types.TIMESTAMPTZ)
    column = pa.array(moments, pa.timestamp("us", tz=None if zone is None else "UTC"))
    expected = []
    for moment in moments:
        local = moment.astimezone(ZoneInfo(zone or "UTC"))
        seconds = int(local.utcoffset().total_seconds())  # type: ignore[union-attr]
        clock = f"{local:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")
        expected.append(clock + ("" if zone is None else text._offset_text(seconds)))
    assert [one.decode() for one in text.encode(column, kind, zone or "UTC").to_pylist()] == (
        expected
    )
