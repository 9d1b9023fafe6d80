"""A store that Grafana's queries are asked of: our own tables, filled, behind the live SQL door.

The rows are waves in the tables' own columns (storage/tables.py), of one satellite a vehicle type;
a PostgreSQL client asks as Grafana does, by the simple protocol with text results.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import psycopg

from dashboards.macros import ALL, Scope, Variable
from dashboards.sql import ALL_NAMES
from orbitwin.catalogue import SEVERITIES, Vehicle, load, shipped
from storage import ddl, tables
from storage.admission import harden
from storage.fields import SEVERITY_TYPE
from storage.measured import Measured
from storage.pgwire import Door, install_catalogue

VEHICLES = {name: load(name) for name in shipped()}
SATELLITES = {"odc": 1, "birds3": 400_001}  # the satellite that each dashboard is opened with
# Not on a minute, so that the last bucket of every tier is open. Some panels ask for the last
# minutes by the clock: a module that runs long after it was imported sets it anew, by `begin`.
NOW = datetime.now(UTC).replace(microsecond=0, second=37)
RAW_S = 600
MINUTES = 180


def begin() -> None:
    """From here on rows are made up to now."""
    global NOW
    NOW = datetime.now(UTC).replace(microsecond=0, second=37)


def rows(ts: str, since: datetime, until: datetime, step: str) -> str:
    return (
        f"(SELECT unnest(generate_series(TIMESTAMPTZ '{since.isoformat()}', "
        f"TIMESTAMPTZ '{until.isoformat()}', INTERVAL '{step}')) AS {ts})"
    )


def fill(
    db: duckdb.DuckDBPyConnection, table: str, source: str, known: dict[str, str], wave: bool = True
) -> None:
    """Rows for every column of `table`: as `known` says, else a slow wave (numbers) or NULL."""
    columns = db.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? "
        "ORDER BY column_index",
        [table],
    ).fetchall()
    made = [
        known.get(name, "0.5 + 0.4 * sin(epoch(ts) / 60.0)" if wave and kind in ("FLOAT", "DOUBLE")
                  else "1" if kind in ("INTEGER", "BIGINT") else "NULL")
        for name, kind in columns
    ]  # fmt: skip
    db.execute(f"INSERT INTO {table} SELECT {', '.join(made)} FROM {source}")


def new_database() -> duckdb.DuckDBPyConnection:
    db = duckdb.connect(config={"threads": 1})
    db.execute("SET TimeZone = 'UTC'")
    made = ", ".join(f"'{s}'" for s in SEVERITIES)
    db.execute(f"CREATE TYPE {SEVERITY_TYPE} AS ENUM ({made})")
    measured = Measured()
    for vehicle in VEHICLES.values():
        measured.add(vehicle)
    for table in (*tables.PLAIN, *tables.RINGS, tables.LATEST):
        more = {
            "sat_raw": list(measured.fields.values()),
            "latest": measured.latest_fields(),
        }.get(table.name, [])
        db.execute(ddl.create(table.name, (*table.fields, *more)))
    return db


# PostgreSQL's own numbers of types, pg_type.oid.
TYPES = {
    16: "bool", 20: "number", 21: "number", 23: "number", 700: "number", 701: "number",
    25: "text", 1043: "text", 1184: "time",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a client of the door gets."""

    columns: list[str]
    types: list[str]  # values of TYPES, or the number itself
    rows: list[tuple[Any, ...]]


