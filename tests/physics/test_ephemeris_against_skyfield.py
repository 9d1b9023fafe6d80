"""Frames of real satellites, against skyfield's own SGP4 and frames (Rhodes, skyfield)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from skyfield.api import EarthSatellite, load

from orbitwin import catalogue, profile
from orbitwin.fleet import Clock
from orbitwin.health import Health
from orbitwin.physics.frames import skyfield_time
from orbitwin.physics.sgp4_batch import Sgp4Orbit
from producers.ephemeris import CountedOrbit, flight_of
from producers.omm import read_catalogue
from producers.schedule import SECOND_US, Schedule
from producers.synthetic import Flight, fleet_of, frames

SAMPLE = Path(__file__).parents[1] / "data" / "starlink_omm_sample.json"
ODC = catalogue.load("odc")
HERE_AND_LATER_S = (0, 1, 3_601, 86_400)
BIG_ID = 9_100_000_000_001


def sky(fields: dict[str, object]) -> EarthSatellite:
    plain = fields | {"NORAD_CAT_ID": 0}  # skyfield refuses ids above 339,999
    return EarthSatellite.from_omm(load.timescale(builtin=True), plain)


@pytest.fixture(scope="module")
def elements() -> list[dict[str, object]]:
    found = orjson.loads(SAMPLE.read_bytes())
    found[0]["NORAD_CAT_ID"] = BIG_ID
    return found  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def flight(elements: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory) -> Flight:
    path = tmp_path_factory.mktemp("omm") / "x.json"
    path.write_bytes(orjson.dumps(elements))
    read = read_catalogue([path]).elements
    orbit = CountedOrbit(Sgp4Orbit(read), Health("producer"))
    return flight_of("x", read, orbit, profile.load("suncatcher_81"))


@pytest.mark.parametrize("later_s", HERE_AND_LATER_S)
def test_positions_within_a_metre(
    flight: Flight, elements: list[dict[str, object]], later_s: int
) -> None:
    schedule = Schedule.of(ODC, Clock(), SECOND_US, flight.period_s)
    fleet = fleet_of(flight, schedule, ODC, 1024)
    tick = 1_748_131_200 + later_s  # 2025-05-25T00:00:00Z
    due = schedule.due(tick)
    assert {"fast", "nav"} <= {d.packet for d in due}
    measured = flight.truth_at(schedule.event_us(tick)).advance(schedule.event_us(tick))
    nav = next(f for f in frames(fleet, schedule, tick, due, measured) if f.packet == "nav")
    columns = {c.name: c for c in ODC.columns_of("nav")}
    ours_m = np.array([columns[n].decode(nav.codes[n]) for n in ("x_m", "y_m", "z_m")])
    at = skyfield_time(schedule.event_us(tick))
    theirs_m = np.array([sky(e).at(at).position.m for e in elements]).T
    assert np.linalg.norm(ours_m - theirs_m, axis=0).max() < 1.0
    assert fleet.sat_id[0] == BIG_ID
    assert fleet.sat_name == [e["OBJECT_NAME"] for e in elements]


def test_a_satellite_that_came_down_sends_no_position_and_is_counted(
    elements: list[dict[str, object]],
) -> None:
    falling = elements[1] | {"BSTAR": 0.5}  # a feather: SGP4 has it down within a week
    both = [elements[0], falling]
    orbit = CountedOrbit(Sgp4Orbit(both), Health("producer"))
    t_us = int(orbit.orbit.epoch_us[0]) + 30 * 86_400 * SECOND_US
    assert np.isnan(orbit.positions_m(t_us)[0]).tolist() == [False, True]
    assert orbit.lost == 1
    flight = flight_of("x", both, orbit, profile.load("suncatcher_81"))
    values = flight.truth_at(t_us).advance(t_us)["x_m"]
    code = ODC.parameters["x_m"].encode(values)
    assert ODC.parameters["x_m"].is_missing(code).tolist() == [False, True]


def test_places_where_no_satellite_can_be_are_none() -> None:
    """SGP4 a year and a half from its epoch: 1e16 m without an error code, for some."""
    whole = SAMPLE.with_name("starlink-omm-2025-05-25.json.gz")
    orbit = CountedOrbit(Sgp4Orbit(read_catalogue([whole]).elements), Health("producer"))
    t_us = 1_795_228_636_000_000  # 2026-11-21
    assert np.nanmax(np.abs(orbit.orbit.positions_m(t_us))) > 1e15
    positions = orbit.positions_m(t_us)
    assert np.nanmax(np.abs(positions)) <= 6.0e7
    assert orbit.lost == np.isnan(positions[0]).sum() > 428
