"""A vehicle type as the catalogue gives it: packets, limits, the model of a healthy satellite."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from orbitwin.column import Column
from orbitwin.expression import Expression
from orbitwin.profile_sections import SATELLITE

SEVERITIES = ("normal", "watch", "warning", "distress", "critical", "severe")
"""Severities as in XTCE (OMG formal/18-12-01, AlarmType), worst last; their index is the code."""

MAX_PERSISTENCE = 16
"""Samples of violation history kept for each satellite and limit."""

STATE_PACKET = "state"

QUANTITIES: dict[str, str] = {
    "available_w": "electrical power the arrays give to the bus (W)",
    "demand_w": "electrical power the spacecraft draws (W)",
    "battery_cell_v": "terminal voltage of one battery cell (V)",
    "battery_cell_a": "current into one battery cell, positive when charging (A)",
    "headroom_k": "the least distance of any node from its temperature limit (K)",
    "link_margin_db": "received power above the receiver's sensitivity (dB)",
    "links_up_ratio": "share of the terminals that serve a neighbour that hold a link (0..1)",
    "fec_ratio": "corrected errors as a share of what the code can correct (0..1)",
    "work_tops": "operations done in the last second (TOPS)",
    "redone_ratio": "share of that work which repeats rolled-back steps (0..1)",
    "rated_tops": "operations a second the spacecraft is rated for (TOPS)",
    "sunlit": "whether the Sun lights the spacecraft (true or false)",
}
"""What a vehicle's `[quantity]` table may define; a quantity that it leaves out is unknown."""

DERIVED: dict[str, tuple[str, float, str, str]] = {
    # name: unit, resolution, storage, description
    "power_margin_w": ("W", 0.01, "int32", "power available less power demanded"),
    "state_of_charge_ratio": ("1", 1e-4, "uint16", "charge in the battery, 0 empty to 1 full"),
    "thermal_headroom_k": ("K", 0.01, "int16", "least distance of a node from its limit"),
    "link_health_ratio": ("1", 1e-4, "uint16", "health of the links, 0 none to 1 good"),
    "link_margin_db": ("dB", 0.01, "int16", "received power above sensitivity"),
    "job_throughput_tops": ("TOPS", 0.01, "int32", "useful work after rollback"),
    "goodput_ratio": ("1", 1e-4, "uint16", "useful work as a share of the rated work"),
}
"""The derived states that every vehicle type has: columns of the state packet and of `latest`."""

BEFORE = "_before"
"""A primary parameter's name with this behind it is its mean over the window before."""

SIGMA = "_sigma"
"""What a channel learns may be named by others; with this behind it, its uncertainty."""

RATE = "_rate"
"""The name of a counter of another packet with this behind it is what it gained a second between
the packet's last two arrivals."""

ENVIRONMENT: dict[str, str] = {
    "dt_s": "time since the window before (s)",
    "samples": "packets in the window",
    "watched_s": "how long the satellite has been followed without a gap (s)",
    "lit_ratio": "share of the Sun's disc that is seen, by the planned orbit (0..1)",
    "lit_before_ratio": "the same in the window before",
    "edge": "whether the light changes within the window (true or false)",
    "sun_w_m2": "the Sun's irradiance outside the shadow (W/m2)",
    "day_cos": "cosine of the Sun's zenith angle below the satellite, 0 at night",
    "earth_view": "view factor from an upright plate to the Earth, a face",
    "demand_ratio": "requests at the local hour below the satellite, of the most in a day (0..1)",
    "rx_least_dbm": "nominal received power of the weakest link, by the planned orbits (dBm)",
    "rx_average_dbm": "nominal received power, mean over the links (dBm)",
    "links_closed": "links of which that is enough, all of them where no orbit is known",
    "protons_cm2_s": "flux of protons above 60 MeV by the planned orbit and the grid",
    "nav_along_s": "how far the last navigation fix is ahead of the planned orbit (s of flight)",
    "nav_radial_m": "how far it is above the planned orbit (m)",
    "nav_cross_m": "how far it is beside the planned orbit (m)",
    "charge_ratio": "state of charge by counting what flowed, corrected by the voltage (0..1)",
    "rested_v": "rested voltage of the whole battery at that charge (V)",
    "rested_sigma_v": "its uncertainty, one standard deviation (V)",
    "rested_step_v": "change of that voltage since the window before, by what flowed (V)",
    "panel_degc": "temperature of the solar panels by their heat balance (degC)",
    "battery_unheated_degc": "what the battery's first temperature would be without current (degC)",
    "battery_heated_k": "how much its current has warmed it since, by the nominal resistance (K)",
}
"""What the twin adds to a window's means for the expressions of `[model]`; unknown where the
fleet's orbits are not known."""

