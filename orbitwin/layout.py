"""Where the satellites of a profile fly: rows of identities and mean elements, any fleet size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from orbitwin.neighbours import (
    NONE,
    Place,
    Range,
    lattice,
    neighbours,
    nominal_place,
    place,
    ranges,
)
from orbitwin.physics import orbit, sun
from orbitwin.physics.frames import teme_to_gcrs
from orbitwin.profile import Profile
from orbitwin.profile_sections import Cluster

Ints = NDArray[np.int32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """N satellites; arrays have shape (N,).

    `sat_id` int64; `shell_index` into `shells` and `places`; `plane` and `slot` int32 from 0,
    within the shell and the plane.  `ranges` holds those of each shell's links.
    """

    shells: tuple[str, ...]
    sat_id: NDArray[np.int64]
    shell_index: NDArray[np.int16]
    plane: Ints
    slot: Ints
    places: tuple[Place, ...]
    ranges: tuple[tuple[Range, ...], ...]
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

    def numbers(self, profile: Profile) -> tuple[dict[str, float], ...]:
        """What the forward model needs (`Nominal.numbers`) of each shell of this fleet."""
        return tuple(
            profile.nominals[at.kind].numbers_at(links)
            for at, links in zip(self.places, self.ranges, strict=True)
        )

    def neighbours(self, shell: int) -> NDArray[np.int32]:
        """Rows to which the satellites of a shell (by its index) link, (K, N), -1 for none."""
        return neighbours(self.places[shell])


class PlannedOrbit:
    """GCRS positions of a synthetic fleet: mean elements, turned out of the frame of date."""

    def __init__(self, elements: orbit.MeanElements) -> None:
        self.elements = elements
        self._orbit = orbit.MeanOrbit(elements)

    def argument_of_latitude_rad(self, t_us: int) -> NDArray[np.float32]:
        """Mean angle from the ascending node along the orbit (N,), rad, at UTC `t_us`."""
        e = self.elements
        angle: NDArray[np.float32] = orbit.angle_of(
            orbit.phase_at(e.phase, e.phase_rate, t_us - e.epoch_us)
        )
        return angle

    def positions_m(self, t_us: int) -> NDArray[np.float32]:
        """Positions (3, N), m, float32, GCRS, at UTC `t_us`."""
        of_date = self._orbit.positions_m(t_us)
        return np.matmul(teme_to_gcrs(t_us).astype(np.float32), of_date)


def scaled(
    profile: Profile, satellites: int | None = None, deployed_ratio: float = 1.0
) -> tuple[Layout, PlannedOrbit]:
    """The fleet of a profile with `satellites` members (all that it names when None).

    Shells share a smaller or larger number in proportion.  A cluster shell grows by whole
    clusters spread along the orbit, then by planes; a Walker shell grows in planes and in
    satellites a plane alike.  Of all these `deployed_ratio` fly, an even share of every plane.
    Ids are 1..N.  Links have the ranges of the complete profile: a smaller fleet is a sample of
    it, whose neighbours are there though nobody simulates them.
    """
    whole = profile.satellites if satellites is None else satellites
    total = round(whole * deployed_ratio)
    if total < 1:
        raise ValueError("a fleet needs at least one satellite")
    places = []
    first = 0
    for kind, (shell, count, all_of_it) in enumerate(
        zip(profile.shell, _shares(profile, total), _shares(profile, whole), strict=True)
    ):
        places.append(place(shell, kind, first, count, all_of_it))
        first += count
    filled = [at for at in places if at.count]
    complete = [nominal_place(shell) for shell in profile.shell]
    parts = [_shell_rows(at, profile.epoch_us) for at in filled]

    def joined(name: str) -> Doubles:
        return np.concatenate([getattr(part, name) for part in parts])

    layout = Layout(
        shells=tuple(at.shell.name for at in filled),
        sat_id=np.arange(1, total + 1, dtype=np.int64),
        shell_index=np.repeat(np.arange(len(filled), dtype=np.int16), [at.count for at in filled]),
        plane=joined("plane").astype(np.int32),
        slot=joined("slot").astype(np.int32),
        places=tuple(filled),
        ranges=tuple(ranges(complete[at.kind], complete) for at in filled),
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

    `shells` names the shell of each; all are one plane, slots count within the shell.  The
    subsystems are those of the profile's first shell, and neighbours are always as far away as
    its farthest: nobody tells which real satellites link to one another.
    """
    distinct, index = np.unique(np.array(shells, dtype=object).astype(str), return_inverse=True)
    slot = np.zeros(len(sat_id), dtype=np.int32)
    places = []
    for shell in range(len(distinct)):
        members = np.flatnonzero(index == shell)
        slot[members] = np.arange(len(members))
        places.append(Place(0, profile.shell[0], NONE, len(members), 1, len(members)))
    links = ranges(nominal_place(profile.shell[0]), [nominal_place(s) for s in profile.shell])
    fixed = tuple(Range(link.most_m, link.most_m) for link in links)
    return Layout(
        shells=tuple(distinct.tolist()),
        sat_id=np.asarray(sat_id, dtype=np.int64),
        shell_index=index.astype(np.int16),
        plane=np.zeros(len(sat_id), dtype=np.int32),
        slot=slot,
        places=tuple(places),
        ranges=(fixed,) * len(distinct),
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


def _shares(profile: Profile, total: int) -> list[int]:
    """`total` split over the shells in proportion to their size, by cumulative rounding."""
    sizes = np.cumsum([0] + [shell.satellites for shell in profile.shell], dtype=float)
    edges = np.rint(sizes / sizes[-1] * total).astype(int)
    return np.diff(edges).tolist()


def _shell_rows(at: Place, epoch_us: int) -> _Rows:
    shell = at.shell
    starts = at.plane_starts
    plane = np.repeat(np.arange(at.planes), np.diff(starts))
    slot = np.arange(at.count) - starts[plane]
    raan_0 = (
        0.0 if shell.ltan_h is None else float(sun.raan_of_local_time_rad(shell.ltan_h, epoch_us))
    )
    ex = ey = np.zeros(at.count)
    if isinstance(shell.layout, Cluster):
        spot, member = np.divmod(slot, shell.layout.members)
        spread = shell.layout.plane_spread_h * np.pi / 12
        raan = raan_0 + spread * ((plane + 0.5) / at.planes - 0.5)
        u = 2 * np.pi * spot / -(-at.slots // shell.layout.members)
        ex, ey = formation(shell.a_m, shell.layout, member)
    else:
        turn = 2 * np.pi if shell.layout.pattern == "delta" else np.pi
        raan = raan_0 + turn * plane / at.planes
        u = 2 * np.pi * (slot / at.slots + shell.layout.phasing * plane / (at.planes * at.slots))
    return _Rows(
        plane=plane,
        slot=slot,
        a_m=np.full(at.count, shell.a_m),
        inclination_rad=np.full(at.count, shell.inclination_rad),
        raan_rad=raan,
        u_rad=u,
        ex=ex,
        ey=ey,
    )


def formation(a_m: float, layout: Cluster, member: NDArray[np.int64]) -> tuple[Doubles, Doubles]:
    """Eccentricity vectors of members of a formation, each of the shape of `member`.

    At the ascending node they stand on a lattice: radially half the pitch, along-track all.
    Relative paths are the drift-free ellipses of Hill, Clohessy and Wiltshire: x = -a e cos M
    outwards, y = 2 a e sin M along the track, M = u - w.  Drift by J2 is taken as corrected.
    """
    i, j = lattice(layout.members)
    step = layout.pitch_m / (2 * a_m)
    return -step * i[member].astype(float), -step * j[member].astype(float)
