"""Chips warm the plates, a coolant loop carries it to the radiator, which sheds it."""

from __future__ import annotations

from typing import Any

import numpy as np

from orbitwin.physics import phase_change, thermal
from orbitwin.physics.constants import EARTH_INFRARED_W_M2
from orbitwin.spacecraft.own import Array, Own, any_of, over_rows
from orbitwin.spacecraft.surroundings import Surroundings

NEVER_DEGC = 900.0  # a thermostat set as high as this is none
STORE_J_KG_K = (phase_change.EICOSANE.solid_j_kg_k + phase_change.EICOSANE.liquid_j_kg_k) / 2
"""Specific heat of the store beside its latent heat."""


def derived(own: Own) -> dict[str, Any]:
    """What follows from the parameters of loop, radiator and store."""
    coolant_w_k = own["coolant_flow_kg_s"] * own["coolant_j_kg_k"]
    return {
        "earth_view": thermal.vertical_view_factor(own["altitude_m"]),
        "coolant_w_k": coolant_w_k,
        **{
            f"{part}_exchange_ratio": thermal.exchanger_effectiveness(
                own[f"{part}_conductance_w_k"], coolant_w_k
            )
            for part in ("plate", "radiator")
        },
        "radiator_sun_cos": np.sin(own["radiator_sun_deg"] * (np.pi / 180)),  # edge-on
        "radiating_m2": own["radiator_area_m2"] * own["radiator_ratio"],
        "store_j": own["pcm_mass_kg"] * own["pcm_latent_j_kg"],
        "plate_j_k": own["plate_capacity_j_k"] + own["pcm_mass_kg"] * STORE_J_KG_K,
    }


def loop(
    own: Own, state: dict[str, Array], around: Surroundings, true: dict[str, Array], dt_s: float
) -> None:
    """Temperatures of plates, coolant and radiator."""
    plate, radiator = state["plate_degc"], state["radiator_degc"]
    into, out = thermal.coolant_loop_degc(
        plate, radiator, own["plate_exchange_ratio"], own["radiator_exchange_ratio"]
    )
    carried_w = own["coolant_w_k"] * (out - into)
    absorbed = thermal.absorbed_w_m2(
        around.sunlight_w_m2,
        own["radiator_sun_cos"],
        EARTH_INFRARED_W_M2,
        around.albedo_w_m2,
        own["earth_view"],
        own["radiator_absorptivity"],
        own["radiator_emissivity"],
    )
    true["coolant_in_t_degc"], true["coolant_out_t_degc"] = into, out
    true["coolant_flow_kg_s"] = over_rows(own["coolant_flow_kg_s"], plate.shape)
    true["chip_mean_t_degc"] = plate + own["chip_rise_k_w"] * true["payload_w"]
    true["chip_max_t_degc"] = true["chip_mean_t_degc"] + own["chip_spread_k"]
    loss_w_k = own["coolant_w_k"] * own["plate_exchange_ratio"]
    before = plate.copy()
    state["plate_degc"][:] = thermal.relaxing_step_degc(
        plate, true["payload_w"] - carried_w, loss_w_k, own["plate_j_k"], dt_s
    )
    if any_of(own["store_j"]):
        _melt(own, state, own["plate_j_k"] + dt_s * loss_w_k)
    # what the implicit step took from the plates is carried too: energy is kept at any step
    carried_w = carried_w + loss_w_k * (state["plate_degc"] - before)
    state["radiator_degc"][:] = thermal.radiating_step_degc(
        radiator,
        carried_w + own["radiating_m2"] * absorbed,
        own["radiating_m2"],
        own["radiator_emissivity"],
        own["radiator_capacity_j_k"],
        dt_s,
    )
    true["radiator_t_degc"] = state["radiator_degc"]
    _thermostat(own, state, before)


def _melt(own: Own, state: dict[str, Array], capacity_j_k: Any) -> None:
    """The store takes what would warm the plates over its melting point, and gives it back.

    Enthalpy method (Voller & Cross 1981) with plates and store at one temperature; `capacity_j_k`
    is that of the implicit step, so that the energy of the step is kept.
    """
    plate, molten_j = state["plate_degc"], state["molten_j"]
    over_j = (plate - own["pcm_melt_degc"]) * capacity_j_k
    taken_j = np.clip(over_j, -molten_j, own["store_j"] - molten_j)
    molten_j += taken_j
    plate -= taken_j / capacity_j_k


def _thermostat(own: Own, state: dict[str, Array], before: Array) -> None:
    """Work until hot, rest until cold; `before` are the plates' temperatures a step ago.

    It looks at the end of steps, and half a step ahead: else it would be late by that on average.
    """
    above = own["rest_above_degc"]
    if isinstance(above, float) and above >= NEVER_DEGC:
        return
    soon = state["plate_degc"] + np.float32(0.5) * (state["plate_degc"] - before)
    stays = (state["resting"] > 0) & (soon > own["resume_below_degc"])
    state["resting"][:] = stays | (soon > above)


def slow(own: Own, state: dict[str, Array]) -> dict[str, Array]:
    """Columns of the slow packet."""
    molten = state["molten_j"]
    share = np.zeros_like(molten)
    return {
        "pcm_melt_ratio": np.divide(molten, own["store_j"], out=share, where=own["store_j"] > 0)
        if any_of(own["store_j"])
        else share
    }
