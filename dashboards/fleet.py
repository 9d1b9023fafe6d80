"""The "Fleet" dashboard: all satellites at a glance, and the way to the ones in trouble."""

from __future__ import annotations

from dashboards.dashboard import Section, annotation, dashboard, query_variable
from dashboards.panels import (
    HIDDEN,
    Json,
    bar_gauge,
    coloured_text,
    fixed_colour,
    link,
    override,
    stat,
    table,
    time_series,
)
from dashboards.satellite import satellite_uid
from dashboards.sql import BUCKET, CLOSED, OF_FLEET, fleet_tier
from dashboards.units import (
    COLOURS,
    FRESHNESS_MAPPING,
    SEVERITY_MAPPING,
    STALE_COLOUR,
    grafana_unit,
)
from orbitwin.catalogue import DERIVED, SEVERITIES

UID = "orbitwin-fleet"
WORST_ROWS = 20
EVENT_ROWS = 200
AGE_STEPS: Json = {
    "mode": "absolute",
    "steps": [
        {"color": COLOURS["normal"], "value": None},
        {"color": COLOURS["warning"], "value": 5},  # seconds: five ticks at 1 Hz
        {"color": COLOURS["critical"], "value": 15},
    ],
}
STALE_STEPS: Json = {
    "mode": "absolute",
    "steps": [{"color": "text", "value": None}, {"color": STALE_COLOUR, "value": 1}],
}


def fleet_dashboard() -> Json:
    """The whole dashboard; it has the derived states only, so it fits every vehicle type."""
    return dashboard(
        UID,
        "Fleet",
        "All satellites of the twin: who reports, how bad it is, who is worst, and since when.",
        [
            Section("Now", _now()),
            Section("Worst satellites", _worst()),
            Section("Over time, by shell", _by_shell()),
            Section("Severity over time", _severity()),
            Section("Events", [_events()]),
        ],
        variables=[
            query_variable(
                "fleet",
                "Fleet",
                "SELECT DISTINCT fleet FROM satellite ORDER BY fleet",
                description="Fleets that fly in this twin.",
                all_value="fleet",
            ),
            query_variable(
                "shell",
                "Shell",
                "SELECT DISTINCT shell FROM satellite WHERE fleet IN (${fleet:sqlstring}) "
                "ORDER BY shell",
                description="Orbital shells of the fleets that are chosen.",
                all_value="shell",
            ),
        ],
        annotations=[
            annotation(
                "Raised: distress and worse",
                f"""
SELECT ts AS time, name || ': ' || message AS text, kind || ',' || severity AS tags
FROM event
WHERE $__timeFilter(ts) AND fleet IN (${{fleet:sqlstring}}) AND state = 'raised'
  AND severity IN ('distress', 'critical', 'severe')
ORDER BY ts DESC LIMIT {EVENT_ROWS}""",
                COLOURS["critical"],
            )
        ],
    )


def _now() -> list[Json]:
    return [
        stat(
            "Satellites",
            "Satellites that belong to the chosen fleets and shells.",
            _count(satellites="true"),
            "none",
        ),
        stat(
            "Reporting",
            "Satellites that have been heard and are not stale.",
            _count(reporting="NOT stale AND t_event IS NOT NULL"),
            "none",
        ),
        stat(
            "Stale",
            "Satellites that missed several packets in a row: their values are old, and every "
            "panel that shows them says so.",
            _count(stale="stale"),
            "none",
            thresholds=STALE_STEPS,
        ),
        stat(
            "Data age",
            "Now less the event time of the newest packet of any satellite. It grows while nothing "
            "arrives, and is large when a recording with its original times is looked at.",
            f"SELECT epoch(now() - max(t_event)) AS age FROM latest WHERE {OF_FLEET}",
            "s",
            thresholds=AGE_STEPS,
            decimals=0,
        ),
        bar_gauge(
            "Severities",
            "Satellites by the worst severity of any of their limits; stale ones do not count.",
            _count(**{s: f"severity = '{s}' AND NOT stale" for s in SEVERITIES}),
            COLOURS,
            size=(8, 4),
        ),
    ]


def _count(**what: str) -> str:
    """Numbers of satellites by condition. From `latest`: `fleet_1s` says nothing of a fleet in a
    second in which none of its packets fell."""
    counts = ", ".join(f"count(*) FILTER ({where}) AS {name}" for name, where in what.items())
    return f"SELECT {counts} FROM latest WHERE {OF_FLEET}"


def _worst() -> list[Json]:
    shared = [
        override("sat_id", HIDDEN),
        override("vehicle", HIDDEN),
        override(
            "name",
            link(
                "Open this satellite",
                "/d/" + satellite_uid("${__data.fields.vehicle}")
                + "?var-satellite=${__data.fields.sat_id}&${__url_time_range}",
            ),
        ),
        override("severity", *coloured_text(SEVERITY_MAPPING)),
        override("data", *coloured_text(FRESHNESS_MAPPING)),
        override("age", ("unit", "s"), ("decimals", 0)),
        *(override(name, ("unit", grafana_unit(DERIVED[name][0], name))) for name in DERIVED),
    ]  # fmt: skip
    made = []
    for state, what in (
        ("power_margin_w", "least power available over power demanded"),
        ("thermal_headroom_k", "closest to a temperature limit"),
    ):
        others = [n for n in ("state_of_charge_ratio", "thermal_headroom_k") if n != state]
        if state != "power_margin_w":
            others = ["power_margin_w", *others]
        columns = ", ".join([state, *others])
        made.append(
            table(
                f"Worst by {_title(state)}",
                f"The {WORST_ROWS} satellites {what}, now. Satellites whose data is stale come "
                "last and are marked; a click on a name opens the satellite.",
                f"""
SELECT sat_id, vehicle, name, shell, severity,
  CASE WHEN stale THEN 'stale' ELSE 'fresh' END AS data, {columns},
  epoch(now() - t_event) AS age
FROM latest
WHERE {OF_FLEET} AND {state} IS NOT NULL
ORDER BY stale, {state} LIMIT {WORST_ROWS}""",
                size=(12, 10),
                overrides=shared,
            )
        )
    return made


