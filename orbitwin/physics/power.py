"""Solar array and power balance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import ASTRONOMICAL_UNIT_M, SOLAR_CONSTANT_W_M2

SECONDS_PER_HOUR = 3600.0
CELL_REFERENCE_DEGC = 28.0  # temperature at which cell efficiency is quoted; ECSS-E-ST-20-08


def sun_flux_w_m2(sun_distance_m: Numbers) -> Numbers:
    """Solar irradiance, W/m2, at a distance from the Sun in m (inverse square from 1361)."""
    ratio = ASTRONOMICAL_UNIT_M / sun_distance_m
    return SOLAR_CONSTANT_W_M2 * ratio**2


def array_power_w(
    flux_w_m2: Numbers,
    area_m2: Numbers,
    efficiency_ratio: Numbers,
    packing_ratio: Numbers,
    cos_incidence: Numbers,
    temperature_degc: Numbers,
    temperature_coefficient_per_k: Numbers,
    remaining_ratio: Numbers = 1.0,
) -> Floats:
    """Power an array can give at its best operating point, W; arguments broadcast to (N,).

    P = S A eta_28 packing max(0, cos th) [1 - k (T - 28)] RF; `flux_w_m2` includes the lit share
    of the Sun.  Source: Larson & Wertz, SMAD, sec. 11.4; Patel, Spacecraft Power Systems, ch. 8.
    """
    cells = area_m2 * efficiency_ratio * packing_ratio * remaining_ratio
    heat = 1 - temperature_coefficient_per_k * (temperature_degc - CELL_REFERENCE_DEGC)
    return flux_w_m2 * cells * np.maximum(cos_incidence, 0) * np.maximum(heat, 0)


def remaining_factor(degradation_per_year_ratio: Numbers, years: Numbers) -> Floats:
    """Share of the beginning-of-life power that is left: (1 - d)^years (SMAD eq. 11-7)."""
    return (1 - degradation_per_year_ratio) ** years


def array_size_w(
    eclipse_w: float,
    day_w: float,
    eclipse_s: float,
    day_s: float,
    path_eclipse_ratio: float,
    path_day_ratio: float,
) -> float:
    """Array power that carries a load through day and eclipse, W.

    P_sa = (Pe Te / Xe + Pd Td / Xd) / Td, Xe and Xd 0.65 and 0.85 for direct energy transfer,
    0.60 and 0.80 for peak-power tracking.  Source: SMAD eq. 11-5.
    """
    return (eclipse_w * eclipse_s / path_eclipse_ratio + day_w * day_s / path_day_ratio) / day_s


def net_power_w(array_w: Numbers, regulator_ratio: Numbers, load_w: Numbers) -> Numbers:
    """Power at the battery's terminals, W (+ charges): P_sa eta_reg - P_load (SMAD, sec. 11.4).

    The load is given at the bus, behind the regulator; so is a discharge.
    """
    return array_w * regulator_ratio - load_w


def mode_load_w(mode: NDArray[np.integer[Any]], duty_ratio: Floats, parts_w: Floats) -> Floats:
    """Load of satellites by operating mode, W (N,).

    `mode` (N,) picks a row of `duty_ratio` (modes, parts), the share of its full power that each
    part draws in that mode; `parts_w` (parts, N) holds full powers.  ECSS-E-ST-20C asks for a
    power budget of this form, by mode.
    """
    return np.einsum("np,pn->n", duty_ratio.astype(parts_w.dtype)[mode], parts_w)


def margin_w(available_w: Numbers, demand_w: Numbers) -> Numbers:
    """Power margin, W: what is available less what is asked for."""
    return available_w - demand_w


def margin_pct(available_w: Numbers, demand_w: Numbers) -> Floats:
    """Power margin in percent of the demand (ECSS-E-ST-20C); NaN where nothing is demanded."""
    demanded = np.where(np.equal(demand_w, 0), np.nan, demand_w)
    return 100 * margin_w(available_w, demand_w) / demanded


def energy_balance_wh(net_w: Floats, step_s: float) -> Floats:
    """Energy over an orbit, Wh (N,), of net powers (T, N), W, one a step: > 0 is energy-positive.

    `net_w` counts what the battery must store and give with its losses already in.
    """
    return net_w.sum(axis=0) * (step_s / SECONDS_PER_HOUR)
