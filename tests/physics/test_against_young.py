"""Checkpoints against Young (1974) and the failure record of Llama 3 405B."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import compute

MTBF_S = 54 * 86_400 / 419  # 419 unexpected interruptions in 54 days


def test_llama_3_interval_and_goodput():
    assert pytest.approx(3.09, abs=0.01) == MTBF_S / 3600
    assert compute.checkpoint_interval_s(60, MTBF_S) / 60 == pytest.approx(19.3, abs=0.05)
    assert compute.checkpoint_goodput_ratio(60, MTBF_S) == pytest.approx(0.896, abs=0.001)
    assert compute.checkpoint_goodput_ratio(30, MTBF_S) == pytest.approx(0.927, abs=0.001)


def test_throttle_and_cap():
    clock = compute.thermal_clock_ratio(np.array([20.0, 83, 87, 91, 120]), 83.0, 91.0, 0.3)
    assert clock == pytest.approx([1, 1, 0.65, 0.3, 0.3])
    assert compute.capped_clock_ratio(np.array([0.0, 100, 1000]), 100, 500) == pytest.approx(
        [0, 0, 1]
    )
    power_w = compute.payload_power_w(100, 500, 1.0, compute.capped_clock_ratio(300.0, 100, 500))
    assert power_w == pytest.approx(300)


def test_goodput_of_an_idle_satellite_is_zero_and_not_a_fault():
    found = compute.goodput_ratio(np.array([0.0, 90, 90]), np.array([0, 0, 0.5]), 100.0)
    assert found == pytest.approx([0, 0.9, 0.45])
    assert compute.goodput_ratio(np.array([5.0]), 0.0, np.array([0.0])) == 0


def test_youngs_interval_wastes_least():
    best = compute.checkpoint_interval_s(60, MTBF_S)
    wastes = compute.checkpoint_waste_ratio(best * np.array([0.5, 0.9, 1, 1.1, 2]), 60, MTBF_S, 300)
    assert wastes.argmin() == 2
    assert wastes[2] == pytest.approx(1 - compute.checkpoint_goodput_ratio(60, MTBF_S, 300))
    assert compute.rollback_s(best, 300) == pytest.approx(best / 2 + 300)


def test_waste_of_a_simulated_year_of_failures():
    """Exponential failures at random points of the interval lose half of it on average."""
    rng = np.random.default_rng(4)
    interval = compute.checkpoint_interval_s(60, MTBF_S)
    lost = np.mod(np.cumsum(rng.exponential(MTBF_S, 100_000)), interval)
    assert lost.mean() == pytest.approx(compute.rollback_s(interval), rel=0.01)


def test_utilisation_of_llama_3():
    """405 billion parameters, 16,384 chips of 989 TFLOPS: 38 to 43 % (6 N a token)."""
    per_s = 400e12 * 16_384 / (6 * 405e9)
    assert compute.mfu_ratio(per_s, 405e9, 16_384 * 989e12) == pytest.approx(0.40, abs=0.01)


def test_stragglers():
    step_s = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 2.0]])
    assert compute.straggler_index(step_s) == pytest.approx([1, 2])
    assert compute.synchronous_ratio(step_s) == pytest.approx([1, 0.625])
    assert compute.job_goodput_ratio(step_s, 60, MTBF_S) == pytest.approx([0.896, 0.56], abs=1e-3)


@pytest.mark.parametrize("exponent", [2.0, 3.0])
def test_dynamic_power_lies_between_square_and_cube(exponent):
    half = compute.payload_power_w(0.0, 1.0, 1.0, 0.5)
    assert (half - 0.5**exponent) * (exponent - compute.DYNAMIC_POWER_EXPONENT) > 0
