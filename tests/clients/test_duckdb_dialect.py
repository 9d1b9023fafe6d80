"""DuckDB's own dialect through the door gives what DuckDB gives directly.

The door's macros cover functions of DuckDB's and its spellings are edited for PostgreSQL's sake:
neither may change what dashboards, the pages of docs/ and `orbitwin sql` ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from dashboards import all_dashboards
from dashboards.macros import expand
from storage.pgwire import Door, install_catalogue
from tests import grafana_store as store
from tests.door import PASSWORD

DOCS = Path(__file__).parents[2]
_RETURNED = 200  # rows of a statement that are compared

# Functions that macros cover, and the syntax that edits look at, as DuckDB's own pages use them.
STATEMENTS = r"""
SELECT length('abc'), length([1, 2]), array_length([1, 2]), array_length([1, 2], 1), len([1])
SELECT array_position([1, 2], 2), cardinality([1]), strpos('abc', 'b'), position('b' IN 'abc')
SELECT lpad('a', 3, 'x'), rpad('a', 3, 'x'), chr(65), ascii('a'), to_hex(9)
SELECT encode('a'), decode('a'::BLOB), gcd(12, 18), lcm(4, 6), sqrt(2.0::DOUBLE), ln(2.0::DOUBLE)
SELECT date_part('year', DATE '2026-01-02'), extract(epoch FROM TIMESTAMP '2026-01-02 00:00:01.5')
SELECT date_trunc('hour', TIMESTAMP '2026-01-02 03:04:05'), strftime(DATE '2026-01-02', '%d.%m.')
SELECT regexp_extract('abc', '(b)(c)', 2), regexp_matches('abc', 'b'), regexp_replace('a', 'a', 'b')
SELECT regexp_extract(table_name, '([a-z]+)_(.*)', 2) FROM duckdb_tables() ORDER BY ALL
SELECT schema_name, count(*) FROM duckdb_tables GROUP BY ALL ORDER BY ALL
SELECT database_name, column_name FROM duckdb_columns() WHERE table_name = 'latest' ORDER BY ALL
SELECT i FROM range(3) t(i)
SELECT unnest(generate_series(1, 3)) AS i
SELECT list_transform([1, 2], lambda x: x + 1), [x * 2 FOR x IN [1, 2]], {'a': 1}.a
SELECT * FROM generate_series(1, 3)
SELECT generate_series.generate_series FROM generate_series(1, 3)
SELECT time_bucket(INTERVAL 5 MINUTE, TIMESTAMPTZ '2026-01-01 00:07:00+00'), to_timestamp(0)
SELECT INTERVAL 5 MINUTE, INTERVAL '5' MINUTE, to_days(2), INTERVAL '1 day 2 hours'
SELECT isfinite('nan'::DOUBLE), isfinite(1.0::DOUBLE), isfinite(DATE '2026-01-01')
SELECT 'abc' SIMILAR TO 'abc', 'a_c' LIKE 'a_c', 1 = ANY([1, 2]), 'x' IN ('x', 'y')
SELECT string_split('a,b', ','), array_to_string(['a', 'b'], '-'), concat('a', 1), 'a' || 1
SELECT sum(i), avg(i), max(i), count(*), arg_max(i, -i), list(i ORDER BY i) FROM range(5) t(i)
SELECT quantile_cont(i, 0.5), approx_quantile(i, 0.5), mode(i) FROM range(5) t(i)
FROM range(3) SELECT *
SELECT * EXCLUDE (b) FROM (SELECT 1 AS a, 2 AS b)
SELECT json_extract_string('{"a": "b"}', '$.a'), json_array_length('[1, 2]')
"""


@pytest.fixture(scope="module")
def twin() -> Iterator[tuple[duckdb.DuckDBPyConnection, psycopg.Connection[Any]]]:
    """DuckDB itself, and a client of the door over it."""
    db = store.new_database()
    store.fill_all(db)
    install_catalogue(db, user="orbitwin", database="twin")
    door = Door(db.cursor, password=PASSWORD)
    door.start()
    try:
        with psycopg.connect(
            host="127.0.0.1", port=door.port, user="orbitwin", password=PASSWORD, dbname="twin",
            autocommit=True, prepare_threshold=None,
        ) as client:  # fmt: skip
            yield db.cursor(), client
    finally:
        door.stop()
        db.close()


def plain(value: Any) -> Any:
    """A value without what the two clients' types differ in: a number is a number."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float, Decimal)):
        return pytest.approx(float(value), rel=1e-6, nan_ok=True)  # float4 is read in its digits
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value
    if isinstance(value, timedelta | date):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (bytes, memoryview)):
        return bytes(value)
    return str(value)


def compare(twin: tuple[duckdb.DuckDBPyConnection, psycopg.Connection[Any]], sql: str) -> int:
    """Ask both; how many rows were compared."""
    own, client = twin
    right = own.execute(sql).fetchmany(_RETURNED)
    ours = client.execute(sql).fetchmany(_RETURNED)
    assert [plain(row) for row in ours] == [plain(row) for row in right], sql
    return len(right)


@pytest.mark.parametrize("sql", [one for one in STATEMENTS.splitlines() if one])
def test_statement(twin: Any, sql: str) -> None:
    assert compare(twin, sql)


def test_dashboards(twin: Any) -> None:
    asked = {
        expand(target["rawSql"], store.scope(stem, timedelta(seconds=300), 30_000))
        for stem, made in all_dashboards(store.VEHICLES.values()).items()
        for panel in made["panels"]
        for target in panel.get("targets", ())
    }
    at = f"TIMESTAMPTZ '{store.NOW}'"
    assert sum(compare(twin, sql.replace("now()", at)) for sql in asked) > 1_000


def test_pages(twin: Any) -> None:
    """Each SELECT of an ```sql block in the documentation."""
    asked = 0
    for page in (DOCS / "README.md", *sorted((DOCS / "docs").rglob("*.md"))):
        for block in re.findall(r"```sql\n(.*?)```", page.read_text(), re.DOTALL):
            for sql in filter(str.strip, block.split(";")):
                compare(twin, sql)
                asked += 1
    assert asked
