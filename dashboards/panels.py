"""Panels as plain data: pure functions that return Grafana's JSON.

A panel names its width and height only (`size`); dashboard.py gives ids and places. The form is
that of `Panel` in the npm package @grafana/schema, version 13.1.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

DATASOURCE_UID = "orbitwin"
DATASOURCE: Json = {"type": "grafana-postgresql-datasource", "uid": DATASOURCE_UID}

NOTHING = "nothing of what is chosen in this range"
"""What a panel without a row says, and a figure without a value."""

_NEUTRAL: Json = {"mode": "absolute", "steps": [{"color": "text", "value": None}]}


def target(sql: str, form: str) -> Json:
    """One query; `form` is `time_series` or `table`."""
    return {
        "refId": "A",
        "datasource": DATASOURCE,
        "editorMode": "code",
        "format": form,
        "rawQuery": True,
        "rawSql": sql.strip(),
    }


def panel(
    kind: str,
    title: str,
    description: str,
    sql: str,
    *,
    form: str,
    size: tuple[int, int],
    unit: str,
    options: Json,
    defaults: Json | None = None,
    overrides: Sequence[Json] = (),
    interval: str | None = None,
    points: int | None = None,
) -> Json:
    """A panel of any kind. `size` is (width of 24, height); `interval` the least bucket, `points`
    how many buckets there are at most (else one a pixel)."""
    made: Json = {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "size": size,
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "thresholds": _NEUTRAL,
                "noValue": NOTHING,
                **(defaults or {}),
            },
            "overrides": list(overrides),
        },
        "options": options,
        "targets": [target(sql, form)],
    }
    if interval is not None:
        made["interval"] = interval
    if points is not None:
        made["maxDataPoints"] = points
    return made


def list_legend(*, shown: bool) -> Json:
    """Names below the plot, without figures."""
    return {"displayMode": "list", "placement": "bottom", "showLegend": shown, "calcs": []}


def stat(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *,
    size: tuple[int, int] = (4, 4),
    thresholds: Json | None = None,
    mappings: Sequence[Json] = (),
    no_value: str = "no data",
    decimals: int | None = None,
) -> Json:
    """One figure (or text, by `mappings`) in the colour of its threshold."""
    defaults: Json = {
        "color": {"mode": "thresholds"},
        "thresholds": thresholds or _NEUTRAL,
        "mappings": list(mappings),
        "noValue": no_value,
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    return panel(
        "stat",
        title,
        description,
        sql,
        form="table",
        size=size,
        unit=unit,
        defaults=defaults,
        options={
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "textMode": "value",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
            "orientation": "auto",
            # Without `fields` a stat shows numbers only; a text would be "no data".
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False},
        },
    )


def time_series(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *,
    size: tuple[int, int] = (12, 8),
    thresholds: Json | None = None,
    stacked: bool = False,
    overrides: Sequence[Json] = (),
    interval: str = "1s",
    bridged_ms: int | None = None,
    least: float | None = None,
) -> Json:
    """Lines over time. A series has the same colour everywhere, by its name.

    Gaps stay open, but for those shorter than `bridged_ms`.
    """
    defaults: Json = {
        "color": {"mode": "palette-classic-by-name"},
        "custom": {
            "drawStyle": "line",
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": 25 if stacked else 0,
            "showPoints": "auto",  # a lone value between two gaps stays visible
            "pointSize": 3,
            "spanNulls": bridged_ms or False,
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if thresholds else "off"},
            "axisPlacement": "auto",
        },
    }
    if thresholds:
        defaults["thresholds"] = thresholds
    if least is not None:
        defaults["min"] = least
    return panel(
        "timeseries",
        title,
        description,
        sql,
        form="time_series",
        size=size,
        unit=unit,
        defaults=defaults,
        overrides=overrides,
        interval=interval,
        options={
            "legend": {
                "displayMode": "table",
                "placement": "bottom",
                "showLegend": True,
                "calcs": ["lastNotNull", "min", "max"],
            },
            "tooltip": {"mode": "multi", "sort": "none"},
            "timezone": ["utc"],
        },
    )


def table(
    title: str,
    description: str,
    sql: str,
    *,
    size: tuple[int, int] = (24, 9),
    unit: str = "none",
    overrides: Sequence[Json] = (),
    no_value: str = "–",
) -> Json:
    """Rows as they come; units and colours per column by `override`.

    `no_value` is what stands in an empty cell, and in a table without rows: "none" where that is
    no matter of missing data.
    """
    return panel(
        "table",
        title,
        description,
        sql,
        form="table",
        size=size,
        unit=unit,
        overrides=overrides,
        defaults={
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
            "noValue": no_value,
        },
        options={"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
    )


def bar_gauge(
    title: str,
    description: str,
    sql: str,
    colours: Mapping[str, str],
    *,
    size: tuple[int, int] = (8, 8),
) -> Json:
    """A bar a column of the single row, each column in its own colour."""
    return panel(
        "bargauge",
        title,
        description,
        sql,
        form="table",
        size=size,
        unit="none",
        defaults={"min": 0, "color": {"mode": "thresholds"}},
        overrides=[override(name, fixed_colour(colour)) for name, colour in colours.items()],
        options={
            "displayMode": "basic",
            "orientation": "horizontal",
            "valueMode": "text",
            "namePlacement": "left",
            "showUnfilled": True,
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 16,
            "maxVizHeight": 300,
            "legend": list_legend(shown=False),
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    )


def state_timeline(
    title: str,
    description: str,
    sql: str,
    mappings: Sequence[Json],
    *,
    size: tuple[int, int] = (24, 5),
    interval: str = "1s",
) -> Json:
    """Bands of text states over time, a row a column."""
    return panel(
        "state-timeline",
        title,
        description,
        sql,
        form="table",  # as a time series, Grafana takes a text for the name of a series
        size=size,
        unit="none",
        interval=interval,
        defaults={
            "color": {"mode": "palette-classic-by-name"},
            "mappings": list(mappings),
            "custom": {"fillOpacity": 70, "lineWidth": 0},
        },
        options={
            "mergeValues": True,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.9,
            "legend": list_legend(shown=True),
            "tooltip": {"mode": "single", "sort": "none"},
            "timezone": ["utc"],
        },
    )


# --- properties of single columns -----------------------------------------------------------------


def override(column: str, *properties: tuple[str, Any]) -> Json:
    """Properties of one column, by its name."""
    return {
        "matcher": {"id": "byName", "options": column},
        "properties": [{"id": name, "value": value} for name, value in properties],
    }


def fixed_colour(colour: str) -> tuple[str, Any]:
    return "color", {"mode": "fixed", "fixedColor": colour}


def coloured_text(mappings: Sequence[Json]) -> tuple[tuple[str, Any], tuple[str, Any]]:
    """Cells that write their text in the colour of its mapping."""
    return ("mappings", list(mappings)), ("custom.cellOptions", {"type": "color-text"})


def coloured_cell(thresholds: Json) -> tuple[tuple[str, Any], tuple[str, Any]]:
    """Cells that write their number in the colour of its threshold."""
    return ("thresholds", thresholds), ("custom.cellOptions", {"type": "color-text"})


HIDDEN = ("custom.hideFrom", {"legend": True, "tooltip": True, "viz": True})


def link(title: str, url: str) -> tuple[str, Any]:
    return "links", [{"title": title, "url": url, "targetBlank": False}]
