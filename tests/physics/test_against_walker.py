"""Constellations against Walker (1984), Satellite Constellations: the pattern i:T/P/F."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from orbitwin import layout
from orbitwin.physics import orbit
from orbitwin.profile_sections import Shell

EPOCH_US = 1_798_761_600_000_000


def elements_of(**pattern: object) -> orbit.MeanElements:
    shell = Shell.model_validate(
        {
            "name": "one",
            "satellites": 24,
            "altitude_km": 1400.0,
            "inclination_deg": 52.0,
            "layout": {"kind": "walker", **pattern},
        }
    )
    fleet = SimpleNamespace(shell=[shell], satellites=24, epoch_us=EPOCH_US)
    return layout.scaled(fleet)[1].elements  # type: ignore[arg-type]


def degrees(phase: np.ndarray) -> np.ndarray:
    return phase.astype(float) / 2.0**64 * 360


@pytest.mark.parametrize(("pattern", "turn_deg"), [("delta", 360), ("star", 180)])
def test_planes_and_phasing(pattern, turn_deg):
    """52:24/8/1: RAAN 360 k / P (180 for a star), u = 360 j / (T/P) + 360 F k / T."""
    found = elements_of(planes=8, phasing=1, pattern=pattern)
    k, j = np.divmod(np.arange(24), 3)
    node_off = degrees(found.node) - turn_deg * k / 8
    latitude_off = degrees(found.phase) - np.mod(360 * j / 3 + 360 * 1 * k / 24, 360)
    for off in (node_off, latitude_off):
        assert np.abs(np.mod(off + 180, 360) - 180).max() < 1e-6
