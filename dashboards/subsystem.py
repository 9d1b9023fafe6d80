"""The dashboards "Power", "Thermal", "Links" and "Compute and jobs": one subsystem of all fleets.

Each has the same plan: the derived states by shell and plane, how they are spread, the worst
satellites now and in the next orbit, what stands, and what the model says of the subsystem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboards.dashboard import Section, dashboard, group_variables
from dashboards.fleet import data_age, raised_marks
from dashboards.groups import (
    distribution,
    percentiles,
    plane_map,
    shell_least,
    shell_mean,
    shell_total,
    unit_of,
)
from dashboards.lists import newest_events, open_alarms, worst
from dashboards.panels import Json, stat
from dashboards.sql import OF_SATELLITES
from dashboards.states import (
    TITLES,
    has,
    limits_of_types,
    lower,
    shared_limits,
    shared_thresholds,
)
from dashboards.subsystems import channel_subsystem, fault_subsystem, subsystem_of
from dashboards.twin import FORECAST_WORST, channels_now, forecast_worst, learnt_now, off_most
from dashboards.units import limits_in_words
from orbitwin.catalogue import Limit, Vehicle


@dataclass(frozen=True)
class Subsystem:
    """What a subsystem's dashboard is about."""

    uid: str
    title: str
    description: str
    parts: tuple[str, ...]  # of subsystems.SUBSYSTEMS
    states: tuple[str, ...]
    totals: tuple[str, ...]  # states whose sum over satellites is drawn
    forecasts: tuple[str, ...]  # of twin.FORECAST_WORST


POWER = Subsystem(
    "orbitwin-power",
    "Power",
    "Is there power to spare, how full are the batteries, and who will run low?",
    ("power",),
    ("power_margin_w", "state_of_charge_ratio"),
    ("power_margin_w",),
    ("charge",),
)
THERMAL = Subsystem(
    "orbitwin-thermal",
    "Thermal",
    "How far are chips, coolant and batteries from their limits, and who will slow down for heat?",
    ("thermal",),
    ("thermal_headroom_k",),
    (),
    ("chips",),
)
LINKS = Subsystem(
    "orbitwin-links",
    "Links",
    "Do the optical links hold, with which margin, and which will be lost?",
    ("links",),
    ("link_health_ratio", "link_margin_db"),
    (),
    ("links",),
)
COMPUTE = Subsystem(
    "orbitwin-compute",
    "Compute and jobs",
    "How much useful work is done, who does too little, and what radiation does to it?",
    ("compute", "health"),
    ("job_throughput_tops", "goodput_ratio"),
    ("job_throughput_tops",),
    ("chips", "dose"),
)
ALL = {"power": POWER, "thermal": THERMAL, "links": LINKS, "compute": COMPUTE}


def subsystems_of(vehicles: Sequence[Vehicle]) -> dict[str, Subsystem]:
    """Those of ALL that some vehicle type has: a dashboard of nothing but empty panels is none."""
    return {
        name: of
        for name, of in ALL.items()
        if any(has(vehicles, s) for s in of.states) or parameters_of(of, vehicles)
    }


def subsystem_dashboard(whole: Subsystem, vehicles: Sequence[Vehicle]) -> Json:
    """The dashboard of a subsystem, for the vehicle types that fly; panels of what they have."""
    of = replace(
        whole,
        states=tuple(s for s in whole.states if has(vehicles, s)),
        totals=tuple(s for s in whole.totals if has(vehicles, s)),
        forecasts=tuple(f for f in whole.forecasts if has(vehicles, FORECAST_WORST[f].of)),
    )
    parameters = sorted({*of.states, *parameters_of(of, vehicles)})
    channels = [c.name for v in vehicles for c in v.channels if _in(of, channel_subsystem(v, c))]
    learnt = {
        (v.name, c.learns): c
        for v in vehicles
        for c in v.channels
        if c.learns and _in(of, channel_subsystem(v, c))
    }
    sections = [
        Section("Now", _now(of, vehicles)),
        Section("Over time, by shell", _over_time(of, vehicles)),
        Section("By plane, over time", [plane_map(s, vehicles) for s in of.states]),
        Section(
            "How it is spread",
            [
                *(distribution(s, vehicles) for s in of.states),
                *(percentiles(s, vehicles) for s in of.states),
            ],
        ),
        Section("Worst satellites", [worst(s, vehicles, _others(of, s)) for s in of.states]),
        Section("The next orbit", [forecast_worst(name, vehicles) for name in of.forecasts]),
    ]
    sections = [section for section in sections if section.panels]
    if channels:
        sections.append(
            Section(
                "Model",
                [
                    channels_now(channels),
                    off_most(channels),
                    *([learnt_now(learnt)] if learnt else []),
                ],
            )
        )
    sections.append(
        Section("Events", [open_alarms(parameters=parameters), newest_events(parameters)])
    )
    return dashboard(
        of.uid,
        of.title,
        of.description,
        sections,
        variables=group_variables(),
        annotations=[raised_marks()],
    )


def parameters_of(of: Subsystem, vehicles: Sequence[Vehicle]) -> set[str]:
    """What events of the subsystem are about: parameters, relations and faults."""
    found: set[str] = set()
    for vehicle in vehicles:
        found |= {n for n, c in vehicle.parameters.items() if _in(of, subsystem_of(vehicle, c))}
        found |= {c.name for c in vehicle.channels if _in(of, channel_subsystem(vehicle, c))}
        found |= {s.fault for s in vehicle.signatures if _in(of, fault_subsystem(vehicle, s.fault))}
    return found


def _in(of: Subsystem, part: str) -> bool:
    return part in of.parts


def _others(of: Subsystem, state: str) -> list[str]:
    return [s for s in of.states if s != state]


def _now(of: Subsystem, vehicles: Sequence[Vehicle]) -> list[Json]:
    made = []
    for state in of.states:
        steps = shared_thresholds(vehicles, state)
        for how, word in (("avg", "mean"), ("min", "least")):
            made.append(
                stat(
                    f"{TITLES[state]}, {word}",
                    f"The {word} {lower(state)} of the chosen satellites that are not stale."
                    + limits_of_types(vehicles, state),
                    f"SELECT {how}({state}) AS {word} FROM latest "
                    f"WHERE {OF_SATELLITES} AND NOT stale",
                    unit_of(state),
                    thresholds=steps,
                )
            )
        for limit in shared_limits(vehicles, state):
            made.append(
                stat(
                    f"{TITLES[state]}: {limit.severity}",
                    f"Satellites that are not stale and whose {lower(state)} is beyond the limit "
                    f"now, however short: {limits_in_words([limit])}.",
                    f"SELECT count(*) FILTER ({beyond(state, limit)}) AS satellites FROM latest "
                    f"WHERE {OF_SATELLITES} AND NOT stale",
                    "none",
                )
            )
    made.append(data_age(vehicles))
    return made


def beyond(state: str, limit: Limit) -> str:
    """SQL that holds where a satellite of `latest` is beyond a limit."""
    sides = [f"{state} < {limit.below:g}"] if limit.below is not None else []
    sides += [f"{state} > {limit.above:g}"] if limit.above is not None else []
    light = {"any": "", "sunlit": " AND sunlit", "eclipse": " AND NOT sunlit"}[limit.context]
    return f"({' OR '.join(sides)}){light}"


def _over_time(of: Subsystem, vehicles: Sequence[Vehicle]) -> list[Json]:
    made = []
    for state in of.states:
        made += [shell_mean(state, vehicles), shell_least(state, vehicles)]
    return made + [shell_total(s, "How much is it of all satellites together?") for s in of.totals]
