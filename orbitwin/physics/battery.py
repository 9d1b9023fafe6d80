"""Battery: energy balance with efficiencies, open-circuit voltage, terminal voltage and current."""

from __future__ import annotations

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers

SECONDS_PER_HOUR = 3600.0


def step_wh(
    energy_wh: Floats,
    net_w: Floats,
    capacity_wh: Numbers,
    charge_efficiency_ratio: Numbers,
    discharge_efficiency_ratio: Numbers,
    dt_s: float,
) -> Floats:
    """Stored energy after `dt_s`, Wh (N,), held within 0..capacity.

    dE = P (eta_c if P > 0 else 1 / eta_d) dt with P = `net_w` at the terminals, positive when
    charging.  Source: Patel, Spacecraft Power Systems, ch. 9 and 11.
    """
    path = np.where(net_w > 0, charge_efficiency_ratio, 1 / discharge_efficiency_ratio)
    return np.clip(energy_wh + net_w * path * (dt_s / SECONDS_PER_HOUR), 0, capacity_wh)


def charge_limit_w(
    charge_ratio: Floats, capacity_wh: Numbers, limit_c: Numbers, taper_from_ratio: float
) -> Floats:
    """Most power the charger accepts, W (N,): a C-rate that falls linearly to 0 at full charge.

    The fall stands for the constant-voltage phase of a Li-ion charge (ECSS-E-ST-20-20 practice);
    below `taper_from_ratio` the limit is `limit_c` times the capacity.
    """
    taper = np.clip((1 - charge_ratio) / (1 - taper_from_ratio), 0, 1)
    return taper * limit_c * capacity_wh


def on_uniform_grid(x: Floats, values: Floats) -> Floats:
    """Linear interpolation of `values`, given on a uniform grid over 0..1, at `x` (N,)."""
    steps = len(values) - 1
    place = np.clip(x, 0, 1) * x.dtype.type(steps)
    index = np.minimum(place.astype(np.int32), steps - 1)
    table = values.astype(x.dtype)
    return table[index] + (place - index.astype(x.dtype)) * np.diff(table)[index]


def terminal_current_a(power_w: Floats, ocv_v: Floats, resistance_ohm: Numbers) -> Floats:
    """Current into a battery, A (N,), that exchanges `power_w` at its terminals (both + = charge).

    P = (OCV + I R) I solved for I; a discharge beyond OCV^2 / 4R is held at that peak.
    """
    root = np.sqrt(np.maximum(ocv_v * ocv_v + 4 * resistance_ohm * power_w, 0))
    return (root - ocv_v) / (2 * resistance_ohm)


def state_of_charge(ocv_v: Floats, grid_ratio: Floats, grid_ocv_v: Floats) -> Floats:
    """State of charge 0..1 of a rested cell voltage, by the inverse of a rising OCV curve."""
    return np.interp(ocv_v, grid_ocv_v, grid_ratio)
