"""Charts of many satellites at once: a distribution as bars, groups over time as a heat map."""

from __future__ import annotations

from dashboards.panels import Json, list_legend, panel


def bar_chart(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *,
    size: tuple[int, int] = (12, 8),
) -> Json:
    """A bar a row: the first column names it, the second is its length (of `unit`)."""
    return panel(
        "barchart",
        title,
        description,
        sql,
        form="table",
        size=size,
        unit=unit,
        defaults={
            "min": 0,
            "color": {"mode": "palette-classic-by-name"},
            "custom": {"fillOpacity": 70, "lineWidth": 0, "axisPlacement": "auto"},
        },
        options={
            "orientation": "vertical",
            "showValue": "never",
            "stacking": "none",
            "groupWidth": 0.9,
            "barWidth": 0.97,
            "fullHighlight": False,
            "xTickLabelRotation": 0,
            "xTickLabelMaxLength": 0,
            "xTickLabelSpacing": 100,
            "legend": list_legend(shown=False),
            "tooltip": {"mode": "single", "sort": "none"},
        },
    )


HEAT_COLUMNS = 120
"""Columns of a heat map at most: with a row a block of planes, its cells are what is drawn."""


def heat_map(
    title: str,
    description: str,
    sql: str,
    unit: str,
    *,
    size: tuple[int, int] = (24, 9),
    interval: str = "1s",
    low_is_bad: bool = True,
    scale: tuple[float, float] | None = None,
) -> Json:
    """A row a series, a cell a bucket, from blue over yellow to red, which is the worse end.

    `scale`: the values that are wholly blue and red, else the least and the greatest on the plot.
    """
    return panel(
        "heatmap",
        title,
        description,
        sql,
        form="time_series",
        size=size,
        unit=unit,
        interval=interval,
        points=HEAT_COLUMNS,
        defaults={"custom": {"scaleDistribution": {"type": "linear"}}},
        options={
            "calculate": False,
            "cellGap": 1,
            "cellValues": {"unit": unit},
            "color": {
                "mode": "scheme",
                "scheme": "RdYlBu",
                "fill": "dark-orange",
                "scale": "linear",
                "exponent": 0.5,
                "steps": 64,
                "reverse": low_is_bad,  # Grafana turns diverging schemes: red is high
                **({"min": scale[0], "max": scale[1]} if scale else {}),
            },
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": -1e30},  # cells without a value are left empty, zeros are not
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
            "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "none"},
        },
    )
