"""Optical terminals: what types there are, how fast each is at a range, how long it is away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orbitwin.physics import links
from orbitwin.physics.arrays import Floats, Numbers
from orbitwin.physics.constants import DAY_S

LEAST_ACQUISITION_S, MOST_ACQUISITION_S = 10.0, 60.0  # [assumption]
STARLINK_ACQUISITIONS_PER_DAY = 30.0  # a terminal: 266,141 by 9,000 (Brashears, SPIE 2024)
EFFICIENCY_RATIO = 0.8 * 0.8  # of both telescopes; Liang et al., arXiv 2204.13177
JITTER_RAD = 1e-6  # Liang et al.


@dataclass(frozen=True)
class Terminal:
    """A type of optical terminal, all its light in one beam.

    `photons_per_bit` is what its receiver needs; electrical power and cost are those of the
    transceiver (and amplifier), without telescope and gimbal.
    """

    name: str
    transmit_w: float
    photons_per_bit: float
    electrical_w: float
    cost_usd: float
    wavelength_m: float = 1550e-9
    divergence_rad: float = 20e-6  # full 1/e^2 angle
    aperture_m: float = 0.10


# Photons a bit: on-off keying 71, coherent 16-QAM 195.6 (arXiv 2511.19468).  A modulated laser
# (EML) costs 10 USD and draws 0.3 W, a coherent transceiver 1,000 USD and 30 W, as articles on
# large constellations say.  A fibre amplifier of 1 W adds 10 W and 200 USD [assumption].
EML = Terminal("eml", 0.010, 71.0, 0.3, 10.0)
AMPLIFIED = Terminal("amplified", 1.0, 71.0, 10.3, 210.0)
COHERENT = Terminal("coherent", 1.0, 195.6, 40.0, 1200.0)  # with the same amplifier
TERMINALS = (EML, AMPLIFIED, COHERENT)


def reachable_bps(
    terminal: Terminal,
    range_m: Numbers,
    loss_ratio: Numbers = EFFICIENCY_RATIO,
    jitter_rad: Numbers = JITTER_RAD,
) -> Numbers:
    """Bit rate that the light of a terminal feeds over `range_m`, bit/s, to one of its own type.

    `loss_ratio` holds all losses but that of pointing.  Photons are counted (Liang et al.); the
    limits of modulators and spectrum are not: `dwdm_bps` has those.
    """
    gain = links.beam_gain_ratio(terminal.divergence_rad)
    pointing_ratio = 10 ** (links.pointing_loss_db(gain, jitter_rad) / 10)
    received_w = links.received_w(
        terminal.transmit_w,
        gain,
        links.aperture_gain_ratio(terminal.aperture_m, terminal.wavelength_m),
        terminal.wavelength_m,
        range_m,
        loss_ratio * pointing_ratio,
    )
    return links.rate_bps(received_w, terminal.photons_per_bit, terminal.wavelength_m)


def dwdm_bps(
    received_w: Numbers, channels: int, channel_bps: Numbers, channel_sensitivity_w: Numbers
) -> Floats:
    """Rate of a dense-wavelength link, bit/s: as many of its channels as the light feeds.

    Each channel needs `channel_sensitivity_w` (arXiv 2511.19468: 24 x 400 Gbps, -20 dBm each).
    """
    return np.clip(np.floor(received_w / channel_sensitivity_w), 0, channels) * channel_bps


def acquisition_s(
    chance: Numbers, least_s: Numbers = LEAST_ACQUISITION_S, most_s: Numbers = MOST_ACQUISITION_S
) -> Numbers:
    """Time to find the other terminal, s, of a uniform random number 0..1."""
    return least_s + (most_s - least_s) * chance


def churn_availability_ratio(
    acquisitions_per_day: Numbers = STARLINK_ACQUISITIONS_PER_DAY,
    mean_acquisition_s: Numbers = (LEAST_ACQUISITION_S + MOST_ACQUISITION_S) / 2,
) -> Floats:
    """Share of the day in which a terminal is not searching, 0..1."""
    return np.clip(1 - acquisitions_per_day * mean_acquisition_s / DAY_S, 0, 1)
