"""Power margin and state of charge."""

from __future__ import annotations

import numpy as np

from orbitwin.catalogue import Battery


def power_margin_w(available_w: np.ndarray, demand_w: np.ndarray) -> np.ndarray:
    """Power available less power demanded, W (N,); NaN where either is unknown.

    In W and not as a share of the generation, which is nothing in eclipse.
    Source: Larson & Wertz, SMAD, sec. 11.4.
    """
    return available_w - demand_w


def state_of_charge_ratio(
    battery_cell_v: np.ndarray, battery_cell_a: np.ndarray, battery: Battery
) -> np.ndarray:
    """State of charge, 0..1 (N,), from a cell's terminal voltage and current (+ = charging).

    The rested voltage is V - I R; the inverse of the cell's curve gives the charge, held at 0
    and 1 beyond its ends. Source: V = OCV(SoC) + I R, Patel, Spacecraft Power Systems, ch. 9.
    """
    rested_v = battery_cell_v - battery_cell_a * np.float32(battery.resistance_ohm)
    return np.interp(rested_v, battery.ocv_v, battery.soc_ratio).astype(np.float32)
