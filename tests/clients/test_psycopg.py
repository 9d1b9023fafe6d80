"""psycopg 3, a real client of the extended protocol, against the live door."""

from __future__ import annotations

import datetime as dt
import decimal
import socket
import struct
import threading
import time
import uuid
from collections.abc import Iterator

import duckdb
import psycopg
import pytest

from tests.door import PASSWORD, Twin, tick, twin


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with twin(tmp_path_factory.mktemp("door")) as opened:
        yield opened


@pytest.fixture
def client(served: Twin) -> Iterator[psycopg.Connection]:
    with psycopg.connect(served.url, password=PASSWORD, autocommit=True) as connection:
        yield connection


def test_values_in_text_and_binary(client: psycopg.Connection) -> None:
    sql = (
        "SELECT 1::int2 AS a, 2::int4 AS b, 3::int8 AS c, 1.5::float4 AS d, 2.5::float8 AS e,"
        " 12.50::decimal(10,2) AS f, true AS g, 'héllo' AS h, '\\x01\\xff'::blob AS i,"
        " date '2026-02-03' AS j, time '04:05:06.7' AS k,"
        " timestamp '2026-02-03 04:05:06.7' AS l, timestamptz '2026-02-03 04:05:06.7+00' AS m,"
        " uuid '12345678-1234-5678-1234-567812345678' AS n, interval '1 day 2 hours' AS o,"
        " [1, 2, NULL]::int[] AS p, ['a', 'b c'] AS q, NULL::int AS r,"
        " 'nan'::float8 AS s, 0.000012::decimal(20,10) AS t"
    )
    expected = (
        1, 2, 3, 1.5, 2.5, decimal.Decimal("12.50"), True, "héllo", b"\x01\xff",
        dt.date(2026, 2, 3), dt.time(4, 5, 6, 700000), dt.datetime(2026, 2, 3, 4, 5, 6, 700000),
        dt.datetime(2026, 2, 3, 4, 5, 6, 700000, tzinfo=dt.UTC),
        uuid.UUID("12345678-1234-5678-1234-567812345678"), dt.timedelta(days=1, hours=2),
        [1, 2, None], ["a", "b c"], None,
    )  # fmt: skip
    for binary in (False, True):
        row = client.execute(sql, binary=binary).fetchone()
        assert row is not None
        assert row[:18] == expected, binary
        assert str(row[18]) == "nan"
        assert row[19] == decimal.Decimal("0.0000120000")


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        0, -1, 2**31, 2**62, 1.25, float("inf"), True, False, "x'y\\z\"", "", b"\x00\xff'",
        decimal.Decimal("-123.4500"), dt.date(2026, 1, 2), dt.time(1, 2, 3, 4),
        dt.datetime(2026, 1, 2, 3, 4, 5, 6), dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
        dt.timedelta(days=3, seconds=4), uuid.UUID(int=5), [1, 2, None], [1.5, None], None,
        [[1, 2], [3, 4]],
    ],
    ids=repr,
)  # fmt: skip
def test_parameters_come_back_as_they_went(
    client: psycopg.Connection, value: object, binary: bool
) -> None:
    mark = "%b" if binary else "%t"
    row = client.execute(f"SELECT {mark} AS v", (value,)).fetchone()  # type: ignore[arg-type]
    assert row is not None
    assert row[0] == value


@pytest.mark.parametrize("value", [["a,b", '"', "NULL", None, "\\", " "], []])
def test_arrays_of_text(client: psycopg.Connection, value: list[str | None]) -> None:
    for mark in ("%b", "%t"):
        assert client.execute(
            f"SELECT {mark}::text[], cardinality({mark}::text[])",  # type: ignore[arg-type]
            (value, value),
        ).fetchone() == (value, len(value))


