"""Solar array and power balance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from orbitwin.physics.constants import ASTRONOMICAL_UNIT_M, SOLAR_CONSTANT_W_M2

Floats = NDArray[np.floating]

CELL_REFERENCE_DEGC = 28.0  # temperature at which cell efficiency is quoted; ECSS-E-ST-20-08


def sun_flux_w_m2(sun_distance_m: ArrayLike) -> Floats:
    """Solar irradiance, W/m2, at a distance from the Sun in m (inverse square from 1361)."""
    ratio = ASTRONOMICAL_UNIT_M / np.asarray(sun_distance_m, dtype=float)
    return SOLAR_CONSTANT_W_M2 * ratio**2


def array_power_w(
    flux_w_m2: ArrayLike,
    area_m2: ArrayLike,
    efficiency_ratio: ArrayLike,
    packing_ratio: ArrayLike,
    cos_incidence: ArrayLike,
    temperature_degc: ArrayLike,
    temperature_coefficient_per_k: ArrayLike,
    remaining_ratio: ArrayLike = 1.0,
) -> Floats:
    """Power an array can give at its best operating point, W; arguments broadcast to (N,).

    P = S A eta_28 packing max(0, cos th) [1 - k (T - 28)] RF; `flux_w_m2` includes the lit share
    of the Sun.  Source: Larson & Wertz, SMAD, sec. 11.4; Patel, Spacecraft Power Systems, ch. 8.
    """
    cells = np.multiply(area_m2, efficiency_ratio) * packing_ratio * remaining_ratio
    heat = 1 - np.asarray(temperature_coefficient_per_k) * (
        np.asarray(temperature_degc) - CELL_REFERENCE_DEGC
    )
    return flux_w_m2 * cells * np.maximum(cos_incidence, 0) * np.maximum(heat, 0)


def remaining_factor(degradation_per_year_ratio: ArrayLike, years: ArrayLike) -> Floats:
    """Share of the beginning-of-life power that is left: (1 - d)^years (SMAD eq. 11-7)."""
    return np.power(1 - np.asarray(degradation_per_year_ratio), years)


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
