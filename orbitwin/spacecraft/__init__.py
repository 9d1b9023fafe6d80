"""One step of a fleet of compute spacecraft: own parameters and state in, true values out.

Pure functions over rows of satellites, float32; a file a subsystem.  `own` holds parameters by the
keys of a profile (`Nominal.numbers`), and what `derive` works out of them; a value is a number
when all satellites share it and an array (N,) otherwise.  The truth of a synthetic fleet and the
twin's forecast are this model with different numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin.spacecraft import heat, jobs, links, power, radiation
from orbitwin.spacecraft.links import link_values
from orbitwin.spacecraft.own import NEUTRAL, Array, Own, settle
from orbitwin.spacecraft.radiation import expose
from orbitwin.spacecraft.surroundings import Surroundings, surroundings

__all__ = [
    "NEUTRAL",
    "STATE",
    "Array",
    "Own",
    "Surroundings",
    "derive",
    "expose",
    "initial_state",
    "link_values",
    "slow_values",
    "step",
    "surroundings",
]

STATE = (
    "energy_wh",
    "panel_degc",
    "plate_degc",
    "radiator_degc",
    "battery_degc",
    "molten_j",  # in the heat store on the cold plates
    "safe",
    "resting",
    "dose_rad",  # since the state began, float64
    "burst_rad",  # the dose to which extra corrected errors would belong, float64
)
"""What a satellite remembers."""

FLOAT64_STATE = ("dose_rad", "burst_rad")
"""Sums over years of small steps."""


def derive(own: dict[str, object]) -> None:
    """Add to `own` what follows from its parameters, and neutral values of those it lacks.

    Parameters themselves stay as they are: after a change `derive` may be called again.
    """
    for key, value in NEUTRAL.items():
        own.setdefault(key, value)
    for part in (power, heat, jobs, links, radiation):
        own.update({key: settle(value) for key, value in part.derived(own).items()})


def initial_state(own: Own, rows: int) -> dict[str, NDArray[Any]]:
    """A charged satellite at working temperature, from which a run over an orbit starts."""
    values = {
        "energy_wh": own["full_wh"],
        "panel_degc": 40.0,
        "plate_degc": np.minimum(55.0, own["resume_below_degc"]),
        "radiator_degc": 40.0,
        "battery_degc": own["mount_degc"],
    }
    values["radiator_degc"] = np.minimum(values["radiator_degc"], values["plate_degc"])
    return {
        name: np.array(
            np.broadcast_to(values.get(name, 0.0), rows),
            np.float64 if name in FLOAT64_STATE else np.float32,
        )
        for name in STATE
    }


def step(
    own: Own, state: dict[str, Array], around: Surroundings, ocv_v: Array, dt_s: float
) -> dict[str, Array]:
    """Move `state` (written in place) on by `dt_s` and give the true values of the fast packet.

    Links (`link_values`) and dose (`expose`) have functions of their own.
    """
    true: dict[str, Array] = {}
    array_w = power.array(own, state, around, true, dt_s)
    jobs.work(own, state, around, true)
    surplus_w = array_w * own["regulator_ratio"] - true["load_w"]
    power.battery(own, state, surplus_w, ocv_v, true, dt_s)
    heat.loop(own, state, around, true, dt_s)
    return true


def slow_values(
    own: Own,
    state: dict[str, Array],
    attitude_wave: Array,
    battery_v: Array,
    launch_rad: NDArray[Any],
) -> dict[str, Array]:
    """Columns of the slow packet that follow from parameters and state.

    `attitude_wave` is the wave of attitude, `battery_v` the pack's voltage, `launch_rad` the dose
    (N,) from launch to the beginning of the state.
    """
    return {
        **radiation.counts(own, state, launch_rad),
        **links.slow(own, attitude_wave),
        **power.slow(own, battery_v),
        **jobs.slow(own, state, attitude_wave),
        **heat.slow(own, state),
    }
