"""Optical links between satellites: budget, near field, pointing, coding margin, health."""

from __future__ import annotations

import math

import numpy as np

from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import PLANCK_J_S, SPEED_OF_LIGHT_M_S

HEALTH_95_PERCENT_DB = 3.0  # margin at which the health index is 0.95; ECSS-E-ST-50-05C's 3 dB
HEALTH_SLOPE_PER_DB = math.log(19.0) / HEALTH_95_PERCENT_DB
FEC_DECADE_DB = 3.0  # margin that lowers the corrected-error rate tenfold [assumption]
NO_SIGNAL_DBM = -100.0
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
    return 1 / (1 + np.exp(-HEALTH_SLOPE_PER_DB * margin_db))


def health_ratio(
    margin_db: Numbers, fec_ratio: Numbers, availability_ratio: Numbers = 1.0
) -> Floats:
    """Link health index 0..1: logistic(margin) (1 - corrected errors / limit) availability."""
    correction = 1 - np.clip(fec_ratio, 0, 1)
    return margin_health_ratio(margin_db) * correction * availability_ratio


def fec_ratio(margin_db: Numbers) -> Floats:
    """Corrected errors over what the code can correct: 1 at no margin, a decade each 3 dB."""
    return np.exp(margin_db * (-math.log(10.0) / FEC_DECADE_DB))


def formation_range_m(least_m: Numbers, most_m: Numbers, angle_rad: Numbers) -> Floats:
    """Distance of two members of a formation, m, that swings between two values twice an orbit.

    Their relative path is the 2:1 ellipse of Hill, Clohessy and Wiltshire:
    d^2 = least^2 cos^2 + most^2 sin^2 of `angle_rad`.  Equal bounds give a constant distance.
    """
    least2, most2 = least_m**2, most_m**2
    return np.sqrt(least2 + (most2 - least2) * np.sin(angle_rad) ** 2)
