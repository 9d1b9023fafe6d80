"""Radiation on a satellite, and the errors that it makes in a shell."""

from __future__ import annotations

from dataclasses import dataclass

from orbitwin.nominal import Nominal
from orbitwin.physics import radiation
from orbitwin.physics.constants import YEAR_S

HBM_LIMIT_RAD = 2000.0  # memory becomes irregular from here; arXiv 2511.19468


@dataclass(frozen=True)
class Radiation:
    dose_rad_per_year: float
    shell_sdc_per_s: float
    shell_memory_errors_per_s: float
    shell_host_resets_per_s: float
    hbm_limit_months: float
    of_nearest_altitude: bool  # the proton grid ends below or above this orbit


def facts(nominal: Nominal) -> Radiation:
    """Dose, and errors by it."""
    p = nominal.parameters
    dose = nominal.dose_rad_per_year
    chips = p["chips"] * nominal.shell.satellites
    return Radiation(
        dose_rad_per_year=dose,
        shell_sdc_per_s=p["sdc_cm2"] * nominal.proton_flux_cm2_s * chips,
        shell_memory_errors_per_s=p["uecc_cm2"] * nominal.proton_flux_cm2_s * chips,
        shell_host_resets_per_s=dose / p["host_rad_per_reset"] / YEAR_S * nominal.shell.satellites,
        hbm_limit_months=HBM_LIMIT_RAD / dose * 12,
        of_nearest_altitude=not radiation.knows(nominal.shell.altitude_km * 1e3),
    )
