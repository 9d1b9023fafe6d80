"""Darkness, battery and a dead panel against telemetry of BIRDS-3 (tests/data/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from orbitwin import catalogue
from orbitwin.physics import eclipse, orbit
from orbitwin.physics.constants import EARTH_RADIUS_M

DATA = Path(__file__).parents[1] / "data" / "birds_eps"
STEP_S = 5.0
DARK_MV = 2000.0  # a panel in shadow shows 1,240 to 1,360 mV
PANELS = ("px", "mz", "mx", "pz", "py")
RELEASE_M = 420e3  # the space station's height: released there, they only sink


def sheet(satellite: str, name: str) -> pl.DataFrame:
    return pl.read_excel(DATA / f"{satellite}.xlsx", sheet_name=name)


def is_dark(rows: pl.DataFrame) -> np.ndarray:
    return rows.select(pl.max_horizontal(f"V{p} (mV)" for p in PANELS)).to_series() < DARK_MV


def longest_min(is_true: np.ndarray) -> float:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_true, [0]])))
    return np.diff(edges)[::2].max() * STEP_S / 60


@pytest.mark.parametrize(
    ("satellite", "name", "minutes"),
    [("RAAVANA", "13 Feb 2021", 31.1), ("NEPALISAT", "25 Nov 2020", 35.5)],
)
def test_darkness_is_no_longer_than_the_closed_form_allows(satellite, name, minutes):
    found = longest_min(is_dark(sheet(satellite, name)))
    assert found == pytest.approx(minutes, abs=0.3)
    period = orbit.period_s(EARTH_RADIUS_M + RELEASE_M)
    assert found <= eclipse.eclipse_fraction(RELEASE_M, 0.0) * period / 60


@pytest.mark.parametrize("name", ["9 Nov 2020", "25 Nov 2020", "10 April 2021"])
def test_battery_gives_in_the_dark_and_takes_in_the_sun(name):
    rows = sheet("NEPALISAT", name)
    dark = is_dark(rows).to_numpy()
    out_ma = rows["Ibatt(mA)"].to_numpy()  # > 0 is a discharge
    assert np.median(out_ma[dark]) == pytest.approx(250, abs=10)
    waxing = rows["Vbat (V)"].to_numpy() < 4.19
    assert np.median(out_ma[~dark & waxing]) < -50
    volts = rows["Vbat (V)"].to_numpy()
    assert np.quantile(volts, [0.001, 0.999]) == pytest.approx([3.87, 4.20], abs=0.02)


def test_the_dead_panel_is_below_its_limit():
    """RAAVANA's +Y panel shows 0 to 5 mV, and the catalogue calls that distress."""
    limits = catalogue.load("birds3").limits
    worst = next(
        x.limit.below for x in limits if (x.of, x.limit.severity) == ("panel_py_mv", "distress")
    )
    for name in ("13 Feb 2021", "11 March 2021"):
        dead = sheet("RAAVANA", name)["Vpy (mV)"].to_numpy()
        assert np.median(dead) == pytest.approx(1.5, abs=0.1)
        assert np.quantile(dead, 0.999) < 6 < worst
