"""Optical links between satellites: budget, near field, pointing, coding margin, health."""

from __future__ import annotations

import math

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import EARTH_RADIUS_M, PLANCK_J_S, SPEED_OF_LIGHT_M_S

HEALTH_95_PERCENT_DB = 3.0  # margin at which the health index is 0.95; ECSS-E-ST-50-05C's 3 dB
HEALTH_SLOPE_PER_DB = math.log(19.0) / HEALTH_95_PERCENT_DB
FEC_DECADE_DB = 3.0  # margin that lowers the corrected-error rate tenfold [assumption]
NO_SIGNAL_DBM = -100.0
MOST_EXPONENT = 80.0  # of e, in float32; a link without a signal is far beyond
GRAZING_M = 80e3  # lowest line of sight that counts as clear of the air
DECIBEL_PER_NEPER = 10 / math.log(10)  # of power


def aperture_gain_ratio(
    diameter_m: Numbers, wavelength_m: Numbers, efficiency_ratio: Numbers = 1.0
) -> Numbers:
    """Gain of an aperture, power ratio: eff (pi D / lambda)^2 (Kaushal & Kaddoum 2017, eq. 5)."""
    return efficiency_ratio * (np.pi * diameter_m / wavelength_m) ** 2


def beam_gain_ratio(divergence_rad: Numbers) -> Numbers:
    """Gain of a Gaussian beam, power ratio: 16 / theta^2 with its full 1/e^2 angle, rad.

    Source: Liang et al., arXiv 2204.13177.
    """
    return 16 / divergence_rad**2


def confocal_range_m(diameter_m: Numbers, wavelength_m: Numbers) -> Numbers:
    """Range up to which a beam stays within its aperture, m: pi a^2 / lambda (arXiv 2511.19468)."""
    return np.pi * (diameter_m / 2) ** 2 / wavelength_m


def received_w(
    transmit_w: Numbers,
    gain_transmit_ratio: Numbers,
    gain_receive_ratio: Numbers,
    wavelength_m: Numbers,
    range_m: Numbers,
    loss_ratio: Numbers = 1.0,
) -> Floats:
    """Received optical power, W; arguments broadcast.

    Friis Pr = Pt Gt Gr (lambda / 4 pi d)^2 L, held at Pt L: within the confocal range a receiver
    cannot collect more than was sent.  `loss_ratio` (<= 1) holds all losses.
    Source: arXiv 2511.19468, sec. on free-space optics; CCSDS 141.0-B.
    """
    spread = wavelength_m / (4 * np.pi * range_m)
    captured = gain_transmit_ratio * gain_receive_ratio * spread**2
    return transmit_w * loss_ratio * np.minimum(captured, 1)


def pointing_loss_db(gain_ratio: Numbers, error_rad: Numbers) -> Numbers:
    """Loss by an angular error, dB (<= 0): exp(-G th^2) (Liang et al., arXiv 2204.13177)."""
    return -DECIBEL_PER_NEPER * gain_ratio * error_rad**2


def to_dbm(power_w: Numbers) -> Floats:
    """Power in W as dBm; zero becomes -inf."""
    with np.errstate(divide="ignore"):
        return 10 * np.log10(power_w) + 30


def photons_per_bit(power_w: Numbers, rate_bps: Numbers, wavelength_m: Numbers) -> Numbers:
    """Received photons a bit: Pr lambda / (h c R)."""
    photon_j = PLANCK_J_S * SPEED_OF_LIGHT_M_S / wavelength_m
    return power_w / (rate_bps * photon_j)


def rate_bps(power_w: Numbers, per_bit: Numbers, wavelength_m: Numbers) -> Numbers:
    """Bit rate that `power_w` feeds at `per_bit` photons a bit."""
    photon_j = PLANCK_J_S * SPEED_OF_LIGHT_M_S / wavelength_m
    return power_w / (per_bit * photon_j)


def margin_health_ratio(margin_db: Numbers) -> Floats:
    """Logistic of the link margin, 0..1: 0.5 at 0 dB, 0.95 at 3 dB."""
    return 1 / (1 + np.exp(np.minimum(-HEALTH_SLOPE_PER_DB * margin_db, MOST_EXPONENT)))


def health_ratio(
    margin_db: Numbers, fec_ratio: Numbers, availability_ratio: Numbers = 1.0
) -> Floats:
    """Link health index 0..1: logistic(margin) (1 - corrected errors / limit) availability."""
    correction = 1 - np.clip(fec_ratio, 0, 1)
    return margin_health_ratio(margin_db) * correction * availability_ratio


