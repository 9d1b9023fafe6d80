"""Availability, quality and overall equipment effectiveness against ISO 22400-2."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import compute


def test_availability_by_mean_times():
    assert compute.availability_ratio(90.0, 10.0) == pytest.approx(0.9)
    up_s, down_s, failures = 86_000.0, 400.0, 4
    by_times = compute.availability_ratio(up_s / failures, down_s / failures)
    assert by_times == pytest.approx(up_s / (up_s + down_s))


def test_quality_counts_rolled_back_and_corrupted_work():
    done = np.array([100.0, 100.0, 0.0, np.nan])
    found = compute.quality_ratio(done, np.array([0.0, 8.0, 0.0, 0.0]), np.array([0.0, 2, 0, 0]))
    assert found == pytest.approx([1, 0.9, 0, np.nan], nan_ok=True)


def test_effectiveness_is_the_product():
    assert compute.oee_ratio(0.9, 0.95, 0.99) == pytest.approx(0.846, abs=5e-4)
