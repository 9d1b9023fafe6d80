"""What an evaluation goes by: what the twin said, and what was really the case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

LABELS = {
    "sat_id": pl.Int64,
    "fault": pl.String,
    "onset_us": pl.Int64,
    "end_us": pl.Int64,
    "severity": pl.Float64,
}
"""Columns of what was injected."""

EVENTS = {
    "sat_id": pl.Int64,
    "t_us": pl.Int64,  # when it was known: the log's time
    "kind": pl.String,
    "state": pl.String,
    "parameter": pl.String,
    "value": pl.Float64,
    "message": pl.String,
}
"""Columns of what the twin raised and cleared."""

RESIDUALS = {
    "sat_id": pl.Int64,
    "t_us": pl.Int64,
    "channel": pl.String,
    "nis": pl.Float64,
    "inside": pl.Float64,
    "windows": pl.Float64,
}
"""Columns of a minute of one channel: mean z^2 over so many judged windows, and the share of
them inside the 95 % band."""


@dataclass(frozen=True)
class Course:
    """What really happened: times (T,), UTC us, and arrays (T, N) at them.

    `charge_ratio` of the battery and `chip_max_degc` of the hottest chip, the least and the most
    of what is seen until the next time; `link_margin_db` of the weakest link; `lit` whether at
    least half of the Sun is seen.
    """

    t_us: NDArray[np.int64]
    sat_id: NDArray[np.int64]
    charge_ratio: NDArray[np.float32]
    chip_max_degc: NDArray[np.float32]
    link_margin_db: NDArray[np.float32]
    lit: NDArray[np.bool_]


@dataclass(frozen=True)
class Evidence:
    """Tables as named above; `forecasts` as orbitwin.records.FORECAST, with sat_id and t_us."""

    start_us: int
    end_us: int
    sat_id: NDArray[np.int64]
    labels: pl.DataFrame
    events: pl.DataFrame
    residuals: pl.DataFrame
    forecasts: pl.DataFrame
    course: Course
    letters: dict[str, int]  # rows that became dead letters, by reason
