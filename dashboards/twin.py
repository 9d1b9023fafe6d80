"""Panels of what the model says of a whole fleet: worst forecasts, relations, what was learnt.

These tables have rows of fleets up to the sizes that the processors model and forecast
(`processor.model_max_satellites`, `processor.forecast_max_satellites`) and of satellites with an
alarm; a panel reads the newest minutes of them only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.lists import WORST_ROWS, satellite_columns
from dashboards.panels import Json, override, table
from dashboards.sql import OF_SATELLITES, listed, text
from dashboards.states import limits_of_types
from orbitwin.catalogue import Vehicle
from orbitwin.vehicle import Channel

NEWEST_MINUTES = 3
"""A minute is written some seconds after its end: the newest whole one is among the last three."""

_NEWEST = (
    f"ts > CAST($__timeTo() AS TIMESTAMPTZ) - INTERVAL {NEWEST_MINUTES} MINUTE "
    "AND ts <= CAST($__timeTo() AS TIMESTAMPTZ)"
)
_CHOSEN = f"sat_id IN (SELECT sat_id FROM satellite WHERE {OF_SATELLITES})"

DOSE = "dose_rad"
"""Its limits are of a whole life: they say nothing of one orbit's dose."""


@dataclass(frozen=True)
class Worst:
    """A list by a forecast's bound: the title, what is shown, and what comes first."""

    title: str
    question: str
    columns: tuple[str, ...]
    first: str
    units: Mapping[str, str]
    of: str  # the state or parameter that is forecast


FORECAST_WORST = {
    "charge": Worst(
        "Least charge ahead",
        "Whose battery will the next orbit drain most?",
        ("charge_min_ratio", "charge_min_ratio_low", "charge_min_ratio_high", "charge_min_ts"),
        "charge_min_ratio_low",
        dict.fromkeys(
            ("charge_min_ratio", "charge_min_ratio_low", "charge_min_ratio_high"), "percentunit"
        ),
        "state_of_charge_ratio",
    ),
    "chips": Worst(
        "Hottest chips ahead",
        "Whose chips will be hottest in the next orbit, and when will they slow down for it?",
        ("chip_max_t_degc", "chip_max_t_degc_low", "chip_max_t_degc_high", "throttle_ts"),
        "chip_max_t_degc_high DESC",
        dict.fromkeys(
            ("chip_max_t_degc", "chip_max_t_degc_low", "chip_max_t_degc_high"), "celsius"
        ),
        "chip_max_t_degc",
    ),
    "links": Worst(
        "Links at risk ahead",
        "Whose links will be weakest in the next orbit, and when will the first be lost?",
        ("link_margin_min_db", "link_margin_min_db_low", "link_margin_min_db_high",
         "link_outage_ts"),
        "link_margin_min_db_low",
        dict.fromkeys(
            ("link_margin_min_db", "link_margin_min_db_low", "link_margin_min_db_high"), "dB"
        ),
        "link_margin_db",
    ),
    "dose": Worst(
        "Dose ahead",
        "Who will take most dose in the next orbit, and when is the South Atlantic Anomaly "
        "entered?",
        ("dose_rad", "dose_rad_low", "dose_rad_high", "saa_entry"),
        "dose_rad_high DESC",
        dict.fromkeys(("dose_rad", "dose_rad_low", "dose_rad_high"), "radrad"),
        DOSE,
    ),
}  # fmt: skip
_TIMES = ("charge_min_ts", "throttle_ts", "link_outage_ts", "saa_entry")


def forecast_worst(name: str, vehicles: Sequence[Vehicle]) -> Json:
    """The satellites for which the next orbit is worst, by the bound that 5 % pass."""
    of = FORECAST_WORST[name]
    return table(
        of.title,
        f"{of.question} The {WORST_ROWS} first by the worse bound; low and high hold 90 %. "
        "Data is stale where the forecast is carried on from an old state; age is that of the "
        "forecast. None: fleets over processor.forecast_max_satellites, and those whose profile "
        "does not give the satellite's physics, are not forecast."
        + (limits_of_types(vehicles, of.of) if of.of != DOSE else ""),
        f"""
SELECT sat_id, vehicle, name, shell, CASE WHEN coasting THEN 'stale' ELSE 'fresh' END AS data,
  {", ".join(of.columns)}, epoch(now() - ts) AS age
FROM forecast_latest JOIN satellite USING (sat_id)
WHERE {OF_SATELLITES} AND {of.columns[0]} IS NOT NULL
ORDER BY {of.first} LIMIT {WORST_ROWS}""",
        size=(24, 9),
        overrides=[
            *satellite_columns("data", "age"),
            *(override(column, ("unit", unit)) for column, unit in of.units.items()),
            *(override(c, ("unit", "dateTimeAsIso")) for c in of.columns if c in _TIMES),
        ],
        no_value="none",
    )


