"""The plan of a push: what is there against what should be, as plain data."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from dashboards import provisioning
from dashboards.plan import Change, Found, Wanted, needs_password, plan, seconds, wanted
from orbitwin import catalogue

ODC = catalogue.load("odc")
SHOULD = wanted([ODC], "127.0.0.1", 5433, "orbitwin")
FLEET = "orbitwin-fleet"


def pushed(should: Wanted = SHOULD) -> Found:
    """What a Grafana holds after a push of `should`, with what it adds by itself."""
    should = copy.deepcopy(should)
    folder = {"uid": "orbitwin", "title": "Orbitwin", "id": 3}
    source = {**should.datasource, "id": 1, "isDefault": True,
              "secureJsonFields": {"password": True}}  # fmt: skip
    pages = {
        uid: {"dashboard": {**made, "id": 9, "version": 4}, "meta": {"folderUid": "orbitwin"}}
        for uid, made in should.dashboards.items()
    }
    for group in should.rules.values():
        for rule in group["rules"]:
            rule |= {"id": 5, "provenance": "api", "updated": "2026-11-25T00:00:00Z"}
            for query in rule["data"]:
                query["model"] = {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]}
    rules = [rule for group in should.rules.values() for rule in group["rules"]]
    return Found(folder, source, pages, should.rules, rules)


def by_action(changes: list[Change]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.action, []).append(change)
    return found


def test_an_empty_grafana_gets_everything_and_what_others_lie_in_comes_first() -> None:
    changes = plan(SHOULD, Found())
    assert {change.action for change in changes} == {"create"}
    kinds = [change.kind for change in changes]
    assert kinds == sorted(kinds, key=["folder", "data source", "dashboard", "alert rules"].index)
    assert kinds.count("dashboard") == len(SHOULD.dashboards)
    assert kinds.count("alert rules") == len(SHOULD.rules) > 3
    assert needs_password(changes)


def test_what_grafana_adds_by_itself_is_no_difference() -> None:
    changes = plan(SHOULD, pushed())
    assert {change.action for change in changes} == {"keep"}
    assert not needs_password(changes)


def test_numbers_may_come_back_whole() -> None:
    there = json.loads(json.dumps(pushed().__dict__).replace("20.0", "20"))
    assert {change.action for change in plan(SHOULD, Found(**there))} == {"keep"}


def test_a_dashboard_that_was_changed_is_shown_and_written_over_its_version() -> None:
    there = pushed()
    there.dashboards[FLEET]["dashboard"]["title"] = "My fleet"
    (change,) = by_action(plan(SHOULD, there))["update"]
    assert (change.uid, change.body["version"], change.body["id"]) == (FLEET, 4, 9)
    lines = change.diff.splitlines()
    assert [x for x in lines if x[0] == "-" and x[:3] != "---"] == ['- "title": "My fleet",']
    assert [x for x in lines if x[0] == "+" and x[:3] != "+++"] == ['+ "title": "Fleet",']


def test_a_long_difference_is_cut_off() -> None:
    there = pushed()
    there.dashboards[FLEET]["dashboard"]["panels"] = []
    (change,) = by_action(plan(SHOULD, there))["update"]
    assert change.diff.splitlines()[-1].endswith("more lines")


def test_a_limit_that_moved_changes_its_group_of_rules_alone() -> None:
    there = pushed()
    group = next(iter(there.rules.values()))
    group["rules"][0]["for"] = "60s" if group["rules"][0]["for"] == "1m" else "1m"
    assert "update" not in by_action(plan(SHOULD, there))
    group["rules"][0]["for"] = "7m"
    (change,) = by_action(plan(SHOULD, there))["update"]
    assert change.title == group["title"] and "- " in change.diff and "420" in change.diff


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ({"meta": {"folderUid": "theirs", "folderTitle": "Theirs"}}, "in the folder Theirs"),
        ({"dashboard": {"tags": []}}, "without the tag orbitwin"),
        ({"meta": {"provisioned": True, "folderUid": "random"}}, "provisioned by files"),
    ],
)
def test_a_dashboard_of_others_with_our_uid_is_refused(page: dict[str, Any], why: str) -> None:
    there = pushed()
    for key, values in page.items():
        there.dashboards[FLEET][key] |= values
    (change,) = by_action(plan(SHOULD, there))["refuse"]
    assert change.uid == FLEET and why in change.why and change.hint


def test_a_data_source_of_others_is_refused_and_a_provisioned_one_too() -> None:
    there = pushed()
    assert there.datasource is not None
    there.datasource["type"] = "prometheus"
    (change,) = by_action(plan(SHOULD, there))["refuse"]
    assert "of type prometheus" in change.why
    there.datasource.update(type=SHOULD.datasource["type"], readOnly=True)
    (change,) = by_action(plan(SHOULD, there))["refuse"]
    assert "provisioned by files" in change.why


def test_a_data_source_keeps_what_its_reader_set() -> None:
    there = pushed()
    assert there.datasource is not None
    there.datasource["jsonData"]["theirOwn"] = 1
    there.datasource["url"] = "10.0.0.1:5433"
    (change,) = by_action(plan(SHOULD, there))["update"]
    assert change.body["isDefault"] and change.body["jsonData"]["theirOwn"] == 1
    assert '+ "url": "127.0.0.1:5433",' in change.diff and "theirOwn" not in change.diff


def test_the_password_is_sent_where_there_is_none_and_when_asked_to() -> None:
    there = pushed()
    assert there.datasource is not None
    assert needs_password(plan(SHOULD, there, renew_password=True))
    there.datasource["secureJsonFields"] = {}
    assert needs_password(plan(SHOULD, there))


def test_rules_of_others_are_never_written_over() -> None:
    strange = {"uid": "x", "title": "Mine", "labels": {}, "data": []}
    there = pushed()
    name, group = next(iter(there.rules.items()))
    group["rules"].append({**strange, "folderUID": "orbitwin", "ruleGroup": name})
    (change,) = by_action(plan(SHOULD, there))["refuse"]
    assert "Mine" in change.why

    there = pushed()
    there.all_rules[0]["folderUID"] = "theirs"
    (change,) = by_action(plan(SHOULD, there))["refuse"]
    assert "in the folder theirs" in change.why

    there = pushed()
    there.rules[name]["rules"][0]["provenance"] = "file"
    (change,) = by_action(plan(SHOULD, there))["refuse"]
    assert "provisioned by files" in change.why


def test_only_ours_that_is_no_longer_made_is_deleted_and_only_when_asked() -> None:
    old = wanted([ODC, catalogue.load("birds3")], "127.0.0.1", 5433, "orbitwin")
    there = pushed(old)
    gone = "orbitwin-satellite-birds3"
    theirs = {"title": "Theirs", "tags": ["orbitwin"], "uid": "abc"}
    untagged = {"title": "Copy", "tags": [], "uid": "orbitwin-copy"}
    for dashboard in (theirs, untagged):
        page = {"dashboard": dashboard, "meta": {"folderUid": "orbitwin"}}
        there.dashboards[dashboard["uid"]] = page
    there.rules["theirs"] = {"title": "theirs", "interval": 60, "rules": [{"labels": {}}]}
    label = {"uid": "ot-old", "labels": {"source": "orbitwin"}, "provenance": "api"}
    there.rules["orbitwin old"] = {"title": "orbitwin old", "interval": 60, "rules": [label]}

    left = by_action(plan(SHOULD, there))["leave"]
    assert [change.uid for change in left] == [gone, "orbitwin old"]
    assert all("--prune" in change.why for change in left)
    deleted = by_action(plan(SHOULD, there, prune=True))["delete"]
    assert [change.uid for change in deleted] == [gone, "orbitwin old"]
    assert deleted[1].body == {"uids": ["ot-old"]}


def test_the_data_source_is_that_of_the_provisioning_file() -> None:
    (file,) = yaml.safe_load(provisioning.datasource())["datasources"]
    of_the_file = {"isDefault", "editable", "secureJsonData"}  # which only a file has a say in
    assert SHOULD.datasource == {k: v for k, v in file.items() if k not in of_the_file}


def test_uids_fit_into_grafana() -> None:
    """At most 40 characters, says its documentation."""
    rules = [rule for group in SHOULD.rules.values() for rule in group["rules"]]
    uids = [*SHOULD.dashboards, *(rule["uid"] for rule in rules)]
    assert len(set(uids)) == len(uids) and max(map(len, uids)) <= 40


def test_against_prometheus_durations() -> None:
    """As its documentation writes them: 1h30m, 5m, 54s, 10ms, 1d."""
    text = ["1h30m", "5m", "54s", "10ms", "1d", "0s", "", None]
    assert [seconds(t) for t in text] == [5400, 300, 54, 0.01, 86400, 0, 0, 0]
    for wrong in ("5", "m", "5 m", "5y5"):
        with pytest.raises(ValueError, match="is no duration"):
            seconds(wrong)
