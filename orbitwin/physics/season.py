"""Eclipse seasons of sun-synchronous orbits: what "nearly always in the sun" means over a year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from orbitwin.physics import eclipse, orbit, sun
from orbitwin.physics.arrays import Floats
from orbitwin.physics.constants import DAY_S, EARTH_RADIUS_M, MICROSECONDS_PER_SECOND
from orbitwin.physics.frames import teme_to_gcrs

SAMPLES_PER_DAY = 4  # beta moves by a degree a day


@dataclass(frozen=True)
class EclipseSeason:
    """A year of a circular sun-synchronous orbit; arrays of the shape of the altitudes.

    `eclipse_days` counts the days on which orbits meet the shadow, `longest_s` is the longest
    eclipse, `sunlit_ratio` the mean share of time in the sun, `longest_at_us` when it is dark
    longest (UTC; meaningless where there is no eclipse).
    """

    eclipse_days: Floats
    longest_s: Floats
    sunlit_ratio: Floats
    longest_at_us: Floats


def eclipse_season(
    altitude_m: ArrayLike, ltan_h: ArrayLike, from_us: int, days: int = 365
) -> EclipseSeason:
    """Eclipses of sun-synchronous orbits over `days` from UTC `from_us`; altitude and LTAN (N,).

    `ltan_h` is the mean local time of the ascending node: 6 for dawn, 18 for dusk.  Cylindrical
    shadow by `eclipse.eclipse_fraction` from the beta angle of each time.  Raises ValueError at
    altitudes that cannot be sun-synchronous.
    """
    altitude, ltan = np.broadcast_arrays(
        np.asarray(altitude_m, dtype=float)[..., None], np.asarray(ltan_h, dtype=float)[..., None]
    )
    step_us = DAY_S * MICROSECONDS_PER_SECOND / SAMPLES_PER_DAY
    t_us = from_us + step_us * np.arange(days * SAMPLES_PER_DAY)
    # the elements are of date; the frame turns by 0.007 degrees in half a year
    to_date = teme_to_gcrs(int(t_us.mean())).T
    to_sun = to_date @ sun.sun_position_m(t_us)
    a_m = EARTH_RADIUS_M + altitude
    beta = sun.beta_angle_rad(
        orbit.sun_synchronous_inclination_rad(a_m),
        sun.raan_of_local_time_rad(ltan, t_us),
        to_sun / np.linalg.norm(to_sun, axis=0),
    )
    dark = eclipse.eclipse_fraction(altitude, beta)
    return EclipseSeason(
        eclipse_days=(dark > 0).mean(axis=-1) * days,
        longest_s=dark.max(axis=-1) * orbit.period_s(a_m[..., 0]),
        sunlit_ratio=1 - dark.mean(axis=-1),
        longest_at_us=t_us[dark.argmax(axis=-1)],
    )