def _by_shell() -> list[Json]:
    return [
        _shell_mean("power_margin_w", "Is there power to spare, and in which shell not?"),
        _shell_least("power_margin_w", "The one satellite of each shell with least power."),
        _shell_mean("state_of_charge_ratio", "How full are the batteries, through each orbit?"),
        _shell_least("thermal_headroom_k", "How near is the hottest node of each shell?"),
        _shell_mean("link_health_ratio", "Which shell loses its links?"),
        time_series(
            "Job throughput by shell, total",
            "Useful work of all satellites together: does a shell lose work? Mean over each "
            "bucket of the sum over the satellites; stale satellites do not count.",
            f"""
{fleet_tier(["shell", "job_throughput_tops_sum"])}, moments AS (
  SELECT ts, shell, sum(job_throughput_tops_sum) AS total FROM tier GROUP BY ts, shell
)
SELECT {BUCKET}, shell AS metric, avg(total) AS total
FROM moments, newest WHERE {CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2""",
            grafana_unit(DERIVED["job_throughput_tops"][0]),
            size=(12, 8),
        ),
    ]


def _shell_mean(state: str, question: str) -> Json:
    return time_series(
        f"{_title(state).capitalize()} by shell, mean",
        f"{question} Mean over the satellites that are not stale.",
        f"""
{fleet_tier(["shell", "satellites - stale AS fresh", f"{state}_mean"])}
SELECT {BUCKET}, shell AS metric,
  sum({state}_mean * fresh) / nullif(sum(fresh) FILTER (WHERE {state}_mean IS NOT NULL), 0) AS mean
FROM tier, newest WHERE {CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2""",
        grafana_unit(DERIVED[state][0], state),
    )


def _shell_least(state: str, question: str) -> Json:
    return time_series(
        f"{_title(state).capitalize()} by shell, least",
        f"{question} Least value of any satellite that is not stale.",
        f"""
{fleet_tier(["shell", f"{state}_min"])}
SELECT {BUCKET}, shell AS metric, min({state}_min) AS least
FROM tier, newest WHERE {CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2""",
        grafana_unit(DERIVED[state][0], state),
    )


def _by_fleet(counts: dict[str, str]) -> str:
    """Numbers of satellites over time: the `min` or `max` of each bucket, fleet by fleet.

    Fleets report in different rhythms: only within one do the groups of a second add up.
    """
    totals = ", ".join(f"sum({c}) AS {c}" for c in counts)
    chosen = ", ".join(f"{how}({c}) AS {c}" for c, how in counts.items())
    return f"""{fleet_tier(["fleet", *counts])}, moments AS (
  SELECT ts, fleet, {totals} FROM tier GROUP BY ts, fleet
), buckets AS (
  SELECT {BUCKET}, fleet, {chosen} FROM moments, newest WHERE {CLOSED} GROUP BY 1, 2
)
SELECT time, {totals} FROM buckets GROUP BY time ORDER BY time"""


def _severity() -> list[Json]:
    abnormal = SEVERITIES[1:]
    return [
        time_series(
            "Satellites by severity",
            "How many satellites left nominal, and how badly; the most in each bucket. Nominal "
            "ones are left out: they would hide the rest.",
            f"""
{_by_fleet(dict.fromkeys(abnormal, "max"))}""",
            "none",
            stacked=True,
            overrides=[override(s, fixed_colour(COLOURS[s])) for s in abnormal],
            least=0,
        ),
        time_series(
            "Satellites reporting and stale",
            "Does telemetry arrive? The fewest that reported and the most that were stale in "
            "each bucket.",
            f"""
{_by_fleet({"reporting": "min", "stale": "max"})}""",
            "none",
            overrides=[
                override("reporting", fixed_colour(COLOURS["normal"])),
                override("stale", fixed_colour(STALE_COLOUR)),
            ],
            least=0,
        ),
    ]


def _events() -> Json:
    return table(
        "Newest events",
        f"The newest {EVENT_ROWS} events in the time range: limits raised, eased and cleared, "
        "satellites that fell silent, gaps, clocks; the newest first.",
        f"""
SELECT ts, sat_id, name, severity, kind, state, parameter, value, limit_value, unit, message
FROM event
WHERE $__timeFilter(ts) AND fleet IN (${{fleet:sqlstring}})
ORDER BY ts DESC LIMIT {EVENT_ROWS}""",
        overrides=[
            override("ts", ("unit", "dateTimeAsIso")),
            override("severity", *coloured_text(SEVERITY_MAPPING)),
        ],
    )


def _title(state: str) -> str:
    """`power margin` of `power_margin_w`."""
    return state.rsplit("_", 1)[0].replace("_", " ")
