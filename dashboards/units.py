"""Units, severities and limits of the catalogue, in Grafana's terms."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from orbitwin.catalogue import SEVERITIES, Limit, Vehicle

GRAFANA_UNITS = {
    "W": "watt",
    "mW": "mwatt",
    "Wh": "watth",
    "J": "joule",
    "V": "volt",
    "mV": "mvolt",
    "A": "amp",
    "mA": "mamp",
    "degC": "celsius",
    "K": "kelvin",
    "dB": "dB",
    "dBm": "dBm",
    "Gbps": "Gbits",
    "m": "lengthm",
    "km": "lengthkm",
    "s": "s",
    "ms": "ms",
    "rad": "radrad",  # of dose; angles are in deg and urad
    "deg": "degree",
}
"""Ids of Grafana's unit picker (packages/grafana-data/src/valueFormats/categories.ts)."""

COLOURS = {
    "normal": "#56f000",
    "watch": "#2dccff",
    "warning": "#fce83a",
    "distress": "#ffb302",
    "critical": "#ff3838",
    "severe": "#d33bff",
}
"""One colour a severity, after the status colours of Astro UXDS (astrouxds.com, "Status System").
Every panel also writes the severity's name: colour is never the only sign."""

STALE_COLOUR = "#a4abb6"
"""Astro UXDS's "off": what a stale value is shown in."""


def grafana_unit(unit: str, name: str = "") -> str:
    """Grafana's id of a catalogue unit. A ratio becomes per cent; an unknown unit is a suffix."""
    if unit == "1":
        return "percentunit" if name.endswith("_ratio") else "none"
    return GRAFANA_UNITS.get(unit, f"suffix: {unit}")


def thresholds(limits: Iterable[Limit]) -> dict[str, Any]:
    """Grafana's steps for a set of limits: between two bounds, the worst severity that holds.

    Limits of every context are drawn, since a panel does not know where the satellite is.
    """
    limits = list(limits)
    bounds = sorted({b for x in limits for b in (x.below, x.above) if b is not None})
    steps: list[dict[str, Any]] = []
    for low, value in zip([None, *bounds], _between(bounds), strict=True):
        colour = COLOURS[SEVERITIES[max((_violated(x, value) for x in limits), default=0)]]
        if not steps or steps[-1]["color"] != colour:
            steps.append({"color": colour, "value": low})
    return {"mode": "absolute", "steps": steps}


def _between(bounds: list[float]) -> list[float]:
    """A value inside each piece that the bounds cut the axis into."""
    if not bounds:
        return [0.0]
    inner = [(a + b) / 2 for a, b in pairwise(bounds)]
    return [bounds[0] - 1.0, *inner, bounds[-1] + 1.0]


def _violated(limit: Limit, value: float) -> int:
    outside = (limit.below is not None and value < limit.below) or (
        limit.above is not None and value > limit.above
    )
    return limit.severity_code if outside else 0


def limits_in_words(limits: Iterable[Limit]) -> str:
    """`warning below 0 in sunlight`, for a panel's description; empty where there is none."""
    words = []
    for limit in limits:
        bounds = [
            f"{side} {value:g}"
            for side, value in (("below", limit.below), ("above", limit.above))
            if value is not None
        ]
        where = {"any": "", "sunlit": " in sunlight", "eclipse": " in eclipse"}[limit.context]
        words.append(f"{limit.severity} {' or '.join(bounds)}{where}")
    return "; ".join(words)


def limits_of(vehicle: Vehicle, name: str) -> tuple[Limit, ...]:
    """The limits of a parameter or derived state."""
    return tuple(on.limit for on in vehicle.limits if on.of == name)


def limits_text(limits: tuple[Limit, ...]) -> str:
    """A sentence for the end of a description; empty where there is no limit."""
    return f" Limits: {limits_in_words(limits)}." if limits else ""


def ages_s(vehicles: Iterable[Vehicle]) -> tuple[float, float]:
    """Ages (s) from which data is late, and missing: five and fifteen periods of the state's own
    packet, of the vehicle type that sends it most seldom."""
    period_s = max((v.primary.period_s for v in vehicles), default=1.0)
    return 5 * period_s, 15 * period_s


def age_steps(vehicles: Iterable[Vehicle]) -> dict[str, Any]:
    """Grafana's steps for an age in seconds."""
    late_s, missing_s = ages_s(vehicles)
    steps = [("normal", None), ("warning", late_s), ("critical", missing_s)]
    return {
        "mode": "absolute",
        "steps": [{"color": COLOURS[name], "value": value} for name, value in steps],
    }


def least_interval(period_s: float) -> str:
    """The least bucket of a panel: the packet's own period."""
    return f"{round(period_s * 1000)}ms" if period_s % 1 else f"{round(period_s)}s"


def value_mapping(colours: dict[str, str]) -> list[dict[str, Any]]:
    """Texts shown in fixed colours."""
    options = {
        text: {"color": colour, "index": i, "text": text}
        for i, (text, colour) in enumerate(colours.items())
    }
    return [{"type": "value", "options": options}]


SEVERITY_MAPPING = value_mapping(COLOURS)
FRESHNESS_MAPPING = value_mapping(
    {"fresh": COLOURS["normal"], "stale": STALE_COLOUR, "never heard": STALE_COLOUR}
)
