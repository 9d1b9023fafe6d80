"""Alert rules against the catalogue they come from, and against Grafana's provisioning form.

The form is that of "Provision alert rules" in Grafana's documentation (13.1) and of the structure
that its provisioning reads (AlertRuleV1): keys, durations, states, the threshold expression. The
queries are asked of the live SQL door.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards import all_dashboards
from dashboards.alert_file import RUNBOOK, anchor, rules
from dashboards.alerts import Alert, all_alerts
from dashboards.files import contents
from dashboards.macros import expand
from dashboards.panels import DATASOURCE_UID
from dashboards.sql import standing
from dashboards.states import states_of
from orbitwin.catalogue import SEVERITIES
from tests import grafana_store
from tests.grafana_store import VEHICLES, Reader, fill_all, new_database, scope, served

ROOT = Path(__file__).resolve().parents[2]
ALERTS = all_alerts(list(VEHICLES.values()))
RULES = [r for group in rules(list(VEHICLES.values()))["groups"] for r in group["rules"]]
RULE_KEYS = {
    "uid", "title", "condition", "data", "noDataState", "execErrState", "for", "keepFiringFor",
    "labels", "annotations", "isPaused",
}  # fmt: skip
DURATION = re.compile(r"(\d+(ms|s|m|h|d))+")

each = pytest.mark.parametrize("alert", ALERTS, ids=lambda a: a.uid)


@pytest.fixture(scope="module")
def door() -> Iterator[Reader]:
    grafana_store.begin()
    db = new_database()
    fill_all(db)
    with served(db) as reader:
        yield reader


@pytest.fixture(scope="module")
def empty() -> Iterator[Reader]:
    with served(new_database()) as reader:
        yield reader


def ask(reader: Reader, alert: Alert) -> tuple[list[str], list[str], list[Any]]:
    got = reader.ask(expand(alert.sql, scope("fleet", timedelta(seconds=600), 1000)))
    return got.columns, got.types, got.rows


@each
def test_a_query_gives_one_number_a_group(door: Reader, empty: Reader, alert: Alert) -> None:
    """Grafana takes texts for labels and wants one number: a row a group."""
    columns, types, rows = ask(door, alert)
    assert columns[-1] == "value" and types[-1] == "number"
    assert set(types[:-1]) <= {"text"}
    labels = [row[:-1] for row in rows]
    assert len(set(labels)) == len(labels) > 0
    assert all(row[-1] is not None for row in rows)
    assert "$__" not in alert.sql, "an alert has no dashboard's time range"
    assert all(f"$labels.{name} }}}}" in alert.summary for name in columns[:-1])
    # Grafana takes NULL in a table for NaN, which passes no threshold: unknown is no row instead,
    # and so the rule's "no data".
    assert all(row[-1] is not None for row in ask(empty, alert)[2])


def test_a_limit_that_no_longer_stands_counts_none_in_the_fleets_of_its_type_alone() -> None:
    """Grafana ends an alert whose row is missing, and keeps one that is inside its limit again."""
    db = new_database()
    fill_all(db)
    over = "severity = 'normal', ts = ts + INTERVAL 1 SECOND"
    db.execute("INSERT INTO event SELECT * REPLACE ('cleared' AS state) FROM event "
               "WHERE parameter = 'battery_t_degc' AND fleet = 'fleet odc'")  # fmt: skip
    db.execute(f"UPDATE event SET {over} WHERE parameter = 'battery_t_degc' "
               "AND state = 'cleared'")  # fmt: skip
    with served(db) as reader:
        said = {
            alert.uid: ask(reader, alert)[2]
            for alert in ALERTS
            if "parameter = 'battery_t_degc'" in alert.sql
        }
    assert said["ot-odc-battery-t-degc-critical"] == [("fleet odc", 0)]
    others = [rows for uid, rows in said.items() if uid.startswith("ot-birds3")]
    assert others and all(rows == [("fleet birds3", 1)] for rows in others)


def test_a_fleet_that_was_never_heard_is_silent() -> None:
    (silent,) = (a for a in ALERTS if a.uid == "ot-pipeline-silent")
    db = new_database()
    fill_all(db)
    db.execute("UPDATE latest SET t_received = NULL WHERE vehicle = 'birds3'")
    with served(db) as reader:
        values = dict(ask(reader, silent)[2])
    assert values.keys() == {"fleet odc", "fleet birds3"}
    assert values["fleet odc"] <= silent.fires
    assert values["fleet birds3"] > (grafana_store.MINUTES - 1) * 60  # since history begins


def test_silence_is_judged_by_the_slowest_packet() -> None:
    odc = VEHICLES["odc"]
    beacon = replace(odc, packets={"fast": replace(odc.primary, period_s=60.0)})
    for vehicles, silent_s in (([odc], 60.0), ([odc, beacon], 300.0)):
        (silent,) = (a for a in all_alerts(vehicles) if a.uid == "ot-pipeline-silent")
        assert (silent.fires, silent.clears) == (silent_s, silent_s / 2)


def test_a_door_that_does_not_answer_is_one_alert() -> None:
    """Grafana's guide to connectivity errors: alerts keep their state, and one rule tells."""
    states = [(r["uid"], r["execErrState"]) for r in RULES if r["execErrState"] != "KeepLast"]
    assert states == [("ot-pipeline-store", "Alerting")]


