"""The nominal satellite of one shell: a profile's numbers with what the shell has of its own.

The twin computes with it; the synthetic truth draws each satellite's own parameters around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from orbitwin.physics import compute, radiation
from orbitwin.physics.constants import SOLAR_CONSTANT_W_M2, YEAR_S
from orbitwin.physics.links import to_dbm

if TYPE_CHECKING:
    from orbitwin.neighbours import Range
    from orbitwin.profile import Profile
    from orbitwin.profile_sections import Shell

TRAINING, INFERENCE = 2.0, 3.0  # codes of the `mode` column
TERMINAL_NUMBERS = ("transmit_w", "aperture_m", "system_loss_db", "rate_gbps")
"""What a terminal type may have different, by link in `Nominal.numbers`."""


@dataclass(frozen=True)
class Nominal:
    """Numbers of the satellites of `shell`; `parameters` holds them by key, in their own units."""

    profile: Profile
    shell: Shell

    @cached_property
    def parameters(self) -> dict[str, float]:
        """Every number by its key, which is unique over the sections of a profile."""
        return {**self.profile.parameters, **self.shell.own}

    @property
    def inclination_rad(self) -> float:
        """Inclination, rad."""
        return self.shell.inclination_rad

    @property
    def terminals(self) -> tuple[Mapping[str, float], ...]:
        """Numbers of each terminal that serves a neighbour, in the order of `shell.links`."""
        names = type(self.profile.link).model_fields
        base = {key: value for key, value in self.parameters.items() if key in names}
        made = []
        for link in self.shell.links:
            own: dict[str, float] = {}
            if link.terminal != "link":
                given = self.profile.terminal[link.terminal].model_dump(
                    exclude={"kind"}, exclude_none=True
                )
                own = {key: float(value) for key, value in given.items()}
            made.append({**base, **own})
        return tuple(made)

    @property
    def payload_full_w(self) -> float:
        """Payload power at full clock, W."""
        p = self.parameters
        return p["chips"] * (p["chip_w"] + p["host_w_per_chip"])

    @property
    def rated_tops(self) -> float:
        """Work of a satellite whose job never waits, checkpoints or fails, TOPS."""
        p = self.parameters
        return p["chips"] * p["chip_tops"] * p["mfu_ratio"]

    @property
    def told_at_most(self) -> dict[str, float]:
        """What it tells in full light at full load, by the catalogue's names of the parameters.

        A vehicle type whose ranges are narrower takes the healthy satellite for impossible.
        """
        p = self.parameters
        array_w = SOLAR_CONSTANT_W_M2 * p["array_area_m2"] * p["packing_ratio"]
        return {
            "array_v": p["array_mpp_v"],
            "array_a": array_w * p["cell_efficiency_ratio"] / p["array_mpp_v"],
            "battery_v": p["cells"] * float(self.profile.ocv_v[-1]),
            "load_w": self.payload_full_w + p["bus_w"],
            "payload_w": self.payload_full_w,
            "coolant_flow_kg_s": p["coolant_flow_kg_s"],
            "link_rate_gbps": sum(t["rate_gbps"] for t in self.terminals),
            "work_done_tops": self.rated_tops,
            "step_s": p["step_s"],
            **dict.fromkeys(("x_m", "y_m", "z_m"), self.shell.a_m),
        }

    @cached_property
    def proton_flux_cm2_s(self) -> float:
        """Mean flux of protons above 60 MeV over the orbit, behind this shielding, 1/(cm2 s)."""
        flux = radiation.orbit_mean_flux_cm2_s(
            self.shell.altitude_km * 1e3, self.inclination_rad, self.profile.radiation.solar
        )
        return float(flux) * self.parameters["shielding_ratio"]

    @property
    def dose_rad_per_year(self) -> float:
        """Ionising dose behind the payload's shielding, rad(Si) a year."""
        p = self.parameters
        trapped = self.proton_flux_cm2_s * YEAR_S / p["protons_cm2_per_rad"]
        return trapped + p["galactic_rad_per_year"]

    @property
    def job_mtbf_s(self) -> float:
        """Mean time between failures of one job, s: uncorrectable memory errors of its chips."""
        p = self.parameters
        protons_cm2_s = self.dose_rad_per_year * p["protons_cm2_per_rad"] / YEAR_S
        return 1 / (p["uecc_cm2"] * protons_cm2_s * p["chips"] * p["job_satellites"])

    @property
    def checkpoint_interval_s(self) -> float:
        """Young's interval between checkpoints, s."""
        return float(
            compute.checkpoint_interval_s(self.parameters["checkpoint_s"], self.job_mtbf_s)
        )

    @cached_property
    def numbers(self) -> dict[str, float]:
        """All that the forward model (`orbitwin.spacecraft`) needs, the shell being complete."""
        from orbitwin import neighbours

        places = [neighbours.nominal_place(shell) for shell in self.profile.shell]
        own = places[self.profile.shell.index(self.shell)]
        return self.numbers_at(neighbours.ranges(own, places))

    def numbers_at(self, ranges: Sequence[Range]) -> dict[str, float]:
        """The same with the neighbours of a fleet of another size, in the order of the links.

        `parameters`, what follows from them, and `link{k}_...` of the k-th link.
        """
        made = {
            **self.constants(),
            "altitude_m": self.shell.altitude_km * 1e3,
            "inclination_rad": self.inclination_rad,
            "checkpoint_interval_s": self.checkpoint_interval_s,
            "job_mtbf_s": self.job_mtbf_s,
            "proton_flux_cm2_s": self.proton_flux_cm2_s,
            "dose_rad_per_year": self.dose_rad_per_year,
            "pump_kg_s": self.parameters["coolant_flow_kg_s"],
            "nominal_jitter_urad": self.parameters["jitter_urad"],
            "nominal_step_s": self.parameters["step_s"],
            "nominal_tx_dbm": float(np.mean([to_dbm(t["transmit_w"]) for t in self.terminals])),
            "all_rate_gbps": sum(t["rate_gbps"] for t in self.terminals),
            "job": TRAINING if self.shell.job == "training" else INFERENCE,
            "by_demand": float(self.shell.job == "inference"),
            "by_daylight": float(self.shell.job == "observation"),
        }
        for number, (link, terminal) in enumerate(zip(ranges, self.terminals, strict=True)):
            made[f"link{number}_least_m"] = link.least_m
            made[f"link{number}_most_m"] = link.most_m
            made[f"link{number}_phase_rad"] = link.phase_rad
            made |= {f"link{number}_{name}": terminal[name] for name in TERMINAL_NUMBERS}
        return made

    def constants(self) -> dict[str, float]:
        """Values for a vehicle's constants (catalogue, `[constant]`): every parameter by its key,
        and what follows from them under the names that the catalogue uses."""
        p = self.parameters
        return {
            **p,
            "battery_cells": p["cells"],
            "battery_strings": p["strings"],
            "rated_tops": self.rated_tops,
            "payload_full_w": self.payload_full_w,
            "links": float(len(self.shell.links)),
        }
