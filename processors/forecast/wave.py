"""How high a slow wave comes on a course that swings by itself: pure functions over rows.

Load and attitude of a healthy satellite waver: sums of three sines of amplitude 3^-0.5 and of 40 to
600 s [assumption], with phases that nobody knows ahead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

WAVE_SIGMA = 0.71
"""Root of a wave's mean square."""

CREST_S = (0.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1_200.0, 2_700.0, 5_800.0)
CREST_MEAN = (0.0, 0.47, 0.70, 0.99, 1.14, 1.35, 1.52, 1.59, 1.65, 1.69)
CREST_SIGMA = (0.70, 0.60, 0.54, 0.43, 0.38, 0.27, 0.15, 0.11, 0.072, 0.051)
"""The highest value of such a wave within so many seconds, and its deviation (8,000 of them drawn
as the fleets' are)."""

CREST_WEIGHT = 4.0
"""A moment that is lower than the highest by `k` of the wave's amplitudes counts for exp(-4 k) of
its time: so much less likely is it that the wave makes it the highest (waves on cosines of 0.3 to
30 amplitudes: crests within 0.08)."""


def longer_s(
    near_s: np.ndarray, highest: np.ndarray, value: np.ndarray, dt_s: float, amplitude: Any
) -> np.ndarray:
    """For how long a course has been about as high as its highest, s (N,), `dt_s` at `value` on.

    `near_s` and `highest` are those of before; `amplitude` of the wave, in the course's unit.
    """
    sharp = CREST_WEIGHT / np.maximum(amplitude, 1e-9)
    top = np.maximum(highest, value)
    before = near_s * np.exp((highest - top) * sharp)
    found: np.ndarray = before + dt_s * np.exp((value - top) * sharp)
    return found


def near_s(course: np.ndarray, step_s: float, amplitude: Any) -> np.ndarray:
    """The same of a whole course (T, N)."""
    found = np.zeros(course.shape[1], dtype=np.float32)
    highest = np.full(course.shape[1], -np.inf, dtype=np.float32)
    for value in course:
        found = longer_s(found, highest, value, step_s, amplitude)
        highest = np.maximum(highest, value)
    return found


def crest(near_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The highest value of a wave within `near_s` seconds, and its deviation."""
    return np.interp(near_s, CREST_S, CREST_MEAN), np.interp(near_s, CREST_S, CREST_SIGMA)
