"""A profile: a fleet's orbits and the nominal satellite, in one TOML file, checked as it is read.

A profile of your own is a file like those in `orbitwin/profiles/`; a mistake in it is reported
with its line.  What a profile says is nominal: the twin computes with it.  The synthetic truth
draws each satellite's own parameters around it (`[spread]`) and adds noise (`[noise]`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orbitwin import catalogue
from orbitwin.errors import UsageError
from orbitwin.physics import compute
from orbitwin.physics.constants import EARTH_RADIUS_M, YEAR_S
from orbitwin.spelling import did_you_mean
from orbitwin.toml_source import SourceError, line_of, load_model
from orbitwin.toml_source import load as load_toml

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]
Celsius = Annotated[float, Field(gt=-273.15, lt=1000)]
Count = Annotated[int, Field(ge=1, le=5_000_000)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(_Section):
    """`[profile]`: what it is, which vehicle type flies, and the epoch of the layout."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    vehicle: str = "odc"
    period_s: Positive = 1.0
    epoch: datetime
    software_version: int = Field(default=1000, ge=0, le=65_000)

    @field_validator("epoch")
    @classmethod
    def _utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("write the time zone: 2026-10-01T00:00:00Z")
        return value.astimezone(UTC)


class Cluster(_Section):
    """Satellites in formation on a square lattice in the orbital plane."""

    kind: Literal["cluster"]
    members: Count
    pitch_m: Positive
    clusters_per_plane: Count = 100
    plane_spread_h: NotNegative = 0.0


class Walker(_Section):
    """Walker i:T/P/F: evenly spaced planes of evenly spaced satellites."""

    kind: Literal["walker"]
    planes: Count
    phasing: int = Field(default=0, ge=0)
    pattern: Literal["delta", "star"] = "delta"


class Shell(_Section):
    """`[[shell]]`: satellites of one altitude and inclination."""

    name: str = Field(min_length=1)
    satellites: Count
    altitude_km: float = Field(ge=160, le=100_000)
    inclination_deg: Literal["sso"] | Annotated[float, Field(ge=0, le=180)]
    ltan_h: float | None = Field(default=None, ge=0, lt=24)
    layout: Annotated[Cluster | Walker, Field(discriminator="kind")]

    @model_validator(mode="after")
    def _consistent(self) -> Shell:
        if self.inclination_deg == "sso" and self.altitude_km > 5900:
            raise ValueError("no inclination makes an orbit above 5900 km sun-synchronous")
        if isinstance(self.layout, Walker) and self.satellites % self.layout.planes:
            raise ValueError(
                f"{self.satellites} satellites do not divide into {self.layout.planes} planes"
            )
        return self

    @property
    def a_m(self) -> float:
        """Semi-major axis, m."""
        return EARTH_RADIUS_M + self.altitude_km * 1e3


class Power(_Section):
    """`[power]`: solar array, regulator and the loads that are not payload."""

    array_area_m2: Positive
    cell_efficiency_ratio: Share
    packing_ratio: Share
    cell_power_per_k: NotNegative
    cell_voltage_per_k: NotNegative
    degradation_per_year_ratio: float = Field(ge=0, lt=1)
    age_years: NotNegative
    array_pointing_deg: float = Field(ge=0, lt=90)
    array_mpp_v: Positive
    panel_absorptivity: Share
    panel_emissivity: Share
    panel_capacity_j_k_m2: Positive
    regulator_ratio: Share
    bus_w: NotNegative


