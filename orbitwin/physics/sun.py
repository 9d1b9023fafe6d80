"""The Sun: direction and distance, beta angle, seasons of a sun-synchronous orbit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from orbitwin.physics.arrays import Floats
from orbitwin.physics.constants import (
    ASTRONOMICAL_UNIT_M,
    DAY_S,
    J2000_JD,
    MICROSECONDS_PER_SECOND,
    UNIX_EPOCH_JD,
)

TT_MINUS_UTC_S = 69.184  # since 2017; the Sun moves 0.0008 degrees in it
OBLIQUITY_J2000_RAD = np.radians(23.4392911)


def centuries_since_j2000(t_us: ArrayLike) -> Floats:
    """Julian centuries (TT) since J2000.0 of UTC times in us since 1970."""
    seconds = np.asarray(t_us, dtype=float) / MICROSECONDS_PER_SECOND + TT_MINUS_UTC_S
    return (seconds / DAY_S + (UNIX_EPOCH_JD - J2000_JD)) / 36525.0


def sun_position_m(t_us: ArrayLike) -> Floats:
    """Geocentric position of the Sun in the GCRS, (3,) or (3, T), m.

    Meeus, Astronomical Algorithms (2nd ed.), ch. 25, "low accuracy" (0.01 degree), with the
    longitude of date brought to the equinox of J2000 by the general precession and the apparent
    place by the constant of aberration.
    """
    t = centuries_since_j2000(t_us)
    mean_longitude_deg = 280.46646 + t * (36000.76983 + t * 0.0003032)
    anomaly = np.radians(357.52911 + t * (35999.05029 - t * 0.0001537))
    eccentricity = 0.016708634 - t * (0.000042037 + t * 0.0000001267)
    centre_deg = (
        (1.914602 - t * (0.004817 + t * 0.000014)) * np.sin(anomaly)
        + (0.019993 - t * 0.000101) * np.sin(2 * anomaly)
        + 0.000289 * np.sin(3 * anomaly)
    )
    true_anomaly = anomaly + np.radians(centre_deg)
    distance_au = 1.000001018 * (1 - eccentricity**2) / (1 + eccentricity * np.cos(true_anomaly))
    precession_deg = t * (1.396971 + t * 0.0003086)  # Meeus ch. 21, general precession
    aberration_deg = 0.0056916 / distance_au
    longitude = np.radians(mean_longitude_deg + centre_deg - precession_deg - aberration_deg)
    # the ecliptic of date is inclined to that of J2000 (Meeus ch. 21: eta and PI)
    latitude = np.radians(47.0029 / 3600) * t * np.sin(longitude - np.radians(174.876384))
    cos_e, sin_e = np.cos(OBLIQUITY_J2000_RAD), np.sin(OBLIQUITY_J2000_RAD)
    x, y, z = np.cos(longitude), np.sin(longitude), latitude
    metres = distance_au * ASTRONOMICAL_UNIT_M
    return metres * np.stack([x, y * cos_e - z * sin_e, y * sin_e + z * cos_e])


def mean_sun_right_ascension_rad(t_us: ArrayLike) -> Floats:
    """Right ascension of the mean Sun of date, rad: its mean longitude (Meeus, eq. 25.2)."""
    t = centuries_since_j2000(t_us)
    return np.radians(np.mod(280.46646 + t * (36000.76983 + t * 0.0003032), 360.0))


def raan_of_local_time_rad(ltan_h: ArrayLike, t_us: ArrayLike) -> Floats:
    """Node of an orbit that crosses the equator northwards at mean local time `ltan_h`, rad."""
    hours_from_noon = np.asarray(ltan_h, dtype=float) - 12.0
    return np.mod(mean_sun_right_ascension_rad(t_us) + hours_from_noon * (np.pi / 12), 2 * np.pi)


def beta_angle_rad(inclination_rad: ArrayLike, raan_rad: ArrayLike, sun_unit: ArrayLike) -> Floats:
    """Angle between orbit planes and the Sun, rad, positive on the side of the angular momentum.

    sin(beta) = h . s with h = (sin i sin O, -sin i cos O, cos i); `sun_unit` is (3,) in the frame
    of the elements.  Source: Vallado, sec. 5.3.
    """
    i, raan = np.asarray(inclination_rad, dtype=float), np.asarray(raan_rad, dtype=float)
    x, y, z = np.asarray(sun_unit, dtype=float)
    sine = np.sin(i) * np.sin(raan) * x - np.sin(i) * np.cos(raan) * y + np.cos(i) * z
    return np.arcsin(np.clip(sine, -1, 1))
