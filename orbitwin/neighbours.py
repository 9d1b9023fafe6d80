"""Who a satellite's terminals serve, and how far away they are over an orbit.

All satellites of a shell have links of the same geometry: `range_m^2 = least^2 + (most^2 - least^2)
sin^2(u + phase)` with u, the satellite's argument of latitude.  Where a neighbour is missing (the
edge of a formation, the seam of a star pattern, a plane that is not full) the terminal is taken
to serve somebody else at that distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orbitwin.errors import UsageError
from orbitwin.profile_sections import Cluster, Shell

NONE = -1  # in place of a row
LATTICE = {"ahead": (0, 1), "behind": (0, -1), "outward": (1, 0), "inward": (-1, 0)}
"""Steps (i, j) on a formation's lattice: i outwards, j ahead along the track."""


@dataclass(frozen=True)
class Range:
    """Distance of one link over the orbit; `phase_rad` as in the formula above."""

    least_m: float
    most_m: float
    phase_rad: float = 0.0


@dataclass(frozen=True)
class Place:
    """What `count` satellites of a shell make: planes, slots in each, first row in the fleet.

    `kind` is the number of the profile's shell whose satellites fly; slots count those of a full
    plane.  `first` is NONE where the satellites follow no pattern (real ones).
    """

    kind: int
    shell: Shell
    first: int
    count: int
    planes: int
    slots: int

    @property
    def plane_starts(self) -> NDArray[np.int64]:
        """Rows, from the shell's first on, at which planes begin and the last one ends (P+1,)."""
        if isinstance(self.shell.layout, Cluster):
            return np.minimum(np.arange(self.planes + 1) * self.slots, self.count)
        return np.rint(np.arange(self.planes + 1) * (self.count / self.planes)).astype(np.int64)