def test_every_limit_of_the_catalogue_has_a_rule_with_its_bound_and_severity() -> None:
    for vehicle in VEHICLES.values():
        of_states = {on for on in vehicle.limits if on.of in states_of(vehicle)}
        for on in vehicle.limits:
            wanted = on.limit.severity
            if on not in of_states:
                assert any(
                    a.severity == wanted and f"parameter = '{on.of}'" in a.sql
                    and f"vehicle = '{vehicle.name}'" in a.sql
                    and f"IN ({SEVERITIES.index(wanted)})" in a.sql
                    for a in ALERTS
                ), on  # fmt: skip
                continue
            for bound, above in ((on.limit.below, False), (on.limit.above, True)):
                if bound is None:
                    continue
                (rule,) = [
                    a for a in ALERTS
                    if f"vehicle = '{vehicle.name}'" in a.sql and f"(CAST({on.of} AS" in a.sql
                    and a.severity == wanted and a.above is above
                ]  # fmt: skip
                assert rule.fires == bound
                assert rule.clears > bound if not above else rule.clears < bound
                assert ("AND sunlit" in rule.sql) is (on.limit.context == "sunlit")


def test_rules_have_grafanas_form() -> None:
    uids = [r["uid"] for r in RULES]
    titles = [r["title"] for r in RULES]
    assert len(set(uids)) == len(uids) == len(ALERTS) and len(set(titles)) == len(titles)
    dashboards = {f"/d/{d['uid']}" for d in all_dashboards(VEHICLES.values()).values()}
    for rule in RULES:
        assert rule.keys() == RULE_KEYS
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", rule["uid"])
        assert DURATION.fullmatch(rule["for"]) and DURATION.fullmatch(rule["keepFiringFor"])
        assert rule["noDataState"] in {"OK", "NoData", "Alerting", "KeepLast"}
        assert rule["execErrState"] in {"OK", "Error", "Alerting", "KeepLast"}
        query, threshold = rule["data"]
        assert query["datasourceUid"] == DATASOURCE_UID and query["model"]["refId"] == "A"
        assert query["model"]["rawQuery"] and query["model"]["format"] == "table"
        assert threshold["datasourceUid"] == "__expr__" and rule["condition"] == threshold["refId"]
        assert threshold["model"]["type"] == "threshold"
        (condition,) = threshold["model"]["conditions"]
        fires = condition["evaluator"]
        clears = condition.get("unloadEvaluator")
        if clears:  # the recovery threshold looks the other way, and lies on the safe side
            assert {fires["type"], clears["type"]} == {"gt", "lt"}
            apart = fires["params"][0] - clears["params"][0]
            assert apart > 0 if fires["type"] == "gt" else apart < 0
        assert rule["labels"]["severity"] in SEVERITIES and rule["labels"]["subsystem"]
        # Grafana fills $NAME in labels and ${NAME} in annotations from its environment.
        assert not any("$" in text for text in rule["labels"].values())
        assert not any("${" in text for text in rule["annotations"].values())
        assert rule["annotations"]["dashboard"] in dashboards


def test_the_file_is_json_that_yaml_reads_alike() -> None:
    """Grafana parses alert files by a YAML parser, whatever their name."""
    import yaml

    text = contents(VEHICLES.values())["provisioning/alerting/orbitwin.json"]
    parsed = yaml.safe_load(text)
    assert parsed == json.loads(text) == rules(list(VEHICLES.values()))
    assert parsed["apiVersion"] == 1
    for group in parsed["groups"]:
        assert group.keys() == {"orgId", "name", "folder", "interval", "rules"}
        assert DURATION.fullmatch(group["interval"])
        subsystems = {r["labels"]["subsystem"] for r in group["rules"]}
        assert group["name"] == f"orbitwin {subsystems.pop()}" and not subsystems
    assert "contactPoints" not in parsed and "receiver" not in text


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    page = (ROOT / RUNBOOK).read_text("utf-8")
    sections = {anchor(h) for h in re.findall(r"^## (.+)$", page, re.MULTILINE)}
    linked = {r["annotations"]["runbook"].partition("#")[2] for r in RULES}
    spare = {"job-throughput", "goodput"}  # of limits that a vehicle type of one's own may have
    assert linked <= sections and sections - linked <= spare
    for section in page.split("\n## ")[1:]:
        assert all(f"**{word}:**" in section for word in ("Means", "Look at", "Do")), section[:40]


def test_alarms_that_stand_are_counted_by_severity_and_cleared_ones_are_not(door: Reader) -> None:
    """In the store each limit stands on a satellite; alarms of power margins were cleared too."""
    of = {a.uid: a for a in ALERTS}
    assert ask(door, of["ot-odc-chip-max-t-degc-critical"])[2] == [("fleet odc", 1)]
    named = [row for uid in ("serious", "light") for row in ask(door, of[f"ot-fault-{uid}"])[2]]
    flown = {(f"fleet {v.name}", s.fault) for v in VEHICLES.values() for s in v.signatures}
    assert {row[:2] for row in named} == flown and len(named) == len(flown)
    query = expand(
        f"{standing('now()', '')} SELECT DISTINCT kind FROM standing "
        "WHERE sat_id IN (1, 400001) AND parameter = 'power_margin_w'",
        scope("fleet", timedelta(seconds=600), 1000),
    )
    assert door.ask(query).rows == []
