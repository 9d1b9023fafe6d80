"""Codes to the values that are stored: rounded to the column's resolution, NaN where missing."""

from __future__ import annotations

import numpy as np

from orbitwin.column import Column
from storage.rows import MISSING

STEPS_TOLERANCE = 1e-9


def decode(
    column: Column, codes: np.ndarray, dtype: type, missing: float | None = None
) -> np.ndarray:
    """Values (`dtype`, shape of `codes`) in the column's unit.

    Divides by the steps in a unit where they are whole (100 for a resolution of 0.01): the result
    is then the float nearest to the decimal, which prints as 0.57 and not as 0.5700000000000001.
    `missing` is the code of "no value" if it is not the column's own.
    """
    if column.dtype.kind == "f":
        return codes.astype(dtype)
    steps = steps_of(column)
    if steps:
        values = np.true_divide(codes, dtype(steps), dtype=dtype, casting="unsafe")
    else:
        values = np.multiply(codes, dtype(column.resolution), dtype=dtype, casting="unsafe")
    gone = codes == (column.missing if missing is None else missing)
    if gone.any():
        values[gone] = np.nan
    return values


def decode_state(column: Column, codes: np.ndarray, dtype: type) -> np.ndarray:
    """Values of a derived state's stacked codes (see storage.rows.stack)."""
    return decode(column, codes, dtype, MISSING)


def steps_of(column: Column) -> int:
    """Steps in a unit where that is a whole number, else 0."""
    steps = 1.0 / column.resolution
    whole = round(steps)
    return whole if whole and abs(steps - whole) <= STEPS_TOLERANCE * steps else 0


def mean(column: Column, total: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Means (float64) of summed codes, NaN where n is 0, rounded to a tenth of the resolution."""
    with np.errstate(invalid="ignore", divide="ignore"):
        tenths = np.rint(10.0 * total / n)
    return scale(column, tenths) / 10.0


def scale(column: Column, codes: np.ndarray) -> np.ndarray:
    """Sums of codes in the column's unit (float64)."""
    steps = steps_of(column)
    codes = codes.astype(np.float64)
    return codes / steps if steps else codes * column.resolution
