"""Solar array and battery of a compute spacecraft."""

from __future__ import annotations

from typing import Any

import numpy as np

from orbitwin.physics import battery as cells
from orbitwin.physics import power, thermal
from orbitwin.physics.constants import EARTH_INFRARED_W_M2
from orbitwin.spacecraft.own import Array, Own, any_of, over_rows
from orbitwin.spacecraft.surroundings import Surroundings

DARK_RATIO = np.float32(0.02)  # less of the Sun than this does not start the array


def derived(own: Own) -> dict[str, Any]:
    """What follows from the parameters of array and battery."""
    sections_up = own["array_sections"] - own["sections_lost"]
    cells_up = own["cells"] - own["cells_lost"]
    remaining = power.remaining_factor(own["degradation_per_year_ratio"], own["age_years"])
    cell_m2 = own["array_area_m2"] * own["packing_ratio"] * remaining
    faults = own["array_ratio"] * own["array_v_ratio"] * (sections_up / own["array_sections"])
    return {
        "sections_up": sections_up,
        "cell_gain_m2": cell_m2 * own["cell_efficiency_ratio"] * faults,
        "array_pointing_rad": own["array_pointing_deg"] * (np.pi / 180),
        "mpp_v": own["array_mpp_v"] * own["array_v_ratio"],
        "cells_up": cells_up,
        "full_wh": own["capacity_wh"] * own["health_ratio"] * (cells_up / own["cells"]),
        "pack_ohm": own["cell_resistance_ohm"] * (cells_up / own["strings"]),
    }


def array(
    own: Own, state: dict[str, Array], around: Surroundings, true: dict[str, Array], dt_s: float
) -> Array:
    """Power of the array, W: V and A ahead of the shunt, so that their product is what it gives."""
    error_rad = own["array_pointing_rad"] * (
        1 + own["pointing_wobble_ratio"] * around.attitude_wave
    )
    cosine = 1 - 0.5 * error_rad * error_rad
    sunlight = around.sunlight_w_m2
    panel_degc = state["panel_degc"]
    array_w = power.array_power_w(
        sunlight,
        own["cell_gain_m2"],
        1.0,
        1.0,
        cosine,
        panel_degc,
        own["cell_power_per_k"],
    )
    heat_k = panel_degc - power.CELL_REFERENCE_DEGC
    volts = own["mpp_v"] * (1 - own["cell_voltage_per_k"] * heat_k)
    absorbed = thermal.absorbed_w_m2(
        sunlight,
        cosine,
        EARTH_INFRARED_W_M2,
        around.albedo_w_m2,
        own["earth_view"],
        own["panel_absorptivity"],
        own["panel_emissivity"],
    )
    state["panel_degc"][:] = thermal.radiating_step_degc(
        panel_degc,
        absorbed - array_w / own["array_area_m2"],
        1.0,
        own["panel_emissivity"],
        own["panel_capacity_j_k_m2"],
        dt_s,
    )
    starts = (around.lit_ratio > DARK_RATIO).astype(np.float32)
    true["array_v"] = volts * starts
    true["array_a"] = array_w / volts * starts
    true["sunlit"] = (around.lit_ratio > np.float32(0.5)).astype(np.float32)
    return array_w


def battery(
    own: Own,
    state: dict[str, Array],
    surplus_w: Array,
    ocv_v: Array,
    true: dict[str, Array],
    dt_s: float,
) -> None:
    """The pack takes the surplus as far as the charger lets it, and gives what is missing."""
    full_wh = own["full_wh"]
    charge = state["energy_wh"] / full_wh
    accepted_w = cells.charge_limit_w(
        charge, full_wh, own["charge_limit_c"], own["taper_from_ratio"]
    )
    pack_w = np.minimum(surplus_w, accepted_w)
    state["energy_wh"][:] = cells.step_wh(
        state["energy_wh"],
        pack_w,
        full_wh,
        own["charge_efficiency_ratio"],
        own["discharge_efficiency_ratio"],
        dt_s,
    )
    rest_v = cells.on_uniform_grid(charge, ocv_v) * own["cells_up"]
    amps = cells.terminal_current_a(pack_w, rest_v, own["pack_ohm"])
    drop_v = amps * own["pack_ohm"]
    warmth_w = amps * drop_v - own["conductance_w_k"] * (state["battery_degc"] - own["mount_degc"])
    state["battery_degc"][:] = thermal.relaxing_step_degc(
        state["battery_degc"], warmth_w, own["conductance_w_k"], own["heat_capacity_j_k"], dt_s
    )
    low = charge < own["safe_below_ratio"]
    if low.any() or state["safe"].any():
        stays = (state["safe"] > 0) & (charge < own["resume_above_ratio"])
        state["safe"][:] = stays | low
    true["battery_v"] = rest_v + drop_v
    true["battery_a"] = amps
    true["battery_t_degc"] = state["battery_degc"]


def slow(own: Own, battery_v: Array) -> dict[str, Array]:
    """Columns of the slow packet: a shorted cell shows as the lowest one, with no voltage."""
    least_v = battery_v / own["cells_up"] - own["cell_low_v"]
    if any_of(own["cells_lost"]):
        least_v = np.where(own["cells_lost"] > 0, np.float32(0), least_v)
    rows = battery_v.shape
    return {
        "battery_soh_ratio": over_rows(own["full_wh"] / own["capacity_wh"], rows),
        "battery_cell_least_v": least_v,
        "array_sections_up": over_rows(own["sections_up"], rows),
    }
