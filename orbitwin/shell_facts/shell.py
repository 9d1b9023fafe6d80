"""What follows for one shell of a profile: orbit, night, power, heat, links, work, radiation.

Every fact is of one satellite unless its name says shell, and nominal: full load, the profile's
age, mean orbits over the year that begins with its epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orbitwin.nominal import Nominal
from orbitwin.physics import orbit
from orbitwin.planes import plane_counts
from orbitwin.profile import Profile
from orbitwin.shell_facts import compute, eclipse, heat, links, power, radiation
from orbitwin.shell_facts.compute import Compute
from orbitwin.shell_facts.eclipse import Eclipse
from orbitwin.shell_facts.heat import Heat
from orbitwin.shell_facts.links import Link
from orbitwin.shell_facts.power import Energy, Power
from orbitwin.shell_facts.radiation import Radiation


@dataclass(frozen=True)
class Orbit:
    altitude_km: float
    inclination_deg: float
    period_min: float
    planes: int
    satellites_per_plane: int


@dataclass(frozen=True)
class ShellFacts:
    name: str
    satellites: int
    job: str
    orbit: Orbit
    eclipse: Eclipse
    power: Power
    energy: Energy
    heat: Heat
    links: tuple[Link, ...]
    compute: Compute
    radiation: Radiation


def shell_facts(profile: Profile, nominal: Nominal) -> ShellFacts:
    """What follows for one shell."""
    shell = nominal.shell
    planes, per_plane = plane_counts(shell)
    period_s = float(orbit.period_s(shell.a_m))
    night = eclipse.facts(profile, nominal, period_s)
    hot = heat.facts(nominal)
    given = power.facts(nominal, hot.duty_ratio)
    return ShellFacts(
        name=shell.name,
        satellites=shell.satellites,
        job=shell.job,
        orbit=Orbit(
            shell.altitude_km,
            float(np.degrees(nominal.inclination_rad)),
            period_s / 60,
            planes,
            per_plane,
        ),
        eclipse=night,
        power=given,
        energy=power.energy(nominal, given, night.longest_min * 60, period_s),
        heat=hot,
        links=links.facts(profile, nominal),
        compute=compute.facts(nominal),
        radiation=radiation.facts(nominal),
    )
