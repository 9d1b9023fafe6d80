"""The dashboards' JSON: committed, well formed, and true to the catalogue.

The rules are Grafana's own: ids and uids of its dashboard model (schema version 42), a grid of
24 columns, the provisioning files of its administration guide.
"""

import json
from itertools import combinations
from typing import Any

import pytest
import yaml

from dashboards import all_dashboards, write
from dashboards.alerts import all_alerts
from dashboards.files import GENERATED, contents
from dashboards.panels import DATASOURCE_UID
from dashboards.provisioning import DASHBOARD_DIR, PASSWORD_VARIABLE, datasource
from dashboards.satellite import QUESTIONS, TITLES
from dashboards.sql import LONG_RANGES
from dashboards.states import states_of
from dashboards.subsystems import SUBSYSTEMS, subsystem_of
from dashboards.units import COLOURS, GRAFANA_UNITS, age_steps, grafana_unit, thresholds
from orbitwin.catalogue import DERIVED, SEVERITIES, Limit, load, shipped
from orbitwin.settings import DEFAULT_VEHICLE, Settings
from orbitwin.settings_groups import DOOR_DATABASE, DOOR_PORT, DOOR_USER

VEHICLES = [load(name) for name in shipped()]
DASHBOARDS = all_dashboards(VEHICLES)
KINDS = {"stat", "timeseries", "table", "bargauge", "barchart", "heatmap", "state-timeline"}

dashboards = pytest.mark.parametrize("made", DASHBOARDS.values(), ids=DASHBOARDS.keys())


