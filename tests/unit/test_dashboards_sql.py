"""Every SQL text of every dashboard, expanded as Grafana does, through the live SQL door.

The door serves our own tables from a hardened DuckDB; a PostgreSQL client asks as Grafana does,
by the simple protocol with text results. Not only without an error: with rows, and with the
columns that the panel draws.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import psycopg
import pytest

from dashboards import all_dashboards
from dashboards.macros import ALL, Scope, Variable, expand
from orbitwin.catalogue import DERIVED, SEVERITIES, load, shipped
from storage import tables
from storage.admission import harden
from storage.pgwire import Door, install_catalogue

VEHICLES = {name: load(name) for name in shipped()}
DASHBOARDS = all_dashboards(VEHICLES.values())
SATELLITES = {"odc": 1, "birds3": 400_001}  # the satellite that each dashboard is opened with
# Not on a minute, so that the last bucket of every tier is open.
NOW = datetime.now(UTC).replace(microsecond=0, second=37)
RAW_S = 600
MINUTES = 180


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
    db.execute(f"CREATE TYPE {tables.SEVERITY_TYPE} AS ENUM ({made})")
    measured = tables.Measured()
    for vehicle in VEHICLES.values():
        measured.add(vehicle)
    for table in (*tables.PLAIN, *tables.RINGS, tables.LATEST):
        more = {
            "sat_raw": list(measured.fields.values()),
            "latest": measured.latest_fields(),
        }.get(table.name, [])
        db.execute(tables.create(table.name, (*table.fields, *more)))
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


@pytest.fixture(scope="module")
def empty() -> Iterator[Reader]:
    with served(new_database()) as reader:
        yield reader


@pytest.fixture(scope="module")
def door() -> Iterator[Reader]:
    db = new_database()
    fill_all(db)
    with served(db) as reader:
        yield reader


@pytest.fixture(scope="module")
def stale() -> Iterator[Reader]:
    """The same, but the satellites fell silent."""
    db = new_database()
    fill_all(db)
    db.execute("UPDATE latest SET stale = true")
    with served(db) as reader:
        yield reader


def fill_all(db: duckdb.DuckDBPyConnection) -> None:
    for vehicle, sat_id in SATELLITES.items():
        place = {
            "sat_id": str(sat_id),
            "name": f"'{vehicle.upper()}-1'",
            "fleet": f"'fleet {vehicle}'",
            "vehicle": f"'{vehicle}'",
            "shell": "'shell a'",
            "severity": "'warning'",
        }
        now = f"(SELECT TIMESTAMPTZ '{NOW.isoformat()}' AS ts)"
        flags = {"stale": "false", "sunlit": "true", "t_event": "ts"}
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


def scope(stem: str, back: timedelta, interval_ms: int, chosen: bool = True) -> Scope:
    satellite = str(SATELLITES.get(stem.removeprefix("satellite_"), "")) if chosen else ""
    to_us = int(NOW.timestamp()) * 1_000_000
    return Scope(
        to_us - int(back.total_seconds()) * 1_000_000,
        to_us + 250_000,
        interval_ms,
        {
            "satellite": Variable(satellite),
            "fleet": Variable(ALL, multi=True, include_all=True, all_value="fleet"),
            "shell": Variable(("shell a", "shell 'b'"), multi=True, include_all=True),
        },
    )


def targets() -> list[Any]:
    return [
        pytest.param(stem, panel, id=f"{stem}-{panel['id']}-{panel['title']}")
        for stem, made in DASHBOARDS.items()
        for panel in made["panels"]
        if panel["type"] != "row"
    ]


def annotations() -> list[Any]:
    return [
        pytest.param(stem, a["target"]["rawSql"], id=f"{stem}-{a['name']}")
        for stem, made in DASHBOARDS.items()
        for a in made["annotations"]["list"]
    ]


def variables() -> list[Any]:
    return [
        pytest.param(stem, v, id=f"{stem}-{v['name']}")
        for stem, made in DASHBOARDS.items()
        for v in made["templating"]["list"]
    ]


def all_sql(stem: str) -> list[str]:
    made = DASHBOARDS[stem]
    return [
        *(t["rawSql"] for p in made["panels"] for t in p.get("targets", ())),
        *(a["target"]["rawSql"] for a in made["annotations"]["list"]),
        *(v["query"] for v in made["templating"]["list"]),
    ]


@pytest.mark.parametrize("stem", DASHBOARDS)
def test_empty_tables_and_no_satellite_chosen_are_no_error(empty: Reader, stem: str) -> None:
    for sql in all_sql(stem):
        empty.ask(expand(sql, scope(stem, timedelta(minutes=15), 1000, chosen=False)))


@pytest.mark.parametrize(("back_s", "interval_ms"), [(300, 5_000), (900, 30_000), (9000, 120_000)])
@pytest.mark.parametrize(("stem", "panel"), targets())
def test_panel_gets_the_rows_it_draws(
    door: Reader, stem: str, panel: dict[str, Any], back_s: int, interval_ms: int
) -> None:
    interval_ms = max(interval_ms, int(panel.get("interval", "1s").removesuffix("s")) * 1000)
    wanted = scope(stem, timedelta(seconds=back_s), interval_ms)
    (target,) = panel["targets"]
    answer = door.ask(expand(target["rawSql"], wanted))
    got, columns, types = answer.rows, answer.columns, answer.types
    assert got, "no rows"
    assert len(set(columns)) == len(columns)
    if target["format"] == "time_series" or panel["type"] == "state-timeline":
        assert columns[0] == "time" and types[0] == "time"
        times = [row[0] for row in got]
        assert times == sorted(times)
    if panel["type"] == "timeseries":
        assert times[-1] + timedelta(milliseconds=interval_ms) <= NOW + timedelta(minutes=1)
        values = columns[2:] if columns[1] == "metric" else columns[1:]
        assert values and set(types[-len(values) :]) == {"number"}
        assert any(v is not None for v in got[-1][-len(values) :])
    if panel["type"] == "state-timeline":
        assert types[1:] == ["text"] and any(row[1] for row in got)
    named = {
        o["matcher"]["options"]
        for o in panel["fieldConfig"]["overrides"]
        if panel["type"] != "table" or o["properties"][0]["id"] != "unit"
    }
    assert named <= set(columns), named - set(columns)
    if panel["type"] == "stat":
        assert len(got) == 1 and len(columns) == 1 and got[0][0] is not None
    if panel["type"] == "bargauge":
        assert len(got) == 1 and tuple(columns) == SEVERITIES and set(types) == {"number"}


@pytest.mark.parametrize(("stem", "sql"), annotations())
def test_marks_have_time_text_and_tags(door: Reader, stem: str, sql: str) -> None:
    answer = door.ask(expand(sql, scope(stem, timedelta(minutes=15), 1000)))
    assert answer.rows
    expected = {"time": "time", "timeend": "time", "text": "text", "tags": "text"}
    if "timeend" in answer.columns:
        assert all(row[1] > row[0] for row in answer.rows)
    else:
        del expected["timeend"]
    assert dict(zip(answer.columns, answer.types, strict=True)) == expected


@pytest.mark.parametrize(("stem", "variable"), variables())
def test_variables_offer_choices(door: Reader, stem: str, variable: dict[str, Any]) -> None:
    answer = door.ask(expand(variable["query"], scope(stem, timedelta(minutes=15), 1000)))
    assert answer.rows
    assert answer.columns in ([variable["name"]], ["__text", "__value"])
    assert set(answer.types) == {"text"}


def test_the_satellite_is_found_by_any_part_of_its_name(door: Reader) -> None:
    (variable,) = DASHBOARDS["satellite_odc"]["templating"]["list"]

    def found(search: str) -> list[tuple[str, str]]:
        return door.ask(expand(variable["query"], Scope(0, 1, search=search))).rows

    assert found("dc-1") == [("ODC-1", "1")]
    assert found("birds") == []
    assert found("it's") == []


def state_panel(title: str) -> str:
    panel = next(
        p
        for p in DASHBOARDS["satellite_odc"]["panels"]
        if p["title"] == title and p["type"] == "timeseries"
    )
    return panel["targets"][0]["rawSql"]


def test_minutes_stand_in_where_full_rate_is_missing(door: Reader) -> None:
    """Two minutes and more have no full-rate rows: sat_1m gives a point for each of them."""
    sql = state_panel("Power margin")
    got = door.ask(expand(sql, scope("satellite_odc", timedelta(seconds=RAW_S), 1000))).rows
    times = [row[0] for row in got]
    assert len(set(times)) == len(times)
    gap = [t for t in times if NOW - timedelta(seconds=400) < t < NOW - timedelta(seconds=240)]
    assert gap and all(t.second == 0 for t in gap)
    assert len(times) > 400


def test_the_open_bucket_is_left_out(door: Reader) -> None:
    """NOW is at second 37: the ten seconds from 30 are open, the second 37 itself is closed."""
    sql = state_panel("Power margin")
    for interval_ms, last in ((10_000, 20), (1_000, 37)):
        got = door.ask(
            expand(sql, scope("satellite_odc", timedelta(seconds=200), interval_ms))
        ).rows
        assert got[-1][0].second == last
    assert not door.ask(expand(sql, scope("x", timedelta(hours=2), 120_000))).rows


def test_stale_figures_are_withheld(stale: Reader) -> None:
    panels = [p for p in DASHBOARDS["satellite_odc"]["panels"] if p["type"] == "stat"]
    figures = {p["title"]: p["targets"][0]["rawSql"] for p in panels}
    for title, sql in figures.items():
        got = stale.ask(expand(sql, scope("satellite_odc", timedelta(minutes=5), 1000)))
        ((value,),) = got.rows
        if title == "Data":
            assert value == "stale"
        elif title not in ("Severity", "Data age"):
            assert value is None, title
    assert len(figures) == 4 + len(DERIVED)
