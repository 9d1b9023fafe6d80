"""Panels of the Satellite dashboard about its model: predicted against measured, what was learnt,
and the forecast of the next orbit.

A relation is drawn with the band that holds 95 % of a healthy satellite's readings
(1.96 sigmas); forecasts with their own bounds, which hold 90 %.
"""

from __future__ import annotations

from collections.abc import Iterable

from dashboards.dashboard import Section
from dashboards.panels import Json, fixed_colour, override, table, time_series
from dashboards.sql import BRIDGED_MS, BUCKET, CLOSED, OF_SATELLITE, text
from dashboards.states import has
from dashboards.subsystems import SUBSYSTEMS, channel_subsystem
from dashboards.twin import DOSE
from dashboards.units import grafana_unit, limits_of, limits_text, thresholds
from orbitwin.catalogue import Vehicle
from orbitwin.vehicle import Channel

MEASURED_COLOUR = "#ffffff"
PREDICTED_COLOUR = "#4f9dde"
SIGMAS_95 = 1.96


def band(low: str, middle: str, high: str) -> list[Json]:
    """A line with a filled band around it, by the names of three columns."""
    edge = ("custom.lineWidth", 0)
    return [
        override(middle, fixed_colour(PREDICTED_COLOUR)),
        override(low, fixed_colour(PREDICTED_COLOUR), edge),
        override(
            high,
            fixed_colour(PREDICTED_COLOUR),
            edge,
            ("custom.fillBelowTo", low),
            ("custom.fillOpacity", 15),
        ),
    ]


def model_sections(vehicle: Vehicle) -> list[Section]:
    """Forecast of what the vehicle has, a section of relations a subsystem, and what was learnt;
    none without a model."""
    if not vehicle.channels:
        return []
    by_subsystem: dict[str, list[Channel]] = {name: [] for name in SUBSYSTEMS}
    for channel in vehicle.channels:
        by_subsystem[channel_subsystem(vehicle, channel)].append(channel)
    ahead = _forecasts(vehicle)
    return [
        *([Section("Forecast of the next orbit", [next_orbit(vehicle), *ahead])] if ahead else []),
        Section("Model", [_sigmas(), *_learnt(vehicle)]),
        *(
            Section(f"Predicted against measured: {name}", [_relation(c) for c in channels])
            for name, channels in by_subsystem.items()
            if channels
        ),
    ]


# --- relations ------------------------------------------------------------------------------------


def _minutes(columns: Iterable[str], source: str) -> str:
    return f"""WITH tier AS (
  SELECT ts, {", ".join(columns)}, ts + INTERVAL 1 MINUTE AS until FROM {source}
), newest AS (SELECT max(until) AS ends FROM tier)"""


def _relation(channel: Channel) -> Json:
    of = (
        f"residual_1m WHERE $__timeFilter(ts) AND {OF_SATELLITE} "
        f"AND parameter = {text(channel.name)}"
    )
    columns = [
        "measured",
        "predicted",
        f"predicted - {SIGMAS_95} * sigma AS low",
        f"predicted + {SIGMAS_95} * sigma AS high",
    ]
    return time_series(
        channel.name.replace("_", " "),
        f"{channel.description[:1].upper()}{channel.description[1:]}. White is measured, blue is "
        "what the satellite's own model expects, and the band holds 95 % of a healthy "
        "satellite's readings. Minutes; gaps where nothing was judged.",
        f"""
{_minutes(columns, of)}
SELECT {BUCKET}, avg(measured) AS measured, avg(predicted) AS predicted, avg(low) AS low,
  avg(high) AS high
FROM tier, newest WHERE {CLOSED}
GROUP BY 1 ORDER BY 1""",
        grafana_unit(channel.unit, channel.name),
        size=(8, 8),
        interval="1m",
        bridged_ms=BRIDGED_MS,
        overrides=[
            override("measured", fixed_colour(MEASURED_COLOUR)),
            *band("low", "predicted", "high"),
        ],
    )


def _sigmas() -> Json:
    return time_series(
        "How far off, in sigmas",
        "Residual of every relation in sigmas, mean of each minute. A healthy satellite wavers "
        "around 0, mostly within 2; what leaves together shows a fault.",
        f"""
{_minutes(["parameter", "z"], f"residual_1m WHERE $__timeFilter(ts) AND {OF_SATELLITE}")}
SELECT {BUCKET}, parameter AS metric, avg(z) AS z
FROM tier, newest WHERE {CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2""",
        "none",
        interval="1m",
        bridged_ms=BRIDGED_MS,
    )


