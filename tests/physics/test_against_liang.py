"""Link budget against the set-up of Liang et al., arXiv 2204.13177."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import links, terminals

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


def test_mean_pointing_loss_is_the_mean_over_the_jitter():
    """Closed form against half a million draws of a bias of 2 and a jitter of 1 urad an axis."""
    gain = links.beam_gain_ratio(15e-6)
    rng = np.random.default_rng(3)
    across = rng.normal(0, 1e-6, (2, 500_000)) + np.array([[2e-6], [0]])
    drawn = np.exp(-gain * (across**2).sum(axis=0)).mean()
    assert links.pointing_loss_ratio(gain, 2e-6, 1e-6) == pytest.approx(drawn, rel=2e-3)
    steady_db = 10 * np.log10(links.pointing_loss_ratio(gain, 2e-6, 0.0))
    assert steady_db == pytest.approx(links.pointing_loss_db(gain, 2e-6))


def test_a_gaussian_beam_is_never_collected_twice():
    """All of it near by, 1/d^2 far away, where the even cone of Liang et al. has half of it."""
    ranges_m = np.array([1.0, 1e5, 1e6, 5e6])
    found = links.gaussian_capture_ratio(0.08, 15e-6, WAVELENGTH_M, ranges_m)
    gain_t = links.beam_gain_ratio(15e-6)
    gain_r = links.aperture_gain_ratio(0.08, WAVELENGTH_M)
    even = links.received_w(1.0, gain_t, gain_r, WAVELENGTH_M, ranges_m)
    assert (found <= 1).all() and (np.diff(found) < 0).all()
    assert found[2:] / even[2:] == pytest.approx([2, 2], rel=0.01)
    assert found[2] / found[3] == pytest.approx(25, rel=0.01)


def test_spot_of_20_microradians():
    """20 m across at 1,000 km: the waist of 10 cm no longer matters there."""
    assert 2 * links.beam_radius_m(1000e3, 20e-6, WAVELENGTH_M) == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize(
    ("terminal", "km", "gbps"),
    [
        (terminals.EML, 160, 660),
        (terminals.EML, 1000, 17),
        (terminals.AMPLIFIED, 1000, 1700),
        (terminals.AMPLIFIED, 2000, 420),
    ],
)
def test_modulated_laser_short_amplified_long(terminal, km, gbps):
    """10 mW or 1 W, 10 cm, 20 urad, on-off keying."""
    assert terminals.reachable_bps(terminal, km * 1e3) / 1e9 == pytest.approx(gbps, rel=0.01)
