"""Links, power and compute against Google's Suncatcher paper, arXiv 2511.19468."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import compute, links, power, terminals

WAVELENGTH_M = 1550e-9
GAIN = 10 ** (105.1 / 10)  # as the paper rounds it


def test_aperture_gain():
    gain = links.aperture_gain_ratio(0.10, WAVELENGTH_M, 0.8)
    assert 10 * np.log10(gain) == pytest.approx(105.1, abs=0.1)


def test_power_received_over_5000_km():
    received = links.received_w(5.0, GAIN, GAIN, WAVELENGTH_M, 5_000e3, 0.5)
    assert received * 1e6 == pytest.approx(1.6, rel=0.02)


def test_photons_per_bit():
    per_bit = links.photons_per_bit(1e-5, 400e9, WAVELENGTH_M)  # -20 dBm, 400 Gbps
    assert per_bit == pytest.approx(195.6, rel=5e-3)
    assert links.rate_bps(1e-5, per_bit, WAVELENGTH_M) == pytest.approx(400e9)


@pytest.mark.parametrize(
    ("diameter_m", "km", "tolerance"), [(0.10, 5, 0.08), (0.05, 1.25, 0.02), (0.025, 0.32, 0.004)]
)
def test_confocal_ranges(diameter_m, km, tolerance):
    found = links.confocal_range_m(diameter_m, WAVELENGTH_M) / 1e3
    assert found == pytest.approx(km, abs=tolerance)


def test_dense_wavelength_link_reaches_300_km():
    received = links.received_w(5.0, GAIN, GAIN, WAVELENGTH_M, 300e3, 0.5)
    assert received * 1e3 == pytest.approx(0.443, rel=0.01)
    margin_db = links.to_dbm(received) - links.to_dbm(0.24e-3)
    assert margin_db == pytest.approx(2.66, abs=0.05)


def test_near_field_never_receives_more_than_was_sent():
    ranges_m = np.geomspace(1, 1e7, 200)
    received = links.received_w(5.0, GAIN, GAIN, WAVELENGTH_M, ranges_m, 0.5)
    assert received.max() == 2.5
    assert (np.diff(received) <= 0).all()


def test_array_of_the_reference_satellite():
    """v2 mini: 105 m2 x 22 % x 1.361 kW/m2 x 90 % packing = 28 kW."""
    watts = power.array_power_w(1361.0, 105.0, 0.22, 0.9, 1.0, 28.0, 0.004)
    assert watts == pytest.approx(28.3e3, rel=2e-3)


def test_health_index():
    assert links.margin_health_ratio(0.0) == pytest.approx(0.5)
    assert links.margin_health_ratio(3.0) == pytest.approx(0.95)
    assert links.health_ratio(np.float32(6), links.fec_ratio(np.float32(6))) == pytest.approx(
        0.987, abs=0.002
    )


def test_all_reduce_of_a_cluster():
    """81 satellites, 810 GB of gradients, 9.6 Tbps; Patarasuk & Yuan 2009."""
    assert compute.all_reduce_s(81, 810e9, 9.6e12) == pytest.approx(1.33, abs=0.005)
    assert compute.all_reduce_s(1000, 140e9, 1e12, 0.53e-3) == pytest.approx(3.30, abs=0.01)


def test_pointing_at_the_confocal_range():
    """A tenth of the aperture's radius, 5 mm, at 5 km: 1.0 urad."""
    reach_m = links.confocal_range_m(0.10, WAVELENGTH_M)
    assert 0.1 * 0.05 / reach_m * 1e6 == pytest.approx(1.0, abs=0.02)


def test_channels_that_the_light_feeds():
    """24 x 400 Gbps up to 300 km and a little beyond; 32 channels on the 75 GHz grid."""
    ranges_m = np.array([300e3, 420e3, 1000e3, 5000e3])
    received = links.received_w(5.0, GAIN, GAIN, WAVELENGTH_M, ranges_m, 0.5)
    found = terminals.dwdm_bps(received, 24, 400e9, 1e-5) / 1e12
    assert found == pytest.approx([9.6, 8.8, 1.2, 0])
    assert terminals.dwdm_bps(1e-3, 32, 400e9, 1e-5) / 1e12 == pytest.approx(12.8)


def test_latency_budget():
    """160 km: 0.534 ms in space, 0.783 ms in fibre (n = 1.468); the rest has its own terms."""
    space = compute.latency(160e3, 1, 20e-6, 0.5, 5e-3)
    assert space.propagation_s * 1e3 == pytest.approx(0.534, abs=1e-3)
    fibre = compute.latency(160e3, 1, 20e-6, 0.5, 5e-3, refractive_index=1.468)
    assert fibre.propagation_s * 1e3 == pytest.approx(0.783, abs=1e-3)
    assert space.queue_s == pytest.approx(5e-3)  # half busy: as long in the queue as in service
    assert space.total_s == pytest.approx(0.5337e-3 + 20e-6 + 10e-3, abs=1e-6)
    assert np.isinf(compute.latency(0.0, 0, 0.0, np.array([1.0, 1.5]), 1e-3).queue_s).all()
