"""Pieces of SQL that dashboards share, in the dialect of the SQL door with Grafana's macros.

Two rules hold everywhere. A panel ends at the newest *closed* bucket: an open one would make every
curve dip at its right edge. And a panel reads the tier that fits its interval. Of a satellite that
is full rate below a minute. Of a fleet it is seconds below five: an hour of them is a million rows
in the largest fleet, an hour of minutes is ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterable

MINUTE_MS = 60_000
SECONDS_MS = 5_000
"""Fleet panels with buckets shorter than this read `fleet_1s`, the others `fleet_1m`."""

BRIDGED_MS = 65_000
"""Gaps that a curve passes over: points of a minute's tier are a minute apart, and make a line."""

PLANES_PER_BLOCK = 16
"""Planes that the fleet tiers keep together, as storage has them (a test compares)."""

BLOCK_NAME = f"'planes from ' || block * {PLANES_PER_BLOCK}"
"""What a block of planes is called, by its number `block`."""

ALL_NAMES = "'*'"
"""What "All" fleets or shells are in SQL: a comparison of constants, which DuckDB drops; so no
name of a million satellites is looked at."""


def _among(column: str, variable: str) -> str:
    return f"('*' IN (${{{variable}:sqlstring}}) OR {column} IN (${{{variable}:sqlstring}}))"


OF_FLEET = _among("fleet", "profile")
"""The rows of the chosen fleets; a synthetic one bears its profile's name."""

OF_SHELL = f"{OF_FLEET} AND {_among('shell', 'shell')}"
"""The rows of the chosen shells."""


def _of_plane(block: str) -> str:
    return f"{OF_SHELL} AND (-1 IN (${{plane:sqlstring}}) OR {block} IN (${{plane:sqlstring}}))"


OF_GROUPS = _of_plane("plane_block")
"""The rows of a fleet tier that the variables choose; "All" planes are -1."""

OF_SATELLITES = _of_plane(f"plane // {PLANES_PER_BLOCK}")
"""The same of a table with a row a satellite."""

OF_SATELLITE = "sat_id = TRY_CAST(${satellite:sqlstring} AS BIGINT)"
"""The satellite that is chosen; no rows, and no error, before one is."""

BUCKET = "$__timeGroup(ts, $__interval, NULL) AS time"
"""Bucket of a time series; Grafana fills buckets without rows with NULL, so that gaps show."""

CLOSED = "ts < $__timeGroup(ends, $__interval)"
"""True for rows in closed buckets; `ends` is where the newest row's own period ends."""


MOST_MINUTES = 10_000
"""More than any plot has points; the door admits no longer list."""


def _some_minutes(of_bucket: int) -> str:
    """Minutes that stand for all of a long range: at least `of_bucket` of each bucket, evenly.

    A month of `fleet_1m` is twelve million rows in the largest fleet, and its view adds the parts
    of each minute up. As a list of constants the choice goes below that sum; a remainder of `ts`,
    which could fail, would not. Buckets of less than 2 * `of_bucket` minutes have every minute.
    """
    step_ms = f"({MINUTE_MS} * greatest($__interval_ms // {of_bucket * MINUTE_MS}, 1))"
    first = f"$__from // {step_ms}"
    return (
        f"list_contains(list_transform(range(least($__to // {step_ms} - {first} + 1, {MOST_MINUTES}"
        f")), lambda i: make_timestamptz(({first} + i) * {step_ms} * 1000)), ts)"
    )


LONG_RANGES = (
    " A range of days is read by some minutes of each bucket, evenly spread: what was shorter than "
    "their distance shows when you zoom in."
)
"""For the description of what reads `fleet_tier` or `minute_tier`."""


def fleet_tier(columns: Iterable[str]) -> str:
    """CTEs `tier` (ts, columns...) and `newest` (ends): fleet_1s or fleet_1m by the interval."""
    names = ", ".join(["ts", *columns])
    return f"""WITH tier AS (
  SELECT {names}, ts + INTERVAL 1 SECOND AS until FROM fleet_1s
  WHERE $__interval_ms < {SECONDS_MS} AND $__timeFilter(ts) AND {OF_GROUPS}
  UNION ALL
  SELECT {names}, ts + INTERVAL 1 MINUTE AS until FROM fleet_1m
  WHERE $__interval_ms >= {SECONDS_MS} AND $__timeFilter(ts) AND {OF_GROUPS}
    AND {_some_minutes(2)}
), newest AS (SELECT max(until) AS ends FROM tier)"""


def minute_tier(columns: Iterable[str]) -> str:
    """The same of minutes alone: heat maps have few columns (charts.HEAT_COLUMNS), and every row
    is a group."""
    names = ", ".join(["ts", "shell", "plane_block AS block", *columns])
    return f"""WITH tier AS (
  SELECT {names}, ts + INTERVAL 1 MINUTE AS until FROM fleet_1m
  WHERE $__timeFilter(ts) AND {OF_GROUPS} AND {_some_minutes(5)}
), newest AS (SELECT max(until) AS ends FROM tier)"""


def binned(state: str, bins: int) -> str:
    """CTEs `spread` (low, width) and `counted` (bin, satellites) of a state in `latest`, now.

    Equal bins from the least to the greatest value of the satellites that are not stale.
    """
    return f"""WITH spread AS (
  SELECT min({state}) AS low, greatest(max({state}) - min({state}), 1e-6) / {bins} AS width
  FROM latest WHERE {OF_SATELLITES} AND NOT stale
), counted AS (
  SELECT least(floor(({state} - low) / width), {bins - 1}) AS bin, count(*) AS satellites
  FROM latest, spread WHERE {OF_SATELLITES} AND NOT stale AND {state} IS NOT NULL
  GROUP BY bin
)"""


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


OPEN_HOURS = 24
"""How far back alarms that stand are looked for. A limit that has stood for longer still colours
its satellite in `latest`."""


def standing(until: str, which: str) -> str:
    """CTE `standing` (sat_id, fleet, kind, parameter, newest): alarms raised and not cleared.

    `newest` is when an alarm was raised or eased last, and its severity then, in one number that
    sorts by time: UTC us times 8, plus the severity's code. So a million events are gone through
    once, without their texts.
    """
    return f"""WITH standing AS (
  SELECT sat_id, any_value(fleet) AS fleet, kind, parameter,
    max(epoch_us(ts) * 8 + enum_code(severity)) FILTER (state <> 'cleared') AS newest
  FROM event
  WHERE ts > {until} - INTERVAL {OPEN_HOURS} HOUR AND ts <= {until} AND state <> 'noted'
    AND sat_id IS NOT NULL{which}
  GROUP BY sat_id, kind, parameter
  HAVING newest // 8 > coalesce(max(epoch_us(ts)) FILTER (state = 'cleared'), 0)
)"""


def listed(words: Iterable[str]) -> str:
    """SQL literals in a list; one that nothing equals where there is none."""
    return ", ".join(text(word) for word in words) or "NULL"


def _end_of(period_s: float) -> str:
    return f"ts + INTERVAL '{round(period_s * 1000)} milliseconds'"


def text(value: str) -> str:
    """A SQL literal."""
    return "'" + value.replace("'", "''") + "'"
