"""What a push to a running Grafana would change: what is there against what should be.

Pure: `wanted` says what should be there, push.py reads what is (`Found`), `plan` compares. Ours are
the folder and the data source of uid `orbitwin`, and within that folder dashboards whose uid begins
with `orbitwin-` and that bear our tag, and groups of alert rules whose rules bear our label.
Anything else is foreign: where it stands in the way, the plan refuses and says what to do.

Forms are those of Grafana's HTTP API (folder, data source, dashboard, alerting provisioning).
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboards import alert_file, provisioning
from dashboards.dashboard import TAG
from dashboards.files import all_dashboards
from dashboards.panels import DATASOURCE, Json
from orbitwin.catalogue import Vehicle
from orbitwin.settings_groups import DOOR_DATABASE

FOLDER_UID = "orbitwin"
OWN_UID = "orbitwin-"  # how the uid of each of our dashboards begins
OWN_LABEL = ("source", "orbitwin")  # of each of our alert rules
DIFF_CONTEXT = 2  # lines
MAX_DIFF_LINES = 400  # of one object; a page of JSON that is new throughout helps nobody
# What Grafana counts or writes into a dashboard by itself.
COUNTED = ("id", "version")
# What Grafana fills in where a query of a rule does not say.
QUERY_DEFAULTS: Json = {"intervalMs": 1000, "maxDataPoints": 43200}
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}

Kind = Literal["folder", "data source", "dashboard", "alert rules"]
Action = Literal["create", "update", "delete", "keep", "leave", "refuse"]


@dataclass(frozen=True)
class Wanted:
    """What should be there. `rules` by name of group."""

    datasource: Json
    dashboards: dict[str, Json]  # by uid
    rules: dict[str, Json]


@dataclass(frozen=True)
class Found:
    """What is there, as Grafana's API gives it.

    `dashboards` are {"dashboard", "meta"} by uid: those that are wanted wherever they are, and all
    in our folder with our tag. `rules` are the groups of our folder by name, `all_rules` every
    rule of this Grafana.
    """

    folder: Json | None = None
    datasource: Json | None = None
    dashboards: dict[str, Json] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)
    all_rules: Sequence[Json] = ()


@dataclass(frozen=True)
class Change:
    """One object: what to do with it, and the request's body where there is something to do.

    `keep` is one that is as it should be, `leave` one of ours that is no longer made and stays,
    `refuse` one that is not ours to change, with `why` and what to do (`hint`).
    """

    kind: Kind
    uid: str
    title: str
    action: Action
    body: Json = field(default_factory=dict)
    diff: str = ""
    why: str = ""
    hint: str = ""


def wanted(
    vehicles: Iterable[Vehicle], host: str, port: int, user: str, tls: str = "disable"
) -> Wanted:
    """What a twin of these vehicle types has in Grafana; host and port of its door as Grafana
    reaches it, `tls` PostgreSQL's sslmode."""
    vehicles = list(vehicles)
    groups = alert_file.rules(vehicles)["groups"]
    return Wanted(
        datasource(host, port, user, tls),
        {made["uid"]: made for made in all_dashboards(vehicles).values()},
        {group["name"]: _rule_group(group) for group in groups},
    )


def datasource(host: str, port: int, user: str, tls: str) -> Json:
    """The data source of provisioning.py in the API's form, without its password.

    It does not make itself the default one: in a Grafana of others that would be a change to
    theirs.
    """
    return {
        "uid": DATASOURCE["uid"],
        "name": "Orbitwin",
        "type": DATASOURCE["type"],
        "access": "proxy",
        "url": provisioning.address(host, port),
        "user": user,
        "jsonData": {
            "database": DOOR_DATABASE,
            "sslmode": tls,
            "timescaledb": True,
            "postgresVersion": 1500,
            "maxOpenConns": provisioning.MAX_CONNECTIONS,
            "maxIdleConns": provisioning.MAX_CONNECTIONS,
            "connMaxLifetime": 3600,
            "timeInterval": "1s",
        },
    }


def _rule_group(group: Json) -> Json:
    """A group of the provisioning file in the API's form."""
    return {
        "title": group["name"],
        "folderUid": FOLDER_UID,
        "interval": int(seconds(group["interval"])),
        "rules": [
            {
                **{key: value for key, value in rule.items() if key != "keepFiringFor"},
                "keep_firing_for": rule["keepFiringFor"],
                "folderUID": FOLDER_UID,
                "ruleGroup": group["name"],
                "orgID": group["orgId"],
            }
            for rule in group["rules"]
        ],
    }


