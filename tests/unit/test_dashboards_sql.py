"""Every SQL text of every dashboard, expanded as Grafana does, through the live SQL door.

The door serves our own tables from a hardened DuckDB; a PostgreSQL client asks as Grafana does,
by the simple protocol with text results. Not only without an error: with rows, and with the
columns that the panel draws.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dashboards import all_dashboards
from dashboards import sql as shared_sql
from dashboards.macros import ALL, expand, parse_interval_s
from orbitwin.catalogue import DERIVED
from storage.fleet_tables import PLANES_PER_BLOCK
from tests import grafana_store
from tests.grafana_store import (
    RAW_S,
    VEHICLES,
    Reader,
    fill_all,
    new_database,
    scope,
    served,
)

DASHBOARDS = all_dashboards(VEHICLES.values())


@pytest.fixture(scope="module", autouse=True)
def time() -> None:
    grafana_store.begin()


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
    interval_ms = max(interval_ms, round(parse_interval_s(panel.get("interval", "1s")) * 1000))
    planes = ("0", "7") if back_s == 900 else ALL
    wanted = scope(stem, timedelta(seconds=back_s), interval_ms, planes=planes)
    (target,) = panel["targets"]
    answer = door.ask(expand(target["rawSql"], wanted))
    got, columns, types = answer.rows, answer.columns, answer.types
    assert got, "no rows"
    assert len(set(columns)) == len(columns)
    if target["format"] == "time_series" or panel["type"] == "state-timeline":
        assert columns[0] == "time" and types[0] == "time"
        times = [row[0] for row in got]
        assert times == sorted(times)
    if panel["type"] in ("timeseries", "heatmap"):
        open_until = grafana_store.NOW + timedelta(minutes=1)
        assert times[-1] + timedelta(milliseconds=interval_ms) <= open_until
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
        assert len(got) == 1 and set(columns) == named and set(types) == {"number"}
    if panel["type"] == "barchart":
        assert types == ["text", "number"]


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
    variable = DASHBOARDS["satellite_odc"]["templating"]["list"][-1]

    whole = scope("satellite_odc", timedelta(minutes=15), 1000)

    def found(search: str) -> list[tuple[str, str]]:
        typed = replace(whole, search=search)
        return door.ask(expand(variable["query"], typed)).rows

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
    now = grafana_store.NOW
    gap = [t for t in times if now - timedelta(seconds=400) < t < now - timedelta(seconds=240)]
    assert gap and all(t.second == 0 for t in gap)
    assert len(times) > 400


def test_blocks_of_planes_are_those_of_the_fleet_tiers() -> None:
    assert shared_sql.PLANES_PER_BLOCK == PLANES_PER_BLOCK


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
        elif title != "Data age":
            assert value is None, title
    assert len(figures) == 4 + len(DERIVED)


def test_what_was_never_heard_is_neither_fresh_nor_in_eclipse() -> None:
    """`latest` has NULL for all that is unknown of a satellite (storage/tables.py)."""
    db = new_database()
    fill_all(db)
    db.execute(
        "UPDATE latest SET stale = NULL, sunlit = NULL, severity = NULL, t_event = NULL "
        "WHERE sat_id = 1"
    )
    with served(db) as reader:
        wanted = scope("satellite_odc", timedelta(minutes=5), 1000)

        def figure(stem: str, title: str) -> Any:
            (sql,) = (
                p["targets"][0]["rawSql"]
                for p in DASHBOARDS[stem]["panels"]
                if p["title"] == title and p["type"] == "stat"
            )
            ((value,),) = reader.ask(expand(sql, wanted)).rows
            return value

        said = [figure("satellite_odc", title) for title in ("Data", "Sun", "Severity")]
        assert said == ["never heard", None, None]
        counted = [figure("fleet", title) for title in ("Satellites", "Reporting", "Stale")]
        assert counted == [2, 1, 1]


def test_a_long_range_is_read_by_evenly_spaced_minutes(door: Reader) -> None:
    """Against `fleet_1m` itself: every minute in buckets of two minutes, two of an hour's sixty."""
    tier = shared_sql.fleet_tier(["fleet"])
    for interval_ms, every_min in ((120_000, 1), (3_600_000, 30)):
        wanted = scope("fleet", timedelta(minutes=150), interval_ms)
        read = door.ask(expand(f"{tier} SELECT DISTINCT ts FROM tier ORDER BY ts", wanted)).rows
        there = door.ask(
            expand("SELECT DISTINCT ts FROM fleet_1m WHERE $__timeFilter(ts) ORDER BY ts", wanted)
        ).rows
        assert read == [(t,) for (t,) in there if t.minute % every_min == 0]
        assert len(there) == 150
