"""Messages out of order, cut short, too long or of wrong content, for the door and for PostgreSQL.

Each conversation goes to both as it stands, and each ends with a statement that must be answered
unless the connection was ended.
"""

from __future__ import annotations

import struct

from tests.clients import protocol as p
from tests.clients.protocol import bind, close, describe, execute, message, parse, query

S = p.SYNC


def _binary(type_name: str, value: bytes) -> tuple[bytes, ...]:
    """A parameter of this type in binary."""
    return parse(f"select $1::{type_name}"), bind([value], formats=[1]), execute(), S


def _array(dimensions: int, oid: int, *rest: int) -> bytes:
    return struct.pack(f"!iiI{len(rest)}i", dimensions, 0, oid, *rest)


FAULTY: dict[str, tuple[bytes, ...]] = {
    # order
    "Bind before Parse": (bind(), S),
    "Bind of an unknown statement": (bind(name="x"), S),
    "Execute of no portal": (execute(), S),
    "Describe of no statement": (describe(), S),
    "Describe of no portal": (describe("P"), S),
    "many Syncs": (S,) * 50,
    "Flush everywhere": (parse("select 1"), p.FLUSH, bind(), p.FLUSH, execute(), p.FLUSH, S),
    "CopyData out of place": (message(b"d", b"x"), message(b"c"), message(b"f", b"x\0"), S),
    "a query while skipping": (parse("selec"), query("select 1"), S),
    "FunctionCall while skipping": (parse("selec"), message(b"F", b"\0" * 10), S),
    "pipelined errors": (
        parse("selec nope"), bind(), execute(), parse("select 2"), bind(), execute(), S,
        parse("select 3"), bind(), execute(), S,
    ),
    # frames and bodies
    "an unknown kind": (message(b"z"),),
    "an unknown kind while skipping": (parse("selec"), message(b"z")),
    "a password out of place": (message(b"p", b"x\0"),),
    "Close of no kind": (message(b"C", b"Zx\0"), S),
    "Describe of no kind": (message(b"D", b"Zx\0"), S),
    "Parse too short": (message(b"P", b"x"), S),
    "Parse without its types": (message(b"P", b"\0select 1\0"), S),
    "Parse too long": (message(b"P", b"\0select 1\0\0\0xx"), S),
    "Parse with fewer types than told": (message(b"P", b"\0select 1\0\0\5\0\0"), S),
    "Bind too short": (parse("select 1"), message(b"B", b"\0"), S),
    "Bind too long": (parse("select 1"), message(b"B", b"\0" * 8 + b"zz"), S),
    "a value of negative size": (
        parse("select $1::text"), message(b"B", b"\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"), S,
    ),
    "a value larger than its message": (
        parse("select $1::text"), message(b"B", b"\0\0\0\0\0\1\x7f\xff\xff\xff\0\0"), S,
    ),
    "Execute too short": (message(b"E", b"\0\0"), S),
    "Query without an end": (message(b"Q", b"select 1"),),
    "Query with a zero inside": (message(b"Q", b"select 1\0select 2\0"),),
    "Query of nothing": (message(b"Q"),),
    "Sync with a body": (message(b"S", b"xx"),),
    "Flush with a body": (message(b"H", b"xx"), S),
    "no UTF-8 in a query": (message(b"Q", b"select '\xff'\0"),),
    "no UTF-8 in a name": (message(b"P", b"\xff\0select 1\0\0\0"), S),
    # values
    "a zero in a text": (parse("select $1::text"), bind([b"a\0b"]), execute(), S),
    "no UTF-8 in a text": (parse("select $1::text"), bind([b"\xff"]), execute(), S),
    "int4 of two bytes": _binary("int4", b"\0\0"),
    "int4 of eight bytes": _binary("int4", b"\0" * 8),
    "int8 of four bytes": _binary("int8", b"\0\0\0\1"),
    "float8 of four bytes": _binary("float8", b"\0\0\0\1"),
    "bool 2": _binary("bool", b"\2"),
    "uuid of one byte": _binary("uuid", b"\2"),
    "numeric without digits": _binary("numeric", b"\0\1\0\0"),
    "numeric of no sign": _binary("numeric", b"\0\1\0\0\x12\x34\0\0\0\1"),
    "numeric of a digit too large": _binary("numeric", b"\0\1\0\0\0\0\0\0\x27\x10"),
    "array cut short": _binary("int4[]", _array(1, 0)[:6]),
    "array of seven dimensions": _binary("int4[]", _array(7, 23)),
    "array of another element": _binary("int4[]", _array(1, 20, 1, 1, 8, 0, 0)),
    "array larger than any": _binary("int4[]", _array(1, 23, 2**31 - 1, 1)),
    "array with fewer items than told": _binary("int4[]", _array(1, 23, 2, 1, 4, 7)),
    "array with more items than told": _binary("int4[]", _array(1, 23, 1, 1, 4, 7, 4, 8)),
    "interval": _binary("interval", struct.pack("!qii", 1, 2, 3)),
    "timetz": _binary("timetz", struct.pack("!qi", 3_600_000_000, -7_200)),
    "a moment with its zone apart": (
        parse("select sat_id from fleet where launched > $1 and launched < $2::timestamptz"
              " order by 1"),
        bind([b"1990-01-01 00:00:00.000000000 +00:00", b"2026-01-01 02:00:00.000000 +02:00"]),
        execute(), S,
    ),
    "parameter format 2": (parse("select $1::text"), bind([b"x"], formats=[2]), S),
    "two formats for one value": (parse("select $1::text"), bind([b"x"], formats=[0, 0]), S),
    "more types than parameters": (
        parse("select 1", oids=[23, 25]), describe(), bind([b"1", b"x"]), execute(), S,
    ),
    "a parameter left out": (parse("select $3::int4"), S),
    "$0": (parse("select $0"), S),
    "$99999999999": (parse("select $99999999999"), S),
    "$1 in a simple query": (query("select $1"),),
    "a number beside a parameter": (
        parse("select $1 + 1, 2 * $2"), describe(), bind([b"4", b"5"]), execute(), S,
    ),
    # portals
    "a portal bound twice": (parse("select 1"), bind(portal="a"), bind(portal="a"), S),
    "the unnamed portal bound twice": (parse("select 1"), bind(), bind(), execute(), S),
    "a portal behind Sync": (parse("select 1"), bind(portal="a"), S, execute("a"), S),
    "a portal behind its statement": (
        parse("select 1", "s"), bind(portal="p", name="s"), close("S", "s"), execute("p"), S,
    ),
    "ten portals": (
        query("begin"), parse("select generate_series(1, 3)", "s"),
        *(bind(portal=f"p{n}", name="s") for n in range(10)),
        *(execute(f"p{n}", 1) for n in range(10)), S, query("rollback"),
    ),
    "a negative limit is none": (
        parse("select generate_series(1, 3)"), bind(), execute(most=-1), S,
    ),
    "exactly the limit": (
        parse("select generate_series(1, 3)"), bind(), execute(most=3), execute(most=3), S,
    ),
    "a command executed twice": (parse("begin"), bind(), execute(), execute(), S,
                                 query("rollback")),
    "columns of FETCH": (
        query("begin"), query("declare c cursor for select sat_id from fleet order by 1"),
        parse("fetch 2 from c"), describe(), bind(results=[1]), describe("P"), execute(), S,
        query("rollback"),
    ),
    "a binary cursor": (
        query("begin"), query("declare c binary cursor for select sat_id from fleet order by 1"),
        query("fetch 2 from c"), query("rollback"),
    ),
    "columns of EXECUTE": (
        query("prepare x as select 1"), parse("execute x"), describe(), bind(), describe("P"),
        execute(), S,
    ),
    "EXECUTE of a parsed statement": (parse("select 7", "s"), S, query("execute s")),
    "SHOW in binary": (parse("show timezone"), bind(results=[1]), describe("P"), execute(), S),
    # failed transactions
    "Bind in a failed transaction": (
        parse("select 1", "s"), S, query("begin"), query("select nope"), bind(name="s"), S,
        describe("S", "s"), S, execute(), S,
    ),
    "ROLLBACK bound in a failed transaction": (
        parse("rollback", "r"), S, query("begin"), query("select nope"), bind(name="r"),
        execute(), S,
    ),
    "Close in a failed transaction": (
        query("begin"), query("select nope"), close("S", "s"), S, query("rollback"),
    ),
}  # fmt: skip