def test_parameters_where_queries_use_them(client: psycopg.Connection) -> None:
    rows = client.execute(
        "SELECT sat_id FROM satellite WHERE sat_id = ANY(%s) AND name LIKE %s AND launched >= %s"
        " ORDER BY sat_id LIMIT %s OFFSET %s",
        ([3, 1, 2], "S-%", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 2, 1),
    ).fetchall()
    assert rows == [(2,), (3,)]
    assert client.execute("SELECT count(*) FROM satellite WHERE sat_id < %s", ("10",)).fetchone() == (10,)  # noqa: E501
    assert client.execute("SELECT '$1', %s::int + 1", ("41",)).fetchone() == ("$1", 42)


def test_names_and_types_of_columns(client: psycopg.Connection) -> None:
    cursor = client.execute(
        "SELECT count(*), sum(sat_id), 1, 'a'::text, max(name), -sat_id, sat_id::int8,"
        " CASE WHEN true THEN 1 END, coalesce(1, 2), name AS n, *"
        " FROM satellite GROUP BY ALL ORDER BY sat_id LIMIT 1"
    )
    assert cursor.description is not None
    assert [column.name for column in cursor.description] == [
        "count", "sum", "?column?", "text", "max", "?column?", "sat_id", "case", "coalesce", "n",
        "sat_id", "name", "mass_kg", "launched",
    ]  # fmt: skip
    assert [column.type_code for column in cursor.description][:4] == [20, 20, 23, 25]
    assert cursor.description[-2].precision == 10 and cursor.description[-2].scale == 2


def test_server_side_statements_after_five_executions(client: psycopg.Connection) -> None:
    for at in range(12):
        row = client.execute("SELECT name FROM satellite WHERE sat_id = %s", (at,)).fetchone()
        assert row == (f"S-{at}",)


def test_named_cursor_and_fetch_size(client: psycopg.Connection) -> None:
    with client.transaction(), client.cursor("c") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT sat_id FROM satellite ORDER BY sat_id")
        assert [row[0] for row in cursor] == list(range(1000))
    with client.transaction(), client.cursor("a") as one, client.cursor("b") as other:
        one.execute("SELECT i FROM range(100000) t(i)")
        other.execute("SELECT i FROM range(100000) t(i)")
        assert one.fetchmany(2) == [(0,), (1,)]
        assert other.fetchmany(1) == [(0,)]
        assert one.fetchmany(1) == [(2,)]


def test_stream_does_not_wait_for_the_whole_result(client: psycopg.Connection) -> None:
    stream = client.cursor().stream("SELECT i FROM range(5000000) t(i)")
    assert [next(stream)[0] for _ in range(3)] == [0, 1, 2]
    stream.close()  # type: ignore[attr-defined]


def test_copy_out(client: psycopg.Connection) -> None:
    with client.cursor().copy(
        "COPY (SELECT 1, 'a\tb', NULL, 'x,\"y') TO STDOUT (FORMAT csv, HEADER)"
    ) as out:
        assert b"".join(out) == b'?column?,?column?,?column?,?column?\n1,a\tb,,"x,""y"\n'
    with client.cursor().copy("COPY (SELECT 1, 'a\tb\\', NULL) TO STDOUT") as out:
        assert b"".join(out) == b"1\ta\\tb\\\\\t\\N\n"
    with client.cursor().copy(
        "COPY (SELECT sat_id, name FROM satellite ORDER BY 1) TO STDOUT (FORMAT binary)"
    ) as out:
        out.set_types(["int4", "text"])
        rows = list(out.rows())
    assert rows[7] == (7, "S-7") and len(rows) == 1000
    with client.cursor().copy("COPY satellite (sat_id) TO STDOUT") as out:
        assert sum(1 for _ in out) == 1000


