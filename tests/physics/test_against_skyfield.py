"""Sun, frames, SGP4 and sunlit flags against skyfield and JPL's DE421."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from sgp4 import omm
from sgp4.api import Satrec
from skyfield.api import EarthSatellite, load_file
from skyfield.constants import AU_M
from skyfield.positionlib import Geocentric

from orbitwin.layout import PlannedOrbit
from orbitwin.physics import eclipse, frames, sun
from orbitwin.physics import orbit as orbits
from orbitwin.physics.constants import EARTH_RADIUS_M
from orbitwin.physics.sgp4_batch import ElementError, Sgp4Orbit

skyfield_data = pytest.importorskip("skyfield_data")
SAMPLE = Path(__file__).parents[1] / "data" / "starlink_omm_sample.json"
OPTIONAL = {
    "BSTAR": 0,
    "MEAN_MOTION_DOT": 0,
    "MEAN_MOTION_DDOT": 0,
    "EPHEMERIS_TYPE": 0,
    "CLASSIFICATION_TYPE": "U",
    "ELEMENT_SET_NO": 1,
    "REV_AT_EPOCH": 0,
    "OBJECT_ID": "",
}
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


@pytest.mark.parametrize(
    ("ltan_h", "day_us", "minutes"),
    [(18.0, 1_813_536_000_000_000, 19.58), (6.0, 1_829_347_200_000_000, 19.83)],
)
def test_longest_eclipse_of_a_dawn_dusk_orbit(ephemeris, ltan_h, day_us, minutes):
    """650 km, 21 June 2027 at dusk and 21 December at dawn; skyfield's own is_sunlit too."""
    a_m = EARTH_RADIUS_M + 650e3
    elements = orbits.mean_elements(
        day_us,
        a_m,
        orbits.sun_synchronous_inclination_rad(a_m),
        sun.raan_of_local_time_rad(ltan_h, day_us),
        0.0,
    )
    flight = PlannedOrbit(elements)
    seconds = np.arange(0, 5864, 2)
    place_m = np.hstack([flight.positions_m(day_us + int(s) * 1_000_000) for s in seconds])
    sun_m = sun.sun_position_m(day_us)
    dark = eclipse.in_cylinder(place_m, sun_m / np.linalg.norm(sun_m))
    assert dark.sum() * 2 / 60 == pytest.approx(minutes, abs=0.3)
    moments = frames.skyfield_time(day_us) + seconds / 86_400
    theirs = Geocentric(place_m.astype(float) / AU_M, t=moments, center=399).is_sunlit(ephemeris)
    assert (dark == theirs).sum() <= 4  # they say lit where we say dark


def test_mean_orbit_stays_with_sgp4_for_a_day():
    """A circular mean orbit at 550 km, rates matched: short-period J2 leaves 12 km at most."""
    fields = {
        "OBJECT_NAME": "CIRCULAR",
        "NORAD_CAT_ID": 1,
        "EPOCH": "2025-05-25T00:00:00.000000",
        "MEAN_MOTION": 15.06,
        "ECCENTRICITY": 1e-6,
        "INCLINATION": 53.0,
        "RA_OF_ASC_NODE": 40.0,
        "ARG_OF_PERICENTER": 0.0,
        "MEAN_ANOMALY": 10.0,
    }
    real = Sgp4Orbit([fields])
    day = START_US + 1_000_000 * np.arange(0, 86_400, 60)
    expected = np.hstack([real.positions_m(int(t)) for t in day])

    satrec = Satrec()
    omm.initialize(satrec, {k: str(v) for k, v in (fields | OPTIONAL).items()})
    planned = orbits.mean_elements(
        START_US, satrec.a * 6_378_135.0, np.radians(53.0), np.radians(40.0), np.radians(10.0)
    )
    matched = dataclasses.replace(
        planned,
        phase_rate=orbits.to_phase_rate([(satrec.mdot + satrec.argpdot) / 60]),
        node_rate=orbits.to_phase_rate([satrec.nodedot / 60]),
    )
    found = np.hstack([PlannedOrbit(matched).positions_m(int(t)) for t in day])
    assert np.linalg.norm(found - expected, axis=0).max() < 15e3


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
        ({"MEAN_MOTION": float("nan")}, "MEAN_MOTION: expected .* got 'nan'"),
        ({"MEAN_MOTION": None}, "MEAN_MOTION is missing"),
        ({"ECCENTRICITY": 1.5}, "ECCENTRICITY: expected .* got '1.5'"),
        ({"ECCENTRICITY": 0.99999}, "SGP4 refuses"),
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
