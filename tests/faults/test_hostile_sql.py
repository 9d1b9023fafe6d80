"""Fault rows S01, S03 and G03: whatever is no plain read is refused, and the client goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.door import PASSWORD, Twin, tick, twin
from tests.hostile import (
    ENDLESS,
    EXCESSIVE,
    HOSTILE,
    PAYLOADS,
    REFUSED,
    UNKNOWN,
    WRITES,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with twin(tmp_path_factory.mktemp("hostile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(served: Twin) -> Iterator[psycopg.Connection]:
    with psycopg.connect(served.url, password=PASSWORD, autocommit=True) as connection:
        yield connection


def goes_on(client: psycopg.Connection) -> bool:
    """Whether the connection still answers; a statement that began a transaction left it failed."""
    if client.info.transaction_status == psycopg.pq.TransactionStatus.INERROR:
        client.execute("ROLLBACK")
    return client.execute("SELECT count(*) FROM satellite").fetchone() == (1000,)


def test_the_corpus_is_large_enough() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 250


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
    assert goes_on(client)


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


@pytest.mark.parametrize("bomb", ENDLESS)
def test_g03_a_runaway_query_ends_at_its_timeout(client: psycopg.Connection, bomb: str) -> None:
    client.execute("SET statement_timeout = '200ms'")
    try:
        with pytest.raises((psycopg.errors.QueryCanceled, psycopg.errors.OutOfMemory)) as caught:
            client.execute(bomb)  # type: ignore[arg-type]
        assert "statement timeout" in str(caught.value) or caught.value.sqlstate == "53200"
    finally:
        client.execute("RESET statement_timeout")
    assert client.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("sql", EXCESSIVE, ids=lambda sql: sql[:60])
def test_g03_what_no_timeout_ends_is_refused_at_once(client: psycopg.Connection, sql: str) -> None:
    began_s = time.monotonic()
    with pytest.raises(psycopg.Error) as caught:
        client.execute(sql)  # type: ignore[arg-type]
    assert caught.value.sqlstate in ("54000", "54001", "42601")
    assert time.monotonic() - began_s < 5.0
    assert client.execute("SELECT 1").fetchone() == (1,)


def test_small_sizes_are_let_in(client: psycopg.Connection) -> None:
    for sql in (
        "SELECT lpad(name, 12, '.'), rpad(name, 12), lpad(name, 20), lpad(name, 30) FROM satellite",
        "SELECT repeat('#', least(sat_id, 50)) FROM satellite",
        "SELECT unnest(generate_series(0, 23)), repeat(' ', length(name)) FROM satellite",
        "SELECT count(*) FROM generate_series(1, 200000)",
        "SELECT printf('%05.2f', mass_kg::float8) FROM satellite",
        "WITH a AS (SELECT 1), b AS (SELECT * FROM a, a x) SELECT * FROM b, a",
    ):
        assert client.execute(sql).fetchall()  # type: ignore[arg-type]
