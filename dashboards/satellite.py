"""The "Satellite" dashboard of a vehicle type: one satellite, every parameter it measures."""

from __future__ import annotations

from dashboards.dashboard import (
    Section,
    annotation,
    dashboard,
    group_variables,
    query_variable,
)
from dashboards.lists import satellite_uid
from dashboards.model import band, model_sections
from dashboards.panels import (
    Json,
    coloured_text,
    override,
    stat,
    state_timeline,
    table,
    time_series,
)
from dashboards.parameters import newest_values, parameter_sections
from dashboards.sql import (
    BRIDGED_MS,
    BUCKET,
    CLOSED,
    MINUTE_MS,
    OF_SATELLITE,
    OF_SATELLITES,
    satellite_tier,
    text,
)
from dashboards.states import QUESTIONS, TITLES, states_of
from dashboards.units import (
    COLOURS,
    FRESHNESS_MAPPING,
    SEVERITY_MAPPING,
    STALE_COLOUR,
    age_steps,
    grafana_unit,
    least_interval,
    limits_of,
    limits_text,
    thresholds,
    value_mapping,
)
from orbitwin.catalogue import DERIVED, Vehicle
from orbitwin.records import Flag

EVENT_ROWS = 200
LISTED_ROWS = 500  # names in the drop-down at once; typing finds the others


def satellite_dashboard(vehicle: Vehicle) -> Json:
    """The whole dashboard of one vehicle type."""
    return dashboard(
        satellite_uid(vehicle.name),
        f"Satellite ({vehicle.name})",
        f"One satellite of the type {vehicle.title}: its four states, all that it measures, "
        "its events.",
        [
            Section("Now", _now(vehicle)),
            Section("State", _state(vehicle)),
            *model_sections(vehicle),
            *parameter_sections(vehicle),
            Section("Values and events", [newest_values(vehicle), _events()]),
        ],
        variables=[*group_variables(), _satellite_variable(vehicle)],
        annotations=[_event_marks(), *([_eclipses(vehicle)] if _knows_sun(vehicle) else [])],
    )


# --- now ------------------------------------------------------------------------------------------


def _now(vehicle: Vehicle) -> list[Json]:
    made = [
        stat(
            "Severity",
            "The worst severity of any limit of this satellite; withheld while the data is stale.",
            "SELECT CASE WHEN NOT stale THEN CAST(severity AS VARCHAR) END AS severity "
            f"FROM latest WHERE {OF_SATELLITE}",
            "none",
            size=(4, 4),
            mappings=SEVERITY_MAPPING,
            no_value="stale or unknown",
        ),
        stat(
            "Data",
            "Stale: several packets in a row did not come, and the figures beside are withheld.",
            "SELECT CASE WHEN t_event IS NULL THEN 'never heard' WHEN stale THEN 'stale' "
            "ELSE 'fresh' END AS data "
            f"FROM latest WHERE {OF_SATELLITE}",
            "none",
            size=(4, 4),
            mappings=FRESHNESS_MAPPING,
        ),
        stat(
            "Data age",
            "Now less the event time of the newest packet.",
            f"SELECT epoch(now() - t_event) AS age FROM latest WHERE {OF_SATELLITE}",
            "s",
            size=(4, 4),
            thresholds=age_steps([vehicle]),
            decimals=0,
        ),
    ]
    if _knows_sun(vehicle):
        made.append(
            stat(
                "Sun",
                "Whether the Sun lights the satellite.",
                "SELECT CASE WHEN stale THEN NULL WHEN sunlit THEN 'sunlit' "
                "WHEN NOT sunlit THEN 'eclipse' END "
                f"AS sun FROM latest WHERE {OF_SATELLITE}",
                "none",
                size=(4, 4),
                mappings=value_mapping({"sunlit": "#fce83a", "eclipse": "#7b8089"}),
                no_value="stale or unknown",
            )
        )
    for state in states_of(vehicle):
        made.append(
            stat(
                TITLES[state],
                f"{QUESTIONS[state]} The newest value; withheld while the data is stale."
                + limits_text(limits_of(vehicle, state)),
                f"SELECT CASE WHEN stale THEN NULL ELSE {state} END AS {state} "
                f"FROM latest WHERE {OF_SATELLITE}",
                grafana_unit(DERIVED[state][0], state),
                size=(4, 4),
                thresholds=thresholds(limits_of(vehicle, state)),
                no_value="stale or unknown",
            )
        )
    return made


# --- the derived states over time -----------------------------------------------------------------