def panels(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [p for p in made["panels"] if p["type"] != "row"]


def test_committed_files_are_up_to_date() -> None:
    committed = {
        str(p.relative_to(GENERATED)): p.read_text("utf-8")
        for p in GENERATED.rglob("*")
        if p.is_file()
    }
    assert committed == contents([load(DEFAULT_VEHICLE)]), "run `python -m dashboards`"


def test_writing_twice_gives_the_same_bytes(tmp_path) -> None:
    first = {p.name: p.read_bytes() for p in write(tmp_path / "a", VEHICLES)}
    second = {p.name: p.read_bytes() for p in write(tmp_path / "b", VEHICLES)}
    assert first == second and "satellite_birds3.json" in first


@dashboards
def test_ids_are_unique_and_places_do_not_overlap(made: dict[str, Any]) -> None:
    ids = [p["id"] for p in made["panels"]]
    assert len(set(ids)) == len(ids) and min(ids) > 0
    boxes = [p["gridPos"] for p in made["panels"]]
    for box in boxes:
        assert box["w"] > 0 and box["h"] > 0 and box["x"] >= 0 and box["x"] + box["w"] <= 24
    for a, b in combinations(boxes, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, (a, b)


@dashboards
def test_panels_say_what_they_answer_and_in_which_unit(made: dict[str, Any]) -> None:
    for p in panels(made):
        assert p["type"] in KINDS, p["type"]
        assert p["title"] and len(p["description"]) > 20, p["title"]
        assert p["description"].endswith("."), p["description"]
        assert p["fieldConfig"]["defaults"]["unit"]
        assert [t["refId"] for t in p["targets"]] == ["A"]
        assert "size" not in p
        assert p["fieldConfig"]["defaults"].get("noValue"), "an empty panel has to say so"


@dashboards
def test_everything_reads_the_one_data_source(made: dict[str, Any]) -> None:
    sources = [p["datasource"] for p in panels(made)]
    sources += [t["datasource"] for p in panels(made) for t in p["targets"]]
    sources += [x["datasource"] for x in made["annotations"]["list"]]
    sources += [x["datasource"] for x in made["templating"]["list"]]
    assert {s["uid"] for s in sources} == {DATASOURCE_UID}
    assert {s["type"] for s in sources} == {"grafana-postgresql-datasource"}


@dashboards
def test_times_are_utc(made: dict[str, Any]) -> None:
    assert made["timezone"] == "utc"
    for p in panels(made):
        if p["type"] in ("timeseries", "state-timeline"):
            assert p["options"]["timezone"] == ["utc"]


@dashboards
def test_thresholds_ascend_from_an_open_first_step(made: dict[str, Any]) -> None:
    for p in panels(made):
        steps = p["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert steps[0]["value"] is None
        values = [s["value"] for s in steps[1:]]
        assert values == sorted(values) and len(set(values)) == len(values)


def test_uids_are_unique_and_drill_down_leads_to_a_dashboard() -> None:
    uids = {d["uid"] for d in DASHBOARDS.values()}
    assert len(uids) == len(DASHBOARDS) and all(len(u) <= 40 for u in uids)
    links = {
        link["url"]
        for made in DASHBOARDS.values()
        for p in panels(made)
        for o in p["fieldConfig"]["overrides"]
        for prop in o["properties"]
        if prop["id"] == "links"
        for link in prop["value"]
    }
    assert len(links) == 2
    for url in links:
        for vehicle in VEHICLES:
            path, _, query = url.replace("${__data.fields.vehicle}", vehicle.name).partition("?")
            assert path.removeprefix("/d/") in uids
        assert query.endswith("&${__url_time_range}")
        of_satellite = "var-satellite=${__data.fields.sat_id}&${__all_variables}"
        of_block = "var-plane=${__data.fields.block}"
        assert (of_satellite in query) != (of_block in query)


@dashboards
def test_links_keep_the_choice_of_profile_shell_and_planes(made: dict[str, Any]) -> None:
    names = [v["name"] for v in made["templating"]["list"]]
    assert names[:3] == ["profile", "shell", "plane"]
    assert names[3:] == (["satellite"] if "satellite" in made["uid"] else [])
    (menu,) = made["links"]
    assert menu["includeVars"] and menu["keepTime"]


@dashboards
def test_what_is_about_single_satellites_says_when_it_is_stale(made: dict[str, Any]) -> None:
    """A list of newest values marks the stale ones; figures and spreads leave them out."""
    for p in panels(made):
        sql = p["targets"][0]["rawSql"]
        if "FROM latest" in sql and "${satellite" not in sql and p["type"] != "bargauge":
            assert "stale" in sql or "epoch(now()" in sql or p["title"] == "Satellites", p["title"]
        if "FROM forecast_latest" in sql:
            assert "coasting" in sql, p["title"]


@dashboards
def test_long_ranges_are_read_by_some_minutes_and_the_reader_is_told(made: dict[str, Any]) -> None:
    for p in panels(made):
        sampled = "list_contains(" in p["targets"][0]["rawSql"]
        assert sampled == ("FROM fleet_1m" in p["targets"][0]["rawSql"]), p["title"]
        assert sampled == (LONG_RANGES in p["description"]), p["title"]
        assert (p["type"] == "heatmap") == ("maxDataPoints" in p)


def test_a_twin_without_a_subsystem_has_no_empty_panels_of_it() -> None:
    """BIRDS-3 has neither optical links nor chips: its catalogue gives no such state."""
    birds3 = load("birds3")
    assert states_of(birds3) == ["power_margin_w", "state_of_charge_ratio", "thermal_headroom_k"]
    made = all_dashboards([birds3])
    assert made.keys() == {"fleet", "power", "thermal", "pipeline", "satellite_birds3"}
    text = json.dumps([p for d in made.values() for p in panels(d)])
    for absent in ("link_", "goodput", "job_throughput", "chip_", "dose_"):
        assert absent not in text, absent
    uids = {d["uid"] for d in made.values()}
    linked = {a.dashboard for a in all_alerts([birds3])}
    assert linked <= uids, linked - uids


def test_ages_are_judged_by_the_vehicles_own_rhythm() -> None:
    """A packet a second, and one in five: docs/vehicles."""
    odc, birds3 = load("odc"), load("birds3")
    assert [step["value"] for step in age_steps([odc])["steps"]] == [None, 5, 15]
    assert [step["value"] for step in age_steps([odc, birds3])["steps"]] == [None, 25, 75]


@pytest.mark.parametrize("vehicle", VEHICLES, ids=lambda v: v.name)
def test_every_parameter_of_the_vehicle_is_drawn_with_its_limits(vehicle) -> None:
    made = DASHBOARDS[f"satellite_{vehicle.name}"]
    over_time = [p for p in panels(made) if p["type"] in ("timeseries", "state-timeline")]
    for name, column in vehicle.parameters.items():
        drawn = [
            p
            for p in over_time
            if f"AS {name}" in (sql := p["targets"][0]["rawSql"]) and "FROM sat_raw" in sql
        ]
        assert len(drawn) == 1, name
        if not column.values:
            assert drawn[0]["fieldConfig"]["defaults"]["unit"] == grafana_unit(column.unit, name)
        for limit in (on.limit for on in vehicle.limits if on.of == name):
            assert limit.severity in drawn[0]["description"]
    table = next(p for p in panels(made) if p["title"] == "Newest values")
    for name in (*states_of(vehicle), *vehicle.parameters):
        if name != "sunlit":  # has a panel of its own, and is true or false in `latest`
            assert f"'{name}'" in table["targets"][0]["rawSql"]


def test_units_and_subsystems_of_the_shipped_vehicles_are_known() -> None:
    for vehicle in VEHICLES:
        for column in vehicle.parameters.values():
            assert column.unit in {*GRAFANA_UNITS, "1", "kg/s", "TOPS", "urad"}, column.unit
            assert subsystem_of(vehicle, column) in SUBSYSTEMS
    odc = load("odc")
    found = {n: subsystem_of(odc, c) for n, c in odc.parameters.items()}
    assert found["array_v"] == found["payload_w"] == "power"
    assert found["chip_max_t_degc"] == found["coolant_flow_kg_s"] == "thermal"
    assert found["links_up"] == found["fec_ratio"] == "links"
    assert found["work_redone_ratio"] == "compute"
    assert found["dose_rad"] == found["ecc_ue_count"] == "health"


def test_words_cover_every_state_and_severity() -> None:
    assert tuple(TITLES) == tuple(QUESTIONS) == tuple(DERIVED)
    assert tuple(COLOURS) == SEVERITIES


def test_thresholds_follow_the_worst_limit_of_each_piece() -> None:
    steps = thresholds(
        [
            Limit(severity="warning", below=0.0, above=40.0),
            Limit(severity="critical", below=-10.0, above=55.0),
        ]
    )["steps"]
    words = {colour: severity for severity, colour in COLOURS.items()}
    assert [(s["value"], words[s["color"]]) for s in steps] == [
        (None, "critical"),
        (-10.0, "warning"),
        (0.0, "normal"),
        (40.0, "warning"),
        (55.0, "critical"),
    ]
    assert thresholds([])["steps"] == [{"color": COLOURS["normal"], "value": None}]


def test_provisioning_files_have_grafanas_form() -> None:
    files = contents(VEHICLES)
    source = yaml.safe_load(files["provisioning/datasources/orbitwin.yaml"])
    assert source["apiVersion"] == 1
    (one,) = source["datasources"]
    assert one["uid"] == DATASOURCE_UID and one["type"] == "grafana-postgresql-datasource"
    assert one["url"] == f"127.0.0.1:{DOOR_PORT}" and one["user"] == DOOR_USER
    assert one["jsonData"]["database"] == DOOR_DATABASE
    assert one["jsonData"]["timescaledb"] is True and one["jsonData"]["maxOpenConns"] == 4
    assert one["secureJsonData"] == {"password": f"${{{PASSWORD_VARIABLE}}}"}
    assert PASSWORD_VARIABLE in Settings(door={"password": "x"}).to_env()
    elsewhere = yaml.safe_load(datasource("db.example", 6000, tls="verify-full"))
    assert elsewhere["datasources"][0]["url"] == "db.example:6000"
    for host in ("::1", "[::1]"):  # brackets as in RFC 3986, and no list for YAML
        six = yaml.safe_load(datasource(host, 6000, "a: b"))["datasources"][0]
        assert six["url"] == "[::1]:6000" and six["user"] == "a: b"
    provider = yaml.safe_load(files["provisioning/dashboards/orbitwin.yaml"])
    (folder,) = provider["providers"]
    assert folder["type"] == "file" and folder["options"]["path"] == DASHBOARD_DIR
    for name, text in files.items():
        if name.startswith("dashboards/"):
            assert json.loads(text)["schemaVersion"] == 42
