"""Sun, frames, SGP4 and sunlit flags against skyfield and JPL's DE421."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from skyfield.api import EarthSatellite, load_file

from orbitwin.physics import eclipse, frames, sun
from orbitwin.physics.sgp4_batch import ElementError, Sgp4Orbit

skyfield_data = pytest.importorskip("skyfield_data")
SAMPLE = Path(__file__).parents[1] / "data" / "starlink_omm_sample.json"
START_US = 1_748_131_200_000_000  # 2025-05-25T00:00 UTC


@pytest.fixture(scope="module")
def ephemeris():
    folder = Path(skyfield_data.__file__).parent / "data"
    return load_file(os.fspath(folder / "de421.bsp"))


@pytest.fixture(scope="module")
def sample():
    return json.loads(SAMPLE.read_text())


def test_sun_within_a_hundredth_of_a_degree(ephemeris):
    t = frames.timescale().utc(2000, 1, np.arange(1, 50 * 365, 11))
    expected = ephemeris["earth"].at(t).observe(ephemeris["sun"]).apparent().position.m
    t_us = np.array([round(moment.timestamp()) * 1_000_000 for moment in t.utc_datetime()])
    found = sun.sun_position_m(t_us)
    distance, reference = np.linalg.norm(found, axis=0), np.linalg.norm(expected, axis=0)
    angle = np.linalg.norm(found / distance - expected / reference, axis=0)
    assert np.degrees(angle).max() < 0.01
    assert np.abs(distance / reference - 1).max() < 1e-4


def test_positions_within_a_metre(sample):
    orbit = Sgp4Orbit(sample)
    satellites = [EarthSatellite.from_omm(frames.timescale(), fields) for fields in sample]
    for t_us in (START_US, START_US + 3_333_333_333, START_US + 2 * 86_400_000_000 + 17):
        found = orbit.positions_m(t_us)
        t = frames.skyfield_time(t_us)
        expected = np.array([s.at(t).position.m for s in satellites]).T
        assert np.abs(found - expected).max() < 1.0


def test_sunlit_but_for_seconds_at_the_edges(sample, ephemeris):
    orbit = Sgp4Orbit(sample)
    step_us, steps = 4_000_000, 1500
    times_us = START_US + step_us * np.arange(steps)
    found = np.array(
        [
            eclipse.lit_fraction(orbit.positions_m(int(t)), sun.sun_position_m(t)) > 0.5
            for t in times_us
        ]
    )
    ours = found.T
    assert 0.5 < ours.mean() < 0.75
    t = frames.timescale().utc(2025, 5, 25, 0, 0, np.arange(steps) * step_us / 1e6)
    for row, fields in zip(ours[::5], sample[::5], strict=True):
        satellite = EarthSatellite.from_omm(frames.timescale(), fields)
        theirs = satellite.at(t).is_sunlit(ephemeris)
        edges = np.flatnonzero(np.diff(theirs)).size
        # at each edge at most two samples, 8 s, may differ: refraction-free, half of the disc
        assert (row != theirs).sum() <= 2 * edges


def test_catalogue_numbers_beyond_five_characters(sample):
    large = dict(sample[0], NORAD_CAT_ID=900_123_456_789)
    orbit = Sgp4Orbit([sample[0], large])
    assert orbit.sat_id.tolist() == [sample[0]["NORAD_CAT_ID"], 900_123_456_789]
    positions = orbit.positions_m(START_US)
    assert np.array_equal(positions[:, 0], positions[:, 1])


def test_text_fields_and_missing_optional_ones(sample):
    fields = {k: str(v) for k, v in sample[0].items()} | {"EPOCH": "2025-05-24T18:20:22"}
    del fields["EPHEMERIS_TYPE"], fields["MEAN_MOTION_DDOT"]
    fields["BSTAR"] = ""
    assert Sgp4Orbit([fields]).epoch_us[0] == 1_748_110_822_000_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MEAN_MOTION": "abc"}, "abc"),
        ({"MEAN_MOTION": float("nan")}, "MEAN_MOTION is not a finite"),
        ({"MEAN_MOTION": None}, "MEAN_MOTION is missing"),
        ({"ECCENTRICITY": 1.5}, "SGP4 refuses"),
        ({"EPOCH": "yesterday"}, "yesterday"),
        ({"NORAD_CAT_ID": "x"}, "x"),
    ],
)
def test_broken_element_sets_are_named(sample, change, words):
    with pytest.raises(ElementError, match=words) as caught:
        Sgp4Orbit([dict(sample[0], **change)])
    assert "STARLINK-1008" in str(caught.value)


def test_a_decayed_satellite_is_nan(sample):
    orbit = Sgp4Orbit([sample[0], dict(sample[0], BSTAR=0.5)])
    positions = orbit.positions_m(START_US + 60 * 86_400_000_000)
    assert np.isfinite(positions[:, 0]).all()
    assert np.isnan(positions[:, 1]).all()
