"""What each fault does to a spacecraft's own parameters.

A fault acts at a level s from 0 (nothing) to 1 (grave); at 0.1 it hardly shows in the noise. All
amounts are assumptions, chosen for that. Sensor faults are in `sensors`, the clock's in `field`.

| fault | key of `own` | effect at level s |
|---|---|---|
| panel_dead | sections_lost | s of array_sections, at least 1 |
| panel_degraded | array_ratio | times 1 - 0.5 s |
| array_short | array_v_ratio | times 1 - 0.25 s |
| cell_loss | cells_lost | 0.15 s of cells, at least 1 |
| battery_resistance_rise | cell_resistance_ohm | times 1 + 3 s |
| radiator_area_loss | radiator_ratio | times 1 - 0.5 s |
| pump_degraded | coolant_flow_kg_s | times 1 - 0.6 s |
| pump_stop | coolant_flow_kg_s | times 0.02^s |
| thermal_interface_ageing | chip_resistance_k_w | times 1 + 2 s |
| pointing_bias | pointing_bias_urad | plus 0.6 s of wavelength / aperture |
| jitter_rise | jitter_urad | times 1 + 4 s |
| transmitter_droop | transmit_ratio | times 10^(-0.6 s): 6 dB at 1 |
| terminal_loss | terminals_lost | s of those that serve a neighbour, at least 1 |
| reacquisition_storm | reacquisition_ratio | times 500^s |
| solar_storm | storm_ratio | times 100^s: dose and upsets |
| hbm_error_burst | ce_ratio | times 1000^s |
| straggler | work_ratio | times 1 - 0.5 s |
| hung_job | hung, busy_ratio | 1 at any level; times 1 - 0.8 s: the chips wait |
| safe_mode | forced_safe | 1 at any level |

Keys named `_ratio` that `own` lacks count as 1, `_lost`, `_bias_urad`, `hung` and `forced_safe`
as 0; the other keys are numbers of the profile, from which more follows: whoever derives numbers
from `own` has to do it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Effect = Callable[[Mapping[str, Any], Array], tuple[str, Any]]
"""`own` and the level (n,) to a key and its new value (n,)."""

ASSUMED_ONE = frozenset(
    {
        "array_ratio",
        "array_v_ratio",
        "radiator_ratio",
        "transmit_ratio",
        "reacquisition_ratio",
        "storm_ratio",
        "ce_ratio",
        "work_ratio",
    }
)
STORM_AT_ONE = 100.0  # x5 to x100 are the storms of record
CORRECTED_AT_ONE = 1_000.0


def _before(own: Mapping[str, Any], key: str) -> Any:
    return own.get(key, 1.0) if key in ASSUMED_ONE else own[key]


def _times(key: str, at_one: float) -> Effect:
    """Multiply by 1 at level 0 and by `at_one` at level 1, linearly between."""
    return lambda own, level: (key, _before(own, key) * (1 + np.float32(at_one - 1) * level))


def _powers(key: str, at_one: float) -> Effect:
    """Multiply by `at_one` to the power of the level."""
    return lambda own, level: (key, _before(own, key) * np.float32(at_one) ** level)


def _lost(key: str, of: str, share: float = 1.0) -> Effect:
    """Take away a whole number of what there are, at least one where there is a fault at all."""

    def effect(own: Mapping[str, Any], level: Array) -> tuple[str, Any]:
        gone = np.maximum(np.rint(level * np.float32(share) * own[of]), level > 0)
        return key, np.minimum(own.get(key, 0.0) + gone, own[of])

    return effect


def _is(key: str) -> Effect:
    return lambda own, level: (key, np.maximum(own.get(key, 0.0), level > 0))


def _beside(own: Mapping[str, Any], level: Array) -> tuple[str, Any]:
    """Pointing beside the target, by a share of the beam's width."""
    width_urad = own["wavelength_nm"] * 1e-3 / own["aperture_m"]
    return "pointing_bias_urad", own.get("pointing_bias_urad", 0.0) + 0.6 * width_urad * level


EFFECTS: dict[str, tuple[Effect, ...]] = {
    "panel_dead": (_lost("sections_lost", "array_sections"),),
    "panel_degraded": (_times("array_ratio", 0.5),),
    "array_short": (_times("array_v_ratio", 0.75),),
    "cell_loss": (_lost("cells_lost", "cells", 0.15),),
    "battery_resistance_rise": (_times("cell_resistance_ohm", 4.0),),
    "radiator_area_loss": (_times("radiator_ratio", 0.5),),
    "pump_degraded": (_times("coolant_flow_kg_s", 0.4),),
    "pump_stop": (_powers("coolant_flow_kg_s", 0.02),),
    "thermal_interface_ageing": (_times("chip_resistance_k_w", 3.0),),
    "pointing_bias": (_beside,),
    "jitter_rise": (_times("jitter_urad", 5.0),),
    "transmitter_droop": (_powers("transmit_ratio", 10**-0.6),),
    "terminal_loss": (_lost("terminals_lost", "links"),),
    "reacquisition_storm": (_powers("reacquisition_ratio", 500.0),),
    "solar_storm": (_powers("storm_ratio", STORM_AT_ONE),),
    "hbm_error_burst": (_powers("ce_ratio", CORRECTED_AT_ONE),),
    "straggler": (_times("work_ratio", 0.5),),
    "hung_job": (_is("hung"), _times("busy_ratio", 0.2)),
    "safe_mode": (_is("forced_safe"),),
}

COUNTED_AT_ONE = {"solar_storm": STORM_AT_ONE, "hbm_error_burst": CORRECTED_AT_ONE}
"""Faults that make counters run faster, and how many times at level 1."""


def changed(own: Mapping[str, Any], levels: Mapping[str, Array]) -> dict[str, Any]:
    """A copy of `own` under faults at `levels` (n,); what they touch becomes float32 (n,).

    Where a level is 0 the values stay as they are.
    """
    result = dict(own)
    for name, level in levels.items():
        for effect in EFFECTS[name]:
            key, values = effect(result, level)
            result[key] = np.asarray(values, np.float32)
    return result
