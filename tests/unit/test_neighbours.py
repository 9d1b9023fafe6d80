"""Ranges by formula against the distances of the orbits that are flown, over an orbit."""

from __future__ import annotations

import time

import numpy as np
import pytest

from orbitwin import layout, neighbours, profile
from orbitwin.errors import UsageError
from orbitwin.physics import orbit
from orbitwin.planes import plane_counts
from orbitwin.profile_sections import Shell

WALKERS = [("starlink_v2", None), ("starlink_v2", 1000), ("three_tier", 20_000), ("three_tier", 7)]
FORMATIONS = [("suncatcher_81", None), ("suncatcher_81", 1000), ("suncatcher_81", 20_000)]


def off(name, satellites, ratio=1.0, days=30):
    """Largest errors of the formula over an orbit a month after the epoch: relative, and in m."""
    found = profile.load(name)
    rows, flown = layout.scaled(found, satellites, ratio)
    period_s = float(orbit.period_s(found.shell[0].a_m))
    relative = metres = 0.0
    for part in np.arange(0, 1, 0.06):
        t_us = found.epoch_us + int((days * 86_400 + part * period_s) * 1e6)
        place_m = flown.positions_m(t_us).astype(float)
        u_rad = flown.argument_of_latitude_rad(t_us).astype(float)
        for shell, at in enumerate(rows.places):
            ranges = neighbours.ranges(at, rows.places)  # of this fleet, whatever its size
            members = np.flatnonzero(rows.shell_index == shell)
            for links, to in zip(ranges, rows.neighbours(shell), strict=True):
                one, other = members[to >= 0], to[to >= 0]
                if len(one):
                    assert (one != other).all()
                    apart_m = np.linalg.norm(place_m[:, one] - place_m[:, other], axis=0)
                    swing = (links.most_m**2 - links.least_m**2) * np.sin(
                        u_rad[one] + links.phase_rad
                    ) ** 2
                    error_m = np.abs(np.sqrt(links.least_m**2 + swing) - apart_m)
                    relative = max(relative, float((error_m / apart_m).max()))
                    metres = max(metres, float(error_m.max()))
    return relative, metres


@pytest.mark.parametrize(("name", "satellites"), WALKERS)
def test_walker_planes_within_a_part_in_a_thousand(name, satellites):
    assert off(name, satellites)[0] < 1e-3


@pytest.mark.parametrize(("name", "satellites"), FORMATIONS)
def test_formations_within_what_float32_positions_resolve(name, satellites):
    assert off(name, satellites)[1] < 3


def test_a_tenth_deployed_keeps_every_plane_and_its_rings():
    found = profile.load("starlink_v2")
    rows, _ = layout.scaled(found, None, 0.1)
    assert len(rows) == 1008
    for shell in range(3):
        planes = rows.plane[rows.shell_index == shell]
        assert np.bincount(planes).tolist() == [12] * 28
        assert (rows.neighbours(shell) >= 0).all()
    assert off("starlink_v2", None, 0.1)[0] < 1e-3


def test_a_sample_of_a_fleet_has_the_links_of_the_whole():
    found = profile.load("three_tier")
    sample, whole = (layout.scaled(found, count)[0] for count in (300, None))
    assert sample.ranges == whole.ranges


def test_first_and_last_of_a_plane_are_neighbours():
    rows, _ = layout.scaled(profile.load("three_body_12"))
    ahead, behind = rows.neighbours(0)
    assert ahead.tolist() == [*range(1, 12), 0]
    assert behind.tolist() == [11, *range(11)]


def test_links_lead_both_ways():
    rows, _ = layout.scaled(profile.load("three_tier"), 20_000)
    for shell, at in enumerate(rows.places):
        to = dict(zip([link.to for link in at.shell.links], rows.neighbours(shell), strict=True))
        for one, other in (("ahead", "behind"), ("left", "right")):
            there = to[one] >= 0
            back = to[other][to[one][there] - at.first]
            assert (back == np.flatnonzero(there) + at.first).all()


def test_a_star_has_a_seam_where_planes_run_against_each_other():
    rows, _ = layout.scaled(profile.load("three_tier"))
    at = rows.places[0]
    left = rows.neighbours(0)[[link.to for link in at.shell.links].index("left")]
    assert np.flatnonzero(left < 0).tolist() == list(range(1000))


def test_up_and_down_swing_between_height_and_hand_over():
    found = profile.load("three_tier")
    rows, _ = layout.scaled(found)
    for at, ranges in zip(rows.places, rows.ranges, strict=True):
        for link, one in zip(at.shell.links, ranges, strict=True):
            if link.to in ("up", "down"):
                assert one.least_m in (500e3, 1000e3)
                assert one.least_m < one.most_m < 1.05 * one.least_m


def test_no_shell_above(tmp_path):
    text = profile.shipped()["three_body_12"].read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('to = "ahead"', 'to = "up"'))
    with pytest.raises(UsageError, match="no shell flies there"):
        layout.scaled(profile.load(path))


def test_1218000_satellites_take_seconds():
    found = profile.load("three_tier")
    began = time.process_time()
    rows, _ = layout.scaled(found)
    assert len(rows) == 1_218_000
    assert time.process_time() - began < 10


def test_planes_are_counted_in_one_place():
    """Five formations of nine, three a plane: two planes of 27 places, as they fly."""
    shell = Shell(
        name="a",
        satellites=45,
        altitude_km=650,
        inclination_deg="sso",
        layout={"kind": "cluster", "members": 9, "pitch_m": 100, "clusters_per_plane": 3},
    )
    assert plane_counts(shell) == (2, 27)
    assert np.diff(neighbours.nominal_place(shell).plane_starts).tolist() == [27, 18]
