"""Dose, and the upsets that come with it: counters follow from the dose alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin.physics.constants import YEAR_S
from orbitwin.spacecraft.own import Array, Own, any_of


def derived(own: Own) -> dict[str, Any]:
    """Events a rad: cross-section x chips x protons a rad (arXiv 2511.19468)."""
    protons = own["protons_cm2_per_rad"] * own["chips"]
    return {
        "uncorrected_per_rad": protons * own["uecc_cm2"],
        "silent_per_rad": protons * own["sdc_cm2"],
        "rad_per_proton_cm2": own["shielding_ratio"] / own["protons_cm2_per_rad"],
        "galactic_rad_s": own["galactic_rad_per_year"] / YEAR_S,
        "usual_rad_s": own["dose_rad_per_year"] / YEAR_S,
    }


def expose(own: Own, state: dict[str, Array], protons_cm2_s: Array, dt_s: float) -> None:
    """Add `dt_s` under a flux (N,) of protons above 60 MeV to the dose, in place (float64).

    A storm of ratio r brings r - 1 times the orbit's usual dose on top, wherever the satellite
    is; a burst of corrected errors likewise counts as extra dose of its own.
    """
    dose = (protons_cm2_s * own["rad_per_proton_cm2"] + own["galactic_rad_s"]) * dt_s
    storm, burst = own["storm_ratio"] - 1, own["ce_ratio"] - 1
    if any_of(storm):
        dose = dose + storm * (own["usual_rad_s"] * dt_s)
    state["dose_rad"] += dose
    if any_of(burst):
        state["burst_rad"] += burst * (own["usual_rad_s"] * dt_s)


def counts(own: Own, state: dict[str, Array], launch_rad: NDArray[Any]) -> dict[str, Array]:
    """Dose since launch, resets since launch, memory errors and silent corruptions since boot.

    A host is reset each `host_rad_per_reset`; memory counts start anew with it.  `count_*` (0..1)
    put satellites out of step.
    """
    dose = launch_rad + state["dose_rad"]
    resets = np.floor(dose / own["host_rad_per_reset"] + own["count_resets"])
    boot_rad = (resets - own["count_resets"]) * own["host_rad_per_reset"]
    since = (dose - np.maximum(boot_rad, 0)).astype(np.float32)
    errors = since * own["uncorrected_per_rad"]
    burst = state["burst_rad"].astype(np.float32) * own["uncorrected_per_rad"]
    return {
        "dose_rad": dose.astype(np.float32),
        "resets_count": resets.astype(np.float32),
        "ecc_ce_count": np.floor(
            own["ecc_corrected_per_uncorrected"] * (errors + burst) + own["count_ce"]
        ),
        "ecc_ue_count": np.floor(errors + own["count_ue"]),
        "sdc_count": np.floor(since * own["silent_per_rad"] + own["count_sdc"]),
    }
