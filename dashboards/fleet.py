"""The "Fleet" dashboard: all satellites at a glance, and the way to the ones in trouble."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.charts import heat_map
from dashboards.dashboard import Section, annotation, dashboard, group_variables
from dashboards.groups import plane_map, shell_least, shell_mean, shell_total
from dashboards.lists import (
    EVENT_ROWS,
    newest_events,
    open_alarms,
    state_columns,
    worst,
)
from dashboards.panels import (
    HIDDEN,
    Json,
    bar_gauge,
    coloured_cell,
    coloured_text,
    fixed_colour,
    link,
    override,
    stat,
    table,
    time_series,
)
from dashboards.sql import (
    BLOCK_NAME,
    BRIDGED_MS,
    BUCKET,
    CLOSED,
    LONG_RANGES,
    OF_FLEET,
    OF_SATELLITES,
    PLANES_PER_BLOCK,
    fleet_tier,
    minute_tier,
)
from dashboards.states import has
from dashboards.units import COLOURS, SEVERITY_MAPPING, STALE_COLOUR, age_steps
from orbitwin.catalogue import SEVERITIES, Vehicle

UID = "orbitwin-fleet"
STALE_STEPS: Json = {
    "mode": "absolute",
    "steps": [{"color": "text", "value": None}, {"color": STALE_COLOUR, "value": 1}],
}
BESIDE = ("power_margin_w", "state_of_charge_ratio", "thermal_headroom_k")
"""States that a list of the worst satellites shows beside its own."""

SHARE_STEPS: Json = {
    "mode": "absolute",
    "steps": [
        {"color": COLOURS["normal"], "value": None},
        {"color": COLOURS["warning"], "value": 0.01},
        {"color": COLOURS["critical"], "value": 0.1},
    ],
}
"""Shares of a group that are not nominal: a hundredth is worth a look, a tenth is an incident."""


def fleet_dashboard(vehicles: Sequence[Vehicle]) -> Json:
    """The whole dashboard, of the derived states that some vehicle type has."""
    return dashboard(
        UID,
        "Fleet",
        "All satellites of the twin: who reports, how bad it is, who is worst, and since when.",
        [
            Section("Now", _now(vehicles)),
            Section("Incidents", [open_alarms()]),
            Section("By shell and plane", [_groups(vehicles), _share_map()]),
            Section(
                "Worst satellites",
                [
                    worst(state, vehicles, [b for b in BESIDE if b != state and has(vehicles, b)])
                    for state in ("power_margin_w", "thermal_headroom_k")
                    if has(vehicles, state)
                ],
            ),
            Section("Over time, by shell", _by_shell(vehicles)),
            Section("Severity over time", _severity()),
            Section("Events", [newest_events()]),
        ],
        variables=group_variables(),
        annotations=[raised_marks()],
    )


def raised_marks() -> Json:
    """Marks over the plots of dashboards about fleets."""
    return annotation(
        "Raised: distress and worse",
        f"""
SELECT ts AS time, name || ': ' || message AS text, kind || ',' || severity AS tags
FROM event
WHERE $__timeFilter(ts) AND {OF_FLEET} AND state = 'raised'
  AND severity IN ('distress', 'critical', 'severe')
ORDER BY ts DESC LIMIT {EVENT_ROWS}""",
        COLOURS["critical"],
    )


def _now(vehicles: Sequence[Vehicle]) -> list[Json]:
    return [
        stat(
            "Satellites",
            "Satellites that belong to the chosen fleets, shells and planes.",
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
            "Satellites that missed several packets in a row, or have never been heard: their "
            "values are old or unknown, and every panel that shows them says so.",
            _count(stale="coalesce(stale, true)"),
            "none",
            thresholds=STALE_STEPS,
        ),
        data_age(vehicles),
        bar_gauge(
            "Severities",
            "Satellites by the worst severity of any of their limits; stale ones do not count.",
            _count(**{s: f"severity = '{s}' AND NOT stale" for s in SEVERITIES}),
            COLOURS,
            size=(8, 4),
        ),
    ]


def data_age(vehicles: Sequence[Vehicle]) -> Json:
    return stat(
        "Data age",
        "Now less the event time of the newest packet of any satellite. It grows while nothing "
        "arrives: look at it first, since no satellite is marked stale while the processors stand "
        "still. It is large when a recording with its original times is looked at.",
        f"SELECT epoch(now() - max(t_event)) AS age FROM latest WHERE {OF_SATELLITES}",
        "s",
        thresholds=age_steps(vehicles),
        decimals=0,
    )


def _count(**what: str) -> str:
    """Numbers of satellites by condition. From `latest`: `fleet_1s` says nothing of a fleet in a
    second in which none of its packets fell."""
    counts = ", ".join(f"count(*) FILTER ({where}) AS {name}" for name, where in what.items())
    return f"SELECT {counts} FROM latest WHERE {OF_SATELLITES}"


# --- shells and planes ----------------------------------------------------------------------------


def _groups(vehicles: Sequence[Vehicle]) -> Json:
    """A row a shell and block of planes, now, coloured by share and limits."""
    means = {
        "power_margin_w": "avg",
        "state_of_charge_ratio": "avg",
        "thermal_headroom_k": "min",
        "link_health_ratio": "avg",
        "goodput_ratio": "avg",
    }
    means = {s: how for s, how in means.items() if has(vehicles, s)}
    values = "".join(f", {how}({s}) FILTER (NOT stale) AS {s}" for s, how in means.items())
    here = f"/d/{UID}?var-profile=${{__data.fields.fleet}}&var-shell=${{__data.fields.shell}}"
    return table(
        "State by shell and plane block",
        f"Each shell and block of {PLANES_PER_BLOCK} planes now: how many satellites, which share "
        "is stale or was never heard, how old the newest packet is, which share is not nominal, "
        "the worst severity; means over the satellites that are not stale, and the least thermal "
        "headroom. The most abnormal come first; a click on the planes shows them alone.",
        f"""
