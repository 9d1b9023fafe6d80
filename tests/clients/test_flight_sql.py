"""The Flight SQL door against pyarrow's client and, where it is installed, ADBC's driver."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from storage.flight import FlightDoor, messages
from tests.door import PASSWORD, Twin, tick, twin
from tests.flight import Client


@contextmanager
def served(folder: Path, **limits: Any) -> Iterator[tuple[Twin, FlightDoor]]:
    with twin(folder, **limits) as opened:
        door = FlightDoor(opened.door, PASSWORD)
        try:
            yield opened, door
        finally:
            door.stop()


def url(door: FlightDoor) -> str:
    return f"grpc://127.0.0.1:{door.port}"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Twin, FlightDoor]]:
    with served(tmp_path_factory.mktemp("flight")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(both: tuple[Twin, FlightDoor]) -> Iterator[Client]:
    made = Client(url(both[1]), "orbitwin", PASSWORD)
    yield made
    made.close()


@pytest.fixture(scope="module")
def adbc(both: tuple[Twin, FlightDoor]) -> Iterator[Any]:
    driver = pytest.importorskip("adbc_driver_flightsql.dbapi", reason="no ADBC driver installed")
    login = {"username": "orbitwin", "password": PASSWORD}
    with driver.connect(url(both[1]), db_kwargs=login, autocommit=True) as connection:
        yield connection


def until(holds: Callable[[], bool], within_s: float = 3.0) -> None:
    limit_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < limit_s
        time.sleep(0.01)


# --- ADBC ----------------------------------------------------------------------------------------

TYPES = """SELECT true AS b, 1::int2 AS i2, 2 AS i4, 3::int8 AS i8, 1.5::float4 AS f4,
 2.5::float8 AS f8, 1.25::numeric(6, 2) AS n, 'é' AS t, date '2026-01-31' AS d,
 time '10:00:00.5' AS clock, timestamp '2026-01-31 10:00' AS ts,
 timestamptz '2026-01-31 10:00+02' AS tz, 'x'::bytea AS raw,
 '00000000-0000-0000-0000-000000000001'::uuid AS u, '{"a": 1}'::json AS j, NULL AS nothing,
 [1, 2] AS list, 'NaN'::float8 AS nan, sum(7) AS whole, interval '1 day' AS i"""


def test_every_type_arrives_at_adbc_as_arrow_knows_it(adbc: Any) -> None:
    with adbc.cursor() as cursor:
        cursor.execute(TYPES)
        found = cursor.fetch_arrow_table()
    assert {field.name: str(field.type) for field in found.schema} == {
        "b": "bool", "i2": "int16", "i4": "int32", "i8": "int64", "f4": "float",
        "f8": "double", "n": "decimal128(6, 2)", "t": "string", "d": "date32[day]",
        "clock": "time64[us]", "ts": "timestamp[us]", "tz": "timestamp[us, tz=UTC]",
        "raw": "binary", "u": "string", "j": "string", "nothing": "string",
        "list": "list<l: int32>", "nan": "double", "whole": "decimal128(38, 0)",
        "i": "month_day_nano_interval",
    }  # fmt: skip
    (row,) = found.to_pylist()
    assert row["tz"] == dt.datetime(2026, 1, 31, 8, tzinfo=dt.UTC)
    assert (row["n"], row["t"], row["raw"], row["list"]) == (Decimal("1.25"), "é", b"x", [1, 2])
    assert row["nothing"] is None and row["nan"] != row["nan"] and row["whole"] == 7


VALUES = [
    "a'b; DROP TABLE satellite --", "$1", "?", "", "é", 7, -(2**62), 1.5, True, b"\x00'\\",
    dt.date(2026, 1, 31), dt.datetime(2026, 1, 31, 10, 0, 0, 5, tzinfo=dt.UTC),
    dt.datetime(1960, 1, 31, 10), Decimal("-1.250"), None,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("mark", ["?", "$1"])
def test_adbc_parameters_are_only_ever_data(adbc: Any, value: object, mark: str) -> None:
    with adbc.cursor() as cursor:
        cursor.execute(f"SELECT {mark} AS v, '?' AS literal, count(*) FROM satellite", (value,))
        assert cursor.fetchone() == (value, "?", 1000)


def test_adbc_prepares_once_and_asks_twice(adbc: Any) -> None:
    with adbc.cursor() as cursor:
        statement = "SELECT name FROM satellite WHERE sat_id = ?::int8"
        takes = cursor.adbc_prepare(statement)
        assert [str(field.type) for field in takes] == ["int64"]
        for number in (3, 4):
            cursor.execute(statement, (number,))
            assert cursor.fetchall() == [(f"S-{number}",)]


def test_adbc_lists_what_there_is_with_units(adbc: Any) -> None:
    info = adbc.adbc_get_info()
    assert info["vendor_name"] == "orbitwin" and info["vendor_version"].startswith("DuckDB ")
    found = adbc.adbc_get_objects(depth="columns", db_schema_filter="public").read_all()
    (catalog,) = found.to_pylist()
    (schema,) = catalog["catalog_db_schemas"]
    tables = {one["table_name"]: one for one in schema["db_schema_tables"]}
    assert catalog["catalog_name"] == "twin" and set(tables) == {"latest", "satellite"}
    columns = [one["column_name"] for one in tables["satellite"]["table_columns"]]
    assert columns == ["sat_id", "name", "mass_kg", "launched"]
    margin = adbc.adbc_get_table_schema("latest").field("margin_w")
    assert margin.metadata[b"ARROW:FLIGHT:SQL:REMARKS"] == b"Power margin [W]"
    assert adbc.adbc_get_table_types() == ["SYSTEM TABLE", "TABLE", "VIEW"]


def test_adbc_is_told_the_sqlstate_and_no_traceback(adbc: Any) -> None:
    for sql, state in (
        ("SELECT * FROM nowhere", "42P01"), ("SELECT nothing FROM satellite", "42703"),
        ("selec 1", "42601"), ("SELECT 'x'::int", "22P02"), ("SELECT 1; SELECT 2", "42601"),
        (";", "42601"), ("SELECT ?", "08P01"),
    ):  # fmt: skip
        with adbc.cursor() as cursor, pytest.raises(Exception, match=state) as caught:
            cursor.execute(sql)
            cursor.fetchall()
        assert "Traceback" not in str(caught.value) and ".py" not in str(caught.value)


def test_polars_and_pandas_read_through_adbc(adbc: Any) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.read_database("SELECT sat_id, mass_kg FROM satellite ORDER BY 1", adbc)
    assert frame.height == 1000 and frame["sat_id"].to_list() == list(range(1000))
    pd = pytest.importorskip("pandas")
    found = pd.read_sql("SELECT count(*) AS n FROM satellite", adbc)
    assert found["n"].tolist() == [1000]


# --- Flight SQL's listings -----------------------------------------------------------------------


def test_listings_have_the_shapes_of_the_specification(client: Client) -> None:
    assert client.listing("CommandGetCatalogs").to_pylist() == [{"catalog_name": "twin"}]
    schemas = client.listing("CommandGetDbSchemas", catalog="twin", db_schema_filter_pattern="p%")
    assert set(schemas["db_schema_name"].to_pylist()) == {"public", "pg_catalog"}
    assert client.listing("CommandGetDbSchemas", catalog="other").num_rows == 0
    tables = client.listing("CommandGetTables", table_types=["TABLE"], include_schema=True)
    (latest,) = [row for row in tables.to_pylist() if row["table_name"] == "latest"]
    schema = pa.ipc.read_schema(pa.py_buffer(latest["table_schema"]))
    assert schema.names == ["sat_id", "name", "margin_w"]
    some = client.listing("CommandGetTables", table_name_filter_pattern="s_tel%")
    assert some["table_name"].to_pylist() == ["satellite"]
    keys = client.listing("CommandGetPrimaryKeys", table="satellite").to_pylist()
    assert [(key["column_name"], key["key_sequence"]) for key in keys] == [("sat_id", 1)]
    for command in ("CommandGetImportedKeys", "CommandGetExportedKeys", "CommandGetCrossReference"):
        assert client.listing(command).num_rows == 0
    read_only = client.listing("CommandGetSqlInfo", info=[3, 999]).to_pylist()
    assert read_only == [{"info_name": 3, "value": True}]
    (text,) = client.listing("CommandGetXdbcTypeInfo", data_type=12).to_pylist()
    assert text["type_name"] == "text"
    assert client.listing("CommandGetXdbcTypeInfo").num_rows == 12


@pytest.mark.parametrize("command", ["CommandStatementUpdate", "CommandStatementIngest"])
def test_what_would_write_is_refused_and_counted(
    both: tuple[Twin, FlightDoor], client: Client, command: str
) -> None:
    before = both[0].door.stats()["refused_total"]
    fields = {"query": "DELETE FROM satellite"} if "Update" in command else {"table": "satellite"}
    with pytest.raises(flight.FlightUnauthorizedError, match="25006"):
        client.put(command, pa.table({"sat_id": [5000]}), **fields)
    assert both[0].door.stats()["refused_total"] == before + 1
    assert client.query("SELECT count(*) AS n FROM satellite")["n"].to_pylist() == [1000]


def test_nonsense_is_an_error_and_the_door_lives(client: Client) -> None:
    garbage = [b"", b"\xff\xff", b"\x0a\x03abc", messages.pack(messages.make("CommandGetTables"))]
    for body in garbage[:3]:
        with pytest.raises(flight.FlightError, match="08P01"):
            client.flight.get_flight_info(flight.FlightDescriptor.for_command(body), client.options)
        with pytest.raises(flight.FlightError, match="08P01"):
            client.flight.do_get(flight.Ticket(body), client.options).read_all()
    for action in ("CreatePreparedStatement", "CancelFlightInfo", "CancelQuery"):
        with pytest.raises(flight.FlightError, match=r"08P01|42601"):
            client.action(action, b"\xff\xff")
    with pytest.raises(flight.FlightError, match="0A000"):
        client.action("BeginTransaction")
    with pytest.raises(flight.FlightError, match="26000"):
        client.info("CommandPreparedStatementQuery", prepared_statement_handle=b"gone")
    with pytest.raises(flight.FlightError, match="0A000"):
        client.info("CommandStatementSubstraitPlan")
    forged = messages.make(
        "TicketStatementQuery", statement_handle=b"12345678DELETE FROM satellite"
    )
    with pytest.raises(flight.FlightUnauthorizedError, match="25006"):
        client.flight.do_get(flight.Ticket(messages.pack(forged)), client.options).read_all()
    assert client.query("SELECT 1 AS a")["a"].to_pylist() == [1]
    assert "CancelFlightInfo" in [one.type for one in client.flight.list_actions(client.options)]
    assert len(client.action("CloseSession")) == 1


def test_a_query_sees_the_newest_tick(both: tuple[Twin, FlightDoor], client: Client) -> None:
    for count, margin_w in ((4, 1.0), (6, 2.0)):
        both[0].latest.publish(tick(count, margin_w))
        found = client.query("SELECT count(*) AS n, max(margin_w) AS w FROM latest").to_pylist()
        assert found == [{"n": count, "w": margin_w}]


# --- login and TLS -------------------------------------------------------------------------------


def test_nobody_comes_in_without_the_password(both: tuple[Twin, FlightDoor]) -> None:
    opened, door = both
    before = opened.door.stats()["logins_failed_total"]
    for user, password in (("orbitwin", "wrong"), ("root", PASSWORD), ("orbitwin", "")):
        with pytest.raises(flight.FlightUnauthenticatedError, match="28P01"):
            Client(url(door), user, password)
    assert opened.door.stats()["logins_failed_total"] == before + 3
    stranger = Client(url(door), "", "")
    calls: list[Callable[[], object]] = [
        lambda: stranger.query("SELECT 1"),
        lambda: stranger.action("CloseSession"),
        lambda: stranger.flight.do_get(flight.Ticket(b""), stranger.options).read_all(),
        lambda: stranger.info("CommandGetCatalogs"),
        lambda: stranger.put("CommandStatementUpdate", pa.table({}), query="SELECT 1"),
    ]
    for call in calls:
        with pytest.raises(flight.FlightUnauthenticatedError, match="28000"):
            call()
    stranger.options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer guessed")])
    with pytest.raises(flight.FlightUnauthenticatedError, match="28P01"):
        stranger.query("SELECT 1")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_tls_with_a_certificate_that_is_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    with twin(tmp_path) as opened:
        with pytest.raises(ValueError, match="TLS"):
            FlightDoor(opened.door, PASSWORD, host="0.0.0.0")
        with pytest.raises(ValueError, match="password"):
            FlightDoor(opened.door, "")
        pem = (certificate.read_bytes(), key.read_bytes())
        door = FlightDoor(opened.door, PASSWORD, host="0.0.0.0", tls=pem)
        try:
            trusted = {"tls_root_certs": certificate.read_bytes()}
            safe = Client(f"grpc+tls://localhost:{door.port}", "orbitwin", PASSWORD, **trusted)
            assert safe.query("SELECT 1 AS a")["a"].to_pylist() == [1]
            safe.close()
            for address in (f"grpc+tls://localhost:{door.port}", url(door)):
                with pytest.raises(flight.FlightError):
                    Client(address, "orbitwin", PASSWORD)
        finally:
            door.stop()


# --- time, memory, other clients -----------------------------------------------------------------

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"
LONG = "SELECT range AS a, range AS b FROM range(100000000)"


def test_six_slow_readers_block_nobody_and_are_left_in_the_end(tmp_path: Path) -> None:
    with served(tmp_path, send_timeout_s=1.0) as (_, door):
        slow = [Client(url(door), "orbitwin", PASSWORD) for _ in range(6)]
        streams = [one.stream(LONG) for one in slow]
        for stream in streams:
            assert stream.read_chunk().data.num_rows
        quick = Client(url(door), "orbitwin", PASSWORD)
        began_s = time.monotonic()
        assert quick.query("SELECT 1 AS a")["a"].to_pylist() == [1]
        assert time.monotonic() - began_s < 0.5
        until(lambda: not door.streams._open)  # their transactions do not hold up the writer
        with pytest.raises(flight.FlightError, match="57P05"):
            streams[0].read_all()
        for one in (*slow, quick):
            one.close()


def test_limits_of_time_rows_and_number(tmp_path: Path) -> None:
    limits = {"statement_timeout_s": 0.3, "max_rows": 1000, "max_clients": 2}
    with served(tmp_path, **limits) as (opened, door):
        one = Client(url(door), "orbitwin", PASSWORD)
        with pytest.raises(flight.FlightTimedOutError, match="statement timeout"):
            one.query(ENDLESS)
        with pytest.raises(flight.FlightError, match="54000"):
            one.query("SELECT * FROM range(1001)")
        assert one.query("SELECT * FROM range(1000)").num_rows == 1000
        held = [door.streams.run("SELECT 1") for _ in range(2)]
        with pytest.raises(flight.FlightUnavailableError, match="53300"):
            one.query("SELECT 1")
        for stream in held:
            stream.close()
        assert one.query("SELECT 1").num_rows == 1
        assert opened.door.stats()["errors_total"] == 3
        one.close()


def test_cancel_by_another_client_and_by_hanging_up(
    both: tuple[Twin, FlightDoor], client: Client
) -> None:
    door = both[1]
    info = client.info("CommandStatementQuery", query=ENDLESS)
    caught: list[BaseException] = []

    def ask(which: Client) -> None:
        try:
            # Not read_all: there pyarrow takes any cancelled call for a Ctrl-C.
            list(which.flight.do_get(info.endpoints[0].ticket, which.options))
        except flight.FlightError as error:
            caught.append(error)

    other = Client(url(door), "orbitwin", PASSWORD)
    request = messages.make("CancelFlightInfoRequest", info=info.serialize())
    older = messages.pack(messages.make("ActionCancelQueryRequest", info=info.serialize()))
    for action, body in (("CancelFlightInfo", request.SerializeToString()), ("CancelQuery", older)):
        thread = threading.Thread(target=ask, args=(client,))
        thread.start()
        until(lambda: bool(door.streams._open))
        assert other.action(action, body)
        thread.join(3.0)
        assert isinstance(caught.pop(), flight.FlightCancelledError)
        until(lambda: not door.streams._open)
    (answer,) = other.action("CancelFlightInfo", request.SerializeToString())
    assert messages.parse("CancelFlightInfoResult", answer).status == 3  # nothing to cancel
    # A client that goes away ends its query.
    reader = other.flight.do_get(info.endpoints[0].ticket, other.options)
    until(lambda: bool(door.streams._open))
    reader.cancel()
    until(lambda: not door.streams._open)
    other.close()


def test_a_long_result_never_sits_in_memory(client: Client) -> None:
    stream, process = client.stream("SELECT range AS a FROM range(60000000)"), psutil.Process()
    stream.read_chunk()
    before, most, rows = process.memory_info().rss, 0, 0
    for number, chunk in enumerate(stream):
        rows += chunk.data.num_rows
        if number % 50 == 0:
            most = max(most, process.memory_info().rss)
    assert rows > 59_000_000  # 480 MB
    assert most - before < 150e6


def test_the_door_works_without_the_interpreters_lock(client: Client) -> None:
    """Another thread of the process, as the writer is, gets a good share of Python meanwhile."""

    def turns(seconds: float) -> int:
        count, until_s = 0, time.perf_counter() + seconds
        while time.perf_counter() < until_s:
            count += 1
        return count

    alone = turns(0.3)
    finished = threading.Event()

    def read() -> None:
        while not finished.is_set():
            client.query("SELECT sum(hash(range)) AS h FROM range(20000000)")

    thread = threading.Thread(target=read)
    thread.start()
    beside = turns(0.5) / 0.5 * 0.3
    finished.set()
    thread.join()
    assert beside > 0.25 * alone  # two DuckDB threads share the cores with it


def test_a_stop_ends_streams_and_does_not_wait_for_slow_readers(tmp_path: Path) -> None:
    with served(tmp_path) as (_, door):
        slow = Client(url(door), "orbitwin", PASSWORD)
        stream = slow.stream(LONG)
        stream.read_chunk()
        began_s = time.monotonic()
        door.stop()
        assert time.monotonic() - began_s < 4.0
        # Not read_all: there pyarrow would take a cancelled call for a Ctrl-C.
        with pytest.raises(flight.FlightUnavailableError, match="57P01"):
            list(stream)
        slow.close()
