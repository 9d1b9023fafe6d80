"""The sections of a profile file, each checked by itself: orbits, links, and the nominal satellite.

`orbitwin/profile.py` puts them together.  Every number is nominal and in the unit of its name.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orbitwin.physics import orbit
from orbitwin.physics.constants import EARTH_RADIUS_M

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]
Celsius = Annotated[float, Field(gt=-273.15, lt=1000)]
Count = Annotated[int, Field(ge=1, le=5_000_000)]

YEARS = range(1957, 2201)
"""Of a layout's epoch: when there are satellites, and formulas for Sun and precession hold."""

LARGEST_REACH = 0.01
"""Of the semi-major axis: beyond it the linear equations of relative motion (Hill, Clohessy and
Wiltshire) are off by more than 1 % of the distance."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(Section):
    """`[profile]`: what it is, which vehicle type flies, and the epoch of the layout."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    vehicle: str = "odc"
    period_s: float = Field(default=1.0, ge=0.01, le=3600)
    epoch: datetime
    software_version: int = Field(default=1000, ge=0, le=65_000)

    @field_validator("epoch")
    @classmethod
    def _utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("write the time zone: 2026-10-01T00:00:00Z")
        if value.year not in YEARS:
            raise ValueError(f"expected a year from {YEARS[0]} to {YEARS[-1]}")
        return value.astimezone(UTC)


class Cluster(Section):
    """Satellites in formation on a square lattice in the orbital plane."""

    kind: Literal["cluster"]
    members: Count
    pitch_m: Positive
    clusters_per_plane: Count = 100
    plane_spread_h: float = Field(default=0.0, ge=0, le=24)

    @property
    def reach_m(self) -> float:
        """About how far the outermost member stands from the middle of the lattice, m."""
        return self.pitch_m * math.sqrt(self.members / math.pi)


class Walker(Section):
    """Walker i:T/P/F: evenly spaced planes of evenly spaced satellites."""

    kind: Literal["walker"]
    planes: Count
    phasing: int = Field(default=0, ge=0)
    pattern: Literal["delta", "star"] = "delta"


Direction = Literal["ahead", "behind", "left", "right", "outward", "inward", "up", "down"]
"""Where a neighbour is: along the track, in the next planes, in the lattice's radial direction,
or in the shell above or below."""


class LinkTo(Section):
    """`[[shell.link]]`: one optical terminal, the neighbour it serves and the type it is of."""

    to: Direction
    terminal: str = "link"  # `[terminal.NAME]`; `link` is the `[link]` section itself


class Shell(Section):
    """`[[shell]]`: satellites of one altitude and inclination, and what sets them apart.

    `own` replaces numbers of the sections below for this shell alone; without `link` a
    formation serves its lattice's four neighbours and a Walker shell those ahead, behind, left
    and right.
    """

    name: str = Field(min_length=1)
    satellites: Count
    altitude_km: float = Field(ge=160, le=100_000)
    inclination_deg: Literal["sso"] | float
    ltan_h: float | None = Field(default=None, ge=0, lt=24)
    job: Literal["training", "inference", "observation"] = "training"
    layout: Annotated[Cluster | Walker, Field(discriminator="kind")]
    link: tuple[LinkTo, ...] = Field(default=(), max_length=8)
    own: dict[str, float] = Field(default_factory=dict)

    @field_validator("inclination_deg", mode="before")
    @classmethod
    def _inclination(cls, value: object) -> object:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value != "sso" and not (number and 0 <= value <= 180):  # type: ignore[operator]
            raise ValueError('expected 0 to 180 degrees, or "sso"')
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Shell:
        if isinstance(self.layout, Cluster) and self.layout.reach_m > LARGEST_REACH * self.a_m:
            raise ValueError(
                f"a lattice that reaches {self.layout.reach_m / 1e3:.4g} km from its middle is no "
                f"formation: {LARGEST_REACH * self.a_m / 1e3:.0f} km is the most at this altitude"
            )
        if self.inclination_deg == "sso" and self.altitude_km > 5900:
            raise ValueError("no inclination makes an orbit above 5900 km sun-synchronous")
        if isinstance(self.layout, Walker) and self.satellites % self.layout.planes:
            raise ValueError(
                f"{self.satellites} satellites do not divide into {self.layout.planes} planes"
            )
        if isinstance(self.layout, Cluster) and self.satellites % self.layout.members:
            raise ValueError(
                f"{self.satellites} satellites do not divide into clusters of {self.layout.members}"
            )
        if len({link.to for link in self.link}) < len(self.link):
            raise ValueError("two links lead to the same neighbour")
        return self

    @property
    def a_m(self) -> float:
        """Semi-major axis, m."""
        return EARTH_RADIUS_M + self.altitude_km * 1e3

    @property
    def inclination_rad(self) -> float:
        """Inclination, rad, given or that of the altitude's sun-synchronous orbit."""
        if self.inclination_deg == "sso":
            return float(orbit.sun_synchronous_inclination_rad(self.a_m))
        return math.radians(self.inclination_deg)

    @property
    def links(self) -> tuple[LinkTo, ...]:
        """The terminals that serve a neighbour: those given, else the layout's usual ones."""
        usual: tuple[Direction, ...] = ("ahead", "behind", "left", "right")
        if isinstance(self.layout, Cluster):
            usual = ("ahead", "behind", "outward", "inward")
        return self.link or tuple(LinkTo(to=to) for to in usual)