class Reader:
    """A client of the door that asks as Grafana does."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    @property
    def port(self) -> int:
        return self._connection.info.port

    def ask(self, sql: str) -> Answer:
        cursor = self._connection.execute(sql)  # no parameters: the simple protocol
        assert cursor.description is not None
        types = [TYPES.get(c.type_code, str(c.type_code)) for c in cursor.description]
        return Answer([c.name for c in cursor.description], types, cursor.fetchall())


@contextmanager
def served(db: duckdb.DuckDBPyConnection) -> Iterator[Reader]:
    install_catalogue(db, user="orbitwin", database="twin")
    harden(db, None)
    door = Door(db.cursor, password="door")
    door.start()
    try:
        with psycopg.connect(
            host=door.host,
            port=door.port,
            user=door.user,
            password="door",
            dbname=door.database,
            autocommit=True,
            prepare_threshold=None,
        ) as connection:
            yield Reader(connection)
    finally:
        door.stop()
        db.close()


def fill_all(db: duckdb.DuckDBPyConnection) -> None:
    fill_pipeline(db)
    for vehicle, sat_id in SATELLITES.items():
        place = {
            "sat_id": str(sat_id),
            "name": f"'{vehicle.upper()}-1'",
            "fleet": f"'fleet {vehicle}'",
            "vehicle": f"'{vehicle}'",
            "shell": "'shell a'",
            "plane": "3",
            "plane_block": "0",
            "severity": "'warning'",
        }
        now = f"(SELECT TIMESTAMPTZ '{NOW.isoformat()}' AS ts)"
        flags = {"stale": "false", "sunlit": "true", "t_event": "ts", "t_received": "ts"}
        fill(db, "satellite", now, place)
        fill(db, "latest", now, place | flags)
        for packet in VEHICLES[vehicle].packets.values():
            # A sunlit and a dark part, and two minutes in the middle without full rate.
            source = rows("ts", NOW - timedelta(seconds=RAW_S), NOW, f"{packet.period_s} seconds")
            source = (
                f"(SELECT * FROM {source} WHERE ts NOT BETWEEN "
                f"TIMESTAMPTZ '{(NOW - timedelta(seconds=400)).isoformat()}' AND "
                f"TIMESTAMPTZ '{(NOW - timedelta(seconds=240)).isoformat()}')"
            )
            own = {c.name for c in packet.columns}
            alien = {
                c.name: "NULL"
                for v in VEHICLES.values()
                for c in v.parameters.values()
                if c.name not in own
            }
            values = {c.name: str(max(c.values)) for c in packet.columns if c.values}
            fill(
                db,
                "sat_raw",
                source,
                place | alien | values
                | {"ts": "ts", "packet": f"'{packet.name}'",
                   "flags": "CASE WHEN epoch(ts) % 300 < 150 THEN 4 ELSE 0 END"},
            )  # fmt: skip
        minutes = rows("ts", (NOW - timedelta(minutes=MINUTES)).replace(second=0), NOW, "1 minute")
        seconds = rows("ts", NOW - timedelta(seconds=RAW_S), NOW, "1 second")
        fill_model(db, VEHICLES[vehicle], place)
        fill(db, "sat_1m", minutes, place | {"ts": "ts"})
        fill(db, "fleet_1m", minutes, place | {"ts": "ts", "stale": "0"})
        fill(db, "fleet_1s", seconds, place | {"ts": "ts", "stale": "0"})
        for state, severity in (("raised", "critical"), ("cleared", "normal")):
            fill(
                db,
                "event",
                rows("ts", NOW - timedelta(seconds=60), NOW, "20 seconds"),
                place | {"ts": "ts", "kind": "'limit'", "state": f"'{state}'",
                         "severity": f"'{severity}'", "parameter": "'power_margin_w'",
                         "message": "'power margin below 0 W'", "unit": "'W'"},
            )  # fmt: skip


def fill_model(db: duckdb.DuckDBPyConnection, vehicle: Vehicle, place: dict[str, str]) -> None:
    """Minutes of every relation and estimate, forecasts, and a fault that stands."""
    start = (NOW - timedelta(minutes=MINUTES)).replace(second=0)
    minutes = rows("ts", start, NOW - timedelta(seconds=40), "1 minute")
    for table, names in (
        ("residual_1m", [c.name for c in vehicle.channels]),
        ("estimate_1m", sorted({c.learns for c in vehicle.channels if c.learns})),
    ):
        listed = ", ".join(f"('{n}')" for n in names)
        source = f"(SELECT * FROM {minutes}, (VALUES {listed}) AS listed(made))"
        known = place | {"ts": "ts", "parameter": "made", "name": "made", "unit": "'W'"}
        fill(db, table, source, known | {"windows": "6"})
    ahead = "ts + INTERVAL 10 MINUTE"
    times = {f.name: ahead for f in tables.FORECAST.fields if f.type == "TIMESTAMPTZ"}
    known = place | times | {"ts": "ts", "coasting": "false"}
    fill(db, "forecast", minutes, known)
    fill(db, "forecast_latest", f"(SELECT TIMESTAMPTZ '{NOW.isoformat()}' AS ts)", known)
    # A severity of an alarm stands on a satellite of its own.
    at = rows("ts", NOW - timedelta(seconds=30), NOW - timedelta(seconds=30), "1 second")
    alarms = {("fault", s.fault, s.severity) for s in vehicle.signatures}
    alarms |= {("limit", on.of, on.limit.severity_code) for on in vehicle.limits}
    for kind, parameter, code in sorted(alarms):
        known = {"ts": "ts", "kind": f"'{kind}'", "state": "'raised'", "value": "0.9",
                 "parameter": f"'{parameter}'", "severity": f"'{SEVERITIES[code]}'",
                 "message": "'it is so'"}  # fmt: skip
        own = {"sat_id": place["sat_id"]} if kind == "fault" else {}
        fill(db, "event", at, place | known | {"sat_id": f"{place['sat_id']} + {code}"} | own)


def fill_pipeline(db: duckdb.DuckDBPyConnection) -> None:
    """What the historian notes of itself; and a segment, as its rings have them."""
    start = (NOW - timedelta(minutes=MINUTES)).replace(second=0)
    minutes = rows("ts", start, NOW - timedelta(seconds=40), "1 minute")
    fill(db, "pipeline_1m", minutes, {"ts": "ts", "seconds": "60"})
    recent = rows("ts", NOW - timedelta(seconds=50), NOW, "1 second")
    times = {"t_event": "ts", "t_due": "ts", "t_append": "ts + INTERVAL 40 MILLISECOND"}
    fill(db, "frame", recent, times | {"fleet": "'fleet odc'", "packet": "'fast'"})
    known = {"ts": "ts", "reason": "'unknown_chunk'", "topic": "'twin.telemetry.v1'"}
    fill(db, "dead_letter", recent, known | {"kept": "false"})
    fill(db, "ingest_offset", recent, {"topic": "'twin.state.v1'"})
    db.execute("CREATE SCHEMA segment")
    db.execute("CREATE TABLE segment.fleet_1s_1790000000 AS SELECT 1 AS ts")


def scope(
    stem: str,
    back: timedelta,
    interval_ms: int,
    chosen: bool = True,
    planes: str | tuple[str, ...] = ALL,
) -> Scope:
    """What a dashboard is opened with: its satellite, all fleets, two shells, and planes."""
    satellite = str(SATELLITES.get(stem.removeprefix("satellite_"), "")) if chosen else ""
    to_us = int(NOW.timestamp()) * 1_000_000
    return Scope(
        to_us - int(back.total_seconds()) * 1_000_000,
        to_us + 250_000,
        interval_ms,
        {
            "satellite": Variable(satellite),
            "profile": Variable(ALL, multi=True, include_all=True, all_value=ALL_NAMES),
            "shell": Variable(("shell a", "shell 'b'"), multi=True, include_all=True),
            "plane": Variable(planes, multi=True, include_all=True, all_value="-1"),
        },
    )
