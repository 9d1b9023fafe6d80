"""A satellite's own parameters: how they are held, and what a healthy satellite has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Own = Mapping[str, Any]

NEUTRAL: dict[str, float] = {
    # what faults change
    "array_ratio": 1.0,  # current of the array
    "array_v_ratio": 1.0,
    "sections_lost": 0.0,
    "cells_lost": 0.0,
    "radiator_ratio": 1.0,  # area that sheds heat
    "pointing_bias_urad": 0.0,
    "transmit_ratio": 1.0,
    "terminals_lost": 0.0,
    "reacquisition_ratio": 1.0,
    "storm_ratio": 1.0,  # dose and upsets
    "ce_ratio": 1.0,  # corrected errors
    "work_ratio": 1.0,
    "hung": 0.0,
    "forced_safe": 0.0,
    # what satellites differ in beside the profile's parameters
    "cell_low_v": 0.01,  # lowest cell below the mean
    "count_resets": 0.0,  # parts of counts, 0..1
    "count_ce": 0.0,
    "count_ue": 0.0,
    "count_sdc": 0.0,
}
"""Parameters that no profile gives, as a healthy and average satellite has them."""


def settle(value: Any) -> Any:
    """A derived value as float32 or a plain number: a NumPy scalar would turn all to float64."""
    if isinstance(value, np.ndarray) and value.ndim:
        return value.astype(np.float32, copy=False)
    return value if isinstance(value, tuple) else float(value)


def any_of(value: Any) -> bool:
    """Whether a number, or any row of an array, is not zero."""
    return bool(np.any(value)) if isinstance(value, np.ndarray) else value != 0


def over_rows(value: Any, rows: tuple[int, ...]) -> Array:
    """A number, or an array already of that shape, as float32 of the shape `rows`; not a copy."""
    return np.broadcast_to(np.asarray(value, np.float32), rows)
