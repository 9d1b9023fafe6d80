"""Job throughput and goodput."""

from __future__ import annotations

import numpy as np

from orbitwin.physics import compute


def job_throughput_tops(work_tops: np.ndarray, redone_ratio: np.ndarray) -> np.ndarray:
    """Work that counts, TOPS (N,): what was done less what repeats rolled-back steps.

    The quality factor of ISO 22400-2 applied to the work done; NaN where either is unknown.
    """
    return compute.useful_tops(work_tops, redone_ratio)


def goodput_ratio(throughput_tops: np.ndarray, rated_tops: np.ndarray) -> np.ndarray:
    """Useful work as a share of the rated work (N,); NaN where nothing is rated."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rated_tops > 0, throughput_tops / rated_tops, np.float32(np.nan))