def _learnt(vehicle: Vehicle) -> list[Json]:
    """What the model learnt, as figures and over time; nominal values are the catalogue's."""
    of = {c.learns: c for c in vehicle.channels if c.learns}
    if not of:
        return []
    nominal = ", ".join(
        f"({text(name)}, {c.nominal:.9g}, {c.spread:.9g})" for name, c in of.items()
    )
    known = f"(VALUES {nominal}) AS known(name, nominal, spread)"
    return [
        table(
            "What was learnt of this satellite",
            "The newest estimate of everything that is particular to this satellite, its "
            "uncertainty (one sigma), and how it differs from the nominal satellite. A ratio is 1 "
            "for the nominal one.",
            f"""
SELECT known.name, value, sigma, nominal, value - nominal AS difference, newest.ts
FROM {known} LEFT JOIN (
  SELECT name, arg_max(value, ts) AS value, arg_max(sigma, ts) AS sigma, max(ts) AS ts
  FROM estimate_1m WHERE $__timeFilter(ts) AND {OF_SATELLITE} GROUP BY name
) AS newest ON newest.name = known.name
ORDER BY known.name""",
            size=(12, 8),
            overrides=[
                override("value", ("decimals", 4)),
                override("sigma", ("decimals", 4)),
                override("nominal", ("decimals", 4)),
                override("difference", ("decimals", 4)),
                override("ts", ("unit", "dateTimeAsIso")),
            ],
        ),
        time_series(
            "Learnt, in spreads from nominal",
            "Does something age or change? Each estimate less its nominal value, in the spread "
            "that satellites of the type have among each other.",
            f"""
WITH tier AS (
  SELECT ts, e.name, (value - nominal) / nullif(spread, 0) AS spreads,
    ts + INTERVAL 1 MINUTE AS until
  FROM estimate_1m AS e JOIN {known} ON known.name = e.name
  WHERE $__timeFilter(ts) AND {OF_SATELLITE}
), newest AS (SELECT max(until) AS ends FROM tier)
SELECT {BUCKET}, name AS metric, avg(spreads) AS spreads
FROM tier, newest WHERE {CLOSED}
GROUP BY 1, 2 ORDER BY 1, 2""",
            "none",
            size=(24, 8),
            interval="1m",
            bridged_ms=BRIDGED_MS,
        ),
    ]


# --- the next orbit -------------------------------------------------------------------------------

FORECASTS = {
    "charge_min_ratio": ("Least charge ahead", "1", "state_of_charge_ratio"),
    "chip_max_t_degc": ("Hottest chip ahead", "degC", "chip_max_t_degc"),
    "link_margin_min_db": ("Least link margin ahead", "dB", "link_margin_db"),
    "dose_rad": ("Dose ahead", "rad", DOSE),
}
"""What is forecast with bounds: title, unit, and the parameter or state that it is of, whose limits
hold; but for the dose's, which are of a whole life."""


def next_orbit(vehicle: Vehicle) -> Json:
    """Everything the newest forecast says of what the vehicle has, a row each."""
    charge, chips, links, dose = (of for _, _, of in FORECASTS.values())
    everything = [
        ("enters the Earth's shadow", "eclipse_entry", "", "NULL", charge),
        ("leaves the Earth's shadow", "eclipse_exit", "", "NULL", charge),
        ("least state of charge", "charge_min_ts", "charge_min_ratio", "''", charge),
        ("hottest chip", "NULL", "chip_max_t_degc", "'degC'", chips),
        ("chips begin to slow down for heat", "throttle_ts", "", "NULL", chips),
        ("least link margin", "NULL", "link_margin_min_db", "'dB'", links),
        ("first link is lost", "link_outage_ts", "", "NULL", links),
        ("enters the South Atlantic Anomaly", "saa_entry", "", "NULL", dose),
        ("leaves the South Atlantic Anomaly", "saa_exit", "", "NULL", dose),
        ("dose behind the shielding", "NULL", "dose_rad", "'rad'", dose),
    ]
    items = [item[:4] for item in everything if has([vehicle], item[4])]

    def column(name: str, kind: str, values: Iterable[str]) -> str:
        return f"unnest(CAST([{', '.join(values)}] AS {kind}[])) AS {name}"

    columns = ",\n  ".join(
        [
            column("what", "VARCHAR", (text(i[0]) for i in items)),
            column("at", "TIMESTAMPTZ", (i[1] for i in items)),
            column("expected", "DOUBLE", (i[2] or "NULL" for i in items)),
            column("low", "DOUBLE", (f"{i[2]}_low" if i[2] else "NULL" for i in items)),
            column("high", "DOUBLE", (f"{i[2]}_high" if i[2] else "NULL" for i in items)),
            column("unit", "VARCHAR", (i[3] for i in items)),
        ]
    )
    return table(
        "Next orbit",
        "What the newest forecast says of the orbit ahead; low and high hold 90 %. Empty: not "
        "within one orbit. State: whether the forecast began from fresh telemetry, or is carried "
        "on from the last state of a satellite that is stale. No row: fleets over "
        "processor.forecast_max_satellites, and those whose profile does not give the satellite's "
        "physics, are not forecast.",
        f"""
SELECT {columns},
  CASE WHEN coasting THEN 'stale' ELSE 'fresh' END AS state, ts AS made
FROM forecast_latest WHERE {OF_SATELLITE}""",
        size=(24, 9),
        overrides=[
            override("at", ("unit", "dateTimeAsIso")),
            override("made", ("unit", "dateTimeAsIso")),
            *(override(name, ("decimals", 3)) for name in ("expected", "low", "high")),
        ],
    )


def _forecasts(vehicle: Vehicle) -> list[Json]:
    made = []
    for name, (title, unit, of) in FORECASTS.items():
        if not has([vehicle], of):
            continue
        limits = limits_of(vehicle, of) if of != DOSE else ()
        made.append(
            time_series(
                title,
                "What each forecast said of the orbit that then lay ahead, and the bounds that "
                "hold 90 %, by the time it was made." + limits_text(limits),
                f"""
{
                    _minutes(
                        [name, f"{name}_low AS low", f"{name}_high AS high"],
                        f"forecast WHERE $__timeFilter(ts) AND {OF_SATELLITE}",
                    )
                }
SELECT {BUCKET}, avg({name}) AS expected, avg(low) AS low, avg(high) AS high
FROM tier, newest WHERE {CLOSED}
GROUP BY 1 ORDER BY 1""",
                grafana_unit(unit, name),
                size=(6, 8),
                interval="1m",
                thresholds=thresholds(limits) if limits else None,
                bridged_ms=BRIDGED_MS,
                overrides=band("low", "expected", "high"),
            )
        )
    return made