class Power(Section):
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
    array_sections: int = Field(default=16, ge=1, le=255)
    panel_absorptivity: Share
    panel_emissivity: Share
    panel_capacity_j_k_m2: Positive
    regulator_ratio: Share
    bus_w: NotNegative


class Battery(Section):
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


class Thermal(Section):
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
    # a phase-change store on the cold plate; none without mass
    pcm_mass_kg: NotNegative = 0.0
    pcm_latent_j_kg: Positive = 247_000.0
    pcm_melt_degc: Celsius = 36.5
    # work until the plate is this hot, then rest until it is this cold; by default never
    rest_above_degc: Celsius = 900.0
    resume_below_degc: Celsius = 899.0

    @model_validator(mode="after")
    def _ordered(self) -> Thermal:
        if self.throttle_end_degc <= self.chip_limit_degc:
            raise ValueError("throttle_end_degc must be greater than chip_limit_degc")
        if self.rest_above_degc <= self.resume_below_degc:
            raise ValueError("rest_above_degc must be greater than resume_below_degc")
        return self


class Link(Section):
    """`[link]`: the optical terminals; `[terminal.NAME]` says what another type has different."""

    terminals: int = Field(ge=1, le=16)
    kind: Literal["eml", "amplified", "coherent"] = "amplified"
    transmit_w: Positive
    aperture_m: Positive
    aperture_efficiency_ratio: Share
    wavelength_nm: Positive
    system_loss_db: NotNegative
    sensitivity_dbm: float = Field(ge=-150, le=60, allow_inf_nan=False)
    rate_gbps: Positive
    jitter_urad: NotNegative
    reacquisitions_per_day: NotNegative
    acquisition_s: Positive
    terminal_w: NotNegative = 0.0  # electrical, of one terminal
    terminal_usd: NotNegative = 0.0


class Terminal(Section):
    """`[terminal.NAME]`: a terminal type, as far as it differs from `[link]`.

    The receivers' sensitivity is one number a shell, so that the weakest link is the one of
    least power.
    """

    kind: Literal["eml", "amplified", "coherent"] | None = None
    transmit_w: Positive | None = None
    aperture_m: Positive | None = None
    system_loss_db: NotNegative | None = None
    rate_gbps: Positive | None = None
    terminal_w: NotNegative | None = None
    terminal_usd: NotNegative | None = None


class Compute(Section):
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
    step_s: Positive = 10.0  # of one training step, or one batch


class Radiation(Section):
    """`[radiation]`: what the trapped protons of a satellite's place do behind its shielding.

    `shielding_ratio` scales the flux of the grid (protons above 60 MeV); 1 is about 10 mm of
    aluminium.
    """

    solar: Literal["min", "max"] = "min"
    shielding_ratio: Positive = 1.0
    galactic_rad_per_year: NotNegative = 0.0
    protons_cm2_per_rad: Positive
    sdc_cm2: Positive = 7.5e-9
    uecc_cm2: Positive
    host_rad_per_reset: Positive
    ecc_corrected_per_uncorrected: NotNegative


class Process(Section):
    """`[process]`: how much a healthy satellite wavers about its nominal self."""

    load_wobble_ratio: NotNegative = 0.015
    pointing_wobble_ratio: NotNegative = 0.2
    redone_wobble_ratio: NotNegative = 0.3


class Wave(Section):
    """`[[deployment]]`: the share of the satellites that fly, so many years after the first."""

    years: NotNegative
    share_ratio: Share


SATELLITE: dict[str, type[Section]] = {
    "power": Power,
    "battery": Battery,
    "thermal": Thermal,
    "link": Link,
    "compute": Compute,
    "radiation": Radiation,
    "process": Process,
}
"""The sections that describe the satellite, by name."""
