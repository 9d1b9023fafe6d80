"""Churn of optical terminals against what Starlink reported (Brashears, SPIE 2024)."""

from __future__ import annotations

import numpy as np
import pytest

from orbitwin.physics import terminals


def test_acquisitions_of_nine_thousand_terminals():
    """266,141 a day: 30 a terminal, three a second."""
    a_day = 9_000 * terminals.STARLINK_ACQUISITIONS_PER_DAY
    assert a_day == pytest.approx(266_141, rel=0.02)
    assert a_day / 86_400 == pytest.approx(3.1, abs=0.05)


def test_availability_that_follows_from_them():
    """With 10 to 60 s each 98.8 %; Starlink's "> 99 %" wants a mean below 28.8 s (0082)."""
    assert terminals.acquisition_s(np.array([0, 0.5, 1])) == pytest.approx([10, 35, 60])
    assert terminals.churn_availability_ratio() == pytest.approx(0.9878, abs=1e-4)
    assert terminals.churn_availability_ratio(30, 28.8) == pytest.approx(0.99)
