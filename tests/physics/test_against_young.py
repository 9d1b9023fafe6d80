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