# --- the plan -------------------------------------------------------------------------------------


def plan(
    should: Wanted, there: Found, prune: bool = False, renew_password: bool = False
) -> list[Change]:
    """Every object in the order in which it has to be pushed: what it lies in or asks comes first.

    `prune` deletes dashboards and groups of ours that are no longer made; else they are left.
    Grafana tells nobody the password that it has: `renew_password` has it sent again.
    """
    return [
        _folder(there.folder),
        _datasource(should.datasource, there.datasource, renew_password),
        *(_dashboard(made, there.dashboards.get(uid)) for uid, made in should.dashboards.items()),
        *(_rules(made, there) for made in should.rules.values()),
        *_no_longer_made(should, there, "delete" if prune else "leave"),
    ]


def _folder(there: Json | None) -> Change:
    if there is None:
        body = {"uid": FOLDER_UID, "title": provisioning.FOLDER}
        return Change("folder", FOLDER_UID, provisioning.FOLDER, "create", body)
    return Change("folder", FOLDER_UID, there["title"], "keep")  # its title is the reader's choice


def needs_password(changes: Iterable[Change]) -> bool:
    """Whether the plan sends the door's password."""
    sent = ("create", "update")
    return any(c.kind == "data source" and c.action in sent and c.why for c in changes)


def _datasource(made: Json, there: Json | None, renew: bool) -> Change:
    uid, name = made["uid"], made["name"]
    if there is None:
        return Change("data source", uid, name, "create", made, why="with the door's password")
    if there.get("type") != made["type"]:
        return Change(
            "data source", uid, name, "refuse",
            why=f"a data source of type {there.get('type')} has the uid {uid}",
            hint="give that one another uid, or delete it",
        )  # fmt: skip
    if there.get("readOnly"):
        return _provisioned("data source", uid, name)
    # What the reader has added, such as being the default one, stays.
    whole = there | made | {"jsonData": there.get("jsonData", {}) | made["jsonData"]}
    has_password = (there.get("secureJsonFields") or {}).get("password")
    why = "" if has_password and not renew else "with the door's password"
    if whole == there and not why:
        return Change("data source", uid, name, "keep")
    shown = {key: there.get(key) for key in made} | {
        "jsonData": {key: there.get("jsonData", {}).get(key) for key in made["jsonData"]}
    }
    return Change("data source", uid, name, "update", whole, difference(shown, made), why)


def _dashboard(made: Json, there: Json | None) -> Change:
    uid, title = made["uid"], made["title"]
    if there is None:
        return Change("dashboard", uid, title, "create", {**made, "id": None, "version": 0})
    dashboard, meta = there["dashboard"], there["meta"]
    if meta.get("provisioned"):
        return _provisioned("dashboard", uid, title)
    if meta.get("folderUid") != FOLDER_UID:
        return Change(
            "dashboard", uid, title, "refuse",
            why=f"there is one of this uid in the folder {meta.get('folderTitle') or 'at the top'}",
            hint=f"move it into the folder of uid {FOLDER_UID} if it is to be replaced, else give "
            "it another uid",
        )  # fmt: skip
    if TAG not in dashboard.get("tags", ()):
        return Change(
            "dashboard", uid, title, "refuse",
            why=f"there is one of this uid without the tag {TAG}",
            hint=f"give it the tag {TAG} if it is to be replaced, else another uid",
        )  # fmt: skip
    body = {**made, "id": dashboard.get("id"), "version": dashboard.get("version", 0)}
    before, after = _own_part(dashboard), _own_part(made)
    if before == after:
        return Change("dashboard", uid, title, "keep")
    return Change("dashboard", uid, title, "update", body, difference(before, after))


def _own_part(dashboard: Json) -> Json:
    return {key: value for key, value in dashboard.items() if key not in COUNTED}


