"""A whole dashboard: variables, marks over the plots, panels in their places.

The JSON is Grafana's dashboard model, schema version 42 (the `Dashboard` type of the npm package
@grafana/schema 13.1.3; Grafana 12 and 13 read it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.panels import DATASOURCE, Json, target
from dashboards.sql import ALL_NAMES, BLOCK_NAME, OF_FLEET, OF_SHELL, PLANES_PER_BLOCK

SCHEMA_VERSION = 42
GRID_COLUMNS = 24
REFRESH = "5s"
TAG = "orbitwin"


@dataclass(frozen=True)
class Section:
    """A row of the dashboard and the panels below it."""

    title: str
    panels: Sequence[Json]


def query_variable(
    name: str,
    label: str,
    sql: str,
    *,
    description: str,
    all_value: str | None = None,
) -> Json:
    """A variable filled by SQL. `all_value` makes it several-valued with an "All" of that text."""
    every = all_value is not None
    made: Json = {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": DATASOURCE,
        "query": sql.strip(),
        "refresh": 1,  # when the dashboard opens
        "sort": 0,  # the SQL's own order
        "multi": every,
        "includeAll": every,
        "hide": 0,
        "regex": "",
        "options": [],
    }
    if every:
        made["allValue"] = all_value
        made["current"] = {"text": ["All"], "value": ["$__all"]}
    return made


def group_variables() -> list[Json]:
    """Profile, shell and block of planes: the same on every dashboard, so that links keep them."""
    return [
        query_variable(
            "profile",
            "Profile",
            "SELECT DISTINCT fleet AS profile FROM satellite ORDER BY profile",
            description="Fleets that fly in this twin: a synthetic one bears the name of its "
            "profile, another the name that it was given.",
            all_value=ALL_NAMES,
        ),
        query_variable(
            "shell",
            "Shell",
            f"SELECT DISTINCT shell FROM satellite WHERE {OF_FLEET} ORDER BY shell",
            description="Orbital shells of the profiles that are chosen.",
            all_value=ALL_NAMES,
        ),
        query_variable(
            "plane",
            "Planes",
            f"""
SELECT {BLOCK_NAME} AS __text,
  CAST(block AS VARCHAR) AS __value
FROM (SELECT DISTINCT plane // {PLANES_PER_BLOCK} AS block FROM satellite WHERE {OF_SHELL})
ORDER BY block""",
            description=f"Blocks of {PLANES_PER_BLOCK} neighbouring planes of the shells chosen.",
            all_value="-1",
        ),
    ]


def annotation(name: str, sql: str, colour: str) -> Json:
    """Marks over every time series: columns time, timeend (optional), text and tags."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "target": {**target(sql, "table"), "refId": "Annotation"},
    }


def dashboard(
    uid: str,
    title: str,
    description: str,
    sections: Sequence[Section],
    *,
    variables: Sequence[Json] = (),
    annotations: Sequence[Json] = (),
    since: str = "now-15m",
) -> Json:
    """The whole: UTC, refreshed every few seconds, with a menu of the other dashboards."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one crosshair over all panels
        "timezone": "utc",
        "refresh": REFRESH,
        "time": {"from": since, "to": "now"},
        "timepicker": {"refresh_intervals": ["1s", "5s", "10s", "30s", "1m", "5m"]},
        "annotations": {"list": list(annotations)},
        "templating": {"list": list(variables)},
        "links": [
            {
                "type": "dashboards",
                "title": "Orbitwin",
                "tags": [TAG],
                "asDropdown": True,
                "includeVars": True,  # the same fleets, shells and planes there
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "the other dashboards of this twin",
                "url": "",
            }
        ],
        "panels": _placed(sections),
    }


def _placed(sections: Sequence[Section]) -> list[Json]:
    """Panels with ids and places: left to right, a new line where one does not fit."""
    placed: list[Json] = []
    top = 0
    for section in sections:
        placed.append(
            {
                "type": "row",
                "title": section.title,
                "collapsed": False,
                "panels": [],
                "id": len(placed) + 1,
                "gridPos": {"x": 0, "y": top, "w": GRID_COLUMNS, "h": 1},
            }
        )
        top, left, tallest = top + 1, 0, 0
        for one in section.panels:
            width, height = one["size"]
            if left + width > GRID_COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            placed.append(
                {
                    **{key: value for key, value in one.items() if key != "size"},
                    "id": len(placed) + 1,
                    "gridPos": {"x": left, "y": top, "w": width, "h": height},
                }
            )
            left, tallest = left + width, max(tallest, height)
        top += tallest
    return placed
