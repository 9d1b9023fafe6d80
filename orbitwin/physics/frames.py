"""Frames and times from skyfield, asked once a tick and never once a satellite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skyfield.api import load
from skyfield.sgp4lib import TEME

ROTATION_STEP_US = 60_000_000  # nutation and precession turn the frame by 1e-9 rad in a minute
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def timescale() -> Any:
    """skyfield's time scale from the tables in its package: nothing is downloaded."""
    return load.timescale(builtin=True)


def skyfield_time(t_us: int) -> Any:
    """A skyfield `Time` of UTC microseconds since 1970."""
    return timescale().from_datetime(_EPOCH + timedelta(microseconds=t_us))


def teme_to_gcrs(t_us: int) -> NDArray[np.float64]:
    """Rotation (3, 3) that takes TEME coordinates to the GCRS; good to 1e-9 rad (7 mm in LEO).

    TEME is SGP4's frame: true equator and mean equinox of date (Vallado, AIAA 2006-6753).
    """
    return _teme_to_gcrs(t_us // ROTATION_STEP_US)


@lru_cache(maxsize=512)
def _teme_to_gcrs(step: int) -> NDArray[np.float64]:
    middle_us = step * ROTATION_STEP_US + ROTATION_STEP_US // 2
    rotation: NDArray[np.float64] = np.ascontiguousarray(
        TEME.rotation_at(skyfield_time(middle_us)).T
    )
    return rotation
