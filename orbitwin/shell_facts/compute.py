"""The work of a satellite and of its shell: chips, jobs, and what failures leave of them."""

from __future__ import annotations

from dataclasses import dataclass

from orbitwin.nominal import Nominal
from orbitwin.physics import compute


@dataclass(frozen=True)
class Compute:
    chips: int
    peak_tops: float
    rated_tops: float  # what is left of it by model FLOPs utilisation
    shell_peak_tops: float
    job_satellites: int
    job_mtbf_s: float
    checkpoint_interval_s: float
    goodput_ratio: float


def facts(nominal: Nominal) -> Compute:
    """What its chips do, and how often a job fails."""
    p = nominal.parameters
    peak = p["chips"] * p["chip_tops"]
    mtbf_s = nominal.job_mtbf_s
    return Compute(
        chips=int(p["chips"]),
        peak_tops=peak,
        rated_tops=nominal.rated_tops,
        shell_peak_tops=peak * nominal.shell.satellites,
        job_satellites=int(p["job_satellites"]),
        job_mtbf_s=mtbf_s,
        checkpoint_interval_s=nominal.checkpoint_interval_s,
        goodput_ratio=float(compute.checkpoint_goodput_ratio(p["checkpoint_s"], mtbf_s)),
    )
