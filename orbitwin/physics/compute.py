"""Compute: throttling, power caps, collective operations, checkpoints and goodput."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import SPEED_OF_LIGHT_M_S

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
    is_idle = np.less_equal(rated_tops, 0)
    useful = useful_tops(work_tops, redone_ratio)
    return np.where(is_idle, 0, useful / np.where(is_idle, 1, rated_tops))


def oee_ratio(availability: Numbers, performance: Numbers, quality: Numbers) -> Numbers:
    """Overall equipment effectiveness: availability x performance x quality (ISO 22400-2)."""
    return availability * performance * quality


def quality_ratio(done: Numbers, rolled_back: Numbers, tainted: Numbers) -> Floats:
    """Good share of what was done, 0..1: 1 - (rolled back + silently corrupted) / done.

    The quality of `oee_ratio` (ISO 22400-2); 0 where nothing was done.
    """
    is_idle = np.less_equal(done, 0)
    lost = (rolled_back + tainted) / np.where(is_idle, 1, done)
    return np.where(is_idle, 0, np.clip(1 - lost, 0, 1))


def availability_ratio(mtbf_s: Numbers, mttr_s: Numbers) -> Numbers:
    """Share of time in which a thing works: MTBF / (MTBF + MTTR) (IEC 60050-192)."""
    return mtbf_s / (mtbf_s + mttr_s)


def mfu_ratio(tokens_per_s: Numbers, parameters: Numbers, peak_flops: Numbers) -> Numbers:
    """Model FLOPs utilisation of training: 6 N a token over the peak (Chowdhery et al. 2022)."""
    return 6 * parameters * tokens_per_s / peak_flops


def straggler_index(step_s: Floats) -> Floats:
    """Slowest step of a job's workers over their median, >= 1: times (..., workers) to (...)."""
    return step_s.max(axis=-1) / np.median(step_s, axis=-1)


def synchronous_ratio(step_s: Floats) -> Floats:
    """Share of workers' time in which they do not wait for the slowest: mean / max, (...).

    Times (..., workers) of a step that ends with a collective operation.
    """
    return step_s.mean(axis=-1) / step_s.max(axis=-1)


def checkpoint_waste_ratio(
    interval_s: Numbers, checkpoint_s: Numbers, mtbf_s: Numbers, restart_s: Numbers = 0.0
) -> Numbers:
    """Share of time lost at any interval, first order: C / tau + tau / 2M + R / M (Young 1974)."""
    return checkpoint_s / interval_s + rollback_s(interval_s, restart_s) / mtbf_s


def rollback_s(interval_s: Numbers, restart_s: Numbers = 0.0) -> Numbers:
    """Expected loss a failure, s: half an interval of work and the restart (Young 1974)."""
    return interval_s / 2 + restart_s


def job_goodput_ratio(
    step_s: Floats,
    checkpoint_s: Numbers,
    mtbf_s: Numbers,
    restart_s: Numbers = 0.0,
) -> Floats:
    """Goodput of a synchronous job: not waiting for stragglers x not lost to failures, (...)."""
    return synchronous_ratio(step_s) * checkpoint_goodput_ratio(checkpoint_s, mtbf_s, restart_s)


class Latency(NamedTuple):
    """A request's time by its causes, s; `total_s` is their sum."""

    propagation_s: Numbers
    hop_s: Numbers
    queue_s: Numbers
    compute_s: Numbers

    @property
    def total_s(self) -> Numbers:
        return self.propagation_s + self.hop_s + self.queue_s + self.compute_s


def latency(
    path_m: Numbers,
    hops: Numbers,
    switch_s: Numbers,
    busy_ratio: Numbers,
    compute_s: Numbers,
    refractive_index: float = 1.0,
) -> Latency:
    """Latency budget of a request, split by cause.

    Light over `path_m` (`refractive_index` 1 in space, 1.468 in fibre), `hops` switches, the wait
    for a server that is busy `busy_ratio` of the time, rho / (1 - rho) services (M/M/1;
    Kleinrock, Queueing Systems, vol. 1, sec. 3.2; inf from 1 on), and the service itself.
    """
    idle = 1 - busy_ratio
    full = np.less_equal(idle, 0)
    queue_s = np.where(full, np.inf, busy_ratio * compute_s / np.where(full, 1, idle))
    propagation_s = path_m * refractive_index / SPEED_OF_LIGHT_M_S
    return Latency(propagation_s, hops * switch_s, queue_s, compute_s)
