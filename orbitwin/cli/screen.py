"""What `orbitwin conjunction --screen` finds: close approaches among real satellites, by SGP4."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orbitwin.cli.output import progress
from orbitwin.errors import UsageError
from orbitwin.physics.screening import screen
from orbitwin.physics.sgp4_batch import Sgp4Orbit
from producers.ephemeris import LEAST_RADIUS_M, age_days
from producers.omm import read_catalogue
from producers.session import epoch_us

DEFAULT_THRESHOLD_KM, DEFAULT_HOURS = 5.0, 24.0
MOST_KM, MOST_HOURS = 100.0, 168.0
SHOWN = 50  # of the approaches, in a table; JSON has all
OLD_DAYS = 3.0  # from its epoch SGP4 is off by kilometres: what is near then is chance


def screened(
    files: Sequence[Path], threshold_km: float, hours: float, start_epoch: str | None
) -> dict[str, Any]:
    """Approaches nearer than `threshold_km` within `hours`, as JSON: nearest first.

    Begins at `start_epoch` (ISO 8601), else at the newest epoch of the element sets. Raises
    UsageError for files that cannot be used and a time that is none.
    """
    orbit = Sgp4Orbit(read_catalogue(files).elements)
    start_us = _start_us(start_epoch, orbit)
    above = _Above(orbit)
    with progress("screening", 1.0) as done:
        found = screen(above.positions_m, start_us, hours * 3600, threshold_km * 1e3, progress=done)
    notes = ["orbit elements have no covariance: no probability of collision"]
    if above.lost:
        notes.append(f"SGP4 gives no position for {above.lost} of {len(orbit)} satellites")
    old = int((age_days(orbit, start_us) > OLD_DAYS).sum())
    if old:
        notes.append(f"{old} element sets are more than {OLD_DAYS:g} days from the time asked for")

    def satellite(row: int) -> dict[str, Any]:
        return {"sat_id": int(orbit.sat_id[row]), "name": orbit.name[row]}

    return {
        "satellites": len(orbit),
        "start_us": start_us,
        "hours": hours,
        "threshold_km": threshold_km,
        "notes": notes,
        "approaches": [
            {
                "objects": [satellite(found.first[k]), satellite(found.second[k])],
                "tca_us": int(found.tca_us[k]),
                "miss_distance_m": float(found.miss_m[k]),
                "relative_speed_m_s": float(np.linalg.norm(found.relative_velocity_m_s[k])),
            }
            for k in np.argsort(found.miss_m, kind="stable")
        ],
    }


class _Above:
    """SGP4's positions without those inside the Earth, and how many have been without one."""

    def __init__(self, orbit: Sgp4Orbit) -> None:
        self.orbit = orbit
        self.lost = 0

    def positions_m(self, t_us: int) -> NDArray[np.float64]:
        positions = self.orbit.positions_m(t_us)
        positions[:, np.linalg.norm(positions, axis=0) < LEAST_RADIUS_M] = np.nan
        self.lost = max(self.lost, int(np.isnan(positions[0]).sum()))
        return positions


def _start_us(start_epoch: str | None, orbit: Sgp4Orbit) -> int:
    if start_epoch is None:
        return int(orbit.epoch_us.max())
    try:
        start_us = epoch_us(datetime.fromisoformat(start_epoch))
    except (ValueError, OverflowError):
        raise UsageError(
            f"--start-epoch {start_epoch} is no time", "such as 2026-11-25T20:00:00Z"
        ) from None
    assert start_us is not None
    return start_us
