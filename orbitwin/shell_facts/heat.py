"""Heat of a satellite in the sun: its panels, and the way from the chips to the radiator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orbitwin.nominal import Nominal
from orbitwin.physics import compute, thermal
from orbitwin.physics.constants import (
    EARTH_ALBEDO_RATIO,
    EARTH_INFRARED_W_M2,
    SOLAR_CONSTANT_W_M2,
)
from orbitwin.spacecraft.heat import NEVER_DEGC, STORE_J_KG_K


@dataclass(frozen=True)
class Heat:
    """Steady at full load, in the sun over the day side: the hot case."""

    radiator_w_m2: float
    radiator_degc: float
    coolant_out_degc: float
    chip_degc: float
    headroom_k: float
    duty_ratio: float  # 1 without a thermostat
    work_s: float | None  # of one spell between rests
    rest_s: float | None


def facts(nominal: Nominal) -> Heat:
    """Steady temperatures from the radiator back to the chips.

    Radiator: 2 eps sigma T^4 A = Q + absorbed A; each exchanger is Q / (m cp e) warmer.  With a
    thermostat the plate swings between its two bounds: what is stored over them (plate, melt
    and radiator), by the heat that the radiator leaves over, is a spell of work.
    """
    p = nominal.parameters
    full_w = nominal.payload_full_w
    idle_w = full_w * p["idle_ratio"]
    heat_w = float(compute.payload_power_w(idle_w, full_w, p["busy_ratio"], 1.0))
    area = p["radiator_area_m2"]
    absorbed = _absorbed_w_m2(
        nominal,
        float(np.sin(np.radians(p["radiator_sun_deg"]))),
        p["radiator_absorptivity"],
        p["radiator_emissivity"],
    )
    flow_w_k = p["coolant_flow_kg_s"] * p["coolant_j_kg_k"]
    to_radiator, to_plate = (
        float(thermal.exchanger_effectiveness(p[f"{part}_conductance_w_k"], flow_w_k)) * flow_w_k
        for part in ("radiator", "plate")
    )
    radiator = float(thermal.equilibrium_degc(heat_w / area + absorbed, p["radiator_emissivity"]))
    coolant_out = radiator + heat_w / to_radiator
    plate = coolant_out - heat_w / flow_w_k + heat_w / to_plate
    chip = plate + heat_w / p["chips"] * p["chip_resistance_k_w"] + p["chip_spread_k"]
    headroom = min(p["chip_limit_degc"] - chip, p["coolant_limit_degc"] - coolant_out)
    duty, work_s, rest_s = 1.0, None, None
    if p["rest_above_degc"] < NEVER_DEGC and plate > p["rest_above_degc"]:
        swing_k = p["rest_above_degc"] - p["resume_below_degc"]
        middle = p["pcm_melt_degc"] if p["pcm_mass_kg"] else p["rest_above_degc"] - swing_k / 2
        shed_w = _shed_w(nominal, middle, absorbed, to_radiator, to_plate, flow_w_k)
        capacity_j_k = p["plate_capacity_j_k"] + p["pcm_mass_kg"] * STORE_J_KG_K
        capacity_j_k += p["radiator_capacity_j_k"]  # it follows
        stored_j = p["pcm_mass_kg"] * p["pcm_latent_j_kg"] + capacity_j_k * swing_k
        work_s, rest_s = stored_j / (heat_w - shed_w), stored_j / max(shed_w - idle_w, 1e-9)
        duty = work_s / (work_s + rest_s)
    return Heat(heat_w / area, radiator, coolant_out, chip, headroom, duty, work_s, rest_s)


def _shed_w(
    nominal: Nominal,
    plate_degc: float,
    absorbed: float,
    to_radiator: float,
    to_plate: float,
    flow_w_k: float,
) -> float:
    """Heat that leaves a plate held at `plate_degc`, W: loop and radiator in balance, by bisection.

    Plate to radiator the loop's resistance is 1/(m cp e_p) + 1/(m cp e_r) - 1/(m cp).
    """
    p = nominal.parameters
    resistance = 1 / to_plate + 1 / to_radiator - 1 / flow_w_k
    low, high = -273.0, plate_degc
    for _ in range(50):
        radiator = (low + high) / 2
        net = float(thermal.emitted_w_m2(radiator, p["radiator_emissivity"])) - absorbed
        if p["radiator_area_m2"] * net < (plate_degc - radiator) / resistance:
            low = radiator
        else:
            high = radiator
    return (plate_degc - (low + high) / 2) / resistance


def panel_degc(nominal: Nominal) -> float:
    """Balance of a panel in the sun: what it absorbs, less what becomes current, is radiated."""
    p = nominal.parameters
    absorbed = _absorbed_w_m2(nominal, 1.0, p["panel_absorptivity"], p["panel_emissivity"])
    current = SOLAR_CONSTANT_W_M2 * p["packing_ratio"] * p["cell_efficiency_ratio"]
    return float(thermal.equilibrium_degc(absorbed - current, p["panel_emissivity"]))


def _absorbed_w_m2(
    nominal: Nominal, cos_sun: float, absorptivity: float, emissivity: float
) -> float:
    """Taken up by an upright plate, W/m2: albedo is the mean over an orbit through noon, 1/pi."""
    return float(
        thermal.absorbed_w_m2(
            SOLAR_CONSTANT_W_M2,
            cos_sun,
            EARTH_INFRARED_W_M2,
            EARTH_ALBEDO_RATIO * SOLAR_CONSTANT_W_M2 / np.pi,
            thermal.vertical_view_factor(nominal.shell.altitude_km * 1e3),
            absorptivity,
            emissivity,
        )
    )