def _rules(made: Json, there: Found) -> Change:
    name = made["title"]
    uids = {rule["uid"] for rule in made["rules"]}
    for rule in there.all_rules:
        ours = rule["folderUID"] == FOLDER_UID
        if rule["uid"] in uids and not (ours and _is_own(rule)):
            return Change(
                "alert rules", name, name, "refuse",
                why=f"there is a rule {rule['uid']} in the folder {rule['folderUID']}, "
                f"group {rule['ruleGroup']}",
                hint="delete that rule, or give it another uid",
            )  # fmt: skip
    found = there.rules.get(name)
    if found is None:
        return Change("alert rules", name, name, "create", made)
    strange = [rule["title"] for rule in found["rules"] if not _is_own(rule)]
    if strange:
        return Change(
            "alert rules", name, name, "refuse",
            why=f"the group holds rules of others, which a push would delete: {strange[0]}",
            hint="move them to another group",
        )  # fmt: skip
    if any(rule.get("provenance") not in (None, "", "api") for rule in found["rules"]):
        return _provisioned("alert rules", name, name)
    before, after = _comparable(found), _comparable(made)
    if before == after:
        return Change("alert rules", name, name, "keep")
    return Change("alert rules", name, name, "update", made, difference(before, after))


def _is_own(rule: Json) -> bool:
    key, value = OWN_LABEL
    return bool((rule.get("labels") or {}).get(key) == value)


def _comparable(group: Json) -> Json:
    """A group without what Grafana adds by itself: ids, times, provenance, defaults of queries."""
    durations = ("for", "keep_firing_for")
    keys = (
        "uid", "title", "condition", "noDataState", "execErrState", "labels", "annotations",
        "isPaused",
    )  # fmt: skip
    rules = [
        {
            **{key: rule.get(key) for key in keys},
            **{key: seconds(rule.get(key)) for key in durations},
            "data": [
                {
                    "refId": query["refId"],
                    "datasourceUid": query["datasourceUid"],
                    "relativeTimeRange": query.get("relativeTimeRange"),
                    "model": QUERY_DEFAULTS | query["model"],
                }
                for query in rule["data"]
            ],
        }
        for rule in group["rules"]
    ]
    return {"title": group["title"], "interval": group["interval"], "rules": rules}


def _no_longer_made(should: Wanted, there: Found, action: Action) -> Iterable[Change]:
    why = "" if action == "delete" else "no longer made; --prune deletes it"
    for uid, found in there.dashboards.items():
        dashboard, meta = found["dashboard"], found["meta"]
        own = uid.startswith(OWN_UID) and TAG in dashboard.get("tags", ())
        if (
            own
            and uid not in should.dashboards
            and meta.get("folderUid") == FOLDER_UID
            and not meta.get("provisioned")
        ):
            yield Change("dashboard", uid, dashboard["title"], action, why=why)
    for name, group in there.rules.items():
        # One foreign rule, or one that files have provisioned, and the group is not ours to delete.
        own = all(_is_own(r) and r.get("provenance") in (None, "", "api") for r in group["rules"])
        if own and name not in should.rules:
            moved = {rule["uid"] for made in should.rules.values() for rule in made["rules"]}
            uids = [rule["uid"] for rule in group["rules"] if rule["uid"] not in moved]
            yield Change("alert rules", name, name, action, {"uids": uids}, why=why)


def _provisioned(kind: Kind, uid: str, title: str) -> Change:
    return Change(
        kind, uid, title, "refuse",
        why="it is provisioned by files, which alone may change it",
        hint="write those files anew (`orbitwin dashboards write DIR`), or take them away and push",
    )  # fmt: skip


# --- texts ----------------------------------------------------------------------------------------


def difference(before: Any, after: Any) -> str:
    """A unified diff of two JSON values, keys in order; cut off after MAX_DIFF_LINES."""
    lines = list(
        difflib.unified_diff(
            _lines(before), _lines(after), "there", "wanted", n=DIFF_CONTEXT, lineterm=""
        )
    )
    if len(lines) > MAX_DIFF_LINES:
        lines = [*lines[:MAX_DIFF_LINES], f"... {len(lines) - MAX_DIFF_LINES} more lines"]
    return "\n".join(lines)


def _lines(value: Any) -> list[str]:
    text = json.dumps(_whole(value), indent=1, sort_keys=True, ensure_ascii=False)
    return text.splitlines()


def _whole(value: Any) -> Any:
    """Numbers as Grafana's own JSON may give them back: 20.0 and 20 are one."""
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def seconds(duration: str | None) -> float:
    """A duration as Prometheus and Grafana write it, "1h30m", in seconds; absent is 0.

    Raises ValueError where it is none.
    """
    text = (duration or "0s").strip()
    found = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdw])", text)
    if "".join(f"{number}{unit}" for number, unit in found) != text:
        raise ValueError(f"{text!r} is no duration, such as 30s or 5m")
    return sum(float(number) * SECONDS[unit] for number, unit in found)
