"""The derived states in words, and which of them a vehicle type has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboards.units import limits_in_words, limits_of, thresholds
from orbitwin.catalogue import DERIVED, Limit, Vehicle

TITLES = {
    "power_margin_w": "Power margin",
    "state_of_charge_ratio": "State of charge",
    "thermal_headroom_k": "Thermal headroom",
    "link_health_ratio": "Link health",
    "link_margin_db": "Link margin",
    "job_throughput_tops": "Job throughput",
    "goodput_ratio": "Goodput",
}
QUESTIONS = {
    "power_margin_w": "Do the arrays give more than the spacecraft draws?",
    "state_of_charge_ratio": "How much is left in the battery?",
    "thermal_headroom_k": "How far is the node that is nearest to its temperature limit from it?",
    "link_health_ratio": "How well do the optical links stand, all in all?",
    "link_margin_db": "How far above the receiver's sensitivity is the received power?",
    "job_throughput_tops": "How much useful work is done, rolled-back work taken off?",
    "goodput_ratio": "What share of its rated work does the satellite do usefully?",
}
_NEEDS = {
    "power_margin_w": "available_w",
    "state_of_charge_ratio": "battery_cell_v",
    "thermal_headroom_k": "headroom_k",
    "link_health_ratio": "links_up_ratio",
    "link_margin_db": "link_margin_db",
    "job_throughput_tops": "work_tops",
    "goodput_ratio": "work_tops",
}


def states_of(vehicle: Vehicle) -> list[str]:
    """The derived states that this vehicle type's quantities can give."""
    return [state for state in DERIVED if _NEEDS[state] in vehicle.quantities]


def has(vehicles: Iterable[Vehicle], name: str) -> bool:
    """Whether some vehicle type has a derived state or a parameter."""
    return any(name in v.parameters or name in states_of(v) for v in vehicles)


def shared_limits(vehicles: Iterable[Vehicle], name: str) -> tuple[Limit, ...]:
    """Limits that every vehicle type which has any on `name` agrees on, else none.

    A panel over several types has one axis: thresholds of one type would be wrong for another.
    """
    found = {limits for v in vehicles if (limits := limits_of(v, name))}
    return found.pop() if len(found) == 1 else ()


def shared_thresholds(vehicles: Iterable[Vehicle], name: str) -> dict[str, object] | None:
    """Steps for `shared_limits`, None where there are none."""
    limits = shared_limits(vehicles, name)
    return thresholds(limits) if limits else None


def limits_of_types(vehicles: Sequence[Vehicle], name: str) -> str:
    """A sentence that lists the limits of each vehicle type; empty where there is none."""
    words = [f"{v.name}: {limits_in_words(x)}" for v in vehicles if (x := limits_of(v, name))]
    return f" Limits of {'; of '.join(words)}." if words else ""


def lower(state: str) -> str:
    """The title inside a sentence: `power margin`."""
    return TITLES[state].lower()
