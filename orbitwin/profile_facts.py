"""What follows from a profile before anything flies: its fleet as a whole, and shell by shell.

The facts of a shell are worked out in `orbitwin/shell_facts/`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from orbitwin.profile import Profile
from orbitwin.shell_facts.power import array_new_w
from orbitwin.shell_facts.shell import ShellFacts, shell_facts

WAVE_YEARS = (3.0, 6.0, 9.0)


@dataclass(frozen=True)
class Wave:
    years: float
    satellites: int


@dataclass(frozen=True)
class Facts:
    """What follows from a profile; `document()` is the same as JSON-able dicts."""

    name: str
    title: str
    satellites: int
    fleet_array_new_w: float
    fleet_payload_w: float
    fleet_peak_tops: float
    fleet_sdc_per_s: float
    shells: tuple[ShellFacts, ...]
    deployment: tuple[Wave, ...]

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Summary:
    """A profile in one line; array and TOPS are means over its satellites."""

    name: str
    title: str
    vehicle: str
    satellites: int
    shells: int
    array_new_kw: float
    peak_tops: float


def summary(profile: Profile) -> Summary:
    """A profile in one line, at once: no orbit is looked at."""
    array_w = tops = 0.0
    for nominal in profile.nominals:
        share = nominal.shell.satellites / profile.satellites
        array_w += share * array_new_w(nominal)
        tops += share * nominal.parameters["chips"] * nominal.parameters["chip_tops"]
    return Summary(
        profile.name,
        profile.title,
        profile.vehicle,
        profile.satellites,
        len(profile.shell),
        array_w / 1e3,
        tops,
    )


def facts(profile: Profile) -> Facts:
    """What follows from `profile`."""
    shells = tuple(shell_facts(profile, nominal) for nominal in profile.nominals)
    return Facts(
        name=profile.name,
        title=profile.title,
        satellites=profile.satellites,
        fleet_array_new_w=sum(s.power.array_new_w * s.satellites for s in shells),
        fleet_payload_w=sum(s.power.payload_w * s.satellites for s in shells),
        fleet_peak_tops=sum(s.compute.shell_peak_tops for s in shells),
        fleet_sdc_per_s=sum(s.radiation.shell_sdc_per_s for s in shells),
        shells=shells,
        deployment=tuple(
            Wave(years, round(profile.satellites * profile.deployed_ratio(years)))
            for years in WAVE_YEARS
        )
        if profile.deployment
        else (),
    )
