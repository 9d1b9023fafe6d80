"""The door beside a real PostgreSQL: the same rows, the same statements, the same answers.

Compared is everything a server says but the wording of messages: names, type OIDs, sizes,
typmods, values in text and in binary, tags, status bytes, SQLSTATEs, places of errors, notices
and settings reported. Two rules about errors, since the servers find them at different steps:
what came before an error is compared for simple queries only, and the door may leave a place
out (how often it may is bounded), but never tell another one.
What differs on purpose is listed with its reason in `statements.py`; a listed difference that is
none any more fails.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from storage.admission import harden
from storage.pgwire import Door, install_catalogue
from tests.clients import protocol as p
from tests.clients.faulty import FAULTY
from tests.clients.protocol import Client, Event
from tests.clients.statements import (
    DIFFERENT,
    QUERIES,
    SCRIPTS,
    SCRIPTS_DIFFERENT,
    SOONER,
    TABLES,
)
from tests.postgresql import binaries, postgresql

PASSWORD = "correct horse battery staple"
MOST_WITHOUT_A_PLACE = 12  # errors that PostgreSQL points at and the door does not

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed")


class Both:
    """PostgreSQL and the door over the same tables."""

    def __init__(self, postgresql_port: int, door_port: int) -> None:
        self._ports = postgresql_port, door_port

    def connect(self) -> tuple[Client, Client]:
        ours, theirs = self._ports
        return Client(ours), Client(theirs, PASSWORD)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with postgresql() as reference:
        assert reference is not None
        connection = duckdb.connect(str(tmp_path_factory.mktemp("door") / "twin.duckdb"))
        with Client(reference.port) as maker:
            for sql in TABLES:
                connection.execute(sql)
                assert maker.simple(sql)[0][0] == "C", sql
            maker.simple("ALTER DATABASE twin SET default_transaction_read_only = on")
        install_catalogue(connection, user="orbitwin", database="twin")
        harden(connection, None)
        door = Door(connection.cursor, password=PASSWORD)
        door.start()
        try:
            yield Both(reference.port, door.port)
        finally:
            door.stop()
            connection.close()


def lines(text: str) -> list[str]:
    return [one for one in text.splitlines() if one.strip() and not one.startswith("--")]


def compared(
    right: list[Event], ours: list[Event], whole: bool = False
) -> tuple[list[Event], list[Event], bool]:
    """Both sides as they must be equal, and whether ours lacks a place that PostgreSQL tells.

    `whole`: with what came before an error.
    """
    error, own = (next((e for e in side if e[0] == "E"), None) for side in (right, ours))
    if error is None or own is None:
        return right, ours, False
    lacks = own[3] is None and error[3] is not None
    cut = 3 if lacks else 4
    if not whole:
        right, ours = [error, right[-1]], [own, ours[-1]]
    one, other = ([e[:cut] if e[0] == "E" else e for e in side] for side in (right, ours))
    return one, other, lacks


def _ways(sql: str) -> dict[str, tuple[bytes, ...]]:
    return {
        "simple": (p.query(sql),),
        "extended, text": (p.parse(sql), p.describe(), p.bind(), p.execute(), p.SYNC),
        "extended, binary": (
            p.parse(sql), p.bind(results=[1]), p.describe("P"), p.execute(), p.SYNC,
        ),
    }  # fmt: skip


def test_statements(both: Both) -> None:
    reasons = {sql: why for why, text in DIFFERENT.items() for sql in lines(text)}
    queries, sooner = lines(QUERIES), lines(SOONER)
    assert len(queries) - len(reasons) >= 300 and len(reasons) <= 36
    faults, without = [], 0
    right, ours = both.connect()
    for sql in queries:
        different = {}
        for way, messages in _ways(sql).items():
            simple = way == "simple"
            one, other, lacks = compared(
                right.say(*messages), ours.say(*messages), simple and sql not in sooner
            )
            without += lacks and simple
            if one != other:
                different[way] = (one, other)
        if different and sql not in reasons:
            faults.append((sql, different))
        if not different and sql in reasons:
            faults.append((sql, f"is no longer different: {reasons[sql]}"))
    assert set(reasons) <= set(queries), set(reasons) - set(queries)
    assert not faults, "\n".join(map(str, faults))
    assert without <= MOST_WITHOUT_A_PLACE


@pytest.mark.parametrize("name", SCRIPTS)
def test_conversations(both: Both, name: str) -> None:
    right, ours = both.connect()
    faults = []
    for sql in SCRIPTS[name]:
        one, other = right.simple(sql), ours.simple(sql)
        if ";" in sql:  # each statement of several is compared, up to the error
            one, other, _ = compared(one, other, whole=True)
        else:
            one, other, _ = compared(one, other)
        same = one == other
        if same == ((name, sql) in SCRIPTS_DIFFERENT):
            faults.append((sql, one, other))
    assert not faults, "\n".join(f"{a}\n   {b}\n   {c}" for a, b, c in faults)


# DuckDB's own types as the PostgreSQL types they are sent as: ours, PostgreSQL's.
_OWN_TYPES = (
    ("18446744073709551615::UBIGINT", "18446744073709551615::numeric"),
    ("(-170141183460469231731687303715884105727)::HUGEINT",
     "(-170141183460469231731687303715884105727)::numeric"),
    ("255::UTINYINT", "255::int2"),
    ("65535::USMALLINT", "65535::int4"),
    ("4294967295::UINTEGER", "4294967295::oid"),
    ("(-128)::TINYINT", "(-128)::int2"),
    ("'b'::ENUM('a', 'b')", "'b'::text"),
    ("['a'::ENUM('a', 'b'), NULL]", "ARRAY['a', NULL]::text[]"),
    ("'101100111'::BIT", "'101100111'::varbit"),
    ("{'a': 1, 'b': 'x'}", """'{"a":1,"b":"x"}'::json"""),
    ("row(1, NULL)", """'[1,null]'::json"""),
    ("MAP {'k': 1.5}", """'{"k":1.5}'::json"""),
    ("[[1, NULL], [3, 4]]", "ARRAY[[1, NULL], [3, 4]]"),
    ("[]::INTEGER[][]", "'{}'::int4[]"),
    ("TIMESTAMP_NS '2026-01-01 00:00:00.123456789'", "timestamp '2026-01-01 00:00:00.123456'"),
    ("TIMESTAMP_S '2026-01-01 00:00:00'", "timestamp '2026-01-01 00:00:00'"),
)  # fmt: skip


@pytest.mark.parametrize(("own", "right"), _OWN_TYPES)
def test_types_that_postgresql_has_not(both: Both, own: str, right: str) -> None:
    reference, ours = both.connect()
    for way in ("simple", "extended, text", "extended, binary"):
        said = ours.say(*_ways(f"SELECT {own} AS v")[way])
        assert said == reference.say(*_ways(f"SELECT {right} AS v")[way])


def test_lists_that_are_no_array(both: Both) -> None:
    """Lists of unequal length go out as text, and are an error in binary."""
    _, ours = both.connect()
    said = ours.say(*_ways("SELECT [[1], [2, 3]] AS v")["extended, binary"])
    assert said[-2][:3] == ("E", "ERROR", "2202E")
    assert ("D", b"{{1},{2,3}}") in ours.simple("SELECT [[1], [2, 3]] AS v")


INT4, INT8, TEXT, FLOAT8 = 23, 20, 25, 701
_EXTENDED: dict[str, tuple[bytes, ...]] = {
    "declared types in Describe": (p.parse("select $1, $2", oids=[INT4, TEXT]), p.describe(),
                                   p.SYNC),
    "types by casts": (p.parse("select $1::int8, $2::text, $3::timestamptz, $4::bool"),
                       p.describe(), p.SYNC),
    "type by a comparison": (p.parse("select name from fleet where sat_id = $1"), p.describe(),
                             p.SYNC),
    "type by LIMIT": (p.parse("select sat_id from fleet order by 1 limit $1"), p.describe(),
                      p.SYNC),
    "type by ANY": (p.parse("select sat_id from fleet where sat_id = any($1::int4[])"),
                    p.describe(), p.SYNC),
    "$5 inside of a string": (p.parse("select '$5', $1::int4"), p.describe(), p.SYNC),
    "text parameters": (p.parse("select $1::int4 + 1, $2::text, $3::float8"),
                        p.bind([b"41", b"x", b"1.5"]), p.execute(), p.SYNC),
    "binary parameters": (
        p.parse("select $1, $2, $3", oids=[INT4, INT8, FLOAT8]),
        p.bind([b"\0\0\0\5", b"\0" * 7 + b"\6", b"\x3f\xf8" + b"\0" * 6], formats=[1]),
        p.execute(), p.SYNC,
    ),
    "NULL parameters": (p.parse("select $1::int4, $2::text"), p.bind([None, None]), p.execute(),
                        p.SYNC),
    "array parameter": (p.parse("select sat_id from fleet where sat_id = any($1::int4[])"
                                " order by 1"), p.bind([b"{1,3}"]), p.execute(), p.SYNC),
    "bad parameter": (p.parse("select $1::int4"), p.bind([b"x"]), p.execute(), p.SYNC),
    "too few parameters": (p.parse("select $1::int4"), p.bind([]), p.execute(), p.SYNC),
    "row limit": (p.parse("select sat_id from fleet order by 1"), p.bind(), p.execute(most=2),
                  p.execute(most=3), p.execute(), p.SYNC),
    "skipping until Sync": (p.parse("selec 1"), p.bind(), p.execute(), p.parse("select 1"),
                            p.SYNC),
    "two statements in Parse": (p.parse("select 1; select 2"), p.SYNC),
    "empty statement": (p.parse(""), p.describe(), p.bind(), p.execute(), p.SYNC),
    "only a comment": (p.parse("-- nothing"), p.bind(), p.execute(), p.SYNC),
    "unnamed statement replaced": (p.parse("select 1"), p.parse("select 2"), p.bind(),
                                   p.execute(), p.SYNC),
    "named statement twice": (p.parse("select 1", "a"), p.parse("select 2", "a"), p.SYNC),
    "close and use": (p.parse("select 1", "b"), p.close("S", "b"), p.bind(name="b"), p.SYNC),
    "close what is not": (p.close("S", "none"), p.close("P", "none"), p.SYNC),
    "no such portal": (p.execute("none"), p.SYNC),
    "no such statement": (p.describe("S", "none"), p.SYNC),
    "describe portal": (p.parse("select 1, 'a'"), p.bind(results=[1, 0]), p.describe("P"), p.SYNC),
    "wrong number of result formats": (p.parse("select 1"), p.bind(results=[1, 1, 1]),
                                       p.execute(), p.SYNC),
    "SHOW": (p.parse("show timezone"), p.describe(), p.bind(), p.execute(), p.SYNC),
    "SET": (p.parse("set application_name = 'e'"), p.describe(), p.bind(), p.execute(), p.SYNC),
    "executed twice": (p.parse("select 1"), p.bind(), p.execute(), p.execute(), p.SYNC),
    "FunctionCall": (p.message(b"F", b"\0\0\0\1\0\0\0\0\0\0"),),
}  # fmt: skip
_EXTENDED_DIFFERENT = {
    "declared types in Describe": "a parameter's literal is a cast, and named like one",
    "FunctionCall": "refused with 0A000 before its function is looked at",
}


@pytest.mark.parametrize("name", _EXTENDED)
def test_extended_protocol(both: Both, name: str) -> None:
    right, ours = both.connect()
    one, other, _ = compared(right.say(*_EXTENDED[name]), ours.say(*_EXTENDED[name]))
    assert (one == other) != (name in _EXTENDED_DIFFERENT), (one, other)


_END = "rollback; select 'the end'"


def _all_said(client: Client, messages: tuple[bytes, ...]) -> list[Event]:
    """Everything that a server says to these messages, to a statement behind them, or at all."""
    said: list[Event] = []
    try:
        client.send(*messages, p.query(_END))
        while ("D", b"the end") not in said:
            said += client.events()
    except ConnectionError:
        said.append(("closed",))
    return said


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_messages(both: Both, name: str) -> None:
    right, ours = both.connect()
    assert _all_said(ours, FAULTY[name]) == _all_said(right, FAULTY[name])


@pytest.mark.parametrize("head", [b"Q\0\0\0\3", b"Q\0\0\0\0", b"Q\x7f\xff\xff\xff", b"S\0\0\x40\0"])
def test_frames_of_no_length_end_the_connection(both: Both, head: bytes) -> None:
    """PostgreSQL hangs up without a word, the door with one."""
    right, ours = both.connect()
    for client in (right, ours):
        client.send(head)
    with pytest.raises(ConnectionError):
        right.take()
    assert ours.events(b"E")[0][1:3] == ("FATAL", "08P01")
    with pytest.raises(ConnectionError):
        ours.take()


def test_every_table_and_column_of_the_catalogue(both: Both) -> None:
    """What a client may name in pg_catalog and the information_schema is there, in its order."""
    right, ours = both.connect()
    listed = right.simple(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n"
        " on n.oid = c.relnamespace where n.nspname in ('pg_catalog', 'information_schema')"
        " and c.relkind in ('r', 'v') and c.relname not like '\\_pg%' order by 1"
    )
    names = [e[1].decode() for e in listed if e[0] == "D"]
    assert len(names) > 190
    faults = []
    for name in names:
        told = [client.simple(f"select * from {name} where false")[0] for client in (right, ours)]
        columns = [[one[0] for one in e[1:]] if e[0] == "T" else e for e in told]
        if columns[0] != columns[1]:
            faults.append((name, *columns))
    assert not faults, "\n".join(map(str, faults))


def test_every_setting_that_a_client_may_set(both: Both) -> None:
    right, ours = both.connect()
    listed = right.simple(
        "select name from pg_settings where context in ('user', 'superuser') and category not like"
        " 'Developer%' and name <> 'extension_destdir'"
        " and name !~ '^(log_|data_|ssl_|syslog|debug_|dynamic_|session_|local_)'"
    )
    names = [e[1].decode() for e in listed if e[0] == "D"]
    assert len(names) > 100
    unknown = [name for name in names if ours.simple(f"show {name}")[0][0] != "T"]
    assert not unknown


def test_explain_in_json_has_postgresqls_frame(both: Both) -> None:
    told = []
    for client in both.connect():
        said = client.simple("explain (format json, analyze, verbose)"
                             " select max(sat_id + level) from fleet join event using (sat_id)")
        (plan,) = json.loads(next(e[1] for e in said if e[0] == "D"))
        wanted = {"Node Type", "Startup Cost", "Total Cost", "Plan Rows", "Actual Rows", "Plans"}
        assert wanted <= set(plan["Plan"])
        told.append((said[0], said[-2:]))
    assert told[0] == told[1]


def test_portals_interleaved(both: Both) -> None:
    said = []
    for client in both.connect():
        client.simple("begin")
        said.append(
            client.say(
                p.parse("select sat_id from fleet order by 1", "s"),
                p.bind(portal="a", name="s"), p.bind(portal="b", name="s"),
                p.execute("a", 1), p.execute("b", 2), p.execute("a", 1), p.close("P", "b"),
                p.execute("a"), p.SYNC, p.execute("b"), p.SYNC,
            ) + client.events()
        )  # fmt: skip
    assert said[0] == said[1]


def test_greetings(both: Both) -> None:
    """ParameterStatus of the start, unknown protocol options and a newer minor version."""
    right, ours = both.connect()
    fixed = {"server_version", "default_transaction_read_only", "is_superuser"}
    assert {k: v for k, v in right.settings.items() if k not in fixed} == {
        k: v for k, v in ours.settings.items() if k not in fixed
    }
    reference, door = both._ports
    for startup in ({"options": "-c TimeZone=Asia/Tokyo", "application_name": "x"},
                    {"_pq_.nope": "1"}):  # fmt: skip
        said = [
            [e for e in c.greeting if e[0] == "v" or e[1] in ("TimeZone", "application_name")]
            for c in (Client(reference, **startup), Client(door, PASSWORD, **startup))
        ]
        assert said[0] == said[1]
    newer = [Client(port, word, version=p.PROTOCOL_3 + 7).greeting[0]
             for port, word in ((reference, ""), (door, PASSWORD))]  # fmt: skip
    assert newer[0] == newer[1] and newer[0][0] == "v"


def test_database_that_is_not(both: Both) -> None:
    reference, door = both._ports
    said = [Client(port, word, database="none").greeting[-1]
            for port, word in ((reference, ""), (door, PASSWORD))]  # fmt: skip
    assert said[0] == said[1] == ("E", "FATAL", "3D000", None)


def test_cancel_and_timeout(both: Both) -> None:
    said = []
    for client in both.connect():
        client.simple("set statement_timeout = '100ms'")
        told = client.simple("select pg_sleep(20)")
        client.simple("reset statement_timeout")
        client.send(p.query("select pg_sleep(20)"))
        time.sleep(0.3)
        client.cancel()
        said.append([e for e in told + client.events() if e[0] in "EZ"])
    assert said[0] == said[1] and said[0][0][2] == "57014"


def test_protocol_is_left_on_a_bad_message(both: Both) -> None:
    for client in both.connect():
        client.send(p.message(b"?", b"x"))
        assert client.events(b"E")[0][1:3] == ("FATAL", "08P01")
        with pytest.raises(ConnectionError):
            client.take()


def test_interrupted_by_hanging_up(both: Both, tmp_path: Path) -> None:
    """A client that leaves frees its place on both; others are not blocked meanwhile."""
    for client in both.connect():
        client.send(p.query("select pg_sleep(9)"))
        client.hang_up()
    for client in both.connect():
        assert client.simple("select 1")[1] == ("D", b"1")
