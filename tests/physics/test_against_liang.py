"""Link budget against the set-up of Liang et al., arXiv 2204.13177."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import links

WAVELENGTH_M = 1550e-9


@pytest.mark.parametrize(
    ("km", "milliwatts"), [(1000, 34), (2000, 136), (3000, 306), (4000, 545), (5000, 851)]
)
def test_transmit_power_for_3_db_of_margin(km, milliwatts):
    """0.8 and 0.8 efficiency, 80 mm, 15 urad, 1 urad of jitter, -35.5 dBm."""
    gain_t = links.beam_gain_ratio(15e-6)
    gain_r = links.aperture_gain_ratio(0.080, WAVELENGTH_M)
    pointing_db = links.pointing_loss_db(gain_t, 1e-6) + links.pointing_loss_db(gain_r, 1e-6)
    loss = 0.8 * 0.8 * 10 ** (pointing_db / 10)
    per_watt = links.received_w(1.0, gain_t, gain_r, WAVELENGTH_M, km * 1e3, loss)
    needed_dbm = -35.5 + 3 - links.to_dbm(per_watt)
    assert 10 ** (needed_dbm / 10) * 1e3 * 1e3 == pytest.approx(milliwatts * 1e3, rel=0.01)


def test_a_power_of_zero_is_no_signal_and_no_warning():
    assert links.to_dbm(np.array([0.0, 1e-3])).tolist() == [-np.inf, 0.0]