SELECT fleet, shell, {BLOCK_NAME} AS planes, block, count(*) AS satellites,
  avg(CAST(coalesce(stale, true) AS INTEGER)) AS stale, epoch(now() - max(t_event)) AS age,
  avg(CAST(severity > 'normal' AS INTEGER)) FILTER (NOT stale) AS abnormal,
  max(severity) FILTER (NOT stale) AS worst{values}
FROM (SELECT *, plane // {PLANES_PER_BLOCK} AS block FROM latest WHERE {OF_SATELLITES})
GROUP BY fleet, shell, block
ORDER BY abnormal DESC NULLS LAST, stale DESC, fleet, shell, block""",
        size=(12, 12),
        overrides=[
            override("block", HIDDEN),
            override(
                "planes",
                link(
                    "Show this block of planes",
                    here + "&var-plane=${__data.fields.block}&${__url_time_range}",
                ),
            ),
            override("stale", ("unit", "percentunit"), *coloured_cell(SHARE_STEPS)),
            override("age", ("unit", "s"), ("decimals", 0), *coloured_cell(age_steps(vehicles))),
            override("abnormal", ("unit", "percentunit"), *coloured_cell(SHARE_STEPS)),
            override("worst", *coloured_text(SEVERITY_MAPPING)),
            *state_columns(vehicles, means),
        ],
    )


def _share_map() -> Json:
    bad = " + ".join(SEVERITIES[1:])
    return heat_map(
        "Share that is not nominal, by plane block",
        "Which planes left nominal, and since when? Satellites with a severity over normal, as a "
        "share of those of each shell and block of planes that are not stale: blue is none, red a "
        "tenth and more, empty where all are stale. Minutes." + LONG_RANGES,
        f"""
{minute_tier(["satellites - stale AS fresh", f"{bad} AS bad"])}
SELECT {BUCKET}, shell || ', ' || {BLOCK_NAME} AS metric,
  sum(bad) / nullif(sum(fresh), 0) AS share
FROM tier, newest WHERE {CLOSED}
GROUP BY 1, shell, block ORDER BY 1, shell, block""",
        "percentunit",
        size=(12, 12),
        interval="1m",
        low_is_bad=False,
        scale=(0.0, 0.1),
    )


def _by_shell(vehicles: Sequence[Vehicle]) -> list[Json]:
    work = "Useful work of all satellites together: does a shell lose work?"
    made = [
        ("power_margin_w", shell_mean),
        ("power_margin_w", shell_least),
        ("state_of_charge_ratio", shell_mean),
        ("thermal_headroom_k", shell_least),
        ("link_health_ratio", shell_mean),
        ("job_throughput_tops", lambda state, _: shell_total(state, work)),
        ("power_margin_w", plane_map),
    ]
    return [draw(state, vehicles) for state, draw in made if has(vehicles, state)]


# --- counts over time -----------------------------------------------------------------------------


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
            "ones are left out: they would hide the rest." + LONG_RANGES,
            f"""
{_by_fleet(dict.fromkeys(abnormal, "max"))}""",
            "none",
            stacked=True,
            overrides=[override(s, fixed_colour(COLOURS[s])) for s in abnormal],
            least=0,
            bridged_ms=BRIDGED_MS,
        ),
        time_series(
            "Satellites reporting and stale",
            "Does telemetry arrive? The fewest that reported and the most that were stale in "
            "each bucket." + LONG_RANGES,
            f"""
{_by_fleet({"reporting": "min", "stale": "max"})}""",
            "none",
            overrides=[
                override("reporting", fixed_colour(COLOURS["normal"])),
                override("stale", fixed_colour(STALE_COLOUR)),
            ],
            least=0,
            bridged_ms=BRIDGED_MS,
        ),
    ]
