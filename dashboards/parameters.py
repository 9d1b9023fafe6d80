"""Panels of what a vehicle type measures, from its catalogue."""

from __future__ import annotations

from dashboards.dashboard import Section
from dashboards.panels import Json, override, state_timeline, table, time_series
from dashboards.sql import BUCKET, CLOSED, OF_SATELLITE, measured, text
from dashboards.states import states_of
from dashboards.subsystems import SUBSYSTEMS, Group, groups
from dashboards.units import (
    grafana_unit,
    least_interval,
    limits_in_words,
    limits_of,
    limits_text,
    thresholds,
)
from orbitwin.catalogue import DERIVED, Vehicle


def parameter_sections(vehicle: Vehicle) -> list[Section]:
    """A section a subsystem, and one of the parameters whose values have names."""
    made = list(groups(vehicle))
    sections = [
        Section(
            f"Measured: {subsystem}",
            [_group(vehicle, g) for g in made if g.subsystem == subsystem],
        )
        for subsystem in SUBSYSTEMS
        if any(g.subsystem == subsystem for g in made)
    ]
    modes = [c.name for c in vehicle.parameters.values() if c.values]
    if modes:
        sections.append(Section("Measured: modes", [_mode(vehicle, name) for name in modes]))
    return sections


def _group(vehicle: Vehicle, group: Group) -> Json:
    names = [c.name for c in group.columns]
    limits = {n: limits_of(vehicle, n) for n in names}
    limited = [n for n in names if limits[n]]
    # Lines of different parameters share an axis: thresholds only where one set of limits is meant.
    common = limits[limited[0]] if limited and all(limits[n] == limits[names[0]] for n in names) \
        else ()  # fmt: skip
    listed = "; ".join(f"{c.name}: {c.description}" for c in group.columns)
    words = ". ".join(f"{n}: {limits_in_words(limits[n])}" for n in limited)
    mean = ", ".join(f"avg({n}) AS {n}" for n in names)
    return time_series(
        f"{_title(group)} ({group.packet.name})",
        f"Mean of each bucket, at full rate where it is kept. {listed}."
        + (f" Limits: {words}." if words else ""),
        f"""
{measured(names, group.packet.name, group.packet.period_s)}
SELECT {BUCKET}, {mean}
FROM tier, newest WHERE {CLOSED}
GROUP BY 1 ORDER BY 1""",
        grafana_unit(group.unit, names[0]),
        size=(8, 8),
        thresholds=thresholds(common) if common else None,
        interval=least_interval(group.packet.period_s),
    )


_UNIT_TITLES = {
    "W": "Power",
    "V": "Voltage",
    "mV": "Voltage",
    "A": "Current",
    "mA": "Current",
    "degC": "Temperature",
    "K": "Temperature",
    "kg/s": "Flow",
    "dBm": "Received power",
    "Gbps": "Data rate",
    "TOPS": "Work",
    "m": "Position",
    "rad": "Dose",
    "urad": "Pointing",
    "s": "Time",
}


def _title(group: Group) -> str:
    if len(group.columns) == 1:
        return _sentence(group.columns[0].description.split(",")[0].split(":")[0])
    if group.unit == "1":
        return "Ratios"
    return _UNIT_TITLES.get(group.unit, group.unit)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _mode(vehicle: Vehicle, name: str) -> Json:
    column = vehicle.parameters[name]
    packet = next(p for p in vehicle.packets.values() if name in p.by_name)
    names = " ".join(f"WHEN {code} THEN {text(word)}" for code, word in column.values.items())
    limits = limits_of(vehicle, name)
    return state_timeline(
        _sentence(column.description),
        f"{name}, by its names; the newest of each bucket, at full rate where it is kept."
        + limits_text(limits),
        f"""
WITH tier AS (
  SELECT ts, {name} FROM sat_raw
  WHERE $__timeFilter(ts) AND {OF_SATELLITE} AND packet = {text(packet.name)}
)
SELECT $__timeGroup(ts, $__interval) AS time,
  CASE CAST(arg_max({name}, ts) AS INTEGER) {names} END AS {name}
FROM tier
GROUP BY 1 ORDER BY 1""",
        (),
        interval=least_interval(packet.period_s),
    )


def newest_values(vehicle: Vehicle) -> Json:
    """Derived states from `latest`; what is measured from `sat_raw`: in a twin of large fleets
    `latest` has no columns for it."""
    packets = list(vehicle.packets.values())
    columns = [c for p in packets for c in p.columns]
    meanings = [
        f"CASE CAST({c.name} AS INTEGER) "
        + " ".join(f"WHEN {code} THEN {text(word)}" for code, word in c.values.items())
        + " END"
        if c.values
        else "NULL"
        for c in columns
    ]
    derived = states_of(vehicle)
    names = [*derived, *(c.name for c in columns)]
    units = [*(DERIVED[d][0] for d in derived), *(c.unit for c in columns)]
    words = [*(DERIVED[d][3] for d in derived), *(c.description for c in columns)]
    times = [*("t_event" for _ in derived), *(f"ts_{p.name}" for p in packets for _ in p.columns)]
    listed = [
        ("parameter", "VARCHAR", [text(n) for n in names]),
        ("value", "DOUBLE", [f"CAST({n} AS DOUBLE)" for n in names]),
        ("unit", "VARCHAR", [text("" if u == "1" else u) for u in units]),
        ("meaning", "VARCHAR", ["NULL"] * len(derived) + meanings),
        ("at", "TIMESTAMPTZ", times),
        ("description", "VARCHAR", [text(w) for w in words]),
    ]
    lists = ",\n  ".join(
        f"unnest(CAST([{', '.join(items)}] AS {kind}[])) AS {n}" for n, kind, items in listed
    )
    sources = "".join(
        f""", (
  SELECT {", ".join(f"arg_max({c.name}, ts) AS {c.name}" for c in p.columns)},
    max(ts) AS ts_{p.name}
  FROM sat_raw WHERE $__timeFilter(ts) AND {OF_SATELLITE} AND packet = {text(p.name)}
)"""
        for p in packets
    )
    return table(
        "Newest values",
        "Every derived state as it came last, whatever its age, and every measured parameter as it "
        "came last within the time range, where full rate is kept; and when that was.",
        f"""
SELECT {lists}
FROM (SELECT {", ".join(["t_event", *derived])} FROM latest WHERE {OF_SATELLITE}){sources}""",
        size=(12, 12),
        overrides=[override("value", ("decimals", 3)), override("at", ("unit", "dateTimeAsIso"))],
    )