NOMINAL: tuple[str, ...] = (
    *(name for section in SATELLITE.values() for name in section.model_fields),
    "all_rate_gbps",
    "altitude_m",
    "by_demand",
    "checkpoint_interval_s",
    "dose_rad_per_year",
    "job",
    "job_mtbf_s",
    "links",
    "nominal_jitter_urad",
    "nominal_step_s",
    "nominal_tx_dbm",
    "payload_full_w",
    "proton_flux_cm2_s",
    "pump_kg_s",
    "rated_tops",
)
"""Numbers of a profile that the expressions of `[model]` may name; unknown without a profile."""


class Limit(BaseModel):
    """A limit on a parameter or derived state: violated outside `below`..`above`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    severity: Literal["watch", "warning", "distress", "critical", "severe"]
    below: float | None = None
    above: float | None = None
    context: Literal["any", "sunlit", "eclipse"] = "any"
    persistence: int = Field(default=1, ge=1, le=MAX_PERSISTENCE)

    @property
    def severity_code(self) -> int:
        return SEVERITIES.index(self.severity)


@dataclass(frozen=True)
class Packet:
    """A packet: the columns that travel together, and how often."""

    name: str
    period_s: float
    staggered: bool
    description: str
    columns: tuple[Column, ...]

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {c.name: c for c in self.columns}

    @property
    def bytes_per_row(self) -> int:
        return sum(c.dtype.itemsize for c in self.columns)


@dataclass(frozen=True)
class LimitOn:
    """A limit together with the column that it watches and the packet that brings it."""

    of: str
    packet: str
    limit: Limit
    derived: bool


@dataclass(frozen=True)
class Battery:
    """Cell curve: `ocv_v[k]` at `soc_ratio[k]`, both ascending, and resistance (ohm)."""

    soc_ratio: np.ndarray
    ocv_v: np.ndarray
    resistance_ohm: float


@dataclass(frozen=True)
class Channel:
    """A relation among measurements that a healthy satellite keeps, window by window.

    `measured` = `predicted` + theta `slope` + noise. `measured` is a parameter of the channel's
    name unless the file says otherwise. theta is learnt for each satellite under the name
    `learns`, from `nominal` +- `spread` on, wandering by `drift_per_day` (one sigma); without
    `learns` it is `nominal` for ever. `sigma` is the relation's own error beside the sensors'
    noise, one standard deviation of a window's mean, in `unit`. It is judged in windows in
    which `when` holds. `slack` is the shift (sigmas) that is never held against it: more than
    the usual 1 where what wavers does so slowly. A `discrete` channel takes few values (a count,
    a mode): it is judged, but its z is no normal variable.
    """

    name: str
    unit: str
    description: str
    measured: Expression
    predicted: Expression
    slope: Expression
    sigma: Expression
    when: Expression | None
    learns: str | None
    nominal: float
    spread: float
    drift_per_day: float
    slack: float = 1.0
    discrete: bool = False


@dataclass(frozen=True)
class Signature:
    """How a fault shows: the direction of the channels' residuals.

    They are taken as `processors.model.isolation.shown` makes them: logarithms of sigmas.

    A fault that shows differently at first and later, or by day and by night, has several.
    """

    fault: str
    description: str
    severity: int
    channels: dict[str, float]


@dataclass(frozen=True)
class Vehicle:
    """A vehicle type, checked. `text` is the file it came from, as published to the fleet topic."""

    name: str
    title: str
    description: str
    source: str
    text: str
    time_column: str | None
    time_unit: str
    packets: dict[str, Packet]
    derived: tuple[Column, ...]
    constants: dict[str, float]
    quantities: dict[str, Expression]
    battery: Battery | None
    limits: tuple[LimitOn, ...]
    channels: tuple[Channel, ...] = ()
    signatures: tuple[Signature, ...] = ()
    noise: dict[str, float] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    @cached_property
    def primary(self) -> Packet:
        """The packet with the shortest period: it drives the derived states and staleness."""
        return min(self.packets.values(), key=lambda p: p.period_s)

    @cached_property
    def parameters(self) -> dict[str, Column]:
        """Every measured column by name, in the file's order."""
        return {c.name: c for p in self.packets.values() for c in p.columns}

    @cached_property
    def state(self) -> Packet:
        """The layout of the state packet: the derived columns."""
        return Packet(STATE_PACKET, self.primary.period_s, False, "derived state", self.derived)

    def columns_of(self, packet: str) -> tuple[Column, ...]:
        """Columns of a packet by name; `state` gives the derived columns."""
        if packet == STATE_PACKET:
            return self.derived
        return self.packets[packet].columns
