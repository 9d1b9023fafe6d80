"""Where the satellites of a profile fly: rows of identities and mean elements, any fleet size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from orbitwin.physics import orbit, sun
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.physics.frames import teme_to_gcrs
from orbitwin.profile import Cluster, Profile, Shell

Ints = NDArray[np.int32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """N satellites; arrays have shape (N,).

    `sat_id` int64; `shell_index` into `shells`; `plane` and `slot` int32 from 0, within the
    shell and the plane; `range_least_m`, `range_most_m`: bounds of the distance to a neighbour.
    """

    shells: tuple[str, ...]
    sat_id: NDArray[np.int64]
    shell_index: NDArray[np.int16]
    plane: Ints
    slot: Ints
    range_least_m: NDArray[np.float32]
    range_most_m: NDArray[np.float32]
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.sat_id)

    @cached_property
    def name(self) -> list[str]:
        """Names: those given, else shell, plane and slot, as in suncatcher-p001-s0017."""
        if self.names is not None:
            return list(self.names)
        frame = pl.DataFrame(
            {"shell": self.shell, "plane": self.plane + 1, "slot": self.slot + 1}
        ).select(
            pl.format(
                "{}-p{}-s{}",
                "shell",
                pl.col("plane").cast(pl.String).str.zfill(3),
                pl.col("slot").cast(pl.String).str.zfill(4),
            )
        )
        return frame.to_series().to_list()

    @cached_property
    def shell(self) -> list[str]:
        """Shell name of every satellite."""
        return [self.shells[index] for index in self.shell_index.tolist()]


class PlannedOrbit:
    """GCRS positions of a synthetic fleet: mean elements, turned out of the frame of date."""

    def __init__(self, elements: orbit.MeanElements) -> None:
        self.elements = elements
        self._orbit = orbit.MeanOrbit(elements)

    def positions_m(self, t_us: int) -> NDArray[np.float32]:
        """Positions (3, N), m, float32, GCRS, at UTC `t_us`."""
        of_date = self._orbit.positions_m(t_us)
        return np.matmul(teme_to_gcrs(t_us).astype(np.float32), of_date)


def scaled(profile: Profile, satellites: int | None = None) -> tuple[Layout, PlannedOrbit]:
    """The fleet of a profile with `satellites` members (all that it names when None).

    Shells share a smaller or larger number in proportion.  A cluster shell grows by whole
    clusters spread along the orbit, then by planes; a Walker shell grows in planes and in
    satellites a plane alike.  Ids are 1..N.
    """
    total = profile.satellites if satellites is None else satellites
    if total < 1:
        raise ValueError("a fleet needs at least one satellite")
    parts = [
        _shell_rows(shell, profile.epoch_us, count)
        for shell, count in zip(profile.shell, _shares(profile, total), strict=True)
    ]
    index = np.repeat(np.arange(len(parts), dtype=np.int16), [len(part.plane) for part in parts])

    def joined(name: str) -> Doubles:
        return np.concatenate([getattr(part, name) for part in parts])

    layout = Layout(
        shells=tuple(shell.name for shell in profile.shell),
        sat_id=np.arange(1, total + 1, dtype=np.int64),
        shell_index=index,
        plane=joined("plane").astype(np.int32),
        slot=joined("slot").astype(np.int32),
        range_least_m=joined("range_least_m").astype(np.float32),
        range_most_m=joined("range_most_m").astype(np.float32),
    )
    elements = orbit.mean_elements(
        profile.epoch_us,
        joined("a_m"),
        joined("inclination_rad"),
        joined("raan_rad"),
        joined("u_rad"),
        joined("ex"),
        joined("ey"),
    )
    return layout, PlannedOrbit(elements)


def catalogued(
    profile: Profile, sat_id: NDArray[np.int64], names: list[str], shells: list[str]
) -> Layout:
    """Real satellites with the subsystems of a profile: ids and names are theirs.

    `shells` names the shell of each; all are one plane, slots count within the shell.  Neighbour
    distances are those of the profile's first shell.
    """
    distinct, index = np.unique(np.array(shells, dtype=object).astype(str), return_inverse=True)
    slot = np.zeros(len(sat_id), dtype=np.int32)
    for shell in range(len(distinct)):
        members = np.flatnonzero(index == shell)
        slot[members] = np.arange(len(members))
    least_m, most_m = _neighbour_m(profile.shell[0], profile.shell[0].satellites)
    return Layout(
        shells=tuple(distinct.tolist()),
        sat_id=np.asarray(sat_id, dtype=np.int64),
        shell_index=index.astype(np.int16),
        plane=np.zeros(len(sat_id), dtype=np.int32),
        slot=slot,
        range_least_m=np.full(len(sat_id), least_m, dtype=np.float32),
        range_most_m=np.full(len(sat_id), most_m, dtype=np.float32),
        names=tuple(names),
    )


@dataclass(frozen=True)
class _Rows:
    plane: NDArray[np.int64]
    slot: NDArray[np.int64]
    a_m: Doubles
    inclination_rad: Doubles
    raan_rad: Doubles
    u_rad: Doubles
    ex: Doubles
    ey: Doubles
    range_least_m: Doubles
    range_most_m: Doubles


def _shares(profile: Profile, total: int) -> list[int]:
    """`total` split over the shells in proportion to their size, by cumulative rounding."""
    sizes = np.cumsum([0] + [shell.satellites for shell in profile.shell], dtype=float)
    edges = np.rint(sizes / sizes[-1] * total).astype(int)
    return np.diff(edges).tolist()


def _shell_rows(shell: Shell, epoch_us: int, count: int) -> _Rows:
    inclination = (
        float(orbit.sun_synchronous_inclination_rad(shell.a_m))
        if shell.inclination_deg == "sso"
        else np.radians(shell.inclination_deg)
    )
    number = np.arange(count)
    raan_0 = (
        0.0 if shell.ltan_h is None else float(sun.raan_of_local_time_rad(shell.ltan_h, epoch_us))
    )
    ex = ey = np.zeros(count)
    if isinstance(shell.layout, Cluster):
        cluster, member = np.divmod(number, shell.layout.members)
        plane, place = np.divmod(cluster, shell.layout.clusters_per_plane)
        slot = place * shell.layout.members + member
        planes = int(plane.max(initial=0)) + 1
        clusters = min(int(cluster.max(initial=0)) + 1, shell.layout.clusters_per_plane)
        spread = shell.layout.plane_spread_h * np.pi / 12
        raan = raan_0 + spread * ((plane + 0.5) / planes - 0.5)
        u = 2 * np.pi * place / clusters
        ex, ey = _formation(shell, member, u)
    else:
        planes = max(1, round(shell.layout.planes * (count / shell.satellites) ** 0.5))
        per_plane = -(-count // planes)
        plane, slot = np.divmod(number, per_plane)
        turn = 2 * np.pi if shell.layout.pattern == "delta" else np.pi
        raan = raan_0 + turn * plane / planes
        u = 2 * np.pi * (slot / per_plane + shell.layout.phasing * plane / (planes * per_plane))
    least_m, most_m = _neighbour_m(shell, count)
    return _Rows(
        plane=plane,
        slot=slot,
        a_m=np.full(count, shell.a_m),
        inclination_rad=np.full(count, inclination),
        raan_rad=raan,
        u_rad=u,
        ex=ex,
        ey=ey,
        range_least_m=np.full(count, least_m),
        range_most_m=np.full(count, most_m),
    )


def lattice(members: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole-number points (i, j) of a square lattice, (members,) each, from the centre outwards.

    81 points are exactly those within a radius of 5 steps.
    """
    reach = int(np.ceil(np.sqrt(members / np.pi))) + 2
    i, j = (axis.ravel() for axis in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    order = np.lexsort((np.arctan2(j, i), i * i + j * j))[:members]
    return i[order], j[order]


def _formation(shell: Shell, member: NDArray[np.int64], u: Doubles) -> tuple[Doubles, Doubles]:
    """Eccentricity vectors that put members on a lattice: radial half the pitch, along-track all.

    Relative paths are the drift-free ellipses of Hill, Clohessy and Wiltshire: x = -a e cos M
    outwards, y = 2 a e sin M along the track.  Drift by J2 is taken as corrected.
    """
    assert isinstance(shell.layout, Cluster)
    i, j = lattice(shell.layout.members)
    e_cos_m = -(i[member] * shell.layout.pitch_m / 2) / shell.a_m
    e_sin_m = (j[member] * shell.layout.pitch_m) / (2 * shell.a_m)
    return (
        e_cos_m * np.cos(u) + e_sin_m * np.sin(u),
        e_cos_m * np.sin(u) - e_sin_m * np.cos(u),
    )


def _neighbour_m(shell: Shell, count: int) -> tuple[float, float]:
    """Bounds of the distance to the nearest neighbours, m."""
    if isinstance(shell.layout, Cluster):
        return shell.layout.pitch_m / 2, shell.layout.pitch_m
    planes = max(1, round(shell.layout.planes * (count / shell.satellites) ** 0.5))
    per_plane = max(2, -(-count // planes))
    chord_m = 2 * (EARTH_RADIUS_M + shell.altitude_km * 1e3) * np.sin(np.pi / per_plane)
    return float(chord_m), float(chord_m)
