"""State of charge by counting what flowed, corrected by the rested voltage: a scalar filter.

Predict: dq = P eta dt / full, P the power at the terminals and eta the charge efficiency or the
reciprocal of the discharge efficiency. Correct: the rested voltage V - I R against the curve
OCV(q). This is the one-state extended Kalman filter of Plett, "Extended Kalman filtering for
battery management systems", J. Power Sources 134 (2004), parts 2 and 3, without hysteresis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orbitwin.physics.battery import SECONDS_PER_HOUR

POWER_SIGMA_RATIO = 0.02  # of what flowed: efficiencies and sensors of a satellite off nominal
LEAK_RATIO_PER_S = 1e-7  # sigma of self-discharge and of what else is not counted
CURVE_SIGMA_V = 0.0015  # a cell's curve off the one measured before launch [assumption]
RESISTANCE_SIGMA_RATIO = 0.3  # where no channel learns it: satellites differ and cells age
FIRST_SIGMA_RATIO = 0.1  # of a charge that only a voltage tells
FLAT_V = 0.05  # least slope of the curve that counts, V a cell over the whole charge
LONGEST_S = 600.0  # a gap in which what flowed is unknown: begin again


@dataclass(frozen=True)
class Pack:
    """A battery by its nominal numbers; a number, or an array (N,) where shells differ."""

    cells: float | np.ndarray
    full_wh: float | np.ndarray
    resistance_ohm: float | np.ndarray
    charge_efficiency_ratio: float | np.ndarray
    discharge_efficiency_ratio: float | np.ndarray
    resistance_sigma_ratio: float | np.ndarray
    soc_ratio: np.ndarray
    ocv_v: np.ndarray

    def rested_v(self, charge_ratio: np.ndarray) -> np.ndarray:
        """Rested voltage of the whole pack, V (N,)."""
        return np.interp(charge_ratio, self.soc_ratio, self.ocv_v) * self.cells

    def slope_v(self, charge_ratio: np.ndarray) -> np.ndarray:
        """Its slope over the charge, V (N,), never flatter than FLAT_V a cell."""
        steps = np.diff(self.ocv_v) / np.diff(self.soc_ratio)
        at = np.searchsorted(self.soc_ratio, charge_ratio, side="right") - 1
        return np.maximum(steps[np.clip(at, 0, len(steps) - 1)], FLAT_V) * self.cells

    def charge_of(self, rested_v: np.ndarray) -> np.ndarray:
        """State of charge of a rested voltage, 0..1 (N,)."""
        return np.interp(rested_v / self.cells, self.ocv_v, self.soc_ratio)


@dataclass(frozen=True)
class Charge:
    """What is known before a window's own voltage is looked at, and after: arrays (N,).

    `ratio`, `rested_v` and `rested_sigma_v` are of before, NaN where nothing is known yet;
    `rested_step_v` is what the charge that flowed since the window before does to the voltage;
    `next_ratio` and `next_variance` go into the state.
    """

    ratio: np.ndarray
    rested_v: np.ndarray
    rested_sigma_v: np.ndarray
    rested_step_v: np.ndarray
    next_ratio: np.ndarray
    next_variance: np.ndarray


def step(
    pack: Pack,
    charge_ratio: np.ndarray,
    variance: np.ndarray,
    battery_v: np.ndarray,
    battery_a: np.ndarray,
    power_before_w: np.ndarray,
    dt_s: np.ndarray,
) -> Charge:
    """One window on, in float64; arrays (N,).

    `charge_ratio` and `variance` are of the middle of the window before, whose power at the
    terminals was `power_before_w`. Where what flowed is not known, after a gap or for want of a
    measurement, the charge begins again from the voltage alone.
    """
    power_w = 0.5 * (power_before_w + battery_v * battery_a)  # trapezium from middle to middle
    eta = np.where(power_w > 0, pack.charge_efficiency_ratio, 1 / pack.discharge_efficiency_ratio)
    moved = power_w * eta * dt_s / SECONDS_PER_HOUR / pack.full_wh
    known = np.isfinite(moved) & np.isfinite(charge_ratio) & (dt_s <= LONGEST_S)
    ratio = np.where(known, np.clip(charge_ratio + moved, 0, 1), np.nan)
    wandered = variance + (POWER_SIGMA_RATIO * moved) ** 2 + (LEAK_RATIO_PER_S * dt_s) ** 2
    slope_v = pack.slope_v(np.where(known, ratio, 0.5))
    drop_v = battery_a * pack.resistance_ohm
    curve_v = CURVE_SIGMA_V * pack.cells
    unsure_v2 = (pack.resistance_sigma_ratio * drop_v) ** 2
    error_v2 = curve_v**2 + unsure_v2
    seen_v = battery_v - drop_v
    gain = wandered * slope_v / (slope_v**2 * wandered + error_v2)
    rested_v = np.where(known, pack.rested_v(np.where(known, ratio, 0.5)), np.nan)
    better = np.clip(ratio + gain * (seen_v - rested_v), 0, 1)
    first = np.clip(pack.charge_of(seen_v), 0, 1)
    # an error of the resistance is the same in every window: no number of them takes it away
    left = np.maximum((1 - gain * slope_v) * wandered, np.minimum(wandered, unsure_v2 / slope_v**2))
    step_v = rested_v - pack.rested_v(np.where(known, charge_ratio, 0.5))
    return Charge(
        ratio,
        rested_v,
        # the curve's own error is not the battery's either, so it is within what is expected
        np.where(known, np.sqrt(slope_v**2 * wandered + curve_v**2), np.nan),
        step_v,
        np.where(known, better, first),
        np.where(known, left, FIRST_SIGMA_RATIO**2),
    )
