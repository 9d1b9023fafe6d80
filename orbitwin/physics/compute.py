"""Compute: throttling, power caps, collective operations, checkpoints and goodput."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating]

DYNAMIC_POWER_EXPONENT = 2.5  # dynamic power ~ f^2..3 (voltage follows frequency)


def thermal_clock_ratio(
    chip_degc: ArrayLike, start_degc: ArrayLike, end_degc: ArrayLike, least_ratio: ArrayLike
) -> Floats:
    """Clock that a chip allows itself: 1 up to `start_degc`, linear to `least_ratio` at the end."""
    span = np.subtract(end_degc, start_degc)
    fall = np.clip((np.asarray(chip_degc) - start_degc) / span, 0, 1)
    return 1 - fall * (1 - np.asarray(least_ratio))


def capped_clock_ratio(available_w: ArrayLike, idle_w: ArrayLike, full_w: ArrayLike) -> Floats:
    """Clock under a power cap, 0..1: ((P - P_idle) / (P_full - P_idle))^(1/2.5)."""
    share = (np.asarray(available_w) - idle_w) / np.subtract(full_w, idle_w)
    return np.clip(share, 0, 1) ** (1 / DYNAMIC_POWER_EXPONENT)


def payload_power_w(
    idle_w: ArrayLike, full_w: ArrayLike, utilisation_ratio: ArrayLike, clock_ratio: ArrayLike
) -> Floats:
    """Power of a compute payload, W: idle + (full - idle) utilisation clock^2.5."""
    dynamic = np.asarray(utilisation_ratio) * np.power(clock_ratio, DYNAMIC_POWER_EXPONENT)
    return idle_w + np.subtract(full_w, idle_w) * dynamic


def all_reduce_s(
    members: ArrayLike, size_bytes: ArrayLike, rate_bps: ArrayLike, hop_s: ArrayLike = 0.0
) -> Floats:
    """Time of a ring all-reduce, s: 2 (N-1)/N S/B + 2 (N-1) a (Patarasuk & Yuan 2009)."""
    n = np.asarray(members, dtype=float)
    return 2 * (n - 1) / n * np.multiply(size_bytes, 8.0) / rate_bps + 2 * (n - 1) * hop_s


def checkpoint_interval_s(checkpoint_s: ArrayLike, mtbf_s: ArrayLike) -> Floats:
    """Young's best interval between checkpoints, s: sqrt(2 C M) (Young 1974)."""
    return np.sqrt(2 * np.multiply(checkpoint_s, mtbf_s))


def checkpoint_goodput_ratio(
    checkpoint_s: ArrayLike, mtbf_s: ArrayLike, restart_s: ArrayLike = 0.0
) -> Floats:
    """Share of useful work at Young's interval: 1 - sqrt(2 C / M) - R / M (Young 1974; Daly 2006)."""
    waste = np.sqrt(2 * np.divide(checkpoint_s, mtbf_s)) + np.divide(restart_s, mtbf_s)
    return np.clip(1 - waste, 0, 1)


def useful_tops(work_tops: ArrayLike, redone_ratio: ArrayLike) -> Floats:
    """Work that counts, TOPS: what was done less what repeats rolled-back steps."""
    return np.asarray(work_tops) * (1 - np.clip(redone_ratio, 0, 1))


def goodput_ratio(work_tops: ArrayLike, redone_ratio: ArrayLike, rated_tops: ArrayLike) -> Floats:
    """Useful work as a share of the rated work; 0 where nothing is rated."""
    rated = np.asarray(rated_tops)
    useful = useful_tops(work_tops, redone_ratio)
    return np.where(rated > 0, useful / np.where(rated > 0, rated, 1), 0)


def oee_ratio(availability: ArrayLike, performance: ArrayLike, quality: ArrayLike) -> Floats:
    """Overall equipment effectiveness: availability x performance x quality (ISO 22400-2)."""
    return np.multiply(availability, performance) * quality