def test_transactions_have_their_status(client: psycopg.Connection) -> None:
    client.autocommit = False
    assert client.execute("SELECT 1").fetchone() == (1,)
    assert client.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
    with pytest.raises(psycopg.errors.UndefinedTable):
        client.execute("SELECT * FROM nowhere")
    assert client.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        client.execute("SELECT 1")
    client.rollback()
    with client.transaction(), client.transaction():
        client.execute("SELECT 1")
    client.commit()
    assert client.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("SELEC 1", "42601"), ("SELECT * FROM nowhere", "42P01"),
        ("SELECT nope FROM satellite", "42703"), ("SELECT nope(1)", "42883"),
        ("SELECT 1/0", "22012"), ("SELECT 'x'::int", "22P02"),
        ("SELECT 300::int2 * 300::int2", "22003"),
        ("SELECT 99999999999::int4", "22003"), ("SELECT 1::nope", "42704"),
        ("SELECT s.x FROM satellite", "42P01"),
        ("SELECT name, count(*) FROM satellite", "42803"),
        ("SELECT sat_id FROM satellite a, satellite b", "42702"),
        ("SELECT 'x'::timestamp", "22007"), ("SELECT (SELECT sat_id FROM satellite)", "21000"),
        ("SELECT * FROM nope.t", "42P01"), ("SHOW nope", "42704"), ("FETCH 1 FROM nope", "34000"),
        ("DEALLOCATE nope", "26000"), ("SELECT 'nope'::regclass", "42P01"),
        ("INSERT INTO satellite VALUES (1)", "25006"),
    ],
)  # fmt: skip
def test_errors_have_postgresqls_codes(
    client: psycopg.Connection, sql: str, sqlstate: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        client.execute(sql).fetchall()  # type: ignore[arg-type]
    assert caught.value.sqlstate == sqlstate, str(caught.value)
    assert "\n" not in (caught.value.diag.message_primary or "")
    assert client.execute("SELECT 1").fetchone() == (1,)


def test_errors_tell_where(client: psycopg.Connection) -> None:
    with pytest.raises(psycopg.Error) as caught:
        client.execute("SELECT 1,\n  nope FROM satellite")
    assert caught.value.diag.statement_position == "13"


def test_an_error_in_mid_stream_is_a_proper_error(client: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        client.execute(
            "SELECT (CASE WHEN i = 90000 THEN 'x' ELSE '1' END)::int FROM range(100000) t(i)"
        )
    assert client.execute("SELECT 1").fetchone() == (1,)


def test_settings_are_remembered(client: psycopg.Connection) -> None:
    moment = "SELECT timestamptz '2026-07-01 12:00:00+00'"
    client.execute("SET TIME ZONE 'Asia/Kolkata'")
    assert client.info.parameter_status("TimeZone") == "Asia/Kolkata"
    assert psycopg.ClientCursor(client).execute(moment + "::text").fetchone() == (
        "2026-07-01 17:30:00+05:30",
    )
    assert client.execute("SELECT current_setting('timezone')").fetchone() == ("Asia/Kolkata",)
    client.execute("RESET TIME ZONE")
    assert client.execute("SHOW timezone").fetchone() == ("UTC",)
    client.execute("SET application_name = 'test'")
    assert client.execute("SHOW application_name").fetchone() == ("test",)
    assert client.execute("SELECT set_config('work_mem', '8MB', false)").fetchone() == ("8MB",)
    with pytest.raises(psycopg.errors.UndefinedObject):
        client.execute("SET nonsense = 1")
    client.execute("DISCARD ALL")
    assert client.execute("SHOW application_name").fetchone() == ("",)


def test_statement_timeout_in_the_startup_options(served: Twin) -> None:
    with psycopg.connect(
        served.url, password=PASSWORD, options="-c statement_timeout=200ms -c timezone=Asia/Tokyo"
    ) as connection:
        assert connection.execute("SHOW timezone").fetchone() == ("Asia/Tokyo",)
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(30)")


def test_cancel(client: psycopg.Connection) -> None:
    timer = threading.Timer(0.3, client.cancel_safe)  # cancel() would hold the GIL
    timer.start()
    with pytest.raises(psycopg.errors.QueryCanceled) as caught:
        client.execute("SELECT pg_sleep(30)")
    timer.join()
    assert "user request" in str(caught.value)
    assert client.execute("SELECT 1").fetchone() == (1,)


def test_catalogue_queries_of_drivers(client: psycopg.Connection) -> None:
    assert client.execute(
        "SELECT current_setting('server_version_num')::int/100"
    ).fetchone() == (1500,)
    assert client.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        " ORDER BY 1"
    ).fetchall() == [("latest",), ("satellite",)]
    assert client.execute(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_name = %s ORDER BY ordinal_position", ("satellite",)
    ).fetchall() == [
        ("sat_id", "integer", "NO"), ("name", "text", "NO"), ("mass_kg", "numeric", "YES"),
        ("launched", "timestamp with time zone", "YES"),
    ]  # fmt: skip
    assert client.execute(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)"
        " FROM pg_catalog.pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.oid = 'public.satellite'::regclass AND a.attnum = 3"
    ).fetchone() == ("mass_kg", "numeric(10,2)", "Mass at launch [kg]")
    assert client.execute(
        "SELECT obj_description('latest'::regclass), current_user, current_database(),"
        " current_schema()"
    ).fetchone() == ("The newest tick", "orbitwin", "twin", "public")
    # what Grafana asks for its table list
    assert client.execute(
        "SELECT quote_ident(table_name) FROM information_schema.tables WHERE"
        " quote_ident(table_schema) IN (SELECT CASE WHEN trim(s[i]) = '\"$user\"' THEN user"
        " ELSE trim(s[i]) END FROM generate_series(array_lower(string_to_array("
        "current_setting('search_path'),','),1), array_upper(string_to_array("
        "current_setting('search_path'),','),1)) AS i, string_to_array("
        "current_setting('search_path'),',') s) ORDER BY 1"
    ).fetchall() == [("latest",), ("satellite",)]
    assert client.execute("SELECT sat_id FROM public.satellite LIMIT 1").fetchone() == (0,)


