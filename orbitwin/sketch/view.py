"""What a sketch shows, and from where: planes, satellites and the Sun in the view's axes.

Every drawing looks from the same place: the Sun stands to the left and before the page, north is
up.  Many planes are shown by a few of them, evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orbitwin.nominal import Nominal
from orbitwin.physics import sun
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.planes import plane_counts, plane_nodes_rad
from orbitwin.profile import Profile
from orbitwin.profile_sections import Cluster, Shell

Points = NDArray[np.float64]

VIEW_FROM_SUN_DEG = 52.0  # the viewer stands so far to the right of the Sun
VIEW_ABOVE_DEG = 18.0
MOST_CURVES = 60  # planes drawn, over all shells
MOST_DOTS = 400  # satellites or clusters shown one by one
CURVE_STEPS = 240


@dataclass(frozen=True)
class Curve:
    """One plane of shell number `shell`: points (3, K) in Earth radii, x right, y up, z nearer.

    `dark` (K,) tells which lie in the shadow.  `dots` (3, D) are satellites or clusters.
    """

    shell: int
    points: Points
    dark: NDArray[np.bool_]
    dots: Points


def view_axes(profile: Profile) -> tuple[Points, Points]:
    """Rows right, up and nearer (3, 3) of the view, and the direction of the Sun in it (3,)."""
    to_sun = sun.sun_position_m(profile.epoch_us)
    to_sun = to_sun / np.linalg.norm(to_sun)
    azimuth = np.arctan2(to_sun[1], to_sun[0]) + np.radians(VIEW_FROM_SUN_DEG)
    above = np.radians(VIEW_ABOVE_DEG)
    nearer = np.array(
        [np.cos(azimuth) * np.cos(above), np.sin(azimuth) * np.cos(above), np.sin(above)]
    )
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    axes = np.stack([right, np.cross(nearer, right), nearer])
    return axes, axes @ to_sun


def curves(profile: Profile) -> list[Curve]:
    """The planes to draw, at the profile's epoch, seen in the view's axes."""
    axes, to_sun = view_axes(profile)
    each = max(1, MOST_CURVES // len(profile.shell))
    shows_dots = sum(_units(shell) for shell in profile.shell) <= MOST_DOTS
    angle = np.linspace(0, 2 * np.pi, CURVE_STEPS + 1)
    found = []
    for number, nominal in enumerate(profile.nominals):
        shell = nominal.shell
        planes, _ = plane_counts(shell)
        in_plane = _units(shell) // planes
        spots = 2 * np.pi * np.arange(in_plane if shows_dots else 0) / max(in_plane, 1)
        for node in plane_nodes_rad(shell, profile.epoch_us, each):
            points = axes @ _circle(nominal, node, angle)
            along = to_sun @ points
            across2 = np.sum(points * points, axis=0) - along * along
            dots = axes @ _circle(nominal, node, spots)
            found.append(Curve(number, points, (along < 0) & (across2 < 1), dots))
    return found


def _units(shell: Shell) -> int:
    """What is shown as one dot: a satellite, or a whole cluster."""
    members = shell.layout.members if isinstance(shell.layout, Cluster) else 1
    return shell.satellites // members


def _circle(nominal: Nominal, node: float, angle: Points) -> Points:
    """Orbit (3, K) in Earth radii at arguments of latitude `angle`, rad, in the frame of date."""
    i, radius = nominal.inclination_rad, nominal.shell.a_m / EARTH_RADIUS_M
    along, across = radius * np.cos(angle), radius * np.sin(angle)
    level = across * np.cos(i)
    return np.stack(
        [
            along * np.cos(node) - level * np.sin(node),
            along * np.sin(node) + level * np.cos(node),
            across * np.sin(i),
        ]
    )


def shell_lines(profile: Profile) -> list[tuple[str, str]]:
    """Each shell in words: its orbit; its satellites and planes, and how many of them are drawn."""
    each = max(1, MOST_CURVES // len(profile.shell))
    lines = []
    for nominal in profile.nominals:
        shell = nominal.shell
        planes, per_plane = plane_counts(shell)
        where = f"{shell.altitude_km:,.0f} km  {np.degrees(nominal.inclination_rad):.1f}°"
        if shell.inclination_deg == "sso":
            where += " SSO"
        if shell.ltan_h is not None:
            where += f", {shell.ltan_h:g} h"
        counts = f"{planes:,} x {per_plane:,} (planes x satellites)"
        if isinstance(shell.layout, Cluster):
            counts = f"{_units(shell):,} x {shell.layout.members:,} (formations x satellites)"
        drawn = f", {each} drawn" if planes > each else ""
        lines.append((where, f"{shell.satellites:,} = {counts}{drawn}"))
    return lines
