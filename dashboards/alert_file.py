"""Alert rules in Grafana's form, for its provisioning.

Form: "Provision alert rules" of Grafana 13.1 (docs, alerting/set-up/provision-alerting-resources/
file-provisioning). Grafana reads JSON there as it reads YAML. Whom an alert reaches is the
reader's own notification policy: the file names no contact point.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.alerts import Alert, all_alerts
from dashboards.panels import DATASOURCE, Json, target
from orbitwin.catalogue import Vehicle

FOLDER = "Orbitwin"
INTERVAL = "30s"
RUNBOOK = "docs/runbook.md"
WINDOW_S = 600  # how far back a query's time range reaches
EXPRESSION = "__expr__"  # Grafana's name for its own expressions as a data source


def rules(vehicles: Sequence[Vehicle]) -> Json:
    """The provisioning file as plain data: groups by subsystem."""
    found: dict[str, list[Json]] = {}
    for alert in all_alerts(vehicles):
        found.setdefault(alert.subsystem, []).append(_rule(alert))
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": f"orbitwin {subsystem}",
                "folder": FOLDER,
                "interval": INTERVAL,
                "rules": made,
            }
            for subsystem, made in found.items()
        ],
    }


def _rule(alert: Alert) -> Json:
    return {
        "uid": alert.uid,
        "title": alert.title,
        "condition": "B",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": {"from": WINDOW_S, "to": 0},
                "datasourceUid": DATASOURCE["uid"],
                "model": {
                    **target(alert.sql, "table"),
                    "intervalMs": 1000,
                    "maxDataPoints": 43200,
                },
            },
            {
                "refId": "B",
                "relativeTimeRange": {"from": WINDOW_S, "to": 0},
                "datasourceUid": EXPRESSION,
                "model": {
                    "refId": "B",
                    "type": "threshold",
                    "datasource": {"type": EXPRESSION, "uid": EXPRESSION},
                    "expression": "A",
                    "conditions": [_condition(alert)],
                },
            },
        ],
        "noDataState": alert.no_data,
        "execErrState": alert.error,
        "for": alert.for_,
        "keepFiringFor": alert.keep,
        "labels": {
            "severity": alert.severity,
            "subsystem": alert.subsystem,
            "source": "orbitwin",
        },
        "annotations": {
            "summary": alert.summary,
            "runbook": f"{RUNBOOK}#{anchor(alert.topic)}",
            "dashboard": f"/d/{alert.dashboard}",
        },
        "isPaused": False,
    }


def _condition(alert: Alert) -> Json:
    made: Json = {
        "type": "query",
        "query": {"params": ["A"]},
        "evaluator": {"type": "gt" if alert.above else "lt", "params": [alert.fires]},
    }
    if alert.clears != alert.fires:
        made["unloadEvaluator"] = {
            "type": "lt" if alert.above else "gt",
            "params": [alert.clears],
        }
    return made


def anchor(heading: str) -> str:
    """The link to a Markdown heading, as GitHub makes it."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")