@pytest.mark.parametrize(
    ("settings", "sqlstate"),
    [({"password": "wrong"}, "28P01"), ({"user": "root"}, "28P01"), ({"dbname": "x"}, "3D000")],
)
def test_logins_that_fail(served: Twin, settings: dict[str, str], sqlstate: str) -> None:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(served.url, **({"password": PASSWORD} | settings))  # type: ignore[arg-type]
    text = str(caught.value)
    assert "FATAL" in text
    assert {"28P01": "password authentication failed", "3D000": "does not exist"}[sqlstate] in text


def test_p07_too_many_clients_and_idle_ones(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with twin(tmp_path, max_clients=2, idle_timeout_s=0.5) as served:
        kept = [psycopg.connect(served.url, password=PASSWORD) for _ in range(2)]
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            psycopg.connect(served.url, password=PASSWORD)
        time.sleep(1.0)
        with pytest.raises(psycopg.OperationalError, match="idle-session timeout"):
            kept[0].execute("SELECT 1")
        with psycopg.connect(served.url, password=PASSWORD) as again:
            assert again.execute("SELECT 1").fetchone() == (1,)


def test_a_slow_reader_blocks_only_itself(served: Twin) -> None:
    slow = []
    for _ in range(4):  # each stops reading in the middle of a large result
        connection = psycopg.connect(served.url, password=PASSWORD, autocommit=True)
        connection.pgconn.send_query(b"SELECT i, i::varchar FROM range(20000000) t(i)")
        slow.append(connection)
    time.sleep(0.5)
    with psycopg.connect(served.url, password=PASSWORD) as quick:
        begun = time.monotonic()
        for _ in range(20):
            assert quick.execute("SELECT count(*) FROM satellite").fetchone() == (1000,)
        assert time.monotonic() - begun < 10  # not a speed: only that nothing hangs
    for connection in slow:
        connection.close()
    _eventually(lambda: served.door.stats()["sessions"] == 0)


def test_a_client_that_hangs_up_stops_its_query(served: Twin) -> None:
    connection = psycopg.connect(served.url, password=PASSWORD, autocommit=True)
    connection.pgconn.send_query(b"SELECT pg_sleep(9)")
    time.sleep(0.3)
    connection.pgconn.finish()
    _eventually(lambda: served.door.stats()["sessions"] == 0, within_s=5)


def test_readers_while_ticks_and_rows_arrive(served: Twin) -> None:
    """Every answer is one tick's and one commit's: never a mixture."""
    writer = served.connection.cursor()
    writer.execute("CREATE TABLE pair (a BIGINT)")
    stop, faults, answers = threading.Event(), [], [0] * 4

    def write() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            served.latest.publish(tick(2000, float(step)))
            writer.execute("BEGIN")
            writer.execute("INSERT INTO pair VALUES (?), (?)", [step, -step])
            writer.execute("COMMIT")
            time.sleep(0.005)

    def read(which: int) -> None:
        try:
            with psycopg.connect(served.url, password=PASSWORD, autocommit=True) as connection:
                while not stop.is_set():
                    low, high, count = connection.execute(  # type: ignore[misc]
                        "SELECT min(margin_w), max(margin_w), count(*) FROM latest"
                    ).fetchone()
                    assert low == high and count in (5, 2000), (low, high, count)
                    total, rows = connection.execute(  # type: ignore[misc]
                        "SELECT coalesce(sum(a), 0), count(*) FROM pair"
                    ).fetchone()
                    assert total == 0 and rows % 2 == 0
                    answers[which] += 1
        except BaseException as problem:  # told by the test's own thread
            faults.append(problem)

    threads = [threading.Thread(target=write)]
    threads += [threading.Thread(target=read, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(2)
    stop.set()
    for thread in threads:
        thread.join()
    served.latest.publish(tick(5, 12.5))
    served.connection.execute("DROP TABLE pair")
    assert not faults, faults
    assert min(answers) > 0


def test_bytes_that_are_no_protocol_end_only_that_connection(served: Twin) -> None:
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 64, struct.pack("!II", 8, 1234),
                 struct.pack("!II", 9, 3 << 16) + b"u", struct.pack("!I", 2**31)):  # fmt: skip
        with socket.create_connection(("127.0.0.1", served.door.port), timeout=5) as raw:
            raw.sendall(junk)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass
    with psycopg.connect(served.url, password=PASSWORD) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_stop_tells_the_clients(tmp_path) -> None:  # type: ignore[no-untyped-def]
    before = set(threading.enumerate())
    with twin(tmp_path) as served:
        idle = psycopg.connect(served.url, password=PASSWORD, autocommit=True)
        busy = psycopg.connect(served.url, password=PASSWORD, autocommit=True)
        busy.pgconn.send_query(b"SELECT pg_sleep(9)")
        time.sleep(0.3)
        begun = time.monotonic()
        served.door.stop()
        assert time.monotonic() - begun < 6
        with pytest.raises(psycopg.OperationalError):
            idle.execute("SELECT 1")
        assert set(threading.enumerate()) <= before


def test_a_taken_port_is_said_plainly(served: Twin) -> None:
    from storage.pgwire import Door

    other = Door(served.connection.cursor, password="x", port=served.door.port)
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{served.door.port}"):
        other.start()
    with pytest.raises(ValueError, match="TLS"):
        Door(served.connection.cursor, password="x", host="0.0.0.0")
    with pytest.raises(ValueError, match="password"):
        Door(served.connection.cursor, password="")


def test_a_database_opened_read_only(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from storage.admission import harden
    from storage.pgwire import Door, install_catalogue

    with twin(tmp_path) as served:
        latest = served.latest
    connection = duckdb.connect(str(tmp_path / "twin.duckdb"), read_only=True)
    install_catalogue(connection, user="orbitwin", database="twin")
    harden(connection, tmp_path / "segments")
    door = Door(connection.cursor, password=PASSWORD, refresh=latest.attach)
    door.start()
    try:
        with psycopg.connect(
            f"host=127.0.0.1 port={door.port} user=orbitwin dbname=twin", password=PASSWORD
        ) as client:
            assert client.execute("SELECT count(*) FROM latest").fetchone() == (5,)
            assert client.execute(
                "SELECT description FROM pg_description WHERE objoid = 'latest'::regclass"
            ).fetchone() == ("The newest tick",)
    finally:
        door.stop()
        connection.close()


def _eventually(condition, within_s: float = 10.0) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
