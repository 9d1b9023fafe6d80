"""What sensor faults do to measured values, in place.

A sensor's unit of error is 20 standard deviations of its noise, or 5 % of its range where it has
none. At level s (all assumptions):

| fault | what is read |
|---|---|
| sensor_stuck | the value at the onset, again and again, at any level |
| sensor_bias | s units too much |
| sensor_drift | s units more with every hour |
| sensor_spike | 5 s units too much or too little, in one reading of ten at random |

Readings stay within the column's valid range, as an instrument's converter saturates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orbitwin.scenario import mixed
from orbitwin.vehicle import Vehicle

ERROR_SIGMAS = 20.0
ERROR_RANGE_RATIO = 0.05
SPIKE_UNITS = 5.0  # 100 standard deviations
SPIKE_SHARE = 0.1
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Sensor:
    """A measured parameter: its unit of error and its valid range, all in its own unit."""

    error: float
    low: float
    high: float
    noisy: bool


def sensors_of(vehicle: Vehicle, noise: Mapping[str, float]) -> dict[str, Sensor]:
    """The sensors of a vehicle type with that noise (standard deviations), by parameter."""
    found = {}
    for name, column in vehicle.parameters.items():
        sigma = noise.get(name, 0.0)
        span = ERROR_RANGE_RATIO * (column.high - column.low)
        error = ERROR_SIGMAS * sigma if sigma else max(span, column.resolution)
        found[name] = Sensor(error, column.low, column.high, sigma > 0)
    return found


def bias(values: NDArray[np.float32], level: NDArray[np.float32], sensor: Sensor) -> None:
    """Add a constant error to `values` (n,)."""
    values += level * np.float32(sensor.error)


def drift(
    values: NDArray[np.float32],
    level: NDArray[np.float32],
    since_us: NDArray[np.int64],
    sensor: Sensor,
) -> None:
    """Add an error that grows with the time since the onset."""
    values += level * (since_us / HOUR_US * sensor.error).astype(np.float32)


def spike(
    values: NDArray[np.float32],
    level: NDArray[np.float32],
    sat_id: NDArray[np.int64],
    seed: int,
    t_us: int,
    sensor: Sensor,
) -> None:
    """Throw some readings far off, chosen by a hash of satellite and time."""
    draw = mixed(sat_id, seed, t_us)
    hit = (draw >> np.uint64(1)) < np.uint64(SPIKE_SHARE * 2**63)
    sign = np.where(draw & np.uint64(1), np.float32(1), np.float32(-1))
    values += hit * sign * level * np.float32(SPIKE_UNITS * sensor.error)
