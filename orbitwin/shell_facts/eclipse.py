"""The night of a shell: how long, how often, and how unequal between its planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orbitwin.nominal import Nominal
from orbitwin.physics import eclipse, orbit, sun
from orbitwin.physics.constants import DAY_S, MICROSECONDS_PER_SECOND
from orbitwin.physics.frames import teme_to_gcrs
from orbitwin.planes import plane_nodes_rad
from orbitwin.profile import Profile

YEAR_DAYS = 365
SAMPLES_PER_DAY = 4
MOST_PLANES = 48  # looked at for eclipses, evenly over the shell


@dataclass(frozen=True)
class Eclipse:
    """A year of a shell's planes: each has its own share of sun."""

    longest_min: float
    sunlit_ratio: float
    sunlit_least_plane_ratio: float
    sunlit_most_plane_ratio: float
    days_per_year: float  # with an eclipse, of the plane that has fewest


def facts(profile: Profile, nominal: Nominal, period_s: float) -> Eclipse:
    """Beta angle of every plane through a year, and the cylindrical shadow at each."""
    shell = nominal.shell
    seconds = np.arange(YEAR_DAYS * SAMPLES_PER_DAY) * (DAY_S / SAMPLES_PER_DAY)
    rate, _, _ = orbit.j2_rates_rad_s(shell.a_m, 0.0, nominal.inclination_rad)
    nodes = plane_nodes_rad(shell, profile.epoch_us, MOST_PLANES)[:, None] + rate * seconds
    t_us = profile.epoch_us + seconds * MICROSECONDS_PER_SECOND
    # nodes are of date; the frame turns by 0.007 degrees in half a year
    to_sun = teme_to_gcrs(int(t_us.mean())).T @ sun.sun_position_m(t_us)
    beta = sun.beta_angle_rad(
        nominal.inclination_rad, nodes, to_sun / np.linalg.norm(to_sun, axis=0)
    )
    dark = eclipse.eclipse_fraction(shell.altitude_km * 1e3, beta)
    sunlit = 1 - dark.mean(axis=1)
    return Eclipse(
        longest_min=float(dark.max()) * period_s / 60,
        sunlit_ratio=float(sunlit.mean()),
        sunlit_least_plane_ratio=float(sunlit.min()),
        sunlit_most_plane_ratio=float(sunlit.max()),
        days_per_year=float((dark > 0).mean(axis=1).min()) * YEAR_DAYS,
    )
