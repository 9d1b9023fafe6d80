"""Pieces of SQL that dashboards share, in the dialect of the SQL door with Grafana's macros.

Two rules hold everywhere. A panel ends at the newest *closed* bucket: an open one would make every
curve dip at its right edge. And a panel reads the tier that fits its interval: seconds below a
minute, minutes from there on.
"""

from __future__ import annotations

from collections.abc import Iterable

MINUTE_MS = 60_000

OF_FLEET = "fleet IN (${fleet:sqlstring}) AND shell IN (${shell:sqlstring})"
"""The rows that the Fleet dashboard's variables choose; "All" makes each `x IN (x)`."""

OF_SATELLITE = "sat_id = TRY_CAST(${satellite:sqlstring} AS BIGINT)"
"""The satellite that is chosen; no rows, and no error, before one is."""

BUCKET = "$__timeGroup(ts, $__interval, NULL) AS time"
"""Bucket of a time series; Grafana fills buckets without rows with NULL, so that gaps show."""

CLOSED = "ts < $__timeGroup(ends, $__interval)"
"""True for rows in closed buckets; `ends` is where the newest row's own period ends."""


def fleet_tier(columns: Iterable[str]) -> str:
    """CTEs `tier` (ts, columns...) and `newest` (ends): fleet_1s or fleet_1m by the interval."""
    names = ", ".join(["ts", *columns])
    return f"""WITH tier AS (
  SELECT {names}, ts + INTERVAL 1 SECOND AS until FROM fleet_1s
  WHERE $__interval_ms < {MINUTE_MS} AND $__timeFilter(ts) AND {OF_FLEET}
  UNION ALL
  SELECT {names}, ts + INTERVAL 1 MINUTE AS until FROM fleet_1m
  WHERE $__interval_ms >= {MINUTE_MS} AND $__timeFilter(ts) AND {OF_FLEET}
), newest AS (SELECT max(until) AS ends FROM tier)"""


def satellite_tier(state: str, period_s: float) -> str:
    """CTEs `tier` (ts, low, mean, high) and `newest` (ends) of one derived state of a satellite.

    Full-rate rows where `sat_raw` has them; `sat_1m` for every other minute and for long ranges.
    """
    return f"""WITH full_rate AS (
  SELECT ts, {state} AS mean FROM sat_raw
  WHERE $__interval_ms < {MINUTE_MS} AND $__timeFilter(ts) AND {OF_SATELLITE}
    AND {state} IS NOT NULL
), tier AS (
  SELECT ts, mean AS low, mean, mean AS high, {_end_of(period_s)} AS until FROM full_rate
  UNION ALL
  SELECT ts, {state}_min, {state}_mean, {state}_max, ts + INTERVAL 1 MINUTE FROM sat_1m
  WHERE $__timeFilter(ts) AND {OF_SATELLITE} AND time_bucket(INTERVAL 1 MINUTE, ts) NOT IN (
    SELECT time_bucket(INTERVAL 1 MINUTE, ts) FROM full_rate)
), newest AS (SELECT max(until) AS ends FROM tier)"""


def measured(columns: Iterable[str], packet: str, period_s: float) -> str:
    """CTEs `tier` (ts, columns...) and `newest` (ends) of measured parameters of a satellite."""
    return f"""WITH tier AS (
  SELECT ts, {", ".join(columns)}, {_end_of(period_s)} AS until FROM sat_raw
  WHERE $__timeFilter(ts) AND {OF_SATELLITE} AND packet = '{packet}'
), newest AS (SELECT max(until) AS ends FROM tier)"""


def _end_of(period_s: float) -> str:
    return f"ts + INTERVAL '{round(period_s * 1000)} milliseconds'"


def text(value: str) -> str:
    """A SQL literal."""
    return "'" + value.replace("'", "''") + "'"
