"""Orbital planes of a shell: how many, and where they cross the equator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orbitwin.neighbours import nominal_place
from orbitwin.physics import sun
from orbitwin.profile_sections import Cluster, Shell


def plane_counts(shell: Shell) -> tuple[int, int]:
    """Planes of a shell and places in each; of a formation's last plane some may stay empty."""
    at = nominal_place(shell)
    return at.planes, at.slots


def plane_nodes_rad(shell: Shell, epoch_us: int, most: int) -> NDArray[np.float64]:
    """Right ascension of the ascending nodes of (at most `most`) planes at the epoch, (P,)."""
    planes, _ = plane_counts(shell)
    number = np.unique(np.linspace(0, planes - 1, min(planes, most)).astype(int))
    first = (
        0.0 if shell.ltan_h is None else float(sun.raan_of_local_time_rad(shell.ltan_h, epoch_us))
    )
    if isinstance(shell.layout, Cluster):
        spread = shell.layout.plane_spread_h * np.pi / 12
        return np.asarray(first + spread * ((number + 0.5) / planes - 0.5))
    turn = 2 * np.pi if shell.layout.pattern == "delta" else np.pi
    return np.asarray(first + turn * number / planes)
