"""Tables of single satellites: the worst, what is raised, what happened; a click opens one.

They stay small whatever the fleet's size: the worst few of `latest` or of the newest forecasts,
and events of a bounded time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboards.panels import (
    HIDDEN,
    Json,
    coloured_cell,
    coloured_text,
    link,
    override,
    table,
)
from dashboards.sql import OF_FLEET, OF_SATELLITES, OPEN_HOURS, listed, standing
from dashboards.states import limits_of_types, lower, shared_thresholds
from dashboards.units import FRESHNESS_MAPPING, SEVERITY_MAPPING, grafana_unit
from orbitwin.catalogue import DERIVED, Vehicle

WORST_ROWS = 20
EVENT_ROWS = 200
_WORST = {
    "power_margin_w": "with least power available over power demanded",
    "state_of_charge_ratio": "with the emptiest batteries",
    "thermal_headroom_k": "closest to a temperature limit",
    "link_health_ratio": "with the poorest links",
    "link_margin_db": "with the weakest received power over sensitivity",
    "job_throughput_tops": "that do least useful work",
    "goodput_ratio": "that do the least share of their rated work usefully",
}


def satellite_uid(vehicle: str) -> str:
    """Uid of a vehicle type's Satellite dashboard."""
    return f"orbitwin-satellite-{vehicle}"


def satellite_columns(*more: str) -> list[Json]:
    """How columns that name a satellite show: a link by the name, `sat_id` and `vehicle` hidden.

    `more`: which of severity, data (fresh or stale), age (s) and times the table has beside.
    """
    shown = {
        "severity": coloured_text(SEVERITY_MAPPING),
        "data": coloured_text(FRESHNESS_MAPPING),
        "age": (("unit", "s"), ("decimals", 0)),
        "ts": (("unit", "dateTimeAsIso"),),
    }
    return [
        override("sat_id", HIDDEN),
        override("vehicle", HIDDEN),
        override(
            "name",
            link(
                "Open this satellite",
                "/d/" + satellite_uid("${__data.fields.vehicle}")
                + "?var-satellite=${__data.fields.sat_id}&${__all_variables}&${__url_time_range}",
            ),
        ),
        *(override(column, *shown[column]) for column in more),
    ]  # fmt: skip


def state_columns(vehicles: Iterable[Vehicle], states: Iterable[str]) -> list[Json]:
    """Units of derived states, and colours by their limits."""
    vehicles = list(vehicles)
    made = []
    for state in states:
        steps = shared_thresholds(vehicles, state)
        colours = coloured_cell(steps) if steps else ()
        made.append(override(state, ("unit", grafana_unit(DERIVED[state][0], state)), *colours))
    return made


def worst(state: str, vehicles: Sequence[Vehicle], others: Sequence[str] = ()) -> Json:
    """The satellites with the least value of a derived state; stale ones last, and marked."""
    columns = ", ".join([state, *others])
    return table(
        f"Worst by {lower(state)}",
        f"The {WORST_ROWS} satellites {_WORST[state]}, now. Satellites whose data is stale come "
        "last and are marked; a click on a name opens the satellite."
        + limits_of_types(vehicles, state),
        f"""
WITH worst AS (
  SELECT sat_id, severity, stale, {columns}, t_event
  FROM latest
  WHERE {OF_SATELLITES} AND {state} IS NOT NULL
  ORDER BY stale, {state} LIMIT {WORST_ROWS}
)
SELECT sat_id, vehicle, name, shell, severity,
  CASE WHEN stale THEN 'stale' ELSE 'fresh' END AS data, {columns},
  epoch(now() - t_event) AS age
FROM worst JOIN satellite USING (sat_id)
ORDER BY stale, {state}""",
        size=(12, 10),
        overrides=[
            *satellite_columns("severity", "data", "age"),
            *state_columns(vehicles, [state, *others]),
        ],
    )


def open_alarms(kinds: Sequence[str] = (), parameters: Sequence[str] = ()) -> Json:
    """What was raised and has not been cleared, worst first; of some kinds, of some parameters."""
    which = f" AND kind IN ({listed(kinds)})" if kinds else ""
    which += f" AND parameter IN ({listed(parameters)})" if parameters else ""
    return table(
        "Incidents: what stands",
        f"Alarms of the {OPEN_HOURS} h before the end of the time range that have been raised and "
        "not cleared, the worst first, with the time of their newest change. A verdict (kind "
        "fault) names the fault that explains alarms, and how sure that is.",
        f"""
{standing("CAST($__timeTo() AS TIMESTAMPTZ)", f" AND {OF_FLEET}{which}")}, worst AS (
  SELECT sat_id, kind, parameter, make_timestamptz(newest // 8) AS ts
  FROM standing WHERE sat_id IN (SELECT sat_id FROM satellite WHERE {OF_SATELLITES})
  ORDER BY newest % 8 DESC, newest DESC LIMIT {EVENT_ROWS}
)
SELECT worst.ts, worst.sat_id, vehicle, satellite.name, shell, severity, worst.kind,
  worst.parameter, CASE WHEN worst.kind = 'fault' THEN value END AS confidence,
  CASE WHEN worst.kind <> 'fault' THEN value END AS value, unit, message
FROM worst JOIN satellite USING (sat_id) JOIN event ON event.sat_id = worst.sat_id
  AND event.ts = worst.ts AND event.kind = worst.kind
  AND event.parameter IS NOT DISTINCT FROM worst.parameter AND event.state <> 'cleared'
ORDER BY severity DESC, worst.ts DESC""",
        overrides=[
            *satellite_columns("severity", "ts"),
            override("confidence", ("unit", "percentunit"), ("decimals", 0)),
        ],
        no_value="none",
    )


def newest_events(parameters: Sequence[str] = (), size: tuple[int, int] = (24, 9)) -> Json:
    """Events of the chosen fleets in the time range, the newest first."""
    of = f" AND parameter IN ({listed(parameters)})" if parameters else ""
    return table(
        "Newest events",
        f"The newest {EVENT_ROWS} events of the chosen fleets in the time range: limits raised, "
        "eased and cleared, satellites that fell silent, gaps, clocks, verdicts; the newest first.",
        f"""
WITH newest AS (
  SELECT ts, sat_id, name, severity, kind, state, parameter, value, limit_value, unit, message
  FROM event
  WHERE $__timeFilter(ts) AND {OF_FLEET}{of}
  ORDER BY ts DESC LIMIT {EVENT_ROWS}
)
SELECT newest.ts, newest.sat_id, vehicle, newest.name, newest.severity, kind, state, parameter,
  value, limit_value, unit, message
FROM newest LEFT JOIN satellite ON satellite.sat_id = newest.sat_id
ORDER BY newest.ts DESC""",
        size=size,
        overrides=satellite_columns("severity", "ts"),
        no_value="none",
    )