class Battery(_Section):
    """`[battery]`: pack, charger and the thresholds of safe mode."""

    cells: Count
    strings: Count
    capacity_wh: Positive
    health_ratio: Share
    charge_efficiency_ratio: Share
    discharge_efficiency_ratio: Share
    cell_resistance_ohm: Positive
    charge_limit_c: Positive
    taper_from_ratio: float = Field(gt=0, lt=1)
    safe_below_ratio: float = Field(ge=0, lt=1)
    resume_above_ratio: Share
    heat_capacity_j_k: Positive
    conductance_w_k: Positive
    mount_degc: Celsius
    ocv_v: tuple[Positive, ...] = Field(min_length=2)

    @field_validator("ocv_v")
    @classmethod
    def _rising(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(low < high for low, high in pairwise(value)):
            raise ValueError("the open-circuit voltage must rise from empty to full")
        return value

    @model_validator(mode="after")
    def _hysteresis(self) -> Battery:
        if self.resume_above_ratio <= self.safe_below_ratio:
            raise ValueError("resume_above_ratio must be greater than safe_below_ratio")
        return self


class Thermal(_Section):
    """`[thermal]`: chips, cold plates, coolant loop, radiator, and their limits."""

    radiator_area_m2: Positive
    radiator_emissivity: Share
    radiator_absorptivity: Share
    radiator_sun_deg: float = Field(ge=0, le=90)
    radiator_capacity_j_k: Positive
    radiator_conductance_w_k: Positive
    plate_capacity_j_k: Positive
    plate_conductance_w_k: Positive
    coolant_flow_kg_s: Positive
    coolant_j_kg_k: Positive
    chip_resistance_k_w: Positive
    chip_spread_k: NotNegative
    chip_limit_degc: Celsius
    throttle_end_degc: Celsius
    throttle_least_ratio: Share
    coolant_limit_degc: Celsius
    battery_limit_degc: Celsius

    @model_validator(mode="after")
    def _ordered(self) -> Thermal:
        if self.throttle_end_degc <= self.chip_limit_degc:
            raise ValueError("throttle_end_degc must be greater than chip_limit_degc")
        return self


class Link(_Section):
    """`[link]`: the optical terminals."""

    terminals: int = Field(ge=1, le=16)
    transmit_w: Positive
    aperture_m: Positive
    aperture_efficiency_ratio: Share
    wavelength_nm: Positive
    system_loss_db: NotNegative
    sensitivity_dbm: float
    rate_gbps: Positive
    jitter_urad: NotNegative
    reacquisitions_per_day: NotNegative
    acquisition_s: Positive


class Compute(_Section):
    """`[compute]`: accelerators and the job they run."""

    chips: Count
    chip_tops: Positive
    chip_w: Positive
    host_w_per_chip: NotNegative
    idle_ratio: float = Field(ge=0, lt=1)
    mfu_ratio: Share
    busy_ratio: Share
    job_satellites: Count
    checkpoint_s: Positive


class Radiation(_Section):
    """`[radiation]`: dose and single-event rates behind the payload's shielding."""

    dose_rad_per_year: Positive
    protons_cm2_per_rad: Positive
    uecc_cm2: Positive
    host_rad_per_reset: Positive
    ecc_corrected_per_uncorrected: NotNegative


class Profile(_Section):
    """A checked profile.  `parameters` is the nominal satellite as one flat table of numbers."""

    profile: Head
    shell: tuple[Shell, ...] = Field(min_length=1)
    power: Power
    battery: Battery
    thermal: Thermal
    link: Link
    compute: Compute
    radiation: Radiation
    spread: dict[str, NotNegative] = Field(default_factory=dict)
    noise: dict[str, NotNegative] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def title(self) -> str:
        return self.profile.title

    @property
    def vehicle(self) -> str:
        """Name of the vehicle type that flies."""
        return self.profile.vehicle

    @property
    def period_s(self) -> float:
        """Seconds between fast packets."""
        return self.profile.period_s

    @property
    def satellites(self) -> int:
        return sum(shell.satellites for shell in self.shell)

    @property
    def epoch_us(self) -> int:
        return int(self.profile.epoch.timestamp()) * 1_000_000

    @cached_property
    def parameters(self) -> dict[str, float]:
        """Every number of the nominal satellite by its key, which is unique over the sections."""
        sections = (self.power, self.battery, self.thermal, self.link, self.compute, self.radiation)
        return {
            key: float(value)
            for section in sections
            for key, value in section.model_dump(exclude={"ocv_v"}).items()
        }

    @cached_property
    def ocv_v(self) -> np.ndarray:
        """Cell voltage on a uniform grid of charge, 0 to 1."""
        return np.array(self.battery.ocv_v)

    @property
    def payload_full_w(self) -> float:
        """Payload power at full clock, W."""
        return self.compute.chips * (self.compute.chip_w + self.compute.host_w_per_chip)

    @property
    def rated_tops(self) -> float:
        """Work of a satellite whose job never waits, checkpoints or fails, TOPS."""
        return self.compute.chips * self.compute.chip_tops * self.compute.mfu_ratio

    @property
    def job_mtbf_s(self) -> float:
        """Mean time between failures of one job, s: uncorrectable memory errors of its chips."""
        protons_cm2_s = (
            self.radiation.dose_rad_per_year * self.radiation.protons_cm2_per_rad / YEAR_S
        )
        chips = self.compute.chips * self.compute.job_satellites
        return 1 / (self.radiation.uecc_cm2 * protons_cm2_s * chips)

    @property
    def checkpoint_interval_s(self) -> float:
        """Young's interval between checkpoints, s."""
        return float(compute.checkpoint_interval_s(self.compute.checkpoint_s, self.job_mtbf_s))

    def constants(self) -> dict[str, float]:
        """The nominal values that stand for a vehicle's constants (catalogue, `[constant]`)."""
        return {
            "regulator_ratio": self.power.regulator_ratio,
            "battery_cells": float(self.battery.cells),
            "battery_strings": float(self.battery.strings),
            "chip_limit_degc": self.thermal.chip_limit_degc,
            "coolant_limit_degc": self.thermal.coolant_limit_degc,
            "battery_limit_degc": self.thermal.battery_limit_degc,
            "sensitivity_dbm": self.link.sensitivity_dbm,
            "terminals": float(self.link.terminals),
            "rated_tops": self.rated_tops,
        }


def shipped() -> dict[str, Path]:
    """Profiles that come with the product, by name."""
    folder = Path(str(resources.files("orbitwin"))) / "profiles"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load(name_or_path: str | Path) -> Profile:
    """Load a profile by the name of a shipped one or the path of a TOML file.

    Raises SourceError (file, line, what was expected) on a mistake, UsageError where there is none.
    """
    known = shipped()
    path = known.get(str(name_or_path), Path(name_or_path))
    if not path.is_file():
        raise UsageError(
            f"{name_or_path}: no such profile or file{did_you_mean(str(name_or_path), known)}",
            f"shipped are {', '.join(known)}; a file of your own works too",
        )
    profile = load_model(Profile, path)
    _check_names(profile, path)
    return profile


def _check_names(profile: Profile, path: Path) -> None:
    """Names in `[spread]` and `[noise]`, and the vehicle, must exist."""
    vehicles = catalogue.shipped()
    if profile.vehicle not in vehicles:
        raise _unknown(path, ("profile", "vehicle"), "vehicle", profile.vehicle, vehicles)
    measured = catalogue.load(profile.vehicle).parameters
    for name in profile.spread:
        if name not in profile.parameters:
            raise _unknown(path, ("spread", name), "parameter", name, profile.parameters)
    for name in profile.noise:
        if name not in measured:
            raise _unknown(path, ("noise", name), "measured parameter", name, measured)


def _unknown(path: Path, key: tuple[str, ...], kind: str, name: str, known: Any) -> SourceError:
    _, lines = load_toml(path)
    where = ".".join(key)
    hint = did_you_mean(name, known)
    return SourceError(str(path), line_of(lines, key), f"{where}: no such {kind}: {name}{hint}")
