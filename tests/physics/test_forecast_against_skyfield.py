"""Forecasts of real satellites' shadow, against skyfield's own SGP4 and `is_sunlit`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from skyfield.api import EarthSatellite, load_file

from orbitwin import fleet
from orbitwin.physics.frames import skyfield_time, timescale
from orbitwin.trajectory import Real
from processors.forecast import ahead
from tests.processing import ODC, fleet_of

skyfield_data = pytest.importorskip("skyfield_data")
SAMPLE = Path(__file__).parents[1] / "data" / "starlink_omm_sample.json"
START_US = 1_748_131_200_000_000  # 2025-05-25T00:00 UTC
ORBIT_S = 5_760


@pytest.fixture(scope="module")
def sample() -> list[dict[str, object]]:
    return json.loads(SAMPLE.read_text())[::4]


@pytest.fixture(scope="module")
def ephemeris():  # type: ignore[no-untyped-def]
    return load_file(os.fspath(Path(skyfield_data.__file__).parent / "data" / "de421.bsp"))


def test_the_next_shadow_of_starlink_satellites(sample, ephemeris) -> None:  # type: ignore[no-untyped-def]
    """Entry and exit within 10 s of the seconds at which skyfield's `is_sunlit` turns.

    skyfield's shadow is that of the Earth's disc for a point of the Sun; ours is the cylinder.
    The orbits come out of a record of the fleet topic, as a processor has them.
    """
    trajectory = of_the_topic(sample)
    path = ahead.path(trajectory, slice(0, len(sample)), START_US, ORBIT_S // 60, 60.0)
    entry_s, exit_s = ahead.eclipse_s(path)
    seconds = np.arange(ORBIT_S)
    moments = skyfield_time(START_US) + seconds / 86_400
    seen = 0
    for row, fields in enumerate(sample):
        lit = EarthSatellite.from_omm(timescale(), fields).at(moments).is_sunlit(ephemeris)
        turns = np.flatnonzero(lit[1:] != lit[:-1])
        entries, exits = turns[lit[turns]], turns[~lit[turns]]
        if not len(turns):
            assert np.isnan(entry_s[row]) and np.isnan(exit_s[row])
            continue
        seen += 1
        if lit[0]:
            assert entry_s[row] == pytest.approx(entries[0] + 0.5, abs=10)
        else:
            assert not entry_s[row] > 0 or entry_s[row] == pytest.approx(entries[0] + 0.5, abs=10)
        later = exits[exits > entries[0]] if lit[0] else exits
        if len(later):
            assert exit_s[row] == pytest.approx(later[0] + 0.5, abs=10)
    assert seen >= 8


def of_the_topic(sample: list[dict[str, object]]) -> Real:
    plain = fleet_of(len(sample), ODC)
    chunk = next(fleet.Fleet(**{**vars(plain), "trajectory": Real(sample)}).chunks())
    found = fleet.decode(fleet.encode(chunk)).trajectory
    assert isinstance(found, Real)
    return found
