"""asyncpg: binary results and parameters, its type introspection, cursors, COPY, its pool."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import io
import uuid
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from orbitwin.catalogue import SEVERITIES
from tests.clients.conftest import Served

Ask = Callable[[asyncpg.Connection], Awaitable[None]]


@pytest.fixture
def talk(history_door: Served) -> Callable[[Ask], None]:
    """Runs a conversation on a connection of its own."""

    async def run(ask: Ask) -> None:
        connection = await asyncpg.connect(history_door.uri, timeout=10)
        try:
            await asyncio.wait_for(ask(connection), 60)
        finally:
            await connection.close(timeout=5)

    return lambda ask: asyncio.run(run(ask))


VALUES = [
    ("bool", True), ("int2", -7), ("int4", 2**31 - 1), ("int8", -(2**63)), ("float4", 1.5),
    ("float8", 1e-300), ("numeric", decimal.Decimal("-12345.67890")), ("text", "hé'\\\n"),
    ("varchar", "x"), ("bytea", b"\x00\xff"), ("date", dt.date(2026, 2, 3)),
    ("time", dt.time(1, 2, 3, 4)), ("timestamp", dt.datetime(2026, 2, 3, 4, 5, 6, 7)),
    ("timestamptz", dt.datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=dt.UTC)),
    ("interval", dt.timedelta(days=2, seconds=3, microseconds=4)), ("uuid", uuid.UUID(int=77)),
    ("json", '{"a": [1, null]}'), ("jsonb", '{"a": 1}'), ("int4[]", [1, None, 3]),
    ("int8[]", [2**40]), ("text[]", ["a,b", '"', "", None]), ("float8[]", [0.5]),
    ("timestamptz[]", [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]), ("uuid[]", [uuid.UUID(int=1)]),
    ("bool[]", [True, False]), ("int4[]", []),
]  # fmt: skip


def test_parameters_of_every_type_come_back(talk: Callable[[Ask], None]) -> None:
    async def ask(c: asyncpg.Connection) -> None:
        for kind, value in VALUES:
            assert await c.fetchval(f"SELECT $1::{kind}", value) == value, kind
            assert await c.fetchval(f"SELECT $1::{kind}", None) is None, kind

    talk(ask)


def test_parameters_compared_with_columns(talk: Callable[[Ask], None]) -> None:
    async def ask(c: asyncpg.Connection) -> None:
        statement = await c.prepare(
            "SELECT sat_id, name FROM satellite WHERE sat_id = ANY($1::int8[]) AND fleet = $2"
            " ORDER BY sat_id LIMIT $3"
        )
        assert [p.name for p in statement.get_parameters()] == ["int8[]", "text", "int8"]
        assert [a.name for a in statement.get_attributes()] == ["sat_id", "name"]
        rows = await statement.fetch([1003, 1001, 1002], "cloud", 2)
        assert [tuple(row) for row in rows] == [(1001, "ODC-1"), (1002, "ODC-2")]

    talk(ask)


def test_severities_are_in_their_order(talk: Callable[[Ask], None]) -> None:
    """PostgreSQL 15, sec. 8.7.2: an enum's values sort as they were listed, not as texts."""

    async def ask(c: asyncpg.Connection) -> None:
        told = dict(await c.fetch("SELECT severity, count(*) FROM latest GROUP BY 1"))
        assert len(told) > 1
        for at, least in enumerate(SEVERITIES):
            worse = sum(told.get(s, 0) for s in SEVERITIES[at:])
            count = "SELECT count(*) FROM latest AS l WHERE "
            assert await c.fetchval(f"{count} severity >= '{least}'") == worse
            assert await c.fetchval(f"{count} '{least}' <= l.severity") == worse
            assert await c.fetchval(f"{count} l.severity >= $1", least) == worse
            between = f"{count} severity NOT BETWEEN '{SEVERITIES[0]}' AND '{least}'"
            assert await c.fetchval(between) == worse - told.get(least, 0)

    talk(ask)


def test_severity_is_read_and_introspected(talk: Callable[[Ask], None]) -> None:
    async def ask(c: asyncpg.Connection) -> None:
        rows = await c.fetch("SELECT severity, array_agg(sat_id) AS who FROM latest GROUP BY 1")
        assert {row["severity"] for row in rows} <= set(SEVERITIES)
        assert sum(len(row["who"]) for row in rows) == 42
        row = await c.fetchrow("SELECT limits, low FROM parameter WHERE limits IS NOT NULL LIMIT 1")
        assert row is not None and row["limits"].startswith("[")
        await c.set_type_codec("json", encoder=str, decoder=len, schema="pg_catalog")
        assert await c.fetchval("SELECT '[1]'::json") == 3
        await c.reload_schema_state()

    talk(ask)


def test_cursors_and_transactions(talk: Callable[[Ask], None]) -> None:
    async def ask(c: asyncpg.Connection) -> None:
        async with c.transaction(readonly=True):
            seen = [row[0] async for row in c.cursor("SELECT i FROM range($1::int) t(i)", 500,
                                                     prefetch=50)]  # fmt: skip
            assert seen == list(range(500))
            cursor = await c.cursor("SELECT sat_id FROM satellite ORDER BY 1")
            assert [row[0] for row in await cursor.fetch(2)] == [1000, 1001]
            assert await cursor.forward(3) == 3
            assert (await cursor.fetchrow())[0] == 1005
        with pytest.raises(asyncpg.UndefinedTableError):
            async with c.transaction():
                await c.fetch("SELECT * FROM nowhere")
        assert await c.fetchval("SELECT 1") == 1

    talk(ask)


def test_copy_from_query(talk: Callable[[Ask], None]) -> None:
    async def ask(c: asyncpg.Connection) -> None:
        out = io.BytesIO()
        said = await c.copy_from_query(
            "SELECT sat_id, name FROM satellite WHERE sat_id < $1 ORDER BY 1", 1002,
            output=out, format="csv", header=True,
        )  # fmt: skip
        assert said == "COPY 2" and out.getvalue() == b"sat_id,name\n1000,ODC-0\n1001,ODC-1\n"
        out = io.BytesIO()
        assert await c.copy_from_table("satellite", output=out, columns=["sat_id"]) == "COPY 42"
        with pytest.raises(asyncpg.PostgresError):
            await c.copy_records_to_table("satellite", records=[(1,)], columns=["sat_id"])
        assert await c.fetchval("SELECT 1") == 1

    talk(ask)


def test_timeout_cancels(talk: Callable[[Ask], None]) -> None:
    async def ask(c: asyncpg.Connection) -> None:
        with pytest.raises(TimeoutError):
            await c.fetch("SELECT pg_sleep(30)", timeout=0.2)
        assert await c.fetchval("SELECT 1") == 1
        await c.execute("SET statement_timeout = '200ms'")
        with pytest.raises(asyncpg.QueryCanceledError):
            await c.fetch("SELECT pg_sleep(30)")

    talk(ask)


def test_pool_resets_on_release(history_door: Served) -> None:
    async def run() -> None:
        async with asyncpg.create_pool(history_door.uri, min_size=1, max_size=1) as pool:
            async with pool.acquire() as c:
                pid = c.get_server_pid()
                await c.execute("SET TimeZone = 'Asia/Tokyo'")
            async with pool.acquire() as c:
                assert c.get_server_pid() == pid
                assert await c.fetchval("SELECT current_setting('TimeZone')") == "UTC"

    asyncio.run(run())
