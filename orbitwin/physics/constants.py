"""Physical constants, SI unless the name says otherwise."""

from __future__ import annotations

EARTH_MU_M3_S2 = 398600.4418e9  # gravitational parameter; WGS 84 / EGM96
EARTH_RADIUS_M = 6378137.0  # equatorial; WGS 84
EARTH_J2 = 1.08262668e-3  # second zonal harmonic; EGM96
EARTH_ALBEDO_RATIO = 0.3  # mean Bond albedo; ECSS-E-ST-10-04
EARTH_INFRARED_W_M2 = 237.0  # mean outgoing longwave flux; ECSS-E-ST-10-04

SUN_RADIUS_M = 6.957e8  # nominal; IAU 2015 Resolution B3
SOLAR_CONSTANT_W_M2 = 1361.0  # at 1 au; Kopp & Lean 2011
ASTRONOMICAL_UNIT_M = 149597870700.0  # IAU 2012 Resolution B2
TROPICAL_YEAR_S = 365.242190 * 86400.0

SPEED_OF_LIGHT_M_S = 299792458.0
STEFAN_BOLTZMANN_W_M2_K4 = 5.670374419e-8
PLANCK_J_S = 6.62607015e-34
ZERO_CELSIUS_K = 273.15

DAY_S = 86400.0
YEAR_S = 365.25 * DAY_S  # Julian
MICROSECONDS_PER_SECOND = 1_000_000
UNIX_EPOCH_JD = 2440587.5  # Julian date of 1970-01-01T00:00 UTC
J2000_JD = 2451545.0  # Julian date (TT) of the epoch J2000.0
