"""Compute: throttling, power caps, collective operations, checkpoints and goodput."""

from __future__ import annotations

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers

DYNAMIC_POWER_EXPONENT = 2.5  # dynamic power ~ f^2..3 (voltage follows frequency)


def thermal_clock_ratio(
    chip_degc: Numbers, start_degc: Numbers, end_degc: Numbers, least_ratio: Numbers
) -> Floats:
    """Clock that a chip allows itself: 1 up to `start_degc`, linear to `least_ratio` at the end."""
    span = end_degc - start_degc
    fall = np.clip((chip_degc - start_degc) / span, 0, 1)
    return 1 - fall * (1 - least_ratio)


def capped_clock_ratio(available_w: Numbers, idle_w: Numbers, full_w: Numbers) -> Floats:
    """Clock under a power cap, 0..1: ((P - P_idle) / (P_full - P_idle))^(1/2.5)."""
    share = (available_w - idle_w) / (full_w - idle_w)
    return np.clip(share, 0, 1) ** (1 / DYNAMIC_POWER_EXPONENT)


def payload_power_w(
    idle_w: Numbers, full_w: Numbers, utilisation_ratio: Numbers, clock_ratio: Numbers
) -> Floats:
    """Power of a compute payload, W: idle + (full - idle) utilisation clock^2.5."""
    return idle_w + (full_w - idle_w) * utilisation_ratio * clock_ratio**DYNAMIC_POWER_EXPONENT


def all_reduce_s(
    members: Numbers, size_bytes: Numbers, rate_bps: Numbers, hop_s: Numbers = 0.0
) -> Numbers:
    """Time of a ring all-reduce, s: 2 (N-1)/N S/B + 2 (N-1) a (Patarasuk & Yuan 2009)."""
    sent_bits = 2 * (members - 1) / members * size_bytes * 8
    return sent_bits / rate_bps + 2 * (members - 1) * hop_s


def checkpoint_interval_s(checkpoint_s: Numbers, mtbf_s: Numbers) -> Floats:
    """Young's best interval between checkpoints, s: sqrt(2 C M) (Young 1974)."""
    return np.sqrt(2 * checkpoint_s * mtbf_s)


def checkpoint_goodput_ratio(
    checkpoint_s: Numbers, mtbf_s: Numbers, restart_s: Numbers = 0.0
) -> Floats:
    """Share of useful work at Young's interval: 1 - sqrt(2 C / M) - R / M.

    Source: Young 1974; Daly 2006."""
    waste = np.sqrt(2 * checkpoint_s / mtbf_s) + restart_s / mtbf_s
    return np.clip(1 - waste, 0, 1)


def useful_tops(work_tops: Numbers, redone_ratio: Numbers) -> Floats:
    """Work that counts, TOPS: what was done less what repeats rolled-back steps."""
    return work_tops * (1 - np.clip(redone_ratio, 0, 1))


def goodput_ratio(work_tops: Numbers, redone_ratio: Numbers, rated_tops: Numbers) -> Floats:
    """Useful work as a share of the rated work; 0 where nothing is rated."""
    is_rated = np.greater(rated_tops, 0)
    useful = useful_tops(work_tops, redone_ratio)
    return np.where(is_rated, useful / np.where(is_rated, rated_tops, 1), 0)


def oee_ratio(availability: Numbers, performance: Numbers, quality: Numbers) -> Numbers:
    """Overall equipment effectiveness: availability x performance x quality (ISO 22400-2)."""
    return availability * performance * quality