def place(shell: Shell, kind: int, first: int, count: int, whole: int) -> Place:
    """The pattern of `count` satellites, of a shell that will have `whole` of them.

    A cluster shell has whole clusters, then planes; a Walker shell has planes and slots in
    proportion, every plane with an even share of those that fly.
    """
    if isinstance(shell.layout, Cluster):
        clusters = -(-count // shell.layout.members)
        planes = -(-whole // (shell.layout.members * shell.layout.clusters_per_plane))
        slots = -(-clusters // planes) * shell.layout.members
        return Place(kind, shell, first, count, -(-count // slots), slots)
    planes = max(1, min(count, round(shell.layout.planes * (whole / shell.satellites) ** 0.5)))
    return Place(kind, shell, first, count, planes, -(-count // planes))


def nominal_place(shell: Shell) -> Place:
    """The pattern of a shell with all its satellites."""
    return place(shell, 0, 0, shell.satellites, shell.satellites)


def lattice(members: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole-number points (i, j) of a square lattice, (members,) each, from the centre outwards.

    81 points are exactly those within a radius of 5 steps.
    """
    reach = int(np.ceil(np.sqrt(members / np.pi))) + 2
    i, j = (axis.ravel() for axis in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    order = np.lexsort((np.arctan2(j, i), i * i + j * j))[:members]
    return i[order], j[order]


def ranges(at: Place, others: Sequence[Place]) -> tuple[Range, ...]:
    """The range of each link of a shell's satellites, in the order of `shell.links`.

    `others` are the shells of the fleet, among which `up` and `down` find theirs.
    """
    return tuple(_range(at, link.to, others) for link in at.shell.links)


def circular_range(a_m: float, inclination: float, node_rad: float, ahead_rad: float) -> Range:
    """Range of two circular orbits of equal size and inclination (rad).

    The other one's node lies `node_rad` east and it is `ahead_rad` farther along.  Both positions
    by the unit vectors to the node and a quarter ahead of it (Vallado, sec. 2.5, PQW of a circular
    orbit) give r1 . r2 = a^2 [c0 + c1 cos(2u + ahead)]: exact.
    """
    cos_d, cos2_i = np.cos(node_rad), np.cos(inclination) ** 2
    together = cos_d * (1 + cos2_i) + 1 - cos2_i
    turned = -2 * np.sin(node_rad) * np.cos(inclination)
    c0 = (together * np.cos(ahead_rad) + turned * np.sin(ahead_rad)) / 2
    swing = (1 - cos2_i) * (1 - cos_d) / 2  # -c1 >= 0
    least2, most2 = 1 - c0 - swing, 1 - c0 + swing
    return Range(
        float(a_m * np.sqrt(max(2 * least2, 0.0))),
        float(a_m * np.sqrt(2 * most2)),
        float(np.pi / 2 + ahead_rad / 2),
    )


def neighbours(at: Place) -> NDArray[np.int32]:
    """Rows of the fleet that the satellites of a shell link to, (K, N); NONE where there is none.

    K links in the order of `shell.links`, N the satellites of the shell.  Neighbours in another
    shell change all the time: NONE.
    """
    found = np.full((len(at.shell.links), at.count), NONE, np.int32)
    if at.first == NONE:
        return found
    starts = at.plane_starts
    plane = np.repeat(np.arange(at.planes), np.diff(starts))
    slot = np.arange(at.count) - starts[plane]
    for row, link in enumerate(at.shell.links):
        if isinstance(at.shell.layout, Cluster):
            if link.to in LATTICE:
                found[row] = _in_formation(at, LATTICE[link.to])
        elif link.to not in ("up", "down"):
            found[row] = _in_walker(at, link.to, plane, slot)
    return found


def _in_formation(at: Place, step: tuple[int, int]) -> NDArray[np.int64]:
    assert isinstance(at.shell.layout, Cluster)
    members = at.shell.layout.members
    i, j = lattice(members)
    reach = int(max(np.abs(i).max(), np.abs(j).max())) + 1
    number = np.full((2 * reach + 1, 2 * reach + 1), NONE)
    number[i + reach, j + reach] = np.arange(members)
    other = number[i + step[0] + reach, j + step[1] + reach]
    cluster, member = np.divmod(np.arange(at.count), members)
    row = cluster * members + other[member]
    return np.where((other[member] == NONE) | (row >= at.count), NONE, row + at.first)


def _in_walker(
    at: Place, to: str, plane: NDArray[np.int64], slot: NDArray[np.int64]
) -> NDArray[np.int64]:
    planes, slots, east = _steps(at, to)
    there = plane + planes
    turn = np.floor_divide(there, at.planes)  # over the seam, to the first or last plane
    seam = turn * at.shell.layout.phasing if at.planes > 1 else 0  # type: ignore[union-attr]
    place_in = np.mod(slot + slots + seam, at.slots)
    there = np.mod(there, at.planes)
    starts = at.plane_starts
    row = starts[there] + place_in
    missing = (row >= starts[there + 1]) | (row == np.arange(at.count))
    if east and at.shell.layout.pattern == "star":  # type: ignore[union-attr]
        missing |= turn != 0  # they come the other way there
    return np.where(missing, NONE, row + at.first)


def _steps(at: Place, to: str) -> tuple[int, int, bool]:
    """Planes and slots from a satellite to its neighbour, and whether it changes planes.

    In the next plane it is the satellite that is nearest on average over the orbit: the mean of
    r1 . r2 is greatest.  With one plane there is no other: left and right serve the next but one.
    """
    sign = 1 if to in ("ahead", "right", "outward") else -1
    if to in ("ahead", "behind"):
        return 0, sign, False
    if at.planes == 1 or to in ("outward", "inward"):
        return 0, 2 * sign, False
    i, node_rad = at.shell.inclination_rad, _node_step_rad(at)
    best_rad = np.arctan2(
        -2 * np.sin(node_rad) * np.cos(i),
        np.cos(node_rad) * (1 + np.cos(i) ** 2) + np.sin(i) ** 2,
    )
    own_rad = 2 * np.pi * at.shell.layout.phasing / (at.planes * at.slots)  # type: ignore[union-attr]
    slots = round(float((best_rad - own_rad) * at.slots / (2 * np.pi)))
    return sign, sign * slots, True


def _node_step_rad(at: Place) -> float:
    star = getattr(at.shell.layout, "pattern", "delta") == "star"
    return (np.pi if star else 2 * np.pi) / at.planes


def _range(at: Place, to: str, others: Sequence[Place]) -> Range:
    if to in ("up", "down"):
        return _to_another_shell(at, to, others)
    if isinstance(at.shell.layout, Cluster):
        # the 2:1 ellipse of Hill, Clohessy and Wiltshire, see layout.formation
        pitch_m = at.shell.layout.pitch_m
        return Range(pitch_m / 2, pitch_m, 0.0 if to in ("outward", "inward") else np.pi / 2)
    planes, slots, across = _steps(at, to)
    node_rad = planes * _node_step_rad(at)
    full = max(at.slots, 2)
    ahead_rad = 2 * np.pi * (slots / full + planes * at.shell.layout.phasing / (at.planes * full))
    if not across:
        sine = abs(np.sin(ahead_rad / 2))
        # its own place: there is no other, and nothing to be seen behind the Earth
        chord_m = float(2 * at.shell.a_m * (sine if sine > 1e-9 else 1.0))
        return Range(chord_m, chord_m)
    return circular_range(at.shell.a_m, at.shell.inclination_rad, node_rad, ahead_rad)


def _to_another_shell(at: Place, to: str, others: Sequence[Place]) -> Range:
    """Between straight above and the middle of four satellites, where the next one takes over."""
    sign = 1 if to == "up" else -1
    beyond = [o for o in others if sign * (o.shell.altitude_km - at.shell.altitude_km) > 0]
    if not beyond:
        raise UsageError(
            f"shell {at.shell.name!r} has a link {to}, and no shell flies there",
            "leave the link out, or add the shell",
        )
    other = min(
        beyond,
        key=lambda o: (
            abs(o.shell.altitude_km - at.shell.altitude_km),
            abs(o.shell.inclination_rad - at.shell.inclination_rad),
        ),
    )
    along_rad = np.pi / other.slots
    across_rad = 0.0
    if other.planes > 1:
        across_rad = _node_step_rad(other) / 2 * float(np.sin(other.shell.inclination_rad))
    high, low = at.shell.a_m, other.shell.a_m
    far_rad = float(np.hypot(along_rad, across_rad))
    far2 = high**2 + low**2 - 2 * high * low * np.cos(min(far_rad, np.pi))
    return Range(abs(high - low), float(np.sqrt(far2)))