def channels_now(channels: Sequence[str]) -> Json:
    """How consistent each relation is over the fleet."""
    return table(
        "Relations now",
        "How well what is measured fits the models, over the newest minutes of all chosen "
        "satellites: nis is 1 and inside is 95 % where the model is right. Large fleets have rows "
        "of satellites with an alarm only.",
        f"""
SELECT parameter, count(DISTINCT sat_id) AS satellites,
  sum(nis * windows) / sum(windows) AS nis, sum(inside * windows) / sum(windows) AS inside,
  avg(z) AS mean_z, max(abs(z)) AS greatest_z, max(ts) AS newest
FROM residual_1m
WHERE {_NEWEST} AND parameter IN ({listed(channels)}) AND {_CHOSEN}
GROUP BY parameter ORDER BY nis DESC""",
        size=(12, 10),
        overrides=[
            override("inside", ("unit", "percentunit"), ("decimals", 1)),
            *(override(n, ("decimals", 2)) for n in ("nis", "mean_z", "greatest_z")),
            override("newest", ("unit", "dateTimeAsIso")),
        ],
    )


def off_most(channels: Sequence[str]) -> Json:
    """The satellites whose measurements lie farthest from what is expected of them."""
    return table(
        "Farthest from what is expected",
        f"The {WORST_ROWS} satellites and relations with the greatest residual, in sigmas, in the "
        "newest minutes; a click on a name opens the satellite.",
        f"""
WITH farthest AS (
  SELECT ts, sat_id, parameter, measured, predicted, unit, z
  FROM residual_1m
  WHERE {_NEWEST} AND parameter IN ({listed(channels)}) AND {_CHOSEN}
  ORDER BY abs(z) DESC LIMIT {WORST_ROWS * NEWEST_MINUTES}
), off AS (
  SELECT * FROM farthest
  QUALIFY row_number() OVER (PARTITION BY sat_id, parameter ORDER BY abs(z) DESC) = 1
  ORDER BY abs(z) DESC LIMIT {WORST_ROWS}
)
SELECT sat_id, vehicle, name, shell, parameter, measured, predicted, unit, z, off.ts
FROM off JOIN satellite USING (sat_id) ORDER BY abs(z) DESC""",
        size=(12, 10),
        overrides=[
            *satellite_columns("ts"),
            override("z", ("decimals", 1)),
        ],
        no_value="none",
    )


def learnt_now(channels: Mapping[tuple[str, str], Channel]) -> Json:
    """How what was learnt differs over the fleet; channels by vehicle type and learnt name."""
    known = ", ".join(f"({text(v)}, {text(n)}, {c.nominal:.9g})" for (v, n), c in channels.items())
    return table(
        "What was learnt of the satellites",
        "How satellites differ in what their models have learnt, over the newest minutes: "
        "nominal, mean, and the values below which 5 and 95 % lie. A ratio is 1 for the nominal "
        "satellite.",
        f"""
SELECT e.name, s.vehicle, nominal, count(DISTINCT sat_id) AS satellites, avg(value) AS mean,
  approx_quantile(value, 0.05) AS low, approx_quantile(value, 0.95) AS high, max(ts) AS newest
FROM estimate_1m AS e
  JOIN (SELECT sat_id, vehicle FROM satellite WHERE {OF_SATELLITES}) AS s USING (sat_id)
  JOIN (VALUES {known}) AS known(vehicle, name, nominal)
    ON known.name = e.name AND known.vehicle = s.vehicle
WHERE {_NEWEST}
GROUP BY e.name, s.vehicle, nominal ORDER BY e.name, s.vehicle""",
        size=(24, 8),
        overrides=[
            *(override(n, ("decimals", 4)) for n in ("nominal", "mean", "low", "high")),
            override("newest", ("unit", "dateTimeAsIso")),
        ],
    )
