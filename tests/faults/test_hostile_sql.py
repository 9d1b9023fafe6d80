"""Fault rows S01, S03 and G03: whatever is no plain read is refused, and the client goes on."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.door import PASSWORD, Twin, tick, twin

REFUSED = {"25006", "42501", "0A000", "42601"}

WRITES = [
    "INSERT INTO satellite VALUES (5000, 'x', 1, now())",
    "UPDATE satellite SET name = 'x'",
    "DELETE FROM satellite",
    "TRUNCATE satellite",
    "MERGE INTO satellite USING (SELECT 1 AS i) s ON sat_id = i WHEN MATCHED THEN DELETE",
    "CREATE TABLE t (a INT)",
    "CREATE TEMP TABLE t (a INT)",
    "CREATE TABLE t AS SELECT * FROM satellite",
    "CREATE OR REPLACE VIEW latest AS SELECT 1",
    "CREATE SCHEMA s",
    "CREATE SEQUENCE q",
    "CREATE INDEX i ON satellite (name)",
    "CREATE TYPE mood AS ENUM ('a')",
    "CREATE MACRO f(a) AS a",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "DROP TABLE satellite",
    "DROP VIEW latest",
    "ALTER TABLE satellite ADD COLUMN x INT",
    "COMMENT ON TABLE satellite IS 'x'",
    "SELECT 1 INTO t",
    "WITH x AS (INSERT INTO satellite VALUES (5000, 'x', 1, now()) RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM satellite RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE satellite SET name = 'x' RETURNING *) SELECT count(*) FROM x",
    "EXPLAIN ANALYZE DELETE FROM satellite",
    "EXPLAIN ANALYZE CREATE TABLE t (a INT)",
    "EXPLAIN (ANALYZE) INSERT INTO satellite SELECT * FROM satellite",
    "EXPLAIN ANALYZE WITH x AS (DELETE FROM satellite RETURNING *) SELECT * FROM x",
    "/* SELECT */ DELETE FROM satellite",
    "-- SELECT 1\nDELETE FROM satellite",
    "DE/**/LETE FROM satellite",
    "VACUUM",
    "ANALYZE",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "SELECT * FROM checkpoint()",
    "SELECT nextval('q')",
    "SELECT write_log('x')",
]
FILES = [
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '/tmp/x.csv'",
    "SELECT * FROM \"/tmp/x.parquet\"",
    "SELECT * FROM 'x.json'",
    "SELECT * FROM 'segments/*.parquet'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/tmp/x.parquet')",
    "SELECT * FROM parquet_metadata('/tmp/x.parquet')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "SELECT * FROM satellite WHERE name IN (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT 1 UNION ALL SELECT 1 FROM glob('/*')",
    "EXPLAIN ANALYZE SELECT * FROM read_text('/etc/passwd')",
    "DESCRIBE SELECT * FROM read_csv('/etc/passwd')",
    "SUMMARIZE SELECT * FROM glob('/*')",
    "SELECT * FROM 'https://example.com/x.csv'",
    "SELECT * FROM 's3://bucket/x.parquet'",
    "COPY satellite TO '/tmp/x.csv'",
    "COPY (SELECT 1) TO '/tmp/x.csv' (FORMAT csv)",
    "COPY (SELECT 1) TO PROGRAM 'sh'",
    "COPY satellite FROM '/tmp/x.csv'",
    "COPY satellite FROM STDIN",
    "COPY (DELETE FROM satellite RETURNING *) TO STDOUT",
    "COPY (SELECT * FROM read_text('/etc/passwd')) TO STDOUT",
    "EXPORT DATABASE '/tmp/x'",
    "IMPORT DATABASE '/tmp/x'",
    "ATTACH '/tmp/other.duckdb'",
    "ATTACH ':memory:' AS m",
    "DETACH twin",
    "USE pg_door",
    "INSTALL httpfs",
    "LOAD httpfs",
]
PROCESS = [
    "PRAGMA database_list",
    "PRAGMA database_size",
    "CALL pragma_version()",
    "CALL enable_logging()",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM enable_profiling()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_settings",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_databases()",
    "SELECT path FROM duckdb_databases",
    "SELECT * FROM duckdb_logs",
    "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM pragma_database_size()",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM python_arrow_scan(1)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM seq_scan('satellite')",
    "SELECT * FROM query('DELETE FROM satellite')",
    "SELECT * FROM query_table('satellite')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT current_query()",
    "SELECT getvariable('x')",
    "SHOW DATABASES FROM x",
    "SET memory_limit = '1TB'",
    "SET GLOBAL enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET python_enable_replacements = true",
    "RESET lock_configuration",
    "SET VARIABLE x = 1",
    "SET default_transaction_read_only = off",
    "SET ROLE postgres",
    "BEGIN READ WRITE",
    "LOCK TABLE satellite",
    "DO $$ BEGIN DELETE FROM satellite; END $$",
    "GRANT ALL ON satellite TO public",
    "PREPARE x AS DELETE FROM satellite",
    "DECLARE c CURSOR WITH HOLD FOR DELETE FROM satellite",
    "PIVOT satellite ON name USING count(*)",
]
HOSTILE = WRITES + FILES + PROCESS
# Settings that are DuckDB's alone do not exist here.
UNKNOWN = {"42704", "22023", "42P01", "42883"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with twin(tmp_path_factory.mktemp("hostile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(served: Twin) -> Iterator[psycopg.Connection]:
    with psycopg.connect(served.url, password=PASSWORD, autocommit=True) as connection:
        yield connection


def test_the_corpus_is_large_enough() -> None:
    assert len(set(HOSTILE)) >= 80


@pytest.mark.parametrize("protocol", ["simple", "extended"])
@pytest.mark.parametrize("sql", HOSTILE)
def test_s01_s03_is_refused_and_the_connection_lives(
    served: Twin, client: psycopg.Connection, sql: str, protocol: str
) -> None:
    before = served.door.stats()["errors_total"]
    cursor = (psycopg.ClientCursor if protocol == "simple" else psycopg.Cursor)(client)
    with pytest.raises(psycopg.Error) as caught:
        cursor.execute(sql)  # type: ignore[arg-type]
    assert caught.value.sqlstate in REFUSED | UNKNOWN, (caught.value.sqlstate, str(caught.value))
    assert served.door.stats()["errors_total"] == before + 1
    assert client.execute("SELECT count(*) FROM satellite").fetchone() == (1000,)


@pytest.mark.parametrize("sql", [s for s in WRITES if not s.startswith("DE/**/")])
def test_s01_writes_are_counted_as_refused(
    served: Twin, client: psycopg.Connection, sql: str
) -> None:
    before = served.door.stats()["refused_total"]
    with pytest.raises(psycopg.Error):
        psycopg.ClientCursor(client).execute(sql)  # type: ignore[arg-type]
    if sql not in ("SELECT 1 INTO t",):
        assert served.door.stats()["refused_total"] == before + 1


def test_s01_stacked_statements_stop_at_the_write(client: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        psycopg.ClientCursor(client).execute("SELECT 1; DROP TABLE satellite; SELECT 2")
    assert client.execute("SELECT count(*) FROM satellite").fetchone() == (1000,)


PAYLOADS = [
    "'; DROP TABLE satellite; --", "' OR '1'='1", "S-1'/*", "\\'; DELETE FROM satellite; --",
    "$1", "$$; DROP TABLE satellite; $$", "%s", "${x}", "\u2019 OR 1=1", "S-1\n--", "{1,2}",
    '"; DROP TABLE satellite', "E'\\x00'", "../../etc/passwd", "pg_sleep(10)",
]  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("cursor", [psycopg.Cursor, psycopg.ClientCursor])
def test_s02_parameters_are_only_ever_data(
    client: psycopg.Connection, payload: str, cursor: type[psycopg.Cursor]
) -> None:
    found = cursor(client).execute(
        "SELECT count(*), %s::text FROM satellite WHERE name = %s", (payload, payload)
    )
    assert found.fetchone() == (0, payload)


def test_s03_python_frames_cannot_be_read(client: psycopg.Connection) -> None:
    frame = tick(3, 1.0)
    assert frame.num_rows == 3
    for name in ("frame", "client", "served", "_clients"):
        with pytest.raises(psycopg.errors.UndefinedTable):
            client.execute(f"SELECT * FROM {name}")  # type: ignore[arg-type]


def test_s03_settings_of_the_process_are_not_told(client: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.UndefinedObject):
        client.execute("SELECT current_setting('temp_directory')")
    with pytest.raises(psycopg.errors.UndefinedObject):
        client.execute("SHOW secret_directory")


@pytest.mark.parametrize(
    "bomb",
    [
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7",
        "WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM t) SELECT max(a) FROM t",
        "SELECT sum(hash(i)) FROM range(1000000000000) r(i)",
        "SELECT pg_sleep(60)",
    ],
)
def test_g03_a_runaway_query_ends_at_its_timeout(client: psycopg.Connection, bomb: str) -> None:
    client.execute("SET statement_timeout = '300ms'")
    try:
        with pytest.raises(psycopg.errors.QueryCanceled) as caught:
            client.execute(bomb)  # type: ignore[arg-type]
        assert "statement timeout" in str(caught.value)
    finally:
        client.execute("RESET statement_timeout")
    assert client.execute("SELECT 1").fetchone() == (1,)


def test_deep_and_long_statements_are_refused(client: psycopg.Connection) -> None:
    for sql in ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "SELECT " + "1+" * 5000 + "1",
                "SELECT '" + "x" * 2_000_000 + "'"):  # fmt: skip
        with pytest.raises(psycopg.Error):
            client.execute(sql)  # type: ignore[arg-type]
        assert client.execute("SELECT 1").fetchone() == (1,)