def _state(vehicle: Vehicle) -> list[Json]:
    period_s = vehicle.primary.period_s
    interval = least_interval(period_s)
    made = [
        state_timeline(
            "Severity",
            "The worst severity in each bucket, so that a short excursion is not lost; gaps where "
            "nothing came.",
            f"""
WITH full_rate AS (
  SELECT ts, severity FROM sat_raw
  WHERE $__interval_ms < {MINUTE_MS} AND $__timeFilter(ts) AND {OF_SATELLITE}
    AND packet = {text(vehicle.primary.name)}
), tier AS (
  SELECT ts, severity FROM full_rate
  UNION ALL
  SELECT ts, severity FROM sat_1m
  WHERE $__timeFilter(ts) AND {OF_SATELLITE} AND time_bucket(INTERVAL 1 MINUTE, ts) NOT IN (
    SELECT time_bucket(INTERVAL 1 MINUTE, ts) FROM full_rate)
)
SELECT $__timeGroup(ts, $__interval) AS time, CAST(max(severity) AS VARCHAR) AS severity
FROM tier
GROUP BY 1 ORDER BY 1""",
            SEVERITY_MAPPING,
            interval=interval,
        )
    ]
    for state in states_of(vehicle):
        limits = limits_of(vehicle, state)
        made.append(
            time_series(
                TITLES[state],
                f"{QUESTIONS[state]} Mean of each bucket, and the band from the least to the "
                "greatest value; minutes where full rate is not kept. Gaps over a minute stay "
                "open." + limits_text(limits),
                f"""
{satellite_tier(state, period_s)}
SELECT {BUCKET}, avg(mean) AS mean, min(low) AS least, max(high) AS greatest
FROM tier, newest WHERE {CLOSED}
GROUP BY 1 ORDER BY 1""",
                grafana_unit(DERIVED[state][0], state),
                thresholds=thresholds(limits) if limits else None,
                overrides=band("least", "mean", "greatest"),
                interval=interval,
                bridged_ms=BRIDGED_MS,
            )
        )
    return made


# --- events, variable and marks -------------------------------------------------------------------


def _events() -> Json:
    return table(
        "Events",
        f"The newest {EVENT_ROWS} events of this satellite in the time range, newest first.",
        f"""
SELECT ts, severity, kind, state, parameter, value, limit_value, unit, context, message
FROM event
WHERE $__timeFilter(ts) AND {OF_SATELLITE}
ORDER BY ts DESC LIMIT {EVENT_ROWS}""",
        size=(12, 12),
        overrides=[
            override("ts", ("unit", "dateTimeAsIso")),
            override("severity", *coloured_text(SEVERITY_MAPPING)),
        ],
    )


def _satellite_variable(vehicle: Vehicle) -> Json:
    return query_variable(
        "satellite",
        "Satellite",
        f"""
SELECT name AS __text, CAST(sat_id AS VARCHAR) AS __value FROM satellite
WHERE vehicle = {text(vehicle.name)} AND {OF_SATELLITES}
  AND name ILIKE '%' || '$__searchFilter'
ORDER BY name LIMIT {LISTED_ROWS}""",
        description=f"A satellite of the chosen fleets, shells and planes, by name; the list "
        f"shows {LISTED_ROWS}: type to find another.",
    )


def _event_marks() -> Json:
    return annotation(
        "Events",
        f"""
SELECT ts AS time, message AS text, kind || ',' || state || ',' || severity AS tags
FROM event
WHERE $__timeFilter(ts) AND {OF_SATELLITE} AND state IN ('raised', 'cleared')
ORDER BY ts DESC LIMIT {EVENT_ROWS}""",
        COLOURS["distress"],
    )


def _eclipses(vehicle: Vehicle) -> Json:
    """Regions from the edges of the sunlit flag; where full rate is kept."""
    return annotation(
        "Eclipse",
        f"""
WITH flag AS (
  SELECT ts, (flags & {Flag.SUNLIT.value}) = 0 AS dark FROM sat_raw
  WHERE $__timeFilter(ts) AND {OF_SATELLITE} AND packet = {text(vehicle.primary.name)}
), edge AS (
  SELECT ts, dark FROM flag QUALIFY dark IS DISTINCT FROM lag(dark) OVER (ORDER BY ts)
), span AS (
  SELECT ts, dark, lead(ts) OVER (ORDER BY ts) AS until FROM edge
)
SELECT ts AS time, coalesce(until, (SELECT max(ts) FROM flag)) AS timeend,
  'eclipse' AS text, 'eclipse' AS tags
FROM span WHERE dark ORDER BY 1""",
        STALE_COLOUR,
    )


def _knows_sun(vehicle: Vehicle) -> bool:
    return "sunlit" in vehicle.quantities
