"""Power of a satellite in the sun, and the energy of an orbit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orbitwin.nominal import Nominal
from orbitwin.physics import battery, compute, power
from orbitwin.physics.constants import SOLAR_CONSTANT_W_M2
from orbitwin.shell_facts.heat import panel_degc


@dataclass(frozen=True)
class Power:
    array_new_w: float  # at 28 degC, 1 au, square to the Sun
    array_w: float  # at the profile's age and the panel's temperature in the sun
    bus_w: float  # of it, behind the regulator
    payload_w: float
    load_w: float
    margin_in_sun_w: float


@dataclass(frozen=True)
class Energy:
    """The orbit with the longest eclipse of the year."""

    generated_wh: float
    used_wh: float
    balance_wh: float  # what charging leaves after the battery's losses; > 0 is energy-positive
    depth_of_discharge_ratio: float


def facts(nominal: Nominal, duty_ratio: float) -> Power:
    """Power in the sun of a satellite that works `duty_ratio` of the time."""
    p = nominal.parameters
    array_w = float(
        power.array_power_w(
            SOLAR_CONSTANT_W_M2,
            p["array_area_m2"],
            p["cell_efficiency_ratio"],
            p["packing_ratio"],
            np.cos(np.radians(p["array_pointing_deg"])),
            panel_degc(nominal),
            p["cell_power_per_k"],
            power.remaining_factor(p["degradation_per_year_ratio"], p["age_years"]),
        )
    )
    full_w = nominal.payload_full_w
    idle_w = full_w * p["idle_ratio"]
    working_w = float(compute.payload_power_w(idle_w, full_w, p["busy_ratio"], 1.0))
    payload_w = duty_ratio * working_w + (1 - duty_ratio) * idle_w
    load_w = payload_w + p["bus_w"]
    bus_w = array_w * p["regulator_ratio"]
    return Power(array_new_w(nominal), array_w, bus_w, payload_w, load_w, bus_w - load_w)


def array_new_w(nominal: Nominal) -> float:
    """Power of a new array at 28 degC, 1 au, square to the Sun, W."""
    p = nominal.parameters
    cells_m2 = p["array_area_m2"] * p["packing_ratio"]
    return SOLAR_CONSTANT_W_M2 * cells_m2 * p["cell_efficiency_ratio"]


def energy(nominal: Nominal, given: Power, eclipse_s: float, period_s: float) -> Energy:
    """Energy of an orbit of `period_s`, of which the eclipse takes `eclipse_s`."""
    p = nominal.parameters
    capacity_wh = p["capacity_wh"] * p["health_ratio"]
    day_h, night_h = (period_s - eclipse_s) / 3600, eclipse_s / 3600
    stored_wh = given.margin_in_sun_w * day_h * p["charge_efficiency_ratio"]
    return Energy(
        generated_wh=given.bus_w * day_h,
        used_wh=given.load_w * period_s / 3600,
        balance_wh=stored_wh - given.load_w * night_h / p["discharge_efficiency_ratio"],
        depth_of_discharge_ratio=float(
            battery.depth_of_discharge_ratio(
                given.load_w, eclipse_s, capacity_wh, p["discharge_efficiency_ratio"]
            )
        ),
    )
