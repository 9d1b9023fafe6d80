"""Panels of a derived state over shells and blocks of planes, from the fleet's tiers.

What they read grows with the number of shells and planes, not with that of satellites; the
distribution alone counts the rows of `latest`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.charts import bar_chart, heat_map
from dashboards.panels import Json, table, time_series
from dashboards.sql import (
    BLOCK_NAME,
    BRIDGED_MS,
    BUCKET,
    CLOSED,
    LONG_RANGES,
    binned,
    fleet_tier,
    minute_tier,
)
from dashboards.states import QUESTIONS, TITLES, limits_of_types, shared_thresholds
from dashboards.units import grafana_unit
from orbitwin.catalogue import DERIVED, Vehicle

BINS = 30
FINE_BINS = 1000
PERCENTILES = (0.01, 0.05, 0.5, 0.95, 0.99)


def unit_of(state: str) -> str:
    return grafana_unit(DERIVED[state][0], state)


def shell_mean(state: str, vehicles: Sequence[Vehicle]) -> Json:
    """Mean over each shell's satellites, over time."""
    return time_series(
        f"{TITLES[state]} by shell, mean",
        f"{QUESTIONS[state]} Mean over the satellites that are not stale."
        + limits_of_types(vehicles, state)
        + LONG_RANGES,
        f"""
{fleet_tier(["shell", "satellites - stale AS fresh", f"{state}_mean"])}
SELECT {BUCKET}, shell AS metric,
  sum({state}_mean * fresh) / nullif(sum(fresh) FILTER (WHERE {state}_mean IS NOT NULL), 0) AS mean
FROM tier, newest WHERE {CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2""",
        unit_of(state),
        bridged_ms=BRIDGED_MS,
    )


def shell_least(state: str, vehicles: Sequence[Vehicle]) -> Json:
    """The one satellite of each shell that is worst off, over time, with the limits."""
    return time_series(
        f"{TITLES[state]} by shell, least",
        "Is one of them in trouble? Least value of any satellite of the shell that is not stale."
        + limits_of_types(vehicles, state)
        + LONG_RANGES,
        f"""
{fleet_tier(["shell", f"{state}_min"])}
SELECT {BUCKET}, shell AS metric, min({state}_min) AS least
FROM tier, newest WHERE {CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2""",
        unit_of(state),
        thresholds=shared_thresholds(vehicles, state),
        bridged_ms=BRIDGED_MS,
    )


def shell_total(state: str, question: str) -> Json:
    """Sum over each shell's satellites, over time; of states whose sum means something."""
    return time_series(
        f"{TITLES[state]} by shell, total",
        f"{question} Mean over each bucket of the sum over the satellites; stale satellites do "
        "not count." + LONG_RANGES,
        f"""
{fleet_tier(["shell", f"{state}_sum"])}, moments AS (
  SELECT ts, shell, sum({state}_sum) AS total FROM tier GROUP BY ts, shell
)
SELECT {BUCKET}, shell AS metric, avg(total) AS total
FROM moments, newest WHERE {CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2""",
        unit_of(state),
        bridged_ms=BRIDGED_MS,
    )


def plane_map(state: str, vehicles: Sequence[Vehicle]) -> Json:
    """Heat map: a row a shell and block of planes, the least value of each bucket."""
    return heat_map(
        f"{TITLES[state]} by plane block, least",
        "Which planes are in trouble, and since when? The least value of any satellite of each "
        "shell and block of planes that is not stale; red is the least, blue the greatest on the "
        "plot, whether they are good or bad. Minutes."
        + limits_of_types(vehicles, state)
        + LONG_RANGES,
        f"""
{minute_tier([f"{state}_min"])}
SELECT {BUCKET}, shell || ', ' || {BLOCK_NAME} AS metric, min({state}_min) AS least
FROM tier, newest WHERE {CLOSED}
GROUP BY 1, shell, block ORDER BY 1, shell, block""",
        unit_of(state),
        interval="1m",
    )


def distribution(state: str, vehicles: Sequence[Vehicle]) -> Json:
    """How many satellites have which value now, in equal bins from the least to the greatest."""
    digits = 2 if DERIVED[state][0] == "1" else 1
    return bar_chart(
        f"{TITLES[state]}: how it is spread now",
        f"How many satellites have which value, in {BINS} equal bins from the least to the "
        f"greatest; each bar is named by the lower edge of its bin ({DERIVED[state][0]}). Stale "
        "satellites do not count." + limits_of_types(vehicles, state),
        f"""
{binned(state, BINS)}
SELECT printf('%.{digits}f', low + bin * width) AS at_least, satellites
FROM counted, spread ORDER BY bin""",
        "none",
    )


def percentiles(state: str, vehicles: Sequence[Vehicle]) -> Json:
    """Values below which shares of the satellites lie, from fine bins: a sort takes too long."""
    chosen = ", ".join(
        f'min(low + (bin + 1) * width) FILTER (share >= {p}) AS "{p * 100:g} %"'
        for p in PERCENTILES
    )
    return table(
        f"{TITLES[state]}: percentiles now",
        "The value below which a share of the satellites lies that are not stale, to a "
        f"{FINE_BINS}th of the way from the least to the greatest."
        + limits_of_types(vehicles, state),
        f"""
{binned(state, FINE_BINS)}, summed AS (
  SELECT bin, sum(satellites) OVER (ORDER BY bin) / sum(satellites) OVER () AS share FROM counted
)
SELECT min(low) AS least, {chosen}, max(low + width * {FINE_BINS}) AS greatest
FROM summed, spread""",
        size=(12, 4),
        unit=unit_of(state),
    )
