"""Solar array and power balance."""

from __future__ import annotations

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import ASTRONOMICAL_UNIT_M, SOLAR_CONSTANT_W_M2

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