def fec_ratio(margin_db: Numbers) -> Floats:
    """Corrected errors over what the code can correct: 1 at no margin, a decade each 3 dB."""
    return np.exp(np.minimum(margin_db * (-math.log(10.0) / FEC_DECADE_DB), MOST_EXPONENT))


def formation_range_m(least_m: Numbers, most_m: Numbers, angle_rad: Numbers) -> Floats:
    """Distance of two members of a formation, m, that swings between two values twice an orbit.

    Their relative path is the 2:1 ellipse of Hill, Clohessy and Wiltshire:
    d^2 = least^2 cos^2 + most^2 sin^2 of `angle_rad`.  Equal bounds give a constant distance.
    """
    least2, most2 = least_m**2, most_m**2
    return np.sqrt(least2 + (most2 - least2) * np.sin(angle_rad) ** 2)


def beam_radius_m(range_m: Numbers, divergence_rad: Numbers, wavelength_m: Numbers) -> Floats:
    """1/e^2 radius of a Gaussian beam of a full 1/e^2 angle, m: w^2 = w0^2 + (theta d / 2)^2.

    Waist w0 = 2 lambda / (pi theta) (Saleh & Teich, Fundamentals of Photonics, sec. 3.1).
    """
    waist = 2 * wavelength_m / (np.pi * divergence_rad)
    return np.hypot(waist, divergence_rad * range_m / 2)


def gaussian_capture_ratio(
    diameter_m: Numbers, divergence_rad: Numbers, wavelength_m: Numbers, range_m: Numbers
) -> Floats:
    """Share of a Gaussian beam that an aperture on its axis collects, 0..1.

    1 - exp(-D^2 / (2 w^2)) (Saleh & Teich, eq. 3.1-17): falls as 1/d^2 far away, and near by
    never exceeds what was sent.  Far away it is twice what `received_w` makes of
    `beam_gain_ratio`, which spreads the beam evenly over a cone.
    """
    radius = beam_radius_m(range_m, divergence_rad, wavelength_m)
    return -np.expm1(-(diameter_m**2) / (2 * radius**2))


def pointing_loss_ratio(gain_ratio: Numbers, bias_rad: Numbers, jitter_rad: Numbers) -> Floats:
    """Mean loss by a constant pointing error and jitter, power ratio (<= 1).

    Mean of exp(-G th^2) over a Gaussian jitter of `jitter_rad` a axis about `bias_rad`:
    exp(-G b^2 / s) / s with s = 1 + 2 G sigma^2 (the integral in closed form; the loss itself is
    that of Liang et al., arXiv 2204.13177).
    """
    spread = 1 + 2 * gain_ratio * jitter_rad**2
    return np.exp(-gain_ratio * bias_rad**2 / spread) / spread


def point_ahead_rad(across_speed_m_s: Numbers) -> Numbers:
    """Angle by which a beam must lead its target, rad: 2 v / c of the speed across the line."""
    return 2 * across_speed_m_s / SPEED_OF_LIGHT_M_S


def doppler_hz(closing_speed_m_s: Numbers, wavelength_m: Numbers) -> Numbers:
    """Shift of the optical carrier, Hz, first order in v/c: v / lambda, > 0 when closing."""
    return closing_speed_m_s / wavelength_m


def sight_altitude_m(first_m: Floats, second_m: Floats) -> Floats:
    """Least height of the line between satellites over the (spherical) Earth, m (N,).

    Positions (3, N), m, in one frame: min |r1 + k (r2 - r1)| - RE over 0 <= k <= 1.  A link is
    clear of the air above 80 to 100 km.  Source: Vallado, alg. 35 (SIGHT).
    """
    along = second_m - first_m
    length2 = np.sum(along * along, axis=0)
    k = -np.sum(first_m * along, axis=0) / np.where(length2 == 0, 1, length2)
    nearest = first_m + np.clip(k, 0, 1) * along
    return np.sqrt(np.sum(nearest * nearest, axis=0)) - EARTH_RADIUS_M


def longest_sight_m(
    first_altitude_m: Numbers, second_altitude_m: Numbers, grazing_m: Numbers = GRAZING_M
) -> Floats:
    """Longest line of sight between two heights that stays above `grazing_m`, m.

    Two tangents to the sphere of radius RE + `grazing_m`, by Pythagoras; NaN below that sphere.
    """
    low = EARTH_RADIUS_M + grazing_m
    squares = (
        (EARTH_RADIUS_M + altitude) ** 2 - low**2
        for altitude in (first_altitude_m, second_altitude_m)
    )
    one, other = (np.sqrt(np.where(np.less(x, 0), np.nan, x)) for x in squares)
    return one + other
