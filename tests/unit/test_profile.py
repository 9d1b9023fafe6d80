"""Profiles: what is shipped is sound, fleets of any size, mistakes named with their line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from orbitwin import layout, profile
from orbitwin.errors import UsageError
from orbitwin.toml_source import SourceError

SHIPPED = profile.shipped()
SUNCATCHER = SHIPPED["suncatcher_81"].read_text()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_profile_loads_and_every_number_has_its_evidence(name):
    found = profile.load(name)
    assert found.name == name
    for line in SHIPPED[name].read_text().splitlines():
        if re.match(r"\w+ *= *[-\d.]", line):
            assert re.search(r"\[(P-SC|P|S|D|A)\]", line), line


def test_what_follows_from_the_suncatcher():
    found = profile.load("suncatcher_81")
    assert found.satellites == 81
    numbers = found.nominals[0].numbers
    assert numbers["dose_rad_per_year"] == pytest.approx(150, rel=0.15)  # arXiv 2511.19468
    assert numbers["checkpoint_interval_s"] == pytest.approx(188, rel=0.08)
    assert numbers["rated_tops"] == pytest.approx(64 * 918 * 0.45)
    of_sensors = {"fec_noise_ratio"}  # the vehicle type's own, alike in every profile
    assert set(profile.catalogue.load("odc").constants) - of_sensors <= set(numbers)
    assert len(found.parameters) > 50


def test_81_lattice_points_are_those_within_five_steps():
    i, j = layout.lattice(81)
    assert len({*zip(i.tolist(), j.tolist(), strict=True)}) == 81
    assert (i * i + j * j).max() == 25


@pytest.mark.parametrize("satellites", [1, 5, 81, 500, 20_000])
def test_fleets_of_any_size(satellites):
    found = profile.load("suncatcher_81")
    rows, orbit = layout.scaled(found, satellites)
    assert rows.sat_id.tolist() == list(range(1, satellites + 1))
    assert len(set(rows.name)) == satellites
    assert len({*zip(rows.plane.tolist(), rows.slot.tolist(), strict=True)}) == satellites
    place_m = orbit.positions_m(found.epoch_us + 1_234_567_890)
    assert place_m.shape == (3, satellites)
    radius_km = np.linalg.norm(place_m.astype(float), axis=0) / 1e3
    assert np.abs(radius_km - 7028.137).max() < 0.6


def test_the_paper_formation_keeps_100_to_200_m():
    """arXiv 2511.19468: direct neighbours 100 to 200 m apart over the orbit, none closer."""
    found = profile.load("suncatcher_81")
    _, orbit = layout.scaled(found)
    for minute in range(0, 98, 7):
        place_m = orbit.positions_m(found.epoch_us + minute * 60_000_000).astype(float)
        apart_m = np.linalg.norm(place_m[:, :, None] - place_m[:, None, :], axis=0)
        np.fill_diagonal(apart_m, np.inf)
        nearest_m = apart_m.min(axis=0)
        assert nearest_m.min() > 95
        assert nearest_m.max() < 205
        assert apart_m[np.isfinite(apart_m)].max() < 2010


def test_dusk_stays_dusk_through_the_year():
    found = profile.load("suncatcher_81")
    _, orbit = layout.scaled(found, 1)
    for day in (0, 90, 200, 365):
        t_us = found.epoch_us + day * 86_400_000_000
        node_rad = float(
            layout.orbit.angle_of(
                layout.orbit.phase_at(
                    orbit.elements.node, orbit.elements.node_rate, t_us - found.epoch_us
                )
            )[0]
        )
        expected = float(layout.sun.raan_of_local_time_rad(18.0, t_us))
        assert np.cos(node_rad - expected) > np.cos(np.radians(1.0))


WALKER = SUNCATCHER.replace(
    SUNCATCHER[SUNCATCHER.index("[shell.layout]") : SUNCATCHER.index("[power]")],
    '[shell.layout]\nkind = "walker"\nplanes = 9\nphasing = 1\n',
)


def test_a_walker_shell(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(WALKER)
    mine = profile.load(path)
    rows, orbit = layout.scaled(mine)
    assert (rows.plane.max(), rows.slot.max()) == (8, 8)
    rows, orbit = layout.scaled(mine, 1000)
    place_m = orbit.positions_m(mine.epoch_us)
    assert len(np.unique(np.round(place_m.T), axis=0)) == 1000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("altitude_km = 650.0", "altitude_km = -20.0", "altitude_km"),
        ("satellites = 81 ", "satellites = 0 ", "shell[0].satellites"),
        ("array_area_m2 = 105.0", "array_area_m2 = -5", "power.array_area_m2: input should be gr"),
        ("array_area_m2 = 105.0", "aray_area_m2 = 105.0", "did you mean array_area_m2"),
        ('vehicle = "odc"', 'vehicle = "ocd"', "did you mean odc"),
        ("array_v = 0.10", "aray_v = 0.10", "did you mean array_v"),
        ("bus_w = 0.03", "buss_w = 0.03", "did you mean bus_w"),
        ('inclination_deg = "sso"', "inclination_deg = 200.0", "inclination_deg"),
        ('kind = "cluster"', 'kind = "cube"', "shell[0].layout"),
        ("resume_above_ratio = 0.40", "resume_above_ratio = 0.05", "battery"),
        ("epoch = 2026-10-01T00:00:00Z", "epoch = 2026-10-01T00:00:00", "time zone"),
        ("cells = 28", "cells = nan", "battery.cells"),
        ("inclination_deg =", "inclination_deg = 181 #", '0 to 180 degrees, or "sso", got 181'),
        ("period_s = 1.0", "period_s = 1e9", "profile.period_s"),
        ("epoch = 2026", "epoch = 9026", "expected a year from 1957 to 2200, got 9026-10-01"),
        # beyond the ranges of the vehicle type a sound satellite would count as impossible
        ("bus_w = 2000.0", "bus_w = 8e5", "load_w is up to"),
        ("array_area_m2 = 105.0", "array_area_m2 = 1e9", "array_a is up to"),
        ("altitude_km = 650.0", "altitude_km = 90000.0", "sun-synchronous"),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, old, new, words):
    text = SUNCATCHER.replace(old, new, 1)
    assert text != SUNCATCHER
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SourceError) as caught:
        profile.load(path)
    assert words in caught.value.message
    line = text.splitlines()[caught.value.line - 1]
    assert new.split(" =")[0] in line or line.startswith("["), line


def test_shells_of_one_name(tmp_path: Path):
    path = tmp_path / "mine.toml"
    shell = WALKER[WALKER.index("[[shell]]") : WALKER.index("[power]")]
    path.write_text(WALKER.replace("[power]", shell + "[power]", 1))
    with pytest.raises(SourceError, match="two shells are called"):
        profile.load(path)


def test_unknown_profiles_are_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean suncatcher_81"):
        profile.load("suncatcher")


def test_no_fleet_without_satellites():
    with pytest.raises(ValueError, match="at least one"):
        layout.scaled(profile.load("suncatcher_81"), 0)
