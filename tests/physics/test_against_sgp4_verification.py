"""SGP4 against the verification set of Vallado et al., AIAA 2006-6753 (in the sgp4 package)."""

from __future__ import annotations

from importlib import resources

import numpy as np
from sgp4.api import Satrec, SatrecArray


def test_every_state_of_the_verification_set():
    """32 satellites, 666 states, 1e-6 km; in batch, as the product calls it."""
    folder = resources.files("sgp4")
    lines = (folder / "SGP4-VER.TLE").read_text().splitlines()
    firsts = [k for k, line in enumerate(lines) if line.startswith("1 ")]
    satellites = {
        int(lines[k][2:7]): Satrec.twoline2rv(lines[k][:69], lines[k + 1][:69]) for k in firsts
    }
    states = 0
    satellite = None
    for line in (folder / "tcppver.out").read_text().splitlines():
        numbers = line.split()
        if "xx" in line:
            satellite = satellites[int(numbers[0])]
            continue
        minutes, *expected = map(float, numbers[:4])
        jd, fraction = satellite.jdsatepoch, satellite.jdsatepochF + minutes / 1440
        _, km, _ = SatrecArray([satellite]).sgp4(np.array([jd]), np.array([fraction]))
        if not np.isnan(km).any():
            # the fraction of a day resolves 1e-11 day: 1e-5 km along the track
            assert np.abs(km[0, 0] - expected).max() < 2e-5
            _, exact, _ = satellite.sgp4_tsince(minutes)
            assert np.abs(np.array(exact) - expected).max() < 1e-6
            states += 1
    assert states > 650
