"""Battery: energy balance with efficiencies, open-circuit voltage, terminal voltage and current."""

from __future__ import annotations

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import YEAR_S

SECONDS_PER_HOUR = 3600.0
END_OF_LIFE_RATIO = (
    0.8  # state of health at which a Li-ion battery counts as worn out; Patel, ch. 9
)
FULL_CYCLES = 3000.0  # to the end of life at a depth of 100 %, space Li-ion [assumption]
DEPTH_EXPONENT = 1.6  # with it 27,600 cycles at 25 %, as LEO batteries are planned [assumption]


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
    stored_w = np.where(
        net_w > 0, net_w * charge_efficiency_ratio, net_w / discharge_efficiency_ratio
    )
    return np.clip(energy_wh + stored_w * (dt_s / SECONDS_PER_HOUR), 0, capacity_wh)


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
    with np.errstate(invalid="ignore"):  # NaN has no index: it takes any, and stays NaN
        index = np.clip(place.astype(np.int32), 0, steps - 1)
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


def size_wh(
    eclipse_w: Numbers,
    eclipse_s: Numbers,
    depth_ratio: Numbers,
    path_ratio: Numbers,
    batteries: int = 1,
) -> Numbers:
    """Capacity of each of N batteries that carries a load through an eclipse, Wh.

    C = Pe Te / (DoD N n), n = `path_ratio` from battery to load.  Source: SMAD, sec. 11.4.2.
    """
    return eclipse_w * eclipse_s / SECONDS_PER_HOUR / (depth_ratio * batteries * path_ratio)


def depth_of_discharge_ratio(
    eclipse_w: Numbers, eclipse_s: Numbers, capacity_wh: Numbers, path_ratio: Numbers
) -> Numbers:
    """Share of the capacity that an eclipse takes: Pe Te / (C n) (SMAD, sec. 11.4.2)."""
    return eclipse_w * eclipse_s / SECONDS_PER_HOUR / (capacity_wh * path_ratio)


def eclipse_floor_ratio(
    charge_ratio: Numbers,
    load_w: Numbers,
    eclipse_left_s: Numbers,
    capacity_wh: Numbers,
    discharge_efficiency_ratio: Numbers,
) -> Floats:
    """State of charge at the end of the running or next eclipse, 0..1: the eclipse floor (N,)."""
    taken = depth_of_discharge_ratio(
        load_w, eclipse_left_s, capacity_wh, discharge_efficiency_ratio
    )
    return np.clip(charge_ratio - taken, 0, 1)


def cycles(years: Numbers, period_s: Numbers) -> Numbers:
    """Charge cycles of a battery that meets an eclipse on every orbit."""
    return years * YEAR_S / period_s


def life_cycles(
    depth_ratio: Numbers,
    full_cycles: Numbers = FULL_CYCLES,
    depth_exponent: Numbers = DEPTH_EXPONENT,
) -> Numbers:
    """Cycles of one depth of discharge until the end of life: N(D) = N(1) D^-k.

    The power law of cycle life in the depth (Patel, ch. 9; the S-N curve of fatigue).
    """
    return full_cycles * depth_ratio ** (-depth_exponent)


def faded_health_ratio(
    health_ratio: Numbers,
    depth_ratio: Numbers,
    cycles: Numbers,
    full_cycles: Numbers = FULL_CYCLES,
    depth_exponent: Numbers = DEPTH_EXPONENT,
) -> Floats:
    """State of health after `cycles` more cycles of a depth, 0..1 (N,).

    Each cycle takes the same small part, (1 - 0.8) / N(D), of the capacity: damage adds up in a
    straight line (Miner 1945, Cumulative Damage in Fatigue).  Ageing by the calendar and by heat
    is left out.
    """
    lost = (1 - END_OF_LIFE_RATIO) * depth_ratio**depth_exponent / full_cycles
    return np.clip(health_ratio - cycles * lost, 0, 1)
